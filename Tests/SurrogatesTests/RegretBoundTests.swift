import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

final class RegretBoundTests: XCTestCase {
  func testTheWidthIsTheReferences() {
    XCTAssertEqual(RegretBound.width(dimension: 3, count: 20), 3.956144892496353, accuracy: 1e-12)
    XCTAssertEqual(RegretBound.width(dimension: 5, count: 30), 4.484847228489281, accuracy: 1e-12)
  }

  func testLessIsLeftToGainTheMoreIsKnown() throws {
    func gap(_ count: Int) throws -> Double {
      var points = FeaturePoints(numberCount: 1, choiceCount: 0)
      var all = points
      for i in 0..<count { points.append([(Double(i) + 0.5) / Double(count)], []) }
      for i in 0...200 { all.append([Double(i) / 200], []) }
      let parameters = KernelParameters(numberScales: [0.3], choiceScales: [], noise: 1e-6)
      var process = try XCTUnwrap(GaussianProcess(points, parameters))
      process.setTargets((0..<count).map { _exp(-((Double($0) + 0.5) / Double(count) - 0.4) * 2) })
      let bound = try XCTUnwrap(RegretBound(process, over: all))
      return bound.possible - bound.certain
    }
    let few = try gap(4)
    let many = try gap(40)
    XCTAssertGreaterThanOrEqual(many, 0)
    XCTAssertLessThan(many, few / 5)
  }
}
