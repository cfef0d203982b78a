import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

/// Samplers for other ends than the best of a study: exploration, mixtures, fixed tables, and a classifier.
final class KnowledgeSamplerTests: XCTestCase {
  private func driver(
    _ space: Space, _ sampler: PartSpec, trials: Int = 200, seed: UInt64 = 1
  ) throws -> StudyDriver {
    try StudyDriver(MethodSpaces.spec(space, sampler: sampler, trials: trials, seed: seed)) {
      try Catalogue.makeMethod($0)
    }
  }

  private func best(_ driver: StudyDriver) -> Double {
    driver.state.trials.indices.map { driver.state.loss($0) }.filter(\.isFinite).min() ?? .infinity
  }

  private let quick: [PartSpec] = [
    PartSpec("multiverse", options: ["candidates": .integer(32), "points": .integer(64)]),
    PartSpec("bore", options: ["candidates": .integer(32), "trees": .integer(5)]),
    PartSpec("ignite", options: ["networks": .integer(1), "width": .integer(4), "steps": .integer(10)]),
  ]

  func testOddObjectivesGetProposalsFromTheModel() throws {
    let space = try Space([.float("x", 0...1), .integer("n", 1...20), .categorical("c", ["a", "b", "c"])])
    for sampler in quick {
      for objective: (Int) -> Double in [
        { _ in 3 }, { 1e300 * Double($0 % 7 - 3) }, { 1e-300 * Double($0 % 5) },
        { $0 % 2 == 0 ? .greatestFiniteMagnitude : -1.7e308 },
      ] {
        var driver = try driver(space, sampler)
        for i in 0..<10 { try driver.runTrial { _ in objective(i) } }
        XCTAssertEqual(driver.state.fallbackCount, 0, sampler.name)
        XCTAssertEqual(driver.state.trials.last?.origin, .model, sampler.name)
      }
    }
  }

  func testTenThousandChoicesAndManyPendingTrialsAreTaken() throws {
    let space = try Space([.categorical("c", (0..<10_000).map { "v\($0)" }), .float("x", 0...1)])
    for sampler in quick {
      var driver = try driver(space, sampler)
      for i in 0..<12 { try driver.runTrial { $0.slots[1] + Double(i % 2) } }
      var seen: Set<Configuration> = []
      for _ in 0..<8 {
        let trial = try XCTUnwrap(try driver.start())
        seen.insert(driver.state.history.configuration(trial))
      }
      XCTAssertEqual(seen.count, 8, sampler.name)
    }
  }

  // MARK: BORE

  func testTheClassifierFindsTheBestOfASmoothFunction() throws {
    var total = 0.0
    for seed in 1...3 as ClosedRange<UInt64> {
      let space = try Space([.float("x", 0...1), .float("y", 0...1), .categorical("c", ["a", "b", "c"])])
      var driver = try driver(space, PartSpec("bore", options: ["trees": .integer(30)]), trials: 40, seed: seed)
      while try driver.runTrial({ configuration in
        let (x, y) = (configuration.slots[0] - 0.3, configuration.slots[1] - 0.7)
        return x * x + y * y + (configuration.slots[2] == 1 ? 0 : 0.2)
      }) != nil {}
      total += best(driver) / 3
    }
    // Random search has about 0.03.
    XCTAssertLessThan(total, 0.015)
  }

