import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

/// The expected numbers were computed with 60 digits by another program.
final class GaussianProcessTests: XCTestCase {
  static let inputs = [[0.1, 0.2], [0.4, 0.9], [0.5, 0.5], [0.8, 0.3], [0.95, 0.7]]
  static let targets = [0.3, -1.1, 0.7, 1.4, -0.2]

  static func points(_ inputs: [[Double]], choices: [[Int32]]? = nil) -> FeaturePoints {
    var points = FeaturePoints(numberCount: inputs[0].count, choiceCount: choices?[0].count ?? 0)
    for (i, input) in inputs.enumerated() { points.append(input, choices?[i] ?? []) }
    return points
  }

  static let parameters = KernelParameters(numberScales: [0.3, 0.7], choiceScales: [], signal: 1.5, noise: 0.01)

  static func process() throws -> GaussianProcess {
    var process = try XCTUnwrap(GaussianProcess(points(inputs), parameters, estimatesMean: false))
    process.setTargets(targets)
    return process
  }

  /// Points at random with targets that vary smoothly.
  static func random(_ n: Int, numbers: Int, choices: Int, seed: UInt64 = 1) -> (FeaturePoints, [Double]) {
    var stream = RandomStream(seed: seed, purpose: stableHash("points"), index: 0)
    var points = FeaturePoints(numberCount: numbers, choiceCount: choices)
    var targets: [Double] = []
    for _ in 0..<n {
      let x = (0..<numbers).map { _ in stream.uniform() }
      let c = (0..<choices).map { _ in Int32(stream.index(below: 3)) }
      points.append(x, c)
      targets.append(sin(5 * x[0]) + x.reduce(0, +) + c.reduce(0) { $0 + Double($1) } + 0.1 * stream.normal())
    }
    return (points, targets)
  }

  private func assertClose(_ a: [Double], _ b: [Double], _ accuracy: Double = 1e-9, line: UInt = #line) {
    XCTAssertEqual(a.count, b.count, line: line)
    for (x, y) in zip(a, b) { XCTAssertEqual(x, y, accuracy: accuracy * max(1, abs(y)), line: line) }
  }

  func testTheFactorWeightsAndLikelihoodAreThoseOfTheReference() throws {
    let process = try Self.process()
    let covariances = MaternKernel.covariances(process.points, process.points, Self.parameters)
    XCTAssertEqual(covariances[0, 1], 0.475925045931066, accuracy: 1e-12)
    XCTAssertEqual(covariances[0, 0], 1.5, accuracy: 1e-14)
    assertClose(
      (0..<5).map { process.factor[$0, $0] },
      [1.22882057274445, 1.16618905884248, 0.836465028719628, 1.04427693888888, 0.908375882533266])
    assertClose([process.factor[1, 0], process.factor[4, 3]], [0.387302309618835, 0.753057395311115])
    assertClose(
      process.weights, [0.297348365994686, -2.02202395406692, 1.41552440372592, 1.48042228063453, -1.16572141295335])
    XCTAssertEqual(process.logMarginalLikelihood, -7.5281625548144, accuracy: 1e-9)
  }

  func testTheGradientOfTheLikelihoodIsThatOfTheReference() throws {
    let likelihood = MarginalLikelihood(Self.points(Self.inputs), Self.targets, estimatesMean: false)
    let found = try XCTUnwrap(likelihood.evaluate(likelihood.variables(Self.parameters)))
    XCTAssertEqual(found.value, -7.5281625548144, accuracy: 1e-9)
    assertClose(
      found.gradient, [0.435461727177844, -1.91638751711941, 0.290799747348803, 0.0142169613307858])
  }

  func testPredictionsAreThoseOfTheReference() throws {
    let process = try Self.process()
    let batch = process.predict(Self.points([[0.5, 0.5], [0.6, 0.6], [0, 1], [0.25, 0.75]]))
    assertClose(batch.means, [0.685844755962741, 0.72742060200074, -0.437626361739475, -0.7631115083605662])
    assertClose(batch.variances, [0.00981108997694446, 0.192077120933127, 1.12448455782546, 0.3730406391351695])
    let joint = process.covariance(batch)
    for i in 0..<4 { XCTAssertEqual(joint[i, i], batch.variances[i], accuracy: 1e-12) }
  }

