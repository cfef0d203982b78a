import CSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The steps from a `Launch` to a running process.
enum TrialStart {
  static func request(for launch: Launch) throws(LaunchError) -> SpawnRequest {
    guard let program = launch.arguments.first else { throw .emptyCommand }
    let paths = [launch.workingDirectory, launch.logPath, launch.reportPath, launch.stopPath]
    for path in paths where path.isEmpty || path.utf8.contains(0) { throw .unusableText(place: "the path '\(path)'") }
    var information = stat()
    guard stat(launch.workingDirectory, &information) == 0 else {
      throw .workingDirectoryUnusable(path: launch.workingDirectory, errorNumber: errno)
    }
    guard information.st_mode & S_IFMT == S_IFDIR else {
      throw .workingDirectoryUnusable(path: launch.workingDirectory, errorNumber: ENOTDIR)
    }
    let path = try ProgramPath.resolve(
      program, searchPath: launch.environment.first { $0.name == "PATH" }?.value,
      workingDirectory: launch.workingDirectory)
    var request = SpawnRequest(path: path, arguments: launch.arguments)
    request.environment = launch.environment
    request.workingDirectory = launch.workingDirectory
    request.limits = launch.limits
    request.diesWithParent = true
    return request
  }

  /// Held open for writing too, so that writers come and go without this end seeing the stream end, and none of them gets
  /// SIGPIPE.
  static func makeReport(_ path: String) throws(LaunchError) -> Descriptor {
    var information = stat()
    if lstat(path, &information) == 0, information.st_mode & S_IFMT == S_IFIFO { unlink(path) }
    guard mkfifo(path, 0o600) == 0 else {
      throw .fileUnusable(path: path, operation: "make the FIFO for reports", errorNumber: errno)
    }
    let number = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
    guard number >= 0 else {
      let error = LaunchError.fileUnusable(path: path, operation: "open the FIFO for reports", errorNumber: errno)
      unlink(path)
      throw error
    }
    return Descriptor(owning: number)
  }

  static func start(
    _ request: SpawnRequest, guardedBy processGuard: ProcessGuard?
  ) throws(LaunchError) -> (group: pid_t, output: Descriptor) {
    var ends: [Int32] = [-1, -1]
    guard trimtab_pipe(&ends) == 0 else { throw .systemCall(name: "pipe2", errorNumber: errno) }
    let readEnd = Descriptor(owning: ends[0])
    let writeEnd = Descriptor(owning: ends[1])
    var request = request
    request.output = writeEnd.number
    let group = try withExtendedLifetime(writeEnd) { () throws(LaunchError) in
      if let processGuard { return try processGuard.spawn(request) }
      return try request.spawn()
    }
    return (group, readEnd)
  }
}
