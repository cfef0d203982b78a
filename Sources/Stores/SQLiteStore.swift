import CSQLite
import CSystem
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A store of studies in one SQLite file, shared by any number of processes on one machine.
///
/// Beside the database lies a file that ends in `-lock`: byte ranges of it are locked by whoever asks and by workers that
/// are alive. Such locks belong to open files, so they end with their holder and cannot be left behind.
public final class SQLiteStore {
  /// Marks the file as a Trimtab store ("TRIM").
  static let applicationID = 0x5452_494D
  /// The layout of the tables; raised by a change that earlier versions cannot read.
  public static let schemaVersion = 1
  /// A frame's row is its study's number shifted by this, plus its position.
  static let positionBits = 40
  /// Numbers of studies whose positions fit in a row's number.
  private static let studyIDs = 1..<(1 << 22)

  public let path: String
  public let isReadOnly: Bool
  let connection: SQLiteConnection

  /// What to do with the file.
  public enum Access: Sendable {
    /// Open it, or create it when there is none.
    case createOrOpen
    case open
    /// Only read; works in a folder that cannot be written.
    case readOnly
    /// Read what is there now, without the files beside the store by which SQLite's readers and writers know of each
    /// other. Later changes may not be seen.
    case inspect
  }

  /// - Throws: `StoreError` when the file does not exist, is no store, is of a later version, lies on a network file
  ///   system, or cannot be opened.
  public init(path: String, access: Access, durability: Durability = .durable) throws(StoreError) {
    self.path = path
    isReadOnly = access == .readOnly || access == .inspect
    var info = stat()
    let exists = stat(path, &info) == 0
    if !exists, access != .createOrOpen {
      throw StoreError(.notFound, "\(path): there is no such store (start the study with 'trimtab tune')")
    }
    if exists, info.st_mode & S_IFMT == S_IFDIR {
      throw StoreError(.cannotOpen, "\(path): this is a folder, not a store")
    }
    if let system = Self.networkFileSystem(of: exists ? path : Self.folder(of: path)) {
      throw StoreError(
        .networkFileSystem,
        "\(path): lies on a network file system (\(system)), where the store's locks are not reliable (put it on a local disk with --store)"
      )
    }
    let mode: SQLiteConnection.Mode =
      switch access {
      case .createOrOpen: .create
      case .open: .readWrite
      case .readOnly: .read
      case .inspect: .inspect
      }
    connection = try SQLiteConnection(path: path, mode: mode)
    let begin = ContinuousClock.now
    while true {
      do throws(StoreError) {
        try prepare(create: access == .createOrOpen, durability: durability)
        return
      } catch {
        // SQLite does not wait, as it does everywhere else, for another process that is about to switch a new file to
        // write-ahead logging.
        guard error.kind == .busy, ContinuousClock.now - begin < Self.creationPatience else { throw error }
        usleep(1000)
      }
    }
  }

  /// Creating a store takes some milliseconds.
  private static let creationPatience = Duration.seconds(10)

  private func prepare(create: Bool, durability: Durability) throws(StoreError) {
    // Another process may be creating the store: its tables and its number appear at once, so that tables seen first mean
    // a number seen afterwards.
    let tables = try connection.integer("SELECT count(*) FROM sqlite_schema") ?? 0
    let id = try connection.integer("PRAGMA application_id") ?? 0
    let version = try connection.integer("PRAGMA user_version") ?? 0
    if id == 0, tables == 0, !create {
      throw StoreError(.notAStore, "\(path): the file is empty (start the study with 'trimtab tune')")
    }
    if id != Self.applicationID, !(create && id == 0 && tables == 0) {
      throw StoreError(.notAStore, "\(path): this is an SQLite database, but not a trimtab store")
    }
    if id == Self.applicationID, version > Self.schemaVersion {
      throw StoreError(
        .laterVersion,
        "\(path): written by a later version of trimtab (layout \(version), this one knows \(Self.schemaVersion)); use that version"
      )
    }
    guard !isReadOnly else { return }
    if tables == 0 {
      // The mode is a property of the file and cannot be changed inside a transaction.
      let mode = try connection.text("PRAGMA journal_mode = WAL")
      guard mode == "wal" else {
        throw StoreError(.cannotOpen, "\(path): the file system does not support the store's write-ahead log")
      }
      try connection.execute("BEGIN IMMEDIATE")
      do {
        // Another process may have been first.
        if try connection.integer("SELECT count(*) FROM sqlite_schema") == 0 {
          try connection.execute(
            """
            CREATE TABLE studies (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
            CREATE TABLE log (position INTEGER PRIMARY KEY, frame BLOB NOT NULL);
            PRAGMA application_id = \(Self.applicationID);
            PRAGMA user_version = \(Self.schemaVersion);
            """)
        }
        try connection.execute("COMMIT")
      } catch {
        if connection.isInTransaction { try? connection.execute("ROLLBACK") }
        throw error
      }
    }
    try connection.execute("PRAGMA synchronous = \(durability == .durable ? "FULL" : "NORMAL")")
    // macOS writes to the disk's own cache unless told otherwise.
    if durability == .durable { try connection.execute("PRAGMA fullfsync = ON") }
  }

