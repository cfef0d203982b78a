import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

/// Samplers and schedulers where what trials report must keep within bounds.
final class ConstrainedSamplerTests: XCTestCase {
  private func spec(_ sampler: PartSpec, seed: UInt64, trials: Int, bound: Double = 1) throws -> StudySpec {
    var spec = MethodSpaces.spec(
      try Space([.float("x", 0...1), .float("y", 0...1), .categorical("kind", ["a", "b"])]), sampler: sampler,
      trials: trials, seed: seed)
    spec.outcomeConstraints = [OutcomeConstraint(metric: "cost", .atMost, bound)]
    return spec
  }

  /// The best is at (0.9, 0.9, a) and costs 1.8.
  private func measure(_ values: [Double]) -> (loss: Double, cost: Double) {
    let (x, y, kind) = (values[0], values[1], values[2])
    return ((x - 0.9) * (x - 0.9) + (y - 0.9) * (y - 0.9) + 0.1 * kind, x + y)
  }

  /// The least loss of the trials that keep within the bound; infinite when none does.
  private func best(_ sampler: PartSpec, seed: UInt64, trials: Int, bound: Double = 1) throws -> Double {
    var driver = try StudyDriver(
      spec(sampler, seed: seed, trials: trials, bound: bound), makeMethod: Catalogue.makeMethod)
    while let trial = try driver.start() {
      let found = measure(driver.state.history.configuration(trial).slots)
      try driver.append(
        .reported(trial, resource: nil, [MetricValue("loss", found.loss), MetricValue("cost", found.cost)]))
      try driver.append(.trialCompleted(trial, seconds: 1))
    }
    return driver.state.incumbent.map(driver.state.loss) ?? .infinity
  }

  private static let least = 0.32

  /// The mean regret over studies of forty trials.
  private func regret(_ sampler: PartSpec, studies: UInt64) throws -> Double {
    let regrets = try (1...studies).map { try best(sampler, seed: $0, trials: 40) - Self.least }
    XCTAssertGreaterThanOrEqual(regrets.min() ?? -1, -1e-9, sampler.name)
    return regrets.reduce(0, +) / Double(studies)
  }

  func testSamplersFindTheBestWithinTheBound() throws {
    let chance = try regret(PartSpec("random"), studies: 20)
    XCTAssertLessThan(try regret(PartSpec("c-tpe"), studies: 20), 0.75 * chance)
    XCTAssertLessThan(try regret(PartSpec("tpe"), studies: 20), 0.9 * chance)
    let small: [String: Choice] = ["candidates": .integer(128)]
    for sampler in [PartSpec("gp", options: small), PartSpec("smac", options: small), PartSpec("cqr", options: small)] {
      XCTAssertLessThan(try regret(sampler, studies: 3), 0.4 * chance, sampler.name)
    }
    let population: [String: Choice] = ["population": .integer(16), "generations": .integer(10)]
    XCTAssertLessThan(try regret(PartSpec("hebo", options: population), studies: 1), 0.4 * chance)
  }

  /// Outcome constraints change whom it asks, so that it is held to what comes out.
  func testTheChoiceAmongSamplersFindsTheBestWithinTheBound() throws {
    let chance = try regret(PartSpec("random"), studies: 20)
    XCTAssertLessThan(try regret(PartSpec("auto"), studies: 2), 0.4 * chance)
  }

  /// One configuration in fifty keeps within the bound, so that forty random trials often have none.
  func testSamplersFindSolutionsThatAreRare() throws {
    let seeds: [UInt64] = [1, 2, 3, 4]
    let small: [String: Choice] = ["candidates": .integer(128)]
    for sampler in [PartSpec("c-tpe"), PartSpec("gp", options: small), PartSpec("smac", options: small)] {
      let found = try seeds.count { try best(sampler, seed: $0, trials: 40, bound: 0.2).isFinite }
      XCTAssertGreaterThanOrEqual(found, 3, sampler.name)
    }
  }

  func testProposalsDependOnTheLogAlone() throws {
    for name in ["c-tpe", "gp", "smac"] {
      var driver = try StudyDriver(spec(PartSpec(name), seed: 5, trials: 30), makeMethod: Catalogue.makeMethod)
      for _ in 0..<25 {
        guard let trial = try driver.start() else { return XCTFail("no trial") }
        let found = measure(driver.state.history.configuration(trial).slots)
        try driver.append(
          .reported(trial, resource: nil, [MetricValue("loss", found.loss), MetricValue("cost", found.cost)]))
        try driver.append(.trialCompleted(trial, seconds: 1))
      }
      var other = try driver.replayed(makeMethod: Catalogue.makeMethod)
      let own = try driver.method.propose(state: driver.state, mayStartNew: true) { _ in true }
      let anew = try other.propose(state: driver.state, mayStartNew: true) { _ in true }
      XCTAssertEqual("\(own)", "\(anew)", name)
    }
  }

