import Foundation
import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabBenchmarks

/// The problem of a name that must exist.
func problem(_ name: String, _ options: [String: Choice] = [:]) throws -> any Problem {
  try XCTUnwrap(try Formulas.make(name, options: options), name)
}

/// The first values of reports under different seeds.
func values(
  _ problem: any Problem, _ configuration: Configuration, resource: Double?, seeds: Range<UInt64>
) -> [Double] {
  seeds.compactMap {
    guard case .measured(let values, _) = problem.evaluate(configuration, resource: resource, seed: $0) else {
      return nil
    }
    return values.first
  }
}

func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

func deviation(_ values: [Double]) -> Double {
  let centre = mean(values)
  return (values.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(values.count - 1)).squareRoot()
}

final class FormulaTests: XCTestCase {
  func testEveryNameMakesAProblemOfThatNameThatKeepsTheContract() throws {
    XCTAssertEqual(Set(Formulas.names).count, Formulas.names.count)
    for name in Formulas.names {
      let problem = try problem(name)
      let sized = ["ackley", "rosenbrock", "levy"].contains(name)
      XCTAssertEqual(problem.name, sized ? "\(name)-10" : name)
      XCTAssertEqual(problem.resources.last, problem.fidelity?.maximum, name)
      XCTAssertEqual(problem.resources, Set(problem.resources).sorted(), name)
      for index in 0..<50 {
        let drawn = try problem.space.sample(seed: 1, index: UInt64(index))
        let resource = problem.resources.isEmpty ? nil : problem.resources[index % problem.resources.count]
        let outcome = problem.evaluate(drawn, resource: resource, seed: 7)
        XCTAssertEqual(outcome, problem.evaluate(drawn, resource: resource, seed: 7), name)
        guard case .measured(let values, let cost) = outcome else { return XCTFail("\(name): \(outcome)") }
        XCTAssertEqual(values.count, problem.objectives.count, name)
        XCTAssertTrue(values.allSatisfy(\.isFinite), "\(name): \(values)")
        XCTAssertGreaterThan(cost, 0, name)
        if problem.fidelity == nil { XCTAssertEqual(cost, 1, name) }
      }
    }
  }

  func testTheOptimaScoreTheOptimumAndNoDrawIsBetter() throws {
    for name in Formulas.names {
      let problem = try problem(name)
      let optimum = try XCTUnwrap(problem.reference.optimum, name)
      XCTAssertFalse(problem.optima.isEmpty, name)
      for best in problem.optima {
        XCTAssertTrue(problem.space.contains(best), name)
        XCTAssertEqual(problem.score(best)[0], optimum, accuracy: 1e-9, name)
      }
      for index in 0..<2000 {
        let drawn = try problem.space.sample(seed: 2, index: UInt64(index))
        XCTAssertGreaterThanOrEqual(problem.score(drawn)[0], optimum, name)
      }
    }
  }

  func testOptimaArePlacesFromWhichEveryStepIsUphill() throws {
    for name in Formulas.names {
      let problem = try problem(name)
      for best in problem.optima {
        for slot in best.slots.indices where !best.slots[slot].isNaN {
          for step in [-1e-3, 1e-3] {
            var moved = best
            moved.slots[slot] += step
            guard problem.space.contains(moved) else { continue }
            XCTAssertGreaterThanOrEqual(problem.score(moved)[0], problem.score(best)[0] - 1e-12, "\(name) \(slot)")
          }
        }
      }
    }
  }

