import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

final class GaussianProcessSamplerTests: XCTestCase {
  private func driver(
    _ space: Space, options: [String: Choice] = [:], fidelity: Fidelity? = nil, seed: UInt64 = 1,
    trials: Int = 1_000_000, scheduler: String = "full"
  ) throws -> StudyDriver {
    let spec = MethodSpaces.spec(
      space, sampler: PartSpec("gp", options: options), scheduler: PartSpec(scheduler), fidelity: fidelity,
      trials: trials, seed: seed)
    return try StudyDriver(spec) { try Catalogue.makeMethod($0) }
  }

  private func proposal(_ driver: inout StudyDriver) throws -> (configuration: Configuration, Annotation.Origin?) {
    guard
      case .new(let configuration, _, let annotation) = try driver.method.propose(
        state: driver.state, mayStartNew: true, canResume: { _ in true })
    else { throw EventError("no proposal") }
    XCTAssertTrue(driver.state.spec.space.contains(configuration))
    return (configuration, annotation.origin)
  }

  /// Puts a finished trial into the log.
  private func record(_ driver: inout StudyDriver, _ slots: [Double], _ value: Double) throws {
    let trial = driver.state.trials.count
    let configuration = Configuration(slots: slots)
    try driver.append(.trialProposed(trial, .new(configuration), target: nil, Annotation(origin: .user)))
    try driver.append(.trialStarted(trial, worker: 1))
    _ = try driver.report(trial, value)
    try driver.append(.trialCompleted(trial, seconds: 1))
  }

  private func line(_ count: Int = 1) throws -> Space {
    try Space((0..<count).map { try .float("x\($0)", 0...1) })
  }

  // MARK: The design

  func testTheModelTakesOverWhenEnoughTrialsHaveAValue() throws {
    var driver = try driver(line(3))
    for _ in 0..<5 { try driver.runTrial { $0.slots[0] } }
    let pending = try XCTUnwrap(try driver.start())
    let failing = try XCTUnwrap(try driver.start())
    try driver.append(.trialFailed(failing, .crash, message: "", seconds: 1))
    XCTAssertEqual(try proposal(&driver).1, .design)
    _ = try driver.report(pending, 0.5)
    try driver.append(.trialCompleted(pending, seconds: 1))
    XCTAssertEqual(try proposal(&driver).1, .model)
  }

  func testTheDesignTakesAQuarterOfTheBudgetAtMost() throws {
    let space = try line(20)
    func count(_ trials: Int?) -> Int {
      var spec = MethodSpaces.spec(space)
      spec.budget.trials = trials
      return StartupDesign.count(0, spec)
    }
    XCTAssertEqual(count(nil), 20)
    XCTAssertEqual(count(200), 20)
    XCTAssertEqual(count(40), 10)
    XCTAssertEqual(count(1), 2)
    XCTAssertEqual(StartupDesign.count(7, MethodSpaces.spec(space)), 7)
  }

  func testTheDesignFillsTheSpaceEvenly() throws {
    var driver = try driver(line(2), options: ["startup": .integer(64)])
    var cells: Set<Int> = []
    for _ in 0..<64 {
      let trial = try XCTUnwrap(try driver.runTrial { $0.slots[0] })
      cells.insert(Int(driver.state.history.slots[0][trial] * 64))
    }
    XCTAssertEqual(cells.count, 64)
  }

  // MARK: Odd objectives

  func testOddObjectivesGetProposalsFromTheModel() throws {
    let space = try Space([.float("x", 0...1), .integer("n", 1...20), .categorical("c", ["a", "b", "c"])])
    let objectives: [(String, (Int) -> Double)] = [
      ("constant", { _ in 3 }), ("huge", { 1e300 * Double($0 % 7 - 3) }), ("tiny", { 1e-300 * Double($0 % 5) }),
      ("both", { $0 % 2 == 0 ? 1e300 : -1e-300 }), ("greatest", { $0 % 2 == 0 ? .greatestFiniteMagnitude : -1.7e308 }),
      ("one disaster", { $0 == 4 ? 1e12 : Double($0) }), ("nearly constant", { 1 + 1e-16 * Double($0) }),
    ]
    for transform in ["winsorized", "standard", "power", "copula"] {
      for acquisition in ["logei", "nei", "ucb", "pi"] {
        for (name, objective) in objectives {
          var driver = try driver(
            space,
            options: [
              "transform": .text(transform), "acquisition": .text(acquisition), "candidates": .integer(64),
              "starts": .integer(2), "startup": .integer(5),
            ])
          for i in 0..<12 { try driver.runTrial { _ in objective(i) } }
          let what = "\(name), \(transform), \(acquisition)"
          XCTAssertEqual(try proposal(&driver).1, .model, what)
          XCTAssertEqual(driver.state.fallbackCount, 0, what)
        }
      }
    }
  }

