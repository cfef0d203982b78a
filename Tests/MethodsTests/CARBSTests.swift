import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class CARBSTests: XCTestCase {
  // MARK: Formulas

  func testTheImprovementOnAFrontIsThatOfTheFormula() {
    let value = CARBSModel.logImprovement(mean: 0.4, deviation: 0.5, target: 0.6, bias: 1)
    XCTAssertEqual(exp(value), 0.0013602220379060927, accuracy: 1e-16)
    // Where the product of the factors is less than any number, its logarithm still tells candidates apart.
    XCTAssertGreaterThan(
      CARBSModel.logImprovement(mean: -49, deviation: 0.5, target: 0, bias: 1),
      CARBSModel.logImprovement(mean: -50, deviation: 0.5, target: 0, bias: 1))
    XCTAssertTrue(CARBSModel.logImprovement(mean: -5000, deviation: 1e-6, target: 0, bias: 1).isFinite)
  }

  func testNearnessToTheFrontIsTheDensityOfADistance() {
    XCTAssertEqual(
      exp(CARBSModel.logNearness(0.3 * 2.0.squareRoot(), radius: 0.3)), 0.4892088772457996, accuracy: 1e-14)
    XCTAssertEqual(exp(CARBSModel.logNearness(0, radius: 0.3)), 1.329807601338109, accuracy: 1e-14)
  }

  // MARK: Basic space

  func testUnitsAreDecadesDeviationsAndSharesOfARange() throws {
    func scale(_ parameter: Parameter) throws -> BasicSpace.Scale {
      try XCTUnwrap(BasicSpace(Space([parameter]), span: 2, radius: 0.3).axes.first).scale
    }
    XCTAssertEqual(try scale(.float("x", 1e-5...1, scale: .log)), .decades)
    XCTAssertEqual(try scale(.float("x", 0.01...0.99, scale: .logit)), .odds)
    XCTAssertEqual(try scale(.float("x", 0...4)), .linear(2))
    XCTAssertEqual(try scale(.integer("x", 1...101)), .linear(50))
    // A step of the search reaches the next value.
    XCTAssertEqual(try scale(.integer("x", 1...3)), .linear(1 / 0.3))
    let bell = try NumericDomain(low: -.infinity, high: .infinity, prior: .normal(mean: 1, deviation: 4))
    XCTAssertEqual(try scale(Parameter("x", .float(bell))), .linear(4))
    XCTAssertEqual(BasicSpace.basic(1000, .decades), 3, accuracy: 1e-12)
    XCTAssertEqual(BasicSpace.basic(10.0 / 11, .odds), 1, accuracy: 1e-12)
    for scale in [BasicSpace.Scale.decades, .odds, .linear(7)] {
      XCTAssertEqual(BasicSpace.value(BasicSpace.basic(0.3, scale), scale), 0.3, accuracy: 1e-12)
    }
  }

  func testTheCentreIsTheDefaultsOrTheMiddle() throws {
    var rate = try Parameter.float("rate", 1e-6...1, scale: .log)
    rate.defaultValue = .real(1e-2)
    let space = try Space([
      rate, .float("share", 0...1), .float("width", 1...10_000, scale: .log), .integer("one", 3...3),
    ])
    let basic = BasicSpace(space, span: 2, radius: 0.3)
    XCTAssertEqual(basic.axes.count, 3)
    for (found, centre) in zip(basic.axes.map(\.centre), [-2.0, 1, 2]) { XCTAssertEqual(found, centre, accuracy: 1e-9) }
    let point = try XCTUnwrap(basic.point(Configuration(slots: [1e-3, 1, 1000, 3])))
    for (found, wanted) in zip(point, [-1.0, 1, 1]) { XCTAssertEqual(found, wanted, accuracy: 1e-9) }
    XCTAssertNil(basic.point(Configuration(slots: [-1, 1, 1000, 3])), "it has no place on a logarithmic scale")
  }

  func testStepsAreNormalWithinTheBoundsAndRoundedToTheGrid() throws {
    let space = try Space([
      .float("rate", 1e-6...1, scale: .log), .integer("layers", 1...8), .float("edge", 0...1),
      .float("coarse", 0...1, step: 0.25),
    ])
    let basic = BasicSpace(space, span: 2, radius: 0.3)
    var stream = RandomStream(seed: 3, purpose: 1, index: 0)
    var (sum, square) = (0.0, 0.0)
    var layers: [Double: Int] = [:]
    let count = 4000
    for _ in 0..<count {
      // At the upper end of the third.
      let found = basic.step(from: [0, 0, 1, 0], radius: 0.3, &stream)
      XCTAssertTrue(space.contains(found), "\(found.slots)")
      let x = log10(found.slots[0]) + 3
      sum += x
      square += x * x
      layers[found.slots[1], default: 0] += 1
    }
    XCTAssertEqual(sum / Double(count), 0, accuracy: 0.02)
    XCTAssertEqual((square / Double(count)).squareRoot(), 0.3, accuracy: 0.01)
    XCTAssertGreaterThan(layers.count, 4, "\(layers)")
  }

  // MARK: Studies

  /// A scaling law with settings whose optima lie off the centre, one of them falling with the size; cost in proportion to the
  /// size, and 10 at the centre.
  private struct Sweep {
    static func loss(_ slots: [Double]) -> Double {
      let size = log10(slots[0])
      var off = 0.0
      for (k, best) in [-2 - 0.3 * (size - 6), -1.5, -2.5].enumerated() where k + 1 < slots.count {
        let step = log10(slots[k + 1]) - best
        off += 0.3 * step * step
      }
      return 1.7 + 480 * pow(10, -0.34 * size) * (1 + off)
    }

    static func space(settings: Int = 1) throws -> Space {
      var size = try Parameter.float("size", 1e6...1e10, scale: .log)
      size.defaultValue = .real(1e7)
      return try Space(
        [size]
          + (0..<settings).map { k in
            var setting = try Parameter.float("setting \(k)", 1e-6...1, scale: .log)
            setting.defaultValue = .real(1e-2)
            return setting
          })
    }
  }

  private func spec(
    _ space: Space, _ options: [String: Choice] = [:], sampler: String = "carbs", trials: Int = 60, seed: UInt64 = 1,
    goal: Objective.Goal = .minimize
  ) -> StudySpec {
    var spec = MethodSpaces.spec(space, sampler: PartSpec(sampler, options: options), trials: trials, seed: seed)
    spec.objectives = [Objective(metric: "loss", goal: goal)]
    spec.costMetric = "cost"
    return spec
  }

  private func driver(_ spec: StudySpec) throws -> StudyDriver {
    try StudyDriver(spec) { try Catalogue.makeMethod($0) }
  }

  /// Ends a trial with a value (a failure without) and a cost.
  private func end(_ driver: inout StudyDriver, _ trial: TrialNumber, _ value: Double?, cost: Double) throws {
    if let value {
      try driver.append(.reported(trial, resource: nil, [MetricValue("loss", value), MetricValue("cost", cost)]))
      try driver.append(.trialCompleted(trial, seconds: 1))
    } else {
      try driver.append(.reported(trial, resource: nil, [MetricValue("cost", cost)]))
      try driver.append(.trialFailed(trial, .crash, message: "", seconds: 1))
    }
  }

  /// A sweep until its trials or a total cost are used up: what each trial gave for what it cost.
  private func sweep(
    _ spec: StudySpec, totalCost: Double = .infinity, sign: Double = 1
  ) throws -> (found: [(loss: Double, cost: Double)], driver: StudyDriver) {
    var driver = try driver(spec)
    var found: [(loss: Double, cost: Double)] = []
    while driver.state.totalCost < totalCost, let trial = try driver.start() {
      let slots = driver.state.history.configuration(trial).slots
      try end(&driver, trial, sign * Sweep.loss(slots), cost: slots[0] / 1e6)
      found.append((Sweep.loss(slots), slots[0] / 1e6))
    }
    return (found, driver)
  }

  /// The mean of the least loss for at most a cost, over costs from the centre's to the greatest, on a logarithmic scale; 4 where
  /// nothing is as cheap.
  private func area(_ found: [(loss: Double, cost: Double)]) -> Double {
    (0...30).reduce(0) { sum, step in
      let cost = 10 * pow(10, Double(step) / 10) * (1 + 1e-9)
      return sum + min(4, found.filter { $0.cost <= cost }.map(\.loss).min() ?? 4) / 31
    }
  }

  func testItStartsCheapMovesUpTheFrontAndBeatsRandomSearchForTheSameCost() throws {
    var (own, random, ownBest, randomBest) = (0.0, 0.0, 0.0, 0.0)
    for seed in 1...4 as ClosedRange<UInt64> {
      let (found, driver) = try sweep(spec(try Sweep.space(settings: 3), seed: seed))
      XCTAssertEqual(driver.state.fallbackCount, 0)
      XCTAssertTrue(found.prefix(4).allSatisfy { $0.cost < 100 }, "the first trials are near the centre")
      let early = found[4..<16].map { log10($0.cost) }.reduce(0, +) / 12
      let late = found.suffix(12).map { log10($0.cost) }.reduce(0, +) / 12
      XCTAssertGreaterThan(late, early + 0.5, "it goes on to higher costs")
      XCTAssertGreaterThan(found.map(\.cost).max() ?? 0, 2000)
      let total = found.reduce(0) { $0 + $1.cost }
      let other = try sweep(
        spec(try Sweep.space(settings: 3), sampler: "random", trials: 1000, seed: seed), totalCost: total
      )
      .found
      own += area(found) / 4
      random += area(other) / 4
      ownBest += (found.map(\.loss).min() ?? 9) / 4
      randomBest += (other.map(\.loss).min() ?? 9) / 4
    }
    XCTAssertLessThan(own, random - 0.05)
    XCTAssertLessThan(ownBest, randomBest)
  }

  func testMaximisingTheNegativeIsTheSame() throws {
    let down = try sweep(spec(Sweep.space(), trials: 14)).driver
    let up = try sweep(spec(Sweep.space(), trials: 14, goal: .maximize), sign: -1).driver
    for trial in down.state.trials.indices {
      XCTAssertEqual(down.state.history.configuration(trial), up.state.history.configuration(trial))
    }
  }

  func testNoTrialIsExpectedToCostMoreThanTheMost() throws {
    let limited = try sweep(spec(Sweep.space(), ["max-cost": .integer(60)], trials: 40)).found
    XCTAssertLessThan(limited.dropFirst(10).map(\.cost).max() ?? 0, 90)
    XCTAssertGreaterThan(limited.map(\.cost).max() ?? 0, 30)
    // Where nothing is cheap enough it says that it could not do as it was told.
    var none = try driver(spec(Sweep.space(), ["max-cost": .real(1e-6)], trials: 8))
    while let trial = try none.start() {
      let slots = none.state.history.configuration(trial).slots
      try end(&none, trial, Sweep.loss(slots), cost: slots[0])
    }
    XCTAssertGreaterThan(none.state.weakenedCount, 0)
  }

  func testTheFrontIsRepeatedEverySoOften() throws {
    let often = try sweep(spec(Sweep.space(), trials: 30)).driver
    let origins = often.state.trials.map(\.origin)
    let repeated = origins.indices.filter { origins[$0] == .repetition }
    XCTAssertEqual(repeated, [6, 11, 16, 21, 26])
    XCTAssertEqual(often.state.history.distinctCount, 25)
    for trial in repeated {
      let configuration = often.state.history.configuration(trial)
      XCTAssertTrue((0..<trial).contains { often.state.history.configuration($0) == configuration })
    }
    let never = try sweep(spec(Sweep.space(), ["resample": .integer(0)], trials: 30)).driver
    XCTAssertEqual(never.state.history.distinctCount, 30)
    // The quickest and the last: only half are new.
    let always = try sweep(spec(Sweep.space(), ["resample": .integer(1), "startup": .integer(2)], trials: 12)).driver
    XCTAssertLessThan(always.state.history.distinctCount, 8)
  }

  func testOfTheFrontTheConfigurationWithTheFewestTrialsIsRepeatedPendingOnesIncluded() throws {
    var driver = try driver(spec(Sweep.space(), ["startup": .integer(2), "resample": .integer(2)], trials: 40))
    for (size, loss) in [(1e6, 3.0), (2e6, 2.5), (4e6, 2.0)] {
      let trial = driver.state.trials.count
      try driver.append(
        .trialProposed(trial, .new(Configuration(slots: [size, 0.01])), target: nil, Annotation(origin: .user)))
      try driver.append(.trialStarted(trial, worker: 1))
      try end(&driver, trial, loss, cost: size)
    }
    // Three trials are more than two: the cheapest is due, then, while that one runs, nothing before five have a value.
    let first = try XCTUnwrap(try driver.start())
    XCTAssertEqual(driver.state.history.configuration(first).slots[0], 1e6)
    let other = try XCTUnwrap(try driver.start())
    XCTAssertEqual(driver.state.trials[other].origin, .model)
    // Two further values, all dearer and worse than the front: the next one is the second of it, the first having two trials.
    for _ in 0..<2 {
      let trial = try XCTUnwrap(try driver.start())
      try end(&driver, trial, 5, cost: 1e9)
    }
    let second = try XCTUnwrap(try driver.start())
    XCTAssertEqual(driver.state.trials[second].origin, .repetition)
    XCTAssertEqual(driver.state.history.configuration(second).slots[0], 2e6)
  }

  func testPendingTrialsKeepApart() throws {
    var driver = try sweep(spec(Sweep.space(), trials: 12)).driver
    try driver.append(.studyAmended(specification: spec(try Sweep.space(), trials: 24).json.text))
    var seen: Set<Configuration> = []
    var proposed: [TrialNumber] = []
    for _ in 0..<12 {
      let trial = try XCTUnwrap(try driver.start())
      proposed.append(trial)
      if driver.state.trials[trial].origin == .model { seen.insert(driver.state.history.configuration(trial)) }
    }
    XCTAssertGreaterThan(seen.count, 9)
    var sampler = driver.method.sampler
    let last = try XCTUnwrap(proposed.last)
    let facts = sampler.explanation(
      of: driver.state.history.configuration(last), trial: last, target: nil, state: driver.state
    )
    .facts
    XCTAssertTrue(facts.contains { $0.name == "pending trials" && $0.text.hasPrefix("12, ") }, "\(facts)")
  }

  func testItLearnsWhereTrialsFail() throws {
    // Half of what lies about the centre fails, and nothing but the size counts.
    var (early, late) = (0, 0)
    for seed in 1...3 as ClosedRange<UInt64> {
      var driver = try driver(spec(Sweep.space(), trials: 48, seed: seed))
      var failed: [Bool] = []
      while let trial = try driver.start() {
        let slots = driver.state.history.configuration(trial).slots
        failed.append(slots[1] > 0.011)
        try end(&driver, trial, slots[1] > 0.011 ? nil : 3 - 0.1 * log10(slots[0]), cost: slots[0])
      }
      early += failed[..<12].count { $0 }
      late += failed[36...].count { $0 }
    }
    XCTAssertGreaterThan(early, 10)
    XCTAssertLessThan(late, 6)
  }

  func testTrialsWithoutACostAreLeftOutAndCounted() throws {
    var driver = try driver(spec(Sweep.space(), trials: 20))
    for i in 0..<10 {
      let trial = try XCTUnwrap(try driver.start())
      let slots = driver.state.history.configuration(trial).slots
      try end(&driver, trial, Sweep.loss(slots), cost: i % 2 == 0 ? 0 : slots[0])
    }
    XCTAssertGreaterThan(driver.state.weakenedCount, 0)
    XCTAssertEqual(driver.state.fallbackCount, 0)
    var without = try self.driver(spec(Sweep.space(), trials: 20))
    for _ in 0..<8 {
      let trial = try XCTUnwrap(try without.start())
      try end(&without, trial, Sweep.loss(without.state.history.configuration(trial).slots), cost: 0)
    }
    XCTAssertEqual(without.state.fallbackCount, 4, "it does not pass for a model")
    var sampler = without.method.sampler
    let facts = sampler.explanation(
      of: without.state.history.configuration(7), trial: 7, target: nil, state: without.state
    ).facts
    XCTAssertTrue(facts.contains { $0.text.contains("no trial with a value has a cost above 0") }, "\(facts)")
  }

  func testOddObjectivesAndCostsGetProposalsFromTheModel() throws {
    let space = try Space([.float("x", 0...1), .integer("n", 1...20), .float("r", 1e-9...1e9, scale: .log)])
    for objective: (Int) -> Double in [
      { _ in 3 }, { 1e300 * Double($0 % 7 - 3) }, { 1e-300 * Double($0 % 5) },
      { $0 % 2 == 0 ? .greatestFiniteMagnitude : -1.7e308 },
    ] {
      for cost: (Int) -> Double in [{ _ in 1 }, { 1e-300 * Double(1 + $0) }, { $0 % 3 == 0 ? 1e300 : 1 }] {
        var driver = try driver(spec(space, ["candidates": .integer(32)]))
        for i in 0..<12 {
          let trial = try XCTUnwrap(try driver.start())
          try end(&driver, trial, objective(i), cost: cost(i))
        }
        XCTAssertEqual(driver.state.fallbackCount, 0)
        XCTAssertEqual(driver.state.weakenedCount, 0)
        XCTAssertTrue([.model, .repetition].contains(driver.state.trials.last?.origin))
      }
    }
  }

  func testThousandsOfTrialsAreSeenThroughTheFrontAndTheNewest() throws {
    var driver = try driver(spec(Sweep.space(), trials: 3000))
    let space = driver.state.spec.space
    for i in 0..<1500 {
      let configuration = try space.sample(seed: 1, index: UInt64(i))
      try driver.append(.trialProposed(i, .new(configuration), target: nil, Annotation(origin: .user)))
      try driver.append(.trialStarted(i, worker: 1))
      try end(&driver, i, Sweep.loss(configuration.slots), cost: configuration.slots[0])
    }
    var method = driver.method
    _ = try method.propose(state: driver.state, mayStartNew: true, canResume: { _ in true })
    let report = try XCTUnwrap(method.sampler.modelReport(state: driver.state))
    XCTAssertEqual(report.predictions.count, 512)
    XCTAssertEqual(report.facts.first { $0.name == "trials in the model" }?.text, "512")
  }

  func testHundredsOfParametersAreTaken() throws {
    let space = try Space(
      (0..<200).map { $0 % 2 == 0 ? try .float("p\($0)", 0...1) : try .integer("p\($0)", 1...64, scale: .log) })
    var driver = try driver(spec(space, trials: 12))
    while let trial = try driver.start() {
      let slots = driver.state.history.configuration(trial).slots
      XCTAssertTrue(space.contains(Configuration(slots: slots)))
      try end(&driver, trial, slots[0], cost: slots[1])
    }
    XCTAssertEqual(driver.state.fallbackCount, 0)
  }

  func testConstraintsHoldWhereverTheCentreIs() throws {
    // The centre is forbidden, and of its neighbourhood nearly all.
    let space = try Space(
      [.float("x", 0...1), .float("y", 0...1)], constraints: [try Expression.parse("x + y <= 0.4")])
    var driver = try driver(spec(space, trials: 25))
    while let trial = try driver.start() {
      let slots = driver.state.history.configuration(trial).slots
      XCTAssertLessThanOrEqual(slots[0] + slots[1], 0.4)
      try end(&driver, trial, -slots[0], cost: 1 + slots[1])
    }
    XCTAssertEqual(driver.state.fallbackCount, 0)
  }

  func testItSaysWhyAndWhatItKnows() throws {
    var driver = try sweep(spec(Sweep.space(), trials: 16)).driver
    try driver.append(.studyAmended(specification: spec(try Sweep.space(), trials: 24).json.text))
    let trial = driver.state.trials.count
    var method = driver.method
    guard
      case .new(let configuration, _, _) = try method.propose(
        state: driver.state, mayStartNew: true, canResume: { _ in true })
    else { return XCTFail("nothing is proposed") }
    let explanation = method.sampler.explanation(of: configuration, trial: trial, target: nil, state: driver.state)
    XCTAssertTrue(explanation.facts.contains { $0.text.hasPrefix("again: ") }, "\(explanation.facts)")
    let began = try XCTUnwrap(try driver.start())
    let before = driver.state
    let next = try XCTUnwrap(try driver.start())
    let why = method.sampler.explanation(
      of: driver.state.history.configuration(next), trial: next, target: nil, state: before)
    let names = why.facts.map(\.name)
    for name in [
      "front", "expected loss", "expected cost, cost", "to be exceeded", "distance to the front",
      "expected improvement, in deviations",
    ] { XCTAssertTrue(names.contains(name), "\(name): \(names)") }
    XCTAssertEqual(why.neighbours.count, 5)
    XCTAssertEqual(began, 16)
    var fresh = try Catalogue.makeMethod(driver.initial.spec)
    let first = fresh.sampler.explanation(
      of: driver.state.history.configuration(0), trial: 0, target: nil, state: driver.initial)
    XCTAssertTrue(first.facts.contains { $0.name == "distance to the centre of the search" })
  }

  // MARK: Refusals

  func testParametersThatAreNoNumbersAndTrialsCutShortAreRefusedByName() throws {
    func problems(_ space: Space, scheduler: String = "full") -> [String] {
      var spec = spec(space)
      spec.method.scheduler = PartSpec(scheduler)
      spec.fidelity = Fidelity(name: "epoch", maximum: 9)
      return Catalogue.check(spec).map(\.description)
    }
    let words = try Space([.float("x", 0...1), .categorical("optimizer", ["sgd", "adam"])])
    XCTAssertEqual(
      problems(words), ["space.optimizer: carbs cannot take categorical parameters (use another sampler)"])
    let nested = try Space([.float("x", 0...1), .float("y", 0...1).when("x > 0.5")])
    XCTAssertEqual(problems(nested), ["space.y.when: carbs cannot take conditions (use another sampler)"])
    let order = try Space([Parameter("order", .permutation([.text("a"), .text("b")]))])
    XCTAssertEqual(problems(order), ["space.order: carbs cannot take permutation parameters (use another sampler)"])
    let plain = try Space([.float("x", 0...1)])
    XCTAssertEqual(problems(plain), [])
    XCTAssertEqual(
      problems(plain, scheduler: "asha"),
      [
        "method.scheduler: carbs learns what a whole trial costs, and asha cuts trials short (use scheduler: full, and make "
          + "what trials cost by, such as the number of epochs, a parameter)"
      ])
  }
}
