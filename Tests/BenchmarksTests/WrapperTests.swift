import Foundation
import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabBenchmarks

/// A small problem with every kind of parameter, steps, conditions, and defaults; of unknown optimum.
private struct Mixed: Problem {
  let name = "mixed"
  let space: Space
  let objectives = [Objective(metric: "score", goal: .maximize)]
  let fidelity: Fidelity? = Fidelity(name: "epoch", maximum: 10)
  let resources: [Double] = [1, 2, 5, 10]
  let costUnit = "s"
  let reference = Reference(median: 1)

  init() throws {
    var step = try Parameter.float("step", 0...1, step: 0.1)
    step.defaultValue = .real(0.3)
    var kind = Parameter.categorical("kind", ["a", "b", "c", "d", "e"])
    kind.defaultValue = .choice(.text("d"))
    space = try Space([
      kind, .float("rate", 1e-4...1, scale: .log), step, .integer("depth", 1...6),
      .integer("width", 8...512, scale: .log),
      .boolean("free"), .boolean("gate"), Parameter.float("inner", -1...1).when("gate"),
      Parameter.integer("second", 1...9).when("depth >= 3"), Parameter.float("only", 0...1).when("kind == b"),
      Parameter("size", .ordinal(["s", "m", "l"].map { .text($0) })),
      Parameter("order", .permutation(["x", "y", "z"].map { .text($0) })), Parameter("mix", .simplex(["p", "q"])),
      Parameter("fixed", .integer(try NumericDomain(low: 0, high: 9, isInteger: true)), fixed: .integer(4)),
    ])
  }

  func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
    .measured(score(configuration), cost: 3 * (resource ?? 0))
  }

  func score(_ configuration: Configuration) -> [Double] {
    XCTAssertTrue(space.contains(configuration), "\(configuration.slots) is not of the space beneath")
    return [configuration.slots.reduce(0) { $1.isNaN ? $0 : $0 + $1 }]
  }
}

final class RecodingTests: XCTestCase {
  private func recodings(_ base: any Problem) throws -> [Recoding] {
    try [0, 1, 7].flatMap { (variant: UInt64) -> [Recoding] in
      let shifted = try Recoding.shifting(base, variant: variant)
      return [shifted, try .permuting(base, variant: variant), try .permuting(shifted, variant: variant)]
    }
  }

  func testMovedOptimaLieInTheSpaceAndScoreTheOptimum() throws {
    for name in Formulas.names {
      let base = try problem(name)
      for recoded in try recodings(base) {
        XCTAssertEqual(recoded.reference, base.reference)
        XCTAssertEqual(recoded.optima.count, base.optima.count)
        for best in recoded.optima {
          XCTAssertTrue(recoded.space.contains(best), recoded.name)
          let optimum = try XCTUnwrap(base.reference.optimum)
          XCTAssertEqual(recoded.score(best)[0], optimum, accuracy: 1e-5, recoded.name)
        }
      }
    }
  }

  func testOptimaMoveFromWhereTheyWere() throws {
    for name in ["ackley-6", "rosenbrock-6", "mfh6", "counting-ones-8"] {
      let base = try problem(name)
      let best = base.optima[0]
      let shifted = try Recoding.shifting(base, variant: 0)
      let moved = shifted.optima[0]
      let far = base.space.parameters.indices.filter { index in
        guard let axis = base.space.axes[index] else { return false }
        return abs(axis.encode(moved.slots[index]) - axis.encode(best.slots[index])) > 0.05
      }
      // An amount within 0.05 of nothing has a chance of 0.1.
      XCTAssertGreaterThanOrEqual(far.count, base.space.axes.compactMap { $0 }.count / 2, name)
      XCTAssertNotEqual(try Recoding.shifting(base, variant: 1).optima[0], moved)
    }
  }

