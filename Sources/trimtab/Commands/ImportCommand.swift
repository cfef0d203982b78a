import ArgumentParser
import Trimtab
import TrimtabInterchange

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Make a study of trials that another tool has run.",
    discussion: """
      The result is an ordinary study in a store, which can be looked at and tuned further. What cannot be taken over as \
      it stands is said. A study is written in one transaction: an import that fails leaves nothing behind.
      """,
    subcommands: [ImportOptunaCommand.self, ImportCSVCommand.self, ImportMLflowCommand.self])
}

struct ImportOptunaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "optuna", abstract: "Import a study of Optuna 3.0 to 5.0.",
    discussion: """
      The storage is an SQLite database (a path, or sqlite:///path) or a journal file:

        trimtab import optuna sqlite:///study.db --study digits
        trimtab import optuna digits.journal -- ./train "{flags}"
      """)

  @Argument(help: "The storage: sqlite:///PATH, or the path of a database or journal.")
  var url: String

  @Option(name: .customLong("study"), help: "The study's name in the storage, if it holds several.")
  var studyName: String?

  @OptionGroup var options: ImportOptions

  func run() throws {
    try reporting { try options.finish(try OptunaFile(reading: url).study(studyName)) }
  }
}

struct ImportCSVCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "csv", abstract: "Import a table with one trial on each line.",
    discussion: """
      The first line names the columns. Columns that are not named by an option are parameters, and their types and ranges \
      are guessed from the values and printed; --param says them instead, in the form of a study file:

        trimtab import csv runs.csv --objective loss:minimize --metric accuracy --ignore date \\
          --param 'lr={type: float, low: 1e-5, high: 1, scale: log}'
      """)

  @Argument(help: "The file.")
  var file: String

  @OptionGroup var table: TableOptions

  @Option(help: ArgumentHelp("A column with another number to keep.", valueName: "column"))
  var metric: [String] = []

  @Option(
    help: ArgumentHelp(
      "The column that says how trials ended: completed, stopped, failed, running or waiting.", valueName: "column"))
  var state: String?

  @Option(help: "What stands between fields.")
  var separator = ","

  @OptionGroup var options: ImportOptions

  func validate() throws {
    if separator != "\\t", separator.count != 1 { throw ValidationError("a separator is one character, or \\t") }
  }

  func run() throws {
    try reporting {
      var columns = CSVStudy.Columns(objectives: try table.objectives())
      columns.metrics = metric
      columns.ignored = table.ignore
      columns.state = state
      columns.parameters = table.param
      columns.separator = separator == "\\t" ? "\t" : separator.first ?? ","
      try options.finish(try CSVStudy.read(file, name: StudyLocation.stem(of: file), columns: columns))
    }
  }
}

struct ImportMLflowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mlflow", abstract: "Import an experiment's runs from MLflow's folder or SQLite database.",
    discussion: """
      MLflow keeps parameters as texts, so their types and ranges are guessed from the values and printed; --param says \
      them instead, in the form of a study file:

        trimtab import mlflow mlruns --experiment digits --objective val_loss:minimize
        trimtab import mlflow sqlite:///mlflow.db --objective loss:minimize --ignore data_path
      """)

  @Argument(help: "The folder mlruns, or the database's path; also as file:///… or sqlite:///….")
  var uri: String

  @Option(help: "The experiment's name or number, if there are several.")
  var experiment: String?

  @OptionGroup var table: TableOptions

  @OptionGroup var options: ImportOptions

  func run() throws {
    try reporting {
      let study = try MLflowFile(uri).study(
        experiment: experiment, objectives: try table.objectives(), ignored: table.ignore, parameters: table.param)
      try options.finish(study)
    }
  }
}

/// What is said of columns that are only texts.
struct TableOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What is optimised, and which values are better; several times for several objectives.",
      valueName: "name:minimize|maximize"))
  var objective: [String] = []

  @Option(help: ArgumentHelp("What is no parameter.", valueName: "name"))
  var ignore: [String] = []

  @Option(help: ArgumentHelp("A parameter's type and range, as in a study file.", valueName: "name={type: …}"))
  var param: [String] = []

  func objectives() throws -> [Objective] { try objective.map { try ObjectiveText.parse($0) } }
}

/// What all importers are told in the same way.
struct ImportOptions: ParsableArguments {
  @Option(name: .customLong("store"), help: "The store to put the study in; NAME.trimtab when left out.")
  var storePath: String?

