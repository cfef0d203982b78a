import ArgumentParser
import Trimtab

struct TrimtabCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trimtab",
    abstract: "Tune any program's hyperparameters, and lose no result.",
    version: programVersion,
    subcommands: [
      InitCommand.self,
      TuneCommand.self,
      AskTellCommand.self,
      WatchCommand.self,
      StatusCommand.self,
      TrialsCommand.self,
      BestCommand.self,
      ShowCommand.self,
      LogCommand.self,
      ReplayCommand.self,
      ImportCommand.self,
      ExportCommand.self,
      DoctorCommand.self,
      ReportCommand.self,
      ProposeCommand.self,
      EnqueueCommand.self,
      AmendCommand.self,
      MethodsCommand.self,
      ScaleCommand.self,
      BenchCommand.self,
      GuardCommand.self,
    ])
}
