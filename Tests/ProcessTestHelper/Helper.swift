import CSystem
import TrimtabRunning

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What tests need a real process for: a guard, a tuner that can be killed, and others that use a store.
func runHelper() -> Never {
  let arguments = CommandLine.arguments.dropFirst()
  switch arguments.first {
  case "guard": exit(runGuard())
  case "tuner" where arguments.count == 2: tune(in: arguments[2])
  case let command? where command.hasPrefix("store-"): exit(StoreHelper.run(Array(arguments)))
  default: exit(64)
  }
}

/// Locks byte 0 of FOLDER/lock, starts a guard and two trials whose children ignore SIGTERM, writes the numbers of the
/// guard and of the groups to FOLDER/started, and serves the trials until killed.
private func tune(in folder: String) -> Never {
  let lock = open(folder + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
  guard lock >= 0, trimtab_lock_byte(lock, 0, 1) == 0 else { exit(65) }
  do {
    let processGuard = try ProcessGuard.start(
      executable: CommandLine.arguments[0], arguments: ["guard"], inheriting: lock)
    var trials: [TrialProcess] = []
    for index in 0..<2 {
      let prefix = folder + "/\(index)"
      let launch = Launch(
        arguments: [
          "sh", "-c",
          "sh -c 'trap \"\" TERM HUP; touch \(prefix).ready; while :; do sleep 1; done' & sleep 1000",
        ],
        environment: [("PATH", "/usr/bin:/bin")], workingDirectory: folder, logPath: prefix + ".log",
        logLimitBytes: 1 << 20, reportPath: prefix + ".report", stopPath: prefix + ".stop")
      trials.append(try TrialProcess(launch: launch, guardedBy: processGuard))
    }
    while (0..<2).contains(where: { access(folder + "/\($0).ready", F_OK) != 0 }) { poll(nil, 0, 5) }
    let numbers = [processGuard.processNumber ?? 0] + trials.map(\.processGroup)
    try write(numbers.map(String.init).joined(separator: " "), to: folder + "/started")
    while true {
      var entries = trials.flatMap(\.descriptors).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      poll(&entries, nfds_t(entries.count), 100)
      for trial in trials {
        for entry in entries where entry.revents != 0 { _ = trial.handleReadable(entry.fd, now: .now()) }
        _ = trial.tick(now: .now())
      }
    }
  } catch {
    exit(66)
  }
}

/// Whole or not at all, for whoever waits for the file.
private func write(_ text: String, to path: String) throws(LaunchError) {
  let number = open(path + ".new", O_WRONLY | O_CREAT, 0o600)
  var bytes = Array(text.utf8)
  guard number >= 0, write(number, &bytes, bytes.count) == bytes.count, rename(path + ".new", path) == 0 else {
    throw .fileUnusable(path: path, operation: "write", errorNumber: errno)
  }
  close(number)
}
