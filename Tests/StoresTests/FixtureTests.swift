import Foundation
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabStores

/// Stores that earlier versions wrote stay readable for ever. With the variable TRIMTAB_FIXTURES set to `write`, writes
/// the store of this version; those of earlier versions are never written again.
final class FixtureTests: StoreTestCase {
  private var fixtures: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")
  }

  /// A fixture in the test's own folder: reading it must not leave files beside the original.
  private func copy(_ name: String) throws {
    try FileManager.default.copyItem(at: fixtures.appendingPathComponent(name), to: URL(fileURLWithPath: path))
  }

  private func state() throws -> StudyState {
    var state: StudyState?
    var reader = LogReader()
    try reader.read(openLog("scripted", .readOnly)) { _, event in
      if state == nil { state = try StudyState(first: event) } else { try state?.absorb(event) }
    }
    return try XCTUnwrap(state)
  }

  func testTheFirstLayoutIsReadAsItWasWritten() throws {
    if ProcessInfo.processInfo.environment["TRIMTAB_FIXTURES"] == "write" {
      try ScriptedStudy().write(to: path)
      let target = fixtures.appendingPathComponent("fixture-1.db")
      try? FileManager.default.removeItem(at: target)
      try FileManager.default.copyItem(at: URL(fileURLWithPath: path), to: target)
      print("fingerprint:", String(try state().fingerprint, radix: 16))
      return
    }
    try copy("fixture-1.db")
    let state = try state()
    XCTAssertEqual(state.invariantViolations(), [])
    XCTAssertEqual(state.eventCount, 104)
    XCTAssertEqual(state.trials.count, 16)
    XCTAssertEqual(state.incumbent, 10)
    XCTAssertEqual(state.trials[10].value, 0.0625 + 1 / 9.0)
    XCTAssertEqual(Set(state.trials.map(\.state)), Set(TrialState.allCases))
    XCTAssertEqual(String(state.fingerprint, radix: 16), "4121267986373c74")
  }

  func testTheFixtureCanGoOn() throws {
    try copy("fixture-1.db")
    let log = try openLog("scripted")
    let before = try state()
    let codec = FrameCodec(objectives: ["loss"])
    let event = Event(time: before.latestTime + 1, .trialStarted(15, worker: 3))
    try log.append(from: before.eventCount) { _, _ in
    } decide: {
      (before.eventCount, codec.encode([event]))
    }
    XCTAssertEqual(try state().trials[15].state, .running)
  }

  func testEveryKindOfEventIsInTheFixture() throws {
    let kinds = Set(try ScriptedStudy().events.map { event in "\(event.body)".prefix { $0 != "(" } })
    XCTAssertEqual(kinds.count, 11)
  }
}
