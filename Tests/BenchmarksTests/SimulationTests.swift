import TrimtabBenchmarks
import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

final class SimulationTests: XCTestCase {
  private func run(
    _ problem: MadeProblem, sampler: String = "random", scheduler: PartSpec = PartSpec("full"), workers: Int = 1,
    budget: SimulationBudget, clock: SimulationClock = SimulationClock(), trials: Int? = nil, seed: UInt64 = 7
  ) throws -> (trace: RunTrace, state: StudyState, checksum: UInt64) {
    let usesFidelity = scheduler.name != "full"
    let spec = StudySpec(
      name: "test", space: problem.space, objectives: problem.objectives,
      fidelity: usesFidelity ? problem.fidelity : nil,
      method: MethodSpec(sampler: PartSpec(sampler), scheduler: scheduler), budget: Budget(trials: trials),
      parallel: workers, seed: seed)
    let time = VirtualTime()
    let optimiser = try SessionOptimiser(spec, clock: { time.milliseconds })
    let simulation = Simulation(problem: problem, workers: workers, budget: budget, clock: clock, seed: seed)
    let trace = try simulation.run(optimiser, time: time, usesFidelity: usesFidelity)
    return (trace, optimiser.state, try optimiser.logChecksum())
  }

  func testTimeIsWhatTheEvaluationsCostOneAfterTheOther() throws {
    let (trace, state, _) = try run(MadeProblem(), budget: SimulationBudget(evaluations: 10))
    let costs = state.trials.indices.map { 1 + state.history.configuration($0).slots[0] }
    XCTAssertEqual(state.count(.completed), 10)
    XCTAssertEqual(trace.seconds, costs.reduce(0, +), accuracy: 1e-9)
    XCTAssertEqual(trace.cost, trace.seconds, accuracy: 1e-9)
    XCTAssertEqual(trace.evaluations, 10)
  }

  func testWorkersShareTheWorkAndNobodyIdles() throws {
    let (trace, state, _) = try run(MadeProblem(), workers: 4, budget: SimulationBudget(evaluations: 200))
    XCTAssertEqual(state.count(.completed), 200)
    XCTAssertEqual(trace.busySeconds, trace.cost, accuracy: 1e-9)
    // Only the very last trials leave workers without work, each less than the longest evaluation.
    XCTAssertLessThan(trace.seconds * 4 - trace.busySeconds, 4 * 2)
  }

  func testTheSameSeedGivesTheSameLogToTheByte() throws {
    for (sampler, scheduler) in [("tpe", PartSpec("full")), ("random", PartSpec("asha"))] {
      let budget = SimulationBudget(evaluations: 40)
      let first = try run(MadeProblem(steps: 9), sampler: sampler, scheduler: scheduler, workers: 3, budget: budget)
      let second = try run(MadeProblem(steps: 9), sampler: sampler, scheduler: scheduler, workers: 3, budget: budget)
      XCTAssertEqual(first.checksum, second.checksum)
      XCTAssertEqual(first.trace.points, second.trace.points)
      let other = try run(
        MadeProblem(steps: 9), sampler: sampler, scheduler: scheduler, workers: 3, budget: budget, seed: 8)
      XCTAssertNotEqual(first.checksum, other.checksum)
    }
  }

  func testAPausedTrialGoesOnWhereItWasAndIsChargedTheRest() throws {
    let problem = try MadeProblem(steps: 9)
    let (trace, state, _) = try run(
      problem, scheduler: PartSpec("asha"), budget: SimulationBudget(), trials: 30)
    let resource = state.trials.reduce(0) { $0 + $1.resource }
    XCTAssertEqual(trace.evaluations, resource / 9, accuracy: 1e-9)
    let cost = state.trials.indices.reduce(0) { sum, trial in
      sum + state.trials[trial].resource * (1 + state.history.configuration(trial).slots[0])
    }
    XCTAssertEqual(trace.cost, cost, accuracy: 1e-9)
    XCTAssertEqual(trace.seconds, cost, accuracy: 1e-9)
    XCTAssertGreaterThan(state.count(.completed), 0)

    var clock = SimulationClock()
    clock.hasCheckpoints = false
    let again = try run(problem, scheduler: PartSpec("asha"), budget: SimulationBudget(), clock: clock, trials: 30)
    let runs = again.state.trials.reduce(0) { $0 + Int($1.runs) }
    XCTAssertGreaterThan(runs, 30)
    XCTAssertGreaterThan(again.trace.cost, cost)
  }

  func testABudgetOfEvaluationsEndsARunWhereItIsSpent() throws {
    let (trace, state, _) = try run(
      MadeProblem(steps: 9), scheduler: PartSpec("asha"), workers: 4, budget: SimulationBudget(evaluations: 5))
    XCTAssertEqual(trace.evaluations, 5, accuracy: 1.0 / 9 + 1e-9)
    XCTAssertGreaterThan(state.trials.count, 5)
  }

  func testNothingCountsThatCameAfterTheTimeWasOver() throws {
    let (trace, _, _) = try run(MadeProblem(), workers: 2, budget: SimulationBudget(seconds: 20))
    XCTAssertEqual(trace.seconds, 20)
    XCTAssertTrue(trace.points.allSatisfy { $0.seconds <= 20 })
    XCTAssertLessThanOrEqual(trace.cost, 40)
    XCTAssertGreaterThan(trace.evaluations, 15)
  }

  func testDelaysAreAddedToEveryMessage() throws {
    var clock = SimulationClock()
    clock.delay = 0.5
    let (trace, _, _) = try run(MadeProblem(), budget: SimulationBudget(evaluations: 10), clock: clock)
    let plain = try run(MadeProblem(), budget: SimulationBudget(evaluations: 10)).trace
    // Start and result of each evaluation, and the worker's being free again after all but the last.
    XCTAssertEqual(trace.seconds - plain.seconds, 10 * 1.0 + 10 * 0.5, accuracy: 0.5 + 1e-9)
  }

  func testTrialsThatCrashOrDivergeAreCountedAndCostWhatTheyUsed() throws {
    var problem = try MadeProblem(steps: 9)
    problem.crashesAbove = 0.8
    problem.divergesAbove = 0.6
    for scheduler in ["full", "median", "asha"] {
      let (trace, state, _) = try run(
        problem, scheduler: PartSpec(scheduler), budget: SimulationBudget(evaluations: 30))
      XCTAssertGreaterThan(state.count(.crash), 0, scheduler)
      XCTAssertGreaterThan(trace.failures, 0, scheduler)
      XCTAssertTrue(trace.points.allSatisfy { $0.observed.isFinite && $0.score.isFinite }, scheduler)
      XCTAssertTrue(state.trials.indices.allSatisfy { !state.trials[$0].hasValue || state.loss($0).isFinite })
    }
  }

  func testTheIncumbentIsTheBestAtTheGreatestResource() throws {
    let (trace, state, _) = try run(
      MadeProblem(steps: 9), scheduler: PartSpec("asha"), workers: 2, budget: SimulationBudget(), trials: 60)
    let last = try XCTUnwrap(trace.points.last)
    let incumbent = try XCTUnwrap(state.incumbent)
    XCTAssertEqual(last.observed, state.trials[incumbent].value)
    XCTAssertEqual(
      trace.incumbent, state.spec.space.json(of: state.history.configuration(incumbent)).text)
    for (a, b) in zip(trace.points, trace.points.dropFirst()) {
      XCTAssertLessThanOrEqual(a.seconds, b.seconds)
      XCTAssertLessThanOrEqual(a.evaluations, b.evaluations)
    }
  }
}
