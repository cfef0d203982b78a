import TrimtabNumerics

/// The least difference of two sums of ranks that Conover's comparisons after Friedman's test call significant.
///
/// Source: Conover, "Practical nonparametric statistics", 3rd edition, Wiley 1999, section 5.8:
/// t √(2 (nA − ΣR²) / ((n − 1)(k − 1))), A being the sum of all squared ranks, R the sums of ranks, and t the quantile of
/// Student's variable with (n − 1)(k − 1) degrees of freedom. 0 where all tasks rank the methods alike.
/// - Parameters:
///   - ranks: `[task][method]`, as ``rankTable(_:decimals:)`` makes them; at least two tasks and two methods.
///   - alpha: the probability of a false finding for a pair, in (0, 1).
public func conoverDifference(_ ranks: [[Double]], alpha: Double = 0.05) throws(AnalysisError) -> Double {
  guard alpha > 0, alpha < 1 else { throw AnalysisError("alpha is \(alpha); it must lie between 0 and 1") }
  let k = try commonCount(ranks, rows: "task", elements: "methods", atLeast: 2)
  guard ranks.count >= 2 else { throw AnalysisError("pairs are compared over at least two tasks; there is one") }
  var sums = [Double](repeating: 0, count: k)
  var squares = 0.0
  for row in ranks {
    for (method, rank) in row.enumerated() {
      sums[method] += rank
      squares += rank * rank
    }
  }
  let tasks = Double(ranks.count)
  let degrees = (tasks - 1) * Double(k - 1)
  let spread = max(0, tasks * squares - sums.reduce(0) { $0 + $1 * $1 })
  return MeanInterval.quantile(upperTail: alpha / 2, degrees: degrees) * (2 * spread / degrees).squareRoot()
}
