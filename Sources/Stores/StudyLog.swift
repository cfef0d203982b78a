import TrimtabStudies

/// The log of one study in some store.
///
/// A log is a sequence of frames, each the events of one transaction; a frame's position is the sequence number of its
/// first event. Frames are only ever appended. A log belongs to one thread at a time.
public protocol StudyLog: AnyObject {
  /// Reads the frames from a position on, in order.
  /// - Parameter body: gets a frame's position and its bytes, valid during the call only.
  /// - Throws: `StoreError`, and what `body` throws.
  func read(from position: Int, _ body: (_ position: Int, _ frame: UnsafeRawBufferPointer) throws -> Void) throws

  /// Appends at most one frame in one transaction that no other writer can come between.
  ///
  /// - Parameters:
  ///   - position: where the caller's replica ends.
  ///   - catchUp: gets the frames that others appended since, before `decide` is called.
  ///   - decide: gives the frame to append at the end of the log and its position, or nil to append nothing.
  /// - Throws: `StoreError`, and what the closures throw; nothing is appended then.
  func append(
    from position: Int, catchUp: (_ position: Int, _ frame: UnsafeRawBufferPointer) throws -> Void,
    decide: () throws -> (position: Int, frame: [UInt8])?
  ) throws

  /// Runs `body` while no other process or session is within the same call for this study.
  /// The lock dies with its holder.
  func withAskLock<Result>(_ body: () throws -> Result) throws -> Result

  /// Marks a worker as alive until this log is closed or its process ends, however it ends.
  func announce(_ worker: WorkerID) throws

  /// Whether a worker is alive. This log's own worker is.
  func isAlive(_ worker: WorkerID) throws -> Bool

  /// A descriptor that holds the announced worker's sign of life; a child process that inherits it keeps the worker
  /// alive. Nil when there is no such thing.
  var livenessDescriptor: Int32? { get }
}

/// Why a store cannot do what was asked.
public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    case notFound
    case notAStore
    case laterVersion
    case cannotOpen
    case readOnly
    case full
    case corrupt
    case busy
    case alreadyExists
    case networkFileSystem
    case other
  }

  public var kind: Kind
  public var message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }
}
