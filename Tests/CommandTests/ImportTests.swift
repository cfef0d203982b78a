import CSQLite
import Foundation
import TrimtabTestSupport
import XCTest

/// Studies of other tools, taken over and given back by the program.
final class ImportTests: TuneTestCase {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "../InterchangeTests/Fixtures"
  ).standardized.path

  private func writeOptunaDatabase() throws {
    let text = try String(contentsOfFile: "\(Self.fixtures)/optuna-5.0.0.sql", encoding: .utf8)
    var database: OpaquePointer?
    XCTAssertEqual(sqlite3_open("\(folder)/optuna.db", &database), SQLITE_OK)
    defer { sqlite3_close(database) }
    XCTAssertEqual(sqlite3_exec(database, text, nil, nil, nil), SQLITE_OK)
  }

  private func files() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

  func testAnOptunaStudyIsTunedFurther() throws {
    try writeOptunaDatabase()
    try write("echo \"{\\\"step\\\": 3, \\\"value\\\": -$TRIMTAB_PARAM_LAYERS}\" > \"$TRIMTAB_REPORT\"", to: "trial.sh")
    let result = try run("import", "optuna", "optuna.db", "--study", "single", "--", "/bin/sh", "trial.sh")
    XCTAssertEqual(result.status, 0, result.error)
    XCTAssertTrue(
      result.output.hasPrefix("imported 14 trials as the study 'single' into single.trimtab: "), result.output)
    for part in [
      "1 waiting, 8 completed", "maximize value", "note: opt: of its choices", "trimtab tune single.trimtab",
    ] {
      XCTAssertTrue(result.output.contains(part), result.output)
    }
    XCTAssertEqual(try run("doctor", "single.trimtab").status, 0)
    XCTAssertEqual(try run("replay", "single.trimtab").status, 0)
    XCTAssertEqual(try run("amend", "single.trimtab", "--set", "budget.trials=18").status, 0)
    let tuned = try run("tune", "single.trimtab", "--json")
    XCTAssertEqual(tuned.status, 0, tuned.error)
    let finished = try events(tuned.output).named("finished")
    XCTAssertEqual((finished.first?.fields["trials"] as? [String: Any])?["completed"] as? Int, 13, tuned.output)
  }

  func testAnImportThatCannotBeDoneChangesNothing() throws {
    try writeOptunaDatabase()
    try write("text", to: "other.txt")
    let before = try files()
    for (arguments, status, part) in [
      (["optuna.db"], 3, "single, multi"), (["optuna.db", "--study", "x"], 3, "no study 'x'"),
      (["none.db"], 3, "no such file"), (["other.txt"], 2, "neither"), (["postgresql://h/db"], 2, "copy_study"),
      (["optuna.db", "--study", "single", "--name", "no name"], 2, "name of a study"),
      (["optuna.db", "--study", "single", "--", "./train", "{none}"], 2, "none"),
      (["optuna.db", "--study", "single", "--store", "other.txt"], 1, "not a trimtab store"),
      (["optuna.db", "--study", "single", "--store", "none/s.trimtab"], 1, "does the folder exist"),
    ] {
      let result = try Program.run(["import", "optuna"] + arguments, in: folder)
      XCTAssertEqual(result.status, Int32(status), "\(arguments): \(result.error)\(result.output)")
      XCTAssertTrue(result.error.contains(part), "\(arguments): \(result.error)")
      XCTAssertEqual(try files(), before, "\(arguments)")
    }
    XCTAssertEqual(try run("import", "optuna", "optuna.db", "--study", "single", "--dry-run").status, 0)
    XCTAssertEqual(try files(), before)
  }

  func testAStudyThatExistsIsNotTouched() throws {
    try writeOptunaDatabase()
    XCTAssertEqual(try run("import", "optuna", "optuna.db", "--study", "single", "--store", "all.trimtab").status, 0)
    let before = try run("log", "all.trimtab", "--json").output
    let again = try run("import", "optuna", "optuna.db", "--study", "single", "--store", "all.trimtab")
    XCTAssertEqual(again.status, 1)
    XCTAssertTrue(again.error.contains("holds a study 'single' already; nothing was changed"), again.error)
    XCTAssertEqual(try run("log", "all.trimtab", "--json").output, before)
    XCTAssertEqual(try run("import", "optuna", "optuna.db", "--study", "multi", "--store", "all.trimtab").status, 0)
    XCTAssertEqual(try run("status", "all.trimtab", "--study", "multi").status, 0)
  }

  func testAStudyIsExportedToOptunaAndComesBack() throws {
    try ScriptedStudy().write(to: folder + "/s.trimtab")
    for file in ["s.db", "s.journal"] {
      let export = try run("export", "s.trimtab", "--to", "optuna", file)
      XCTAssertEqual(export.status, 0, export.error)
      XCTAssertTrue(export.output.contains("optuna-dashboard"), export.output)
      XCTAssertEqual(try run("import", "optuna", file, "--store", "back.trimtab", "--name", "back").status, 0)
      let columns = { (text: String) in
        text.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false).suffix(8) }
      }
      XCTAssertEqual(
        columns(try run("export", "back.trimtab").output), columns(try run("export", "s.trimtab").output))
      try FileManager.default.removeItem(atPath: "\(folder)/back.trimtab")
    }
    XCTAssertEqual(try run("export", "s.trimtab", "--to", "optuna", "s.db").status, 1)
    XCTAssertEqual(try run("export", "s.trimtab", "--to", "optuna").status, 2)
    XCTAssertEqual(try run("export", "s.trimtab", "--to", "optuna", "x.db", "--curves").status, 64)
  }

  func testATableIsImportedAndItsGuessesAreSaid() throws {
    try write("lr,layers,loss\n0.1,1,0.5\n0.0001,3,\n0.01,2,0.25\n", to: "runs.csv")
    let result = try run("import", "csv", "runs.csv", "--objective", "loss:minimize")
    XCTAssertEqual(result.status, 0, result.error)
    for part in [
      "imported 3 trials as the study 'runs' into runs.trimtab: 2 completed, 1 failed",
      "lr: {\"type\":\"float\",\"low\":0.0001,\"high\":0.1,\"scale\":\"log\"}",
      "note: guessed from the values: type and range of lr, layers", "note: lr: its values span",
      "note: 1 line has no finite objective",
    ] {
      XCTAssertTrue(result.output.contains(part), result.output)
    }
    let bad = try run(
      "import", "csv", "runs.csv", "--objective", "lr:minimize", "--param", "layers={type: integer, low: x}")
    XCTAssertEqual(bad.status, 2)
    XCTAssertTrue(bad.error.contains("'x' is not a number"), bad.error)
  }

  func testOurOwnTableIsImported() throws {
    try ScriptedStudy().write(to: folder + "/s.trimtab")
    XCTAssertEqual(try run("export", "s.trimtab", "--output", "s.csv").status, 0)
    let result = try run("import", "csv", "s.csv", "--objective", "loss:minimize", "--name", "copy", "--json")
    XCTAssertEqual(result.status, 0, result.error)
    XCTAssertTrue(result.output.contains("the columns are those of 'trimtab export'"), result.output)
    XCTAssertEqual(try run("doctor", "copy.trimtab").status, 0)
  }

  func testAConfigSpaceBecomesAStudyFile() throws {
    let file = "\(Self.fixtures)/configspace-1.2.json"
    let result = try run("init", "--from-configspace", file, "--", "/bin/echo", "loss 1")
    XCTAssertEqual(result.status, 0, result.error)
    try amendFile("# output:", to: "output:")
    try amendFile("{trials: 50}", to: "{trials: 3}")
    XCTAssertEqual(try tune().named("completed").count, 3)
    try write("{\"hyperparameters\": [{\"type\": \"odd\", \"name\": \"x\"}]}", to: "odd.json")
    let odd = try run("init", "--from-configspace", "odd.json", "--output", "odd.yaml")
    XCTAssertEqual(odd.status, 2)
    XCTAssertTrue(odd.error.contains("odd.json: hyperparameter 'x'"), odd.error)
    XCTAssertFalse(exists("odd.yaml"))
  }
}

