import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Acquisitions, pending rules and inferences of the Gaussian process, and the samplers that are made of it.
final class BayesianSamplerTests: XCTestCase {
  private typealias Options = [String: Choice]

  private static let small: Options = ["candidates": .integer(48), "starts": .integer(2), "startup": .integer(4)]

  /// Each way with a Gaussian process that has an option for it.
  private static let variants: [(sampler: String, options: Options)] = [
    ("gp", ["acquisition": .text("thompson")]), ("gp", ["acquisition": .text("kg")]),
    ("gp", ["acquisition": .text("ucb-pe")]), ("gp", ["pending": .text("believer")]),
    ("gp", ["pending": .text("penalise")]),
    ("gp", ["pending": .text("penalise"), "acquisition": .text("ucb")]),
    ("gp", ["pending": .text("penalise"), "acquisition": .text("pi")]),
    ("gp", ["inference": .text("nuts"), "warmup": .integer(48)]), ("gp", ["inference": .text("variational")]),
    ("saasbo", ["warmup": .integer(48)]),
    ("hebo", ["population": .integer(24), "generations": .integer(12)]), ("baxus", [:]), ("aegis", [:]),
  ]

  /// Samplers whose proposals keep apart by chance alone.
  private static let byChance = ["baxus", "aegis", "hebo"]

  private func driver(
    _ space: Space, _ sampler: String, _ options: Options, seed: UInt64 = 1, trials: Int = 1_000_000
  ) throws -> StudyDriver {
    let known = Catalogue.samplers.first { $0.name == sampler }?.options.map(\.name) ?? []
    let options = options.merging(Self.small.filter { known.contains($0.key) }) { a, _ in a }
    let spec = MethodSpaces.spec(space, sampler: PartSpec(sampler, options: options), trials: trials, seed: seed)
    return try StudyDriver(spec) { try Catalogue.makeMethod($0) }
  }

  private func proposal(_ driver: inout StudyDriver) throws -> (configuration: Configuration, Annotation.Origin?) {
    guard
      case .new(let configuration, _, let annotation) = try driver.method.propose(
        state: driver.state, mayStartNew: true, canResume: { _ in true })
    else { throw EventError("no proposal") }
    XCTAssertTrue(driver.state.spec.space.contains(configuration))
    return (configuration, annotation.origin)
  }

  func testOddObjectivesGetProposalsFromTheModel() throws {
    let space = try Space([.float("x", 0...1), .integer("n", 1...20), .categorical("c", ["a", "b", "c"])])
    let objectives: [(String, (Int) -> Double)] = [
      ("constant", { _ in 3 }), ("both", { $0 % 2 == 0 ? .greatestFiniteMagnitude : -1.7e308 }),
      ("tiny", { 1e-300 * Double($0 % 5) }),
    ]
    for (sampler, options) in Self.variants {
      for (name, objective) in objectives {
        var driver = try driver(space, sampler, options)
        for i in 0..<5 { try driver.runTrial { _ in objective(i) } }
        _ = try driver.start()
        let what = "\(name), \(sampler) \(options)"
        XCTAssertEqual(try proposal(&driver).1, .model, what)
        XCTAssertEqual(driver.state.fallbackCount, 0, what)
      }
    }
  }

  func testEverySpaceIsTakenWithFailuresAndPendingTrialsAndReplaysToTheBit() throws {
    let space = try Space(
      [
        .categorical("kind", ["a", "b"]), .float("x", 0...1), .float("y", 0...1), .integer("n", 1...64, scale: .log),
        .float("inner", 0...1).when("kind == b"), Parameter("order", .permutation(["p", "q", "r"].map { .text($0) })),
        Parameter("mixture", .simplex(["u", "v", "w"])),
      ], constraints: [try Expression.parse("x + y <= 1.2")])
    for (sampler, options) in Self.variants {
      var driver = try driver(space, sampler, options)
      for i in 0..<7 {
        let trial = try XCTUnwrap(try driver.start())
        if i % 5 == 4 {
          try driver.append(.trialFailed(trial, .crash, message: "", seconds: 1))
        } else if i % 6 != 3 {
          let units = driver.state.history.units
          let value = units.reduce(0) { $0 + ($1[trial].isNaN ? 0 : ($1[trial] - 0.4) * ($1[trial] - 0.4)) }
          _ = try driver.report(trial, value)
          try driver.append(.trialCompleted(trial, seconds: 1))
        }
      }
      var replica = try driver.replayed { try Catalogue.makeMethod($0) }
      let there = try replica.propose(state: driver.state, mayStartNew: true, canResume: { _ in true })
      let here = try driver.method.propose(state: driver.state, mayStartNew: true, canResume: { _ in true })
      XCTAssertEqual(here, there, "\(sampler) \(options)")
      XCTAssertEqual(driver.state.fallbackCount, 0, "\(sampler) \(options)")
    }
  }

