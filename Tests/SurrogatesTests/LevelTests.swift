import Foundation
import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

/// Gaussian processes over configurations and levels of a resource.
final class LevelTests: XCTestCase {
  // MARK: Kernel

  func testTheDecayIsThatOfTheDefinition() {
    // α = 1, λ = 0.5, γ = 0.5, μ = 0.2.
    let variables = [0, log(0.5), log(0.5), 0.2]
    let kernel = LevelKernel(.decay, resources: [0, 1.0 / 3, 1])
    let coupling = kernel.coupling(variables)
    func covariance(_ i: Int, _ j: Int) -> Double { coupling.factors[i, j] + coupling.summands[i, j] }
    XCTAssertEqual(covariance(0, 0), 1, accuracy: 1e-8)
    XCTAssertEqual(covariance(1, 2), 1.00714286, accuracy: 1e-8)
    XCTAssertEqual(covariance(2, 2), 1.01388889, accuracy: 1e-8)
    for (mean, expected) in zip(coupling.means, [0.7, 0.628571, 0.533333]) {
      XCTAssertEqual(mean, expected, accuracy: 1e-6)
    }
    let fromOneStart = LevelKernel(.decayFromOneStart, resources: [0, 1.0 / 3, 1]).coupling(variables)
    for (i, j, expected) in [(0, 0, 0), (1, 2, 0.07876190), (2, 2, 0.17166667)] {
      XCTAssertEqual(fromOneStart.factors[i, j] + fromOneStart.summands[i, j], expected, accuracy: 1e-8)
    }
    for (mean, expected) in zip(fromOneStart.means, [0.5, 0.457143, 0.4]) {
      XCTAssertEqual(mean, expected, accuracy: 1e-6)
    }
    let between = LevelKernel(.decayFree, resources: [0, 1.0 / 3, 1])
    XCTAssertEqual(between.coupling(variables + [0]), coupling)
    XCTAssertEqual(between.coupling(variables + [1]), fromOneStart)
  }

  func testTheLeastAndTheGreatestLevelAreTheEndsOfTheScale() {
    XCTAssertEqual(LevelKernel(.decay, levels: [1, 3, 9]).resources, [0, 0.25, 1])
    XCTAssertEqual(LevelKernel(.decay, levels: [9]).resources, [1])
  }

  /// Points in two numbers and one choice, at three levels, and smooth losses that fall with the level.
  private func example(_ count: Int) -> (points: FeaturePoints, scores: [Double]) {
    var stream = RandomStream(seed: 5, purpose: 0, index: 0)
    var points = FeaturePoints(numberCount: 2, choiceCount: 2)
    var scores: [Double] = []
    for i in 0..<count {
      let (x, y) = (stream.uniform(), stream.uniform())
      let (choice, level) = (Int32(i % 2), Int32(i % 3))
      points.append([x, y], [choice, level])
      let loss = 2 * (x - 0.6) * (x - 0.6) + y / 2 + Double(choice) / 5 + 1 / (1 + Double(level))
      scores.append(1 - loss + 0.05 * stream.normal())
    }
    return (points, scores)
  }

  func testGradientsOfTheDensityAreThoseOfDifferences() {
    let (points, scores) = example(24)
    for form in LevelKernel.Form.allCases {
      let fit = LevelFit(points, scores, kernel: LevelKernel(form, resources: [0, 0.25, 1]))
      var values = fit.coldStarts[0]
      for i in values.indices { values[i] += 0.1 * Double(i % 3 - 1) }
      let gradient = fit.objective(values).gradient
      for i in values.indices {
        let middle = values[i]
        values[i] = middle + 1e-5
        let above = fit.objective(values).value
        values[i] = middle - 1e-5
        let slope = (above - fit.objective(values).value) / 2e-5
        values[i] = middle
        XCTAssertEqual(gradient[i], slope, accuracy: 1e-5 * max(1, abs(slope)), "\(form.rawValue), variable \(i)")
      }
    }
  }

