import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

/// Drives schedulers with losses from a table instead of an objective.
struct Table {
  var driver: StudyDriver
  /// The loss of a trial at a resource.
  let loss: (TrialNumber, Double) -> Double
  /// "trial→resource" for each run, with what became of it.
  private(set) var runs: [String] = []

  init(
    _ scheduler: PartSpec, sampler: PartSpec = PartSpec("random"), space: Space? = nil, minimum: Double = 1,
    maximum: Double, trials: Int,
    loss: @escaping (TrialNumber, Double) -> Double
  ) throws {
    let spec = MethodSpaces.spec(
      try space ?? Space([.float("x", 0...1)]), sampler: sampler, scheduler: scheduler,
      fidelity: Fidelity(name: "epoch", minimum: minimum, maximum: maximum), trials: trials)
    driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    self.loss = loss
  }

  /// Runs the next trial, reporting at these resources up to its target. Returns its number.
  mutating func run(at resources: [Double], canResume: (TrialNumber) -> Bool = { _ in true }) throws -> TrialNumber? {
    guard let trial = try driver.start(canResume: canResume) else { return nil }
    let maximum = driver.state.spec.fidelity?.maximum ?? 0
    for resource in resources where resource > driver.state.trials[trial].resource {
      let verdict = try driver.report(trial, resource: resource, loss(trial, resource))
      if resource >= maximum {
        try driver.append(.trialCompleted(trial, seconds: 1))
      } else if verdict == .pause {
        try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
      } else if verdict == .stop {
        try driver.append(.trialStopped(trial, .method, seconds: 1))
      } else {
        continue
      }
      runs.append("t\(trial)→\(Int(resource))")
      break
    }
    return trial
  }
}

final class ASHATests: XCTestCase {
  /// Losses at 1, 3 and 9.
  private static let losses: [[Double]] = [
    [0.90, 0.50, 0.30], [0.80, 0.60, 0.45], [0.70, 0.55, 0.50], [0.60, 0.40, 0.20], [0.85, 0.70, 0.60],
    [0.50, 0.45, 0.35], [0.95, 0.90, 0.90], [0.40, 0.35, 0.25], [0.65, 0.60, 0.55],
  ]

  private func table(_ options: [String: Choice] = [:]) throws -> Table {
    try Table(PartSpec("asha", options: options), maximum: 9, trials: 9) { trial, resource in
      Self.losses[trial][resource < 3 ? 0 : resource < 9 ? 1 : 2]
    }
  }

  func testOneWorkerPromotesInTheOrderOfThePapersRule() throws {
    var table = try table()
    while try table.run(at: [1, 3, 9]) != nil {}
    XCTAssertEqual(
      table.runs,
      [
        "t0→1", "t1→1", "t2→1", "t2→3", "t3→1", "t3→3", "t4→1", "t5→1", "t5→3", "t3→9", "t6→1", "t7→1", "t7→3",
        "t7→9", "t8→1",
      ])
  }

  func testTheStoppingVariantKeepsTheBestThirdAndEachNewBest() throws {
    var table = try table(["variant": .text("stopping")])
    while try table.run(at: [1, 3, 9]) != nil {}
    // At 1: t0 and t1 are new bests; from the third entry on only the best third goes on, itself included.
    XCTAssertEqual(table.runs, ["t0→9", "t1→3", "t2→3", "t3→9", "t4→1", "t5→3", "t6→1", "t7→9", "t8→1"])
  }

  func testLevelsGrowByMultiplicationAndEndAtTheMaximum() {
    func levels(_ minimum: Double, _ maximum: Double, _ eta: Double = 3, isInteger: Bool = true) -> [Double] {
      ASHA.levels(Fidelity(name: "r", minimum: minimum, maximum: maximum, isInteger: isInteger), eta: eta)
    }
    XCTAssertEqual(levels(1, 243), [1, 3, 9, 27, 81, 243])
    XCTAssertEqual(levels(1, 200), [1, 3, 9, 27, 81, 200])
    XCTAssertEqual(levels(1, 10, 1.5), [1, 2, 3, 5, 8, 10])
    XCTAssertEqual(levels(0.1, 0.9, isInteger: false), [0.1, 0.1 * 3, 0.9])
    // A trainer may know nothing below the minimum, not by a hair.
    XCTAssertEqual(levels(1.0 / 27, 1, isInteger: false).first, 1.0 / 27)
    XCTAssertEqual(levels(4, 4), [4])
    XCTAssertEqual(levels(1, 2, 1.1), [1, 2])
  }

