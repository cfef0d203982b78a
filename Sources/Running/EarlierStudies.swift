import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads the studies that a new one learns from.
public enum EarlierStudies {
  /// All of them, in the order of the specification.
  /// - Parameter folder: where relative paths start.
  /// - Throws: `StoreError` when one cannot be read; `SpaceError` when nothing can be learned from one.
  public static func read(for spec: StudySpec, folder: String) throws -> [EarlierStudy] {
    try spec.transfer?.sources.map { source in
      let path = source.path.hasPrefix("/") ? source.path : "\(folder)/\(source.path)"
      if path.hasSuffix(".jsonl") {
        guard source.study == nil else {
          throw SpaceError(
            "\(source.path) is a table of one study", at: "transfer", hint: "leave out study: \(source.study ?? "")")
        }
        return try EarlierTable(path).map(name: source.path, into: spec)
      }
      return try store(path, source, spec)
    } ?? []
  }

  private static func store(_ path: String, _ source: Transfer.Source, _ spec: StudySpec) throws -> EarlierStudy {
    let file = try SQLiteStore(path: path, access: .readOnly)
    let names = try file.studyNames()
    guard let name = source.study ?? (names.count == 1 ? names[0] : nil) else {
      throw SpaceError(
        names.isEmpty ? "\(source.path) holds no study" : "\(source.path) holds several studies", at: "transfer",
        hint: names.isEmpty
          ? nil : "write {store: \(source.path), study: …} with one of \(names.joined(separator: ", "))")
    }
    let state = try LogFold.state(of: try file.log(ofStudy: name))
    return try EarlierStudyMapping.map(state, name: name, into: spec)
  }
}

/// A table that `trimtab export --format jsonl` wrote: a trial on each line.
private struct EarlierTable {
  private static let maximumBytes = 1 << 30

  private let path: String
  private let bytes: [UInt8]

  init(_ path: String) throws {
    self.path = path
    guard let file = fopen(path, "re") else {
      throw StoreError(
        errno == ENOENT ? .notFound : .cannotOpen, "\(path): cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { break }
      bytes.append(contentsOf: buffer[..<count])
      guard bytes.count <= Self.maximumBytes else {
        throw StoreError(.cannotOpen, "\(path): the table is larger than \(Self.maximumBytes >> 30) GiB")
      }
    }
    guard ferror(file) == 0 else { throw StoreError(.cannotOpen, "\(path): cannot be read to its end") }
    self.bytes = bytes
  }

  func map(name: String, into spec: StudySpec) throws -> EarlierStudy {
    var mapping = EarlierStudyMapping(name: name, into: spec)
    let column = "metric.\(spec.objectives[0].metric)"
    var number = 0
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
      guard let text = String(validating: line, as: UTF8.self), let row = try? JSONValue.parse(text),
        case .object(let members) = row
      else { throw wrong(number, "is no JSON object") }
      guard let cell = row[column] else {
        throw wrong(number, "has no member '\(column)', the objective of the study that is to learn from it")
      }
      if case .string(let state)? = row["state"], state != TrialState.completed.name {
        mapping.leaveOut("\(state), and not complete")
        continue
      }
      guard let value = cell.double else {
        mapping.leaveOut("the objective is no finite number")
        continue
      }
      let (values, known) = Self.parameters(members, spec.space)
      try mapping.add(values, known: known, objective: value) { row["metric.\($0)"]?.double }
    }
    var study = try mapping.finish()
    // The table has no goal, and nothing in it could be told from the best of a study with the other one.
    study.remarks.append(
      "a table does not say whether \(spec.objectives[0].metric) was minimized or maximized; it counts as one that is to "
        + "\(spec.objectives[0].goal.rawValue) it")
    return study
  }

  private func wrong(_ line: Int, _ message: String) -> SpaceError {
    SpaceError("\(path), line \(line): the line \(message)", at: "transfer")
  }

  /// The values of a line by name, and the names of all its parameters. A simplex has a member for each of its parts.
  private static func parameters(
    _ members: [JSONValue.Member], _ space: Space
  ) -> (values: [String: ParameterValue], known: Set<String>) {
    let prefix = "param."
    var values: [String: ParameterValue] = [:]
    var known: Set<String> = []
    var cells: [String: JSONValue] = [:]
    for member in members where member.key.hasPrefix(prefix) {
      cells[String(member.key.dropFirst(prefix.count))] = member.value
    }
    for parameter in space.parameters {
      guard case .simplex(let parts) = parameter.domain else { continue }
      let weights = parts.map { cells.removeValue(forKey: "\(parameter.name).\($0)") }
      guard weights.contains(where: { $0 != nil }) else { continue }
      known.insert(parameter.name)
      let numbers = weights.compactMap { $0?.double }
      if numbers.count == parts.count { values[parameter.name] = .simplex(numbers) }
    }
    for (name, cell) in cells {
      known.insert(name)
      if let value = ParameterValue(cell) { values[name] = value }
    }
    return (values, known)
  }
}

extension JSONValue {
  fileprivate var double: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .number(let number): number
    default: nil
    }
  }
}

extension ParameterValue {
  /// Nil for what is no value, such as `null` where the parameter was inactive.
  fileprivate init?(_ json: JSONValue) {
    func choice(_ json: JSONValue) -> Choice? {
      switch json {
      case .bool(let value): .boolean(value)
      case .integer(let value): .integer(value)
      case .number(let value): .real(value)
      case .string(let text): .text(text)
      case .null, .array, .object: nil
      }
    }
    switch json {
    case .integer(let value): self = .integer(value)
    case .number(let value): self = .real(value)
    case .array(let items): self = .permutation(items.compactMap(choice))
    case .bool, .string:
      guard let value = choice(json) else { return nil }
      self = .choice(value)
    case .null, .object: return nil
    }
  }
}
