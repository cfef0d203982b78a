import TrimtabNumerics

/// A Gaussian process of mean 0 whose kernel is given instead of learned, on points in units that mean as much along every
/// axis. Of its noise the likeliest of a few values is taken.
///
/// Source: Rasmussen & Williams, "Gaussian processes for machine learning", MIT Press 2006, chapters 2, 4 and 5.
public struct PlainProcess: Sendable {
  public enum Kernel: Sendable, Equatable {
    /// x·y + (1 + √3 r) e^(−√3 r), r being the distance over the length scale: a trend, and Matérn's kernel of smoothness 3/2.
    case linearAndMatern(scale: Double)
    /// e^(−r²/2).
    case squaredExponential(scale: Double)
  }

  /// ln of the noise's variance is believed to be normal with this mean and deviation: 0.01 is likeliest.
  static let noiseMean = -4.605170185988091
  static let noiseDeviation = 0.5
  /// Within two deviations below and four above.
  static let noises = (-2...4).map { _exp(noiseMean + noiseDeviation * Double($0)) }
  /// Added to the diagonal beside the noise.
  static let jitter = 1e-4

  public let kernel: Kernel
  /// The variance of the noise.
  public let noise: Double
  /// A column a point.
  private var points: Matrix
  private var targets: [Double]
  private var factor: CholeskyFactor
  private var weights: [Double]

  /// - Parameters:
  ///   - points: a column a point.
  ///   - targets: one a point.
  ///   - noise: nil for the likeliest.
  /// - Returns: nil when there is no point, a number is not finite, or the covariance matrix cannot be factorised.
  public init?(_ points: Matrix, _ targets: [Double], _ kernel: Kernel, noise: Double? = nil) {
    precondition(points.columns == targets.count, "\(targets.count) targets for \(points.columns) points")
    guard !targets.isEmpty else { return nil }
    let covariances = Self.covariances(points, points, kernel)
    var best: (density: Double, noise: Double, factor: CholeskyFactor, weights: [Double])?
    for noise in noise.map({ [$0] }) ?? Self.noises {
      var noisy = covariances
      for i in targets.indices { noisy[i, i] += noise + Self.jitter }
      guard let factor = CholeskyFactor(noisy) else { continue }
      let weights = factor.solve(targets)
      let z = (_log(noise) - Self.noiseMean) / Self.noiseDeviation
      let density = -0.5 * LinearAlgebra.dot(targets, weights) - factor.halfLogDeterminant - 0.5 * z * z
      guard density.isFinite, weights.allSatisfy(\.isFinite), density > best?.density ?? -.infinity else { continue }
      best = (density, noise, factor, weights)
    }
    guard let best else { return nil }
    self.kernel = kernel
    self.noise = best.noise
    self.points = points
    self.targets = targets
    factor = best.factor
    weights = best.weights
  }

  /// The same process, with further points of which the values are taken as observed; nil when it cannot be made.
  public func adding(_ others: Matrix, _ values: [Double]) -> PlainProcess? {
    let all = Matrix(
      rows: points.rows, columns: points.columns + others.columns, storage: points.storage + others.storage)
    return PlainProcess(all, targets + values, kernel, noise: noise)
  }

  /// The means and variances of the function, without noise.
  /// - Parameter queries: a column a point.
  public func predict(_ queries: Matrix) -> (means: [Double], variances: [Double]) {
    let (means, variances, _) = predictions(queries)
    return (means, variances)
  }

  private func predictions(_ queries: Matrix) -> (means: [Double], variances: [Double], whitened: Matrix) {
    var cross = Self.covariances(points, queries, kernel)
    let column = Matrix(rows: weights.count, columns: 1, storage: weights)
    let means = LinearAlgebra.product(cross, column, transposingA: true).storage
    factor.solve(&cross)
    let rows = cross.rows
    let variances = (0..<queries.columns).map { i in
      var variance = Self.variance(queries, i, kernel)
      for row in 0..<rows { variance -= cross.storage[i &* rows &+ row] * cross.storage[i &* rows &+ row] }
      return max(variance, 0)
    }
    return (means, variances, cross)
  }

  /// One function's values at several points, drawn from the posterior; the means where their covariance has no factor.
  public func draw(at queries: Matrix, _ stream: inout RandomStream) -> [Double] {
    let (means, _, whitened) = predictions(queries)
    var joint = Self.covariances(queries, queries, kernel)
    let explained = LinearAlgebra.product(whitened, whitened, transposingA: true)
    for i in joint.storage.indices { joint.storage[i] -= explained.storage[i] }
    for i in means.indices { joint[i, i] += Self.jitter }
    let normals = means.map { _ in stream.normal() }
    guard let factor = CholeskyFactor(joint) else { return means }
    return means.indices.map { i in (0...i).reduce(means[i]) { $0 + factor[i, $1] * normals[$1] } }
  }

  /// For each target the mean and variance (noise included) that the others predict; nil when they cannot be told.
  /// Source: Rasmussen & Williams, section 5.4.2.
  public func leaveOneOut() -> (means: [Double], variances: [Double])? {
    guard let inverse = factor.inverse() else { return nil }
    let variances = targets.indices.map { 1 / inverse[$0, $0] }
    return (targets.indices.map { targets[$0] - weights[$0] * variances[$0] }, variances)
  }

  // MARK: Kernel

  private static func variance(_ points: Matrix, _ column: Int, _ kernel: Kernel) -> Double {
    guard case .linearAndMatern = kernel else { return 1 }
    return (0..<points.rows).reduce(1) { $0 + points[$1, column] * points[$1, column] }
  }

  private static func covariances(_ a: Matrix, _ b: Matrix, _ kernel: Kernel) -> Matrix {
    var matrix = LinearAlgebra.product(a, b, transposingA: true)
    func norms(_ m: Matrix) -> [Double] {
      (0..<m.columns).map { column in (0..<m.rows).reduce(0) { $0 + m[$1, column] * m[$1, column] } }
    }
    let (left, right) = (norms(a), norms(b))
    let rows = a.columns
    let scale =
      switch kernel {
      case .linearAndMatern(let scale), .squaredExponential(let scale): 1 / (scale * scale)
      }
    matrix.storage.withUnsafeMutableBufferPointer { cells in
      for column in 0..<b.columns {
        for row in 0..<rows {
          let cell = column &* rows &+ row
          let product = cells[cell]
          let square = max(0, left[row] + right[column] - 2 * product) * scale
          switch kernel {
          case .linearAndMatern:
            let rho = (3 * square).squareRoot()
            cells[cell] = product + (1 + rho) * _exp(-rho)
          case .squaredExponential: cells[cell] = _exp(-0.5 * square)
          }
        }
      }
    }
    return matrix
  }
}
