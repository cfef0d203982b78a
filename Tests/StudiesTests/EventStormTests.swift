import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabTestSupport
import XCTest

@testable import TrimtabStudies

/// Random events, legal or not, against everything that must always hold.
final class EventStormTests: XCTestCase {
  private func storms() throws -> [StudySpec] {
    [
      try EventStorm.spec(hasFidelity: true), try EventStorm.spec(hasFidelity: false),
      try EventStorm.spec(hasFidelity: true, objectives: 2, hasCost: true),
      try EventStorm.spec(hasFidelity: false, objectives: 2, hasCost: true),
    ]
  }

  func testTheStateAgreesWithItselfAfterEveryEvent() throws {
    for (i, spec) in try storms().enumerated() {
      for seed in 0..<6 as Range<UInt64> {
        var storm = try EventStorm(spec, seed: seed)
        var accepted = 0
        for step in 0..<250 where try storm.step() {
          accepted += 1
          let violations = storm.state.invariantViolations()
          guard violations.isEmpty else {
            return XCTFail(
              "specification \(i), seed \(seed), step \(step), \(storm.events.last.map { "\($0.body)" } ?? ""): \(violations)"
            )
          }
        }
        XCTAssertGreaterThan(accepted, 60, "the storm is too weak to show anything")
      }
    }
  }

  func testARefusedEventChangesNothing() throws {
    var refused = 0
    for spec in try storms() {
      var storm = try EventStorm(spec, seed: 77)
      for _ in 0..<400 {
        let before = storm.state
        if try !storm.step() {
          refused += 1
          XCTAssertEqual(storm.state.differences(from: before), [])
        } else {
          XCTAssertNotEqual(storm.state.fingerprint, before.fingerprint)
        }
      }
    }
    XCTAssertGreaterThan(refused, 200)
  }

  func testTheSameEventsGiveTheSameFingerprintThroughBytes() throws {
    for spec in try storms() {
      var storm = try EventStorm(spec, seed: 5)
      for _ in 0..<500 { _ = try storm.step() }
      let codec = FrameCodec(objectives: spec.objectives.map(\.metric))
      let copies = try storm.events.flatMap { try codec.decode(codec.encode([$0])) }
      var copy = try StudyState(first: copies[0])
      for event in copies.dropFirst() { try copy.absorb(event) }
      XCTAssertEqual(copy.differences(from: storm.state), [])
      XCTAssertEqual(copy.fingerprint, storm.state.fingerprint)
    }
  }

  func testTheStormReachesEveryState() throws {
    var reached: Set<TrialState> = []
    var failures: Set<FailureKind> = []
    var changes = 0
    for seed in 0..<8 as Range<UInt64> {
      var storm = try EventStorm(storms()[0], seed: seed)
      for _ in 0..<600 {
        _ = try storm.step()
        reached.formUnion(storm.state.trials.map(\.state))
      }
      failures.formUnion(storm.state.trials.compactMap { $0.state == .failed ? $0.failure : nil })
      changes += storm.state.incumbentChanges.count
    }
    XCTAssertEqual(reached, Set(TrialState.allCases))
    XCTAssertEqual(failures, Set(FailureKind.allCases))
    XCTAssertGreaterThan(changes, 20)
  }

  func testTheFoldSurvivesEventsOfAnyContent() throws {
    let spec = try EventStorm.spec(hasFidelity: true, objectives: 2, hasCost: true)
    var random = RandomEvents(seed: 9)
    var storm = try EventStorm(spec, seed: 9)
    for _ in 0..<60 { _ = try storm.step() }
    var state = storm.state
    var stream = RandomStream(seed: 9, purpose: 0, index: 0)
    for _ in 0..<20_000 {
      var event = random.next()
      // Aimed at trials that exist, or at the next one, half of the time.
      if stream.index(below: 2) == 0 { event = event.aimed(at: stream.index(below: state.trials.count + 1)) }
      let before = state.eventCount
      do {
        try state.absorb(event)
        XCTAssertEqual(state.eventCount, before + 1)
      } catch {
        XCTAssertTrue(error is EventError || error is Diagnostics, "\(error)")
        XCTAssertEqual(state.eventCount, before)
      }
      if state.trials.count > 40 { state = storm.state }
      // What is read by people must not crash on it either.
      for trial in state.trials.indices.suffix(1) {
        _ = state.spec.space.json(of: state.history.configuration(trial)).text
      }
      _ = state.reachedLimit(now: 1_800_000_000_000)
      _ = state.nextQueued(now: 1_800_000_000_000) { _ in true }
    }
  }
}

extension Event {
  /// The same event about another trial.
  fileprivate func aimed(at trial: TrialNumber) -> Event {
    let body: Event.Body =
      switch body {
      case .studyCreated, .studyAmended, .earlierStudy, .studyStopped: body
      case .trialProposed(_, let kind, let target, let annotation):
        .trialProposed(trial, kind, target: target, annotation)
      case .trialStarted(_, let worker): .trialStarted(trial, worker: worker)
      case .reported(_, let resource, let metrics): .reported(trial, resource: resource, metrics)
      case .trialPaused(_, let isFrozen, let seconds): .trialPaused(trial, isFrozen: isFrozen, seconds: seconds)
      case .trialStopped(_, let reason, let seconds): .trialStopped(trial, reason, seconds: seconds)
      case .trialCompleted(_, let seconds): .trialCompleted(trial, seconds: seconds)
      case .trialFailed(_, let kind, let message, let seconds):
        .trialFailed(trial, kind, message: message, seconds: seconds)
      case .trialLost: .trialLost(trial)
      case .trialReleased(_, let seconds): .trialReleased(trial, seconds: seconds)
      case .trialConfigured(_, let configuration): .trialConfigured(trial, configuration)
      case .noted(_, let key, let value): .noted(trial, key: key, value: value)
      }
    return Event(time: time, body)
  }
}
