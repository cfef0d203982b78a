import TrimtabStudies

/// Where a trial stands among those with a value: those that violate outcome constraints last, by how much; complete ones first, by loss; then the others, those with the greater
/// resource first, by loss. Of equals the earlier one is better.
struct TrialRank: Comparable, Sendable {
  var isComplete: Bool
  var resource: Double
  var loss: Double
  var trial: TrialNumber
  /// See `StudyState.violation`.
  var violation = 0.0

  static func < (a: TrialRank, b: TrialRank) -> Bool {
    if a.violation != b.violation { return a.violation < b.violation }
    if a.isComplete != b.isComplete { return a.isComplete }
    if !a.isComplete, a.resource != b.resource { return a.resource > b.resource }
    return a.loss != b.loss ? a.loss < b.loss : a.trial < b.trial
  }
}

/// The best few of the trials that have a value.
///
/// Only the best are kept in order: a trial's rank gets better while it goes on, so one that falls out of them seldom
/// has to come back. When failures have taken too many away, all are looked through once.
struct TrialRanking: Sendable {
  /// How many are kept in order; more than anybody asks for, so that failures seldom empty it.
  static let kept = 64

  private var ranks: ContiguousArray<TrialRank?> = []
  /// The best of all ranks, sorted.
  private var best: ContiguousArray<TrialRank> = []
  /// The number of trials that have a value.
  private(set) var count = 0

  /// The rank of a trial; nil for one without a value.
  subscript(trial: TrialNumber) -> TrialRank? { trial < ranks.count ? ranks[trial] : nil }

  /// Gives a trial its rank, or another one.
  mutating func insert(_ rank: TrialRank) {
    remove(rank.trial)
    while ranks.count <= rank.trial { ranks.append(nil) }
    ranks[rank.trial] = rank
    count += 1
    // Whatever is not kept is behind the last that is.
    if let last = best.last, rank < last {
      best.insert(rank, at: Self.position(of: rank, in: best))
    } else if best.count == count - 1 {
      best.append(rank)
    }
    if best.count > Self.kept { best.removeLast() }
  }

  mutating func remove(_ trial: TrialNumber) {
    guard trial < ranks.count, let rank = ranks[trial] else { return }
    ranks[trial] = nil
    count -= 1
    let position = Self.position(of: rank, in: best)
    if position < best.count, best[position] == rank { best.remove(at: position) }
  }

  /// The best `number` trials, best first.
  mutating func best(_ number: Int) -> [TrialNumber] {
    if best.count < min(number, count) {
      best = ContiguousArray(ranks.compactMap { $0 }.sorted().prefix(Self.kept))
    }
    return best.prefix(number).map(\.trial)
  }

  private static func position(of rank: TrialRank, in list: ContiguousArray<TrialRank>) -> Int {
    var low = 0
    var high = list.count
    while low < high {
      let middle = (low + high) / 2
      if list[middle] < rank { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
