import TrimtabNumerics

/// Bayesian linear regression on given features: y ~ N(Φw, β⁻¹I), w ~ N(0, α⁻¹I).
///
/// With A = αI + βΦᵀΦ the weights have the posterior N(m, A⁻¹), m = βA⁻¹Φᵀy. Source: Bishop, "Pattern recognition and machine
/// learning", Springer 2006, sections 3.3 and 3.5.
public struct LinearHead: Sendable {
  /// The precisions of the weights and of the noise, as their logarithms.
  public struct Precisions: Sendable, Equatable {
    public var weights: Double
    public var noise: Double

    public init(weights: Double, noise: Double) {
      self.weights = weights
      self.noise = noise
    }
  }

  public let precisions: Precisions
  /// The factor of A.
  private var factor: CholeskyFactor
  /// m.
  public private(set) var mean: [Double]
  /// ln p(y | Φ, α, β).
  public let logEvidence: Double
  private let residuals: [Double]
  private var matrix: Matrix

  /// - Parameters:
  ///   - features: Φᵀ: a column an observation.
  ///   - targets: one an observation.
  /// - Returns: nil when A has no factor, or a number overflows.
  public init?(features: Matrix, targets: [Double], precisions: Precisions) {
    precondition(features.columns == targets.count, "\(targets.count) targets for \(features.columns) points")
    let (alpha, beta) = (_exp(precisions.weights), _exp(precisions.noise))
    var matrix = LinearAlgebra.product(features, features, transposingB: true, scale: beta)
    for i in 0..<matrix.rows { matrix[i, i] += alpha }
    guard let factor = CholeskyFactor(matrix) else { return nil }
    let y = Matrix(rows: targets.count, columns: 1, storage: targets)
    mean = factor.solve(LinearAlgebra.product(features, y, scale: beta).storage)
    let weights = Matrix(rows: mean.count, columns: 1, storage: mean)
    let fitted = LinearAlgebra.product(features, weights, transposingA: true).storage
    residuals = targets.indices.map { targets[$0] - fitted[$0] }
    let count = Double(targets.count)
    logEvidence =
      0.5 * Double(matrix.rows) * precisions.weights + 0.5 * count * precisions.noise
      - 0.5 * beta * LinearAlgebra.dot(residuals, residuals) - 0.5 * alpha * LinearAlgebra.dot(mean, mean)
      - factor.halfLogDeterminant - count * Improvement.halfLogTwoPi
    guard logEvidence.isFinite, mean.allSatisfy(\.isFinite) else { return nil }
    self.factor = factor
    self.matrix = matrix
    self.precisions = precisions
  }

  /// The derivatives of the evidence's logarithm, with respect to the features and to the logarithms of the precisions; nil
  /// when A has no inverse.
  ///
  /// m maximises the terms in which it stands, so that only those derivatives count in which it is held: with r = y − Φm,
  /// ∂/∂Φ = β r mᵀ − β Φ A⁻¹.
  func gradients(_ features: Matrix) -> (features: Matrix, weights: Double, noise: Double)? {
    guard let inverse = factor.inverse() else { return nil }
    let (alpha, beta) = (_exp(precisions.weights), _exp(precisions.noise))
    var trace = 0.0
    for i in 0..<inverse.rows { trace += inverse[i, i] }
    let dimension = Double(inverse.rows)
    var slopes = LinearAlgebra.symmetricProduct(inverse, features)
    for column in 0..<features.columns {
      for row in 0..<features.rows {
        slopes[row, column] = beta * (mean[row] * residuals[column] - slopes[row, column])
      }
    }
    return (
      slopes, 0.5 * (dimension - alpha * (LinearAlgebra.dot(mean, mean) + trace)),
      0.5
        * (Double(features.columns) - beta * LinearAlgebra.dot(residuals, residuals) - (dimension - alpha * trace))
    )
  }

  /// The means and variances of the linear function at some points, a column a point; without the noise.
  public func predict(_ features: Matrix) -> (means: [Double], variances: [Double]) {
    let weights = Matrix(rows: mean.count, columns: 1, storage: mean)
    let means = LinearAlgebra.product(features, weights, transposingA: true).storage
    var solved = features
    factor.solve(&solved)
    var variances = [Double](repeating: 0, count: features.columns)
    for column in variances.indices {
      for row in 0..<solved.rows { variances[column] += solved[row, column] * solved[row, column] }
    }
    return (means, variances)
  }

  /// 2 A⁻¹φ, the gradients of the variances with respect to the features.
  func varianceSlopes(_ features: Matrix) -> Matrix {
    var slopes = features
    factor.solve(&slopes)
    factor.solve(&slopes, transposed: true)
    for i in slopes.storage.indices { slopes.storage[i] *= 2 }
    return slopes
  }

  /// The head that has also observed, at some points, just what it expects there: its mean stays, its doubts shrink.
  public func believing(_ features: Matrix) -> LinearHead {
    guard features.columns > 0 else { return self }
    let more = LinearAlgebra.product(features, features, transposingB: true, scale: _exp(precisions.noise))
    var result = self
    for i in result.matrix.storage.indices { result.matrix.storage[i] += more.storage[i] }
    // A grows by a positive matrix; should rounding leave it without a factor, the doubts stay as they were.
    if let factor = CholeskyFactor(result.matrix) { result.factor = factor }
    return result
  }
}
