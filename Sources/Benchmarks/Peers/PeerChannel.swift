import CSystem
import TrimtabRunning

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A program that answers each line with one line, in a process group of its own.
///
/// Nothing here waits longer than it is told to: neither for an answer, nor for the program to take a request, nor for its
/// end. What it prints on standard error is read all the time, so that it cannot be held up by it, and the end is kept.
final class PeerChannel {
  private let process: pid_t
  /// A socket rather than a pipe, because writing to one whose reader has gone raises no signal.
  private var input: Descriptor?
  private let output: Descriptor
  private let errors: Descriptor
  private var splitter = LineSplitter(limit: PeerChannel.longestLine, endsAtCarriageReturn: false)
  private var lines: [[UInt8]] = []
  private var errorTail: [UInt8] = []
  private var outputIsOpen = true
  private var errorsAreOpen = true
  private(set) var isOver = false

  static let longestLine = 1 << 20
  private static let keptErrors = 4096
  /// The exit status of a program whose package is missing (EX_UNAVAILABLE of sysexits.h).
  static let unavailable: Int32 = 69

  /// - Throws: `LaunchError` when the program cannot be started.
  init(command: [String], environment: [(name: String, value: String)], workingDirectory: String) throws(LaunchError) {
    guard let program = command.first else { throw .emptyCommand }
    let search = environment.first { $0.name == "PATH" }?.value
    var sockets: [Int32] = [-1, -1]
    var outputs: [Int32] = [-1, -1]
    var errorEnds: [Int32] = [-1, -1]
    guard trimtab_socket_pair(&sockets) == 0 else { throw .systemCall(name: "socketpair", errorNumber: errno) }
    input = Descriptor(owning: sockets[0])
    let childInput = Descriptor(owning: sockets[1])
    guard trimtab_pipe(&outputs) == 0 else { throw .systemCall(name: "pipe2", errorNumber: errno) }
    output = Descriptor(owning: outputs[0])
    let childOutput = Descriptor(owning: outputs[1])
    guard trimtab_pipe(&errorEnds) == 0 else { throw .systemCall(name: "pipe2", errorNumber: errno) }
    errors = Descriptor(owning: errorEnds[0])
    let childErrors = Descriptor(owning: errorEnds[1])
    var request = SpawnRequest(
      path: try ProgramPath.resolve(program, searchPath: search, workingDirectory: workingDirectory),
      arguments: command)
    request.environment = environment
    request.workingDirectory = workingDirectory
    request.input = childInput.number
    request.output = childOutput.number
    request.errors = childErrors.number
    process = try withExtendedLifetime((childInput, childOutput, childErrors)) { () throws(LaunchError) in
      try request.spawn()
    }
  }

  deinit { close(grace: .zero) }

  /// Sends a line and waits for the one line that answers it.
  /// - Throws: `PeerError` when there is none; the program has ended then.
  func exchange(_ line: String, within patience: Duration) throws(PeerError) -> String {
    guard !isOver else { throw PeerError(.closed, "the optimiser was ended before") }
    let deadline = MonotonicTime.now().advanced(by: patience)
    var request = Array(line.utf8)[...]
    request.append(10)
    readWhatIsThere()
    if let early = lines.first { throw babble(early, "it printed a line that answers nothing") }
    while true {
      if !request.isEmpty, let input {
        let sent = request.withUnsafeBytes { bytes in
          bytes.baseAddress.map { trimtab_send(input.number, $0, bytes.count) } ?? 0
        }
        if sent > 0 {
          request = request.dropFirst(sent)
        } else if sent < 0, errno != EAGAIN, errno != EINTR {
          // Its end shows on its output, with what it had to say.
          self.input = nil
        }
      }
      readWhatIsThere()
      if !lines.isEmpty {
        let answer = lines.removeFirst()
        guard request.isEmpty else { throw babble(answer, "it printed a line before it had read the request") }
        guard let text = String(validating: answer, as: UTF8.self) else {
          throw babble(answer, "its answer is not UTF-8")
        }
        return text
      }
      guard outputIsOpen else { throw death() }
      let now = MonotonicTime.now()
      guard now < deadline else {
        close(grace: .zero)
        throw PeerError(.timedOut, "the optimiser did not answer within \(patience)" + lastWords())
      }
      wait(until: deadline, now: now, wantsToSend: !request.isEmpty)
    }
  }

