import TrimtabAnalysis
import XCTest

final class ProfileTests: XCTestCase {
  func testAProfileIsTheShareOfWorkloadsWithinAFactorOfTheBest() throws {
    let profile = try PerformanceProfile([[10, 30, .infinity, .infinity], [20, 10, 5, .infinity]])
    XCTAssertEqual(profile.ratios, [[1, 3, .infinity, .infinity], [2, 1, 1, .infinity]])
    XCTAssertEqual(profile.shares(within: 1), [0.25, 0.5])
    XCTAssertEqual(profile.shares(within: 3), [0.5, 0.75])
    XCTAssertEqual(try profile.curve(of: 1).values(at: [1, 1.9, 2], before: 0), [0.5, 0.5, 0.75])
    let sums: [Double] = [3 + 1 + 0, 2 + 3 + 3]
    XCTAssertEqual(try profile.scores(integration: .exact), sums.map { $0 / 12 })
  }

  func testTheTrapezoidRuleComesCloserWithMorePoints() throws {
    let profile = try PerformanceProfile([[10, 32, 7], [20, 10, 5]])
    let exact = try profile.scores(integration: .exact)
    let coarse = try profile.scores(integration: .trapezoid(points: 100))
    let fine = try profile.scores(integration: .trapezoid(points: 10_000))
    for method in 0..<2 {
      XCTAssertEqual(fine[method], exact[method], accuracy: 1e-4)
      XCTAssertEqual(coarse[method], exact[method], accuracy: 1e-2)
      XCTAssertNotEqual(coarse[method], exact[method])
    }
    XCTAssertThrowsError(try profile.scores(integration: .trapezoid(points: 1)))
    XCTAssertThrowsError(try profile.scores(greatest: 1))
    XCTAssertThrowsError(try PerformanceProfile([[0, 1]]))
  }

  func testVariantsVoidTheirBaseWorkloadAndAreVoidedByIt() throws {
    let workloads = ["a", "a_variant", "b"]
    let times: [[Double]] = [
      [10, 5, 8],  // sound
      [5, 21, 8],  // the variant took over four times the best
      [.infinity, 1, 9],  // missed the base: its variant's time must not be anybody's best
      [12, .nan, 33],  // did not run the variant, and is over four times slower on b
    ]
    let score = try AlgoPerfScore(times, workloads: workloads, variants: ["a_variant": "a"])
    XCTAssertEqual(score.baseWorkloads, ["a", "b"])
    XCTAssertEqual(score.times, [[10, 8], [.infinity, 8], [.infinity, 9], [.infinity, .infinity]])
    XCTAssertEqual(try score.scores(integration: .exact)[0], 1)
    XCTAssertThrowsError(try AlgoPerfScore(times, workloads: workloads, variants: ["a_variant": "c"]))
    XCTAssertThrowsError(try AlgoPerfScore(times, workloads: ["a"], variants: [:]))
  }

  func testSpeedUpsAreGeometricMeansWithMissesCharged() throws {
    XCTAssertEqual(
      try AlgoPerfScore.speedUp(of: [10, .infinity], over: [40, 24], limits: [100, 99]), (4 * 0.24).squareRoot(),
      accuracy: 1e-14)
    XCTAssertThrowsError(try AlgoPerfScore.speedUp(of: [], over: [], limits: []))
  }
}
