import CLinearAlgebra

/// The lower triangular L with L·Lᵀ = A + jitter·I of a symmetric positive definite matrix A, to which rows can be
/// appended and from whose end rows can be dropped.
///
/// The columns of L have room for more rows, so appending one costs O(n²) and moves nothing most of the time. Dropping
/// rows restores the factor that was there before they were appended, to the bit.
///
/// Sources: Rasmussen & Williams, "Gaussian processes for machine learning", MIT Press 2006, appendix A.4; the sequence
/// of jitters follows the practice of GPyTorch's linear_operator.
public struct CholeskyFactor: Sendable {
  /// What is added to the diagonal for safety, at first relative to its mean: 0, then 1e-8, ten times more each time.
  static let leastJitter = 1e-8
  /// Six attempts with jitter; the greatest is 1e-3 of the mean of the diagonal.
  static let attempts = 6
  /// Below this the square of an appended diagonal element is not trusted.
  static let leastPivot = 1e-10

  /// The number of rows.
  public private(set) var count: Int
  /// What was added to the diagonal.
  public private(set) var jitter: Double
  /// Column-major with `capacity` rows a column; above the diagonal there is anything.
  private var storage: [Double]
  private var capacity: Int

  /// - Parameter matrix: its lower triangle is read.
  /// - Returns: nil when the matrix is not positive definite even with a jitter of a thousandth of its diagonal, or
  ///   holds a number that is not finite.
  public init?(_ matrix: Matrix, spare: Int = 0) {
    self.init(spare: 0)
    guard factorise(matrix, spare: spare) else { return nil }
  }

  /// An empty factor with room for `spare` rows.
  public init(spare: Int = 0) {
    count = 0
    capacity = max(0, spare)
    jitter = 0
    storage = [Double](repeating: 0, count: capacity * capacity)
  }

  /// Becomes the factor of another matrix, in the same memory if that has the size.
  /// - Parameter matrix: its lower triangle is read.
  /// - Returns: false when there is none, as in ``init(_:spare:)``; this one is of no use then.
  public mutating func factorise(_ matrix: Matrix, spare: Int = 0) -> Bool {
    precondition(matrix.rows == matrix.columns, "a factor needs a square matrix")
    let n = matrix.rows
    count = n
    capacity = n + max(0, spare)
    jitter = 0
    if storage.count != capacity * capacity { storage = [Double](repeating: 0, count: capacity * capacity) }
    guard LinearAlgebra.isReady else { return false }
    if n == 0 { return true }
    var mean = 0.0
    for i in 0..<n { mean += matrix[i, i] / Double(n) }
    guard mean > 0, mean.isFinite else { return false }
    for attempt in 0...Self.attempts {
      var scale = Self.leastJitter * mean
      for _ in 1..<max(1, attempt) { scale *= 10 }
      jitter = attempt == 0 ? 0 : scale
      if tryToFactorise(matrix) { return true }
    }
    return false
  }

  private mutating func tryToFactorise(_ matrix: Matrix) -> Bool {
    let n = count
    var info: Int32 = 0
    let (capacity, jitter) = (self.capacity, self.jitter)
    storage.withUnsafeMutableBufferPointer { target in
      matrix.storage.withUnsafeBufferPointer { source in
        for column in 0..<n {
          for row in column..<n { target[column &* capacity &+ row] = source[column &* n &+ row] }
          target[column &* capacity &+ column] += jitter
        }
      }
      var order = Int32(n)
      var leading = Int32(capacity)
      dpotrf_("L", &order, target.baseAddress, &leading, &info)
    }
    guard info == 0 else { return false }
    for i in 0..<n where !(storage[i * capacity + i] > 0 && storage[i * capacity + i].isFinite) { return false }
    return true
  }

  /// L[row, column].
  public subscript(row: Int, column: Int) -> Double { column > row ? 0 : storage[column * capacity + row] }

  /// Σ ln L[i, i]; half the logarithm of the determinant.
  public var halfLogDeterminant: Double {
    var sum = 0.0
    for i in 0..<count { sum += _log(storage[i * capacity + i]) }
    return sum
  }