  private func wait(until deadline: MonotonicTime, now: MonotonicTime, wantsToSend: Bool) {
    var entries: [pollfd] = []
    if outputIsOpen { entries.append(pollfd(fd: output.number, events: Int16(POLLIN), revents: 0)) }
    if errorsAreOpen { entries.append(pollfd(fd: errors.number, events: Int16(POLLIN), revents: 0)) }
    if wantsToSend, let input { entries.append(pollfd(fd: input.number, events: Int16(POLLOUT), revents: 0)) }
    _ = poll(&entries, nfds_t(entries.count), deadline.pollTimeout(from: now))
  }

  private func readWhatIsThere() {
    var pieces: [LineSplitter.Piece] = []
    if outputIsOpen {
      outputIsOpen = drain(output.number) { splitter.append($0, into: &pieces) }
      if !outputIsOpen { splitter.finish(into: &pieces) }
    }
    for piece in pieces {
      switch piece {
      case .line(let bytes): lines.append(bytes)
      case .oversized(let beginning): lines.append(beginning)
      }
    }
    if errorsAreOpen {
      errorsAreOpen = drain(errors.number) { bytes in
        errorTail.append(contentsOf: bytes)
        if errorTail.count > Self.keptErrors { errorTail.removeFirst(errorTail.count - Self.keptErrors) }
      }
    }
  }

  /// Reads what can be read at once, and no more than a few lines' worth, so that a flood does not hold up the clock.
  /// - Returns: whether more may come.
  private func drain(_ descriptor: Int32, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 1) { buffer in
      for _ in 0..<32 {
        let count = read(descriptor, buffer.baseAddress, buffer.count)
        if count == 0 { return false }
        if count < 0 { return errno == EAGAIN || errno == EINTR }
        body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
      return true
    }
  }

  // MARK: The end

  private func babble(_ line: [UInt8], _ what: String) -> PeerError {
    close(grace: .zero)
    return PeerError(
      .misbehaved, "\(what): \(String(decoding: line.prefix(200), as: UTF8.self))" + lastWords())
  }

  private func death() -> PeerError {
    let status = close(grace: .seconds(1))
    switch status.state {
    case 1 where status.code == Self.unavailable:
      return PeerError(.notInstalled, "the optimiser is not installed" + lastWords())
    case 1: return PeerError(.died, "the optimiser ended with status \(status.code)" + lastWords())
    case 2: return PeerError(.died, "the optimiser was ended by signal \(status.code)" + lastWords())
    default: return PeerError(.died, "the optimiser closed its output" + lastWords())
    }
  }

  /// The last lines of standard error, if there are any.
  private func lastWords() -> String {
    let lines = String(decoding: errorTail, as: UTF8.self).split(separator: "\n").suffix(5)
    return lines.isEmpty ? "" : "; it last wrote:\n" + lines.map { "  \($0)" }.joined(separator: "\n")
  }

  /// Closes the program's input, gives it time to end by itself, and ends what is left of its process group.
  /// - Returns: how it ended.
  @discardableResult
  func close(grace: Duration) -> trimtab_wait_result {
    guard !isOver else { return trimtab_wait_result() }
    isOver = true
    input = nil
    let start = MonotonicTime.now()
    func hasExited(by deadline: MonotonicTime) -> Bool {
      while true {
        readWhatIsThere()
        if trimtab_has_exited(process) != 0 { return true }
        guard MonotonicTime.now() < deadline else { return false }
        usleep(2000)
      }
    }
    if !hasExited(by: start.advanced(by: grace)) {
      kill(-process, SIGTERM)
      _ = hasExited(by: MonotonicTime.now().advanced(by: grace == .zero ? .milliseconds(20) : .milliseconds(500)))
    }
    // Before the leader is collected, so that its number still is the group's.
    kill(-process, SIGKILL)
    _ = hasExited(by: MonotonicTime.now().advanced(by: .seconds(10)))
    let status = trimtab_wait(process)
    readWhatIsThere()
    return status
  }
}
