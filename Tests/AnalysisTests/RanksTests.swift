import TrimtabAnalysis
import XCTest

final class RanksTests: XCTestCase {
  func testEqualValuesShareTheMeanOfTheirRanks() {
    XCTAssertEqual(meanRanks([3, 1, 2, 1]), [4, 1.5, 3, 1.5])
    XCTAssertEqual(meanRanks([5, 5, 5]), [2, 2, 2])
  }

  func testMissingValuesComeLast() {
    XCTAssertEqual(meanRanks([.nan, 7, .nan, 9]), [3.5, 1, 3.5, 2])
    XCTAssertEqual(meanRanks([.nan, .infinity, -1], decimals: 8), [3, 2, 1])
  }

  func testValuesThatDifferBelowTheDecimalsAreTies() {
    XCTAssertEqual(meanRanks([0.123456781, 0.123456784, 0.12345679], decimals: 8), [1.5, 1.5, 3])
    XCTAssertEqual(meanRanks([0.123456781, 0.123456784, 0.12345679]), [1, 2, 3])
  }

  func testRoundingTakesHalvesToEvenAndLeavesHugeValuesAlone() {
    XCTAssertEqual(rounded(0.125, decimals: 2), 0.12)
    XCTAssertEqual(rounded(-0.375, decimals: 2), -0.38)
    XCTAssertEqual(rounded(2.5, decimals: 0), 2)
    XCTAssertEqual(rounded(1e300, decimals: 8), 1e300)
    XCTAssertEqual(rounded(.infinity, decimals: 8), .infinity)
    XCTAssertTrue(rounded(.nan, decimals: 8).isNaN)
  }

  func testSeedsAreAveragedBeforeRanking() throws {
    let means = seedMeans([[[1, 3], [2, 2.5]], [[.nan, 1], [5, 7]]])
    XCTAssertEqual(means[0], [2, 2.25])
    XCTAssertTrue(means[1][0].isNaN)
    XCTAssertEqual(try averageRanks(means), [1.5, 1.5])
  }

  func testATaskWithoutAllMethodsIsNamed() {
    XCTAssertThrowsError(try rankTable([[1, 2], [1]])) { error in
      XCTAssertEqual("\(error)", "task 1 has 1 methods and task 0 has 2; all need the same number")
    }
    XCTAssertThrowsError(try rankTable([]))
  }
}
