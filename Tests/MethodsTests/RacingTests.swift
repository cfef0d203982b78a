import TrimtabAnalysis
import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class RacingTests: XCTestCase {
  // MARK: The test

  private let costs = [
    [0.20, 0.25, 0.22, 0.30], [0.18, 0.24, 0.19, 0.35], [0.25, 0.24, 0.27, 0.33], [0.21, 0.26, 0.20, 0.31],
    [0.19, 0.27, 0.23, 0.36],
  ]

  func testTheTestDropsWhatFriedmanAndConoverFindWorse() throws {
    let race = RaceTest(costs, significance: 0.05)
    XCTAssertEqual(race.rankSums, [7, 13, 10, 20])
    let friedman = try FriedmanTest(costs, decimals: nil)
    XCTAssertEqual(friedman.chiSquare, 11.16, accuracy: 1e-12)
    XCTAssertEqual(friedman.chiSquareP, 0.010891421468579314, accuracy: 1e-12)
    XCTAssertEqual(try conoverDifference(costs.map { meanRanks($0) }), 5.031752694888738, accuracy: 1e-10)
    XCTAssertEqual(race.goesOn, [true, false, true, false])
    XCTAssertEqual(race.order, [0, 2, 1, 3])
  }

  func testNobodyIsDroppedWithoutASignificantTest() throws {
    XCTAssertEqual(RaceTest(costs, significance: 0.01).goesOn, [true, true, true, true])
    XCTAssertEqual(RaceTest([[1, 2, 3]], significance: 0.05).goesOn, [true, true, true])
    let tied = [[Double]](repeating: [1, 1, 1], count: 20)
    XCTAssertEqual(RaceTest(tied, significance: 0.05).goesOn, [true, true, true])
    // All folds rank them alike: any difference counts.
    let alike = [[Double]](repeating: [1, 2, 3], count: 8)
    XCTAssertEqual(RaceTest(alike, significance: 0.05).goesOn, [true, false, false])
  }

  func testTwoAreComparedByWilcoxonsTest() throws {
    let worse: [[Double]] = (0..<6).map { fold in
      let step = Double(fold)
      return [1 + 0.01 * step, 1.1 + 0.03 * step]
    }
    // 2 / 2^6 = 0.031 for six differences in one direction, 2 / 2^5 = 0.06 for five.
    XCTAssertEqual(RaceTest(worse, significance: 0.05).goesOn, [true, false])
    XCTAssertEqual(RaceTest(worse.map { [$0[1], $0[0]] }, significance: 0.05).goesOn, [false, true])
    XCTAssertEqual(RaceTest(Array(worse.dropLast()), significance: 0.05).goesOn, [true, true])
  }

  func testComparisonsOfBadRanksAreRefused() {
    XCTAssertThrowsError(try conoverDifference([[1, 2]]))
    XCTAssertThrowsError(try conoverDifference([[1, 2], [1]]))
    XCTAssertThrowsError(try conoverDifference([[1, 2], [1, 2]], alpha: 0))
  }

  // MARK: The plan

  func testTheEvaluationsAreSharedAmongTheRacesAsInThePaper() {
    let plan = RacePlan(dimension: 8, startup: 5, maximum: 1000, evaluations: 1000)
    XCTAssertEqual(plan.races, 5)
    XCTAssertEqual(plan.survivors, 5)
    XCTAssertEqual(plan.purse(race: 1, spent: 0), 200)
    XCTAssertEqual(plan.newcomers(race: 1, purse: 200, elites: 0, seen: 0), 33)
    // ⌊(200 + 5·9) / max(5 + 2, 9 + 1)⌋ = 24 configurations, 5 of them elites.
    XCTAssertEqual(plan.newcomers(race: 2, purse: 200, elites: 5, seen: 9), 19)
    XCTAssertEqual(plan.purse(race: 5, spent: 900), 100)
    // Beyond the plan there are as many again for each.
    XCTAssertEqual(plan.purse(race: 6, spent: 1000), 200)
    XCTAssertEqual([1, 2, 3, 4, 7].map { RacePlan(dimension: $0, startup: 5, maximum: 9).races }, [2, 3, 3, 4, 4])
  }

  func testABudgetOfTrialsIsWorthWhatTheRacesNeedForThem() {
    // One parameter, two races of at most 6 and 7 evaluations for each configuration.
    let plan = RacePlan(dimension: 1, startup: 5, maximum: 100, trials: 26)
    XCTAssertEqual(plan.evaluations, 168)
    XCTAssertEqual(plan.newcomers(race: 1, purse: 84, elites: 0, seen: 0), 14)
    let fixed = RacePlan(dimension: 1, startup: 5, maximum: 100, survivors: 2, size: 20, trials: 26)
    XCTAssertNil(fixed.evaluations)
    XCTAssertEqual(fixed.newcomers(race: 1, purse: .max, elites: 2, seen: 9), 20)
  }

  // MARK: Races

  private func driver(
    _ options: [String: Choice], sampler: String = "random", folds: Double = 12, trials: Int = 100, seed: UInt64 = 1
  ) throws -> StudyDriver {
    let spec = MethodSpaces.spec(
      try Space([.float("x", 0...1), .float("y", 0...1)]), sampler: PartSpec(sampler),
      scheduler: PartSpec("f-race", options: options),
      fidelity: Fidelity(name: "fold", maximum: folds, countsReplicates: true), trials: trials, seed: seed)
    XCTAssertEqual(Catalogue.check(spec), [])
    return try StudyDriver(spec) { try Catalogue.makeMethod($0) }
  }

  /// Runs a trial as far as it is to go.
  private func run(_ driver: inout StudyDriver, _ trial: TrialNumber, _ loss: (Int) -> Double) throws {
    var verdict = Verdict.proceed
    let maximum = driver.state.spec.fidelity?.maximum ?? 1
    for fold in Int(driver.state.trials[trial].resource) + 1...Int(maximum) where verdict == .proceed {
      verdict = try driver.report(trial, resource: Double(fold), loss(fold))
    }
    switch verdict {
    case .proceed: try driver.append(.trialCompleted(trial, seconds: 1))
    case .pause: try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    case .stop: try driver.append(.trialStopped(trial, .method, seconds: 1))
    }
  }

  private func races(_ driver: StudyDriver) throws -> Races {
    try XCTUnwrap(driver.method.scheduler as? FRace).races
  }

  func testARaceSeesTheFirstFoldsThenOneMoreAtATimeUntilFewAreLeft() throws {
    var driver = try driver(["size": .integer(6), "startup": .integer(4), "survivors": .integer(2)])
    var runs: [String] = []
    // Of the first race 3 and 5 are the best by far, 4 is next; all agree in every fold.
    let losses: [Double] = [6, 7, 8, 1, 3, 2]
    while let trial = try driver.start(), try races(driver).index == 0 {
      runs.append("\(trial)→\(Int(driver.state.trials[trial].target))")
      try run(&driver, trial) { fold in losses[trial] + 0.1 * Double(fold) }
      guard try races(driver).index == 0 else { break }
    }
    XCTAssertEqual(runs.prefix(6), ["0→4", "1→4", "2→4", "3→4", "4→4", "5→4"])
    XCTAssertEqual(try races(driver).elites, [3, 5])
    // With four folds that agree, the test drops all but the best two.
    XCTAssertEqual(runs.count, 6)
    // The elites are in the next race, and have to see the fifth fold before it is over.
    while let trial = try driver.start() {
      if trial < 6 {
        XCTAssertTrue([3, 5].contains(trial))
        XCTAssertEqual(driver.state.trials[trial].target, 5)
        break
      }
      XCTAssertEqual(driver.state.trials[trial].target, 4)
      try run(&driver, trial) { _ in 9 }
    }
    XCTAssertEqual(driver.state.trials.count, 12)
  }

  func testElitesAreNotDroppedBeforeTheOthersHaveSeenAsMuch() throws {
    var driver = try driver(["size": .integer(8), "startup": .integer(3), "survivors": .integer(1)], folds: 30)
    // In the first race nobody differs up to fold 10, and 0 wins then; later ones are better in all folds but the later ones.
    func loss(_ trial: TrialNumber, _ fold: Int) -> Double {
      if trial >= 8 { return fold <= 10 ? 1 + Double(trial) / 100 : 100 }
      if fold <= 10 { return 5 + Double((trial + fold) % 8) / 10 }
      return trial == 0 ? 1 : 9 + Double(trial)
    }
    while try races(driver).index < 2, let trial = try driver.start() {
      try run(&driver, trial) { loss(trial, $0) }
      if try races(driver).index == 1, try races(driver).level <= 10, try !races(driver).elites.isEmpty {
        XCTAssertEqual(try races(driver).elites, [0])
        XCTAssertTrue(try races(driver).alive.contains(0))
      }
    }
    XCTAssertGreaterThan(driver.state.trials[0].resource, 10)
  }

  func testAWorkerThatFindsNothingToDoBeginsTheNextRace() throws {
    var driver = try driver(["size": .integer(3), "startup": .integer(2), "survivors": .integer(1)])
    let begun = try (0..<8).compactMap { _ in try driver.start() }
    XCTAssertEqual(begun, [0, 1, 2, 3, 4, 5], "three for this race, three for the next, and then they wait")
    XCTAssertEqual(try races(driver).early, [3, 4, 5])
    for trial in [3, 4, 5, 0, 1] { try run(&driver, trial) { _ in Double(trial) } }
    XCTAssertEqual(try races(driver).index, 0)
    try driver.append(.trialFailed(2, .rejected, message: "", seconds: 1))
    // Two folds are not enough to tell the others apart.
    XCTAssertEqual(try races(driver).level, 3)
    XCTAssertEqual(try driver.start(), 0)
  }

  func testAtTheEndOfTheBudgetTheBestSeesAllFolds() throws {
    var driver = try driver(["startup": .integer(3)], sampler: "irace", folds: 9, trials: 15)
    while let trial = try driver.start() { try run(&driver, trial) { _ in Double((trial * 7) % 15) } }
    XCTAssertEqual(driver.state.trials.count, 15)
    let best = try XCTUnwrap(driver.state.incumbent)
    XCTAssertEqual(driver.state.trials[best].state, .completed)
    XCTAssertEqual(driver.state.count(.completed), 1, "and nobody else")
    XCTAssertEqual(driver.state.trials[best].value, 0)
  }

  // MARK: Sampling

  func testTheSpreadShrinksAndARestartWidensIt() throws {
    let space = try Space([.float("x", 0...1), .categorical("c", ["a", "b", "c", "d"])])
    var model = IteratedRacing.Model(space)
    XCTAssertEqual(model.deviation, 0.5)
    XCTAssertEqual(model.shares, [[], [0.25, 0.25, 0.25, 0.25]])
    model.sharpen(race: 2, of: 4, newcomers: 9, dimension: 2, unit: [0.3, 0.625])
    XCTAssertEqual(model.deviation, 0.5 / 3, accuracy: 1e-12)
    // The choice gains (j − 1) / races; no probability is above 0.2^(1/d).
    XCTAssertEqual(model.shares[1][0], 0.1875, accuracy: 1e-12)
    XCTAssertEqual(model.shares[1][2], 0.4375, accuracy: 1e-12)
    model.sharpen(race: 4, of: 4, newcomers: 9, dimension: 2, unit: [0.3, 0.625])
    XCTAssertEqual(model.shares[1][2], 0.2.squareRoot(), accuracy: 1e-12)
    let wider = model.widened(newcomers: 9, dimension: 2)
    XCTAssertEqual(wider.deviation, 0.5 / 3, accuracy: 1e-12)
    XCTAssertGreaterThan(wider.shares[1][0], model.shares[1][0])
  }

  func testBetterElitesHaveMoreChildren() {
    var counts = [0, 0, 0]
    var stream = RandomStream(seed: 1, purpose: stableHash("elites"), index: 0)
    for _ in 0..<6000 { counts[IteratedRacing.rank(stream.uniform(), of: 3)] += 1 }
    for (count, share) in zip(counts, [3.0 / 6, 2.0 / 6, 1.0 / 6]) {
      XCTAssertEqual(Double(count) / 6000, share, accuracy: 0.02)
    }
    XCTAssertEqual(IteratedRacing.rank(0.999999999, of: 5), 4)
  }

  func testChildrenLieAboutTheirParentAndWithinTheRange() throws {
    let space = try Space([.float("x", 0...1), .boolean("b")])
    var model = IteratedRacing.Model(space)
    model.deviation = 0.05
    model.shares[1] = [0.1, 0.4]
    var stream = RandomStream(seed: 1, purpose: stableHash("children"), index: 0)
    let children = (0..<4000).map { _ in model.child(of: [0.02, 0.75], &stream) }
    XCTAssertTrue(children.allSatisfy { (0...1).contains($0[0]) })
    XCTAssertEqual(Double(children.count { $0[1] == 0.75 }) / 4000, 0.8, accuracy: 0.03)
    // The mean of a normal about 0.02 with deviation 0.05, truncated at 0: μ + σ φ(0.4) / Φ(0.4).
    XCTAssertEqual(children.reduce(0) { $0 + $1[0] } / 4000, 0.02 + 0.05 * 0.368270 / 0.655422, accuracy: 0.003)
  }

  func testIteratedRacingIsRefusedWithoutRaces() throws {
    let spec = MethodSpaces.spec(
      try Space([.float("x", 0...1)]), sampler: PartSpec("irace"), scheduler: PartSpec("racing"),
      fidelity: Fidelity(name: "fold", maximum: 10, countsReplicates: true))
    XCTAssertEqual(Catalogue.check(spec).map(\.hint), ["use scheduler: f-race with it"])
    let epochs = MethodSpaces.spec(
      try Space([.float("x", 0...1)]), scheduler: PartSpec("f-race"), fidelity: Fidelity(name: "epoch", maximum: 10))
    XCTAssertEqual(Catalogue.check(epochs).map(\.message), ["f-race compares folds or seeds, and epoch counts none"])
  }

  /// The true mean of the configuration that a study holds to be the best after so many folds in all.
  private func found(_ driver: StudyDriver, evaluations: Double, seed: UInt64) throws -> Double {
    var driver = driver
    func mean(_ trial: TrialNumber) -> Double {
      let (x, y) = (driver.state.history.units[0][trial], driver.state.history.units[1][trial])
      return (x - 0.7) * (x - 0.7) + (y - 0.2) * (y - 0.2)
    }
    while driver.state.totalResource < evaluations, let trial = try driver.start() {
      let value = mean(trial)
      try run(&driver, trial) { fold in
        // Some folds are harder than others, and every evaluation is noisy.
        var stream = RandomStream(seed: seed, purpose: UInt64(fold), index: UInt64(trial))
        return value + 0.5 * Double(fold % 4) + 0.07 * stream.normal()
      }
    }
    return mean(try XCTUnwrap(driver.state.incumbent))
  }

  func testIteratedRacingFindsABetterMeanThanRandomSearchWithAllFolds() throws {
    var (own, random, wins) = (0.0, 0.0, 0)
    for seed in 1...12 as ClosedRange<UInt64> {
      let race = try found(
        driver(["evaluations": .integer(800)], sampler: "irace", folds: 20, trials: 500, seed: seed), evaluations: 800,
        seed: seed)
      let spec = MethodSpaces.spec(
        try Space([.float("x", 0...1), .float("y", 0...1)]),
        fidelity: Fidelity(name: "fold", maximum: 20, countsReplicates: true), trials: 500, seed: seed)
      let all = try found(StudyDriver(spec) { try Catalogue.makeMethod($0) }, evaluations: 800, seed: seed)
      own += race / 12
      random += all / 12
      if race < all { wins += 1 }
    }
    XCTAssertLessThan(own, 0.6 * random, "\(own), \(random)")
    XCTAssertGreaterThanOrEqual(wins, 9)
  }
}
