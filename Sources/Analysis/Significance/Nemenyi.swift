import TrimtabNumerics

/// The least difference of two mean ranks that Nemenyi's test calls significant, all pairs being compared.
///
/// Source: Demšar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006, section 3.2.2:
/// q √(k(k + 1) / 6P), q being the critical value of the studentised range over √2.
/// - Parameters:
///   - alpha: the probability of any false finding, in (0, 1).
///   - methodCount: k, at least 2.
///   - taskCount: P, at least 1.
public func nemenyiDifference(
  alpha: Double = 0.05, methodCount: Int, taskCount: Int
) throws(AnalysisError) -> Double {
  guard alpha > 0, alpha < 1 else { throw AnalysisError("alpha is \(alpha); it must lie between 0 and 1") }
  guard methodCount >= 2, taskCount >= 1 else {
    throw AnalysisError(
      "\(methodCount) methods on \(taskCount) tasks; at least two methods and one task can be compared")
  }
  let q = StudentizedRange.quantile(upperTail: alpha, count: methodCount) / 2.0.squareRoot()
  let k = Double(methodCount)
  return q * (k * (k + 1) / (6 * Double(taskCount))).squareRoot()
}

/// The groups of methods that a critical-difference diagram joins: every largest set of at least two methods whose mean
/// ranks all lie within `difference` of one another.
///
/// - Returns: indices of methods, each group in the order of its ranks, the group of the best first.
public func groupsWithin(_ difference: Double, of averageRanks: [Double]) -> [[Int]] {
  let order = averageRanks.indices.sorted { (averageRanks[$0], $0) < (averageRanks[$1], $1) }
  var groups: [[Int]] = []
  var lastEnd = 0
  for first in order.indices {
    var end = first + 1
    while end < order.count, averageRanks[order[end]] - averageRanks[order[first]] <= difference { end += 1 }
    if end - first >= 2, end > lastEnd { groups.append(Array(order[first..<end])) }
    lastEnd = max(lastEnd, end)
  }
  return groups
}

/// The largest sets of at least two methods of which no pair differs: the maximal cliques of a graph.
///
/// Source: Bron & Kerbosch, "Algorithm 457: finding all cliques of an undirected graph", CACM 16(9), 1973.
/// - Parameter areAlike: `[method][method]`, symmetric; the diagonal does not matter.
/// - Returns: indices of methods in increasing order, the groups in lexicographic order.
public func maximalGroups(_ areAlike: [[Bool]]) throws(AnalysisError) -> [[Int]] {
  for row in areAlike where row.count != areAlike.count {
    throw AnalysisError("a row has \(row.count) entries for \(areAlike.count) methods; the table must be square")
  }
  var groups: [[Int]] = []
  func extend(_ group: [Int], _ candidates: [Int], _ excluded: [Int]) {
    if candidates.isEmpty {
      if excluded.isEmpty, group.count >= 2 { groups.append(group.sorted()) }
      return
    }
    var candidates = candidates
    var excluded = excluded
    for method in candidates {
      let row = areAlike[method]
      extend(group + [method], candidates.filter { $0 != method && row[$0] }, excluded.filter { row[$0] })
      candidates.removeAll { $0 == method }
      excluded.append(method)
    }
  }
  extend([], Array(areAlike.indices), [])
  return groups.sorted { $0.lexicographicallyPrecedes($1) }
}
