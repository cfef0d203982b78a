import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies
import XCTest

@testable import TrimtabRunning

/// The messages of a session, and what a service makes of them.
final class SessionProtocolTests: XCTestCase {
  private func spec(fidelity: Fidelity? = Fidelity(name: "epoch", maximum: 9), retries: Int = 0) throws -> StudySpec {
    StudySpec(
      name: "s", space: try Space([.float("x", 0...1)]), objectives: [Objective(metric: "loss")], fidelity: fidelity,
      method: MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full")), budget: Budget(trials: 3),
      retries: Retries(failed: retries, backoff: 0), seed: 3)
  }

  private func service(_ spec: StudySpec, log: MemoryLog = MemoryLog(), clock: TestClock = TestClock()) throws
    -> SessionService
  {
    try log.append(from: 0) { _, _ in
    } decide: {
      (0, Session.firstFrame(spec, at: 0))
    }
    let session = try Session(log: log, worker: 1, clock: { clock.now }, makeMethod: { _ in drawingMethod() })
    return SessionService(session: session, version: "1", clock: { clock.now })
  }

  private func message(_ text: String) throws -> SessionMessage { try SessionMessage(try JSONValue.parse(text)) }

  // MARK: The codec

  func testEveryRequestReadsBackAsItWasWritten() throws {
    let metrics = [MetricValue("loss", 0.5), MetricValue("größe", -.infinity)]
    let requests: [SessionRequest] = [
      .open(study: .object([.init("study", .string("a"))])), .ask, .askToContinue, .status,
      .report(3, resource: 2.5, metrics), .report(3, resource: nil, [MetricValue("loss", 1)]),
      .complete(4, resource: nil, [], seconds: nil), .complete(4, resource: 9, metrics, seconds: 1.5),
      .fail(5, .crash, message: "", seconds: nil), .fail(5, .outOfMemory, message: "line\n\"two\"", seconds: 3),
      .fail(5, .invalidValue, message: "", seconds: nil), .fail(5, .timeout, message: "", seconds: nil),
      .fail(5, .rejected, message: "", seconds: nil), .pause(6, seconds: 0), .stop(6, seconds: nil),
      .release(6, seconds: 1),
    ]
    for request in requests {
      for id in [nil, JSONValue.integer(7), .string("a")] {
        let message = SessionMessage(request, id: id)
        XCTAssertEqual(try self.message(message.json.text), message)
      }
    }
  }

  func testEveryAnswerReadsBackAsItWasWritten() throws {
    let config = JSONValue.object([.init("x", .number(0.5))])
    var answers: [SessionAnswer] = [
      .ready(optimiser: "a", version: "1.0"), .wait, .finished("the budget is spent"),
      .run(AssignedRun(trial: 1, config: config)),
      .run(AssignedRun(trial: 1, attempt: 2, config: config, target: 9, from: 0, seed: 5)),
      .status(.object([.init("study", .string("s"))])),
    ]
    answers += [Verdict.proceed, .pause, .stop].map { .verdict($0) }
    answers += TrialState.allCases.map { .state($0) } + [.state(.failed, why: "the objective 'loss' is nan")]
    answers += SessionAnswer.ErrorKind.allCases.map { .error(kind: $0, message: "why") }
    for answer in answers {
      XCTAssertEqual(try SessionAnswer(try JSONValue.parse(answer.json(id: .integer(3)).text)), answer)
    }
  }

