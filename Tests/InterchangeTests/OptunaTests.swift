import Foundation
import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabInterchange

/// Storages that Optuna 5.0.0 wrote, and those that must be refused.
final class OptunaTests: InterchangeTestCase {
  /// What the fixtures hold, whichever storage wrote them.
  private func check(_ study: ForeignStudy) throws {
    let (state, remarks) = try state(of: study)
    let spec = state.spec
    XCTAssertEqual(spec.name, "single")
    XCTAssertEqual(spec.objectives, [Objective(metric: "value", goal: .maximize)])
    XCTAssertEqual(
      spec.space.json.text,
      """
      {"lr":{"type":"float","low":1e-05,"high":0.1,"scale":"log"},"layers":{"type":"integer","low":1,"high":4},\
      "drop":{"type":"float","low":0,"high":0.5,"step":0.1},\
      "opt":{"type":"categorical","choices":["sgd","adam","None"]},\
      "momentum":{"type":"float","low":0,"high":0.99,"when":"opt == \\"sgd\\""}}
      """)
    XCTAssertEqual(spec.fidelity.map(\.maximum), 3)
    XCTAssertEqual(spec.method.scheduler.name, "asha")
    XCTAssertEqual(state.trials.count, 14)
    XCTAssertEqual(state.count(.completed), 8)
    XCTAssertEqual(state.trials[4].stopReason, .method)
    XCTAssertEqual(state.curves[4]?.resources, [1, 2])
    XCTAssertEqual(state.trials[6].failure, .crash)
    // An infinite objective is no result here; NaN is a failure in Optuna, too.
    XCTAssertEqual(state.trials[7].failure, .invalidValue)
    XCTAssertEqual(state.trials[7].value, .infinity)
    XCTAssertEqual(state.trials[8].failure, .crash)
    XCTAssertEqual(state.curves[3]?.values.map(\.isNaN), [false, true, false])
    XCTAssertEqual(state.trials[12].failure, .lost)
    XCTAssertEqual(state.trials[13].state, .waiting)
    XCTAssertEqual(
      spec.space.json(of: state.history.configuration(13)).text,
      #"{"lr":0.02,"layers":3,"drop":0.3,"opt":"adam"}"#)
    XCTAssertEqual(state.notes[0]?["note"], "\"trial ü\"")
    XCTAssertEqual(state.studyNotes["owner"], "\"ann\"")
    XCTAssertEqual(state.invariantViolations(), [])
    for part in [
      "null is the text 'None'", "exactly those with opt == \"sgd\"", "steps begin at 0", "trial 13 waits with 2 of 5",
    ] {
      XCTAssertTrue(remarks.contains { $0.contains(part) }, "\(part): \(remarks)")
    }
    for trial in state.trials where trial.state == .completed {
      XCTAssertGreaterThan(trial.startedAt, 1_795_000_000_000)
      XCTAssertGreaterThanOrEqual(trial.endedAt, trial.startedAt)
    }
  }

  func testADatabaseBecomesAStudy() throws {
    let path = try optunaDatabase()
    try check(try OptunaFile(reading: path).study("single"))
    try check(try OptunaFile(reading: "sqlite:///" + path).study("single"))
  }

  func testAJournalBecomesTheSameStudy() throws {
    try check(try OptunaFile(reading: "\(Self.fixtures)/optuna-5.0.0.journal").study("single"))
  }

  func testSeveralObjectivesKeepTheirNamesAndDirections() throws {
    let (state, _) = try state(of: try OptunaFile(reading: optunaDatabase()).study("multi"))
    XCTAssertEqual(
      state.spec.objectives, [Objective(metric: "loss"), Objective(metric: "acc", goal: .maximize)])
    XCTAssertEqual(state.trials.indices.map { state.objectiveValues($0)?.count }, [2, 2, 2, 2])
  }

  func testEachStudyOfAStorageHasToBeChosen() throws {
    let file = try OptunaFile(reading: optunaDatabase())
    error(.notFound, contains: "--study: single, multi") { _ = try file.study(nil) }
    error(.notFound, contains: "no study 'none'", "single, multi") { _ = try file.study("none") }
  }

  // MARK: The way there and back

  private func written(_ reading: StudyReading, _ name: String) throws -> ForeignStudy {
    let file = try OptunaFile(writing: "\(folder)/\(name)")
    try OptunaExport(reading).write(to: file)
    return try OptunaFile(reading: file.path).study(nil)
  }

  private func reading(_ frames: [(position: Int, bytes: [UInt8])]) throws -> StudyReading {
    let log = MemoryLog()
    for (position, bytes) in frames {
      try log.append(from: position) { _, _ in
      } decide: {
        (position, bytes)
      }
    }
    return try StudyReading(log)
  }

  func testAStudyOfEveryKindOfTrialAndParameterComesBackAsItWas() throws {
    let scripted = try ScriptedStudy()
    let old = scripted.state
    for name in ["study.db", "study.journal"] {
      let (state, _) = try state(of: try written(try reading(scripted.frames()), name))
      XCTAssertEqual(state.spec.space.json.text, old.spec.space.json.text)
      XCTAssertEqual(state.spec.space.constraintsJSON.text, old.spec.space.constraintsJSON.text)
      XCTAssertEqual(state.spec.fidelity, old.spec.fidelity)
      XCTAssertEqual(state.spec.objectives, old.spec.objectives)
      XCTAssertEqual(state.spec.method, old.spec.method)
      XCTAssertEqual(state.trials.count, old.trials.count)
      for i in old.trials.indices {
        XCTAssertEqual(state.history.configuration(i), old.history.configuration(i), "trial \(i)")
        XCTAssertEqual(state.curves[i]?.resources, old.curves[i]?.resources, "trial \(i)")
        XCTAssertEqual(
          state.curves[i]?.values.map(\.bitPattern), old.curves[i]?.values.map(\.bitPattern), "trial \(i)")
        switch old.trials[i].state {
        case .paused: XCTAssertEqual(state.trials[i].state, .stopped)
        case .running: XCTAssertEqual(state.trials[i].failure, .lost)
        case .failed: XCTAssertEqual(state.trials[i].failure, old.trials[i].failure, "trial \(i)")
        default: XCTAssertEqual(state.trials[i].state, old.trials[i].state, "trial \(i)")
        }
        XCTAssertEqual(
          state.trials[i].value.bitPattern, old.trials[i].value.bitPattern, "trial \(i)")
      }
      XCTAssertEqual(state.incumbent, old.incumbent)
    }
  }

  func testWhatCameFromOptunaGoesBackWithItsStepsAndChoices() throws {
    let source = try OptunaDatabase(path: optunaDatabase()).study("single")
    let made = try StudyImport(try source.foreign(source: "x"), options: .init(seed: 1))
    let export = try OptunaExport(try reading(try made.frames(at: 0).frames))
    XCTAssertEqual(export.study.trials.count, source.trials.count)
    for (new, old) in zip(export.study.trials, source.trials) where old.state != .running && old.state != .waiting {
      XCTAssertEqual(new.state, old.state, "trial \(old.number)")
      XCTAssertEqual(new.values, old.values)
      XCTAssertEqual(new.intermediate.map(\.step), old.intermediate.map(\.step))
      XCTAssertEqual(new.intermediate.map(\.value.bitPattern), old.intermediate.map(\.value.bitPattern))
      XCTAssertEqual(new.parameters.map(\.number), old.parameters.map(\.number))
      XCTAssertEqual(new.parameters.map(\.distribution.text), old.parameters.map(\.distribution.text))
      XCTAssertEqual(new.started, old.started)
      XCTAssertEqual(new.completed, old.completed)
      let attributes = new.userAttributes.filter { !TrimtabMarks.isOwn($0.key) }
      XCTAssertEqual(attributes, old.userAttributes)
    }
  }

  func testAFileThatExistsIsNotWrittenOver() throws {
    let path = try write("mine", to: "study.db")
    error(.failure, contains: "exists") {
      try OptunaExport(reading(ScriptedStudy().frames())).write(to: OptunaFile(writing: path))
    }
    XCTAssertEqual(try String(contentsOfFile: path, encoding: .utf8), "mine")
    error(.badInput, contains: ".journal") { _ = try OptunaFile(writing: "study.txt") }
  }

  // MARK: Distributions

  func testDeprecatedDistributionsAreRead() throws {
    func domain(_ name: String, _ attributes: String) throws -> String {
      let text = #"{"name": "\#(name)", "attributes": {\#(attributes)}}"#
      return SpaceUnion.text(try OptunaDistribution(text, at: "x").domain(at: "x").domain)
    }
    XCTAssertEqual(
      try domain("UniformDistribution", #""low": 0, "high": 1.5"#), #"{"type":"float","low":0,"high":1.5}"#)
    XCTAssertEqual(
      try domain("LogUniformDistribution", #""low": 0.1, "high": 1"#),
      #"{"type":"float","low":0.1,"high":1,"scale":"log"}"#)
    XCTAssertEqual(
      try domain("DiscreteUniformDistribution", #""low": 0, "high": 1, "q": 0.3"#),
      #"{"type":"float","low":0,"high":0.8999999999999999,"step":0.3}"#)
    XCTAssertEqual(
      try domain("IntUniformDistribution", #""low": 1, "high": 9, "step": 2"#),
      #"{"type":"integer","low":1,"high":9,"step":2}"#)
    XCTAssertEqual(
      try domain("IntLogUniformDistribution", #""low": 1, "high": 64"#),
      #"{"type":"integer","low":1,"high":64,"scale":"log"}"#)
    error(.badInput, contains: "'BetaDistribution'") { _ = try domain("BetaDistribution", "") }
    error(.damaged, contains: "no number 'high'") { _ = try domain("FloatDistribution", #""low": 0"#) }
  }

  func testChoicesThatWouldReadTheSameStayApart() {
    let (own, remark) = OptunaDistribution.choices([.integer(1), .string("1"), .null, .string("None"), .array([])])
    XCTAssertEqual(own, [.integer(1), .text("\"1\""), .text("None"), .text("\"None\""), .text("[]")])
    XCTAssertEqual(remark?.contains("null is the text 'None'"), true)
  }

  // MARK: Bad input

  func testAnOlderOrLaterSchemaIsRefused() throws {
    for version in ["v2.6.0.a", "v9.0.0.a"] {
      let path = try optunaDatabase("\(version).db", change: "UPDATE alembic_version SET version_num = '\(version)'")
      error(.badInput, contains: version, "optuna storage upgrade") {
        _ = try OptunaFile(reading: path).study("single")
      }
    }
    let path = try optunaDatabase("none.db", change: "DROP TABLE alembic_version")
    error(.badInput, contains: "does not say which schema") { _ = try OptunaFile(reading: path).study("single") }
  }

  func testATruncatedDatabaseIsCalledDamaged() throws {
    let path = try optunaDatabase()
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    for share in [0.3, 0.6, 0.9] {
      let cut = "\(folder)/cut.db"
      try data.prefix(Int(Double(data.count) * share)).write(to: URL(fileURLWithPath: cut))
      error(.damaged, contains: "cut.db", "damaged") { _ = try OptunaFile(reading: cut).study("single") }
    }
  }

  func testOtherFilesAndDatabasesAreRefused() throws {
    let text = try write("hello", to: "hello.txt")
    error(.badInput, contains: "neither") { _ = try OptunaFile(reading: text) }
    error(.badInput, contains: "no SQLite database") { _ = try OptunaFile(reading: "sqlite:///" + text) }
    error(.badInput, contains: "empty") { _ = try OptunaFile(reading: try write("", to: "empty")) }
    error(.notFound, contains: "no such file") { _ = try OptunaFile(reading: folder + "/none.db") }
    error(.badInput, contains: "optuna.copy_study") { _ = try OptunaFile(reading: "mysql://user:secret@host/db") }
    XCTAssertThrowsError(try OptunaFile(reading: "mysql://user:secret@host/db")) {
      XCTAssertFalse("\($0)".contains("secret"))
    }
    try ScriptedStudy().write(to: folder + "/s.trimtab")
    error(.badInput, contains: "a Trimtab store already") {
      _ = try OptunaFile(reading: folder + "/s.trimtab").study(nil)
    }
  }

  func testValuesThatMakeNoSenseAreNamedByTrial() throws {
    let cases = [
      ("UPDATE trial_params SET param_value = 7 WHERE param_name = 'opt' AND trial_id = 1", "choice number 7"),
      ("UPDATE trial_params SET param_value = 1.5 WHERE param_name = 'layers' AND trial_id = 1", "no whole number"),
      ("UPDATE trial_params SET param_value = NULL WHERE trial_id = 1", "no value"),
      ("UPDATE trial_params SET distribution_json = '{' WHERE trial_id = 1", "cannot be read"),
      ("UPDATE trials SET state = 'ODD' WHERE trial_id = 1", "'ODD'"),
      ("UPDATE trials SET datetime_start = 'noon' WHERE trial_id = 1", "'noon' is no time"),
      ("UPDATE trials SET number = 99 WHERE trial_id = 1", "stands where"),
    ]
    for (i, (change, part)) in cases.enumerated() {
      let path = try optunaDatabase("case\(i).db", change: change)
      error(.damaged, contains: "case\(i).db", part) { _ = try OptunaFile(reading: path).study("single") }
    }
  }

  func testAJournalIsReadUpToALineThatIsStillWritten() throws {
    let whole = try String(contentsOfFile: "\(Self.fixtures)/optuna-5.0.0.journal", encoding: .utf8)
    let cut = try write(String(whole.dropLast(20)), to: "cut.journal")
    let study = try OptunaFile(reading: cut).study("multi")
    XCTAssertTrue(study.remarks.contains { $0.contains("not complete") }, "\(study.remarks)")
    XCTAssertEqual(study.trials.last?.outcome, .running)
  }

  func testALineOfAJournalThatCannotBeReadIsNamed() throws {
    let whole = try String(contentsOfFile: "\(Self.fixtures)/optuna-5.0.0.journal", encoding: .utf8)
    var lines = whole.split(separator: "\n").map(String.init)
    lines[4] = "{\"op_code\": 5"
    let broken = try write(lines.joined(separator: "\n"), to: "broken.journal")
    error(.damaged, contains: "broken.journal:5") { _ = try OptunaFile(reading: broken).study("single") }
    lines[4] = #"{"op_code": 42, "worker_id": "w"}"#
    let later = try write(lines.joined(separator: "\n"), to: "later.journal")
    error(.damaged, contains: "later.journal:5", "operation 42") { _ = try OptunaFile(reading: later).study("single") }
  }

  func testAStudyThatWasDeletedIsNotThere() throws {
    var text = try String(contentsOfFile: "\(Self.fixtures)/optuna-5.0.0.journal", encoding: .utf8)
    text += #"{"op_code": 1, "worker_id": "w", "study_id": 0}"# + "\n"
    let path = try write(text, to: "deleted.journal")
    XCTAssertEqual(try OptunaFile(reading: path).study(nil).name, "multi")
  }
}
