import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// A study in which anything happens that may, and much is tried that may not.
public struct EventStorm {
  private var stream: RandomStream
  public private(set) var state: StudyState
  public private(set) var events: [Event]
  private var time: Timestamp = 1_800_000_000_000

  public init(_ spec: StudySpec, seed: UInt64) throws {
    stream = RandomStream(seed: seed, purpose: stableHash("event storm"), index: 0)
    let first = Event(time: time, .studyCreated(specification: spec.json.text))
    state = try StudyState(first: first)
    events = [first]
  }

  /// A specification with fidelity, conditions, two objectives, retries and a cost metric.
  public static func spec(hasFidelity: Bool, objectives: Int = 1, hasCost: Bool = false) throws -> StudySpec {
    let space = try Space([
      .float("lr", 1e-4...1, scale: .log), .integer("layers", 1...8), .categorical("optimizer", ["sgd", "adam"]),
      Parameter.float("momentum", 0...0.99).when("optimizer == sgd"),
    ])
    return StudySpec(
      name: "storm", space: space,
      objectives: Array([Objective(metric: "loss"), Objective(metric: "acc", goal: .maximize)].prefix(objectives)),
      fidelity: hasFidelity ? Fidelity(name: "epoch", maximum: 9, pause: .freeze) : nil,
      method: MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full")),
      retries: Retries(failed: 1, lost: 1), seed: 1, costMetric: hasCost ? "price" : nil)
  }

  private mutating func value() -> Double {
    switch stream.index(below: 12) {
    case 0: .nan
    case 1: .infinity
    case 2: 0.5
    default: (stream.uniform() * 1000).rounded() / 1000
    }
  }

  /// Mostly a trial in one of these states, sometimes any number.
  private mutating func trial(_ states: TrialState...) -> TrialNumber {
    let fitting = state.trials.indices.filter { states.contains(state.trials[$0].state) }
    if fitting.isEmpty || stream.index(below: 4) == 0 { return stream.index(below: state.trials.count + 2) - 1 }
    return fitting[stream.index(below: fitting.count)]
  }

  private mutating func metrics() -> [MetricValue] {
    var metrics: [MetricValue] = []
    for name in ["loss", "acc", "price", "other"] where stream.index(below: 3) > 0 {
      metrics.append(MetricValue(name, value()))
    }
    return metrics
  }

  private mutating func body() throws -> Event.Body {
    let seconds = Double(stream.index(below: 100_000)) / 1000
    switch stream.index(below: 16) {
    case 0, 1:
      let configuration = try state.spec.space.sample(seed: stream.next(), index: 0)
      var annotation = Annotation(origin: Annotation.Origin.allCases[stream.index(below: 5)])
      annotation[.bracket] = stream.index(below: 3)
      let kind: ProposalKind =
        switch stream.index(below: 4) {
        case 0: .enqueued(configuration)
        case 1 where !state.trials.isEmpty: .clone(of: stream.index(below: state.trials.count), configuration)
        default: .new(configuration)
        }
      let number = stream.index(below: 8) == 0 ? trial(.running) : state.trials.count
      return .trialProposed(number, kind, target: state.spec.fidelity == nil ? nil : 9, annotation)
    case 2: return .trialProposed(trial(.paused), .resume, target: 9, Annotation())
    case 3, 4, 5: return .trialStarted(trial(.waiting), worker: UInt64(1 + stream.index(below: 3)))
    case 6, 7, 8, 9:
      let resource = stream.index(below: 6) == 0 ? nil : Double(1 + stream.index(below: 9))
      return .reported(
        trial(.running), resource: state.spec.fidelity == nil && stream.index(below: 2) == 0 ? nil : resource, metrics()
      )
    case 10: return .trialPaused(trial(.running), isFrozen: stream.index(below: 2) == 0, seconds: seconds)
    case 11 where stream.index(below: 3) == 0:
      return .trialStopped(
        trial(.waiting, .running, .paused), StopReason.allCases[stream.index(below: 3)], seconds: seconds)
    case 12: return .trialCompleted(trial(.running), seconds: seconds)
    case 11, 13:
      return .trialFailed(
        trial(.running), FailureKind.allCases[stream.index(below: 6)], message: "no", seconds: seconds)
    case 14: return .trialLost(trial(.running, .paused))
    default: return .trialReleased(trial(.running), seconds: seconds)
    }
  }

  /// Tries one event.
  /// - Returns: whether it was accepted.
  public mutating func step() throws -> Bool {
    time += Timestamp(stream.index(below: 5000)) - 500
    let event = Event(time: time, try body())
    do {
      try state.absorb(event)
    } catch is EventError {
      return false
    }
    events.append(event)
    return true
  }
}