  func testLeavingOneOutIsWhatTheReferenceSays() throws {
    let left = try XCTUnwrap(try Self.process().leaveOneOut())
    assertClose(
      left.means,
      [-0.0941607366264813, 0.261393396946166, -0.0493114345286935, 0.443173071923485, 0.761891228272337])
    assertClose(
      left.variances, [1.32558568232901, 0.673282526751467, 0.529352537163165, 0.646320269961354, 0.82514674396809])
  }

  func testLeavingOneOutEqualsAModelOfTheOthers() throws {
    let left = try XCTUnwrap(try Self.process().leaveOneOut())
    for out in 0..<5 {
      let others = (0..<5).filter { $0 != out }
      var process = try XCTUnwrap(
        GaussianProcess(Self.points(others.map { Self.inputs[$0] }), Self.parameters, estimatesMean: false))
      process.setTargets(others.map { Self.targets[$0] })
      let batch = process.predict(Self.points([Self.inputs[out]]))
      XCTAssertEqual(batch.means[0], left.means[out], accuracy: 1e-10)
      XCTAssertEqual(batch.variances[0] + 0.01, left.variances[out], accuracy: 1e-10)
    }
  }

  func testLeavingGroupsOutEqualsAModelOfTheOthers() throws {
    let groups = [[0, 2], [1], [3, 4]]
    let left = try XCTUnwrap(try Self.process().leavingOut(groups))
    for (group, found) in zip(groups, left) {
      let others = (0..<5).filter { !group.contains($0) }
      var process = try XCTUnwrap(
        GaussianProcess(Self.points(others.map { Self.inputs[$0] }), Self.parameters, estimatesMean: false))
      process.setTargets(others.map { Self.targets[$0] })
      let batch = process.predict(Self.points(group.map { Self.inputs[$0] }))
      for i in group.indices {
        XCTAssertEqual(found.means[i], batch.means[i], accuracy: 1e-10)
        XCTAssertEqual(found.variances[i], batch.variances[i] + 0.01, accuracy: 1e-10)
      }
    }
  }

  func testDifferentChoicesAreAtDistanceOne() {
    let points = Self.points(Self.inputs, choices: [[0], [1], [0], [2], [1]])
    var parameters = Self.parameters
    parameters.choiceScales = [0.8]
    let covariances = MaternKernel.covariances(points, points, parameters)
    XCTAssertEqual(covariances[0, 1], 0.245891427216767, accuracy: 1e-12)
    XCTAssertEqual(covariances[0, 2], 0.484514024569995, accuracy: 1e-12)
  }

  func testGradientsEqualDifferences() throws {
    for (warps, estimatesMean) in [(false, false), (true, false), (false, true), (true, true)] {
      let (points, targets) = Self.random(40, numbers: 3, choices: 2)
      let likelihood = MarginalLikelihood(points, targets, warps: warps, estimatesMean: estimatesMean)
      var parameters = KernelParameters(
        numberScales: [0.4, 0.9, 1.7], choiceScales: [0.6, 1.4], signal: 1.3, noise: 0.05)
      if warps { parameters.warps = [.init(a: 0.7, b: 1.4), .init(a: 1.2, b: 0.8), .init(a: 2, b: 3)] }
      let at = likelihood.variables(parameters)
      XCTAssertEqual(likelihood.variables(likelihood.parameters(at)).count, at.count)
      let found = try XCTUnwrap(likelihood.evaluate(at))
      for i in at.indices {
        var above = at
        var below = at
        above[i] += 1e-5
        below[i] -= 1e-5
        let difference =
          (try XCTUnwrap(likelihood.evaluate(above)).value - XCTUnwrap(likelihood.evaluate(below)).value) / 2e-5
        XCTAssertEqual(found.gradient[i], difference, accuracy: 1e-6 * max(1, abs(difference)), "variable \(i)")
      }
    }
  }

