import Trimtab

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A session service on standard input and output: each line is a request, and is answered by a line.
///
/// Reading goes on while answers wait to be taken, up to a limit, so that a driver may write many requests before it reads
/// an answer.
struct LineService {
  let service: SessionService
  let signals: InterruptSignals
  private let output = LineOutput()
  private var splitter = LineSplitter(limit: LineService.longestLine, endsAtCarriageReturn: false)

  /// Bytes of a request.
  static let longestLine = 1 << 20
  /// Bytes of answers that may wait before the next request is read.
  private static let mostPending = 4 << 20

  init(_ service: SessionService, _ signals: InterruptSignals) {
    self.service = service
    self.signals = signals
  }

  enum End {
    case endOfInput, interrupted
    /// Nobody reads the answers any more.
    case outputClosed
  }

  /// Serves until the end of the input, a signal, or the end of the reader. Trials that still run are given back.
  /// - Throws: `StoreError` when that cannot be recorded; `CommandError` when standard input cannot be read.
  mutating func run() throws -> End {
    var inputIsOpen = true
    while inputIsOpen || output.pendingCount > 0 {
      var entries = [
        pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: 1, events: output.pendingCount > 0 ? Int16(POLLOUT) : 0, revents: 0),
      ]
      if inputIsOpen, output.pendingCount < Self.mostPending {
        entries.append(pollfd(fd: 0, events: Int16(POLLIN), revents: 0))
      }
      _ = poll(&entries, nfds_t(entries.count), -1)
      if entries[0].revents != 0, signals.newRequests() > 0 {
        try service.releaseAll()
        output.flush(waits: false)
        return .interrupted
      }
      output.flush(waits: false)
      let hasLostReader = entries[1].revents & Int16(POLLERR | POLLHUP | POLLNVAL) != 0
      if output.isClosed || hasLostReader {
        try service.releaseAll()
        return .outputClosed
      }
      if entries.count == 3, entries[2].revents != 0 { inputIsOpen = try readInput() }
    }
    return .endOfInput
  }

  /// Reads what there is, and answers it.
  /// - Returns: whether more may come.
  private mutating func readInput() throws -> Bool {
    var pieces: [LineSplitter.Piece] = []
    let count = withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { buffer in
      let count = read(0, buffer.baseAddress, buffer.count)
      if count > 0 { splitter.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]), into: &pieces) }
      return count
    }
    let number = errno
    if count < 0 {
      guard number == EAGAIN || number == EINTR else {
        try service.releaseAll()
        throw CommandError(.failure, "standard input cannot be read: \(String(cString: strerror(number)))")
      }
      return true
    }
    if count == 0 { splitter.finish(into: &pieces) }
    for piece in pieces { output.print(answer(piece)) }
    if count == 0 { try service.releaseAll() }
    return count > 0
  }

  private func answer(_ piece: LineSplitter.Piece) -> String {
    func refused(_ message: String) -> String {
      SessionAnswer.error(kind: .badRequest, message: message).json().text
    }
    switch piece {
    case .oversized: return refused("the line is longer than \(Self.longestLine) bytes (give fewer metrics at once)")
    case .line(let bytes):
      guard let text = String(validating: bytes, as: UTF8.self) else { return refused("the line is not UTF-8") }
      return service.answer(text)
    }
  }
}
