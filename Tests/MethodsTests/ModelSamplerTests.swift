import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

/// What holds of every sampler with a model.
final class ModelSamplerTests: XCTestCase {
  private static let samplers = ["gp", "smac", "cqr", "turbo", "auto"]

  private func driver(
    _ space: Space, _ sampler: String, options: [String: Choice] = [:], seed: UInt64 = 1, trials: Int = 1_000_000
  ) throws -> StudyDriver {
    var options = options
    switch sampler {
    case "gp": options.merge(["candidates": .integer(64), "starts": .integer(2)]) { a, _ in a }
    case "smac": options.merge(["candidates": .integer(64), "trees": .integer(4)]) { a, _ in a }
    case "turbo": options["candidates"] = .integer(64)
    case "cqr": options.merge(["candidates": .integer(64), "trees": .integer(8)]) { a, _ in a }
    default: break
    }
    if sampler != "auto" { options["startup"] = options["startup"] ?? .integer(4) }
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

  private func fail(_ driver: inout StudyDriver, _ kind: FailureKind = .crash) throws {
    let trial = try XCTUnwrap(try driver.start())
    try driver.append(.trialFailed(trial, kind, message: "", seconds: 1))
  }

  // MARK: Odd studies

  func testConstantHugeAndDuplicateObjectivesGetProposals() throws {
    let space = try Space([.float("x", 0...1), .integer("n", 1...9), .categorical("c", ["a", "b", "c"])])
    let objectives: [(String, (Int) -> Double)] = [
      ("constant", { _ in 3 }), ("huge", { 1e300 * Double($0 % 7 - 3) }), ("tiny", { 1e-300 * Double($0 % 5) }),
      ("both signs", { $0 % 2 == 0 ? .greatestFiniteMagnitude : -1.7e308 }), ("two values", { Double($0 % 2) }),
    ]
    for sampler in Self.samplers {
      for (name, objective) in objectives {
        var driver = try driver(space, sampler)
        for i in 0..<14 { try driver.runTrial { _ in objective(i) } }
        _ = try proposal(&driver)
        XCTAssertEqual(driver.state.fallbackCount, 0, "\(name), \(sampler)")
      }
    }
  }

  func testTheSameConfigurationEnqueuedAgainAndAgainIsNoObstacle() throws {
    let space = try Space([.float("x", 0...1), .float("y", 0...1)])
    for sampler in Self.samplers {
      var driver = try driver(space, sampler)
      for i in 0..<12 {
        let trial = driver.state.trials.count
        try driver.append(
          .trialProposed(
            trial, .enqueued(Configuration(slots: [0.5, 0.5])), target: nil, Annotation(origin: .user)))
        _ = try XCTUnwrap(try driver.start())
        _ = try driver.report(trial, Double(i % 3))
        try driver.append(.trialCompleted(trial, seconds: 1))
      }
      let found = try proposal(&driver)
      XCTAssertNotEqual(found.1, .fallback, sampler)
      XCTAssertNotEqual(found.configuration, Configuration(slots: [0.5, 0.5]), sampler)
    }
  }

  func testStudiesInWhichAllFailOrAllArePendingGoOn() throws {
    let space = try MethodSpaces.conditional()
    for sampler in Self.samplers {
      var failing = try driver(space, sampler)
      for _ in 0..<12 { try fail(&failing) }
      _ = try proposal(&failing)
      var pending = try driver(space, sampler)
      for _ in 0..<12 { _ = try pending.start() }
      _ = try proposal(&pending)
      var one = try driver(space, sampler)
      try one.runTrial { _ in 1 }
      for _ in 0..<12 { try fail(&one) }
      for _ in 0..<6 { _ = try one.start() }
      _ = try proposal(&one)
    }
  }

  func testACategoricalOfTenThousandValuesIsTaken() throws {
    let space = try Space([
      .categorical("c", (0..<10_000).map { "v\($0)" }), .float("x", 0...1),
    ])
    for sampler in Self.samplers {
      var driver = try driver(space, sampler)
      for _ in 0..<15 { try driver.runTrial { $0.slots[0] / 10_000 + $0.slots[1] } }
      _ = try proposal(&driver)
      XCTAssertEqual(driver.state.fallbackCount, 0, sampler)
    }
  }

  /// What looks good in a small space has mostly been tried: the best of the rest is proposed, not just anything.
  func testInASmallSpaceTheBestOfWhatIsLeftIsProposed() throws {
    let space = try Space([.integer("x", 1...100)])
    let small: [String: [String: Choice]] = [
      "hebo": ["population": .integer(16), "generations": .integer(10)], "bore": ["candidates": .integer(64)],
      "aegis": ["candidates": .integer(64)],
    ]
    for sampler in ["gp", "hebo", "aegis", "smac", "bore", "auto"] {
      var driver = try driver(space, sampler, options: small[sampler] ?? [:], trials: 40)
      while try driver.runTrial({ ($0.slots[0] - 37) * ($0.slots[0] - 37) }) != nil {}
      let near = driver.state.trials.indices.count { abs(driver.state.history.configuration($0).slots[0] - 37) <= 10 }
      XCTAssertEqual(driver.state.trials.count, 40)
      // Of forty random ones eight.
      XCTAssertGreaterThanOrEqual(near, 15, sampler)
    }
  }

  func testContradictoryConstraintsAreAClearRefusal() throws {
    let space = try Space(
      [.float("a", 0...1), .float("b", 0...1)],
      constraints: [try Expression.parse("a > 0.6"), try Expression.parse("a < 0.4")])
    for sampler in Self.samplers {
      var driver = try driver(space, sampler)
      XCTAssertThrowsError(try driver.start(), sampler) { error in
        XCTAssertTrue("\(error)".contains("no configuration was found"), "\(error)")
      }
    }
  }

  func testAProposalIsTheSameForOneWhoHasOnlyReadTheLog() throws {
    let space = try MethodSpaces.conditional()
    for sampler in Self.samplers {
      var driver = try driver(space, sampler)
      for i in 0..<16 {
        if i % 5 == 4 { try fail(&driver) } else { try driver.runTrial { $0.slots[1] * Double(i % 3 + 1) } }
      }
      _ = try driver.start()
      var other = try driver.replayed { try Catalogue.makeMethod($0) }
      let again = try other.propose(state: driver.state, mayStartNew: true, canResume: { _ in true })
      let first = try driver.method.propose(state: driver.state, mayStartNew: true, canResume: { _ in true })
      XCTAssertEqual(first, again, sampler)
    }
  }

  // MARK: Failures

  func testCrashesDriveProposalsAwayAndLostTrialsDoNot() throws {
    let space = try Space([.float("x", 0...1), .float("y", 0...1)])
    // The objective says nothing of the parameter that makes half of the space fail.
    for sampler in Self.samplers where sampler != "turbo" {
      var inFailing = 0
      for seed in 1...3 as ClosedRange<UInt64> {
        var driver = try driver(space, sampler, seed: seed)
        for i in 0..<40 {
          let trial = try XCTUnwrap(try driver.start())
          let x = driver.state.history.slots[0][trial]
          if x > 0.5 {
            try driver.append(.trialFailed(trial, .crash, message: "", seconds: 1))
            if i >= 20 { inFailing += 1 }
          } else {
            let y = driver.state.history.slots[1][trial]
            _ = try driver.report(trial, (y - 0.3) * (y - 0.3))
            try driver.append(.trialCompleted(trial, seconds: 1))
          }
        }
      }
      XCTAssertLessThan(inFailing, 20, "\(sampler): \(inFailing) of 60")
    }
  }

  func testLostTrialsTeachNothing() throws {
    var driver = try driver(MethodSpaces.numbers(), "gp")
    try fail(&driver)
    var record = driver.state.trials[0]
    for kind in FailureKind.allCases {
      record.failure = kind
      XCTAssertEqual(FailureLessons.teaches(record), kind != .lost, kind.name)
    }
    record.state = .waiting
    record.failure = .crash
    XCTAssertFalse(FailureLessons.teaches(record))
  }

  func testAKernelIsChosenAnewWhenTrialsAreAnEighthMore() {
    XCTAssertEqual((0...16).map(FailureLessons.rounded), Array(0...16))
    XCTAssertEqual([17, 18, 31, 35, 36, 63, 199].map(FailureLessons.rounded), [16, 18, 30, 32, 36, 60, 192])
  }

  // MARK: Trust region

  func testATrustRegionGrowsShrinksAndBeginsAnew() {
    let design = [5.0, 4, 6]
    func region(_ later: [Double], dimension: Int = 2) -> TrustRegion {
      TrustRegion(design + later, dimension: dimension, design: 3)
    }
    XCTAssertEqual(region([]).length, 0.8)
    XCTAssertEqual(region([]).best, 1)
    XCTAssertEqual(region([3, 2, 1]).length, 1.6)
    XCTAssertEqual(region([3, 2, 1, 0.9, 0.8, 0.7]).length, 1.6)
    // A gain of less than a thousandth is none.
    XCTAssertEqual(region([3.999, 3.998, 3.997, 3.996]).length, 0.4)
    XCTAssertEqual(region([3.999, 3.998, 3.997, 3.996]).best, 6)
    XCTAssertEqual(region(Array(repeating: 9, count: 19), dimension: 20).length, 0.8)
    XCTAssertEqual(region(Array(repeating: 9, count: 20), dimension: 20).length, 0.4)
    // 0.8 · 2⁻⁷ is the first length below 2⁻⁷.
    let over = region(Array(repeating: 9, count: 28))
    XCTAssertEqual(over.restarts, 1)
    XCTAssertEqual(over.start, 31)
    XCTAssertNil(over.best)
    XCTAssertEqual(TrustRegion.failureTolerance(dimension: 2), 4)
    XCTAssertEqual(TrustRegion.failureTolerance(dimension: 20), 20)
    XCTAssertEqual(TrustRegion.sides([0.1, 0.4, 2]).reduce(1, *), 1, accuracy: 1e-12)
  }

  /// A plateau with a funnel in ten dimensions, as Ackley's function without its ripples: what a region that has found the
  /// funnel has to foretell there.
  func testTheModelOfATrustRegionForetellsAFunnelInAPlateau() throws {
    let dimension = 10
    func loss(_ x: [Double]) -> Double {
      let square = x.reduce(0) { $0 + ($1 - 0.4) * ($1 - 0.4) } / Double(dimension)
      return 20 - 20 * exp(-0.2 * 65 * square.squareRoot())
    }
    var wins = 0
    for seed in 1...6 as ClosedRange<UInt64> {
      var stream = RandomStream(seed: seed, purpose: 1, index: 0)
      func near(_ half: Double) -> [Double] { (0..<dimension).map { _ in 0.4 + half * (2 * stream.uniform() - 1) } }
      let seen = (0..<30).map { _ in near(0.4) } + (0..<30).map { _ in near(0.1) }
      let ahead = (0..<40).map { _ in near(0.05) }
      func points(_ all: [[Double]]) -> FeaturePoints {
        var points = FeaturePoints(numberCount: dimension, choiceCount: 0)
        for x in all { points.append(x, []) }
        return points
      }
      let losses = seen.map(loss)
      let process = try XCTUnwrap(TrustRegionSampler.process(points(seen), losses, TrustRegionSampler.fitOptions))
      let fit = GaussianProcessFit(points(seen), process.targets)
      var unlearned = try XCTUnwrap(GaussianProcess(points(seen), fit.run(from: fit.coldStarts).parameters))
      unlearned.setTargets(process.targets)
      // The scores of losses so low are linear in them.
      let ranked = losses.indices.sorted { losses[$0] < losses[$1] }
      let (a, b) = (ranked[0], ranked[9])
      let slope = (process.targets[b] - process.targets[a]) / (losses[b] - losses[a])
      func error(_ process: GaussianProcess) -> Double {
        let means = process.predict(points(ahead)).means
        return ahead.indices.reduce(0.0) {
          let truth = process.targets[a] + slope * (loss(ahead[$1]) - losses[a])
          return $0 + (means[$1] - truth) * (means[$1] - truth)
        }
      }
      if error(process) < error(unlearned) { wins += 1 }
    }
    XCTAssertGreaterThanOrEqual(wins, 5)
  }

  // MARK: Beliefs

  func testABeliefDrawsFirstProposalsToTheDefaultsAndIsForgotten() throws {
    let parameters = try (0..<2).map { i in
      var parameter = try Parameter.float("x\(i)", 0...1)
      parameter.defaultValue = .choice(.real(0.2))
      return parameter
    }
    let space = try Space(parameters)
    func distance(_ confidence: Double, _ count: Int) throws -> Double {
      var sum = 0.0
      for seed in 1...4 as ClosedRange<UInt64> {
        var driver = try driver(
          space, "gp", options: ["confidence": .real(confidence)], seed: seed, trials: 100)
        // A flat objective leaves the choice to the belief.
        for i in 0..<count { try driver.runTrial { _ in Double(i % 2) * 1e-3 } }
        let found = try proposal(&driver).configuration
        sum += abs(found.slots[0] - 0.2) + abs(found.slots[1] - 0.2)
      }
      return sum / 4
    }
    let believing = try distance(0.9, 5)
    XCTAssertLessThan(believing, 0.3)
    XCTAssertGreaterThan(try distance(0, 5), believing + 0.1)
  }

  /// With a confidence of 0.8 the deviation is 0.2: of a normal distribution about 0.3, truncated to 0…1, the mean is 0.328 and the
  /// deviation 0.175 (SciPy's truncnorm); of three choices the default has 0.867.
  func testTheDesignOfABelieverIsDrawnFromTheBelief() throws {
    var number = try Parameter.float("x", 0...1)
    number.defaultValue = .choice(.real(0.3))
    var choice = Parameter.categorical("kind", ["a", "b", "c"])
    choice.defaultValue = .choice(.text("b"))
    let space = try Space([number, choice, .float("free", 0...1)])
    var driver = try driver(
      space, "gp", options: ["confidence": .real(0.8), "startup": .integer(400)], trials: 1000)
    for _ in 0..<256 { try driver.runTrial { $0.slots[2] } }
    let slots = driver.state.history.slots
    func moments(_ values: [Double]) -> (mean: Double, deviation: Double) {
      let mean = values.reduce(0, +) / Double(values.count)
      return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot())
    }
    XCTAssertEqual(moments(slots[0]).mean, 0.328, accuracy: 0.02)
    XCTAssertEqual(moments(slots[0]).deviation, 0.175, accuracy: 0.02)
    XCTAssertEqual(Double(slots[1].count { $0 == 1 }) / 256, 0.867, accuracy: 0.03)
    XCTAssertEqual(moments(slots[2]).mean, 0.5, accuracy: 0.02)
    XCTAssertTrue(driver.state.trials.allSatisfy { $0.origin == .design })
  }

