import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class PriorBandTests: XCTestCase {
  private func space(defaultOfX: Double = 0.2) throws -> Space {
    var x = try Parameter.float("x", 0...1)
    x.defaultValue = .real(defaultOfX)
    var kind = Parameter.categorical("kind", ["a", "b", "c", "d"])
    kind.defaultValue = .choice(.text("c"))
    return try Space([x, kind, .float("free", 0...1)])
  }

  private func spec(_ space: Space, trials: Int = 400, seed: UInt64 = 1) -> StudySpec {
    MethodSpaces.spec(
      space, sampler: PartSpec("priorband"), scheduler: PartSpec("asha"),
      fidelity: Fidelity(name: "epoch", maximum: 27),
      trials: trials, seed: seed)
  }

  func testTheRandomShareFallsWithTheLevel() {
    for (rung, share) in [0.5, 0.25, 0.1, 0.0357, 0.0122].enumerated() {
      XCTAssertEqual(PriorBand.randomShare(rung, 3), share, accuracy: 5e-5)
    }
  }

  func testTheShareIsThatOfTheSchedulersLevels() throws {
    let space = try space()
    let prior = UnitPrior(space, centre: PriorBand.unitsOfDefaults(space), confidence: 0.25)
    // Hyperband's levels are 1, 4, 11, 33 and 100, those of ASHA 1, 3, 9, 27, 81 and 100.
    for (name, rung) in [("hyperband", 4), ("successive-halving", 4), ("asha", 5)] {
      var spec = spec(space)
      spec.method.scheduler = PartSpec(name)
      spec.fidelity = Fidelity(name: "epoch", maximum: 100)
      let state = try StudyDriver(spec) { try Catalogue.makeMethod($0) }.state
      let sampler = PriorBand(PartSpec("priorband"), scheduler: spec.method.scheduler)
      XCTAssertEqual(sampler.source(100, prior, state).random, PriorBand.randomShare(rung, 3), name)
    }
  }

  func testTheDensityIntegratesToOneAndIsWhatIsDrawn() throws {
    let space = try space()
    let prior = UnitPrior(space, centre: PriorBand.unitsOfDefaults(space), confidence: 0.75)
    XCTAssertEqual(prior.centre[0], 0.2, accuracy: 1e-12)
    XCTAssertTrue(prior.centre[2].isNaN)
    var (integral, expected) = (0.0, 0.0)
    for i in 0..<1000 {
      for code in 0..<4 {
        let point = [(Double(i) + 0.5) / 1000, (Double(code) + 0.5) / 4, 0.5]
        let mass = exp(prior.logDensity(point)) / 1000
        integral += mass
        if i < 200 { expected += mass }
      }
    }
    XCTAssertEqual(integral, 1, accuracy: 1e-5)
    var stream = RandomStream(seed: 1, purpose: 2, index: 3)
    let points = (0..<20_000).map { _ in prior.draw(&stream) }
    let below = Double(points.count { $0[0] < 0.2 }) / 20_000
    XCTAssertEqual(below, expected, accuracy: 0.015)
    XCTAssertEqual(Double(points.count { Int($0[1] * 4) == 2 }) / 20_000, 0.25 + 0.75 * 0.75, accuracy: 0.015)
    XCTAssertEqual(points.reduce(0) { $0 + $1[2] } / 20_000, 0.5, accuracy: 0.01)
  }

  func testWithoutAnyDefaultItIsRefused() throws {
    let problems = Catalogue.check(spec(try Space([.float("x", 0...1)])))
    XCTAssertTrue("\(problems)".contains("no parameter of the space has one"), "\(problems)")
  }

  /// Runs a study, and gives the mean distance of the last hundred new trials from the optimum in x.
  private func distance(default: Double, optimum: Double, seed: UInt64) throws -> (first: Double, last: Double) {
    var driver = try StudyDriver(spec(try space(defaultOfX: `default`), seed: seed)) { try Catalogue.makeMethod($0) }
    while let trial = try driver.start() {
      let target = driver.state.trials[trial].target
      let x = driver.state.history.units[0][trial]
      let verdict = try driver.report(trial, resource: target, (x - optimum) * (x - optimum) + 1 / (1 + target))
      try driver.append(
        verdict == .pause ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
    }
    let distances = driver.state.history.units[0].map { abs($0 - optimum) }
    return (distances.prefix(40).reduce(0, +) / 40, distances.suffix(100).reduce(0, +) / 100)
  }

  func testGoodDefaultsHelpFromTheStartAndBadOnesAreForgotten() throws {
    var (good, bad) = ((first: 0.0, last: 0.0), (first: 0.0, last: 0.0))
    for seed in 1...10 as ClosedRange<UInt64> {
      let right = try distance(default: 0.2, optimum: 0.2, seed: seed)
      let wrong = try distance(default: 0.9, optimum: 0.2, seed: seed)
      good = (good.first + right.first / 10, good.last + right.last / 10)
      bad = (bad.first + wrong.first / 10, bad.last + wrong.last / 10)
    }
    // At random it is 0.34. Half of all trials are random at the lowest level.
    XCTAssertLessThan(good.first, 0.29)
    XCTAssertGreaterThan(bad.first, 0.37)
    XCTAssertLessThan(bad.last, bad.first - 0.1)
    XCTAssertLessThan(good.last, 0.29)
  }
}
