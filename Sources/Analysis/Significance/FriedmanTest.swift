import TrimtabNumerics

/// Friedman's test that no method differs from another in rank, with the F statistic of Iman and Davenport.
///
/// Sources: Friedman, "The use of ranks to avoid the assumption of normality", JASA 32(200), 1937; Iman & Davenport,
/// "Approximations of the critical region of the Friedman statistic", Communications in Statistics 9(6), 1980; both as
/// in Demšar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006, section 3.2.2.
public struct FriedmanTest: Sendable, Equatable {
  /// The tasks P and the methods k.
  public let taskCount: Int
  public let methodCount: Int
  /// The mean rank of each method; 1 is best.
  public let averageRanks: [Double]
  /// Whether the statistics were corrected for ties.
  public let correctsTies: Bool
  /// χ² with k − 1 degrees of freedom, and the probability of a larger one by chance. 0 and 1 where every task ranks all
  /// methods equal.
  public let chiSquare: Double
  public let chiSquareP: Double
  /// F with k − 1 and (k − 1)(P − 1) degrees of freedom, the less conservative of the two, and the probability of a
  /// larger one by chance. Infinite where all tasks rank the methods alike.
  public let f: Double
  public let fP: Double

  /// - Parameters:
  ///   - values: `[task][method]`, smaller is better: means over seeds, for tasks are the blocks and seeds are not.
  ///     At least two tasks and two methods.
  ///   - decimals: values that are equal after rounding to so many decimals are ties; nil compares them exactly.
  ///   - correctsTies: divides χ² by 1 − Σ(t³ − t) / (P(k³ − k)), as SciPy and R do; false for Demšar's plain formula,
  ///     which finds less where methods tie.
  public init(_ values: [[Double]], decimals: Int? = 8, correctsTies: Bool = true) throws(AnalysisError) {
    let k = try commonCount(values, rows: "task", elements: "methods", atLeast: 2)
    guard values.count >= 2 else { throw AnalysisError("Friedman's test needs at least two tasks; there is one") }
    let ranks = try rankTable(values, decimals: decimals)
    let tasks = Double(values.count)
    let methods = Double(k)
    averageRanks = columnMeans(ranks)
    taskCount = values.count
    methodCount = k
    self.correctsTies = correctsTies

    let middle = (methods + 1) / 2
    let spread = averageRanks.reduce(0) { $0 + ($1 - middle) * ($1 - middle) }
    var statistic = 12 * tasks / (methods * (methods + 1)) * spread
    if correctsTies {
      let ties = ranks.reduce(0) { $0 + tieSum($1) }
      let untied = 1 - ties / (tasks * (methods * methods * methods - methods))
      statistic = untied > 0 ? statistic / untied : 0
    }
    chiSquare = statistic
    chiSquareP = UpperTail.chiSquare(statistic, degrees: methods - 1)
    // Rounding can leave the denominator, which is 0 for equal rankings, a little below it.
    f = (tasks - 1) * statistic / max(tasks * (methods - 1) - statistic, 0)
    fP = UpperTail.f(f, numerator: methods - 1, denominator: (methods - 1) * (tasks - 1))
  }
}

/// Σ(t³ − t) over the groups of equal ranks, t being the size of a group.
func tieSum(_ ranks: [Double]) -> Double {
  let sorted = ranks.sorted()
  var sum = 0.0
  var first = 0
  while first < sorted.count {
    var end = first + 1
    while end < sorted.count, sorted[end] == sorted[first] { end += 1 }
    let size = Double(end - first)
    sum += size * size * size - size
    first = end
  }
  return sum
}
