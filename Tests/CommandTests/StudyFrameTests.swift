import Trimtab
import XCTest

@testable import TrimtabCommand

/// The view of a study, line by line.
final class StudyFrameTests: XCTestCase {
  private func makeSession(parallel: Int = 1) throws -> Session {
    let space = try Space([.float("learning_rate", 0...1), .categorical("kind", ["plain", "日本語の値", "esc\u{1B}[2J"])])
    let spec = StudySpec(
      name: "small", space: space, objectives: [Objective(metric: "loss")],
      fidelity: Fidelity(name: "epoch", maximum: 9),
      method: MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full")), budget: Budget(trials: 10),
      parallel: parallel, seed: 1)
    return try Session.openOrCreate(spec, in: .memory).session
  }

  private func frame(_ session: Session, notices: [String] = [], usesUnicode: Bool = true) -> StudyFrame {
    let now = session.state.latestTime
    return StudyFrame(
      state: session.state, start: StudyProgress.Mark(session.state, now: now), now: now, notices: notices,
      footer: "Ctrl-C", usesUnicode: usesUnicode)
  }

  /// Completes trials with these values, and leaves `running` others at work.
  private func work(_ session: Session, values: [Double], running: Int = 0) throws {
    for value in values {
      guard case .run(let run) = try session.ask() else { return XCTFail("nothing to run") }
      try session.complete(run.trial, resource: 9, [MetricValue("loss", value)], seconds: 2)
    }
    for _ in 0..<running {
      guard case .run(let run) = try session.ask() else { return XCTFail("nothing to run") }
      _ = try session.report(run.trial, resource: 3, [MetricValue("loss", 0.123456789)])
    }
  }

  func testAStudyWithoutResultsSaysSo() throws {
    let lines = frame(try makeSession()).lines(columns: 80, rows: 24).map(\.text)
    XCTAssertEqual(lines[1].hasSuffix(" 0/10 trials"), true)
    XCTAssertEqual(Array(lines.dropFirst(2)), ["no trial yet", "no result yet", "no trial is running", "Ctrl-C"])
  }

  func testProgressTheBestTrialItsCurveAndTheRunningOnesAreShown() throws {
    let session = try makeSession()
    try work(session, values: [8, 4, 6, 1], running: 2)
    let lines = frame(session, notices: ["trial 9 failed\n    because"]).lines(columns: 80, rows: 24).map(\.text)
    XCTAssertTrue(lines[0].hasPrefix("small  random + full  elapsed "), lines[0])
    XCTAssertEqual(lines[1].filter { $0 == "━" }.count, 24, "4 of 10 on 60 columns")
    XCTAssertEqual(lines[2], "4 completed  2 running")
    XCTAssertEqual(lines[3], "best  trial 3  loss 1  epoch 9")
    XCTAssertEqual(lines[5], "      █▄▄▁▁▁", "from the first result to now, flat where nothing improved")
    XCTAssertTrue(lines[6].hasPrefix("#4  epoch 3/9  loss 0.12346  0s  learning_rate="), lines[6])
    XCTAssertEqual(lines[8], "! trial 9 failed because")
    XCTAssertEqual(lines[9], "Ctrl-C")
  }

  func testNoLineIsWiderThanTheWindowAndTheFrameLeavesARow() throws {
    let session = try makeSession()
    try work(session, values: [3, 2], running: 8)
    for columns in [1, 2, 5, 10, 20, 39, 40, 80, 200] {
      for rows in [2, 5, 12, 40] {
        let lines = frame(session, notices: ["a notice", "another"]).lines(columns: columns, rows: rows)
        for line in lines {
          XCTAssertLessThanOrEqual(line.fitted(to: columns, ellipsis: "…").width, columns)
        }
        if rows >= 12 { XCTAssertLessThanOrEqual(lines.count, rows - 1, "\(columns) × \(rows)") }
      }
    }
  }