  func testManyParametersAndChoicesAreTaken() throws {
    let spaces = [
      try MethodSpaces.many(500), try Space([.categorical("c", (0..<10_000).map { "v\($0)" }), .float("x", 0...1)]),
    ]
    for (sampler, options) in Self.variants {
      for space in spaces {
        var driver = try driver(space, sampler, options)
        for i in 0..<4 { try driver.runTrial { $0.slots[0] * Double(i % 3 + 1) } }
        XCTAssertEqual(try proposal(&driver).1, .model, "\(sampler) \(options)")
      }
    }
  }

  func testPendingTrialsKeepOthersAway() throws {
    let space = try Space([.float("x", 0...1)])
    for (sampler, options) in Self.variants
    where options["acquisition"] != .text("thompson") && !Self.byChance.contains(sampler) {
      var driver = try driver(space, sampler, options)
      for _ in 0..<5 { try driver.runTrial { abs($0.slots[0] - 0.4) } }
      var seen: [Double] = []
      for _ in 0..<3 {
        let trial = try XCTUnwrap(try driver.start())
        let x = driver.state.history.slots[0][trial]
        XCTAssertTrue(seen.allSatisfy { abs($0 - x) > 5e-4 }, "\(sampler) \(options): \(x) beside \(seen)")
        seen.append(x)
      }
    }
  }

  func testTheyFindTheBestOfASmoothFunction() throws {
    let space = try Space((0..<3).map { try .float("x\($0)", 0...1) })
    for (sampler, options) in Self.variants where options["pending"] == nil {
      var driver = try driver(space, sampler, options, trials: 20)
      while try driver.runTrial({ $0.slots.reduce(0) { $0 + ($1 - 0.3) * ($1 - 0.3) } }) != nil {}
      let best = driver.state.trials.indices.map { driver.state.loss($0) }.min() ?? .infinity
      // Random search has about 0.03 at 20 trials.
      XCTAssertLessThan(best, 0.02, "\(sampler) \(options)")
    }
  }

  func testAnAcquisitionWithItsOwnWayWithPendingTrialsRefusesAnother() throws {
    for acquisition in ["thompson", "ucb-pe", "nei"] {
      let part = PartSpec("gp", options: ["acquisition": .text(acquisition), "pending": .text("penalise")])
      let problems = Catalogue.check(MethodSpaces.spec(try MethodSpaces.numbers(), sampler: part))
      XCTAssertEqual(problems.map(\.path), [["method", "sampler", "pending"]])
    }
  }

  func testAProposalSaysHowTheKernelsParametersCameAbout() throws {
    func note(_ options: Options, _ sampler: String = "gp") throws -> String? {
      var driver = try driver(MethodSpaces.numbers(), sampler, options)
      for _ in 0..<8 { try driver.runTrial { $0.slots[1] } }
      let trial = try XCTUnwrap(try driver.start())
      var sampler = driver.method.sampler
      let found = sampler.explanation(
        of: driver.state.history.configuration(trial), trial: trial, target: nil, state: driver.state)
      return found.facts.first { $0.name == "kernel's parameters" }?.text
    }
    XCTAssertEqual(
      try note(["inference": .text("nuts"), "warmup": .integer(48)]), "16 draws by the no-U-turn sampler")
    XCTAssertEqual(try note(["inference": .text("variational")]), "16 draws of a normal distribution of full rank")
    XCTAssertEqual(try note(["warmup": .integer(48)], "saasbo"), "16 draws by the no-U-turn sampler")
    XCTAssertNil(try note([:]))
  }

  // MARK: HEBO

  func testTheMultiplierOfTheBoundIsTheReferences() {
    XCTAssertEqual(HEBO.multiplier(count: 10, dimension: 3), 3.8669985496720907, accuracy: 1e-12)
    XCTAssertEqual(HEBO.multiplier(count: 50, dimension: 10), 5.854809219409622, accuracy: 1e-12)
  }

  // MARK: AEGiS

  func testTheShareOfExplorationIsThePapers() {
    for (dimension, share) in [(2, 0.5), (4, 0.5), (5, 0.4472135955), (10, 0.3162277660), (20, 0.2236067977)] {
      XCTAssertEqual(AEGiS.share(dimension: dimension), share, accuracy: 1e-10)
    }
  }

