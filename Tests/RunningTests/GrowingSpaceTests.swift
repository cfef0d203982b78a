import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies
import XCTest

@testable import TrimtabRunning

/// Studies whose space grows as trials ask for parameters, and a library's other requests.
final class GrowingSpaceTests: XCTestCase {
  private func spec(grows: Bool = true, parameters: [Parameter] = []) throws -> StudySpec {
    StudySpec(
      name: "s", space: try Space(parameters), objectives: [Objective(metric: "loss")],
      method: MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full")), seed: 3, grows: grows)
  }

  private func session(_ spec: StudySpec, log: MemoryLog = MemoryLog(), worker: WorkerID = 1) throws -> Session {
    try log.append(from: 0) { _, _ in
    } decide: {
      (0, Session.firstFrame(spec, at: 0))
    }
    return try open(log, worker: worker)
  }

  private func open(_ log: MemoryLog, worker: WorkerID) throws -> Session {
    try Session(log: log, worker: worker, clock: { 0 }, makeMethod: { _ in drawingMethod() })
  }

  private func run(_ session: Session) throws -> TrialRun {
    guard case .run(let run) = try session.ask() else {
      XCTFail("nothing to run")
      throw SessionError(.notFound, "nothing to run")
    }
    return run
  }

  func testAParameterThatATrialUsedBelongsToTheStudyFromThenOn() throws {
    let session = try session(try spec())
    let x = try Parameter.float("x", 0...1)
    let first = try run(session)
    XCTAssertEqual(first.configuration.slots, [])
    let drawn = try session.draw(x, for: first.trial)
    XCTAssertEqual(try session.draw(x, for: first.trial), drawn, "the same draw in every run of the trial")
    try session.settle(first.trial, used: [UsedParameter(x, drawn)])
    XCTAssertEqual(session.state.spec.space.parameters.map(\.name), ["x"])
    XCTAssertEqual(session.revision, 1)
    XCTAssertEqual(try session.complete(first.trial, [MetricValue("loss", 1)], seconds: 1), .completed)
    XCTAssertEqual(try run(session).configuration.slots.count, 1)
  }

  func testWhatATrialDidNotUseIsInactiveInIt() throws {
    let session = try session(try spec(parameters: [.float("x", 0...1), .float("y", 0...1)]))
    let trial = try run(session)
    try session.settle(trial.trial, used: [UsedParameter(.float("y", 0...1), .real(0.25))])
    let slots = session.state.history.configuration(trial.trial).slots
    XCTAssertTrue(slots[0].isNaN)
    XCTAssertEqual(slots[1], 0.25)
  }

  func testAModelSeesWhatATrialDidNotUse() throws {
    let session = try session(try spec(parameters: [.float("x", 0...1), .float("y", 0...1)]))
    let first = try run(session)
    try session.settle(first.trial, used: [UsedParameter(.float("y", 0...1), .real(0.25))])
    var history = session.state.history
    XCTAssertEqual(
      history.filled(0).slots, [first.configuration.slots[0], 0.25], "what was offered stands for what was not used")
    XCTAssertEqual(history.filledUnits(0)[0], first.configuration.slots[0], accuracy: 1e-12)
    XCTAssertFalse(history.contains(Configuration(slots: [0.75, 0.25])), "it may still use more")
    XCTAssertEqual(try session.complete(first.trial, [MetricValue("loss", 1)], seconds: 1), .completed)
    // Whatever else is proposed, the program would use 0.25 again, and nothing else.
    history = session.state.history
    XCTAssertTrue(history.contains(Configuration(slots: [0.75, 0.25])))
    XCTAssertFalse(history.contains(Configuration(slots: [0.75, 0.5])))

    // The program did not look at a parameter that nobody knew: any value stands for it, always the same.
    let second = try run(session)
    let z = try Parameter.integer("z", 1...9)
    try session.settle(
      second.trial,
      used: [UsedParameter(.float("x", 0...1), .real(0.5)), UsedParameter(z, try session.draw(z, for: second.trial))])
    history = session.state.history
    let filled = history.filled(0).slots
    XCTAssertEqual(Array(filled.prefix(2)), [first.configuration.slots[0], 0.25])
    XCTAssertTrue((1...9).contains(Int(filled[2])))
    XCTAssertFalse(history.contains(Configuration(slots: [0.75, 0.25, 9])), "it was not offered what came later")
    let w = try Parameter.float("w", 0...1)
    try session.settle(second.trial, used: [UsedParameter(w, .real(0.5))])
    XCTAssertEqual(Array(session.state.history.filled(0).slots.prefix(3)), filled)
  }

  /// Runs a trial that uses these, and nothing else.
  private func run(_ session: Session, using used: [UsedParameter]) throws {
    let trial = try run(session).trial
    try session.settle(trial, used: used)
    XCTAssertEqual(try session.complete(trial, [MetricValue("loss", 1)], seconds: 1), .completed)
  }

  func testAConditionIsFoundAndGivenUpWhereATrialContradicts() throws {
    let session = try session(try spec())
    let kind = Parameter.categorical("kind", ["a", "b", "c"])
    let x = try Parameter.float("x", 0...1)
    func trial(_ choice: String, x value: Double?) throws {
      try run(
        session,
        using: [UsedParameter(kind, .choice(.text(choice)))] + (value.map { [UsedParameter(x, .real($0))] } ?? []))
    }
    var condition: String? { session.state.spec.space.parameters.last?.condition?.description }
    try trial("a", x: 0.1)
    try trial("b", x: nil)
    try trial("a", x: 0.2)
    try trial("b", x: nil)
    XCTAssertNil(condition, "nobody has looked yet")
    try trial("a", x: 0.3)
    XCTAssertEqual(condition, #"kind == "a""#)
    XCTAssertTrue(session.state.history.filled(1).slots[1].isNaN, "models see what a declared condition would give")
    let revision = session.revision
    let proposal = try run(session)
    let space = session.state.spec.space
    XCTAssertEqual(
      space.value(of: 1, in: proposal.configuration) != nil,
      space.value(of: 0, in: proposal.configuration) == .choice(.text("a")))
    try session.settle(proposal.trial, used: [UsedParameter(kind, .choice(.text("b")))])
    XCTAssertEqual(try session.complete(proposal.trial, [MetricValue("loss", 1)], seconds: 1), .completed)
    XCTAssertEqual(session.revision, revision, "what agrees changes nothing")
    // A program that uses x with another choice, too, gets it, and a wider condition takes the place of the one that is wrong.
    try trial("c", x: 0.4)
    XCTAssertEqual(condition, #"kind in ["a", "c"]"#)
    try trial("b", x: 0.5)
    XCTAssertNil(condition, "b is on both sides")
    try trial("b", x: nil)
    XCTAssertNil(condition)
  }

  func testWhatTheMethodCannotSearchIsNoCondition() throws {
    let log = MemoryLog()
    let spec = try spec()
    try log.append(from: 0) { _, _ in
    } decide: {
      (0, Session.firstFrame(spec, at: 0))
    }
    let session = try Session(
      log: log, worker: 1, clock: { 0 },
      makeMethod: { spec in
        guard spec.space.parameters.allSatisfy({ $0.condition == nil }) else {
          throw SpaceError("conditions cannot be searched")
        }
        return drawingMethod()
      })
    let flag = Parameter.boolean("flag")
    for step in 0..<8 {
      let uses = step % 2 == 0
      try run(
        session,
        using: [UsedParameter(flag, .choice(.boolean(uses)))]
          + (uses ? [UsedParameter(try .float("x", 0...1), .real(0.5))] : []))
    }
    XCTAssertEqual(session.state.spec.space.parameters.map(\.condition), [nil, nil])
    XCTAssertEqual(session.revision, 1, "only x is new")
  }

  func testAStudyThatWasStoppedStaysSoWhenItsSpaceGrows() throws {
    let session = try session(try spec())
    let trial = try run(session).trial
    try session.append { [Event(time: 0, .studyStopped(reason: "enough"))] }
    try session.settle(trial, used: [UsedParameter(try .float("x", 0...1), .real(0.5))])
    XCTAssertEqual(session.state.spec.space.parameters.count, 1)
    XCTAssertEqual(session.state.stopReason, "enough")
  }

  /// Of a trial that failed or was stopped on its way nobody knows what it would have used; nor does anything follow from one with
  /// which others of the same values went on.
  func testWhatEndedEarlyForbidsNothing() throws {
    let (x, y) = (try Parameter.float("x", 0...1), try Parameter.float("y", 0...1))
    let session = try session(try spec(parameters: [x, y]))
    let failed = try run(session)
    try session.settle(failed.trial, used: [UsedParameter(x, .real(0.25))])
    try session.fail(failed.trial, .crash, message: "", seconds: 1)
    XCTAssertFalse(session.state.history.contains(Configuration(slots: [0.25, 0.5])))

    let early = try run(session)
    try session.settle(early.trial, used: [UsedParameter(x, .real(0.75))])
    XCTAssertEqual(try session.complete(early.trial, [MetricValue("loss", 1)], seconds: 1), .completed)
    XCTAssertTrue(session.state.history.contains(Configuration(slots: [0.75, 0.5])))
    for _ in 0..<2 {
      let further = try run(session)
      try session.settle(further.trial, used: [UsedParameter(x, .real(0.75)), UsedParameter(y, .real(0.125))])
      XCTAssertEqual(try session.complete(further.trial, [MetricValue("loss", 1)], seconds: 1), .completed)
      XCTAssertFalse(session.state.history.contains(Configuration(slots: [0.75, 0.5])))
      let again = try run(session)
      try session.settle(again.trial, used: [UsedParameter(x, .real(0.75))])
      XCTAssertEqual(try session.complete(again.trial, [MetricValue("loss", 1)], seconds: 1), .completed)
      XCTAssertFalse(session.state.history.contains(Configuration(slots: [0.75, 0.5])))
    }
  }

  func testATrialThatRunsAgainGetsWhatItWasProposed() throws {
    let (x, y) = (try Parameter.float("x", 0...1), try Parameter.float("y", 0...1))
    let session = try session(try spec(parameters: [x, y]))
    let trial = try run(session)
    try session.settle(trial.trial, used: [UsedParameter(x, .real(trial.configuration.slots[0]))])
    XCTAssertEqual(try session.draw(y, for: trial.trial), .real(trial.configuration.slots[1]))
  }

  func testATrialFromBeforeAnyParameterWasKnownRepeatsNothing() throws {
    let session = try session(try spec())
    let first = try run(session)
    let second = try run(session)
    try session.settle(second.trial, used: [UsedParameter(.float("x", 0...1), .real(0.5))])
    XCTAssertEqual(try session.complete(second.trial, [MetricValue("loss", 1)], seconds: 1), .completed)
    XCTAssertFalse(session.state.history.contains(Configuration(slots: [0.25])))
    XCTAssertTrue(session.state.history.contains(Configuration(slots: [0.5])))
    XCTAssertTrue((0...1).contains(session.state.history.filled(first.trial).slots[0]))
  }

  func testAnotherDomainForANameChangesNothing() throws {
    let session = try session(try spec(parameters: [.float("x", 0...1)]))
    let trial = try run(session)
    let events = session.state.eventCount
    XCTAssertThrowsError(try session.settle(trial.trial, used: [UsedParameter(.float("x", 0...2), .real(1.5))])) {
      XCTAssertEqual(($0 as? SessionError)?.kind, .conflict)
    }
    XCTAssertThrowsError(try session.settle(trial.trial, used: [UsedParameter(.float("x", 0...1), .real(1.5))]))
    XCTAssertEqual(session.state.eventCount, events)
  }

  func testADeclaredSpaceDoesNotGrow() throws {
    let session = try session(try spec(grows: false, parameters: [.float("x", 0...1)]))
    let trial = try run(session)
    XCTAssertThrowsError(try session.draw(.float("y", 0...1), for: trial.trial))
    XCTAssertThrowsError(try session.settle(trial.trial, used: []))
  }

  func testAnotherReplicaSeesTheGrownSpaceAndTheNotes() throws {
    let log = MemoryLog()
    let one = try session(try spec(), log: log)
    let two = try open(log, worker: 2)
    let trial = try run(one)
    try one.settle(trial.trial, used: [UsedParameter(.float("x", 0...1), .real(0.5))])
    try one.note(trial.trial, "commit", "\"abc\"")
    try one.note(nil, "data", "[1]")
    try two.catchUp()
    XCTAssertEqual(two.state.differences(from: one.state), [])
    XCTAssertEqual(two.state.notes[trial.trial], ["commit": "\"abc\""])
    XCTAssertEqual(two.state.studyNotes, ["data": "[1]"])
    try two.note(trial.trial, "commit", "")
    try one.catchUp()
    XCTAssertFalse(one.state.notes[trial.trial]?.keys.contains("commit") ?? false)
  }

  func testTrialsFromElsewhereEnterTogetherOrNotAtAll() throws {
    let session = try session(try spec())
    let service = SessionService(session: session, version: "1", clock: { 0 })
    let used = #""used": {"x": {"parameter": {"type": "float", "low": 0, "high": 1}, "value": 0.5}}"#
    let good = #"{"state": "completed", \#(used), "metrics": {"loss": 2}}"#
    let bad = #"{"state": "completed", \#(used)}"#
    let refused = service.answer(#"{"verb": "add", "trials": [\#(good), \#(bad)]}"#)
    XCTAssertTrue(refused.contains("error"), refused)
    XCTAssertEqual(session.state.trials.count, 0)
    XCTAssertEqual(service.answer(#"{"verb": "add", "trials": [\#(good), \#(good)]}"#), #"{"result":0}"#)
    XCTAssertEqual(session.state.trials.map(\.state), [.completed, .completed])
    XCTAssertEqual(session.state.history.configuration(1).slots, [0.5])
  }

  func testEnqueuedValuesAreCheckedAsSoonAsTheirParametersAreKnown() throws {
    let session = try session(try spec(parameters: [.integer("n", 0...10, step: 2)]))
    for wrong in [#"{"n": 3}"#, #"{"n": 12}"#, #"{"n": "many"}"#] {
      XCTAssertThrowsError(try session.enqueue(try JSONValue.parse(wrong), notes: []), wrong) {
        XCTAssertEqual(($0 as? SpaceError)?.place, "n", wrong)
      }
    }
    XCTAssertEqual(try session.enqueue(try JSONValue.parse(#"{"n": 4, "x": 0.3, "y": 0.5}"#), notes: []), 0)
    let trial = try run(session).trial
    XCTAssertEqual(try session.draw(.integer("n", 0...10, step: 2), for: trial), .integer(4))
    XCTAssertEqual(try session.draw(.float("y", 0...1, step: 0.25), for: trial), .real(0.5))
    XCTAssertThrowsError(try session.draw(.float("x", 0...1, step: 0.25), for: trial)) {
      XCTAssertEqual(($0 as? SpaceError)?.place, "x")
    }
  }
}
