import TrimtabNumerics

/// The functions of z = (μ − f*) / σ of which improvement-based acquisition functions are made, in logarithms that are
/// accurate far into the tail.
///
/// Source: Ament, Daulton, Eriksson, Balandat & Bakshy, "Unexpected improvements to expected improvement for Bayesian
/// optimization", NeurIPS 2023, arXiv 2310.20708.
public enum Improvement {
  static let halfLogTwoPi = 0.918938533204672742
  static let halfLogHalfPi = 0.22579135264472744
  static let inverseRootTwo = 0.707106781186547524
  static let logTwo = 0.693147180559945309

  /// exp(x²) erfc(x) for x ≥ 0, by its continued fraction where that converges (Abramowitz & Stegun 7.1.14).
  public static func scaledErfc(_ x: Double) -> Double {
    if x < 2 { return _exp(x * x) * _erfc(x) }
    if x > 1e8 { return 0.56418958354775628 / x }
    // Fewer terms are needed the larger x is.
    var fraction = x
    for k in stride(from: x < 6 ? 60 : 20, through: 1, by: -1) { fraction = x + Double(k) / 2 / fraction }
    return 0.56418958354775628 / fraction
  }

  /// ln(φ(z) + z Φ(z)): the logarithm of the expected improvement at σ = 1.
  public static func logExpected(_ z: Double) -> Double {
    if z > -1 { return _log(_exp(NormalDistribution.logPDF(z)) + z * NormalDistribution.cdf(z)) }
    if z >= -1000 {
      let w = _log(scaledErfc(-z * inverseRootTwo) * -z) + halfLogHalfPi
      return -0.5 * z * z - halfLogTwoPi + (w > -logTwo ? _log(-_expm1(w)) : _log1p(-_exp(w)))
    }
    let s = 1 / (z * z)
    return -0.5 * z * z - halfLogTwoPi - 2 * _log(-z) + _log1p(s * (-3 + s * (15 - 105 * s)))
  }

  /// The derivative of ``logExpected(_:)``, Φ(z) / (φ(z) + z Φ(z)), given its value.
  public static func logExpectedSlope(_ z: Double, logExpected: Double) -> Double {
    // Both logarithms are too long for a difference there, and the ratio is its leading terms.
    if z < -1000 { return -z - 2 / z }
    return _exp(NormalDistribution.logCDF(z) - logExpected)
  }
}

/// How good a configuration looks to a model, from its mean and variance; greater is better.
public enum AcquisitionKind: Sendable, Equatable {
  /// The logarithm of the expected improvement on the threshold.
  case logExpectedImprovement
  /// The logarithm of the probability of an improvement on the threshold.
  case logProbability
  /// μ + multiplier · σ.
  case upperBound(multiplier: Double)

  static let leastVariance = 1e-12

  /// The value and its derivatives with respect to the mean and the variance.
  func evaluate(mean: Double, variance: Double, threshold: Double) -> (value: Double, mean: Double, variance: Double) {
    let deviation = (variance + Self.leastVariance).squareRoot()
    switch self {
    case .logExpectedImprovement:
      let z = (mean - threshold) / deviation
      let factor = Improvement.logExpected(z)
      let slope = Improvement.logExpectedSlope(z, logExpected: factor)
      return (
        _log(deviation) + factor, slope / deviation, (1 - slope * z) / (2 * deviation * deviation)
      )
    case .logProbability:
      let z = (mean - threshold) / deviation
      let value = NormalDistribution.logCDF(z)
      let slope = _exp(NormalDistribution.logPDF(z) - value)
      return (value, slope / deviation, -slope * z / (2 * deviation * deviation))
    case .upperBound(let multiplier):
      return (mean + multiplier * deviation, 1, multiplier / (2 * deviation))
    }
  }
}
