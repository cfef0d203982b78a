import TrimtabAnalysis
import XCTest

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

final class CurveTests: XCTestCase {
  // MARK: Step curves

  func testTheIncumbentIsChosenByWhatWasObservedAndJudgedByItsScore() throws {
    let curve = try StepCurve.incumbent(
      budgets: [1, 2, 3, 4, 5], observed: [.nan, 5, 4, 6, 3], scores: [9, 5.5, 7, 1, 3.5])
    XCTAssertEqual(curve.budgets, [2, 3, 5])
    XCTAssertEqual(curve.values, [5.5, 7, 3.5])
    XCTAssertEqual(curve.values(at: [0, 2, 2.9, 4, 100], before: 8), [8, 5.5, 5.5, 7, 3.5])
    XCTAssertEqual(curve.firstBudget(reaching: 5.5), 2)
    XCTAssertNil(curve.firstBudget(reaching: 3))
  }

  func testOfResultsAtOneBudgetTheLastHolds() throws {
    let curve = try StepCurve.incumbent(budgets: [1, 1, 2], observed: [5, 4, 3])
    XCTAssertEqual(curve.budgets, [1, 2])
    XCTAssertEqual(curve.values, [4, 3])
  }

  func testBudgetsThatFallOrAreNotFiniteAreRefused() {
    XCTAssertThrowsError(try StepCurve(budgets: [2, 1], values: [0, 0]))
    XCTAssertThrowsError(try StepCurve(budgets: [-1], values: [0]))
    XCTAssertThrowsError(try StepCurve(budgets: [.infinity], values: [0]))
    XCTAssertThrowsError(try StepCurve(budgets: [1], values: []))
  }

  func testTheAreaUnderACurveIsThatOfItsSteps() throws {
    let curve = try StepCurve(budgets: [2, 5], values: [0.5, 0.25])
    XCTAssertEqual(try curve.average(to: 10, before: 1), (2 + 1.5 + 1.25) / 10, accuracy: 1e-15)
    XCTAssertEqual(try curve.average(to: 4, before: 1), (2 + 1) / 4, accuracy: 1e-15)
    let expected = (log(2 / 0.1) + 0.5 * log(2.5) + 0.25 * log(2)) / log(100)
    XCTAssertEqual(try curve.logAverage(to: 10, before: 1), expected, accuracy: 1e-15)
    // From a start after the first step, what held there counts.
    XCTAssertEqual(try curve.logAverage(from: 4, to: 5, before: 1), 0.5, accuracy: 1e-15)
    XCTAssertThrowsError(try curve.average(to: 0, before: 1))
    XCTAssertThrowsError(try curve.logAverage(from: 10, to: 10, before: 1))
  }

  func testGridsHoldTheirEndsExactly() {
    XCTAssertEqual(BudgetGrid.linear(from: 0, to: 1, count: 5), [0, 0.25, 0.5, 0.75, 1])
    let grid = BudgetGrid.logarithmic(from: 0.3, to: 300, count: 4)
    XCTAssertEqual(grid.first, 0.3)
    XCTAssertEqual(grid.last, 300)
    XCTAssertEqual(grid[1], 3, accuracy: 1e-14)
    XCTAssertEqual(BudgetGrid.linear(from: 0, to: 7, count: 1), [7])
    XCTAssertEqual(BudgetGrid.linear(from: 0, to: 7, count: 0), [])
  }

  // MARK: Normalised regret

  func testEachKindOfRegretHasItsScale() {
    XCTAssertEqual(NormalisedRegret.simple(optimum: 1).regret(of: 3), 2)
    XCTAssertEqual(NormalisedRegret.minmax(minimum: 1, maximum: 5).regret(of: 2), 0.25)
    let start = NormalisedRegret.rsStart(optimum: 1, median: 3)
    XCTAssertEqual([1, 2, 3, 1e9, 0.5].map { start.regret(of: $0) }, [0, 0.5, 1, 1, 0])
    XCTAssertEqual(NormalisedRegret.worst(optimum: 0, worstFinal: 4).regret(of: 6), 1.5)
    XCTAssertEqual(NormalisedRegret.log10(optimum: 1, floor: 1e-12).regret(of: 1), -12)
    XCTAssertEqual(NormalisedRegret.log10(optimum: 1, floor: 1e-12).regret(of: 1.01), -2, accuracy: 1e-12)
  }

  func testRandomSearchIsOneEverywhereOnItsOwnLine() {
    let line = NormalisedRegret.rsLine(optimum: 1, baseline: [5, 3, 1])
    XCTAssertEqual(line.regrets(of: [5, 3, 1]), [1, 1, 1])
    XCTAssertEqual(line.regrets(of: [3, 2, 1.5]), [0.5, 0.5, .infinity])
    XCTAssertTrue(line.regret(of: 1, point: 3).isNaN)
  }

  func testWhatDivergedOrWasNotFoundYetIsTheWorst() {
    XCTAssertEqual(NormalisedRegret.rsStart(optimum: 0, median: 1).regret(of: .nan), 1)
    XCTAssertEqual(NormalisedRegret.minmax(minimum: 0, maximum: 1).beforeFirstResult, 1)
    XCTAssertEqual(NormalisedRegret.log10(optimum: 0, floor: 1).regret(of: .nan), .infinity)
    XCTAssertTrue(NormalisedRegret.rsStart(optimum: 2, median: 2).regret(of: 3).isNaN)
  }

