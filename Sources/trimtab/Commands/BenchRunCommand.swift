import ArgumentParser
import Dispatch
import Synchronization
import Trimtab
import TrimtabBenchmarks

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct BenchRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Make the runs of a suite.",
    discussion: """
      Every finished run is kept at once. The same command goes on where it was broken off, by whatever means, and \
      makes only what is new when the suite was changed. Ctrl-C lets the runs that have begun end.
      """)

  @OptionGroup var arguments: SuiteArguments

  @Option(help: ArgumentHelp("Runs at a time; the number of processors when left out.", valueName: "n"))
  var parallel: Int?

  @Flag(help: "Print each run as a JSON object on a line.")
  var json = false

  func validate() throws {
    if let parallel, !(1...1024).contains(parallel) { throw ValidationError("--parallel must be 1 … 1024") }
  }

  func run() throws {
    try reporting {
      let (suite, problems) = try arguments.open()
      let store = try ResultStore(path: arguments.resultsPath)
      let jobs = suite.jobs(arguments.seeds)
      let found = try jobs.count { try store.trace($0.definition) != nil }
      let runner = SuiteRunner(
        suite: suite, role: arguments.seeds, parallel: parallel ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))),
        problems: problems, startPeer: PeerOptimiser.start)
      let stop = StopRequest()
      try stop.watch()
      let view = BenchProgress(total: jobs.count, done: found, asJSON: json)
      view.begin(suite: suite.name, results: arguments.resultsPath)
      let left = try runner.run(into: store, shouldStop: { stop.isMade }) { view.show($0) }
      view.end(left: left, report: "trimtab bench report \(arguments.suite)")
      if stop.isMade, left > 0 { throw ExitCode(ExitStatus.interrupted.rawValue) }
      if left > 0 { throw ExitCode(ExitStatus.failure.rawValue) }
    }
  }
}

/// A person's wish that nothing new begins; the second one ends the program at once.
private final class StopRequest: Sendable {
  private let made = Atomic(false)

  var isMade: Bool { made.load(ordering: .relaxed) }

  /// Listens for signals on a thread of its own, for the rest of this process.
  func watch() throws {
    let signals = try InterruptSignals()
    DispatchQueue(label: "trimtab.signals").async {
      while true {
        signals.wait(milliseconds: 60_000)
        let requests = signals.newRequests()
        if requests > 1 || (requests == 1 && self.isMade) { _exit(ExitStatus.interrupted.rawValue) }
        if requests == 1 {
          self.made.store(true, ordering: .relaxed)
          printError("no further run begins; the ones that have begun end (Ctrl-C again ends at once)")
        }
      }
    }
  }
}
