import CSQLite
import Foundation
import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies
import TrimtabTestSupport
import XCTest

/// What `doctor` and `replay` find in stores that were harmed, each in one way.
final class DoctorTests: CommandTestCase {
  private var path: String { folder + "/s.trimtab" }

  override func setUpWithError() throws {
    try super.setUpWithError()
    try ScriptedStudy().write(to: path)
  }

  /// Changes the database behind the program's back.
  private func sql(_ statement: String) throws {
    var handle: OpaquePointer?
    defer { sqlite3_close_v2(handle) }
    XCTAssertEqual(sqlite3_open(path, &handle), SQLITE_OK)
    XCTAssertEqual(sqlite3_exec(handle, statement, nil, nil, nil), SQLITE_OK)
  }

  private func assertProblem(_ text: String, file: StaticString = #filePath, line: UInt = #line) throws {
    let result = try run("doctor", "s.trimtab")
    XCTAssertEqual(result.status, 4, result.output, file: file, line: line)
    XCTAssertTrue(result.output.contains(text), result.output, file: file, line: line)
    XCTAssertTrue(result.output.contains("PROBLEM"), result.output, file: file, line: line)
    XCTAssertTrue(result.output.contains("→"), "the mend is missing: \(result.output)", file: file, line: line)
  }

  func testAHarmedRecordIsNamed() throws {
    try sql("UPDATE log SET frame = substr(frame, 1, 20) || x'00' || substr(frame, 22) WHERE position = (1 << 40) + 30")
    try assertProblem("event 30: the record's checksum does not match")
  }

  func testAMissingRecordIsNamed() throws {
    try sql("DELETE FROM log WHERE position = (1 << 40) + 30")
    try assertProblem("event 30 is followed by event 31")
  }

  func testAnEventThatCannotFollowIsNamed() throws {
    let frame = FrameCodec(objectives: ["loss"]).encode([Event(time: 1, .trialCompleted(0, seconds: 1))])
    let hex = frame.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    try sql("UPDATE log SET frame = x'\(hex)' WHERE position = (1 << 40) + 103")
    try assertProblem("event 103: trial 0 is completed, not running")
  }

  func testAnEmptyLogIsAProblem() throws {
    try sql("DELETE FROM log")
    try assertProblem("the log is empty")
  }

  func testFoldersOfTrialsThatAreNotThereAreNamed() throws {
    for name in ["000003", "000099", "notes"] {
      try FileManager.default.createDirectory(
        atPath: folder + "/s.trials/scripted/\(name)", withIntermediateDirectories: true)
    }
    try FileManager.default.createDirectory(atPath: folder + "/s.trials/other", withIntermediateDirectories: true)
    let result = try run("doctor", "s.trimtab")
    XCTAssertEqual(result.status, 4)
    for stranger in ["000099", "notes", "s.trials/other"] {
      XCTAssertTrue(result.output.contains(stranger), result.output)
    }
    XCTAssertFalse(result.output.contains("000003"), result.output)
  }

  func testAMethodThatThisVersionDoesNotKnowIsAProblem() throws {
    var spec = try ScriptedStudy.spec()
    spec.method.sampler.name = "oracle"
    let frame = FrameCodec(objectives: ["loss"]).encode([Event(time: 1, .studyCreated(specification: spec.json.text))])
    _ = try SQLiteStore(path: folder + "/o.trimtab", access: .createOrOpen).createOrOpenStudy(
      "scripted", firstFrame: frame)
    let result = try run("doctor", "o.trimtab")
    XCTAssertEqual(result.status, 4)
    XCTAssertTrue(result.output.contains("there is no sampler 'oracle'"), result.output)
    // Looking needs no method.
    XCTAssertEqual(try run("status", "o.trimtab").status, 0)
  }

  func testLookingChangesNothing() throws {
    func files() throws -> [String: Data] {
      var files: [String: Data] = [:]
      for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
        files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
      }
      return files
    }
    let before = try files()
    XCTAssertEqual(try run("doctor", "s.trimtab").status, 0)
    XCTAssertEqual(try files(), before)
  }

  func testACopyWithItsWriteAheadLogIsReadWhole() throws {
    // A writer that is still there keeps the newest events in the write-ahead log.
    let study = try ScriptedStudy()
    let log = try SQLiteStore(path: path, access: .open).log(ofStudy: "scripted")
    let codec = FrameCodec(objectives: ["loss"])
    let event = Event(time: study.state.latestTime + 1, .trialStarted(15, worker: 3))
    try log.append(from: 104) { _, _ in
    } decide: {
      (104, codec.encode([event]))
    }
    for ending in ["", "-wal"] {
      try FileManager.default.copyItem(atPath: path + ending, toPath: folder + "/copy.trimtab" + ending)
    }
    let before = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    let result = try run("doctor", "copy.trimtab")
    XCTAssertEqual(result.status, 0, result.output)
    XCTAssertTrue(result.output.contains("105 events"), result.output)
    XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder).sorted(), before)
  }

  // MARK: Replay

  func testProposalsThatTheMethodDoesNotMakeAreFound() throws {
    let result = try run("replay", "s.trimtab")
    XCTAssertEqual(result.status, 4)
    XCTAssertTrue(result.output.contains("PROBLEM: the method makes only 0 of"), result.output)
    XCTAssertTrue(result.output.contains("event 25: the log has"), result.output)
    XCTAssertTrue(result.output.contains("lead to the same state"), result.output)
  }

  func testAStudyThatWasTunedIsReplayedToTheSameStateWithEveryProposal() throws {
    for (sampler, scheduler, fidelity) in [
      ("grid", "full", ""), ("tpe", "full", ""),
      ("tpe", "asha", "fidelity: {name: epoch, max: 4}"),
      ("random", "{name: asha, finish: 3}", "fidelity: {name: epoch, max: 4}"),
    ] {
      try write(
        """
        study: r
        objective: {metric: loss, goal: minimize}
        \(fidelity)
        method: {sampler: \(sampler), scheduler: \(scheduler)}
        budget: {trials: 16}
        parallel: 3
        seed: 5
        command: [/bin/sh, trial.sh]
        space: {x: {type: integer, low: 1, high: 40}, y: {type: categorical, choices: [a, b]}}
        """, to: "r.yaml")
      try write(
        fidelity.isEmpty
          ? "echo \"{\\\"loss\\\": $TRIMTAB_PARAM_X}\" > \"$TRIMTAB_REPORT\"\n"
          : """
          e=$TRIMTAB_RESOURCE_FROM
          while [ $e -lt $TRIMTAB_RESOURCE ]; do
            e=$((e + 1)); echo "{\\"epoch\\": $e, \\"loss\\": $TRIMTAB_PARAM_X.$e}" >> "$TRIMTAB_REPORT"
          done

          """, to: "trial.sh")
      let tuned = try run("tune", "r.yaml", "--quiet")
      XCTAssertEqual(tuned.status, 0, tuned.error)
      let result = try run("replay", "r.yaml", "--json")
      XCTAssertEqual(result.status, 0, result.output)
      let document = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
      XCTAssertEqual(document?["faithful"] as? Bool, true)
      let certain = (document?["proposals"] as? [String: Any])?["certain"] as? [String: Int]
      XCTAssertGreaterThanOrEqual(certain?["count"] ?? 0, 10, "\(sampler) \(scheduler)")
      XCTAssertEqual(certain?["agreed"], certain?["count"])
      for name in ["r.trimtab", "r.trimtab-lock", "r.trials"] {
        try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
      }
    }
  }
}
