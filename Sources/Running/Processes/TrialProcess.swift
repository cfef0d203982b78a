import CSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One run of a trial's command: its process group, its output, its reports and its end.
///
/// It belongs to an event loop on one thread, which does this, round after round:
/// 1. poll(2) the `descriptors` for POLLIN, until the `deadline`;
/// 2. `handleReadable` each descriptor that poll marked (with POLLHUP or POLLERR too);
/// 3. `tick`.
///
/// Both hand out events, the last of which is `.exited`. On Linux the leader gets SIGKILL when the thread that made this
/// object ends, so make it on a thread that stays.
///
/// Processes that leave the group (with setsid or setpgid) are out of reach.
public final class TrialProcess {
  /// The longest line, in bytes, that becomes an event.
  public static let lineLimitBytes = 1 << 20
  private static let chunkBytes = 65536
  /// A trial that prints without end gets this much of the loop's attention at a time.
  private static let chunksPerReadiness = 8
  /// How often to look after the leader where the system has no descriptor for that.
  private static let leaderCheckInterval = Duration.milliseconds(20)

  /// The number of the process group, and of its leader.
  public let processGroup: Int32
  /// Whether output lines become events; may change at any time, also in the middle of a line, whose rest then counts as
  /// a line.
  public var wantsOutputLines: Bool
  /// Whether the group has been stopped by `freeze`.
  public private(set) var isFrozen = false
  /// How it ended, once `.exited` has been handed out.
  public private(set) var status: ExitStatus?

  private let launch: Launch
  private let processGuard: ProcessGuard?
  private let chunk: UnsafeMutableRawBufferPointer
  private var output: Descriptor?
  private var report: Descriptor?
  private var leaderWatch: Descriptor?
  private var log: TrialLog
  private var outputLines = LineSplitter(limit: lineLimitBytes, endsAtCarriageReturn: true)
  private var reportLines = LineSplitter(limit: lineLimitBytes, endsAtCarriageReturn: false)
  private var ending = GroupEnding()
  private var collected: (outcome: ExitStatus.Outcome, usage: ProcessUsage)?
  private var leftProcessesBehind = false
  private var nextLeaderCheck: MonotonicTime?
  private var undelivered: [ProcessEvent] = []

  /// Starts the trial.
  ///
  /// - Parameter processGuard: ends the trial if this process is killed; the group is known to it before the program runs.
  /// - Throws: `LaunchError`; the program does not run then.
  public convenience init(launch: Launch, guardedBy processGuard: ProcessGuard? = nil) throws(LaunchError) {
    try self.init(launch: launch, guardedBy: processGuard, watchesByDescriptor: true)
  }

  init(launch: Launch, guardedBy processGuard: ProcessGuard?, watchesByDescriptor: Bool) throws(LaunchError) {
    self.launch = launch
    self.processGuard = processGuard
    wantsOutputLines = launch.wantsOutputLines
    let request = try TrialStart.request(for: launch)
    log = try TrialLog(path: launch.logPath, limit: launch.logLimitBytes)
    if unlink(launch.stopPath) != 0, errno != ENOENT {
      throw .fileUnusable(path: launch.stopPath, operation: "remove the old stop file", errorNumber: errno)
    }
    let report = try TrialStart.makeReport(launch.reportPath)
    do throws(LaunchError) {
      (processGroup, output) = try TrialStart.start(request, guardedBy: processGuard)
    } catch {
      unlink(launch.reportPath)
      throw error
    }
    self.report = report
    chunk = .allocate(byteCount: Self.chunkBytes, alignment: 16)
    let watch = watchesByDescriptor ? trimtab_pidfd_open(processGroup) : -1
    if watch >= 0 {
      leaderWatch = Descriptor(owning: watch)
    } else {
      nextLeaderCheck = MonotonicTime(nanoseconds: 0)
    }
  }

  deinit {
    if status == nil {
      // Abandoned: the leader may stay uncollected till this process ends, but nothing of the trial goes on.
      if collected == nil || !groupHasGone(processGroup) { kill(-processGroup, SIGKILL) }
      if collected == nil { _ = trimtab_wait(processGroup) }
      unlink(launch.reportPath)
      unlink(launch.stopPath)
    }
    chunk.deallocate()
  }

  // MARK: The event loop's side

