import TrimtabAnalysis
import XCTest

/// The expected values were computed with NumPy by visiting every box of the full grid.
final class SubsetTests: XCTestCase {
  /// Points of a rational lattice in general position.
  private func points(_ count: Int, _ dimension: Int) -> [[Double]] {
    let lattice = [(7, 23), (11, 29), (13, 31), (17, 37)]
    return (1...count).map { i in lattice[..<dimension].map { Double((i * $0.0) % $0.1) / Double($0.1) } }
  }

  func testTheDiscrepancyFromUniformAgreesWithTheFullGrid() throws {
    let expected: [(Int, Int, Double)] = [
      (1, 1, 0.6956521739130435), (6, 2, 0.31334332833583206), (12, 2, 0.19252873563218387),
      (10, 3, 0.25695216907675195), (7, 4, 0.4376363941581333),
    ]
    for (count, dimension, value) in expected {
      XCTAssertEqual(
        try StarDiscrepancy(points(count, dimension)).value, value, accuracy: 1e-12, "\(count) in \(dimension)-d")
    }
  }

  func testThePublishedValueOfCentredPointsIsMet() throws {
    // The points (2i − 1) / 2n have the least discrepancy in one dimension, 1 / 2n (Niederreiter 1992, theorem 2.6).
    let centred = (1...8).map { [Double(2 * $0 - 1) / 16] }
    XCTAssertEqual(try StarDiscrepancy(centred).value, 1.0 / 16, accuracy: 1e-15)
  }

  func testTheDiscrepancyFromOtherPointsAgreesWithTheFullGrid() throws {
    let all = points(16, 3)
    XCTAssertEqual(try StarDiscrepancy(Array(all[..<5]), reference: .points(all)).value, 0.3125, accuracy: 1e-12)
    XCTAssertEqual(
      try StarDiscrepancy(Array(all[3..<12]), reference: .points(all)).value, 0.26388888888888884, accuracy: 1e-12)
    XCTAssertEqual(try StarDiscrepancy(all, reference: .points(all)).value, 0)
  }

  func testPointsOnTheUpperFacesLieOutsideHalfOpenBoxes() throws {
    XCTAssertEqual(try StarDiscrepancy([[1, 0.5], [0.25, 1], [0.5, 0.75]]).value, 0.75, accuracy: 1e-15)
    XCTAssertEqual(try StarDiscrepancy([[1, 1]]).value, 1)
    XCTAssertEqual(try StarDiscrepancy([[1, 1], [0, 0]], reference: .points([[1, 1], [0, 0]])).value, 0)
  }

  func testTheWorstBoxHasTheDifferenceThatIsReported() throws {
    let set = points(12, 2)
    let found = try StarDiscrepancy(set)
    let share = set.count { point in
      zip(point, found.corner).allSatisfy { found.isOverfull ? $0 <= $1 : $0 < $1 }
    }
    let difference = Double(share) / 12 - found.corner[0] * found.corner[1]
    XCTAssertEqual(found.isOverfull ? difference : -difference, found.value, accuracy: 1e-12)
  }

  func testLocalSearchFindsTheBestOfAllSmallSubsets() throws {
    // Of all 210 subsets of four.
    let all = points(10, 2)
    let even = try RepresentativeSubset(of: all, size: 4)
    XCTAssertEqual(even.indices, [4, 5, 6, 7])
    XCTAssertEqual(even.discrepancy, 0.2912293853073463, accuracy: 1e-12)
    let alike = try RepresentativeSubset(of: all, size: 4, reference: .points(all))
    XCTAssertEqual(alike.indices, [0, 4, 5, 6])
    XCTAssertEqual(alike.discrepancy, 0.2, accuracy: 1e-12)
    XCTAssertEqual(try RepresentativeSubset(of: all, size: 10).indices, Array(0..<10))
  }

  func testTheSubsetIsThatOfTheSeedAndBetterThanRandomOnes() throws {
    let all = points(22, 3)
    let found = try RepresentativeSubset(of: all, size: 6, restarts: 5, seed: 3)
    XCTAssertEqual(found, try RepresentativeSubset(of: all, size: 6, restarts: 5, seed: 3))
    XCTAssertEqual(try StarDiscrepancy(found.indices.map { all[$0] }).value, found.discrepancy)
    XCTAssertLessThan(found.discrepancy, try StarDiscrepancy(Array(all[..<6])).value)
  }

  func testDevelopmentAndTestTasksAreDisjointAndBothRepresentative() throws {
    let all = points(22, 2)
    for division in [RepresentativeSubset.Division.sequential, .halves] {
      let (development, test) = try RepresentativeSubset.developmentAndTest(
        of: all, size: 7, by: division, reference: .points(all), restarts: 10)
      XCTAssertTrue(Set(development.indices).isDisjoint(with: test.indices))
      XCTAssertEqual([development.indices.count, test.indices.count], [7, 7])
      for subset in [development, test] {
        let own = subset.indices.map { all[$0] }
        XCTAssertEqual(try StarDiscrepancy(own, reference: .points(all)).value, subset.discrepancy)
        XCTAssertLessThan(subset.discrepancy, 0.35)
      }
    }
    XCTAssertThrowsError(try RepresentativeSubset.developmentAndTest(of: all, size: 12))
  }

  func testPerformancesBecomePointsOfTheUnitCube() throws {
    XCTAssertEqual(
      try performancePoints([[0, 2, 5], [4, 3, 5], [1, 4, 5]]), [[0, 0, 0], [1, 0.5, 0], [0.25, 1, 0]])
    let spread = try performancePoints([[0, 0], [1e-5, 1], [1, 0.1]], isLogarithmic: true)
    XCTAssertEqual(spread[1][0], 0.5, accuracy: 1e-5)
    XCTAssertEqual(spread[2][1], 0.9, accuracy: 1e-5)
    XCTAssertThrowsError(try performancePoints([[.nan]]))
  }

  func testImpossibleSubsetsAreRefused() {
    XCTAssertThrowsError(try StarDiscrepancy([]))
    XCTAssertThrowsError(try StarDiscrepancy([[1.5]]))
    XCTAssertThrowsError(try StarDiscrepancy([[0.5]], reference: .points([[0.5, 0.5]])))
    XCTAssertThrowsError(try RepresentativeSubset(of: [[0.5]], size: 2))
    XCTAssertThrowsError(try RepresentativeSubset(of: [[0.5]], size: 1, restarts: 0))
  }
}
