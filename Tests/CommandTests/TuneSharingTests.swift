import Foundation
import XCTest

/// Several processes at one study, and people who change it meanwhile.
final class TuneSharingTests: TuneTestCase {
  func testTwoTunersShareOneBudget() throws {
    try writeStudy(
      "budget: {trials: 12}\nparallel: 2",
      script: "sleep 0.1; echo $TRIMTAB_TRIAL >> runs; echo '{\"loss\": 1}' > $TRIMTAB_REPORT")
    let tuners = [try start("tune", "study.yaml", "--json"), try start("tune", "study.yaml", "--json")]
    XCTAssertEqual(tuners.map { $0.status() }, [0, 0], tuners.map(\.error).joined())
    let outputs = try tuners.map { try events($0.output) }
    XCTAssertEqual(lines(of: "runs").compactMap { Int($0) }.sorted(), Array(0..<12))
    for output in outputs {
      XCTAssertFalse(output.named("completed").isEmpty, "each has its share")
      XCTAssertEqual(Set(output.named("completed").map(\.trial)), Set(output.named("started").map(\.trial)))
    }
    XCTAssertEqual(outputs.flatMap { $0.named("completed") }.map(\.trial).sorted(), Array(0..<12))
  }

  func testTrialsLimitsThisProcessAndNotTheStudy() throws {
    try writeStudy("budget: {trials: 5}", script: "echo '{\"loss\": 1}' > $TRIMTAB_REPORT")
    let first = try tune("--trials", "2")
    XCTAssertEqual(first.named("completed").map(\.trial), [0, 1])
    XCTAssertEqual(first.last?.text("reason"), "2 trials have been run, as asked for")
    XCTAssertEqual(try tune().named("completed").map(\.trial), [2, 3, 4])
  }

  func testEnqueuedConfigurationsComeFirstEvenBeforeTheStudyWasBegun() throws {
    try writeStudy("budget: {trials: 3}", script: "echo '{\"loss\": 1}' > $TRIMTAB_REPORT")
    XCTAssertEqual(
      try run("enqueue", "study.yaml", "x=0.5").output,
      "study small created in study.trimtab\ntrial 0 is in the queue: x=0.5\n")
    let answer = try run("enqueue", "study.yaml", "--json", "{\"x\": 0.25}")
    XCTAssertEqual(answer.output, "{\"trial\":1,\"config\":{\"x\":0.25}}\n")
    XCTAssertEqual(try tune().named("started").prefix(2).map { $0.config["x"] as? Double }, [0.5, 0.25])
  }

  func testAnAmendedStudyGoesOnAndTheFileIsComparedWithTheLog() throws {
    try writeStudy("budget: {trials: 1}", script: "echo '{\"loss\": 1}' > $TRIMTAB_REPORT")
    _ = try tune()
    let amended = try run("amend", "study.yaml", "--set", "budget.trials=2", "--set", "space.x.high=0.5")
    XCTAssertEqual(amended.output, "budget.trials: 1 → 2\nspace.x.high: 1 → 0.5\n")
    let json = try run("amend", "study.yaml", "--set", "budget.trials=3", "--json")
    XCTAssertEqual(json.output, "{\"changes\":[{\"key\":\"budget.trials\",\"old\":2,\"new\":3}]}\n")
    XCTAssertEqual(try run("tune", "study.yaml").status, 2)
    // The file's word is taken over on request.
    let events = try tune("--amend")
    XCTAssertEqual(events.named("started").count, 0)
    try amendFile("trials: 1", to: "trials: 2")
    XCTAssertEqual(try tune("--amend").named("completed").count, 1)
    XCTAssertEqual(try tune().map(\.name), ["study", "finished"], "and is not asked for again")
  }

  func testARunningTunerTakesUpAnAmendment() throws {
    try writeStudy(
      "budget: {trials: 2}", script: "echo on >> runs; sleep 0.5; echo '{\"loss\": 1}' > $TRIMTAB_REPORT")
    let tuner = try start("tune", "study.yaml", "--json")
    try wait(for: "the first trial") { lines(of: "runs").count == 1 }
    XCTAssertEqual(try run("amend", "study.yaml", "--set", "budget.trials=4").status, 0)
    XCTAssertEqual(tuner.status(), 0)
    XCTAssertEqual(try events(tuner.output).named("completed").count, 4)
  }
}