  /// What to poll for POLLIN. Changes whenever events are handed out.
  public var descriptors: [Int32] { [output, report, leaderWatch].compactMap { $0?.number } }

  /// When `tick` has to be called at the latest; `nil`: not before a descriptor is readable.
  public var deadline: MonotonicTime? {
    if !undelivered.isEmpty { return MonotonicTime(nanoseconds: 0) }
    guard status == nil else { return nil }
    return [ending.deadline, nextLeaderCheck].compactMap { $0 }.min()
  }

  /// Reads a part of what is there. Never blocks.
  public func handleReadable(_ descriptor: Int32, now: MonotonicTime) -> [ProcessEvent] {
    var events = takeUndelivered()
    if descriptor == report?.number {
      readReports(atMost: Self.chunksPerReadiness * Self.chunkBytes, into: &events)
    } else if descriptor == output?.number {
      readOutput(atMost: Self.chunksPerReadiness * Self.chunkBytes, into: &events)
    } else if descriptor == leaderWatch?.number {
      checkLeader(now: now, into: &events)
    }
    return events
  }

  /// Does what is due.
  public func tick(now: MonotonicTime) -> [ProcessEvent] {
    var events = takeUndelivered()
    if let check = nextLeaderCheck, now >= check {
      nextLeaderCheck = now.advanced(by: Self.leaderCheckInterval)
      checkLeader(now: now, into: &events)
    }
    perform(ending.tick(now: now), into: &events)
    return events
  }

  // MARK: The tuner's side

  /// Asks the trial to end: makes the stop file, sends SIGTERM to the group (after thawing it), and SIGKILL once the grace
  /// has passed, even if the leader has gone by then and others of its group have not. Asked again, it can only shorten
  /// the grace. Zero ends the group at the next `tick`.
  public func stop(grace: Duration, now: MonotonicTime) {
    guard status == nil else { return }
    if collected == nil { makeStopFile() }
    perform(ending.requestStop(grace: grace, now: now), into: &undelivered)
  }

  /// Stops the group's use of the processor (SIGSTOP); its memory stays. Does nothing once the trial is ending.
  public func freeze() {
    guard case .running = ending.phase, !isFrozen, kill(-processGroup, SIGSTOP) == 0 else { return }
    isFrozen = true
  }

  /// Lets a frozen group go on (SIGCONT).
  public func thaw() {
    guard isFrozen, collected == nil, kill(-processGroup, SIGCONT) == 0 else { return }
    isFrozen = false
  }

  /// The group's resident memory in bytes, where what processes share counts for each; `nil` where there is no /proc.
  /// Reads the whole process table: with many trials use `ProcessTable` once for all of them.
  public func residentBytes() -> UInt64? { ProcessTable.read()?.residentBytes(ofGroup: processGroup) }

  // MARK: The end

  private func checkLeader(now: MonotonicTime, into events: inout [ProcessEvent]) {
    guard collected == nil, trimtab_has_exited(processGroup) != 0 else { return }
    // Not collected yet, the leader still holds the group's number, so that the signals can't reach a stranger.
    perform(ending.leaderExited(leftoverGrace: launch.leftoverGrace, now: now), into: &events)
    let result = trimtab_wait(processGroup)
    let outcome: ExitStatus.Outcome =
      switch result.state {
      case 1: .exited(code: result.code)
      case 2: .signalled(number: result.code)
      default: .uncollected
      }
    let usage = ProcessUsage(
      userSeconds: result.user_seconds, systemSeconds: result.system_seconds,
      maxResidentBytes: result.max_resident_bytes)
    collected = (outcome, usage)
    leaderWatch = nil
    nextLeaderCheck = nil
    leftProcessesBehind = !groupHasGone(processGroup)
    if !leftProcessesBehind { finish(groupHasGone: true, into: &events) }
  }

  private func perform(_ actions: [GroupEnding.Action], into events: inout [ProcessEvent]) {
    for action in actions where status == nil {
      switch action {
      case .terminate:
        kill(-processGroup, SIGTERM)
        kill(-processGroup, SIGCONT)
        isFrozen = false
      case .kill: kill(-processGroup, SIGKILL)
      case .probe:
        if groupHasGone(processGroup) { finish(groupHasGone: true, into: &events) }
      case .giveUp: finish(groupHasGone: false, into: &events)
      }
    }
  }

