import TrimtabStores

/// The finished runs of suites, in an SQLite file.
///
/// A run is found by its definition, so a suite that was changed makes only the runs that are new. A run is stored as a
/// whole when it is finished; a process that is killed loses no more than the runs it was making.
public final class ResultStore {
  private let connection: SQLiteConnection
  private let insertion: SQLiteStatement
  private let selection: SQLiteStatement

  private static let version = 1
  /// "ttbr", which tells the file from other SQLite databases.
  private static let applicationID = 0x7474_6272

  /// Opens or creates the store.
  /// - Throws: `StoreError` when the file cannot be used or is something else.
  public init(path: String) throws(StoreError) {
    connection = try SQLiteConnection(path: path, mode: .create)
    // In one transaction, so that a process that is killed here, or another one that begins here, finds all of it or nothing.
    try connection.execute("BEGIN IMMEDIATE")
    do {
      try Self.prepare(connection, path: path)
    } catch {
      try? connection.execute("ROLLBACK")
      throw error
    }
    try connection.execute("COMMIT; PRAGMA journal_mode = WAL")
    insertion = try connection.prepare(
      "INSERT OR REPLACE INTO runs VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")
    selection = try connection.prepare("SELECT * FROM runs WHERE definition = ?1")
  }

  private static func prepare(_ connection: SQLiteConnection, path: String) throws(StoreError) {
    let known = try connection.integer("PRAGMA user_version") ?? 0
    let isResults = try connection.integer("PRAGMA application_id") == applicationID
    let isEmpty = try connection.integer("SELECT count(*) FROM sqlite_schema") == 0
    guard (isResults && known == version) || (known == 0 && isEmpty) else {
      throw StoreError(
        isResults && known > version ? .laterVersion : .notAStore,
        "\(path): this is not a file of benchmark results of this version (name another with --results)")
    }
    guard isEmpty else { return }
    try connection.execute(
      """
      CREATE TABLE runs(
        definition TEXT PRIMARY KEY, evaluations REAL, seconds REAL, cost REAL, trials INTEGER, failures INTEGER,
        thinking REAL, busy REAL, incumbent TEXT, reason TEXT, checksum INTEGER, points BLOB) STRICT;
      PRAGMA application_id = \(applicationID);
      PRAGMA user_version = \(version);
      """)
  }

  /// Adds a finished run.
  public func insert(_ trace: RunTrace, definition: String) throws(StoreError) {
    insertion.reset()
    try insertion.bind(1, definition)
    try insertion.bind(2, trace.evaluations)
    try insertion.bind(3, trace.seconds)
    try insertion.bind(4, trace.cost)
    try insertion.bind(5, trace.trials)
    try insertion.bind(6, trace.failures)
    try insertion.bind(7, trace.thinkingSeconds)
    try insertion.bind(8, trace.busySeconds)
    try insertion.bind(9, trace.incumbent ?? "")
    try insertion.bind(10, trace.end)
    try insertion.bind(11, trace.logChecksum.map { Int(bitPattern: UInt($0)) } ?? 0)
    try insertion.bind(12, Self.bytes(trace.points))
    _ = try insertion.step()
  }

  /// The run of that definition; nil when it was never finished.
  public func trace(_ definition: String) throws(StoreError) -> RunTrace? {
    selection.reset()
    try selection.bind(1, definition)
    defer { selection.reset() }
    guard try selection.step() else { return nil }
    var trace = RunTrace()
    trace.evaluations = selection.double(1)
    trace.seconds = selection.double(2)
    trace.cost = selection.double(3)
    trace.trials = selection.integer(4)
    trace.failures = selection.integer(5)
    trace.thinkingSeconds = selection.double(6)
    trace.busySeconds = selection.double(7)
    let incumbent = selection.text(8)
    trace.incumbent = incumbent.isEmpty ? nil : incumbent
    trace.end = selection.text(9)
    let checksum = selection.integer(10)
    trace.logChecksum = checksum == 0 ? nil : UInt64(UInt(bitPattern: checksum))
    trace.points = try points(selection.bytes(11))
    return trace
  }

  // MARK: Points, as six little-endian doubles each

  private static let pointSize = 48

  private static func bytes(_ points: [TracePoint]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(points.count * pointSize)
    for point in points {
      for value in [
        point.evaluations, point.seconds, point.cost, Double(point.trials), point.observed, point.score,
      ] {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
      }
    }
    return bytes
  }

  private func points(_ bytes: UnsafeRawBufferPointer) throws(StoreError) -> [TracePoint] {
    guard bytes.count % Self.pointSize == 0 else {
      throw StoreError(.corrupt, "\(connection.path): a run's points are damaged (delete the file and run again)")
    }
    return stride(from: 0, to: bytes.count, by: Self.pointSize).map { start in
      func value(_ i: Int) -> Double {
        Double(bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 8 * i, as: UInt64.self)))
      }
      return TracePoint(
        evaluations: value(0), seconds: value(1), cost: value(2), trials: Int(exactly: value(3)) ?? 0,
        observed: value(4), score: value(5))
    }
  }
}
