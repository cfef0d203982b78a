import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class OneEpochTests: XCTestCase {
  private func table(
    first: Int = 5, keep: Int = 2, minimum: Double = 1, maximum: Double = 9, trials: Int,
    loss: @escaping (TrialNumber, Double) -> Double
  ) throws -> Table {
    try Table(
      PartSpec("one-epoch", options: ["first": .integer(first), "keep": .integer(keep)]), minimum: minimum,
      maximum: maximum, trials: trials, loss: loss)
  }

  /// At the end of the first epoch, the best of ten are 3, 1, 7, 5 and 9, in this order.
  private static let losses: [Double] = [0.9, 0.2, 0.8, 0.1, 0.7, 0.4, 0.6, 0.3, 0.95, 0.5]

  private func next(_ table: Table, canResume: (TrialNumber) -> Bool = { _ in true }) throws -> Proposal {
    var method = table.driver.method
    let mayStartNew = table.driver.state.reachedLimit(now: 0) == nil
    return try method.propose(state: table.driver.state, mayStartNew: mayStartNew, canResume: canResume)
  }

  /// Starts a trial and leaves it running.
  private func begin(_ table: inout Table) throws -> TrialNumber {
    try XCTUnwrap(try table.driver.start())
  }

  private func pause(_ trial: TrialNumber, _ loss: Double, _ table: inout Table) throws {
    XCTAssertEqual(try table.driver.report(trial, resource: 1, loss), .pause)
    try table.driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
  }

  func testTheBestOfEachBatchGoOnToTheEndAndTheNextBatchFollows() throws {
    var table = try table(trials: 10) { trial, _ in Self.losses[trial] }
    while try table.run(at: [1, 2, 5, 9]) != nil {}
    XCTAssertEqual(
      table.runs,
      [
        "t0→1", "t1→1", "t2→1", "t3→1", "t4→1", "t3→9", "t1→9", "t5→1", "t6→1", "t7→1", "t8→1", "t9→1", "t7→9",
        "t5→9",
      ])
  }

  func testTheDefaultsUseFiveHundredAndNinetyEpochsOfFiveThousand() throws {
    var table = try Table(PartSpec("one-epoch"), maximum: 50, trials: 100) { trial, _ in Double((trial * 37) % 100) }
    while try table.run(at: [1, 50]) != nil {}
    XCTAssertEqual(table.driver.state.totalResource, 590)
    XCTAssertEqual(table.driver.state.count(.completed), 10)
    // The least ten of the losses at the first epoch, by the number from which they are made.
    let completed = table.driver.state.trials.indices.filter { table.driver.state.trials[$0].state == .completed }
    XCTAssertEqual(completed.map { ($0 * 37) % 100 }.sorted(), Array(0..<10))
  }

  func testWorkersWaitWhileAFullBatchHasTrialsWithoutAReport() throws {
    var table = try table(first: 3, keep: 1, trials: 10) { _, _ in 0 }
    let trials = try (0..<3).map { _ in try begin(&table) }
    XCTAssertEqual(try next(table), .wait)
    try pause(trials[0], 0.5, &table)
    try pause(trials[2], 0.4, &table)
    XCTAssertEqual(try next(table), .wait)
    try table.driver.append(.trialFailed(trials[1], .rejected, message: "", seconds: 1))
    guard case .resume(2, target: 9, let annotation) = try next(table) else { return XCTFail() }
    XCTAssertEqual(annotation[.rung], 1)
    XCTAssertEqual(try begin(&table), 2)
    // While the best runs on, the next batch begins.
    XCTAssertEqual(try begin(&table), 3)
    XCTAssertEqual(table.driver.state.trials[3].target, 1)
  }

  func testATrialThatIsTriedAgainIsWaitedFor() throws {
    var table = try table(first: 2, keep: 1, trials: 10) { _, _ in 0 }
    let trials = try (0..<2).map { _ in try begin(&table) }
    try pause(trials[0], 0.5, &table)
    try table.driver.append(.trialLost(trials[1]))
    XCTAssertEqual(try next(table), .wait)
    XCTAssertEqual(try begin(&table), 1)
    try pause(trials[1], 0.4, &table)
    guard case .resume(1, target: 9, _) = try next(table) else { return XCTFail() }
  }

  func testFailuresAndValuesThatAreNoNumbersNeverGoOn() throws {
    var table = try table(first: 4, keep: 3, trials: 4) { trial, _ in [.nan, 0.5, -.infinity, 0.1][trial] }
    for _ in 0..<3 { _ = try table.run(at: [1, 9]) }
    let trial = try begin(&table)
    try table.driver.append(.trialFailed(trial, .rejected, message: "", seconds: 1))
    while try table.run(at: [1, 9]) != nil {}
    XCTAssertEqual(table.runs, ["t0→1", "t1→1", "t2→1", "t1→9"])
  }

  func testABatchOfNothingButFailuresIsFollowedByTheNext() throws {
    var table = try table(first: 2, keep: 1, trials: 4) { trial, _ in trial < 2 ? .nan : Double(trial) }
    while try table.run(at: [1, 9]) != nil {}
    XCTAssertEqual(table.runs, ["t0→1", "t1→1", "t2→1", "t3→1", "t2→9"])
  }

  func testWhoFailsAfterGoingOnIsNotReplaced() throws {
    var table = try table(first: 3, keep: 1, trials: 3) { trial, _ in Double(trial) }
    for _ in 0..<3 { _ = try table.run(at: [1]) }
    let trial = try begin(&table)
    XCTAssertEqual(trial, 0)
    try table.driver.append(.trialFailed(trial, .rejected, message: "", seconds: 1))
    XCTAssertNil(try table.driver.start())
  }

  func testABatchCutShortByTheBudgetLetsTheSameShareGoOn() throws {
    // Of the second batch of 10 there are 4: two fifths of 4 go on, rounded up.
    var table = try table(first: 10, keep: 4, trials: 14) { trial, _ in Double(trial % 10) }
    while try table.run(at: [1, 9]) != nil {}
    XCTAssertEqual(table.runs.filter { $0.hasSuffix("→9") }, ["t0→9", "t1→9", "t2→9", "t3→9", "t10→9", "t11→9"])
  }

  func testABatchCutShortGrowsOnWhenTheBudgetIsRaised() throws {
    var table = try table(first: 4, keep: 2, trials: 2) { trial, _ in Double(10 - trial) }
    while try table.run(at: [1, 9]) != nil {}
    XCTAssertEqual(table.runs, ["t0→1", "t1→1", "t1→9"])
    var spec = table.driver.state.spec
    spec.budget.trials = 4
    try table.driver.append(.studyAmended(specification: spec.json.text))
    while try table.run(at: [1, 9]) != nil {}
    // One of the two places is taken.
    XCTAssertEqual(Array(table.runs[3...]), ["t2→1", "t3→1", "t3→9"])
  }

  func testAnExhaustedSamplerLeavesTheBestOfWhatItGave() throws {
    var spec = MethodSpaces.spec(
      try Space([.categorical("x", ["a", "b", "c", "d"])]), scheduler: PartSpec("one-epoch"),
      fidelity: Fidelity(name: "epoch", maximum: 9), trials: 50)
    spec.method.scheduler.options = ["first": .integer(10), "keep": .integer(5)]
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    for trial in 0..<4 {
      XCTAssertEqual(try driver.start(), trial)
      _ = try driver.report(trial, resource: 1, Double(4 - trial))
      try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    }
    for expected in [3, 2] {
      XCTAssertEqual(try driver.start(), expected)
      XCTAssertEqual(try driver.report(expected, resource: 9, 0), .proceed)
      try driver.append(.trialCompleted(expected, seconds: 1))
    }
    var method = driver.method
    guard case .exhausted = try method.propose(state: driver.state, mayStartNew: true, canResume: { _ in true }) else {
      return XCTFail()
    }
  }

  func testATrialThatCannotGoOnHereIsLeftToOthers() throws {
    var table = try table(first: 3, keep: 2, trials: 9) { trial, _ in Double(trial) }
    for _ in 0..<3 { _ = try table.run(at: [1, 9]) }
    // The places are for 0 and 1 alone: where neither can go on, the next batch begins.
    guard case .resume(1, target: 9, _) = try next(table, canResume: { $0 == 1 }) else { return XCTFail() }
    guard case .new(_, target: 1, _) = try next(table, canResume: { $0 == 2 }) else { return XCTFail() }
  }

  func testAStoppedCandidateGivesItsPlaceToTheNext() throws {
    var table = try table(first: 3, keep: 1, trials: 3) { trial, _ in Double(trial) }
    for _ in 0..<3 { _ = try table.run(at: [1, 9]) }
    try table.driver.append(.trialStopped(0, .user, seconds: 0))
    XCTAssertEqual(try begin(&table), 1)
  }

  func testWhatAPersonAsksForBelongsToNoBatchAndRunsToTheEnd() throws {
    var table = try table(first: 2, keep: 1, trials: 3) { trial, _ in Double(trial) }
    let configuration = try table.driver.state.spec.space.sample(seed: 1, index: 1)
    try table.driver.append(.trialProposed(0, .enqueued(configuration), target: 9, Annotation(origin: .user)))
    while try table.run(at: [1, 9]) != nil {}
    XCTAssertEqual(table.runs, ["t0→9", "t1→1", "t2→1", "t1→9"])
  }

  func testWhatAPersonAsksForUpToLessThanTheMaximumStaysThere() throws {
    var table = try table(first: 2, keep: 1, trials: 3) { trial, _ in Double(trial) }
    let configuration = try table.driver.state.spec.space.sample(seed: 1, index: 1)
    try table.driver.append(.trialProposed(0, .enqueued(configuration), target: 3, Annotation(origin: .user)))
    while try table.run(at: [1, 3, 9]) != nil {}
    XCTAssertEqual(table.runs, ["t0→3", "t1→1", "t2→1", "t1→9"])
  }

  func testATrialIsJudgedByItsFirstReportAtTheLeastResource() throws {
    var table = try table(first: 2, keep: 1, trials: 2) { _, _ in 0 }
    let eager = try begin(&table)
    XCTAssertEqual(try table.driver.report(eager, resource: 1, 0.9), .pause)
    // Before it is paused it reports once more.
    _ = try table.driver.report(eager, resource: 2, 0.1)
    try table.driver.append(.trialPaused(eager, isFrozen: false, seconds: 1))
    let other = try begin(&table)
    try pause(other, 0.5, &table)
    XCTAssertEqual(try begin(&table), other)
  }

  func testARaisedMaximumLetsTheCompleteTrialsThatHadGoneOnGoOnFirst() throws {
    var table = try table(first: 2, keep: 1, maximum: 3, trials: 4) { trial, _ in Double(trial) }
    while try table.run(at: [1, 3]) != nil {}
    XCTAssertEqual(table.runs, ["t0→1", "t1→1", "t0→3", "t2→1", "t3→1", "t2→3"])
    var spec = table.driver.state.spec
    spec.fidelity?.maximum = 9
    try table.driver.append(.studyAmended(specification: spec.json.text))
    while try table.run(at: [9]) != nil {}
    XCTAssertEqual(Array(table.runs[6...]), ["t0→9", "t2→9"])
  }

  func testARaisedMaximumLetsTrialsThatRunToTheOldOneGoOn() throws {
    var table = try table(first: 2, keep: 1, maximum: 3, trials: 4) { trial, _ in Double(trial) }
    for _ in 0..<2 { _ = try table.run(at: [1]) }
    let running = try begin(&table)
    XCTAssertEqual(running, 0)
    var spec = table.driver.state.spec
    spec.fidelity?.maximum = 9
    try table.driver.append(.studyAmended(specification: spec.json.text))
    XCTAssertEqual(try table.driver.report(running, resource: 3, 0), .pause)
    try table.driver.append(.trialPaused(running, isFrozen: false, seconds: 1))
    XCTAssertEqual(try begin(&table), 0)
    XCTAssertEqual(table.driver.state.trials[0].target, 9)
  }

  func testWithOnlyOneResourceEveryTrialGetsIt() throws {
    var table = try table(first: 2, keep: 1, minimum: 9, trials: 5) { trial, _ in Double(trial) }
    while try table.run(at: [3, 9]) != nil {}
    XCTAssertEqual(table.runs, ["t0→9", "t1→9", "t2→9", "t3→9", "t4→9"])
  }

  func testGreaterIsBetterWhereTheObjectiveIsMaximised() throws {
    var spec = MethodSpaces.spec(
      try Space([.float("x", 0...1)]), scheduler: PartSpec("one-epoch"),
      fidelity: Fidelity(name: "epoch", maximum: 9), trials: 3)
    spec.objectives = [Objective(metric: "accuracy", goal: .maximize)]
    spec.method.scheduler.options = ["first": .integer(3), "keep": .integer(1)]
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    for trial in 0..<3 {
      XCTAssertEqual(try driver.start(), trial)
      _ = try driver.report(trial, resource: 1, [0.3, 0.9, 0.5][trial])
      try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    }
    XCTAssertEqual(try driver.start(), 1)
  }
}
