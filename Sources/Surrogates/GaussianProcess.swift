import TrimtabNumerics

/// An exact Gaussian process with given kernel parameters, conditioned on observations.
///
/// Observations are appended row by row without factorising anew, and can be dropped from the end. Targets may change at
/// any time: the factor depends on the points alone. The constant mean is estimated by generalised least squares,
/// c = 1ᵀK⁻¹y / 1ᵀK⁻¹1, or is 0.
///
/// Source: Rasmussen & Williams, "Gaussian processes for machine learning", MIT Press 2006, chapters 2 and 5.
public struct GaussianProcess: Sendable {
  public let parameters: KernelParameters
  public let estimatesMean: Bool
  public private(set) var points: FeaturePoints
  public private(set) var targets: [Double] = []
  public private(set) var mean = 0.0
  /// K⁻¹(y − c).
  public private(set) var weights: [Double] = []
  public private(set) var factor: CholeskyFactor
  private var scaled: MaternKernel.Scaled

  /// - Parameters:
  ///   - spare: rows for which room is kept.
  ///   - noises: the variance of the noise of each point, where they differ.
  /// - Returns: nil when the covariance matrix cannot be factorised.
  public init?(
    _ points: FeaturePoints, _ parameters: KernelParameters, estimatesMean: Bool = true, spare: Int = 0,
    noises: [Double]? = nil
  ) {
    self.parameters = parameters
    self.estimatesMean = estimatesMean
    self.points = points
    scaled = MaternKernel.scale(points, parameters)
    var covariances = MaternKernel.covariances(scaled, scaled, parameters)
    for i in 0..<points.count {
      covariances[i, i] = parameters.variance(points, i) + (noises?[i] ?? parameters.noise)
    }
    guard let factor = CholeskyFactor(covariances, spare: spare) else { return nil }
    self.factor = factor
  }

  // MARK: Observations

  /// Appends one point. Targets are to be set again before the next prediction.
  /// - Parameter noise: the variance of this point's noise, where it differs from the others'.
  /// - Returns: false, and changes nothing, when the point is too much like the others: make the process anew then.
  public mutating func append(_ index: Int, of other: FeaturePoints, noise: Double? = nil) -> Bool {
    let one = MaternKernel.scale(other.subset([index]), parameters)
    let covariances = MaternKernel.covariances(scaled, one, parameters)
    guard factor.append(covariances.storage, variance: parameters.variance(other, index) + (noise ?? parameters.noise))
    else { return false }
    points.append(index, of: other)
    scaled.numbers = Matrix(
      rows: points.numberCount, columns: points.count, storage: scaled.numbers.storage + one.numbers.storage)
    scaled.norms += one.norms
    scaled.choices = points.choices
    scaled.count += 1
    return true
  }

  /// Keeps the first `count` points and their targets. The factor is then, to the bit, what it was before the others were
  /// appended.
  public mutating func truncate(to count: Int) {
    points.truncate(to: count)
    factor.truncate(to: count)
    scaled.numbers = Matrix(
      rows: points.numberCount, columns: count,
      storage: Array(scaled.numbers.storage.prefix(count * points.numberCount)))
    scaled.norms.removeLast(scaled.norms.count - count)
    scaled.choices = points.choices
    scaled.count = count
    if targets.count > count { setTargets(Array(targets.prefix(count))) }
  }

  /// Conditions on these values of the points.
  /// - Parameter mean: the constant mean, where it is not to be estimated.
  /// - Precondition: one target a point.
  public mutating func setTargets(_ targets: [Double], mean: Double? = nil) {
    precondition(targets.count == points.count, "\(targets.count) targets for \(points.count) points")
    self.targets = targets
    // Levels have means of their own.
    self.mean = mean ?? (estimatesMean && parameters.levels == nil ? Self.generalisedMean(factor, targets) : 0)
    weights = factor.solve(targets.indices.map(residual))
  }