  func testEveryConfigurationStandsForOneBeneathAndBack() throws {
    let bases: [any Problem] = [try Mixed(), try problem("conditional"), try problem("branin")]
    for base in bases {
      for recoded in try recodings(base) {
        var seen: [Configuration] = []
        for index in 0..<300 {
          let drawn = try recoded.space.sample(seed: 6, index: UInt64(index))
          let beneath = recoded.toBase(drawn)
          // `toBase` of a nested recoding stops one level down; a score checks the level beneath that.
          _ = recoded.score(drawn)
          let back = recoded.fromBase(beneath)
          XCTAssertTrue(recoded.space.contains(back), recoded.name)
          for (a, b) in zip(drawn.slots, back.slots) where !(a.isNaN && b.isNaN) {
            XCTAssertEqual(a, b, accuracy: 1e-9 * max(1, abs(a)), recoded.name)
          }
          seen.append(beneath)
        }
        XCTAssertEqual(Set(seen.map(\.key)).count, Set(seen.map { recoded.fromBase($0).key }).count)
      }
    }
  }

  func testUniformDrawsStayUniform() throws {
    let base = try Mixed()
    let recoded = try Recoding.permuting(try Recoding.shifting(base, variant: 3), variant: 3)
    let shifted = try XCTUnwrap(recoded.base as? Recoding)
    var counts: [Int: [Int]] = [:]
    let draws = 8000
    for index in 0..<draws {
      let beneath = shifted.toBase(recoded.toBase(try recoded.space.sample(seed: 6, index: UInt64(index))))
      base.space.encode(beneath) { coordinate, unit in
        guard !unit.isNaN else { return }
        counts[coordinate, default: Array(repeating: 0, count: 10)][min(9, Int(unit * 10))] += 1
      }
    }
    for name in ["rate", "inner", "only"] {
      let index = try XCTUnwrap(base.space.index(of: name))
      let found = try XCTUnwrap(counts[base.space.coordinateRanges[index].lowerBound])
      let statistic = chiSquare(found, probabilities: Array(repeating: 0.1, count: 10))
      XCTAssertLessThan(statistic, chiSquareLimit(degrees: 9), name)
    }
  }

  func testBothEndsOfAnAxisCanBeReached() throws {
    let base = try Mixed()
    for variant in UInt64(0)..<20 {
      let shifted = try Recoding.shifting(base, variant: variant)
      for end in [1e-4, 1] {
        var corner = base.space.defaultConfiguration()
        corner.slots[1] = end
        XCTAssertEqual(shifted.toBase(shifted.fromBase(corner)).slots[1], end)
      }
    }
  }

  func testWhatConditionsMentionAndWhatIsFixedStaysInPlace() throws {
    let base = try Mixed()
    for recoded in [try Recoding.shifting(base, variant: 2), try .permuting(base, variant: 2)] {
      for index in 0..<50 {
        let drawn = try recoded.space.sample(seed: 6, index: UInt64(index))
        let beneath = recoded.toBase(drawn)
        for name in ["depth", "gate", "width", "size", "order", "mix", "fixed"] {
          let place = try XCTUnwrap(base.space.index(of: name))
          XCTAssertEqual(recoded.space.value(of: place, in: drawn), base.space.value(of: place, in: beneath), name)
        }
      }
    }
  }

  func testPermutedChoicesKeepTheirLabelsAndDefaultsTheirMeaning() throws {
    let base = try Mixed()
    let permuted = try Recoding.permuting(base, variant: 0)
    XCTAssertNotEqual(permuted.space.parameters[0].domain, base.space.parameters[0].domain)
    XCTAssertEqual(
      Set(permuted.space.parameters[0].domain.choices ?? []), Set(base.space.parameters[0].domain.choices ?? []))
    let drawn = try permuted.space.sample(seed: 1, index: 1)
    XCTAssertEqual(permuted.space.value(of: 0, in: drawn), base.space.value(of: 0, in: permuted.toBase(drawn)))
    let shifted = try Recoding.shifting(base, variant: 1)
    XCTAssertNotEqual(shifted.space.parameters[2].defaultValue, base.space.parameters[2].defaultValue)
    for recoded in [permuted, shifted] {
      let beneath = recoded.toBase(recoded.space.defaultConfiguration())
      XCTAssertEqual(base.space.value(of: 2, in: beneath), .real(0.3), recoded.name)
      XCTAssertEqual(base.space.value(of: 0, in: beneath), .choice(.text("d")), recoded.name)
    }
  }
}