  func testOneTrialIsEnoughToBeginWith() throws {
    var driver = try driver(line(2), options: ["startup": .integer(1)])
    for _ in 0..<6 { try driver.runTrial { $0.slots[0] } }
    XCTAssertEqual(driver.state.trials.map(\.origin), [.design, .model, .model, .model, .model, .model])
  }

  func testAStudyInWhichEverythingFailsGoesOnWithTheDesign() throws {
    var driver = try driver(line(2))
    for _ in 0..<40 {
      let trial = try XCTUnwrap(try driver.start())
      try driver.append(.trialFailed(trial, .crash, message: "", seconds: 1))
    }
    XCTAssertEqual(try proposal(&driver).1, .design)
  }

  func testManyPendingTrialsDoNotStopIt() throws {
    var driver = try driver(line(2), options: ["candidates": .integer(64), "starts": .integer(2)])
    for _ in 0..<5 { try driver.runTrial { $0.slots[0] } }
    var seen: Set<Configuration> = []
    for _ in 0..<60 {
      let trial = try XCTUnwrap(try driver.start())
      seen.insert(driver.state.history.configuration(trial))
    }
    XCTAssertEqual(seen.count, 60)
  }

  func testTheSamePointAgainAndAgainIsTaken() throws {
    var driver = try driver(line(2))
    for i in 0..<50 { try record(&driver, [0.25, 0.5], Double(i % 3)) }
    for i in 0..<8 { try record(&driver, [0.25 + 1e-9 * Double(i), 0.5], 1) }
    let (configuration, origin) = try proposal(&driver)
    XCTAssertEqual(origin, .model)
    XCTAssertGreaterThan(abs(configuration.slots[0] - 0.25) + abs(configuration.slots[1] - 0.5), 0.05)
  }

  func testTenThousandChoicesAreTaken() throws {
    let space = try Space([.categorical("c", (0..<10_000).map { "v\($0)" }), .float("x", 0...1)])
    var driver = try driver(space)
    for i in 0..<30 { try record(&driver, [Double(i * 300), Double(i) / 30], i == 7 ? -1 : abs(Double(i) / 30 - 0.5)) }
    XCTAssertEqual(try proposal(&driver).1, .model)
  }

  func testFiveHundredDimensionsAreTaken() throws {
    var driver = try driver(MethodSpaces.many(500), options: ["candidates": .integer(64), "starts": .integer(2)])
    for _ in 0..<24 { try driver.runTrial { $0.slots[0] } }
    XCTAssertEqual(try proposal(&driver).1, .model)
  }

  func testConstraintsThatContradictEachOtherAreRefused() throws {
    let space = try Space(
      [.float("a", 0...1)], constraints: [try Expression.parse("a > 0.9"), try Expression.parse("a < 0.1")])
    var driver = try driver(space)
    XCTAssertThrowsError(
      try driver.method.propose(state: driver.state, mayStartNew: true, canResume: { _ in true }))
    for i in 0..<6 { try record(&driver, [Double(i) / 6], Double(i)) }
    XCTAssertThrowsError(
      try driver.method.propose(state: driver.state, mayStartNew: true, canResume: { _ in true }))
  }

  func testTrialsOutsideNewBoundsTeachAndNewProposalsLieWithin() throws {
    var driver = try driver(line())
    for i in 0..<12 { try record(&driver, [Double(i) / 11], abs(Double(i) / 11 - 0.3)) }
    var spec = driver.state.spec
    spec.space = try Space([.float("x0", 0.5...0.6)])
    try driver.append(.studyAmended(specification: spec.json.text))
    let (configuration, origin) = try proposal(&driver)
    XCTAssertEqual(origin, .model)
    // The best lies below the range, and what is outside says so.
    XCTAssertLessThan(configuration.slots[0], 0.56)
  }

  // MARK: Learning

  func testPendingTrialsKeepOthersAway() throws {
    var driver = try driver(line())
    for i in 0..<8 { try record(&driver, [Double(i) / 7], abs(Double(i) / 7 - 0.4)) }
    let first = try proposal(&driver).configuration
    let trial = try XCTUnwrap(try driver.start())
    XCTAssertEqual(driver.state.history.configuration(trial), first)
    let second = try proposal(&driver).configuration
    XCTAssertGreaterThan(abs(first.slots[0] - second.slots[0]), 0.01)
  }

  func testItFindsTheBestOfASmoothFunctionInFewTrials() throws {
    for (goal, sign) in [(Objective.Goal.minimize, 1.0), (.maximize, -1)] {
      var spec = MethodSpaces.spec(try line(4), sampler: PartSpec("gp"), trials: 40)
      spec.objectives = [Objective(metric: "loss", goal: goal)]
      var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
      while try driver.runTrial({ sign * $0.slots.reduce(0) { $0 + ($1 - 0.3) * ($1 - 0.3) } }) != nil {}
      XCTAssertLessThan(driver.state.trials.indices.map { driver.state.loss($0) }.min() ?? .infinity, 1e-3)
    }
  }

