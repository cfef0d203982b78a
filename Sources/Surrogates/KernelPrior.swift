import TrimtabNumerics

/// What is believed of a Gaussian process's parameters before any observation: densities of the parameters themselves,
/// not of their logarithms.
///
/// Length scales are log-normal around a median that grows with the square root of the number of coordinates, so that
/// functions of many coordinates are not believed to be wilder than those of few.
/// Sources: Hvarfner, Hellsten & Nardi, "Vanilla Bayesian optimization performs great in high dimensions", ICML 2024,
/// arXiv 2402.02229 (length scales and noise, as in BoTorch); Snoek et al. 2014 (warps).
public struct KernelPrior: Sendable {
  /// The number of coordinates.
  public let dimension: Int

  public static let leastScale = 0.025
  public static let greatestScale = 1e4
  public static let leastNoise = 1e-6
  public static let greatestNoise = 10.0
  static let scaleDeviation = 1.7320508075688772
  static let noiseMean = -4.0
  static let noiseDeviation = 1.0
  /// Shape and rate of the gamma density of the signal's variance, where that is learned.
  static let signalShape = 2.0
  static let signalRate = 1.0
  static let warpDeviation = 0.31622776601683794

  public init(dimension: Int) { self.dimension = max(1, dimension) }

  /// The mean of ln ℓ.
  public var logScaleMean: Double { 2.0.squareRoot() + 0.5 * _log(Double(dimension)) }

  /// The most likely length scale.
  public var scaleMode: Double { _exp(logScaleMean - Self.scaleDeviation * Self.scaleDeviation) }

  /// The most likely variance of the noise.
  public static var noiseMode: Double { _exp(noiseMean - noiseDeviation * noiseDeviation) }

  /// ln p of a log-normal density at e^`logValue`, and its derivative with respect to `logValue`.
  static func logNormal(_ logValue: Double, mean: Double, deviation: Double) -> (value: Double, slope: Double) {
    let z = (logValue - mean) / deviation
    return (NormalDistribution.logPDF(z) - _log(deviation) - logValue, -z / deviation - 1)
  }

  /// ln p(ℓ).
  public func logDensity(scale: Double) -> Double {
    Self.logNormal(_log(scale), mean: logScaleMean, deviation: Self.scaleDeviation).value
  }

  /// The parameters where each density is greatest.
  public func modes(numberCount: Int, choiceCount: Int, warps: Bool) -> KernelParameters {
    var parameters = KernelParameters(
      numberScales: Array(repeating: scaleMode, count: numberCount),
      choiceScales: Array(repeating: scaleMode, count: choiceCount), signal: 1, noise: Self.noiseMode)
    if warps { parameters.warps = Array(repeating: KumaraswamyWarp(), count: numberCount) }
    return parameters
  }
}
