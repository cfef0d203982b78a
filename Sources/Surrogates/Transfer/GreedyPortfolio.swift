/// Configurations that are good to begin with, whatever the next study is like: each is chosen so that together with those
/// before it the best ranks in all earlier studies are as low as possible on average.
///
/// Source: Wistuba, Schilling & Schmidt-Thieme, "Sequential model-free hyperparameter tuning", ICDM 2015. When no further
/// configuration improves on those chosen, the choice begins anew among the others.
public enum GreedyPortfolio {
  /// - Parameters:
  ///   - losses: a row a study, a column a configuration; finite. Only the order within a row counts.
  ///   - count: how many configurations are wanted.
  /// - Returns: columns, the first to be tried first; fewer than wanted when there are fewer.
  public static func order(_ losses: [[Double]], count: Int) -> [Int] {
    guard let columns = losses.first?.count, columns > 0 else { return [] }
    let ranks = losses.map(rank)
    let sums = (0..<columns).map { column in ranks.reduce(0) { $0 + $1[column] } }
    var best = [Double](repeating: .infinity, count: losses.count)
    var left = Array(0..<columns)
    var chosen: [Int] = []
    while chosen.count < count, !left.isEmpty {
      func total(_ column: Int) -> Double {
        ranks.indices.reduce(0) { $0 + min(ranks[$1][column], best[$1]) }
      }
      let found = left.map { (total($0), sums[$0], $0) }.min { $0 < $1 } ?? (0, 0, 0)
      if best.allSatisfy(\.isFinite), found.0 >= best.reduce(0, +) {
        best = best.map { _ in .infinity }
        continue
      }
      for t in ranks.indices { best[t] = min(best[t], ranks[t][found.2]) }
      chosen.append(found.2)
      left.removeAll { $0 == found.2 }
    }
    return chosen
  }

  /// 1 for the least; equal losses have equal ranks, and the next rank counts all before it.
  static func rank(_ losses: [Double]) -> [Double] {
    let order = losses.indices.sorted { (losses[$0], $0) < (losses[$1], $1) }
    var ranks = [Double](repeating: 0, count: losses.count)
    for (place, index) in order.enumerated() {
      let isTied = place > 0 && losses[order[place - 1]] == losses[index]
      ranks[index] = isTied ? ranks[order[place - 1]] : Double(place + 1)
    }
    return ranks
  }
}
