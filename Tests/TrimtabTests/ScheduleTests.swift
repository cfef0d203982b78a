import Foundation
import Trimtab
import XCTest

/// What sessions of one study see of its schedule, with the methods of the catalogue.
final class ScheduleTests: XCTestCase {
  private func log(
    _ scheduler: PartSpec, maximum: Double = 27, trials: Int = 40
  ) throws -> MemoryLog {
    let spec = StudySpec(
      name: "s", space: try Space([.float("x", 0...1), .float("y", 0...1)]), objectives: [Objective(metric: "loss")],
      fidelity: Fidelity(name: "epoch", maximum: maximum),
      method: MethodSpec(
        sampler: PartSpec(scheduler.name == "dehb-brackets" ? "dehb" : "random"), scheduler: scheduler),
      budget: Budget(trials: trials), seed: 7)
    let log = MemoryLog()
    try log.append(from: 0) { _, _ in
    } decide: {
      (0, Session.firstFrame(spec, at: 0))
    }
    return log
  }

  private static let pausing: [PartSpec] = [
    PartSpec("hyperband"), PartSpec("successive-halving"), PartSpec("dehb-brackets"), PartSpec("asha"),
    PartSpec("one-epoch", options: ["first": .integer(20), "keep": .integer(2)]),
    PartSpec("asha", options: ["opening": .text("hyperband")]),
  ]

  /// One worker that runs trials, at most so many, not counting again those that go on.
  private struct Worker {
    let session: Session
    let limit: Int
    var begun: Set<TrialNumber> = []
    var running: [TrialRun] = []

    init(_ log: MemoryLog, limit: Int = .max) throws {
      session = try Session.open(log)
      self.limit = limit
    }

    mutating func ask() throws -> Ask {
      let answer = try session.ask(mayStartNew: begun.count < limit)
      if case .run(let run) = answer {
        begun.insert(run.trial)
        running.append(run)
      }
      return answer
    }

    /// Trains what runs to where it is judged.
    mutating func train() throws {
      for run in running {
        let values = session.state.history.configuration(run.trial).slots
        var verdict = Verdict.proceed
        var epoch = run.reached
        while verdict == .proceed, epoch < run.target ?? 0 {
          epoch += 1
          let loss = (values[0] - 0.3) * (values[0] - 0.3) + values[1] / epoch
          verdict = try session.report(run.trial, resource: epoch, [MetricValue("loss", loss)])
        }
        switch verdict {
        case .proceed: try session.complete(run.trial, seconds: 1)
        case .pause: try session.pause(run.trial, seconds: 1)
        case .stop: try session.stop(run.trial, seconds: 1)
        }
      }
      running = []
    }
  }

  /// Runs trials one after the other until there are no more; returns how many runs that were.
  private func work(_ worker: inout Worker) throws -> Int {
    for count in 0..<10_000 {
      switch try worker.ask() {
      case .run: try worker.train()
      case .wait:
        XCTFail("nobody else works, so that it would wait for ever")
        return count
      case .finished: return count
      }
    }
    XCTFail("it does not end")
    return 10_000
  }

  /// Each proposal: the trial, how far it is to run, and whether it is new.
  private func proposals(_ log: MemoryLog) throws -> [String] {
    var found: [String] = []
    _ = try Session.open(log).events(from: 0) { event in
      guard case .trialProposed(let trial, let kind, let target, _) = event.body else { return }
      found.append("\(trial) \(kind) to \(target ?? .nan)")
    }
    return found
  }

  func testAProcessThatIsToBeginFewTrialsLeavesTheScheduleAsItIs() throws {
    for scheduler in Self.pausing {
      let whole = try log(scheduler)
      var worker = try Worker(whole)
      _ = try work(&worker)
      let parted = try log(scheduler)
      for limit in [3, 1, 7] {
        var worker = try Worker(parted, limit: limit)
        let count = try work(&worker)
        XCTAssertGreaterThanOrEqual(count, limit, "\(scheduler)")
        let answer = try worker.ask()
        guard case .finished = answer else { return XCTFail("\(scheduler): \(answer) after the end") }
      }
      XCTAssertLessThanOrEqual(try Session.open(parted).state.trials.count, 11, "\(scheduler)")
      var last = try Worker(parted)
      _ = try work(&last)
      XCTAssertEqual(try proposals(parted), try proposals(whole), "\(scheduler)")
    }
  }

