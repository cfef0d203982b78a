import TrimtabMethods
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

/// Many proposals beside each other.
final class PendingTests: XCTestCase {
  /// The least distance between any two of the trials that are pending, on the unit cube.
  private func least(_ driver: StudyDriver) -> Double {
    let rows = driver.state.running
    var least = Double.infinity
    for (place, a) in rows.enumerated() {
      for b in rows.prefix(place) {
        var sum = 0.0
        for column in driver.state.history.units { sum += (column[a] - column[b]) * (column[a] - column[b]) }
        least = min(least, sum.squareRoot())
      }
    }
    return least
  }

  private func pending(_ sampler: PartSpec, _ space: Space, after trials: Int, count: Int) throws -> StudyDriver {
    var driver = try StudyDriver(MethodSpaces.spec(space, sampler: sampler, trials: 400)) {
      try Catalogue.makeMethod($0)
    }
    for _ in 0..<trials {
      try driver.runTrial { $0.slots.reduce(0) { $0 + ($1 - 0.3) * ($1 - 0.3) } }
    }
    for _ in 0..<count { XCTAssertNotNil(try driver.start()) }
    return driver
  }

  /// What is believed of a pending trial is to be improved on: otherwise the point itself stays the best of all.
  func testBelievedOutcomesKeepProposalsApart() throws {
    let space = try Space((0..<3).map { try .float("x\($0)", 0...1) })
    let small: [String: Choice] = ["candidates": .integer(128), "starts": .integer(2)]
    for (options, count): ([String: Choice], Int) in [
      ([:], 44), (["pending": .text("believer")], 16), (["acquisition": .text("pi")], 16),
    ] {
      let driver = try pending(
        PartSpec("gp", options: small.merging(options) { $1 }), space, after: 12, count: count)
      XCTAssertGreaterThan(least(driver), 2e-5, "\(options)")
    }
  }

  func testMixturesBesidePendingOnesKeepApart() throws {
    let space = try Space([Parameter("weights", .simplex(["a", "b", "c"]))])
    let driver = try pending(PartSpec("mixture", options: ["candidates": .integer(128)]), space, after: 20, count: 14)
    XCTAssertGreaterThan(least(driver), 2e-5)
  }

  /// In one dimension there is room for few at a distance of a tenth.
  func testProposalsFromATableKeepTheirDistanceWhileThereIsRoom() throws {
    let options: [String: Choice] = ["networks": .integer(1), "width": .integer(8), "steps": .integer(50)]
    let driver = try pending(
      PartSpec("ignite", options: options), Space([.float("x", 0...1), .float("y", 0...1)]), after: 20, count: 8)
    XCTAssertGreaterThanOrEqual(least(driver), 0.1 - 1e-9)
    let line = try pending(PartSpec("ignite", options: options), Space([.float("x", 0...1)]), after: 10, count: 16)
    XCTAssertEqual(line.state.running.count, 16)
    XCTAssertEqual(line.state.fallbackCount, 0)
  }
}
