import CSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A small process that outlives the tuner, should the tuner be killed, to end the trials' process groups.
///
/// Each trial makes its group known between fork and exec, over a socket that is the guard's standard input; so there is
/// no moment at which a program runs unknown to the guard. (Until then the kernel ends the child together with its
/// parent: PR_SET_PDEATHSIG, which by itself reaches only the leader.) The guard acts when that socket is closed or the
/// tuner has died. It lives in its own session and ignores the signals of a terminal.
///
/// A group is forgotten right after its last process was collected. Only if the tuner is killed within these microseconds,
/// and the kernel gives the number to another group at once, could the guard end a stranger.
public final class ProcessGuard {
  private static let readyMessage = Array("ready\n".utf8)
  private static let startPatience = Duration.seconds(10)

  private let executable: String
  private let arguments: [String]
  private let lockDescriptor: Int32?
  private var groups: Set<pid_t> = []
  private var process: pid_t?
  private var socket: Descriptor?

  private init(executable: String, arguments: [String], lockDescriptor: Int32?) {
    self.executable = executable
    self.arguments = arguments
    self.lockDescriptor = lockDescriptor
  }

  /// Starts the guard and waits until it is ready (some milliseconds; at most 10 s).
  ///
  /// - Parameters:
  ///   - executable: the program to run; it must call `runGuard()` when it gets `arguments`.
  ///   - arguments: without the program's name.
  ///   - lockDescriptor: of an open file that this process has locked (F_OFD_SETLK or flock). The guard keeps it open as
  ///     its descriptor 3, so that the lock is held till tuner and guard are gone, and with them every trial. The
  ///     descriptor must stay open as long as this object lives.
  /// - Throws: `LaunchError`.
  public static func start(
    executable: String, arguments: [String], inheriting lockDescriptor: Int32?
  ) throws(LaunchError) -> ProcessGuard {
    let made = ProcessGuard(executable: executable, arguments: arguments, lockDescriptor: lockDescriptor)
    try made.launch()
    return made
  }

  deinit { end() }

  /// Poll it for POLLIN: when it is readable, call `restartIfLost()`. Changes when the guard is started again.
  public var descriptor: Int32? { socket?.number }

  /// The guard's process number, while it runs.
  public var processNumber: Int32? { process }

  /// Starts another guard in place of one that has died, and tells it of all groups.
  ///
  /// - Returns: whether the guard had been lost.
  /// - Throws: `LaunchError` when no other comes up; trials that run go on unguarded then, and none can be started.
  @discardableResult
  public func restartIfLost() throws(LaunchError) -> Bool {
    guard hasBeenLost() else { return false }
    try launch()
    return true
  }

  /// Ends the guard, which kills every group not forgotten by now.
  public func end() {
    socket = nil
    collect()
  }

  // MARK: For TrialProcess

  /// Starts a program whose group the guard knows of before it runs.
  func spawn(_ request: SpawnRequest) throws(LaunchError) -> pid_t {
    guard let socket else { throw .guardLost }
    var request = request
    request.registry = socket.number
    do throws(LaunchError) {
      let group = try request.spawn()
      groups.insert(group)
      return group
    } catch {
      if error == .guardLost { condemn() }
      throw error
    }
  }

  /// The group has gone.
  func forget(_ group: pid_t) {
    groups.remove(group)
    if !send("-\(group)\n") { condemn() }
  }

  /// A guard that can't be told is dead or stuck, and must not act on what it knew: the next is told of what there is.
  /// `descriptor` becomes readable.
  private func condemn() {
    if let process { kill(process, SIGKILL) }
  }

  private func send(_ line: String) -> Bool {
    guard let socket else { return false }
    var bytes = Array(line.utf8)
    return trimtab_send(socket.number, &bytes, bytes.count) == bytes.count
  }

  // MARK: Its process

  private func launch() throws(LaunchError) {
    let ours = try spawnGuard()
    socket = ours
    if let reason = waitUntilReady(ours) {
      socket = nil
      if let process { kill(process, SIGKILL) }
      collect()
      throw .guardUnusable(executable: executable, reason: reason)
    }
    for group in groups.sorted() where !send("+\(group)\n") {
      condemn()
      throw .guardLost
    }
  }