  func testBracketsAreDrawnInProportionToTheCapacityOfTheirRungs() {
    func shares(_ levels: [Double]) -> [Double] {
      let weights = ASHA.bracketWeights(levels)
      return weights.map { $0 / weights.reduce(0, +) }
    }
    for (levels, expected) in [
      ([1.0, 3, 9, 27], [0.5510, 0.2449, 0.1224, 0.0816]),
      ([1, 3, 9, 27, 81], [0.5694, 0.2373, 0.1054, 0.0527, 0.0351]),
      ([1, 3, 9, 27, 81, 200], [0.5856, 0.2342, 0.0976, 0.0434, 0.0217, 0.0176]),
    ] {
      for (share, value) in zip(shares(levels), expected) { XCTAssertEqual(share, value, accuracy: 6e-5) }
    }
  }

  func testNewTrialsBeginAtTheLevelOfTheirBracket() throws {
    var table = try Table(PartSpec("asha", options: ["brackets": .integer(3)]), maximum: 9, trials: 1200) {
      _, _ in .nan
    }
    var counts = [0.0, 0, 0]
    while let trial = try table.run(at: [1, 3, 9]) {
      let record = table.driver.state.trials[trial]
      counts[Int(record.bracket)] += 1
      XCTAssertEqual(record.target, [1, 3, 9][Int(record.bracket)])
    }
    // Weights 1, 1/2, 1/3; a chi-squared of 2 degrees of freedom exceeds 13.8 once in 1,000 seeds.
    var statistic = 0.0
    for (count, weight) in zip(counts, [6.0 / 11, 3.0 / 11, 2.0 / 11]) {
      statistic += (count - 1200 * weight) * (count - 1200 * weight) / (1200 * weight)
    }
    XCTAssertLessThan(statistic, 13.8)
  }

  /// With `opening: hyperband`.
  private func opening(maximum: Double, trials: Int, _ others: [String: Choice] = [:]) throws -> Table {
    let options = others.merging(["opening": .text("hyperband")]) { $1 }
    return try Table(PartSpec("asha", options: options), maximum: maximum, trials: trials) { trial, resource in
      Double(trial * 37 % 101) + 1 / resource
    }
  }

  func testAnOpeningIsTheFirstBracketOfHyperband() throws {
    let levels: [Double] = [2, 6, 17, 50]
    var asha = try opening(maximum: 50, trials: 200, ["brackets": .integer(2)])
    var hyperband = try Table(PartSpec("hyperband"), maximum: 50, trials: 200, loss: asha.loss)
    // 27 begin and 9 go on; from the first that ends there on, ASHA's best third goes further at once.
    for _ in 0..<27 + 1 {
      _ = try asha.run(at: levels)
      _ = try hyperband.run(at: levels)
    }
    XCTAssertEqual(asha.runs.prefix(27), (0..<27).map { "t\($0)→2" }[...])
    XCTAssertEqual(asha.runs, hyperband.runs)
    while asha.driver.state.trials.count == 27 { _ = try asha.run(at: levels) }
    while hyperband.driver.state.trials.count == 27 { _ = try hyperband.run(at: levels) }
    // One is the first of those that follow.
    XCTAssertEqual(Set(asha.runs.dropLast()), Set(hyperband.runs.dropLast()))
    XCTAssertEqual(asha.runs.count { $0.hasSuffix("→50") }, 1)
  }

  func testAnOpeningLeavesMostOfTheBudgetToThoseThatFollow() throws {
    var table = try opening(maximum: 27, trials: 12)
    while table.driver.state.trials.count < 12 { _ = try table.run(at: [1, 3, 9, 27]) }
    XCTAssertEqual(table.runs.prefix(5).map { $0.hasSuffix("→3") }, [false, false, false, false, true])
  }

  func testAnOpeningIsLimitedWhereTheLowestLevelIsTiny() throws {
    var table = try opening(maximum: 6561, trials: 10_000)
    for _ in 0..<82 { _ = try table.run(at: [1, 3]) }
    XCTAssertEqual(table.runs.firstIndex { $0.hasSuffix("→3") }, 81)
  }

  func testAnOpeningGivesWayWhereNoTrialCanBeNew() throws {
    let space = try Space([.categorical("x", ["a", "b", "c", "d", "e", "f"])])
    let scheduler = PartSpec("asha", options: ["opening": .text("hyperband")])
    var table = try Table(scheduler, space: space, maximum: 27, trials: 200) { trial, _ in Double(trial * 5 % 6) }
    while try table.run(at: [1, 3, 9, 27]) != nil {}
    // The best two of six, then the rest of the budget.
    XCTAssertEqual(table.runs.prefix(8), ["t0→1", "t1→1", "t2→1", "t3→1", "t4→1", "t5→1", "t0→3", "t5→3"])
    XCTAssertEqual(table.driver.state.trials.map(\.resource), Array(repeating: 27, count: 6))
  }

  func testModelsOfLevelsSeeThoseOfTheOpening() throws {
    let spec = try opening(maximum: 50, trials: 9).driver.state.spec
    XCTAssertEqual(LevelObservations.levels(spec), [2, 6, 17, 50])
  }

