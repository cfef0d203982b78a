import TrimtabNumerics

/// An acquisition function of a Gaussian process, whole batches of points at a time.
///
/// The process may be conditioned on several sets of targets at once ("fantasies"): its variance is the same for all of
/// them, each has its own mean and threshold, and the acquisition is the mean over them (in the logarithm, where the
/// kind is one). So pending trials are respected: with their outcomes drawn from the model, the expected improvement on
/// the best of them all, averaged over the draws, differs by a constant from the joint expected improvement of the
/// pending trials and the new one.
///
/// Sources: Snoek, Larochelle & Adams 2012 (fantasies); Ginsbourger, Le Riche & Carraro, "Kriging is well-suited to
/// parallelize optimization", 2010 (kriging believer); Letham, Karrer, Ottoni & Bakshy, "Constrained Bayesian
/// optimization with noisy experiments", Bayesian Analysis 14, 2019 (noisy expected improvement).
public struct ModelAcquisition: Acquisition {
  static let chunk = 256
  /// By how much, in scores, the probability of improvement asks for more beside pending points.
  static let probabilityMargin = 0.01
  public let process: GaussianProcess
  public let kind: AcquisitionKind
  /// K⁻¹(y − c) for each set of targets, in columns.
  let weights: Matrix
  let thresholds: [Double]

  /// - Parameter process: with its targets.
  public init(_ process: GaussianProcess, _ kind: AcquisitionKind, threshold: Double) {
    self.process = process
    self.kind = kind
    weights = Matrix(rows: process.weights.count, columns: 1, storage: process.weights)
    thresholds = [threshold]
  }

  init(_ process: GaussianProcess, _ kind: AcquisitionKind, weights: Matrix, thresholds: [Double]) {
    self.process = process
    self.kind = kind
    self.weights = weights
    self.thresholds = thresholds
  }

  /// The expected improvement beside pending points whose outcomes are drawn from the model.
  ///
  /// - Parameters:
  ///   - process: with its targets.
  ///   - pending: kept apart from the observations; a pending point that the factor cannot take is left out.
  ///   - draws: sets of outcomes, from a scrambled Sobol sequence; 1 for the most likely outcome ("kriging believer").
  public init(
    _ process: GaussianProcess, _ kind: AcquisitionKind, threshold: Double, pending: FeaturePoints, draws: Int,
    seed: UInt64
  ) {
    let (extended, taken) = process.believing(pending)
    guard taken.count > 0 else {
      self.init(process, kind, threshold: threshold)
      return
    }
    let batch = process.predict(taken)
    let n = process.points.count
    let q = taken.count
    var outcomes = [batch.means]
    if draws > 1, case .logExpectedImprovement = kind, let factor = CholeskyFactor(process.covariance(batch)),
      let normals = Self.normals(q, count: draws, seed: seed)
    {
      outcomes = normals.map { normal in
        (0..<q).map { i in
          var value = batch.means[i]
          for j in 0...i { value += factor[i, j] * normal[j] }
          return value
        }
      }
    }
    // What is believed of a pending point is to be improved on, too: beside a lower threshold that point itself would stay
    // the best of all. An improvement that is only probable needs a margin besides.
    let margin = if case .logProbability = kind { Self.probabilityMargin } else { 0.0 }
    let thresholds = outcomes.map { max(threshold, $0.max() ?? threshold) + margin }
    var targets = Matrix(rows: n + q, columns: outcomes.count)
    for (column, outcome) in outcomes.enumerated() {
      for i in 0..<n { targets[i, column] = process.targets[i] - process.mean }
      for i in 0..<q { targets[n + i, column] = outcome[i] - process.mean }
    }
    extended.factor.solve(&targets)
    extended.factor.solve(&targets, transposed: true)
    self.init(extended, kind, weights: targets, thresholds: thresholds)
  }

