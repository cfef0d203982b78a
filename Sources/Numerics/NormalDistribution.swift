#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The standard normal distribution, whole and truncated, accurate into the far tails. NaN in gives NaN out.
public enum NormalDistribution {
  @usableFromInline static let halfLogTwoPi = 0.918938533204672742
  static let inverseRootTwo = 0.707106781186547524
  static let logTwo = 0.693147180559945309

  /// Below this the asymptotic series of Mills' ratio has more digits than the logarithm of `erfc`.
  static let tail = -10.0

  /// ln φ(x), the logarithm of the density.
  @inlinable
  public static func logPDF(_ x: Double) -> Double {
    -0.5 * x * x - halfLogTwoPi
  }

  /// Φ(x), the probability of a value below x. The relative error grows as 2 · 10^-16 · x² in the lower tail; use
  /// ``logCDF(_:)`` there.
  public static func cdf(_ x: Double) -> Double {
    0.5 * erfc(-x * inverseRootTwo)
  }

  /// ln Φ(x), to a relative error of 10^-13 for every x.
  public static func logCDF(_ x: Double) -> Double {
    if x > 0 { return log1p(-0.5 * erfc(x * inverseRootTwo)) }
    if x > tail { return log(0.5 * erfc(-x * inverseRootTwo)) }
    return logPDF(x) - log(-x) + log(millsSeries(x))
  }

  /// −x Φ(x) / φ(x) for x at or below ``tail``, by its asymptotic series (Abramowitz & Stegun 26.2.12).
  static func millsSeries(_ x: Double) -> Double {
    let step = -1 / (x * x)
    var term = 1.0
    var sum = 1.0
    var odd = 1.0
    while abs(term) > 1e-17 {
      term *= odd * step
      sum += term
      odd += 2
    }
    return sum
  }

  // MARK: Intervals

  /// ln(Φ(b) − Φ(a)): −∞ where a = b, NaN where a > b. Either end may be infinite.
  ///
  /// No digits are lost to cancellation, however narrow the interval or far out.
  public static func logIntervalMass(_ a: Double, _ b: Double) -> Double {
    guard a < b else { return a == b ? -.infinity : .nan }
    if a > 0 { return logIntervalMass(-b, -a) }

    let width = b - a
    let middle = a + 0.5 * width
    if width * (1 + abs(middle)) < 0.02 {
      // Taylor series of the density about the middle; its next term is below 10^-16 here.
      let square = middle * middle
      let h = 0.25 * width * width
      let correction = h * (square - 1) / 6 + h * h * ((square - 6) * square + 3) / 120
      return logPDF(middle) + log(width) + log1p(correction)
    }
    if b > 0 {
      let outside = cdf(a) + cdf(-b)
      return outside < 0.5
        ? log1p(-outside) : log(0.5 * (erf(b * inverseRootTwo) - erf(a * inverseRootTwo)))
    }
    let upper = logCDF(b)
    if a == -.infinity || upper == -.infinity { return upper }
    let difference: Double
    if b <= tail {
      // Each logarithm is huge: take the leading terms from each other before rounding.
      difference = 0.5 * width * (a + b) + log(b / a) + log(millsSeries(a) / millsSeries(b))
    } else {
      difference = logCDF(a) - upper
    }
    return upper + (difference > -logTwo ? log(-expm1(difference)) : log1p(-exp(difference)))
  }

  /// The `u`-quantile of a standard normal truncated to [a, b]: always within [a, b], `a` at u = 0 and `b` at u = 1.
  ///
  /// Either end may be infinite. NaN where u is outside [0, 1] or a > b.
  public static func truncatedQuantile(_ u: Double, _ a: Double, _ b: Double) -> Double {
    guard u >= 0, u <= 1, a <= b else { return .nan }
    if u == 0 || a == b { return a }
    if u == 1 { return b }
    let mass = logIntervalMass(a, b)
    let below = log(u) + mass
    let above = log1p(-u) + mass
    let x =
      a > 0
      ? -truncatedLowerQuantile(below: above, above: below, -b, -a)
      : truncatedLowerQuantile(below: below, above: above, a, b)
    return min(max(x, a), b)
  }

