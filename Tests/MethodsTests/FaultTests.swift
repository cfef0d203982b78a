import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

/// A study of four workers whose trials report in odd ways, or die.
private struct FaultyStudy {
  var driver: StudyDriver
  /// The epochs that a run from one resource to a target reports, in order.
  var epochs: (_ trial: TrialNumber, _ from: Double, _ target: Double) -> [Double] = { _, from, target in
    Array(stride(from: from + 1, through: target, by: 1))
  }
  /// Whether the report of an epoch has the objective.
  var hasObjective: (Double) -> Bool = { _ in true }
  /// Whether a run dies before its first report.
  var dies: (_ trial: TrialNumber, _ target: Double) -> Bool = { _, _ in false }
  /// Whether a program goes on beyond its target until it is told to pause.
  var goesOn = false
  /// Added to what a run reports that begins again.
  var drift = 0.0
  /// Called before each proposal.
  var interfere: (inout StudyDriver) throws -> Void = { _ in }
  private(set) var runs: [String] = []
  private var promotions: Set<String> = []

  private struct Run {
    var trial: TrialNumber
    var epochs: [Double]
    var isFirst: Bool
  }

  init(_ spec: StudySpec) throws { driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) } }

  private func loss(_ trial: TrialNumber, _ epoch: Double) -> Double {
    let (x, y) = (driver.state.history.units[0][trial], driver.state.history.units[1][trial])
    return (x - 0.7) * (x - 0.7) + (y - 0.2) * (y - 0.2) + 0.3 / epoch
  }

  /// Runs the study until nobody has anything to do.
  mutating func run(file: StaticString = #filePath, line: UInt = #line) throws {
    var workers = [Run?](repeating: nil, count: 4)
    for step in 0..<100_000 {
      try interfere(&driver)
      let worker = step % workers.count
      if var run = workers[worker] {
        workers[worker] = try advance(&run) ? run : nil
        continue
      }
      if let trial = try driver.start() {
        let record = driver.state.trials[trial]
        runs.append("\(trial) to \(record.target)")
        if record.runs > 1, record.failures == 0 {
          XCTAssertTrue(promotions.insert("\(trial) \(record.target)").inserted, "sent twice", file: file, line: line)
          XCTAssertLessThan(record.resource, record.target, file: file, line: line)
        }
        if dies(trial, record.target) {
          try driver.append(.trialFailed(trial, .rejected, message: "", seconds: 1))
        } else {
          let list = epochs(trial, record.resource, record.target)
          workers[worker] = Run(trial: trial, epochs: list, isFirst: record.runs == 1)
        }
      } else if workers.allSatisfy({ $0 == nil }) {
        break
      }
      XCTAssertLessThan(step, 99_999, "the study does not end", file: file, line: line)
    }
    let state = driver.state
    XCTAssertEqual(state.trials.count, state.spec.budget.trials, "the budget is not used", file: file, line: line)
    XCTAssertTrue(state.running.isEmpty && state.queue.isEmpty, file: file, line: line)
    var replica = try driver.replayed { try Catalogue.makeMethod($0) }
    var method = driver.method
    XCTAssertEqual(
      try replica.propose(state: state, mayStartNew: true, canResume: { _ in true }),
      try method.propose(state: state, mayStartNew: true, canResume: { _ in true }), file: file, line: line)
  }

  /// The next report of a run; false when it is over.
  private mutating func advance(_ run: inout Run) throws -> Bool {
    let trial = run.trial
    let maximum = driver.state.spec.fidelity?.maximum ?? 0
    guard !run.epochs.isEmpty else {
      let record = driver.state.trials[trial]
      if goesOn, record.resource < maximum {
        run.epochs = [record.resource + 1]
        return true
      }
      try end(trial, maximum)
      return false
    }
    let epoch = run.epochs.removeFirst()
    let isKnown = epoch <= driver.state.trials[trial].resource
    let value = loss(trial, epoch) + (isKnown ? drift : 0)
    let metric = hasObjective(epoch) ? MetricValue("loss", value) : MetricValue("other", epoch)
    // A session refuses a fold that is out of order.
    let known = driver.state.curves[trial]?.replicates.count ?? 0
    if driver.state.replicateProblem(epoch, [metric], after: known) != nil { return true }
    try driver.append(.reported(trial, resource: epoch, [metric]))
    if epoch >= maximum {
      try end(trial, maximum)
      return false
    }
    switch driver.method.verdict(on: trial, state: driver.state) {
    case .proceed: return true
    case .pause:
      // A run that begins again is not told to pause before it is where it was.
      guard run.epochs.isEmpty || epoch >= driver.state.trials[trial].target else { return true }
      try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    case .stop: try driver.append(.trialStopped(trial, .method, seconds: 1))
    }
    return false
  }

  /// What a session records of a run that ends by itself.
  private mutating func end(_ trial: TrialNumber, _ maximum: Double) throws {
    let record = driver.state.trials[trial]
    if !record.hasReportedObjective {
      try driver.append(.trialFailed(trial, .invalidValue, message: "never reported", seconds: 1))
    } else if record.resource >= record.target, record.resource < maximum {
      try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    } else {
      try driver.append(.trialCompleted(trial, seconds: 1))
    }
  }
}

