import ArgumentParser
import Trimtab

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Print the events of a study, which are all that is known of it.")

  @OptionGroup var study: StudyArguments

  @Option(
    parsing: .unconditional, help: "Begin with this event; the first is 0. A negative number counts from the end.")
  var from: Int = 0

  @Option(help: "Only events of this trial.")
  var trial: Int?

  @Flag(help: "Go on as events are added, until Ctrl-C.")
  var follow = false

  @Flag(help: "Print each event as a JSON object on a line (docs/json.md).")
  var json = false

  /// How often a followed log is looked at.
  private static let pause: UInt32 = 200_000

  func run() throws {
    try reporting {
      let log = try study.locate().openLog()
      let first = from >= 0 ? from : max(0, try LogFold.state(of: log).eventCount + from)
      let follower = LogFollower(log)
      repeat {
        try follower.readNew { sequence, event, state in
          guard sequence >= first, trial == nil || event.trial == trial else { return }
          print(json ? LogText.json(sequence, event, state).text : LogText.line(sequence, event, state))
        }
        if let trial, !follow, !(follower.state?.trials.indices.contains(trial) ?? false) {
          throw CommandError(.notFound, "there is no trial \(trial)")
        }
        guard follow else { return }
        fflush(nil)
        usleep(Self.pause)
      } while true
    }
  }
}

/// A log read event by event, with the state that each led to.
final class LogFollower {
  private let log: any StudyLog
  private var reader = LogReader()
  private(set) var state: StudyState?

  init(_ log: any StudyLog) { self.log = log }

  /// - Throws: what `LogReader.read` and `StudyState.absorb` throw.
  func readNew(_ body: (_ sequence: Int, _ event: Event, _ state: StudyState) throws -> Void) throws {
    try reader.read(log) { sequence, event in
      if state == nil { state = try StudyState(first: event) } else { try state?.absorb(event) }
      if let state { try body(sequence, event, state) }
    }
  }
}
