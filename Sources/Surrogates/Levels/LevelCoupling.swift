import TrimtabNumerics

/// How the values of a function at several levels of a resource hang together: what the covariance over configurations is
/// multiplied with and what is added, for each pair of levels, and the mean at each level.
///
///     cov(f(x, r), f(x', r')) = k(x, x') · factors[r, r'] + summands[r, r']
///
/// The level of a point is its last choice, for which the kernel over configurations has no length scale.
public struct LevelCoupling: Sendable, Equatable {
  public var factors: Matrix
  public var summands: Matrix
  public var means: [Double]

  /// - Precondition: square matrices of as many rows as means.
  public init(factors: Matrix, summands: Matrix, means: [Double]) {
    precondition(factors.rows == means.count && factors.columns == means.count, "a factor for each pair of levels")
    precondition(summands.rows == means.count && summands.columns == means.count, "a summand for each pair of levels")
    self.factors = factors
    self.summands = summands
    self.means = means
  }

  public var count: Int { means.count }

  /// The variance at a level, of a function whose variance over configurations is `signal`.
  func variance(_ level: Int32, _ signal: Double) -> Double {
    let level = Int(level)
    return signal * factors[level, level] + summands[level, level]
  }

  /// Turns covariances over configurations into those over configurations and levels.
  /// - Parameter slopes: of the covariances, where they are wanted.
  func apply(_ covariances: inout Matrix, _ slopes: inout Matrix?, rows: [Int32], columns: [Int32]) {
    let height = covariances.rows
    let count = self.count
    covariances.storage.withUnsafeMutableBufferPointer { cells in
      for column in 0..<covariances.columns {
        let base = Int(columns[column]) &* count
        for row in 0..<height {
          let pair = base &+ Int(rows[row])
          let cell = column &* height &+ row
          cells[cell] = cells[cell] * factors.storage[pair] + summands.storage[pair]
        }
      }
    }
    guard var scaled = slopes else { return }
    slopes = nil
    for column in 0..<scaled.columns {
      let base = Int(columns[column]) &* count
      for row in 0..<height { scaled.storage[column &* height &+ row] *= factors.storage[base &+ Int(rows[row])] }
    }
    slopes = scaled
  }
}

extension KernelParameters {
  /// The prior variance of the function at a point.
  func variance(_ points: FeaturePoints, _ index: Int) -> Double {
    guard let levels, let column = points.choices.last else { return signal }
    return levels.variance(column[index], signal)
  }

  /// The prior mean at a point, apart from a constant.
  func offset(_ points: FeaturePoints, _ index: Int) -> Double {
    guard let levels, let column = points.choices.last else { return 0 }
    return levels.means[Int(column[index])]
  }
}

extension FeaturePoints {
  /// The same points at a level.
  public func at(level: Int) -> FeaturePoints {
    var result = FeaturePoints(numberCount: numberCount, choiceCount: choiceCount + 1)
    result.reserve(count)
    for i in 0..<count { result.append(numbers(of: i), choices(of: i) + [Int32(level)]) }
    return result
  }
}
