import Trimtab

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Processor seconds of proposals in a space of 20 parameters of every kind, in memory.
enum MixedAsk {
  /// Of a single proposal after a number of finished trials, the first one after reading the log included.
  /// - Parameter failing: that share of the space makes trials crash.
  static func measure(sampler: String, trials: Int, asks: Int, failing: Double = 0) throws {
    let session = try session(sampler: sampler, trials: trials, failing: failing)
    var times: [Double] = []
    for _ in 0..<asks { times.append(try askAndTell(session, failing: failing).seconds) }
    let sorted = times.sorted()
    Speed.report([
      "sampler": .string(sampler), "trials": .integer(trials), "first_cpu_s": .number(times[0]),
      "median_cpu_s": .number(sorted[sorted.count / 2]),
    ])
  }

  /// Of all proposals of a study from its beginning.
  static func run(sampler: String, trials: Int) throws {
    let session = try session(sampler: sampler, trials: 0)
    var total = 0.0
    var best = Double.infinity
    for _ in 0..<trials {
      let (seconds, loss) = try askAndTell(session)
      total += seconds
      best = min(best, loss)
    }
    Speed.report([
      "sampler": .string(sampler), "trials": .integer(trials), "cpu_s": .number(total), "best": .number(best),
      "peak_bytes": .integer(Reading.peakBytes()),
    ])
  }

  private static func askAndTell(_ session: Session, failing: Double = 0) throws -> (seconds: Double, loss: Double) {
    let start = processorSeconds()
    guard case .run(let run) = try session.ask() else { throw Speed.Usage(text: "no trial to run") }
    let seconds = processorSeconds() - start
    let loss = objective(run.configuration)
    if crashes(run.configuration, failing) {
      try session.fail(run.trial, .crash, message: "", seconds: 0)
      return (seconds, .infinity)
    }
    try session.complete(run.trial, [MetricValue("loss", loss)], seconds: 0)
    return (seconds, loss)
  }

  static func spec(sampler: String) throws -> StudySpec {
    StudySpec(
      name: "bench", space: try space(), objectives: [Objective(metric: "loss")],
      method: MethodSpec(sampler: PartSpec(sampler), scheduler: PartSpec("full")), seed: 7)
  }

  /// A trial from its proposal to its end.
  static func events(_ trial: TrialNumber, _ spec: StudySpec, failing: Double = 0) throws -> [Event] {
    let configuration = try spec.space.sample(seed: 99, index: UInt64(trial))
    let time = Int64(trial)
    let start = [
      Event(time: time, .trialProposed(trial, .new(configuration), target: nil, Annotation(origin: .design))),
      Event(time: time, .trialStarted(trial, worker: 1)),
    ]
    if crashes(configuration, failing) {
      return start + [Event(time: time, .trialFailed(trial, .crash, message: "", seconds: 0))]
    }
    return start + [
      Event(time: time, .reported(trial, resource: nil, [MetricValue("loss", objective(configuration))])),
      Event(time: time, .trialCompleted(trial, seconds: 0)),
    ]
  }

  /// Towards the upper end of the first parameter, the share of its range that is meant.
  private static func crashes(_ configuration: Configuration, _ failing: Double) -> Bool {
    configuration.slots[0] > 5 - 10 * failing
  }

  private static func session(sampler: String, trials: Int, failing: Double = 0) throws -> Session {
    let spec = try spec(sampler: sampler)
    let log = MemoryLog()
    let codec = FrameCodec(objectives: ["loss"])
    try log.append(from: 0) { _, _ in
    } decide: {
      (0, Session.firstFrame(spec, at: 0))
    }
    var position = 1
    for trial in 0..<trials {
      let events = try events(trial, spec, failing: failing)
      try log.append(from: position) { _, _ in
      } decide: {
        (position, codec.encode(events))
      }
      position += events.count
    }
    return try Session.open(log)
  }

  /// Four of each: linear, logarithmic, integer, choice, unit interval.
  private static func space() throws -> Space {
    try Space(
      (0..<20).map { i in
        switch i % 5 {
        case 0: try .float("x\(i)", -5...5)
        case 1: try .float("x\(i)", 1e-5...1, scale: .log)
        case 2: try .integer("x\(i)", 1...100)
        case 3: .categorical("x\(i)", ["a", "b", "c", "d"])
        default: try .float("x\(i)", 0...1)
        }
      })
  }

  private static func objective(_ configuration: Configuration) -> Double {
    var sum = 0.0
    for (i, value) in configuration.slots.enumerated() {
      let distance: Double
      switch i % 5 {
      case 0: distance = value / 5 - 0.3
      case 1: distance = log(value) / 12 + 0.5
      case 2: distance = (value - 30) / 100
      case 3: distance = [0.5, 0, 0.7, 0.4][Int(value)]
      default: distance = value - 0.6
      }
      sum += distance * distance
    }
    return sum
  }

  static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
