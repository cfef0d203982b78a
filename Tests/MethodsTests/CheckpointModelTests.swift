import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class CheckpointModelTests: XCTestCase {
  func testPrincipalComponentsAreThoseOfTheGreatestVariance() throws {
    // Two columns that are one number but for a little, a third of another, and one that does not vary.
    var stream = RandomStream(seed: 1, purpose: stableHash("components"), index: 0)
    let rows = (0..<200).map { _ -> [Double] in
      let (a, b) = (stream.normal(), stream.normal())
      return [100 + a, -3 * a + 0.01 * b, b, 7]
    }
    let components = try XCTUnwrap(PrincipalComponents(rows, count: 2))
    XCTAssertEqual(components.count, 2)
    let scores = rows.map { components.components(of: $0) }
    let spreads = (0..<2).map { k in (scores.reduce(0) { $0 + $1[k] * $1[k] } / 200).squareRoot() }
    XCTAssertEqual(spreads[0], 1, accuracy: 1e-6)
    // Standardised, the first has the variance 2 and the other 1.
    XCTAssertEqual(spreads[1], 1 / 2.0.squareRoot(), accuracy: 0.05)
    XCTAssertEqual(scores.reduce(0) { $0 + $1[0] * $1[1] } / 200, 0, accuracy: 1e-6)
    XCTAssertNil(PrincipalComponents([[1, 2], [1, 2]], count: 2))
    XCTAssertNil(PrincipalComponents([[1, 2]], count: 2))
    XCTAssertEqual(PrincipalComponents([[1, 2], [2, 2], [4, 2]], count: 9)?.count, 1)
  }

  func testAStepKnowsTheWeightsBeforeItAndNoLaterOnes() {
    var points = FeaturePoints(numberCount: 1, choiceCount: 0)
    points.append([0.25], [])
    func summary(_ norm: Double) -> WeightSummary {
      let numbers = [Double](repeating: norm, count: 2 * WeightSummary.statistics)
      return WeightSummary(layers: [.init(name: "w", numbers: numbers)])
    }
    let weights: WeightHistory = [(1, summary(1)), (2, summary(2)), (3, summary(5))]
    let basis = WeightBasis(weights.map(\.summary), count: 1)
    let features = StepFeatures(points, basis: basis, horizon: 4)
    let curve = FreezeThawProcess.Curve(times: [1, 2, 3], values: [0.9, 0.6, 0.3])
    let (rows, targets) = CheckpointCurveModel.rows(features, points, [curve], [weights], limit: 10)
    // The newest first.
    XCTAssertEqual(targets, [0.3, 0.6, 0.9])
    let own = weights.map { 0.5 + (basis?.components(of: $0.summary)[0] ?? 0) / 6 }
    for (row, expected) in [[0.25, 0.75, 0.6, 0.4, 1, 1, own[1]], [0.25, 0.5, 0.65, 0.5, 1, 1, own[0]]].enumerated() {
      for (number, other) in zip(rows.numbers(of: row), expected) { XCTAssertEqual(number, other, accuracy: 1e-12) }
    }
    // At the beginning there are neither a curve nor weights.
    XCTAssertEqual(rows.numbers(of: 2), [0.25, 0.25, 0.5, 0.5, 0, 0, 0.5])
  }

  /// The least final loss of a trial that went through half of its resource, in a park where only the norm of the weights
  /// tells what a training comes to.
  private func best(components: Int, seed: UInt64) throws -> Double {
    let options: [String: Choice] = [
      "steps": .integer(6), "components": .integer(components), "candidates": .integer(64),
    ]
    let spec = MethodSpaces.spec(
      try Space([.float("x", 0...1), .float("y", 0...1)]), sampler: PartSpec("fms"),
      scheduler: PartSpec("fms", options: options), fidelity: Fidelity(name: "epoch", maximum: 6), trials: 500,
      seed: seed)
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    var best = 1.0
    while driver.state.totalResource < 110, let trial = try driver.start() {
      // Neither the configuration nor the first epochs show it.
      var stream = RandomStream(seed: seed, purpose: stableHash("park"), index: UInt64(trial))
      let quality = stream.uniform()
      var verdict = Verdict.proceed
      var epoch = driver.state.trials[trial].resource
      while verdict == .proceed, epoch < 6 {
        epoch += 1
        let noise = 0.02 * stream.normal()
        let loss = 1 - quality * (epoch / 6) * (epoch / 6) * (epoch / 6) + noise
        if epoch == 6 { best = min(best, 1 - quality) }
        verdict = try driver.report(trial, resource: epoch, loss)
      }
      let values = (0..<32).map { _ in (0.5 + 2 * quality) * stream.normal() }
      let numbers =
        WeightSummary.statistics(values, columns: 8) + [Double](repeating: 0, count: WeightSummary.statistics)
      let summary = WeightSummary(layers: [.init(name: "w", numbers: numbers)])
      try driver.append(.noted(trial, key: WeightSummary.key(epoch), value: summary.text))
      try driver.append(
        verdict == .pause ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
    }
    return best
  }

  func testWhereWeightsTellWhatATrainingComesToItFindsBetterOnesThanWithoutThem() throws {
    var (with, without) = (0.0, 0.0)
    for seed in 1...4 as ClosedRange<UInt64> {
      with += try best(components: 4, seed: seed) / 4
      without += try best(components: 0, seed: seed) / 4
    }
    XCTAssertLessThan(with, 0.7 * without, "\(with), \(without)")
  }

  func testNotesThatAreNoSummariesAreLeftAlone() throws {
    let spec = MethodSpaces.spec(
      try Space([.float("x", 0...1)]), sampler: PartSpec("fms"),
      scheduler: PartSpec("fms", options: ["steps": .integer(3), "candidates": .integer(16)]),
      fidelity: Fidelity(name: "epoch", maximum: 3), trials: 8)
    XCTAssertTrue(WeightSummary.isWanted(by: spec))
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    while let trial = try driver.start() {
      let target = driver.state.trials[trial].target
      let verdict = try driver.report(trial, resource: target, Double(trial))
      try driver.append(.noted(trial, key: WeightSummary.key(target), value: "[\"rubbish\"]"))
      try driver.append(.noted(trial, key: "mine", value: "1"))
      try driver.append(
        verdict == .pause ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
    }
    XCTAssertEqual(driver.state.trials.count, 8)
    var without = spec
    without.method.scheduler.options["components"] = .integer(0)
    XCTAssertFalse(WeightSummary.isWanted(by: without))
  }
}