  @Option(help: "The study's name; the source's when left out.")
  var name: String?

  @Flag(help: "Give no parameter a condition, even where some trials lack it and a rule says which.")
  var unconditional = false

  @Flag(help: "Say what would be imported, and write nothing.")
  var dryRun = false

  @Flag(help: "Print what was imported as JSON.")
  var json = false

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("After --, the command that further trials run, with templates.", valueName: "command"))
  var command: [String] = []

  /// Makes the study, and says what became of it.
  func finish(_ study: ForeignStudy) throws {
    var made = try StudyImport(
      study, options: .init(name: name, infersConditions: !unconditional, seed: newSeed()))
    if !command.isEmpty { made.spec.command = command }
    var remarks = made.remarks
    remarks += settleMethod(&made.spec)
    let (frames, state, more) = try made.frames(at: systemClock())
    remarks += more
    let path = storePath ?? "\(made.spec.name).trimtab"
    if !dryRun { try write(made.spec, frames, to: path) }
    report(state, path: path, remarks: remarks)
  }

  /// The study's method, or the next that can take the study.
  private func settleMethod(_ spec: inout StudySpec) -> [String] {
    let wanted = spec.method
    let full = PartSpec("full")
    let candidates = [
      wanted, MethodSpec(sampler: wanted.sampler, scheduler: full),
      MethodSpec(sampler: PartSpec("auto"), scheduler: full), MethodSpec(sampler: PartSpec("random"), scheduler: full),
    ]
    for method in candidates {
      spec.method = method
      guard Catalogue.check(spec).isEmpty else { continue }
      if method == wanted { return [] }
      spec.method = wanted
      let reason = Catalogue.check(spec).map(\.message).joined(separator: "; ")
      spec.method = method
      return ["the method is \(method.sampler.name) with \(method.scheduler.name): \(reason)"]
    }
    spec.method = wanted
    return []
  }

  /// A store that is made for the study goes again when the study cannot be written.
  private func write(_ spec: StudySpec, _ frames: [(position: Int, bytes: [UInt8])], to path: String) throws {
    _ = try Catalogue.makeMethod(spec)
    let isNew = !fileExists(path)
    do {
      let store = try SQLiteStore(path: path, access: .createOrOpen, durability: spec.durability)
      _ = try store.createStudy(spec.name, frames: frames)
    } catch {
      if isNew { removeFiles([path, path + "-wal", path + "-shm", path + "-lock"]) }
      if error.kind == .alreadyExists {
        throw CommandError(.failure, "\(error) (choose another name with --name, or another store with --store)")
      }
      throw error
    }
  }

  // MARK: What is said

  /// More than these would hide each other.
  private static let shownRemarks = 30

  private func report(_ state: StudyState, path: String, remarks: [String]) {
    let spec = state.spec
    let counts = TrialState.allCases.filter { state.count($0) > 0 }
    if json {
      print(
        JSONValue.members([
          "study": .string(spec.name), "store": dryRun ? .null : .string(path),
          "trials": .object(counts.map { .init($0.name, .integer(state.count($0))) }),
          "specification": spec.json, "remarks": .array(remarks.map { .string($0) }),
        ]).text)
      return
    }
    let list = counts.map { "\(state.count($0)) \($0.name)" }.joined(separator: ", ")
    print(
      dryRun
        ? "would import \(state.trials.count) trials as the study '\(spec.name)' (nothing was written): \(list)"
        : "imported \(state.trials.count) trials as the study '\(spec.name)' into \(path): \(list)")
    for objective in spec.objectives { print("\(objective.goal.rawValue) \(objective.metric)") }
    for parameter in spec.space.parameters { print("  \(parameter.name): \(parameter.json.text)") }
    for remark in remarks.prefix(Self.shownRemarks) { print("note: \(remark)") }
    if remarks.count > Self.shownRemarks {
      print("note: and \(remarks.count - Self.shownRemarks) more; --json prints them all")
    }
    guard !dryRun else { return }
    if spec.command.isEmpty {
      print(
        "then:  trimtab amend \(shellWord(path)) --set 'command=[./train, \"{flags}\"]' --set budget.trials=\(state.trials.count + 50)"
      )
    } else if spec.budget == Budget() {
      print("then:  trimtab amend \(shellWord(path)) --set budget.trials=\(state.trials.count + 50)")
    }
    print("       trimtab tune \(shellWord(path))")
  }
}
