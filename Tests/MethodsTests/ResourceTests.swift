import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class RealResourceTests: XCTestCase {
  func testATrialThatFallsShortOfItsTargetByAHairPausesThereAndGoesOn() throws {
    for name in ["asha", "pasha", "mo-asha", "hyperband", "successive-halving", "one-epoch", "dehb-brackets"] {
      let spec = MethodSpaces.spec(
        try Space([.float("x", 0...1)]), sampler: PartSpec(name == "dehb-brackets" ? "dehb" : "random"),
        scheduler: PartSpec(name, options: name == "one-epoch" ? ["first": .integer(9), "keep": .integer(3)] : [:]),
        fidelity: Fidelity(name: "share", minimum: 0.05, maximum: 1.35, isInteger: false), trials: 40)
      var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
      var sent: Set<String> = []
      while let trial = try driver.start() {
        let target = driver.state.trials[trial].target
        XCTAssertTrue(sent.insert("\(trial) \(target)").inserted, "\(name) sends trial \(trial) twice to \(target)")
        let verdict = try driver.report(trial, resource: target * (1 - 5e-6), Double(trial % 10))
        XCTAssertEqual(verdict, target < 1.35 ? .pause : .proceed, "\(name) at \(target)")
        try driver.append(
          verdict == .pause ? .trialPaused(trial, isFrozen: false, seconds: 1) : .trialCompleted(trial, seconds: 1))
        guard sent.count < 400 else { break }
      }
      let complete = driver.state.trials.indices.filter { driver.state.trials[$0].state == .completed }
      XCTAssertFalse(complete.isEmpty, name)
      XCTAssertTrue(complete.allSatisfy(driver.state.hasFullResource), name)
    }
  }
}

final class RaisedMaximumTests: XCTestCase {
  func testTrialsThatRanOrWaitedGoOnToTheNewMaximum() throws {
    let parts = [
      PartSpec("full"), PartSpec("median"), PartSpec("extrapolation"), PartSpec("wilcoxon"), PartSpec("dehb-brackets"),
      PartSpec("mo-asha", options: ["variant": .text("stopping")]),
      PartSpec("asha", options: ["variant": .text("stopping")]), PartSpec("hyperband"),
    ]
    for part in parts {
      let spec = MethodSpaces.spec(
        try Space([.float("x", 0...1)]), sampler: PartSpec(part.name == "dehb-brackets" ? "dehb" : "random"),
        scheduler: part,
        fidelity: Fidelity(name: "fold", maximum: 3, countsReplicates: part.name == "wilcoxon"), trials: 40)
      var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
      for trial in 0..<3 {
        let configuration = try spec.space.sample(seed: 1, index: UInt64(trial))
        try driver.append(
          .trialProposed(
            trial, .enqueued(configuration), target: trial == 2 ? 2 : 3, Annotation(origin: .user)))
      }
      XCTAssertEqual(try driver.start(), 0)
      var amended = spec
      amended.fidelity?.maximum = 9
      try driver.append(.studyAmended(specification: amended.json.text))
      XCTAssertEqual(driver.state.interrupted, [0, 1], part.name)
      // The program was told 3, and ends there.
      for fold in 1...3 { _ = try driver.report(0, resource: Double(fold), 0) }
      try driver.append(.trialPaused(0, isFrozen: false, seconds: 1))
      // One that had not begun is told the new maximum.
      XCTAssertEqual(try driver.start(), 1, part.name)
      XCTAssertEqual(driver.state.trials[1].target, 9, part.name)
      // One that was to get less stays there.
      XCTAssertEqual(try driver.start(), 2, part.name)
      for fold in 1...2 { _ = try driver.report(2, resource: Double(fold), -1) }
      try driver.append(.trialPaused(2, isFrozen: false, seconds: 1))
      XCTAssertEqual(try driver.start(canResume: { $0 != 0 }), 3, "\(part.name): it cannot go on here")
      var replica = try driver.replayed { try Catalogue.makeMethod($0) }
      XCTAssertEqual(
        try replica.propose(state: driver.state, mayStartNew: false, canResume: { _ in true }),
        .resume(0, target: 9, Annotation()), part.name)
      XCTAssertEqual(try driver.start(), 0, part.name)
      XCTAssertEqual(driver.state.trials[0].target, 9, part.name)
      XCTAssertEqual(driver.state.interrupted, [], part.name)
      XCTAssertEqual(driver.state.invariantViolations(), [])
    }
  }

  func testWhatTheStoppingVariantHasCutDoesNotGoOn() throws {
    var table = try Table(
      PartSpec("asha", options: ["variant": .text("stopping")]), maximum: 3, trials: 9
    ) { trial, _ in Double(trial) }
    _ = try table.run(at: [1, 3])
    let cut = try XCTUnwrap(try table.driver.start())
    var spec = table.driver.state.spec
    spec.fidelity?.maximum = 9
    try table.driver.append(.studyAmended(specification: spec.json.text))
    XCTAssertEqual(try table.driver.report(cut, resource: 3, 5), .stop)
    // It ended by itself just then.
    try table.driver.append(.trialPaused(cut, isFrozen: false, seconds: 1))
    XCTAssertEqual(try table.driver.start(), 2)
  }
}
