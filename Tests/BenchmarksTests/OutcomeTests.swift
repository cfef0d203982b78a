import TrimtabBenchmarks
import XCTest

final class OutcomeTests: XCTestCase {
  func testOutcomesAreComparedByValue() {
    XCTAssertNotEqual(Outcome.measured([1], cost: 2), .measured([1], cost: 3))
  }
}
