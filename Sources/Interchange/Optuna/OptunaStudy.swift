import TrimtabSearchSpaces
import TrimtabStudies

/// A study as Optuna keeps it, whatever the storage. Written against Optuna 5.0.0.
struct OptunaStudy {
  enum State: Int, CaseIterable {
    case running = 0
    case complete = 1
    case pruned = 2
    case failed = 3
    case waiting = 4

    /// The name in a database.
    var name: String {
      switch self {
      case .running: "RUNNING"
      case .complete: "COMPLETE"
      case .pruned: "PRUNED"
      case .failed: "FAIL"
      case .waiting: "WAITING"
      }
    }
  }

  enum Direction: Int, CaseIterable {
    case notSet = 0
    case minimize = 1
    case maximize = 2

    var name: String {
      switch self {
      case .notSet: "NOT_SET"
      case .minimize: "MINIMIZE"
      case .maximize: "MAXIMIZE"
      }
    }
  }

  struct Parameter {
    var name: String
    /// The number itself, or the index of a choice.
    var number: Double
    var distribution: OptunaDistribution
  }

  struct Trial {
    var number: Int
    var state: State
    var values: [Double?] = []
    var intermediate: [(step: Int, value: Double)] = []
    var parameters: [Parameter] = []
    var userAttributes: [JSONValue.Member] = []
    var systemAttributes: [JSONValue.Member] = []
    var started: Timestamp?
    var completed: Timestamp?
  }

  var name: String
  var directions: [Direction]
  var userAttributes: [JSONValue.Member] = []
  var systemAttributes: [JSONValue.Member] = []
  var trials: [Trial] = []

  /// The study's attribute that keeps the names of objectives.
  static let metricNames = "study:metric_names"
  /// The trial's attribute that keeps the values with which it was put in the queue.
  static let fixedParameters = "fixed_params"
}

extension OptunaStudy {
  /// The study as one of no tool in particular.
  /// - Parameter source: what errors call the storage.
  /// - Throws: `InterchangeError` naming the trial and the parameter that cannot be taken over.
  func foreign(source: String) throws(InterchangeError) -> ForeignStudy {
    let objectives = try objectives(source: source)
    var study = ForeignStudy(name: name, tool: "Optuna", source: source, objectives: objectives)
    study.notes = userAttributes.filter { !TrimtabMarks.isOwn($0.key) }
    if let marked = TrimtabMarks.specification(userAttributes, objectives: objectives) {
      study.specification = marked
      study.resources = TrimtabMarks.resources(userAttributes)
    }
    var reading = Reading(specification: study.specification)
    for trial in trials.sorted(by: { $0.number < $1.number }) {
      study.trials.append(try foreign(trial, objectives: objectives, source: source, &reading))
    }
    study.remarks += reading.remarks
    study.choices = reading.choices
    return study
  }

  private func objectives(source: String) throws(InterchangeError) -> [Objective] {
    var names = directions.count == 1 ? ["value"] : directions.indices.map { "value_\($0)" }
    if case .array(let items)? = systemAttributes.first(where: { $0.key == Self.metricNames })?.value,
      items.count == directions.count
    {
      names = items.enumerated().map { if case .string(let name) = $0.element { name } else { names[$0.offset] } }
    }
    var objectives: [Objective] = []
    for (direction, name) in zip(directions, names) {
      guard direction != .notSet else {
        throw InterchangeError(at: "\(source): study '\(self.name)'", "the study has no direction")
      }
      objectives.append(Objective(metric: name, goal: direction == .minimize ? .minimize : .maximize))
    }
    guard !objectives.isEmpty else {
      throw InterchangeError(at: "\(source): study '\(self.name)'", "the study has no direction")
    }
    return objectives
  }

  /// What is remembered from trial to trial.
  private struct Reading {
    var specification: StudySpec?
    var remarks: [String] = []
    var choices: [JSONValue.Member] = []
    private var told: Set<String> = []

    init(specification: StudySpec?) { self.specification = specification }

    mutating func remark(_ text: String) { if told.insert(text).inserted { remarks.append(text) } }
  }

  private func foreign(
    _ trial: Trial, objectives: [Objective], source: String, _ reading: inout Reading
  ) throws(InterchangeError) -> ForeignTrial {
    let label = "trial \(trial.number)"
    var result = ForeignTrial(label: label, outcome: Self.outcome(trial))
    for item in trial.parameters {
      let (domain, remark) = try item.distribution.domain(at: "\(source): \(label): parameter '\(item.name)'")
      if let remark {
        reading.remark("\(item.name): \(remark)")
        if case .categorical(let own) = item.distribution, !reading.choices.contains(where: { $0.key == item.name }) {
          reading.choices.append(.init(item.name, .array(own)))
        }
      }
      let value = try item.distribution.value(item.number, domain, at: "\(source): \(label): parameter '\(item.name)'")
      result.parameters.append(ForeignTrial.Value(item.name, domain, value))
    }
    if let specification = reading.specification {
      result.parameters = TrimtabMarks.rejoined(result.parameters, specification.space)
    }
    if trial.state == .waiting, result.parameters.isEmpty,
      case .object(let members)? = trial.systemAttributes.first(where: { $0.key == Self.fixedParameters })?.value
    {
      for member in members {
        let choice = OptunaDistribution.choice(member.value)
        result.parameters.append(ForeignTrial.Value(member.key, nil, .choice(choice)))
      }
      if let specification = reading.specification {
        result.parameters = TrimtabMarks.rejoined(result.parameters, specification.space)
      }
    }
    result.isWhole = reading.specification != nil && TrimtabMarks.isWhole(trial.userAttributes)
    result.values = trial.values
    if let objective = objectives.first?.metric {
      result.reports = trial.intermediate.sorted { $0.step < $1.step }.map {
        ForeignTrial.Report(step: $0.step, metrics: [MetricValue(objective, $0.value)])
      }
    }
    result.metrics = TrimtabMarks.metrics(trial.userAttributes)
    result.notes = trial.userAttributes.filter { !TrimtabMarks.isOwn($0.key) }
    result.started = trial.started
    result.ended = trial.completed
    return result
  }

  private static func outcome(_ trial: Trial) -> ForeignTrial.Outcome {
    switch trial.state {
    case .running: .running
    case .complete: .completed
    case .pruned: .pruned
    case .waiting: .waiting
    case .failed: TrimtabMarks.failure(trial.userAttributes) ?? .failed(.crash, message: "it failed in Optuna")
    }
  }
}