  func testAProcessAtItsLimitGoesOnWithPausedTrialsAndBeginsNone() throws {
    let log = try log(PartSpec("asha"), trials: 1000)
    var worker = try Worker(log, limit: 30)
    _ = try work(&worker)
    let state = try Session.open(log).state
    XCTAssertEqual(state.trials.count, 30)
    XCTAssertGreaterThan(state.trials.count { $0.runs > 1 }, 8, "a third goes on")
  }

  func testAProcessAtItsLimitEndsWhileAnotherOneWorks() throws {
    for scheduler in Self.pausing {
      let log = try log(scheduler)
      var limited = try Worker(log, limit: 4)
      var other = try Worker(log)
      var hasEnded = false
      var isOver = false
      for _ in 0..<10_000 where !isOver {
        if case .finished = try other.ask() { isOver = true }
        // The other one is in the midst of its trial, or waits for this one's.
        if !hasEnded, case .finished = try limited.ask() { hasEnded = true }
        try other.train()
        try limited.train()
      }
      XCTAssertTrue(hasEnded && isOver, "\(scheduler)")
      XCTAssertEqual(try Session.open(log).state.trials.count, 40, "\(scheduler)")
    }
  }

  func testWhatAPersonEnqueuedIsNotBegunByAProcessAtItsLimitAndDoesNotHoldIt() throws {
    let log = try log(PartSpec("hyperband"))
    var worker = try Worker(log, limit: 2)
    _ = try work(&worker)
    _ = try worker.session.enqueue(worker.session.state.spec.space.defaultConfiguration())
    guard case .finished = try worker.ask() else { return XCTFail("nothing that it may run comes next") }
    XCTAssertEqual(worker.session.state.count(.waiting), 1)
  }

  func testATrialThatIsToBeTriedAgainIsWaitedForAtTheLimit() throws {
    let log = try log(PartSpec("full"))
    let session = try Session.open(log)
    try session.amend { spec in
      var next = spec
      next.retries = Retries(failed: 1, backoff: 0.05)
      return next
    }
    guard case .run(let run) = try session.ask() else { return XCTFail("a trial to run") }
    try session.fail(run.trial, .crash, message: "", seconds: 0)
    XCTAssertEqual(try session.ask(mayStartNew: false), .wait)
    for _ in 0..<1000 {
      if case .run(let again) = try session.ask(mayStartNew: false) {
        XCTAssertEqual(again.trial, run.trial)
        return
      }
      usleep(1000)
    }
    XCTFail("it is not tried again")
  }

  func testATrialThatComesToAMaximumRaisedMeanwhileGoesOnWhereNoneIsPaused() throws {
    let schedulers = [
      PartSpec("full"), PartSpec("median"), PartSpec("extrapolation"),
      PartSpec("asha", options: ["variant": .text("stopping")]),
    ]
    for scheduler in schedulers {
      let session = try Session.open(try log(scheduler))
      guard case .run(let run) = try session.ask() else { return XCTFail("a trial to run") }
      XCTAssertEqual(run.target, 27)
      try session.amend { spec in
        var next = spec
        next.fidelity?.maximum = 81
        return next
      }
      for epoch in 1...26 {
        _ = try session.report(run.trial, resource: Double(epoch), [MetricValue("loss", 1 / Double(epoch))])
      }
      let (state, why) = try session.completion(run.trial, resource: 27, [MetricValue("loss", 0.03)], seconds: 1)
      XCTAssertEqual(state, .paused, "\(scheduler)")
      XCTAssertNil(why)
      XCTAssertEqual(session.state.trials[run.trial].resource, 27)
      guard case .run(let next) = try session.ask() else { return XCTFail("it goes on") }
      XCTAssertEqual(next.trial, run.trial, "\(scheduler)")
      XCTAssertEqual([next.reached, next.target], [27, 81])
      XCTAssertEqual(try session.complete(run.trial, resource: 81, [MetricValue("loss", 0.01)], seconds: 1), .completed)
    }
  }
}
