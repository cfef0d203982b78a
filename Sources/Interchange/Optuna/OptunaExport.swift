import TrimtabSearchSpaces
import TrimtabStudies

/// A Trimtab study in Optuna's terms.
public struct OptunaExport {
  let study: OptunaStudy
  /// What Optuna has no place for, a sentence each.
  public private(set) var remarks: [String] = []

  public var trialCount: Int { study.trials.count }

  /// How Optuna's dashboard is told of a file.
  public func url(of file: OptunaFile) -> String {
    switch file.kind {
    case .database: "optuna-dashboard sqlite:///\(file.path)"
    case .journal: "optuna-dashboard \(file.path)"
    }
  }

  /// - Throws: `SpaceError` naming a parameter that Optuna cannot have.
  public init(_ reading: StudyReading) throws {
    let state = reading.state
    let spec = state.spec
    var remarks: [String] = []
    let steps = Steps(reading)
    let sources = state.studyNotes[TrimtabMarks.choices].flatMap { try? JSONValue.parse($0) }
    let axes = try spec.space.parameters.map { parameter throws(SpaceError) in
      try Axis(parameter, sourceChoices: sources?[parameter.name], &remarks)
    }
    var study = OptunaStudy(
      name: spec.name, directions: spec.objectives.map { $0.goal == .minimize ? .minimize : .maximize })
    study.systemAttributes = [
      .init(OptunaStudy.metricNames, .array(spec.objectives.map { .string($0.metric) }))
    ]
    study.userAttributes = Self.attributes(state.studyNotes)
    // Steps that were moved when they were imported are moved back, and a resource is not its step then.
    if steps.shift == 0, sources == nil {
      study.userAttributes.append(.init(TrimtabMarks.specification, .string(spec.json.text)))
    }
    if let resources = steps.numbered {
      study.userAttributes.append(.init(TrimtabMarks.resources, .array(resources.map { .number($0) })))
      remarks.append("resources are not all whole numbers: a step is the number of a resource, from 0")
    }
    if !spec.space.constraints.isEmpty { remarks.append("Optuna's search does not know the study's constraints") }
    if spec.objectives.count > 1, spec.fidelity != nil {
      remarks.append("Optuna has no values on the way in a study of several objectives")
    }
    var paused = 0
    for number in state.trials.indices {
      if state.trials[number].state == .paused { paused += 1 }
      study.trials.append(try Self.trial(number, reading, axes, steps, &remarks))
    }
    if paused > 0 {
      remarks.append(
        "\(paused) paused \(paused == 1 ? "trial is" : "trials are") PRUNED, because Optuna has no such state")
    }
    if Self.hasOtherCurves(state) {
      remarks.append("of metrics that are no objectives, the newest values are kept, as attributes of the trials")
    }
    self.study = study
    self.remarks = remarks
  }

  private static func hasOtherCurves(_ state: StudyState) -> Bool {
    let objectives = Set(state.spec.objectives.map(\.metric))
    return state.otherMetrics.values.contains { list in
      list.contains { !objectives.contains($0.name) && $0.name != CurvePlan.intermediate }
    }
  }

  /// Notes as attributes, in the order of their keys, but for Trimtab's own.
  private static func attributes(_ notes: [String: String]) -> [JSONValue.Member] {
    notes.keys.sorted().filter { !TrimtabMarks.isOwn($0) }.map { key in
      let text = notes[key] ?? ""
      return .init(key, (try? JSONValue.parse(text)) ?? .string(text))
    }
  }

  /// Resources as Optuna's steps, which are whole numbers from 0.
  private struct Steps {
    /// All resources in order, where some are not whole.
    var numbered: [Double]?
    /// What an import added to each step.
    var shift = 0

    init(_ reading: StudyReading) {
      let own = reading.state.curves.values.flatMap(\.resources)
      let all = own + reading.intermediate.values.flatMap { $0.map(\.resource) }
      if !all.allSatisfy({ $0 == $0.rounded() && $0 < 0x1p31 }) { numbered = Set(all).sorted() }
      if let text = reading.state.studyNotes[TrimtabMarks.stepShift], let added = Int(text), numbered == nil,
        let least = all.min(), Double(added) <= least
      {
        shift = added
      }
    }

    func step(_ resource: Double) -> Int {
      guard let numbered else { return Int(resource) - shift }
      return numbered.firstIndex(of: resource) ?? 0
    }
  }

