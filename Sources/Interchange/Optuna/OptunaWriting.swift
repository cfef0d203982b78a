import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension OptunaExport {
  /// Writes the study to a new file. It appears under its name when it is whole.
  /// - Throws: `InterchangeError` when the file exists or cannot be written.
  public func write(to file: OptunaFile) throws {
    guard FileBytes.kind(of: file.path) == nil else {
      throw InterchangeError(.failure, at: file.path, "the file exists", hint: "name another, or remove it first")
    }
    let temporary = "\(file.path).\(getpid()).part"
    unlink(temporary)
    defer { unlink(temporary) }
    switch file.kind {
    case .database: try writeDatabase(temporary)
    case .journal: try writeJournal(temporary)
    }
    // Unlike rename(2), a link never replaces what another process has put there meanwhile.
    guard link(temporary, file.path) == 0 else {
      throw InterchangeError(.failure, at: file.path, "cannot be written: \(String(cString: strerror(errno)))")
    }
  }

  // MARK: Journal

  /// One operation a line: the study, its attributes, and each trial as a whole, as Optuna writes trials that are added to a
  /// study.
  private func writeJournal(_ path: String) throws(InterchangeError) {
    var text = ""
    func line(_ code: OptunaJournal.Operation, _ members: [JSONValue.Member]) {
      let head: [JSONValue.Member] = [
        .init("op_code", .integer(code.rawValue)), .init("worker_id", .string("trimtab")),
      ]
      text += PythonJSON.text(.object(head + members)) + "\n"
    }
    func attribute(_ member: JSONValue.Member) -> JSONValue { .object([member]) }
    line(
      .createStudy,
      [
        .init("study_name", .string(study.name)),
        .init("directions", .array(study.directions.map { .integer($0.rawValue) })),
      ])
    for member in study.userAttributes {
      line(.setStudyUserAttribute, [.init("study_id", .integer(0)), .init("user_attr", attribute(member))])
    }
    for member in study.systemAttributes {
      line(.setStudySystemAttribute, [.init("study_id", .integer(0)), .init("system_attr", attribute(member))])
    }
    for trial in study.trials { line(.createTrial, journalMembers(trial)) }
    try Self.write(text, to: path)
  }

  private func journalMembers(_ trial: OptunaStudy.Trial) -> [JSONValue.Member] {
    func time(_ time: Timestamp) -> JSONValue { .string(TimeReading.text(time, separator: "T") + "+00:00") }
    var members: [JSONValue.Member] = [
      .init("study_id", .integer(0)),
      .init("datetime_start", trial.started.map(time) ?? .null),
      .init("state", .integer(trial.state.rawValue)),
    ]
    let values = trial.values.map { value -> JSONValue in value.map { .number($0) } ?? .null }
    members.append(.init("value", values.count == 1 ? values[0] : .null))
    members.append(.init("values", values.count > 1 ? .array(values) : .null))
    if let completed = trial.completed { members.append(.init("datetime_complete", time(completed))) }
    members.append(
      .init(
        "distributions", .object(trial.parameters.map { .init($0.name, .string($0.distribution.text)) })))
    members.append(
      .init(
        "params",
        .object(
          trial.parameters.map { parameter in
            let isIndex = if case .categorical = parameter.distribution { true } else { false }
            return .init(parameter.name, isIndex ? .integer(Int(parameter.number)) : .number(parameter.number))
          })))
    members.append(.init("user_attrs", .object(trial.userAttributes)))
    members.append(.init("system_attrs", .object(trial.systemAttributes)))
    members.append(
      .init(
        "intermediate_values", .object(trial.intermediate.map { .init(String($0.step), .number($0.value)) })))
    return members
  }

  private static func write(_ text: String, to path: String) throws(InterchangeError) {
    func failure() -> InterchangeError {
      InterchangeError(.failure, at: path, "cannot be written: \(String(cString: strerror(errno)))")
    }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { trimtabWrite(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure() }
      written += count
    }
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure() }
  }

  // MARK: Database

  private func writeDatabase(_ path: String) throws {
    do {
      let connection = try SQLiteConnection(path: path, mode: .create)
      try connection.execute("BEGIN IMMEDIATE")
      try connection.execute(OptunaSchema.text)
      let tables = Tables(connection)
      try tables.insert("studies", [.integer(1), .text(study.name)])
      for (i, direction) in study.directions.enumerated() {
        try tables.insert("study_directions", [.null, .text(direction.name), .integer(1), .integer(i)])
      }
      for (table, members) in [
        ("study_user_attributes", study.userAttributes), ("study_system_attributes", study.systemAttributes),
      ] {
        for member in members {
          try tables.insert(table, [.null, .integer(1), .text(member.key), .text(PythonJSON.text(member.value))])
        }
      }
      for trial in study.trials { try Self.write(trial, tables) }
      try connection.execute("COMMIT")
    } catch let error as StoreError {
      throw InterchangeError(.failure, at: path, error.message)
    }
  }

  private static func write(_ trial: OptunaStudy.Trial, _ tables: Tables) throws {
    let id = trial.number + 1
    func time(_ time: Timestamp?) -> Tables.Field { time.map { .text(TimeReading.text($0)) } ?? .null }
    try tables.insert(
      "trials",
      [
        .integer(id), .integer(trial.number), .integer(1), .text(trial.state.name), time(trial.started),
        time(trial.completed),
      ])
    for (table, members) in [
      ("trial_user_attributes", trial.userAttributes), ("trial_system_attributes", trial.systemAttributes),
    ] {
      for member in members {
        try tables.insert(table, [.null, .integer(id), .text(member.key), .text(PythonJSON.text(member.value))])
      }
    }
    for parameter in trial.parameters {
      try tables.insert(
        "trial_params",
        [
          .null, .integer(id), .text(parameter.name), .number(parameter.number), .text(parameter.distribution.text),
        ])
    }
    for (i, value) in trial.values.enumerated() {
      guard let value else { continue }
      let (field, kind) = typed(value)
      try tables.insert("trial_values", [.null, .integer(id), .integer(i), field, .text(kind)])
    }
    for (step, value) in trial.intermediate {
      let (field, kind) = typed(value)
      try tables.insert("trial_intermediate_values", [.null, .integer(id), .integer(step), field, .text(kind)])
    }
  }

  private static func typed(_ value: Double) -> (Tables.Field, String) {
    if value.isNaN { return (.null, "NAN") }
    if value.isInfinite { return (.null, value < 0 ? "INF_NEG" : "INF_POS") }
    return (.number(value), "FINITE")
  }
}

/// Inserts rows, each table's statement prepared once.
private final class Tables {
  enum Field {
    case null
    case integer(Int)
    case number(Double)
    case text(String)
  }

  private let connection: SQLiteConnection
  private var statements: [String: SQLiteStatement] = [:]

  init(_ connection: SQLiteConnection) { self.connection = connection }

  func insert(_ table: String, _ fields: [Field]) throws(StoreError) {
    let statement: SQLiteStatement
    if let known = statements[table] {
      statement = known
    } else {
      let places = Array(repeating: "?", count: fields.count).joined(separator: ", ")
      statement = try connection.prepare("INSERT INTO \(table) VALUES (\(places))")
      statements[table] = statement
    }
    for (i, field) in fields.enumerated() {
      let index = Int32(i + 1)
      switch field {
      case .null: try statement.bindNull(index)
      case .integer(let value): try statement.bind(index, value)
      case .number(let value): try statement.bind(index, value)
      case .text(let value): try statement.bind(index, value)
      }
    }
    _ = try statement.step()
    statement.reset()
  }
}

/// write(2), which the methods called `write` hide.
private func trimtabWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