  func testGradientsOfPredictionsEqualDifferences() throws {
    for warps in [false, true] {
      let (points, targets) = Self.random(30, numbers: 3, choices: 1)
      var parameters = KernelParameters(numberScales: [0.4, 0.9, 1.7], choiceScales: [0.6], signal: 1.3, noise: 0.05)
      if warps { parameters.warps = [.init(a: 0.7, b: 1.4), .init(a: 1.2, b: 0.8), .init(a: 2, b: 3)] }
      var process = try XCTUnwrap(GaussianProcess(points, parameters))
      process.setTargets(targets)
      let at = [[0.3, 0.6, 0.2], [0.9, 0.1, 0.5]]
      let choices: [[Int32]] = [[1], [0]]
      let own = Matrix(rows: 30, columns: 1, storage: process.weights)
      let batch = process.predict(Self.points(at, choices: choices), weights: own, withGradients: true).batch
      let meanWeights = Matrix(
        rows: 30, columns: 2, storage: process.weights + process.weights.map { 0.3 * $0 })
      let gradients = process.gradients(batch, meanWeights: meanWeights, varianceWeights: [0, -2])
      for point in 0..<2 {
        for j in 0..<3 {
          func value(_ shift: Double) -> Double {
            var moved = at
            moved[point][j] += shift
            let batch = process.predict(Self.points(moved, choices: choices))
            return point == 0 ? batch.means[0] : 0.3 * batch.means[1] - 2 * batch.variances[1]
          }
          XCTAssertEqual(gradients[j, point], (value(1e-5) - value(-1e-5)) / 2e-5, accuracy: 1e-6)
        }
      }
    }
  }

  func testAnAppendedObservationGivesTheReferencesFactor() throws {
    var process = try Self.process()
    let before = process
    XCTAssertTrue(process.append(0, of: Self.points([[0.25, 0.75]])))
    process.setTargets(Self.targets + [0.05])
    assertClose(
      (0..<6).map { process.factor[5, $0] },
      [
        0.688817642290867, 0.803892602325797, -0.0639773695221594, -0.0384821493221818, -0.0259291502388797,
        0.618902770340519,
      ])
    XCTAssertEqual(process.logMarginalLikelihood, -8.83032294900207, accuracy: 1e-9)
    process.truncate(to: 5)
    XCTAssertEqual(process.weights, before.weights)
    let query = Self.points([[0.6, 0.6]])
    XCTAssertEqual(process.predict(query).means, before.predict(query).means)
    XCTAssertEqual(process.predict(query).variances, before.predict(query).variances)
  }

  func testObservingThePredictedValueChangesNoMean() throws {
    let (points, targets) = Self.random(25, numbers: 2, choices: 1)
    let parameters = KernelParameters(numberScales: [0.4, 0.9], choiceScales: [0.6], signal: 1, noise: 0.02)
    var process = try XCTUnwrap(GaussianProcess(points, parameters))
    process.setTargets(targets)
    let (queries, _) = Self.random(20, numbers: 2, choices: 1, seed: 9)
    let before = process.predict(queries)
    let believed = before.means[3]
    XCTAssertTrue(process.append(3, of: queries))
    process.setTargets(targets + [believed], mean: process.mean)
    let after = process.predict(queries)
    assertClose(after.means, before.means, 1e-10)
    for i in 0..<20 { XCTAssertLessThanOrEqual(after.variances[i], before.variances[i] + 1e-12) }
    XCTAssertLessThan(after.variances[3], 0.03)
  }

  func testDuplicatesAreTaken() throws {
    let inputs = Array(repeating: [0.3, 0.4], count: 30)
    var process = try XCTUnwrap(
      GaussianProcess(
        Self.points(inputs), KernelParameters(numberScales: [1, 1], choiceScales: [], signal: 1, noise: 1e-6)))
    process.setTargets((0..<30).map { Double($0 % 2) })
    XCTAssertEqual(process.predict(Self.points([[0.3, 0.4]])).means[0], 0.5, accuracy: 1e-3)
  }

