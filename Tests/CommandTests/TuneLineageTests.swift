import Foundation
import XCTest

/// Trials that learn from the checkpoints of others.
final class TuneLineageTests: TuneTestCase {
  private func run(_ arguments: String...) throws -> CommandResult { try Program.run(arguments, in: folder) }

  private func write(trials: Int, script: String) throws {
    try writeStudy("budget: {trials: \(trials)}\nparallel: 2", script: script)
    let text = try String(contentsOfFile: folder + "/study.yaml", encoding: .utf8)
    try write(
      text.replacingOccurrences(
        of: "sampler: random", with: "sampler: {name: boss, warmup: 4, top: 3, sampler: random}"),
      to: "study.yaml")
  }

  func testATrialFindsTheCheckpointsOfTheTwoTrialsItLearnsFrom() throws {
    try write(
      trials: 12,
      script: """
        echo "$TRIMTAB_TRIAL" > "$TRIMTAB_CHECKPOINT/model"
        if [ -n "$TRIMTAB_TEACHER_CHECKPOINT" ]; then
          echo "$TRIMTAB_TRIAL $(cat "$TRIMTAB_STUDENT_CHECKPOINT/model") $(cat "$TRIMTAB_TEACHER_CHECKPOINT/model")" >> learned
        else
          echo "$TRIMTAB_TRIAL ${TRIMTAB_STUDENT_CHECKPOINT-none}" >> ordinary
        fi
        echo "{\\"loss\\": $TRIMTAB_PARAM_X}" > "$TRIMTAB_REPORT"
        """)
    setenv("TRIMTAB_STUDENT_CHECKPOINT", "/somebody/elses", 1)
    defer { unsetenv("TRIMTAB_STUDENT_CHECKPOINT") }
    let events = try tune()
    XCTAssertEqual(events.named("completed").count, 12)
    XCTAssertEqual(lines(of: "ordinary").count, 4)
    XCTAssertTrue(lines(of: "ordinary").allSatisfy { $0.hasSuffix(" none") }, "\(lines(of: "ordinary"))")
    let learned = lines(of: "learned").map { $0.split(separator: " ").compactMap { Int($0) } }
    XCTAssertEqual(learned.count, 8)
    for numbers in learned {
      guard numbers.count == 3 else { return XCTFail("\(numbers)") }
      XCTAssertEqual(Set(numbers).count, 3, "its own model is a third")
      let shown = try run("show", "study.yaml", "\(numbers[0])")
      XCTAssertTrue(shown.output.contains("from trial \(numbers[1])'s checkpoint"), shown.output)
      XCTAssertTrue(shown.output.contains("trial \(numbers[2])'s checkpoint"), shown.output)
      let json = try run("show", "study.yaml", "\(numbers[0])", "--json").output
      XCTAssertTrue(json.contains("\"student\": \(numbers[1])"), json)
      XCTAssertTrue(json.contains("\"teacher\": \(numbers[2])"), json)
    }
    let why = try run("show", "study.yaml", "11", "--why")
    XCTAssertTrue(why.output.contains("is taught by trial"), why.output)
    let replay = try run("replay", "study.yaml")
    XCTAssertEqual(replay.status, 0, replay.output + replay.error)
  }

  func testATrialWhoseTeacherSavedNothingFailsAndSaysWhy() throws {
    try write(trials: 6, script: #"echo "{\"loss\": $TRIMTAB_PARAM_X}" > "$TRIMTAB_REPORT""#)
    let failures = try tune().named("failed")
    XCTAssertEqual(Set(failures.map(\.trial)), [4, 5])
    XCTAssertTrue(
      failures.allSatisfy { $0.text("message")?.contains("has to save its model in TRIMTAB_CHECKPOINT") == true },
      "\(failures)")
  }
}