  /// The expected improvement on the best of the true values at the observed points, which the noise hides: both they
  /// and the best of them are drawn from the model.
  ///
  /// - Parameter rivals: the points of which the best true value is to be improved on, besides the pending ones, where these
  ///   are not the observed points: with the whole of a resource of which the observations had a part.
  /// - Returns: nil when a covariance matrix cannot be factorised.
  public init?(
    noisy process: GaussianProcess, rivals: FeaturePoints? = nil, pending: FeaturePoints, draws: Int, seed: UInt64
  ) {
    var points = process.points
    var isRival = [Bool](repeating: rivals == nil, count: points.count)
    for rival in 0..<(rivals?.count ?? 0) {
      guard let rivals else { break }
      if let known = (0..<process.points.count).first(where: { rivals.squaredDistance(rival, to: points, $0) == 0 }) {
        isRival[known] = true
      } else {
        points.append(rival, of: rivals)
        isRival.append(true)
      }
    }
    for i in 0..<pending.count { points.append(i, of: pending) }
    isRival += [Bool](repeating: true, count: pending.count)
    let batch = process.predict(points)
    var exact = process.parameters
    exact.noise = 1e-8
    guard let factor = CholeskyFactor(process.covariance(batch)),
      var conditioned = GaussianProcess(points, exact, estimatesMean: false),
      let normals = Self.normals(points.count, count: draws, seed: seed)
    else { return nil }
    let n = points.count
    var targets = Matrix(rows: n, columns: draws)
    var thresholds: [Double] = []
    for (column, normal) in normals.enumerated() {
      var best = -Double.infinity
      for i in 0..<n {
        var value = batch.means[i]
        for j in 0...i { value += factor[i, j] * normal[j] }
        targets[i, column] = value - process.mean
        if isRival[i] { best = max(best, value) }
      }
      thresholds.append(best)
    }
    conditioned.factor.solve(&targets)
    conditioned.factor.solve(&targets, transposed: true)
    conditioned.setTargets(batch.means, mean: process.mean)
    self.init(conditioned, .logExpectedImprovement, weights: targets, thresholds: thresholds)
  }

  /// Points of a scrambled Sobol sequence as standard normal vectors; nil above its number of dimensions.
  static func normals(_ dimension: Int, count: Int, seed: UInt64) -> [[Double]]? {
    guard let sequence = try? SobolSequence(dimension: dimension, seed: seed) else { return nil }
    return (0..<count).map { index in
      // Half a unit in the last place keeps 0 away from the ends.
      sequence.point(at: UInt64(index)).map { NormalDistribution.quantile(min(max($0, 0x1p-33), 1 - 0x1p-33)) }
    }
  }

  // MARK: Evaluation

  public var hasGradients: Bool { true }
  public var numberScales: [Double] { process.parameters.numberScales }

  /// The acquisition at several points.
  public func values(_ points: FeaturePoints) -> [Double] {
    var result: [Double] = []
    result.reserveCapacity(points.count)
    for start in stride(from: 0, to: points.count, by: Self.chunk) {
      let part =
        points.count <= Self.chunk ? points : points.subset(start..<min(start + Self.chunk, points.count))
      let (batch, means) = process.predict(part, weights: weights)
      for i in 0..<part.count { result.append(combine(i, means, batch.variances[i]).value) }
    }
    return result
  }

  /// The acquisition at several points, and its gradients with respect to their numbers: a column a point.
  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    let (batch, means) = process.predict(points, weights: weights, withGradients: true)
    var values: [Double] = []
    var meanSlopes = Matrix(rows: thresholds.count, columns: points.count)
    var varianceSlopes: [Double] = []
    for i in 0..<points.count {
      let combined = combine(i, means, batch.variances[i])
      values.append(combined.value)
      varianceSlopes.append(combined.variance)
      for s in thresholds.indices { meanSlopes[s, i] = combined.means[s] }
    }
    let meanWeights = LinearAlgebra.product(weights, meanSlopes)
    return (values, process.gradients(batch, meanWeights: meanWeights, varianceWeights: varianceSlopes))
  }

  /// The value at one point and its derivatives with respect to each mean and the variance.
  private func combine(
    _ point: Int, _ means: Matrix, _ variance: Double
  ) -> (value: Double, means: [Double], variance: Double) {
    let count = thresholds.count
    let parts = (0..<count).map {
      kind.evaluate(mean: means[point, $0], variance: variance, threshold: thresholds[$0])
    }
    if count == 1 { return (parts[0].value, [parts[0].mean], parts[0].variance) }
    let total = logSumExp(parts.map(\.value))
    var slopes: [Double] = []
    var varianceSlope = 0.0
    for part in parts {
      let share = _exp(part.value - total)
      slopes.append(share * part.mean)
      varianceSlope += share * part.variance
    }
    return (total - _log(Double(count)), slopes, varianceSlope)
  }
}
