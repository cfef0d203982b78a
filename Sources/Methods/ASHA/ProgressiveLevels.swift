import TrimtabStudies

/// How many levels of the resource PASHA uses so far: one more as soon as the ranking at the highest of them differs from
/// that at the one below by more than noise.
///
/// Source: Bohdal, Balles, Wistuba, Ermis, Archambeau & Zappella, "PASHA: efficient HPO and NAS with progressive resource
/// allocation", ICLR 2023, arXiv 2207.06940, Algorithms 1 and 2. Noise is the 90th percentile of the differences between
/// trials whose curves crossed at least twice.
struct ProgressiveLevels: Sendable {
  /// Two trials, the smaller number first.
  private struct Pair: Hashable, Sendable {
    var first: TrialNumber
    var second: TrialNumber

    init(_ a: TrialNumber, _ b: TrialNumber) { (first, second) = (min(a, b), max(a, b)) }
  }

  /// The number of levels to which trials may be promoted.
  private(set) var usable: Int
  /// Losses at the lower of the two levels compared that differ by no more count as equal.
  private(set) var epsilon = 0.0
  /// Trials that have reported beyond the lower of the two levels compared.
  private var members: [TrialNumber] = []
  /// The difference of each pair that crossed twice.
  private var differences: [Pair: Double] = [:]
  private var sorted = RankedList<Double>()

  static let percentile = 0.9

  init(levels: [Double]) { usable = min(2, levels.count) }

  /// Takes note of a report.
  mutating func absorb(_ trial: TrialNumber, at resource: Double, levels: [Double], state: StudyState) {
    guard usable < levels.count, usable >= 2, resource > levels[usable - 2] else { return }
    if !members.contains(trial) { members.append(trial) }
    for other in members where other != trial { compare(trial, other, levels, state) }
    if sorted.count > 0 { epsilon = quantile() }
    guard !isConsistent(levels, state) else { return }
    usable += 1
    refresh(levels, state)
  }

  /// Opens as many levels as the curves so far ask for.
  mutating func settle(levels: [Double], state: StudyState) {
    guard usable >= 2 else { return }
    refresh(levels, state)
    while usable < levels.count, !isConsistent(levels, state) {
      usable += 1
      refresh(levels, state)
    }
  }

  private mutating func refresh(_ levels: [Double], _ state: StudyState) {
    members = state.curves.filter { $0.value.resources.last ?? 0 > levels[usable - 2] }.keys.sorted()
    differences = [:]
    sorted = RankedList()
    for (position, trial) in members.enumerated() {
      for other in members[..<position] { compare(trial, other, levels, state) }
    }
    if sorted.count > 0 { epsilon = quantile() }
  }

  /// Finds out whether two trials crossed twice, and how far they are apart where both were seen last.
  private mutating func compare(_ a: TrialNumber, _ b: TrialNumber, _ levels: [Double], _ state: StudyState) {
    guard let x = state.curves[a], let y = state.curves[b] else { return }
    let pair = Pair(a, b)
    if let old = differences.removeValue(forKey: pair) { sorted.remove(old) }
    let range = (after: levels[usable - 2], upTo: levels[usable - 1])
    if let difference = Self.differenceOfCrossing(x, y, after: range.after, upTo: range.upTo) {
      differences[pair] = difference
      sorted.insert(difference)
    }
  }

  /// The difference between two curves at the last resource within the range that both have reported at, if they were in the
  /// other order somewhere before, and in the same as there before that; nil otherwise.
  static func differenceOfCrossing(_ x: Curve, _ y: Curve, after lower: Double, upTo upper: Double) -> Double? {
    var (i, j) = (x.resources.count - 1, y.resources.count - 1)
    var last: (order: Bool, difference: Double)?
    var hasCrossed = false
    while i >= 0, j >= 0 {
      if x.resources[i] != y.resources[j] {
        if x.resources[i] > y.resources[j] { i -= 1 } else { j -= 1 }
        continue
      }
      let (a, b) = (x.values[i], y.values[j])
      if x.resources[i] <= upper, a.isFinite, b.isFinite, a != b {
        let order = a < b
        if let last {
          if !hasCrossed { hasCrossed = order != last.order } else if order == last.order { return last.difference }
        } else if x.resources[i] > lower {
          last = (order, abs(a - b))
        } else {
          return nil
        }
      }
      i -= 1
      j -= 1
    }
    return nil
  }

  /// With linear interpolation between the two nearest ranks.
  private func quantile() -> Double {
    let position = Self.percentile * Double(sorted.count - 1)
    let low = Int(position)
    let high = min(low + 1, sorted.count - 1)
    return sorted[low] + (position - Double(low)) * (sorted[high] - sorted[low])
  }

  private func isConsistent(_ levels: [Double], _ state: StudyState) -> Bool {
    let sign = state.spec.objectives[0].sign
    let losses = members.compactMap { trial -> (lower: Double, upper: Double)? in
      guard let curve = state.curves[trial] else { return nil }
      let (lower, upper) = (curve.index(reaching: levels[usable - 2]), curve.index(reaching: levels[usable - 1]))
      guard upper < curve.values.count else { return nil }
      let pair = (lower: curve.values[lower] * sign, upper: curve.values[upper] * sign)
      return pair.lower.isFinite && pair.upper.isFinite ? pair : nil
    }
    return Self.isConsistent(losses, epsilon: epsilon)
  }

  /// Whether two rankings agree, places taken by equals being interchangeable.
  /// - Parameter losses: of trials at the lower and at the upper level.
  static func isConsistent(_ losses: [(lower: Double, upper: Double)], epsilon: Double) -> Bool {
    let above = losses.sorted { $0.upper < $1.upper }
    let below = losses.sorted { $0.lower < $1.lower }
    return zip(above, below).allSatisfy { abs($0.lower - $1.lower) <= epsilon }
  }
}
