import CSQLite
import Trimtab

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Trials that do nothing: what asking and recording cost, by one process of several on the same store.
enum NoOpTrials {
  static func create(store: String, trials: Int, durability: Durability) throws {
    _ = try Session.openOrCreate(
      try Speed.spec(parameters: 10, sampler: "random", trials: trials, durability: durability), in: .file(store))
  }

  static func work(store: String, durability: Durability) throws {
    let file = try SQLiteStore(path: store, access: .open, durability: durability)
    let log = try file.log(ofStudy: "bench")
    let session = try Session.open(log)
    var count = 0
    var waits = 0
    var latencies: [Double] = []
    let start = Speed.seconds()
    loop: while true {
      let asked = Speed.seconds()
      switch try session.ask() {
      case .finished: break loop
      case .wait:
        waits += 1
        usleep(1000)
      case .run(let run):
        let answered = Speed.seconds()
        try session.complete(
          run.trial, [MetricValue("loss", Speed.objective(run.configuration))], seconds: 0)
        latencies.append(answered - asked)
        latencies.append(Speed.seconds() - answered)
        count += 1
      }
    }
    let elapsed = Speed.seconds() - start
    let at = Speed.quantiles(latencies, [0.5, 0.99, 1])
    Speed.report([
      "trials": .integer(count), "seconds": .number(elapsed), "commits": .integer(log.commitCount),
      "bytes": .integer(log.appendedBytes), "median_us": .number(at[0]), "p99_us": .number(at[1]),
      "max_us": .number(at[2]),
    ])
  }
}

/// The least that any store on SQLite must do: the same number of commits, of the same size, and nothing else.
enum Floor {
  static func create(store: String) throws {
    let database = try open(store)
    defer { sqlite3_close_v2(database) }
    try check(
      sqlite3_exec(
        database, "PRAGMA journal_mode = WAL; CREATE TABLE log (position INTEGER PRIMARY KEY, frame BLOB NOT NULL)",
        nil,
        nil, nil), database)
  }

  static func work(store: String, trials: Int, durability: Durability) throws {
    let database = try open(store)
    defer { sqlite3_close_v2(database) }
    let synchronous = durability == .durable ? "FULL" : "NORMAL"
    try check(sqlite3_exec(database, "PRAGMA synchronous = \(synchronous)", nil, nil, nil), database)
    var begin: OpaquePointer?
    var insert: OpaquePointer?
    var commit: OpaquePointer?
    try check(sqlite3_prepare_v2(database, "BEGIN IMMEDIATE", -1, &begin, nil), database)
    try check(sqlite3_prepare_v2(database, "INSERT INTO log (frame) VALUES (?)", -1, &insert, nil), database)
    try check(sqlite3_prepare_v2(database, "COMMIT", -1, &commit, nil), database)
    let sizes: [Int32] = [128, 32]
    let bytes = [UInt8](repeating: 7, count: 128)
    var latencies: [Double] = []
    let start = Speed.seconds()
    for _ in 0..<trials {
      for size in sizes {
        let began = Speed.seconds()
        try step(begin, database)
        _ = bytes.withUnsafeBytes { sqlite3_bind_blob(insert, 1, $0.baseAddress, size, transient) }
        try step(insert, database)
        try step(commit, database)
        latencies.append(Speed.seconds() - began)
      }
    }
    let elapsed = Speed.seconds() - start
    for statement in [begin, insert, commit] { sqlite3_finalize(statement) }
    let at = Speed.quantiles(latencies, [0.5, 0.99, 1])
    Speed.report([
      "trials": .integer(trials), "seconds": .number(elapsed), "median_us": .number(at[0]), "p99_us": .number(at[1]),
      "max_us": .number(at[2]),
    ])
  }

  private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

  private static func open(_ path: String) throws -> OpaquePointer? {
    var database: OpaquePointer?
    try check(
      sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nil), database)
    // The built-in handler starves waiting writers, which would make the floor look slow.
    sqlite3_busy_handler(
      database,
      { _, calls in
        var generator = SystemRandomNumberGenerator()
        usleep(UInt32(200 + generator.next() % 600))
        return calls < 200_000 ? 1 : 0
      }, nil)
    return database
  }

  private static func step(_ statement: OpaquePointer?, _ database: OpaquePointer?) throws {
    let code = sqlite3_step(statement)
    sqlite3_reset(statement)
    guard code == SQLITE_DONE else { throw Speed.Usage(text: String(cString: sqlite3_errmsg(database))) }
  }

  private static func check(_ code: Int32, _ database: OpaquePointer?) throws {
    guard code == SQLITE_OK else { throw Speed.Usage(text: String(cString: sqlite3_errmsg(database))) }
  }
}
