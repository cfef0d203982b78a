import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class HyperbandTests: XCTestCase {
  private func plan(_ maximum: Double, _ rounding: BracketPlan.Rounding, eta: Double = 3) -> BracketPlan {
    BracketPlan(Fidelity(name: "epoch", maximum: maximum), eta: eta, rounding: rounding)
  }

  private func sizes(_ plan: BracketPlan) -> [[Int]] { (0..<plan.brackets).map(plan.sizes) }

  func testSizesAreThoseOfThePaperOrOfAnotherConventionByChoice() {
    XCTAssertEqual(plan(27, .paper).levels, [1, 3, 9, 27])
    XCTAssertEqual(sizes(plan(27, .paper)), [[27, 9, 3, 1], [12, 4, 1], [6, 2], [4]])
    XCTAssertEqual(sizes(plan(27, .floor)), [[27, 9, 3, 1], [9, 3, 1], [6, 2], [4]])
    XCTAssertEqual(sizes(plan(27, .ceiling)), [[27, 9, 3, 1], [12, 4, 2], [6, 2], [4]])
    XCTAssertEqual(sizes(plan(81, .paper)), [[81, 27, 9, 3, 1], [34, 11, 3, 1], [15, 5, 1], [8, 2], [5]])
    XCTAssertEqual(sizes(plan(81, .floor)), [[81, 27, 9, 3, 1], [27, 9, 3, 1], [9, 3, 1], [6, 2], [5]])
    XCTAssertEqual(sizes(plan(81, .ceiling)), [[81, 27, 9, 3, 1], [34, 12, 4, 2], [15, 5, 2], [8, 3], [5]])
    XCTAssertEqual(plan(200, .ceiling).levels, [1, 3, 9, 27, 81, 200])
    XCTAssertEqual(
      sizes(plan(200, .ceiling)),
      [[243, 81, 27, 9, 3, 1], [98, 33, 11, 4, 2], [41, 14, 5, 2], [18, 6, 2], [9, 3], [6]])
  }

  func testLevelsThatFallTogetherWhenRoundedStandOnce() {
    XCTAssertEqual(plan(200, .paper).levels, [2, 7, 22, 67, 200])
    // 3^5: a quotient of logarithms would lose the lowest level.
    XCTAssertEqual(plan(243, .paper).levels, [1, 3, 9, 27, 81, 243])
    XCTAssertEqual(plan(2, .paper, eta: 1.1).levels, [1, 2])
    XCTAssertEqual(plan(1, .paper).levels, [1])
    XCTAssertEqual(sizes(plan(1, .paper)), [[1]])
  }

  /// Losses at 1, 3 and 9.
  private static let losses: [[Double]] = [
    [0.90, 0.50, 0.30], [0.80, 0.60, 0.45], [0.70, 0.55, 0.50], [0.60, 0.40, 0.20], [0.85, 0.70, 0.60],
    [0.50, 0.45, 0.35], [0.95, 0.90, 0.90], [0.40, 0.35, 0.25], [0.65, 0.60, 0.55],
  ]

  private static func loss(_ trial: TrialNumber, _ resource: Double) -> Double {
    losses[trial % 9][resource < 3 ? 0 : resource < 9 ? 1 : 2]
  }

  private func halving(
    trials: Int = 9, first: Int = 9, loss: @escaping (TrialNumber, Double) -> Double = HyperbandTests.loss
  ) throws -> Table {
    try Table(
      PartSpec("successive-halving", options: ["first": .integer(first)]), maximum: 9, trials: trials, loss: loss)
  }

  func testSuccessiveHalvingLetsTheBestThirdOfEachRungGoOn() throws {
    var table = try halving()
    while try table.run(at: [1, 3, 9]) != nil {}
    XCTAssertEqual(Array(table.runs.dropFirst(9)), ["t7→3", "t5→3", "t3→3", "t7→9"])
    XCTAssertEqual(table.driver.state.totalResource, 21)
    XCTAssertEqual(table.driver.state.incumbent, 7)
  }

  /// Runs a study to its end. The sum of the targets of all runs, as if each had begun from nothing.
  private func cost(_ driver: inout StudyDriver, loss: (TrialNumber, Double) -> Double) throws -> Double {
    var cost = 0.0
    while let trial = try driver.start() {
      let target = driver.state.trials[trial].target
      let maximum = driver.state.spec.fidelity?.maximum ?? 0
      cost += target
      _ = try driver.report(trial, resource: target, loss(trial, target))
      try driver.append(
        target >= maximum
          ? .trialCompleted(trial, seconds: 1) : .trialPaused(trial, isFrozen: false, seconds: 1))
    }
    return cost
  }

  private func study(
    _ maximum: Double, eta: Int, trials: Int, deepening: String = "efficient"
  ) throws -> StudyDriver {
    let spec = MethodSpaces.spec(
      try Space([.float("x", 0...1)]),
      scheduler: PartSpec("hyperband", options: ["eta": .integer(eta), "deepening": .text(deepening)]),
      fidelity: Fidelity(name: "data", minimum: 1, maximum: maximum, isInteger: false), trials: trials)
    return try StudyDriver(spec) { try Catalogue.makeMethod($0) }
  }

  private func trialsOfASweep(_ maximum: Double, eta: Int) -> Int {
    let fidelity = Fidelity(name: "data", minimum: 1, maximum: maximum, isInteger: false)
    let plan = BracketPlan(fidelity, eta: Double(eta), rounding: .paper)
    return (0..<plan.brackets).reduce(0) { $0 + plan.sizes($1)[0] }
  }

  private static func noise(seed: UInt64) -> (TrialNumber, Double) -> Double {
    { trial, resource in
      var stream = RandomStream(
        seed: seed, purpose: stableHash("losses"), index: UInt64(trial) &* 1000 &+ UInt64(resource))
      return stream.uniform()
    }
  }

  func testASweepCostsWhatThePaperSays() throws {
    for (maximum, eta, expected, resumed) in [
      (16.0, 2, 372.0, Double?.none), (32, 2, 1128, nil), (27, 3, 423, 357), (81, 3, 1902, 1581), (9, 3, 78, nil),
    ] {
      var driver = try study(maximum, eta: eta, trials: trialsOfASweep(maximum, eta: eta))
      XCTAssertEqual(try cost(&driver, loss: Self.noise(seed: 1)), expected, accuracy: 1e-6, "\(maximum) \(eta)")
      if let resumed { XCTAssertEqual(driver.state.totalResource, resumed, accuracy: 1e-6) }
      XCTAssertEqual(driver.state.count(.paused) + driver.state.count(.completed), driver.state.trials.count)
    }
  }

  /// The cost of a sweep and of raising the maximum once it is over.
  private func deepened(
    _ maximum: Double, to next: Double, eta: Int, _ deepening: String, seed: UInt64
  ) throws -> Double {
    var driver = try study(maximum, eta: eta, trials: trialsOfASweep(maximum, eta: eta), deepening: deepening)
    let losses = Self.noise(seed: seed)
    let first = try cost(&driver, loss: losses)
    var spec = driver.state.spec
    spec.fidelity?.maximum = next
    spec.budget.trials = trialsOfASweep(next, eta: eta)
    try driver.append(.studyAmended(specification: spec.json.text))
    let second = try cost(&driver, loss: losses)
    XCTAssertEqual(driver.state.trials.count, trialsOfASweep(next, eta: eta))
    return first + second
  }

  func testRaisingTheMaximumCostsNoMoreThanHavingBegunWithIt() throws {
    for (maximum, next, eta, total) in [
      (16.0, 32.0, 2, 1128.0), (16, 48, 3, 752), (32, 64, 2, 2948), (32, 96, 3, 2254.22), (9, 27, 3, 423),
      (27, 81, 3, 1902),
    ] {
      for seed in 1...3 as ClosedRange<UInt64> {
        let cost = try deepened(maximum, to: next, eta: eta, "efficient", seed: seed)
        XCTAssertEqual(cost, total, accuracy: 0.005, "\(maximum) to \(next)")
      }
    }
  }

  func testRevisingDecisionsCostsALittleMore() throws {
    for (deepening, mean) in [("preserving", 1150.9), ("discarding", 1156.7)] {
      let costs = try (1...30).map { try deepened(16, to: 32, eta: 2, deepening, seed: $0) }
      XCTAssertGreaterThanOrEqual(costs.min() ?? 0, 1128)
      // The known means are of 30 other seeds; beginning anew would cost 1,500.
      XCTAssertEqual(costs.reduce(0, +) / 30, mean, accuracy: 12, deepening)
    }
  }

  func testTheMaximumCanBeRaisedWhileTheSweepRuns() throws {
    var driver = try study(9, eta: 3, trials: trialsOfASweep(27, eta: 3))
    let losses = Self.noise(seed: 5)
    var cost = 0.0
    for step in 0..<200 {
      if step == 7 {
        var spec = driver.state.spec
        spec.fidelity?.maximum = 27
        try driver.append(.studyAmended(specification: spec.json.text))
      }
      guard let trial = try driver.start() else { break }
      let target = driver.state.trials[trial].target
      cost += target
      _ = try driver.report(trial, resource: target, losses(trial, target))
      let isComplete = target >= driver.state.spec.fidelity?.maximum ?? 0
      try driver.append(
        isComplete ? .trialCompleted(trial, seconds: 1) : .trialPaused(trial, isFrozen: false, seconds: 1))
    }
    XCTAssertEqual(cost, 423)
  }

  func testAFreeWorkerOpensTheNextBracketInsteadOfWaiting() throws {
    var table = try Table(PartSpec("hyperband"), maximum: 9, trials: 50) { _, _ in 0 }
    // Nine trials of the first bracket run; the tenth worker opens the second, which begins at 3 with five.
    for trial in 0..<9 {
      XCTAssertEqual(try table.driver.start(), trial)
      XCTAssertEqual(table.driver.state.trials[trial].target, 1)
    }
    for trial in 9..<14 {
      XCTAssertEqual(try table.driver.start(), trial)
      XCTAssertEqual(table.driver.state.trials[trial].target, 3)
      XCTAssertEqual(table.driver.state.trials[trial].bracket, 1)
    }
    XCTAssertEqual(try table.driver.start(), 14)
    XCTAssertEqual(table.driver.state.trials[14].target, 9)
    // The first bracket is served first once its rung is complete.
    for trial in 0..<9 {
      XCTAssertEqual(try table.driver.report(trial, resource: 1, Double(trial)), .pause)
      try table.driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    }
    XCTAssertEqual(try table.driver.start(), 0)
    XCTAssertEqual(table.driver.state.trials[0].target, 3)
  }

  func testFailuresAreNeverAmongTheBest() throws {
    var table = try halving(trials: 3, first: 3) { trial, _ in trial == 1 ? .nan : Double(trial) }
    XCTAssertEqual(try table.driver.start(), 0)
    try table.driver.append(.trialFailed(0, .rejected, message: "", seconds: 1))
    while try table.run(at: [1, 3, 9]) != nil {}
    XCTAssertEqual(table.runs, ["t1→1", "t2→1", "t2→3", "t2→9"])
  }

  func testARungOfNothingButFailuresIsFollowedByTheNextBatch() throws {
    var table = try halving(trials: 6, first: 3) { trial, _ in trial < 3 ? .nan : 1 }
    while try table.run(at: [1, 3, 9]) != nil {}
    XCTAssertEqual(table.runs, ["t0→1", "t1→1", "t2→1", "t3→1", "t4→1", "t5→1", "t3→3", "t3→9"])
  }

  func testTheLastMemberOfARungMayDie() throws {
    var table = try halving(trials: 3, first: 3)
    for trial in 0..<3 { XCTAssertEqual(try table.driver.start(), trial) }
    for trial in 0..<2 {
      _ = try table.driver.report(trial, resource: 1, Double(trial))
      try table.driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    }
    XCTAssertNil(try table.driver.start())
    try table.driver.append(.trialFailed(2, .rejected, message: "", seconds: 1))
    XCTAssertEqual(try table.driver.start(), 0)
    // It dies on its way to the next rung: the bracket is over, and nothing waits for it.
    try table.driver.append(.trialFailed(0, .rejected, message: "", seconds: 1))
    XCTAssertNil(try table.driver.start())
  }

  func testABatchThatCannotBeFilledSendsItsBestToTheEnd() throws {
    var table = try halving(trials: 5)
    while try table.run(at: [1, 3, 9]) != nil {}
    XCTAssertEqual(table.runs, ["t0→1", "t1→1", "t2→1", "t3→1", "t4→1", "t3→3", "t3→9"])
  }

  func testATrialThatRanFurtherThanItsRungTakesItsLaterValueAlong() throws {
    var table = try halving(trials: 3, first: 3)
    let trial = try XCTUnwrap(try table.driver.start())
    _ = try table.driver.report(trial, resource: 4, 0.1)
    try table.driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    while try table.run(at: [1, 9]) != nil {}
    XCTAssertEqual(table.runs, ["t1→1", "t2→1", "t0→9"])
  }

  func testATrialThatOvershootsWithoutItsObjectiveKeepsItsLastValue() throws {
    var table = try halving()
    let trial = try XCTUnwrap(try table.driver.start())
    XCTAssertEqual(try table.driver.report(trial, resource: 1, 0.1), .pause)
    try table.driver.append(.reported(trial, resource: 4, [MetricValue("accuracy", 1)]))
    try table.driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    while try table.run(at: [1, 3, 9]) != nil {}
    // It stands beyond the second rung, where the others are compared with it.
    XCTAssertEqual(Array(table.runs.dropFirst(8)), ["t7→3", "t5→3", "t0→9"])
  }

  func testATrialThatEndsByItselfKeepsItsValue() throws {
    var table = try halving(trials: 3, first: 3)
    let trial = try XCTUnwrap(try table.driver.start())
    _ = try table.driver.report(trial, resource: 1, 0.1)
    try table.driver.append(.trialCompleted(trial, seconds: 1))
    while try table.run(at: [1, 3, 9]) != nil {}
    XCTAssertEqual(table.runs, ["t1→1", "t2→1"])
    XCTAssertEqual(table.driver.state.incumbent, 0)
  }

  func testATrialThatCannotGoOnHereIsLeftToOthers() throws {
    var table = try halving(trials: 12)
    for _ in 0..<9 { _ = try table.run(at: [1, 3, 9]) }
    XCTAssertEqual(try table.run(at: [1, 3, 9], canResume: { $0 == 3 }), 3)
    XCTAssertEqual(try table.run(at: [1, 3, 9], canResume: { _ in false }), 9)
    XCTAssertEqual(try table.run(at: [1, 3, 9]), 7)
  }

  func testWhatAPersonAsksForBelongsToNoBracket() throws {
    var table = try halving(trials: 4, first: 3)
    let configuration = try table.driver.state.spec.space.sample(seed: 1, index: 1)
    try table.driver.append(.trialProposed(0, .enqueued(configuration), target: 9, Annotation(origin: .user)))
    while try table.run(at: [1, 3, 9]) != nil {}
    XCTAssertEqual(table.runs, ["t0→9", "t1→1", "t2→1", "t3→1", "t3→3", "t3→9"])
  }

  func testWhatWaitsInTheQueueGoesOnToARaisedMaximum() throws {
    var table = try halving(trials: 4, first: 3)
    let space = table.driver.state.spec.space
    for trial in 0..<2 {
      try table.driver.append(
        .trialProposed(
          trial, .enqueued(try space.sample(seed: 1, index: UInt64(trial))), target: trial == 0 ? 9 : 3,
          Annotation(origin: .user)))
    }
    var spec = table.driver.state.spec
    spec.fidelity?.maximum = 27
    try table.driver.append(.studyAmended(specification: spec.json.text))
    for _ in 0..<3 { _ = try table.run(at: [1, 3, 9, 27]) }
    // One that was asked for up to less than the maximum is not sent further.
    XCTAssertEqual(table.runs, ["t0→27", "t1→3", "t2→1"])
  }

  func testASecondRaiseRemembersWhatWasReachedBeforeTheFirst() throws {
    // Of the trials of the first bracket: 0 and 1 begin it, 4 and 5 fill it up to a maximum of 4, 10 to 13 to one of 8.
    let first = [0: 0.5, 1: 0.6, 4: 0.1, 5: 0.2, 10: 0.3, 11: 0.35]
    let later = [0: 0.5, 4: 0.3, 5: 0.6]
    var driver = try study(2, eta: 2, trials: trialsOfASweep(2, eta: 2), deepening: "preserving")
    for maximum in [2.0, 4, 8] {
      if maximum > 2 {
        var spec = driver.state.spec
        spec.fidelity?.maximum = maximum
        spec.budget.trials = trialsOfASweep(maximum, eta: 2)
        try driver.append(.studyAmended(specification: spec.json.text))
      }
      _ = try cost(&driver) { trial, resource in resource < 2 ? first[trial] ?? 0.8 : later[trial] ?? 0.9 }
      // Trial 0 has reached 2, and others are let go on to there since.
      if maximum < 8 { XCTAssertEqual(driver.state.trials[0].resource, 2) }
    }
    XCTAssertEqual([10, 11, 12, 13].map { driver.state.trials[$0].resource }, [2, 2, 1, 1])
    // Of all that have a value at 2, the best two are 4 and 0.
    XCTAssertGreaterThanOrEqual(driver.state.trials[0].resource, 4)
    XCTAssertGreaterThanOrEqual(driver.state.trials[4].resource, 4)
    XCTAssertEqual(driver.state.trials[5].resource, 2)
  }
}
