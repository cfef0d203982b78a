import Trimtab

/// Reading a whole log back.
enum Replay {
  /// Writes a study of finished trials, in relaxed mode and large frames so that filling takes seconds.
  static func fill(store: String, trials: Int, parameters: Int) throws {
    let spec = try Speed.spec(parameters: parameters, sampler: "tpe", trials: trials, durability: .relaxed)
    let file = try SQLiteStore(path: store, access: .createOrOpen, durability: .relaxed)
    let (log, _) = try file.createOrOpenStudy("bench", firstFrame: Session.firstFrame(spec, at: 0))
    let codec = FrameCodec(objectives: ["loss"])
    var position = 1
    for trial in 0..<trials {
      let configuration = try spec.space.sample(seed: 99, index: UInt64(trial))
      let ask = [
        Event(time: Int64(trial), .trialProposed(trial, .new(configuration), target: nil, Annotation(origin: .design))),
        Event(time: Int64(trial), .trialStarted(trial, worker: 1)),
      ]
      let tell = [
        Event(
          time: Int64(trial), .reported(trial, resource: nil, [MetricValue("loss", Speed.objective(configuration))])
        ),
        Event(time: Int64(trial), .trialCompleted(trial, seconds: 0.1)),
      ]
      // One frame an ask and one a result, as in a study that was really run.
      for events in [ask, tell] {
        try log.append(from: position) { _, _ in
        } decide: {
          (position, codec.encode(events))
        }
        position += events.count
      }
    }
    Speed.report(["trials": .integer(trials), "bytes": .integer(log.appendedBytes)])
  }

  static func measure(store: String) throws {
    let start = Speed.seconds()
    let file = try SQLiteStore(path: store, access: .readOnly)
    let fold = try LogFold(log: try file.log(ofStudy: "bench"), makeMethod: { try Catalogue.makeMethod($0) })
    let elapsed = Speed.seconds() - start
    Speed.report([
      "events": .integer(fold.state.eventCount), "seconds": .number(elapsed),
      "events_per_second": .number(Double(fold.state.eventCount) / elapsed),
      "incumbent": fold.state.incumbent.map { .integer($0) },
    ])
  }
}
