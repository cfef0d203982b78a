import TrimtabSearchSpaces
import TrimtabStudies

/// Trials as JSON objects, in the form that docs/json.md promises.
public enum TrialJSON {
  /// Everything the state knows of a trial.
  public static func object(_ number: TrialNumber, _ state: StudyState) -> JSONValue {
    let trial = state.trials[number]
    let space = state.spec.space
    func time(_ time: Timestamp) -> JSONValue? { time == 0 ? nil : .integer(Int(time)) }
    return .members([
      "trial": .integer(number),
      "state": .string(trial.state.name),
      "failure": trial.failure.map { .string($0.word) },
      "stop_reason": trial.stopReason.map { .string($0.word) },
      "origin": trial.origin.map { .string($0.name) },
      "weakened": trial.isWeakened ? .bool(true) : nil,
      "parent": trial.parent < 0 ? nil : .integer(Int(trial.parent)),
      "student": state.lineages[number]?.student.map { .integer($0) },
      "teacher": state.lineages[number]?.teacher.map { .integer($0) },
      "objectives": .object(objectives(number, state).map { .init($0.name, $0.value.map { .number($0) } ?? .null) }),
      "metrics": .object(otherMetrics(number, state).map { .init($0.name, .number($0.value)) }),
      "resource": state.spec.fidelity.map { _ in .number(trial.resource) },
      "target": trial.target.isNaN ? nil : .number(trial.target),
      "seconds": .number(trial.seconds),
      "cost": .number(state.cost(number)),
      "runs": .integer(Int(trial.runs)),
      "failures": .integer(Int(trial.failures)),
      "losses": .integer(Int(trial.losses)),
      "frozen": trial.isFrozen ? .bool(true) : nil,
      "worker": trial.worker == 0 ? nil : .string(workerText(trial.worker)),
      "proposed": time(trial.proposedAt),
      "started": time(trial.startedAt),
      "ended": time(trial.endedAt),
      "config": space.json(of: state.history.configuration(number)),
      "notes": state.notes[number].map(notes),
    ])
  }

  /// The first objective over the resource: two lists of equal length.
  public static func curve(_ number: TrialNumber, _ state: StudyState) -> JSONValue {
    let curve = state.curves[number]
    return .members([
      "resource": .array((curve?.resources ?? []).map { .number($0) }),
      "value": .array((curve?.values ?? []).map { .number($0) }),
      "replicates": curve.flatMap { $0.replicates.isEmpty ? nil : .array($0.replicates.map { .number($0) }) },
    ])
  }

  /// Notes by key, in the order of their keys.
  public static func notes(_ notes: [String: String]) -> JSONValue {
    .object(
      notes.sorted { $0.key < $1.key }.map { key, text in
        // A note that another program wrote in a form of its own is still worth showing.
        JSONValue.Member(key, (try? JSONValue.parse(text)) ?? .string(text))
      })
  }

  /// The objectives in their order; nil where a trial has none yet.
  public static func objectives(_ number: TrialNumber, _ state: StudyState) -> [(name: String, value: Double?)] {
    state.spec.objectives.enumerated().map { index, objective in
      if index == 0 {
        let trial = state.trials[number]
        return (objective.metric, trial.hasReportedObjective ? trial.value : nil)
      }
      return (objective.metric, state.otherMetrics[number]?.first { $0.name == objective.metric }?.value)
    }
  }

  /// The newest values of metrics that are no objectives, by name.
  public static func otherMetrics(_ number: TrialNumber, _ state: StudyState) -> [MetricValue] {
    let objectives = Set(state.spec.objectives.map(\.metric))
    return (state.otherMetrics[number] ?? []).filter { !objectives.contains($0.name) }.sorted { $0.name < $1.name }
  }

  public static func workerText(_ worker: WorkerID) -> String { String(worker, radix: 16) }
}

extension FailureKind {
  /// The kind as one word, for JSON.
  public var word: String { String(describing: self) }
}

extension StopReason {
  /// The reason as one word, for JSON.
  public var word: String { String(describing: self) }
}