final class DummiesTests: XCTestCase {
  func testDummiesChangeNothingButTheSpace() throws {
    for base: any Problem in [try problem("mfh6"), try problem("conditional"), try Mixed()] {
      let padded = try Dummies(base, count: 7)
      XCTAssertEqual(padded.space.parameters.count, base.space.parameters.count + 7)
      XCTAssertEqual(padded.reference, base.reference)
      for index in UInt64(0)..<50 {
        let drawn = try padded.space.sample(seed: 3, index: index)
        let beneath = padded.toBase(drawn)
        XCTAssertTrue(base.space.contains(beneath))
        XCTAssertEqual(padded.score(drawn), base.score(beneath))
        XCTAssertEqual(
          padded.evaluate(drawn, resource: base.resources.last, seed: index),
          base.evaluate(beneath, resource: base.resources.last, seed: index))
        var moved = drawn
        while moved.slots.count < padded.space.slotRanges.last?.upperBound ?? 0 { moved.slots.append(.nan) }
        for slot in moved.slots.indices.suffix(7) { moved.slots[slot] = 1 - moved.slots[slot] }
        XCTAssertEqual(padded.score(moved), padded.score(drawn))
      }
      for (best, beneath) in zip(padded.optima, base.optima) {
        XCTAssertTrue(padded.space.contains(best))
        XCTAssertEqual(padded.score(best), base.score(beneath))
      }
    }
  }

  func testDummiesMayBeShiftedAndCountFromNone() throws {
    let base = try problem("branin")
    let options: [String: Choice] = ["dummies": .integer(98), "shift": .boolean(true)]
    let wrapped = try Wrappers.wrap(base, options: options)
    XCTAssertEqual(wrapped.name, "branin+dummies=98+shift")
    XCTAssertEqual(wrapped.space.parameters.count, 100)
    XCTAssertEqual(try Wrappers.wrap(base, options: ["dummies": .integer(0)]).name, "branin")
    for bad: Choice in [.integer(-1), .integer(1001), .real(2.5), .boolean(true)] {
      XCTAssertThrowsError(try Wrappers.wrap(base, options: ["dummies": bad])) { error in
        XCTAssertTrue("\(error)".contains("dummies"), "\(error)")
      }
    }
  }
}

final class NoiseAndDropoutTests: XCTestCase {
  func testNoiseIsNormalAndLeavesScoresAlone() throws {
    let base = try problem("branin")
    let noisy = ObservationNoise(base, deviation: 2)
    let place = try base.space.sample(seed: 1, index: 1)
    let truth = base.score(place)[0]
    XCTAssertEqual(noisy.score(place), base.score(place))
    XCTAssertEqual(noisy.reference, base.reference)
    let seen = values(noisy, place, resource: nil, seeds: 0..<10_000)
    var counts = Array(repeating: 0, count: 20)
    for value in seen { counts[min(19, Int(NormalDistribution.cdf((value - truth) / 2) * 20))] += 1 }
    let statistic = chiSquare(counts, probabilities: Array(repeating: 0.05, count: 20))
    XCTAssertLessThan(statistic, chiSquareLimit(degrees: 19))
    XCTAssertEqual(values(noisy, place, resource: nil, seeds: 5..<6), [seen[5]])
  }