  func testWhereTrialsAreOnlyStoppedThereIsNoOpening() throws {
    var spec = try opening(maximum: 9, trials: 9).driver.state.spec
    spec.method.scheduler.options["variant"] = .text("stopping")
    XCTAssertEqual(Catalogue.check(spec).map(\.path), [["method", "scheduler", "opening"]])
  }

  func testAShareOfTheResourceGoesToTrialsThatRunToTheMaximumAtOnceOnceEnoughHaveReachedIt() throws {
    var table = try Table(
      PartSpec("asha", options: ["brackets": .integer(2), "direct": .real(0.4)]), maximum: 27, trials: 1500
    ) { trial, resource in Double(trial * 37 % 101) + 1 / resource }
    var direct = 0.0
    var others = 0.0
    var whole = 0
    var shares: [Double] = []
    while table.driver.state.trials.count < 1500 {
      let before = table.driver.state.trials.map(\.resource)
      let trial = try XCTUnwrap(try table.run(at: [1, 3, 9, 27]))
      let record = table.driver.state.trials[trial]
      let isNew = trial == before.count
      if isNew, record.target == 27 {
        XCTAssertGreaterThanOrEqual(whole, 6)
        XCTAssertEqual(record.bracket, 3)
        direct += 27
      } else {
        others += record.resource - (isNew ? 0 : before[trial])
      }
      if record.resource == 27 { whole += 1 }
      if direct > 0 { shares.append(direct / (direct + others)) }
    }
    // A trial more would exceed the share, one less fall short of it.
    for share in shares.dropFirst(shares.count / 2) {
      XCTAssertEqual(share, 0.4, accuracy: 54 / (direct + others))
    }
    XCTAssertGreaterThan(direct, 27 * 20)
  }

  func testOneThatHasJustReadTheLogDecidesTheSame() throws {
    try checkReaders([:])
    try checkReaders(["opening": .text("hyperband")])
  }

  private func checkReaders(_ options: [String: Choice]) throws {
    let scheduler = PartSpec("asha", options: options.merging(["direct": .real(0.5)]) { $1 })
    var table = try Table(scheduler, maximum: 9, trials: 400) { trial, resource in
      Double(trial * 37 % 101) + 1 / resource
    }
    for step in 0..<400 {
      if step == 200 {
        var spec = table.driver.state.spec
        spec.fidelity?.maximum = 27
        try table.driver.append(.studyAmended(specification: spec.json.text))
      }
      if step % 50 == 49 {
        table.driver.method = try table.driver.replayed { try Catalogue.makeMethod($0) }
      }
      var joined = table.driver
      joined.method = try table.driver.replayed { try Catalogue.makeMethod($0) }
      let state = table.driver.state
      if step % 10 == 0 {
        XCTAssertEqual(
          table.driver.method.scheduler.assignment(state: state, canResume: { _ in true }),
          joined.method.scheduler.assignment(state: state, canResume: { _ in true }))
      }
      _ = try table.run(at: [1, 3, 9, 27])
    }
    XCTAssertTrue(table.driver.state.trials.contains { $0.bracket == 2 && $0.resource == 9 })
    XCTAssertTrue(table.driver.state.trials.contains { $0.bracket == 3 && $0.resource == 27 })
  }

  func testAPromotedTrialIsNeverPromotedTwiceFromTheSameRung() throws {
    var table = try Table(PartSpec("asha"), maximum: 27, trials: 200) { trial, _ in Double((trial * 37) % 50) }
    while try table.run(at: [1, 3, 9, 27]) != nil {}
    XCTAssertEqual(Set(table.runs).count, table.runs.count)
    XCTAssertEqual(table.runs.filter { $0.hasSuffix("→1") }.count, 200)
    XCTAssertEqual(table.runs.filter { $0.hasSuffix("→3") }.count, 66, accuracy: 12)
    XCTAssertGreaterThanOrEqual(table.runs.filter { $0.hasSuffix("→27") }.count, 4)
  }

  func testATrialThatJumpsOverALevelIsJudgedByItsFirstReportBeyond() throws {
    // Reports come at 2, 4, 6 and 9: level 1 is judged at 2, level 3 at 4.
    var table = try Table(PartSpec("asha", options: ["variant": .text("stopping")]), maximum: 9, trials: 4) {
      trial, resource in trial == 0 ? 1 : resource == 4 ? 0.5 : resource == 2 ? 0.9 : 2
    }
    for _ in 0..<3 { _ = try table.run(at: [2, 4, 6, 9]) }
    // Trial 1 is a new best at 2 and at 4; that it is worse at 6 does not matter. Trial 2 only equals it, later.
    XCTAssertEqual(table.runs, ["t0→9", "t1→9", "t2→2"])
  }