  /// What is left of a target without its prior mean.
  func residual(_ index: Int) -> Double { targets[index] - mean - parameters.offset(points, index) }

  /// 1ᵀK⁻¹y / 1ᵀK⁻¹1; 0 without observations.
  static func generalisedMean(_ factor: CholeskyFactor, _ targets: [Double]) -> Double {
    guard !targets.isEmpty else { return 0 }
    let ones = factor.solve([Double](repeating: 1, count: targets.count))
    return LinearAlgebra.dot(ones, targets) / ones.reduce(0, +)
  }

  /// −½ (y − c)ᵀK⁻¹(y − c) − Σ ln Lᵢᵢ − (n/2) ln 2π.
  public var logMarginalLikelihood: Double {
    var fit = 0.0
    for i in targets.indices { fit += residual(i) * weights[i] }
    return -0.5 * fit - factor.halfLogDeterminant - Double(targets.count) * 0.918938533204672742
  }

  // MARK: Prediction

  /// Predictions at several points, with what their gradients are made of.
  public struct Batch: Sendable {
    public internal(set) var means: [Double]
    /// Of the function without noise; at least 0.
    public internal(set) var variances: [Double]
    /// L⁻¹k for each point, in columns.
    var whitened: Matrix
    var slopes: Matrix?
    var scaled: MaternKernel.Scaled
    var raw: [Double]
  }

  /// The means and variances of the function at several points.
  public func predict(_ queries: FeaturePoints) -> Batch {
    predict(queries, weights: Matrix(rows: weights.count, columns: 1, storage: weights)).batch
  }

  /// As ``predict(_:)``, with the means for several sets of targets: a row a point, a column a set.
  ///
  /// - Parameters:
  ///   - weights: K⁻¹(y − c) of each set, in columns; the first gives the batch's own means.
  ///   - withGradients: whether ``gradients(_:meanWeights:varianceWeights:)`` is to follow.
  func predict(_ queries: FeaturePoints, weights: Matrix, withGradients: Bool = false) -> (batch: Batch, means: Matrix)
  {
    let other = MaternKernel.scale(queries, parameters)
    var cross = MaternKernel.squaredDistances(scaled, other, choiceScales: parameters.choiceScales)
    var slopes: Matrix?
    if withGradients {
      slopes = MaternKernel.applyValuesAndSlopes(&cross, parameters.signal)
    } else {
      MaternKernel.applyValues(&cross, parameters.signal)
    }
    if let levels = parameters.levels, let own = points.choices.last, let asked = queries.choices.last {
      levels.apply(&cross, &slopes, rows: own, columns: asked)
    }
    var means = LinearAlgebra.product(cross, weights, transposingA: true)
    for i in 0..<means.rows {
      let offset = mean + parameters.offset(queries, i)
      for column in 0..<means.columns { means[i, column] += offset }
    }
    factor.solve(&cross)
    let rows = cross.rows
    var variances = [Double](repeating: 0, count: queries.count)
    cross.storage.withUnsafeBufferPointer { cells in
      for column in 0..<queries.count {
        var sum = 0.0
        for i in column &* rows..<(column &+ 1) &* rows { sum += cells[i] * cells[i] }
        variances[column] = max(parameters.variance(queries, column) - sum, 0)
      }
    }
    let batch = Batch(
      means: Array(means.storage.prefix(queries.count)), variances: variances, whitened: cross, slopes: slopes,
      scaled: other, raw: queries.numbers)
    return (batch, means)
  }

