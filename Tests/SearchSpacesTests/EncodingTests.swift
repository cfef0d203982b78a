import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabTestSupport
import XCTest

final class EncodingTests: XCTestCase {
  private func encoded(_ space: Space, _ configuration: Configuration) -> [Double] {
    var unit = [Double](repeating: -7, count: space.coordinates.count)
    space.encode(configuration) { unit[$0] = $1 }
    return unit
  }

  private func axis(
    _ low: Double, _ high: Double, _ scale: Scale = .linear, step: Double? = nil, isInteger: Bool = false
  ) throws -> NumericAxis {
    NumericAxis(try NumericDomain(low: low, high: high, scale: scale, step: step, isInteger: isInteger))
  }

  // MARK: Known values

  func testIntegersLieAtTheCentresOfEqualCells() throws {
    let axis = try axis(1, 8, isInteger: true)
    XCTAssertEqual(axis.encode(1), 0.0625)
    XCTAssertEqual(axis.encode(8), 0.9375)
    XCTAssertEqual(axis.encode(4), 0.4375)
    XCTAssertEqual(axis.cell(level: 0).low, 0)
    XCTAssertEqual(axis.cell(level: 7).high, 1)
    XCTAssertEqual(axis.cell(level: 3).high, 0.5)
  }

  func testScalesEncodeAsTheirDefinitionsSay() throws {
    XCTAssertEqual(try axis(1e-4, 1, .log).encode(1e-2), 0.5, accuracy: 1e-15)
    XCTAssertEqual(try axis(-1, 3).encode(0), 0.25)
    // ln(0.9 / 0.1) is −ln(0.1 / 0.9).
    XCTAssertEqual(try axis(0.1, 0.9, .logit).encode(0.5), 0.5, accuracy: 1e-15)
    let thousandth = (Double.log(0.3 / 0.7) + Double.log(9)) / (2 * Double.log(9))
    XCTAssertEqual(try axis(0.1, 0.9, .logit).encode(0.3), thousandth, accuracy: 1e-15)
    // Log integers 1…8 live on ln 0.5 … ln 8.5.
    XCTAssertEqual(
      try axis(1, 8, .log, isInteger: true).encode(2), Double.log(2 / 0.5) / Double.log(8.5 / 0.5), accuracy: 1e-15)
  }

  func testPriorsEncodeToTheirProbability() throws {
    let normal = NumericAxis(
      try NumericDomain(low: -.infinity, high: .infinity, prior: .normal(mean: 3, deviation: 2)))
    XCTAssertEqual(normal.encode(3), 0.5, accuracy: 1e-15)
    // Φ(1) = 0.841344746068543 (Abramowitz & Stegun, table 26.1).
    XCTAssertEqual(normal.encode(5), 0.841344746068543, accuracy: 1e-14)
    let truncated = NumericAxis(try NumericDomain(low: 3, high: 5, prior: .normal(mean: 3, deviation: 2)))
    XCTAssertEqual(truncated.encode(3), 0, accuracy: 1e-15)
    XCTAssertEqual(truncated.encode(5), 1, accuracy: 1e-15)
    // (Φ(0.5) − Φ(0)) / (Φ(1) − Φ(0)) = 0.191462461274013 / 0.341344746068543
    XCTAssertEqual(truncated.encode(4), 0.191462461274013 / 0.341344746068543, accuracy: 1e-13)
    let logNormal = NumericAxis(try NumericDomain(low: 0, high: .infinity, prior: .logNormal(mean: 0, deviation: 1)))
    XCTAssertEqual(logNormal.encode(1), 0.5, accuracy: 1e-15)
    XCTAssertEqual(logNormal.encode(0), 0)
  }