  func testAJumpOverSeveralLevelsIsPromotedOnlyFromTheLast() throws {
    var table = try Table(PartSpec("asha"), maximum: 27, trials: 8) { trial, _ in Double(trial) }
    for _ in 0..<4 { _ = try table.run(at: [5, 27]) }
    // Three trials paused at 5 stand in the rungs of 1 and 3; the best goes on to 9, reports at 27, and ends.
    XCTAssertEqual(table.runs, ["t0→5", "t1→5", "t2→5", "t0→27"])
  }

  func testAFailedTrialCountsAsTheWorstOfItsRung() throws {
    var table = try Table(PartSpec("asha"), maximum: 9, trials: 9) { trial, _ in Double(trial) }
    _ = try table.run(at: [1])
    for _ in 0..<2 {
      let trial = try XCTUnwrap(try table.driver.start())
      try table.driver.append(.trialFailed(trial, .rejected, message: "", seconds: 1))
    }
    // Three entries, two of them failures: the first trial is the best third.
    let next = try table.driver.method.propose(state: table.driver.state, mayStartNew: true) { _ in true }
    guard case .resume(0, target: 3, _) = next else { return XCTFail("\(next)") }
  }

  /// What crashes after it was judged at the level for which it was sent was on its way to none.
  func testATrialThatFailsWhereItWasSentCountsThereAlone() throws {
    for value in [0.5, .nan] {
      var table = try Table(PartSpec("asha"), maximum: 27, trials: 200) { trial, _ in Double(trial) }
      for _ in 0..<9 {
        let trial = try XCTUnwrap(try table.driver.start())
        _ = try table.driver.report(trial, resource: 1, value)
        try table.driver.append(.trialFailed(trial, .crash, message: "", seconds: 1))
      }
      while !table.runs.contains(where: { $0.hasSuffix("→9") }) { _ = try table.run(at: [1, 3, 9, 27]) }
      // One in three goes on from 3.
      XCTAssertEqual(table.runs.count { $0.hasSuffix("→3") }, 3)
    }
  }

  func testTheBestIsFinishedWhoeverElseHasTheWholeResource() throws {
    var table = try Table(PartSpec("asha", options: ["finish": .integer(1)]), maximum: 27, trials: 8) { trial, _ in
      trial == 0 ? 100 : Double(trial * 3 % 7)
    }
    let asked = try table.driver.state.spec.space.sample(seed: 1, index: 0)
    try table.driver.append(.trialProposed(0, .enqueued(asked), target: 27, Annotation(origin: .user)))
    while try table.run(at: [1, 3, 9, 27]) != nil {}
    // Its loss is 0.
    XCTAssertEqual(table.driver.state.trials[7].state, .completed)
  }

  func testOtherLevelsBuryNobody() throws {
    var table = try Table(PartSpec("asha"), maximum: 64, trials: 60) { trial, _ in Double(trial) }
    for _ in 0..<4 { _ = try table.run(at: [1, 3, 9, 27, 64]) }
    XCTAssertEqual(table.runs.last, "t0→3")
    var spec = table.driver.state.spec
    spec.method.scheduler = PartSpec("asha", options: ["eta": .integer(4)])
    try table.driver.append(.studyAmended(specification: spec.json.text))
    table.driver.method = try table.driver.replayed { _ in try Catalogue.makeMethod(spec) }
    for _ in 0..<5 { _ = try table.run(at: [1, 4, 16, 64]) }
    XCTAssertTrue(table.runs.contains("t0→4"), "\(table.runs)")
  }

  func testTrialsOfAnotherSchedulerStandAtTheLevelAtWhichTheyBegan() throws {
    let better = 20
    var table = try Table(PartSpec("hyperband"), maximum: 9, trials: 60) { trial, _ in
      trial == better ? 0 : Double(trial + 1)
    }
    while table.driver.state.trials.count <= better { _ = try table.run(at: [1, 3, 9]) }
    XCTAssertGreaterThan(table.driver.state.trials[better].bracket, 2)
    XCTAssertEqual(table.driver.state.trials[better].resource, 1)
    var spec = table.driver.state.spec
    spec.method.scheduler = PartSpec("asha")
    try table.driver.append(.studyAmended(specification: spec.json.text))
    table.driver.method = try table.driver.replayed { _ in try Catalogue.makeMethod(spec) }
    for _ in 0..<6 { _ = try table.run(at: [1, 3, 9]) }
    XCTAssertTrue(table.runs.contains("t\(better)→9"), "\(table.runs)")
  }

