import Foundation
import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

final class CurvePriorTests: XCTestCase {
  /// A curve with one basis only.
  private func curve(_ basis: Int, speed: Double) -> CurvePrior {
    var curve = CurvePrior([Double](repeating: 0, count: CurvePrior.latents))
    curve.start = 0.2
    curve.asymptote = 0.8
    curve.saturations = [0.5, 0.5, 0.5, 0.5]
    curve.depths = [100, 100, 100, 100]
    curve.shapes = [exp(1), 1, 1 + exp(-4), exp(0.5)]
    curve.speeds = [speed, speed, speed, speed]
    curve.weights = (0..<4).map { $0 == basis ? 1 : 0 }
    return curve
  }

  func testBasesAreThoseOfThePaper() {
    let expected: [(basis: Int, speed: Double, values: [Double])] = [
      (0, 0.5, [0.201447, 0.693426, 0.775037, 0.794, 0.797634]),
      (1, 0.5, [0.200552, 0.561136, 0.74, 0.794, 0.7994]),
      (2, 1, [0.231498, 0.784755, 0.791461, 0.794, 0.795503]),
      (3, -0.5, [0.200047, 0.724717, 0.78158, 0.794, 0.78158]),
    ]
    for (basis, speed, values) in expected {
      let curve = curve(basis, speed: speed)
      for (time, value) in zip([1e-4, 0.1, 0.25, 0.5, 1], values) {
        XCTAssertEqual(curve.mean(at: time), value, accuracy: 2e-6, "basis \(basis) at \(time)")
      }
    }
  }

  func testTheLogarithmDoesNotOverflow() {
    var curve = curve(2, speed: 1)
    curve.shapes[2] = 3
    curve.depths[2] = 1000
    for time in [0.01, 0.5, 1] {
      XCTAssertTrue(curve.mean(at: time).isFinite)
      XCTAssertLessThan(abs(curve.mean(at: time) - 0.8), 0.01)
    }
    XCTAssertEqual(curve.mean(at: 1e-12), 0.2, accuracy: 0.6)
  }

  private func draw(_ stream: inout RandomStream) -> CurvePrior {
    CurvePrior((0..<CurvePrior.latents).map { _ in stream.normal() })
  }

  func testCurvesEndWhereThePapersDo() {
    var stream = RandomStream(seed: 1, purpose: 0, index: 0)
    var ends: [Double] = []
    var falls = 0
    for _ in 0..<4000 {
      let curve = draw(&stream)
      ends.append(curve.mean(at: 1))
      let top = (1...50).map { curve.mean(at: Double($0) / 50) }.max() ?? 0
      if ends[ends.count - 1] < top - 0.02 { falls += 1 }
    }
    ends.sort()
    for (share, expected) in [(0.05, 0.09), (0.25, 0.28), (0.5, 0.48), (0.75, 0.68), (0.95, 0.88)] {
      XCTAssertEqual(ends[Int(share * 4000)], expected, accuracy: 0.03, "quantile \(share)")
    }
    XCTAssertEqual(Double(falls) / 4000, 0.34, accuracy: 0.04)
  }

  func testTheProbabilityOfASmallGainIsThatOfTheThreshold() {
    // A sure curve at 0.79 with the deviation 0.03, as if it had been learned so.
    var curve = curve(1, speed: 1)
    curve.asymptote = 0.79
    curve.start = 0.79
    curve.noise = 0.03
    XCTAssertEqual(curve.probability(above: 0.80002, at: 1), 0.3692, accuracy: 1e-4)
    XCTAssertEqual(curve.probability(above: 0.82, at: 1), 0.1587, accuracy: 1e-4)
  }

  func testMostCurvesEndWithinTheirInterval() {
    // So few particles are too sure: this is what is left of the 90 %, less two standard errors.
    var stream = RandomStream(seed: 2, purpose: 0, index: 0)
    for (seen, least) in [(0, 0.82), (3, 0.65), (8, 0.6)] {
      var inside = 0
      let count = 30
      for index in 0..<count {
        let truth = draw(&stream)
        func score(_ step: Int) -> Double {
          min(1, max(0, truth.mean(at: Double(step) / 50) + truth.noise * stream.normal()))
        }
        let posterior = CurvePosterior(
          times: (0..<seen).map { Double($0 + 1) / 50 }, scores: (0..<seen).map { score($0 + 1) }, seed: UInt64(index))
        let end = score(50)
        let above = posterior.probability(above: min(end, 1 - 1e-9), at: 1)
        if above >= 0.05, above <= 0.95 { inside += 1 }
      }
      XCTAssertGreaterThanOrEqual(Double(inside) / Double(count), least, "\(seen) scores seen")
    }
  }

  func testWhatIsSeenNarrowsWhatIsBelieved() {
    var stream = RandomStream(seed: 4, purpose: 0, index: 0)
    var gains = 0
    for index in 0..<10 {
      let truth = draw(&stream)
      let times = (1...8).map { Double($0) / 10 }
      let posterior = CurvePosterior(times: times, scores: times.map { truth.mean(at: $0) }, seed: UInt64(index))
      let prior = CurvePosterior(times: [], scores: [], seed: UInt64(index))
      let end = truth.mean(at: 1)
      if abs(posterior.mean(at: 1) - end) < abs(prior.mean(at: 1) - end) { gains += 1 }
      XCTAssertLessThan(abs(posterior.mean(at: 0.8) - truth.mean(at: 0.8)), 0.1)
    }
    XCTAssertGreaterThanOrEqual(gains, 8)
  }

