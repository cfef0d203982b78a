import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

/// Another tool's SQLite database, opened to be read. It is never changed.
struct ForeignDatabase {
  let path: String
  /// The tool's name, as messages have it.
  let tool: String
  private let connection: SQLiteConnection

  /// - Parameter tables: those without which the database is not the tool's.
  /// - Throws: `InterchangeError` when the file is no SQLite database, is damaged, or is another program's.
  init(path: String, tool: String, tables: [String]) throws(InterchangeError) {
    self.path = path
    self.tool = tool
    switch FileBytes.kind(of: path) {
    case nil: throw InterchangeError(.notFound, at: path, "there is no such file")
    case .folder: throw InterchangeError(at: path, "this is a folder, not an SQLite database")
    case .file: break
    }
    do {
      connection = try SQLiteConnection(path: path, mode: .read)
      let problem = try connection.text("PRAGMA quick_check(1)")
      guard problem == "ok" else {
        throw InterchangeError(
          .damaged, at: path, "the database is damaged: \(problem ?? "it cannot be checked")",
          hint: "was it copied whole, while nothing wrote to it?")
      }
    } catch let error as InterchangeError {
      throw error
    } catch {
      throw Self.foreign(error, path)
    }
    let present = Set(try rows("SELECT name FROM sqlite_schema WHERE type = 'table'") { $0.text(0) })
    let missing = tables.filter { !present.contains($0) }
    guard missing.isEmpty else {
      let isOurs = present.contains("log") && present.contains("studies") && present.count <= 3
      throw InterchangeError(
        at: path, "this is an SQLite database, but not \(tool)'s: it has no table '\(missing[0])'",
        hint: isOurs ? "it is a Trimtab store already" : nil)
    }
  }

  /// Reads a query's rows, all at once.
  func rows<Row>(
    _ sql: String, _ bindings: [Int] = [], _ row: (SQLiteStatement) throws -> Row
  ) throws(InterchangeError) -> [Row] {
    do {
      let statement = try connection.prepare(sql)
      for (i, value) in bindings.enumerated() { try statement.bind(Int32(i + 1), value) }
      var result: [Row] = []
      while try statement.step() { result.append(try row(statement)) }
      return result
    } catch let error as InterchangeError {
      throw error
    } catch {
      throw Self.foreign(error, path)
    }
  }

  /// Runs `body` on one state of the database, whatever others write meanwhile.
  func snapshot<Result>(_ body: () throws(InterchangeError) -> Result) throws(InterchangeError) -> Result {
    do { try connection.execute("BEGIN") } catch { throw Self.foreign(error, path) }
    defer { try? connection.execute("ROLLBACK") }
    return try body()
  }

  /// The store's errors speak of Trimtab stores.
  private static func foreign(_ error: any Error, _ path: String) -> InterchangeError {
    guard let error = error as? StoreError else { return InterchangeError(.failure, at: path, "\(error)") }
    switch error.kind {
    case .notAStore:
      return InterchangeError(at: path, "this is no SQLite database", hint: "is it the right file, and is it whole?")
    case .corrupt:
      return InterchangeError(
        .damaged, at: path, "the database is damaged", hint: "was it copied whole, while nothing wrote to it?")
    default:
      let text = error.message.hasPrefix(path + ": ") ? String(error.message.dropFirst(path.count + 2)) : error.message
      return InterchangeError(.failure, at: path, text)
    }
  }

  /// A number of a column that may hold none.
  static func number(_ statement: SQLiteStatement, _ column: Int32) -> Double? {
    statement.isNull(column) ? nil : statement.double(column)
  }

  /// A JSON text of a column.
  func json(_ statement: SQLiteStatement, _ column: Int32, _ place: String) throws(InterchangeError) -> JSONValue {
    do {
      return try JSONValue.parse(statement.text(column))
    } catch {
      throw InterchangeError(.damaged, at: "\(path): \(place)", "the value is not JSON: \(error)")
    }
  }
}
