import ArgumentParser
import Trimtab

/// What this program runs as beside a tuner, to end its trials should it be killed.
struct GuardCommand: ParsableCommand {
  static let name = "guard"
  static let configuration = CommandConfiguration(
    commandName: name, abstract: "Used by 'trimtab tune' for a process of its own.", shouldDisplay: false)

  func run() throws { throw ExitCode(runGuard()) }
}
