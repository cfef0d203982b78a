import TrimtabNumerics
import TrimtabStudies

/// The good and the bad trials of one resource, kept up to date as results come in: with each result at most a few trials
/// cross the borders between the ranks.
struct GoodAndBad: Sendable {
  /// The best trials.
  private var good: KernelMembers
  /// The worst trials; while there are few, a trial can be in both sets.
  private var bad: KernelMembers
  private let columns: VaryingCoordinates
  private let goodFraction: Double

  /// - Parameter results: enough for a model.
  init(
    _ results: RankedList<ResultsByLevel.Entry>, _ columns: VaryingCoordinates, goodFraction: Double, _ history: History
  ) {
    self.columns = columns
    self.goodFraction = goodFraction
    good = KernelMembers(kinds: columns.kinds)
    bad = good
    updateBorders(results, history)
  }

  /// The least number of trials in each set.
  static func least(_ columns: VaryingCoordinates) -> Int { columns.coordinates.count + 1 }

  /// The number of good and of bad trials among `count`.
  static func counts(_ count: Int, least: Int, goodFraction: Double) -> (good: Int, bad: Int) {
    let good = max(least, Int(goodFraction * Double(count)))
    return (good, min(count, max(least, count - good)))
  }

  /// Takes in a result that has been inserted into the list.
  mutating func insert(
    _ entry: ResultsByLevel.Entry, _ results: RankedList<ResultsByLevel.Entry>, _ history: History
  ) {
    let rank = results.rank(of: entry)
    // The sets are a prefix and a suffix of the list, with this result or without it.
    if rank < good.count { Self.insert(entry.trial, into: &good, columns, history) }
    if results.count - rank <= bad.count { Self.insert(entry.trial, into: &bad, columns, history) }
    updateBorders(results, history)
  }

  private mutating func updateBorders(_ results: RankedList<ResultsByLevel.Entry>, _ history: History) {
    let wanted = Self.counts(results.count, least: Self.least(columns), goodFraction: goodFraction)
    while good.count > wanted.good { good.remove(results[good.count - 1].trial) }
    while good.count < wanted.good { Self.insert(results[good.count].trial, into: &good, columns, history) }
    while bad.count > wanted.bad { bad.remove(results[results.count - bad.count].trial) }
    while bad.count < wanted.bad {
      Self.insert(results[results.count - bad.count - 1].trial, into: &bad, columns, history)
    }
  }

  /// Not a method of the sets, of which a call would make a copy.
  private static func insert(
    _ trial: TrialNumber, into members: inout KernelMembers, _ columns: VaryingCoordinates, _ history: History
  ) {
    members.insert(trial) { columns.value(of: trial, $0, history) }
  }

  // MARK: Densities

  /// The two densities, and what is needed to find the good points by their ranks.
  struct Densities: Sendable {
    let good: NormalReferenceKDE
    let bad: NormalReferenceKDE
    fileprivate let results: RankedList<ResultsByLevel.Entry>
    /// Nil where the good points lie in the order of their ranks.
    fileprivate let members: KernelMembers?

    /// The row of the good point with so many better ones.
    func row(ofRank rank: Int) -> Int { members?.row(of: results[rank].trial) ?? rank }
  }

  func densities(
    _ results: RankedList<ResultsByLevel.Entry>, _ history: History, _ stream: inout RandomStream
  ) -> Densities {
    let first = density(good, results, from: 0, history, &stream)
    let second = density(bad, results, from: results.count - bad.count, history, &stream)
    return Densities(good: first, bad: second, results: results, members: good.missingCount == 0 ? good : nil)
  }

  /// Coordinates that are not active take the values of other members, drawn anew each time and in the order of the ranks.
  private func density(
    _ members: KernelMembers, _ results: RankedList<ResultsByLevel.Entry>, from rank: Int, _ history: History,
    _ stream: inout RandomStream
  ) -> NormalReferenceKDE {
    guard members.missingCount > 0 else { return NormalReferenceKDE(members) }
    let trials = (rank..<rank + members.count).map { results[$0].trial }
    return NormalReferenceKDE(kinds: columns.kinds, points: columns.points(of: trials, history, &stream))
  }
}
