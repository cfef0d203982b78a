import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class EnoughKnownTests: XCTestCase {
  private func driver(_ stopping: Stopping?, sampler: String = "gp", seed: UInt64 = 1) throws -> StudyDriver {
    var spec = MethodSpaces.spec(
      try Space([.float("x", 0...1), .float("y", 0...1)]),
      sampler: PartSpec(sampler, options: sampler == "gp" ? ["candidates": .integer(64), "starts": .integer(2)] : [:]),
      trials: 400, seed: seed)
    spec.stopping = stopping
    return try StudyDriver(spec) { try Catalogue.makeMethod($0) }
  }

  private func bowl(_ configuration: Configuration) -> Double {
    let (x, y) = (configuration.slots[0] - 0.3, configuration.slots[1] - 0.6)
    return x * x + y * y
  }

  /// The trials after which the rule wants the study to stop, and why; nil when it does not within the limit.
  private func stop(
    _ driver: inout StudyDriver, within limit: Int = 60, _ objective: (Configuration, Int) -> Double
  ) throws -> (count: Int, reason: String)? {
    for count in 1...limit {
      try driver.runTrial { objective($0, count) }
      if let reason = driver.method.stopReason(state: driver.state) { return (count, reason) }
    }
    return nil
  }

  func testAStudyWithoutAConditionNeverStops() throws {
    var driver = try driver(nil, sampler: "random")
    XCTAssertNil(try stop(&driver) { _, _ in 1 })
  }

  func testItStopsWhenLessIsLeftThanAskedForAndNotBeforeTwentyTwoTrials() throws {
    var driver = try driver(Stopping(gain: .value(0.05)))
    let found = try XCTUnwrap(try stop(&driver) { configuration, _ in self.bowl(configuration) })
    XCTAssertGreaterThanOrEqual(found.count, 22)
    XCTAssertLessThan(found.count, 45)
    XCTAssertTrue(found.reason.hasPrefix("at most "), found.reason)
    XCTAssertTrue(found.reason.hasSuffix(" of loss is left to gain (90 %), less than 0.05"), found.reason)
    // What is left is no more than the bound says.
    XCTAssertLessThan(driver.state.trials.map(\.value).min() ?? 1, 0.05)
    var strict = try self.driver(Stopping(gain: .value(1e-9)))
    XCTAssertNil(try stop(&strict, within: 30) { configuration, _ in self.bowl(configuration) })
  }

  func testNoiseStopsAStudyThatHasNothingElseLeftAndNoneThatHas() throws {
    var stream = RandomStream(seed: 4, purpose: 2, index: 0)
    let noises = (0..<300).map { _ in stream.normal() }
    for (slope, count) in [(0.0, 300), (100, 30)] {
      var spec = MethodSpaces.spec(try Space([.float("x", 0...1)]), sampler: PartSpec("random"), trials: 400)
      spec.stopping = Stopping(gain: .noise)
      var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
      for trial in 0..<count { try driver.runTrial { slope * $0.slots[0] + noises[trial] } }
      let reason = driver.method.stopReason(state: driver.state)
      if slope == 0 {
        XCTAssertTrue(reason?.contains("less than the noise of") ?? false, reason ?? "it goes on")
      } else {
        XCTAssertNil(reason)
      }
    }
  }

  func testItStopsWhenTheNextTrialIsNotWorthItsCost() throws {
    // Each trial takes a second.
    var dear = try driver(Stopping(price: 0.05))
    let found = try XCTUnwrap(try stop(&dear) { configuration, _ in self.bowl(configuration) })
    XCTAssertTrue(found.reason.contains("is expected to gain"), found.reason)
    XCTAssertTrue(found.reason.contains("costs as much as 0.05 is worth"), found.reason)
    var cheap = try driver(Stopping(price: 1e-30))
    XCTAssertNil(try stop(&cheap, within: 26) { configuration, _ in self.bowl(configuration) })
  }

  func testItStopsWhenTrialsChangeLittleOfWhatTheyDidAtFirst() throws {
    var driver = try driver(Stopping(regretGap: 0.2))
    let found = try XCTUnwrap(try stop(&driver, within: 80) { configuration, _ in self.bowl(configuration) })
    XCTAssertGreaterThan(found.count, 32)
    XCTAssertTrue(found.reason.hasPrefix("one more trial changes what is known of the best by "), found.reason)
    XCTAssertTrue(found.reason.hasSuffix(" of what it did at first, less than 0.2"), found.reason)
    var strict = try self.driver(Stopping(regretGap: 1e-12))
    XCTAssertNil(try stop(&strict, within: 36) { configuration, _ in self.bowl(configuration) })
  }

  func testItStopsAfterManyTrialsWithoutImprovement() throws {
    var driver = try driver(Stopping(stagnation: 7), sampler: "random")
    let found = try XCTUnwrap(try stop(&driver) { _, count in count == 5 ? 0 : 1 })
    XCTAssertEqual(found.count, 12)
    XCTAssertEqual(found.reason, "the last 7 trials brought no improvement")
  }

  func testTrialsThatAreLostForGoodCountAmongThoseWithoutImprovement() throws {
    var spec = MethodSpaces.spec(try Space([.float("x", 0...1)]), trials: 400)
    spec.stopping = Stopping(stagnation: 3)
    spec.retries.lost = 0
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    try driver.runTrial { $0.slots[0] }
    for _ in 0..<3 {
      XCTAssertNil(driver.method.stopReason(state: driver.state))
      try driver.append(.trialLost(try XCTUnwrap(try driver.start())))
    }
    XCTAssertEqual(driver.method.stopReason(state: driver.state), "the last 3 trials brought no improvement")
  }

  func testAProcessThatJoinsLaterSaysTheSame() throws {
    var driver = try driver(Stopping(gain: .value(0.02), price: 1e-9), sampler: "random", seed: 3)
    for _ in 0..<33 { try driver.runTrial(bowl) }
    let trial = try XCTUnwrap(try driver.start())
    var rule = EnoughKnown()
    let here = try XCTUnwrap(
      (driver.method.stopping as? EnoughKnown).map { rule = $0 }.flatMap { rule.latestChecks(driver.state) })
    let replica = try driver.replayed { try Catalogue.makeMethod($0) }
    rule = try XCTUnwrap(replica.stopping as? EnoughKnown)
    XCTAssertEqual(here, try XCTUnwrap(rule.latestChecks(driver.state)))
    XCTAssertEqual(here.count, 3)
    try driver.append(.trialFailed(trial, .crash, message: "", seconds: 1))
    XCTAssertEqual(
      here,
      (driver.method.stopping as? EnoughKnown).flatMap {
        rule = $0
        return rule.latestChecks(driver.state)
      })
  }

  func testOddObjectivesNeitherStopItByMistakeNorFail() throws {
    for objective: (Int) -> Double in [
      { 1e300 * Double($0 % 7 - 3) }, { $0 % 2 == 0 ? .greatestFiniteMagnitude : -1.7e308 },
      { 1e-300 * Double($0 % 5) },
    ] {
      var driver = try driver(Stopping(gain: .value(1e-307)), sampler: "random")
      XCTAssertNil(try stop(&driver, within: 24) { _, count in objective(count) })
    }
    // With a constant objective nothing is left to gain that anybody has seen.
    var constant = try driver(Stopping(gain: .value(0.1)), sampler: "random")
    XCTAssertEqual(try stop(&constant) { _, _ in 3 }?.count, 22)
  }

  func testSeveralObjectivesAreRefused() throws {
    var spec = MethodSpaces.spec(try Space([.float("x", 0...1)]))
    spec.objectives.append(Objective(metric: "size"))
    spec.stopping = Stopping(gain: .noise)
    XCTAssertEqual(Catalogue.check(spec).map(\.path), [["stop-when", "gain"]])
  }

  func testModelsThatKnowNothingOfBoundsAreRefusedBesideThem() throws {
    var spec = MethodSpaces.spec(try Space([.float("x", 0...1)]))
    spec.outcomeConstraints = [OutcomeConstraint(metric: "cost", .atMost, 1)]
    spec.stopping = Stopping(gain: .noise, price: 1, stagnation: 30, regretGap: 0.01)
    XCTAssertEqual(
      Catalogue.check(spec).map(\.path),
      [["stop-when", "gain"], ["stop-when", "price"], ["stop-when", "regret-gap"]])
  }
}
