import TrimtabNumerics

/// The few directions in which points differ most, found from a table of them: principal components.
///
/// Columns are standardised first; a column that does not vary counts for nothing. The directions are those of orthogonal
/// iteration from a fixed start, so that the same table gives the same basis.
public struct PrincipalComponents: Sendable {
  private let means: [Double]
  /// One over the standard deviation of each column; 0 where it does not vary.
  private let factors: [Double]
  /// A column a direction.
  private let directions: Matrix
  /// By how much the greatest component varies.
  private let spread: Double

  /// - Parameters:
  ///   - rows: of equal length, at least two.
  ///   - count: how many directions at most.
  /// - Returns: nil when nothing varies.
  public init?(_ rows: [[Double]], count: Int) {
    guard let width = rows.first?.count, rows.count >= 2, rows.allSatisfy({ $0.count == width }), count > 0 else {
      return nil
    }
    let share = 1 / Double(rows.count)
    var means = [Double](repeating: 0, count: width)
    var squares = means
    for row in rows { for j in 0..<width { means[j] += row[j] * share } }
    for row in rows { for j in 0..<width { squares[j] += (row[j] - means[j]) * (row[j] - means[j]) * share } }
    let factors = zip(squares, means).map { square, mean -> Double in
      square > 1e-18 * (1 + mean * mean) ? 1 / square.squareRoot() : 0
    }
    let varying = factors.count { $0 > 0 }
    guard varying > 0 else { return nil }
    var table = Matrix(rows: width, columns: rows.count)
    for (i, row) in rows.enumerated() { for j in 0..<width { table[j, i] = (row[j] - means[j]) * factors[j] } }
    let kept = min(count, varying, rows.count - 1)
    var basis = Matrix(rows: width, columns: kept)
    var stream = RandomStream(seed: 1, purpose: stableHash("principal components"), index: 0)
    for i in basis.storage.indices { basis.storage[i] = stream.normal() }
    Self.orthonormalise(&basis)
    for _ in 0..<60 {
      basis = LinearAlgebra.product(table, LinearAlgebra.product(table, basis, transposingA: true))
      Self.orthonormalise(&basis)
    }
    let scores = LinearAlgebra.product(table, basis, transposingA: true)
    var greatest = 0.0
    for k in 0..<kept {
      var sum = 0.0
      for i in 0..<rows.count { sum += scores[i, k] * scores[i, k] }
      greatest = max(greatest, sum * share)
    }
    guard greatest > 0, greatest.isFinite else { return nil }
    self.means = means
    self.factors = factors
    directions = basis
    spread = greatest.squareRoot()
  }

  public var count: Int { directions.columns }

  /// The components of a row, in standard deviations of the greatest.
  /// - Precondition: as long as the rows of the table.
  public func components(of row: [Double]) -> [Double] {
    let standard = row.indices.map { (row[$0] - means[$0]) * factors[$0] }
    let column = Matrix(rows: standard.count, columns: 1, storage: standard)
    return LinearAlgebra.product(directions, column, transposingA: true).storage.map { $0 / spread }
  }

  /// Gram and Schmidt, twice over for accuracy; a column that depends on the others becomes 0.
  private static func orthonormalise(_ basis: inout Matrix) {
    for k in 0..<basis.columns {
      for _ in 0..<2 {
        for other in 0..<k {
          var dot = 0.0
          for j in 0..<basis.rows { dot += basis[j, k] * basis[j, other] }
          for j in 0..<basis.rows { basis[j, k] -= dot * basis[j, other] }
        }
        var norm = 0.0
        for j in 0..<basis.rows { norm += basis[j, k] * basis[j, k] }
        let factor = norm > 1e-300 ? 1 / norm.squareRoot() : 0
        for j in 0..<basis.rows { basis[j, k] *= factor }
      }
    }
  }
}
