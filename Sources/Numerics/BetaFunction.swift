#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The beta function and the regularised incomplete beta function of positive arguments.
public enum BetaFunction {
  /// ln B(a, b) for a, b > 0.
  public static func log(_ a: Double, _ b: Double) -> Double {
    GammaFunction.log(a) + GammaFunction.log(b) - GammaFunction.log(a + b)
  }

  /// I_x(a, b), the distribution function at x of a beta variable. NaN unless 0 ≤ x ≤ 1 and a, b > 0.
  ///
  /// Source: Abramowitz & Stegun 26.5.8, a continued fraction, by the modified method of Lentz (Thompson & Barnett,
  /// J. Comput. Phys. 64, 1986).
  public static func regularised(_ x: Double, _ a: Double, _ b: Double) -> Double {
    regularised(x, complement: 1 - x, a, b)
  }

  /// I_x(a, b) where 1 − x is known to more digits than x itself has, as in the tails of Student's t.
  public static func regularised(_ x: Double, complement: Double, _ a: Double, _ b: Double) -> Double {
    guard x >= 0, complement >= 0, a > 0, b > 0 else { return .nan }
    if x == 0 { return 0 }
    if complement == 0 { return 1 }
    let front = exp(a * ln(x) + b * ln(complement) - log(a, b))
    // The fraction converges fast below the mean; above it the symmetry I_x(a, b) = 1 − I_1−x(b, a) leads there.
    return x < (a + 1) / (a + b + 2)
      ? front * fraction(x, a, b) / a : 1 - front * fraction(complement, b, a) / b
  }

  static func fraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
    let tiny = 1e-300
    func kept(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
    var c = 1.0
    var d = 1 / kept(1 - (a + b) * x / (a + 1))
    var value = d
    for i in 1...100_000 {
      let m = Double(i)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      d = 1 / kept(1 + even * d)
      c = kept(1 + even / c)
      value *= d * c
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      d = 1 / kept(1 + odd * d)
      c = kept(1 + odd / c)
      let factor = d * c
      value *= factor
      if abs(factor - 1) < 1e-16 { break }
    }
    return value
  }
}

/// The C library's logarithm, where `log` names another function.
@inline(__always)
private func ln(_ x: Double) -> Double { log(x) }
