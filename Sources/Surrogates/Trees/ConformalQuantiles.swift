import TrimtabNumerics

/// Quantiles of the target given a point, widened so that intervals between them cover what they should.
///
/// Source: Romano, Patterson & Candès, "Conformalized quantile regression", NeurIPS 2019; in the form of Salinas et al.,
/// ICML 2023.
public struct ConformalQuantiles: Sendable {
  /// The levels that are predicted, symmetric about one half.
  public static let levels = [1.0 / 6, 2.0 / 6, 3.0 / 6, 4.0 / 6, 5.0 / 6]
  /// Up to so many targets nothing is held out, and nothing is corrected.
  static let leastForCorrection = 32

  private let binning: QuantileBoosting.Binning
  private let models: [QuantileBoosting]
  /// What is added to each quantile.
  let shifts: [Double]

  /// - Parameters:
  ///   - targets: one a point; finite.
  ///   - seed: of the choice of the targets that are held out.
  /// - Precondition: at least one point.
  public init(
    _ points: FeaturePoints, _ targets: [Double], options: QuantileBoosting.Options = .init(), seed: UInt64
  ) {
    var train = Array(targets.indices)
    var held: [Int] = []
    if targets.count > Self.leastForCorrection {
      var stream = RandomStream(seed: seed, purpose: stableHash("held out"), index: 0)
      stream.shuffle(&train)
      held = train.suffix(targets.count / 10).sorted()
      train = train.prefix(targets.count - held.count).sorted()
    }
    let seen = held.isEmpty ? points : points.subset(train)
    let binning = QuantileBoosting.Binning(seen)
    let bins = binning.bins(seen)
    let seenTargets = train.map { targets[$0] }
    models = Self.levels.map { QuantileBoosting(bins, binning, seenTargets, quantile: $0, options: options) }
    self.binning = binning
    var shifts = [Double](repeating: 0, count: Self.levels.count)
    if !held.isEmpty {
      let heldBins = binning.bins(points.subset(held))
      let predicted = models.map { $0.predict(heldBins) }
      for low in 0..<Self.levels.count / 2 {
        let high = Self.levels.count - 1 - low
        let errors = held.indices.map { i in
          max(predicted[low][i] - targets[held[i]], targets[held[i]] - predicted[high][i])
        }
        let correction = Self.correction(errors, coverage: 1 - 2 * Self.levels[low])
        shifts[low] = -correction
        shifts[high] = correction
      }
    }
    self.shifts = shifts
  }

  /// By how much an interval has to be widened on both sides to cover the share `coverage` of new targets.
  /// - Parameter errors: how far held-out targets lie outside the interval; negative inside.
  static func correction(_ errors: [Double], coverage: Double) -> Double {
    let level = min(1, coverage * (1 + 1 / Double(errors.count)))
    return OutputTransform.quantile(errors.sorted(), level)
  }

  /// For each level its quantile at each point, ascending at every point.
  public func predict(_ points: FeaturePoints) -> [[Double]] {
    let bins = binning.bins(points)
    var result = models.indices.map { k in models[k].predict(bins).map { $0 + shifts[k] } }
    var column = [Double](repeating: 0, count: result.count)
    for i in 0..<points.count {
      for k in result.indices { column[k] = result[k][i] }
      guard zip(column, column.dropFirst()).contains(where: { $1 < $0 }) else { continue }
      column.sort()
      for k in result.indices { result[k][i] = column[k] }
    }
    return result
  }
}