  func testNoiseOfObjectivesAndResourcesIsIndependent() throws {
    let noisy = ObservationNoise(try problem("zdt1"), deviation: 1)
    let place = try noisy.space.sample(seed: 1, index: 1)
    let truth = noisy.score(place)
    var product = 0.0
    for seed in UInt64(0)..<4000 {
      guard case .measured(let seen, _) = noisy.evaluate(place, resource: nil, seed: seed) else { return XCTFail() }
      product += (seen[0] - truth[0]) * (seen[1] - truth[1]) / 4000
    }
    XCTAssertEqual(product, 0, accuracy: 4 / 4000.0.squareRoot())
    let curve = ObservationNoise(try Mixed(), deviation: 1)
    let other = try curve.space.sample(seed: 1, index: 1)
    XCTAssertNotEqual(values(curve, other, resource: 1, seeds: 0..<1), values(curve, other, resource: 2, seeds: 0..<1))
  }

  func testTheNoisyBraninIsBraninWithNoise() throws {
    let noisy = try problem("noisy-branin")
    let place = try noisy.space.sample(seed: 1, index: 1)
    XCTAssertEqual(noisy.name, "noisy-branin")
    let seen = values(noisy, place, resource: nil, seeds: 0..<4000)
    XCTAssertEqual(mean(seen), try problem("branin").score(place)[0], accuracy: 4 * 5 / 4000.0.squareRoot())
    XCTAssertEqual(deviation(seen), 5, accuracy: 0.25)
  }

  func testDropoutsHaveTheirChanceAndDependOnTheSeed() throws {
    let base = try problem("branin")
    let dropping = Dropouts(base, chance: 0.2)
    var failed = 0
    var costs: [Double] = []
    for index in 0..<5000 {
      let drawn = try base.space.sample(seed: 2, index: UInt64(index))
      let outcome = dropping.evaluate(drawn, resource: nil, seed: UInt64(index))
      XCTAssertEqual(outcome, dropping.evaluate(drawn, resource: nil, seed: UInt64(index)))
      switch outcome {
      case .measured(let values, let cost):
        XCTAssertEqual(values, base.score(drawn))
        XCTAssertEqual(cost, 1)
      case .failed(let kind, let cost, _):
        XCTAssertEqual(kind, .crash)
        failed += 1
        costs.append(cost)
      // Another attempt, with another seed, mostly succeeds.
      }
      XCTAssertEqual(dropping.score(drawn), base.score(drawn))
    }
    XCTAssertEqual(Double(failed) / 5000, 0.2, accuracy: 4 * 0.4 / 5000.0.squareRoot())
    XCTAssertEqual(mean(costs), 0.5, accuracy: 4 * 0.29 / Double(failed).squareRoot())
    // Another attempt, with another seed, may succeed.
    let place = base.optima[0]
    let outcomes = (UInt64(0)..<100).map { dropping.evaluate(place, resource: nil, seed: $0) }
    XCTAssertTrue(outcomes.contains(.measured(base.score(place), cost: 1)))
    XCTAssertTrue(outcomes.contains { if case .failed = $0 { true } else { false } })
    XCTAssertEqual(dropping.reference, base.reference)
  }

  func testATrialThatDropsOutReportsAsUsualUpToThenAndNothingAfter() throws {
    let base = try Mixed()
    let dropping = Dropouts(base, chance: 1)
    let place = try base.space.sample(seed: 2, index: 1)
    var lengths: Set<Int> = []
    for seed in UInt64(0)..<200 {
      let outcomes = base.resources.map { dropping.evaluate(place, resource: $0, seed: seed) }
      let length = outcomes.prefix { if case .measured = $0 { true } else { false } }.count
      lengths.insert(length)
      for i in 0..<length {
        XCTAssertEqual(outcomes[i], base.evaluate(place, resource: base.resources[i], seed: seed))
      }
      let before = length > 0 ? 3 * base.resources[length - 1] : 0
      for outcome in outcomes[length...] {
        guard case .failed(.crash, let cost, _) = outcome else { return XCTFail("\(outcome)") }
        XCTAssertEqual(cost, (before + 3 * base.resources[length]) / 2)
      }
    }
    XCTAssertEqual(lengths, [0, 1, 2, 3])
  }
}

