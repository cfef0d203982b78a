import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

final class TransferTests: XCTestCase {
  private func line(_ count: Int, seed: UInt64 = 1) -> FeaturePoints {
    var points = FeaturePoints(numberCount: 2, choiceCount: 1)
    var stream = RandomStream(seed: seed, purpose: 7, index: 0)
    for _ in 0..<count { points.append([stream.uniform(), stream.uniform()], [Int32(stream.index(below: 2))]) }
    return points
  }

  private func values(_ points: FeaturePoints, _ function: (Double, Double) -> Double) -> [Double] {
    (0..<points.count).map { function(points.numbers[2 * $0], points.numbers[2 * $0 + 1]) }
  }

  private func model(_ points: FeaturePoints, _ losses: [Double]) throws -> GaussianProcess {
    try XCTUnwrap(GaussianProcess.fitted(points, OutputTransform.standard.apply(losses).map { -$0 }))
  }

  private func bowl(_ x: Double, _ y: Double) -> Double { (x - 0.3) * (x - 0.3) + 0.5 * (y - 0.6) * (y - 0.6) }

  // MARK: Ranking weights

  func testTheRankingLossCountsPairsInTheWrongOrder() {
    XCTAssertEqual(RankingWeights.loss([0.1, 0.4, 0.3, 0.9], [0, 1, 2, 3]), 2)
    XCTAssertEqual(RankingWeights.loss([1, 2, 3], [1, 2, 3]), 0)
    XCTAssertEqual(RankingWeights.loss([3, 2, 1], [1, 2, 3]), 6)
    XCTAssertEqual(RankingWeights.loss([1, 1], [1, 1]), 0)
  }

  func testAStudyOfTheOppositeGetsHardlyAnyWeightAfterTenTrials() throws {
    for seed in 1...5 as ClosedRange<UInt64> {
      let old = line(40, seed: seed)
      let new = line(10, seed: seed + 100)
      let target = try model(new, values(new, bowl))
      let same = try model(old, values(old, bowl))
      let opposite = try model(old, values(old, bowl).map { -$0 })
      let weights = RankingWeights.weights(bases: [opposite, same], target: target, seed: seed)
      XCTAssertEqual(weights.reduce(0, +), 1, accuracy: 1e-12)
      XCTAssertLessThan(weights[0], 0.05)
      let only = RankingWeights.weights(bases: [opposite], target: target, seed: seed)
      XCTAssertLessThan(only[0], 0.05)
      XCTAssertGreaterThan(weights[1], 0.1)
    }
  }

  func testManyUselessStudiesDoNotOutweighTheStudyItself() throws {
    let new = line(16, seed: 3)
    let target = try model(new, values(new, bowl))
    let useless = try (0..<12).map { i in
      let old = line(30, seed: UInt64(50 + i))
      var stream = RandomStream(seed: UInt64(i), purpose: 1, index: 0)
      return try model(old, (0..<30).map { _ in stream.normal() })
    }
    let weights = RankingWeights.weights(bases: useless, target: target, seed: 1)
    XCTAssertGreaterThan(weights[12], 0.8)
  }

  // MARK: Ensembles

  func testTheEnsemblesGradientIsItsDerivative() throws {
    let old = line(20, seed: 5)
    let new = line(8, seed: 6)
    let members = [
      EnsembleImprovement.Member(try model(old, values(old, bowl)), weight: 0.7),
      .init(try model(new, values(new) { $0 - $1 }), weight: 0.3),
    ]
    let function = EnsembleImprovement(members, threshold: 0.4)
    var points = line(4, seed: 9)
    let (found, gradients) = function.valuesAndGradients(points)
    XCTAssertEqual(found, function.values(points))
    for row in 0..<points.count {
      for j in 0..<2 {
        func shifted(_ step: Double) -> Double {
          var numbers = points.numbers(of: row)
          numbers[j] += step
          var one = FeaturePoints(numberCount: 2, choiceCount: 1)
          one.append(numbers, points.choices(of: row))
          return function.values(one)[0]
        }
        let slope = (shifted(1e-5) - shifted(-1e-5)) / 2e-5
        XCTAssertEqual(gradients[j, row], slope, accuracy: 1e-6 * max(10, abs(slope)))
      }
    }
    points.truncate(to: 0)
    XCTAssertEqual(function.values(points), [])
  }

  func testWhatIsBelievedChangesDoubtsAndNoMeans() throws {
    let old = line(12, seed: 2)
    let process = try model(old, values(old, bowl))
    let asked = line(30, seed: 4)
    let told = asked.subset([3, 7])
    let believing = process.believing(told).process
    for (a, b) in zip(process.predict(asked).means, believing.predict(asked).means) {
      XCTAssertEqual(a, b, accuracy: 1e-6)
    }
    XCTAssertEqual(believing.predict(told).variances.max() ?? 1, 0, accuracy: 1e-6)
  }

  // MARK: Portfolios

  func testAPortfolioBeginsWithWhatIsGoodEverywhereAndThenComplementsIt() {
    // The third is second everywhere; the last and the first are best in some and worst elsewhere.
    let losses = [[1.0, 3, 2, 4], [4.0, 3, 2, 1], [4.0, 3, 2, 1]]
    XCTAssertEqual(GreedyPortfolio.order(losses, count: 4), [2, 3, 0, 1])
    XCTAssertEqual(GreedyPortfolio.order([[1.0, 3, 2, 4], [4, 3, 2, 1]], count: 1), [2])
  }

  func testAPortfolioOfOneStudyIsItsTrialsFromTheBestOn() {
    XCTAssertEqual(GreedyPortfolio.order([[5, 1, 4, 2, 3]], count: 9), [1, 3, 4, 2, 0])
    XCTAssertEqual(GreedyPortfolio.order([[]], count: 3), [])
    XCTAssertEqual(GreedyPortfolio.order([], count: 3), [])
  }

  func testEqualLossesShareARank() {
    XCTAssertEqual(GreedyPortfolio.rank([2, 1, 2, 3]), [2, 1, 2, 4])
  }

  // MARK: Quantiles

  func testStudiesOfDifferentScalesAgreeOnWhatIsGood() throws {
    let studies = (1...3).map { task in
      let points = line(60, seed: UInt64(task))
      let scale = [1e-200, 1, 1e250][task - 1]
      return (points: points, losses: values(points) { scale * (bowl($0, $1) + Double(task)) })
    }
    let pooled = try XCTUnwrap(PooledQuantiles(studies, seed: 1))
    var asked = FeaturePoints(numberCount: 2, choiceCount: 1)
    asked.append([0.3, 0.6], [0])
    asked.append([0.95, 0.05], [0])
    let means = pooled.means(asked)
    XCTAssertLessThan(means[0], -0.8)
    XCTAssertGreaterThan(means[1], 0.8)
    XCTAssertLessThan(pooled.deviation, 0.6)
    XCTAssertNil(PooledQuantiles([], seed: 1))
    XCTAssertNil(PooledQuantiles([(points: line(1), losses: [1])], seed: 1))
  }
}
