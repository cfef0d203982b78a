import TrimtabNumerics
import TrimtabSearchSpaces
import XCTest

@testable import TrimtabStudies

/// Conditions on what trials report: how they are written, and what they change in a study.
final class OutcomeConstraintTests: XCTestCase {
  private func parse(_ line: String) throws -> StudySpec {
    try StudyFile.parse(
      """
      objective: {metric: loss, goal: minimize}
      \(line)
      space:
        lr: {type: float, low: 1e-4, high: 1, scale: log}
      """, name: "study.yaml", defaultName: "s"
    ).spec
  }

  private func error(_ line: String) -> String {
    do {
      _ = try parse(line)
      return "no error"
    } catch { return "\(error)" }
  }

  func testConditionsAreReadAndWritten() throws {
    let spec = try parse("outcome-constraints: [latency_ms <= 20, \"top 5>=0.9\"]")
    XCTAssertEqual(
      spec.outcomeConstraints,
      [OutcomeConstraint(metric: "latency_ms", .atMost, 20), OutcomeConstraint(metric: "top 5", .atLeast, 0.9)])
    XCTAssertEqual(try StudySpec.parse(json: spec.json.text, name: "again").outcomeConstraints, spec.outcomeConstraints)
  }

  func testWhatIsNoConditionIsRefusedWithTheMend() {
    XCTAssertTrue(error("outcome-constraints: [latency < 20]").contains("write a metric, <= or >=, and a number"))
    XCTAssertTrue(error("outcome-constraints: [latency <= fast]").contains("'fast' is not a finite number"))
    XCTAssertTrue(error("outcome-constraints: [latency <= inf]").contains("not a finite number"))
    XCTAssertTrue(error("outcome-constraints: [3 <= latency <= 5]").contains("is not a condition on a metric"))
    XCTAssertTrue(error("outcome-constraints: latency <= 3").contains("outcome-constraints must be a list"))
    XCTAssertTrue(error("outcome-constraints: [a <= 3, a <= 2]").contains("has a bound of that kind already: a <= 3"))
    XCTAssertTrue(error("outcome-constraints: [a <= 3, a >= 4]").contains("no value meets both a <= 3 and a >= 4"))
    XCTAssertTrue(
      error("outcome-constraints: [epoch <= 3]\nfidelity: {name: epoch, max: 9}").contains("'epoch' is the fidelity"))
    XCTAssertEqual(error("outcome-constraints: [a <= 3, a >= 3]"), "no error")
  }

  func testExcessesHaveTheirSideAndUnit() {
    let most = OutcomeConstraint(metric: "a", .atMost, 20)
    XCTAssertEqual([25.0, 20, 5].map(most.excess), [5, 0, -15])
    XCTAssertEqual([25.0, 20, 5].map(most.violation), [0.25, 0, 0])
    let least = OutcomeConstraint(metric: "a", .atLeast, -4)
    XCTAssertEqual([-6.0, -4, 0].map(least.excess), [2, 0, -4])
    XCTAssertEqual(least.violation(-6), 0.5)
    XCTAssertEqual(most.excess(.nan), .infinity)
    XCTAssertEqual(OutcomeConstraint(metric: "a", .atMost, 0).violation(3), 3)
  }

  // MARK: In a study

  private func life() throws -> Life {
    try Life { $0.outcomeConstraints = [OutcomeConstraint(metric: "ms", .atMost, 10)] }
  }

  private func complete(_ life: inout Life, _ loss: Double, _ milliseconds: Double?) throws {
    let trial = try life.start()
    let metrics = [MetricValue("loss", loss)] + (milliseconds.map { [MetricValue("ms", $0)] } ?? [])
    try life.absorb(.reported(trial, resource: nil, metrics))
    try life.absorb(.trialCompleted(trial, seconds: 1), after: 0)
  }

  func testOnlyTrialsThatMeetTheConditionsAreSolutions() throws {
    var life = try life()
    try complete(&life, 1, 30)
    XCTAssertNil(life.state.incumbent)
    try complete(&life, 2, 12)
    XCTAssertEqual(life.state.leastViolating, 1)
    XCTAssertEqual(life.state.rankedTrials(), [])
    try complete(&life, 9, 10)
    try complete(&life, 8, nil)
    XCTAssertEqual(life.state.incumbent, 2, "what was not reported is not met")
    try complete(&life, 5, 3)
    XCTAssertEqual(life.state.rankedTrials(), [4, 2])
    XCTAssertLessThan(life.state.judgedLoss(2), life.state.judgedLoss(1))
    XCTAssertLessThan(life.state.judgedLoss(1), life.state.judgedLoss(0))
    XCTAssertLessThan(life.state.judgedLoss(0), .infinity)
  }

  func testOtherBoundsMakeAnotherIncumbent() throws {
    var life = try life()
    try complete(&life, 1, 30)
    try complete(&life, 2, 3)
    XCTAssertEqual(life.state.incumbent, 1)
    for (bound, incumbent) in [(40.0, 0), (1, nil), (10, 1)] as [(Double, Int?)] {
      var spec = life.state.spec
      spec.outcomeConstraints[0].bound = bound
      try life.absorb(.studyAmended(specification: spec.json.text))
      XCTAssertEqual(life.state.incumbent, incumbent)
    }
  }

  func testATrialThatOverstepsABoundOnItsWayIsNoIncumbentAnyMore() throws {
    var life = try Life {
      $0.fidelity = Fidelity(name: "epoch", maximum: 9)
      $0.outcomeConstraints = [OutcomeConstraint(metric: "ms", .atMost, 10)]
    }
    let a = try life.start()
    let b = try life.start()
    try life.absorb(.reported(a, resource: 1, [MetricValue("loss", 1), MetricValue("ms", 5)]))
    try life.absorb(.reported(b, resource: 1, [MetricValue("loss", 2), MetricValue("ms", 5)]))
    XCTAssertEqual(life.state.incumbent, a)
    try life.absorb(.reported(a, resource: 1, [MetricValue("ms", 11)]))
    XCTAssertEqual(life.state.incumbent, b)
    try life.absorb(.reported(a, resource: 2, [MetricValue("loss", 0.5), MetricValue("ms", 11)]))
    XCTAssertEqual(life.state.incumbent, b)
    try life.absorb(.reported(a, resource: 3, [MetricValue("loss", 0.6), MetricValue("ms", 9)]))
    XCTAssertEqual(life.state.incumbent, a)
  }

  func testTheFrontHoldsSolutionsOnly() throws {
    var life = try Life {
      $0.objectives = [Objective(metric: "loss"), Objective(metric: "ms")]
      $0.outcomeConstraints = [OutcomeConstraint(metric: "ms", .atMost, 10)]
    }
    for (loss, milliseconds) in [(1, 30), (2, 9), (3, 5), (4, 7)] as [(Double, Double)] {
      try complete(&life, loss, milliseconds)
    }
    XCTAssertEqual(life.state.paretoTrials(), [1, 2])
  }
}
