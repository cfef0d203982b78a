import ArgumentParser
import Trimtab

struct TuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune", abstract: "Run a study's trials until its budget is spent.",
    discussion: """
      The study is created, or goes on where it was: everything is in its store, beside the study file. Several \
      processes may tune one study at the same time.

      Ctrl-C lets the running trials finish; pressed again, it stops them with their checkpoints; pressed a third time, \
      it ends them at once. The same command goes on later.
      """)

  @OptionGroup var study: StudyArguments

  @Option(help: "Trials at a time, instead of the study file's number.")
  var parallel: Int?

  @Option(help: "Begin at most this many trials here, then end. The study's budget stays as it is.")
  var trials: Int?

  @Flag(help: "Take over the changes in the study file, where they are possible in a study that has begun.")
  var amend = false

  @Flag(help: "Print each event as a JSON object on a line.")
  var json = false

  @Flag(help: "Print nothing but errors and warnings.")
  var quiet = false

  func validate() throws {
    if let parallel, !(1...10_000).contains(parallel) {
      throw ValidationError("--parallel must be between 1 and 10000, not \(parallel)")
    }
    if let trials, trials < 1 { throw ValidationError("--trials must be at least 1, not \(trials)") }
    if json, quiet { throw ValidationError("--json and --quiet exclude each other") }
  }

  func run() throws {
    try reporting {
      let (session, location, isNew) = try study.openSession()
      if let file = location.file, !isNew { try study.settleDifferences(session, file, amend: amend) }
      let spec = session.state.spec
      guard !spec.command.isEmpty else {
        throw CommandError(
          .badInput, "\(study.study): the study has no command to run (add command: [program, \"{flags}\"])")
      }
      let environment = ThisProgram.trialEnvironment()
      try checkProgram(spec, location, environment)
      try tune(session, location, environment, isNew: isNew)
    }
  }

  private func tune(
    _ session: Session, _ location: StudyLocation, _ environment: [(name: String, value: String)], isNew: Bool
  ) throws {
    let spec = session.state.spec
    let trialsFolder = location.trialsFolder(ofStudy: spec.name)
    var settings = TunerSettings(
      parallel: parallel ?? spec.parallel, workingDirectory: location.folder,
      trialsFolder: absolutePath(trialsFolder), executable: ThisProgram.restartPath,
      guardArguments: [GuardCommand.name], environment: environment)
    settings.maximumTrials = trials
    let signals = try InterruptSignals()
    let view = makeView(session)
    view.begin(
      isNew: isNew, store: location.storePath, parallel: settings.parallel, budget: Shown.budget(spec.budget))
    var reason = "by request"
    var wasInterrupted = false
    do {
      let tuner = try Tuner(
        session: session, settings: settings,
        onEvent: { event in if case .notice(let text) = event { view.notice(text) } },
        onIdle: { tuner in
          for _ in 0..<signals.newRequests() { tuner.interrupt() }
          if view.isClosed, !tuner.isInterrupted {
            tuner.interrupt()
            tuner.interrupt()
          }
          view.update(interruptions: tuner.interruptions)
        })
      switch try tuner.run() {
      case .finished(let text): reason = text
      case .interrupted: wasInterrupted = true
      }
    } catch {
      view.close()
      throw error
    }
    view.end(
      StudySummary(
        state: session.state, reason: reason, wasInterrupted: wasInterrupted, reference: study.reference,
        trialsFolder: trialsFolder))
    if wasInterrupted { throw ExitCode(ExitStatus.interrupted.rawValue) }
  }

  private func makeView(_ session: Session) -> any TuneView {
    if json { return JSONView(session, ownOnly: true) }
    if quiet { return QuietView() }
    let terminal = Terminal.standardOutput()
    return terminal.isLive ? LiveView(session, terminal) : LineView(session, ownOnly: true)
  }

  // MARK: Before the start

  /// Looks for the command's program now, rather than with every trial.
  private func checkProgram(
    _ spec: StudySpec, _ location: StudyLocation, _ environment: [(name: String, value: String)]
  ) throws {
    // A program that a parameter chooses is known only with the configuration.
    guard let program = spec.command.first, !program.contains("{") else { return }
    let searchPath = spec.environment["PATH"] ?? environment.first { $0.name == "PATH" }?.value
    do {
      _ = try ProgramPath.resolve(program, searchPath: searchPath, workingDirectory: location.folder)
    } catch {
      guard let file = location.file else { throw CommandError(.failure, "\(error)") }
      let isList = file.position(of: ["command", "0"]) != nil
      throw file.diagnostics("\(error)", at: isList ? ["command", "0"] : ["command"])
    }
  }
}
