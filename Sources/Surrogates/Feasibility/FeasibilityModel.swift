import TrimtabNumerics

/// How likely a configuration is to give a value at all, learned from trials that did and trials that failed.
///
/// A latent Gaussian process with a probit likelihood. Its latent mean is the share of successes; one factor on all
/// prior length scales and the latent variance are chosen by the energy of expectation propagation at variational sites,
/// which follows the evidence better than the variational bound does; predictions keep the variational sites.
/// Source: Li, John & Solin, "Improving hyperparameter learning under approximate inference in Gaussian process models",
/// ICML 2023, arXiv 2306.04201.
public struct FeasibilityModel: Sendable {
  /// Points beyond so many are left out: the failures nearest in time and an even share of the successes stay.
  public static let limit = 400

  /// The process of the latent function, each point seen through the noise of its site.
  private let process: GaussianProcess
  private let offset: Double
  /// The logarithm of the evidence of the chosen parameters.
  public let evidence: Double

  /// - Parameters:
  ///   - succeeds: one a point.
  /// - Returns: nil when all points agree, or the model cannot be made.
  public init?(_ points: FeaturePoints, succeeds: [Bool]) {
    precondition(points.count == succeeds.count, "\(succeeds.count) outcomes for \(points.count) points")
    let successes = succeeds.filter { $0 }.count
    guard successes > 0, successes < succeeds.count else { return nil }
    let signs = succeeds.map { $0 ? 1.0 : -1 }
    let share = Double(successes + 1) / Double(succeeds.count + 2)
    let prior = KernelPrior(dimension: points.numberCount + points.choiceCount)
    let modes = prior.modes(numberCount: points.numberCount, choiceCount: points.choiceCount, warps: false)
    var best: (energy: Double, parameters: KernelParameters, offset: Double, sites: ProbitSites)?
    for factor in [0.5, 1, 2, 4] {
      for signal in [1.0, 4, 16] {
        var parameters = modes
        for i in parameters.numberScales.indices { parameters.numberScales[i] *= factor }
        for i in parameters.choiceScales.indices { parameters.choiceScales[i] *= factor }
        parameters.signal = signal
        // P(success) without data is then the share of successes.
        let offset = NormalDistribution.quantile(share) * (1 + signal).squareRoot()
        var covariances = MaternKernel.covariances(points, points, parameters)
        for i in 0..<points.count { covariances[i, i] = signal * (1 + 1e-8) }
        guard
          let sites = ProbitSites(
            covariances, signs: signs, offset: offset, by: .variational, sweeps: 30, tolerance: 1e-4)
        else { continue }
        let density = KernelPrior.logNormal(
          _log(prior.scaleMode * factor), mean: prior.logScaleMean, deviation: KernelPrior.scaleDeviation
        ).value
        let energy = sites.propagationEnergy + density
        guard energy.isFinite, energy > best?.energy ?? -.infinity else { continue }
        best = (energy, parameters, offset, sites)
      }
    }
    guard let best else { return nil }
    let sites = best.sites
    let noises = sites.precisions.map { 1 / max($0, 1e-8) }
    guard
      var process = GaussianProcess(points, best.parameters, estimatesMean: false, noises: noises)
    else { return nil }
    process.setTargets(zip(sites.naturals, noises).map { $0 * $1 }, mean: 0)
    self.process = process
    offset = best.offset
    evidence = best.energy
  }

  /// The probability of a value at several points.
  public func probabilities(_ points: FeaturePoints) -> [Double] {
    logProbabilities(points).map(_exp)
  }

  func logProbabilities(_ points: FeaturePoints) -> [Double] {
    let batch = process.predict(points)
    return (0..<points.count).map {
      NormalDistribution.logCDF((batch.means[$0] + offset) / (1 + batch.variances[$0]).squareRoot())
    }
  }

  func logProbabilitiesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    let weights = Matrix(rows: process.weights.count, columns: 1, storage: process.weights)
    let (batch, _) = process.predict(points, weights: weights, withGradients: true)
    var values: [Double] = []
    var meanSlopes = Matrix(rows: 1, columns: points.count)
    var varianceSlopes: [Double] = []
    for i in 0..<points.count {
      let root = (1 + batch.variances[i]).squareRoot()
      let z = (batch.means[i] + offset) / root
      let value = NormalDistribution.logCDF(z)
      let slope = _exp(NormalDistribution.logPDF(z) - value)
      values.append(value)
      meanSlopes[0, i] = slope / root
      varianceSlopes.append(-0.5 * slope * z / (root * root))
    }
    return (
      values,
      process.gradients(
        batch, meanWeights: LinearAlgebra.product(weights, meanSlopes), varianceWeights: varianceSlopes)
    )
  }
}

/// An acquisition function times the probability that the configuration gives a value.
/// Source: Gardner, Kusner, Xu, Weinberger & Cunningham, "Bayesian optimization with inequality constraints", ICML 2014.
public struct FeasibleAcquisition: Acquisition {
  /// In logarithms.
  let base: any Acquisition
  let feasibility: FeasibilityModel

  public init(_ base: any Acquisition, _ feasibility: FeasibilityModel) {
    self.base = base
    self.feasibility = feasibility
  }

  public var hasGradients: Bool { base.hasGradients }
  public var numberScales: [Double] { base.numberScales }

  public func values(_ points: FeaturePoints) -> [Double] {
    zip(base.values(points), feasibility.logProbabilities(points)).map { $0 + $1 }
  }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    var (values, gradients) = base.valuesAndGradients(points)
    let other = feasibility.logProbabilitiesAndGradients(points)
    for i in values.indices { values[i] += other.values[i] }
    for i in gradients.storage.indices { gradients.storage[i] += other.gradients.storage[i] }
    return (values, gradients)
  }
}