  private static func trial(
    _ number: TrialNumber, _ reading: StudyReading, _ axes: [Axis], _ steps: Steps, _ remarks: inout [String]
  ) throws -> OptunaStudy.Trial {
    let state = reading.state
    let record = state.trials[number]
    var values = state.spec.objectives.enumerated().map { index, objective -> Double? in
      if index == 0 { return record.hasReportedObjective ? record.value : nil }
      return state.otherMetrics[number]?.first { $0.name == objective.metric }?.value
    }
    // Optuna's own study would have kept an infinite value, but neither NaN nor half of the objectives.
    let isWhole = values.allSatisfy { $0.map { !$0.isNaN } ?? false }
    let isInfinite = record.failure == .invalidValue && isWhole
    let form: OptunaStudy.State =
      switch record.state {
      case .waiting: .waiting
      case .running: .running
      case .paused, .stopped: .pruned
      case .completed: isWhole ? .complete : .failed
      case .failed: isInfinite ? .complete : .failed
      }
    var trial = OptunaStudy.Trial(number: number, state: form)
    let isSingle = state.spec.objectives.count == 1
    if form == .pruned, !isSingle || !isWhole { values = [] }
    if form == .running || form == .waiting || form == .failed { values = [] }
    trial.values = values
    if isSingle {
      if let curve = state.curves[number], state.spec.fidelity != nil {
        trial.intermediate = zip(curve.resources, curve.values).map { (steps.step($0), $1) }
        if state.notes[number]?[TrimtabMarks.unreported] != nil { trial.intermediate.removeLast() }
      } else {
        trial.intermediate = (reading.intermediate[number] ?? []).map { (steps.step($0.resource), $0.value) }
      }
    }
    let configuration = state.history.configuration(number)
    let space = state.spec.space
    var fixed: [JSONValue.Member] = []
    for (index, axis) in axes.enumerated() {
      guard let value = space.value(of: index, in: configuration) else { continue }
      for parameter in axis.parameters(value) {
        trial.parameters.append(parameter)
        fixed.append(.init(parameter.name, parameter.external))
      }
    }
    if form == .waiting {
      trial.parameters = []
      trial.systemAttributes = [.init(OptunaStudy.fixedParameters, .object(fixed))]
    }
    trial.started = record.startedAt == 0 ? nil : record.startedAt
    if form != .waiting, form != .running {
      // Optuna's own finished trials all have both times.
      trial.started = trial.started ?? record.proposedAt
      trial.completed = max(record.endedAt, trial.started ?? 0)
    }
    if form == .waiting { trial.started = nil }
    trial.userAttributes = attributes(state.notes[number] ?? [:])
    if record.state == .failed, let kind = record.failure {
      trial.userAttributes.append(TrimtabMarks.failureAttribute(kind, reading.messages[number] ?? ""))
    }
    if record.state == .paused || record.state == .waiting {
      trial.userAttributes.append(.init(TrimtabMarks.state, .string(record.state.name)))
    }
    let objectives = Set(state.spec.objectives.map(\.metric))
    let metrics = (state.otherMetrics[number] ?? []).filter {
      !objectives.contains($0.name) && (state.spec.fidelity != nil || $0.name != CurvePlan.intermediate)
    }
    if !metrics.isEmpty { trial.userAttributes.append(TrimtabMarks.metricsAttribute(metrics)) }
    return trial
  }
}

extension OptunaStudy.Parameter {
  /// The value as Optuna's users see it.
  var external: JSONValue {
    switch distribution {
    case .float: .number(number)
    case .integer: .integer(Int(number))
    case .categorical(let choices): choices[Int(number)]
    }
  }
}

/// One parameter of ours as one or several of Optuna's.
private struct Axis {
  private let name: String
  private let domain: Domain
  /// Choices as Optuna had them, where the study was imported from it.
  private let sourceChoices: [JSONValue]?

  init(_ parameter: Parameter, sourceChoices: JSONValue?, _ remarks: inout [String]) throws(SpaceError) {
    name = parameter.name
    domain = parameter.domain
    if case .array(let items)? = sourceChoices, items.count == parameter.domain.choices?.count {
      self.sourceChoices = items
    } else {
      self.sourceChoices = nil
    }
    func remark(_ text: String) { remarks.append("\(parameter.name): \(text)") }
    switch parameter.domain {
    case .float(let axis), .integer(let axis):
      guard axis.low.isFinite, axis.high.isFinite else {
        throw SpaceError(
          "the range has no end, and Optuna needs one", at: parameter.name,
          hint: "give it ends: trimtab amend STUDY --set space.\(parameter.name).low=… and high=…")
      }
      if axis.prior != nil { remark("Optuna has no priors; its range is uniform") }
      if axis.scale == .logit { remark("Optuna has no logit scale; its range is linear") }
      let isInteger = if case .integer = parameter.domain { true } else { false }
      if axis.scale == .log, let step = axis.step, !(isInteger && step == 1) {
        remark("Optuna has no steps on a logarithmic range; its range has \(isInteger ? "steps of 1" : "none")")
      }
    case .ordinal: remark("Optuna has no ordered choices; they are categorical")
    case .permutation: remark("Optuna has no permutations; each place is a categorical parameter of its own")
    case .simplex: remark("Optuna has no simplices; each weight is a parameter of its own")
    case .categorical, .boolean, .constant: break
    }
    if parameter.condition != nil {
      remark("its condition is not in Optuna's study; trials have it where it was active")
    }
  }

  func parameters(_ value: ParameterValue) -> [OptunaStudy.Parameter] {
    switch (domain, value) {
    case (.float(let axis), .real(let number)):
      let step = axis.scale == .log ? nil : axis.step
      let distribution = OptunaDistribution.float(
        low: min(axis.low, number), high: max(axis.high, number), log: axis.scale == .log && number > 0, step: step)
      return [.init(name: name, number: number, distribution: distribution)]
    case (.integer(let axis), .integer(let number)):
      let isLog = axis.scale == .log
      let distribution = OptunaDistribution.integer(
        low: min(Int(axis.low), number), high: max(Int(axis.high), number), log: isLog && number > 0,
        step: isLog ? 1 : Int(axis.step ?? 1))
      return [.init(name: name, number: Double(number), distribution: distribution)]
    case (.permutation(let items), .permutation(let order)):
      return order.enumerated().compactMap { place, item in
        items.firstIndex(of: item).map {
          .init(
            name: TrimtabMarks.partName(name, String(place)), number: Double($0),
            distribution: .categorical(items.map(\.json)))
        }
      }
    case (.simplex(let parts), .simplex(let weights)):
      return zip(parts, weights).map { part, weight in
        .init(
          name: TrimtabMarks.partName(name, part), number: weight,
          distribution: .float(low: 0, high: 1, log: false, step: nil))
      }
    case (_, .choice(let choice)):
      let choices = domain.choices ?? []
      guard let index = choices.firstIndex(of: choice) else { return [] }
      return [
        .init(name: name, number: Double(index), distribution: .categorical(sourceChoices ?? choices.map(\.json)))
      ]
    default: return []
    }
  }
}
