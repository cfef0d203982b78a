import Foundation
import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class MOBSTERTests: XCTestCase {
  private func spec(
    _ sampler: PartSpec = PartSpec("mobster"), _ scheduler: PartSpec = PartSpec("asha"), maximum: Double = 27,
    trials: Int = 1000, seed: UInt64 = 1
  ) throws -> StudySpec {
    MethodSpaces.spec(
      try Space([.float("x", 0...1), .float("y", 0...1)]), sampler: sampler, scheduler: scheduler,
      fidelity: Fidelity(name: "epoch", maximum: maximum), trials: trials, seed: seed)
  }

  private func driver(_ spec: StudySpec) throws -> StudyDriver {
    try StudyDriver(spec) { try Catalogue.makeMethod($0) }
  }

  /// Falls with the resource towards a bowl about (0.7, 0.2).
  private static func loss(_ state: StudyState, _ trial: TrialNumber, _ epoch: Double) -> Double {
    let (x, y) = (state.history.units[0][trial], state.history.units[1][trial])
    return (x - 0.7) * (x - 0.7) + (y - 0.2) * (y - 0.2) + 0.5 / (1 + epoch / 3)
  }

  /// Runs one trial to where it pauses or ends.
  private func run(_ driver: inout StudyDriver, everyEpoch: Bool = true) throws -> TrialNumber? {
    guard let trial = try driver.start() else { return nil }
    let target = driver.state.trials[trial].target
    var epoch = driver.state.trials[trial].resource
    var verdict = Verdict.proceed
    while epoch < target, verdict == .proceed {
      epoch = everyEpoch ? epoch + 1 : target
      verdict = try driver.report(trial, resource: epoch, Self.loss(driver.state, trial, epoch))
    }
    switch verdict {
    case .pause: try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    case .stop: try driver.append(.trialStopped(trial, .method, seconds: 1))
    case .proceed: try driver.append(.trialCompleted(trial, seconds: 1))
    }
    return trial
  }

  // MARK: What is learned from

  func testItLearnsFromEveryLevelThatATrialHasReachedAndFromNoOtherReport() throws {
    var driver = try driver(spec(PartSpec("random"), PartSpec("full")))
    var observations: LevelObservations?
    var model = LevelModel(.decay)
    func take(_ driver: StudyDriver) {
      guard let event = driver.events.last else { return }
      LevelObservations.absorb(event, state: driver.state, into: &observations)
      model.absorb(event, state: driver.state)
    }
    let trial = try XCTUnwrap(try driver.start())
    take(driver)
    for epoch in 1...10 {
      _ = try driver.report(trial, resource: Double(epoch), 1 / Double(epoch))
      take(driver)
    }
    let rows = try XCTUnwrap(observations).rows
    XCTAssertEqual(rows.map(\.level), [0, 1, 2])
    XCTAssertEqual(rows.map(\.loss), [1, 1.0 / 3, 1.0 / 9])
    XCTAssertEqual(observations?.points.choices.last, [0, 1, 2])
    // A run that begins again adds nothing.
    _ = try driver.report(trial, resource: 3, 5)
    take(driver)
    XCTAssertEqual(observations?.rows.count, 3)
    // What it reported stays when it fails.
    try driver.append(.trialFailed(trial, .crash, message: "", seconds: 1))
    take(driver)
    XCTAssertEqual(observations?.rows.count, 3)
    XCTAssertEqual(model.observations?.trialCount, 1)
  }

  func testAJumpOverLevelsCountsAtTheLastOfThem() throws {
    var driver = try driver(spec(PartSpec("random"), PartSpec("full")))
    let trial = try XCTUnwrap(try driver.start())
    _ = try driver.report(trial, resource: 10, 0.5)
    let observations = LevelObservations(driver.state)
    XCTAssertEqual(observations.rows.map(\.level), [2])
  }

  func testWhatRunsIsPendingAtTheLevelThatItReachesNext() throws {
    var driver = try driver(spec(PartSpec("random"), PartSpec("asha", options: ["variant": .text("stopping")])))
    let first = try XCTUnwrap(try driver.start())
    _ = try XCTUnwrap(try driver.start(worker: 2))
    for epoch in 1...3 { _ = try driver.report(first, resource: Double(epoch), 0.1) }
    let observations = LevelObservations(driver.state)
    XCTAssertEqual(observations.pending(driver.state).choices.last, [2, 0])
    try driver.append(.trialFailed(first, .crash, message: "", seconds: 1))
    XCTAssertEqual(observations.pending(driver.state).count, 1)
  }

  func testLevelsAreThoseOfTheScheduler() throws {
    XCTAssertEqual(LevelObservations.levels(try spec()), [1, 3, 9, 27])
    let two = PartSpec("asha", options: ["eta": .integer(2)])
    XCTAssertEqual(LevelObservations.levels(try spec(PartSpec("mobster"), two, maximum: 8)), [1, 2, 4, 8])
    // Hyperband's levels are counted from the maximum.
    XCTAssertEqual(
      LevelObservations.levels(try spec(PartSpec("mobster"), PartSpec("hyperband"), maximum: 10)), [1, 3, 10])
    XCTAssertEqual(LevelObservations.levels(try spec(PartSpec("mobster"), PartSpec("full"))), [1, 3, 9, 27])
  }

  func testImprovementIsSoughtAtTheGreatestLevelOfWhichEnoughIsKnown() throws {
    var driver = try driver(spec(PartSpec("random")))
    var last = -1
    for _ in 0..<60 {
      _ = try run(&driver)
      let observations = LevelObservations(driver.state)
      let counts = (0..<4).map { level in observations.rows.count { $0.level == level } }
      let level = observations.level(withAtLeast: 3)
      XCTAssertEqual(level, counts.lastIndex { $0 >= 3 } ?? 0)
      XCTAssertGreaterThanOrEqual(level, last)
      last = level
    }
    XCTAssertGreaterThanOrEqual(last, 2)
  }

  // MARK: Judging the model

  /// Runs trials beside a model, which is asked each time or only at the end.
  private func concordance(
    _ sampler: PartSpec, trials: Int, asksEachTime: Bool = false, _ loss: (StudyState, TrialNumber) -> Double
  ) throws -> Double? {
    var driver = try driver(spec(sampler))
    var model = LevelModel(.decay)
    var seen = 0
    func take(_ driver: StudyDriver) {
      for event in driver.events[seen...] { model.absorb(event, state: driver.state) }
      seen = driver.events.count
    }
    take(driver)
    for _ in 0..<trials {
      guard let trial = try driver.start() else { break }
      take(driver)
      let verdict = try driver.report(trial, resource: driver.state.trials[trial].target, loss(driver.state, trial))
      take(driver)
      try driver.append(
        verdict == .pause ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
      take(driver)
      if asksEachTime { _ = model.concordance(driver.state) }
    }
    return model.concordance(driver.state)
  }

  func testAModelOrdersPairsWhereThereIsAnythingToLearn() throws {
    let random = PartSpec("random")
    let smooth = try XCTUnwrap(
      try concordance(random, trials: 60) { Self.loss($0, $1, $0.trials[$1].target) })
    XCTAssertGreaterThan(smooth, 0.9)
    var stream = RandomStream(seed: 4, purpose: 9, index: 0)
    let noise = try XCTUnwrap(try concordance(random, trials: 60) { _, _ in stream.normal() })
    XCTAssertLessThan(noise, 0.65)
    XCTAssertGreaterThan(noise, 0.3)
  }

  func testTheOrderIsKnownOnlyFromTrialsThatNoModelChose() throws {
    XCTAssertNil(try concordance(PartSpec("random"), trials: 12) { Self.loss($0, $1, 1) })
    let part = PartSpec("mobster", options: ["startup": .integer(6), "candidates": .integer(32)])
    XCTAssertNil(try concordance(part, trials: 50) { Self.loss($0, $1, $0.trials[$1].target) })
  }

  func testAModelThatHasJustReadTheLogIsJudgedLikeOneThatWasAskedAllTheTime() throws {
    for trials in [40, 47, 71] {
      let late = try concordance(PartSpec("random"), trials: trials) { Self.loss($0, $1, $0.trials[$1].target) }
      let early = try concordance(PartSpec("random"), trials: trials, asksEachTime: true) {
        Self.loss($0, $1, $0.trials[$1].target)
      }
      XCTAssertNotNil(late)
      XCTAssertEqual(late, early)
    }
  }

  func testConcordanceIsTheShareOfPairsInTheSameOrder() throws {
    XCTAssertEqual(LevelModel.concordance([1, 2, 3], [10, 30, 20]), 2.0 / 3)
    // Equal values say nothing; equal predictions are half right.
    XCTAssertEqual(LevelModel.concordance([1, 1, 3], [10, 30, 30]), 0.75)
    XCTAssertNil(LevelModel.concordance([1, 1], [1, 2]))
  }

  // MARK: Studies

  private func best(_ spec: StudySpec, resource: Double) throws -> Double {
    var driver = try driver(spec)
    while driver.state.totalResource < resource, try run(&driver, everyEpoch: false) != nil {}
    return driver.state.trials.indices.filter { driver.state.trials[$0].hasValue }.map { driver.state.loss($0) }.min()
      ?? .infinity
  }

  func testItFindsWhatASHAWithRandomConfigurationsDoesNot() throws {
    var wins = 0
    for seed in 1...6 as ClosedRange<UInt64> {
      let own = try best(spec(seed: seed), resource: 200)
      if own < (try best(spec(PartSpec("random"), seed: seed), resource: 200)) { wins += 1 }
    }
    XCTAssertGreaterThanOrEqual(wins, 5)
  }

  func testEveryKernelAndLevelGetsProposalsFromTheModelWhateverTheLosses() throws {
    let odd = [1e300, -1e300, 0, .nan, 1e-300, .infinity, 3, 3, 3]
    for kernel in LevelKernel.Form.allCases {
      for level in MOBSTER.LevelRule.allCases {
        let part = PartSpec(
          "mobster",
          options: [
            "kernel": .text(kernel.rawValue), "level": .text(level.rawValue), "candidates": .integer(32),
            "startup": .integer(6),
          ])
        var driver = try driver(spec(part))
        for step in 0..<24 {
          guard let trial = try driver.start() else { break }
          let value = kernel == .decay && level == .known ? odd[step % odd.count] : Double(step % 5)
          let verdict = try driver.report(trial, resource: driver.state.trials[trial].target, value)
          try driver.append(
            verdict == .pause ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
        }
        XCTAssertEqual(driver.state.fallbackCount, 0, "\(kernel.rawValue), \(level.rawValue)")
        XCTAssertTrue(driver.state.trials.contains { $0.origin == .model }, "\(kernel.rawValue), \(level.rawValue)")
      }
    }
  }

  func testAProposalSaysAtWhichLevelItSeeksImprovement() throws {
    var driver = try driver(spec(PartSpec("mobster", options: ["startup": .integer(6)])))
    for _ in 0..<30 { _ = try run(&driver) }
    guard
      case .new(let configuration, _, _) = try driver.method.propose(
        state: driver.state, mayStartNew: true, canResume: { _ in false })
    else { return XCTFail("no new trial") }
    let explanation = driver.method.sampler.explanation(
      of: configuration, trial: driver.state.trials.count, target: nil, state: driver.state)
    let names = explanation.facts.map(\.name)
    XCTAssertTrue(names.contains("improvement sought at") && names.contains("expected loss there"), "\(names)")
  }

  func testItsReportForetellsEachTrialAtTheLevelFromTheOthers() throws {
    var driver = try driver(spec(PartSpec("mobster", options: ["startup": .integer(24)])))
    for _ in 0..<20 { _ = try run(&driver) }
    XCTAssertNil(driver.method.sampler.modelReport(state: driver.state))
    for _ in 0..<60 { _ = try run(&driver) }
    let report = try XCTUnwrap(driver.method.sampler.modelReport(state: driver.state))
    let observations = LevelObservations(driver.state)
    let level = observations.level(withAtLeast: 3)
    let rows = observations.rows.filter { $0.level == level }
    XCTAssertEqual(Set(report.predictions.map(\.trial)), Set(rows.map(\.trial)))
    for prediction in report.predictions {
      XCTAssertEqual(prediction.observed, rows.first { $0.trial == prediction.trial }?.loss)
      XCTAssertEqual(prediction.predicted, prediction.observed, accuracy: 0.2)
      XCTAssertGreaterThan(prediction.deviation, 0)
    }
    XCTAssertTrue(report.facts.map(\.name).contains("share of pairs in order"))
  }

  // MARK: Brackets

  func testBracketsAreWeighedByTrustOverResource() {
    let weights = LevelTrust.weights([0.1, 0.3, 0.6], top: 2, levels: [1, 3, 9], usual: [0.2, 0.3, 0.5])
    for (weight, expected) in zip(weights, [0.375, 0.375, 0.25]) { XCTAssertEqual(weight, expected, accuracy: 1e-12) }
    // What is known has together what it had; the rest stays as it was.
    let part = LevelTrust.weights([0.5, 0.5, 0], top: 1, levels: [1, 3, 9], usual: [0.2, 0.3, 0.5])
    for (weight, expected) in zip(part, [0.375, 0.125, 0.5]) { XCTAssertEqual(weight, expected, accuracy: 1e-12) }
    // A level that is known and not trusted has nothing.
    let wrong = LevelTrust.weights([0.5, 0.5, 0], top: 2, levels: [1, 3, 9], usual: [0.2, 0.3, 0.5])
    for (weight, expected) in zip(wrong, [0.75, 0.25, 0]) { XCTAssertEqual(weight, expected, accuracy: 1e-12) }
    // All trust in a level that has no bracket.
    XCTAssertEqual(LevelTrust.weights([0, 0, 1], top: 2, levels: [1, 3, 9], usual: [0.5, 0.5]), [1, 0])
  }

  /// The share of new trials, after the first fifty, that begin at the lowest level.
  private func lowest(misleads: Bool, choice: String) throws -> Double {
    let part = PartSpec("asha", options: ["brackets": .integer(2), "choice": .text(choice)])
    var low = 0
    var count = 0
    for seed in 1...1 as ClosedRange<UInt64> {
      var driver = try driver(spec(PartSpec("random"), part, maximum: 9, trials: 130, seed: seed))
      while let trial = try driver.start() {
        let target = driver.state.trials[trial].target
        var epoch = driver.state.trials[trial].resource
        if epoch == 0, trial >= 50 {
          count += 1
          if target == 1 { low += 1 }
        }
        var verdict = Verdict.proceed
        while epoch < target, verdict == .proceed {
          epoch += 1
          let x = driver.state.history.units[0][trial]
          verdict = try driver.report(trial, resource: epoch, misleads && epoch < 3 ? sin(50 * x) : x + 1 / epoch)
        }
        try driver.append(
          verdict == .pause ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
      }
    }
    return Double(low) / Double(count)
  }

  func testALevelThatMisleadsIsLeftOutByTheLearnedChoice() throws {
    let usual = try lowest(misleads: true, choice: "capacity")
    XCTAssertEqual(usual, 2.0 / 3, accuracy: 0.12)
    XCTAssertLessThan(try lowest(misleads: true, choice: "learned"), 0.35)
    XCTAssertGreaterThan(try lowest(misleads: false, choice: "learned"), 0.6)
  }

  func testALearnedChoiceNeedsBrackets() throws {
    let part = PartSpec("asha", options: ["choice": .text("learned")])
    let problems = Catalogue.check(try spec(PartSpec("random"), part))
    XCTAssertEqual(problems.map(\.message), ["there is one bracket, so that none can be chosen"])
  }
}
