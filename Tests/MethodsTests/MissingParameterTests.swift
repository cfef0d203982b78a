import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

/// Parameters without a condition that some trials lack.
final class MissingParameterTests: XCTestCase {
  private func driver(_ sampler: PartSpec, seed: UInt64 = 1) throws -> StudyDriver {
    try StudyDriver(MethodSpaces.spec(try Space([.float("x", 0...1)]), sampler: sampler, trials: 200, seed: seed)) {
      try Catalogue.makeMethod($0)
    }
  }

  private func add(_ name: String, _ driver: inout StudyDriver) throws {
    var spec = driver.state.spec
    spec.space = try spec.space.appending(.float(name, 0...1))
    try driver.append(.studyAmended(specification: spec.json.text))
  }

  /// Trials from before had the values 0 in effect: what they gave says nothing of other values.
  private func loss(_ configuration: Configuration) -> Double {
    let slots = configuration.slots
    var sum = (slots[0] - 0.5) * (slots[0] - 0.5)
    for slot in 1..<3 {
      let value = slot < slots.count && !slots[slot].isNaN ? slots[slot] : 0
      sum += (value - 0.5) * (value - 0.5)
    }
    return sum
  }

  func testEachAmendmentAddsAChoiceOfItsOwn() throws {
    var driver = try driver(PartSpec("gp"))
    for _ in 0..<3 { try driver.runTrial(loss) }
    XCTAssertEqual(SpaceFeatures(driver.state).choiceNames, [])
    try add("q", &driver)
    try add("r", &driver)
    XCTAssertEqual(SpaceFeatures(driver.state).choiceNames, ["whether q is active"], "the same trials lack both")
    for _ in 0..<3 { try driver.runTrial(loss) }
    try add("s", &driver)
    XCTAssertEqual(SpaceFeatures(driver.state).choiceNames, ["whether q is active", "whether s is active"])
  }

  /// Without a choice of its own the second parameter would seem to have been 0.5 before, which was bad.
  func testParametersThatWereAddedOneAfterTheOtherAreSearched() throws {
    for sampler in [
      PartSpec("gp", options: ["candidates": .integer(128), "starts": .integer(2)]),
      PartSpec("turbo", options: ["candidates": .integer(256)]),
    ] {
      var driver = try driver(sampler)
      for _ in 0..<8 { try driver.runTrial(loss) }
      for name in ["q", "r"] {
        try add(name, &driver)
        for _ in 0..<16 { try driver.runTrial(loss) }
      }
      let best = driver.state.trials.indices.map { driver.state.loss($0) }.min() ?? 1
      XCTAssertLessThan(best, 0.02, sampler.name)
      // One that has only read the log proposes the same.
      var (own, other) = (driver.method, try driver.replayed { try Catalogue.makeMethod($0) })
      XCTAssertEqual(
        try own.propose(state: driver.state, mayStartNew: true) { _ in true },
        try other.propose(state: driver.state, mayStartNew: true) { _ in true }, sampler.name)
    }
  }

  /// In a space that grows, trials decide for themselves what they use. Models see what they were offered besides, so that a
  /// result is known at the very place of the proposal.
  func testWhatATrialOfAGrowingSpaceUsesIsLearnedFrom() throws {
    func run(_ name: String, _ options: [String: Choice], seed: UInt64) throws -> (best: Double, repeats: Int) {
      let space = try Space(
        [.float("x", 0...1), .integer("layers", 1...3)] + (0..<3).map { try .float("width\($0)", 0...1) })
      var spec = MethodSpaces.spec(space, sampler: PartSpec(name, options: options), trials: 40, seed: seed)
      spec.grows = true
      var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
      for _ in 0..<40 {
        guard let trial = try driver.start() else { break }
        var slots = driver.state.history.configuration(trial).slots
        let layers = Int(slots[1])
        for unused in (2 + layers)..<5 { slots[unused] = .nan }
        if layers < 3 { try driver.append(.trialConfigured(trial, Configuration(slots: slots))) }
        var loss = (slots[0] - 0.3) * (slots[0] - 0.3) + 0.1 * abs(slots[1] - 2)
        for i in 0..<layers { loss += (slots[2 + i] - 0.4) * (slots[2 + i] - 0.4) }
        _ = try driver.report(trial, loss)
        try driver.append(.trialCompleted(trial, seconds: 1))
      }
      let used = Set(driver.state.trials.indices.map { driver.state.history.configuration($0) })
      XCTAssertTrue(SpaceFeatures(driver.state).choiceNames.isEmpty, name)
      var (own, other) = (driver.method, try driver.replayed { try Catalogue.makeMethod($0) })
      XCTAssertEqual(
        try own.propose(state: driver.state, mayStartNew: true) { _ in true },
        try other.propose(state: driver.state, mayStartNew: true) { _ in true }, name)
      let losses = driver.state.trials.indices.map { driver.state.loss($0) }
      return (losses.min() ?? .infinity, driver.state.trials.count - used.count)
    }
    let few: [String: Choice] = ["candidates": .integer(256), "starts": .integer(2)]
    let seeds: [UInt64] = [1, 2, 3, 4, 5]
    let random = try seeds.map { try run("random", [:], seed: $0).best }.sorted()
    let options = ["gp": few, "turbo": ["candidates": .integer(256)]]
    for name in ["gp", "turbo", "hebo", "smac", "cqr", "tpe"] {
      let runs = try seeds.map { try run(name, options[name] ?? [:], seed: $0) }
      // From so few trials quantiles learn little, in a declared space, too.
      if name != "cqr" { XCTAssertLessThan(runs.map(\.best).sorted()[2], 0.75 * random[2], name) }
      XCTAssertEqual(runs.map(\.repeats), seeds.map { _ in 0 }, name)
    }
  }

  /// Those that look at trials at levels of a resource, too.
  func testTrialsThatLeaveParametersOutAreSeenAtTheirProposals() throws {
    for name in ["mobster", "freeze-thaw"] {
      let isWhole = name == "freeze-thaw"
      var spec = MethodSpaces.spec(
        try Space([.float("x", 0...1), .float("y", 0...1)]), sampler: PartSpec(name),
        scheduler: PartSpec(isWhole ? name : "asha"), fidelity: Fidelity(name: "epoch", minimum: 1, maximum: 9),
        trials: 60)
      spec.grows = true
      var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
      for round in 0..<60 {
        guard let trial = try driver.start() else { break }
        if driver.state.trials[trial].runs == 1, trial % 3 == 2 {
          var slots = driver.state.history.configuration(trial).slots
          slots[1] = .nan
          try driver.append(.trialConfigured(trial, Configuration(slots: slots)))
        }
        let value = loss(driver.state.history.configuration(trial)) + 0.01 * Double(round % 5)
        let target = driver.state.trials[trial].target
        let verdict = try driver.report(trial, resource: target, value + 1 / target)
        try driver.append(
          verdict == .pause && target < 9
            ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
      }
      XCTAssertGreaterThan(driver.state.trials.count { $0.origin == .model }, 5, name)
      XCTAssertTrue(SpaceFeatures(driver.state).choiceNames.isEmpty, name)
      var (own, other) = (driver.method, try driver.replayed { try Catalogue.makeMethod($0) })
      XCTAssertEqual(
        try own.propose(state: driver.state, mayStartNew: true) { _ in true },
        try other.propose(state: driver.state, mayStartNew: true) { _ in true }, name)
    }
  }
}