  /// The point of [a, b], a ≤ 0, with the given logarithms of the mass of [a, b] below and above it.
  static func truncatedLowerQuantile(below: Double, above: Double, _ a: Double, _ b: Double) -> Double {
    let lower = logAddExp(logCDF(a), below)
    // All the mass sits at b when its density is below what a logarithm can hold.
    if lower == -.infinity { return b }
    if lower <= -logTwo { return quantile(logProbability: lower) }
    return -quantile(logProbability: logAddExp(logCDF(-b), above))
  }

  // MARK: Quantiles

  /// The x with Φ(x) = `p`: −∞ at 0, +∞ at 1, NaN outside [0, 1]. The relative error is below 10^-15.
  ///
  /// Source: Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37,
  /// 1988 (PPND16). Its own error is that of rounding, so no refinement follows.
  public static func quantile(_ p: Double) -> Double {
    let offset = p - 0.5
    if abs(offset) <= 0.425 { return centralQuantile(offset) }
    guard p > 0, p < 1 else { return p == 0 ? -.infinity : p == 1 ? .infinity : .nan }
    return offset < 0 ? tailQuantile(log(p)) : -tailQuantile(log(1 - p))
  }

  /// The x with ln Φ(x) = `logProbability`, also where Φ(x) is too small for a `Double`; NaN above 0. The relative
  /// error is below 2 · 10^-15, near the median the absolute error below 3 · 10^-16.
  public static func quantile(logProbability: Double) -> Double {
    if logProbability > -1 {
      return logProbability <= 0 ? -quantile(-expm1(logProbability)) : .nan
    }
    let offset = exp(logProbability) - 0.5
    return offset >= -0.425 ? centralQuantile(offset) : tailQuantile(logProbability)
  }

  /// The quantile of 1/2 + `offset`, |offset| ≤ 0.425.
  static func centralQuantile(_ offset: Double) -> Double {
    offset
      * ratio(
        0.180625 - offset * offset,
        (
          3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
          45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727
        ),
        (
          42.313330701600911252, 687.18700749205790830, 5394.1960214247511077, 21213.794301586595867,
          39307.895800092710610, 28729.085735721942674, 5226.4952788528545610
        ))
  }

  /// The quantile of a probability below 0.075 with the given logarithm.
  static func tailQuantile(_ logProbability: Double) -> Double {
    let r = (-logProbability).squareRoot()
    if r <= 5 {
      return -ratio(
        r - 1.6,
        (
          1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
          1.27045825245236838258, 0.241780725177450611770, 0.0227238449892691845833, 7.74545014278341407640e-4
        ),
        (
          2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550, 0.148103976427480074590,
          0.0151986665636164571966, 5.47593808499534494600e-4, 1.05075007164441684324e-9
        ))
    }
    if r <= 26 {
      return -ratio(
        r - 5,
        (
          6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 0.296560571828504891230,
          0.0265321895265761230930, 0.00124266094738807843860, 2.71155556874348757815e-5,
          2.01033439929228813265e-7
        ),
        (
          0.599832206555887937690, 0.136929880922735805310, 0.0148753612908506148525, 7.86869131145613259100e-4,
          1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15
        ))
    }
    return farTailQuantile(logProbability)
  }

  /// The quantile beyond the range of the rational approximations: Newton's method on ln Φ, which is so nearly a
  /// parabola there that three steps from the leading terms suffice.
  static func farTailQuantile(_ logProbability: Double) -> Double {
    guard logProbability.isFinite else { return logProbability }
    let leading = -2 * (logProbability + halfLogTwoPi)
    var x = -(leading - log(leading)).squareRoot()
    for _ in 0..<3 {
      let slope = -x / millsSeries(x)
      x -= (logCDF(x) - logProbability) / slope
    }
    return x
  }

  /// A quotient of two polynomials of degree 7; the constant term of the lower one is 1.
  @inline(__always)
  static func ratio(
    _ x: Double, _ a: (Double, Double, Double, Double, Double, Double, Double, Double),
    _ b: (Double, Double, Double, Double, Double, Double, Double)
  ) -> Double {
    let upperHigh = ((a.7 * x + a.6) * x + a.5) * x + a.4
    let upper = (((upperHigh * x + a.3) * x + a.2) * x + a.1) * x + a.0
    let lowerHigh = ((b.6 * x + b.5) * x + b.4) * x + b.3
    let lower = (((lowerHigh * x + b.2) * x + b.1) * x + b.0) * x + 1
    return upper / lower
  }
}
