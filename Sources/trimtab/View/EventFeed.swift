import Trimtab

/// What happens in a study, event by event, as its log tells it from some position on.
final class EventFeed {
  private let session: Session
  private var position: Int
  /// Trials that run in this session's process. Nil shows the trials of all processes.
  private var own: Set<TrialNumber>?

  /// Begins at the end of what the session has read.
  /// - Parameter ownOnly: whether trials that other processes run are left out.
  init(_ session: Session, ownOnly: Bool) {
    self.session = session
    position = session.state.eventCount
    own = ownOnly ? [] : nil
  }

  /// Hands out what was recorded since the last call. The session has read it before: call `catchUp` where others write.
  /// - Throws: `StoreError` when the log cannot be read.
  func news(_ body: (Event) -> Void) throws {
    let end = session.state.eventCount
    guard position < end else { return }
    // Reading may run ahead of the session, whose state tells what an event led to; the rest comes next time.
    var index = position
    _ = try session.events(from: position) { event in
      defer { index += 1 }
      guard index < end, concernsUs(event) else { return }
      body(event)
    }
    position = end
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
