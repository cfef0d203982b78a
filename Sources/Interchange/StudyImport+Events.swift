import TrimtabSearchSpaces
import TrimtabStudies

extension StudyImport {
  /// The study's log: its creation, and every trial in the order of the times that the source gives.
  ///
  /// Proposals are enqueued ones, because no method of ours made them. Where times are missing, a trial happened when the
  /// one before it did.
  /// - Parameter now: the time of what has none.
  /// - Throws: `InterchangeError` naming the trial and the parameter of a value that has no place in the space.
  public func events(at now: Timestamp) throws -> (events: [Event], remarks: [String]) {
    var remarks: [String] = []
    var steps: [Step] = []
    let times = Times(study.trials, now: now)
    for (number, trial) in study.trials.enumerated() {
      let (configuration, problem) = try configuration(trial, &remarks)
      let target = spec.fidelity?.maximum
      steps.append(
        Step(
          time: times.proposed[number], trial: number, phase: 0,
          bodies: [.trialProposed(number, .enqueued(configuration), target: target, Annotation(origin: .user))]))
      if !trial.notes.isEmpty {
        let notes = trial.notes.map { Event.Body.noted(number, key: $0.key, value: $0.value.text) }
        steps.append(Step(time: times.proposed[number], trial: number, phase: 1, bodies: notes))
      }
      let isWaiting = trial.outcome == .waiting && problem == nil
      if isWaiting, trial.reports.isEmpty { continue }
      let (started, ended) = (times.started[number], times.ended[number])
      steps.append(Step(time: started, trial: number, phase: 2, bodies: [.trialStarted(number, worker: 0)]))
      for report in reports(trial, number) {
        let time = min(max(report.time ?? ended, started), ended)
        steps.append(Step(time: time, trial: number, phase: 3, bodies: [report.body]))
      }
      let seconds = Double(ended - started) / 1000
      let last = isWaiting ? .trialReleased(number, seconds: 0) : end(trial, number, seconds: seconds, problem: problem)
      steps.append(
        Step(time: ended, trial: number, phase: 4, bodies: [last]))
    }
    // Within a trial phases come in order, and proposals in the order of trials: both have times that never fall.
    for i in steps.indices { steps[i].order = i }
    steps.sort { ($0.time, $0.trial, $0.phase, $0.order) < ($1.time, $1.trial, $1.phase, $1.order) }
    let first = steps.first?.time ?? now
    // What failed elsewhere is over: the study's retries begin with its own trials.
    var initial = spec
    initial.retries.failed = 0
    let created = Event(time: first, .studyCreated(specification: initial.json.text))
    let notes = studyNotes.map { Event(time: first, .noted(nil, key: $0.key, value: $0.value.text)) }
    var events = [created] + notes
    for step in steps { events += step.bodies.map { Event(time: step.time, $0) } }
    if spec.retries.failed > 0 {
      events.append(Event(time: steps.last?.time ?? now, .studyAmended(specification: spec.json.text)))
    }
    return (events, remarks)
  }

  /// The log as frames. Every event was absorbed before, so that none is written that cannot follow.
  /// - Throws: as `events(at:)` does; `EventError` or `Diagnostics` when the study cannot be what the source says.
  public func frames(
    at now: Timestamp
  ) throws -> (frames: [(position: Int, bytes: [UInt8])], state: StudyState, remarks: [String]) {
    // The canonical form is what the log keeps; read here by a name that a person understands.
    _ = try StudySpec.parse(spec.json.text, name: "the study made of \(study.source)")
    let (events, remarks) = try events(at: now)
    let codec = FrameCodec(objectives: spec.objectives.map(\.metric))
    var state = try StudyState(first: events[0])
    var frames = [(position: 0, bytes: codec.encode([events[0]]))]
    var next = 1
    while next < events.count {
      let chunk = Array(events[next..<min(events.count, next + Self.eventsPerFrame)])
      let bytes = codec.encode(chunk)
      for event in try codec.decode(bytes) { try state.absorb(event) }
      frames.append((next, bytes))
      next += chunk.count
    }
    return (frames, state, remarks)
  }

  private static let eventsPerFrame = 256

  /// The source's notes, and what the way back needs to know.
  private var studyNotes: [JSONValue.Member] {
    var notes = study.notes
    if curves.shift != 0 { notes.append(.init(TrimtabMarks.stepShift, .integer(curves.shift))) }
    if !study.choices.isEmpty { notes.append(.init(TrimtabMarks.choices, .object(study.choices))) }
    return notes
  }

  private struct Step {
    var time: Timestamp
    var trial: TrialNumber
    var phase: Int
    var bodies: [Event.Body]
    /// In which order steps of one phase were made.
    var order = 0
  }

  /// When trials were proposed, started and ended.
  private struct Times {
    var proposed: [Timestamp] = []
    var started: [Timestamp] = []
    var ended: [Timestamp] = []

