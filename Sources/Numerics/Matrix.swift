/// A dense matrix of doubles in column-major order: element (row, column) is `storage[column * rows + row]`, as BLAS and
/// LAPACK have it.
@frozen public struct Matrix: Sendable, Equatable {
  public let rows: Int
  public let columns: Int
  public var storage: [Double]

  /// A matrix of zeros.
  @inlinable public init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
    storage = [Double](repeating: 0, count: rows * columns)
  }

  /// - Precondition: `storage.count == rows * columns`.
  @inlinable public init(rows: Int, columns: Int, storage: [Double]) {
    precondition(storage.count == rows * columns, "\(storage.count) numbers do not fill \(rows) x \(columns)")
    self.rows = rows
    self.columns = columns
    self.storage = storage
  }

  /// Makes it one of this size, in the same memory if it is one already. Its elements are anything then.
  @inlinable public mutating func resize(rows: Int, columns: Int) {
    if rows != self.rows || columns != self.columns { self = Matrix(rows: rows, columns: columns) }
  }

  @inlinable public subscript(row: Int, column: Int) -> Double {
    get { storage[column &* rows &+ row] }
    set { storage[column &* rows &+ row] = newValue }
  }
}