  func testWhatIsNoRequestIsRefusedWithAHint() throws {
    let cases: [(text: String, part: String)] = [
      ("[]", "a request is a JSON object"), ("{}", "the verb is missing"), (#"{"verb":1}"#, "the verb is missing"),
      (#"{"verb":"reprot"}"#, "did you mean 'report'?"), (#"{"verb":"ask","trail":1}"#, "ask has no 'trail'"),
      (#"{"verb":"pause","trail":1}"#, "did you mean 'trial'?"), (#"{"verb":"pause"}"#, "pause needs \"trial\""),
      (#"{"verb":"pause","trial":1.5}"#, "trial is the whole number"),
      (#"{"verb":"report","trial":1}"#, "report needs metrics"),
      (#"{"verb":"report","trial":1,"metrics":{"loss":"low"}}"#, "the value of 'loss' is not a number: \"low\""),
      (#"{"verb":"report","trial":1,"metrics":0.5}"#, "metrics is an object"),
      (#"{"verb":"report","trial":1,"resource":"1","metrics":{"loss":1}}"#, "resource is a number"),
      (#"{"verb":"complete","trial":1,"seconds":-1}"#, "seconds is a number of at least 0"),
      (#"{"verb":"fail","trial":1,"kind":"lost"}"#, "there is no kind of failure 'lost'"),
      (#"{"verb":"fail","trial":1,"kind":"time-out"}"#, "did you mean 'timeout'?"),
      (#"{"verb":"fail","trial":1,"message":{}}"#, "message is a text"), (#"{"verb":"open"}"#, "open needs \"study\""),
      (#"{"verb":"ask","id":{}}"#, "an id is a text or a whole number"),
    ]
    for (text, part) in cases {
      XCTAssertThrowsError(try message(text), text) { XCTAssertTrue("\($0)".contains(part), "\(text): \($0)") }
    }
  }

  func testWhatIsNoAnswerIsRefused() throws {
    for text in [
      "{}", "[]", "1", #"{"verdict":"maybe"}"#, #"{"run":{}}"#, #"{"run":{"trial":-1,"config":{}}}"#,
      #"{"run":{"trial":0}}"#, #"{"run":{"trial":0,"config":{},"target":NaN}}"#, #"{"wait":false}"#, #"{"error":"x"}"#,
      #"{"ready":{}}"#, #"{"run":{"trial":0,"config":{},"attempt":1.5}}"#, #"{"state":"done"}"#,
    ] {
      XCTAssertThrowsError(try SessionAnswer(try JSONValue.parse(text)), text)
    }
  }

  // MARK: The service

  func testATrialIsRunByMessages() throws {
    let clock = TestClock()
    let service = try service(spec(), clock: clock)
    guard case .run(let run) = service.answer(.ask) else { return XCTFail("a trial to run") }
    XCTAssertEqual(run.target, 9)
    XCTAssertEqual(run.from, 0)
    XCTAssertEqual(service.answer(.report(0, resource: 1, [MetricValue("loss", 0.5)])), .verdict(.proceed))
    clock.now += 2500
    XCTAssertEqual(
      service.answer(.complete(0, resource: 9, [MetricValue("loss", 0.25)], seconds: nil)), .state(.completed))
    let trial = try XCTUnwrap(service.session?.state.trials[0])
    XCTAssertEqual(trial.value, 0.25)
    XCTAssertEqual(trial.seconds, 2.5, "measured from the ask")
  }

  func testAFailedTrialThatWillBeTriedAgainIsWaiting() throws {
    let service = try service(spec(retries: 1))
    _ = service.answer(.ask)
    XCTAssertEqual(service.answer(.fail(0, .crash, message: "x", seconds: 1)), .state(.waiting))
    guard case .run(let run) = service.answer(.ask) else { return XCTFail("a trial to run") }
    XCTAssertEqual([run.trial, run.attempt], [0, 2])
    XCTAssertEqual(service.answer(.fail(0, .crash, message: "x", seconds: 1)), .state(.failed))
  }

  func testVerdictsAreConfirmedAndTrialsGivenBack() throws {
    let service = try service(spec())
    for _ in 0..<3 { _ = service.answer(.ask) }
    XCTAssertEqual(service.answer(.stop(0, seconds: 1)), .state(.stopped))
    XCTAssertEqual(service.answer(.pause(1, seconds: 1)), .state(.paused))
    XCTAssertEqual(service.answer(.release(2, seconds: 1)), .state(.waiting))
  }

  func testARefusedRequestChangesNothing() throws {
    let service = try service(spec())
    _ = service.answer(.ask)
    let count = try XCTUnwrap(service.session?.state.eventCount)
    let requests: [(request: SessionRequest, kind: SessionAnswer.ErrorKind)] = [
      (.complete(7, resource: nil, [], seconds: 0), .notFound),
      (.fail(-1, .crash, message: "", seconds: nil), .notFound),
      (.report(0, resource: nil, [MetricValue("loss", 1)]), .invalidReport),
      (.report(0, resource: -1, [MetricValue("loss", 1)]), .invalidReport),
      (.report(0, resource: 1, [MetricValue("", 1)]), .invalidReport), (.open(study: .null), .conflict),
    ]
    for (request, kind) in requests {
      guard case .error(let found, _) = service.answer(request) else {
        XCTFail("\(request) is refused")
        continue
      }
      XCTAssertEqual(found, kind, "\(request)")
    }
    for line in ["", "{", #"{"verb":"complete","trial":0,"metrics":{"loss":1},"resourse":9}"#] {
      XCTAssertTrue(service.answer(line).hasPrefix(#"{"error":{"kind":"badRequest""#), line)
    }
    XCTAssertEqual(service.session?.state.eventCount, count)
  }

  func testIdsAreEchoedInErrorsToo() throws {
    let service = try service(spec())
    XCTAssertTrue(service.answer(#"{"verb":"ask","id":5}"#).hasPrefix(#"{"id":5,"run":"#))
    XCTAssertTrue(service.answer(#"{"verb":"aks","id":"z"}"#).hasPrefix(#"{"id":"z","error":"#))
  }

  func testAStudyIsOpenedByMessage() throws {
    let log = MemoryLog()
    let service = SessionService(version: "2") { spec in
      try log.append(from: 0) { _, _ in
      } decide: {
        (0, Session.firstFrame(spec, at: 0))
      }
      return try Session(log: log, worker: 1, clock: { 0 }, makeMethod: { _ in drawingMethod() })
    }
    guard case .error(.conflict, _) = service.answer(.ask) else { return XCTFail("nothing is open") }
    guard case .error(.badStudy, let why) = service.answer(.open(study: .object([.init("space", .integer(1))]))) else {
      return XCTFail("no study")
    }
    XCTAssertTrue(why.contains("space must be a mapping"), why)
    XCTAssertEqual(service.answer(.open(study: try spec().json)), .ready(optimiser: "trimtab", version: "2"))
    guard case .run = service.answer(.ask) else { return XCTFail("a trial to run") }
    guard case .error(.conflict, _) = service.answer(.open(study: try spec().json)) else {
      return XCTFail("open already")
    }
  }

  func testReleasingAllGivesBackOnlyOwnTrials() throws {
    let log = MemoryLog()
    let service = try service(spec(), log: log)
    let other = try Session(log: log, worker: 2, clock: { 0 }, makeMethod: { _ in drawingMethod() })
    _ = service.answer(.ask)
    _ = try other.ask()
    _ = service.answer(.ask)
    try service.releaseAll()
    try other.catchUp()
    XCTAssertEqual(other.state.trials.map(\.state), [.waiting, .running, .waiting])
  }

  func testRunningHereListsOwnTrials() throws {
    let service = try service(spec())
    _ = service.answer(.ask)
    guard case .status(let status) = service.answer(.status) else { return XCTFail("a status") }
    XCTAssertEqual(status["running_here"], .array([.integer(0)]))
    XCTAssertEqual(status["best"], .null)
    XCTAssertEqual(status["finished"], .null)
  }
}