final class FailingRegionsTests: XCTestCase {
  func testAboutTheAskedShareFailsForGood() throws {
    for name in ["branin", "mfh6", "counting-ones", "conditional", "ackley-20", "zdt1"] {
      for (share, variant) in [(0.1, UInt64(0)), (0.3, 1), (0.6, 2)] {
        let base = try problem(name)
        let failing = try FailingRegions(base, share: share, variant: variant)
        var failed = 0
        for index in 0..<3000 {
          let drawn = try base.space.sample(seed: 12, index: UInt64(index))
          let resource = base.fidelity?.maximum
          guard index % 30 == 0 else {
            failed += failing.fails(drawn) ? 1 : 0
            continue
          }
          let outcomes = (UInt64(0)..<2).map { failing.evaluate(drawn, resource: resource, seed: $0) }
          if failing.fails(drawn) {
            failed += 1
            for outcome in outcomes {
              guard case .failed(.crash, let cost, _) = outcome else { return XCTFail("\(outcome)") }
              XCTAssertLessThanOrEqual(cost, base.evaluate(drawn, resource: resource, seed: 0).cost)
              XCTAssertEqual(cost, outcomes[0].cost)
            }
            XCTAssertTrue(failing.score(drawn).allSatisfy(\.isNaN))
          } else {
            XCTAssertEqual(outcomes[0], base.evaluate(drawn, resource: resource, seed: 0))
            XCTAssertEqual(failing.score(drawn), base.score(drawn))
          }
        }
        XCTAssertEqual(Double(failed) / 3000, share, accuracy: 0.05, "\(name) \(share)")
      }
    }
  }

  func testTheOptimaAndWhatIsNearThemAreSpared() throws {
    for name in ["branin", "mfh3", "mfh6", "ackley-5", "conditional", "counting-ones"] {
      for variant in UInt64(0)..<5 {
        let base = try Recoding.shifting(try problem(name), variant: variant)
        let failing = try FailingRegions(base, share: 0.8, variant: variant)
        XCTAssertEqual(failing.reference.optimum, base.reference.optimum)
        for best in failing.optima {
          XCTAssertFalse(failing.fails(best), failing.name)
          XCTAssertEqual(failing.score(best)[0], try XCTUnwrap(base.reference.optimum), accuracy: 1e-5)
          // A hundredth of the draws lies nearer than this in every direction; a step of 0.002 is well within it.
          for index in base.space.parameters.indices {
            guard let axis = base.space.axes[index], !best.slots[index].isNaN, axis.domain.step == nil else { continue }
            for step in [-0.002, 0.002] {
              var near = best
              near.slots[index] = axis.decode(min(1, max(0, axis.encode(best.slots[index]) + step)))
              XCTAssertFalse(failing.fails(near), failing.name)
            }
          }
        }
      }
    }
  }

  func testTheMedianCountsFailuresAsTheWorst() throws {
    let base = try problem("branin")
    let failing = try FailingRegions(base, share: 0.3, variant: 0)
    let median = try XCTUnwrap(failing.reference.median)
    XCTAssertGreaterThan(median, try XCTUnwrap(base.reference.median))
    XCTAssertNil(try FailingRegions(base, share: 0.7, variant: 0).reference.median)
  }

  func testTheBestOfAFiniteSpaceIsFoundAndSparedAndOtherOptimaAreUnknown() throws {
    let mixed = try FailingRegions(try Mixed(), share: 0.5, variant: 0)
    XCTAssertNil(mixed.reference.optimum)
    XCTAssertTrue(mixed.optima.isEmpty)
    let finite = try Finite()
    for variant in UInt64(0)..<10 {
      let failing = try FailingRegions(finite, share: 0.8, variant: variant)
      XCTAssertEqual(failing.reference.optimum, 0)
      XCTAssertEqual(failing.optima.map(\.slots), [[2, 17]])
      XCTAssertFalse(failing.fails(failing.optima[0]))
    }
  }

