import ArgumentParser
import Trimtab

/// Where proposed runs go.
struct QueueOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Put the proposed runs in the queue of this study.", valueName: "study"))
  var enqueue: String?

  @Option(
    help: ArgumentHelp(
      "With --enqueue: the value of a parameter that the law does not speak of.", valueName: "name=value"))
  var set: [String] = []

  struct Queued {
    var trials: [TrialNumber]
    var advice: String
  }

  func add(_ runs: [[(name: String, value: Double)]], to study: String) throws -> Queued {
    let queue = try TrialQueue(study)
    let trials = try queue.add(runs, others: try assignments(set, option: "--set"))
    return Queued(trials: trials, advice: queue.advice(trials.count))
  }
}
