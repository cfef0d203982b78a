import TrimtabSearchSpaces
import TrimtabStudies

/// A study with a dozen trials and every kind of event, always the same to the byte.
public struct ScriptedStudy {
  public private(set) var events: [Event] = []
  public private(set) var state: StudyState
  private var time: Timestamp = 1_800_000_000_000

  public var objectives: [String] { state.spec.objectives.map(\.metric) }

  /// - Throws: nothing, unless the script itself is wrong.
  public static func spec(name: String = "scripted") throws -> StudySpec {
    let space = try Space([
      .float("learning_rate", 1e-4...1, scale: .log), .integer("layers", 1...8),
      .categorical("optimizer", ["sgd", "adam"]),
      Parameter.float("momentum", 0...0.99).when("optimizer == sgd"),
      Parameter("order", .permutation([.text("a"), .text("b"), .text("c")])),
      Parameter("mix", .simplex(["x", "y"])),
    ])
    return StudySpec(
      name: name, space: space, objectives: [Objective(metric: "loss")],
      fidelity: Fidelity(name: "epoch", maximum: 9, pause: .freeze),
      method: MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full")),
      budget: Budget(trials: 20, seconds: 3600), parallel: 2, command: ["./train", "--seed={seed}", "{flags}"],
      retries: Retries(failed: 1, lost: 1, backoff: 1), seed: 7)
  }

  public init(name: String = "scripted") throws {
    let first = Event(time: time, .studyCreated(specification: try Self.spec(name: name).json.text))
    events = [first]
    state = try StudyState(first: first)
    try run()
  }

  private mutating func append(_ body: Event.Body, after milliseconds: Timestamp = 250) throws {
    time += milliseconds
    let event = Event(time: time, body)
    try state.absorb(event)
    events.append(event)
  }

  private func configuration(_ i: Int) -> Configuration {
    let isSGD = i % 2 == 0
    return Configuration(slots: [
      [0.1, 0.01, 0.001, 0.25][i % 4], Double(1 + i % 8), isSGD ? 0 : 1, isSGD ? Double(i) / 16 : .nan,
      Double(i % 3), Double((i + 1) % 3), Double((i + 2) % 3), 0.25, 0.75,
    ])
  }

  private mutating func start(_ origin: Annotation.Origin = .design, worker: WorkerID = 0xA11CE) throws -> TrialNumber {
    let trial = state.trials.count
    var annotation = Annotation(origin: origin)
    annotation[.position] = trial
    try append(.trialProposed(trial, .new(configuration(trial)), target: 9, annotation), after: 0)
    try append(.trialStarted(trial, worker: worker), after: 0)
    return trial
  }

  private mutating func report(_ trial: TrialNumber, at epochs: ClosedRange<Int>, _ base: Double) throws {
    for epoch in epochs {
      try append(
        .reported(
          trial, resource: Double(epoch),
          [MetricValue("loss", base + 1 / Double(epoch)), MetricValue("accuracy", 1 - base / 2)]))
    }
  }

  private mutating func complete(_ trial: TrialNumber, from first: Int = 1, _ base: Double) throws {
    try report(trial, at: first...9, base)
    try append(.trialCompleted(trial, seconds: 2.25), after: 0)
  }