  // MARK: Rows

  /// Appends a row and column to A.
  ///
  /// - Parameters:
  ///   - covariances: of the new row with each of the earlier ones.
  ///   - variance: its diagonal element, without jitter.
  /// - Returns: false, and changes nothing, when the matrix would be too near to a singular one: factorise it anew then.
  public mutating func append(_ covariances: [Double], variance: Double) -> Bool {
    precondition(covariances.count == count, "\(covariances.count) covariances for \(count) rows")
    let w = solveLower(covariances)
    let pivot = variance + jitter - LinearAlgebra.dot(w, w)
    guard pivot >= Self.leastPivot, pivot.isFinite else { return false }
    if count == capacity { grow(to: max(16, capacity + capacity / 4 + 1)) }
    for column in 0..<count { storage[column * capacity + count] = w[column] }
    storage[count * capacity + count] = pivot.squareRoot()
    count += 1
    return true
  }

  private mutating func grow(to newCapacity: Int) {
    var moved = [Double](repeating: 0, count: newCapacity * newCapacity)
    for column in 0..<count {
      for row in column..<count { moved[column * newCapacity + row] = storage[column * capacity + row] }
    }
    storage = moved
    capacity = newCapacity
  }

  /// Drops the last rows, so that `count` remain.
  /// - Precondition: `0 ... self.count` contains `count`.
  public mutating func truncate(to count: Int) {
    precondition((0...self.count).contains(count), "there are no \(count) rows to keep")
    self.count = count
  }

  // MARK: Solving

  /// L⁻¹b.
  public func solveLower(_ b: [Double]) -> [Double] { solve(b, transposed: false) }

  /// L⁻ᵀb.
  public func solveUpper(_ b: [Double]) -> [Double] { solve(b, transposed: true) }

  /// A⁻¹b.
  public func solve(_ b: [Double]) -> [Double] { solveUpper(solveLower(b)) }

  private func solve(_ b: [Double], transposed: Bool) -> [Double] {
    precondition(b.count == count, "\(b.count) numbers for \(count) rows")
    var x = b
    guard count > 0 else { return x }
    x.withUnsafeMutableBufferPointer { x in
      cblas_dtrsv(
        LinearAlgebra.columnMajor, LinearAlgebra.lower, LinearAlgebra.operation(transposed), LinearAlgebra.nonUnit,
        Int32(count), storage, Int32(capacity), x.baseAddress, 1)
    }
    return x
  }

  /// Replaces the columns of `b` by L⁻¹b, or by L⁻ᵀb.
  public func solve(_ b: inout Matrix, transposed: Bool = false) {
    precondition(b.rows == count, "\(b.rows) rows for a factor of \(count)")
    guard count > 0, b.columns > 0 else { return }
    let columns = Int32(b.columns)
    b.storage.withUnsafeMutableBufferPointer { x in
      cblas_dtrsm(
        LinearAlgebra.columnMajor, LinearAlgebra.left, LinearAlgebra.lower, LinearAlgebra.operation(transposed),
        LinearAlgebra.nonUnit, Int32(count), columns, 1, storage, Int32(capacity), x.baseAddress, Int32(count))
    }
  }

  /// The lower triangle of A⁻¹; zeros above it. Nil when it overflows.
  public func inverse() -> Matrix? {
    var result = Matrix(rows: count, columns: count)
    return inverse(into: &result) ? result : nil
  }

  /// The lower triangle of A⁻¹ in the memory of another matrix; above it there is what was there.
  /// - Returns: false when it overflows.
  public func inverse(into result: inout Matrix) -> Bool {
    result.resize(rows: count, columns: count)
    guard count > 0 else { return true }
    var info: Int32 = 0
    let (n, capacity) = (count, self.capacity)
    result.storage.withUnsafeMutableBufferPointer { target in
      for column in 0..<n {
        for row in column..<n { target[column &* n &+ row] = storage[column &* capacity &+ row] }
      }
      var order = Int32(n)
      var leading = Int32(n)
      dpotri_("L", &order, target.baseAddress, &leading, &info)
    }
    return info == 0
  }
}
