import TrimtabNumerics

/// By how much the least regret that a model believes in may have changed with the newest observation: when it hardly changes
/// any more, further observations are not worth their cost.
///
/// Source: Ishibashi, Karasuyama, Takeuchi & Hino, "A stopping criterion for Bayesian optimization by the gap of expected
/// minimum simple regrets", AISTATS 2023. Values are maximised here.
public struct RegretGap: Sendable, Equatable {
  /// By how much the mean of the best point rose from the model before to the model after.
  public var change: Double
  /// The deviation, in the model after, of the difference between the best point of each model.
  public var deviation: Double
  /// The Kullback-Leibler divergence between the models.
  public var divergence: Double
  /// A bound on the regret in the model before.
  public var bound: Double

  /// The precision of an observation that the divergence assumes.
  static let precision = 1e6

  public init(change: Double, deviation: Double, divergence: Double, bound: Double) {
    self.change = change
    self.deviation = deviation
    self.divergence = divergence
    self.bound = bound
  }

  /// - Parameters:
  ///   - before: the model without the newest observation.
  ///   - after: the model with it; the newest point is its last.
  ///   - points: where the best may be, besides the observed points.
  /// - Returns: nil when a model has no finite prediction.
  public init?(before: GaussianProcess, after: GaussianProcess, over points: FeaturePoints) {
    guard let newest = after.targets.last, let bound = RegretBound(before, over: points) else { return nil }
    let (old, new) = (before.predict(before.points).means, after.predict(after.points).means)
    guard let oldBest = old.indices.max(by: { (old[$0], $1) < (old[$1], $0) }),
      let newBest = new.indices.max(by: { (new[$0], $1) < (new[$1], $0) })
    else { return nil }
    let both = after.predict(after.points.subset([newBest, oldBest, after.points.count - 1]))
    let covariance = after.covariance(both)
    let square = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    self.init(
      change: new[newBest] - old[oldBest], deviation: max(1e-10, square).squareRoot(),
      divergence: Self.divergence(variance: both.variances[2], error: newest - both.means[2]),
      bound: bound.possible - bound.certain)
    guard value.isFinite else { return nil }
  }

  /// The divergence that one observation makes.
  /// - Parameters:
  ///   - variance: of the function at the newest point, in the model after.
  ///   - error: the observation less the model's mean there.
  static func divergence(variance: Double, error: Double) -> Double {
    let whole = variance + 1 / precision
    return 0.5 * _log1p(precision * variance) - 0.5 * variance / whole
      + 0.5 * variance * error * error / (whole * whole)
  }

  /// The gap: E[max(change, difference of the best points)] and what the models' divergence adds.
  public var value: Double {
    let z = -change / deviation
    return change + deviation * _exp(NormalDistribution.logPDF(z)) + deviation * z * NormalDistribution.cdf(z)
      + bound * (divergence / 2).squareRoot()
  }
}
