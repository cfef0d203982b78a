import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

final class TreeTests: XCTestCase {
  private func points(_ rows: [([Double], [Int32])]) -> FeaturePoints {
    var points = FeaturePoints(numberCount: rows[0].0.count, choiceCount: rows[0].1.count)
    for row in rows { points.append(row.0, row.1) }
    return points
  }

  private func randomPoints(_ count: Int, _ numbers: Int, choices: Int = 0, seed: UInt64) -> FeaturePoints {
    var stream = RandomStream(seed: seed, purpose: 1, index: 0)
    return points(
      (0..<count).map { _ in
        ((0..<numbers).map { _ in stream.uniform() }, (0..<choices).map { _ in Int32(stream.index(below: 4)) })
      })
  }

  // MARK: Forest

  func testAForestWithoutBootstrapsRecoversAStepFunctionOfAChoiceAndANumber() {
    let points = randomPoints(200, 2, choices: 1, seed: 3)
    func step(_ i: Int) -> Double { points.choices[0][i] == 2 ? (points.numbers(of: i)[1] < 0.4 ? -3 : 5) : 1 }
    var options = RandomForest.Options()
    options.bootstraps = false
    let forest = RandomForest(points, (0..<200).map(step), options: options, seed: 1)
    let (means, variances) = forest.predict(points)
    for i in 0..<200 {
      XCTAssertEqual(means[i], step(i), accuracy: 1e-12)
      XCTAssertEqual(variances[i], RandomForest.leastVariance)
    }
  }

  func testTreesOfAForestDifferWhereThereAreNoData() {
    var numbers = randomPoints(100, 1, seed: 5)
    numbers = points(
      (0..<100).map { ([numbers.numbers[$0] < 0.5 ? numbers.numbers[$0] : numbers.numbers[$0] + 2], []) })
    let targets = (0..<100).map { numbers.numbers[$0] < 1 ? 0 : 1.0 }
    let forest = RandomForest(numbers, targets, seed: 2)
    let (means, variances) = forest.predict(points([([0.2], []), ([1.5], []), ([2.8], [])]))
    XCTAssertEqual(means[0], 0, accuracy: 1e-9)
    XCTAssertEqual(means[2], 1, accuracy: 1e-9)
    XCTAssertGreaterThan(variances[1], 0.01)
  }

  func testLeavesOfLogarithmsAverageTheExponentials() {
    var options = RandomForest.Options()
    options.bootstraps = false
    options.hasLogTargets = true
    let same = points([([0.5], []), ([0.5], [])])
    let (means, _) = RandomForest(same, [0, 1.0], options: options, seed: 1).predict(same)
    XCTAssertEqual(means[0], _log((1 + _exp(1)) / 2), accuracy: 1e-12)
  }

  func testAForestTakesManyChoicesAndOnesItHasNotSeen() {
    let many = points((0..<300).map { ([], [Int32($0 % 100)]) })
    let forest = RandomForest(many, (0..<300).map { $0 % 100 == 70 ? -1 : 1.0 }, seed: 4)
    let (means, _) = forest.predict(points([([], [70]), ([], [3]), ([], [9999])]))
    XCTAssertLessThan(means[0], 0)
    XCTAssertEqual(means[1], 1, accuracy: 1e-9)
    XCTAssertEqual(means[2], 1, accuracy: 1e-9)
  }

  func testImprovementOfALogarithmIsTheReferences() {
    XCTAssertEqual(
      ForestImprovement.value(mean: -0.8, variance: 0.25, best: -1), 0.03304786253808992, accuracy: 1e-12)
    var stream = RandomStream(seed: 1, purpose: 2, index: 3)
    for _ in 0..<1000 {
      let mean = 20 * stream.normal()
      XCTAssertGreaterThanOrEqual(
        ForestImprovement.value(mean: mean, variance: stream.uniform() * 5 + 1e-10, best: -1), 0)
    }
  }

  func testScaledCostsKeepTheirOrderAndStretchTheBest() {
    let costs = LogScaledCost.apply([5, 1, 1.01, 100, 3])
    XCTAssertEqual(costs.indices.sorted { costs[$0] < costs[$1] }, [1, 2, 4, 0, 3])
    XCTAssertEqual(costs[3], 0, accuracy: 1e-12)
    XCTAssertGreaterThan(costs[2] - costs[1], 0.3)
    XCTAssertTrue(LogScaledCost.apply([-1e308, 1e308, 3]).allSatisfy(\.isFinite))
    XCTAssertEqual(LogScaledCost.apply([7, 7]), [0, 0])
  }

