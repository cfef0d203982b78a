import Trimtab

/// What happens in a study, event by event, as its log tells it from some position on.
final class EventFeed {
  private let session: Session
  /// The study up to the event handed out last: what an event means can change with those that follow.
  private var state: StudyState
  /// Trials that run in this session's process. Nil shows the trials of all processes.
  private var own: Set<TrialNumber>?

  /// Begins at the end of what the session has read.
  /// - Parameter ownOnly: whether trials that other processes run are left out.
  init(_ session: Session, ownOnly: Bool) {
    self.session = session
    state = session.state
    own = ownOnly ? [] : nil
  }

  /// Hands out what was recorded since the last call, each event with the state just after it. The session has read it
  /// before: call `catchUp` where others write.
  /// - Throws: `StoreError` when the log cannot be read.
  func news(_ body: (Event, StudyState) -> Void) throws {
    guard state.eventCount < session.state.eventCount else { return }
    _ = try session.events(from: state.eventCount) { event in
      try state.absorb(event)
      if concernsUs(event) { body(event, state) }
    }
  }

  private func concernsUs(_ event: Event) -> Bool {
    guard own != nil, let trial = event.trial else { return true }
    switch event.body {
    case .trialProposed(_, .enqueued, _, _), .trialLost: return true
    case .trialStarted(_, let worker):
      if worker == session.worker { own?.insert(trial) } else { own?.remove(trial) }
    default: break
    }
    return own?.contains(trial) ?? true
  }
}