  private struct Finite: Problem {
    let name = "finite"
    let space: Space
    let objectives = [Objective(metric: "value")]
    let fidelity: Fidelity? = nil
    let resources: [Double] = []
    let costUnit = "evaluations"
    let reference = Reference(optimum: 0)

    init() throws { space = try Space([.categorical("a", ["x", "y", "z"]), .integer("b", 0...20)]) }

    func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
      .measured(score(configuration), cost: 1)
    }

    func score(_ configuration: Configuration) -> [Double] {
      [abs(configuration.slots[0] - 2) + abs(configuration.slots[1] - 17)]
    }
  }
}

final class WrapperOptionTests: XCTestCase {
  func testOptionsPutTheirWrappersAroundTheProblem() throws {
    let base = try problem("branin")
    let all: [String: Choice] = [
      "noise": .real(0.1), "shift": .boolean(true), "permute": .boolean(true), "failing": .real(0.2),
      "dropouts": .real(0.05), "variant": .integer(3),
    ]
    XCTAssertEqual(
      try Wrappers.wrap(base, options: all).name, "branin+shift=3+permute=3+failing=0.2/3+noise=0.1+dropouts=0.05")
    XCTAssertEqual(try Wrappers.wrap(base, options: [:]).name, "branin")
    XCTAssertEqual(
      try Wrappers.wrap(base, options: ["shift": .boolean(false), "noise": .integer(0)]).name, "branin")
    let (wrappers, own) = Wrappers.split(["noise": .real(1), "d": .integer(3)])
    XCTAssertEqual(wrappers, ["noise": .real(1)])
    XCTAssertEqual(own, ["d": .integer(3)])
  }

  func testWrappedProblemsKeepTheirOptimum() throws {
    for name in ["branin", "mfh6-bad", "counting-ones", "conditional", "zdt3"] {
      let base = try problem(name)
      let wrapped = try Wrappers.wrap(
        base,
        options: [
          "noise": .real(0.1), "shift": .boolean(true), "permute": .boolean(true), "failing": .real(0.4),
          "dropouts": .real(0.1), "variant": .integer(5),
        ])
      XCTAssertEqual(wrapped.reference.optimum, base.reference.optimum)
      XCTAssertEqual(wrapped.optima.count, base.optima.count)
      for best in wrapped.optima {
        XCTAssertEqual(wrapped.score(best)[0], try XCTUnwrap(base.reference.optimum), accuracy: 1e-5, name)
      }
    }
  }

  func testWrongOptionsAreRefusedWithTheirNamesAndTheMend() throws {
    let base = try problem("branin")
    func refusal(_ options: [String: Choice]) -> String? {
      do {
        _ = try Wrappers.wrap(base, options: options)
        return nil
      } catch { return "\(error)" }
    }
    XCTAssertEqual(refusal(["nois": .real(1)]), "branin: nois: there is no such option (did you mean 'noise'?)")
    XCTAssertEqual(refusal(["shift": .integer(1)]), "branin: shift: 1 is not possible (true or false)")
    XCTAssertEqual(refusal(["noise": .real(-1)]), "branin: noise: -1 is not possible (a number from 0)")
    XCTAssertEqual(refusal(["failing": .real(0.95)]), "branin: failing: 0.95 is not possible (a number from 0 to 0.9)")
    XCTAssertEqual(
      refusal(["dropouts": .text("often")]), "branin: dropouts: often is not possible (a number from 0 to 1)")
    XCTAssertEqual(
      refusal(["variant": .integer(2)]),
      "branin: variant: 2 is not possible (it has a meaning only with shift, permute or failing: leave it out)")
  }
}