  func testAnObservationStandsForAPosterior() {
    // A belief N(0, 1) and an observation 2 with the variance 1/3 make N(1.5, 1/4).
    let site = CurvePriorModel.site(1.5, 0.25)
    XCTAssertEqual(site.mean, 2, accuracy: 1e-12)
    XCTAssertEqual(site.variance, 1.0 / 3, accuracy: 1e-12)
    XCTAssertEqual(CurvePriorModel.site(0.1, 1.2).variance, CurvePriorModel.nothing)
  }

  func testANewConfigurationIsLikeItsNeighbours() throws {
    var points = FeaturePoints(numberCount: 1, choiceCount: 0)
    var posteriors: [CurvePosterior] = []
    for i in 0..<8 {
      let x = Double(i) / 7
      points.append([x], [])
      let times = (1...8).map { Double($0) / 8 }
      // Good on the right.
      posteriors.append(
        CurvePosterior(times: times, scores: times.map { 0.2 + 0.7 * x * (1 - exp(-5 * $0)) }, seed: UInt64(i)))
    }
    let model = try XCTUnwrap(CurvePriorModel(points, posteriors, seed: 1))
    var queries = FeaturePoints(numberCount: 1, choiceCount: 0)
    for x in [0.1, 0.9] { queries.append([x], []) }
    let chances = model.probabilities(of: queries, above: 0.6, at: 1)
    XCTAssertGreaterThan(chances[1], chances[0] + 0.3)
    XCTAssertGreaterThan(model.probability(of: 7, above: 0.6, at: 1), 0.95)
    XCTAssertLessThan(model.probability(of: 0, above: 0.6, at: 1), 0.05)
  }
}

final class PowerLawTests: XCTestCase {
  func testTheGateIsThePapers() {
    XCTAssertEqual(PowerLaw.gate(1).value, 0.731059, accuracy: 1e-6)
    XCTAssertEqual(PowerLaw.gate(0).value, 0)
    // The most by which a curve may grow.
    XCTAssertEqual((0..<500).map { PowerLaw.gate(-Double($0) / 100).value }.min() ?? 0, -0.278, accuracy: 1e-3)
    let law = PowerLaw([0.3, 1, 1])
    XCTAssertEqual(law.value(at: 0.25).value, 0.3 + 0.731059 * pow(0.25, -0.731059), accuracy: 1e-5)
  }

  func testSlopesAreThoseOfDifferences() {
    let outputs = [0.3, -0.4, 0.8]
    let gradient = PowerLaw(outputs).value(at: 0.3).gradient
    for i in 0..<3 {
      var above = outputs
      above[i] += 1e-6
      var below = outputs
      below[i] -= 1e-6
      let slope = (PowerLaw(above).value(at: 0.3).value - PowerLaw(below).value(at: 0.3).value) / 2e-6
      XCTAssertEqual(gradient[i], slope, accuracy: 1e-6)
    }
  }

  func testTheExpectedImprovementIsTheDefinitions() {
    // Of scores, as the paper has them: by how much a score is expected to be above the best.
    for (mean, deviation, best, expected) in [
      (0.80, 0.05, 0.82, 0.01152194), (0.70, 0.10, 0.72, 0.03068946), (0.60, 0.20, 0.72, 0.03373455),
    ] {
      let value = AcquisitionKind.logExpectedImprovement.evaluate(
        mean: mean, variance: deviation * deviation, threshold: best
      ).value
      XCTAssertEqual(exp(value), expected, accuracy: 1e-7)
    }
  }

  func testCurvesOfTheirOwnFormAreLearned() throws {
    var stream = RandomStream(seed: 6, purpose: 0, index: 0)
    var points = FeaturePoints(numberCount: 1, choiceCount: 1)
    var curves: [FreezeThawProcess.Curve] = []
    func loss(_ x: Double, _ choice: Int32, _ time: Double) -> Double {
      x + Double(choice) + 0.3 * pow(time, -0.4) - 1.2
    }
    for i in 0..<40 {
      let x = stream.uniform()
      let choice = Int32(i % 2)
      points.append([x], [choice])
      // Half of them are seen in part only.
      let times = (1...(i % 4 < 2 ? 4 : 10)).map { Double($0) / 10 }
      curves.append(.init(times: times, values: times.map { loss(x, choice, $0) }))
    }
    var options = PowerLawEnsemble.Options()
    options.steps = 600
    let ensemble = try XCTUnwrap(PowerLawEnsemble(points, curves, options: options, seed: 1))
    var error = 0.0
    var queries = FeaturePoints(numberCount: 1, choiceCount: 1)
    for i in 0..<10 { queries.append([Double(i) / 10], [Int32(i % 2)]) }
    let (means, variances) = ensemble.predictions(of: queries, at: 1)
    for i in 0..<10 { error += abs(means[i] - loss(Double(i) / 10, Int32(i % 2), 1)) / 10 }
    XCTAssertLessThan(error, 0.1)
    XCTAssertTrue(variances.allSatisfy { $0 > 0 && $0 < 0.1 })
  }

  func testNothingIsLearnedFromNothing() {
    let points = FeaturePoints(numberCount: 1, choiceCount: 0)
    XCTAssertNil(PowerLawEnsemble(points, [], seed: 1))
  }
}
