import XCTest

@testable import TrimtabStudies

final class FidelityTests: XCTestCase {
  func testAResourceAHairBelowALevelHasComeToIt() {
    for (resource, level) in [(0.15, 0.05 * 3), (0.333333, 1.0 / 3), (27, 27), (0.2, 0.15), (.infinity, 1)] {
      XCTAssertTrue(Fidelity.reaches(resource, level), "\(resource) \(level)")
    }
    for (resource, level) in [(0.3333, 1.0 / 3), (26, 27), (.nan, 1), (1, .nan), (99_999_999, 100_000_000)] {
      XCTAssertFalse(Fidelity.reaches(resource, level), "\(resource) \(level)")
    }
    XCTAssertTrue(Fidelity.isSame(0.15, 0.05 * 3))
    XCTAssertFalse(Fidelity.isSame(0.2, 0.15))
  }

  func testAPointOfACurveAHairBelowALevelStandsThere() {
    var curve = Curve()
    for resource in [0.05, 0.15, 0.45] { curve.insert(1, at: resource) }
    XCTAssertEqual(curve.index(reaching: 0.05 * 3), 1)
    XCTAssertEqual(curve.index(reaching: 0.2), 2)
    XCTAssertEqual(curve.index(reaching: 1), 3)
  }
}
