import TrimtabAnalysis
import TrimtabNumerics
import XCTest

final class BootstrapTests: XCTestCase {
  /// `[task][method][seed]`: normal numbers about `means[method]`, shifted by task.
  private func runs(
    tasks: Int, seeds: Int, means: [Double], taskSpread: Double = 0, seed: UInt64 = 1
  ) -> [[[Double]]] {
    var stream = RandomStream(seed: seed, purpose: 7, index: 0)
    return (0..<tasks).map { _ in
      let shift = taskSpread * stream.normal()
      return means.map { mean in (0..<seeds).map { _ in mean + shift + stream.normal() } }
    }
  }

  func testAggregatesAgreeWithTheirDefinitions() {
    XCTAssertEqual(interquartileMean([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]), 3.857142857142857, accuracy: 1e-14)
    XCTAssertEqual(quantile([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], 0.975), 8.25)
    XCTAssertEqual(median([1, 4, 2, 3]), 2.5)
    XCTAssertEqual(quantile([1, .infinity], 0), 1)
    XCTAssertEqual(quantile([.infinity, .infinity], 0.3), .infinity)
    XCTAssertTrue(median([]).isNaN)
    XCTAssertTrue(interquartileMean([1, .nan]).isNaN)
    let values: [[Double]] = [[0, 2], [5, 7], [1, 1]]
    XCTAssertEqual(Aggregate.mean(values), 8.0 / 3, accuracy: 1e-15)
    XCTAssertEqual(Aggregate.median(values), 1)
    XCTAssertEqual(Aggregate.interquartileMean(values), 9.0 / 4)
    XCTAssertEqual(Aggregate.optimalityGap(target: 1)(values), (0.5 + 5 + 0) / 3, accuracy: 1e-15)
  }

  func testTheEstimateIsTheAggregateOfTheRunsThemselves() throws {
    let values = runs(tasks: 5, seeds: 7, means: [0, 1, 2], taskSpread: 2)
    let bootstrap = Bootstrap(draws: 10)
    for aggregate in [Aggregate.mean, .median, .interquartileMean, .optimalityGap(target: 0.5)] {
      let found = try bootstrap.intervals(values, of: aggregate)
      for method in 0..<3 {
        XCTAssertEqual(found[method].estimate, aggregate(values.map { $0[method] }), accuracy: 1e-12, aggregate.name)
        XCTAssertLessThanOrEqual(found[method].lower, found[method].upper)
      }
    }
    XCTAssertEqual(try bootstrap.rankIntervals(values).map(\.estimate), try averageRanks(seedMeans(values)))
    let point = try Bootstrap(draws: 10).bands(values.map { $0.map { $0.map { [$0, -$0] } } }, of: .mean)
    XCTAssertEqual(point[1].estimate[0], -point[1].estimate[1], accuracy: 1e-12)
    XCTAssertEqual(point[1].lower[0], -point[1].upper[1], accuracy: 1e-12)
  }

  func testTheFastPathsAgreeWithAggregatingEveryDrawAnew() throws {
    let values = runs(tasks: 4, seeds: 5, means: [0, 0.3], taskSpread: 1)
    for scheme in [Bootstrap.Scheme.seedsWithinTasks, .tasksThenSeeds] {
      let bootstrap = Bootstrap(scheme, draws: 200, seed: 5)
      for aggregate in [Aggregate.mean, .median, .interquartileMean] {
        let slow = try bootstrap.intervals(seedCounts: [5, 5, 5, 5]) { (resample) throws(AnalysisError) in
          let drawn = resample.apply(values)
          return (0..<2).map { method in aggregate(drawn.map { $0[method] }) }
        }
        for (a, b) in zip(try bootstrap.intervals(values, of: aggregate), slow) {
          XCTAssertEqual(a.lower, b.lower, accuracy: 1e-12)
          XCTAssertEqual(a.upper, b.upper, accuracy: 1e-12)
        }
      }
      let slow = try bootstrap.intervals(seedCounts: [5, 5, 5, 5]) { (resample) throws(AnalysisError) in
        try averageRanks(seedMeans(resample.apply(values)))
      }
      XCTAssertEqual(try bootstrap.rankIntervals(values), slow)
    }
  }

  func testIntervalsHaveTheWidthThatTheNormalDistributionForetells() throws {
    // One task, 100 seeds of unit variance: a half-width of 1.96 / 10, and the bootstrap's own error of a few per cent.
    let values = runs(tasks: 1, seeds: 100, means: [3], seed: 4)
    let spread = values[0][0].reduce(0) { $0 + ($1 - mean(values[0][0])) * ($1 - mean(values[0][0])) }
    let expected = 2 * 1.96 * (spread / 100).squareRoot() / 10
    let found = try Bootstrap(draws: 4000).intervals(values, of: .mean)[0]
    XCTAssertEqual(found.upper - found.lower, expected, accuracy: 0.06 * expected)
    // With confidence 0.5 it is ±0.674.
    let half = try Bootstrap(draws: 4000, confidence: 0.5).intervals(values, of: .mean)[0]
    XCTAssertEqual((half.upper - half.lower) / (found.upper - found.lower), 0.6745 / 1.96, accuracy: 0.03)
  }

