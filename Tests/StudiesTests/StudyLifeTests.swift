import TrimtabSearchSpaces
import XCTest

@testable import TrimtabStudies

/// A study of one parameter, moved on event by event.
struct Life {
  var state: StudyState
  var now: Timestamp = 1_000_000

  init(_ change: (inout StudySpec) -> Void = { _ in }) throws {
    var spec = StudySpec(
      name: "life", space: try Space([.float("x", 0...1)]), objectives: [Objective(metric: "loss")],
      method: MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full")), seed: 1)
    change(&spec)
    state = try StudyState(first: Event(time: now, .studyCreated(specification: spec.json.text)))
  }

  mutating func absorb(_ body: Event.Body, after milliseconds: Timestamp = 1000) throws {
    now += milliseconds
    try state.absorb(Event(time: now, body))
    XCTAssertEqual(state.invariantViolations(), [])
  }

  /// Proposes a trial; returns its number.
  @discardableResult
  mutating func propose(_ x: Double = 0.5, target: Double? = nil) throws -> TrialNumber {
    let number = state.trials.count
    try absorb(
      .trialProposed(number, .new(Configuration(slots: [x])), target: target, Annotation(origin: .design)), after: 0)
    return number
  }

  /// Proposes and starts a trial.
  @discardableResult
  mutating func start(_ x: Double = 0.5, worker: WorkerID = 1, target: Double? = nil) throws -> TrialNumber {
    let number = try propose(x, target: target)
    try absorb(.trialStarted(number, worker: worker), after: 0)
    return number
  }

  mutating func report(_ trial: TrialNumber, _ value: Double, at resource: Double? = nil) throws {
    try absorb(.reported(trial, resource: resource, [MetricValue("loss", value)]))
  }

  /// A whole trial that takes a second.
  @discardableResult
  mutating func complete(_ value: Double, at resource: Double? = nil) throws -> TrialNumber {
    let trial = try start()
    try report(trial, value, at: resource)
    try absorb(.trialCompleted(trial, seconds: 1), after: 0)
    return trial
  }

  /// Checks that an event is refused and changes nothing.
  mutating func refuses(_ body: Event.Body, _ why: String, file: StaticString = #filePath, line: UInt = #line) {
    let before = state
    XCTAssertThrowsError(try state.absorb(Event(time: now, body)), file: file, line: line) { error in
      XCTAssertTrue("\(error)".contains(why), "\(error)", file: file, line: line)
    }
    XCTAssertEqual(state.differences(from: before), [], file: file, line: line)
  }
}

final class StudyLifeTests: XCTestCase {
  private let fidelity = Fidelity(name: "epoch", maximum: 9)

  /// Every event of a trial's life with the states in which it may come.
  private let events: [(name: String, body: (TrialNumber) -> Event.Body, from: Set<TrialState>)] = [
    ("start", { .trialStarted($0, worker: 1) }, [.waiting]),
    ("report", { .reported($0, resource: 1, [MetricValue("loss", 1)]) }, [.running]),
    ("pause", { .trialPaused($0, isFrozen: false, seconds: 1) }, [.running]),
    ("release", { .trialReleased($0, seconds: 1) }, [.running]),
    ("stop", { .trialStopped($0, .method, seconds: 1) }, [.waiting, .running, .paused]),
    ("complete", { .trialCompleted($0, seconds: 1) }, [.running]),
    ("crash", { .trialFailed($0, .crash, message: "", seconds: 1) }, [.running]),
    ("reject", { .trialFailed($0, .rejected, message: "", seconds: 1) }, [.running]),
    ("lose", { .trialLost($0) }, [.running]),
    ("resume", { .trialProposed($0, .resume, target: 9, Annotation()) }, [.paused]),
  ]

  func testALifeMayTakeEveryLegalWayAndNoOther() throws {
    // All sequences of five events after the proposal.
    var legal = 0
    func follow(_ life: Life, depth: Int) throws {
      for (name, body, from) in events {
        var next = life
        let state = life.state.trials[0].state
        if from.contains(state) {
          XCTAssertNoThrow(try next.absorb(body(0)), "\(name) when \(state)")
          legal += 1
          if depth > 1 { try follow(next, depth: depth - 1) }
        } else {
          let before = next.state.fingerprint
          XCTAssertThrowsError(try next.state.absorb(Event(time: next.now, body(0))), "\(name) when \(state)")
          XCTAssertEqual(next.state.fingerprint, before)
        }
      }
    }
    var life = try Life {
      $0.fidelity = self.fidelity
      $0.retries = Retries(failed: 1, lost: 1)
    }
    try life.propose()
    try follow(life, depth: 5)
    XCTAssertGreaterThan(legal, 100)
  }

