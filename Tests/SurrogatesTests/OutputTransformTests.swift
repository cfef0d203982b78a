import XCTest

@testable import TrimtabSurrogates

final class OutputTransformTests: XCTestCase {
  private func assertClose(_ a: [Double], _ b: [Double], _ accuracy: Double, line: UInt = #line) {
    XCTAssertEqual(a.count, b.count, line: line)
    for (x, y) in zip(a, b) { XCTAssertEqual(x, y, accuracy: accuracy, line: line) }
  }

  func testThePowerTransformIsThatOfTheReference() {
    assertClose(
      OutputTransform.power.apply([1, 2, 3, 10, 100]),
      [-1.35456473, -0.59147775, -0.22064635, 0.6254397, 1.54124912], 1e-7)
    assertClose(
      OutputTransform.power.apply([-1, 0, 2, 5, 50]),
      [-1.1153349, -0.76065068, -0.2096391, 0.35050644, 1.73511824], 1e-7)
  }

  func testTheCopulaTransformIsThatOfTheReference() {
    assertClose(
      OutputTransform.copula.apply([3, 1, 4, 1.5, 9]),
      [-0.2533471, -1.44413311, 0.2533471, -0.84162123, 0.84162123], 1e-7)
  }

  func testStandardisedLossesHaveMeanZeroAndDeviationOne() {
    for scale in [1, 1e-300, 1e300, 1e-3] {
      let z = OutputTransform.standard.apply([1, 2, 4, 8].map { $0 * scale })
      XCTAssertEqual(z.reduce(0, +), 0, accuracy: 1e-12)
      XCTAssertEqual(z.reduce(0) { $0 + $1 * $1 }, 4, accuracy: 1e-12)
      assertClose(z, OutputTransform.standard.apply([1, 2, 4, 8]), 1e-9)
    }
    assertClose(OutputTransform.standard.apply([-1.7e308, 1.7e308]), [-1, 1], 1e-12)
  }

  func testADisasterDoesNotHideTheDifferencesAmongTheOthers() {
    let losses = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1e12]
    let z = OutputTransform.winsorized.apply(losses)
    XCTAssertGreaterThan(z[1] - z[0], 0.1)
    XCTAssertEqual(
      OutputTransform.standard.apply(losses)[1] - OutputTransform.standard.apply(losses)[0], 0, accuracy: 1e-9)
    // Good trials are never cut.
    let best = OutputTransform.winsorized.apply([-1e12, 0.1, 0.2, 0.3, 0.4])
    XCTAssertLessThan(best[0], -1.9)
  }

  func testEveryTransformKeepsTheOrderAndTakesAnyFiniteLosses() {
    let sets: [[Double]] = [
      [3, 1, 2], [1e300, -1e300, 0], [1e-300, 2e-300, 3e-300], [0, 0, 0, 1], [5], [7, 7, 7], [-1.7e308, 1.7e308, 3],
      (0..<50).map { exp(Double($0)) }, [.leastNonzeroMagnitude, 0],
    ]
    for transform in OutputTransform.allCases {
      for losses in sets {
        let z = transform.apply(losses)
        XCTAssertEqual(z.count, losses.count)
        XCTAssertTrue(z.allSatisfy(\.isFinite), "\(transform) \(losses)")
        for i in losses.indices {
          for j in losses.indices where losses[i] < losses[j] {
            XCTAssertLessThanOrEqual(z[i], z[j] + 1e-12, "\(transform) \(losses)")
          }
        }
      }
    }
  }
}