  func testTrialsThatDoNotFitAreCounted() throws {
    let session = try makeSession()
    try work(session, values: [3], running: 8)
    let lines = frame(session).lines(columns: 80, rows: 10).map(\.text)
    XCTAssertEqual(lines.count, 9)
    XCTAssertEqual(lines[7], "and 6 more running")
  }

  func testNothingFromATrialCanControlTheTerminal() throws {
    let session = try makeSession()
    try work(session, values: Array(repeating: 1, count: 9), running: 1)
    let lines = frame(session, notices: ["bell \u{7} and \u{9B}31m"]).lines(columns: 300, rows: 40)
    let text = lines.map { $0.rendered(inColour: false) }.joined(separator: "\n")
    XCTAssertFalse(
      text.unicodeScalars.contains { $0 != "\n" && ($0.value < 0x20 || (0x7F...0x9F).contains($0.value)) }, text)
  }

  func testWithoutUnicodeTheFramesOwnMarksAreASCII() throws {
    let session = try makeSession()
    try work(session, values: [3, 1], running: 1)
    let lines = frame(session, usesUnicode: false).lines(columns: 80, rows: 24)
    XCTAssertTrue(lines[1].text.allSatisfy(\.isASCII), lines[1].text)
    XCTAssertTrue(lines[5].text.allSatisfy(\.isASCII), lines[5].text)
  }

  func testTextIsCutByTheColumnsThatATerminalGivesIt() {
    let text = StyledText("ab", .bold).appending("日本語cd")
    XCTAssertEqual(text.width, 10)
    XCTAssertEqual(text.fitted(to: 10, ellipsis: "…").text, "ab日本語cd")
    XCTAssertEqual(text.fitted(to: 8, ellipsis: "…").text, "ab日本…")
    XCTAssertEqual(text.fitted(to: 3, ellipsis: "…").text, "ab…")
    XCTAssertEqual(text.fitted(to: 1, ellipsis: "…").text, "…")
    XCTAssertEqual(text.fitted(to: 0, ellipsis: "…").text, "")
    XCTAssertEqual(columns(of: "e\u{301}"), 1)
    XCTAssertEqual(columns(of: "👍🏽"), 2)
    XCTAssertEqual(text.rendered(inColour: true), "\u{1B}[1mab\u{1B}[0m日本語cd")
  }

  func testTheTimeLeftFollowsFromTheRateOfThePresentRun() throws {
    let session = try makeSession()
    try work(session, values: [1, 1])
    let start = StudyProgress.Mark(session.state, now: session.state.latestTime)
    XCTAssertNil(StudyProgress(session.state, since: start, now: session.state.latestTime).left, "too little is known")
    var late = start
    late.done -= 3
    late.elapsed -= 6
    let progress = StudyProgress(session.state, since: late, now: session.state.latestTime)
    XCTAssertEqual(try XCTUnwrap(progress.left), 16, accuracy: 0.1, "8 trials at 2 s each")
    XCTAssertEqual(progress.share, 0.2)
    XCTAssertEqual(progress.label, "2/10 trials")
  }

  func testNumbersAndTimesAreShort() {
    XCTAssertEqual(
      [0.1, 3, 1e-7, 0.123456789, 1234567.5, -2e20, .nan, .infinity].map(Shown.number),
      [
        "0.1", "3", "1e-07", "0.12346", "1.2346e+06", "-2e+20", "nan", "inf",
      ])
    XCTAssertEqual(
      [0, 0.25, 12, 59.6, 185, 7400, 100_000, .infinity].map(Shown.duration),
      [
        "0s", "0.3s", "12s", "1m 00s", "3m 05s", "2h 03m", "1d 03h", "unknown",
      ])
  }

  func testWordsAreQuotedForTheShellOnlyWhereNeeded() {
    XCTAssertEqual(
      ["a/b.yaml", "x=1", "", "it's", "a b", "`x`"].map(shellWord),
      [
        "a/b.yaml", "x=1", "''", "'it'\\''s'", "'a b'", "'`x`'",
      ])
  }
}
