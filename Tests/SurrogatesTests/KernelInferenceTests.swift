import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

final class KernelInferenceTests: XCTestCase {
  // MARK: The no-U-turn sampler

  func testDrawsHaveTheMomentsOfACorrelatedNormalDistribution() throws {
    // Deviations 1 and 10 with a correlation of 0.8, and a third variable alone, about (1, −2, 5).
    let centre = [1.0, -2, 5]
    let precision: [[Double]] = [[1 / 0.36, -0.08 / 0.36, 0], [-0.08 / 0.36, 0.01 / 0.36, 0], [0, 0, 4]]
    var options = NoUTurnSampler.Options()
    options.draws = 4000
    options.thinning = 1
    let found = try XCTUnwrap(
      NoUTurnSampler.draw(
        { at in
          var value = 0.0
          var gradient = [0.0, 0, 0]
          for i in 0..<3 {
            for j in 0..<3 {
              let pull: Double = precision[i][j] * (at[j] - centre[j])
              value -= 0.5 * (at[i] - centre[i]) * pull
              gradient[i] -= pull
            }
          }
          return (value, gradient)
        }, from: [0, 0, 0], options: options, stream: RandomStream(seed: 3, purpose: 1, index: 0)))
    XCTAssertEqual(found.divergentShare, 0)
    XCTAssertEqual(found.acceptance, 0.8, accuracy: 0.12)
    func mean(_ f: ([Double]) -> Double) -> Double {
      var sum = 0.0
      for draw in found.draws { sum += f(draw) }
      return sum / 4000
    }
    let deviations = [1.0, 10, 0.5]
    for i in 0..<3 {
      XCTAssertEqual(mean { $0[i] }, centre[i], accuracy: 0.1 * deviations[i])
      let square = mean { ($0[i] - centre[i]) * ($0[i] - centre[i]) }
      XCTAssertEqual(square / (deviations[i] * deviations[i]), 1, accuracy: 0.12)
    }
    XCTAssertEqual(mean { ($0[0] - 1) * ($0[1] + 2) / 10 }, 0.8, accuracy: 0.1)
  }

  func testADensityWithoutAValueAtTheStartIsRefused() {
    XCTAssertNil(
      NoUTurnSampler.draw({ (.nan, $0) }, from: [0], stream: RandomStream(seed: 1, purpose: 1, index: 0)))
  }

  // MARK: Posteriors

  /// Of the noise alone, the other parameters being known.
  private struct NoisePosterior: KernelPosterior {
    let likelihood = MarginalLikelihood(
      GaussianProcessTests.points(GaussianProcessTests.inputs), GaussianProcessTests.targets, estimatesMean: false)
    var start: [Double] { [-4] }
    private func full(_ x: Double) -> [Double] {
      var variables = likelihood.variables(GaussianProcessTests.parameters)
      variables[variables.count - 1] = x
      return variables
    }
    func parameters(_ variables: [Double]) -> KernelParameters { likelihood.parameters(full(variables[0])) }
    func logDensity(_ variables: [Double]) -> (value: Double, gradient: [Double]) {
      guard let (value, gradient) = likelihood.evaluate(full(variables[0])) else { return (.nan, [.nan]) }
      let z = variables[0] + 4
      return (value - 0.5 * z * z, [(gradient.last ?? 0) - z])
    }
  }

  private func quadrature() -> (logIntegral: Double, mean: Double, deviation: Double) {
    let posterior = NoisePosterior()
    let step = 0.01
    let nodes = (0..<1600).map { -12 + step * Double($0) }
    let logs = nodes.map { posterior.logDensity([$0]).value }
    let total = logSumExp(logs)
    var mean = 0.0
    var square = 0.0
    for (node, log) in zip(nodes, logs) { mean += node * exp(log - total) }
    for (node, log) in zip(nodes, logs) { square += (node - mean) * (node - mean) * exp(log - total) }
    return (total + log(step), mean, square.squareRoot())
  }