  func testABranchAndAnOrderAndWeightsAreFound() throws {
    let space = try Space([
      .categorical("branch", ["left", "right"]), .float("l", 0...1).when("branch == left"),
      .float("r", 0...1).when("branch == right"), Parameter("mix", .simplex(["a", "b", "c"])),
      Parameter("order", .permutation([.text("p"), .text("q"), .text("r")])),
    ])
    var driver = try driver(space, trials: 60)
    let objective: (Configuration) -> Double = { configuration in
      let slots = configuration.slots
      let branch = slots[0] == 0 ? 0.5 + abs(slots[1] - 0.2) : abs(slots[2] - 0.8)
      let mix = abs(slots[3] - 0.6) + abs(slots[4] - 0.3)
      return branch + mix + (slots[6] == 2 ? 0 : 0.3) + (slots[7] == 0 ? 0 : 0.3)
    }
    while try driver.runTrial(objective) != nil {}
    XCTAssertLessThan(driver.state.trials.indices.map { driver.state.loss($0) }.min() ?? .infinity, 0.12)
  }

  func testSmallResourcesAreTakenForWhatTheyAre() throws {
    // At a small resource everything looks bad; the best at the whole one is at 0.7.
    var driver = try driver(line(), fidelity: Fidelity(name: "epoch", maximum: 27))
    for i in 0..<24 {
      let x = Double(i) / 23
      let trial = driver.state.trials.count
      try driver.append(
        .trialProposed(trial, .new(Configuration(slots: [x])), target: 27, Annotation(origin: .user)))
      try driver.append(.trialStarted(trial, worker: 1))
      let resource = i % 3 == 0 ? 27.0 : 3
      _ = try driver.report(trial, resource: resource, (x - 0.7) * (x - 0.7) + (resource == 27 ? 0 : 2))
      try driver.append(
        i % 3 == 0 ? .trialCompleted(trial, seconds: 1) : .trialStopped(trial, .method, seconds: 1))
    }
    XCTAssertEqual(try proposal(&driver).configuration.slots[0], 0.7, accuracy: 0.1)
  }

  func testItBeatsRandomSearchOnBraninsFunction() throws {
    let space = try Space([.float("x", -5...10), .float("y", 0...15)])
    for seed in 1...4 as ClosedRange<UInt64> {
      var driver = try driver(space, seed: seed, trials: 30)
      while try driver.runTrial({ configuration in
        let x = configuration.slots[0]
        let y = configuration.slots[1]
        let bracket = y - 5.1 / (4 * Double.pi * Double.pi) * x * x + 5 / Double.pi * x - 6
        return bracket * bracket + 10 * (1 - 1 / (8 * Double.pi)) * cos(x) + 10
      }) != nil {}
      // Random search has about 1.5 above the least, 0.398, at 30 trials.
      XCTAssertLessThan(driver.state.trials.indices.map { driver.state.loss($0) }.min() ?? .infinity, 0.45)
    }
  }

  // MARK: Fits

  func testOnlyTheBestAndAnEvenShareOfTheOthersAreChosen() {
    let losses = (0..<1000).map { Double(($0 * 7919) % 1000) }
    let chosen = GPSelection.choose(losses, limit: 100)
    XCTAssertEqual(chosen.count, 100)
    XCTAssertEqual(Set(chosen).count, 100)
    XCTAssertEqual(chosen, chosen.sorted())
    XCTAssertEqual(chosen.filter { losses[$0] < 25 }.count, 25)
    XCTAssertGreaterThan(chosen.filter { $0 >= 500 }.count, 30)
    XCTAssertEqual(GPSelection.choose(losses, limit: 1000), Array(0..<1000))
  }

  func testAProcessThatHasJustReadTheLogProposesTheSameToTheBit() throws {
    let space = try Space([.float("x", 0...1), .integer("n", 1...50), .categorical("c", ["a", "b", "c"])])
    var driver = try driver(space, options: ["candidates": .integer(64), "starts": .integer(2)])
    for i in 0..<75 {
      try driver.runTrial { sin(5 * $0.slots[0]) + abs($0.slots[1] - 20) / 50 + $0.slots[2] * 0.1 }
      guard i % 12 == 11 else { continue }
      var replica = try driver.replayed { try Catalogue.makeMethod($0) }
      let here = try proposal(&driver).configuration
      guard
        case .new(let there, _, _) = try replica.propose(
          state: driver.state, mayStartNew: true, canResume: { _ in true })
      else { return XCTFail("no proposal") }
      XCTAssertEqual(here.slots.map(\.bitPattern), there.slots.map(\.bitPattern), "after \(i + 1) trials")
    }
  }
}
