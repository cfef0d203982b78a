import TrimtabNumerics

/// How likely a configuration is to give a value at all, learned from trials that did and trials that failed.
///
/// A latent Gaussian process with a probit likelihood. Its latent mean is the share of successes; one factor on all
/// prior length scales and the latent variance are chosen by an approximation of the evidence.
/// Source: Li, John & Solin, "Improving hyperparameter learning under approximate inference in Gaussian process models",
/// ICML 2023, arXiv 2306.04201.
public struct FeasibilityModel: SuccessModel {
  /// How the likelihood, which is not normal, is approximated.
  public enum Inference: String, Sendable, CaseIterable {
    /// Variational sites, and the energy of expectation propagation at them, which follows the evidence better than the
    /// variational bound does.
    case hybrid
    /// Laplace's method: a normal distribution about the mode.
    case laplace
    /// Expectation propagation.
    case propagation
    /// Conjugate-computation variational inference, and its lower bound.
    case variational

    fileprivate var sites: ProbitSites.Inference {
      switch self {
      case .laplace: .laplace
      case .propagation: .expectationPropagation
      case .hybrid, .variational: .variational
      }
    }

    fileprivate func evidence(_ sites: ProbitSites) -> Double {
      switch self {
      case .laplace: sites.laplaceEvidence
      case .variational: sites.lowerBound
      case .hybrid, .propagation: sites.propagationEnergy
      }
    }
  }

  /// The most points that are worth their time.
  public static let limit = 200
  /// The most points from which the kernel's parameters are chosen.
  static let selectionLimit = 96

  /// The process of the latent function, each point seen through the noise of its site.
  private let latent: ProcessAboveZero

  /// What of the kernel is learned.
  public struct Kernel: Sendable, Equatable {
    /// By how much the modes of the prior of the length scales are multiplied.
    public let factor: Double
    /// The variance of the latent function.
    public let signal: Double

    fileprivate func parameters(_ points: FeaturePoints) -> KernelParameters {
      let prior = KernelPrior(dimension: points.numberCount + points.choiceCount)
      var parameters = prior.modes(numberCount: points.numberCount, choiceCount: points.choiceCount, warps: false)
      for i in parameters.numberScales.indices { parameters.numberScales[i] *= factor }
      for i in parameters.choiceScales.indices { parameters.choiceScales[i] *= factor }
      parameters.signal = signal
      return parameters
    }

    /// The latent mean with which P(success) without data is the share of successes.
    fileprivate func offset(_ succeeds: [Bool]) -> Double {
      let share = Double(succeeds.count { $0 } + 1) / Double(succeeds.count + 2)
      return NormalDistribution.quantile(share) * (1 + signal).squareRoot()
    }
  }

  /// The kernel under which the outcomes are likeliest, its prior included.
  /// - Parameters:
  ///   - succeeds: one a point.
  /// - Returns: nil when all points agree, or no model can be made.
  public static func kernel(_ points: FeaturePoints, succeeds: [Bool], by inference: Inference = .hybrid) -> Kernel? {
    guard isLearnable(points, succeeds) else { return nil }
    // A part of the points, both kinds alike, is enough to choose two numbers.
    let few = spread(succeeds, limit: selectionLimit)
    let fewPoints = points.subset(few)
    let fewSigns = few.map { succeeds[$0] ? 1.0 : -1 }
    let prior = KernelPrior(dimension: points.numberCount + points.choiceCount)
    var best: (kernel: Kernel, evidence: Double)?
    for factor in [0.5, 1, 3] {
      for signal in [2.0, 16] {
        let kernel = Kernel(factor: factor, signal: signal)
        guard
          let sites = sites(fewPoints, fewSigns, kernel.parameters(fewPoints), kernel.offset(succeeds), inference)
        else { continue }
        let density = KernelPrior.logNormal(
          _log(prior.scaleMode * factor), mean: prior.logScaleMean, deviation: KernelPrior.scaleDeviation
        ).value
        let evidence = inference.evidence(sites) + density
        guard evidence.isFinite, evidence > best?.evidence ?? -.infinity else { continue }
        best = (kernel, evidence)
      }
    }
    return best?.kernel
  }

  /// With a kernel that is chosen from these points.
  /// - Parameters:
  ///   - succeeds: one a point.
  /// - Returns: nil when all points agree, or the model cannot be made.
  public init?(_ points: FeaturePoints, succeeds: [Bool], by inference: Inference = .hybrid) {
    guard let kernel = Self.kernel(points, succeeds: succeeds, by: inference) else { return nil }
    self.init(points, succeeds: succeeds, kernel: kernel, by: inference)
  }

  /// - Parameters:
  ///   - succeeds: one a point.
  /// - Returns: nil when all points agree, or the model cannot be made.
  public init?(_ points: FeaturePoints, succeeds: [Bool], kernel: Kernel, by inference: Inference = .hybrid) {
    guard Self.isLearnable(points, succeeds) else { return nil }
    let parameters = kernel.parameters(points)
    let offset = kernel.offset(succeeds)
    let signs = succeeds.map { $0 ? 1.0 : -1 }
    guard let sites = Self.sites(points, signs, parameters, offset, inference) else { return nil }
    let noises = sites.precisions.map { 1 / max($0, 1e-8) }
    guard
      var process = GaussianProcess(points, parameters, estimatesMean: false, noises: noises)
    else { return nil }
    process.setTargets(zip(sites.naturals, noises).map { $0 * $1 }, mean: 0)
    guard process.weights.allSatisfy(\.isFinite) else { return nil }
    latent = ProcessAboveZero(process: process, sign: 1, offset: offset, noise: 1)
  }

  /// Whether there are outcomes of both kinds.
  private static func isLearnable(_ points: FeaturePoints, _ succeeds: [Bool]) -> Bool {
    precondition(points.count == succeeds.count, "\(succeeds.count) outcomes for \(points.count) points")
    return succeeds.contains(true) && succeeds.contains(false)
  }

  private static func sites(
    _ points: FeaturePoints, _ signs: [Double], _ parameters: KernelParameters, _ offset: Double, _ inference: Inference
  ) -> ProbitSites? {
    var covariances = MaternKernel.covariances(points, points, parameters)
    for i in 0..<points.count { covariances[i, i] = parameters.signal * (1 + 1e-8) }
    return ProbitSites(covariances, signs: signs, offset: offset, by: inference.sites, sweeps: 30, tolerance: 1e-3)
  }

  /// At most `limit` indices: half of them of each kind where there are enough, spread evenly.
  private static func spread(_ succeeds: [Bool], limit: Int) -> [Int] {
    guard succeeds.count > limit else { return Array(succeeds.indices) }
    let good = succeeds.indices.filter { succeeds[$0] }
    let bad = succeeds.indices.filter { !succeeds[$0] }
    let goodCount = min(good.count, max(limit / 2, limit - bad.count))
    let badCount = min(bad.count, limit - goodCount)
    return
      ((0..<goodCount).map { good[$0 * good.count / goodCount] } + (0..<badCount).map { bad[$0 * bad.count / badCount] })
      .sorted()
  }

  public func logProbabilities(_ points: FeaturePoints) -> [Double] { latent.logProbabilities(points) }

  public func logProbabilitiesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    latent.logProbabilitiesAndGradients(points)
  }
}