  func testPublishedValuesAreMet() throws {
    func score(_ name: String, _ slots: [Double]) throws -> Double {
      try problem(name).score(Configuration(slots: slots))[0]
    }
    XCTAssertEqual(try score("mfh3", [0.114614, 0.555649, 0.852547]), -3.86278, accuracy: 1e-5)
    XCTAssertEqual(
      try score("mfh6", [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573]), -3.32237, accuracy: 1e-5)
    for place in [[-Double.pi, 12.275], [.pi, 2.275], [9.42478, 2.475]] {
      XCTAssertEqual(try score("branin", place), 0.397887, accuracy: 1e-5)
    }
    XCTAssertEqual(try score("branin", [0, 0]), 55.602113, accuracy: 1e-5)
    XCTAssertEqual(try score("ackley-2", [1, 1]), 3.6253849384403627, accuracy: 1e-12)
    XCTAssertEqual(try score("rosenbrock-3", [-1, 2, 0]), 100 + 4 + 1600 + 1, accuracy: 1e-9)
    XCTAssertEqual(try score("levy-1", [3]), 1.25, accuracy: 1e-12)
    XCTAssertEqual(try score("levy-2", [0, 0]), 0.71584455, accuracy: 1e-8)
    XCTAssertEqual(try score("levy-3", [-4, 2, 7]), 5.6802693, accuracy: 1e-7)
  }

  func testMediansAreThoseOfTenThousandUniformDraws() throws {
    // Medians of two million other draws, by another program.
    for (name, expected, tolerance) in [
      ("mfh3", -0.55102, 0.03), ("mfh6-bad", -0.10366, 0.006), ("branin", 35.038, 1.2), ("counting-ones", -4, 0.05),
      ("conditional", 0.92861, 0.03), ("ackley-10", 21.2111, 0.01), ("levy-10", 115.49, 1.5), ("zdt1", 0.5, 0.02),
    ] {
      let problem = try problem(name)
      let median = try XCTUnwrap(problem.reference.median)
      XCTAssertEqual(median, expected, accuracy: tolerance, name)
      XCTAssertEqual(UniformMedian.compute(problem, draws: UniformMedian.draws), median)
      let below = try (0..<4000).filter {
        problem.score(try problem.space.sample(seed: 5, index: UInt64($0)))[0] < median
      }
      // Four standard deviations of a share of 4,000, plus those of the median's own draws.
      XCTAssertEqual(Double(below.count) / 4000, 0.5, accuracy: 0.04, name)
    }
  }

  func testNumbersMayStandInTheNameOrAmongTheOptions() throws {
    for (a, b) in [
      (try problem("ackley-5"), try problem("ackley", ["d": .integer(5)])),
      (try problem("counting-ones-50"), try problem("counting-ones", ["k": .integer(50)])),
      (try problem("zdt1-6"), try problem("zdt1", ["d": .integer(6)])),
      (try problem("dtlz2-12-5"), try problem("dtlz2", ["d": .integer(12), "objectives": .integer(5)])),
      (try problem("dtlz7-8"), try problem("dtlz7", ["d": .integer(8)])),
    ] {
      XCTAssertEqual(a.name, b.name)
      XCTAssertEqual(a.space.parameters, b.space.parameters)
      XCTAssertEqual(try Formulas.make(a.name)?.name, a.name)
    }
    XCTAssertEqual(try problem("counting-ones", ["k": .integer(4)]).name, "counting-ones")
    XCTAssertEqual(try problem("dtlz2", ["objectives": .integer(5)]).space.parameters.count, 14)
    XCTAssertNil(try Formulas.make("zdt5"))
    XCTAssertNil(try Formulas.make("fcnet/naval_propulsion"))
    XCTAssertNil(try Formulas.make("mfh3-3"))
    XCTAssertNil(try Formulas.make("ackley-2-3"))
  }

  func testWrongOptionsAreRefusedWithTheirNamesAndTheMend() {
    func refusal(_ name: String, _ options: [String: Choice]) -> String? {
      do {
        _ = try Formulas.make(name, options: options)
        return nil
      } catch { return "\(error)" }
    }
    XCTAssertEqual(
      refusal("branin", ["d": .integer(2)]), "branin: d: there is no such option (it has none: leave it out)")
    XCTAssertEqual(
      refusal("dtlz1", ["objective": .integer(2)]),
      "dtlz1: objective: there is no such option (did you mean 'objectives'?)")
    XCTAssertEqual(
      refusal("rosenbrock-1", [:]), "rosenbrock-1: d: 1 in the name is not possible (a whole number from 2 to 1000)")
    XCTAssertEqual(
      refusal("counting-ones", ["k": .real(2.5)]),
      "counting-ones: k: 2.5 is not possible (a whole number from 1 to 288)")
    XCTAssertEqual(
      refusal("ackley-3", ["d": .integer(3)]), "ackley-3: d: it stands in the name already (leave one of them out)")
    XCTAssertEqual(refusal("dtlz2-2", [:]), "dtlz2-2: d: 2 in the name is not possible (a whole number from 3 to 1000)")
  }
}

