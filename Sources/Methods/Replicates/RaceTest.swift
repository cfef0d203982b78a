import TrimtabAnalysis

/// Which of several configurations the folds or seeds seen so far show to be worse than the best.
///
/// Friedman's test over the ranks within each fold; when it is significant, those leave whose sum of ranks exceeds the least by
/// more than Conover's comparisons allow. Two configurations are compared by Wilcoxon's signed-rank test instead.
/// Source: Birattari, Stützle, Paquete & Varrentrapp, "A racing algorithm for configuring metaheuristics", GECCO 2002.
struct RaceTest {
  /// The sum of ranks of each configuration; the least is the best.
  let rankSums: [Double]
  /// The mean cost of each.
  let means: [Double]
  /// Whether each is to go on.
  let goesOn: [Bool]

  /// - Parameters:
  ///   - costs: `[fold][configuration]`, smaller is better, all finite; not empty.
  ///   - significance: in (0, 1).
  init(_ costs: [[Double]], significance: Double) {
    let ranks = costs.map { meanRanks($0) }
    let count = costs.first?.count ?? 0
    var sums = [Double](repeating: 0, count: count)
    var means = sums
    for (row, rank) in zip(costs, ranks) {
      for i in sums.indices {
        sums[i] += rank[i]
        means[i] += row[i] / Double(costs.count)
      }
    }
    rankSums = sums
    self.means = means
    goesOn = Self.verdicts(costs, ranks, sums, significance)
  }

  private static func verdicts(
    _ costs: [[Double]], _ ranks: [[Double]], _ sums: [Double], _ significance: Double
  ) -> [Bool] {
    let everyone = [Bool](repeating: true, count: sums.count)
    guard costs.count >= 2, sums.count >= 2, let least = sums.min() else { return everyone }
    if sums.count == 2 {
      guard let test = try? WilcoxonTest(costs.map { $0[0] - $0[1] }), test.p < significance else { return everyone }
      let firstIsWorse = test.positiveRankSum > test.negativeRankSum
      return [!firstIsWorse, firstIsWorse]
    }
    guard let test = try? FriedmanTest(costs, decimals: nil), test.chiSquareP < significance,
      let difference = try? conoverDifference(ranks, alpha: significance)
    else { return everyone }
    return sums.map { $0 - least <= difference }
  }

  /// The configurations from the best to the worst: by the sum of ranks, then by the mean cost, then by their place.
  var order: [Int] {
    rankSums.indices.sorted { (rankSums[$0], means[$0], $0) < (rankSums[$1], means[$1], $1) }
  }
}