  func testWholeRunsThatFailAreChargedWhatTheyGot() throws {
    var table = try Table(PartSpec("asha", options: ["direct": .real(0.4)]), maximum: 27, trials: 3000) {
      trial, resource in
      Double(trial * 37 % 101) + 1 / resource
    }
    var (direct, others) = (0.0, 0.0)
    while table.driver.state.trials.count < 1500 {
      let before = table.driver.state.trials.map(\.resource)
      let trial = try XCTUnwrap(try table.driver.start())
      let isDirect = trial >= before.count && table.driver.state.trials[trial].target == 27
      if isDirect, trial % 3 != 0 {
        try table.driver.append(.trialFailed(trial, .crash, message: "", seconds: 1))
        continue
      }
      let target = table.driver.state.trials[trial].target
      _ = try table.driver.report(trial, resource: target, table.loss(trial, target))
      try table.driver.append(
        target == 27 ? .trialCompleted(trial, seconds: 1) : .trialPaused(trial, isFrozen: false, seconds: 1))
      if isDirect { direct += 27 } else { others += target - (trial < before.count ? before[trial] : 0) }
    }
    XCTAssertEqual(direct / (direct + others), 0.4, accuracy: 0.05)
  }

  func testATrialThatCannotGoOnHereIsPassedOver() throws {
    var table = try Table(PartSpec("asha"), maximum: 9, trials: 9) { trial, _ in Double(trial) }
    for _ in 0..<3 { _ = try table.run(at: [1, 3, 9], canResume: { _ in false }) }
    for _ in 0..<3 { _ = try table.run(at: [1, 3, 9], canResume: { $0 != 0 }) }
    XCTAssertEqual(table.runs, ["t0→1", "t1→1", "t2→1", "t3→1", "t4→1", "t5→1"])
    _ = try table.run(at: [1, 3, 9], canResume: { $0 != 0 })
    XCTAssertEqual(table.runs.last, "t1→3")
    _ = try table.run(at: [1, 3, 9])
    XCTAssertEqual(table.runs.last, "t0→3")
  }

  func testARunThatStartsAgainDoesNotEnterItsRungsAgain() throws {
    var table = try Table(PartSpec("asha"), maximum: 9, trials: 9) { trial, _ in Double(trial) }
    for _ in 0..<3 { _ = try table.run(at: [1, 3, 9]) }
    let trial = try XCTUnwrap(try table.driver.start())
    XCTAssertEqual(trial, 0)
    // It has no checkpoint and reports below what it had reached.
    XCTAssertEqual(try table.driver.report(trial, resource: 0.5, -5), .proceed)
    try table.driver.append(.trialLost(trial))
    XCTAssertEqual(try table.driver.start(), 0)
    XCTAssertEqual(try table.driver.report(trial, resource: 3, 0), .pause)
    try table.driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    // Rung 1 still has three entries, so nothing is promoted.
    XCTAssertEqual(try table.driver.start(), 3)
  }

  func testARaisedMaximumLetsTrialsThatRunToTheOldOneGoOn() throws {
    var table = try Table(PartSpec("asha"), maximum: 3, trials: 30) { trial, _ in Double(trial % 10) }
    // Three trials run to 3; two complete and one is still running when the maximum is raised to 9.
    for _ in 0..<9 { _ = try table.run(at: [1], canResume: { _ in false }) }
    for _ in 0..<2 { _ = try table.run(at: [1, 3]) }
    let running = try XCTUnwrap(try table.driver.start())
    XCTAssertEqual(table.driver.state.trials[running].target, 3)
    var spec = table.driver.state.spec
    spec.fidelity?.maximum = 9
    try table.driver.append(.studyAmended(specification: spec.json.text))
    XCTAssertEqual(try table.driver.report(running, resource: 3, -1), .pause)
    try table.driver.append(.trialPaused(running, isFrozen: false, seconds: 1))
    // The completed ones count: three entries at 3, of which the paused one is the best.
    XCTAssertEqual(try table.driver.start(), running)
    XCTAssertEqual(table.driver.state.trials[running].target, 9)
  }

  func testARaisedMaximumLetsTheBestOfTheCompleteTrialsGoOn() throws {
    var table = try Table(PartSpec("asha"), maximum: 3, trials: 9) { trial, _ in Double(trial % 10) }
    for _ in 0..<9 { _ = try table.run(at: [1], canResume: { _ in false }) }
    while try table.run(at: [1, 3]) != nil {}
    XCTAssertEqual(table.driver.state.count(.completed), 3)
    var spec = table.driver.state.spec
    spec.fidelity?.maximum = 9
    try table.driver.append(.studyAmended(specification: spec.json.text))
    XCTAssertEqual(try table.run(at: [9]), 0)
    XCTAssertEqual(table.driver.state.trials[0].completedLevel, 9)
    XCTAssertNil(try table.driver.start())
  }
}

