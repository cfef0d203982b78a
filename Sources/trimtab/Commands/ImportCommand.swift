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
    subcommands: [ImportOptunaCommand.self])
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
      MethodSpec(sampler: PartSpec("tpe"), scheduler: full), MethodSpec(sampler: PartSpec("random"), scheduler: full),
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