  func testDrawsOfTheNoiseAgreeWithQuadrature() throws {
    let expected = quadrature()
    var options = NoUTurnSampler.Options()
    options.draws = 4000
    options.thinning = 1
    let found = try XCTUnwrap(
      NoUTurnSampler.draw(
        NoisePosterior().logDensity, from: [-4], options: options, stream: RandomStream(seed: 1, purpose: 2, index: 0)))
    let mean = found.draws.reduce(0) { $0 + $1[0] } / 4000
    let square = found.draws.reduce(0) { $0 + ($1[0] - mean) * ($1[0] - mean) } / 4000
    XCTAssertEqual(mean, expected.mean, accuracy: 0.08)
    XCTAssertEqual(square.squareRoot(), expected.deviation, accuracy: 0.08)
  }

  func testTheVariationalBoundIsBelowTheEvidenceAndNearIt() throws {
    let expected = quadrature()
    let density = NoisePosterior().logDensity
    let found = try XCTUnwrap(VariationalGaussian(density, from: [-4], seed: 5))
    let bound = found.lowerBound(density, draws: 4096, seed: 9)
    XCTAssertLessThan(bound, expected.logIntegral + 1e-3)
    XCTAssertGreaterThan(bound, expected.logIntegral - 0.1)
    XCTAssertEqual(found.mean[0], expected.mean, accuracy: 0.1)
    XCTAssertEqual(found.factor[0, 0], expected.deviation, accuracy: 0.15)
  }

  private func posterior(_ count: Int = 25) -> LogNormalPosterior {
    let (points, targets) = GaussianProcessTests.random(count, numbers: 3, choices: 1)
    var options = GaussianProcessFit.Options()
    options.learnsSignal = true
    let fit = GaussianProcessFit(points, OutputTransform.standard.apply(targets), options: options)
    return LogNormalPosterior(fit, mode: fit.run(from: fit.coldStarts).parameters)
  }

  func testFullRankIsNoWorseThanMeanField() throws {
    let posterior = posterior()
    func bound(_ isFullRank: Bool) throws -> Double {
      var options = VariationalGaussian.Options()
      options.isFullRank = isFullRank
      options.evaluations = 150
      let found = try XCTUnwrap(
        VariationalGaussian(posterior.logDensity, from: posterior.start, options: options, seed: 5))
      return found.lowerBound(posterior.logDensity, draws: 2048, seed: 9)
    }
    XCTAssertGreaterThan(try bound(true), try bound(false) - 0.02)
  }

  private func assertGradientsAreDifferences(_ posterior: some KernelPosterior, line: UInt = #line) {
    var at = posterior.start
    for i in at.indices { at[i] += 0.1 * Double(i % 4) }
    let gradient = posterior.logDensity(at).gradient
    XCTAssertEqual(gradient.count, at.count, line: line)
    for i in at.indices {
      var (above, below) = (at, at)
      above[i] += 1e-5
      below[i] -= 1e-5
      let difference = (posterior.logDensity(above).value - posterior.logDensity(below).value) / 2e-5
      XCTAssertEqual(gradient[i], difference, accuracy: 2e-5 * max(1, abs(difference)), "variable \(i)", line: line)
    }
  }

  func testGradientsEqualDifferences() {
    assertGradientsAreDifferences(posterior())
    let (points, targets) = GaussianProcessTests.random(20, numbers: 3, choices: 1)
    assertGradientsAreDifferences(SparsePosterior(points, OutputTransform.standard.apply(targets)))
  }

  func testTheHalfCauchyDensityIntegratesToOne() {
    for scale in [0.1, 1] {
      var sum = 0.0
      for i in 0..<8000 { sum += 0.01 * exp(SparsePosterior.halfCauchy(-40 + 0.01 * Double(i), scale: scale).value) }
      XCTAssertEqual(sum, 1, accuracy: 1e-6)
    }
  }

