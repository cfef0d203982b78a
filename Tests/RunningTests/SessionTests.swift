import Foundation
import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies
import XCTest

@testable import TrimtabRunning

/// What a worker's verbs record, and what several sessions on one study see of each other.
final class SessionTests: XCTestCase {
  private var folder = ""

  override func setUpWithError() throws {
    folder = NSTemporaryDirectory() + "trimtab-session-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  override func tearDownWithError() throws { try FileManager.default.removeItem(atPath: folder) }

  private func spec(
    trials: Int? = 10, fidelity: Fidelity? = nil, retries: Retries = Retries()
  ) throws -> StudySpec {
    StudySpec(
      name: "s", space: try Space([try .float("x", 0...1), try .integer("k", 1...100, scale: .log)]),
      objectives: [Objective(metric: "loss")], fidelity: fidelity,
      method: MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full")), budget: Budget(trials: trials),
      retries: retries, seed: 3)
  }

  private func log(_ spec: StudySpec, durability: Durability = .relaxed) throws -> SQLiteLog {
    let store = try SQLiteStore(path: folder + "/s.trimtab", access: .createOrOpen, durability: durability)
    return try store.createOrOpenStudy(spec.name, firstFrame: Session.firstFrame(spec, at: 0)).log
  }

  private func session(_ log: any StudyLog, worker: WorkerID = 1, clock: TestClock = TestClock()) throws -> Session {
    try Session(log: log, worker: worker, clock: { clock.now }, makeMethod: { _ in drawingMethod() })
  }

  func testAnAskAndAResultAreOneTransactionEachAndFewBytes() throws {
    let log = try log(try spec(trials: 100))
    let session = try session(log)
    for _ in 0..<100 {
      guard case .run(let run) = try session.ask() else { return XCTFail("a trial to run") }
      try session.complete(run.trial, [MetricValue("loss", 0.25 + Double(run.trial))], seconds: 1.5)
    }
    XCTAssertEqual(log.commitCount, 200)
    // A frame each for the proposal with its start, and the report with the completion.
    XCTAssertLessThanOrEqual(log.appendedBytes, 100 * (55 + 35))
  }

  func testAReportIsOneTransactionAndSeveralTogetherAreOneToo() throws {
    let log = try log(try spec(fidelity: Fidelity(name: "epoch", maximum: 9)))
    let session = try session(log)
    guard case .run(let run) = try session.ask() else { return XCTFail("a trial to run") }
    let before = (log.commitCount, log.appendedBytes)
    _ = try session.report(run.trial, resource: 1, [MetricValue("loss", 0.5)])
    XCTAssertEqual(log.commitCount, before.0 + 1)
    XCTAssertLessThanOrEqual(log.appendedBytes - before.1, 30)
    _ = try session.report(run.trial, [(2, [MetricValue("loss", 0.4)]), (3, [MetricValue("loss", 0.3)])])
    XCTAssertEqual(log.commitCount, before.0 + 2)
    // What was reported before costs nothing and changes nothing.
    _ = try session.report(run.trial, resource: 2, [MetricValue("loss", 99)])
    XCTAssertEqual(log.commitCount, before.0 + 2)
    XCTAssertEqual(session.state.curves[run.trial]?.values, [0.5, 0.4, 0.3])
  }

  func testTheBudgetBelongsToTheStudyWhoeverAsks() throws {
    let spec = try spec(trials: 7)
    let sessions = try (1...3).map { try session(try log(spec), worker: WorkerID($0)) }
    var seen: Set<TrialNumber> = []
    var turn = 0
    while true {
      let session = sessions[turn % 3]
      turn += 1
      let answer = try session.ask()
      if case .finished = answer { break }
      guard case .run(let run) = answer else { return XCTFail("run or finished") }
      XCTAssertTrue(seen.insert(run.trial).inserted)
      try session.complete(run.trial, [MetricValue("loss", 1)], seconds: 0)
    }
    XCTAssertEqual(seen, Set(0..<7))
    for session in sessions {
      try session.catchUp()
      XCTAssertEqual(session.state.count(.completed), 7)
    }
  }

  func testATrialOfADeadWorkerGoesToTheNextAndItsOldRunIsRefused() throws {
    let spec = try spec(fidelity: Fidelity(name: "epoch", maximum: 9))
    let survivor = try session(try log(spec), worker: 2)
    let first: TrialRun
    do {
      let doomed = try session(try log(spec), worker: 1)
      guard case .run(let run) = try doomed.ask() else { return XCTFail("a trial to run") }
      _ = try doomed.report(run.trial, resource: 1, [MetricValue("loss", 0.5)])
      first = run
      // While its worker lives, nobody else gets the trial.
      guard case .run(let other) = try survivor.ask() else { return XCTFail("a trial to run") }
      XCTAssertNotEqual(other.trial, run.trial)
    }
    // The worker's log is closed with its session, as it is when its process dies.
    guard case .run(let again) = try survivor.ask() else { return XCTFail("the lost trial") }
    XCTAssertEqual(again.trial, first.trial)
    XCTAssertEqual(again.configuration, first.configuration)
    XCTAssertEqual(again.seed, first.seed)
    XCTAssertEqual(again.attempt, 2)
    XCTAssertEqual(again.reached, 1)
    let late = try session(try log(spec), worker: 1)
    XCTAssertThrowsError(try late.report(first.trial, resource: 2, [MetricValue("loss", 0.4)])) {
      XCTAssertEqual(($0 as? SessionError)?.kind, .notRunning)
    }
  }

  func testATrialThatKillsEveryWorkerIsGivenUp() throws {
    let spec = try spec(trials: 1, retries: Retries(lost: 2))
    for attempt in 1...3 {
      let doomed = try session(try log(spec), worker: WorkerID(attempt))
      guard case .run(let run) = try doomed.ask() else { return XCTFail("attempt \(attempt)") }
      XCTAssertEqual(run.attempt, attempt)
    }
    let last = try session(try log(spec), worker: 9)
    guard case .finished = try last.ask() else { return XCTFail("nothing is left") }
    XCTAssertEqual(last.state.trials[0].state, .failed)
    XCTAssertEqual(last.state.trials[0].failure, .lost)
  }

  func testAFailedTrialWaitsForItsBackOffEvenIfTheClockGoesBack() throws {
    let clock = TestClock()
    clock.now = 1_000_000
    let session = try session(
      try log(try spec(trials: 1, retries: Retries(failed: 2, backoff: 10))), clock: clock)
    guard case .run(let run) = try session.ask() else { return XCTFail("a trial to run") }
    try session.fail(run.trial, .crash, message: "status 1", seconds: 1)
    XCTAssertEqual(try session.ask(), .wait)
    clock.now += 10_000
    guard case .run(let again) = try session.ask() else { return XCTFail("the back-off is over") }
    XCTAssertEqual(again.attempt, 2)
    try session.fail(run.trial, .crash, message: "status 1", seconds: 1)
    XCTAssertEqual(try session.ask(), .wait)
    clock.now -= 500_000
    guard case .run = try session.ask() else { return XCTFail("a clock that went back must not block the trial") }
  }

  func testAnInvalidObjectiveFailsTheTrialAndTheStudyGoesOn() throws {
    let session = try session(try log(try spec(trials: 4)))
    for value in [Double.nan, .infinity, 0.5, -.infinity] {
      guard case .run(let run) = try session.ask() else { return XCTFail("a trial to run") }
      let state = try session.complete(run.trial, [MetricValue("loss", value)], seconds: 0)
      XCTAssertEqual(state, value.isFinite ? .completed : .failed)
    }
    guard case .finished = try session.ask() else { return XCTFail("nothing is left") }
    XCTAssertEqual(session.state.incumbent, 2)
    XCTAssertEqual(session.state.count(.invalidValue), 3)
  }

  func testAnAmendedBudgetAndSpaceHoldForEverySessionAtOnce() throws {
    let spec = try spec(trials: 1)
    let one = try session(try log(spec), worker: 1)
    let two = try session(try log(spec), worker: 2)
    guard case .run(let run) = try one.ask() else { return XCTFail("a trial to run") }
    try one.complete(run.trial, [MetricValue("loss", 1)], seconds: 0)
    guard case .finished = try two.ask() else { return XCTFail("the budget is spent") }
    try two.amend { old in
      var new = old
      new.budget.trials = 2
      new.space = try old.space.appending(.boolean("flag"))
      return new
    }
    guard case .run(let second) = try one.ask() else { return XCTFail("the budget was raised") }
    XCTAssertEqual(second.configuration.slots.count, 3)
    // What was observed before has no value for the new parameter.
    XCTAssertNil(one.state.spec.space.value(of: 2, in: one.state.history.configuration(0)))
  }

  func testWhatWaitsForTheFullResourceIsToldARaisedMaximum() throws {
    let session = try session(try log(try spec(fidelity: Fidelity(name: "epoch", maximum: 9))))
    let configuration = try session.state.spec.space.sample(seed: 1, index: 1)
    XCTAssertEqual(try session.enqueue(configuration), 0)
    XCTAssertEqual(try session.enqueue(configuration, resource: 3), 1)
    try session.amend {
      var spec = $0
      spec.fidelity?.maximum = 27
      return spec
    }
    for target in [27.0, 3] {
      guard case .run(let run) = try session.ask() else { return XCTFail("a trial to run") }
      XCTAssertEqual(run.target, target)
      XCTAssertEqual(session.state.trials[run.trial].target, target)
    }
  }

  func testALoweredMaximumHoldsForWhatWasGivenBackOrIsFrozen() throws {
    let session = try session(try log(try spec(fidelity: Fidelity(name: "epoch", maximum: 9, pause: .freeze))))
    for reached in [5.0, 2, 4] {
      guard case .run(let run) = try session.ask() else { return XCTFail("a trial to run") }
      _ = try session.report(run.trial, resource: reached, [MetricValue("loss", 0.5)])
      if reached == 4 { try session.pause(run.trial, isFrozen: true, seconds: 1) }
    }
    for trial in 0..<2 { try session.release(trial, seconds: 1) }
    try session.amend {
      var spec = $0
      spec.fidelity?.maximum = 3
      return spec
    }
    guard case .run(let run) = try session.ask() else { return XCTFail("a trial to run") }
    XCTAssertEqual(session.state.trials[0].state, .completed, "it has more than the maximum already")
    XCTAssertEqual(session.state.trials[0].completedLevel, 5)
    XCTAssertEqual(run.trial, 1)
    XCTAssertEqual(run.target, 3)
    XCTAssertEqual(session.state.trials[2].state, .paused)
    try session.recordFrozenEnded()
    XCTAssertEqual(session.state.trials[2].state, .completed)
    XCTAssertEqual(session.state.invariantViolations(), [])
  }

  func testAnAmendmentThatMayNotFollowChangesNothing() throws {
    let session = try session(try log(try spec()))
    let before = session.state.eventCount
    XCTAssertThrowsError(
      try session.amend { old in
        var new = old
        new.objectives = [Objective(metric: "accuracy", goal: .maximize)]
        return new
      })
    try session.catchUp()
    XCTAssertEqual(session.state.eventCount, before)
    guard case .run = try session.ask() else { return XCTFail("the study goes on") }
  }

  func testAChangedMethodHasSeenTheWholeLog() throws {
    let spec = try spec(trials: nil)
    let log = try log(spec)
    let session = try Session(
      log: log, worker: 1, clock: { 0 },
      makeMethod: { spec in
        Method(
          scheduler: RunsToTheEnd(), sampler: CountingSampler(offset: spec.method.sampler.name == "random" ? 0 : 50))
      })
    for _ in 0..<3 {
      guard case .run(let run) = try session.ask() else { return XCTFail("a trial to run") }
      try session.complete(run.trial, [MetricValue("loss", 1)], seconds: 0)
    }
    try session.amend { old in
      var new = old
      new.method.sampler = PartSpec("sobol")
      return new
    }
    guard case .run(let run) = try session.ask() else { return XCTFail("a trial to run") }
    // The new sampler counted the three trials that the old one proposed.
    XCTAssertEqual(run.configuration.slots[1], 53)
  }

  func testAMethodThatDidNotSuitTheStudyAtFirstCanTakeItOver() throws {
    let log = try log(try spec(trials: nil))
    // It refuses studies without a budget of trials, as the first specification has none.
    let makeMethod: @Sendable (StudySpec) throws -> TrimtabStudies.Method = { spec in
      if spec.method.sampler.name == "sobol", spec.budget.trials == nil { throw EventError("no budget") }
      return drawingMethod()
    }
    let session = try Session(log: log, worker: 1, clock: { 0 }, makeMethod: makeMethod)
    try session.amend { old in
      var new = old
      new.method.sampler = PartSpec("sobol")
      new.budget.trials = 10
      return new
    }
    guard case .run = try session.ask() else { return XCTFail("a trial to run") }
    let other = try Session(log: log, worker: 2, clock: { 0 }, makeMethod: makeMethod)
    guard case .run = try other.ask() else { return XCTFail("a trial to run") }
  }

  func testEnqueuedConfigurationsComeFirstInTheirOrder() throws {
    let session = try session(try log(try spec()))
    let space = session.state.spec.space
    for k in [5, 7] { _ = try session.enqueue(try space.configuration([("k", .integer(k))])) }
    for k in [5.0, 7] {
      guard case .run(let run) = try session.ask() else { return XCTFail("a trial to run") }
      XCTAssertEqual(run.configuration.slots[1], k)
    }
  }
}

/// A clock that the test moves.
final class TestClock: @unchecked Sendable {
  var now: Timestamp = 1_000
}

func drawingMethod() -> TrimtabStudies.Method {
  Method(scheduler: RunsToTheEnd(), sampler: DrawingSampler())
}

private struct RunsToTheEnd: Scheduler {
  mutating func absorb(_ event: Event, state: StudyState) {}

  func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    .new(target: state.spec.fidelity?.maximum, Annotation())
  }

  func verdict(on trial: TrialNumber, state: StudyState) -> Verdict { .proceed }
}

struct DrawingSampler: Sampler {
  mutating func absorb(_ event: Event, state: StudyState) {}

  mutating func sample(trial: TrialNumber, target: Double?, state: StudyState) throws(SpaceError) -> Sample {
    .configuration(try state.spec.space.sample(seed: 1, index: UInt64(trial)), Annotation(origin: .design))
  }
}

/// Proposes how many trials it has seen proposed.
private struct CountingSampler: Sampler {
  let offset: Int
  private var seen = 0

  init(offset: Int) { self.offset = offset }

  mutating func absorb(_ event: Event, state: StudyState) {
    if case .trialProposed = event.body { seen += 1 }
  }

  mutating func sample(trial: TrialNumber, target: Double?, state: StudyState) throws(SpaceError) -> Sample {
    .configuration(try state.spec.space.configuration([("k", .integer(max(1, offset + seen)))]), Annotation())
  }
}
