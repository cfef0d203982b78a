import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

/// Drawn functions, knowledge gradient, pure exploration and local penalties.
final class LookAheadTests: XCTestCase {
  private func process(noise: Double = 0.02, count: Int = 30) throws -> GaussianProcess {
    let (points, targets) = GaussianProcessTests.random(count, numbers: 3, choices: 1)
    var parameters = KernelParameters(numberScales: [0.4, 0.9, 1.7], choiceScales: [0.6], signal: 1.3, noise: noise)
    parameters.warps = [.init(a: 0.7, b: 1.4), .init(a: 1.2, b: 0.8), .init(a: 1, b: 1)]
    var process = try XCTUnwrap(GaussianProcess(points, parameters))
    process.setTargets(OutputTransform.standard.apply(targets).map { -$0 })
    return process
  }

  private func points(_ count: Int, seed: UInt64 = 77) -> FeaturePoints {
    GaussianProcessTests.random(count, numbers: 3, choices: 1, seed: seed).0
  }

  private func assertGradientsAreDifferences(
    _ acquisition: any Acquisition, _ accuracy: Double = 5e-6, line: UInt = #line
  ) {
    let at = [[0.3, 0.6, 0.2], [0.9, 0.1, 0.5], [0.12, 0.93, 0.4]]
    let choices: [[Int32]] = [[1], [0], [2]]
    let (values, gradients) = acquisition.valuesAndGradients(GaussianProcessTests.points(at, choices: choices))
    for (a, b) in zip(values, acquisition.values(GaussianProcessTests.points(at, choices: choices))) {
      XCTAssertEqual(a, b, accuracy: 1e-10, line: line)
    }
    for point in at.indices {
      for j in 0..<3 {
        func value(_ shift: Double) -> Double {
          var moved = at
          moved[point][j] += shift
          return acquisition.values(GaussianProcessTests.points(moved, choices: choices))[point]
        }
        let difference = (value(1e-5) - value(-1e-5)) / 2e-5
        XCTAssertEqual(gradients[j, point], difference, accuracy: accuracy * max(1, abs(difference)), line: line)
      }
    }
  }

  func testGradientsEqualDifferences() throws {
    let process = try process()
    assertGradientsAreDifferences(PosteriorPath(process, seed: 4))
    assertGradientsAreDifferences(KnowledgeGradient(process, pool: points(200), seed: 1))
    assertGradientsAreDifferences(PureExploration(process, observed: process.points, pending: points(3)))
    for (kind, isLogarithm) in [(AcquisitionKind.logExpectedImprovement, true), (.upperBound(multiplier: 1.8), false)] {
      let base = ModelAcquisition(process, kind, threshold: 1)
      assertGradientsAreDifferences(
        LocalPenalty(base, isLogarithm: isLogarithm, process, best: 1.2, pending: points(3), sample: points(50)))
    }
  }

  // MARK: Drawn functions

  func testDrawnFunctionsHaveTheMeanAndVarianceOfTheProcess() throws {
    let process = try process(noise: 0.1, count: 12)
    let at = points(8)
    let expected = process.predict(at)
    let covariance = process.covariance(expected)
    let count = 600
    let draws = (0..<count).map { PosteriorPath(process, features: 256, seed: UInt64($0)).values(at) }
    for i in 0..<at.count {
      let mean = draws.reduce(0) { $0 + $1[i] } / Double(count)
      let deviation = expected.variances[i].squareRoot()
      XCTAssertEqual(mean, expected.means[i], accuracy: 4.5 * deviation / Double(count).squareRoot() + 1e-6)
      for j in 0...i {
        let other = draws.reduce(0) { $0 + $1[j] } / Double(count)
        let joint = draws.reduce(0) { $0 + ($1[i] - mean) * ($1[j] - other) } / Double(count)
        let scale = (expected.variances[i] * expected.variances[j]).squareRoot()
        XCTAssertEqual(joint, covariance[i, j], accuracy: 0.25 * scale + 1e-6)
      }
    }
  }

  func testADrawnFunctionIsTheSameForTheSameSeedAlone() throws {
    let process = try process()
    let at = points(4)
    XCTAssertEqual(PosteriorPath(process, seed: 3).values(at), PosteriorPath(process, seed: 3).values(at))
    XCTAssertNotEqual(PosteriorPath(process, seed: 3).values(at), PosteriorPath(process, seed: 4).values(at))
  }

  func testChoicesThatNobodyTriedAreDrawnToo() throws {
    let process = try process()
    let at = GaussianProcessTests.points([[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]], choices: [[70], [9000]])
    let values = PosteriorPath(process, seed: 3).values(at)
    XCTAssertNotEqual(values[0], values[1])
    XCTAssertTrue(values.allSatisfy(\.isFinite))
  }

