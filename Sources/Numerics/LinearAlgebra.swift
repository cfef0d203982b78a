import CLinearAlgebra

/// Products of matrices and triangular solves by the system's BLAS (OpenBLAS on Linux, Accelerate on macOS).
///
/// Every call runs on the caller's thread alone. The same input gives the same bits in every call on one machine.
public enum LinearAlgebra {
  /// Read before the first call into the library.
  static let isReady: Bool = {
    linear_algebra_use_one_thread()
    return true
  }()

  static let columnMajor = Int32(TTColumnMajor)
  static let lower = Int32(TTLower)
  static let left = Int32(TTLeft)
  static let nonUnit = Int32(TTNonUnit)

  static func operation(_ isTransposed: Bool) -> Int32 {
    Int32(isTransposed ? TTTranspose : TTNoTranspose)
  }

  /// A leading dimension, which BLAS wants positive even for an empty matrix.
  static func leading(_ rows: Int) -> Int32 { Int32(max(1, rows)) }

  /// `scale` · op(a) · op(b), op being the transpose where asked for.
  /// - Precondition: the inner dimensions agree.
  public static func product(
    _ a: Matrix, _ b: Matrix, transposingA aTransposed: Bool = false, transposingB bTransposed: Bool = false,
    scale: Double = 1
  ) -> Matrix {
    var result = Matrix(rows: 0, columns: 0)
    product(a, b, transposingA: aTransposed, transposingB: bTransposed, scale: scale, into: &result)
    return result
  }

  /// `scale` · op(a) · op(b) in the memory of another matrix.
  /// - Precondition: the inner dimensions agree.
  public static func product(
    _ a: Matrix, _ b: Matrix, transposingA aTransposed: Bool = false, transposingB bTransposed: Bool = false,
    scale: Double = 1, into c: inout Matrix
  ) {
    let rows = aTransposed ? a.columns : a.rows
    let inner = aTransposed ? a.rows : a.columns
    let columns = bTransposed ? b.rows : b.columns
    precondition(inner == (bTransposed ? b.columns : b.rows), "the inner dimensions of a product differ")
    guard isReady, rows > 0, columns > 0, inner > 0 else {
      c = Matrix(rows: rows, columns: columns)
      return
    }
    c.resize(rows: rows, columns: columns)
    c.storage.withUnsafeMutableBufferPointer { c in
      cblas_dgemm(
        columnMajor, operation(aTransposed), operation(bTransposed), Int32(rows), Int32(columns), Int32(inner), scale,
        a.storage, leading(a.rows), b.storage, leading(b.rows), 0, c.baseAddress, leading(rows))
    }
  }

  /// s · b for a symmetric s of which the lower triangle is read.
  /// - Precondition: the dimensions agree.
  public static func symmetricProduct(_ s: Matrix, _ b: Matrix) -> Matrix {
    precondition(s.rows == s.columns && s.columns == b.rows, "the dimensions of a product differ")
    var c = Matrix(rows: b.rows, columns: b.columns)
    guard isReady, b.rows > 0, b.columns > 0 else { return c }
    c.storage.withUnsafeMutableBufferPointer { c in
      cblas_dsymm(
        columnMajor, left, lower, Int32(b.rows), Int32(b.columns), 1, s.storage, leading(s.rows), b.storage,
        leading(b.rows), 0, c.baseAddress, leading(b.rows))
    }
    return c
  }

  /// Σ a·b.
  /// - Precondition: the counts agree.
  @inlinable public static func dot(_ a: [Double], _ b: [Double]) -> Double {
    precondition(a.count == b.count, "the counts of a dot product differ")
    var sum = 0.0
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in for i in 0..<a.count { sum += a[i] * b[i] } }
    }
    return sum
  }
}
