import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

final class RegretGapTests: XCTestCase {
  func testItHasThePublishedFormsValues() {
    let divergence = RegretGap.divergence(variance: 0.3, error: 0.5)
    XCTAssertEqual(divergence, 6.222436099046947, accuracy: 1e-9)
    let gap = RegretGap(change: 0.05, deviation: 0.2, divergence: divergence, bound: 1.2)
    XCTAssertEqual(gap.value, 2.223906365212402, accuracy: 1e-9)
  }

  func testAnObservationThatWasExpectedChangesLessThanASurprise() throws {
    var points = FeaturePoints(numberCount: 1, choiceCount: 0)
    for x in [0.0, 0.2, 0.4, 0.6, 0.8, 1, 0.5] { points.append([x], []) }
    let parameters = KernelParameters(numberScales: [0.4], choiceScales: [], signal: 1, noise: 1e-4)
    var before = try XCTUnwrap(GaussianProcess(points.subset(0..<6), parameters))
    let targets = [0.0, 0.3, 0.5, 0.6, 0.2, -0.1]
    before.setTargets(targets)
    func gap(_ newest: Double) throws -> RegretGap {
      var after = try XCTUnwrap(GaussianProcess(points, parameters))
      after.setTargets(targets + [newest])
      return try XCTUnwrap(RegretGap(before: before, after: after, over: points))
    }
    let expected = before.predict(points.subset([6])).means[0]
    let (dull, surprising) = (try gap(expected), try gap(expected + 1))
    XCTAssertLessThan(dull.value, surprising.value)
    XCTAssertLessThan(abs(dull.change), 0.05)
    XCTAssertGreaterThan(surprising.change, 0.5)
    XCTAssertEqual(dull.bound, surprising.bound)
  }
}
