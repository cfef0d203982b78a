import TrimtabNumerics
import TrimtabSearchSpaces

/// A cube of few dimensions within a cube of many: each of the many follows one of the few, forwards or backwards.
///
/// Splitting a dimension among those that follow it gives a cube of more dimensions that holds the earlier one, so that all
/// earlier points are still points of it.
/// Source: Papenmeier, Nardi & Poloczek, "Increasing the scope as you learn: adaptive Bayesian optimization in nested
/// subspaces", NeurIPS 2022, arXiv 2304.11468.
struct NestedEmbedding: Sendable, Equatable {
  /// Into how many new ones a dimension is split, besides the one that stays.
  static let newBins = 3

  /// For each dimension the coordinates that follow it.
  private(set) var bins: [[Int]]
  /// For each coordinate whether it runs backwards.
  private let isReversed: [Bool]

  /// - Parameters:
  ///   - coordinates: those that are embedded.
  ///   - count: of all coordinates.
  ///   - level: how often the dimensions are split.
  init(_ coordinates: [Int], of count: Int, level: Int, seed: UInt64) {
    var stream = RandomStream(seed: seed, purpose: stableHash("embedding"), index: 0)
    isReversed = (0..<count).map { _ in stream.uniform() < 0.5 }
    var order = coordinates
    stream.shuffle(&order)
    let first = min(order.count, Self.plan(order.count).first)
    bins = (0..<first).map { bin in Array(order[bin * order.count / first..<(bin + 1) * order.count / first]) }
    for split in 0..<level {
      var stream = RandomStream(seed: seed, purpose: stableHash("split"), index: UInt64(split))
      for bin in bins.indices {
        var members = bins[bin]
        stream.shuffle(&members)
        let parts = min(Self.newBins + 1, members.count)
        let cut = (0..<parts).map { Array(members[$0 * members.count / parts..<($0 + 1) * members.count / parts]) }
        bins[bin] = cut[0]
        bins += cut.dropFirst()
      }
    }
  }

  /// The dimensions to begin with, and the splits after which there are about as many dimensions as coordinates: the pair
  /// that comes nearest to them.
  static func plan(_ count: Int) -> (first: Int, splits: Int) {
    guard count > 0 else { return (0, 0) }
    let plans = (1...newBins).map { first -> (first: Int, splits: Int, miss: Int) in
      let ratio = Double(count) / Double(first)
      let splits = max(0, Int((logarithm(ratio) / logarithm(Double(newBins + 1))).rounded()))
      var reached = first
      for _ in 0..<splits { reached *= newBins + 1 }
      return (first, splits, abs(reached - count))
    }
    let best = plans.min { ($0.miss, $0.first) < ($1.miss, $1.first) } ?? plans[0]
    return (best.first, best.splits)
  }

  /// The dimensions at each level, up to the one with all coordinates.
  static func dimensions(_ count: Int) -> [Int] {
    var result: [Int] = []
    var embedding = NestedEmbedding(Array(0..<count), of: count, level: 0, seed: 0)
    while result.last != embedding.bins.count, result.count < 64 {
      result.append(embedding.bins.count)
      embedding = NestedEmbedding(Array(0..<count), of: count, level: result.count, seed: 0)
    }
    return result
  }

  /// Failures running after which a region of each level is halved, so that all levels have their share of the budget.
  /// - Parameters:
  ///   - count: coordinates.
  ///   - budget: trials.
  static func tolerances(_ count: Int, budget: Int) -> [Int] {
    let (dimension, splits) = plan(count)
    let first = Double(dimension)
    let power = exponential(Double(splits + 1) * logarithm(Double(newBins + 1)))
    let halvings = (logarithm(TrustRegion.firstLength / TrustRegion.leastLength) / logarithm(2)).rounded(.down)
    return dimensions(count).map { dimension in
      if dimension >= count { return max(1, count) }
      let share = (Double(newBins * budget * dimension) / (first * (power - 1))).rounded()
      return max(1, min(dimension, Int(share / halvings)))
    }
  }

  /// A point of the small cube: the mean over the coordinates that follow each dimension and are active.
  /// - Parameter units: NaN where inactive.
  func project(_ units: [Double]) -> [Double] {
    bins.map { bin in
      var sum = 0.0
      var count = 0.0
      for coordinate in bin where !units[coordinate].isNaN {
        let unit = min(max(units[coordinate], 0), 1)
        sum += isReversed[coordinate] ? 1 - unit : unit
        count += 1
      }
      return count > 0 ? sum / count : 0.5
    }
  }

  /// Writes the coordinates at a point of the small cube.
  func embed(_ point: [Double], into units: inout [Double]) {
    for (value, bin) in zip(point, bins) {
      for coordinate in bin { units[coordinate] = isReversed[coordinate] ? 1 - value : value }
    }
  }
}