  // MARK: Boosting

  func testSelectedQuantilesInterpolate() {
    var stream = RandomStream(seed: 9, purpose: 9, index: 9)
    let values = (0..<37).map { _ in (stream.uniform() * 20).rounded() }
    for fraction in [0, 0.1, 1.0 / 6, 0.5, 0.77, 1] {
      var scratch = values
      XCTAssertEqual(
        QuantileBoosting.select(&scratch, 0..<37, fraction), OutputTransform.quantile(values.sorted(), fraction),
        accuracy: 1e-12)
    }
  }

  func testBoostedQuantilesFollowNoiseThatGrows() {
    let count = 2000
    let points = randomPoints(count, 3, seed: 11)
    var stream = RandomStream(seed: 12, purpose: 1, index: 0)
    // The deviation is 0.1 on the left and 2 on the right.
    let targets = (0..<count).map { (points.numbers(of: $0)[0] < 0.5 ? 0.1 : 2) * stream.normal() }
    let binning = QuantileBoosting.Binning(points)
    let bins = binning.bins(points)
    let low = QuantileBoosting(bins, binning, targets, quantile: 1.0 / 6).predict(bins)
    let high = QuantileBoosting(bins, binning, targets, quantile: 5.0 / 6).predict(bins)
    func width(_ isLeft: Bool) -> Double {
      let rows = (0..<count).filter { (points.numbers(of: $0)[0] < 0.5) == isLeft }
      return rows.reduce(0) { $0 + (high[$1] - low[$1]) / Double(rows.count) }
    }
    // 2 · 0.967 deviations.
    XCTAssertEqual(width(true), 0.193, accuracy: 0.06)
    XCTAssertEqual(width(false), 3.87, accuracy: 0.6)
  }

  func testBoostingSplitsChoicesOff() {
    let many = points((0..<600).map { ([], [Int32($0 % 300)]) })
    let targets = (0..<600).map { $0 % 300 == 7 ? 10.0 : 0 }
    let binning = QuantileBoosting.Binning(many)
    let bins = binning.bins(many)
    let found = QuantileBoosting(bins, binning, targets, quantile: 0.5).predict(bins)
    XCTAssertGreaterThan(found[7], 9)
    XCTAssertEqual(found[8], 0, accuracy: 1e-9)
  }

  func testTheCorrectionHasTheLevelOfTheGuarantee() {
    let errors = [-0.2, 0.1, 0.05, -0.05, 0.3]
    XCTAssertEqual(ConformalQuantiles.correction(errors, coverage: 0.66), 0.1336, accuracy: 1e-12)
    XCTAssertEqual(ConformalQuantiles.correction(errors, coverage: 0.34), 0.0132, accuracy: 1e-12)
  }

  func testCorrectedIntervalsCoverFreshData() {
    var covered = 0
    var total = 0
    for seed in 1...4 as ClosedRange<UInt64> {
      let points = randomPoints(1000, 4, seed: seed)
      let fresh = randomPoints(1000, 4, seed: seed + 100)
      var stream = RandomStream(seed: seed, purpose: 5, index: 0)
      func target(_ points: FeaturePoints, _ i: Int) -> Double {
        let x = points.numbers(of: i)
        return 3 * x[0] * x[1] + (0.2 + x[2]) * stream.normal()
      }
      let targets = (0..<1000).map { target(points, $0) }
      let model = ConformalQuantiles(points, targets, seed: seed)
      let quantiles = model.predict(fresh)
      for i in 0..<1000 {
        let y = target(fresh, i)
        if y >= quantiles[0][i], y <= quantiles[4][i] { covered += 1 }
        total += 1
      }
    }
    XCTAssertGreaterThanOrEqual(Double(covered) / Double(total), 2.0 / 3 - 0.05)
  }

  func testQuantilesNeverCross() {
    let points = randomPoints(60, 2, seed: 8)
    var stream = RandomStream(seed: 1, purpose: 1, index: 1)
    let model = ConformalQuantiles(points, (0..<60).map { _ in stream.normal() }, seed: 1)
    let quantiles = model.predict(randomPoints(50, 2, seed: 9))
    for i in 0..<50 { for k in 1..<5 { XCTAssertLessThanOrEqual(quantiles[k - 1][i], quantiles[k][i]) } }
  }
}
