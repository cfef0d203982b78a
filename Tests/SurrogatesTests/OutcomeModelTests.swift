import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

final class OutcomeModelTests: XCTestCase {
  private func example(_ count: Int, scale: Double = 1) -> (points: FeaturePoints, excesses: [Double]) {
    var points = FeaturePoints(numberCount: 2, choiceCount: 0)
    var stream = RandomStream(seed: 8, purpose: 1, index: 0)
    var excesses: [Double] = []
    for _ in 0..<count {
      let x = [stream.uniform(), stream.uniform()]
      points.append(x, [])
      excesses.append(scale * (x[0] + x[1] - 0.8))
    }
    return (points, excesses)
  }

  private func query(_ list: [[Double]]) -> FeaturePoints {
    var points = FeaturePoints(numberCount: 2, choiceCount: 0)
    for x in list { points.append(x, []) }
    return points
  }

  func testWhereABoundIsMetIsLearnedWhateverTheUnit() throws {
    for scale in [1e-300, 1.0, 1e300] {
      let (points, excesses) = example(30, scale: scale)
      let fit = try XCTUnwrap(OutcomeModel.Fit(points, excesses))
      let model = try XCTUnwrap(OutcomeModel(points, excesses, fit))
      let found = model.logProbabilities(query([[0.2, 0.2], [0.6, 0.6], [0.4, 0.4]])).map { exp($0) }
      XCTAssertGreaterThan(found[0], 0.95, "\(scale)")
      XCTAssertLessThan(found[1], 0.05, "\(scale)")
      XCTAssertEqual(found[2], 0.5, accuracy: 0.45, "\(scale)")
    }
  }

  func testFarFromAllTrialsNothingIsSure() throws {
    var points = FeaturePoints(numberCount: 2, choiceCount: 0)
    points.append([0.1, 0.1], [])
    let fit = try XCTUnwrap(OutcomeModel.Fit(points, [2]))
    let model = try XCTUnwrap(OutcomeModel(points, [2], fit))
    XCTAssertTrue(model.logProbabilities(query([[0.1, 0.1], [0.9, 0.9]])).allSatisfy { $0.isFinite && $0 <= 0 })
  }

  func testGradientsOfTheProbabilityAreItsDifferences() throws {
    let (points, excesses) = example(12)
    let fit = try XCTUnwrap(OutcomeModel.Fit(points, excesses))
    let model = try XCTUnwrap(OutcomeModel(points, excesses, fit))
    var feasibility = Feasibility()
    feasibility.add(model, weight: 2)
    let place = [0.47, 0.38]
    let (values, gradients) = feasibility.logWeightsAndGradients(query([place]))
    XCTAssertEqual(values[0], 2 * model.logProbabilities(query([place]))[0], accuracy: 1e-12)
    for j in 0..<2 {
      var (up, down) = (place, place)
      up[j] += 1e-5
      down[j] -= 1e-5
      let difference = feasibility.logWeights(query([up]))[0] - feasibility.logWeights(query([down]))[0]
      XCTAssertEqual(gradients[j, 0], difference / 2e-5, accuracy: 1e-4 * max(1, abs(gradients[j, 0])))
    }
  }

  /// The joint value of two independent conditions, each a normal distribution of the excess.
  func testProbabilitiesOfSeveralConditionsMultiply() {
    struct Half: SuccessModel {
      var logarithm: Double
      func logProbabilities(_ points: FeaturePoints) -> [Double] { Array(repeating: logarithm, count: points.count) }
      func logProbabilitiesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
        (logProbabilities(points), Matrix(rows: points.numberCount, columns: points.count))
      }
    }
    var feasibility = Feasibility()
    // ln Φ(1.5): a mean of −0.3 and a deviation of 0.2.
    feasibility.add(Half(logarithm: NormalDistribution.logCDF(0.3 / 0.2)))
    XCTAssertEqual(feasibility.logWeights(query([[0, 0]]))[0], -0.069143455612234, accuracy: 1e-12)
    feasibility.add(Half(logarithm: log(0.5)), weight: 3)
    XCTAssertEqual(feasibility.logWeights(query([[0, 0]]))[0], -0.069143455612234 + 3 * log(0.5), accuracy: 1e-12)
    XCTAssertEqual(feasibility.probabilities(query([[0, 0]]))[0], 0.5 * exp(-0.069143455612234), accuracy: 1e-12)
  }
}
