/// Tail probabilities of the distributions that tests of hypotheses refer to. NaN in gives NaN out.
public enum UpperTail {
  /// P(X > x) for a chi-square variable. NaN unless `degrees` > 0.
  public static func chiSquare(_ x: Double, degrees: Double) -> Double {
    if x <= 0, degrees > 0 { return 1 }
    return GammaFunction.upper(degrees / 2, x / 2)
  }

  /// P(X > x) for Snedecor's F with `numerator` and `denominator` degrees of freedom. NaN unless both are positive.
  public static func f(_ x: Double, numerator: Double, denominator: Double) -> Double {
    guard numerator > 0, denominator > 0, !x.isNaN else { return .nan }
    if x <= 0 { return 1 }
    if x == .infinity { return 0 }
    let scaled = numerator * x
    let sum = denominator + scaled
    return BetaFunction.regularised(
      denominator / sum, complement: scaled / sum, denominator / 2, numerator / 2)
  }

  /// P(T > t) for Student's t. NaN unless `degrees` > 0.
  public static func studentT(_ t: Double, degrees: Double) -> Double {
    guard degrees > 0, !t.isNaN else { return .nan }
    let half = 0.5 * f(t * t, numerator: 1, denominator: degrees)
    return t >= 0 ? half : 1 - half
  }

  /// P(Z > z) for a standard normal variable.
  public static func normal(_ z: Double) -> Double { NormalDistribution.cdf(-z) }
}