  func testTheProcessIsTheDenseOneOfItsDefinition() throws {
    let (points, scores) = example(12)
    let fit = LevelFit(points, scores, kernel: LevelKernel(.decayFree, resources: [0, 0.25, 1]))
    let parameters = fit.parameters(fit.coldStarts[0])
    var process = try XCTUnwrap(GaussianProcess(points.subset(0..<7), parameters))
    for i in 7..<12 { XCTAssertTrue(process.append(i, of: points)) }
    process.setTargets(scores)
    let levels = try XCTUnwrap(parameters.levels)
    var plain = parameters
    plain.levels = nil
    func bare(_ points: FeaturePoints) -> FeaturePoints {
      var result = FeaturePoints(numberCount: 2, choiceCount: 1)
      for i in 0..<points.count { result.append(points.numbers(of: i), [points.choices[0][i]]) }
      return result
    }
    let queries = example(15).points.subset(12..<15)
    func covariances(_ a: FeaturePoints, _ b: FeaturePoints) -> Matrix {
      var result = MaternKernel.covariances(bare(a), bare(b), plain)
      for i in 0..<a.count {
        for j in 0..<b.count {
          let (r, s) = (Int(a.choices[1][i]), Int(b.choices[1][j]))
          result[i, j] = result[i, j] * levels.factors[r, s] + levels.summands[r, s]
        }
      }
      return result
    }
    var joint = covariances(points, points)
    for i in 0..<12 { joint[i, i] += parameters.noise }
    let factor = try XCTUnwrap(CholeskyFactor(joint))
    let weights = factor.solve((0..<12).map { scores[$0] - levels.means[Int(points.choices[1][$0])] })
    let cross = covariances(points, queries)
    let prediction = process.predict(queries)
    let own = covariances(queries, queries)
    for j in 0..<3 {
      let column = (0..<12).map { cross[$0, j] }
      let mean = levels.means[Int(queries.choices[1][j])] + LinearAlgebra.dot(column, weights)
      XCTAssertEqual(prediction.means[j], mean, accuracy: 1e-9)
      let variance = own[j, j] - LinearAlgebra.dot(column, factor.solve(column))
      XCTAssertEqual(prediction.variances[j], variance, accuracy: 1e-9)
      XCTAssertEqual(process.covariance(prediction)[j, j], variance, accuracy: 1e-9)
    }
    // What the process holds for likely is what the fit does.
    var scratch = MarginalLikelihood.Scratch()
    let likelihood = try XCTUnwrap(fit.likelihood(fit.coldStarts[0], &scratch)).value
    XCTAssertEqual(process.logMarginalLikelihood, likelihood, accuracy: 1e-8)
  }

  func testGradientsOfTheAcquisitionAreThoseOfDifferences() throws {
    let (points, scores) = example(20)
    let fit = LevelFit(points, scores, kernel: LevelKernel(.decay, resources: [0, 0.25, 1]))
    var process = try XCTUnwrap(GaussianProcess(points, fit.parameters(fit.run(from: fit.coldStarts).variables)))
    process.setTargets(scores)
    var known = FeaturePoints(numberCount: 2, choiceCount: 1)
    for i in 0..<20 { known.append(points.numbers(of: i), [points.choices[0][i]]) }
    let pending = example(23).points.subset(20..<23)
    let function = LevelAcquisition(process, level: 2, known: known, pending: pending, draws: 8, seed: 1)
    func value(_ x: Double, _ y: Double) -> Double {
      var point = FeaturePoints(numberCount: 3, choiceCount: 1)
      point.append([x, y, 1], [1])
      return function.values(point)[0]
    }
    var point = FeaturePoints(numberCount: 3, choiceCount: 1)
    point.append([0.3, 0.4, 1], [1])
    let (values, gradients) = function.valuesAndGradients(point)
    XCTAssertEqual(values[0], value(0.3, 0.4), accuracy: 1e-9)
    XCTAssertEqual(gradients[0, 0], (value(0.30001, 0.4) - value(0.29999, 0.4)) / 2e-5, accuracy: 1e-4)
    XCTAssertEqual(gradients[1, 0], (value(0.3, 0.40001) - value(0.3, 0.39999)) / 2e-5, accuracy: 1e-4)
    XCTAssertEqual(gradients[2, 0], 0)
  }

  func testWhatIsPendingAtALowLevelRepelsLessThanWhatIsPendingAtTheTop() throws {
    let (points, scores) = example(20)
    let fit = LevelFit(points, scores, kernel: LevelKernel(.decay, resources: [0, 0.25, 1]))
    // With noise, a report of a low level says less of what the curve tends to than one of the top.
    var variables = fit.coldStarts[0]
    variables[variables.count - 2] = log(1.0)
    let parameters = fit.parameters(variables)
    var process = try XCTUnwrap(GaussianProcess(points, parameters))
    process.setTargets(scores)
    var query = FeaturePoints(numberCount: 2, choiceCount: 2)
    query.append([0.9, 0.9], [0, 2])
    var spread: [Double] = []
    for level in 0..<3 {
      var pending = FeaturePoints(numberCount: 2, choiceCount: 2)
      pending.append([0.9, 0.9], [0, Int32(level)])
      spread.append(process.believing(pending).process.predict(query).variances[0])
    }
    XCTAssertGreaterThanOrEqual(spread[0], spread[1])
    XCTAssertGreaterThan(spread[1], spread[2])
    XCTAssertLessThan(spread[0], process.predict(query).variances[0])
  }

