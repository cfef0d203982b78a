#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Lines on standard output that never keep the tuner waiting: what a slow reader has not yet taken is kept.
final class LineOutput {
  private var pending: [UInt8] = []
  /// Nobody reads any more.
  private(set) var isClosed = false
  /// Bytes that the reader has not yet taken.
  var pendingCount: Int { pending.count }

  /// A pipe that poll(2) calls writable takes this much at once.
  private static let chunk = 4096
  /// Beyond this the tuner waits after all: memory is bounded, and no line is ever dropped.
  private static let limit = 8 << 20

  init() { signal(SIGPIPE, SIG_IGN) }

  func print(_ line: String) {
    guard !isClosed else { return }
    pending.append(contentsOf: line.utf8)
    pending.append(10)
    flush(waits: pending.count > Self.limit)
  }

  /// Writes what can be written now, or everything.
  func flush(waits: Bool) {
    var next = 0
    while next < pending.count, !isClosed {
      var entry = pollfd(fd: 1, events: Int16(POLLOUT), revents: 0)
      if poll(&entry, 1, waits ? -1 : 0) <= 0 {
        if waits { continue }
        break
      }
      let end = min(pending.count, next + Self.chunk)
      let count = pending[next..<end].withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
      if count > 0 {
        next += count
      } else if errno != EINTR, errno != EAGAIN {
        // A reader who has seen enough is no error.
        if errno != EPIPE {
          printError("error: standard output cannot be written: \(String(cString: strerror(errno)))")
        }
        isClosed = true
      }
    }
    if isClosed {
      pending = []
    } else {
      pending.removeFirst(next)
    }
  }
}