  func testABeliefWithoutDefaultsIsRefused() throws {
    for sampler in ["gp", "auto"] {
      let part = PartSpec(sampler, options: ["confidence": .real(0.5)])
      let problems = Catalogue.check(MethodSpaces.spec(try MethodSpaces.numbers(), sampler: part))
      XCTAssertEqual(problems.map(\.path), [["method", "sampler", "confidence"]], sampler)
    }
  }

  func testABeliefInAMixtureDrawsProposalsToIt() throws {
    var weights = Parameter("w", .simplex(["a", "b", "c"]))
    weights.defaultValue = .simplex([0.7, 0.2, 0.1])
    let space = try Space([weights])
    func distance(_ confidence: Double) throws -> Double {
      var driver = try driver(space, "gp", options: ["confidence": .real(confidence)], trials: 100)
      for i in 0..<6 { try driver.runTrial { _ in Double(i % 2) * 1e-3 } }
      let found = try proposal(&driver).configuration.slots
      return abs(found[0] - 0.7) + abs(found[1] - 0.2) + abs(found[2] - 0.1)
    }
    XCTAssertLessThan(try distance(0.95), 0.25)
    XCTAssertGreaterThan(try distance(0), 0.3)
  }

  // MARK: What is said

  func testTheGaussianProcessExplainsItsProposals() throws {
    let space = try Space([.float("x", 0...1), .categorical("kind", ["a", "b"])])
    var driver = try driver(space, "gp")
    var sampler = driver.method.sampler
    let early = sampler.explanation(of: Configuration(slots: [0.5, 0]), trial: 0, target: nil, state: driver.state)
    XCTAssertTrue(early.facts.contains { $0.text.contains("0 of 4 trials") }, "\(early.facts)")
    XCTAssertEqual(early.neighbours, [])
    for _ in 0..<15 { try driver.runTrial { ($0.slots[0] - 0.3) * ($0.slots[0] - 0.3) } }
    sampler = driver.method.sampler
    let there = driver.state.history.configuration(7)
    let found = sampler.explanation(of: there, trial: 15, target: nil, state: driver.state)
    XCTAssertEqual(found.neighbours.first?.trial, 7)
    XCTAssertEqual(found.neighbours.first?.distance ?? 1, 0, accuracy: 1e-9)
    let expected = try XCTUnwrap(found.facts.first { $0.name == "expected loss" }?.number)
    XCTAssertEqual(expected, driver.state.trials[7].value, accuracy: 0.05)
    XCTAssertNotNil(found.facts.first { $0.name == "acquisition value" }?.number)
    let report = try XCTUnwrap(sampler.modelReport(state: driver.state))
    XCTAssertEqual(report.predictions.map(\.trial), Array(0..<15))
    for prediction in report.predictions {
      XCTAssertEqual(prediction.observed, driver.state.trials[prediction.trial].value, accuracy: 1e-12)
    }
    let share = try XCTUnwrap(report.facts.first { $0.name == "share of variance explained" }?.number)
    XCTAssertGreaterThan(share, 0.5)
  }

