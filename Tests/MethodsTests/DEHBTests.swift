import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class DEHBTests: XCTestCase {
  private func spec(_ maximum: Double, trials: Int, space: Space? = nil) throws -> StudySpec {
    var spec = MethodSpaces.spec(
      try space ?? Space([.float("x", 0...1), .float("y", 0...1)]), scheduler: PartSpec("dehb-brackets"),
      fidelity: Fidelity(name: "epoch", maximum: maximum), trials: trials)
    spec.method.sampler = PartSpec("dehb")
    return spec
  }

  private func driver(_ maximum: Double, trials: Int, space: Space? = nil) throws -> StudyDriver {
    try StudyDriver(try spec(maximum, trials: trials, space: space)) { try Catalogue.makeMethod($0) }
  }

  /// Runs the next trial to its target. What happened, as "kind@resource", or nil at the end.
  private func step(_ driver: inout StudyDriver, _ loss: (Configuration) -> Double) throws -> String? {
    let known = driver.state.trials.count
    guard let trial = try driver.start() else { return nil }
    let record = driver.state.trials[trial]
    let kind = trial < known ? "promoted" : record.origin == .model ? "bred" : "random"
    _ = try driver.report(trial, resource: record.target, loss(driver.state.history.configuration(trial)))
    let isComplete = record.target >= driver.state.spec.fidelity?.maximum ?? 0
    try driver.append(
      isComplete ? .trialCompleted(trial, seconds: 1) : .trialPaused(trial, isFrozen: false, seconds: 1))
    return "\(kind)@\(Int(record.target))"
  }

  /// Equal steps in a row, with their number.
  private func runs(_ steps: [String]) -> [String] {
    var runs: [(step: String, count: Int)] = []
    for step in steps {
      if runs.last?.step == step { runs[runs.count - 1].count += 1 } else { runs.append((step, 1)) }
    }
    return runs.map { "\($0.count) \($0.step)" }
  }

  func testTheFirstSweepPromotesAndTheNextBreedsAtEveryLevel() throws {
    var driver = try driver(27, trials: 10_000)
    var steps: [String] = []
    for _ in 0..<(40 + 13 + 8 + 4 + 40) {
      if let step = try step(&driver, { $0.slots[0] + $0.slots[1] }) { steps.append(step) }
    }
    XCTAssertEqual(
      runs(steps),
      [
        "27 random@1", "9 promoted@3", "3 promoted@9", "1 promoted@27", "9 bred@3", "3 promoted@9", "1 promoted@27",
        "6 bred@9", "2 promoted@27", "4 bred@27", "27 bred@1", "9 bred@3", "3 bred@9", "1 bred@27",
      ])
  }

  func testTheBestOfARungThatStandBeyondTheNextLevelJoinItWithoutARun() throws {
    var driver = try driver(27, trials: 10_000)
    var runs: [String] = []
    for _ in 0..<31 {
      let trial = try XCTUnwrap(try driver.start())
      let target = driver.state.trials[trial].target
      runs.append("\(trial < runs.count && runs.count >= 27 ? "promoted" : "new")@\(Int(target))")
      // The metric is reported every third epoch.
      let resource = (target / 3).rounded(.up) * 3
      _ = try driver.report(trial, resource: resource, driver.state.history.configuration(trial).slots[0])
      try driver.append(
        resource >= 27 ? .trialCompleted(trial, seconds: 1) : .trialPaused(trial, isFrozen: false, seconds: 1))
      var replica = try driver.replayed { try Catalogue.makeMethod($0) }
      var original = driver.method
      XCTAssertEqual(
        try replica.propose(state: driver.state, mayStartNew: true, canResume: { _ in true }),
        try original.propose(state: driver.state, mayStartNew: true, canResume: { _ in true }))
    }
    XCTAssertEqual(
      runs, Array(repeating: "new@1", count: 27) + Array(repeating: "promoted@9", count: 3) + ["promoted@27"])
    let best = driver.state.trials.indices.min { driver.state.loss($0) < driver.state.loss($1) }
    XCTAssertEqual(driver.state.incumbent, best)
  }

  func testOneThatIsStoppedMakesWayForThoseBeyondTheNextLevel() throws {
    var driver = try driver(9, trials: 100)
    for trial in 0..<9 {
      XCTAssertEqual(try driver.start(), trial)
      _ = try driver.report(trial, resource: trial == 0 ? 1 : 3, Double(trial))
      try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    }
    try driver.append(.trialStopped(0, .user, seconds: 0))
    XCTAssertEqual(try driver.start(), 1)
    XCTAssertEqual(driver.state.trials[1].target, 9)
  }

  func testWithTheBudgetSpentThoseBeyondTheNextLevelGoOnFromThere() throws {
    var driver = try driver(27, trials: 9)
    var targets: [Double] = []
    while let trial = try driver.start() {
      let target = driver.state.trials[trial].target
      targets.append(target)
      let resource = (target / 3).rounded(.up) * 3
      _ = try driver.report(trial, resource: resource, driver.state.history.configuration(trial).slots[0])
      try driver.append(
        resource >= 27 ? .trialCompleted(trial, seconds: 1) : .trialPaused(trial, isFrozen: false, seconds: 1))
    }
    XCTAssertEqual(targets, Array(repeating: 1, count: 9) + [9, 27])
  }

  func testPopulationsAreAsLargeAsTheLargestRungOfTheirLevel() {
    let plan = BracketPlan(Fidelity(name: "epoch", maximum: 27), eta: 3, rounding: .floor)
    XCTAssertEqual(Populations(plan).members.map(\.count), [27, 9, 6, 4])
  }

  func testAMutantLiesByTheDifferenceOfTwoParentsFromTheThird() {
    let (a, b, c) = ([0.6, 0.1, 0.8], [0.9, 0.4, 0.1], [0.3, 0.2, 0.7])
    let mutant = zip(a, zip(b, c)).map { DEHB.difference($0, $1.0, $1.1, 0.5) }
    for (value, expected) in zip(mutant, [0.9, 0.2, 0.5]) { XCTAssertEqual(value, expected, accuracy: 1e-12) }
  }

  func testEvolutionGathersAroundTheBest() throws {
    var driver = try driver(9, trials: 400)
    while try step(&driver, { abs($0.slots[0] - 0.7) + abs($0.slots[1] - 0.2) }) != nil {}
    func distance(_ trials: Range<Int>) -> Double {
      trials.reduce(0) { sum, trial in
        let slots = driver.state.history.configuration(trial).slots
        return sum + abs(slots[0] - 0.7) + abs(slots[1] - 0.2)
      } / Double(trials.count)
    }
    XCTAssertLessThan(distance(300..<400), 0.3 * distance(0..<9))
  }

  func testTheBetterOfATrialAndItsPredecessorKeepsThePlace() throws {
    var spec = try spec(1, trials: 10)
    spec.fidelity = Fidelity(name: "epoch", maximum: 1)
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    let plan = BracketPlan(Fidelity(name: "epoch", maximum: 1), eta: 3, rounding: .floor)
    var populations = Populations(plan)
    for (number, loss) in [3.0, 2, 2.5, 2, .nan].enumerated() {
      let trial = try XCTUnwrap(try driver.start())
      let before = driver.events.count
      _ = try driver.report(trial, resource: 1, loss)
      try driver.append(.trialCompleted(trial, seconds: 1))
      for event in driver.events[(before - 2)...] { populations.absorb(event, state: driver.state) }
      XCTAssertEqual(populations.members[0][0]?.trial, [0, 1, 1, 3, 3][number])
    }
  }

  func testChoicesAndConditionsAreBredToo() throws {
    let space = try Space([
      .categorical("kind", ["a", "b", "c"]), Parameter.float("depth", 0...1).when("kind == b"), .integer("n", 1...9),
    ])
    var driver = try driver(9, trials: 200, space: space)
    while try step(&driver, { $0.slots[0] == 1 ? $0.slots[1] : 2 + $0.slots[2] / 9 }) != nil {}
    let later = (150..<200).map { driver.state.history.configuration($0) }
    XCTAssertGreaterThan(later.count { $0.slots[0] == 1 }, 35)
  }

  func testWithTheBudgetSpentWhatWasBegunIsFinished() throws {
    var driver = try driver(9, trials: 5)
    var steps: [String] = []
    while let step = try step(&driver, { $0.slots[0] }) { steps.append(step) }
    XCTAssertEqual(runs(steps), ["5 random@1", "1 promoted@3", "1 promoted@9"])
  }

  func testADeadRungIsFollowedByConfigurationsThatAreBred() throws {
    var driver = try driver(9, trials: 40)
    for _ in 0..<9 {
      let trial = try XCTUnwrap(try driver.start())
      try driver.append(.trialFailed(trial, .rejected, message: "", seconds: 1))
    }
    let trial = try XCTUnwrap(try driver.start())
    XCTAssertEqual(trial, 9)
    XCTAssertEqual(driver.state.trials[trial].target, 3)
  }

  func testEachPartIsRefusedWithoutTheOther() throws {
    var spec = try spec(9, trials: 5)
    spec.method.scheduler = PartSpec("hyperband")
    XCTAssertEqual(Catalogue.check(spec).first?.hint, "use scheduler: dehb-brackets with it")
    spec.method = MethodSpec(sampler: PartSpec("tpe"), scheduler: PartSpec("dehb-brackets"))
    XCTAssertEqual(Catalogue.check(spec).first?.path, ["method", "scheduler"])
  }
}