final class PASHATests: XCTestCase {
  func testRankingsAgreeUpToDifferencesThatAreNoise() {
    let lower = ["a": 0.30, "b": 0.32, "c": 0.40, "d": 0.41]
    func isConsistent(_ above: [String], _ epsilon: Double) -> Bool {
      ProgressiveLevels.isConsistent(
        above.enumerated().map { (lower: lower[$1] ?? .nan, upper: Double($0)) }, epsilon: epsilon)
    }
    XCTAssertFalse(isConsistent(["b", "a", "c", "d"], 0))
    XCTAssertFalse(isConsistent(["b", "a", "c", "d"], 0.015))
    XCTAssertTrue(isConsistent(["a", "b", "d", "c"], 0.015))
    XCTAssertTrue(isConsistent(["b", "a", "c", "d"], 0.025))
    XCTAssertFalse(isConsistent(["c", "a", "b", "d"], 0.025))
    XCTAssertTrue(ProgressiveLevels.isConsistent([], epsilon: 0))
  }

  private func table(
    maximum: Double = 81, trials: Int, _ options: [String: Choice] = [:],
    _ loss: @escaping (TrialNumber, Double) -> Double
  ) throws -> Table {
    try Table(PartSpec("pasha", options: options), maximum: maximum, trials: trials, loss: loss)
  }

  func testOnlyCurvesThatCrossTwiceSayWhatNoiseIs() throws {
    let curves = [[0.9, 0.70, 0.60], [0.8, 0.72, 0.58], [0.7, 0.65, 0.63]]
    var table = try table(trials: 10) { trial, epoch in curves[trial % 3][Int(epoch) - 1] }
    for trial in 0..<3 {
      _ = try table.driver.start()
      for epoch in 1...3 {
        _ = try table.driver.report(trial, resource: Double(epoch), table.loss(trial, Double(epoch)))
      }
    }
    let state = table.driver.state
    func difference(_ a: TrialNumber, _ b: TrialNumber) throws -> Double? {
      ProgressiveLevels.differenceOfCrossing(
        try XCTUnwrap(state.curves[a]), try XCTUnwrap(state.curves[b]), after: 1, upTo: 3)
    }
    XCTAssertEqual(try XCTUnwrap(try difference(0, 1)), 0.02, accuracy: 1e-12)
    XCTAssertNil(try difference(0, 2))
    XCTAssertNil(try difference(1, 2))
    var levels = ProgressiveLevels(levels: [1, 3, 9, 27, 81])
    levels.settle(levels: [1, 3, 9, 27, 81], state: state)
    XCTAssertGreaterThan(levels.usable, 2, "0.05 apart at one epoch and in the other order at three")
  }

  private func run(_ table: inout Table) throws {
    while try table.run(at: (1...81).map(Double.init)) != nil {}
  }

  func testWhileTheRankingStandsNoMoreOfTheResourceIsUsedThanTheTwoLowestLevels() throws {
    var table = try table(trials: 60, ["finish": .integer(0)]) { trial, epoch in
      Double((trial * 37) % 60) + 1 / epoch
    }
    try run(&table)
    XCTAssertEqual(table.driver.state.trials.map(\.resource).max(), 3)
    XCTAssertGreaterThan(table.driver.state.trials.count { $0.resource == 3 }, 15)
  }

  func testARankingThatTurnsRoundOpensLevelAfterLevel() throws {
    // Who is ahead changes at every epoch.
    var table = try table(maximum: 27, trials: 60, ["finish": .integer(0)]) { trial, epoch in
      Double((trial * 37 + Int(epoch) * 23) % 60)
    }
    try run(&table)
    XCTAssertEqual(table.driver.state.trials.map(\.resource).max(), 27)
  }

  func testTheBestGoesToTheEndOnceNoTrialCanBeNew() throws {
    var table = try table(trials: 30, ["finish": .integer(2)]) { trial, epoch in Double((trial * 7) % 30) + 1 / epoch }
    try run(&table)
    let completed = table.driver.state.trials.indices.filter { table.driver.state.trials[$0].state == .completed }
    XCTAssertEqual(Set(completed.map { ($0 * 7) % 30 }), [0, 1])
  }

  func testAsManyLevelsAreOpenAfterALargerMaximumAsTheCurvesAskFor() throws {
    var table = try table(maximum: 9, trials: 40, ["finish": .integer(0)]) { trial, epoch in
      Double((trial * 37 + Int(epoch) * 23) % 60)
    }
    try run(&table)
    XCTAssertEqual(table.driver.state.trials.map(\.resource).max(), 9)
    var spec = table.driver.state.spec
    spec.fidelity?.maximum = 27
    spec.budget.trials = 60
    try table.driver.append(.studyAmended(specification: spec.json.text))
    try run(&table)
    XCTAssertEqual(table.driver.state.trials.map(\.resource).max(), 27)
  }
}

