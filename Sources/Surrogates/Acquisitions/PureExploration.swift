import TrimtabNumerics

/// The deviation of the function beside the pending points, within the region where the best may still lie.
///
///     σ(x | observed, pending) + 10 min(μ(x) + ½ σ(x) − τ, 0)
///
/// τ is the mean, at the observed or pending point of the greatest upper bound μ + 1.8 σ.
///
/// Sources: Contal, Buffoni, Robicquet & Vayatis, "Parallel Gaussian process optimization with upper confidence bound and
/// pure exploration", ECML PKDD 2013, arXiv 1304.5350; the constants are those of Song et al., "The Vizier Gaussian process
/// bandit algorithm", 2024, arXiv 2408.11527.
public struct PureExploration: Acquisition {
  /// The multiplier of the bound that is maximised, in Vizier's terms the coefficient of the upper confidence bound.
  public static let boundMultiplier = 1.8
  static let regionMultiplier = 0.5
  static let penalty = 10.0

  private let process: GaussianProcess
  /// With the pending points among its own.
  private let extended: GaussianProcess
  private let threshold: Double

  /// - Parameters:
  ///   - process: with its targets.
  ///   - observed: the points of the process that count, at the resource that counts.
  public init(_ process: GaussianProcess, observed: FeaturePoints, pending: FeaturePoints) {
    self.process = process
    extended = process.believing(pending).process
    var points = observed
    for i in 0..<pending.count { points.append(i, of: pending) }
    let batch = process.predict(points)
    var top = (bound: -Double.infinity, mean: 0.0)
    for i in 0..<points.count {
      let bound = batch.means[i] + Self.boundMultiplier * batch.variances[i].squareRoot()
      if bound > top.bound { top = (bound, batch.means[i]) }
    }
    threshold = top.mean
  }

  public var hasGradients: Bool { true }
  public var numberScales: [Double] { process.parameters.numberScales }

  private func value(_ mean: Double, _ variance: Double, _ extended: Double) -> (value: Double, isInside: Bool) {
    let slack = mean + Self.regionMultiplier * (variance + AcquisitionKind.leastVariance).squareRoot() - threshold
    let deviation = (extended + AcquisitionKind.leastVariance).squareRoot()
    return (deviation + Self.penalty * min(slack, 0), slack >= 0)
  }

  public func values(_ points: FeaturePoints) -> [Double] {
    var result: [Double] = []
    for start in stride(from: 0, to: points.count, by: ModelAcquisition.chunk) {
      let end = min(start + ModelAcquisition.chunk, points.count)
      let part = end - start == points.count ? points : points.subset(start..<end)
      let (own, all) = (process.predict(part), extended.predict(part))
      result += (0..<part.count).map { value(own.means[$0], own.variances[$0], all.variances[$0]).value }
    }
    return result
  }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    func batch(_ process: GaussianProcess) -> (GaussianProcess.Batch, Matrix) {
      let weights = Matrix(rows: process.weights.count, columns: 1, storage: process.weights)
      return (process.predict(points, weights: weights, withGradients: true).batch, weights)
    }
    let (own, weights) = batch(process)
    let (all, allWeights) = batch(extended)
    var values: [Double] = []
    var meanSlopes = Matrix(rows: 1, columns: points.count)
    var ownSlopes: [Double] = []
    var allSlopes: [Double] = []
    for i in 0..<points.count {
      let found = value(own.means[i], own.variances[i], all.variances[i])
      values.append(found.value)
      let root = (own.variances[i] + AcquisitionKind.leastVariance).squareRoot()
      meanSlopes[0, i] = found.isInside ? 0 : Self.penalty
      ownSlopes.append(found.isInside ? 0 : Self.penalty * Self.regionMultiplier / (2 * root))
      allSlopes.append(0.5 / (all.variances[i] + AcquisitionKind.leastVariance).squareRoot())
    }
    var gradients = process.gradients(
      own, meanWeights: LinearAlgebra.product(weights, meanSlopes), varianceWeights: ownSlopes)
    let others = extended.gradients(
      all, meanWeights: Matrix(rows: allWeights.rows, columns: points.count), varianceWeights: allSlopes)
    for cell in gradients.storage.indices { gradients.storage[cell] += others.storage[cell] }
    return (values, gradients)
  }
}

extension GaussianProcess {
  /// Keeps a believed point's row of the factor away from singularity.
  static let believedNoise = 1e-8

  /// The process with further points, whose values are what it expects of them: means stay as they are everywhere, and
  /// variances shrink. Points that the factor cannot take are left out.
  ///
  /// Source: Ginsbourger, Le Riche & Carraro, "Kriging is well-suited to parallelize optimization", 2010.
  /// - Parameter noise: the variance of what is believed; nearly none when left out.
  public func believing(
    _ points: FeaturePoints, noise: Double? = nil
  ) -> (process: GaussianProcess, taken: FeaturePoints) {
    var extended = self
    var taken = FeaturePoints(numberCount: points.numberCount, choiceCount: points.choiceCount)
    // What is believed are values of the function, without noise; taken for noisy ones, they would not repel.
    for i in 0..<points.count where extended.append(i, of: points, noise: noise ?? Self.believedNoise) {
      taken.append(i, of: points)
    }
    if taken.count > 0 { extended.setTargets(targets + predict(taken).means, mean: mean) }
    return (extended, taken)
  }
}