  func testEventsThatCannotFollowAreRefusedWithTheReason() throws {
    var life = try Life { $0.fidelity = self.fidelity }
    life.refuses(.studyCreated(specification: ""), "only once")
    life.refuses(.trialStarted(0, worker: 1), "no trial 0")
    life.refuses(.trialStarted(-1, worker: 1), "no trial -1")
    life.refuses(.trialProposed(1, .new(Configuration(slots: [0.5])), target: nil, Annotation()), "would follow")
    life.refuses(.trialProposed(0, .new(Configuration(slots: [0, 0])), target: nil, Annotation()), "does not fit")
    life.refuses(.trialProposed(0, .new(Configuration(slots: [.infinity])), target: nil, Annotation()), "does not fit")
    life.refuses(
      .trialProposed(0, .clone(of: 0, Configuration(slots: [0.5])), target: nil, Annotation()), "unknown trial")
    let trial = try life.start()
    life.refuses(.reported(trial, resource: .nan, []), "impossible resource")
    life.refuses(.reported(trial, resource: 0, []), "impossible resource")
    life.refuses(.reported(trial, resource: nil, [MetricValue("loss", 1)]), "without a resource")
    life.refuses(.studyAmended(specification: "{"), "JSON")
    life.refuses(
      .studyAmended(
        specification:
          #"{"study": "other", "objective": {"metric": "a", "goal": "minimize"}, "space": {"x": {"type": "boolean"}}}"#),
      "name")
    for time in [Timestamp.max, .min, 1 << 53] {
      let before = life.state.fingerprint
      XCTAssertThrowsError(try life.state.absorb(Event(time: time, .trialLost(trial))))
      XCTAssertEqual(life.state.fingerprint, before)
    }
  }

  func testALogBeginsWithItsCreation() {
    XCTAssertThrowsError(try StudyState(first: Event(time: 0, .trialLost(0))))
    XCTAssertThrowsError(try StudyState(first: Event(time: 0, .studyCreated(specification: "nonsense")))) {
      XCTAssertTrue($0 is Diagnostics)
    }
  }

  // MARK: Reports

  func testTheFirstReportAtAResourceCounts() throws {
    var life = try Life { $0.fidelity = self.fidelity }
    let trial = try life.start()
    try life.report(trial, 3, at: 1)
    try life.report(trial, 2, at: 2)
    try life.report(trial, 99, at: 2)
    XCTAssertEqual(life.state.trials[trial].value, 2)
    XCTAssertEqual(life.state.curves[trial]?.values, [3, 2])
    // A report from before fills the curve and leaves the value.
    try life.report(trial, 7, at: 1.5)
    XCTAssertEqual(life.state.curves[trial]?.values, [3, 7, 2])
    XCTAssertEqual(life.state.trials[trial].value, 2)
    XCTAssertEqual(life.state.trials[trial].resource, 2)
  }

  func testAReportIsRepeatedOnlyIfNothingOfItIsNews() throws {
    var life = try Life { $0.fidelity = self.fidelity }
    let trial = try life.start()
    try life.absorb(.reported(trial, resource: 2, [MetricValue("loss", 1), MetricValue("acc", 0.5)]))
    let loss = MetricValue("loss", 1)
    XCTAssertTrue(life.state.isRepeated(trial, resource: 2, [loss]))
    XCTAssertTrue(life.state.isRepeated(trial, resource: 2, [loss, MetricValue("acc", 0.5)]))
    XCTAssertFalse(life.state.isRepeated(trial, resource: 2, [loss, MetricValue("f1", 0.5)]))
    XCTAssertFalse(life.state.isRepeated(trial, resource: 3, [loss]))
    XCTAssertFalse(life.state.isRepeated(trial, resource: nil, [loss]))
  }

  func testAMetricThatIsNoNumberIsKeptAndHarmsNothing() throws {
    var life = try Life {
      $0.costMetric = "price"
      $0.budget.cost = 10
    }
    let trial = try life.start()
    try life.absorb(.reported(trial, resource: nil, [MetricValue("price", .infinity), MetricValue("loss", .nan)]))
    XCTAssertNil(life.state.reachedLimit(now: life.now))
    XCTAssertEqual(life.state.totalCost, 0)
    XCTAssertNil(life.state.incumbent)
    XCTAssertTrue(life.state.trials[trial].hasReportedObjective)
  }

  // MARK: Retries

  func testAFailureIsTriedAgainAfterABackOffThatDoubles() throws {
    var life = try Life { $0.retries = Retries(failed: 3, backoff: 2) }
    let trial = try life.start()
    for (attempt, pause) in [2000, 4000, 8000].enumerated() {
      try life.absorb(.trialFailed(trial, .crash, message: "", seconds: 1))
      XCTAssertEqual(life.state.trials[trial].state, .waiting)
      XCTAssertEqual(life.state.trials[trial].failures, UInt16(attempt + 1))
      XCTAssertNil(life.state.nextQueued(now: life.now + Timestamp(pause) - 1) { _ in true })
      XCTAssertEqual(life.state.nextQueued(now: life.now + Timestamp(pause)) { _ in true }, trial)
      try life.absorb(.trialStarted(trial, worker: 1), after: Timestamp(pause))
    }
    try life.absorb(.trialFailed(trial, .timeout, message: "", seconds: 1))
    XCTAssertEqual(life.state.trials[trial].state, .failed)
    XCTAssertEqual(life.state.count(.timeout), 1)
    XCTAssertEqual(life.state.count(.crash), 0)
  }

  func testAClockThatGoesBackDoesNotProlongABackOff() throws {
    var life = try Life { $0.retries = Retries(failed: 1, backoff: 1) }
    let trial = try life.start()
    try life.absorb(.trialFailed(trial, .crash, message: "", seconds: 1))
    XCTAssertEqual(life.state.nextQueued(now: life.now - 3_600_000) { _ in true }, trial)
  }

  func testWhatTryingAgainCannotMendIsNotTriedAgain() throws {
    for kind in [FailureKind.invalidValue, .rejected] {
      var life = try Life { $0.retries = Retries(failed: 5) }
      let trial = try life.start()
      try life.absorb(.trialFailed(trial, kind, message: "", seconds: 1))
      XCTAssertEqual(life.state.trials[trial].state, .failed)
      XCTAssertEqual(life.state.count(kind), 1)
    }
  }

  func testALostTrialGoesOnUntilItWasLostTooOften() throws {
    var life = try Life {
      $0.fidelity = self.fidelity
      $0.retries = Retries(lost: 2)
    }
    let trial = try life.start()
    try life.report(trial, 1, at: 1)
    for _ in 0..<2 {
      try life.absorb(.trialLost(trial))
      XCTAssertEqual(life.state.trials[trial].state, .waiting)
      try life.absorb(.trialStarted(trial, worker: 2))
    }
    XCTAssertEqual(life.state.incumbent, trial)
    try life.absorb(.trialLost(trial))
    XCTAssertEqual(life.state.trials[trial].state, .failed)
    XCTAssertEqual(life.state.count(.lost), 1)
    XCTAssertNil(life.state.incumbent, "a failed trial is no incumbent")
  }

  func testAFrozenTrialThatIsLostStaysPausedAndCanBeResumed() throws {
    var life = try Life { $0.fidelity = Fidelity(name: "epoch", maximum: 9, pause: .freeze) }
    let trial = try life.start()
    try life.absorb(.trialPaused(trial, isFrozen: true, seconds: 1))
    try life.absorb(.trialLost(trial))
    XCTAssertEqual(life.state.trials[trial].state, .paused)
    XCTAssertFalse(life.state.trials[trial].isFrozen)
    try life.absorb(.trialProposed(trial, .resume, target: 9, Annotation()))
  }

  func testAFrozenTrialIsCompleteAtALoweredMaximumOnceItsProcessHasGone() throws {
    var life = try Life { $0.fidelity = Fidelity(name: "epoch", maximum: 9, pause: .freeze) }
    for resource in [2.0, 3] {
      let trial = try life.start(target: resource)
      try life.report(trial, 0.5, at: resource)
      try life.absorb(.trialPaused(trial, isFrozen: true, seconds: 1))
    }
    var spec = life.state.spec
    spec.fidelity?.maximum = 3
    try life.absorb(.studyAmended(specification: spec.json.text))
    XCTAssertEqual(life.state.trials.map(\.state), [.paused, .paused], "their processes wait")
    for trial in 0..<2 { try life.absorb(.trialLost(trial)) }
    XCTAssertEqual(life.state.trials.map(\.state), [.paused, .completed])
    XCTAssertEqual(life.state.trials[1].completedLevel, 3)
    XCTAssertEqual(life.state.incumbent, 1)
    XCTAssertTrue(life.state.incumbentIsComplete)
  }

  func testCompleteTrialsRankByTheirValuesOnceTheMaximumIsLowered() throws {
    var life = try Life { $0.fidelity = Fidelity(name: "epoch", maximum: 27) }
    func amend(_ maximum: Double) throws {
      var spec = life.state.spec
      spec.fidelity?.maximum = maximum
      try life.absorb(.studyAmended(specification: spec.json.text))
    }
    func complete(_ trial: TrialNumber, _ value: Double, at resource: Double) throws {
      try life.report(trial, value, at: resource)
      try life.absorb(.trialCompleted(trial, seconds: 1))
    }
    try complete(try life.start(target: 27), 0.5, at: 27)
    let running = try life.start(target: 27)
    try amend(9)
    XCTAssertEqual(life.state.incumbent, 0)
    try complete(running, 0.1, at: 27)
    XCTAssertEqual(life.state.incumbent, 1, "both have 27")
    try complete(try life.start(target: 9), 0.05, at: 9)
    XCTAssertEqual(life.state.incumbent, 2, "9 is all now")
    try amend(27)
    XCTAssertEqual(life.state.incumbent, 1, "9 is no longer all, and 27 is what trial 1 has")
    XCTAssertEqual(life.state.invariantViolations(), [])
  }

  func testFrozenTrialsAreKnownUntilTheyRunEndOrAreLost() throws {
    var life = try Life { $0.fidelity = Fidelity(name: "epoch", maximum: 9, pause: .freeze) }
    for _ in 0..<4 { try life.absorb(.trialPaused(try life.start(target: 3), isFrozen: true, seconds: 1)) }
    XCTAssertEqual(life.state.frozen, [0, 1, 2, 3])
    try life.absorb(.trialProposed(1, .resume, target: 9, Annotation()))
    XCTAssertEqual(life.state.frozen, [0, 1, 2, 3], "its process waits until the trial is started")
    try life.absorb(.trialStarted(1, worker: 1))
    try life.absorb(.trialLost(0))
    try life.absorb(.trialStopped(3, .user, seconds: 0))
    XCTAssertEqual(life.state.frozen, [2])
    XCTAssertEqual(life.state.invariantViolations(), [])
  }

  func testTheResourceOfAValueIsThatOfItsReport() throws {
    var life = try Life { $0.fidelity = Fidelity(name: "epoch", maximum: 9) }
    let trial = try life.start()
    XCTAssertNil(life.state.valueResource(trial))
    try life.report(trial, 1, at: 2)
    try life.absorb(.reported(trial, resource: 5, [MetricValue("seconds", 3)]))
    XCTAssertEqual(life.state.trials[trial].resource, 5)
    XCTAssertEqual(life.state.valueResource(trial), 2)
  }

  func testAFrozenTrialThatIsStoppedIsNoLongerFrozen() throws {
    var life = try Life { $0.fidelity = Fidelity(name: "epoch", maximum: 9, pause: .freeze) }
    let trial = try life.start()
    try life.absorb(.trialPaused(trial, isFrozen: true, seconds: 1))
    try life.absorb(.trialStopped(trial, .user, seconds: 0))
    XCTAssertFalse(life.state.trials[trial].isFrozen)
  }

  func testTheQueueKeepsTheOrderInWhichTrialsBeganToWait() throws {
    var life = try Life()
    for _ in 0..<3 { try life.propose() }
    try life.absorb(.trialStarted(0, worker: 1))
    try life.absorb(.trialReleased(0, seconds: 0))
    XCTAssertEqual(life.state.queue, [1, 2, 0])
    XCTAssertEqual(life.state.nextQueued(now: life.now) { $0 != 1 }, 2)
  }
}
