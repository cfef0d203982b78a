import ArgumentParser
import Trimtab

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The arguments by which every command names its study.
struct StudyArguments: ParsableArguments {
  @Argument(help: "A study file (.yaml, .yml or .json), or a store (.trimtab).")
  var study: String

  @Option(name: .customLong("store"), help: "The store, if it is not beside the study file.")
  var storePath: String?

  @Option(name: .customLong("study"), help: "The study's name, if the store holds several.")
  var studyName: String?

  func locate() throws -> StudyLocation { try StudyLocation(study, storePath: storePath, studyName: studyName) }
}

/// Where a study's parts lie.
struct StudyLocation {
  /// The study file, when the argument was one.
  var file: StudyFile?
  /// The folder in which commands start: the study file's, or else the store's.
  var folder: String
  var storePath: String
  var studyName: String?

  /// `digits.yaml` has its store in `digits.trimtab` beside it.
  init(_ argument: String, storePath: String? = nil, studyName: String? = nil) throws {
    folder = Self.folder(of: argument)
    self.studyName = studyName
    guard Self.isStudyFile(argument) else {
      self.storePath = argument
      return
    }
    let text = try readText(argument)
    let stem = Self.stem(of: argument)
    let file = try StudyFile.parse(text, name: argument, defaultName: Self.name(from: stem))
    self.file = file
    self.studyName = studyName ?? file.spec.name
    self.storePath = storePath ?? "\(folder)/\(stem).trimtab"
  }

  static func isStudyFile(_ path: String) -> Bool { [".yaml", ".yml", ".json"].contains { path.hasSuffix($0) } }

  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func stem(of path: String) -> String {
    let name = path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    return name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
  }

  /// A file's name as the name of a study: other characters than a study may have become `_`.
  private static func name(from stem: String) -> String {
    let plain = String(stem.map { $0.isASCII && ($0.isLetter || $0.isNumber || "_-.".contains($0)) ? $0 : "_" })
    return plain.first.map { $0.isLetter || $0.isNumber || $0 == "_" } == true ? plain : "study"
  }

  /// Opens the store's log of this study to read it.
  func openLog(_ access: SQLiteStore.Access = .readOnly) throws -> SQLiteLog {
    let store = try SQLiteStore(path: storePath, access: access)
    return try store.log(ofStudy: try name(in: store))
  }

  /// The study's name: the one given, or the only one in the store.
  func name(in store: SQLiteStore) throws -> String {
    if let studyName { return studyName }
    let names = try store.studyNames()
    guard let only = names.first, names.count == 1 else {
      throw CommandError(
        .notFound,
        names.isEmpty
          ? "\(storePath): the store holds no study"
          : "\(storePath): the store holds several studies; choose one with --study: \(names.joined(separator: ", "))")
    }
    return only
  }

  /// The study's folded log, with its method, for reading.
  func fold(_ access: SQLiteStore.Access = .readOnly) throws -> LogFold {
    try LogFold(log: try openLog(access), makeMethod: { try Catalogue.makeMethod($0) })
  }

  /// The folder that holds a folder for each trial of a study.
  func trialsFolder(ofStudy name: String) -> String {
    let base = storePath.hasSuffix(".trimtab") ? String(storePath.dropLast(".trimtab".count)) : storePath
    return "\(base).trials/\(name)"
  }
}

/// Reads a text file.
/// - Throws: `CommandError` naming the file.
func readText(_ path: String) throws -> String {
  guard let data = FileManager.default.contents(atPath: path) else {
    throw CommandError(
      .notFound, "\(path): there is no such file, or it cannot be read (write one with 'trimtab init')")
  }
  guard let text = String(data: data, encoding: .utf8) else {
    throw CommandError(.badInput, "\(path): the file is not UTF-8 text (save it as UTF-8)")
  }
  return text
}

/// Writes a text file in place of what is there.
/// - Throws: `CommandError` naming the file.
func writeText(_ text: String, to path: String) throws {
  do {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
  } catch {
    throw CommandError(
      .failure, "\(path): the file cannot be written (does the folder exist, and may you write there?)")
  }
}