/// What goes wrong on real machines must not make any method of early stopping wait for ever, promote twice or forget.
final class FaultTests: XCTestCase {
  private struct Case {
    var name: String
    var sampler: PartSpec
    var scheduler: PartSpec
    /// Whether what it does depends on results alone, and not on when they came.
    var isPlain = true
    var trials = 40
    /// Whether what it counts are folds.
    var countsReplicates = false
  }

  private static var cases: [Case] {
    let small: [String: Choice] = ["steps": .integer(3)]
    let light = small.merging(
      ["networks": .integer(2), "width": .integer(8), "training": .integer(20), "candidates": .integer(16)]) { a, _ in a
      }
    let few = small.merging(["particles": .integer(24), "moves": .integer(2), "candidates": .integer(16)]) { a, _ in a }
    let quick: [String: Choice] = ["candidates": .integer(16)]
    let early = quick.merging(["startup": .integer(6)]) { a, _ in a }
    return [
      Case(name: "asha", sampler: PartSpec("random"), scheduler: PartSpec("asha")),
      Case(
        name: "asha by stopping", sampler: PartSpec("random"),
        scheduler: PartSpec("asha", options: ["variant": .text("stopping")])),
      Case(name: "pasha", sampler: PartSpec("random"), scheduler: PartSpec("pasha"), isPlain: false),
      Case(name: "hyperband", sampler: PartSpec("random"), scheduler: PartSpec("hyperband")),
      Case(name: "dehb", sampler: PartSpec("dehb"), scheduler: PartSpec("dehb-brackets")),
      Case(
        name: "mobster", sampler: PartSpec("mobster", options: early), scheduler: PartSpec("asha"), trials: 20),
      Case(
        name: "hyper-tune",
        sampler: PartSpec("mobster", options: early.merging(["level": .text("ensemble")]) { a, _ in a }),
        scheduler: PartSpec("asha", options: ["brackets": .integer(2), "choice": .text("learned")]), trials: 20),
      Case(
        name: "freeze-thaw", sampler: PartSpec("freeze-thaw"), scheduler: PartSpec("freeze-thaw", options: small),
        isPlain: false, trials: 12),
      Case(
        name: "dpl", sampler: PartSpec("dpl"), scheduler: PartSpec("dpl", options: light), isPlain: false, trials: 12),
      Case(
        name: "ifbo", sampler: PartSpec("ifbo"), scheduler: PartSpec("ifbo", options: few), isPlain: false, trials: 12),
      Case(
        name: "fms", sampler: PartSpec("fms"),
        scheduler: PartSpec("fms", options: small.merging(["candidates": .integer(16)]) { a, _ in a }), isPlain: false,
        trials: 12),
      Case(
        name: "f-race", sampler: PartSpec("random"),
        scheduler: PartSpec("f-race", options: ["size": .integer(7), "startup": .integer(3)]), isPlain: false,
        countsReplicates: true),
      Case(
        name: "irace", sampler: PartSpec("irace"), scheduler: PartSpec("f-race"), isPlain: false,
        countsReplicates: true),
    ]
  }

  private func study(_ test: Case, maximum: Double = 9) throws -> FaultyStudy {
    try FaultyStudy(
      MethodSpaces.spec(
        Space([.float("x", 0...1), .float("y", 0...1)]), sampler: test.sampler, scheduler: test.scheduler,
        fidelity: Fidelity(name: "epoch", maximum: maximum, countsReplicates: test.countsReplicates),
        trials: test.trials
      ))
  }

  private func completed(_ study: FaultyStudy) -> Int { study.driver.state.count(.completed) }

  func testATrialWhoseCheckpointIsGoneBeginsAgainAndKeepsWhatIsOnRecord() throws {
    for test in Self.cases {
      var usual = try study(test)
      // With as many reports at the same moments, so that only the values differ.
      usual.epochs = { _, _, target in Array(stride(from: 1, through: target, by: 1)) }
      try usual.run()
      var gone = try study(test)
      gone.epochs = usual.epochs
      gone.drift = 5
      try gone.run()
      XCTAssertEqual(gone.runs, usual.runs, test.name)
      for (trial, curve) in gone.driver.state.curves {
        XCTAssertTrue(curve.values.allSatisfy { $0 < 2 }, "\(test.name), trial \(trial)")
      }
      XCTAssertGreaterThan(completed(gone), 0, test.name)
    }
  }

