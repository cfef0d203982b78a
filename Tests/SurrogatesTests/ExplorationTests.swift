import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

final class ExplorationTests: XCTestCase {
  private let rows: [([Double], Double)] = [
    ([0.1, 0.2], 0.3), ([0.4, 0.9], -1.1), ([0.5, 0.5], 0.7), ([0.8, 0.3], 1.4), ([0.95, 0.7], -0.2),
  ]

  private func points(_ rows: [[Double]]) -> FeaturePoints {
    var points = FeaturePoints(numberCount: 2, choiceCount: 0)
    for row in rows { points.append(row, []) }
    return points
  }

  private func process(noise: Double = 0.01) throws -> GaussianProcess {
    let parameters = KernelParameters(numberScales: [0.3, 0.7], choiceScales: [], signal: 1.5, noise: noise)
    var process = try XCTUnwrap(GaussianProcess(points(rows.map(\.0)), parameters, estimatesMean: false))
    process.setTargets(rows.map(\.1))
    return process
  }

  func testTheReductionIsTheReferences() throws {
    let reference = points([[0.5, 0.5], [0.6, 0.6], [0, 1]])
    let function = IntegratedVarianceReduction(try process(), over: reference)
    let one = points([[0.25, 0.75]])
    XCTAssertEqual(function.reductions(one)[0], 0.0733883886667737, accuracy: 1e-12)
    XCTAssertEqual(exp(function.values(one)[0]), 0.0733883886667737, accuracy: 1e-12)
    let noisier = IntegratedVarianceReduction(try process(noise: 0.02), over: reference)
    XCTAssertLessThan(noisier.reductions(one)[0], 0.0733883886667737)
  }

  func testTheReductionIsWhatAnObservationBringsAndIgnoresValues() throws {
    let reference = points([[0.5, 0.5], [0.6, 0.6], [0, 1], [0.9, 0.1]])
    let process = try process()
    let candidate = points([[0.2, 0.6]])
    let function = IntegratedVarianceReduction(process, over: reference)
    var told = process
    XCTAssertTrue(told.append(0, of: candidate))
    told.setTargets(process.targets + [123])
    let before = process.predict(reference).variances.reduce(0, +)
    let after = told.predict(reference).variances.reduce(0, +)
    XCTAssertEqual(function.reductions(candidate)[0], (before - after) / 4, accuracy: 1e-10)
    XCTAssertGreaterThan(function.meanDeviation, IntegratedVarianceReduction(told, over: reference).meanDeviation)
  }

  func testAContrastIsTheJointPosteriorsOfTheDifferences() throws {
    let process = try process()
    let first = points([[0.2, 0.2], [0.7, 0.4]])
    let second = points([[0.2, 0.8], [0.7, 0.9]])
    let contrast = ProcessContrast(process, first, second)
    let means = (process.predict(first).means, process.predict(second).means)
    XCTAssertEqual(contrast.mean, (means.0[0] - means.1[0] + means.0[1] - means.1[1]) / 2, accuracy: 1e-12)
    let same = ProcessContrast(process, first, first)
    XCTAssertEqual(same.mean, 0, accuracy: 1e-12)
    XCTAssertEqual(same.deviation, 0, accuracy: 1e-6)
    XCTAssertGreaterThan(contrast.deviation, 0.05)
  }
}

private func exp(_ x: Double) -> Double { _exp(x) }