  func testMethodsThatCannotTakeConditionsSaySo() throws {
    var spec = try spec(PartSpec("bore"), seed: 1, trials: 10)
    let problems = Catalogue.check(spec)
    XCTAssertEqual(problems.map(\.path), [["outcome-constraints"]])
    XCTAssertTrue(problems[0].hint?.contains("c-tpe") ?? false)
    spec.method.sampler = PartSpec("gp", options: ["acquisition": .text("nei")])
    XCTAssertEqual(Catalogue.check(spec).map(\.path), [["method", "sampler", "acquisition"]])
  }

  func testAHalvingSchedulerPromotesTrialsThatMeetTheConditionsFirst() throws {
    var spec = try spec(PartSpec("random"), seed: 1, trials: 9)
    spec.fidelity = Fidelity(name: "epoch", maximum: 3)
    spec.method.scheduler = PartSpec("asha")
    var driver = try StudyDriver(spec, makeMethod: Catalogue.makeMethod)
    var started: [TrialNumber] = []
    for (loss, cost) in [(1, 5), (2, 4), (7, 0.5)] as [(Double, Double)] {
      let trial = try XCTUnwrap(driver.start())
      started.append(trial)
      try driver.append(.reported(trial, resource: 1, [MetricValue("loss", loss), MetricValue("cost", cost)]))
      try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    }
    XCTAssertEqual(try driver.start(), started[2])
    XCTAssertEqual(driver.state.trials[started[2]].target, 3)
  }

  // MARK: c-TPE

  func testTheScoreOfTwoMeasuresIsThePublishedSum() {
    let score = [(0.2, 1.5, 0.6), (0.7, 1.1, 0.8)].reduce(0.0) { sum, term in
      sum + ConstrainedTPE.score(share: term.0, logBetter: log(term.1), logOther: log(term.2))
    }
    XCTAssertEqual(score, 0.7392863163578209, accuracy: 1e-9)
    XCTAssertEqual(ConstrainedTPE.score(share: 1, logBetter: 3, logOther: -3), 0, accuracy: 1e-9)
  }

  func testScottsRuleTakesTheQuartilesOrTheDeviation() {
    XCTAssertEqual(ScottDensity.bandwidth([0.1, 0.2, 0.25, 0.6, 0.9, 0.5]), 0.2002022354906153, accuracy: 1e-12)
  }

  func testTrialsAreSplitByTheObjectiveAndByEachBound() {
    XCTAssertEqual([1, 16, 17, 100, 10_000, 1_000_000].map(ConstrainedTPE.betterCount), [1, 1, 2, 3, 25, 25])
    let split = ConstrainedTPE.split([4, 2, 7, 1]) { $0 == 7 }
    XCTAssertEqual(split, .init(better: [4, 2, 7], others: [1]))
    XCTAssertEqual(split.share, 0.75)
    XCTAssertEqual(ConstrainedTPE.split([4, 2]) { _ in false }, .init(better: [4, 2], others: []))
    XCTAssertEqual(ConstrainedTPE.split([(0, 3.0), (1, 0.0), (2, -1.0)]), .init(better: [1, 2], others: [0]))
    XCTAssertEqual(ConstrainedTPE.split([(0, 3.0), (1, 2.0), (2, 9.0)]), .init(better: [1], others: [0, 2]))
  }

  func testAScottDensityIsOneInAllAndDrawsAsItSays() {
    let kinds: [VaryingCoordinates.Kind] = [.unit, .choice(3)]
    let density = ScottDensity(kinds: kinds, points: [0.2, 0, 0.7, 2, 0.75, 2, 0.9, 1], cells: [0, 0])
    var total = 0.0
    let steps = 2000
    var low = 0.0
    for choice in 0..<3 {
      for i in 0..<steps {
        let x = (Double(i) + 0.5) / Double(steps)
        let mass = exp(density.logDensity([x, Double(choice)])) / Double(steps)
        total += mass
        if x < 0.5, choice == 2 { low += mass }
      }
    }
    XCTAssertEqual(total, 1, accuracy: 1e-6)
    var stream = RandomStream(seed: 3, purpose: 1, index: 0)
    let count = 20_000
    let hits = (0..<count).count { _ in
      let point = density.draw(&stream)
      return point[0] < 0.5 && point[1] == 2
    }
    // Five deviations of a share.
    XCTAssertEqual(Double(hits) / Double(count), low, accuracy: 5 * (low * (1 - low) / Double(count)).squareRoot())
  }
}