  private mutating func run() throws {
    // 0: what a person asked for first. 1: the defaults.
    for origin in [Annotation.Origin.user, .defaults] {
      let trial = state.trials.count
      try append(.trialProposed(trial, .enqueued(configuration(trial)), target: 9, Annotation(origin: origin)))
      try append(.trialStarted(trial, worker: 0xA11CE))
      try complete(trial, origin == .user ? 0.5 : 0.25)
    }
    // 2: stopped early. 3: paused, frozen, lost in the freezer, resumed, completed.
    let stopped = try start()
    try report(stopped, at: 1...3, 0.75)
    try append(.trialStopped(stopped, .method, seconds: 0.75))
    let frozen = try start()
    try report(frozen, at: 1...3, 0.125)
    try append(.trialPaused(frozen, isFrozen: true, seconds: 0.75))
    try append(.trialLost(frozen))
    try append(.trialProposed(frozen, .resume, target: 9, Annotation(origin: .design)))
    try append(.trialStarted(frozen, worker: 0xB0B))
    try complete(frozen, from: 4, 0.125)
    // 4: crashes, is tried again, crashes. 5: time-out. 6: out of memory. 7: rejected. 8: NaN.
    let crashed = try start(.model)
    try append(.trialFailed(crashed, .crash, message: "exit status 1\nTraceback: \"quoted\", and so on", seconds: 0.5))
    try append(.trialStarted(crashed, worker: 0xA11CE), after: 2000)
    try append(.trialFailed(crashed, .crash, message: "signal 11", seconds: 0.5))
    let slow = try start(.fallback)
    try append(.trialFailed(slow, .timeout, message: "ran for longer than 1h", seconds: 3))
    try append(.trialStarted(slow, worker: 0xA11CE), after: 2000)
    try append(.trialFailed(slow, .outOfMemory, message: "more than 2 GiB", seconds: 3))
    let large = try start(.model)
    try append(.trialFailed(large, .outOfMemory, message: "more than 2 GiB", seconds: 1))
    try append(.trialStarted(large, worker: 0xA11CE), after: 2000)
    try append(.trialFailed(large, .timeout, message: "ran for longer than 1h", seconds: 1))
    let rejected = try start(.model)
    try append(.trialFailed(rejected, .rejected, message: "layers must be even — ¡nö!", seconds: 0.1))
    let invalid = try start(.model)
    try append(.reported(invalid, resource: 1, [MetricValue("loss", .nan)]))
    try append(.trialFailed(invalid, .invalidValue, message: "the objective 'loss' is nan", seconds: 0.1))
    // 9: lost twice. 10: a clone of the best, given back, and completed. 11: an amended space; stopped by hand.
    let lost = try start(worker: 0xDEAD)
    try append(.trialLost(lost))
    try append(.trialStarted(lost, worker: 0xDEAF))
    try append(.trialLost(lost))
    let clone = state.trials.count
    var annotation = Annotation(origin: .model)
    annotation[.parent] = frozen
    annotation[.generation] = 2
    try append(.trialProposed(clone, .clone(of: frozen, configuration(clone)), target: 9, annotation))
    try append(.trialStarted(clone, worker: 0xB0B))
    try report(clone, at: 1...2, 0.0625)
    try append(.trialReleased(clone, seconds: 0.5))
    try append(.trialStarted(clone, worker: 0xB0B))
    try complete(clone, from: 3, 0.0625)
    var spec = state.spec
    spec.space = try spec.space.appending(.boolean("nesterov"))
    spec.budget.trials = 30
    try append(.studyAmended(specification: spec.json.text), after: 60_000)
    let user = try start()
    try append(.trialStopped(user, .user, seconds: 1))
    // 12: stopped with the budget. 13: paused. 14: running. 15: waiting.
    let late = try start()
    try append(.trialStopped(late, .budget, seconds: 1))
    let paused = try start()
    try report(paused, at: 1...1, 0.9)
    try append(.trialPaused(paused, isFrozen: false, seconds: 0.25))
    let running = try start()
    try report(running, at: 1...2, 0.6)
    let waiting = state.trials.count
    try append(
      .trialProposed(waiting, .enqueued(configuration(waiting)), target: 9, Annotation(origin: .user)))
  }

  /// The events as the frames of a log: a transaction here and there has several.
  public func frames() -> [(position: Int, bytes: [UInt8])] {
    let codec = FrameCodec(objectives: objectives)
    var frames: [(position: Int, bytes: [UInt8])] = []
    var position = 0
    while position < events.count {
      var end = position + 1
      if case .trialProposed = events[position].body, end < events.count, case .trialStarted = events[end].body {
        end += 1
      }
      frames.append((position, codec.encode(Array(events[position..<end]))))
      position = end
    }
    return frames
  }
}
