import TrimtabStudies

/// The two sets of trials of one of c-TPE's measures.
struct BetterAndOthers: Sendable {
  var better: ScottMembers
  var others: ScottMembers

  init(kinds: [VaryingCoordinates.Kind]) {
    better = ScottMembers(kinds: kinds)
    others = better
  }
}

/// The trials split by the objective: the better ones are the shortest prefix by rank that holds so many solutions as are wanted.
struct ObjectiveSplit: Sendable {
  struct Entry: Comparable, Sendable {
    var rank: TrialRank
    /// Whether it meets every outcome constraint.
    var isSolution: Bool

    static func < (a: Entry, b: Entry) -> Bool { a.rank < b.rank }
  }

  private(set) var ranked = RankedList<Entry>()
  private(set) var betterCount = 0
  private var solutions = 0

  /// The share of the better ones.
  var share: Double { Double(betterCount) / Double(max(1, ranked.count)) }

  /// How many solutions are wanted among the better ones of `count` trials.
  static func wanted(_ count: Int) -> Int { min(Int((0.25 * Double(count).squareRoot()).rounded(.up)), 25) }

  mutating func insert(_ entry: Entry, _ values: [Double], _ sets: inout BetterAndOthers) {
    ranked.insert(entry)
    if ranked.rank(of: entry) < betterCount {
      betterCount += 1
      solutions += entry.isSolution ? 1 : 0
      sets.better.insert(entry.rank.trial, values)
    } else {
      sets.others.insert(entry.rank.trial, values)
    }
    settle(&sets)
  }

  /// - Parameter entry: one that was inserted.
  mutating func remove(_ entry: Entry, _ sets: inout BetterAndOthers) {
    if ranked.rank(of: entry) < betterCount {
      betterCount -= 1
      solutions -= entry.isSolution ? 1 : 0
      sets.better.remove(entry.rank.trial)
    } else {
      sets.others.remove(entry.rank.trial)
    }
    ranked.remove(entry)
    settle(&sets)
  }

  private mutating func settle(_ sets: inout BetterAndOthers) {
    let wanted = Self.wanted(ranked.count)
    while betterCount < ranked.count, solutions < wanted {
      let next = ranked[betterCount]
      sets.others.move(next.rank.trial, to: &sets.better)
      betterCount += 1
      solutions += next.isSolution ? 1 : 0
    }
    while betterCount > 0 {
      let last = ranked[betterCount - 1]
      let without = solutions - (last.isSolution ? 1 : 0)
      guard without >= wanted else { break }
      sets.better.move(last.rank.trial, to: &sets.others)
      betterCount -= 1
      solutions = without
    }
  }
}

/// The trials split by one bound: the better ones keep it; where none does, it is the one that comes nearest.
struct BoundSplit: Sendable {
  struct Entry: Comparable, Sendable {
    var excess: Double
    var trial: TrialNumber

    static func < (a: Entry, b: Entry) -> Bool { a.excess != b.excess ? a.excess < b.excess : a.trial < b.trial }
  }

  private var ranked = RankedList<Entry>()
  /// The trial that is among the better ones although it is beyond the bound.
  private var nearest: TrialNumber?

  mutating func insert(_ entry: Entry, _ values: [Double], _ sets: inout BetterAndOthers) {
    ranked.insert(entry)
    if entry.excess <= 0 {
      sets.better.insert(entry.trial, values)
    } else {
      sets.others.insert(entry.trial, values)
    }
    settle(&sets)
  }

  /// - Parameter entry: one that was inserted.
  mutating func remove(_ entry: Entry, _ sets: inout BetterAndOthers) {
    ranked.remove(entry)
    if entry.trial == nearest { nearest = nil }
    if sets.better.remove(entry.trial) == nil { sets.others.remove(entry.trial) }
    settle(&sets)
  }

  private mutating func settle(_ sets: inout BetterAndOthers) {
    let first = ranked.first.flatMap { $0.excess > 0 ? $0.trial : nil }
    guard first != nearest else { return }
    if let nearest { sets.better.move(nearest, to: &sets.others) }
    if let first { sets.others.move(first, to: &sets.better) }
    nearest = first
  }
}

/// The pairs of sets of a study, kept up to date with its trials: the objective's first, then one for each outcome constraint.
///
/// They depend on the log alone, to the order of the members.
struct ConstrainedSets: Sendable {
  let columns: VaryingCoordinates
  private(set) var pairs: [BetterAndOthers]
  private(set) var objective = ObjectiveSplit()
  private var bounds: [BoundSplit]
  private var standings: ContiguousArray<Standing> = []

  private enum Standing: Equatable, Sendable {
    /// Pending, or failed: among the others of the objective.
    case other
    case ranked(ObjectiveSplit.Entry, excesses: [Double?])
    /// It teaches nothing.
    case none
  }

  init(_ state: StudyState) {
    columns = VaryingCoordinates(state.spec.space)
    let count = state.spec.outcomeConstraints.count
    pairs = Array(repeating: BetterAndOthers(kinds: columns.kinds), count: 1 + count)
    bounds = Array(repeating: BoundSplit(), count: count)
    for trial in state.trials.indices { update(trial, state) }
  }

  /// The share of the better trials of a pair.
  func share(_ pair: Int) -> Double {
    guard pair > 0 else { return objective.share }
    let (better, others) = (pairs[pair].better.members.count, pairs[pair].others.members.count)
    return Double(better) / Double(max(1, better + others))
  }

  private static func standing(_ trial: TrialNumber, _ state: StudyState) -> Standing {
    let record = state.trials[trial]
    guard record.isSettled, !FailureLessons.teaches(record) else { return .other }
    guard record.state != .failed, record.hasValue else { return .none }
    let rank = TrialRank(
      isComplete: record.state == .completed, resource: record.resource, loss: state.loss(trial), trial: trial)
    return .ranked(
      ObjectiveSplit.Entry(rank: rank, isSolution: state.meetsConstraints(trial)),
      excesses: state.spec.outcomeConstraints.map { state.excess(trial, over: $0) })
  }

  /// Takes over what has become of a trial.
  /// - Parameter isMoved: whether it may lie elsewhere now.
  mutating func update(_ trial: TrialNumber, _ state: StudyState, isMoved: Bool = false) {
    while standings.count <= trial { standings.append(.none) }
    let standing = Self.standing(trial, state)
    guard isMoved || standing != standings[trial] else { return }
    leave(trial)
    standings[trial] = standing
    let values = columns.kinds.indices.map { columns.value(of: trial, $0, state.history) }
    switch standing {
    case .none: break
    case .other: pairs[0].others.insert(trial, values)
    case .ranked(let entry, let excesses):
      objective.insert(entry, values, &pairs[0])
      for (i, excess) in excesses.enumerated() {
        if let excess { bounds[i].insert(.init(excess: excess, trial: trial), values, &pairs[i + 1]) }
      }
    }
  }

  private mutating func leave(_ trial: TrialNumber) {
    switch standings[trial] {
    case .none: break
    case .other: pairs[0].others.remove(trial)
    case .ranked(let entry, let excesses):
      objective.remove(entry, &pairs[0])
      for (i, excess) in excesses.enumerated() {
        if let excess { bounds[i].remove(.init(excess: excess, trial: trial), &pairs[i + 1]) }
      }
    }
  }
}
