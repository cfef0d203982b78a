import TrimtabStores
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What tests of stores need another process for.
enum StoreHelper {
  /// - Parameter arguments: the command, the store's path, the study's name, and what the command takes.
  /// - Returns: an exit status; 64 when the arguments are wrong.
  static func run(_ arguments: [String]) -> Int32 {
    guard arguments.count >= 3 else { return 64 }
    do {
      switch (arguments[0], arguments.count) {
      case ("store-read", 3): return try readAsNobody(arguments[1], arguments[2])
      default: break
      }
      let store = try SQLiteStore(path: arguments[1], access: .open)
      let log = try store.log(ofStudy: arguments[2])
      switch (arguments[0], arguments.count) {
      case ("store-append", 4): try append(log, count: Int(arguments[3]) ?? 0)
      case ("store-ask", 5): return try ask(log, folder: arguments[3], count: Int(arguments[4]) ?? 0)
      case ("store-announce", 5): try announce(log, WorkerID(arguments[3]) ?? 0, ready: arguments[4])
      case ("store-fill", 4): try fill(log, bytes: Int(arguments[3]) ?? 0)
      default: return 64
      }
      return 0
    } catch {
      print(error)
      return 1
    }
  }

  /// One event a frame, each appended in a transaction of its own.
  private static func append(_ log: SQLiteLog, count: Int) throws {
    let codec = FrameCodec(objectives: [])
    var position = 0
    for i in 0..<count {
      try log.append(from: position) { at, _ in
        position = at + 1
      } decide: {
        (position, codec.encode([Event(time: 0, .trialLost(i))]))
      }
      position += 1
    }
  }

  /// Enters the ask lock again and again; exits with 70 when somebody else is inside.
  private static func ask(_ log: SQLiteLog, folder: String, count: Int) throws -> Int32 {
    for _ in 0..<count {
      let isAlone = try log.withAskLock {
        let file = open(folder + "/inside", O_CREAT | O_EXCL | O_WRONLY, 0o600)
        guard file >= 0 else { return false }
        close(file)
        usleep(200)
        unlink(folder + "/inside")
        return true
      }
      if !isAlone { return 70 }
    }
    return 0
  }

  /// Lives, as a worker, until it is killed.
  private static func announce(_ log: SQLiteLog, _ worker: WorkerID, ready: String) throws {
    try log.announce(worker)
    close(open(ready, O_CREAT | O_WRONLY, 0o600))
    while true { pause() }
  }

  /// Reads without the right to write, even when the tests run as root; prints the number of frames in both ways.
  private static func readAsNobody(_ path: String, _ study: String) throws -> Int32 {
    if getuid() == 0 { guard setgid(65_534) == 0, setuid(65_534) == 0 else { return 65 } }
    for access in [SQLiteStore.Access.readOnly, .inspect] {
      var count = 0
      try SQLiteStore(path: path, access: access).log(ofStudy: study).read(from: 0) { _, _ in count += 1 }
      print(count)
    }
    do {
      _ = try SQLiteStore(path: path, access: .open).log(ofStudy: study).append(from: 0) { _, _ in
      } decide: {
        (999, [1])
      }
      return 71
    } catch let error as StoreError {
      print(error.kind)
    }
    return 0
  }

  /// Appends until a file may not grow any more; prints how many events were acknowledged, and the error.
  private static func fill(_ log: SQLiteLog, bytes: Int) throws {
    signal(SIGXFSZ, SIG_IGN)
    limitFileSize(bytes)
    let codec = FrameCodec(objectives: [])
    var position = 0
    var acknowledged = 0
    func append() throws {
      try log.append(from: position) { at, _ in
        position = at + 1
      } decide: {
        let text = String(repeating: "x", count: 500)
        return (position, codec.encode([Event(time: 0, .trialFailed(0, .crash, message: text, seconds: 0))]))
      }
      position += 1
      acknowledged += 1
    }
    do {
      while true { try append() }
    } catch let error as StoreError {
      print(acknowledged)
      print(error.kind)
    }
    // With room again, the same log goes on.
    limitFileSize(nil)
    try append()
    print(acknowledged)
  }

  /// - Parameter bytes: nil takes the limit away as far as it can be.
  private static func limitFileSize(_ bytes: Int?) {
    #if canImport(Glibc)
      let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
    #else
      let resource = RLIMIT_FSIZE
    #endif
    var limit = rlimit()
    getrlimit(resource, &limit)
    limit.rlim_cur = bytes.map { rlim_t($0) } ?? limit.rlim_max
    setrlimit(resource, &limit)
  }
}
