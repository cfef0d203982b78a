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
      columns: [.unit, .unit, .choice(3)], points: Self.rows.prefix(4).flatMap { [$0.0, $0.1, $0.2] })
    for (bandwidth, expected) in zip(density.bandwidths, [0.06430449, 0.07838067, 0.37652857]) {
      XCTAssertEqual(bandwidth, expected, accuracy: 5e-9)
    }
    XCTAssertEqual(exp(density.logDensity([0.18, 0.20, 0])), 6.637457, accuracy: 5e-7)
    XCTAssertEqual(exp(density.logDensity([0.18, 0.20, 1])), 3.892863, accuracy: 5e-7)
  }

  func testAChoiceNeverSeenHasADensity() {
    let density = NormalReferenceKDE(columns: [.choice(3)], points: [1, 1, 1])
    XCTAssertEqual(density.bandwidths, [NormalReferenceKDE.minimumBandwidth])
    XCTAssertEqual(exp(density.logDensity([0])), 0.0005, accuracy: 1e-12)
    XCTAssertEqual(exp(density.logDensity([1])), 0.999, accuracy: 1e-12)
  }

  func testDrawnPointsSpreadByTheFactorAroundThePointsAndStayInside() {
    let density = NormalReferenceKDE(columns: [.unit, .choice(4)], points: [0.5, 0, 0.5, 0, 0.52, 0, 0.48, 0])
    var stream = RandomStream(seed: 1, purpose: 2, index: 3)
    let points = (0..<4000).map { _ in density.draw(factor: 3, &stream) }
    XCTAssertTrue(points.allSatisfy { (0...1).contains($0[0]) && (0..<4).contains($0[1]) })
    let mean = points.reduce(0) { $0 + $1[0] } / 4000
    let variance = points.reduce(0) { $0 + ($1[0] - mean) * ($1[0] - mean) } / 4000
    let centres = 0.0002
    let expected = 9 * density.bandwidths[0] * density.bandwidths[0] + centres
    // Four standard errors of a normal's variance.
    XCTAssertEqual(variance, expected, accuracy: 4 * expected * (2.0 / 4000).squareRoot())
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
