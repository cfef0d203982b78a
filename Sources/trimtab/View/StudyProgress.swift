import Trimtab

/// How far a study is on its way through its budget, and how long the rest may take.
struct StudyProgress {
  /// The share of the limit that is nearest to being reached, 0 ... 1; nil without any limit.
  let share: Double?
  /// That limit in words, such as `34/60 trials`.
  let label: String
  /// Seconds during which trials were running.
  let elapsed: Double
  /// Seconds that are left; nil when they cannot be told.
  let left: Double?

  /// A moment of a study, from which a rate can be measured.
  struct Mark {
    var done: Int
    var cost: Double
    var elapsed: Double

    init(_ state: StudyState, now: Timestamp) {
      done = StudyProgress.done(state)
      cost = state.totalCost
      elapsed = StudyProgress.elapsed(state, now: now)
    }
  }

  /// A rate from fewer trials than this says nothing.
  private static let fewestTrials = 3

  /// - Parameter start: where the present run of the study began: its rate is preferred to that of earlier runs, which
  ///   may have had more or fewer workers.
  init(_ state: StudyState, since start: Mark, now: Timestamp) {
    let present = Mark(state, now: now)
    elapsed = present.elapsed
    let budget = state.spec.budget
    var limits: [(share: Double, label: String, left: Double?)] = []
    let isRecent = present.done - start.done >= Self.fewestTrials
    let seconds = present.elapsed - (isRecent ? start.elapsed : 0)
    let isKnown = isRecent || present.done >= Self.fewestTrials
    if let limit = budget.trials {
      let rate = Double(present.done - (isRecent ? start.done : 0)) / seconds
      let left = isKnown && seconds > 0 ? Double(max(0, limit - present.done)) / rate : nil
      limits.append((Self.share(Double(present.done), limit: Double(limit)), "\(present.done)/\(limit) trials", left))
    }
    if let limit = budget.seconds {
      limits.append(
        (
          Self.share(present.elapsed, limit: limit), "\(Shown.duration(present.elapsed)) of \(Shown.duration(limit))",
          max(0, limit - present.elapsed)
        ))
    }
    if let limit = budget.cost {
      let rate = (present.cost - (isRecent ? start.cost : 0)) / seconds
      let left = isKnown && seconds > 0 && rate > 0 ? max(0, limit - present.cost) / rate : nil
      limits.append(
        (Self.share(present.cost, limit: limit), "cost \(Shown.number(present.cost)) of \(Shown.number(limit))", left))
    }
    let nearest = limits.max { $0.share < $1.share }
    share = nearest?.share
    label = nearest?.label ?? "\(Shown.count(present.done, "trial")), no limit"
    // The first limit that is reached ends the study; one that cannot be told might be it.
    left = limits.isEmpty || limits.contains { $0.left == nil } ? nil : limits.compactMap(\.left).min()
  }

  /// Trials that need no worker now: over, or paused.
  private static func done(_ state: StudyState) -> Int {
    state.trials.count - state.count(.running) - state.count(.waiting)
  }

  private static func elapsed(_ state: StudyState, now: Timestamp) -> Double {
    let since = state.running.isEmpty ? 0 : max(0, now - state.latestTime)
    return Double(state.activeMilliseconds + since) / 1000
  }

  private static func share(_ value: Double, limit: Double) -> Double { limit > 0 ? min(1, value / limit) : 1 }
}
