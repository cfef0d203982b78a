import TrimtabSearchSpaces
import XCTest

@testable import TrimtabStudies

final class StudyBudgetTests: XCTestCase {
  func testANumberOfTrialsForbidsNewOnesAndLetsOthersGoOn() throws {
    var life = try Life { $0.budget.trials = 2 }
    try life.complete(1)
    XCTAssertNil(life.state.reachedLimit(now: life.now))
    try life.propose()
    XCTAssertEqual(life.state.reachedLimit(now: life.now), .trials(2))
    XCTAssertEqual(life.state.reachedLimit(now: life.now)?.forbidsContinuing, false)
  }

  func testTimeIsChargedOnlyWhileTrialsRun() throws {
    var life = try Life { $0.budget.seconds = 10 }
    let first = try life.start()
    let second = try life.start()
    try life.absorb(.trialCompleted(first, seconds: 4), after: 4000)
    try life.absorb(.trialCompleted(second, seconds: 5), after: 1000)
    XCTAssertEqual(life.state.activeMilliseconds, 5000, "two trials at a time take the time once")
    // An hour during which nothing runs.
    try life.propose()
    try life.absorb(.trialStarted(2, worker: 1), after: 3_600_000)
    XCTAssertEqual(life.state.activeMilliseconds, 5000)
    XCTAssertNil(life.state.reachedLimit(now: life.now + 4999))
    XCTAssertEqual(life.state.reachedLimit(now: life.now + 5000), .seconds(10))
  }

  func testTimeBetweenAWorkersDeathAndItsDiscoveryIsNotCharged() throws {
    var life = try Life { $0.budget.seconds = 10 }
    let trial = try life.start()
    try life.absorb(.trialLost(trial), after: 86_400_000)
    XCTAssertEqual(life.state.activeMilliseconds, 0)
  }

  func testStoppingATrialThatWaitsChargesNoTime() throws {
    var life = try Life { $0.budget.seconds = 10 }
    let trial = try life.propose()
    try life.absorb(.trialStopped(trial, .user, seconds: 0), after: 86_400_000)
    XCTAssertEqual(life.state.activeMilliseconds, 0)
  }

  func testAClockThatGoesBackChargesNothingAndGivesNothingBack() throws {
    var life = try Life { $0.budget.seconds = 10 }
    let trial = try life.start()
    try life.report(trial, 1)
    XCTAssertEqual(life.state.activeMilliseconds, 1000)
    let latest = life.state.latestTime
    try life.absorb(.reported(trial, resource: nil, [MetricValue("loss", 1)]), after: -5_000_000)
    XCTAssertEqual(life.state.activeMilliseconds, 1000)
    XCTAssertEqual(life.state.latestTime, latest)
    try life.absorb(.reported(trial, resource: nil, [MetricValue("loss", 1)]), after: 2000)
    XCTAssertEqual(life.state.activeMilliseconds, 3000)
    XCTAssertNil(life.state.reachedLimit(now: life.now - 1_000_000))
  }

  func testRunningTrialsAreReservedTheMeanCostOfFinishedOnes() throws {
    var life = try Life {
      $0.budget.cost = 100
      $0.costMetric = "price"
    }
    func run(_ cost: Double) throws {
      let trial = try life.start()
      try life.absorb(.reported(trial, resource: nil, [MetricValue("loss", 1), MetricValue("price", cost)]))
      try life.absorb(.trialCompleted(trial, seconds: 1))
    }
    try run(20)
    try run(40)
    XCTAssertEqual(life.state.meanFinalCost, 30)
    XCTAssertNil(life.state.reachedLimit(now: life.now))
    try life.start()
    XCTAssertNil(life.state.reachedLimit(now: life.now), "60 + 30 is below 100")
    try life.start()
    XCTAssertEqual(life.state.reachedLimit(now: life.now), .cost(100))
    XCTAssertEqual(life.state.reachedLimit(now: life.now)?.forbidsContinuing, true)
  }

  func testATotalCostThatIsReportedAgainIsChargedOnce() throws {
    var life = try Life {
      $0.costMetric = "price"
      $0.fidelity = Fidelity(name: "epoch", maximum: 9)
    }
    let trial = try life.start()
    for (resource, cost) in [(1.0, 5.0), (2, 9), (2, 9), (1, 4)] {
      try life.absorb(.reported(trial, resource: resource, [MetricValue("price", cost)]))
    }
    XCTAssertEqual(life.state.totalCost, 9)
    XCTAssertEqual(life.state.cost(trial), 9)
  }

  func testWithoutACostMetricTheCostIsTheTimeOfAllRuns() throws {
    var life = try Life { $0.retries.failed = 1 }
    let trial = try life.start()
    try life.absorb(.trialFailed(trial, .crash, message: "", seconds: 2))
    try life.absorb(.trialStarted(trial, worker: 1))
    try life.absorb(.trialCompleted(trial, seconds: 3))
    XCTAssertEqual(life.state.totalCost, 5)
  }

  func testAnAmendedBudgetCountsFromThenOn() throws {
    var life = try Life { $0.budget.trials = 1 }
    try life.complete(1)
    XCTAssertNotNil(life.state.reachedLimit(now: life.now))
    var spec = life.state.spec
    spec.budget.trials = 3
    try life.absorb(.studyAmended(specification: spec.json.text))
    XCTAssertNil(life.state.reachedLimit(now: life.now))
  }

  func testAnAmendmentThatChangesTheMeaningOfResultsIsRefused() throws {
    var life = try Life()
    try life.complete(1)
    var spec = life.state.spec
    spec.objectives[0].goal = .maximize
    life.refuses(.studyAmended(specification: spec.json.text), "objective")
    spec = life.state.spec
    spec.space = try Space([.integer("x", 0...1)])
    life.refuses(.studyAmended(specification: spec.json.text), "x")
  }

  func testAnAmendedSpaceKeepsEarlierConfigurations() throws {
    var life = try Life()
    try life.complete(1)
    var spec = life.state.spec
    spec.space = try spec.space.appending(.integer("n", 1...4))
    try life.absorb(.studyAmended(specification: spec.json.text))
    try life.absorb(.trialProposed(1, .new(Configuration(slots: [0.25, 3])), target: nil, Annotation()))
    XCTAssertEqual(spec.space.json(of: life.state.history.configuration(0)).text, "{\"x\":0.5}")
    XCTAssertEqual(spec.space.json(of: life.state.history.configuration(1)).text, "{\"x\":0.25,\"n\":3}")
  }
}