final class HartmannTests: XCTestCase {
  func testLowResourcesAreOffByTheBiasAndByHalfNormalNoise() throws {
    for (preset, bias, noise) in [("", 0.5, 0.1), ("-good", 2.5, 2), ("-bad", 3.5, 4), ("-terrible", 4.0, 5)] {
      for dimension in [3, 6] {
        let problem = try problem("mfh\(dimension)\(preset)")
        let place = try problem.space.sample(seed: 3, index: 1)
        // The bias changes the value in proportion to what it takes from each weight: flat = Σ exp(−…).
        let full = values(problem, place, resource: 100, seeds: 0..<1)[0]
        XCTAssertEqual(full, problem.score(place)[0])
        for z in [1.0, 10] {
          let missing = z == 1 ? 1.0 : 0.5
          let seen = values(problem, place, resource: z, seeds: 0..<20_000)
          let least = try XCTUnwrap(seen.min())
          // What is least under many seeds has next to no noise; the half-normal's mean is √(2/π), its deviation 0.603.
          XCTAssertEqual(mean(seen) - least, noise * missing * 0.797885, accuracy: noise * missing * 0.02)
          XCTAssertEqual(deviation(seen), noise * missing * 0.602810, accuracy: noise * missing * 0.02)
          let flat = (least - full) / (bias * missing)
          let tolerance = noise / bias * 0.001
          if z == 1 {
            let again = values(problem, place, resource: 10, seeds: 0..<20_000).min() ?? 0
            XCTAssertEqual((again - full) / (bias * 0.5), flat, accuracy: 10 * tolerance)
          }
          XCTAssertGreaterThan(flat, -tolerance)
        }
      }
    }
  }

  func testNoiseIsAFunctionOfSeedResourceAndConfiguration() throws {
    let problem = try problem("mfh3-bad")
    let a = try problem.space.sample(seed: 3, index: 1)
    var b = a
    b.slots[0] += 1e-12
    func value(_ c: Configuration, _ z: Double, _ seed: UInt64) -> Double {
      values(problem, c, resource: z, seeds: seed..<seed + 1)[0]
    }
    XCTAssertEqual(value(a, 5, 1), value(a, 5, 1))
    XCTAssertGreaterThan(abs(value(a, 5, 1) - value(a, 5, 2)), 1e-6)
    XCTAssertGreaterThan(abs(value(a, 5, 1) - value(b, 5, 1)), 1e-6)
    XCTAssertEqual(value(a, 100, 1), value(a, 100, 2))
  }

  func testCostGrowsWithTheSquareOfTheResource() throws {
    let problem = try problem("mfh6")
    let place = problem.optima[0]
    for (z, cost) in [(1.0, 0.050095), (50, 0.2875), (100, 1)] {
      XCTAssertEqual(problem.evaluate(place, resource: z, seed: 0).cost, cost, accuracy: 1e-12)
    }
  }

