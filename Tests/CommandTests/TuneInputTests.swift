import Foundation
import XCTest

/// What is said about wrong input, word for word, and what the commands say of themselves.
final class TuneInputTests: TuneTestCase {
  private let fine = "echo '{\"loss\": 1}' > $TRIMTAB_REPORT"

  func testAStudyFileWithErrorsIsShownWithEveryPlace() throws {
    try write(
      """
      study: digits
      objective: {metric: loss, goal: minimise}
      fidelity: {name: epoch, min: 9, max: 3}
      method: {sampler: random, scheduler: full}
      budget: {trails: 60}
      command: [/bin/sh, "{learning_rte}"]
      space:
        learning_rate: {type: float, low: 1, high: 0.1, scale: log}
      """, to: "digits.yaml")
    try Snapshot.check(["tune", "digits.yaml"], in: folder, "tune-wrong-file")
    XCTAssertFalse(exists("digits.trimtab"), "nothing was made")
  }

  func testAStudyThatItsMethodCannotTakeIsShownAtItsPlace() throws {
    try write(
      """
      study: digits
      objective: {metric: loss, goal: minimize}
      method: {sampler: randm, scheduler: {name: asha, eta: 0}}
      budget: {trials: 60}
      command: [/bin/sh, trial.sh]
      space:
        learning_rate: {type: float, low: 0.1, high: 1, scale: log}
      """, to: "digits.yaml")
    try Snapshot.check(["tune", "digits.yaml"], in: folder, "tune-wrong-method")
    XCTAssertFalse(exists("digits.trimtab"), "nothing was made")
  }

  func testAMissingProgramIsFoundBeforeAnyTrial() throws {
    try write(
      """
      study: digits
      objective: {metric: loss, goal: minimize}
      method: {sampler: random, scheduler: full}
      budget: {trials: 60}
      command:
        - ./train
        - "{flags}"
      space:
        x: {type: float, low: 0, high: 1}
      """, to: "digits.yaml")
    try Snapshot.check(["tune", "digits.yaml"], in: folder, "tune-missing-program")
    try write("no program", to: "train")
    try Snapshot.check(["tune", "digits.yaml"], in: folder, "tune-program-not-executable")
  }

  func testAFileThatDiffersFromTheLogIsNotGuessedAbout() throws {
    try writeStudy("budget: {trials: 1}", script: fine)
    XCTAssertEqual(try run("tune", "study.yaml", "--quiet").status, 0)
    try writeStudy(
      "budget: {trials: 2}\nlimits: {time: 1m}",
      space: "x: {type: float, low: 0, high: 2}\n  \"a.b\": {type: boolean, default: true}", script: fine)
    try amendFile("sampler: random", to: "sampler: sobol")
    try amendFile("command: [/bin/sh, trial.sh]", to: "command: [/bin/sh, trial.sh, \"it's {x}\"]")
    let refused = try Snapshot.check(["tune", "study.yaml"], in: folder, "tune-differing-file")
    // The command that the message names does what it says.
    let command = try XCTUnwrap(refused.error.split(separator: "\n").last { $0.contains("trimtab amend") })
    try write(command.replacingOccurrences(of: "trimtab amend", with: "\(Program.path) amend"), to: "amend.sh")
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["amend.sh"]
    shell.currentDirectoryURL = URL(fileURLWithPath: folder)
    shell.standardOutput = FileHandle.nullDevice
    try shell.run()
    shell.waitUntilExit()
    XCTAssertEqual(shell.terminationStatus, 0)
    XCTAssertEqual(try tune().named("completed").count, 1)
  }

  func testAChangeThatARunningStudyCannotTakeIsRefused() throws {
    try writeStudy("budget: {trials: 1}", script: fine)
    XCTAssertEqual(try run("tune", "study.yaml", "--quiet").status, 0)
    try amendFile("metric: loss", to: "metric: error")
    try Snapshot.check(["tune", "study.yaml", "--amend"], in: folder, "tune-impossible-change")
  }

  func testFilesAndStoresThatCannotBeUsedAreNamed() throws {
    try writeStudy("budget: {trials: 1}", script: fine)
    try Snapshot.check(["tune", "nothing.yaml"], in: folder, "tune-no-file")
    try Snapshot.check(["tune", "nothing.trimtab"], in: folder, "tune-no-store")
    try Snapshot.check(["tune", "study.yaml", "--store", "trial.sh"], in: folder, "tune-not-a-store")
    try Snapshot.check(["tune", "study.yaml", "--store", "missing/study.trimtab"], in: folder, "tune-no-folder")
    try Snapshot.check(["tune", "study.yaml", "--study", "other"], in: folder, "tune-other-name")
    try Snapshot.check(["tune", "study.yaml", "--parallel", "0"], in: folder, "tune-no-parallel")
  }

