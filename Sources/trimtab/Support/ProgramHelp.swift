import Trimtab

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a program prints when it is run with `--help`.
enum ProgramHelp {
  /// How long a program may take; one that does not know `--help` may have begun its work.
  static let patience = Duration.seconds(10)
  private static let mostBytes = 1 << 20

  /// Runs the command with `--help` added, without a shell, and ends it if it does not end by itself.
  /// - Returns: what it printed, and whether it had to be ended.
  /// - Throws: `LaunchError` when it cannot be started, `CommandError`.
  static func read(
    _ command: [String], in folder: String, patience: Duration = patience
  ) throws -> (text: String, wasEnded: Bool) {
    var template = Array("/tmp/trimtab-help-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw CommandError(.failure, "a temporary folder cannot be made in /tmp: \(String(cString: strerror(errno)))")
    }
    let scratch = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
      unlink(scratch + "/log")
      rmdir(scratch)
    }
    var launch = Launch(
      arguments: command + ["--help"], environment: ThisProgram.trialEnvironment(), workingDirectory: folder,
      logPath: scratch + "/log", logLimitBytes: mostBytes, reportPath: scratch + "/report", stopPath: scratch + "/stop")
    launch.wantsOutputLines = true
    let process = try TrialProcess(launch: launch)
    let deadline = MonotonicTime.now().advanced(by: patience)
    var lines: [String] = []
    var size = 0
    var wasEnded = false
    while process.status == nil {
      let now = MonotonicTime.now()
      if !wasEnded, now >= deadline || size > mostBytes {
        wasEnded = true
        process.stop(grace: .seconds(1), now: now)
      }
      var entries = process.descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      _ = poll(&entries, nfds_t(entries.count), 50)
      var events = process.tick(now: .now())
      for entry in entries where entry.revents != 0 { events += process.handleReadable(entry.fd, now: .now()) }
      for case .outputLine(let bytes) in events where size <= mostBytes {
        size += bytes.count + 1
        lines.append(String(decoding: bytes, as: UTF8.self))
      }
    }
    return (lines.joined(separator: "\n"), wasEnded)
  }
}