/// The real Optuna, where it is installed.
final class OptunaPackageTests: CommandTestCase {
  private func python(_ script: String) throws -> String {
    guard let peers = ProcessInfo.processInfo.environment["TRIMTAB_PEERS"] else {
      throw XCTSkip("Scripts/peers/setup.sh core installs Optuna; set TRIMTAB_PEERS to the peers' folder")
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "\(peers)/core/bin/python3")
    process.arguments = ["-W", "ignore", "-c", Self.head + script]
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }

  private static let head = """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    def storage(path):
        return "sqlite:///" + path if path.endswith(".db") else JournalStorage(JournalFileBackend(path))

    """

  func testOptunaReadsWhatItWroteAfterTheWayThereAndBack() throws {
    let made = try python(
      """
      def objective(trial):
          x = trial.suggest_float("x", -5, 5)
          n = trial.suggest_int("n", 1, 64, log=True)
          kind = trial.suggest_categorical("kind", ["a", None, 3])
          if kind == "a":
              trial.suggest_float("step", 0, 1, step=0.25)
          trial.set_user_attr("note", {"ü": [1, None]})
          if trial.number == 5:
              raise ValueError
          if trial.number == 6:
              return float("-inf")
          for step in range(3):
              trial.report(x * x + 2 - step, step)
              if trial.number % 4 == 3 and step == 1:
                  raise optuna.TrialPruned()
          return x * x
      memory = optuna.storages.InMemoryStorage()
      study = optuna.create_study(storage=memory, study_name="s", sampler=optuna.samplers.RandomSampler(seed=3))
      study.set_user_attr("owner", "ann")
      study.optimize(objective, n_trials=12, catch=(ValueError,))
      for path in ("a.db", "a.journal"):
          optuna.copy_study(from_study_name="s", from_storage=memory, to_storage=storage(path))
      print("made")
      """)
    XCTAssertEqual(made, "made\n")
    for ending in ["db", "journal"] {
      XCTAssertEqual(try run("import", "optuna", "a.\(ending)", "--store", "\(ending).trimtab").status, 0)
      XCTAssertEqual(try run("export", "\(ending).trimtab", "--to", "optuna", "b.\(ending)").status, 0)
    }
    try ScriptedStudy().write(to: folder + "/s.trimtab")
    XCTAssertEqual(try run("export", "s.trimtab", "--to", "optuna", "c.db").status, 0)
    XCTAssertEqual(try run("export", "s.trimtab", "--to", "optuna", "c.journal").status, 0)
    let read = try python(
      """
      for ending in ("db", "journal"):
          old = optuna.load_study(storage=storage("a." + ending), study_name="s")
          new = optuna.load_study(storage=storage("b." + ending), study_name="s")
          assert new.directions == old.directions and new.user_attrs == old.user_attrs
          assert len(new.trials) == len(old.trials) == 12
          for a, b in zip(old.trials, new.trials):
              assert (a.state, a.params, a.distributions) == (b.state, b.params, b.distributions), (a, b)
              assert (a.values, a.intermediate_values) == (b.values, b.intermediate_values), (a, b)
              assert a.user_attrs == {k: v for k, v in b.user_attrs.items() if not k.startswith("trimtab:")}
              assert abs((a.datetime_start - b.datetime_start).total_seconds()) < 0.002
              assert abs((a.datetime_complete - b.datetime_complete).total_seconds()) < 0.002
          new.sampler = optuna.samplers.TPESampler(seed=1, n_startup_trials=2)
          new.optimize(lambda t: t.suggest_float("x", -5, 5), n_trials=1)
          assert len(new.trials) == 13 and new.best_value <= old.best_value
          own = optuna.load_study(storage=storage("c." + ending), study_name=None if ending == "db" else "scripted")
          assert own.metric_names == ["loss"] and len(own.trials) == 16
          assert own.trials[3].intermediate_values[9] == own.trials[3].value
      print("read")
      """)
    XCTAssertEqual(read, "read\n")
  }
}
