import TrimtabNumerics

/// The expected improvement of a cost whose logarithm a forest predicts.
///
/// With μ and σ² of the logarithm, f* the best cost and v = (ln f* − μ) / σ it is f* Φ(v) − exp(μ + σ²/2) Φ(v − σ).
/// Source: Hutter, Hoos, Leyton-Brown & Murphy, "An experimental investigation of model-based parameter optimisation",
/// GECCO 2009.
public struct ForestImprovement: GradientFreeAcquisition {
  let forest: RandomForest
  /// ln f*.
  let best: Double

  /// - Parameters:
  ///   - forest: of logarithms of costs.
  ///   - best: the logarithm of the cost that is to be improved on.
  public init(_ forest: RandomForest, best: Double) {
    self.forest = forest
    self.best = best
  }

  /// What the forest expects at the first of some points.
  public func predict(_ points: FeaturePoints) -> (mean: Double, deviation: Double) {
    let (means, variances) = forest.predict(points)
    return (means[0], variances[0].squareRoot())
  }

  /// The expected improvement; at least 0.
  public static func value(mean: Double, variance: Double, best: Double) -> Double {
    let deviation = variance.squareRoot()
    let v = (best - mean) / deviation
    let gain =
      _exp(best) * NormalDistribution.cdf(v) - _exp(mean + 0.5 * variance) * NormalDistribution.cdf(v - deviation)
    return max(gain, 0)
  }

  /// The logarithms of the expected improvements. Those too small to be told apart are in the order of the chance of an
  /// improvement.
  public func values(_ points: FeaturePoints) -> [Double] {
    let (means, variances) = forest.predict(points)
    return means.indices.map { i in
      let gain = Self.value(mean: means[i], variance: variances[i], best: best)
      if gain > 1e-300 { return _log(gain) }
      return -700 - min(1e9, max(0, (means[i] - best) / variances[i].squareRoot()))
    }
  }
}

/// Logarithms of costs, scaled so that small differences among the best stand out.
///
/// y' = ln((y − m') / (max − m')), where m' lies as far below the least cost as the fifth percentile lies above it.
/// Source: Lindauer et al., "SMAC3", JMLR 23, 2022.
public enum LogScaledCost {
  /// - Parameter losses: finite.
  public static func apply(_ losses: [Double]) -> [Double] {
    // Without overflow, whatever the magnitudes.
    let unit = OutputTransform.unit(losses)
    let sorted = unit.sorted()
    guard let most = sorted.last, most > 0 else { return unit }
    let floor = -OutputTransform.quantile(sorted, 0.05) - 1e-10
    return unit.map { _log(($0 - floor) / (most - floor)) }
  }
}
