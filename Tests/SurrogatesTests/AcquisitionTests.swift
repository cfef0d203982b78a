import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

/// The expected numbers were computed with 60 digits by another program.
final class AcquisitionTests: XCTestCase {
  private func assertClose(_ a: Double, _ b: Double, _ accuracy: Double = 1e-9, _ what: String = "", line: UInt = #line)
  { XCTAssertEqual(a, b, accuracy: accuracy * max(1, abs(b)), what, line: line) }

  func testTheScaledErrorFunctionIsTheReferences() {
    for (x, value) in [
      (0.5, 0.6156903441929258), (1, 0.427583576155807), (5, 0.11070463773306861),
      (28.284271247461902, 0.01993467037660262), (100, 0.005641613782989433),
    ] { XCTAssertEqual(Improvement.scaledErfc(x), value, accuracy: 1e-14 * value) }
    for x in [2, 6, 1e8] {
      let below = Improvement.scaledErfc(x.nextDown)
      XCTAssertEqual(Improvement.scaledErfc(x.nextUp), below, accuracy: 1e-13 * below)
    }
  }

  func testTheLogarithmOfTheImprovementIsAccurateIntoTheTail() {
    for (z, h, p, slope) in [
      (-1000.0, -500014.7344520912, -500007.8266948122, 1000.001999994),
      (-100, -5010.12957880025, -5005.524208694205, 100.0199940041959),
      (-40, -808.29856835662, -804.6084420137538, 40.04990665764852),
      (-10, -55.55312203612236, -53.23128515051247, 10.19438303341255),
      (-5, -16.74430116266099, -15.06499839398873, 5.361816241288089),
      (-1, -2.485121025712641, -1.841021645009264, 1.904271233329692),
      (0, -0.9189385332046727, -0.6931471805599453, 1.2533141373155),
    ] {
      assertClose(Improvement.logExpected(z), h, 1e-11, "z = \(z)")
      assertClose(NormalDistribution.logCDF(z), p, 1e-11)
      assertClose(Improvement.logExpectedSlope(z, logExpected: h), slope, 1e-9)
    }
    for (z, h) in [
      (-1e6, -500000000028.5499596), (-25, -319.861463581496), (1, 0.08002621884930694), (3, 1.098739665327708),
      (40, 3.688879454113936),
    ] { assertClose(Improvement.logExpected(z), h, 1e-11, "z = \(z)") }
    // The forms meet.
    for z in [-1.0, -1000] {
      assertClose(Improvement.logExpected(z.nextUp), Improvement.logExpected(z.nextDown), 1e-11)
    }
    assertClose(Improvement.logExpectedSlope(-1001, logExpected: Improvement.logExpected(-1001)), 1001.001998, 1e-9)
  }

  func testAcquisitionsAreThoseOfTheReference() throws {
    let process = try GaussianProcessTests.process()
    let at = GaussianProcessTests.points([[0.6, 0.6]])
    func value(_ kind: AcquisitionKind) -> Double {
      ModelAcquisition(process, kind, threshold: 1.4).values(at)[0]
    }
    // The references have no floor under the variance.
    assertClose(value(.logExpectedImprovement), -4.434290376443263, 1e-10)
    assertClose(exp(value(.logExpectedImprovement)), 0.011863481527280586, 1e-10)
    assertClose(exp(value(.logProbability)), 0.06243647611671679, 1e-10)
    assertClose(value(.upperBound(multiplier: 2.0.squareRoot())), 1.3472223782697776, 1e-10)
  }

  private func assertGradientsAreDifferences(_ acquisition: ModelAcquisition, line: UInt = #line) {
    let at = [[0.3, 0.6, 0.2], [0.9, 0.1, 0.5], [0.01, 0.99, 0.4]]
    let choices: [[Int32]] = [[1], [0], [2]]
    let (values, gradients) = acquisition.valuesAndGradients(GaussianProcessTests.points(at, choices: choices))
    for (a, b) in zip(values, acquisition.values(GaussianProcessTests.points(at, choices: choices))) {
      XCTAssertEqual(a, b, accuracy: 1e-12, line: line)
    }
    for point in at.indices {
      for j in 0..<3 {
        func value(_ shift: Double) -> Double {
          var moved = at
          moved[point][j] += shift
          return acquisition.values(GaussianProcessTests.points(moved, choices: choices))[point]
        }
        let difference = (value(1e-5) - value(-1e-5)) / 2e-5
        XCTAssertEqual(gradients[j, point], difference, accuracy: 2e-6 * max(1, abs(difference)), line: line)
      }
    }
  }

  private func process(noise: Double = 0.02, count: Int = 30) throws -> (GaussianProcess, best: Double) {
    let (points, targets) = GaussianProcessTests.random(count, numbers: 3, choices: 1)
    var process = try XCTUnwrap(
      GaussianProcess(
        points, KernelParameters(numberScales: [0.4, 0.9, 1.7], choiceScales: [0.6], signal: 1, noise: noise)))
    let z = OutputTransform.standard.apply(targets).map { -$0 }
    process.setTargets(z)
    return (process, z.max() ?? 0)
  }

  private func pending(_ count: Int) -> FeaturePoints {
    GaussianProcessTests.random(count, numbers: 3, choices: 1, seed: 77).0
  }

  func testGradientsEqualDifferences() throws {
    let (process, best) = try process()
    let kinds: [AcquisitionKind] = [.logExpectedImprovement, .logProbability, .upperBound(multiplier: 1.8)]
    for kind in kinds { assertGradientsAreDifferences(ModelAcquisition(process, kind, threshold: best)) }
    for kind in kinds {
      assertGradientsAreDifferences(
        ModelAcquisition(process, kind, threshold: best, pending: pending(3), draws: 1, seed: 1))
    }
    assertGradientsAreDifferences(
      ModelAcquisition(
        process, .logExpectedImprovement, threshold: best, pending: pending(3), draws: 32, seed: 1))
    assertGradientsAreDifferences(
      try XCTUnwrap(ModelAcquisition(noisy: process, pending: pending(2), draws: 16, seed: 1)))
  }

  func testFantasiesDifferFromTheJointImprovementByAConstant() throws {
    let (process, best) = try process()
    let pending = pending(2)
    let acquisition = ModelAcquisition(
      process, .logExpectedImprovement, threshold: best, pending: pending, draws: 4096, seed: 3)
    let candidates = self.pending(6).subset([2, 3, 4, 5])
    let found = acquisition.values(candidates).map { exp($0) }
    // The joint improvement by drawing all three outcomes together.
    var joint: [Double] = []
    for i in 0..<4 {
      var all = pending
      all.append(i, of: candidates)
      let batch = process.predict(all)
      let factor = try XCTUnwrap(CholeskyFactor(process.covariance(batch)))
      var sum = 0.0
      let normals = try XCTUnwrap(ModelAcquisition.normals(3, count: 32768, seed: 5))
      for normal in normals {
        var top = best
        for a in 0..<3 {
          var value = batch.means[a]
          for b in 0...a { value += factor[a, b] * normal[b] }
          top = max(top, value)
        }
        sum += top - best
      }
      joint.append(sum / Double(normals.count))
    }
    // Here fantasies are conditioned on with the noise of an observation, the joint draws without: nearly the same.
    for i in 1..<4 { XCTAssertEqual(found[i] - found[0], joint[i] - joint[0], accuracy: 0.01) }
  }

  func testPendingPointsRepel() throws {
    let (process, best) = try process()
    let candidates = pending(1)
    let alone = ModelAcquisition(process, .logExpectedImprovement, threshold: best).values(candidates)[0]
    for draws in [1, 64] {
      let beside = ModelAcquisition(
        process, .logExpectedImprovement, threshold: best, pending: candidates, draws: draws, seed: 1)
      XCTAssertLessThan(beside.values(candidates)[0], alone - 1)
    }
  }

  func testTheNoisyImprovementIsTheAnalyticOneWithoutNoise() throws {
    let (process, best) = try process(noise: 1e-8)
    let noisy = try XCTUnwrap(
      ModelAcquisition(
        noisy: process, pending: FeaturePoints(numberCount: 3, choiceCount: 1), draws: 16, seed: 1))
    let analytic = ModelAcquisition(process, .logExpectedImprovement, threshold: best)
    let candidates = pending(20)
    for (a, b) in zip(noisy.values(candidates), analytic.values(candidates)) { assertClose(a, b, 1e-2) }
  }

  /// What is to be improved on is the best of the rivals; the observed points themselves as rivals change nothing.
  func testTheNoisyImprovementIsOnTheRivals() throws {
    let (process, _) = try process(noise: 0.1)
    let none = FeaturePoints(numberCount: 3, choiceCount: 1)
    let candidates = pending(20)
    func values(_ rivals: FeaturePoints?) throws -> [Double] {
      try XCTUnwrap(ModelAcquisition(noisy: process, rivals: rivals, pending: none, draws: 32, seed: 1))
        .values(candidates)
    }
    let usual = try values(nil)
    XCTAssertEqual(try values(process.points), usual)
    let means = process.predict(process.points).means
    let worst = means.indices.sorted { means[$0] < means[$1] }.prefix(3)
    let easy = try values(process.points.subset(worst.sorted()))
    for (a, b) in zip(easy, usual) { XCTAssertGreaterThan(a, b) }
  }

  func testTheNoisyImprovementIsNotFooledByOneLuckyValue() throws {
    let (clean, _) = try process(noise: 0.3, count: 40)
    var lucky = clean
    var targets = clean.targets
    targets[5] += 6
    lucky.setTargets(targets)
    let none = FeaturePoints(numberCount: 3, choiceCount: 1)
    let noisy = try XCTUnwrap(ModelAcquisition(noisy: lucky, pending: none, draws: 64, seed: 1))
    let best = targets.max() ?? 0
    let naive = ModelAcquisition(lucky, .logExpectedImprovement, threshold: best)
    let candidates = pending(200)
    XCTAssertGreaterThan(noisy.values(candidates).max() ?? 0, (naive.values(candidates).max() ?? 0) + 1)
  }
}
