/// What a trial's processes did.
public enum ProcessEvent: Equatable, Sendable {
  /// A line that the trial printed, as valid UTF-8 (each broken sequence is replaced by U+FFFD; the log has the original),
  /// without its end. A carriage return ends a line too; empty lines are passed over.
  case outputLine([UInt8])
  /// A line that was written to the report FIFO, repaired likewise; empty lines are passed over.
  case reportLine(String)
  /// A line of more than `TrialProcess.lineLimitBytes` was dropped; this is how it began.
  case oversizedLine(ProcessChannel, beginning: String)
  /// Something went wrong that does not end the trial.
  case problem(ProcessProblem)
  /// The last event: the leader was collected and its group has gone (or can't be ended, as the status then says).
  case exited(ExitStatus)
}

/// Where a line came from.
public enum ProcessChannel: Equatable, Sendable {
  case output, report
}

/// Trouble that a trial survives.
public enum ProcessProblem: Error, Equatable, Sendable {
  /// The log could not be written and has ended; output is still read.
  case logNotWritten(errorNumber: Int32)
  /// The stop file could not be made; SIGTERM was sent all the same.
  case stopFileNotMade(path: String, errorNumber: Int32)
  /// Output or reports could not be read any more.
  case notReadable(ProcessChannel, errorNumber: Int32)
  /// A file of the trial could not be removed at its end.
  case notRemoved(path: String, errorNumber: Int32)
}

extension ProcessProblem: CustomStringConvertible {
  public var description: String {
    switch self {
    case .logNotWritten(let number):
      return "the trial's log ends here, because writing to it failed: \(errorText(number))"
    case .stopFileNotMade(let path, let number):
      return "can't make the stop file '\(path)': \(errorText(number)); the trial got SIGTERM all the same"
    case .notReadable(.output, let number): return "the trial's output can't be read any more: \(errorText(number))"
    case .notReadable(.report, let number): return "the trial's reports can't be read any more: \(errorText(number))"
    case .notRemoved(let path, let number): return "can't remove '\(path)': \(errorText(number))"
    }
  }
}

/// How a trial's processes ended.
public struct ExitStatus: Equatable, Sendable {
  /// How the leader, the process that was started, ended.
  public enum Outcome: Equatable, Sendable {
    /// With this exit code, 0 ... 255.
    case exited(code: Int32)
    /// By this signal.
    case signalled(number: Int32)
    /// Unknown: something else in this program collected the process (it may ignore SIGCHLD).
    case uncollected
  }

  public var outcome: Outcome
  /// What the leader and those of its descendants that it waited for have used.
  public var usage: ProcessUsage
  /// Whether processes of the group outlived the leader, and had to be ended.
  public var leftProcessesBehind: Bool
  /// Whether the whole group has gone. `false` only when a process withstood SIGKILL, as one stuck in a device driver does.
  public var groupHasGone: Bool
  /// Output in bytes that the log does not have.
  public var discardedLogBytes: Int
}

/// Resources used.
public struct ProcessUsage: Equatable, Sendable {
  public var userSeconds: Double
  public var systemSeconds: Double
  /// Resident memory in bytes, at its highest, of the largest single process.
  public var maxResidentBytes: Int64
}
