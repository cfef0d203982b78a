#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The range of `count` independent standard normal variables: the studentised range at infinite degrees of freedom.
public enum StudentizedRange {
  /// P(range > q), to an absolute error of 10^-13. NaN for fewer than two variables.
  ///
  /// Source: Tukey's distribution as in Lund & Lund, "Algorithm AS 190", Applied Statistics 32, 1983:
  /// P(range ≤ q) = k ∫ φ(z) [Φ(z) − Φ(z − q)]^(k−1) dz. The integrand is analytic and vanishes with all derivatives at
  /// both ends, so the trapezoid rule converges faster than any power of the step.
  public static func upperTail(_ q: Double, count: Int) -> Double {
    guard count >= 2, !q.isNaN else { return .nan }
    if q <= 0 { return 1 }
    if q == .infinity { return 0 }
    let step = 1.0 / 32
    // φ is below 10^-16 beyond 8.5, wherever the bracket lies.
    var sum = 0.0
    for i in -272...272 {
      let z = Double(i) * step
      let bracket = NormalDistribution.cdf(z) - NormalDistribution.cdf(z - q)
      sum += exp(NormalDistribution.logPDF(z)) * pow(bracket, Double(count - 1))
    }
    return min(max(1 - Double(count) * sum * step, 0), 1)
  }

  /// The q with P(range > q) = `alpha`. NaN unless 0 < alpha < 1 and there are at least two variables.
  public static func quantile(upperTail alpha: Double, count: Int) -> Double {
    guard alpha > 0, alpha < 1, count >= 2 else { return .nan }
    var low = 0.0
    var high = 1.0
    while upperTail(high, count: count) > alpha, high < 64 { high *= 2 }
    for _ in 0..<60 {
      let middle = 0.5 * (low + high)
      if upperTail(middle, count: count) > alpha { low = middle } else { high = middle }
    }
    return 0.5 * (low + high)
  }
}