  /// The names of the studies, in the order of their creation.
  public func studyNames() throws(StoreError) -> [String] {
    let statement = try connection.prepare("SELECT name FROM studies ORDER BY id")
    var names: [String] = []
    while try statement.step() { names.append(statement.text(0)) }
    return names
  }

  /// The log of an existing study.
  /// - Throws: `StoreError` of kind `notFound`, naming the studies there are.
  public func log(ofStudy name: String) throws(StoreError) -> SQLiteLog {
    guard let id = try studyID(name) else {
      let names = try studyNames()
      throw StoreError(
        .notFound,
        "\(path): holds no study '\(name)'"
          + (names.isEmpty ? " (it holds none)" : " (it holds: \(names.joined(separator: ", ")))"))
    }
    return try SQLiteLog(store: self, study: id)
  }

  /// Creates a study with its first frame, or opens the one of that name: of several processes that try at once, one
  /// creates it.
  public func createOrOpenStudy(_ name: String, firstFrame: [UInt8]) throws(StoreError) -> (log: SQLiteLog, isNew: Bool)
  {
    try connection.execute("BEGIN IMMEDIATE")
    do throws(StoreError) {
      if let id = try studyID(name) {
        try connection.execute("ROLLBACK")
        return (try SQLiteLog(store: self, study: id), false)
      }
      let insert = try connection.prepare("INSERT INTO studies (name) VALUES (?) RETURNING id")
      try insert.bind(1, name)
      guard try insert.step() else { throw StoreError(.other, "\(path): the study could not be created") }
      let id = insert.integer(0)
      insert.reset()
      let frame = try connection.prepare("INSERT INTO log (position, frame) VALUES (?, ?)")
      try frame.bind(1, id << Self.positionBits)
      try frame.bind(2, firstFrame)
      _ = try frame.step()
      try connection.execute("COMMIT")
      return (try SQLiteLog(store: self, study: id), true)
    } catch {
      if connection.isInTransaction { try? connection.execute("ROLLBACK") }
      throw error
    }
  }

  /// Creates a study with its whole log, in one transaction: all of it is there afterwards, or nothing.
  /// - Parameter frames: in order, each with its position, the first at 0.
  /// - Throws: `StoreError` of kind `alreadyExists` when the store holds a study of that name.
  public func createStudy(
    _ name: String, frames: [(position: Int, bytes: [UInt8])]
  ) throws(StoreError) -> SQLiteLog {
    try connection.execute("BEGIN IMMEDIATE")
    do throws(StoreError) {
      guard try studyID(name) == nil else {
        throw StoreError(.alreadyExists, "\(path): holds a study '\(name)' already; nothing was changed")
      }
      let insert = try connection.prepare("INSERT INTO studies (name) VALUES (?) RETURNING id")
      try insert.bind(1, name)
      guard try insert.step() else { throw StoreError(.other, "\(path): the study could not be created") }
      let id = insert.integer(0)
      insert.reset()
      let frame = try connection.prepare("INSERT INTO log (position, frame) VALUES (?, ?)")
      for (position, bytes) in frames {
        try frame.bind(1, id << Self.positionBits + position)
        try frame.bind(2, bytes)
        _ = try frame.step()
        frame.reset()
      }
      try connection.execute("COMMIT")
      return try SQLiteLog(store: self, study: id)
    } catch {
      if connection.isInTransaction { try? connection.execute("ROLLBACK") }
      throw error
    }
  }

  /// What SQLite's own check finds wrong with the file; empty when nothing is.
  public func integrityProblems() throws(StoreError) -> [String] {
    let statement = try connection.prepare("PRAGMA integrity_check(20)")
    var problems: [String] = []
    while try statement.step() {
      let line = statement.text(0)
      if line != "ok" { problems.append(line) }
    }
    return problems
  }

  private func studyID(_ name: String) throws(StoreError) -> Int? {
    let statement = try connection.prepare("SELECT id FROM studies WHERE name = ?")
    try statement.bind(1, name)
    guard try statement.step() else { return nil }
    let id = statement.integer(0)
    guard Self.studyIDs.contains(id) else {
      throw StoreError(.corrupt, "\(path): the study '\(name)' has the impossible number \(id)")
    }
    return id
  }

  private static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
  }

  /// The name of the network file system on which a path lies, or nil for a local one.
  private static func networkFileSystem(of path: String) -> String? {
    // The numbers that statfs(2) lists.
    let names: [Int64: String] = [
      0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB2", 0x0BD0_0BD0: "Lustre", 0x5346_414F: "AFS",
      0x0102_1997: "9p", 0x4750_4653: "GPFS", 0x6573_7543: "Coda", 0x00C3_6400: "Ceph",
    ]
    return names[trimtab_file_system(path)]
  }
}