  // MARK: Knowledge gradient

  func testTheGreatestOfSeveralLinesIsTheReferences() {
    XCTAssertEqual(exp(LinearEnvelope([0, 0.2, 0.1], [1, 0, 0.5]).logGain), 0.3068946358632765, accuracy: 1e-12)
    // Two lines are the expected improvement, down into the tail.
    XCTAssertEqual(LinearEnvelope([0, -40], [0, 1]).logGain, Improvement.logExpected(-40), accuracy: 1e-9)
    XCTAssertEqual(LinearEnvelope([0, 1, 1], [2, 2, 2]).logGain, -.infinity)
    XCTAssertEqual(LinearEnvelope([5, 0, 0.2, 0.1], [0.5, 1, 0, 0.5]).logGain.isFinite, true)
  }

  func testTheGreatestOfSeveralLinesIsWhatDrawsSay() {
    var stream = RandomStream(seed: 5, purpose: 1, index: 0)
    for _ in 0..<5 {
      let a = (0..<7).map { _ in stream.normal() }
      let b = (0..<7).map { _ in stream.normal() }
      var sum = 0.0
      let count = 40_000
      // Midpoints of cells of equal probability.
      for i in 0..<count {
        let z = NormalDistribution.quantile((Double(i) + 0.5) / Double(count))
        sum += zip(a, b).map { $0 + $1 * z }.max() ?? 0
      }
      let expected = sum / Double(count) - (a.max() ?? 0)
      XCTAssertEqual(exp(LinearEnvelope(a, b).logGain), expected, accuracy: 2e-3)
    }
  }

  func testDerivativesOfTheEnvelopeEqualDifferences() {
    let a = [0.0, 0.2, 0.1, -0.4, 0.3]
    let b = [1.0, 0.1, 0.5, -0.7, 0.2]
    let envelope = LinearEnvelope(a, b)
    XCTAssertGreaterThan(envelope.derivatives.count, 2)
    for part in envelope.derivatives {
      for isSlope in [false, true] {
        func value(_ shift: Double) -> Double {
          var (moved, tilted) = (a, b)
          if isSlope { tilted[part.line] += shift } else { moved[part.line] += shift }
          return LinearEnvelope(moved, tilted).logGain
        }
        let difference = (value(1e-6) - value(-1e-6)) / 2e-6
        XCTAssertEqual(isSlope ? part.slope : part.intercept, difference, accuracy: 1e-6)
      }
    }
  }

  // MARK: Pending points

  func testBelievedPointsLeaveTheMeanAsItIsAndShrinkVariances() throws {
    let process = try process()
    let believing = process.believing(points(4)).process
    let at = points(30, seed: 9)
    let (before, after) = (process.predict(at), believing.predict(at))
    for i in 0..<at.count {
      XCTAssertEqual(after.means[i], before.means[i], accuracy: 1e-9)
      XCTAssertLessThanOrEqual(after.variances[i], before.variances[i] + 1e-12)
    }
  }

  func testExplorationAvoidsPendingPointsAndHopelessRegions() throws {
    let process = try process()
    let pending = points(1)
    let alone = PureExploration(process, observed: process.points, pending: pending.subset([]))
    let beside = PureExploration(process, observed: process.points, pending: pending)
    XCTAssertLessThan(beside.values(pending)[0], alone.values(pending)[0])
    let at = points(300, seed: 5)
    let values = alone.values(at)
    let batch = process.predict(at)
    let chosen = values.indices.max { values[$0] < values[$1] } ?? 0
    let mean = batch.means.reduce(0, +) / Double(at.count)
    XCTAssertGreaterThan(batch.means[chosen] + 0.5 * batch.variances[chosen].squareRoot(), mean)
  }

  func testLocalPenaltiesRepelAndFadeWithTheDistance() throws {
    let process = try process()
    let base = ModelAcquisition(process, .logExpectedImprovement, threshold: 1)
    let pending = GaussianProcessTests.points([[0.5, 0.5, 0.5]], choices: [[1]])
    let penalised = LocalPenalty(
      base, isLogarithm: true, process, best: 1, pending: pending, sample: points(100))
    func loss(_ x: Double) -> Double {
      let at = GaussianProcessTests.points([[x, 0.5, 0.5]], choices: [[1]])
      return base.values(at)[0] - penalised.values(at)[0]
    }
    XCTAssertGreaterThan(loss(0.5), loss(0.6))
    XCTAssertGreaterThan(loss(0.6), loss(0.9))
    XCTAssertGreaterThanOrEqual(loss(0.9), 0)
  }
}
