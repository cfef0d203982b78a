import TrimtabNumerics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A few tasks that stand for many: the subset of points whose star discrepancy is least, as far as local search finds it.
///
/// A task is a point whose coordinates are the performances of a few different methods on it, so a subset that fills the
/// space evenly (or like all tasks) holds easy and hard ones for each method.
///
/// Sources: Clément, Doerr & Paquete, "Heuristic approaches to obtain low-discrepancy point sets via subset selection",
/// Journal of Complexity 83, 2024; for tasks, Benjamins et al., "carps: a framework for comparing N hyperparameter
/// optimizers on M benchmarks", 2025, which takes three methods, the uniform reference and 5000 restarts. As there, one
/// point is swapped at a time, guided by the worst box; the paper looks only at points that bound that box, here any
/// point whose move changes the count in the box is tried, so that no single swap can improve the result.
public struct RepresentativeSubset: Sendable, Equatable {
  /// Indices of points, increasing.
  public let indices: [Int]
  /// Of the subset.
  public let discrepancy: Double

  /// - Parameters:
  ///   - points: `[task][method]`, in [0, 1]; see ``performancePoints(_:isLogarithmic:)``.
  ///   - size: how many to choose, from 1 to all.
  ///   - reference: what the subset should be like. To be like all tasks, give `.points(points)`.
  ///   - restarts: how many random subsets to improve, at least 1; the best result counts.
  ///   - seed: decides between results that are as good, and which are found.
  public init(
    of points: [[Double]], size: Int, reference: StarDiscrepancy.Reference = .uniform, restarts: Int = 50,
    seed: UInt64 = 0
  ) throws(AnalysisError) {
    try StarDiscrepancy.check(points, reference)
    guard size >= 1, size <= points.count else {
      throw AnalysisError("a subset of \(size) tasks of \(points.count); choose from 1 to all of them")
    }
    guard restarts >= 1 else { throw AnalysisError("\(restarts) restarts; at least one is needed") }
    if size == points.count {
      indices = Array(points.indices)
      discrepancy = try StarDiscrepancy(points, reference: reference).value
      return
    }
    var best: (value: Double, chosen: [Int]) = (.infinity, [])
    for restart in 0..<restarts {
      var stream = RandomStream(seed: seed, purpose: stableHash("subset"), index: UInt64(restart))
      var order = Array(points.indices)
      stream.shuffle(&order)
      var search = SwapSearch(points, reference, chosen: Array(order[..<size]), spare: Array(order[size...]))
      while search.improve(&stream) {}
      if search.worst.value < best.value { best = (search.worst.value, search.chosen) }
    }
    indices = best.chosen.sorted()
    discrepancy = best.value
  }

  /// How two subsets share no task.
  public enum Division: Sendable {
    /// The second is chosen from what the first leaves.
    case sequential
    /// A subset as large as both is chosen first; the first is chosen from that, and the second is its remainder. The
    /// second is then about as good as the first, which `sequential` serves better.
    case halves
  }

  /// Two subsets of one size without a common task: one to develop on, and one to test on.
  ///
  /// - Parameters: as in ``init(of:size:reference:restarts:seed:)``; `points` must hold twice `size`. With `.points` as the
  ///   reference both are compared with the same points.
  public static func developmentAndTest(
    of points: [[Double]], size: Int, by division: Division = .sequential,
    reference: StarDiscrepancy.Reference = .uniform, restarts: Int = 50, seed: UInt64 = 0
  ) throws(AnalysisError) -> (development: RepresentativeSubset, test: RepresentativeSubset) {
    guard size >= 1, 2 * size <= points.count else {
      throw AnalysisError("two subsets of \(size) tasks of \(points.count); at most half of the tasks fit into each")
    }
    func subset(of pool: [Int], _ size: Int, _ step: UInt64) throws(AnalysisError) -> RepresentativeSubset {
      let found = try RepresentativeSubset(
        of: pool.map { points[$0] }, size: size, reference: reference, restarts: restarts, seed: mix(seed, step))
      return RepresentativeSubset(indices: found.indices.map { pool[$0] }, discrepancy: found.discrepancy)
    }
    let all = Array(points.indices)
    let pool = division == .halves ? try subset(of: all, 2 * size, 0).indices : all
    let development = try subset(of: pool, size, 1)
    let rest = pool.filter { !development.indices.contains($0) }
    return (development, try subset(of: rest, size, 2))
  }

