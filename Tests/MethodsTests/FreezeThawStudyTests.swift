import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class FreezeThawStudyTests: XCTestCase {
  private func spec(_ sampler: String, _ scheduler: String, maximum: Double, trials: Int, seed: UInt64) throws
    -> StudySpec
  {
    MethodSpaces.spec(
      try Space([.float("x", 0...1), .float("y", 0...1)]), sampler: PartSpec(sampler), scheduler: PartSpec(scheduler),
      fidelity: Fidelity(name: "epoch", maximum: maximum), trials: trials, seed: seed)
  }

  func testStopsDivideTheResource() throws {
    let method = FreezeThaw(PartSpec("freeze-thaw", options: ["steps": .integer(4)]))
    XCTAssertEqual(method.stops(Fidelity(name: "r", maximum: 10)), [3, 6, 9, 10])
    XCTAssertEqual(method.stops(Fidelity(name: "r", minimum: 5, maximum: 10)), [5, 10])
    XCTAssertEqual(method.stops(Fidelity(name: "r", minimum: 0.1, maximum: 1, isInteger: false)), [0.25, 0.5, 0.75, 1])
    XCTAssertEqual(method.stops(Fidelity(name: "r", maximum: 1)), [1])
  }

  /// The lowest loss of a report after so much resource.
  private func best(_ spec: StudySpec, resource: Double, seed: UInt64) throws -> Double {
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    var best = Double.infinity
    while driver.state.totalResource < resource, let trial = try driver.start() {
      let (x, y) = (driver.state.history.units[0][trial], driver.state.history.units[1][trial])
      let target = driver.state.trials[trial].target
      var verdict = Verdict.proceed
      var epoch = driver.state.trials[trial].resource
      while epoch < target, verdict == .proceed {
        epoch += 1
        let loss = (x - 0.7) * (x - 0.7) + (y - 0.2) * (y - 0.2) + 0.5 * exp(-epoch / 8) * (1 + x)
        best = min(best, loss)
        verdict = try driver.report(trial, resource: epoch, loss)
      }
      try driver.append(
        verdict == .pause ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
    }
    return best
  }

  func testItFindsInEightTrainingsWhatRandomSearchDoesNot() throws {
    var wins = 0
    for seed in 1...6 as ClosedRange<UInt64> {
      let own = try best(
        spec("freeze-thaw", "freeze-thaw", maximum: 40, trials: 200, seed: seed), resource: 320, seed: seed)
      let random = try best(spec("random", "full", maximum: 40, trials: 200, seed: seed), resource: 320, seed: seed)
      if own < random { wins += 1 }
    }
    XCTAssertGreaterThanOrEqual(wins, 5)
  }

  /// What the curves of a study tend to, of those that went through half of the resource and of the others.
  private func asymptotes(_ spec: StudySpec, resource: Double) throws -> (carried: [Double], left: [Double]) {
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    func asymptote(_ trial: TrialNumber) -> Double {
      let (x, y) = (driver.state.history.units[0][trial], driver.state.history.units[1][trial])
      return (x - 0.7) * (x - 0.7) + (y - 0.2) * (y - 0.2)
    }
    while driver.state.totalResource < resource, let trial = try driver.start() {
      let target = driver.state.trials[trial].target
      let value = asymptote(trial)
      var verdict = Verdict.proceed
      var epoch = driver.state.trials[trial].resource
      while epoch < target, verdict == .proceed {
        epoch += 1
        verdict = try driver.report(trial, resource: epoch, value + 0.5 * exp(-epoch / 8))
      }
      try driver.append(
        verdict == .pause ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
    }
    let state = driver.state
    return (
      state.trials.indices.filter { state.trials[$0].resource >= 10 }.map(asymptote),
      state.trials.indices.filter { state.trials[$0].resource < 10 }.map(asymptote)
    )
  }

  func testPowerLawsAndThePriorOfCurvesCarryOnWithWhatPromises() throws {
    for name in ["dpl", "ifbo"] {
      var (carried, left): ([Double], [Double]) = ([], [])
      for seed in 1...3 as ClosedRange<UInt64> {
        var spec = try spec(name, name, maximum: 20, trials: 200, seed: seed)
        let light: [String: Choice] =
          name == "dpl"
          ? ["training": .integer(400), "networks": .integer(3), "width": .integer(32)]
          : ["particles": .integer(96), "moves": .integer(4)]
        spec.method.scheduler = PartSpec(name, options: light.merging(["steps": .integer(5)]) { a, _ in a })
        let found = try asymptotes(spec, resource: 140)
        carried += found.carried
        left += found.left
      }
      let means = [carried, left].map { $0.reduce(0, +) / Double(max(1, $0.count)) }
      XCTAssertGreaterThan(carried.count, 3, name)
      XCTAssertGreaterThan(left.count, 3, name)
      // Uniform configurations have 0.26 on average.
      XCTAssertLessThan(means[0], 0.15, name)
      XCTAssertLessThan(means[0], 0.7 * means[1], name)
    }
  }

  private func origins(_ driver: StudyDriver) -> [Annotation.Origin?] {
    driver.events.compactMap { event in
      guard case .trialProposed(_, .new, _, let annotation) = event.body else { return nil }
      return annotation.origin
    }
  }

  /// Two coordinates ask for a design of three trials.
  func testTheModelIsAskedThoughTheLastTrialOfTheDesignHasNotReported() throws {
    for name in ["freeze-thaw", "dpl", "ifbo", "fms"] {
      var driver = try StudyDriver(spec(name, name, maximum: 20, trials: 20, seed: 1)) { try Catalogue.makeMethod($0) }
      for _ in 0..<2 {
        let trial = try XCTUnwrap(driver.start())
        _ = try driver.report(trial, resource: 1, 1 - Double(trial) / 10)
      }
      for _ in 2..<6 { XCTAssertNotNil(try driver.start(), name) }
      XCTAssertEqual(origins(driver), [.design, .design, .design, .model, .model, .model], name)
    }
  }

  func testTrialsThatBeginBeforeAnyValueAreOfTheDesign() throws {
    var driver = try StudyDriver(spec("dpl", "dpl", maximum: 20, trials: 20, seed: 1)) { try Catalogue.makeMethod($0) }
    for _ in 0..<6 { XCTAssertNotNil(try driver.start()) }
    _ = try driver.report(0, resource: 1, 0.5)
    XCTAssertNotNil(try driver.start())
    XCTAssertEqual(origins(driver), Array(repeating: .design, count: 7))
    _ = try driver.report(1, resource: 1, 0.4)
    XCTAssertNotNil(try driver.start())
    XCTAssertNotNil(try driver.start())
    XCTAssertEqual(origins(driver).suffix(2), [.model, .model])
  }

  func testTheEndsOfAScoreAreGivenOrLearned() throws {
    let learned = LossUnits(.logistic, last: [1, 2, 3, 4, 100])
    XCTAssertEqual(learned.value(1), 0.5, accuracy: 1e-12)
    XCTAssertLessThan(learned.value(1), learned.value(2))
    XCTAssertTrue((0...1).contains(learned.value(1e308)) && (0...1).contains(learned.value(-1e308)))
    let given = LossUnits(.bounded(best: -1, worst: 0), last: [-0.5])
    XCTAssertEqual([-1, -0.25, 0, 3].map(given.value), [0, 0.75, 1, 1])
    var spec = try spec("ifbo", "ifbo", maximum: 9, trials: 10, seed: 1)
    spec.method.scheduler = PartSpec("ifbo", options: ["best": .real(1), "worst": .real(0)])
    XCTAssertEqual(Catalogue.check(spec).map(\.hint), ["exchange best and worst"])
    spec.objectives[0].goal = .maximize
    XCTAssertEqual(Catalogue.check(spec), [])
  }

  func testTheSamplerOfOneModelIsRefusedWithAnother() throws {
    for (sampler, scheduler) in [("dpl", "freeze-thaw"), ("ifbo", "dpl"), ("freeze-thaw", "asha")] {
      let problems = Catalogue.check(try spec(sampler, scheduler, maximum: 9, trials: 10, seed: 1))
      XCTAssertEqual(problems.map(\.hint), ["use scheduler: \(sampler) with it"])
    }
  }

  func testAtTheEndOfTheBudgetOnlyPromisingTrialsGoOn() throws {
    let spec = try spec("freeze-thaw", "freeze-thaw", maximum: 20, trials: 12, seed: 2)
    _ = try best(spec, resource: 1e9, seed: 2)
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    while let trial = try driver.start() {
      let target = driver.state.trials[trial].target
      let verdict = try driver.report(trial, resource: target, Double(trial) + 1 / target)
      try driver.append(
        verdict == .pause ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
    }
    XCTAssertEqual(driver.state.trials.count, 12)
    XCTAssertGreaterThan(driver.state.count(.completed), 0)
    XCTAssertGreaterThan(driver.state.count(.paused), 4)
    XCTAssertEqual(driver.state.trials[0].state, .completed)
  }

  func testAnAmendmentDoesNotEndAStudyThatMayBeginNoTrial() throws {
    for name in ["freeze-thaw", "ifbo"] {
      var spec = try spec(name, name, maximum: 20, trials: 4, seed: 1)
      let light: [String: Choice] = name == "ifbo" ? ["particles": .integer(96), "moves": .integer(4)] : [:]
      spec.method.scheduler = PartSpec(name, options: light.merging(["steps": .integer(4)]) { a, _ in a })
      var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
      func step() throws -> Bool {
        guard let trial = try driver.start() else { return false }
        let target = driver.state.trials[trial].target
        let verdict = try driver.report(trial, resource: target, Double(trial) + 1 / target)
        try driver.append(
          verdict == .pause ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
        return true
      }
      for _ in 0..<5 { XCTAssertTrue(try step(), name) }
      XCTAssertEqual(driver.state.count(.completed), 0, name)
      var amended = driver.state.spec
      amended.limits.grace = 5
      try driver.append(.studyAmended(specification: amended.json.text))
      var methods = [driver.method, try driver.replayed { try Catalogue.makeMethod($0) }]
      let proposals = try methods.indices.map {
        try methods[$0].propose(state: driver.state, mayStartNew: false) { _ in true }
      }
      guard case .resume = proposals[0] else { return XCTFail("\(name) \(proposals[0])") }
      XCTAssertEqual(proposals[0], proposals[1], name)
      while try step() {}
      XCTAssertGreaterThan(driver.state.count(.completed), 0, name)
    }
  }

  /// Six coordinates ask for a design of seven trials.
  func testABudgetBelowTheDesignStillEndsWithACompleteTrial() throws {
    for name in ["freeze-thaw", "fms"] {
      for trials in 1...3 {
        var spec = try spec(name, name, maximum: 9, trials: trials, seed: 1)
        spec.space = try Space((0..<6).map { try .float("x\($0)", 0...1) })
        var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
        while let trial = try driver.start() {
          let target = driver.state.trials[trial].target
          let verdict = try driver.report(trial, resource: target, Double(trial) + 1 / target)
          try driver.append(
            verdict == .pause ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
        }
        XCTAssertEqual(driver.state.trials.count, trials, name)
        XCTAssertGreaterThan(driver.state.count(.completed), 0, "\(name) with \(trials)")
      }
    }
  }

  func testLossesOfAnySizeAreTaken() throws {
    let spec = try spec("freeze-thaw", "freeze-thaw", maximum: 9, trials: 30, seed: 1)
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    let losses = [1e300, -1e300, 0, .nan, 1e-300, .infinity, 3, 3, 3]
    for step in 0..<120 {
      guard let trial = try driver.start() else { break }
      let verdict = try driver.report(trial, resource: driver.state.trials[trial].target, losses[step % losses.count])
      try driver.append(
        verdict == .pause ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
    }
    XCTAssertGreaterThan(driver.state.trials.count, 10)
  }
}
