import TrimtabBenchmarks
import TrimtabNumerics
import XCTest

final class RandomSearchExpectationTests: XCTestCase {
  func testSmallCasesAgreeWithCountingAllDraws() {
    // Of {1, 2, 4}: pairs have the bests 1, 1, 2.
    XCTAssertEqual(RandomSearchExpectation.best(ofLosses: [4, 1, 2], draws: 2), 4.0 / 3, accuracy: 1e-15)
    XCTAssertEqual(RandomSearchExpectation.best(ofLosses: [4, 1, 2], draws: 1), 7.0 / 3, accuracy: 1e-15)
    XCTAssertEqual(RandomSearchExpectation.best(ofLosses: [4, 1, 2], draws: 3), 1)
  }

  func testDrawsOfNothingButNaNAreLeftOut() {
    XCTAssertEqual(RandomSearchExpectation.best(ofLosses: [1, 2, .nan], draws: 1), 1.5, accuracy: 1e-15)
    XCTAssertEqual(RandomSearchExpectation.best(ofLosses: [1, 2, .nan], draws: 2), 4.0 / 3, accuracy: 1e-15)
    XCTAssertEqual(RandomSearchExpectation.best(ofLosses: [3, .nan, .nan, .nan], draws: 2), 3)
    XCTAssertEqual(RandomSearchExpectation.best(ofLosses: [3, .nan], draws: 9), 3)
    XCTAssertTrue(RandomSearchExpectation.best(ofLosses: [.nan], draws: 1).isNaN)
    XCTAssertTrue(RandomSearchExpectation.best(ofLosses: [], draws: 1).isNaN)
  }

  func testItIsTheMeanOfManySearches() {
    let losses = (0..<500).map { pow(Double($0) / 500, 3) }
    var sum = 0.0
    var squares = 0.0
    let runs = 4000
    for run in 0..<runs {
      var stream = RandomStream(seed: 5, purpose: 1, index: UInt64(run))
      var left = losses
      stream.shuffle(&left)
      let best = left.prefix(20).min() ?? .nan
      sum += best
      squares += best * best
    }
    let mean = sum / Double(runs)
    let error = ((squares / Double(runs) - mean * mean) / Double(runs)).squareRoot()
    XCTAssertEqual(RandomSearchExpectation.best(ofLosses: losses, draws: 20), mean, accuracy: 4 * error)
  }
}
