import Trimtab

/// Events as lines of text.
enum EventText {
  /// The line for an event, after `state` has absorbed it; nil for events that another line tells of.
  static func line(_ event: Event, _ state: StudyState) -> String? {
    switch event.body {
    case .studyCreated: return "the study was created"
    case .studyAmended: return "the study was amended"
    case .trialProposed(let trial, .enqueued, _, _):
      return "trial \(trial) was put in the queue: \(configuration(trial, state))"
    case .trialProposed: return nil
    case .trialStarted(let trial, _):
      let record = state.trials[trial]
      var text = "trial \(trial) started"
      if record.failures + record.losses > 0 { text += " (attempt \(1 + record.failures + record.losses))" }
      if record.runs > 1, record.resource > 0 { text += " again after \(resource(record.resource, state))" }
      if !record.target.isNaN { text += ", up to \(resource(record.target, state))" }
      return text + ": " + configuration(trial, state)
    case .reported(let trial, let at, let metrics):
      let place = at.map { " " + resource($0, state) } ?? ""
      return "trial \(trial)\(place) \(Shown.metrics(metrics))"
    case .trialPaused(let trial, let isFrozen, _):
      let record = state.trials[trial]
      return "trial \(trial) \(isFrozen ? "frozen" : "paused")\(progress(record, state))"
    case .trialStopped(let trial, let reason, _):
      return "trial \(trial) stopped\(progress(state.trials[trial], state)): \(reason.name)"
    case .trialCompleted(let trial, let seconds):
      let best = isBest(event, state) ? " (best)" : ""
      return "trial \(trial) completed: \(value(trial, state))\(best), \(Shown.duration(seconds))"
    case .trialFailed(let trial, let kind, let message, _):
      let again = willBeTriedAgain(trial, state) ? ", will be tried again" : ""
      let lines = message.split(whereSeparator: \.isNewline).map { printable(String($0)) }
      let more = lines.dropFirst().map { "\n    \($0)" }.joined()
      return "trial \(trial) failed (\(kind.name)\(again)): \(lines.first ?? "")\(more)"
    case .trialLost(let trial):
      return "trial \(trial) was lost: the process that ran it has died"
        + (state.trials[trial].state.isFinal ? "" : "; it will go on")
    case .trialConfigured: return nil
    case .noted(let trial, let key, let value):
      let owner = trial.map { "trial \($0)" } ?? "the study"
      // The numbers themselves are for programs.
      if let at = WeightSummary.resource(ofKey: key), !value.isEmpty {
        return "the weights of \(owner) at \(resource(at, state)) were summarised"
      }
      return value.isEmpty
        ? "the note '\(printable(key))' of \(owner) was removed"
        : "\(owner) has the note \(printable(key)): \(printable(value))"
    case .earlierStudy(let earlier):
      let remarks = earlier.remarks.map { "\n    \(printable($0))" }.joined()
      return
        "the study learns from \(Shown.count(earlier.trials.count, "trial")) of \(printable(earlier.name))\(remarks)"
    case .studyStopped(let reason): return "the study stops: \(printable(reason))"
    case .trialReleased(let trial, _):
      return "trial \(trial) given back\(progress(state.trials[trial], state)): it will go on later"
    }
  }

  /// Whether the trial was the study's best when it ended.
  static func isBest(_ event: Event, _ state: StudyState) -> Bool {
    state.incumbentChanges.last.map { $0.trial == event.trial && $0.time == event.time } ?? false
  }

  static func willBeTriedAgain(_ trial: TrialNumber, _ state: StudyState) -> Bool {
    state.trials[trial].state != .failed
  }

  /// `epoch 3`.
  static func resource(_ resource: Double, _ state: StudyState) -> String {
    "\(state.spec.fidelity?.name ?? "resource") \(Shown.exact(resource))"
  }

  private static func progress(_ trial: Trial, _ state: StudyState) -> String {
    trial.resource > 0 ? " at \(resource(trial.resource, state))" : ""
  }

  /// `loss 0.21`, with all objectives.
  static func value(_ trial: TrialNumber, _ state: StudyState, exact: Bool = false) -> String {
    state.spec.objectives.enumerated().map { index, objective in
      let value =
        index == 0
        ? state.trials[trial].value : state.otherMetrics[trial]?.first { $0.name == objective.metric }?.value ?? .nan
      return "\(objective.metric) \(exact ? Shown.exact(value) : Shown.number(value))"
    }.joined(separator: ", ")
  }

  private static func configuration(_ trial: TrialNumber, _ state: StudyState) -> String {
    Shown.configuration(state.history.configuration(trial), in: state.spec.space, exact: false)
  }
}