  func testStepsOccurAsOftenAsThePaperSays() {
    var counts: [AEGiS.Step: Int] = [:]
    for i in 0..<100_000 {
      var stream = RandomStream(seed: 1, purpose: 2, index: UInt64(i))
      counts[AEGiS.step(dimension: 10, iteration: 50, workers: 4, &stream), default: 0] += 1
    }
    XCTAssertEqual(Double(counts[.exploit] ?? 0) / 1e5, 0.3675, accuracy: 0.005)
    XCTAssertEqual(Double(counts[.thompson] ?? 0) / 1e5, 0.3162, accuracy: 0.005)
    XCTAssertEqual(Double(counts[.front] ?? 0) / 1e5, 0.3162, accuracy: 0.005)
    var stream = RandomStream(seed: 1, purpose: 2, index: 0)
    XCTAssertEqual(AEGiS.step(dimension: 10, iteration: 0, workers: 4, &stream), .exploit)
    for _ in 0..<50 {
      XCTAssertNotEqual(AEGiS.step(dimension: 2, iteration: 50, workers: 1, &stream), .exploit)
      XCTAssertNotEqual(AEGiS.step(dimension: 10, iteration: 3, workers: 4, &stream), .exploit)
    }
  }

  // MARK: BAxUS

  func testTheSubspacesAndTheirPatienceAreTheReferences() {
    XCTAssertEqual(NestedEmbedding.dimensions(100), [2, 8, 32, 100])
    XCTAssertEqual(NestedEmbedding.tolerances(100, budget: 200), [1, 1, 6, 100])
    XCTAssertEqual(NestedEmbedding.dimensions(500), [2, 8, 32, 128, 500])
    XCTAssertEqual(NestedEmbedding.tolerances(500, budget: 1000), [1, 2, 7, 31, 500])
    // Two splits of three dimensions come nearer to 50 than three of one.
    XCTAssertEqual(NestedEmbedding.dimensions(50), [3, 12, 48, 50])
    XCTAssertEqual(NestedEmbedding.tolerances(50, budget: 90), [1, 2, 11, 50])
  }

  func testASplitLeavesEarlierPointsWhereTheyAre() {
    var stream = RandomStream(seed: 4, purpose: 1, index: 0)
    for level in 0..<3 {
      let before = NestedEmbedding(Array(0..<100), of: 100, level: level, seed: 9)
      let after = NestedEmbedding(Array(0..<100), of: 100, level: level + 1, seed: 9)
      let point = before.bins.map { _ in stream.uniform() }
      var units = [Double](repeating: 0, count: 100)
      before.embed(point, into: &units)
      for (a, b) in zip(before.project(units), point) { XCTAssertEqual(a, b, accuracy: 1e-12) }
      var again = [Double](repeating: 0, count: 100)
      after.embed(after.project(units), into: &again)
      for (a, b) in zip(again, units) { XCTAssertEqual(a, b, accuracy: 1e-12) }
      XCTAssertEqual(after.bins.flatMap { $0 }.sorted(), Array(0..<100))
    }
  }

  func testARegionThatHasShrunkIsRefinedAndKeepsItsTrials() {
    let worse = Array(repeating: 9.0, count: 7)
    let region = TrustRegion([5, 4, 6] + worse, tolerances: [1, 2], design: 3)
    XCTAssertEqual(region.level, 1)
    XCTAssertEqual(region.length, 0.8)
    XCTAssertEqual(region.best, 1)
    XCTAssertEqual(region.restarts, 0)
    let over = TrustRegion([5, 4, 6] + worse + worse + worse, tolerances: [1, 2], design: 3)
    XCTAssertEqual(over.restarts, 1)
    XCTAssertEqual(over.level, 0)
    XCTAssertNil(over.best)
  }

  func testFewOfManyParametersAreFound() throws {
    let space = try Space((0..<60).map { try .float("x\($0)", 0...1) })
    func best(_ sampler: String) throws -> Double {
      var sum = 0.0
      for seed in 1...2 as ClosedRange<UInt64> {
        var driver = try driver(
          space, sampler, sampler == "random" ? [:] : ["startup": .integer(8)], seed: seed, trials: 60)
        while try driver.runTrial({ abs($0.slots[3] - 0.2) + abs($0.slots[40] - 0.7) + abs($0.slots[51] - 0.9) }) != nil
        {
        }
        sum += driver.state.trials.indices.map { driver.state.loss($0) }.min() ?? .infinity
      }
      return sum / 2
    }
    XCTAssertLessThan(try best("baxus"), try best("random"))
  }
}