  private init(indices: [Int], discrepancy: Double) {
    self.indices = indices
    self.discrepancy = discrepancy
  }
}

/// Tasks as points: the performances of each method, scaled to [0, 1] over the tasks.
///
/// - Parameters:
///   - performances: `[task][method]`, normalised within each task, smaller is better: means over seeds of the final
///     normalised loss.
///   - isLogarithmic: spreads a clump near the optimum: log₁₀(x + 10⁻¹⁰) is scaled instead, x having been scaled once. carps
///     does so where the plain points leave the cube nearly empty.
/// - Returns: `[task][method]`. A method that performs the same on all tasks gets 0 throughout.
public func performancePoints(
  _ performances: [[Double]], isLogarithmic: Bool = false
) throws(AnalysisError) -> [[Double]] {
  let count = try commonCount(performances, rows: "task", elements: "methods")
  for (i, row) in performances.enumerated() {
    if let j = row.firstIndex(where: { !$0.isFinite }) {
      throw AnalysisError("method \(j) has \(row[j]) on task \(i); a point needs finite coordinates")
    }
  }
  func scaled(_ table: [[Double]]) -> [[Double]] {
    var scaled = table
    for j in 0..<count {
      let column = table.map { $0[j] }
      guard let low = column.min(), let high = column.max() else { continue }
      for i in scaled.indices { scaled[i][j] = high > low ? (column[i] - low) / (high - low) : 0 }
    }
    return scaled
  }
  let plain = scaled(performances)
  return isLogarithmic ? scaled(plain.map { row in row.map { log10($0 + 1e-10) } }) : plain
}

/// A subset that gives up one point for another while that makes its worst box better.
private struct SwapSearch {
  let points: [[Double]]
  let reference: StarDiscrepancy.Reference
  var chosen: [Int]
  var spare: [Int]
  var worst: StarDiscrepancy
  /// Boxes with what the reference has in them, the most useful about first.
  private var spoilers: [(box: StarDiscrepancy, expected: Double)] = []
  private static let spoilerCount = 64

  init(_ points: [[Double]], _ reference: StarDiscrepancy.Reference, chosen: [Int], spare: [Int]) {
    self.points = points
    self.reference = reference
    self.chosen = chosen
    self.spare = spare
    var search = BoxSearch(chosen.map { points[$0] }, reference)
    worst = search.worst(below: .infinity)
  }

  /// Makes the first swap found, in random order, that lowers the discrepancy; false when there is none.
  ///
  /// Only a swap that takes a point out of an overfull box, or puts one into an underfull box, can help: any other leaves
  /// that box as bad as it is.
  mutating func improve(_ stream: inout RandomStream) -> Bool {
    var leaving = chosen.indices.filter { worst.contains(points[chosen[$0]]) == worst.isOverfull }
    var entering = spare.indices.filter { worst.contains(points[spare[$0]]) != worst.isOverfull }
    stream.shuffle(&leaving)
    stream.shuffle(&entering)
    for out in leaving {
      for into in entering {
        var candidate = chosen
        candidate[out] = spare[into]
        if isSpoilt(candidate) { continue }
        var search = BoxSearch(candidate.map { points[$0] }, reference)
        let found = search.worst(below: worst.value)
        if found.value < worst.value {
          spare[into] = chosen[out]
          chosen = candidate
          worst = found
          return true
        }
        remember(found, of: candidate)
      }
    }
    return false
  }

  /// Whether a box that spoilt an earlier candidate spoils this one, too. Most candidates are found out so, at a fraction
  /// of the cost of a search.
  private mutating func isSpoilt(_ candidate: [Int]) -> Bool {
    for (i, (box, expected)) in spoilers.enumerated() {
      let difference = share(of: candidate, in: box) - expected
      if (box.isOverfull ? difference : -difference) >= worst.value {
        spoilers.swapAt(i, i / 2)
        return true
      }
    }
    return false
  }

  private mutating func remember(_ box: StarDiscrepancy, of candidate: [Int]) {
    let share = share(of: candidate, in: box)
    if spoilers.count >= Self.spoilerCount { spoilers.removeLast() }
    spoilers.append((box, box.isOverfull ? share - box.value : share + box.value))
  }

  private func share(of candidate: [Int], in box: StarDiscrepancy) -> Double {
    Double(candidate.count { box.contains(points[$0]) }) / Double(candidate.count)
  }
}
