import Trimtab
import TrimtabBenchmarks

/// Seconds of a simulated study with 8 workers, on a problem that costs nothing to evaluate.
enum Simulated {
  static func measure(scheduler: String, trials: Int, sampler: String) throws {
    let problem = try ProblemLibrary(folders: []).problem(ProblemEntry("mfh6"))
    let usesFidelity = scheduler != "full"
    let spec = StudySpec(
      name: "simulated", space: problem.space, objectives: problem.objectives,
      fidelity: usesFidelity ? problem.fidelity : nil,
      method: MethodSpec(sampler: PartSpec(sampler), scheduler: PartSpec(scheduler)), budget: Budget(trials: trials),
      parallel: 8, seed: 7)
    let start = Speed.seconds()
    let time = VirtualTime()
    let optimiser = try SessionOptimiser(spec, clock: { time.milliseconds })
    let trace = try Simulation(problem: problem, workers: 8, budget: SimulationBudget(), seed: 7).run(
      optimiser, time: time, usesFidelity: usesFidelity)
    Speed.report([
      "scheduler": .string(scheduler), "sampler": .string(sampler), "trials": .integer(trace.trials),
      "events": .integer(optimiser.state.eventCount), "seconds": .number(Speed.seconds() - start),
    ])
  }
}
