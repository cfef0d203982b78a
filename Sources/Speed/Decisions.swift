import Trimtab

/// Processor seconds of what ASHA decides beside many trials: what comes next, and whether a trial that has reported goes on.
enum Decisions {
  /// - Parameters:
  ///   - trials: so many have come to their end before.
  ///   - measured: so many more are measured.
  static func measure(sampler: String, trials: Int, measured: Int) throws {
    var study = try Study(sampler: sampler)
    for number in 0..<trials { try study.run(study.state.spec.space.sample(seed: 99, index: UInt64(number))) }
    study.verdicts = []
    var proposals: [Double] = []
    for _ in 0..<measured {
      let start = MixedAsk.processorSeconds()
      let proposal = try study.method.propose(state: study.state, mayStartNew: true) { _ in true }
      proposals.append(MixedAsk.processorSeconds() - start)
      guard case .new(let configuration, _, _) = proposal else { throw Speed.Usage(text: "nothing was proposed") }
      try study.run(configuration)
    }
    proposals.sort()
    let verdicts = study.verdicts.sorted()
    Speed.report([
      "sampler": .string(sampler), "trials": .integer(trials), "reports": .integer(study.reports),
      "first_proposal_s": .number(proposals.last ?? 0), "proposal_s": .number(proposals[proposals.count / 2]),
      "verdict_s": .number(verdicts[verdicts.count / 2]), "verdict_p99_s": .number(verdicts[verdicts.count * 99 / 100]),
    ])
  }

  private struct Study {
    var state: StudyState
    var method: Method
    var verdicts: [Double] = []
    var reports = 0
    private var time: Timestamp = 1

    init(sampler: String) throws {
      let spec = StudySpec(
        name: "bench", space: try Space((0..<4).map { try .float("x\($0)", 0...1) }),
        objectives: [Objective(metric: "loss")], fidelity: Fidelity(name: "epoch", maximum: 81),
        method: MethodSpec(
          sampler: PartSpec(sampler), scheduler: PartSpec("asha", options: ["variant": .text("stopping")])), seed: 7)
      let first = Event(time: 0, .studyCreated(specification: spec.json.text))
      state = try StudyState(first: first)
      method = try Catalogue.makeMethod(state.spec)
      method.absorb(first, state: state)
    }

    private mutating func append(_ body: Event.Body) throws {
      let event = Event(time: time, body)
      time += 1
      try state.absorb(event)
      method.absorb(event, state: state)
    }

    /// A trial from its proposal to its end, which is where it is told to stop.
    mutating func run(_ configuration: Configuration) throws {
      let trial = state.trials.count
      try append(.trialProposed(trial, .new(configuration), target: 81, Annotation(origin: .design)))
      try append(.trialStarted(trial, worker: 1))
      for level in [1.0, 3, 9, 27, 81] {
        let distance = configuration.slots.reduce(0) { $0 + ($1 - 0.4) * ($1 - 0.4) }
        let start = MixedAsk.processorSeconds()
        try append(.reported(trial, resource: level, [MetricValue("loss", distance + 1 / level)]))
        let verdict = method.verdict(on: trial, state: state)
        verdicts.append(MixedAsk.processorSeconds() - start)
        reports += 1
        guard verdict == .proceed else {
          try append(.trialStopped(trial, .method, seconds: 0))
          return
        }
      }
      try append(.trialCompleted(trial, seconds: 0))
    }
  }
}
