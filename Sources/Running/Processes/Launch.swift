/// Everything that has to be known to start one run of a trial's command.
public struct Launch: Sendable {
  /// The program and its arguments; there is no shell in between. A program without a slash is looked for in the PATH of
  /// `environment`, one with a slash is relative to `workingDirectory`.
  public var arguments: [String]
  /// The complete environment, in the order in which the program sees it. Nothing is added or inherited.
  public var environment: [(name: String, value: String)]
  /// The folder that the program starts in.
  public var workingDirectory: String
  /// The file to which the program's output and errors are appended, byte for byte.
  public var logPath: String
  /// The size in bytes at which the log ends, counting what earlier runs left in it. One line that says so follows.
  public var logLimitBytes: Int
  /// Where the FIFO for reports is made (mode 0600); removed at the end.
  public var reportPath: String
  /// The file that is made once the trial should stop; removed before the start and at the end.
  public var stopPath: String
  /// Whether `ProcessEvent.outputLine` is wanted; otherwise output goes to the log only.
  public var wantsOutputLines = false
  /// How long processes that the trial left behind may take to end after SIGTERM, when nobody had asked it to stop.
  public var leftoverGrace: Duration = .seconds(2)
  /// Limits that the operating system enforces on each process of the trial.
  public var limits = ProcessLimits()

  public init(
    arguments: [String], environment: [(name: String, value: String)], workingDirectory: String, logPath: String,
    logLimitBytes: Int, reportPath: String, stopPath: String
  ) {
    self.arguments = arguments
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.logPath = logPath
    self.logLimitBytes = logLimitBytes
    self.reportPath = reportPath
    self.stopPath = stopPath
  }
}

/// Limits for one process, inherited by its children one by one. `nil` leaves the tuner's own.
public struct ProcessLimits: Sendable, Equatable {
  /// Processor time in seconds after which the process gets SIGXCPU (soft RLIMIT_CPU).
  public var cpuSeconds: Int64?
  /// Address space in bytes (soft RLIMIT_AS). Programs that use a GPU reserve far more of it than they use.
  public var addressSpaceBytes: Int64?
  /// -1000 ... 1000: how readily Linux ends the process when memory runs out. Only a privileged tuner may lower it.
  public var oomScoreAdjustment: Int32?

  public init(cpuSeconds: Int64? = nil, addressSpaceBytes: Int64? = nil, oomScoreAdjustment: Int32? = nil) {
    self.cpuSeconds = cpuSeconds
    self.addressSpaceBytes = addressSpaceBytes
    self.oomScoreAdjustment = oomScoreAdjustment
  }
}
