import TrimtabStudies

/// The losses of trials at each resource at which they paused, stopped, failed or were completed, ranked.
///
/// One that has got a little more than it was to, as where the resource is measured in seconds, counts at what it was to get,
/// where others are to be compared with it. A trial counts once at each resource; one that fails is infinitely bad at the
/// resource to which it ran, and one lost with its worker says nothing.
///
/// Where trials never pause, those that end early are the bad ones: there every trial counts at each level that it comes to, by
/// its first report there, whatever becomes of it; one that fails, at the level to which it was on its way.
struct ResultsByLevel: Sendable {
  /// A trial's loss at a level; of equal losses the earlier trial's is the smaller.
  struct Entry: Comparable, Sendable {
    var loss: Double
    var trial: TrialNumber

    static func < (a: Entry, b: Entry) -> Bool { a.loss != b.loss ? a.loss < b.loss : a.trial < b.trial }
  }

  private struct LevelOfTrial: Hashable {
    var trial: TrialNumber
    var resource: Double
  }

  /// By resource, 0 without fidelity.
  private(set) var levels: [Double: RankedList<Entry>] = [:]
  private var known: Set<LevelOfTrial> = []
  /// The levels that trials come to without a pause; nil where they pause.
  private var passed: [Double]??

  /// - Returns: what the event added, if anything.
  @discardableResult
  mutating func absorb(_ event: Event, state: StudyState) -> (resource: Double, entry: Entry)? {
    if passed == nil || event.isAmendment { passed = .some(Self.passed(state.spec)) }
    if let passed = passed ?? nil { return absorb(event, passing: passed, state) }
    switch event.body {
    case .trialPaused(let trial, _, _), .trialStopped(let trial, _, _), .trialCompleted(let trial, _):
      let record = state.trials[trial]
      guard record.hasReportedObjective else { return nil }
      let isThere = Fidelity.reaches(record.resource, record.target)
      return note(trial, at: isThere ? record.target : record.resource, loss: state.loss(trial))
    case .trialFailed(let trial, _, _, _), .trialLost(let trial):
      let record = state.trials[trial]
      guard record.state == .failed, record.failure != .lost else { return nil }
      return note(trial, at: record.target.isNaN ? 0 : record.target, loss: .infinity)
    default: return nil
    }
  }

  private static func passed(_ spec: StudySpec) -> [Double]? {
    switch AutoChoice.Situation.resource(spec) {
    case .stopped, .trimmed: LevelObservations.levels(spec)
    case .full, .partial, .replicates: nil
    }
  }

  private mutating func absorb(
    _ event: Event, passing levels: [Double], _ state: StudyState
  ) -> (resource: Double, entry: Entry)? {
    switch event.body {
    case .reported(let trial, .some(let resource), let metrics):
      // A report below the greatest resource comes from a run that started again.
      guard resource == state.trials[trial].resource,
        metrics.contains(where: { $0.name == state.spec.objectives[0].metric }), state.loss(trial).isFinite,
        let level = levels.last(where: { Fidelity.reaches(resource, $0) })
      else { return nil }
      return note(trial, at: level, loss: state.loss(trial))
    case .trialFailed(let trial, _, _, _), .trialLost(let trial):
      let record = state.trials[trial]
      guard record.state == .failed, record.failure != .lost else { return nil }
      let reached = levels.lastIndex { known.contains(LevelOfTrial(trial: trial, resource: $0)) } ?? -1
      guard reached + 1 < levels.count else { return nil }
      return note(trial, at: levels[reached + 1], loss: .infinity)
    default: return nil
    }
  }

  private mutating func note(
    _ trial: TrialNumber, at resource: Double, loss: Double
  ) -> (resource: Double, entry: Entry)? {
    guard known.insert(LevelOfTrial(trial: trial, resource: resource)).inserted else { return nil }
    let entry = Entry(loss: loss.isFinite ? loss : .infinity, trial: trial)
    levels[resource, default: RankedList()].insert(entry)
    return (resource, entry)
  }

  /// Whether a trial counts at any level.
  func contains(_ trial: TrialNumber) -> Bool {
    levels.keys.contains { known.contains(LevelOfTrial(trial: trial, resource: $0)) }
  }

  /// The levels, the greatest resource first.
  var descending: [(resource: Double, results: RankedList<Entry>)] {
    levels.sorted { $0.key > $1.key }.map { ($0.key, $0.value) }
  }
}
