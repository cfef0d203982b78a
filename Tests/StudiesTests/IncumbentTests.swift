import TrimtabNumerics
import TrimtabSearchSpaces
import XCTest

@testable import TrimtabStudies

final class IncumbentTests: XCTestCase {
  func testTheBestCompleteTrialIsTheIncumbent() throws {
    var life = try Life()
    for value in [3.0, 1, 2, 1] { try life.complete(value) }
    XCTAssertEqual(life.state.incumbent, 1, "of equals, the earlier")
    XCTAssertEqual(life.state.incumbentChanges.map(\.trial), [0, 1])
    XCTAssertEqual(life.state.incumbentChanges.map(\.trialCount), [1, 2])
  }

  func testMaximisingTurnsTheOrder() throws {
    var life = try Life { $0.objectives = [Objective(metric: "loss", goal: .maximize)] }
    for value in [3.0, 1, 5, 2] { try life.complete(value) }
    XCTAssertEqual(life.state.incumbent, 2)
  }

  func testWhileNoTrialIsCompleteTheFurthestCounts() throws {
    var life = try Life { $0.fidelity = Fidelity(name: "epoch", maximum: 9) }
    let a = try life.start()
    let b = try life.start()
    try life.report(a, 1, at: 1)
    try life.report(b, 5, at: 3)
    XCTAssertEqual(life.state.incumbent, b)
    XCTAssertFalse(life.state.incumbentIsComplete)
    try life.report(a, 0.9, at: 3)
    XCTAssertEqual(life.state.incumbent, a)
    try life.absorb(.trialCompleted(b, seconds: 1))
    XCTAssertEqual(life.state.incumbent, b)
    XCTAssertTrue(life.state.incumbentIsComplete)
    try life.report(a, 0.1, at: 8)
    XCTAssertEqual(life.state.incumbent, b, "a value on the way does not replace a final one")
  }

  func testACompleteTrialGoesOnToARaisedMaximumAndIsRankedAboveThoseThatDidNot() throws {
    var life = try Life { $0.fidelity = Fidelity(name: "epoch", maximum: 9) }
    func run(_ value: Double) throws -> TrialNumber {
      let trial = try life.start(target: 9)
      try life.report(trial, value, at: 9)
      try life.absorb(.trialCompleted(trial, seconds: 1))
      return trial
    }
    let best = try run(1)
    let second = try run(2)
    let resume = Event.Body.trialProposed(second, .resume, target: 27, Annotation())
    life.refuses(.trialProposed(second, .resume, target: 9, Annotation()), "cannot go on")
    var spec = life.state.spec
    spec.fidelity?.maximum = 27
    try life.absorb(.studyAmended(specification: spec.json.text))
    XCTAssertEqual(life.state.incumbent, best)
    try life.absorb(resume)
    try life.absorb(.trialStarted(second, worker: 1))
    try life.report(second, 0.5, at: 10)
    XCTAssertEqual(life.state.incumbent, second)
    try life.report(second, 1.5, at: 20)
    XCTAssertEqual(life.state.incumbent, best, "on its way it may fall back")
    try life.report(second, 1.25, at: 27)
    try life.absorb(.trialCompleted(second, seconds: 1))
    XCTAssertEqual(life.state.incumbent, second, "what reached more counts first")
    XCTAssertEqual(life.state.count(.completed), 2)
    life.refuses(resume, "cannot go on")
    // Whose way to more fails keeps what it had.
    try life.absorb(.trialProposed(best, .resume, target: 27, Annotation()))
    try life.absorb(.trialStarted(best, worker: 1))
    try life.absorb(.trialFailed(best, .rejected, message: "", seconds: 1))
    XCTAssertTrue(life.state.isCandidate(best))
  }

