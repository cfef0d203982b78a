import ArgumentParser
import Trimtab

struct AskTellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ask-tell",
    abstract: "Let a program in any language run the trials: JSON lines on standard input and output.",
    discussion: """
      Each line is a request, and is answered by one line (docs/ask-tell.md):

        {"verb": "ask"}
        {"run": {"trial": 0, "attempt": 1, "config": {"x": 0.5}, "seed": 7}}
        {"verb": "complete", "trial": 0, "metrics": {"loss": 0.25}}
        {"state": "completed"}

      Without a study file, the first request opens a study that is kept in memory: {"verb": "open", "study": {…}}. At the \
      end of the input, and on Ctrl-C, trials that still run are given back.
      """)

  @Argument(help: "A study file (.yaml, .yml or .json), or a store (.trimtab).")
  var study: String?

  @Option(name: .customLong("store"), help: "The store, if it is not beside the study file.")
  var storePath: String?

  @Option(name: .customLong("study"), help: "The study's name, if the store holds several.")
  var studyName: String?

  @Flag(help: "Begin the study anew in memory, and keep nothing of it.")
  var memory = false

  @Flag(help: "Take over the changes in the study file, where they are possible in a study that has begun.")
  var amend = false

  func validate() throws {
    if study == nil, memory || amend || storePath != nil || studyName != nil {
      throw ValidationError("name a study file; without one, the first request opens a study in memory")
    }
    if memory, amend || storePath != nil || studyName != nil {
      throw ValidationError("--memory goes without --store, --study and --amend")
    }
  }

  func run() throws {
    try reporting {
      var server = LineService(try makeService(), try InterruptSignals())
      switch try server.run() {
      case .endOfInput: break
      case .interrupted, .outputClosed: throw ExitCode(ExitStatus.interrupted.rawValue)
      }
    }
  }

  private func makeService() throws -> SessionService {
    guard let study else {
      return SessionService(version: programVersion) { try Session.openOrCreate($0, in: .memory).session }
    }
    if memory {
      let location = try StudyLocation(study)
      guard let file = location.file else {
        throw CommandError(.badInput, "\(study) is a store; --memory begins a study from its study file")
      }
      try file.checkMethod()
      let (session, _) = try Session.openOrCreate(file.spec, in: .memory, folder: location.folder)
      return SessionService(session: session, version: programVersion)
    }
    var words: [String] = []
    if let storePath { words += ["--store", storePath] }
    if let studyName { words += ["--study", studyName] }
    let arguments = try StudyArguments.parse(words + ["--", study])
    let (session, location, isNew) = try arguments.openSession()
    if let file = location.file, !isNew { try arguments.settleDifferences(session, file, amend: amend) }
    return SessionService(session: session, version: programVersion)
  }
}