  // MARK: Warps

  func testTheWarpIsTheReferences() {
    let warp = KumaraswamyWarp(a: 0.5, b: 2)
    for (x, w) in [(0, 6.323555320e-4), (0.25, 0.750000049999995), (0.5, 0.914213562373095), (1, 0.9999999999999974)] {
      XCTAssertEqual(warp.value(x), w, accuracy: 1e-12 + 1e-9 * w)
    }
    for x in [0.001, 0.2, 0.5, 0.8, 0.99] {
      XCTAssertEqual(KumaraswamyWarp().value(x), x, accuracy: 1e-6)
    }
    XCTAssertEqual(warp.value(1.5), warp.value(1) + 0.5)
    XCTAssertEqual(warp.value(-2), warp.value(0) - 2)
  }

  // MARK: Priors and fits

  func testTheDimensionScaledPriorIsTheReferences() {
    for (d, mode, density) in [
      (1, 0.2047866778226079, -1.5152590471213314), (6, 0.5016228667851214, -2.278339724641639),
      (20, 0.9158338649953996, -2.941374306009409),
    ] {
      let prior = KernelPrior(dimension: d)
      XCTAssertEqual(prior.scaleMode, mode, accuracy: 1e-12)
      XCTAssertEqual(prior.logDensity(scale: 0.5), density, accuracy: 1e-11)
    }
    XCTAssertEqual(exp(KernelPrior(dimension: 100).logScaleMean), 41.13250378782928, accuracy: 1e-10)
    XCTAssertEqual(KernelPrior.noiseMode, exp(-5), accuracy: 1e-15)
  }

  func testTheGradientOfTheFitsObjectiveEqualsDifferences() {
    for learnsSignal in [false, true] {
      let (points, targets) = Self.random(20, numbers: 2, choices: 1)
      var options = GaussianProcessFit.Options()
      options.learnsSignal = learnsSignal
      options.warps = true
      let fit = GaussianProcessFit(points, OutputTransform.standard.apply(targets), options: options)
      var at = fit.likelihood.variables(fit.modes)
      for i in at.indices where i != 3 { at[i] += 0.1 * Double(i % 3) }
      let gradient = fit.objective(at).gradient
      for i in at.indices where learnsSignal || i != 3 {
        var above = at
        var below = at
        above[i] += 1e-5
        below[i] -= 1e-5
        let difference = (fit.objective(above).value - fit.objective(below).value) / 2e-5
        XCTAssertEqual(gradient[i], difference, accuracy: 1e-5 * max(1, abs(difference)), "variable \(i)")
      }
    }
  }

  func testAFitTellsCoordinatesThatMatterFromThoseThatDoNot() throws {
    let (points, _) = Self.random(60, numbers: 4, choices: 1)
    let targets = (0..<60).map { sin(6 * points.numbers[4 * $0]) + (points.choices[0][$0] == 1 ? 1 : 0) }
    let fit = GaussianProcessFit(points, OutputTransform.standard.apply(targets))
    let result = fit.run(from: fit.coldStarts)
    XCTAssertFalse(result.isFallback)
    for j in 1..<4 {
      XCTAssertGreaterThan(result.parameters.numberScales[j], 5 * result.parameters.numberScales[0])
    }
    XCTAssertLessThan(result.parameters.choiceScales[0], 5)
    XCTAssertLessThan(result.parameters.noise, 1e-2)
    // A warm start from there stays there and costs next to nothing.
    let again = fit.run(from: [result.parameters])
    XCTAssertEqual(again.logPosterior, result.logPosterior, accuracy: 0.01)
    XCTAssertLessThan(again.evaluations, result.evaluations / 5)
  }

  func testAFitThatCannotSucceedGivesTheModesOfThePriors() {
    let (points, _) = Self.random(5, numbers: 2, choices: 0)
    let fit = GaussianProcessFit(points, Array(repeating: .nan, count: 5))
    let result = fit.run(from: fit.coldStarts)
    XCTAssertTrue(result.isFallback)
    XCTAssertEqual(result.parameters, fit.modes)
  }
}
