import TrimtabNumerics

/// Finds the kernel parameters of greatest posterior density.
///
/// Runs BoxLBFGS on the logarithms of the parameters from several starts and keeps the best. The priors are those of
/// ``KernelPrior``.
public struct GaussianProcessFit: Sendable {
  public struct Options: Sendable {
    /// Whether the signal's variance is learned; 1 otherwise, which suits standardised targets.
    public var learnsSignal = false
    public var warps = false
    /// Evaluations of the likelihood for each start.
    public var evaluations = 60
    /// Done when no logarithm of a parameter would move farther than this along the gradient.
    public var tolerance = 1e-2

    public init() {}
  }

  public struct Result: Sendable {
    public var parameters: KernelParameters
    /// The logarithm of likelihood times prior, up to a constant.
    public var logPosterior: Double
    /// Evaluations of the likelihood, all starts together.
    public var evaluations: Int
    /// Whether no start gave a finite value, and the parameters are the priors' modes.
    public var isFallback: Bool
  }

  public let likelihood: MarginalLikelihood
  public let prior: KernelPrior
  public let options: Options

  /// - Parameter targets: standardised.
  public init(_ points: FeaturePoints, _ targets: [Double], options: Options = Options()) {
    likelihood = MarginalLikelihood(points, targets, warps: options.warps)
    prior = KernelPrior(dimension: points.numberCount + points.choiceCount)
    self.options = options
  }

  /// ln prior and its gradient, up to a constant.
  func logPrior(_ variables: [Double]) -> (value: Double, gradient: [Double]) {
    var value = 0.0
    var gradient = [Double](repeating: 0, count: variables.count)
    func add(_ i: Int, _ mean: Double, _ deviation: Double) {
      let term = KernelPrior.logNormal(variables[i], mean: mean, deviation: deviation)
      value += term.value
      gradient[i] = term.slope
    }
    for i in 0..<likelihood.signalIndex { add(i, prior.logScaleMean, KernelPrior.scaleDeviation) }
    if options.learnsSignal {
      let logSignal = variables[likelihood.signalIndex]
      value += (KernelPrior.signalShape - 1) * logSignal - KernelPrior.signalRate * _exp(logSignal)
      gradient[likelihood.signalIndex] = KernelPrior.signalShape - 1 - KernelPrior.signalRate * _exp(logSignal)
    }
    add(likelihood.noiseIndex, KernelPrior.noiseMean, KernelPrior.noiseDeviation)
    for i in likelihood.noiseIndex + 1..<max(variables.count, likelihood.noiseIndex + 1) {
      add(i, 0, KernelPrior.warpDeviation)
    }
    return (value, gradient)
  }

  /// The negative logarithm of the posterior density and its gradient; NaN where there is none.
  public func objective(_ variables: [Double]) -> (value: Double, gradient: [Double]) {
    var scratch = MarginalLikelihood.Scratch()
    return objective(variables, &scratch)
  }

  /// The same in memory that was used before.
  func objective(
    _ variables: [Double], _ scratch: inout MarginalLikelihood.Scratch
  ) -> (value: Double, gradient: [Double]) {
    guard let (value, slope) = likelihood.evaluate(variables, &scratch) else {
      return (.nan, Array(repeating: .nan, count: variables.count))
    }
    let prior = logPrior(variables)
    var gradient = variables.indices.map { -slope[$0] - prior.gradient[$0] }
    if !options.learnsSignal { gradient[likelihood.signalIndex] = 0 }
    return (-value - prior.value, gradient)
  }

  var bounds: (lower: [Double], upper: [Double]) {
    let signal = likelihood.signalIndex
    var lower = Array(repeating: _log(KernelPrior.leastScale), count: signal)
    var upper = Array(repeating: _log(KernelPrior.greatestScale), count: signal)
    lower += [options.learnsSignal ? -7 : 0, _log(KernelPrior.leastNoise)]
    upper += [options.learnsSignal ? 7 : 0, _log(KernelPrior.greatestNoise)]
    // Outside this range a warp has collapsed to a step.
    let warps = likelihood.variableCount - lower.count
    lower += Array(repeating: -2.5, count: warps)
    upper += Array(repeating: 2.5, count: warps)
    return (lower, upper)
  }

  /// The modes of the priors, which are the parameters when nothing can be learned.
  public var modes: KernelParameters {
    prior.modes(
      numberCount: likelihood.points.numberCount, choiceCount: likelihood.points.choiceCount, warps: options.warps)
  }

  /// - Parameter starts: where the search begins; at least one.
  public func run(from starts: [KernelParameters]) -> Result {
    let (lower, upper) = bounds
    var settings = BoxLBFGS.Options()
    settings.tolerance = options.tolerance
    settings.evaluations = options.evaluations
    settings.leastDecrease = 1e-6
    var result = Result(parameters: modes, logPosterior: -.infinity, evaluations: 0, isFallback: true)
    var scratch = MarginalLikelihood.Scratch()
    for start in starts {
      let run = BoxLBFGS.minimise(
        from: likelihood.variables(start), lower: lower, upper: upper, options: settings
      ) { objective($0, &scratch) }
      result.evaluations += run.evaluations
      guard run.value.isFinite, -run.value > result.logPosterior else { continue }
      result.logPosterior = -run.value
      result.parameters = likelihood.parameters(run.best)
      result.isFallback = false
    }
    return result
  }

  /// Starts that know nothing: the modes of the priors, and short and long length scales with more noise.
  public var coldStarts: [KernelParameters] {
    let modes = self.modes
    var short = modes
    var long = modes
    for i in modes.numberScales.indices {
      short.numberScales[i] *= 0.4
      long.numberScales[i] *= 5
    }
    for i in modes.choiceScales.indices {
      short.choiceScales[i] *= 0.4
      long.choiceScales[i] *= 5
    }
    long.noise = 0.1
    return [modes, short, long]
  }
}
