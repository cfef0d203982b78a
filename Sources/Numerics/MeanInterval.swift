/// The mean of independent normal values, with the interval that holds the true mean with a given probability.
///
/// Source: Student, "The probable error of a mean", Biometrika 6(1), 1908.
public struct MeanInterval: Sendable, Equatable {
  public let mean: Double
  /// Half of the interval's width; infinite for a single value.
  public let halfWidth: Double

  /// - Parameter confidence: the probability, between 0 and 1.
  /// - Returns: nil without a value, or with one that is not finite.
  public init?(_ values: [Double], confidence: Double = 0.95) {
    guard !values.isEmpty, values.allSatisfy(\.isFinite), confidence > 0, confidence < 1 else { return nil }
    let n = Double(values.count)
    mean = values.reduce(0) { $0 + $1 / n }
    var squares = 0.0
    for value in values { squares += (value - mean) * (value - mean) }
    guard values.count > 1 else {
      halfWidth = .infinity
      return
    }
    let deviation = (squares / (n - 1)).squareRoot()
    halfWidth = Self.quantile(upperTail: (1 - confidence) / 2, degrees: n - 1) * deviation / n.squareRoot()
  }

  /// The t that Student's variable exceeds with probability `alpha`, below 1/2.
  public static func quantile(upperTail alpha: Double, degrees: Double) -> Double {
    var (low, high) = (0.0, 1.0)
    while UpperTail.studentT(high, degrees: degrees) > alpha, high < 1e300 { high *= 2 }
    for _ in 0..<200 {
      let middle = 0.5 * (low + high)
      if middle <= low || middle >= high { break }
      if UpperTail.studentT(middle, degrees: degrees) > alpha { low = middle } else { high = middle }
    }
    return 0.5 * (low + high)
  }
}
