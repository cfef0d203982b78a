#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The gamma function and the regularised incomplete gamma functions of positive arguments.
public enum GammaFunction {
  /// ln Γ(x) for x > 0: +∞ at 0, NaN below. The absolute error is below 10^-14 · max(1, |ln Γ(x)|).
  ///
  /// The C library's `lgamma` writes to a global variable, so it is of no use to several threads.
  /// Source: Abramowitz & Stegun 6.1.41 (Stirling's series) beyond 10, and 6.1.15 (recurrence) below.
  public static func log(_ x: Double) -> Double {
    guard x > 0 else { return x == 0 ? .infinity : .nan }
    guard x < .infinity else { return x }
    var shifted = x
    var product = 1.0
    while shifted < 10 {
      product *= shifted
      shifted += 1
    }
    return stirling(shifted) - ln(product)
  }

  static func stirling(_ x: Double) -> Double {
    (x - 0.5) * ln(x) - x + 0.918938533204672742 + stirlingRest(x)
  }

  /// ln Γ(x) less the leading terms of Stirling's formula.
  static func stirlingRest(_ x: Double) -> Double {
    let square = 1 / (x * x)
    var sum = 1.0 / 156
    for coefficient in [-691.0 / 360360, 1.0 / 1188, -1.0 / 1680, 1.0 / 1260, -1.0 / 360, 1.0 / 12] {
      sum = sum * square + coefficient
    }
    return sum / x
  }

  /// ln of the binomial coefficient n over k, 0 ≤ k ≤ n; −∞ for other k.
  public static func logBinomial(_ n: Double, _ k: Double) -> Double {
    guard k >= 0, k <= n else { return -.infinity }
    return log(n + 1) - log(k + 1) - log(n - k + 1)
  }

  /// P(a, x) = γ(a, x) / Γ(a), the distribution function at x of a gamma variable of shape a and scale 1. NaN unless
  /// a > 0 and x ≥ 0.
  public static func lower(_ a: Double, _ x: Double) -> Double {
    guard a > 0, x >= 0 else { return .nan }
    if x == 0 { return 0 }
    if x == .infinity { return 1 }
    return x < a + 1 ? series(a, x) : 1 - continuedFraction(a, x)
  }

  /// Q(a, x) = 1 − P(a, x), without cancellation in the upper tail. NaN unless a > 0 and x ≥ 0.
  public static func upper(_ a: Double, _ x: Double) -> Double {
    guard a > 0, x >= 0 else { return .nan }
    if x == 0 { return 1 }
    if x == .infinity { return 0 }
    return x < a + 1 ? 1 - series(a, x) : continuedFraction(a, x)
  }

  /// x^a e^−x / Γ(a).
  static func front(_ a: Double, _ x: Double) -> Double {
    exp(a * ln(x) - x - log(a))
  }

  /// Abramowitz & Stegun 6.5.29, which converges fast for x < a + 1.
  static func series(_ a: Double, _ x: Double) -> Double {
    var term = 1 / a
    var sum = term
    var n = a
    while term > sum * 1e-17 {
      n += 1
      term *= x / n
      sum += term
    }
    return sum * front(a, x)
  }

  /// Abramowitz & Stegun 6.5.31 in its even form, by the modified method of Lentz (Thompson & Barnett, J. Comput. Phys.
  /// 64, 1986). Converges fast for x ≥ a + 1; a step costs nothing, so the bound on their number is generous.
  static func continuedFraction(_ a: Double, _ x: Double) -> Double {
    let tiny = 1e-300
    var b = x + 1 - a
    var c = 1 / tiny
    var d = 1 / b
    var value = d
    for i in 1...100_000 {
      let an = -Double(i) * (Double(i) - a)
      b += 2
      d = an * d + b
      if abs(d) < tiny { d = tiny }
      c = b + an / c
      if abs(c) < tiny { c = tiny }
      d = 1 / d
      let factor = d * c
      value *= factor
      if abs(factor - 1) < 1e-16 { break }
    }
    return value * front(a, x)
  }
}

/// The C library's logarithm, where `log` names another function.
@inline(__always)
private func ln(_ x: Double) -> Double { log(x) }