  func testMoreLevelsAreLearnedFromThanTheLatest() throws {
    // Losses at the lowest level of many points, and at the top of few: the top's ranking is foretold where only the lowest
    // level was seen.
    var stream = RandomStream(seed: 3, purpose: 0, index: 0)
    var points = FeaturePoints(numberCount: 1, choiceCount: 1)
    var scores: [Double] = []
    for i in 0..<30 {
      let x = stream.uniform()
      let loss = sin(6 * x)
      points.append([x], [0])
      scores.append(-loss - 0.8)
      if i < 4 {
        points.append([x], [1])
        scores.append(-loss + 0.2)
      }
    }
    func error(_ form: LevelKernel.Form) throws -> Double {
      let fit = LevelFit(points, scores, kernel: LevelKernel(form, resources: [0, 1]))
      var process = try XCTUnwrap(GaussianProcess(points, fit.parameters(fit.run(from: fit.coldStarts).variables)))
      process.setTargets(scores)
      var sum = 0.0
      for i in 0...20 {
        var query = FeaturePoints(numberCount: 1, choiceCount: 1)
        query.append([Double(i) / 20], [1])
        let difference = process.predict(query).means[0] - (0.2 - sin(6 * Double(i) / 20))
        sum += difference * difference / 21
      }
      return sum.squareRoot()
    }
    XCTAssertLessThan(try error(.decay), 0.1)
    XCTAssertLessThan(try error(.matern), 0.1)
    XCTAssertGreaterThan(try error(.independent), 0.3)
  }

  // MARK: Ranking

  func testTheLossIsTheShareOfPairsInTheWrongOrder() {
    XCTAssertEqual(LevelRanking.loss([1, 2, 3], [1, 2, 3]), 0)
    XCTAssertEqual(LevelRanking.loss([3, 2, 1], [1, 2, 3]), 1)
    XCTAssertEqual(LevelRanking.loss([2, 1, 3], [1, 2, 3]), 1.0 / 3, accuracy: 1e-12)
    XCTAssertEqual(LevelRanking.loss([1], [1]), 0)
  }

  func testPartsOfACrossValidationHaveTwoMembersOrMore() {
    XCTAssertEqual(LevelRanking.folds(6).map(\.count), [2, 2, 2])
    XCTAssertEqual(LevelRanking.folds(11).map(\.count), [2, 2, 2, 2, 3])
    XCTAssertEqual(LevelRanking.folds(3).map(\.count), [3])
  }

  /// The shares of two levels, the lower of which has the top's ranking, too wild for the few losses there, or nothing of it.
  private func shares(lowerIsTrue: Bool, form: LevelKernel.Form = .independent) throws -> [Double]? {
    var stream = RandomStream(seed: 8, purpose: 0, index: 0)
    var points = FeaturePoints(numberCount: 1, choiceCount: 1)
    var scores: [Double] = []
    for i in 0..<30 {
      let x = stream.uniform()
      points.append([x], [0])
      scores.append(lowerIsTrue ? sin(20 * x) : cos(40 * x))
      if i < 10 {
        points.append([x], [1])
        scores.append(sin((lowerIsTrue ? 20 : 3) * x) + 0.02 * stream.normal())
      }
    }
    let fit = LevelFit(points, scores, kernel: LevelKernel(form, resources: [0, 1]))
    var process = try XCTUnwrap(GaussianProcess(points, fit.parameters(fit.run(from: fit.coldStarts).variables)))
    process.setTargets(scores)
    let found = LevelRanking.shares(process, least: 6, seed: 1)
    if let found { XCTAssertEqual(found.top, 1) }
    return found?.shares
  }

  func testTheLevelThatForetellsTheRankingIsTrusted() throws {
    let good = try XCTUnwrap(try shares(lowerIsTrue: true))
    let bad = try XCTUnwrap(try shares(lowerIsTrue: false))
    XCTAssertEqual(good.reduce(0, +), 1, accuracy: 1e-12)
    XCTAssertGreaterThan(good[0], 0.3)
    XCTAssertLessThan(bad[0], 0.2)
  }

  func testOneLevelAloneIsNotWeighed() throws {
    var points = FeaturePoints(numberCount: 1, choiceCount: 1)
    for i in 0..<12 { points.append([Double(i) / 12], [i < 8 ? 0 : 1]) }
    let fit = LevelFit(points, (0..<12).map { Double($0 % 3) }, kernel: LevelKernel(.independent, resources: [0, 1]))
    var process = try XCTUnwrap(GaussianProcess(points, fit.parameters(fit.coldStarts[0])))
    process.setTargets((0..<12).map { Double($0 % 3) })
    XCTAssertNil(LevelRanking.shares(process, least: 6, seed: 1))
  }
}
