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
    guard let file = location.file else {
      let log = try location.openLog(.open)
      return (try Session.open(log), location, false)
    }
    guard studyName == nil || studyName == file.spec.name else {
      throw CommandError(
        .badInput,
        "\(study) is the study '\(file.spec.name)', not '\(studyName ?? "")' (leave --study out, or name the store)")
    }
    try file.checkMethod()
    let (session, isNew) = try Session.openOrCreate(file.spec, in: .file(location.storePath))
    return (session, location, isNew)
  }
}

extension StudyFile {
  /// Checks the study against its method.
  /// - Throws: `Diagnostics` with every problem at its place in the file.
  func checkMethod() throws(Diagnostics) {
    var found = Diagnostics(source: source)
    for problem in Catalogue.check(spec) {
      for diagnostic in diagnostics(problem.message, at: problem.path, hint: problem.hint).list { found.add(diagnostic) }
    }
    try found.throwIfAny()
  }
}