  /// Starts the process, and returns this side's end of the socket. The other end is closed here by then, or its death
  /// would go unnoticed.
  private func spawnGuard() throws(LaunchError) -> Descriptor {
    var ends: [Int32] = [-1, -1]
    guard trimtab_socket_pair(&ends) == 0 else { throw .systemCall(name: "socketpair", errorNumber: errno) }
    let ours = Descriptor(owning: ends[0])
    let theirs = Descriptor(owning: ends[1])
    var request = SpawnRequest(path: executable, arguments: [executable] + arguments)
    request.input = theirs.number
    request.kept = lockDescriptor
    process = try withExtendedLifetime(theirs) { () throws(LaunchError) in try request.spawn() }
    return ours
  }

  /// `nil` once the guard has said that it is ready; else what is wrong.
  private func waitUntilReady(_ socket: Descriptor) -> String? {
    var entry = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
    let deadline = MonotonicTime.now().advanced(by: Self.startPatience)
    var said: [UInt8] = []
    while said.count < Self.readyMessage.count {
      let timeout = deadline.pollTimeout(from: .now())
      if timeout == 0 { return "it did not answer within \(Self.startPatience)" }
      guard poll(&entry, 1, timeout) > 0 else { continue }
      var buffer = [UInt8](repeating: 0, count: 64)
      let count = trimtab_receive(socket.number, &buffer, buffer.count)
      if count <= 0 { return "it ended at once" }
      said += buffer[..<count]
    }
    return said == Self.readyMessage ? nil : "it is not a guard"
  }

  private func hasBeenLost() -> Bool {
    guard let socket else { return true }
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = trimtab_receive(socket.number, &buffer, buffer.count)
    guard count == 0 || (count < 0 && errno != EAGAIN) else { return false }
    self.socket = nil
    collect()
    return true
  }

  /// The guard ends by itself once its socket is closed, within its patience for the groups.
  private func collect() {
    guard let process else { return }
    while waitpid(process, nil, 0) < 0, errno == EINTR {}
    self.process = nil
  }
}

/// The guard's own program: to be called by the executable given to `ProcessGuard.start`, with the descriptors as they are.
///
/// It waits until its standard input ends or its parent dies, then sends SIGKILL to every group that is still registered,
/// and waits until they have vanished, at most 5 s.
///
/// - Returns: the exit code: 0 if all have gone, else 1.
public func runGuard(inputDescriptor: Int32 = 0) -> Int32 {
  for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2] { signal(number, SIG_IGN) }
  // Copies of the tuner's end may live on in children that others forked without exec; so its death is watched too.
  let parent = trimtab_pidfd_open(getppid())
  var ready = Array("ready\n".utf8)
  _ = trimtab_send(inputDescriptor, &ready, ready.count)

  var ledger = GuardLedger()
  var buffer = [UInt8](repeating: 0, count: 4096)
  var entries = [pollfd(fd: inputDescriptor, events: Int16(POLLIN), revents: 0)]
  if parent >= 0 { entries.append(pollfd(fd: parent, events: Int16(POLLIN), revents: 0)) }
  while true {
    if poll(&entries, nfds_t(entries.count), -1) < 0 { continue }
    if entries[0].revents != 0 {
      let count = read(inputDescriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      if count <= 0 { break }
      ledger.absorb(buffer[..<count])
    } else if entries.count > 1, entries[1].revents != 0 {
      break
    }
  }
  return endGroups(ledger.groups, patience: .seconds(5))
}

private func endGroups(_ groups: Set<Int32>, patience: Duration) -> Int32 {
  let deadline = MonotonicTime.now().advanced(by: patience)
  var remaining = groups
  while !remaining.isEmpty {
    for group in remaining { kill(-group, SIGKILL) }
    remaining = remaining.filter { !groupHasGone($0) }
    if remaining.isEmpty { break }
    if MonotonicTime.now() >= deadline { return 1 }
    poll(nil, 0, 5)
  }
  return 0
}
