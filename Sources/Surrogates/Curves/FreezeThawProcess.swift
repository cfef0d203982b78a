import TrimtabNumerics

/// A Gaussian process over learning curves: what a curve tends to is a process over the configurations, and each curve decays
/// towards that by a mixture of exponentials.
///
///     f ~ GP(m, k_x),  y_n(t) = f_n + d κ(t) + c_n(t) + noise,  κ(t) = β^α / (t + β)^α,  cov(c_n(t), c_n(t')) = s κ(t + t')
///
/// The paper has no drop d: there a curve of which nothing was seen is expected at its asymptote from the first step on, so
/// that new curves look better than those that have begun. With it, the amplitude of the exponentials has a mean.
/// Curves are independent given their asymptotes, so that inference costs the cube of the number of curves, and of each curve's
/// length. What a curve says of its asymptote is that of one observation z_n = m + gₙ/Λₙ with the variance 1/Λₙ, where Λₙ = 1ᵀKₙ⁻¹1
/// and gₙ = 1ᵀKₙ⁻¹(yₙ − m − d κ).
/// Source: Swersky, Snoek & Adams, "Freeze-thaw Bayesian optimization", 2014, arXiv 1406.3896, sections 2.2 and 3.
public struct FreezeThawProcess: Sendable {
  public struct Parameters: Sendable, Equatable {
    /// Of the asymptotes: length scales, and the variance as `signal`; its noise is not used.
    public var kernel: KernelParameters
    /// The constant mean of the asymptotes.
    public var mean: Double
    /// The shape α and the scale β, in units of time, of the decay; its mean d and its variance s at the beginning.
    public var shape: Double
    public var scale: Double
    public var drop: Double
    public var amplitude: Double
    /// The variance of a report's noise.
    public var noise: Double

    public init(
      kernel: KernelParameters, mean: Double, shape: Double, scale: Double, drop: Double = 0, amplitude: Double,
      noise: Double
    ) {
      self.kernel = kernel
      self.mean = mean
      self.shape = shape
      self.scale = scale
      self.drop = drop
      self.amplitude = amplitude
      self.noise = noise
    }

    @inline(__always) private func share(_ time: Double) -> Double { _exp(-shape * _log1p(time / scale)) }

    /// The covariance of a curve with itself at times whose sum is `sum`.
    @inline(__always) func decay(_ sum: Double) -> Double { amplitude * share(sum) }

    /// How far above its asymptote a curve is expected.
    @inline(__always) func height(_ time: Double) -> Double { drop * share(time) }
  }

  /// One trial's reports.
  public struct Curve: Sendable, Equatable {
    public var times: [Double]
    public var values: [Double]

    /// - Precondition: as many values as times.
    public init(times: [Double], values: [Double]) {
      precondition(times.count == values.count, "\(values.count) values at \(times.count) times")
      self.times = times
      self.values = values
    }
  }

  /// A curve with what its own covariances say.
  private struct Part: Sendable {
    var curve: Curve
    var factor: CholeskyFactor
    /// y − m − d κ.
    var centred: [Double]
    /// K⁻¹1 and K⁻¹(y − m − d κ).
    var ones: [Double]
    var residuals: [Double]
    /// Λ and g.
    var precision: Double
    var gain: Double
  }

  public let parameters: Parameters
  /// The process of the asymptotes, which sees one observation a curve.
  private let asymptotes: GaussianProcess
  private let parts: [Part]
  /// Mean and variance of the asymptote of each curve.
  private let means: [Double]
  private let variances: [Double]

  /// - Parameters:
  ///   - points: one a curve.
  ///   - curves: at least one, each with at least one report; times positive and values finite.
  /// - Returns: nil when a covariance matrix cannot be factorised.
  public init?(_ points: FeaturePoints, _ curves: [Curve], _ parameters: Parameters) {
    precondition(points.count == curves.count, "\(curves.count) curves of \(points.count) points")
    guard !curves.isEmpty else { return nil }
    var parts: [Part] = []
    for curve in curves {
      guard let part = Self.part(curve, parameters) else { return nil }
      parts.append(part)
    }
    let noises = parts.map { 1 / $0.precision }
    let observed = parts.map { parameters.mean + $0.gain / $0.precision }
    guard noises.allSatisfy({ $0 > 0 && $0.isFinite }), observed.allSatisfy(\.isFinite),
      var process = GaussianProcess(points, parameters.kernel, noises: noises)
    else { return nil }
    process.setTargets(observed, mean: parameters.mean)
    let prediction = process.predict(points)
    self.parameters = parameters
    self.parts = parts
    asymptotes = process
    means = prediction.means
    variances = prediction.variances
  }

  private static func part(_ curve: Curve, _ parameters: Parameters) -> Part? {
    let n = curve.times.count
    var covariances = Matrix(rows: n, columns: n)
    for i in 0..<n {
      for j in 0...i { covariances[i, j] = parameters.decay(curve.times[i] + curve.times[j]) }
      covariances[i, i] += parameters.noise
    }
    guard let factor = CholeskyFactor(covariances) else { return nil }
    let ones = factor.solve([Double](repeating: 1, count: n))
    let centred = zip(curve.times, curve.values).map { $1 - parameters.mean - parameters.height($0) }
    let residuals = factor.solve(centred)
    return Part(
      curve: curve, factor: factor, centred: centred, ones: ones, residuals: residuals, precision: ones.reduce(0, +),
      gain: residuals.reduce(0, +))
  }

  public var count: Int { parts.count }

  /// Mean and variance of what a curve tends to.
  public func asymptote(of index: Int) -> (mean: Double, variance: Double) { (means[index], variances[index]) }

  /// Mean and variance of what the curves of new points tend to.
  public func asymptotes(of points: FeaturePoints) -> (means: [Double], variances: [Double]) {
    let prediction = asymptotes.predict(points)
    return (prediction.means, prediction.variances)
  }

  /// Mean and variance of a curve at a time, without the noise of a report.
  public func prediction(of index: Int, at time: Double) -> (mean: Double, variance: Double) {
    let part = parts[index]
    let cross = part.curve.times.map { parameters.decay(time + $0) }
    let solved = part.factor.solve(cross)
    let rest = 1 - zip(cross, part.ones).reduce(0) { $0 + $1.0 * $1.1 }
    var mean = parameters.mean + parameters.height(time) + rest * (means[index] - parameters.mean)
    for (covariance, residual) in zip(cross, part.residuals) { mean += covariance * residual }
    let own = parameters.decay(2 * time) - LinearAlgebra.dot(cross, solved)
    return (mean, max(0, own + rest * rest * variances[index]))
  }

  /// Means and variances of the curves of new points at a time, without the noise of a report.
  public func predictions(of points: FeaturePoints, at time: Double) -> (means: [Double], variances: [Double]) {
    let (means, variances) = asymptotes(of: points)
    let height = parameters.height(time)
    return (means.map { $0 + height }, variances.map { $0 + parameters.decay(2 * time) })
  }

  /// The logarithm of the density of all reports.
  public var logMarginalLikelihood: Double {
    var sum = asymptotes.logMarginalLikelihood
    for part in parts {
      let n = Double(part.curve.times.count)
      var square = 0.0
      for (value, residual) in zip(part.centred, part.residuals) { square += value * residual }
      sum -= 0.5 * square + part.factor.halfLogDeterminant + 0.5 * n * _log(2 * Double.pi)
      // What the one observation of the asymptote counts already.
      sum += 0.5 * (part.gain * part.gain / part.precision - _log(part.precision) + _log(2 * Double.pi))
    }
    return sum
  }
}
