import TrimtabStudies

/// A study's log in memory: for functions tuned within one process, and for tests. It ends with the process.
public final class MemoryLog: StudyLog {
  private var frames: [(position: Int, bytes: [UInt8])] = []

  public init() {}

  public func read(
    from position: Int, _ body: (_ position: Int, _ frame: UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var first = frames.count
    while first > 0, frames[first - 1].position >= position { first -= 1 }
    for frame in frames[first...] { try frame.bytes.withUnsafeBytes { try body(frame.position, $0) } }
  }

  public func append(
    from position: Int, catchUp: (_ position: Int, _ frame: UnsafeRawBufferPointer) throws -> Void,
    decide: () throws -> (position: Int, frame: [UInt8])?
  ) throws {
    try read(from: position, catchUp)
    if let (position, frame) = try decide() { frames.append((position, frame)) }
  }

  public func withAskLock<Result>(_ body: () throws -> Result) throws -> Result { try body() }

  public func announce(_ worker: WorkerID) {}

  /// Nobody but this process can have written the log.
  public func isAlive(_ worker: WorkerID) -> Bool { true }

  public var livenessDescriptor: Int32? { nil }
}
