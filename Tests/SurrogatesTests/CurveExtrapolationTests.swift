import TrimtabNumerics
import TrimtabSurrogates
import XCTest

final class CurveExtrapolationTests: XCTestCase {
  private func curve(_ resources: [Double], _ value: (Double) -> Double) -> CurveExtrapolation? {
    CurveExtrapolation(resources: resources, values: resources.map(value), horizon: 50)
  }

  /// Members of the families in the forms in which they were published, falling.
  private static let curves: [(name: String, value: @Sendable (Double) -> Double)] = [
    ("pow4", { 0.1 + pow(0.5 * $0 + 1.2, -0.7) }),
    ("exp4", { 0.2 + exp(-0.3 * pow($0, 0.6) + 0.4) }),
    ("mmf4", { (0.9 * 8 + 0.15 * pow($0, 1.3)) / (8 + pow($0, 1.3)) }),
    ("weibull4", { 0.3 + 0.6 * exp(-pow(0.12 * $0, 0.8)) }),
    ("janoschek4", { 12 - 7 * (1 - exp(-0.2 * pow($0, 0.9))) }),
  ]

  func testCurvesWithoutNoiseAreContinuedExactly() throws {
    for (name, value) in Self.curves {
      let extrapolation = try XCTUnwrap(curve((1...10).map(Double.init), value))
      let end = value(50)
      XCTAssertEqual(extrapolation.mean, end, accuracy: 1e-4 * abs(value(1) - end), name)
      XCTAssertLessThan(extrapolation.probability(below: end - 0.01), 0.001, name)
      XCTAssertGreaterThan(extrapolation.probability(below: end + 0.01), 0.999, name)
    }
  }

  func testUnitsOfTheValuesDoNotMatter() throws {
    let value = Self.curves[0].value
    let noise = { (t: Double) in 0.01 * sin(12.9898 * t) }
    let plain = try XCTUnwrap(curve((1...12).map(Double.init)) { value($0) + noise($0) })
    let scaled = try XCTUnwrap(curve((1...12).map(Double.init)) { 1e6 * (value($0) + noise($0)) - 3e6 })
    XCTAssertEqual(scaled.mean, 1e6 * plain.mean - 3e6, accuracy: 1)
    XCTAssertEqual(scaled.probability(below: 1e6 * 0.3 - 3e6), plain.probability(below: 0.3), accuracy: 1e-5)
  }

  /// Curves of all kinds with noise, seen up to a fifth: how often the end lies below the quantiles that are predicted.
  func testProbabilitiesAreAboutAsOftenRightAsTheySay() throws {
    var counts = [0, 0, 0]
    let levels = [0.1, 0.5, 0.9]
    var total = 0
    for index in 0..<150 {
      var stream = RandomStream(seed: 11, purpose: stableHash("curves"), index: UInt64(index))
      let (asymptote, amplitude) = (stream.uniform(), 0.3 + stream.uniform())
      let (scale, exponent) = (exp(1 + 1.5 * stream.normal()), exp(0.3 * stream.normal()))
      let kind = stream.index(below: 3)
      func value(_ t: Double) -> Double {
        let u = pow(t / scale, exponent)
        let shape = kind == 0 ? exp(-u) : kind == 1 ? 1 / (1 + u) : pow(1 + t / scale, -exponent)
        return asymptote + amplitude * shape
      }
      let noise = 0.01 * amplitude
      let resources = (1...10).map(Double.init)
      let seen = resources.map { value($0) + noise * stream.normal() }
      let end = value(50) + noise * stream.normal()
      let found = try XCTUnwrap(CurveExtrapolation(resources: resources, values: seen, horizon: 50))
      let below = found.probability(below: end)
      total += 1
      for (i, level) in levels.enumerated() where below <= level { counts[i] += 1 }
    }
    let shares = counts.map { Double($0) / Double(total) }
    XCTAssertEqual(shares[0], 0.1, accuracy: 0.1, "\(shares)")
    XCTAssertEqual(shares[1], 0.5, accuracy: 0.15, "\(shares)")
    XCTAssertEqual(shares[2], 0.9, accuracy: 0.1, "\(shares)")
  }

  func testThereIsNothingToExtrapolateFromFewOrImpossibleValues() {
    XCTAssertNil(CurveExtrapolation(resources: [1, 2, 3, 4], values: [4, 3, 2, 1], horizon: 9))
    XCTAssertNil(CurveExtrapolation(resources: [1, 2, 3, 4, 5], values: [4, 3, .nan, 1, 0], horizon: 9))
    XCTAssertNil(CurveExtrapolation(resources: [1, 2, 3, 4, 5], values: [4, 3, -.infinity, 1, 0], horizon: 9))
  }

  func testAConstantCurveStaysWhereItIs() throws {
    let flat = try XCTUnwrap(curve((1...10).map(Double.init)) { _ in 2 })
    XCTAssertEqual(flat.mean, 2)
    XCTAssertEqual(flat.probability(below: 2.001), 1)
    XCTAssertEqual(flat.probability(below: 1.999), 0)
    let huge = try XCTUnwrap(curve((1...10).map(Double.init)) { 1e307 / $0 })
    XCTAssertTrue(huge.mean.isFinite)
  }
}