  func testACompleteTrialWithMoreReplicatesComesBeforeOneWithALowerMeanOverFewer() throws {
    var life = try Life { $0.fidelity = Fidelity(name: "fold", maximum: 3, countsReplicates: true) }
    for (loss, folds) in [(2.0, 3), (1, 1), (3, 3)] {
      let trial = try life.start(target: 3)
      for fold in 1...folds { try life.report(trial, loss, at: Double(fold)) }
      try life.absorb(.trialCompleted(trial, seconds: 1))
    }
    XCTAssertEqual(life.state.incumbent, 0)
    XCTAssertEqual(life.state.invariantViolations(), [])
  }

  func testATrialThatEndedByItselfDoesNotGoOn() throws {
    var life = try Life { $0.fidelity = Fidelity(name: "epoch", maximum: 9) }
    let trial = try life.start(target: 9)
    try life.report(trial, 1, at: 4)
    try life.absorb(.trialCompleted(trial, seconds: 1))
    life.refuses(.trialProposed(trial, .resume, target: 27, Annotation()), "cannot go on")
  }

  func testAnIncumbentThatFailsMakesRoomForTheNext() throws {
    var life = try Life { $0.fidelity = Fidelity(name: "epoch", maximum: 9) }
    let a = try life.start()
    let b = try life.start()
    try life.report(a, 1, at: 3)
    try life.report(b, 2, at: 3)
    try life.absorb(.trialFailed(a, .rejected, message: "", seconds: 1))
    XCTAssertEqual(life.state.incumbent, b)
    try life.report(b, .nan, at: 4)
    XCTAssertNil(life.state.incumbent)
    try life.report(b, 7, at: 5)
    XCTAssertEqual(life.state.incumbent, b)
  }

  func testAStoppedTrialMayBeTheIncumbent() throws {
    var life = try Life { $0.fidelity = Fidelity(name: "epoch", maximum: 9) }
    let a = try life.start()
    try life.report(a, 1, at: 3)
    try life.absorb(.trialStopped(a, .method, seconds: 1))
    XCTAssertEqual(life.state.incumbent, a)
  }
}

final class ParetoFrontTests: XCTestCase {
  private func bruteForce(_ points: [[Double]]) -> [Int] {
    points.indices.filter { i in
      !points.indices.contains { j in
        zip(points[j], points[i]).allSatisfy { $0 <= $1 } && zip(points[j], points[i]).contains { $0 < $1 }
      }
    }
  }

  func testTheFrontIsThatOfBruteForce() {
    for dimensions in 1...4 {
      for seed in 0..<40 as Range<UInt64> {
        var stream = RandomStream(seed: seed, purpose: 1, index: UInt64(dimensions))
        // Coarse values make ties and equal points.
        let points = (0..<60).map { _ in
          (0..<dimensions).map { _ in Double(stream.index(below: seed % 2 == 0 ? 5 : 1000)) }
        }
        XCTAssertEqual(paretoFront(points), bruteForce(points))
      }
    }
  }

  func testTheEdgesOfTheFront() {
    XCTAssertEqual(paretoFront([]), [])
    XCTAssertEqual(paretoFront([[1, 2]]), [0])
    XCTAssertEqual(paretoFront([[1, 1], [1, 1]]), [0, 1], "equal points do not beat each other")
    XCTAssertEqual(paretoFront([[1, .infinity], [1, 3], [-.infinity, 9]]), [1, 2])
  }

  func testOnlyCompleteTrialsWithAllObjectivesAreOnTheFront() throws {
    var life = try Life {
      $0.objectives = [Objective(metric: "loss"), Objective(metric: "acc", goal: .maximize)]
    }
    func run(_ loss: Double, _ acc: Double?) throws {
      let trial = try life.start()
      let metrics = [MetricValue("loss", loss)] + (acc.map { [MetricValue("acc", $0)] } ?? [])
      try life.absorb(.reported(trial, resource: nil, metrics))
      try life.absorb(.trialCompleted(trial, seconds: 1))
    }
    try run(1, 0.5)
    try run(2, 0.9)
    try run(3, 0.8)
    try run(0, nil)
    try run(0, .nan)
    XCTAssertEqual(life.state.paretoTrials(), [0, 1])
    XCTAssertEqual(life.state.rankedTrials(), [3, 4, 0, 1, 2])
  }
}
