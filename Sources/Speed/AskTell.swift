import Trimtab

/// Seconds of one ask and one tell, in memory, after a number of finished trials.
enum AskTell {
  static func measure(sampler: String, trials: Int, asks: Int) throws {
    var spec = try Speed.spec(parameters: 20, sampler: sampler, trials: nil)
    spec.seed = 7
    let log = MemoryLog()
    // The trials before the measurement are drawn at random and written to the log as they are.
    let codec = FrameCodec(objectives: ["loss"])
    try log.append(from: 0) { _, _ in
    } decide: {
      (0, Session.firstFrame(spec, at: 0))
    }
    var position = 1
    for trial in 0..<trials {
      let configuration = try spec.space.sample(seed: 99, index: UInt64(trial))
      let events = [
        Event(time: Int64(trial), .trialProposed(trial, .new(configuration), target: nil, Annotation(origin: .design))),
        Event(time: Int64(trial), .trialStarted(trial, worker: 1)),
        Event(
          time: Int64(trial), .reported(trial, resource: nil, [MetricValue("loss", Speed.objective(configuration))])
        ),
        Event(time: Int64(trial), .trialCompleted(trial, seconds: 0)),
      ]
      try log.append(from: position) { _, _ in
      } decide: {
        (position, codec.encode(events))
      }
      position += events.count
    }
    let session = try Session.open(log)
    var times: [Double] = []
    for _ in 0..<asks {
      let start = Speed.seconds()
      guard case .run(let run) = try session.ask() else { throw Speed.Usage(text: "no trial to run") }
      try session.complete(run.trial, [MetricValue("loss", Speed.objective(run.configuration))], seconds: 0)
      times.append(Speed.seconds() - start)
    }
    let at = Speed.quantiles(times, [0.5, 0.99])
    Speed.report([
      "sampler": .string(sampler), "trials": .integer(trials), "median_us": .number(at[0]), "p99_us": .number(at[1]),
      "mean_us": .number(times.reduce(0, +) / Double(times.count) * 1e6),
    ])
  }
}
