/// p-values corrected for their number: a hypothesis is rejected at level α when its corrected p is at most α, and then
/// the probability of any false rejection is at most α.
///
/// Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.
/// - Returns: in the order given, each at least as large as before and at most 1.
public func holmCorrected(_ pValues: [Double]) -> [Double] {
  let order = pValues.indices.sorted { pValues[$0] < pValues[$1] }
  var corrected = pValues
  var largest = 0.0
  for (place, i) in order.enumerated() {
    largest = max(largest, min(Double(pValues.count - place) * pValues[i], 1))
    corrected[i] = largest
  }
  return corrected
}

/// Wilcoxon's signed-rank test of every pair of methods, corrected by Holm's procedure.
public struct PairwiseWilcoxon: Sendable {
  public struct Pair: Sendable, Equatable {
    /// Indices of methods, the first the lower.
    public let first: Int
    public let second: Int
    /// Of the first less the second: where the positive ranks prevail the second is better.
    public let test: WilcoxonTest
    /// The two-sided p corrected for the number of pairs.
    public let correctedP: Double
  }

  public let methodCount: Int
  /// In lexicographic order of the indices.
  public let pairs: [Pair]

  /// - Parameters:
  ///   - values: `[task][method]`, means over seeds; smaller is better. None may be NaN.
  ///   - decimals: differences equal after rounding to so many decimals are ties; nil compares them exactly.
  public init(
    _ values: [[Double]], zeros: WilcoxonTest.Zeros = .pratt, decimals: Int? = 8
  ) throws(AnalysisError) {
    let count = try commonCount(values, rows: "task", elements: "methods", atLeast: 2)
    var tests: [(first: Int, second: Int, test: WilcoxonTest)] = []
    for first in 0..<count {
      for second in (first + 1)..<count {
        let differences = values.map { $0[first] - $0[second] }
        tests.append((first, second, try WilcoxonTest(differences, zeros: zeros, decimals: decimals)))
      }
    }
    let corrected = holmCorrected(tests.map(\.test.p))
    methodCount = count
    pairs = zip(tests, corrected).map { entry, p in
      Pair(first: entry.first, second: entry.second, test: entry.test, correctedP: p)
    }
  }

  /// The corrected p of a pair, in either order; nil for a method and itself, or an index out of range.
  public func p(_ a: Int, _ b: Int) -> Double? {
    pairs.first { ($0.first, $0.second) == (min(a, b), max(a, b)) }?.correctedP
  }

  /// The largest groups of methods of which no pair differs at level `alpha`; for critical-difference diagrams.
  public func groups(alpha: Double = 0.05) throws(AnalysisError) -> [[Int]] {
    var areAlike = [[Bool]](repeating: [Bool](repeating: false, count: methodCount), count: methodCount)
    for pair in pairs where pair.correctedP > alpha {
      areAlike[pair.first][pair.second] = true
      areAlike[pair.second][pair.first] = true
    }
    return try maximalGroups(areAlike)
  }
}
