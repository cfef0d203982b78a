import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// DEHB's populations, one for each level of the resource: which trial stands in which place, folded from the log.
///
/// Source: Awad, Mallik & Hutter, "DEHB: evolutionary Hyperband for scalable, robust and efficient hyperparameter
/// optimization", IJCAI 2021, arXiv 2105.09821. A trial that is sent to a level is measured against the next place of that
/// level's population, in turn, and takes it when its loss is no greater.
struct Populations: Sendable {
  struct Individual: Sendable {
    var trial: TrialNumber
    var loss: Double
  }

  struct Place: Sendable {
    var level: Int
    var slot: Int
  }

  /// The resources, in increasing order.
  let levels: [Double]
  private(set) var members: [[Individual?]]
  /// The next place of each level.
  private(set) var next: [Int]
  /// Where each trial is being measured.
  private var places: [TrialNumber: Place] = [:]

  /// - Parameter plan: the brackets; a level's population is as large as the largest rung there.
  init(_ plan: BracketPlan) {
    levels = plan.levels
    var sizes = [Int](repeating: 1, count: plan.levels.count)
    for bracket in 0..<plan.brackets {
      for (rung, size) in plan.sizes(bracket).enumerated() {
        sizes[min(bracket + rung, sizes.count - 1)] = max(sizes[min(bracket + rung, sizes.count - 1)], size)
      }
    }
    members = sizes.map { Array(repeating: nil, count: $0) }
    next = Array(repeating: 0, count: sizes.count)
  }

  /// The level of a resource; nil for one that is no level.
  func level(of resource: Double?) -> Int? {
    resource.flatMap { resource in levels.firstIndex { Fidelity.isSame($0, resource) } }
  }

  mutating func absorb(_ event: Event, state: StudyState) {
    switch event.body {
    case .trialProposed(let trial, let kind, let target, _):
      // What a person asks for takes no place from what the method measures.
      if case .enqueued = kind { return }
      guard let level = level(of: target) else { return }
      places[trial] = takePlace(at: level)
    case .trialPaused(let trial, _, _), .trialStopped(let trial, _, _), .trialCompleted(let trial, _):
      guard let place = places.removeValue(forKey: trial) else { return }
      let loss = state.loss(trial)
      guard loss.isFinite, Fidelity.reaches(state.trials[trial].resource, levels[place.level]) else { return }
      compete(trial, loss, for: place)
    case .trialFailed(let trial, _, _, _), .trialLost(let trial):
      if state.trials[trial].state == .failed { places[trial] = nil }
    default: break
    }
  }

  private mutating func takePlace(at level: Int) -> Place {
    defer { next[level] = (next[level] + 1) % members[level].count }
    return Place(level: level, slot: next[level])
  }

  private mutating func compete(_ trial: TrialNumber, _ loss: Double, for place: Place) {
    guard loss <= members[place.level][place.slot]?.loss ?? .infinity else { return }
    members[place.level][place.slot] = Individual(trial: trial, loss: loss)
  }

  /// Measures a trial at a level to which it had come before it was to be sent there.
  mutating func enter(_ trial: TrialNumber, loss: Double, at resource: Double) {
    guard let level = level(of: resource) else { return }
    compete(trial, loss, for: takePlace(at: level))
  }

  /// The best of a level's population, the best first.
  func best(_ count: Int, at level: Int) -> [Individual] {
    Array(
      members[level].compactMap { $0 }.sorted { $0.loss != $1.loss ? $0.loss < $1.loss : $0.trial < $1.trial }
        .prefix(count))
  }

  /// Everyone, the lowest level first.
  var everyone: [Individual] { members.flatMap { $0.compactMap { $0 } } }
}
