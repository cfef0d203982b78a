import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class MultiObjectiveASHATests: XCTestCase {
  private static let vectors: [[Double]] = [[1, 5], [2, 3], [3, 2.6], [5, 1], [3, 4], [4, 4], [6, 2], [6, 6]]

  func testFrontsComeInTurnAndAreSpread() {
    XCTAssertEqual(ParetoOrder.best(8, of: Self.vectors), [0, 3, 2, 1, 4, 6, 5, 7])
    XCTAssertEqual(ParetoOrder.best(3, of: Self.vectors), [0, 3, 2])
    XCTAssertEqual(ParetoOrder.best(9, of: Self.vectors + [[0.5, 0.5]])[0], 8)
    XCTAssertEqual(ParetoOrder.best(9, of: Self.vectors + [[9, 9]])[8], 8)
  }

  func testUnitsOfAnObjectiveDoNotMatter() {
    let scaled = Self.vectors.map { [$0[0] * 1e-200, $0[1] * 1e200] }
    XCTAssertEqual(ParetoOrder.best(8, of: scaled), ParetoOrder.best(8, of: Self.vectors))
  }

  func testWhatIsNoNumberComesLast() {
    XCTAssertEqual(ParetoOrder.best(4, of: [[.nan, 0], [1, 1], [.infinity], [0, 2]]), [3, 1, 0, 2])
    XCTAssertEqual(ParetoOrder.best(3, of: []), [])
    XCTAssertEqual(ParetoOrder.best(2, of: [[1, 1], [1, 1]]), [0, 1])
  }

  private func driver(_ options: [String: Choice] = [:]) throws -> StudyDriver {
    var spec = MethodSpaces.spec(
      try Space([.float("x", 0...1)]), scheduler: PartSpec("mo-asha", options: options),
      fidelity: Fidelity(name: "epoch", maximum: 9), trials: 30)
    spec.objectives = [Objective(metric: "loss"), Objective(metric: "speed", goal: .maximize)]
    XCTAssertEqual(Catalogue.check(spec), [])
    return try StudyDriver(spec) { try Catalogue.makeMethod($0) }
  }

  private func report(_ driver: inout StudyDriver, _ trial: TrialNumber, _ loss: Double, _ speed: Double) throws
    -> Verdict
  {
    let target = driver.state.trials[trial].target
    try driver.append(
      .reported(trial, resource: target, [MetricValue("loss", loss), MetricValue("speed", speed)]))
    let verdict = driver.method.verdict(on: trial, state: driver.state)
    switch verdict {
    case .pause: try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
    case .stop: try driver.append(.trialStopped(trial, .method, seconds: 1))
    case .proceed: try driver.append(.trialCompleted(trial, seconds: 1))
    }
    return verdict
  }

  func testTheThirdOnTheFrontGoesOnSpreadOverIt() throws {
    var driver = try driver()
    // The smaller the loss and the greater the speed the better; trials 1 and 4 are the ends of the front.
    let results: [(Double, Double)] = [(5, 1), (1, 2), (4, 3), (3, 4), (6, 9), (7, 7)]
    for (trial, result) in results.enumerated() {
      let started = try XCTUnwrap(try driver.start())
      if started != trial {
        // The best of the first three goes on, to the second level.
        XCTAssertEqual(started, 1)
        XCTAssertEqual(driver.state.trials[1].target, 3)
        XCTAssertEqual(try report(&driver, 1, 0.9, 2), .pause)
        XCTAssertEqual(try driver.start(), trial)
      }
      XCTAssertEqual(try report(&driver, trial, result.0, result.1), .pause)
    }
    XCTAssertEqual(try driver.start(), 4)
    XCTAssertEqual(driver.state.trials[4].target, 3)
  }

  func testFailuresGoNowhere() throws {
    var driver = try driver()
    for trial in 0..<3 {
      XCTAssertEqual(try driver.start(), trial)
      if trial == 1 {
        try driver.append(.trialFailed(1, .rejected, message: "", seconds: 1))
      } else {
        XCTAssertEqual(try report(&driver, trial, trial == 0 ? .nan : 1e300, 1), .pause)
      }
    }
    XCTAssertEqual(try driver.start(), 2)
    XCTAssertEqual(driver.state.trials[2].target, 3)
  }

  func testStoppingEndsWhatIsDominated() throws {
    var driver = try driver(["variant": .text("stopping")])
    let results: [(Double, Double)] = [(5, 1), (1, 2), (6, 0.5), (2, 1), (0.4, 3)]
    var stopped: [TrialNumber] = []
    for (trial, result) in results.enumerated() {
      XCTAssertEqual(try driver.start(), trial)
      try driver.append(
        .reported(trial, resource: 1, [MetricValue("loss", result.0), MetricValue("speed", result.1)]))
      if driver.method.verdict(on: trial, state: driver.state) == .stop { stopped.append(trial) }
    }
    XCTAssertEqual(stopped, [2, 3])
  }

  func testARaisedMaximumLetsCompleteTrialsGoOn() throws {
    var driver = try driver()
    for _ in 0..<60 {
      guard let trial = try driver.start() else { break }
      _ = try report(&driver, trial, Double(trial), -Double(trial))
    }
    XCTAssertGreaterThan(driver.state.count(.completed), 2)
    var spec = driver.state.spec
    spec.fidelity?.maximum = 27
    try driver.append(.studyAmended(specification: spec.json.text))
    let trial = try XCTUnwrap(try driver.start())
    XCTAssertEqual(trial, 0)
    XCTAssertEqual(driver.state.trials[trial].target, 27)
  }
}