  private func finish(groupHasGone: Bool, into events: inout [ProcessEvent]) {
    guard let collected else { return }
    drain(into: &events)
    deliver(.report, into: &events) { reportLines.finish(into: &$0) }
    deliver(.output, into: &events) { outputLines.finish(into: &$0) }
    output = nil
    report = nil
    ending.finish()
    for path in [launch.reportPath, launch.stopPath] where unlink(path) != 0 && errno != ENOENT {
      events.append(.problem(.notRemoved(path: path, errorNumber: errno)))
    }
    if groupHasGone { processGuard?.forget(processGroup) }
    let status = ExitStatus(
      outcome: collected.outcome, usage: collected.usage, leftProcessesBehind: leftProcessesBehind,
      groupHasGone: groupHasGone, discardedLogBytes: log.discardedBytes)
    self.status = status
    events.append(.exited(status))
  }

  private func makeStopFile() {
    let number = open(launch.stopPath, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard number >= 0 else {
      undelivered.append(.problem(.stopFileNotMade(path: launch.stopPath, errorNumber: errno)))
      return
    }
    close(number)
  }

  private func takeUndelivered() -> [ProcessEvent] {
    guard !undelivered.isEmpty else { return [] }
    defer { undelivered = [] }
    return undelivered
  }

  // MARK: Reading

  /// Reads what is in the pipe and the FIFO now, and no more: a process left behind may go on writing for ever.
  private func drain(into events: inout [ProcessEvent]) {
    if let report { readReports(atMost: Int(max(0, trimtab_bytes_waiting(report.number))), into: &events) }
    if let output { readOutput(atMost: Int(max(0, trimtab_bytes_waiting(output.number))), into: &events) }
  }

  private func readReports(atMost limit: Int, into events: inout [ProcessEvent]) {
    let goesOn = read(report, .report, atMost: limit, into: &events) { bytes, events in
      self.deliver(.report, into: &events) { self.reportLines.append(bytes, into: &$0) }
    }
    if !goesOn { report = nil }
  }

  private func readOutput(atMost limit: Int, into events: inout [ProcessEvent]) {
    let goesOn = read(output, .output, atMost: limit, into: &events) { bytes, events in
      if let problem = self.log.append(bytes) { events.append(.problem(problem)) }
      if self.wantsOutputLines {
        self.deliver(.output, into: &events) { self.outputLines.append(bytes, into: &$0) }
      }
    }
    if !goesOn { output = nil }
  }

  /// `false`: nothing will ever come again.
  private func read(
    _ source: Descriptor?, _ channel: ProcessChannel, atMost limit: Int, into events: inout [ProcessEvent],
    _ body: (UnsafeRawBufferPointer, inout [ProcessEvent]) -> Void
  ) -> Bool {
    guard let source else { return false }
    var rest = limit
    while rest > 0 {
      let count = readBytes(source.number, atMost: min(rest, chunk.count))
      if count < 0 {
        if errno == EINTR { continue }
        if errno == EAGAIN { return true }
        events.append(.problem(.notReadable(channel, errorNumber: errno)))
        return false
      }
      if count == 0 { return false }
      body(UnsafeRawBufferPointer(rebasing: chunk[..<count]), &events)
      rest -= count
    }
    return true
  }

  private func readBytes(_ descriptor: Int32, atMost count: Int) -> Int {
    #if canImport(Glibc)
      return Glibc.read(descriptor, chunk.baseAddress, count)
    #else
      return Darwin.read(descriptor, chunk.baseAddress, count)
    #endif
  }

  private func deliver(
    _ channel: ProcessChannel, into events: inout [ProcessEvent], _ cut: (inout [LineSplitter.Piece]) -> Void
  ) {
    var pieces: [LineSplitter.Piece] = []
    cut(&pieces)
    for piece in pieces {
      switch (piece, channel) {
      case (.line(let bytes), .output): events.append(.outputLine(Array(String(decoding: bytes, as: UTF8.self).utf8)))
      case (.line(let bytes), .report): events.append(.reportLine(String(decoding: bytes, as: UTF8.self)))
      case (.oversized(let beginning), let channel):
        events.append(.oversizedLine(channel, beginning: String(decoding: beginning, as: UTF8.self)))
      }
    }
  }
}