    init(_ trials: [ForeignTrial], now: Timestamp) {
      var last = trials.lazy.compactMap { $0.started ?? $0.ended }.first ?? now
      for trial in trials {
        let start = trial.started ?? trial.ended ?? last
        last = start
        started.append(start)
        ended.append(max(start, trial.ended ?? start))
      }
      // A trial is proposed no later than any that has a greater number.
      proposed = started
      for i in proposed.indices.reversed().dropFirst() { proposed[i] = min(proposed[i], proposed[i + 1]) }
    }
  }

  // MARK: Configurations

  /// A trial's configuration; with a problem when it waits with values that the study cannot run.
  private func configuration(
    _ trial: ForeignTrial, _ remarks: inout [String]
  ) throws -> (configuration: Configuration, problem: String?) {
    let space = spec.space
    var slots = [Double](repeating: .nan, count: space.slotCount)
    if trial.outcome == .waiting, !trial.isWhole {
      do {
        let given = trial.parameters.map { (name: $0.name, value: $0.value) }
        let configuration = try space.configuration(given)
        if given.count < space.parameters.count {
          remarks.append(
            "\(trial.label) waits with \(given.count) of \(space.parameters.count) values given; the others are in the "
              + "middle of their ranges")
        }
        return (configuration, nil)
      } catch {
        remarks.append(
          "\(trial.label) waits with values that the space does not have, and is taken as rejected: \(error)")
        return (Configuration(slots: slots), "\(error)")
      }
    }
    for item in trial.parameters {
      guard let index = space.index(of: item.name),
        let raw = Self.slots(of: item.value, space.parameters[index].domain)
      else {
        throw InterchangeError(
          at: "\(study.source): \(trial.label)", "\(item.name) = \(item.value) has no place in the space",
          hint: "is the file whole?")
      }
      slots.replaceSubrange(space.slotRanges[index], with: raw)
      if let outside = Self.outside(raw[0], space.parameters[index].domain) {
        remarks.append("\(trial.label) has \(item.name) = \(item.value), \(outside); it is kept as it was")
      }
    }
    return (Configuration(slots: slots), nil)
  }

  private static func outside(_ number: Double, _ domain: Domain) -> String? {
    switch domain {
    case .float(let axis), .integer(let axis):
      if number < axis.low || number > axis.high { return "outside of its range" }
      guard let step = axis.step else { return nil }
      let nearest = axis.value(level: axis.level(of: number))
      return abs(nearest - number) <= 1e-9 * max(abs(number), step) ? nil : "off its grid"
    default: return nil
    }
  }

  // MARK: Reports and ends

  private func reports(_ trial: ForeignTrial, _ number: TrialNumber) -> [(time: Timestamp?, body: Event.Body)] {
    let objective = study.objectives.first?.metric ?? ""
    var result: [(time: Timestamp?, body: Event.Body)] = []
    var hasObjective = false
    for report in trial.reports {
      let metrics = report.metrics.map { metric in
        metric.name == objective ? MetricValue(curves.reportedName, metric.value) : metric
      }
      if spec.fidelity != nil, metrics.contains(where: { $0.name == objective }) { hasObjective = true }
      result.append((report.time, .reported(number, resource: curves.resource(report.step), metrics)))
    }
    var final: [MetricValue] = []
    for (i, (value, objective)) in zip(trial.values, study.objectives).enumerated() {
      guard let value else { continue }
      if i == 0, hasObjective { continue }
      // A trial stopped on its way has no resource at which a value could stand that it did not report there.
      let isLoose = i == 0 && spec.fidelity != nil && trial.outcome != .completed
      final.append(MetricValue(isLoose ? CurvePlan.intermediate : objective.metric, value))
    }
    final += trial.metrics
    if !final.isEmpty {
      let last = trial.reports.last.map { curves.resource($0.step) }
      let needsResource = spec.fidelity != nil && final.contains { $0.name == objective }
      let resource = needsResource ? max(spec.fidelity?.maximum ?? 1, last ?? 0) : nil
      result.append((nil, .reported(number, resource: resource, final)))
      if needsResource { result.append((nil, .noted(number, key: TrimtabMarks.unreported, value: "true"))) }
    }
    return result
  }

  private func end(_ trial: ForeignTrial, _ number: TrialNumber, seconds: Double, problem: String?) -> Event.Body {
    switch trial.outcome {
    case .waiting: return .trialFailed(number, .rejected, message: problem ?? "", seconds: 0)
    case .running:
      return .trialFailed(number, .lost, message: "it was running in \(study.tool) when it was imported", seconds: 0)
    case .pruned: return .trialStopped(number, .method, seconds: seconds)
    case .failed(let kind, let message): return .trialFailed(number, kind, message: message, seconds: seconds)
    case .completed:
      for (i, objective) in study.objectives.enumerated() {
        let value = i < trial.values.count ? trial.values[i] : nil
        if let value, value.isFinite { continue }
        let what = value.map { "is \(Self.text($0))" } ?? "was never reported"
        return .trialFailed(
          number, .invalidValue, message: "the objective '\(objective.metric)' \(what)", seconds: seconds)
      }
      return .trialCompleted(number, seconds: seconds)
    }
  }

  static func text(_ number: Double) -> String {
    number.isNaN ? "nan" : number.isInfinite ? (number < 0 ? "-inf" : "inf") : JSONValue.plainText(number)
  }
}