/// One study's log in an SQLite store.
public final class SQLiteLog: StudyLog {
  private let store: SQLiteStore
  private let study: Int
  private let select: SQLiteStatement
  private let insert: SQLiteStatement
  private let begin: SQLiteStatement
  private let commit: SQLiteStatement
  private let rollback: SQLiteStatement
  /// Held open apart from each other: what a child inherits with the sign of life must not keep the ask lock.
  private var askDescriptor: Int32 = -1
  private var lifeDescriptor: Int32 = -1
  private var ownWorker: WorkerID?
  /// Commits made through this log.
  public private(set) var commitCount = 0
  /// Bytes of frames appended through this log.
  public private(set) var appendedBytes = 0

  /// Locks of workers lie below this offset, ask locks of studies above it.
  private static let askOffset: Int64 = 1 << 61
  /// The lock of whoever writes.
  private static let writeOffset: Int64 = 1 << 62

  init(store: SQLiteStore, study: Int) throws(StoreError) {
    self.store = store
    self.study = study
    let connection = store.connection
    select = try connection.prepare(
      "SELECT position, frame FROM log WHERE position >= ? AND position < ? ORDER BY position")
    insert = try connection.prepare("INSERT INTO log (position, frame) VALUES (?, ?)")
    begin = try connection.prepare("BEGIN IMMEDIATE")
    commit = try connection.prepare("COMMIT")
    rollback = try connection.prepare("ROLLBACK")
  }

  deinit {
    if askDescriptor >= 0 { close(askDescriptor) }
    if lifeDescriptor >= 0 { close(lifeDescriptor) }
  }

  public func read(
    from position: Int, _ body: (_ position: Int, _ frame: UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let base = study << SQLiteStore.positionBits
    try select.bind(1, base + position)
    try select.bind(2, base + (1 << SQLiteStore.positionBits))
    defer { select.reset() }
    while try select.step() { try body(select.integer(0) - base, select.bytes(1)) }
  }

  public func append(
    from position: Int, catchUp: (_ position: Int, _ frame: UnsafeRawBufferPointer) throws -> Void,
    decide: () throws -> (position: Int, frame: [UInt8])?
  ) throws {
    // The kernel wakes the next writer at once, where SQLite would let it sleep and look again.
    let descriptor = try sharedDescriptor()
    guard trimtab_lock_byte_waiting(descriptor, Self.writeOffset) == 0 else { throw lockError("locked") }
    defer { _ = trimtab_unlock_byte(descriptor, Self.writeOffset) }
    try run(begin)
    do {
      try read(from: position, catchUp)
      guard let (end, frame) = try decide() else {
        try run(rollback)
        return
      }
      try insert.bind(1, study << SQLiteStore.positionBits + end)
      try insert.bind(2, frame)
      try run(insert)
      try run(commit)
      commitCount += 1
      appendedBytes += frame.count
    } catch {
      // Some errors, a full disk among them, have rolled back already.
      if store.connection.isInTransaction { try? run(rollback) }
      throw error
    }
  }

  private func run(_ statement: SQLiteStatement) throws(StoreError) {
    _ = try statement.step()
    statement.reset()
  }

  public func withAskLock<Result>(_ body: () throws -> Result) throws -> Result {
    let descriptor = try sharedDescriptor()
    let offset = Self.askOffset + Int64(study)
    guard trimtab_lock_byte_waiting(descriptor, offset) == 0 else { throw lockError("locked") }
    defer { _ = trimtab_unlock_byte(descriptor, offset) }
    return try body()
  }

  public func announce(_ worker: WorkerID) throws {
    if lifeDescriptor < 0 { lifeDescriptor = try openLockFile() }
    guard trimtab_lock_byte(lifeDescriptor, Self.offset(of: worker), 1) == 0 else { throw lockError("locked") }
    ownWorker = worker
  }

  public func isAlive(_ worker: WorkerID) throws -> Bool {
    if worker == ownWorker { return true }
    if store.isReadOnly, askDescriptor < 0 {
      askDescriptor = open(store.path + "-lock", O_RDONLY | O_CLOEXEC)
      // Without the file nobody holds a lock in it.
      if askDescriptor < 0, errno == ENOENT { return false }
      guard askDescriptor >= 0 else { throw lockError("read") }
    }
    // Asked through the other descriptor, so that a lock of this log's own would show as well.
    let answer = trimtab_byte_is_locked(try sharedDescriptor(), Self.offset(of: worker))
    guard answer >= 0 else { throw lockError("read") }
    return answer == 1
  }

  public var livenessDescriptor: Int32? { lifeDescriptor < 0 ? nil : lifeDescriptor }

  private static func offset(of worker: WorkerID) -> Int64 { Int64(worker & 0x0FFF_FFFF_FFFF_FFFF) }

  private func sharedDescriptor() throws(StoreError) -> Int32 {
    if askDescriptor < 0 { askDescriptor = try openLockFile() }
    return askDescriptor
  }

  private func lockError(_ what: String) -> StoreError {
    StoreError(.other, "\(store.path)-lock: cannot be \(what): \(String(cString: strerror(errno)))")
  }

  private func openLockFile() throws(StoreError) -> Int32 {
    let descriptor = open(store.path + "-lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw StoreError(
        .readOnly, "\(store.path)-lock: cannot be opened: \(String(cString: strerror(errno))) (check the permissions)")
    }
    return descriptor
  }
}
