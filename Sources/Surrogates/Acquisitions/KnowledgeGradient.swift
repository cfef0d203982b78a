import TrimtabNumerics

/// The logarithm of the knowledge gradient: by how much the greatest posterior mean is expected to rise through one more
/// observation, whether or not the observed point is the one where it rises.
///
/// The greatest mean is looked for among a fixed set of points and the observed one itself, so that the expectation is exact
/// and has a gradient.
/// Sources: Frazier, Powell & Dayanik 2009 (see ``LinearEnvelope``); Scott, Frazier & Powell, "The correlated knowledge
/// gradient for simulation optimization of continuous parameters", SIAM J. Optimization 21, 2011 (the observed point itself).
public struct KnowledgeGradient: Acquisition {
  /// The most points among which the set is chosen, and the draws of functions and best means that choose it.
  static let poolLimit = 256
  static let draws = 32
  static let best = 16
  /// Where nothing can be gained.
  static let nothing = -1e6

  private let process: GaussianProcess
  private let expansion: KernelExpansion
  private let means: [Double]
  /// L⁻¹k(X, A) and K⁻¹k(X, A).
  private let whitened: Matrix
  private let solved: Matrix

  /// - Parameters:
  ///   - process: with its targets; pending points among its own with what is believed of them.
  ///   - pool: where the greatest mean may lie; those are taken that are the best of a drawn function or of the mean.
  public init(_ process: GaussianProcess, pool: FeaturePoints, seed: UInt64) {
    self.process = process
    let pool = pool.count > Self.poolLimit ? pool.subset(0..<Self.poolLimit) : pool
    var batch = process.predict(pool)
    let order = batch.means.indices.sorted { (batch.means[$1], $0) < (batch.means[$0], $1) }
    var chosen = Set(order.prefix(Self.best))
    if let factor = CholeskyFactor(process.covariance(batch)) {
      var stream = RandomStream(seed: seed, purpose: stableHash("knowledge"), index: 0)
      for _ in 0..<Self.draws {
        let normals = batch.means.indices.map { _ in stream.normal() }
        var top = (value: -Double.infinity, index: 0)
        for i in normals.indices {
          var value = batch.means[i]
          for j in 0...i { value += factor[i, j] * normals[j] }
          if value > top.value { top = (value, i) }
        }
        if top.value.isFinite { chosen.insert(top.index) }
      }
    }
    let points = pool.subset(chosen.sorted())
    batch = process.predict(points)
    means = batch.means
    whitened = batch.whitened
    var solved = batch.whitened
    process.factor.solve(&solved, transposed: true)
    self.solved = solved
    expansion = KernelExpansion(points, process.parameters)
  }

  /// The gain from observing a point, from the covariances with the set and the point's own mean and variance.
  private func envelope(
    _ covariances: [Double], mean: Double, variance: Double
  ) -> (LinearEnvelope, root: Double) {
    let root = (variance + process.parameters.noise + AcquisitionKind.leastVariance).squareRoot()
    return (LinearEnvelope(means + [mean], covariances.map { $0 / root } + [variance / root]), root)
  }

  /// Covariances of the function at the set and at a batch: a column a point of the batch.
  private func covariances(_ kernel: Matrix, _ batch: GaussianProcess.Batch) -> Matrix {
    var result = LinearAlgebra.product(whitened, batch.whitened, transposingA: true, scale: -1)
    for cell in result.storage.indices { result.storage[cell] += kernel.storage[cell] }
    return result
  }

  private static func column(_ matrix: Matrix, _ column: Int) -> [Double] {
    Array(matrix.storage[column * matrix.rows..<(column + 1) * matrix.rows])
  }

  // MARK: Evaluation

  public var hasGradients: Bool { true }
  public var numberScales: [Double] { process.parameters.numberScales }

  public func values(_ points: FeaturePoints) -> [Double] {
    var result: [Double] = []
    for start in stride(from: 0, to: points.count, by: ModelAcquisition.chunk) {
      let end = min(start + ModelAcquisition.chunk, points.count)
      let part = end - start == points.count ? points : points.subset(start..<end)
      let batch = process.predict(part)
      let joint = covariances(expansion.evaluate(part).values, batch)
      for i in 0..<part.count {
        let envelope = envelope(Self.column(joint, i), mean: batch.means[i], variance: batch.variances[i]).0
        result.append(max(envelope.logGain, Self.nothing))
      }
    }
    return result
  }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    let weights = Matrix(rows: process.weights.count, columns: 1, storage: process.weights)
    let batch = process.predict(points, weights: weights, withGradients: true).batch
    let kernel = expansion.evaluate(points, withGradients: true)
    let joint = covariances(kernel.values, batch)
    var values: [Double] = []
    // The derivatives with respect to the covariances, the mean and the variance.
    var covarianceSlopes = Matrix(rows: means.count, columns: points.count)
    var meanSlopes = Matrix(rows: 1, columns: points.count)
    var varianceSlopes = [Double](repeating: 0, count: points.count)
    for i in 0..<points.count {
      let variance = batch.variances[i]
      let (envelope, root) = envelope(Self.column(joint, i), mean: batch.means[i], variance: variance)
      values.append(max(envelope.logGain, Self.nothing))
      guard envelope.logGain > Self.nothing else { continue }
      for part in envelope.derivatives {
        if part.line < means.count {
          covarianceSlopes[part.line, i] = part.slope / root
          varianceSlopes[i] -= part.slope * joint[part.line, i] / (2 * root * root * root)
        } else {
          meanSlopes[0, i] = part.intercept
          varianceSlopes[i] += part.slope * (1 / root - variance / (2 * root * root * root))
        }
      }
    }
    var meanWeights = LinearAlgebra.product(weights, meanSlopes)
    let explained = LinearAlgebra.product(solved, covarianceSlopes)
    for cell in meanWeights.storage.indices { meanWeights.storage[cell] -= explained.storage[cell] }
    var gradients = process.gradients(batch, meanWeights: meanWeights, varianceWeights: varianceSlopes)
    let others = expansion.gradients(kernel, weights: covarianceSlopes)
    for cell in gradients.storage.indices { gradients.storage[cell] += others.storage[cell] }
    return (values, gradients)
  }
}
