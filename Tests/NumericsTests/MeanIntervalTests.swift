import TrimtabNumerics
import XCTest

final class MeanIntervalTests: XCTestCase {
  func testHalfWidthsAreThoseOfStudent() throws {
    // In units of the standard deviation.
    for (count, width) in [(3, 2.484), (5, 1.242), (8, 0.836), (10, 0.715), (16, 0.533), (20, 0.468)] {
      let values = (0..<count).map { Double($0) }
      let mean = Double(count - 1) / 2
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let interval = try XCTUnwrap(MeanInterval(values))
      XCTAssertEqual(interval.mean, mean, accuracy: 1e-12)
      XCTAssertEqual(interval.halfWidth / (squares / Double(count - 1)).squareRoot(), width, accuracy: 5e-4)
    }
  }

  func testTheIntervalHoldsTheMeanAsOftenAsItSays() {
    var stream = RandomStream(seed: 4, purpose: stableHash("interval"), index: 0)
    var held = 0
    for _ in 0..<2000 {
      let values = (0..<4).map { _ in 3 + stream.normal() }
      if let interval = MeanInterval(values, confidence: 0.8), abs(interval.mean - 3) < interval.halfWidth { held += 1 }
    }
    XCTAssertEqual(Double(held) / 2000, 0.8, accuracy: 0.03)
  }

  func testAFewValuesOrImpossibleOnesHaveNone() {
    XCTAssertNil(MeanInterval([]))
    XCTAssertNil(MeanInterval([1, .nan]))
    XCTAssertEqual(MeanInterval([2])?.halfWidth, .infinity)
    XCTAssertEqual(MeanInterval([2, 2, 2])?.halfWidth, 0)
  }
}