  /// For each point of a batch the gradient of `k·meanWeights + varianceWeight · variance` with respect to its numbers: a
  /// column a point.
  /// - Parameter meanWeights: a column a point; multiples of `weights` for the gradient of the mean.
  func gradients(_ batch: Batch, meanWeights: Matrix, varianceWeights: [Double]) -> Matrix {
    let n = points.count
    let width = points.numberCount
    guard var terms = batch.slopes else { return Matrix(rows: width, columns: varianceWeights.count) }
    var solved = batch.whitened
    factor.solve(&solved, transposed: true)
    terms.storage.withUnsafeMutableBufferPointer { terms in
      solved.storage.withUnsafeBufferPointer { solved in
        meanWeights.storage.withUnsafeBufferPointer { meanWeights in
          for column in varianceWeights.indices {
            let b = -2 * varianceWeights[column]
            for cell in column &* n..<(column &+ 1) &* n { terms[cell] *= meanWeights[cell] + b * solved[cell] }
          }
        }
      }
    }
    return MaternKernel.gradients(terms, centres: scaled, queries: batch.scaled, raw: batch.raw, parameters)
  }

  /// The joint covariance of the function at the points of a batch.
  public func covariance(_ batch: Batch) -> Matrix {
    var joint = MaternKernel.covariances(batch.scaled, batch.scaled, parameters)
    let explained = LinearAlgebra.product(batch.whitened, batch.whitened, transposingA: true)
    for i in joint.storage.indices { joint.storage[i] -= explained.storage[i] }
    return joint
  }

  /// One function's values at several points, drawn from the posterior; the means where their covariance has no factor.
  public func draw(at points: FeaturePoints, _ stream: inout RandomStream) -> [Double] {
    let batch = predict(points)
    var values = batch.means
    guard let factor = CholeskyFactor(covariance(batch)) else { return values }
    let normals = values.indices.map { _ in stream.normal() }
    for i in values.indices { for j in 0...i { values[i] += factor[i, j] * normals[j] } }
    return values
  }

  // MARK: Diagnostics

  public struct LeaveOneOut: Sendable {
    public var means: [Double]
    /// Of the observation, noise included.
    public var variances: [Double]
    /// The logarithm of the density of each observation given the others.
    public var logDensities: [Double]
  }

  /// What the model predicts for the observations of each group from all the others, the kernel's parameters and mean being
  /// kept: means y_B − ((K⁻¹)_BB)⁻¹ (K⁻¹(y − c))_B and variances on the diagonal of ((K⁻¹)_BB)⁻¹, noise included, by the
  /// inverse of a partitioned matrix as in the case of one.
  /// - Parameter groups: of ascending indices of observations.
  /// - Returns: one mean and variance for each index; nil when the covariances cannot be inverted.
  /// - Source: Rasmussen & Williams 2006, section 5.4.2 and equation A.12.
  public func leavingOut(_ groups: [[Int]]) -> [(means: [Double], variances: [Double])]? {
    guard targets.count == points.count, let inverse = factor.inverse() else { return nil }
    var result: [(means: [Double], variances: [Double])] = []
    for group in groups {
      var block = Matrix(rows: group.count, columns: group.count)
      for (i, row) in group.enumerated() {
        for (j, column) in group[...i].enumerated() {
          block[i, j] = inverse[row, column]
          block[j, i] = block[i, j]
        }
      }
      guard let factor = CholeskyFactor(block), let covariances = factor.inverse() else { return nil }
      let shift = factor.solve(group.map { weights[$0] })
      result.append((group.indices.map { targets[group[$0]] - shift[$0] }, group.indices.map { covariances[$0, $0] }))
    }
    return result
  }

  /// What the model predicts for each observation from all the others, the kernel's parameters and mean being kept.
  /// Source: Rasmussen & Williams 2006, section 5.4.2.
  public func leaveOneOut() -> LeaveOneOut? {
    guard targets.count == points.count, let inverse = factor.inverse() else { return nil }
    var result = LeaveOneOut(means: [], variances: [], logDensities: [])
    for i in targets.indices {
      let variance = 1 / inverse[i, i]
      let mean = targets[i] - weights[i] * variance
      result.means.append(mean)
      result.variances.append(variance)
      let z = (targets[i] - mean) / variance.squareRoot()
      result.logDensities.append(NormalDistribution.logPDF(z) - 0.5 * _log(variance))
    }
    return result
  }
}
