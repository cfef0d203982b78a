import Foundation
import TrimtabNumerics
import XCTest

final class LinearAlgebraTests: XCTestCase {
  private func random(_ rows: Int, _ columns: Int, seed: UInt64 = 1) -> Matrix {
    var stream = RandomStream(seed: seed, purpose: stableHash("matrix"), index: UInt64(rows * 1000 + columns))
    return Matrix(rows: rows, columns: columns, storage: (0..<rows * columns).map { _ in stream.normal() })
  }

  private func naive(_ a: Matrix, _ aT: Bool, _ b: Matrix, _ bT: Bool) -> Matrix {
    let inner = aT ? a.rows : a.columns
    var c = Matrix(rows: aT ? a.columns : a.rows, columns: bT ? b.rows : b.columns)
    for i in 0..<c.rows {
      for j in 0..<c.columns {
        for k in 0..<inner { c[i, j] += (aT ? a[k, i] : a[i, k]) * (bT ? b[j, k] : b[k, j]) }
      }
    }
    return c
  }

  private func assertEqual(_ a: Matrix, _ b: Matrix, _ accuracy: Double = 1e-12, line: UInt = #line) {
    XCTAssertEqual(a.rows, b.rows, line: line)
    XCTAssertEqual(a.columns, b.columns, line: line)
    for i in a.storage.indices { XCTAssertEqual(a.storage[i], b.storage[i], accuracy: accuracy, line: line) }
  }

  private func positiveDefinite(_ n: Int) -> Matrix {
    let a = random(n, n + 3)
    var matrix = LinearAlgebra.product(a, a, transposingB: true)
    for i in 0..<n { matrix[i, i] += 0.1 }
    return matrix
  }

  func testProductsAreThoseOfTheDefinition() {
    let shapes = [(3, 4, 5), (1, 7, 2), (6, 1, 1), (17, 9, 13)]
    for (m, k, n) in shapes {
      for (aT, bT) in [(false, false), (true, false), (false, true), (true, true)] {
        let a = aT ? random(k, m) : random(m, k)
        let b = bT ? random(n, k, seed: 2) : random(k, n, seed: 2)
        assertEqual(LinearAlgebra.product(a, b, transposingA: aT, transposingB: bT), naive(a, aT, b, bT))
      }
    }
  }

  func testSymmetricProductsReadTheLowerTriangleOnly() {
    let full = positiveDefinite(7)
    var lower = full
    for column in 0..<7 { for row in 0..<column { lower[row, column] = .nan } }
    let b = random(7, 3)
    assertEqual(LinearAlgebra.symmetricProduct(lower, b), naive(full, false, b, false), 1e-11)
  }

  func testAFactorSolvesAndInverts() throws {
    for n in [1, 2, 5, 40, 130] {
      let matrix = positiveDefinite(n)
      let factor = try XCTUnwrap(CholeskyFactor(matrix))
      XCTAssertEqual(factor.jitter, 0)
      let b = random(n, 3)
      let product = LinearAlgebra.product(matrix, b)
      let x = factor.solve(Array(product.storage[0..<n]))
      for i in 0..<n { XCTAssertEqual(x[i], b[i, 0], accuracy: 1e-9) }
      var columns = product
      factor.solve(&columns)
      factor.solve(&columns, transposed: true)
      assertEqual(columns, b, 1e-9)
      let inverse = LinearAlgebra.symmetricProduct(try XCTUnwrap(factor.inverse()), matrix)
      for i in 0..<n { for j in 0..<n { XCTAssertEqual(inverse[i, j], i == j ? 1 : 0, accuracy: 1e-9) } }
      var sum = 0.0
      for i in 0..<n { sum += log(factor[i, i]) }
      XCTAssertEqual(factor.halfLogDeterminant, sum, accuracy: 1e-12)
    }
  }

  func testTwoHundredAppendedRowsEqualAFactorMadeAnew() throws {
    let n = 230
    let matrix = positiveDefinite(n)
    var start = Matrix(rows: 30, columns: 30)
    for i in 0..<30 { for j in 0..<30 { start[i, j] = matrix[i, j] } }
    var grown = try XCTUnwrap(CholeskyFactor(start))
    for i in 30..<n {
      XCTAssertTrue(grown.append((0..<i).map { matrix[i, $0] }, variance: matrix[i, i]))
    }
    let whole = try XCTUnwrap(CholeskyFactor(matrix))
    for i in 0..<n { for j in 0...i { XCTAssertEqual(grown[i, j], whole[i, j], accuracy: 1e-9) } }
  }

  func testDroppingRowsRestoresTheFactorToTheBit() throws {
    let n = 60
    let matrix = positiveDefinite(n)
    var start = Matrix(rows: 50, columns: 50)
    for i in 0..<50 { for j in 0..<50 { start[i, j] = matrix[i, j] } }
    let before = try XCTUnwrap(CholeskyFactor(start))
    var factor = before
    for i in 50..<n { XCTAssertTrue(factor.append((0..<i).map { matrix[i, $0] }, variance: matrix[i, i])) }
    factor.truncate(to: 50)
    for i in 0..<50 { for j in 0...i { XCTAssertEqual(factor[i, j].bitPattern, before[i, j].bitPattern) } }
    let b = (0..<50).map { Double($0) }
    XCTAssertEqual(factor.solve(b), before.solve(b))
  }

  func testASingularMatrixGetsAsMuchJitterAsItNeeds() throws {
    let row = (0..<20).map { 1 + Double($0) / 20 }
    let factor = try XCTUnwrap(
      CholeskyFactor(Matrix(rows: 20, columns: 20, storage: row.flatMap { a in row.map { a * $0 } })))
    XCTAssertGreaterThan(factor.jitter, 0)
    XCTAssertLessThan(factor.jitter, 1e-5)
    for (name, bad) in [("negative", -1.0), ("not a number", .nan), ("infinite", .infinity)] {
      var matrix = positiveDefinite(4)
      matrix[3, 3] = bad
      XCTAssertNil(CholeskyFactor(matrix), name)
    }
  }

  func testARowLikeAnotherIsRefusedAndChangesNothing() throws {
    let matrix = positiveDefinite(6)
    var factor = try XCTUnwrap(CholeskyFactor(matrix))
    XCTAssertFalse(factor.append((0..<6).map { matrix[2, $0] }, variance: matrix[2, 2]))
    XCTAssertEqual(factor.count, 6)
    XCTAssertTrue(factor.append((0..<6).map { matrix[2, $0] }, variance: matrix[2, 2] + 0.01))
  }

  /// A library built for one thread may share its buffers between callers.
  func testFactorsMadeOnManyThreadsAtOnceAreThoseMadeAlone() {
    let matrices = (0..<16).map { positiveDefinite(40 + 7 * $0) }
    let vectors = matrices.map { matrix in (0..<matrix.rows).map { Double($0 % 7) } }
    let alone = zip(matrices, vectors).map { CholeskyFactor($0)?.solve($1) }
    let done = expectation(description: "all threads")
    done.expectedFulfillmentCount = matrices.count
    let different = Counter()
    for i in matrices.indices {
      Thread.detachNewThread {
        for _ in 0..<200 where CholeskyFactor(matrices[i])?.solve(vectors[i]) != alone[i] { different.increment() }
        done.fulfill()
      }
    }
    wait(for: [done], timeout: 120)
    XCTAssertEqual(different.value, 0)
  }
}

private final class Counter: @unchecked Sendable {
  private let lock = NSLock()
  private var count = 0

  var value: Int { lock.withLock { count } }
  func increment() { lock.withLock { count += 1 } }
}
