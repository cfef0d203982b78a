import Trimtab

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A lock that works between any threads, and that a fork can be made safe for.
final class ThreadLock: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

  init() {
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  func lock() { pthread_mutex_lock(mutex) }

  func unlock() { pthread_mutex_unlock(mutex) }

  func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
    lock()
    defer { unlock() }
    return try body()
  }
}

/// Why a call of the library cannot be carried out.
struct CallError: Error, CustomStringConvertible {
  var kind: String
  var description: String

  init(_ kind: String, _ message: String) {
    self.kind = kind
    description = message
  }
}

/// A study that a program holds by its number. Calls for it wait for each other.
final class HeldStudy: @unchecked Sendable {
  private let lock = ThreadLock()
  private let service: SessionService
  /// Nil once it is closed.
  private var session: Session?

  init(_ session: Session, version: String) {
    self.session = session
    service = SessionService(session: session, version: version)
  }

  func use<Result>(_ body: (Session) throws -> Result) throws -> Result {
    try lock.locked {
      guard let session else { throw HeldStudies.closed }
      return try body(session)
    }
  }

  func answer(_ request: String) throws -> String {
    try lock.locked {
      guard session != nil else { throw HeldStudies.closed }
      return service.answer(request)
    }
  }

  /// Gives back what runs, and lets go of the store.
  func close() throws {
    try lock.locked {
      guard session != nil else { throw HeldStudies.closed }
      session = nil
      try service.releaseAll()
    }
  }
}

/// The studies that this process holds, by number.
final class HeldStudies: @unchecked Sendable {
  static let shared = HeldStudies()

  static let closed = CallError("closed", "the study was closed: open it again")

  private let lock = ThreadLock()
  private var studies: [Int64: HeldStudy] = [:]
  private var count: Int64 = 0

  /// This process, as far as `getpid` need not be asked at every call.
  private var process = getpid()

  private init() {
    // A child made while another thread holds the lock would wait for ever.
    pthread_atfork(
      { HeldStudies.shared.lock.lock() }, { HeldStudies.shared.lock.unlock() },
      {
        HeldStudies.shared.process = getpid()
        HeldStudies.shared.lock.unlock()
      })
  }

  /// The lower half of a number is the process that opened the study, so that a child made by fork can tell without
  /// taking any lock that its parent may have held.
  func hold(_ study: HeldStudy) -> Int64 {
    lock.locked {
      count += 1
      let number = count << 32 | Int64(process)
      studies[number] = study
      return number
    }
  }

  private func checkProcess(_ number: Int64) throws(CallError) {
    guard number > 0 else { throw Self.closed }
    let owner = number & 0xFFFF_FFFF
    guard owner == Int64(process) else {
      throw CallError(
        "forked",
        "the study was opened in process \(owner), and this is process \(process): a study cannot be carried over a fork; open it again here, from a store file"
      )
    }
  }

  func study(_ number: Int64) throws -> HeldStudy {
    try checkProcess(number)
    guard let study = lock.locked({ studies[number] }) else { throw Self.closed }
    return study
  }

  func release(_ number: Int64) throws -> HeldStudy {
    try checkProcess(number)
    guard let study = lock.locked({ studies.removeValue(forKey: number) }) else { throw Self.closed }
    return study
  }
}
