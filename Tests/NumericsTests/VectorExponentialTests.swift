import TrimtabNumerics
import XCTest

final class VectorExponentialTests: XCTestCase {
  func testEveryLaneIsExpToAFewUnitsInTheLastPlace() {
    var stream = RandomStream(seed: 1, purpose: 1, index: 1)
    for round in 0..<20_000 {
      let range = round % 2 == 0 ? 700.0 : 2
      var x = SIMD8<Double>()
      for lane in 0..<8 { x[lane] = (2 * stream.uniform() - 1) * range }
      let y = vectorExponential(x)
      for lane in 0..<8 { XCTAssertEqual(y[lane], exp(x[lane]), accuracy: 4e-16 * exp(x[lane])) }
    }
    XCTAssertEqual(vectorExponential(SIMD8(0, 1, -1, 0.5, -45, 45, 700, -700))[0], 1)
  }
}
