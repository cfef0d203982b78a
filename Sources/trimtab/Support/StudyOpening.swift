import Trimtab

extension StudyArguments {
  /// The arguments as they stand in a command line that names the same study.
  var reference: String {
    var words = [shellWord(study)]
    if let storePath { words += ["--store", shellWord(storePath)] }
    if let studyName { words += ["--study", shellWord(studyName)] }
    return words.joined(separator: " ")
  }

  /// Opens the study to write to it. A study file's study is created when there is none yet.
  ///
  /// Of a study that exists, the log counts.
  /// - Throws: `Diagnostics` when the study's method cannot take it, `StoreError`, `CommandError`.
  func openSession() throws -> (session: Session, location: StudyLocation, isNew: Bool) {
    let location = try locate()
    if let file = location.file, let studyName, studyName != file.spec.name {
      throw CommandError(
        .badInput,
        "\(study) is the study '\(file.spec.name)', not '\(studyName)' (leave --study out, or name the store)")
    }
    let (session, isNew) = try location.openSession()
    return (session, location, isNew)
  }

  /// A study that has begun is what its log says. Changes in the file are taken over only when that is asked for.
  func settleDifferences(_ session: Session, _ file: StudyFile, amend: Bool) throws {
    let present = session.state.spec
    var wanted = file.spec
    if wanted.seed == nil { wanted.seed = present.seed }
    let differences = SpecDifference.list(from: present, to: wanted)
    guard !differences.isEmpty else { return }
    let list = differences.map { "  \($0.line("→"))" }.joined(separator: "\n")
    do {
      try wanted.checkSucceeds(present)
    } catch {
      throw CommandError(
        .badInput,
        """
        \(study) differs from the study as it was begun:
        \(list)
        \(error)
        Undo the change in the file, or give the file another study: name to begin a new study.
        """)
    }
    guard amend else {
      let changes = differences.map { "--set \(shellWord($0.change))" }.joined(separator: " ")
      throw CommandError(
        .badInput,
        """
        \(study) differs from the study as it was begun, and the study's log counts:
        \(list)
        To take the changes over, run this command with --amend, or:
          trimtab amend \(reference) \(changes)
        """)
    }
    try session.amend { _ in wanted }
  }
}

extension StudyLocation {
  /// Opens the study to write to it, and creates it from its file when there is none yet.
  func openSession() throws -> (session: Session, isNew: Bool) {
    guard let file else { return (try Session.open(try openLog(.open)), false) }
    try file.checkMethod()
    return try Session.openOrCreate(file.spec, in: .file(storePath), folder: folder)
  }
}

extension StudyFile {
  /// Checks the study against its method.
  /// - Throws: `Diagnostics` with every problem at its place in the file.
  func checkMethod() throws(Diagnostics) {
    var found = Diagnostics(source: source)
    for problem in Catalogue.check(spec) {
      for diagnostic in diagnostics(problem.message, at: problem.path, hint: problem.hint).list {
        found.add(diagnostic)
      }
    }
    try found.throwIfAny()
  }
}
