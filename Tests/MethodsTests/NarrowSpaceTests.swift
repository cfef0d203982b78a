import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

/// Spaces of which the constraints leave little.
final class NarrowSpaceTests: XCTestCase {
  /// Six numbers whose sum is at most 0.8 are a share of 0.8⁶/6! = 3.6e-4 of the cube.
  func testAStudyGoesOnWhereDrawsSeldomSatisfyTheConstraints() throws {
    let space = try Space(
      (0..<6).map { try .float("x\($0)", 0...1) },
      constraints: [try Expression.parse("x0 + x1 + x2 + x3 + x4 + x5 <= 0.8")])
    for sampler in ["random", "tpe", "gp", "smac"] {
      let options: [String: Choice] = sampler == "gp" ? ["candidates": .integer(64), "starts": .integer(1)] : [:]
      let spec = MethodSpaces.spec(space, sampler: PartSpec(sampler, options: options), trials: 60)
      var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
      while try driver.runTrial({ $0.slots[0] }) != nil {}
      XCTAssertEqual(driver.state.trials.count, 60, sampler)
      let all = (0..<60).map { driver.state.history.configuration($0) }
      XCTAssertTrue(all.allSatisfy { space.violatedConstraint($0) == nil }, sampler)
      XCTAssertEqual(Set(all).count, 60, sampler)
    }
  }

  /// Of even draws of ten weights, 5e-7 have each at least 0.08; the first mixture is the even one.
  func testBoundsOnEachWeightOfAMixtureAreKept() throws {
    let parts = (0..<10).map { "p\($0)" }
    let space = try Space(
      [Parameter("w", .simplex(parts))], constraints: parts.map { try Expression.parse("w.\($0) >= 0.08") })
    let sampler = PartSpec("mixture", options: ["candidates": .integer(64), "startup": .integer(8)])
    var driver = try StudyDriver(MethodSpaces.spec(space, sampler: sampler, trials: 16)) {
      try Catalogue.makeMethod($0)
    }
    while try driver.runTrial({ $0.slots[0] }) != nil {}
    XCTAssertEqual(driver.state.trials.count, 16)
    for trial in 0..<16 {
      XCTAssertGreaterThanOrEqual(driver.state.history.configuration(trial).slots.min() ?? 0, 0.08)
    }
  }

  /// Eight choices of ten values, of which an earlier study's best has one each: a hundred-millionth of the space.
  func testABoxOfSingleChoicesIsSearchedAndLeftWhereNothingIsIn() throws {
    let space = try Space((0..<8).map { .categorical("k\($0)", (0..<10).map { "v\($0)" }) } + [.float("x", 0...1)])
    let best = Configuration(slots: [1, 2, 3, 4, 5, 6, 7, 8, 0.5])
    let other = Configuration(slots: [2, 3, 4, 5, 6, 7, 8, 9, 0.1])
    let studies = [
      EarlierStudy(name: "old", trials: [EarlierStudy.Trial(best, value: 0), EarlierStudy.Trial(other, value: 1)])
    ]
    let two = studies + [EarlierStudy(name: "older", trials: [EarlierStudy.Trial(other, value: 0)])]
    for (earlier, share) in [(studies, 0.7), (two, 0)] {
      for sampler in ["random", "tpe"] {
        var spec = MethodSpaces.spec(space, sampler: PartSpec(sampler), trials: 30)
        spec.transfer = Transfer(sources: [.init(path: "old.trimtab")], start: 0, isBoxed: true)
        var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
        for study in earlier { try driver.append(.earlierStudy(study)) }
        while try driver.runTrial({ $0.slots[8] }) != nil {}
        XCTAssertEqual(driver.state.trials.count, 30, sampler)
        let inside = (0..<30).count {
          Array(driver.state.history.configuration($0).slots.prefix(8)) == best.slots.dropLast()
        }
        XCTAssertGreaterThanOrEqual(Double(inside) / 30, share, sampler)
      }
    }
  }

  func testTheMixturesOfTheDesignAreOfTheSmallestSizeWhateverIsForbidden() throws {
    let space = try Space(
      [
        Parameter("w", .simplex(["x", "y", "z"])),
        Parameter("size", .ordinal(["small", "middle", "large"].map { .text($0) })),
      ], constraints: [try Expression.parse("w.x <= 0.5"), try Expression.parse("w.y <= 0.5")])
    let sampler = PartSpec("mixture", options: ["size": .text("size"), "startup": .integer(8)])
    var driver = try StudyDriver(MethodSpaces.spec(space, sampler: sampler, trials: 8)) {
      try Catalogue.makeMethod($0)
    }
    while try driver.runTrial({ $0.slots[0] }) != nil {}
    XCTAssertEqual((0..<8).map { driver.state.history.configuration($0).slots[3] }, [Double](repeating: 0, count: 8))
  }

  func testAConfigurationThatWasDrawnBesideTheModelSaysSo() throws {
    // Each better trial is on the line a = b, to which candidates of single densities do not keep.
    let space = try Space(
      [.integer("a", 0...400), .integer("b", 0...400)], constraints: [try Expression.parse("a == b")])
    let sampler = PartSpec("tpe", options: ["candidates": .integer(1), "startup": .integer(3)])
    var driver = try StudyDriver(MethodSpaces.spec(space, sampler: sampler, trials: 20)) {
      try Catalogue.makeMethod($0)
    }
    while try driver.runTrial({ $0.slots[0] }) != nil {}
    XCTAssertGreaterThan(driver.state.trials.suffix(15).count { $0.origin == .design }, 0)
  }
}
