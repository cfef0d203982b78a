import TrimtabNumerics
import XCTest

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

final class NormalDistributionTests: XCTestCase {
  typealias Tables = NormalDistributionTables

  func testTheLogarithmOfTheDistributionFunctionHoldsIntoTheFarTail() {
    for (x, expected) in Tables.logCDF {
      assertClose(NormalDistribution.logCDF(x), expected, relative: 1e-13, "x = \(x)")
    }
    XCTAssertEqual(NormalDistribution.logCDF(-.infinity), -.infinity)
    XCTAssertEqual(NormalDistribution.logCDF(-1e200), -.infinity)
    XCTAssertEqual(NormalDistribution.logCDF(.infinity), 0)
    XCTAssertTrue(NormalDistribution.logCDF(.nan).isNaN)
  }

  func testTheDistributionFunctionLosesOnlyTheDigitsItSays() {
    for (x, expected) in Tables.cdf {
      assertClose(NormalDistribution.cdf(x), expected, relative: 5e-16 + 2.3e-16 * x * x, "x = \(x)")
    }
    XCTAssertEqual(NormalDistribution.cdf(-.infinity), 0)
    XCTAssertEqual(NormalDistribution.cdf(.infinity), 1)
  }

  func testTheLogarithmOfTheDensityIntegratesToOne() {
    var sum = 0.0
    for step in -4000...4000 { sum += exp(NormalDistribution.logPDF(Double(step) / 400)) / 400 }
    XCTAssertEqual(sum, 1, accuracy: 1e-14)
  }

  func testQuantilesAreExactToRounding() {
    for (p, expected) in Tables.quantile {
      assertClose(NormalDistribution.quantile(p), expected, relative: 1e-15, "p = \(p)")
    }
    XCTAssertEqual(NormalDistribution.quantile(0.5), 0)
    XCTAssertEqual(NormalDistribution.quantile(0), -.infinity)
    XCTAssertEqual(NormalDistribution.quantile(1), .infinity)
    for p in [-0.1, 1.1, .nan] { XCTAssertTrue(NormalDistribution.quantile(p).isNaN) }
  }

  func testQuantilesOfLogarithmsHoldWhereTheProbabilityUnderflows() {
    for (logProbability, expected) in Tables.quantileOfLog {
      XCTAssertEqual(
        NormalDistribution.quantile(logProbability: logProbability), expected,
        accuracy: max(3e-16, 2e-15 * abs(expected)), "ln p = \(logProbability)")
    }
    XCTAssertEqual(NormalDistribution.quantile(logProbability: 0), .infinity)
    XCTAssertEqual(NormalDistribution.quantile(logProbability: -.infinity), -.infinity)
    XCTAssertTrue(NormalDistribution.quantile(logProbability: 0.1).isNaN)
    XCTAssertTrue(NormalDistribution.quantile(logProbability: .nan).isNaN)
  }

  func testIntervalMassesHoldHoweverNarrowOrFarOut() {
    for (a, b, expected) in Tables.logIntervalMass {
      let message = "[\(a), \(b)]"
      let mass = NormalDistribution.logIntervalMass(a, b)
      assertClose(mass, expected, relative: 1e-13, message)
      XCTAssertEqual(mass, NormalDistribution.logIntervalMass(-b, -a), accuracy: 1e-13 * abs(mass), message)
    }
    XCTAssertEqual(NormalDistribution.logIntervalMass(2, 2), -.infinity)
    XCTAssertTrue(NormalDistribution.logIntervalMass(2, 1).isNaN)
    XCTAssertTrue(NormalDistribution.logIntervalMass(.nan, 1).isNaN)
  }

  func testTheMassOfNeighbouringIntervalsAddsUp() {
    // Crosses every switch of formula: narrow or not, each side of zero, each side of the tail.
    var stream = RandomStream(seed: 1, purpose: 2, index: 3)
    for _ in 0..<5000 {
      let a = 30 * stream.uniform() - 15
      let b = a + exp(-12 * stream.uniform())
      let c = b + exp(-12 * stream.uniform())
      let parts = logAddExp(
        NormalDistribution.logIntervalMass(a, b), NormalDistribution.logIntervalMass(b, c))
      XCTAssertEqual(NormalDistribution.logIntervalMass(a, c), parts, accuracy: 2e-11, "\(a) \(b) \(c)")
    }
  }