  /// Whatever the number of trials, although every fourth proposal is of densities, which have no model to show.
  func testAutoShowsAModelOfTrialsAtLevels() throws {
    let spec = MethodSpaces.spec(
      try Space([.float("x", 0...1), .float("y", 0...1)]), sampler: PartSpec("auto"), scheduler: PartSpec("asha"),
      fidelity: Fidelity(name: "epoch", minimum: 1, maximum: 9), trials: 44)
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    var counts: Set<Int> = []
    while let trial = try driver.start() {
      let slots = driver.state.history.configuration(trial).slots
      let target = driver.state.trials[trial].target
      let loss = (slots[0] - 0.5) * (slots[0] - 0.5) + (slots[1] - 0.5) * (slots[1] - 0.5) + 0.1 / target
      let verdict = try driver.report(trial, resource: target, loss)
      try driver.append(
        verdict == .pause && target < 9
          ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
      guard driver.state.trials.count >= 36, counts.insert(driver.state.trials.count).inserted else { continue }
      var sampler = driver.method.sampler
      let report = try XCTUnwrap(sampler.modelReport(state: driver.state), "\(driver.state.trials.count) trials")
      XCTAssertTrue(report.facts[0].text.hasPrefix("mobster"), "\(report.facts[0])")
    }
    XCTAssertTrue(counts.contains(40))
  }

  func testAutoSaysWhatItChoseAndWhy() throws {
    var driver = try driver(MethodSpaces.numbers(), "auto")
    for _ in 0..<14 { try driver.runTrial { $0.slots[1] } }
    var sampler = driver.method.sampler
    let found = sampler.explanation(
      of: driver.state.history.configuration(3), trial: 14, target: nil, state: driver.state)
    XCTAssertTrue(found.facts[0].text.hasPrefix("gp: 14 trials"), found.facts[0].text)
    XCTAssertEqual(found.facts[0].name, "chosen by auto")
  }

  func testAutoSwitchesAsTheStudyGrowsAndWithManyWorkers() {
    func name(_ values: Int, _ pending: Int, trial: Int = 0) -> AutoChoice.Name {
      AutoChoice(.init(numbers: 4, choices: 2, values: values, pending: pending, trial: trial)).name
    }
    XCTAssertEqual(name(19, 0, trial: 19), .gp)
    XCTAssertEqual([20, 21].map { name(20, 0, trial: $0) }, [.gp, .hebo])
    XCTAssertEqual(name(201, 0, trial: 201), .gp)
    XCTAssertEqual(name(0, 0), .gp)
    XCTAssertEqual(name(1000, 8), .gp)
    XCTAssertEqual(name(1001, 8), .smac)
    XCTAssertEqual(name(10, 33), .tpe)
  }

  func testAutoSparesManyCoordinatesTheDearSearch() {
    func name(_ numbers: Int) -> AutoChoice.Name {
      AutoChoice(.init(numbers: numbers, choices: 10, values: 30, pending: 0, trial: 31)).name
    }
    XCTAssertEqual([40, 41].map(name), [.hebo, .gp])
  }

  func testAutoTellsSchedulersThatPauseFromThoseThatStop() throws {
    let space = try MethodSpaces.numbers()
    func resource(_ scheduler: PartSpec, _ fidelity: Fidelity?) -> AutoChoice.Resource {
      AutoChoice.Situation.resource(
        StudySpec(
          name: "auto", space: space, objectives: [Objective(metric: "loss", goal: .minimize)], fidelity: fidelity,
          method: MethodSpec(sampler: PartSpec("auto"), scheduler: scheduler)))
    }
    let epochs = Fidelity(name: "epoch", maximum: 9)
    let stopping = PartSpec("asha", options: ["variant": .text("stopping")])
    XCTAssertEqual(resource(PartSpec("asha"), epochs), .partial)
    XCTAssertEqual(resource(PartSpec("hyperband"), epochs), .partial)
    XCTAssertEqual(resource(stopping, epochs), .stopped)
    XCTAssertEqual(resource(PartSpec("median"), epochs), .trimmed)
    XCTAssertEqual(resource(PartSpec("full"), epochs), .full)
    XCTAssertEqual(resource(stopping, Fidelity(name: "fold", maximum: 9, countsReplicates: true)), .replicates)
    XCTAssertEqual(resource(PartSpec("full"), nil), .full)
  }

  func testAutoKeepsProcessesWhereItMayChooseThem() {
    for values in [0, 50, 51, 1000, 1001] {
      for resource in [AutoChoice.Resource.full, .trimmed, .stopped, .partial, .replicates] {
        for (pending, trial, earlier, isBounded) in [
          (0, 0, 0, false), (33, 0, 0, true), (0, 1, 0, true), (0, 0, 1, true),
        ] {
          let name = AutoChoice(
            .init(
              numbers: 4, choices: 2, values: values, pending: pending, resource: resource, isBounded: isBounded,
              trial: trial, earlier: earlier)
          ).name
          guard name == .gp || name == .hebo else { continue }
          XCTAssertTrue(AutoChoice.mayTakeProcess(values: values, resource: resource), "\(values), \(resource)")
        }
      }
    }
  }

  func testAutoThatLetsProcessesGoAndTakesThemUpAgainProposesWhatTheLogSays() throws {
    let space = try Space([.float("x", 0...1), .categorical("c", ["a", "b"])])
    var driver = try driver(space, "auto")
    func start() throws -> TrialNumber {
      let trial = driver.state.trials.count
      let configuration = try space.sample(seed: 5, index: UInt64(trial))
      try driver.append(.trialProposed(trial, .new(configuration), target: nil, Annotation(origin: .design)))
      try driver.append(.trialStarted(trial, worker: 1))
      _ = try driver.report(trial, configuration.slots[0] + configuration.slots[1] / 4)
      return trial
    }
    func chosen() throws -> String {
      var replayed = driver
      replayed.method = try driver.replayed { try Catalogue.makeMethod($0) }
      let found = try proposal(&driver)
      XCTAssertEqual(found.configuration, try proposal(&replayed).configuration)
      let facts = driver.method.sampler.explanation(
        of: found.configuration, trial: driver.state.trials.count, target: nil, state: driver.state
      ).facts
      return String(facts[0].text.prefix { $0 != ":" })
    }
    for _ in 0..<1000 { try driver.append(.trialCompleted(try start(), seconds: 1)) }
    let last = try start()
    try driver.append(.trialPaused(last, isFrozen: false, seconds: 1))
    XCTAssertEqual(try chosen(), "smac")
    // What was paused has a value until it turns out to have none.
    try driver.append(.trialProposed(last, .resume, target: nil, Annotation(origin: .user)))
    try driver.append(.trialStarted(last, worker: 1))
    try driver.append(.trialFailed(last, .invalidValue, message: "", seconds: 1))
    XCTAssertEqual(try chosen(), "gp")
  }

  func testNoModelOfASpaceAsItWasIsUsedAfterAnAmendment() throws {
    let space = try Space([.float("x", 0...1), .float("y", 0...1)])
    for sampler in Self.samplers {
      var driver = try driver(space, sampler)
      for _ in 0..<12 { try driver.runTrial { $0.slots[0] - $0.slots[1] } }
      _ = try proposal(&driver)
      var spec = driver.state.spec
      spec.space = try Space([.float("x", -1...1), .float("y", 0...3)]).appending(.float("z", 0...1))
      try driver.append(.studyAmended(specification: spec.json.text))
      var replayed = driver
      replayed.method = try driver.replayed { try Catalogue.makeMethod($0) }
      XCTAssertEqual(try proposal(&driver).configuration, try proposal(&replayed).configuration, sampler)
    }
  }

  func testAutoTakesDensitiesAtOneLevelWhereTrialsGetDifferentSharesOfTheResource() {
    func name(_ resource: AutoChoice.Resource, values: Int, pending: Int = 3) -> AutoChoice.Name {
      AutoChoice(.init(numbers: 4, choices: 2, values: values, pending: pending, resource: resource)).name
    }
    XCTAssertEqual([10, 500, 5000].map { name(.partial, values: $0) }, [.bohb, .bohb, .bohb])
    XCTAssertEqual(name(.partial, values: 10, pending: 100), .bohb)
    XCTAssertEqual(name(.replicates, values: 10), .smac)
    XCTAssertEqual(name(.stopped, values: 10), .smac)
    XCTAssertEqual(name(.stopped, values: 10, pending: 100), .smac)
    XCTAssertEqual([10, 1001].map { name(.trimmed, values: $0) }, [.gp, .smac])
    XCTAssertEqual(
      AutoChoice(.init(numbers: 4, choices: 2, values: 9, pending: 3, resource: .partial, isBounded: true)).name, .smac)
  }

  func testAutoTakesAProcessOverLevelsWhereItForetellsWhichTrialIsBetter() {
    func choice(_ concordance: Double?, trial: Int = 41, resource: AutoChoice.Resource = .partial) -> AutoChoice {
      var situation = AutoChoice.Situation(
        numbers: 4, choices: 2, values: 40, pending: 3, resource: resource, trial: trial)
      if situation.asksForConcordance { situation.concordance = concordance }
      return AutoChoice(situation)
    }
    XCTAssertEqual([nil, 0.5, 0.74, 0.75, 1].map { choice($0).name }, [.bohb, .bohb, .bohb, .mobster, .mobster])
    XCTAssertTrue(choice(0.912).reason.hasSuffix("in 91 % of the pairs"), choice(0.912).reason)
    // Densities keep every fourth trial.
    XCTAssertEqual((40..<45).map { choice(1, trial: $0).name }, [.bohb, .mobster, .mobster, .mobster, .bohb])
    XCTAssertEqual(choice(1, resource: .stopped).name, .smac)
    XCTAssertEqual(choice(1, resource: .full).name, .hebo)
    XCTAssertEqual([499, 501].map { choice(1, trial: $0).name }, [.mobster, .bohb])
  }

  func testAutoBeginsTheProcessOverLevelsAnewWhenAnAmendmentBringsLevels() throws {
    let space = try Space([.float("x", 0...1), .float("y", 0...1)])
    var spec = MethodSpaces.spec(
      space, sampler: PartSpec("auto"), scheduler: PartSpec("full"), fidelity: Fidelity(name: "epoch", maximum: 9),
      trials: 1000, seed: 3)
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    for trial in 0..<40 {
      let configuration = try space.sample(seed: 5, index: UInt64(trial))
      try driver.append(.trialProposed(trial, .new(configuration), target: 9, Annotation(origin: .design)))
      try driver.append(.trialStarted(trial, worker: 1))
      for epoch in [1.0, 3, 9] {
        _ = try driver.report(trial, resource: epoch, configuration.slots[0] + configuration.slots[1] / 4 + 1 / epoch)
      }
      try driver.append(.trialCompleted(trial, seconds: 1))
    }
    spec = driver.state.spec
    spec.method.scheduler = PartSpec("asha")
    try driver.append(.studyAmended(specification: spec.json.text))
    driver.method = try driver.replayed { try Catalogue.makeMethod($0) }
    for _ in 0..<3 {
      let trial = try XCTUnwrap(try driver.start())
      _ = try driver.report(trial, resource: 1, 0.5)
      try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    }
    var replayed = driver
    replayed.method = try driver.replayed { try Catalogue.makeMethod($0) }
    XCTAssertEqual(try proposal(&driver).configuration, try proposal(&replayed).configuration)
    let facts = driver.method.sampler.explanation(
      of: try space.sample(seed: 1, index: 0), trial: driver.state.trials.count, target: nil, state: driver.state
    ).facts
    XCTAssertTrue(facts[0].text.hasPrefix("mobster: "), facts[0].text)
  }

  func testAutoProposesTrialsThatGetTheWholeResourceAtOnceFromThoseThatHaveGotIt() throws {
    let space = try Space([.float("x", 0...1), .float("y", 0...1)])
    let scheduler = PartSpec("asha", options: ["brackets": .integer(2), "direct": .real(0.4)])
    var driver = try StudyDriver(
      MethodSpaces.spec(
        space, sampler: PartSpec("auto"), scheduler: scheduler, fidelity: Fidelity(name: "epoch", maximum: 27),
        trials: 1000, seed: 3)
    ) { try Catalogue.makeMethod($0) }
    var chosen: [String] = []
    var direct: [Double] = []
    while chosen.count < 40 {
      let before = driver
      let trial = try XCTUnwrap(try driver.start())
      let record = driver.state.trials[trial]
      let configuration = driver.state.history.configuration(trial)
      if trial == before.state.trials.count, record.target == 27 {
        var replayed = before
        replayed.method = try before.replayed { try Catalogue.makeMethod($0) }
        XCTAssertEqual(try replayed.start().map { replayed.state.history.configuration($0) }, configuration)
        var sampler = before.method.sampler
        let facts = sampler.explanation(of: configuration, trial: trial, target: 27, state: before.state).facts
        chosen.append(String(facts[0].text.prefix { $0 != ":" }))
        let whole = before.state.trials.count { $0.resource >= 27 }
        XCTAssertTrue(facts[0].text.contains(": \(whole) trials have got all of the resource"), facts[0].text)
        direct.append(driver.state.history.configuration(trial).slots[0])
      }
      // Low levels mislead altogether: their best is at 0.1, that of the whole resource at 0.8.
      for epoch in [1.0, 3, 9, 27] where epoch > record.resource && epoch <= record.target {
        let best = epoch < 27 ? 0.1 : 0.8
        _ = try driver.report(
          trial, resource: epoch, abs(configuration.slots[0] - best) + abs(configuration.slots[1] - best))
      }
      try driver.append(
        record.target == 27
          ? .trialCompleted(trial, seconds: 1) : .trialPaused(trial, isFrozen: false, seconds: 1))
    }
    XCTAssertTrue(Set(chosen).isSubset(of: ["gp", "hebo"]), "\(Set(chosen))")
    XCTAssertEqual(Set(chosen).count, 2)
    XCTAssertEqual(direct.suffix(20).sorted()[10], 0.8, accuracy: 0.1)
  }

  /// What `auto` chose for each trial under ASHA, where losses are those of `loss`.
  private func choicesUnderASHA(_ loss: (StudyState, TrialNumber) -> Double) throws -> [String] {
    let space = try Space([.float("x", 0...1), .float("y", 0...1)])
    var driver = try StudyDriver(
      MethodSpaces.spec(
        space, sampler: PartSpec("auto"), scheduler: PartSpec("asha"),
        fidelity: Fidelity(name: "epoch", maximum: 9), trials: 1000, seed: 3)
    ) { try Catalogue.makeMethod($0) }
    var result: [String] = []
    while driver.state.trials.count < 80 {
      var sampler = driver.method.sampler
      let count = driver.state.trials.count
      let facts = sampler.explanation(
        of: try space.sample(seed: 1, index: 0), trial: count, target: nil, state: driver.state
      ).facts
      var replayed = driver
      replayed.method = try driver.replayed { try Catalogue.makeMethod($0) }
      let trial = try XCTUnwrap(try driver.start())
      if driver.state.trials.count > count {
        result.append(String(facts[0].text.prefix { $0 != ":" }))
        // A process that joins now proposes the same.
        if count % 10 == 5 {
          XCTAssertEqual(try replayed.start(), trial)
          XCTAssertEqual(
            replayed.state.history.configuration(trial), driver.state.history.configuration(trial), "\(trial)")
        }
      }
      let verdict = try driver.report(trial, resource: driver.state.trials[trial].target, loss(driver.state, trial))
      try driver.append(
        verdict == .pause ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
    }
    return result
  }

  func testUnderASHAAutoTakesTheProcessOnSmoothLossesAndDensitiesOnNoise() throws {
    let smooth = try choicesUnderASHA { state, trial in
      let (x, y) = (state.history.units[0][trial], state.history.units[1][trial])
      return (x - 0.7) * (x - 0.7) + (y - 0.2) * (y - 0.2) + 0.5 / state.trials[trial].target
    }
    XCTAssertGreaterThanOrEqual(smooth.count { $0 == "mobster" }, 15, "\(smooth)")
    XCTAssertGreaterThanOrEqual(smooth.count { $0 == "bohb" }, 20)
    var stream = RandomStream(seed: 5, purpose: 2, index: 0)
    let noise = try choicesUnderASHA { _, _ in stream.normal() }
    XCTAssertLessThanOrEqual(noise.count { $0 == "mobster" }, 8, "\(noise)")
  }

  func testAutoLearnsFromEarlierStudiesUntilThereAreEnoughTrials() {
    func choice(_ values: Int, earlier: Int) -> AutoChoice {
      AutoChoice(.init(numbers: 4, choices: 0, values: values, pending: 1, earlier: earlier))
    }
    XCTAssertEqual(choice(0, earlier: 2).name, .rgpe)
    XCTAssertTrue(choice(50, earlier: 1).reason.hasSuffix("from 1 earlier study"))
    XCTAssertEqual(choice(51, earlier: 2).name, .gp)
    XCTAssertEqual(choice(5, earlier: 0).name, .gp)
  }

  func testLossesComeBackFromTheirScale() {
    let losses = [3.0, 1, 7, 100, 2]
    for transform in OutputTransform.allCases {
      let scale = LossScale(losses, transform)
      for (z, loss) in zip(transform.apply(losses), losses) where loss < 100 {
        XCTAssertEqual(scale.loss(z), loss, accuracy: 1e-6, "\(transform)")
      }
    }
    XCTAssertEqual(LossScale([4, 4], .standard).loss(2), 4)
  }

  /// One loss that is far away says nothing of what lies among the others, and below them.
  func testOneBadLossDoesNotStretchTheScaleOfTheOthers() {
    let good = (0..<30).map { 0.5 + 0.2 * Double($0) / 29 }
    for far in [1000.0, 1e6] {
      for transform in OutputTransform.allCases where transform != .standard {
        let losses = good + [far]
        let scale = LossScale(losses, transform)
        let scores = transform.apply(losses)
        XCTAssertEqual(scale.loss(scores[3]), good[3], accuracy: 1e-6, "\(transform)")
        let middle = 0.5 * (scores[10] + scores[11])
        XCTAssertEqual(scale.loss(middle), 0.5 * (good[10] + good[11]), accuracy: 1e-3, "\(transform)")
        // As far below the best as the best is from the middle.
        let below = scale.loss(2 * scores[0] - scores[15])
        XCTAssertGreaterThan(below, 0.2, "\(transform)")
        XCTAssertLessThan(below, 0.5, "\(transform)")
        let above = scale.loss(scores[29] + 0.2 * (scores[29] - scores[15]))
        XCTAssertLessThan(above, transform == .copula ? far : 2, "\(transform)")
      }
    }
  }

  func testNumbersAreRoundedForPeople() {
    XCTAssertEqual(Fact.rounded(0.123456), "0.1235")
    XCTAssertEqual(Fact.rounded(123456.7), "123500")
    XCTAssertEqual(Fact.rounded(0), "0")
  }
}
