import CSQLite

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One connection to an SQLite database, with exactly what stores need.
package final class SQLiteConnection {
  private let handle: OpaquePointer
  package let path: String

  /// How long a writer waits for others before it gives up, in seconds.
  static let busyLimit = 60.0

  package enum Mode {
    case readWrite
    case create
    case read
    /// See `SQLiteStore.Access.inspect`.
    case inspect
  }

  package init(path: String, mode: Mode) throws(StoreError) {
    self.path = path
    var handle: OpaquePointer?
    var flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    switch mode {
    case .readWrite: flags |= SQLITE_OPEN_READWRITE
    case .create: flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
    case .read, .inspect: flags |= SQLITE_OPEN_READONLY
    }
    var code = sqlite3_open_v2(path, &handle, flags, nil)
    let standsAlone =
      switch mode {
      case .readWrite, .create: false
      case .read: access(path + "-wal", F_OK) != 0 && access(Self.folder(of: path), W_OK) != 0
      case .inspect: Self.size(of: path + "-wal") == 0
      }
    if code == SQLITE_OK, standsAlone {
      // A write-ahead log needs a writable folder even to be read. Where there is none and nobody can be writing, the
      // file alone is the whole database.
      sqlite3_close_v2(handle)
      code = sqlite3_open_v2("file:\(Self.uriEscaped(path))?immutable=1", &handle, flags | SQLITE_OPEN_URI, nil)
    }
    guard code == SQLITE_OK, let handle else {
      let message = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      sqlite3_close_v2(handle)
      throw Self.error(code, message, path: path)
    }
    self.handle = handle
    sqlite3_busy_handler(handle, trimtabBusyHandler, nil)
  }

  deinit { sqlite3_close_v2(handle) }

  private static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
  }

  private static func size(of path: String) -> Int {
    var info = stat()
    return stat(path, &info) == 0 ? Int(info.st_size) : 0
  }

  private static func uriEscaped(_ path: String) -> String {
    path.utf8.map { byte in
      switch UnicodeScalar(byte) {
      case "a"..."z", "A"..."Z", "0"..."9", "/", ".", "-", "_", "~": return String(UnicodeScalar(byte))
      default:
        let hex = String(byte, radix: 16, uppercase: true)
        return "%" + (hex.count == 1 ? "0" + hex : hex)
      }
    }.joined()
  }

  static func error(_ code: Int32, _ message: String, path: String) -> StoreError {
    switch code & 0xFF {
    case SQLITE_FULL:
      StoreError(.full, "\(path): the disk is full; nothing was written (free some space and try again)")
    case SQLITE_READONLY, SQLITE_PERM:
      StoreError(.readOnly, "\(path): the file or its folder cannot be written (check the permissions)")
    case SQLITE_CORRUPT:
      StoreError(.corrupt, "\(path): the database is damaged: \(message) (run 'trimtab doctor' on it)")
    case SQLITE_NOTADB: StoreError(.notAStore, "\(path): this is not a trimtab store (it is no SQLite database)")
    case SQLITE_CANTOPEN:
      StoreError(.cannotOpen, "\(path): cannot be opened: \(message) (does the folder exist, and may you write in it?)")
    case SQLITE_BUSY:
      StoreError(.busy, "\(path): other processes have kept the store busy for \(Int(busyLimit)) seconds (try again)")
    case SQLITE_IOERR:
      StoreError(
        .other, "\(path): reading or writing failed: \(message) (errno \(errno): \(String(cString: strerror(errno))))")
    default: StoreError(.other, "\(path): \(message)")
    }
  }

  func failure(_ code: Int32) -> StoreError { Self.error(code, String(cString: sqlite3_errmsg(handle)), path: path) }

  package func execute(_ sql: String) throws(StoreError) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw failure(code) }
  }

  package func prepare(_ sql: String) throws(StoreError) -> SQLiteStatement {
    var statement: OpaquePointer?
    let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    guard code == SQLITE_OK, let statement else { throw failure(code) }
    return SQLiteStatement(statement, of: self)
  }

  /// The first column of the first row as an integer.
  package func integer(_ sql: String) throws(StoreError) -> Int? {
    let statement = try prepare(sql)
    return try statement.step() ? statement.integer(0) : nil
  }

  package func text(_ sql: String) throws(StoreError) -> String? {
    let statement = try prepare(sql)
    return try statement.step() ? statement.text(0) : nil
  }

  var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }
}

/// A prepared statement. Lives no longer than its connection, which it keeps alive.
package final class SQLiteStatement {
  private let handle: OpaquePointer
  private let connection: SQLiteConnection

  init(_ handle: OpaquePointer, of connection: SQLiteConnection) {
    self.handle = handle
    self.connection = connection
  }

  deinit { sqlite3_finalize(handle) }

  package func bind(_ index: Int32, _ value: Int) throws(StoreError) {
    let code = sqlite3_bind_int64(handle, index, Int64(value))
    guard code == SQLITE_OK else { throw connection.failure(code) }
  }

  package func bind(_ index: Int32, _ value: Double) throws(StoreError) {
    let code = sqlite3_bind_double(handle, index, value)
    guard code == SQLITE_OK else { throw connection.failure(code) }
  }

  package func bind(_ index: Int32, _ value: String) throws(StoreError) {
    let code = sqlite3_bind_text(handle, index, value, -1, transientDestructor)
    guard code == SQLITE_OK else { throw connection.failure(code) }
  }

  package func bind(_ index: Int32, _ value: [UInt8]) throws(StoreError) {
    let code = value.withUnsafeBytes {
      sqlite3_bind_blob(handle, index, $0.baseAddress, Int32(truncatingIfNeeded: $0.count), transientDestructor)
    }
    guard code == SQLITE_OK else { throw connection.failure(code) }
  }

  package func bindNull(_ index: Int32) throws(StoreError) {
    let code = sqlite3_bind_null(handle, index)
    guard code == SQLITE_OK else { throw connection.failure(code) }
  }

  /// Advances to the next row; false at the end.
  package func step() throws(StoreError) -> Bool {
    let code = sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    guard code == SQLITE_DONE else {
      let error = connection.failure(code)
      sqlite3_reset(handle)
      throw error
    }
    return false
  }

  package func reset() { sqlite3_reset(handle) }

  package func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

  package func integer(_ column: Int32) -> Int { Int(sqlite3_column_int64(handle, column)) }

  package func double(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }

  package func text(_ column: Int32) -> String { sqlite3_column_text(handle, column).map { String(cString: $0) } ?? "" }

  /// The bytes of a column, valid until the next step.
  package func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
    let start = sqlite3_column_blob(handle, column)
    return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
  }
}

private let transientDestructor = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

/// SQLite's own handler sleeps longer each time and so starves who has waited longest; a short random sleep is fair.
private func trimtabBusyHandler(_ context: UnsafeMutableRawPointer?, _ calls: Int32) -> Int32 {
  // At 0.5 ms a sleep on average.
  guard Double(calls) * 0.0005 < SQLiteConnection.busyLimit else { return 0 }
  var generator = SystemRandomNumberGenerator()
  usleep(UInt32(200 + generator.next() % 600))
  return 1
}
