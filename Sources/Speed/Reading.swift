import Trimtab

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Processor seconds and memory of what a study keeps of trials that come to their end: its state, and what its sampler
/// learns from, in the space of 20 parameters of every kind.
enum Reading {
  /// - Parameter proposes: whether the sampler is asked for a proposal after every hundredth of the trials, as in a study that
  ///   goes on, so that models are there to be kept up to date.
  static func measure(sampler: String, trials: Int, proposes: Bool) throws {
    let spec = try MixedAsk.spec(sampler: sampler)
    let first = Event(time: 0, .studyCreated(specification: spec.json.text))
    let before = peakBytes()
    var state = try StudyState(first: first)
    var method = try Catalogue.makeMethod(state.spec)
    method.absorb(first, state: state)
    var times: [Double] = []
    times.reserveCapacity(trials)
    for trial in 0..<trials {
      let events = try MixedAsk.events(trial, spec)
      let start = MixedAsk.processorSeconds()
      for event in events {
        try state.absorb(event)
        method.absorb(event, state: state)
      }
      times.append(MixedAsk.processorSeconds() - start)
      if proposes, (trial + 1) % max(1, trials / 100) == 0 {
        _ = try method.propose(state: state, mayStartNew: true) { _ in true }
      }
    }
    let start = MixedAsk.processorSeconds()
    _ = try method.propose(state: state, mayStartNew: true) { _ in true }
    let proposal = MixedAsk.processorSeconds() - start
    let at = Speed.quantiles(times, [0.5, 0.99, 1])
    let last = times.suffix(max(1, trials / 10))
    Speed.report([
      "sampler": .string(sampler), "trials": .integer(trials),
      "mean_us": .number(times.reduce(0, +) / Double(trials) * 1e6),
      "mean_of_last_tenth_us": .number(last.reduce(0, +) / Double(last.count) * 1e6), "median_us": .number(at[0]),
      "p99_us": .number(at[1]), "max_us": .number(at[2]), "proposal_s": .number(proposal),
      "peak_bytes": .integer(peakBytes() - before),
    ])
  }

  /// The most memory that the process has had.
  static func peakBytes() -> Int {
    var usage = rusage()
    // RUSAGE_SELF, whose type differs between systems.
    getrusage(0, &usage)
    #if canImport(Darwin)
      return usage.ru_maxrss
    #else
      return usage.ru_maxrss * 1024
    #endif
  }
}