final class ExhaustedSpaceTests: XCTestCase {
  private static let schedulers = [
    PartSpec("asha"), PartSpec("asha", options: ["brackets": .integer(2)]),
    PartSpec("asha", options: ["opening": .text("hyperband")]), PartSpec("pasha"), PartSpec("hyperband"),
    PartSpec("successive-halving"), PartSpec("dehb-brackets"),
  ]

  private func table(_ scheduler: PartSpec, trials: Int) throws -> Table {
    let space = try Space([.categorical("x", (0..<12).map { "choice \($0)" })])
    let sampler = PartSpec(scheduler.name == "dehb-brackets" ? "dehb" : "random")
    return try Table(scheduler, sampler: sampler, space: space, maximum: 9, trials: trials) { trial, epoch in
      Double(trial * 5 % 12) + 1 / epoch
    }
  }

  private func run(_ table: inout Table) throws {
    while try table.run(at: (1...9).map(Double.init)) != nil {}
  }

  func testTheRestOfTheBudgetGoesToPausedTrialsOnceEveryConfigurationWasTried() throws {
    for scheduler in Self.schedulers {
      var table = try table(scheduler, trials: 40)
      try run(&table)
      XCTAssertEqual(table.driver.state.trials.count, 12, scheduler.name)
      XCTAssertEqual(table.driver.state.trials.map(\.resource), Array(repeating: 9, count: 12), scheduler.name)
      table = try self.table(scheduler, trials: 12)
      try run(&table)
      XCTAssertTrue(table.driver.state.trials.contains { $0.state == .paused }, "\(scheduler.name), budget spent")
    }
  }

  func testOfThoseThatHaveGotMostTheBestGoesOnFirst() throws {
    var table = try table(PartSpec("asha"), trials: 40)
    try run(&table)
    // ASHA ends when the best 4 of 12 have gone on to 3 epochs and the best of those to 9.
    let ranking = (0..<12).sorted { $0 * 5 % 12 < $1 * 5 % 12 }
    let last = table.runs.suffix(11)
    let paused = table.runs.dropLast(11).filter { $0.hasSuffix("→3") }.compactMap {
      Int($0.dropFirst().dropLast(2))
    }
    XCTAssertTrue(last.allSatisfy { $0.hasSuffix("→9") }, "\(table.runs)")
    let three = ranking.filter { paused.contains($0) && last.contains("t\($0)→9") }
    let one = ranking.filter { !paused.contains($0) }
    XCTAssertEqual(Array(last), (three + one).map { "t\($0)→9" })
  }

  func testAGridEndsWithItsLastCell() throws {
    let grid = PartSpec("grid", options: ["points": .integer(12)])
    var table = try Table(PartSpec("asha"), sampler: grid, maximum: 9, trials: 40) { trial, epoch in
      Double(trial) + 1 / epoch
    }
    try run(&table)
    XCTAssertEqual(table.driver.state.trials.count, 12)
    XCTAssertGreaterThan(table.driver.state.trials.count { $0.state == .paused }, 6)
  }

  func testWhatHasNoValueDoesNotGoOn() throws {
    let space = try Space([.categorical("x", (0..<4).map { "choice \($0)" })])
    var table = try Table(PartSpec("asha"), space: space, maximum: 9, trials: 40) { trial, _ in
      trial == 1 ? .nan : Double(trial)
    }
    try run(&table)
    XCTAssertEqual(table.driver.state.trials.map(\.resource), [9, 1, 9, 9])
  }
}

final class MedianStoppingTests: XCTestCase {
  private func table(
    _ options: [String: Choice], maximum: Double = 3, _ losses: @escaping (TrialNumber, Double) -> Double
  ) throws -> Table {
    try Table(PartSpec("median", options: options), maximum: maximum, trials: 100, loss: losses)
  }

  private static let completed: [[Double]] = [[0.9, 0.7, 0.5], [0.8, 0.6, 0.55], [0.7, 0.5, 0.45]]

  func testATrialWorseThanTheMedianOfAveragesIsStopped() throws {
    // Averages at 2: 0.8, 0.7, 0.6; the best of the fourth trial is 0.75, that of the fifth 0.70.
    var table = try table(["startup": .integer(3), "warmup": .real(0.5)]) { trial, resource in
      trial < 3
        ? Self.completed[trial][Int(resource) - 1]
        : trial == 3 ? [0.85, 0.75, 0][Int(resource) - 1] : [0.8, 0.70, 0.65][Int(resource) - 1]
    }
    for _ in 0..<5 { _ = try table.run(at: [1, 2, 3]) }
    XCTAssertEqual(table.runs, ["t0→3", "t1→3", "t2→3", "t3→2", "t4→3"])
  }

