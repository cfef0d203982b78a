import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies
import XCTest

@testable import TrimtabRunning

/// Which reports count, and that a session knows exactly what the log says.
final class SessionReportTests: XCTestCase {
  private func spec(objectives: Int = 1) throws -> StudySpec {
    StudySpec(
      name: "s", space: try Space([.float("x", 0...1)]),
      objectives: Array([Objective(metric: "loss"), Objective(metric: "acc", goal: .maximize)].prefix(objectives)),
      fidelity: Fidelity(name: "epoch", maximum: 9),
      method: MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full")), seed: 3)
  }

  private func session(on log: any StudyLog, worker: WorkerID = 1) throws -> Session {
    try Session(log: log, worker: worker, clock: { 1000 }, makeMethod: { _ in drawingMethod() })
  }

  private func begin(_ spec: StudySpec) throws -> (session: Session, log: MemoryLog, trial: TrialNumber) {
    let log = MemoryLog()
    try log.append(from: 0) { _, _ in
    } decide: {
      (0, Session.firstFrame(spec, at: 0))
    }
    let session = try session(on: log)
    guard case .run(let run) = try session.ask() else { throw SessionError(.notRunning, "a trial to run") }
    return (session, log, run.trial)
  }

  func testASessionHoldsExactlyWhatTheLogHolds() throws {
    let (session, log, trial) = try begin(spec())
    // A duration that the log rounds.
    try session.complete(trial, resource: 9, [MetricValue("loss", 0.1)], seconds: 1.234567)
    XCTAssertEqual(session.state.trials[trial].seconds, 1.235)
    XCTAssertEqual(try LogFold.state(of: log).differences(from: session.state), [])
  }

  func testMetricsThatComeApartAtOneResourceAreAllRecorded() throws {
    let (session, _, trial) = try begin(spec())
    _ = try session.report(trial, resource: 1, [MetricValue("loss", 0.5)])
    _ = try session.report(trial, resource: 1, [MetricValue("acc", 0.7)])
    XCTAssertEqual(session.state.otherMetrics[trial], [MetricValue("acc", 0.7)])
    let count = session.state.eventCount
    _ = try session.report(trial, resource: 1, [MetricValue("acc", 0.7)])
    XCTAssertEqual(session.state.eventCount, count, "the same again is no news")
    _ = try session.report(trial, [(2, [MetricValue("acc", 0.8)]), (2, [MetricValue("loss", 0.4)])])
    XCTAssertEqual(session.state.curves[trial]?.values, [0.5, 0.4])
    XCTAssertEqual(session.state.otherMetrics[trial], [MetricValue("acc", 0.8)])
  }

  func testASecondObjectiveInTheFinalReportCounts() throws {
    let (session, _, trial) = try begin(spec(objectives: 2))
    _ = try session.report(trial, resource: 9, [MetricValue("loss", 0.5)])
    let end = try session.complete(trial, resource: 9, [MetricValue("loss", 0.5), MetricValue("acc", 0.9)], seconds: 1)
    XCTAssertEqual(end, .completed)
    XCTAssertEqual(session.state.objectiveValues(trial), [0.5, 0.9])
  }

  func testATrialWhoseObjectiveIsNoNumberAtTheEndFailsWhateverIsClaimedLater() throws {
    let (session, _, trial) = try begin(spec())
    _ = try session.report(trial, resource: 9, [MetricValue("loss", .nan)])
    XCTAssertEqual(try session.complete(trial, resource: 9, [MetricValue("loss", 0.1)], seconds: 1), .failed)
  }

  func testATrialThatNeverReportedWhatABoundDemandsFailsAndSaysSo() throws {
    var spec = try spec()
    spec.outcomeConstraints = [OutcomeConstraint(metric: "ms", .atMost, 10)]
    let (session, log, trial) = try begin(spec)
    XCTAssertEqual(try session.complete(trial, resource: 9, [MetricValue("loss", 0.1)], seconds: 1), .failed)
    XCTAssertEqual(session.state.trials[trial].failure, .invalidValue)
    XCTAssertEqual(try LogFold.state(of: log).differences(from: session.state), [])
    // Beyond the bound is no failure, but no solution either.
    let other = try begin(spec)
    let metrics = [MetricValue("loss", 0.1), MetricValue("ms", 11)]
    XCTAssertEqual(try other.session.complete(other.trial, resource: 9, metrics, seconds: 1), .completed)
    XCTAssertNil(other.session.state.incumbent)
  }

  func testATrialThatCameToItsTargetWithoutItsObjectiveFailsInsteadOfPausing() throws {
    let (session, log, trial) = try begin(spec())
    _ = try session.report(trial, resource: 9, [MetricValue("speed", 3)])
    try session.pause(trial, seconds: 1)
    XCTAssertEqual(session.state.trials[trial].state, .failed)
    XCTAssertEqual(session.state.trials[trial].failure, .invalidValue)
    XCTAssertEqual(try LogFold.state(of: log).differences(from: session.state), [])
    // One that pauses on its way, or has its objective, is fine.
    let before = try begin(spec())
    _ = try before.session.report(before.trial, resource: 4, [MetricValue("speed", 3)])
    try before.session.pause(before.trial, seconds: 1)
    XCTAssertEqual(before.session.state.trials[before.trial].state, .paused)
  }

  func testATrialWhoseLastValueIsNoNumberFailsInsteadOfPausingOrStopping() throws {
    let paused = try begin(spec())
    _ = try paused.session.report(paused.trial, resource: 9, [MetricValue("loss", .nan)])
    XCTAssertEqual(try paused.session.pause(paused.trial, seconds: 1), "the objective 'loss' is nan")
    let stopped = try begin(spec())
    _ = try stopped.session.report(stopped.trial, resource: 3, [MetricValue("loss", -.infinity)])
    XCTAssertEqual(try stopped.session.stop(stopped.trial, seconds: 1), "the objective 'loss' is -inf")
    for (session, log, trial) in [paused, stopped] {
      XCTAssertEqual(session.state.trials[trial].state, .failed)
      XCTAssertEqual(session.state.trials[trial].failure, .invalidValue)
      XCTAssertEqual(try LogFold.state(of: log).differences(from: session.state), [])
    }
    // What came before a number is forgiven, and a person's wish is no judgement.
    let recovered = try begin(spec())
    _ = try recovered.session.report(recovered.trial, resource: 1, [MetricValue("loss", .nan)])
    _ = try recovered.session.report(recovered.trial, resource: 9, [MetricValue("loss", 1)])
    XCTAssertNil(try recovered.session.pause(recovered.trial, seconds: 1))
    XCTAssertEqual(recovered.session.state.trials[recovered.trial].state, .paused)
    let wished = try begin(spec())
    _ = try wished.session.report(wished.trial, resource: 3, [MetricValue("loss", .nan)])
    XCTAssertNil(try wished.session.stop(wished.trial, .user, seconds: 1))
    XCTAssertEqual(wished.session.state.trials[wished.trial].state, .stopped)
  }

  func testAnObjectiveWithoutItsResourceIsRefusedWithTheMend() throws {
    let (session, _, trial) = try begin(spec())
    XCTAssertThrowsError(try session.report(trial, [MetricValue("loss", 1)])) {
      XCTAssertEqual(($0 as? SessionError)?.kind, .invalidReport)
      XCTAssertTrue("\($0)".contains("add 'epoch'"), "\($0)")
    }
    XCTAssertThrowsError(try session.report(trial, resource: -1, [MetricValue("loss", 1)]))
    XCTAssertNoThrow(try session.report(trial, [MetricValue("memory", 1)]))
  }

  /// A log in which others write just before the transaction begins.
  private final class ContendedLog: StudyLog {
    let log: MemoryLog
    var meanwhile: () throws -> Void = {}

    init(_ log: MemoryLog) { self.log = log }

    func read(from position: Int, _ body: (Int, UnsafeRawBufferPointer) throws -> Void) throws {
      try log.read(from: position, body)
    }

    func append(
      from position: Int, catchUp: (Int, UnsafeRawBufferPointer) throws -> Void,
      decide: () throws -> (position: Int, frame: [UInt8])?
    ) throws {
      let now = meanwhile
      meanwhile = {}
      try now()
      try log.append(from: position, catchUp: catchUp, decide: decide)
    }

    func withAskLock<Result>(_ body: () throws -> Result) throws -> Result { try body() }
    func announce(_ worker: WorkerID) {}
    func isAlive(_ worker: WorkerID) -> Bool { true }
    var livenessDescriptor: Int32? { nil }
  }

  func testAConfigurationIsEnqueuedUnderTheNumberThatIsFreeThen() throws {
    let (other, log, _) = try begin(spec())
    let contended = ContendedLog(log)
    let session = try session(on: contended, worker: 2)
    contended.meanwhile = { _ = try other.ask() }
    XCTAssertEqual(try session.enqueue(Configuration(slots: [0.25])), 2)
    XCTAssertEqual(session.state.trials.count, 3)
  }

  func testATrialThatWasStartedMeanwhileIsNotCancelled() throws {
    let (other, log, _) = try begin(spec())
    let contended = ContendedLog(log)
    let session = try session(on: contended, worker: 2)
    let trial = try session.enqueue(Configuration(slots: [0.25]))
    contended.meanwhile = { _ = try other.ask() }
    XCTAssertThrowsError(try session.cancel(trial)) { XCTAssertEqual(($0 as? SessionError)?.kind, .conflict) }
    XCTAssertEqual(session.state.trials[trial].state, .running)
  }
}