  func testWorsePresetsRankWorseAtTheLeastResource() throws {
    // Over 200 places: how often do two of them stand the same way round at z = 1 and at full resource?
    func agreement(_ name: String) throws -> Double {
      let problem = try problem(name)
      let places = try (0..<200).map { try problem.space.sample(seed: 9, index: UInt64($0)) }
      let low = places.map { values(problem, $0, resource: 1, seeds: 4..<5)[0] }
      let full = places.map { problem.score($0)[0] }
      var same = 0
      for i in places.indices { for j in 0..<i where (low[i] < low[j]) == (full[i] < full[j]) { same += 1 } }
      return Double(same) / Double(200 * 199 / 2)
    }
    let (standard, good, terrible) = (try agreement("mfh3"), try agreement("mfh3-good"), try agreement("mfh3-terrible"))
    XCTAssertGreaterThan(standard, 0.9)
    XCTAssertGreaterThan(standard, good + 0.1)
    XCTAssertGreaterThan(good, terrible)
  }
}

final class CountingOnesTests: XCTestCase {
  func testTheOptimumIsReachedWithoutNoiseAtEveryResource() throws {
    for k in [1, 4, 50] {
      let problem = try problem("counting-ones", ["k": .integer(k)])
      for resource in problem.resources {
        XCTAssertEqual(
          problem.evaluate(problem.optima[0], resource: resource, seed: 3),
          .measured([-2 * Double(k)], cost: resource))
      }
    }
  }

  func testResourcesAreThoseOfThePaperFromEitherEnd() throws {
    let small = try problem("counting-ones")
    XCTAssertEqual(small.resources, [72, 144, 216, 432, 648, 1296, 1944, 3888, 5832, 11664])
    let large = try problem("counting-ones-50")
    XCTAssertEqual(large.fidelity?.minimum, 5)
    XCTAssertEqual(large.fidelity?.maximum, 933)
    XCTAssertEqual(large.resources, [5, 12, 15, 35, 45, 104, 135, 311, 405, 933])
  }

  func testCoinsAreFairToTheirChances() throws {
    let problem = try problem("counting-ones", ["k": .integer(2)])
    let place = Configuration(slots: [1, 0, 0.3, 0.8])
    XCTAssertEqual(problem.score(place)[0], -2.1, accuracy: 1e-12)
    let seen = values(problem, place, resource: 144, seeds: 0..<4000)
    let expected = ((0.3 * 0.7 + 0.8 * 0.2) / 144).squareRoot()
    XCTAssertEqual(mean(seen), -2.1, accuracy: 4 * expected / 4000.0.squareRoot())
    XCTAssertEqual(deviation(seen), expected, accuracy: expected * 0.05)
  }

  func testFurtherThrowsAreAddedToTheFirst() throws {
    let problem = try problem("counting-ones", ["k": .integer(1)])
    let place = Configuration(slots: [0, 0.5])
    for seed in UInt64(0)..<50 {
      let few = -values(problem, place, resource: 288, seeds: seed..<seed + 1)[0] * 288
      let more = -values(problem, place, resource: 300, seeds: seed..<seed + 1)[0] * 300
      XCTAssertEqual(few, few.rounded(), accuracy: 1e-9)
      XCTAssertTrue((0...12).contains((more - few).rounded()), "\(few) of 288, \(more) of 300")
    }
  }
}

final class ConditionalFormulaTests: XCTestCase {
  func testEveryBranchHasItsOwnBest() throws {
    let problem = try problem("conditional")
    func score(_ values: [(String, ParameterValue)]) throws -> Double {
      problem.score(try problem.space.configuration(values.map { (name: $0.0, value: $0.1) }))[0]
    }
    let branch = { (name: String) in ("branch", ParameterValue.choice(.text(name))) }
    XCTAssertEqual(try score([branch("bowl"), ("x", .real(1)), ("y", .real(-2))]), 0.5)
    XCTAssertEqual(
      try score([branch("comb"), ("rate", .real(0.0031622776601683794)), ("teeth", .integer(5))]), 0.25,
      accuracy: 1e-12)
    XCTAssertEqual(
      try score([branch("valley"), ("place", .real(0.3)), ("walls", .choice(.text("plain")))]), 0.3, accuracy: 1e-12)
    XCTAssertEqual(
      try score([
        branch("valley"), ("place", .real(0.3)), ("walls", .choice(.text("curved"))), ("curve", .real(0.01)),
      ]), 0, accuracy: 1e-12)
  }
}
