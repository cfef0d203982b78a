import Foundation
import Trimtab
import XCTest

/// Studies whose objective is a function: what the README shows, and what can go wrong in an objective.
final class StudyTests: XCTestCase {
  private func space() throws -> Space { try Space([.float("x", -5...5), .float("y", -5...5)]) }

  private func study(
    trials: Int, fidelity: Fidelity? = nil, scheduler: PartSpec? = nil, store: StudyStore = .memory
  ) throws -> Study {
    let method = scheduler.map { MethodSpec(sampler: PartSpec("tpe"), scheduler: $0) }
    return try Study(
      "test", space: try space(), objective: Objective(metric: "loss"), fidelity: fidelity,
      budget: Budget(trials: trials), method: method, seed: 5, store: store)
  }

  func testAClosureIsTunedAndTheBestIsNearTheOptimum() async throws {
    let study = try study(trials: 80)
    let reason = try await study.optimize { trial in
      let x = try trial.real("x")
      let y = try trial.real("y")
      return (x - 1) * (x - 1) + (y + 2) * (y + 2)
    }
    XCTAssertEqual(reason, "the budget of 80 trials is spent")
    let best = try await study.best()
    // 80 random points in a square of 100 units reach 0.8 only with probability 1 − (1 − 0.8π/100)^80 = 0.87; TPE's
    // first ten are such points, and the seed is fixed.
    XCTAssertLessThan(try XCTUnwrap(best).value, 0.8)
    XCTAssertEqual(try XCTUnwrap(best).values.map(\.name), ["x", "y"])
  }

  func testASequentialStudyIsTheSameBitForBitWhenRunAgain() async throws {
    func values() async throws -> [Double] {
      let study = try study(trials: 40)
      try await study.optimize { trial in abs(try trial.real("x") - 2) + abs(try trial.real("y")) }
      let state = try await study.state()
      return state.history.slots[0] + state.history.slots[1]
    }
    let first = try await values()
    let second = try await values()
    XCTAssertEqual(first, second)
  }

  func testParallelTrialsAllCountAndNoneTwice() async throws {
    let study = try study(trials: 60)
    try await study.optimize(parallel: 8) { trial in
      try await Task.sleep(for: .milliseconds(2))
      return try trial.real("x")
    }
    let state = try await study.state()
    XCTAssertEqual(state.count(.completed), 60)
    XCTAssertTrue(state.trials.allSatisfy { $0.runs == 1 })
  }

  func testAnObjectiveThatThrowsOrRejectsFailsItsTrialOnly() async throws {
    struct Broken: Error {}
    let study = try study(trials: 30)
    try await study.optimize { trial in
      switch trial.number % 3 {
      case 0: throw Broken()
      case 1: throw TrialEnd.reject("odd")
      default: return .nan
      }
    }
    let state = try await study.state()
    XCTAssertEqual(state.count(.crash), 10)
    XCTAssertEqual(state.count(.rejected), 10)
    XCTAssertEqual(state.count(.invalidValue), 10)
    let best = try await study.best()
    XCTAssertNil(best)
  }

  func testBadTrialsAreStoppedEarlyUnderTheStoppingVariant() async throws {
    let study = try study(trials: 60, fidelity: Fidelity(name: "epoch", maximum: 27))
    try await study.optimize(parallel: 2) { trial in
      let distance = abs(try trial.real("x"))
      for epoch in 1...27 { try await trial.report(distance + 1 / Double(epoch), at: Double(epoch)) }
      return distance + 1.0 / 27
    }
    let state = try await study.state()
    XCTAssertEqual(state.count(.completed) + state.count(.stopped), 60)
    XCTAssertGreaterThan(state.count(.completed), 0)
    XCTAssertLessThan(state.totalResource, 0.6 * 60 * 27)
  }

  func testPausedTrialsGoOnWhereTheyStoppedUnderPromotion() async throws {
    let study = try study(
      trials: 30, fidelity: Fidelity(name: "epoch", maximum: 9), scheduler: PartSpec("asha"))
    try await study.optimize { trial in
      let distance = abs(try trial.real("x"))
      for epoch in (Int(trial.reached) + 1)...9 { try await trial.report(distance, at: Double(epoch)) }
      return distance
    }
    let state = try await study.state()
    XCTAssertEqual(state.count(.running), 0)
    XCTAssertGreaterThan(state.count(.completed), 0)
    // Each epoch of each trial was reported once: resumed trials began where they had stopped.
    for (trial, curve) in state.curves {
      XCTAssertEqual(curve.resources, (1...Int(state.trials[trial].resource)).map(Double.init))
    }
  }

  func testAStudyInAFileGoesOnInTheNextProgram() async throws {
    let folder = NSTemporaryDirectory() + "trimtab-study-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for round in 1...2 {
      let study = try study(trials: 10, store: .file(folder + "/s.trimtab"))
      XCTAssertEqual(study.isNew, round == 1)
      let count = Counter()
      try await study.optimize { trial in
        count.increment()
        return try trial.real("x")
      }
      XCTAssertEqual(count.value, round == 1 ? 10 : 0)
    }
  }

  func testACancelledTaskGivesItsTrialBack() async throws {
    let study = try study(trials: 5)
    let task = Task {
      try await study.optimize { _ in
        try await Task.sleep(for: .seconds(60))
        return 0
      }
    }
    while try await study.state().running.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    task.cancel()
    do {
      _ = try await task.value
      XCTFail("a cancelled task throws")
    } catch is CancellationError {}
    let state = try await study.state()
    XCTAssertEqual(state.trials[0].state, .waiting)
    try await study.optimize { _ in 1 }
    let finished = try await study.state()
    XCTAssertEqual(finished.count(.completed), 5)
  }

  func testEnqueuedValuesAreTriedFirstAndWrongOnesRefused() async throws {
    let study = try study(trials: 3)
    try await study.enqueue([("x", .real(1)), ("y", .real(-2))])
    do {
      try await study.enqueue([("z", .real(1))])
      XCTFail("there is no z")
    } catch let error as SpaceError {
      XCTAssertEqual(error.place, "z")
    }
    try await study.optimize { trial in
      let x = try trial.real("x")
      let y = try trial.real("y")
      return (x - 1) * (x - 1) + (y + 2) * (y + 2)
    }
    let best = try await study.best()
    XCTAssertEqual(best?.trial, 0)
    XCTAssertEqual(best?.value, 0)
  }
}

private final class Counter: @unchecked Sendable {
  private let lock = NSLock()
  private var count = 0

  func increment() { lock.withLock { count += 1 } }
  var value: Int { lock.withLock { count } }
}
