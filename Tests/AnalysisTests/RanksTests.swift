import TrimtabAnalysis
import XCTest

final class RanksTests: XCTestCase {
  func testEqualValuesShareTheMeanOfTheirRanks() {
    XCTAssertEqual(meanRanks([3, 1, 2, 1]), [4, 1.5, 3, 1.5])
    XCTAssertEqual(meanRanks([5, 5, 5]), [2, 2, 2])
  }

  func testMissingValuesComeLast() {
    XCTAssertEqual(meanRanks([.nan, 7, .nan, 9]), [3.5, 1, 3.5, 2])
  }
}
