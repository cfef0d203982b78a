import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class BOHBTests: XCTestCase {
  /// Two numbers and a choice among three, the best first.
  private static let rows: [(Double, Double, Double, loss: Double)] = [
    (0.10, 0.20, 0, 0.10), (0.15, 0.25, 0, 0.12), (0.20, 0.10, 1, 0.15), (0.30, 0.35, 0, 0.20), (0.60, 0.70, 2, 0.5),
    (0.70, 0.60, 1, 0.6), (0.80, 0.90, 2, 0.8), (0.90, 0.80, 2, 0.9),
  ]

  func testDensitiesAreThoseOfTheNormalReferenceRule() {
    let density = NormalReferenceKDE(
      kinds: [.unit, .unit, .choice(3)], points: Self.rows.prefix(4).flatMap { [$0.0, $0.1, $0.2] })
    for (bandwidth, expected) in zip(density.bandwidths, [0.06430449, 0.07838067, 0.37652857]) {
      XCTAssertEqual(bandwidth, expected, accuracy: 5e-9)
    }
    XCTAssertEqual(exp(density.logDensity([0.18, 0.20, 0])), 6.637457, accuracy: 5e-7)
    XCTAssertEqual(exp(density.logDensity([0.18, 0.20, 1])), 3.892863, accuracy: 5e-7)
  }

  func testAChoiceNeverSeenHasADensity() {
    let density = NormalReferenceKDE(kinds: [.choice(3)], points: [1, 1, 1])
    XCTAssertEqual(density.bandwidths, [NormalReferenceKDE.minimumBandwidth])
    XCTAssertEqual(exp(density.logDensity([0])), 0.0005, accuracy: 1e-12)
    XCTAssertEqual(exp(density.logDensity([1])), 0.999, accuracy: 1e-12)
  }

  func testDrawnPointsSpreadByTheFactorAroundThePointsAndStayInside() {
    let density = NormalReferenceKDE(kinds: [.unit, .choice(4)], points: [0.5, 0, 0.5, 0, 0.52, 0, 0.48, 0])
    var stream = RandomStream(seed: 1, purpose: 2, index: 3)
    let points = (0..<4000).map { density.draw(near: $0 % 4, factor: 3, &stream) }
    XCTAssertTrue(points.allSatisfy { (0...1).contains($0[0]) && (0..<4).contains($0[1]) })
    let mean = points.reduce(0) { $0 + $1[0] } / 4000
    let variance = points.reduce(0) { $0 + ($1[0] - mean) * ($1[0] - mean) } / 4000
    let centres = 0.0002
    let expected = 9 * density.bandwidths[0] * density.bandwidths[0] + centres
    // Four standard errors of a normal's variance.
    XCTAssertEqual(variance, expected, accuracy: 4 * expected * (2.0 / 4000).squareRoot())
  }

  /// Where trials never pause, those that are stopped at a level are the worse ones: the better ones count there, too.
  func testTrialsThatPassALevelCountThere() throws {
    for scheduler in [PartSpec("asha", options: ["variant": .text("stopping")]), PartSpec("median")] {
      let spec = MethodSpaces.spec(
        try Space([.float("x", 0...1)]), sampler: PartSpec("bohb"), scheduler: scheduler,
        fidelity: Fidelity(name: "epoch", minimum: 1, maximum: 9), trials: 30)
      var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
      var expected: [Double: Int] = [:]
      while let trial = try driver.start() {
        let x = driver.state.history.configuration(trial).slots[0]
        for epoch in 1...9 {
          // One in seven fails on its way from the first level to the second.
          if trial % 7 == 6, epoch == 2 {
            try driver.append(.trialFailed(trial, .crash, message: "", seconds: 1))
            expected[3, default: 0] += 1
            break
          }
          let verdict = try driver.report(trial, resource: Double(epoch), x + 1 / Double(epoch))
          if [1, 3, 9].contains(epoch) { expected[Double(epoch), default: 0] += 1 }
          if verdict == .stop || epoch == 9 {
            try driver.append(
              epoch == 9 ? .trialCompleted(trial, seconds: 1) : .trialStopped(trial, .method, seconds: 1))
            break
          }
        }
      }
      var state = driver.initial
      var results = ResultsByLevel()
      results.absorb(driver.events[0], state: state)
      for event in driver.events.dropFirst() {
        try state.absorb(event)
        results.absorb(event, state: state)
      }
      XCTAssertEqual(results.levels.mapValues(\.count), expected, scheduler.name)
      XCTAssertEqual(results.levels[1]?.count, 30, scheduler.name)
    }
  }

  func testDensitiesKeptThroughInsertionsAreThoseBuiltFromScratch() throws {
    let space = try Space([.float("x", 0...1), .float("y", 0...1), .categorical("c", ["a", "b", "d"])])
    let columns = VaryingCoordinates(space)
    let spec = MethodSpaces.spec(space, scheduler: PartSpec("full"), trials: 3000)
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    var stream = RandomStream(seed: 3, purpose: 1, index: 4)
    var results = RankedList<ResultsByLevel.Entry>()
    var kept: GoodAndBad?
    for number in 0..<1500 {
      let configuration = try space.sample(seed: 5, index: UInt64(number))
      try driver.append(.trialProposed(number, .enqueued(configuration), target: nil, Annotation(origin: .user)))
      // Many equal losses, some failures, and a drift to the better, as in a study.
      let loss = (stream.uniform() * 50).rounded() - Double(number) / 100
      let entry = ResultsByLevel.Entry(loss: number % 17 == 0 ? .infinity : loss, trial: number)
      results.insert(entry)
      kept?.insert(entry, results, driver.state.history)
      guard results.count >= 6 else { continue }
      if kept == nil { kept = GoodAndBad(results, columns, goodFraction: 0.15, driver.state.history) }
      guard number < 60 || number % 50 == 0, let kept else { continue }
      let scratch = GoodAndBad(results, columns, goodFraction: 0.15, driver.state.history)
      let (a, b) = (
        kept.densities(results, driver.state.history, &stream),
        scratch.densities(results, driver.state.history, &stream)
      )
      for (a, b) in [(a.good, b.good), (a.bad, b.bad)] {
        XCTAssertEqual(a.count, b.count)
        for (x, y) in zip(a.bandwidths, b.bandwidths) { XCTAssertEqual(x, y, accuracy: 1e-12 * y) }
        for _ in 0..<5 {
          let point = [stream.uniform(), stream.uniform(), Double(stream.index(below: 3))]
          let expected = ReferenceBOHB.logDensity(b, point)
          XCTAssertEqual(a.logDensity(point), expected, accuracy: 1e-12 * max(1, abs(expected)))
        }
      }
      for rank in [0, a.good.count / 2, a.good.count - 1] {
        let trial = results[rank].trial
        for column in columns.kinds.indices {
          XCTAssertEqual(
            a.good.columns[column][a.row(ofRank: rank)], columns.value(of: trial, column, driver.state.history))
        }
      }
    }
  }

  /// On a space with conditions, over several levels and with failures.
  func testProposalsAreThoseOfDensitiesBuiltAnewAtEveryAsk() throws {
    let space = try Space([
      .float("x", 0...1), .float("rate", 1e-5...1, scale: .log), .categorical("c", ["a", "b", "d"]),
      .integer("n", 1...9), .float("y", 0...1).when("c == a"),
    ])
    for space in [space, try Space((0..<4).map { try .float("x\($0)", 0...1) })] {
      var driver = try driver(
        space, fidelity: Fidelity(name: "epoch", maximum: 9), scheduler: PartSpec("asha"), trials: 2000)
      var reference = ReferenceBOHB()
      var absorbed = 0
      var stream = RandomStream(seed: 3, purpose: 8, index: 4)
      for number in 0..<400 {
        let trial = driver.state.trials.count
        let configuration = try space.sample(seed: 5, index: UInt64(trial))
        try driver.append(.trialProposed(trial, .enqueued(configuration), target: 9, Annotation(origin: .user)))
        try driver.append(.trialStarted(trial, worker: 1))
        for resource in [1.0, 3, 9] {
          let distance = abs(configuration.slots[0] - 0.4) + stream.uniform() / 10
          _ = try driver.report(trial, resource: resource, distance + 1 / resource)
          if stream.uniform() < 0.1 {
            try driver.append(.trialFailed(trial, .rejected, message: "", seconds: 1))
            break
          }
          if resource == 9 {
            try driver.append(.trialCompleted(trial, seconds: 1))
          } else if stream.uniform() < 0.6 {
            try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
            break
          }
        }
        for event in driver.events[absorbed...] { _ = reference.results.absorb(event, state: driver.state) }
        absorbed = driver.events.count
        guard number < 60 || number % 10 == 0 else { continue }
        let next = driver.state.trials.count
        guard
          case .configuration(let found, let annotation) = try driver.method.sampler.sample(
            trial: next, target: 9, state: driver.state), annotation.origin == .model
        else {
          XCTAssertNil(reference.proposal(trial: next, state: driver.state))
          continue
        }
        let expected = try XCTUnwrap(reference.proposal(trial: next, state: driver.state))
        for (a, b) in zip(found.slots, expected.slots) {
          XCTAssertTrue(a.isNaN && b.isNaN || abs(a - b) < 1e-9 * max(1, abs(b)), "\(number): \(a) for \(b)")
        }
      }
    }
  }

  func testTheCandidateWithTheGreatestRatioIsFoundAlthoughOthersAreLeftEarly() {
    var stream = RandomStream(seed: 9, purpose: 1, index: 4)
    for round in 0..<50 {
      let kinds: [VaryingCoordinates.Kind] = [.unit, .choice(4), .unit]
      func points(_ count: Int, _ width: Double) -> [[Double]] {
        (0..<count).map { _ in
          [width * stream.uniform(), Double(stream.index(below: 4)), stream.uniform()]
        }
      }
      let good = NormalReferenceKDE(kinds: kinds, points: points(4 + round, 0.5).flatMap { $0 })
      let bad = NormalReferenceKDE(kinds: kinds, points: points(5 + 11 * round, 1).flatMap { $0 })
      let candidates = points(64, 1)
      let ratios = candidates.map { ReferenceBOHB.logDensity(good, $0) - ReferenceBOHB.logDensity(bad, $0) }
      XCTAssertEqual(
        NormalReferenceKDE.greatestRatio(candidates, good: good, bad: bad), ratios.firstIndex(of: ratios.max() ?? 0))
    }
    let one = NormalReferenceKDE(kinds: [.unit], points: [0.5])
    XCTAssertEqual(NormalReferenceKDE.greatestRatio([[0.2], [0.2], [0.2]], good: one, bad: one), 0)
    XCTAssertNil(NormalReferenceKDE.greatestRatio([], good: one, bad: one))
  }

  private func driver(
    _ space: Space, _ options: [String: Choice] = ["random": .integer(0)], fidelity: Fidelity? = nil,
    scheduler: PartSpec = PartSpec("full"), trials: Int = 200
  ) throws -> StudyDriver {
    var spec = MethodSpaces.spec(space, scheduler: scheduler, fidelity: fidelity, trials: trials)
    spec.method.sampler = PartSpec("bohb", options: options)
    return try StudyDriver(spec) { try Catalogue.makeMethod($0) }
  }

  private func origin(_ driver: StudyDriver, _ trial: TrialNumber) -> Annotation.Origin? {
    driver.state.trials[trial].origin
  }

  func testTheModelBeginsWithTwoMoreTrialsThanTheLeastNumberOfGoodOnes() throws {
    var driver = try driver(try Space([.float("x", 0...1), .float("y", 0...1)]))
    for _ in 0..<7 { try driver.runTrial { $0.slots[0] } }
    // Two coordinates: three good ones, and a model with five.
    XCTAssertEqual((0..<7).map { origin(driver, $0) }, Array(repeating: .design, count: 5) + [.model, .model])
  }

  /// Adds a trial with a random configuration that ran to a resource.
  private func add(
    to driver: inout StudyDriver, resource: Double? = nil, loss: (Configuration) -> Double
  ) throws {
    let trial = driver.state.trials.count
    let configuration = try driver.state.spec.space.sample(seed: 5, index: UInt64(trial))
    try driver.append(.trialProposed(trial, .enqueued(configuration), target: resource, Annotation(origin: .user)))
    try driver.append(.trialStarted(trial, worker: 1))
    _ = try driver.report(trial, resource: resource, loss(configuration))
    let isComplete = resource == driver.state.spec.fidelity?.maximum
    try driver.append(
      isComplete ? .trialCompleted(trial, seconds: 1) : .trialPaused(trial, isFrozen: false, seconds: 1))
  }

  /// What the sampler would propose for each of so many next trials.
  private func proposals(_ driver: StudyDriver, _ count: Int = 40) throws -> [Configuration] {
    var method = driver.method
    return try (0..<count).compactMap { number in
      let trial = driver.state.trials.count + number
      guard
        case .configuration(let found, let annotation) = try method.sampler.sample(
          trial: trial, target: 9, state: driver.state), annotation.origin == .model
      else { return nil }
      return found
    }
  }

  func testItProposesNearTheBest() throws {
    var driver = try driver(try Space([.float("x", 0...1), .categorical("c", ["a", "b", "d"])]))
    for _ in 0..<80 {
      try add(to: &driver) { abs($0.slots[0] - 0.3) + ($0.slots[1] == 2 ? 0 : 1) }
    }
    let proposals = try proposals(driver)
    XCTAssertEqual(proposals.count, 40)
    XCTAssertGreaterThan(proposals.count { $0.slots[1] == 2 }, 36)
    // The good ones lie below 0.6. Kernels that are not cut off at the edges may draw proposals to 0.
    XCTAssertGreaterThan(proposals.count { $0.slots[0] < 0.6 }, 36)
  }

  func testTheGivenShareIsRandom() throws {
    var driver = try driver(try Space([.float("x", 0...1)]), [:], trials: 400)
    for _ in 0..<300 { try driver.runTrial { $0.slots[0] } }
    let random = (10..<300).count { origin(driver, $0) == .design }
    // A third of 290, within four standard deviations.
    XCTAssertEqual(Double(random), 290.0 / 3, accuracy: 4 * (290.0 * 2 / 9).squareRoot())
  }

  func testItLearnsAtTheGreatestResourceWithEnoughTrials() throws {
    var driver = try driver(
      try Space([.float("x", 0...1)]), fidelity: Fidelity(name: "epoch", maximum: 9), scheduler: PartSpec("hyperband"))
    // At the lowest level large x are good, above it small ones. Four trials are needed for one coordinate.
    for _ in 0..<30 { try add(to: &driver, resource: 1) { 1 - $0.slots[0] } }
    for _ in 0..<3 { try add(to: &driver, resource: 9) { $0.slots[0] } }
    func mean() throws -> Double { try proposals(driver).reduce(0) { $0 + $1.slots[0] } / 40 }
    XCTAssertGreaterThan(try mean(), 0.8)
    for _ in 0..<20 { try add(to: &driver, resource: 9) { $0.slots[0] } }
    XCTAssertLessThan(try mean(), 0.2)
  }

  /// As where the resource is measured in seconds.
  func testTrialsThatGetALittleMoreThanTheyWereToStandAtOneLevel() throws {
    var spec = MethodSpaces.spec(
      try Space([.float("x", 0...1)]), sampler: PartSpec("bohb", options: ["random": .integer(0)]),
      scheduler: PartSpec("asha"), fidelity: Fidelity(name: "seconds", minimum: 1, maximum: 9, isInteger: false))
    spec.budget.trials = 40
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    while let trial = try driver.start() {
      let target = driver.state.trials[trial].target
      let reached = target < 9 ? target * (1 + 0.001 * Double(trial + 1)) : target
      _ = try driver.report(trial, resource: reached, driver.state.history.configuration(trial).slots[0])
      try driver.append(
        target < 9 ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
    }
    XCTAssertGreaterThan(driver.state.trials.indices.count { origin(driver, $0) == .model }, 30)
  }

  func testFailuresAreBadAndLossesSayNothing() throws {
    var driver = try driver(try Space([.float("x", 0...1)]))
    for number in 0..<60 {
      let trial = try XCTUnwrap(try driver.start())
      let x = driver.state.history.configuration(trial).slots[0]
      if x > 0.5, number < 59 {
        try driver.append(.trialFailed(trial, .rejected, message: "", seconds: 1))
      } else {
        _ = try driver.report(trial, 0.5)
        try driver.append(.trialCompleted(trial, seconds: 1))
      }
    }
    let later = (30..<60).map { driver.state.history.configuration($0).slots[0] }
    XCTAssertGreaterThan(later.count { $0 <= 0.5 }, 22)
  }
}
