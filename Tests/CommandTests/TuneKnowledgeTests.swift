import Foundation
import XCTest

/// Studies that learn from earlier ones, and studies that stop when they know enough.
final class TuneKnowledgeTests: TuneTestCase {
  private static let script = #"echo "{\"loss\": $TRIMTAB_PARAM_X}" > "$TRIMTAB_REPORT""#

  private func run(_ arguments: String...) throws -> CommandResult { try Program.run(arguments, in: folder) }

  private func writeEarlier() throws {
    try writeStudy("budget: {trials: 12}", script: Self.script)
    XCTAssertEqual(try run("tune", "study.yaml", "--quiet").status, 0)
    try FileManager.default.moveItem(atPath: folder + "/study.trimtab", toPath: folder + "/old.trimtab")
  }

  func testANewStudyBeginsWithTheBestOfAnEarlierOneWhichMayThenBeDeleted() throws {
    try writeEarlier()
    try writeStudy(
      "budget: {trials: 4}\ntransfer: {from: [old.trimtab], start: 2}",
      space: "x: {type: float, low: 0, high: 0.5}\n  y: {type: integer, low: 1, high: 9, default: 3}",
      script: Self.script)
    let events = try tune("--trials", "1")
    XCTAssertEqual(events.named("completed").count, 1)
    try FileManager.default.removeItem(atPath: folder + "/old.trimtab")
    _ = try tune()
    let status = try run("status", "study.yaml")
    XCTAssertTrue(status.output.contains("learns from"), status.output)
    let log = try run("log", "study.yaml").output
    XCTAssertTrue(log.contains(" of small"), log)
    XCTAssertTrue(log.contains("x has a value that it cannot have here"), log)
    XCTAssertTrue(log.contains("its trials count as having y=3, the default"), log)
    let trials = try run("trials", "study.yaml", "--json").output
    XCTAssertEqual(trials.components(separatedBy: "\"earlier\"").count, 3, trials)
    let replay = try run("replay", "study.yaml")
    XCTAssertEqual(replay.status, 0, replay.output + replay.error)
  }

  func testATableIsLearnedFromAsItsStoreIs() throws {
    try writeEarlier()
    XCTAssertEqual(try run("export", "old.trimtab", "--format", "jsonl", "--output", "old.jsonl").status, 0)
    var best: [String] = []
    for source in ["old.trimtab", "old.jsonl"] {
      try writeStudy("budget: {trials: 1}\ntransfer: {from: [\(source)]}", script: Self.script)
      _ = try tune()
      let status = try run("status", "study.yaml", "--json").output
      XCTAssertTrue(status.contains("\"trials\": 12"), status)
      best.append(try run("best", "study.yaml").output)
      try FileManager.default.removeItem(atPath: folder + "/study.trimtab")
    }
    XCTAssertEqual(best[0], best[1])
  }

  func testAnEarlierStudyThatCannotBeUsedIsSaidAndNothingIsBegun() throws {
    try writeStudy("budget: {trials: 4}\ntransfer: {from: [old.trimtab]}", script: Self.script)
    let missing = try run("tune", "study.yaml")
    XCTAssertEqual(missing.status, 3, missing.error)
    XCTAssertTrue(missing.error.contains("old.trimtab: there is no such store"), missing.error)
    try write("{\"state\": \"completed\", \"metric.error\": 1, \"param.x\": 0.5}\n", to: "old.jsonl")
    try writeStudy("budget: {trials: 4}\ntransfer: {from: [old.jsonl]}", script: Self.script)
    let other = try run("tune", "study.yaml")
    XCTAssertEqual(other.status, 2, other.error)
    XCTAssertTrue(other.error.contains("old.jsonl, line 1: the line has no member 'metric.loss'"), other.error)
    XCTAssertFalse(exists("study.trimtab"))
  }

  func testAStudyStopsWhenItKnowsEnoughAndGoesOnWhenItIsAmended() throws {
    try writeStudy(
      "budget: {trials: 60}\nstop-when: {stagnation: 4}", script: #"echo '{"loss": 1}' > "$TRIMTAB_REPORT""#)
    let events = try tune()
    XCTAssertEqual(events.named("completed").count, 5)
    XCTAssertEqual(events.named("study_stopped").first?.text("reason"), "the last 4 trials brought no improvement")
    XCTAssertEqual(events.last?.text("reason"), "the last 4 trials brought no improvement")
    let status = try run("status", "study.yaml").output
    XCTAssertTrue(status.contains("stopped     the last 4 trials brought no improvement"), status)
    XCTAssertEqual(try tune().named("completed").count, 0)
    XCTAssertEqual(
      try run("amend", "study.yaml", "--set", "stop-when.stagnation=9", "--set", "budget.trials=20").status, 0)
    try writeStudy(
      "budget: {trials: 20}\nstop-when: {stagnation: 9}", script: #"echo '{"loss": 1}' > "$TRIMTAB_REPORT""#)
    XCTAssertEqual(try tune().named("completed").count, 5)
    XCTAssertEqual(try run("replay", "study.yaml").status, 0)
  }
}