  func testNothingIsStoppedBeforeEnoughTrialsAreComplete() throws {
    var table = try table([:]) { trial, _ in Double(trial) }
    for _ in 0..<7 { _ = try table.run(at: [1, 2, 3]) }
    XCTAssertEqual(table.runs, ["t0→3", "t1→3", "t2→3", "t3→3", "t4→3", "t5→1", "t6→1"])
  }

  func testNothingIsStoppedDuringTheWarmUp() throws {
    var table = try table(["warmup": .real(0.5)], maximum: 10) { trial, _ in Double(trial) }
    for _ in 0..<6 { _ = try table.run(at: Array(stride(from: 1, through: 10, by: 1))) }
    XCTAssertEqual(table.runs.last, "t5→5")
  }

  func testTrialsWithOtherStepsAreComparedByTheirLastAverage() throws {
    // Completed trials report at 3, 6 and 10 only; at 5 their average is that at 3.
    var table = try table([:], maximum: 10) { trial, resource in
      trial < 5 ? (resource < 5 ? 1 : 0) : trial == 5 ? 0.9 : 1.1
    }
    for _ in 0..<5 { _ = try table.run(at: [3, 6, 10]) }
    _ = try table.run(at: [5, 10])
    _ = try table.run(at: [5, 10])
    // 0.9 beats 1 at 5 and loses to the mean (1 + 0 + 0) / 3 at 10, where it is complete anyway.
    XCTAssertEqual(Array(table.runs.suffix(2)), ["t5→10", "t6→5"])
  }

  func testATrialThatReportsOnlyNaNIsStopped() throws {
    var table = try table([:]) { trial, _ in trial < 5 ? 1 : .nan }
    for _ in 0..<6 { _ = try table.run(at: [1, 2, 3]) }
    XCTAssertEqual(table.runs.last, "t5→1")
  }

  func testOfSeveralValuesAtOneResourceTheFirstCounts() throws {
    var table = try table(["warmup": .real(0.5)]) { _, _ in 1 }
    for _ in 0..<5 { _ = try table.run(at: [1, 2, 3]) }
    let trial = try XCTUnwrap(try table.driver.start())
    XCTAssertEqual(try table.driver.report(trial, resource: 1, 2), .proceed)
    XCTAssertEqual(try table.driver.report(trial, resource: 1, 0), .proceed)
    XCTAssertEqual(try table.driver.report(trial, resource: 2, 2), .stop)
  }

  func testMaximisedObjectivesAreStoppedWhenTooSmall() throws {
    var spec = MethodSpaces.spec(
      try Space([.float("x", 0...1)]), scheduler: PartSpec("median"), fidelity: Fidelity(name: "r", maximum: 3))
    spec.objectives = [Objective(metric: "accuracy", goal: .maximize)]
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    for i in 0..<5 {
      let trial = try XCTUnwrap(try driver.start())
      for resource in [1.0, 2, 3] { XCTAssertEqual(try driver.report(trial, resource: resource, Double(i)), .proceed) }
      try driver.append(.trialCompleted(trial, seconds: 1))
    }
    let trial = try XCTUnwrap(try driver.start())
    XCTAssertEqual(try driver.report(trial, resource: 1, 1.5), .stop)
    XCTAssertEqual(try driver.report(trial, resource: 2, 2), .proceed)
  }
}

final class CurveExtrapolationStoppingTests: XCTestCase {
  func testReportsThatArriveTogetherAreLookedAtAsIfTheyCameOneByOne() throws {
    let spec = MethodSpaces.spec(
      try Space([.float("x", 0...1)]), scheduler: PartSpec("extrapolation"),
      fidelity: Fidelity(name: "epoch", maximum: 100))
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    func report(_ trial: TrialNumber, _ epochs: ClosedRange<Int>, above base: Double) throws -> Verdict {
      try driver.append(
        epochs.map { .reported(trial, resource: Double($0), [MetricValue("loss", base + 1 / Double($0))]) })
      return driver.method.verdict(on: trial, state: driver.state)
    }
    XCTAssertEqual(try driver.start(), 0)
    XCTAssertEqual(try report(0, 1...100, above: 0), .proceed)
    try driver.append(.trialCompleted(0, seconds: 1))
    XCTAssertEqual(try driver.start(), 1)
    XCTAssertEqual(try report(1, 1...10, above: 1), .proceed)
    // From 10 to 20 the resource has grown by a fifth several times, from 19 to 20 it has not.
    XCTAssertEqual(try report(1, 11...20, above: 1), .stop)
    XCTAssertEqual(try driver.replayed { try Catalogue.makeMethod($0) }.verdict(on: 1, state: driver.state), .stop)
    // The next look is due at 23.
    XCTAssertEqual(try report(1, 21...21, above: 1), .proceed)
    XCTAssertEqual(try report(1, 22...22, above: 1), .proceed)
    XCTAssertEqual(try report(1, 23...23, above: 1), .stop)
  }
}