  func testTruncatedQuantilesMatchTheTable() {
    for (u, a, b, expected) in Tables.truncatedQuantile {
      let x = NormalDistribution.truncatedQuantile(u, a, b)
      XCTAssertEqual(x, expected, accuracy: 2e-15 * max(1, abs(expected)), "\(u) of [\(a), \(b)]")
    }
  }

  func testTruncatedQuantilesStayInsideAndRise() {
    let ends = [-Double.infinity, -1e200, -1e12, -1e5, -40, -10, -1, -1e-9, 0, 1e-9, 1, 10, 40, 1e5, 1e12, .infinity]
    for (place, a) in ends.enumerated() {
      for b in ends[place...] where a != b || a.isFinite {
        var last = a
        for u in [0, 1e-300, 1e-16, 1e-3, 0.3, 0.5, 0.7, 0.999, 1 - 0x1p-53, 1] {
          let x = NormalDistribution.truncatedQuantile(u, a, b)
          XCTAssertTrue(x >= last && x <= b, "\(u) of [\(a), \(b)] is \(x) after \(last)")
          last = x
        }
        XCTAssertEqual(last, b)
      }
    }
    for (u, a, b) in [(-0.1, 0.0, 1.0), (1.1, 0, 1), (.nan, 0, 1), (0.5, 1, 0), (0.5, .nan, 0)] {
      XCTAssertTrue(NormalDistribution.truncatedQuantile(u, a, b).isNaN)
    }
  }

  private func assertClose(
    _ value: Double, _ expected: Double, relative: Double, _ message: String, line: UInt = #line
  ) {
    XCTAssertEqual(value, expected, accuracy: abs(expected) * relative, message, line: line)
  }
}

final class LogSumExpTests: XCTestCase {
  func testSumsOfExponentialsNeitherOverflowNorUnderflow() {
    let logTwo = 0.69314718055994531
    XCTAssertEqual(logAddExp(0, 0), logTwo)
    XCTAssertEqual(logAddExp(1000, 1000), 1000 + logTwo)
    XCTAssertEqual(logAddExp(-1000, -1001), -1000 + 0.31326168751822283, accuracy: 1e-12)
    XCTAssertEqual(logAddExp(-1001, -1000), -1000 + 0.31326168751822283, accuracy: 1e-12)
    XCTAssertEqual(logAddExp(0, -50), 1.9287498479639178e-22, accuracy: 1e-37)
    XCTAssertEqual(logSumExp([-2000.0, -2000, -2000, -2000]), -2000 + 2 * logTwo, accuracy: 1e-12)
    XCTAssertEqual(logSumExp([1.0, 2, 3]), 3.4076059644443806, accuracy: 1e-15)
  }

  func testInfinitiesAndNaNKeepTheirMeaning() {
    let infinity = Double.infinity
    XCTAssertEqual(logAddExp(-infinity, -infinity), -infinity)
    XCTAssertEqual(logAddExp(infinity, infinity), infinity)
    XCTAssertEqual(logAddExp(-infinity, 3), 3)
    XCTAssertEqual(logAddExp(infinity, -infinity), infinity)
    XCTAssertTrue(logAddExp(.nan, 0).isNaN)
    XCTAssertTrue(logAddExp(0, .nan).isNaN)
    XCTAssertEqual(logSumExp([]), -infinity)
    XCTAssertEqual(logSumExp([-infinity, -infinity]), -infinity)
    XCTAssertEqual(logSumExp([-infinity, 3]), 3)
    XCTAssertEqual(logSumExp([infinity, 3]), infinity)
    XCTAssertTrue(logSumExp([3, .nan]).isNaN)
  }
}
