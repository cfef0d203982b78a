import TrimtabNumerics

/// The density of a Gaussian process's kernel parameters given observations, as a function of variables on ℝⁿ.
public protocol KernelPosterior: Sendable {
  /// Where draws begin.
  var start: [Double] { get }

  func parameters(_ variables: [Double]) -> KernelParameters

  /// The logarithm of the density of the variables, up to a constant, and its gradient; NaN where there is none.
  func logDensity(_ variables: [Double]) -> (value: Double, gradient: [Double])
}

/// The posterior under the priors of ``KernelPrior``. The variables are the logarithms of the parameters that are learned.
public struct LogNormalPosterior: KernelPosterior {
  let fit: GaussianProcessFit
  private let base: [Double]
  private let free: [Int]

  /// - Parameter mode: the parameters of greatest density.
  public init(_ fit: GaussianProcessFit, mode: KernelParameters) {
    self.fit = fit
    base = fit.likelihood.variables(mode)
    let signal = fit.likelihood.signalIndex
    free = base.indices.filter { fit.options.learnsSignal || $0 != signal }
  }

  public var start: [Double] { free.map { base[$0] } }

  private func full(_ variables: [Double]) -> [Double] {
    var full = base
    for (place, index) in free.enumerated() { full[index] = variables[place] }
    return full
  }

  public func parameters(_ variables: [Double]) -> KernelParameters { fit.likelihood.parameters(full(variables)) }

  public func logDensity(_ variables: [Double]) -> (value: Double, gradient: [Double]) {
    let (value, gradient) = fit.objective(full(variables))
    // The priors are densities of the parameters; of their logarithms they have the parameters as a factor.
    return (-value + variables.reduce(0, +), free.map { 1 - gradient[$0] })
  }
}

/// The posterior under priors that believe most coordinates to have no effect: 1/ℓⱼ² = τ ρⱼ with half-Cauchy τ and ρⱼ, so
/// that a few coordinates can have short length scales while τ holds the others down.
///
/// The variables are ln τ, ln ρ of each coordinate, ln s² and ln(v − 1e-4).
/// Source: Eriksson & Jankowiak, "High-dimensional Bayesian optimization with sparse axis-aligned subspaces", UAI 2021, arXiv
/// 2103.00349; the priors of signal and noise are those of BoTorch.
public struct SparsePosterior: KernelPosterior {
  /// The scale of τ.
  static let globalScale = 0.1
  static let leastNoise = 1e-4
  static let signalShape = 2.0
  static let signalRate = 0.15
  static let noiseShape = 0.9
  static let noiseRate = 10.0

  let likelihood: MarginalLikelihood
  private let width: Int

  /// - Parameter targets: standardised.
  public init(_ points: FeaturePoints, _ targets: [Double]) {
    likelihood = MarginalLikelihood(points, targets)
    width = points.numberCount + points.choiceCount
  }

  public var start: [Double] {
    [_log(Self.globalScale)] + Array(repeating: 0, count: width) + [0, _log(0.01)]
  }

  private func logs(_ variables: [Double]) -> [Double] {
    var result = (0..<width).map { -0.5 * (variables[0] + variables[1 + $0]) }
    result.append(variables[width + 1])
    result.append(_log(Self.leastNoise + _exp(variables[width + 2])))
    return result
  }

  public func parameters(_ variables: [Double]) -> KernelParameters { likelihood.parameters(logs(variables)) }

  /// ln p of a half-Cauchy variable's logarithm, and its derivative.
  static func halfCauchy(_ logValue: Double, scale: Double) -> (value: Double, slope: Double) {
    let ratio = _exp(logValue) / scale
    let square = ratio * ratio
    // ln(2 / (π a)) + ln x − ln(1 + (x/a)²)
    return (-0.45158270528945486 - _log(scale) + logValue - _log1p(square), 1 - 2 * square / (1 + square))
  }

  public func logDensity(_ variables: [Double]) -> (value: Double, gradient: [Double]) {
    let none = (Double.nan, [Double](repeating: .nan, count: variables.count))
    // Beyond this the kernel is a constant or white noise to the last bit.
    guard variables.allSatisfy({ abs($0) < 60 }), let found = likelihood.evaluate(logs(variables)) else { return none }
    var value = found.value
    var gradient = [Double](repeating: 0, count: variables.count)
    let global = Self.halfCauchy(variables[0], scale: Self.globalScale)
    value += global.value
    gradient[0] = global.slope
    for j in 0..<width {
      let local = Self.halfCauchy(variables[1 + j], scale: 1)
      value += local.value
      gradient[1 + j] = local.slope - 0.5 * found.gradient[j]
      gradient[0] -= 0.5 * found.gradient[j]
    }
    let signal = _exp(variables[width + 1])
    value += Self.signalShape * variables[width + 1] - Self.signalRate * signal
    gradient[width + 1] = found.gradient[width] + Self.signalShape - Self.signalRate * signal
    let noise = _exp(variables[width + 2])
    value += Self.noiseShape * variables[width + 2] - Self.noiseRate * noise
    gradient[width + 2] =
      found.gradient[width + 1] * noise / (noise + Self.leastNoise) + Self.noiseShape - Self.noiseRate * noise
    return (value, gradient)
  }
}
