#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The file that keeps what a trial prints, up to a limit. It can be read while it grows.
struct TrialLog {
  /// Bytes that the trial printed and that the log does not have.
  private(set) var discardedBytes = 0

  private let descriptor: Descriptor
  private let limit: Int
  private var size: Int
  private var endsWithLineEnd = true
  private var hasEnded = false

  /// - Throws: `LaunchError.fileUnusable`.
  init(path: String, limit: Int) throws(LaunchError) {
    let number = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    guard number >= 0 else { throw .fileUnusable(path: path, operation: "open the log", errorNumber: errno) }
    descriptor = Descriptor(owning: number)
    self.limit = limit
    var information = stat()
    guard fstat(number, &information) == 0 else {
      throw .fileUnusable(path: path, operation: "examine the log", errorNumber: errno)
    }
    size = Int(information.st_size)
  }

  /// Appends what still fits. The first failure to write is returned, and ends the log: the trial is worth more than its
  /// log, so that a full disk must not end it.
  mutating func append(_ bytes: UnsafeRawBufferPointer) -> ProcessProblem? {
    guard !bytes.isEmpty else { return nil }
    guard !hasEnded else {
      discardedBytes += bytes.count
      return nil
    }
    let fitting = UnsafeRawBufferPointer(rebasing: bytes.prefix(max(0, limit - size)))
    if !fitting.isEmpty {
      let written = write(fitting)
      size += written
      if written < fitting.count {
        discardedBytes += bytes.count - written
        hasEnded = true
        return .logNotWritten(errorNumber: errno)
      }
      endsWithLineEnd = fitting[fitting.count - 1] == 10
    }
    guard fitting.count < bytes.count else { return nil }
    discardedBytes += bytes.count - fitting.count
    hasEnded = true
    let notice =
      (endsWithLineEnd ? "" : "\n")
      + "[trimtab] This log has reached its limit of \(limit) bytes; the trial goes on, but "
      + "what it prints from here is dropped. To keep more, raise limits.log in the study file.\n"
    var notices = Array(notice.utf8)
    let count = notices.withUnsafeMutableBytes { write(UnsafeRawBufferPointer($0)) }
    return count < notices.count ? .logNotWritten(errorNumber: errno) : nil
  }

  /// The number of bytes written; fewer than given after an error, which errno then tells.
  private func write(_ bytes: UnsafeRawBufferPointer) -> Int {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      #if canImport(Glibc)
        let count = Glibc.write(descriptor.number, rest.baseAddress, rest.count)
      #else
        let count = Darwin.write(descriptor.number, rest.baseAddress, rest.count)
      #endif
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      done += count
    }
    return done
  }
}
