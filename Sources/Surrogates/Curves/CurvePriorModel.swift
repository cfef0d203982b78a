import TrimtabNumerics

/// Learning curves of many configurations under a ``CurvePrior``: near configurations have like curves.
///
/// Each of the numbers that make a curve is a Gaussian process over configurations, with length scales in common, or the same for
/// all; what one
/// curve says of its numbers counts as an observation of each with the precision that its posterior has beyond the prior. In the
/// paper a random network stands where these processes do.
/// Source: as ``CurvePrior``; Minka, "Expectation propagation for approximate Bayesian inference", UAI 2001 (observations
/// in place of posteriors, of which one pass is made).
public struct CurvePriorModel: Sendable {
  /// Curves drawn for a new configuration.
  static let draws = 32
  /// Factors of the length scale among which the most probable is taken.
  private static let scales = [0.5, 1.0, 2.0, 4.0]
  /// The variance of what is not observed at all.
  static let nothing = 1e6

  private let posteriors: [CurvePosterior]
  private let processes: [GaussianProcess]
  /// The same for all configurations, so that they differ by their curves and not by chance.
  private let normals: [[Double]]

  /// - Parameter posteriors: one a point.
  /// - Returns: nil when a covariance matrix cannot be factorised.
  public init?(_ points: FeaturePoints, _ posteriors: [CurvePosterior], seed: UInt64) {
    precondition(points.count == posteriors.count, "\(posteriors.count) curves of \(points.count) points")
    self.posteriors = posteriors
    let prior = KernelPrior(dimension: points.numberCount + points.choiceCount)
    var best: (density: Double, processes: [GaussianProcess])?
    for factor in Self.scales {
      var parameters = prior.modes(numberCount: points.numberCount, choiceCount: points.choiceCount, warps: false)
      for i in parameters.numberScales.indices { parameters.numberScales[i] *= factor }
      for i in parameters.choiceScales.indices { parameters.choiceScales[i] *= factor }
      var processes: [GaussianProcess] = []
      var density = 0.0
      var constant = parameters
      for i in constant.numberScales.indices { constant.numberScales[i] = KernelPrior.greatestScale }
      for i in constant.choiceScales.indices { constant.choiceScales[i] = KernelPrior.greatestScale }
      for j in 0..<CurvePrior.latents {
        let sites = posteriors.map { Self.site($0.means[j], $0.variances[j]) }
        guard
          var process = GaussianProcess(
            points, j < CurvePrior.shared ? constant : parameters, estimatesMean: false,
            noises: sites.map(\.variance))
        else { break }
        process.setTargets(sites.map(\.mean))
        density += process.logMarginalLikelihood
        processes.append(process)
      }
      guard processes.count == CurvePrior.latents, density > best?.density ?? -.infinity else { continue }
      best = (density, processes)
    }
    guard let best else { return nil }
    processes = best.processes
    var stream = RandomStream(seed: seed, purpose: stableHash("new curves"), index: 0)
    normals = (0..<Self.draws).map { _ in (0..<CurvePrior.latents).map { _ in stream.normal() } }
  }

  /// The observation that turns a standard normal belief into one of this mean and variance.
  static func site(_ mean: Double, _ variance: Double) -> (mean: Double, variance: Double) {
    let precision = 1 / max(variance, 1e-6) - 1
    guard precision > 1 / nothing else { return (0, nothing) }
    return (mean / max(variance, 1e-6) / precision, 1 / precision)
  }

  public var count: Int { posteriors.count }

  /// The probability that the score of a known curve is greater than another at a time.
  public func probability(of index: Int, above score: Double, at time: Double) -> Double {
    posteriors[index].probability(above: score, at: time)
  }

  public func mean(of index: Int, at time: Double) -> Double { posteriors[index].mean(at: time) }

  /// The same of the curves of new configurations.
  public func probabilities(of points: FeaturePoints, above score: Double, at time: Double) -> [Double] {
    let predictions = processes.map { $0.predict(points) }
    var latents = [Double](repeating: 0, count: CurvePrior.latents)
    return (0..<points.count).map { i in
      var sum = 0.0
      for normal in normals {
        for j in latents.indices {
          latents[j] = predictions[j].means[i] + predictions[j].variances[i].squareRoot() * normal[j]
        }
        sum += CurvePrior(latents).probability(above: score, at: time)
      }
      return sum / Double(normals.count)
    }
  }
}