  func testReportsOutOfOrderTwiceAndBeyondTheTargetHarmNothing() throws {
    for test in Self.cases {
      var odd = try study(test)
      odd.epochs = { trial, from, target in
        var list = Array(stride(from: from + 1, through: target, by: 1))
        switch trial % 4 {
        case 1: list = list.dropLast().reversed() + list.suffix(1)
        case 2: list = list.flatMap { [$0, $0] }
        case 3: list[list.count - 1] += 1
        default: break
        }
        return list
      }
      try odd.run()
      XCTAssertGreaterThan(completed(odd), 0, test.name)
      for (trial, curve) in odd.driver.state.curves {
        XCTAssertEqual(curve.resources, Set(curve.resources).sorted(), "\(test.name), trial \(trial)")
      }
    }
  }

  func testARunThatReportsOutOfOrderIsJudgedAsOneInOrder() throws {
    // What a run reports at its target counts, in whatever order the reports before that arrive.
    for test in Self.cases where test.isPlain && test.scheduler.options["variant"] == nil && test.name != "hyper-tune" {
      var usual = try study(test)
      try usual.run()
      var late = try study(test)
      late.epochs = { _, from, target in
        let list = Array(stride(from: from + 1, through: target, by: 1))
        return list.dropLast().reversed() + list.suffix(1)
      }
      try late.run()
      XCTAssertEqual(late.runs, usual.runs, test.name)
    }
  }

  func testNobodyWaitsForTheDead() throws {
    for test in Self.cases {
      // Every third at its beginning, and each fifth of those that go on.
      var deadly = try study(test)
      deadly.dies = { trial, target in target < 2 ? trial % 3 == 2 : trial % 5 == 0 }
      try deadly.run()
      XCTAssertGreaterThan(deadly.driver.state.count(.failed), 0, test.name)
      // All of the first ten, so that whole rungs die.
      var worse = try study(test)
      worse.dies = { trial, _ in trial < 10 }
      try worse.run()
      XCTAssertEqual(worse.driver.state.count(.failed), 10, test.name)
      XCTAssertGreaterThan(worse.driver.state.curves.count, 0, test.name)
    }
  }

  func testTheMaximumMayBeLoweredInMidStudy() throws {
    for test in Self.cases {
      var lowered = try study(test, maximum: 27)
      let moment = test.trials / 2
      lowered.interfere = { driver in
        guard driver.state.trials.count >= moment, driver.state.spec.fidelity?.maximum == 27 else { return }
        var spec = driver.state.spec
        spec.fidelity?.maximum = 9
        try driver.append(.studyAmended(specification: spec.json.text))
      }
      try lowered.run()
      let state = lowered.driver.state
      XCTAssertEqual(state.spec.fidelity?.maximum, 9, test.name)
      XCTAssertGreaterThan(completed(lowered), 0, test.name)
      for trial in state.trials where trial.state == .paused {
        XCTAssertLessThan(trial.resource, 9, "\(test.name): one with the whole resource is not complete")
      }
    }
  }

  func testAMetricThatAppearsOnlyAtSomeResourcesIsWaitedForWhereProgramsGoOn() throws {
    for test in Self.cases where !test.countsReplicates {
      var seldom = try study(test)
      seldom.hasObjective = { Int($0) % 4 == 0 || $0 == 9 }
      seldom.goesOn = true
      try seldom.run()
      XCTAssertGreaterThan(completed(seldom), 0, test.name)
      XCTAssertEqual(seldom.driver.state.count(.failed), 0, test.name)
      for trial in seldom.driver.state.trials where trial.state == .paused {
        XCTAssertTrue(trial.hasReportedObjective, test.name)
      }
    }
  }

  func testAMetricThatIsMissingAtALevelIsJudgedByWhatWasReportedLast() throws {
    for test in Self.cases where !test.countsReplicates {
      var seldom = try study(test)
      // At 1 and 2, 4, 6, 8 and the end, but not at the level 3.
      seldom.hasObjective = { $0 == 1 || Int($0) % 2 == 0 || $0 == 9 }
      try seldom.run()
      XCTAssertGreaterThan(completed(seldom), 0, test.name)
    }
  }

  func testAMetricThatAppearsOnlyAtTheEndIsRefusedWhereProgramsStopBefore() throws {
    for test in Self.cases where test.scheduler.options["variant"] == nil {
      var absent = try study(test)
      absent.hasObjective = { $0 == 9 }
      try absent.run()
      let state = absent.driver.state
      XCTAssertEqual(
        state.count(.failed) + state.count(.completed), state.trials.count, "\(test.name): something waits")
      XCTAssertGreaterThan(state.count(.failed), 0, test.name)
    }
  }
}
