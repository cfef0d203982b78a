import ArgumentParser

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Compare optimisers on problems whose answers are known.",
    discussion: """
      A suite file names problems, methods, a budget and how often each run is repeated:

        suite: first
        problems: [branin, mfh6]
        methods: [random, tpe, {name: asha, sampler: random, scheduler: asha}]
        budget: {evaluations: 50}
        repetitions: 10

      'trimtab bench run' makes the runs, 'trimtab bench report' compares them.
      """,
    subcommands: [
      BenchRunCommand.self, BenchReportCommand.self, BenchSubsetCommand.self, BenchProblemsCommand.self,
      BenchPeersCommand.self,
    ])
}
