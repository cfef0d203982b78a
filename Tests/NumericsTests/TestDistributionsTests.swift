import TrimtabNumerics
import XCTest

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The expected values were computed with mpmath at 30 digits.
final class TestDistributionsTests: XCTestCase {
  func testTheLogarithmOfTheGammaFunctionIsExactToRounding() {
    let expected: [(Double, Double)] = [
      (1e-5, 11.512919692895826), (0.5, 0.57236494292470009), (1, 0), (1.5, -0.12078223763524522),
      (2.0000001, 4.2278436665324979e-8), (9.9, 12.57717990421988), (10, 12.80182748008147),
      (100.5, 361.43554046777762), (1e6, 12815504.569147612),
    ]
    for (x, value) in expected {
      XCTAssertEqual(GammaFunction.log(x), value, accuracy: 1e-14 * max(1, abs(value)), "x = \(x)")
    }
    XCTAssertEqual(GammaFunction.log(0), .infinity)
    XCTAssertTrue(GammaFunction.log(-1).isNaN)
    XCTAssertEqual(exp(GammaFunction.logBinomial(52, 5)), 2_598_960, accuracy: 1e-6)
    XCTAssertEqual(GammaFunction.logBinomial(5, 6), -.infinity)
  }

  func testIncompleteGammaFunctionsHoldInBothTails() {
    let expected: [(a: Double, x: Double, upper: Double, lower: Double)] = [
      (0.5, 0.1, 0.65472084601857702, 0.34527915398142298), (0.5, 20, 2.539628589470865e-10, 0.99999999974603714),
      (5, 3, 0.81526324452377207, 0.18473675547622793), (5, 40, 5.0204643188291334e-13, 0.99999999999949795),
      (50, 55, 0.23220478050085633, 0.76779521949914367), (50, 120, 1.6008226793344829e-13, 0.99999999999983992),
      (500, 480, 0.8137180268096754, 0.1862819731903246), (2000.5, 2100, 0.014039385133062858, 0.98596061486693714),
    ]
    for (a, x, upper, lower) in expected {
      XCTAssertEqual(GammaFunction.upper(a, x), upper, accuracy: 2e-12 * upper, "a = \(a), x = \(x)")
      XCTAssertEqual(GammaFunction.lower(a, x), lower, accuracy: 2e-12 * lower, "a = \(a), x = \(x)")
    }
    XCTAssertEqual(GammaFunction.upper(3, 0), 1)
    XCTAssertEqual(GammaFunction.upper(3, .infinity), 0)
    XCTAssertTrue(GammaFunction.upper(0, 1).isNaN)
    XCTAssertTrue(GammaFunction.upper(1, -1).isNaN)
    XCTAssertTrue(GammaFunction.lower(1, .nan).isNaN)
  }

  func testTheIncompleteBetaFunctionHoldsOnBothSidesOfItsMean() {
    let expected: [(Double, Double, Double, Double)] = [
      (0.1, 0.5, 0.5, 0.20483276469913346), (0.3, 2, 5, 0.579825), (0.9, 2, 5, 0.999945),
      (0.5, 50, 60, 0.83090729390166941), (0.01, 3, 200, 0.32876182896161063),
      (0.999, 200, 0.5, 0.52724410702523517),
    ]
    for (x, a, b, value) in expected {
      XCTAssertEqual(BetaFunction.regularised(x, a, b), value, accuracy: 1e-12 * value, "x = \(x)")
      XCTAssertEqual(
        BetaFunction.regularised(1 - x, complement: x, b, a), 1 - value, accuracy: 1e-12, "x = \(x)")
    }
    XCTAssertEqual(BetaFunction.regularised(0, 2, 3), 0)
    XCTAssertEqual(BetaFunction.regularised(1, 2, 3), 1)
    XCTAssertTrue(BetaFunction.regularised(1.5, 2, 3).isNaN)
    XCTAssertTrue(BetaFunction.regularised(0.5, 0, 3).isNaN)
  }

  func testTailsOfTheTestDistributionsKeepTheirDigits() {
    func check(_ value: Double, _ expected: Double, line: UInt = #line) {
      XCTAssertEqual(value, expected, accuracy: 1e-12 * expected, line: line)
    }
    check(UpperTail.chiSquare(136.73, degrees: 8), 1.1350133448555109e-25)
    check(UpperTail.chiSquare(3.84, degrees: 1), 0.050043521248705103)
    check(UpperTail.chiSquare(0.5, degrees: 3), 0.91889141165467586)
    check(UpperTail.chiSquare(200, degrees: 100), 1.1784500720979422e-8)
    XCTAssertEqual(UpperTail.chiSquare(-1, degrees: 2), 1)
    check(UpperTail.f(21.08, numerator: 8, denominator: 680), 1.0499528976151449e-28)
    check(UpperTail.f(0.5, numerator: 3, denominator: 7), 0.69403638756881372)
    check(UpperTail.f(4, numerator: 1, denominator: 1), 0.29516723530086655)
    check(UpperTail.f(1.2, numerator: 50, denominator: 60), 0.24830871765896694)
    check(UpperTail.f(100, numerator: 2, denominator: 9), 7.1356412098835954e-7)
    XCTAssertEqual(UpperTail.f(.infinity, numerator: 2, denominator: 9), 0)
    check(UpperTail.studentT(2.5, degrees: 4), 0.033383272405994073)
    check(UpperTail.studentT(0.1, degrees: 30), 0.46050480589513558)
    check(UpperTail.studentT(-1, degrees: 3), 0.80449889052211468)
    check(UpperTail.studentT(12, degrees: 40), 3.9120856521279863e-15)
    check(UpperTail.normal(1.959963984540054), 0.025)
    for value in [
      UpperTail.chiSquare(.nan, degrees: 1), UpperTail.f(.nan, numerator: 1, denominator: 1),
      UpperTail.studentT(.nan, degrees: 1), UpperTail.chiSquare(1, degrees: 0),
    ] { XCTAssertTrue(value.isNaN) }
  }

  func testTheStudentisedRangeAgreesWithTheIntegral() {
    let expected: [(Double, Int, Double)] = [
      (1, 2, 0.47950012218695346), (3, 3, 0.085542571654958003), (3.5, 5, 0.096338463965426766),
      (5, 10, 0.014857437887783706), (6, 30, 0.0077193852244677603), (0.7, 9, 0.99990897155925497),
    ]
    for (q, count, value) in expected {
      XCTAssertEqual(StudentizedRange.upperTail(q, count: count), value, accuracy: 1e-13, "q = \(q)")
      XCTAssertEqual(StudentizedRange.quantile(upperTail: value, count: count), q, accuracy: 1e-9, "q = \(q)")
    }
    XCTAssertEqual(StudentizedRange.upperTail(0, count: 3), 1)
    XCTAssertTrue(StudentizedRange.upperTail(1, count: 1).isNaN)
    XCTAssertTrue(StudentizedRange.quantile(upperTail: 0, count: 3).isNaN)
  }
}