  /// Where the probability of being good is the same over a region, a search about the best trials would stay with them.
  func testTheClassifierIsAheadOfRandomSearchInThreeDimensions() throws {
    let space = try Space([.float("x", 0...1), .float("y", 0...1), .float("z", 0...1)])
    func median(_ sampler: String) throws -> Double {
      try (1...7 as ClosedRange<UInt64>).map { seed in
        var driver = try driver(space, PartSpec(sampler), trials: 40, seed: seed)
        while try driver.runTrial({ configuration in
          zip(configuration.slots, [0.3, 0.62, 0.45]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        }) != nil {}
        return best(driver)
      }.sorted()[3]
    }
    let random = try median("random")
    XCTAssertLessThan(try median("bore"), 0.5 * random)
  }

  // MARK: Multiverse

  /// The effect of "b" against "a" is −0.5 everywhere; "noise" does nothing.
  private func explored(_ sampler: PartSpec, trials: Int) throws -> StudyDriver {
    let space = try Space([
      .categorical("kind", ["a", "b"]), .float("x", 0...1), .boolean("nothing"),
    ])
    var driver = try driver(space, sampler, trials: trials)
    while try driver.runTrial({ configuration in 2 * configuration.slots[1] - 0.5 * configuration.slots[0] }) != nil {}
    return driver
  }

  func testTheEffectOfAChoiceIsFoundAndOneWithoutEffectIsNot() throws {
    var driver = try explored(PartSpec("multiverse", options: ["candidates": .integer(64)]), trials: 30)
    let report = try XCTUnwrap(driver.method.sampler.modelReport(state: driver.state))
    func number(_ name: String) throws -> Double {
      try XCTUnwrap(report.facts.first { $0.name == name }?.number, name)
    }
    XCTAssertEqual(try number("effect of kind=b against a"), -0.5, accuracy: 0.05)
    XCTAssertEqual(try number("effect of nothing=true against false"), 0, accuracy: 0.05)
    XCTAssertGreaterThan(try number("log evidence that kind matters"), 3)
    XCTAssertLessThan(try number("log evidence that nothing matters"), 1)
    XCTAssertGreaterThan(try number("sensitivity to x alone"), 0.6)
    XCTAssertLessThan(try number("sensitivity to nothing with all others"), 0.05)
    let certain = report.facts.first { $0.name == "share of the space where its sign is certain" }?.number
    XCTAssertGreaterThan(try XCTUnwrap(certain), 0.9)
  }

  func testExplorationSpreadsWhereOptimisationGathers() throws {
    let space = try Space([.float("x", 0...1), .float("y", 0...1)])
    func spread(_ sampler: PartSpec) throws -> Double {
      var driver = try driver(space, sampler, trials: 25)
      while try driver.runTrial({ configuration in
        let x = configuration.slots[0] - 0.2
        return x * x + configuration.slots[1]
      }) != nil {}
      // The mean distance of later trials to the best corner.
      return (10..<25).reduce(0) {
        $0 + abs(driver.state.history.slots[0][$1] - 0.2) + driver.state.history.slots[1][$1]
      }
    }
    let explored = try spread(PartSpec("multiverse", options: ["candidates": .integer(64)]))
    let optimised = try spread(PartSpec("gp", options: ["candidates": .integer(64), "starts": .integer(2)]))
    XCTAssertGreaterThan(explored, 1.5 * optimised)
  }

  func testItEndsWhenLittleIsUnknown() throws {
    let options: [String: Choice] = ["candidates": .integer(64), "deviation": .real(0.2)]
    let driver = try explored(PartSpec("multiverse", options: options), trials: 100)
    XCTAssertGreaterThan(driver.state.trials.count, 5)
    XCTAssertLessThan(driver.state.trials.count, 60)
  }

  // MARK: Mixtures

  private func target(_ weights: ArraySlice<Double>, _ goal: [Double]) -> Double {
    var sum = 0.0
    for (a, b) in zip(weights, goal) {
      let step = a.squareRoot() - b.squareRoot()
      sum += step * step
    }
    return sum
  }

  func testAMixtureOfFivePartsIsFoundInFortyTrials() throws {
    let parts = ["a", "b", "c", "d", "e"]
    let goal = [0.4, 0.1, 0.3, 0.15, 0.05]
    let space = try Space([Parameter("mix", .simplex(parts))])
    var regret = 0.0
    for seed in 1...2 as ClosedRange<UInt64> {
      let sampler = PartSpec("mixture", options: ["candidates": .integer(128), "starts": .integer(4)])
      var driver = try driver(space, sampler, trials: 40, seed: seed)
      while try driver.runTrial({ self.target($0.slots[...], goal) }) != nil {}
      regret = max(regret, best(driver))
      for trial in driver.state.trials.indices {
        let slots = driver.state.history.configuration(trial).slots
        XCTAssertEqual(slots.reduce(0, +), 1, accuracy: 1e-12)
        XCTAssertTrue(slots.allSatisfy { $0 >= 0 })
      }
    }
    // The worst mixture has about 1.5.
    XCTAssertLessThan(regret, 0.015)
  }

  func testTheDesignBeginsWithTheEvenMixtureAndLeansToEachPart() throws {
    let space = try Space([
      Parameter("mix", .simplex(["a", "b"])), Parameter("size", .ordinal(["small", "large"].map { .text($0) })),
    ])
    var driver = try driver(space, PartSpec("mixture", options: ["size": .text("size")]))
    for _ in 0..<3 { try driver.runTrial { $0.slots[0] } }
    for (trial, expected) in [[0.5, 0.5, 0], [0.85, 0.15, 0], [0.15, 0.85, 0]].enumerated() {
      for (a, b) in zip(driver.state.history.configuration(trial).slots, expected) {
        XCTAssertEqual(a, b, accuracy: 1e-9)
      }
    }
  }

  func testSmallModelsAreRunForALargeOneWhereTheyAgree() throws {
    let space = try Space([
      Parameter("mix", .simplex(["a", "b", "c"])), .integer("size", 1...100, scale: .log),
    ])
    let options: [String: Choice] = [
      "size": .text("size"), "candidates": .integer(128), "starts": .integer(2), "startup": .integer(8),
    ]
    var driver = try driver(space, PartSpec("mixture", options: options), trials: 30)
    let goal = [0.6, 0.3, 0.1]
    while try driver.runTrial({ slots in
      let loss = self.target(slots.slots[0..<3], goal)
      return loss + 0.2 / slots.slots[3].squareRoot()
    }) != nil {}
    let sizes = driver.state.history.slots[3]
    XCTAssertEqual(Set(sizes.prefix(4)), [1])
    XCTAssertTrue(sizes.contains { $0 > 1 && $0 < 100 } || sizes.contains(100))
    let last = driver.state.history.configuration(try XCTUnwrap(driver.state.incumbent)).slots
    XCTAssertLessThan(target(last[0..<3], goal), 0.05)
  }

  func testWhatIsNoMixtureOrNoSizeIsRefused() throws {
    func problem(_ space: Space, _ options: [String: Choice] = [:]) -> String {
      Catalogue.check(MethodSpaces.spec(space, sampler: PartSpec("mixture", options: options))).map(\.description)
        .joined(separator: "\n")
    }
    let plain = try Space([.float("x", 0...1)])
    XCTAssertTrue(problem(plain).contains("mixture is for spaces with weights of a mixture"))
    let mixed = try Space([Parameter("mix", .simplex(["a", "b"])), .categorical("size", ["s", "l"])])
    XCTAssertEqual(problem(mixed), "")
    XCTAssertTrue(problem(mixed, ["size": .text("sise")]).contains("there is no parameter 'sise'"))
    XCTAssertTrue(problem(mixed, ["size": .text("size")]).contains("has no order from small to large"))
  }

  func testMixturesKeepTheirPromises() throws {
    let space = try Space(
      [
        Parameter("mix", .simplex(["a", "b", "c"])), .integer("size", 1...8), .categorical("kind", ["x", "y"]),
        .float("rate", 0...1).when("kind == x"),
      ], constraints: [try Expression.parse("mix.a >= 0.1")])
    for options: [String: Choice] in [[:], ["size": .text("size")]] {
      var all = options
      all["candidates"] = .integer(32)
      all["starts"] = .integer(1)
      var conformance = try MethodConformance(
        MethodSpaces.spec(space, sampler: PartSpec("mixture", options: all), trials: 30), seed: 2, workers: 3
      ) { try Catalogue.makeMethod($0) }
      try conformance.run()
      XCTAssertEqual(conformance.violations, [])
      XCTAssertNil(conformance.happened["fallback"])
    }
  }

  // MARK: Fixed tables

  func testATablesBestCornerIsProposedAndProposalsKeepApart() throws {
    let space = try Space([.float("x", 0...1), .float("y", 0...1), .categorical("c", ["a", "b"])])
    let sampler = PartSpec("ignite", options: ["networks": .integer(2), "width": .integer(16), "steps": .integer(150)])
    var driver = try driver(space, sampler)
    // The table has nothing of the best corner, x = 1 and y = 0.
    for i in 0..<60 {
      let x = Double(i % 8) / 10
      let y = 0.2 + Double(i / 8) / 10
      let trial = driver.state.trials.count
      let configuration = Configuration(slots: [x, y, Double(i % 2)])
      try driver.append(.trialProposed(trial, .new(configuration), target: nil, Annotation(origin: .user)))
      try driver.append(.trialStarted(trial, worker: 1))
      _ = try driver.report(trial, y - x + Double(i % 2))
      try driver.append(.trialCompleted(trial, seconds: 1))
    }
    var proposals: [[Double]] = []
    for _ in 0..<3 {
      let trial = try XCTUnwrap(try driver.start())
      proposals.append(driver.state.history.configuration(trial).slots)
    }
    XCTAssertGreaterThan(proposals[0][0] - proposals[0][1], 0.5)
    XCTAssertEqual(proposals[0][2], 0)
    XCTAssertGreaterThan(abs(proposals[0][0] - proposals[1][0]) + abs(proposals[0][1] - proposals[1][1]), 0.05)
  }
}