  func testTheFloorOfALogarithmIsHalfTheSmallestPositiveGap() {
    XCTAssertEqual(NormalisedRegret.logFloor(gaps: [0, 0.5, 0.002, -1]), 0.001)
    XCTAssertEqual(NormalisedRegret.logFloor(gaps: [0]), 1e-12)
    XCTAssertEqual(NormalisedRegret.logFloor(gaps: [1e-15]), 1e-12)
  }

  // MARK: Speed-up

  func testSpeedUpIsTheRatioOfFirstArrivalsAtTheRivalsEnd() throws {
    let grid: [Double] = [1, 2, 4, 8]
    XCTAssertEqual(try SpeedUp(of: [5, 2, 1, 0], over: [6, 4, 3, 2], grid: grid).ratio, 4)
    XCTAssertEqual(try SpeedUp(of: [6, 4, 3, 2], over: [5, 2, 2, 2], grid: grid).ratio, 0.25)
    XCTAssertNil(try SpeedUp(of: [5, 5, 5, 5], over: [6, 4, 3, 2], grid: grid).ratio)
    XCTAssertThrowsError(try SpeedUp(of: [1], over: [1], grid: [0]))
    XCTAssertThrowsError(try SpeedUp(of: [1], over: [1, 2], grid: [1, 2]))
  }

  func testTheIntervalOfASpeedUpCountsRunsThatNeverArrive() throws {
    let grid: [Double] = [1, 2, 4]
    let rival: [[Double]] = [[3, 2, 1], [3, 2, 1], [3, 2, 1]]
    let always = try SpeedUp(
      of: [[2, 1, 0], [2, 1, 0], [2, 1, 0]], over: rival, grid: grid, bootstrap: Bootstrap(draws: 100))
    XCTAssertEqual(always.interval, Interval(estimate: 2, lower: 2, upper: 2))
    XCTAssertEqual(always.missedShare, 0)
    let often = try SpeedUp(
      of: [[2, 1, 0], [2, 1, 0], [9, 9, 9]], over: rival, grid: grid, bootstrap: Bootstrap(draws: 2000))
    XCTAssertEqual(often.ratio, 2)
    XCTAssertEqual(often.interval?.lower, 0)
    // Two or three of three draws are the third seed: 7 of 27.
    XCTAssertEqual(try XCTUnwrap(often.missedShare), 7.0 / 27, accuracy: 0.05)
  }

  // MARK: Targets

  func testTargetsSpanTwoAndAHalfDecadesInFiftyEqualRatios() {
    let targets = TargetHits.defaultTargets
    XCTAssertEqual(targets.count, 51)
    XCTAssertEqual(targets[0], 1)
    XCTAssertEqual(targets[50], 0.0031622776601683794, accuracy: 1e-17)
    XCTAssertEqual(targets[20], 0.1, accuracy: 1e-16)
  }

  func testTheDistributionOfHitsRisesToTheShareThatWasMet() throws {
    let curves = [
      try StepCurve(budgets: [2, 4], values: [0.5, 0.05]), try StepCurve(budgets: [1, 6], values: [0.9, 0.4]),
    ]
    let hits = try TargetHits(curves, budgets: [10, 10], targets: [1, 0.5, 0.1])
    XCTAssertEqual(hits.runs.map(\.hits), [[2, 2, 4], [1, 6, .infinity]])
    let share = try hits.distribution()
    XCTAssertEqual(share.values(at: [0.5, 1, 2, 4, 6, 10], before: 0), [0, 1, 3, 4, 5, 5].map { $0 / 6 })
    // What came in after the budget does not count.
    XCTAssertEqual(try TargetHits(curves, budgets: [10, 5], targets: [0.5]).runs[1].hits, [.infinity])
    XCTAssertEqual(try TargetHits(curves, budgets: [10, 10], divisor: [2, 1], targets: [0.5]).runs[0].hits, [1])
    XCTAssertThrowsError(try TargetHits(curves, budgets: [10]))
  }

  func testExpectedRunTimeSharesTheBudgetOfFailuresAmongSuccesses() throws {
    let curves = [
      try StepCurve(budgets: [2], values: [0]), try StepCurve(budgets: [4], values: [0]),
      try StepCurve(budgets: [1], values: [1]),
    ]
    let hits = try TargetHits(curves, budgets: [10, 10, 20], targets: [1, 0])
    XCTAssertEqual(hits.expectedRunTimes(), [7.0 / 3, 13])
    XCTAssertEqual(try TargetHits(curves, budgets: [1, 1, 1], targets: [0]).expectedRunTimes(), [.infinity])
    // The mean of simulated restarts is the expected run time.
    let simulated = try hits.simulatedRestarts(target: 1, draws: 40_000, seed: 3)
    XCTAssertEqual(mean(simulated), 13, accuracy: 0.5)
    XCTAssertEqual(
      try TargetHits(curves, budgets: [1, 1, 1], targets: [0]).simulatedRestarts(target: 0, draws: 2, seed: 0),
      [.infinity, .infinity])
    XCTAssertThrowsError(try hits.simulatedRestarts(target: 2, draws: 1, seed: 0))
  }
}