  func testAFolderWithoutWritePermissionIsNamed() throws {
    guard getuid() != 0 else { throw XCTSkip("root may write everywhere") }
    try writeStudy("budget: {trials: 1}", script: fine)
    chmod(folder, 0o555)
    defer { chmod(folder, 0o755) }
    let result = try run("tune", "study.yaml")
    XCTAssertEqual(result.status, 1)
    XCTAssertTrue(result.error.contains("study.trimtab"), result.error)
  }

  func testATrialsFolderThatCannotBeMadeEndsTheStudy() throws {
    try writeStudy("budget: {trials: 1}", script: fine)
    try write("in the way", to: "study.trials")
    let result = try run("tune", "study.yaml")
    XCTAssertEqual(result.status, 1)
    XCTAssertTrue(result.error.contains("study.trials"), result.error)
    XCTAssertTrue(result.error.contains("cannot be written"), result.error)
  }

  func testReportsThatMakeNoSenseAreRefused() throws {
    try Snapshot.check(["report", "loss=1"], in: folder, "report-outside")
    try write("", to: "reports")
    let trial = ["TRIMTAB_REPORT": "reports", "TRIMTAB_FIDELITY": "epoch"]
    let wrong = [
      ["report"], ["report", "loss"], ["report", "loss=high", "--epoch", "1"], ["report", "loss=1"],
      ["report", "--epoch", "1"], ["report", "--epoch", "0", "loss=1"], ["report", "--epoc", "1", "loss=1"],
      ["report", "--epoch", "1", "--resource", "1", "loss=1"], ["report", "--epoch", "1", "loss=1", "loss=2"],
      ["report", "--reject", "a", "--fail", "b"], ["report", "--reject", "a", "loss=1"], ["report", "--epoch"],
    ]
    var text = ""
    for arguments in wrong {
      text += try Program.run(arguments, in: folder, environment: trial).transcript(arguments)
    }
    try Snapshot.check(text, "report-refused")
    XCTAssertEqual(lines(of: "reports"), [])
    XCTAssertEqual(try run("report", "--epoch", "2", "loss=inf", "a b=-1e-3", environment: trial).status, 0)
    XCTAssertEqual(try run("report", "--reject", "a \"b\"", environment: trial).status, 0)
    XCTAssertEqual(lines(of: "reports"), [#"{"epoch":2,"loss":"inf","a b":-0.001}"#, #"{"reject":"a \"b\""}"#])
  }

  func testAReportToATunerThatHasGoneFailsAtOnce() throws {
    XCTAssertEqual(mkfifo("\(folder)/fifo", 0o600), 0)
    try Snapshot.check(["report", "loss=1"], in: folder, "report-no-tuner", environment: ["TRIMTAB_REPORT": "fifo"])
  }

  func testValuesThatCannotBeEnqueuedAreNamed() throws {
    try writeStudy(
      "budget: {trials: 1}",
      space: "x: {type: float, low: 0, high: 1}\n  kind: {type: categorical, choices: [sgd, adam]}", script: fine)
    var text = ""
    for arguments in [
      ["x=2"], ["y=1"], ["x"], ["kind=adm"], ["x=high"], ["x=0.1", "x=0.2"], ["--json", "{\"x\": [1]}"],
      ["--json", "[1]"], ["--json", "{"], [],
    ] {
      let arguments = ["enqueue", "study.yaml"] + arguments
      text += try Program.run(arguments, in: folder).transcript(arguments)
    }
    try Snapshot.check(text, "enqueue-refused")
  }

  func testAmendmentsThatMakeNoSenseAreRefused() throws {
    try writeStudy("budget: {trials: 1}", script: fine)
    try Snapshot.check(["amend", "study.yaml", "--set", "budget.trials=2"], in: folder, "amend-no-study")
    XCTAssertEqual(try run("tune", "study.yaml", "--quiet").status, 0)
    var text = ""
    for change in ["budget.trails=2", "budget.trials=many", "space.x.type=integer", "nothing", "method.sampler=rndom"] {
      let arguments = ["amend", "study.yaml", "--set", change]
      text += try Program.run(arguments, in: folder).transcript(arguments)
    }
    try Snapshot.check(text, "amend-refused")
  }

  func testTheCommandsDescribeThemselves() throws {
    var text = ""
    for command in ["init", "tune", "watch", "report", "enqueue", "amend", "methods"] {
      let arguments = [command, "--help"]
      text += try Program.run(arguments, in: folder, environment: ["COLUMNS": "80"]).transcript(arguments) + "\n"
    }
    try Snapshot.check(text, "help-tuning")
    XCTAssertEqual(try run("methods", "nothing").status, 3)
    let method = try run("methods", "random")
    XCTAssertTrue(method.output.contains("Bergstra"), method.output)
    let all = try JSONSerialization.jsonObject(with: Data(try run("methods", "--json").output.utf8)) as? [[String: Any]]
    XCTAssertTrue(all?.contains { $0["name"] as? String == "random" } ?? false)
  }
}
