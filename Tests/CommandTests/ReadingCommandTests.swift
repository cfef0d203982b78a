import Foundation
import TrimtabTestSupport
import XCTest

/// The commands that only read, on a study with every kind of event.
final class ReadingCommandTests: CommandTestCase {
  override func setUpWithError() throws {
    try super.setUpWithError()
    try ScriptedStudy().write(to: folder + "/s.trimtab")
  }

  private func snapshot(_ arguments: [String], _ name: String) throws {
    try Snapshot.check(arguments, in: folder, name)
  }

  private func object(_ arguments: String...) throws -> Any {
    let result = try Program.run(arguments, in: folder)
    XCTAssertEqual(result.error, "")
    return try JSONSerialization.jsonObject(with: Data(result.output.utf8))
  }

  private func makeFolder(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: "\(folder)/\(path)", withIntermediateDirectories: true)
  }

  // MARK: Help

  func testTheHelpOfEachCommand() throws {
    for command in ["status", "trials", "best", "show", "log", "replay", "export", "doctor"] {
      try snapshot([command, "--help"], "help-\(command)")
    }
  }

  // MARK: Text

  func testStatus() throws { try snapshot(["status", "s.trimtab"], "status") }

  func testTrials() throws {
    try snapshot(["trials", "s.trimtab"], "trials")
    try snapshot(["trials", "s.trimtab", "--sort", "value", "--limit", "3"], "trials-by-value")
    try snapshot(
      ["trials", "s.trimtab", "--state", "failed", "--columns", "trial,failure,runs,loss,accuracy,cost,optimizer"],
      "trials-failed")
    try snapshot(
      ["trials", "s.trimtab", "--sort", "cost", "--limit", "2", "--columns", "trial,cost"], "trials-by-cost")
  }

  func testBest() throws {
    try snapshot(["best", "s.trimtab"], "best")
    try snapshot(["best", "s.trimtab", "--top", "3"], "best-top")
    try snapshot(["best", "s.trimtab", "--command"], "best-command")
    try snapshot(["best", "s.trimtab", "--yaml", "--top", "2"], "best-yaml")
  }

  func testShowSaysWhyATrialWasProposedAndThatARandomMethodHasNoModel() throws {
    let enqueued = try Program.run(["show", "s.trimtab", "0", "--why"], in: folder)
    let why = try Program.run(["show", "s.trimtab", "4", "--why"], in: folder)
    XCTAssertTrue(
      [enqueued, why].contains { $0.status == 0 && $0.output.contains("trials with a value") },
      enqueued.error + why.error)
    let model = try Program.run(["show", "s.trimtab", "--model"], in: folder)
    XCTAssertEqual(model.status, 3)
    XCTAssertTrue(model.error.contains("no model to show"), model.error)
    let neither = try Program.run(["show", "s.trimtab"], in: folder)
    XCTAssertTrue(neither.error.contains("give a trial's number, or --model"), neither.error)
  }

  func testShow() throws {
    try makeFolder("s.trials/scripted/000004/checkpoint")
    try write("line one\nline two\n", to: "s.trials/scripted/000004/output.log")
    try write("weights", to: "s.trials/scripted/000004/checkpoint/model")
    try snapshot(["show", "s.trimtab", "3"], "show-resumed")
    try snapshot(["show", "s.trimtab", "4"], "show-failed")
    try snapshot(["show", "s.trimtab", "4", "--log"], "show-log")
    try snapshot(["show", "s.trimtab", "15"], "show-waiting")
  }

  func testLog() throws {
    try snapshot(["log", "s.trimtab"], "log")
    try snapshot(["log", "s.trimtab", "--trial", "10", "--from", "-40"], "log-trial")
  }

  func testReplay() throws {
    // The script's proposals are nobody's method's.
    try snapshot(["replay", "s.trimtab", "--no-verify", "--every", "25"], "replay")
    try snapshot(["replay", "s.trimtab", "--to", "9", "--each"], "replay-start")
  }

  func testExport() throws {
    try snapshot(["export", "s.trimtab"], "export")
    try snapshot(["export", "s.trimtab", "--curves", "--format", "jsonl"], "export-curves")
  }

  func testDoctor() throws { try snapshot(["doctor", "s.trimtab"], "doctor") }

  // MARK: JSON

  func testJSON() throws {
    try snapshot(["status", "s.trimtab", "--json"], "json-status")
    try snapshot(["best", "s.trimtab", "--json", "--top", "2"], "json-best")
    try snapshot(["show", "s.trimtab", "9", "--json"], "json-show")
    try snapshot(["trials", "s.trimtab", "--json", "--state", "paused"], "json-trials")
    try snapshot(["log", "s.trimtab", "--json", "--from", "70"], "json-log")
    try snapshot(["replay", "s.trimtab", "--json", "--to", "4"], "json-replay")
    try snapshot(["doctor", "s.trimtab", "--json"], "json-doctor")
  }

  func testAllJSONIsRead() throws {
    XCTAssertNotNil(try object("status", "s.trimtab", "--json") as? [String: Any])
    XCTAssertEqual((try object("trials", "s.trimtab", "--json") as? [Any])?.count, 16)
    for arguments in [["log", "s.trimtab", "--json"], ["export", "s.trimtab", "--format", "jsonl"]] {
      for line in try Program.run(arguments, in: folder).output.split(separator: "\n") {
        XCTAssertNoThrow(try JSONSerialization.jsonObject(with: Data(line.utf8)), "\(line)")
      }
    }
  }

  // MARK: Errors

  func testErrors() throws {
    try snapshot(["status", "none.trimtab"], "error-no-store")
    try snapshot(["status", "none.yaml"], "error-no-file")
    try snapshot(["status", "s.trimtab", "--study", "other"], "error-no-study")
    try snapshot(["show", "s.trimtab", "99"], "error-no-trial")
    try snapshot(["show", "s.trimtab", "0", "--log"], "error-no-output")
    try snapshot(["log", "s.trimtab", "--trial", "99"], "error-log-no-trial")
    try snapshot(["trials", "s.trimtab", "--columns", "trial,optimiser"], "error-no-column")
    try snapshot(["trials", "s.trimtab", "--state", "done"], "error-no-state")
    try snapshot(["export", "s.trimtab", "--output", "none/out.csv"], "error-no-folder")
    try write(
      "some text, and more of it than a header would take: " + String(repeating: "x", count: 200), to: "text.trimtab")
    try snapshot(["doctor", "text.trimtab"], "error-doctor-text")
  }

  func testNothingYetIsToldByTheExitCode() throws {
    try write(
      """
      study: empty
      objective: {metric: loss, goal: minimize}
      method: {sampler: random, scheduler: full}
      space: {x: {type: float, low: 0, high: 1}}
      """, to: "empty.yaml")
    XCTAssertEqual(try run("enqueue", "empty.yaml", "x=0.5").status, 0)
    try snapshot(["best", "empty.yaml"], "best-nothing")
    XCTAssertEqual(try run("status", "empty.yaml").status, 0)
    XCTAssertEqual(try run("trials", "empty.yaml", "--state", "completed").output, "")
  }

  // MARK: Several studies, several objectives

  func testAStoreOfSeveralStudies() throws {
    try ScriptedStudy(name: "second").write(to: folder + "/s.trimtab")
    try snapshot(["status", "s.trimtab"], "status-several")
    XCTAssertEqual(try run("status", "s.trimtab", "--study", "second").status, 0)
    let result = try run("best", "s.trimtab")
    XCTAssertEqual(result.status, 3)
    XCTAssertTrue(result.error.contains("choose one with --study: scripted, second"), result.error)
  }

  func testSeveralObjectivesGiveAParetoFront() throws {
    try write(
      """
      study: two
      objectives: [{metric: loss, goal: minimize}, {metric: acc, goal: maximize}]
      method: {sampler: grid, scheduler: full}
      command: [/bin/sh, trial.sh]
      space: {x: {type: integer, low: 1, high: 4}}
      """, to: "two.yaml")
    // 1: (1, 1), 2: (2, 4), 3: (3, 3), 4: (4, 4): the second is as good as the fourth at less loss.
    try write(
      """
      set -- 0 1 4 3 4
      x=$TRIMTAB_PARAM_X; shift $x
      echo "{\\"loss\\": $x, \\"acc\\": $1}" > "$TRIMTAB_REPORT"
      """, to: "trial.sh")
    let tuned = try run("tune", "two.yaml", "--quiet")
    XCTAssertEqual(tuned.status, 0, tuned.error)
    let document = try XCTUnwrap(object("best", "two.yaml", "--json") as? [String: Any])
    XCTAssertEqual(document["is_pareto_front"] as? Bool, true)
    let front = try XCTUnwrap(document["best"] as? [[String: Any]])
    XCTAssertEqual(front.map { ($0["config"] as? [String: Int])?["x"] }, [1, 2])
    XCTAssertEqual(try run("best", "two.yaml").output.split(separator: "\n").count, 3)
    XCTAssertEqual(try run("best", "two.yaml", "--top", "1", "--command").output, "/bin/sh trial.sh\n")
  }

  // MARK: Following

  func testAFollowedLogTellsWhatIsAdded() throws {
    try write(
      """
      study: followed
      objective: {metric: loss, goal: minimize}
      method: {sampler: random, scheduler: full}
      space: {x: {type: float, low: 0, high: 1}}
      """, to: "f.yaml")
    XCTAssertEqual(try run("enqueue", "f.yaml", "x=0.5").status, 0)
    let follower = try BackgroundProgram(["log", "f.yaml", "--follow", "--json"], in: folder)
    defer { follower.process.terminate() }
    func waitForLines(_ count: Int) {
      let end = Date().addingTimeInterval(20)
      while follower.output.split(separator: "\n").count < count, Date() < end { usleep(5000) }
      XCTAssertEqual(follower.output.split(separator: "\n").count, count, follower.error)
    }
    waitForLines(2)
    XCTAssertEqual(try run("enqueue", "f.yaml", "x=0.75").status, 0)
    waitForLines(3)
    XCTAssertTrue(follower.output.contains("0.75"))
  }
}
