import TrimtabNumerics
import TrimtabSearchSpaces
import XCTest

@testable import TrimtabSurrogates

final class MixedSearchTests: XCTestCase {
  /// A model of `objective` from `count` random configurations of the space.
  private func acquisition(
    _ space: Space, _ count: Int, seed: UInt64, kind: AcquisitionKind = .upperBound(multiplier: 0),
    _ objective: (Configuration) -> Double
  ) throws -> (SpaceFeatures, ModelAcquisition, [Configuration]) {
    let features = SpaceFeatures(space)
    var points = features.empty
    var units = [Double](repeating: 0, count: space.coordinates.count)
    var scores: [Double] = []
    var configurations: [Configuration] = []
    for i in 0..<count {
      let configuration = try space.sample(seed: seed, index: UInt64(i))
      XCTAssertTrue(features.append(configuration, to: &points, units: &units))
      scores.append(objective(configuration))
      configurations.append(configuration)
    }
    let z = OutputTransform.standard.apply(scores.map { -$0 }).map { -$0 }
    let fit = GaussianProcessFit(points, z)
    let result = fit.run(from: fit.coldStarts)
    var process = try XCTUnwrap(GaussianProcess(points, result.parameters))
    process.setTargets(z)
    let best = configurations.indices.sorted { scores[$0] > scores[$1] }.prefix(3).map { configurations[$0] }
    return (features, ModelAcquisition(process, kind, threshold: z.max() ?? 0), best)
  }

  func testItFindsTheBestOfAFiniteSpaceAsBruteForceDoes() throws {
    let space = try Space([.integer("a", 1...12), .categorical("b", ["x", "y", "z"]), .integer("c", 1...40)])
    var hits = 0
    for seed in 1...50 as ClosedRange<UInt64> {
      let (features, acquisition, best) = try acquisition(space, 25, seed: seed, kind: .logExpectedImprovement) {
        let a = $0.slots[0] - 4
        let c = $0.slots[2] - 13
        return -(a * a + ($0.slots[1] == 1 ? 0 : 9) + c * c / 20)
      }
      var settings = MixedSearch.Settings()
      settings.candidates = 64
      var search = MixedSearch(features, acquisition, incumbents: best, seed: seed, settings: settings)
      let found = try XCTUnwrap(search.run().first)
      var points = features.empty
      var units = [0.0, 0, 0]
      for a in 1...12 {
        for b in 0..<3 {
          for c in 1...40 {
            _ = features.append(
              Configuration(slots: [Double(a), Double(b), Double(c)]), to: &points, units: &units)
          }
        }
      }
      if found.value >= (acquisition.values(points).max() ?? 0) - 1e-9 { hits += 1 }
    }
    XCTAssertGreaterThanOrEqual(hits, 48)
  }

  func testGradientStepsReachTheTopOfASmoothModel() throws {
    let space = try Space((0..<6).map { try .float("x\($0)", 0...1) })
    let (features, acquisition, best) = try acquisition(space, 120, seed: 3) { configuration in
      -configuration.slots.reduce(0) { $0 + ($1 - 0.37) * ($1 - 0.37) }
    }
    var search = MixedSearch(features, acquisition, incumbents: best, seed: 1)
    let found = try XCTUnwrap(search.run().first)
    for value in found.configuration.slots { XCTAssertEqual(value, 0.37, accuracy: 0.06) }
    // No random point comes near.
    var points = features.empty
    var units = [Double](repeating: 0, count: 6)
    for i in 0..<5000 {
      _ = features.append(try space.sample(seed: 8, index: UInt64(i)), to: &points, units: &units)
    }
    XCTAssertGreaterThan(found.value, acquisition.values(points).max() ?? 0)
  }

  func testWeightsClimbOnTheSimplex() throws {
    let space = try Space([Parameter("mixture", .simplex(["a", "b", "c", "d"]))])
    let (features, acquisition, best) = try acquisition(space, 60, seed: 4) {
      let goal = [0.1, 0.2, 0.3, 0.4]
      return -zip($0.slots, goal).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
    var search = MixedSearch(features, acquisition, incumbents: best, seed: 1)
    let found = try XCTUnwrap(search.run().first)
    XCTAssertEqual(found.configuration.slots.reduce(0, +), 1, accuracy: 1e-12)
    for (value, goal) in zip(found.configuration.slots, [0.1, 0.2, 0.3, 0.4]) {
      XCTAssertEqual(value, goal, accuracy: 0.05)
    }
  }

  func testOrdersAreSearched() throws {
    let items = (0..<7).map { Choice.integer($0) }
    let space = try Space([Parameter("order", .permutation(items))])
    // The best order is the identity.
    let (features, acquisition, best) = try acquisition(space, 150, seed: 5) { configuration in
      -configuration.slots.enumerated().reduce(0) {
        $0 + ($1.element - Double($1.offset)) * ($1.element - Double($1.offset))
      }
    }
    var search = MixedSearch(features, acquisition, incumbents: best, seed: 1)
    XCTAssertEqual(try XCTUnwrap(search.run().first).configuration.slots, (0..<7).map(Double.init))
  }

  func testConstraintsAndConditionsHoldForEverythingFound() throws {
    let space = try Space(
      [
        .float("a", 0...1), .float("b", 0...1), .categorical("kind", ["x", "y"]),
        .float("only", 0...1).when("kind == x"), .float("deep", 0...1).when("a > 0.5"),
      ], constraints: [try Expression.parse("a + b <= 1")])
    let (features, acquisition, best) = try acquisition(space, 40, seed: 6) {
      $0.slots[0] + $0.slots[1] + ($0.slots[2] == 0 ? $0.slots[3] : 0.2)
    }
    var search = MixedSearch(features, acquisition, incumbents: best, seed: 1)
    let found = search.run()
    XCTAssertGreaterThan(found.count, 10)
    for one in found { XCTAssertTrue(space.contains(one.configuration)) }
    let top = try XCTUnwrap(found.first).configuration.slots
    XCTAssertGreaterThan(top[0] + top[1], 0.9)
    XCTAssertGreaterThan(top[3], 0.8)
    XCTAssertEqual(Set(found.map(\.configuration)).count, found.count)
  }

  func testConstraintsThatNothingSatisfiesGiveNothing() throws {
    let free = try Space([.float("a", 0...1)])
    let (_, acquisition, best) = try acquisition(free, 10, seed: 1) { $0.slots[0] }
    let space = try Space([.float("a", 0...1)], constraints: [try Expression.parse("a > 2")])
    var search = MixedSearch(SpaceFeatures(space), acquisition, incumbents: best, seed: 1)
    XCTAssertTrue(search.run().isEmpty)
  }

  func testTheSameSeedFindsTheSame() throws {
    let space = try Space([.float("a", 0...1), .integer("b", 1...100), .categorical("c", ["x", "y", "z"])])
    let (features, acquisition, best) = try acquisition(space, 30, seed: 2, kind: .logExpectedImprovement) {
      -abs($0.slots[0] - 0.5) - abs($0.slots[1] - 30) / 50
    }
    func run(_ seed: UInt64) -> [Configuration] {
      var search = MixedSearch(features, acquisition, incumbents: best, seed: seed)
      return search.run().map(\.configuration)
    }
    XCTAssertEqual(run(5), run(5))
    XCTAssertNotEqual(run(5), run(6))
  }
}
