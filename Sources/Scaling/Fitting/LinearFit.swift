/// Ordinary least squares with an intercept.
public struct LinearFit: Sendable, Equatable {
  /// The intercept first, then one number a feature.
  public var coefficients: [Double]
  /// The root of the mean squared residual.
  public var deviation: Double

  public func predict(_ features: [Double]) -> Double {
    zip(coefficients.dropFirst(), features).reduce(coefficients[0]) { $0 + $1.0 * $1.1 }
  }

  /// - Parameters:
  ///   - features: one column a feature.
  ///   - names: of the features, for errors.
  /// - Throws: `ScalingError` for too few rows, a feature that is constant, and features that move together.
  public init(_ features: [[Double]], _ y: [Double], names: [String]) throws(ScalingError) {
    let p = features.count + 1
    guard y.count > p || (p <= 2 && y.count >= 3) else {
      throw ScalingError(
        "\(y.count) rows are too few to fit \(p) numbers with anything left to judge the fit by: at least \(p + 1) are needed"
      )
    }
    for (name, column) in zip(names, features) {
      guard let low = column.min(), let high = column.max(), high - low > 1e-9 * max(1, abs(high)) else {
        throw ScalingError(
          "\(name) has the same value in all rows, so that its exponent cannot be fitted: leave it out, or add runs")
      }
    }
    guard let solution = Self.solve(features, y, nil) else {
      throw ScalingError(
        "\(names.joined(separator: " and ")) move together in these rows, so that their exponents cannot be told apart: "
          + "fit one of them, or add runs in which only one of them differs")
    }
    coefficients = solution
    deviation = 0
    var square = 0.0
    for i in y.indices {
      let residual = y[i] - predict(features.map { $0[i] })
      square += residual * residual
    }
    deviation = (square / Double(y.count)).squareRoot()
  }

  /// The coefficients; nil when they are not determined.
  /// - Parameter rows: those to use, with repetitions; nil for all.
  static func solve(_ features: [[Double]], _ y: [Double], _ rows: [Int]?) -> [Double]? {
    let rows = rows ?? Array(y.indices)
    let p = features.count
    let n = Double(rows.count)
    // About the means, where the sums lose fewer digits.
    let means = features.map { column in rows.reduce(0) { $0 + column[$1] } / n }
    let yMean = rows.reduce(0) { $0 + y[$1] } / n
    var matrix = [[Double]](repeating: [Double](repeating: 0, count: p), count: p)
    var right = [Double](repeating: 0, count: p)
    for row in rows {
      for i in 0..<p {
        let x = features[i][row] - means[i]
        right[i] += x * (y[row] - yMean)
        for j in 0...i { matrix[i][j] += x * (features[j][row] - means[j]) }
      }
    }
    for i in 0..<p { for j in 0..<i { matrix[j][i] = matrix[i][j] } }
    guard let slopes = solveSymmetric(matrix, right) else { return nil }
    return [zip(slopes, means).reduce(yMean) { $0 - $1.0 * $1.1 }] + slopes
  }
}

/// The solution of a small positive definite system by Cholesky's factor; nil where a row is, up to a millionth of its
/// length, a combination of those before.
func solveSymmetric(_ matrix: [[Double]], _ right: [Double], least: Double = 1e-9) -> [Double]? {
  let n = right.count
  var l = matrix
  for i in 0..<n {
    for j in 0...i {
      var sum = matrix[i][j]
      for k in 0..<j { sum -= l[i][k] * l[j][k] }
      if i == j {
        guard sum > least * abs(matrix[i][i]), sum.isFinite else { return nil }
        l[i][i] = sum.squareRoot()
      } else {
        l[i][j] = sum / l[j][j]
      }
    }
  }
  var x = right
  for i in 0..<n {
    for k in 0..<i { x[i] -= l[i][k] * x[k] }
    x[i] /= l[i][i]
  }
  for i in (0..<n).reversed() {
    for k in (i + 1)..<max(n, i + 1) { x[i] -= l[k][i] * x[k] }
    x[i] /= l[i][i]
  }
  return x
}
