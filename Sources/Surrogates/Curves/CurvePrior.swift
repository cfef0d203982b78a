import TrimtabNumerics

/// What is believed of learning curves before any is seen: scores in [0, 1], the greater the better, over the share t of the full
/// resource, that tend to an asymptote as a mixture of four bases, each of which may saturate or turn round.
///
///     z = t below X_k, and X_k + R_k (t − X_k) beyond;  q = z / X_k,  D = Y∞ − Y0
///     power       Y∞ − D ((C^(1/a) − 1) q + 1)^(−a)
///     exponential Y∞ − D C^(−q^a)
///     logarithm   Y∞ − D ln a / ln((a^C − a) q + a)
///     Hill        Y∞ − D / (q^a (C − 1) + 1)
///
/// Each basis has come to the distance D/C from the asymptote at q = 1.
/// Source: Rakotoarison, Adriaensen, Mallik, Garibov, Bergman & Hutter, "In-context freeze-thaw Bayesian optimization for
/// hyperparameter optimization", ICML 2024, arXiv 2404.16795, with the constants of its program.
public struct CurvePrior: Sendable, Equatable {
  /// Standard normal numbers from which a curve is made.
  public static let latents = 26
  /// The first of them, of the score before training and of the best score, are the same for all configurations.
  static let shared = 3

  /// The score before training, and the asymptote.
  var start: Double
  var asymptote: Double
  /// One a basis.
  var weights: [Double]
  var shapes: [Double]
  var saturations: [Double]
  var depths: [Double]
  var speeds: [Double]
  /// The deviation of a score from the curve.
  var noise: Double

  /// The curve of some standard normal numbers.
  public init(_ latents: some RandomAccessCollection<Double>) {
    let z = Array(latents)
    func uniform(_ i: Int) -> Double { min(max(NormalDistribution.cdf(z[i]), 1e-12), 1 - 1e-12) }
    func exponential(_ i: Int) -> Double { -_log1p(-uniform(i)) }
    // The lesser of two uniform numbers, and the greater given that: so each latent number means one thing only.
    start = 1 - (1 - uniform(0)).squareRoot()
    let top = uniform(2) < 0.25 ? start + uniform(1) * (1 - start) : 1
    asymptote = start + uniform(3) * (top - start)
    weights = (4..<8).map(exponential)
    let sum = weights.reduce(0, +)
    for i in weights.indices { weights[i] /= sum }
    shapes = [_exp(1 + z[8]), _exp(z[9]), 1 + _exp(-4 + z[10]), _exp(0.5 + 0.5 * z[11])]
    let scale = _exp(z[12] * 2.302585092994046)
    saturations = (13..<17).map(exponential)
    let most = saturations.max() ?? 1
    for i in saturations.indices { saturations[i] = max(saturations[i] / most * scale, 1e-9) }
    depths = (17..<21).map { _exp(3 * uniform($0) * 2.302585092994046) }
    speeds = (21..<25).map { 1 - exponential($0) }
    noise = _exp(-5 + z[25])
  }

  /// One basis at a time.
  func basis(_ k: Int, at time: Double) -> Double {
    let saturation = saturations[k]
    let z = time < saturation ? time : speeds[k] * (time - saturation) + saturation
    if z > 0 { return rising(k, z / saturation) }
    // Divergence beyond the beginning goes on with the slope that the curve began with.
    let slope = (rising(k, 1e-9 / saturation) - start) / 1e-9
    return start > 0 ? start * _exp(max(-700, z * slope / start)) : 0
  }

  private func rising(_ k: Int, _ q: Double) -> Double {
    let (a, depth) = (shapes[k], depths[k])
    let gap = asymptote - start
    switch k {
    case 0: return asymptote - gap * _pow((_pow(depth, 1 / a) - 1) * q + 1, -a)
    case 1: return asymptote - gap * _pow(depth, -_pow(q, a))
    case 2:
      let logShape = _log(a)
      // a^C is too large a number there, beside which a is nothing.
      let logSum = depth * logShape > 700 ? depth * logShape + _log(q) : _log((_pow(a, depth) - a) * q + a)
      return asymptote - gap * logShape / max(logSum, logShape)
    default: return asymptote - gap / (_pow(q, a) * (depth - 1) + 1)
    }
  }

  /// The curve without noise.
  public func mean(at time: Double) -> Double {
    var sum = 0.0
    for k in 0..<4 { sum += weights[k] * basis(k, at: time) }
    return sum
  }

  /// The logarithm of the density of a score; of one at an end of [0, 1], of all that would be cut off to there.
  func logDensity(_ score: Double, at time: Double) -> Double {
    let mean = mean(at: time)
    guard mean.isFinite else { return -1e9 }
    if score <= 0 { return NormalDistribution.logCDF(-mean / noise) }
    if score >= 1 { return NormalDistribution.logCDF((mean - 1) / noise) }
    return NormalDistribution.logPDF((score - mean) / noise) - _log(noise)
  }

  /// The probability that the score at a time is greater than another in [0, 1).
  public func probability(above score: Double, at time: Double) -> Double {
    let mean = mean(at: time)
    return mean.isFinite ? NormalDistribution.cdf((mean - score) / noise) : 0
  }
}