  func testStepsGiveTheDoublesOfTheirDecimalTexts() throws {
    let axis = try axis(0, 1, step: 0.1)
    XCTAssertEqual((0...10).map { axis.domain.value(level: $0) }, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
    let negative = try self.axis(-0.3, 0.3, step: 0.05)
    XCTAssertEqual(negative.domain.value(level: 5), -0.05)
    XCTAssertEqual(negative.domain.levels, 13)
  }

  func testAPermutationAndASimplexEncodeTheirStructure() throws {
    let space = try Space([
      Parameter("order", .permutation([.text("a"), .text("b"), .text("c")])),
      Parameter("mix", .simplex(["x", "y", "z"])),
    ])
    let configuration = try space.configuration([
      ("order", .permutation([.text("c"), .text("a"), .text("b")])), ("mix", .simplex([0.25, 0.75, 0])),
    ])
    let unit = encoded(space, configuration)
    // Each item's coordinate is the centre of its position's third.
    XCTAssertEqual(unit[0], 0.5, accuracy: 1e-15)
    XCTAssertEqual(unit[1], 5.0 / 6, accuracy: 1e-15)
    XCTAssertEqual(unit[2], 1.0 / 6, accuracy: 1e-15)
    // A share x of a stick with two more pieces to come has probability 1 − (1 − x)².
    XCTAssertEqual(unit[3], 1 - 0.75 * 0.75, accuracy: 1e-15)
    XCTAssertEqual(unit[4], 1, accuracy: 1e-15)
  }

  // MARK: Laws

  func testDecodingUndoesEncodingForEveryGridValueAndWithinRoundingElsewhere() {
    for seed in 0..<250 as Range<UInt64> {
      let space = randomSpace(seed: seed, mayFix: false)
      for (index, parameter) in space.parameters.enumerated() {
        guard let axis = space.axes[index] else { continue }
        if let levels = axis.domain.levels {
          for level in 0..<min(levels, 400) {
            let value = axis.domain.value(level: level)
            XCTAssertEqual(axis.decode(axis.encode(value)), value, "\(parameter.name) of seed \(seed)")
            let cell = axis.cell(level: level)
            let inset = (cell.high - cell.low) * 1e-6
            for u in [cell.low + inset, (cell.low + cell.high) / 2, cell.high - inset] where axis.width > 0 {
              XCTAssertEqual(axis.decode(u), value, "cell of \(parameter.name) of seed \(seed)")
            }
          }
        } else {
          for k in 1..<100 {
            let value = axis.decode(Double(k) / 100)
            XCTAssertEqual(
              axis.decode(axis.encode(value)), value, accuracy: 1e-9 * max(1, abs(value)),
              "\(parameter.name) of seed \(seed)")
            XCTAssertEqual(axis.encode(value), Double(k) / 100, accuracy: 1e-9)
          }
        }
      }
    }
  }

  func testDecodingUndoesEncodingForWholeConfigurations() throws {
    for seed in 0..<250 as Range<UInt64> {
      let space = randomSpace(seed: seed)
      for index in 0..<5 as Range<UInt64> {
        let configuration = try space.sample(seed: seed, index: index)
        var unit = encoded(space, configuration)
        for c in unit.indices where unit[c].isNaN { unit[c] = 0.5 }
        for u in unit {
          XCTAssertGreaterThanOrEqual(u, 0)
          XCTAssertLessThanOrEqual(u, 1)
        }
        let again = space.configuration(unit: unit)
        for (a, b) in zip(configuration.slots, again.slots) where !(a.isNaN && b.isNaN) {
          XCTAssertEqual(a, b, accuracy: 1e-9 * max(1, abs(a)), "seed \(seed)")
        }
      }
    }
  }

  func testTheEndsOfTheUnitCubeDecodeToPossibleValues() {
    for seed in 0..<250 as Range<UInt64> {
      let space = randomSpace(seed: seed)
      for end in [0, 1, 0x1p-60, 1 - 0x1p-53] {
        let configuration = space.configuration(unit: Array(repeating: end, count: space.coordinates.count))
        let free = try? Space(space.parameters)
        XCTAssertEqual(free?.contains(configuration), true, "seed \(seed) at \(end): \(configuration.slots)")
      }
    }
  }

  func testInactiveParametersHaveNoCoordinates() throws {
    let space = try Space([
      .boolean("on"), try .float("x", 0...1).when("on"),
      try Parameter("order", .permutation([.integer(1), .integer(2)])).when("x > 0.5"),
    ])
    let off = space.configuration(unit: [0, 0.9, 0.1, 0.2])
    XCTAssertEqual(encoded(space, off)[0], 0.25)
    XCTAssertTrue(encoded(space, off)[1...].allSatisfy(\.isNaN))
    // The grandparent's absence reaches the grandchild although its own condition would hold.
    XCTAssertEqual(space.values(of: off).map(\.name), ["on"])
    let on = space.configuration(unit: [0.9, 0.9, 0.1, 0.2])
    XCTAssertEqual(space.values(of: on).map(\.name), ["on", "x", "order"])
  }

  func testValuesOutsideAnAmendedRangeEncodeOutsideTheUnitIntervalAndStayFinite() throws {
    for (scale, range, outside) in [
      (Scale.linear, (0.0, 1.0), [-3.0, 2]), (.log, (0.1, 1), [-1, 0, 0.01, 5]),
      (.logit, (0.1, 0.9), [-1, 0, 0.05, 0.95, 1, 7]),
    ] {
      let axis = try axis(range.0, range.1, scale)
      for value in outside {
        let unit = axis.encode(value)
        XCTAssertTrue(unit.isFinite, "\(scale) \(value)")
        XCTAssertTrue(value < range.0 ? unit < 0 : unit > 1, "\(scale) \(value): \(unit)")
      }
    }
  }
}
