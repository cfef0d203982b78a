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
    for sampler in ["gp", "smac", "cqr", "turbo"].map({ PartSpec($0, options: small) }) {
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
    let samplers = [
      PartSpec("c-tpe"), PartSpec("gp", options: small), PartSpec("smac", options: small),
      PartSpec("cqr", options: small), PartSpec("turbo", options: small),
    ]
    for sampler in samplers {
      let found = try seeds.count { try best(sampler, seed: $0, trials: 40, bound: 0.2).isFinite }
      XCTAssertGreaterThanOrEqual(found, 3, sampler.name)
    }
  }

  func testProposalsDependOnTheLogAlone() throws {
    for name in ["c-tpe", "gp", "smac", "turbo"] {
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

  func testNoModelOfBoundsInASpaceAsItWasIsUsedAfterAnAmendment() throws {
    for name in ["gp", "hebo"] {
      let options: [String: Choice] = name == "hebo" ? ["population": .integer(16), "generations": .integer(10)] : [:]
      let spec = try spec(PartSpec(name, options: options), seed: 5, trials: 40)
      var driver = try StudyDriver(spec, makeMethod: Catalogue.makeMethod)
      for count in 0..<20 {
        let trial = try XCTUnwrap(try driver.start())
        let found = measure(driver.state.history.configuration(trial).slots)
        try driver.append(
          .reported(trial, resource: nil, [MetricValue("loss", found.loss), MetricValue("cost", found.cost)]))
        try driver.append(.trialCompleted(trial, seconds: 1))
        guard count == 17 else { continue }
        // One bound is moved, and a number is new.
        _ = try driver.method.propose(state: driver.state, mayStartNew: true) { _ in true }
        var spec = driver.state.spec
        spec.space = try Space([.float("x", -1...2), .float("y", 0...1), .categorical("kind", ["a", "b"])])
          .appending(.float("z", 0...1))
        try driver.append(.studyAmended(specification: spec.json.text))
        var other = try driver.replayed(makeMethod: Catalogue.makeMethod)
        let own = try driver.method.propose(state: driver.state, mayStartNew: true) { _ in true }
        let anew = try other.propose(state: driver.state, mayStartNew: true) { _ in true }
        XCTAssertEqual("\(own)", "\(anew)", name)
      }
    }
  }

  func testATrustRegionPutsSolutionsFirst() {
    func region(_ losses: [Double], _ violations: [Double]) -> TrustRegion {
      TrustRegion(losses, violation: { violations[$0] }, dimension: 2, design: 2)
    }
    // None is a solution: nearer ones count as successes, whatever their losses.
    XCTAssertEqual(region([1, 2], [3, 4]).best, 0)
    let nearer = region([1, 2, 9, 9, 9], [3, 4, 2, 1, 0.5])
    XCTAssertEqual(nearer.best, 4)
    XCTAssertEqual(nearer.length, 1.6)
    XCTAssertEqual(region([1, 2, 0, 0, 0, 0], [3, 4, 3, 3, 3, 3]).length, 0.4)
    // The first solution is one, too; afterwards only better solutions are.
    XCTAssertEqual(region([1, 2, 9], [3, 4, 0]).successes, 1)
    XCTAssertEqual(region([1, 2, 9], [3, 4, 0]).best, 2)
    let after = region([1, 2, 9, 0, 8.9999, 10], [3, 4, 0, 0.1, 0, 0])
    XCTAssertEqual(after.best, 4)
    XCTAssertEqual(after.failures, 3)
    XCTAssertEqual(region([1, 2, 9, 8], [3, 4, 0, 0]).successes, 2)
  }

  /// Ackley's function in ten dimensions, best at the origin, of which a half space and a ball are allowed, as in section 4 of the
  /// paper on SCBO.
  func testATrustRegionDescendsWithinTwoBounds() throws {
    func best(_ sampler: PartSpec, seed: UInt64) throws -> Double {
      var spec = MethodSpaces.spec(
        try Space((0..<10).map { try .float("x\($0)", -5...10) }), sampler: sampler, trials: 90, seed: seed)
      spec.outcomeConstraints = [
        OutcomeConstraint(metric: "sum", .atMost, 0), OutcomeConstraint(metric: "norm", .atMost, 5),
      ]
      var driver = try StudyDriver(spec, makeMethod: Catalogue.makeMethod)
      while let trial = try driver.start() {
        let x = driver.state.history.configuration(trial).slots
        let square = x.reduce(0) { $0 + $1 * $1 }
        let waves = x.reduce(0) { $0 + cos(2 * .pi * $1) }
        let loss = 20 + exp(1) - 20 * exp(-0.2 * (square / 10).squareRoot()) - exp(waves / 10)
        try driver.append(
          .reported(
            trial, resource: nil,
            [
              MetricValue("loss", loss), MetricValue("sum", x.reduce(0, +)),
              MetricValue("norm", square.squareRoot()),
            ]))
        try driver.append(.trialCompleted(trial, seconds: 1))
      }
      return driver.state.incumbent.map(driver.state.loss) ?? .infinity
    }
    // Not one of these random configurations is a solution.
    XCTAssertEqual(try (1...3).map { try best(PartSpec("random"), seed: $0) }, [.infinity, .infinity, .infinity])
    for seed in 1...3 as ClosedRange<UInt64> {
      XCTAssertLessThan(try best(PartSpec("turbo", options: ["candidates": .integer(200)]), seed: seed), 8)
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
    var members = ScottMembers(kinds: [.unit])
    for (trial, value) in [0.1, 0.2, 0.25, 0.6, 0.9].enumerated() { members.insert(trial, [value]) }
    XCTAssertEqual(members.bandwidth(0), 0.2002022354906153, accuracy: 1e-12)
  }

  func testTrialsAreSplitByTheObjectiveAndByEachBound() {
    XCTAssertEqual([1, 16, 17, 100, 10_000, 1_000_000].map(ObjectiveSplit.wanted), [1, 1, 2, 3, 25, 25])
    func better(_ ranked: [TrialNumber], solution: TrialNumber?) -> (trials: [TrialNumber], share: Double) {
      var split = ObjectiveSplit()
      var sets = BetterAndOthers(kinds: [.unit])
      for (loss, trial) in ranked.enumerated().reversed() {
        let rank = TrialRank(isComplete: true, resource: 1, loss: Double(loss), trial: trial)
        split.insert(.init(rank: rank, isSolution: trial == solution), [0.5], &sets)
      }
      return (sets.better.members.trials.sorted(), split.share)
    }
    XCTAssertTrue(better([4, 2, 7, 1], solution: 7) == ([2, 4, 7], 0.75))
    XCTAssertTrue(better([4, 2], solution: nil) == ([2, 4], 1))
    func better(_ excesses: [Double]) -> [TrialNumber] {
      var split = BoundSplit()
      var sets = BetterAndOthers(kinds: [.unit])
      for (trial, excess) in excesses.enumerated() {
        split.insert(.init(excess: excess, trial: trial), [0.5], &sets)
      }
      return sets.better.members.trials.sorted()
    }
    XCTAssertEqual(better([3, 0, -1]), [1, 2])
    XCTAssertEqual(better([3, 2, 9]), [1])
  }

  /// Through results, failures, pauses, trials that go on, and an amendment of the bounds.
  func testSetsKeptThroughEventsAreThoseOfTheirDefinition() throws {
    var spec = try spec(PartSpec("c-tpe"), seed: 5, trials: 2000)
    spec.fidelity = Fidelity(name: "epoch", maximum: 3)
    spec.method.scheduler = PartSpec("asha")
    var driver = try StudyDriver(spec, makeMethod: Catalogue.makeMethod)
    var stream = RandomStream(seed: 2, purpose: 1, index: 1)
    var sets = ConstrainedSets(driver.state)
    func report(_ trial: TrialNumber, at resource: Double) throws {
      // Some trials never meet the bound, and many have the same loss.
      try driver.append(
        .reported(
          trial, resource: resource,
          [MetricValue("loss", (stream.uniform() * 30).rounded()), MetricValue("cost", stream.uniform() * 3)]))
    }
    var paused: [TrialNumber] = []
    var running: [TrialNumber] = []
    for number in 0..<600 {
      let from = driver.events.count
      let dice = stream.uniform()
      if dice < 0.1, let trial = paused.popLast() {
        try driver.append(.trialProposed(trial, .resume, target: 3, Annotation(origin: .model)))
        try driver.append(.trialStarted(trial, worker: 1))
        try report(trial, at: 3)
        try driver.append(.trialCompleted(trial, seconds: 1))
      } else {
        let trial = driver.state.trials.count
        let configuration = try spec.space.sample(seed: 5, index: UInt64(trial))
        try driver.append(.trialProposed(trial, .enqueued(configuration), target: 1, Annotation(origin: .user)))
        try driver.append(.trialStarted(trial, worker: 1))
        if dice < 0.2 {
          running.append(trial)
        } else if dice < 0.3 {
          try driver.append(.trialFailed(trial, .rejected, message: "", seconds: 1))
        } else {
          try report(trial, at: 1)
          try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
          paused.append(trial)
        }
      }
      for event in driver.events[from...] where event.trial != nil { sets.update(event.trial ?? 0, driver.state) }
      guard number % 7 == 0 else { continue }
      let state = driver.state
      let ranked = state.trials.indices.filter {
        state.trials[$0].isSettled && state.trials[$0].state != .failed && state.trials[$0].hasValue
      }.map {
        TrialRank(
          isComplete: state.trials[$0].state == .completed, resource: state.trials[$0].resource, loss: state.loss($0),
          trial: $0)
      }.sorted().map(\.trial)
      var prefix: [TrialNumber] = []
      for trial in ranked where prefix.count(where: state.meetsConstraints) < ObjectiveSplit.wanted(ranked.count) {
        prefix.append(trial)
      }
      XCTAssertEqual(sets.pairs[0].better.members.trials.sorted(), prefix.sorted())
      XCTAssertEqual(sets.objective.ranked.count, ranked.count)
      let failed = state.trials.indices.filter { state.trials[$0].state == .failed }
      XCTAssertEqual(
        sets.pairs[0].others.members.trials.sorted(),
        (ranked.filter { !prefix.contains($0) } + running + failed).sorted())
      let bound = spec.outcomeConstraints[0]
      let excesses = ranked.sorted().map { (trial: $0, excess: state.excess($0, over: bound) ?? .nan) }
      let nearest = excesses.min { ($0.excess, $0.trial) < ($1.excess, $1.trial) }?.trial
      let better = excesses.filter { $0.excess <= 0 || $0.trial == nearest }.map(\.trial)
      XCTAssertEqual(sets.pairs[1].better.members.trials.sorted(), better)
      for pair in sets.pairs {
        for set in [pair.better, pair.others] where set.members.missingCount == 0 {
          let trials = Array(set.members.trials)
          let kept = ScottDensity(set, cells: [0, 0, 0])
          let scratch = ScottDensity(
            kinds: sets.columns.kinds, points: sets.columns.points(of: trials, state.history, &stream),
            cells: [0, 0, 0])
          for (a, b) in zip(kept.bandwidths, scratch.bandwidths) { XCTAssertEqual(a, b, accuracy: 1e-12) }
          let point = [stream.uniform(), stream.uniform(), 1]
          XCTAssertEqual(kept.logDensity(point), scratch.logDensity(point), accuracy: 1e-10)
        }
      }
    }
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
