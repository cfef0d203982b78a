import TrimtabStudies

/// A storage of Optuna's: an SQLite database, or a journal file.
public struct OptunaFile {
  public enum Kind: Sendable, Equatable {
    case database
    case journal
  }

  public let path: String
  public let kind: Kind

  /// What the first bytes of every SQLite database are.
  private static let databaseHead = Array("SQLite format 3\0".utf8)

  /// Takes a storage as Optuna names it (`sqlite:///study.db`) or a file's path.
  /// - Throws: `InterchangeError` for a database of another kind, which has first to be copied into a file.
  public init(reading url: String) throws(InterchangeError) {
    path = try Self.path(of: url)
    guard FileBytes.kind(of: path) != nil else {
      throw InterchangeError(.notFound, at: path, "there is no such file")
    }
    let bytes = try FileBytes.read(path, atMost: Self.databaseHead.count)
    if bytes == Self.databaseHead {
      kind = .database
    } else if url.hasPrefix("sqlite:") || bytes.isEmpty {
      throw InterchangeError(at: path, bytes.isEmpty ? "the file is empty" : "this is no SQLite database")
    } else if bytes.first == UInt8(ascii: "{") {
      kind = .journal
    } else {
      throw InterchangeError(
        at: path, "this is neither an SQLite database nor an Optuna journal", hint: "is it the right file?")
    }
  }

  /// Takes a path to write to; its ending tells the kind.
  public init(writing url: String) throws(InterchangeError) {
    path = try Self.path(of: url)
    let ending = path.split(separator: "/").last.flatMap { $0.split(separator: ".").last }.map(String.init) ?? ""
    if url.hasPrefix("sqlite:") || ["db", "sqlite", "sqlite3"].contains(ending) {
      kind = .database
    } else if ["journal", "log", "jsonl"].contains(ending) {
      kind = .journal
    } else {
      throw InterchangeError(
        at: path, "the ending does not tell which of Optuna's storages is meant",
        hint: "end it with .db for an SQLite database, or .journal for a journal")
    }
  }

  private static func path(of url: String) throws(InterchangeError) -> String {
    for head in ["sqlite:///", "journal:///"] where url.hasPrefix(head) {
      let rest = String(url.dropFirst(head.count))
      return rest.prefix { $0 != "?" }.isEmpty ? rest : String(rest.prefix { $0 != "?" })
    }
    guard let colon = url.range(of: "://") else { return url }
    let scheme = String(url[..<colon.lowerBound])
    throw InterchangeError(
      at: scheme + "://…", "only SQLite files and journal files can be read",
      hint: "copy the study into one with Optuna: optuna.copy_study(from_study_name=NAME, from_storage=URL, "
        + "to_storage=\"sqlite:///study.db\")")
  }

  /// The study of a name, or the only one.
  /// - Throws: `InterchangeError` naming the studies there are, or the place of what cannot be read.
  public func study(_ name: String?) throws(InterchangeError) -> ForeignStudy {
    let study: OptunaStudy
    var remarks: [String] = []
    switch kind {
    case .database:
      let database = try OptunaDatabase(path: path)
      study = try database.study(try Self.choose(name, among: try database.names(), path))
    case .journal:
      let journal = try OptunaJournal(path: path)
      remarks = journal.remarks
      let chosen = try Self.choose(name, among: journal.studies.map(\.name), path)
      guard let found = journal.studies.first(where: { $0.name == chosen }) else {
        throw InterchangeError(.notFound, at: path, "there is no study '\(chosen)'")
      }
      study = found
    }
    var foreign = try study.foreign(source: path)
    foreign.remarks = remarks + foreign.remarks
    return foreign
  }

  private static func choose(_ name: String?, among names: [String], _ path: String) throws(InterchangeError) -> String
  {
    if let name {
      if names.contains(name) { return name }
      throw InterchangeError(
        .notFound, at: path, "there is no study '\(name)'",
        hint: names.isEmpty ? "there is none at all" : "there are: \(names.joined(separator: ", "))")
    }
    guard let only = names.first else { throw InterchangeError(.notFound, at: path, "there is no study in it") }
    guard names.count == 1 else {
      throw InterchangeError(
        .notFound, at: path, "there are several studies",
        hint: "choose one with --study: \(names.joined(separator: ", "))")
    }
    return only
  }
}

extension StringProtocol {
  /// Where a text stands for the first time; the standard library has this only in Foundation.
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
