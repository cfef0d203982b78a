import TrimtabNumerics

/// How good the best configuration may be, and how good the best one so far is at least, with high probability.
///
/// Their difference bounds what is left to gain: a study may stop when that is less than the noise, or than is worth the
/// cost of further trials.
/// Source: Makarova et al., "Automatic termination for hyperparameter optimization", AutoML 2022; the width of the bounds
/// is that of Srinivas, Krause, Kakade & Seeger, "Gaussian process optimization in the bandit setting", ICML 2010, divided
/// by 5 as there.
public struct RegretBound: Sendable {
  /// The greatest upper bound anywhere.
  public let possible: Double
  /// The greatest lower bound at an observed point.
  public let certain: Double

  /// The bound misses with this probability.
  public static let missProbability = 0.1

  /// The square of the number of deviations between a mean and its bounds.
  /// - Parameters:
  ///   - dimension: coordinates.
  ///   - count: observations.
  public static func width(dimension: Int, count: Int) -> Double {
    let n = Double(count)
    return 0.4 * _log(Double(dimension) * n * n * Double.pi * Double.pi / (6 * missProbability))
  }

  /// - Parameter points: where the best may be, besides the observed points.
  /// - Returns: nil without observations.
  public init?(_ process: GaussianProcess, over points: FeaturePoints) {
    let count = process.points.count
    guard count > 0, process.targets.count == count else { return nil }
    let width = Self.width(dimension: max(1, process.parameters.coordinateCount), count: count).squareRoot()
    let observed = process.predict(process.points)
    var possible = -Double.infinity
    var certain = -Double.infinity
    for i in 0..<count {
      let reach = width * observed.variances[i].squareRoot()
      possible = max(possible, observed.means[i] + reach)
      certain = max(certain, observed.means[i] - reach)
    }
    if points.count > 0 {
      let others = process.predict(points)
      for i in 0..<points.count {
        possible = max(possible, others.means[i] + width * others.variances[i].squareRoot())
      }
    }
    guard possible.isFinite, certain.isFinite else { return nil }
    self.possible = possible
    self.certain = certain
  }
}
