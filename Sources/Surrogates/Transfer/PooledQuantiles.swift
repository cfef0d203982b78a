import TrimtabNumerics

/// What earlier studies together say of a configuration: the normal quantile of its rank within a study.
///
/// The losses of each study become normal quantiles of their ranks, which makes studies of different scales comparable. A
/// forest predicts them from the configuration; the deviation of what it has not seen says how far to trust it.
/// Source: Salinas, Shen & Perrone, "A quantile-based approach for hyperparameter transfer learning", ICML 2020, arXiv
/// 1909.13595.
///
/// Deviation: a random forest instead of gradient-boosted trees.
public struct PooledQuantiles: Sendable {
  static let trees = 40
  /// Of larger studies an even spread counts.
  static let rowLimit = 5000
  /// One in so many rows is held out.
  static let heldOut = 10
  static let leastDeviation = 0.05

  private let forest: RandomForest
  /// Of the quantiles about what is predicted.
  public let deviation: Double

  /// - Parameter studies: the losses may have any finite size.
  /// - Returns: nil when no study has two trials.
  public init?(_ studies: [(points: FeaturePoints, losses: [Double])], seed: UInt64) {
    let usable = studies.filter { $0.losses.count >= 2 }
    guard let first = usable.first else { return nil }
    let all = usable.reduce(0) { $0 + $1.losses.count }
    var points = FeaturePoints(numberCount: first.points.numberCount, choiceCount: first.points.choiceCount)
    var quantiles: [Double] = []
    for study in usable {
      let z = OutputTransform.copula.apply(study.losses)
      let kept = all <= Self.rowLimit ? z.count : max(2, z.count * Self.rowLimit / all)
      for k in 0..<kept {
        let row = k * z.count / kept
        points.append(row, of: study.points)
        quantiles.append(z[row])
      }
    }
    var order = Array(quantiles.indices)
    var stream = RandomStream(seed: seed, purpose: stableHash("pooled quantiles"), index: 0)
    stream.shuffle(&order)
    var options = RandomForest.Options()
    options.trees = Self.trees
    let held = order.prefix(max(1, order.count / Self.heldOut))
    let kept = order.dropFirst(held.count).sorted()
    let trained = RandomForest(points.subset(kept), kept.map { quantiles[$0] }, options: options, seed: seed)
    let predicted = trained.predict(points.subset(held)).means
    let square = zip(held, predicted).reduce(0) { $0 + (quantiles[$1.0] - $1.1) * (quantiles[$1.0] - $1.1) }
    // Of very few rows held out the deviation is luck: then the quantiles' own, 1, counts for as much.
    let weight = Double(held.count)
    deviation = max(Self.leastDeviation, ((square + 5) / (weight + 5)).squareRoot())
    forest = RandomForest(points, quantiles, options: options, seed: seed)
  }

  /// The expected quantile at each point; low is good.
  public func means(_ points: FeaturePoints) -> [Double] { forest.predict(points).means }
}

/// The logarithm of the expected improvement where a Gaussian process models by how much, in deviations, earlier studies
/// are wrong about this one.
public struct CorrectedImprovement: GradientFreeAcquisition {
  let prior: PooledQuantiles
  /// Of (prior − quantile) / deviation: what is better than expected is above 0.
  let process: GaussianProcess
  /// The quantile that is to be improved on.
  let best: Double

  public init(_ prior: PooledQuantiles, _ process: GaussianProcess, best: Double) {
    self.prior = prior
    self.process = process
    self.best = best
  }

  /// The expected quantiles and their variances.
  public func predict(_ points: FeaturePoints) -> (means: [Double], variances: [Double]) {
    let means = prior.means(points)
    let batch = process.predict(points)
    let deviation = prior.deviation
    return (
      zip(means, batch.means).map { $0 - deviation * $1 }, batch.variances.map { $0 * deviation * deviation }
    )
  }

  public func values(_ points: FeaturePoints) -> [Double] {
    let (means, variances) = predict(points)
    return means.indices.map {
      AcquisitionKind.logExpectedImprovement.evaluate(mean: -means[$0], variance: variances[$0], threshold: -best).value
    }
  }
}
