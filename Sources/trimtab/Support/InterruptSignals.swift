import CSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The signals by which a person or a system asks for the end, one after the other.
struct InterruptSignals {
  /// Readable when a request has arrived.
  let descriptor: Int32

  /// Takes the signals over for the rest of this process; to be called once.
  init() throws {
    let numbers: [Int32] = [SIGINT, SIGTERM, SIGHUP]
    descriptor = trimtab_signal_pipe(numbers, Int32(numbers.count))
    guard descriptor >= 0 else {
      throw CommandError(.failure, "signals cannot be received: \(String(cString: strerror(errno)))")
    }
  }

  /// How urgent the requests are that arrived since the last call: one for each Ctrl-C, two for SIGTERM and SIGHUP, after
  /// which nobody will wait for trials to end by themselves.
  func newRequests() -> Int {
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0 else { return 0 }
    return buffer[..<count].reduce(0) { $0 + (Int32($1) == SIGINT ? 1 : 2) }
  }

  /// Waits for a signal, at most so long.
  func wait(milliseconds: Int32) {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    _ = poll(&entry, 1, milliseconds)
  }
}