  func testAllInferencesAgreeWhereThereAreManyObservations() throws {
    let (points, targets) = GaussianProcessTests.random(80, numbers: 2, choices: 0)
    let z = OutputTransform.standard.apply(targets)
    let fit = GaussianProcessFit(points, z)
    let mode = fit.run(from: fit.coldStarts).parameters
    let at = GaussianProcessTests.random(20, numbers: 2, choices: 0, seed: 8).0
    func predict(_ all: [KernelParameters]) throws -> (means: [Double], variances: [Double]) {
      var means = [Double](repeating: 0, count: at.count)
      var squares = means
      for parameters in all {
        var process = try XCTUnwrap(GaussianProcess(points, parameters))
        process.setTargets(z)
        let batch = process.predict(at)
        for i in means.indices {
          means[i] += batch.means[i] / Double(all.count)
          squares[i] += (batch.variances[i] + parameters.noise + batch.means[i] * batch.means[i]) / Double(all.count)
        }
      }
      return (means, means.indices.map { squares[$0] - means[$0] * means[$0] })
    }
    let expected = try predict([mode])
    for kind in [KernelInference.Kind.nuts, .variational] {
      let inference = KernelInference(kind, warmup: 48, kept: 8)
      let found = try XCTUnwrap(
        inference.run(LogNormalPosterior(fit, mode: mode), observations: 80, seed: 1))
      XCTAssertEqual(found.parameters.count, 8)
      let (means, variances) = try predict(found.parameters)
      for i in means.indices {
        XCTAssertEqual(means[i], expected.means[i], accuracy: 0.5 * expected.variances[i].squareRoot(), "\(kind)")
        XCTAssertEqual(variances[i] / expected.variances[i], 1, accuracy: 0.5, "\(kind)")
      }
    }
  }

  func testAboveItsLimitAnInferenceTakesTheModeAndSaysSo() throws {
    let found = try XCTUnwrap(KernelInference(.nuts).run(NoisePosterior(), observations: 201, seed: 1))
    XCTAssertEqual(found.parameters.count, 1)
    XCTAssertEqual(found.note, "the mode: 201 trials are more than the 200 for nuts")
  }

  func testSparseScalesTellTwoCoordinatesOfManyThatMatter() throws {
    var stream = RandomStream(seed: 12, purpose: 1, index: 0)
    let count = 50
    let width = 30
    var points = FeaturePoints(numberCount: width, choiceCount: 0)
    var losses: [Double] = []
    for _ in 0..<count {
      let x = (0..<width).map { _ in stream.uniform() }
      points.append(x, [])
      let (a, b) = (15 * x[7] - 5, 15 * x[21])
      let bracket = b - 5.1 / (4 * Double.pi * Double.pi) * a * a + 5 / Double.pi * a - 6
      losses.append(bracket * bracket + 10 * (1 - 1 / (8 * Double.pi)) * cos(a) + 10)
    }
    let posterior = SparsePosterior(points, OutputTransform.standard.apply(losses))
    let found = try XCTUnwrap(KernelInference(.nuts, warmup: 96).run(posterior, observations: count, seed: 3))
    XCTAssertEqual(found.parameters.count, 16)
    // The shorter a length scale, the more a coordinate counts.
    let medians = (0..<width).map { (j: Int) -> Double in found.parameters.map { $0.numberScales[j] }.sorted()[8] }
    let others: Double = medians.indices.filter { $0 != 7 && $0 != 21 }.map { medians[$0] }.min() ?? 0
    XCTAssertLessThan(medians[7], others)
    XCTAssertLessThan(medians[21], others)
  }

  // MARK: Averages

  func testAveragesAreMeansOfGains() throws {
    let (points, targets) = GaussianProcessTests.random(15, numbers: 3, choices: 1)
    let members = try [0.3, 0.8].map { scale -> ModelAcquisition in
      var process = try XCTUnwrap(
        GaussianProcess(points, KernelParameters(numberScales: [scale, scale, 1], choiceScales: [1])))
      process.setTargets(OutputTransform.standard.apply(targets))
      return ModelAcquisition(process, .logExpectedImprovement, threshold: 1)
    }
    let average = AveragedAcquisition(members, areLogarithms: true)
    let at = GaussianProcessTests.random(3, numbers: 3, choices: 1, seed: 5).0
    let (values, gradients) = average.valuesAndGradients(at)
    for i in 0..<3 {
      let gains = members.map { exp($0.values(at)[i]) }
      XCTAssertEqual(exp(values[i]), (gains[0] + gains[1]) / 2, accuracy: 1e-12)
      for j in 0..<3 {
        func value(_ shift: Double) -> Double {
          var moved = at.subset([])
          var numbers = at.numbers(of: i)
          numbers[j] += shift
          moved.append(numbers, at.choices(of: i))
          return average.values(moved)[0]
        }
        XCTAssertEqual(gradients[j, i], (value(1e-5) - value(-1e-5)) / 2e-5, accuracy: 1e-5)
      }
    }
  }
}
