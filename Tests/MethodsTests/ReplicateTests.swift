import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class ReplicateTests: XCTestCase {
  private func driver(_ scheduler: PartSpec, folds: Double, trials: Int = 20) throws -> StudyDriver {
    let spec = MethodSpaces.spec(
      try Space([.float("x", 0...1)]), scheduler: scheduler,
      fidelity: Fidelity(name: "fold", maximum: folds, countsReplicates: true), trials: trials)
    XCTAssertEqual(Catalogue.check(spec), [])
    return try StudyDriver(spec) { try Catalogue.makeMethod($0) }
  }

  /// Runs a trial until its verdict is not to proceed.
  private func run(_ driver: inout StudyDriver, _ trial: TrialNumber, _ losses: [Double]) throws -> Verdict {
    var verdict = Verdict.proceed
    for fold in Int(driver.state.trials[trial].resource)..<losses.count {
      verdict = try driver.report(trial, resource: Double(fold + 1), losses[fold])
      if verdict != .proceed { break }
    }
    switch verdict {
    case .proceed: try driver.append(.trialCompleted(trial, seconds: 1))
    case .pause: try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    case .stop: try driver.append(.trialStopped(trial, .method, seconds: 1))
    }
    return verdict
  }

  func testATrialsValueIsTheMeanOfItsReplicates() throws {
    var driver = try driver(PartSpec("full"), folds: 3)
    XCTAssertEqual(try driver.start(), 0)
    for (fold, loss) in [3.0, 1, 5].enumerated() { _ = try driver.report(0, resource: Double(fold + 1), loss) }
    XCTAssertEqual(driver.state.trials[0].value, 3)
    XCTAssertEqual(driver.state.curves[0]?.values, [3, 2, 3])
    XCTAssertEqual(driver.state.curves[0]?.replicates, [3, 1, 5])
    XCTAssertEqual(driver.state.invariantViolations(), [])
    // A run that begins again reports what is known already.
    _ = try driver.report(0, resource: 1, 100)
    XCTAssertEqual(driver.state.trials[0].value, 3)
  }

  func testAReplicateThatIsSkippedIsRefused() throws {
    var driver = try driver(PartSpec("full"), folds: 5)
    XCTAssertEqual(try driver.start(), 0)
    _ = try driver.report(0, resource: 1, 1)
    let before = driver.state.fingerprint
    XCTAssertThrowsError(try driver.report(0, resource: 3, 1)) {
      XCTAssertTrue("\($0)".contains("fold 3 is reported where 2 would follow"), "\($0)")
    }
    XCTAssertThrowsError(try driver.report(0, resource: 1.5, 1))
    XCTAssertEqual(driver.state.fingerprint, before)
  }

  func testRacingAndTheTestNeedReplicates() throws {
    for name in ["racing", "wilcoxon"] {
      let spec = MethodSpaces.spec(
        try Space([.float("x", 0...1)]), scheduler: PartSpec(name), fidelity: Fidelity(name: "epoch", maximum: 9))
      XCTAssertTrue("\(Catalogue.check(spec))".contains("add replicates: true"))
    }
  }

  func testSchedulersThatFollowCurvesRefuseReplicates() throws {
    for name in ["median", "extrapolation"] {
      var spec = MethodSpaces.spec(
        try Space([.float("x", 0...1)]), scheduler: PartSpec(name),
        fidelity: Fidelity(name: "fold", maximum: 9, countsReplicates: true))
      XCTAssertTrue("\(Catalogue.check(spec))".contains("use wilcoxon or racing"), name)
      spec.fidelity?.countsReplicates = false
      XCTAssertEqual(Catalogue.check(spec), [], name)
    }
  }

  func testWilcoxonsTestStopsWhatIsWorseOnTheSameFolds() throws {
    var driver = try driver(PartSpec("wilcoxon"), folds: 8)
    // Fold 1 is much harder than the others.
    let best = [9.0, 1, 1.2, 0.8, 1.1, 0.9, 1, 1.3]
    XCTAssertEqual(try driver.start(), 0)
    XCTAssertEqual(try run(&driver, 0, best), .proceed)
    // Better in every fold, though its first value is above the mean of the best.
    XCTAssertEqual(try driver.start(), 1)
    XCTAssertEqual(try run(&driver, 1, best.map { $0 - 0.1 }), .proceed)
    XCTAssertEqual(driver.state.incumbent, 1)
    // Worse in every fold: the probability is 1/2, 1/4, 1/8, and 1/16 < 0.1 at the fourth.
    XCTAssertEqual(try driver.start(), 2)
    XCTAssertEqual(try run(&driver, 2, best.enumerated().map { $1 + 0.01 * Double($0 + 1) }), .stop)
    XCTAssertEqual(driver.state.trials[2].resource, 4)
    // Worse in rank, but better in the mean: it goes on.
    XCTAssertEqual(try driver.start(), 3)
    XCTAssertEqual(try run(&driver, 3, [1.0] + best.dropFirst().map { $0 + 0.05 }), .proceed)
  }

  /// How many of 400 trials, each as good as the best, are stopped.
  func testEqualsAreSeldomStopped() throws {
    var driver = try driver(PartSpec("wilcoxon", options: ["significance": .real(0.02)]), folds: 12, trials: 401)
    var stream = RandomStream(seed: 3, purpose: stableHash("folds"), index: 0)
    func losses() -> [Double] { (0..<12).map { _ in stream.normal() } }
    var first = losses()
    // The best must stay the best, so that all are compared with it.
    first[11] -= 0.001
    XCTAssertEqual(try driver.start(), 0)
    _ = try run(&driver, 0, first.map { _ in 0.0 })
    var stopped = 0
    for _ in 0..<400 {
      guard let trial = try driver.start() else { break }
      if driver.state.incumbent != 0 { break }
      var own = losses()
      // The twelfth makes its mean a little above zero whatever came before.
      own[11] = 0.001 - own.dropLast().reduce(0, +)
      if try run(&driver, trial, own) == .stop { stopped += 1 }
    }
    // Looked at up to eleven times at 2 %: between one look and eleven independent ones.
    XCTAssertLessThan(stopped, 80)
    XCTAssertGreaterThan(stopped, 4)
  }

  /// A challenger sees one fold, then as many as make it twice as many; the incumbent one more for each challenger.
  func testRacingGivesChallengersTwiceAsManyAndTheIncumbentOneMore() throws {
    var driver = try driver(PartSpec("racing"), folds: 8)
    var runs: [String] = []
    let losses: [TrialNumber: Double] = [0: 5, 1: 6, 2: 7, 3: 8, 4: 1]
    for _ in 0..<12 {
      guard let trial = try driver.start() else { break }
      let target = driver.state.trials[trial].target
      runs.append("t\(trial)→\(Int(target))")
      let values = (0..<Int(target)).map { _ in losses[trial] ?? 9 }
      let verdict = try run(&driver, trial, values)
      if verdict == .stop { runs.append("t\(trial) out") }
    }
    XCTAssertEqual(
      runs.prefix(15),
      [
        // The first is the incumbent; the second is worse on the first fold.
        "t0→1", "t1→1", "t1 out", "t0→2", "t2→1", "t2 out", "t0→3", "t3→1", "t3 out", "t0→4",
        // The best sees 1, 2 and then all 4 folds of the incumbent, and takes its place.
        "t4→1", "t4→2", "t4→4", "t4→5", "t5→1",
      ])
    XCTAssertEqual(driver.state.incumbent, 4)
  }

  func testRacingFindsTheBestMeanOfNoisyFoldsWithFewReplicates() throws {
    var (hits, used) = (0, 0.0)
    for seed in 1...40 as ClosedRange<UInt64> {
      var driver = try driver(PartSpec("racing"), folds: 30, trials: 12)
      var stream = RandomStream(seed: seed, purpose: stableHash("racing"), index: 0)
      let best = stream.index(below: 12)
      while let trial = try driver.start() {
        let target = Int(driver.state.trials[trial].target)
        var values = [Double](repeating: 0, count: Int(driver.state.trials[trial].resource))
        while values.count < target { values.append((trial == best ? -1 : 0) + 0.7 * stream.normal()) }
        _ = try run(&driver, trial, values)
      }
      if driver.state.incumbent == best { hits += 1 }
      used += driver.state.totalResource
    }
    // Complete trials would cost 12 · 30 folds each. A challenger that is 1 better with noise 0.7 loses its first fold to
    // the incumbent's with a probability of about 0.16.
    XCTAssertGreaterThan(hits, 22)
    XCTAssertLessThan(used / 40, 0.5 * 360)
  }

  func testATrialThatCanGoOnTakesTheIncumbentsPlaceBeforeOneThatWasStopped() throws {
    var driver = try driver(PartSpec("racing"), folds: 4, trials: 4)
    let losses: [[Double]] = [[5, 5, 5, 5], [6], [4, 4, 4], [3, 6.5]]
    var runs: [String] = []
    while let trial = try driver.start() {
      let target = Int(driver.state.trials[trial].target)
      runs.append("t\(trial)→\(target)")
      if trial == 2, target == 4 {
        try driver.append(.trialFailed(trial, .rejected, message: "", seconds: 1))
      } else {
        _ = try run(&driver, trial, Array(losses[trial].prefix(target)))
      }
    }
    // When trial 2 fails, trial 0 has two folds, and trial 3 a lower mean over two, but it was stopped.
    XCTAssertEqual(driver.state.trials[3].state, .stopped)
    XCTAssertEqual(
      runs, ["t0→1", "t1→1", "t0→2", "t2→1", "t2→2", "t2→3", "t3→1", "t3→2", "t2→4", "t0→3", "t0→4"])
    XCTAssertEqual(driver.state.trials[0].state, .completed)
  }

  func testWhenTheIncumbentFailsTheTrialWithMostReplicatesTakesItsPlace() throws {
    var driver = try driver(PartSpec("racing"), folds: 8)
    for (trial, loss) in [(0, 1.0), (1, 2.0)] {
      XCTAssertEqual(try driver.start(), trial)
      _ = try run(&driver, trial, [loss])
    }
    XCTAssertEqual(try driver.start(), 0)
    try driver.append(.trialFailed(0, .rejected, message: "", seconds: 1))
    // Trial 1 was stopped and cannot go on; the next challenger races against what it has.
    XCTAssertEqual(try driver.start(), 2)
    XCTAssertEqual(try run(&driver, 2, [3]), .stop)
    XCTAssertEqual(try driver.start(), 3)
    XCTAssertEqual(try run(&driver, 3, [1]), .pause)
    XCTAssertEqual(try driver.start(), 3)
    XCTAssertEqual(driver.state.trials[3].target, 2)
  }
}
