/// When to send which signal to a process group: TERM, grace, KILL, and looking whether it has gone. Pure: it is told the
/// time and what happened, and says what to do.
struct GroupEnding {
  enum Action: Equatable {
    /// Send SIGTERM, and SIGCONT so that a frozen group can act on it.
    case terminate
    /// Send SIGKILL.
    case kill
    /// The leader has been collected: look whether the group has gone.
    case probe
    /// The group withstood SIGKILL for too long.
    case giveUp
  }

  enum Phase: Equatable {
    case running
    case terminating(killAt: MonotonicTime)
    case killing(giveUpAt: MonotonicTime)
    case over
  }

  private(set) var phase = Phase.running
  private(set) var leaderHasExited = false
  private var nextProbe: MonotonicTime?
  private var probeInterval = Duration.milliseconds(1)

  /// How long to wait for a group to vanish after SIGKILL once its leader has gone.
  static let patienceAfterKill = Duration.seconds(10)
  private static let longestProbeInterval = Duration.milliseconds(50)

  /// The next moment at which `tick` has something to do.
  var deadline: MonotonicTime? {
    var times = nextProbe.map { [$0] } ?? []
    switch phase {
    case .running, .over: break
    case .terminating(let killAt): times.append(killAt)
    case .killing(let giveUpAt): if leaderHasExited { times.append(giveUpAt) }
    }
    return times.min()
  }

  /// Somebody wants the group to end. Asked again, it can only shorten the grace.
  mutating func requestStop(grace: Duration, now: MonotonicTime) -> [Action] {
    let killAt = now.advanced(by: grace)
    switch phase {
    case .running:
      phase = .terminating(killAt: killAt)
      return [.terminate]
    case .terminating(let earlier):
      phase = .terminating(killAt: min(earlier, killAt))
      return []
    case .killing, .over: return []
    }
  }

  /// The leader has ended. What it left behind gets SIGTERM, unless the group had it before: programs take a second one
  /// for impatience.
  mutating func leaderExited(leftoverGrace: Duration, now: MonotonicTime) -> [Action] {
    leaderHasExited = true
    nextProbe = now
    switch phase {
    case .running:
      phase = .terminating(killAt: now.advanced(by: leftoverGrace))
      return [.terminate]
    case .killing:
      phase = .killing(giveUpAt: now.advanced(by: Self.patienceAfterKill))
      return []
    case .terminating, .over: return []
    }
  }

  mutating func tick(now: MonotonicTime) -> [Action] {
    var actions: [Action] = []
    if case .terminating(let killAt) = phase, now >= killAt {
      phase = .killing(giveUpAt: now.advanced(by: Self.patienceAfterKill))
      actions.append(.kill)
    }
    if let probe = nextProbe, now >= probe {
      actions.append(.probe)
      nextProbe = now.advanced(by: probeInterval)
      probeInterval = min(probeInterval * 2, Self.longestProbeInterval)
    }
    if case .killing(let giveUpAt) = phase, leaderHasExited, now >= giveUpAt { actions.append(.giveUp) }
    return actions
  }

  /// The group has gone, or has been given up.
  mutating func finish() {
    phase = .over
    nextProbe = nil
  }
}