  func testIntervalsCoverTheTruthAboutAsOftenAsTheySay() throws {
    var covered = 0
    for trial in 0..<300 {
      let values = runs(tasks: 3, seeds: 20, means: [0], seed: UInt64(trial))
      let found = try Bootstrap(draws: 300, seed: UInt64(trial)).intervals(values, of: .mean)[0]
      if found.lower <= 0, found.upper >= 0 { covered += 1 }
    }
    // 95 % less the known shortfall of percentile intervals on 20 seeds; five standard errors are 0.06.
    XCTAssertEqual(Double(covered) / 300, 0.94, accuracy: 0.06)
  }

  func testDrawingTasksTooWidensTheIntervalWhereTasksDiffer() throws {
    let values = runs(tasks: 12, seeds: 10, means: [0], taskSpread: 5)
    let within = try Bootstrap(draws: 1000).intervals(values, of: .mean)[0]
    let twoLevel = try Bootstrap(.tasksThenSeeds, draws: 1000).intervals(values, of: .mean)[0]
    XCTAssertGreaterThan(twoLevel.upper - twoLevel.lower, 5 * (within.upper - within.lower))
  }

  func testSharedSeedsCancelOutOfDifferences() throws {
    var values = runs(tasks: 3, seeds: 10, means: [0])
    for task in values.indices { values[task].append(values[task][0].map { $0 + 0.25 }) }
    let found = try Bootstrap(draws: 100).differences(values, from: 0, of: .mean)
    XCTAssertEqual(found[0], Interval(estimate: 0, lower: 0, upper: 0))
    XCTAssertEqual(found[1].lower, 0.25, accuracy: 1e-12)
    XCTAssertEqual(found[1].upper, 0.25, accuracy: 1e-12)
  }

  func testTheSameSeedGivesTheSameIntervals() throws {
    let values = runs(tasks: 3, seeds: 10, means: [0, 1])
    let one = try Bootstrap(draws: 50, seed: 9).intervals(values, of: .mean)
    XCTAssertEqual(one, try Bootstrap(draws: 50, seed: 9).intervals(values, of: .mean))
    XCTAssertNotEqual(one, try Bootstrap(draws: 50, seed: 10).intervals(values, of: .mean))
  }

  func testARunWithoutAResultMakesItsMethodsAggregateUnknown() throws {
    let found = try Bootstrap(draws: 50).intervals([[[1, .nan], [1, 2]]], of: .mean)
    XCTAssertTrue(found[0].estimate.isNaN && found[0].lower.isNaN)
    XCTAssertEqual(found[1].estimate, 1.5)
  }

  func testMissingRunsAndImpossibleSettingsAreNamed() {
    XCTAssertThrowsError(try Bootstrap().intervals([[[1, 2], [1]]], of: .mean)) { error in
      XCTAssertEqual(
        "\(error)",
        "task 0 has 1 seeds of method 1 and 2 of method 0; all need the same seeds, at least one")
    }
    XCTAssertThrowsError(try Bootstrap(draws: 0).intervals([[[1]]], of: .mean))
    XCTAssertThrowsError(try Bootstrap(confidence: 1).intervals([[[1]]], of: .mean))
    XCTAssertThrowsError(try Bootstrap().differences([[[1]]], from: 1, of: .mean))
    XCTAssertThrowsError(try Bootstrap().intervals([], of: .mean))
  }

  // MARK: Two methods

  func testProbabilityOfImprovementCountsTiesHalf() throws {
    XCTAssertEqual(try probabilityOfImprovement(of: [[1, 2]], over: [[2, 3]]), 3.5 / 4)
    XCTAssertEqual(try probabilityOfImprovement(of: [[1, 2]], over: [[2, 3]], isPaired: true), 1)
    XCTAssertEqual(try probabilityOfImprovement(of: [[1], [5]], over: [[2], [4]]), 0.5)
    XCTAssertEqual(try probabilityOfImprovement(of: [[.nan]], over: [[2]]), 0)
    XCTAssertThrowsError(try probabilityOfImprovement(of: [[1, 2]], over: [[1]], isPaired: true))
    let interval = try Bootstrap(draws: 500).probabilityOfImprovement(of: [[1, 2, 4]], over: [[2, 3, 3]])
    XCTAssertEqual(interval.estimate, (3 + 2.5 + 0) / 9, accuracy: 1e-12)
    XCTAssertLessThan(interval.lower, interval.estimate)
    XCTAssertLessThanOrEqual(interval.upper, 1)
  }

  func testCliffsDeltaIsOneWhereEveryRunIsBetter() {
    XCTAssertEqual(cliffsDelta([1, 2], [3, 4]), 1)
    XCTAssertEqual(cliffsDelta([3, 4], [1, 2]), -1)
    XCTAssertEqual(cliffsDelta([1, 3], [2, 3]), 0.25)
  }

  func testWinsTiesAndLossesAreCountedAfterRounding() throws {
    let count = try WinTieLoss(of: [1, 2, 3, .nan, 5], over: [2, 2 + 1e-12, 1, 1, 5])
    XCTAssertEqual([count.wins, count.ties, count.losses], [1, 2, 2])
    XCTAssertEqual(try WinTieLoss(of: [2], over: [2 + 1e-12], decimals: nil).wins, 1)
    XCTAssertThrowsError(try WinTieLoss(of: [1], over: []))
  }
}
