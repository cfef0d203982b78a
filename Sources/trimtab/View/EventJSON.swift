import Trimtab

/// Events as JSON objects, in the form that docs/command-line.md promises.
enum EventJSON {
  /// The object for an event, after `state` has absorbed it; nil for events that another object tells of.
  static func object(_ event: Event, _ state: StudyState) -> JSONValue? {
    func object(_ name: String, _ pairs: KeyValuePairs<String, JSONValue?>) -> JSONValue {
      let head: [JSONValue.Member] = [.init("event", .string(name)), .init("time", .integer(Int(event.time)))]
      guard case .object(let members) = JSONValue.members(pairs) else { return .object(head) }
      return .object(head + members)
    }
    switch event.body {
    case .studyCreated: return object("created", [:])
    case .studyAmended: return object("amended", ["specification": state.spec.json])
    case .trialProposed(let trial, .enqueued, _, _):
      return object("enqueued", ["trial": .integer(trial), "config": configuration(trial, state)])
    case .trialProposed: return nil
    case .trialStarted(let trial, _):
      let record = state.trials[trial]
      return object(
        "started",
        [
          "trial": .integer(trial), "attempt": .integer(1 + Int(record.failures) + Int(record.losses)),
          "from": state.spec.fidelity.map { _ in .number(record.resource) },
          "target": record.target.isNaN ? nil : .number(record.target),
          "config": configuration(trial, state),
        ])
    case .reported(let trial, let resource, let metrics):
      return object(
        "reported",
        [
          "trial": .integer(trial), "resource": resource.map { .number($0) },
          "metrics": .object(metrics.map { .init($0.name, .number($0.value)) }),
        ])
    case .trialPaused(let trial, let isFrozen, let seconds):
      return object("paused", ["trial": .integer(trial), "frozen": .bool(isFrozen), "seconds": .number(seconds)])
    case .trialStopped(let trial, let reason, let seconds):
      return object(
        "stopped", ["trial": .integer(trial), "reason": .string(reason.word), "seconds": .number(seconds)])
    case .trialCompleted(let trial, let seconds):
      return object(
        "completed",
        [
          "trial": .integer(trial), "value": .number(state.trials[trial].value),
          "best": .bool(EventText.isBest(event, state)), "seconds": .number(seconds),
        ])
    case .trialFailed(let trial, let kind, let message, let seconds):
      return object(
        "failed",
        [
          "trial": .integer(trial), "kind": .string(kind.word), "message": .string(message),
          "retry": .bool(EventText.willBeTriedAgain(trial, state)), "seconds": .number(seconds),
        ])
    case .trialLost(let trial): return object("lost", ["trial": .integer(trial)])
    case .trialConfigured(let trial, _):
      return object("configured", ["trial": .integer(trial), "config": configuration(trial, state)])
    case .noted(let trial, let key, let value):
      return object(
        "noted", ["trial": trial.map { .integer($0) }, "key": .string(key), "value": .string(value)])
    case .earlierStudy(let earlier):
      return object(
        "earlier",
        [
          "study": .string(earlier.name), "trials": .integer(earlier.trials.count),
          "remarks": .array(earlier.remarks.map { .string($0) }),
        ])
    case .studyStopped(let reason): return object("study_stopped", ["reason": .string(reason)])
    case .trialReleased(let trial, let seconds):
      return object("released", ["trial": .integer(trial), "seconds": .number(seconds)])
    }
  }

  static func notice(_ message: String, at time: Timestamp) -> JSONValue {
    .members(["event": .string("notice"), "time": .integer(Int(time)), "message": .string(message)])
  }

  private static func configuration(_ trial: TrialNumber, _ state: StudyState) -> JSONValue {
    state.spec.space.json(of: state.history.configuration(trial))
  }
}
