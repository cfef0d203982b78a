import TrimtabSearchSpaces
import TrimtabStudies

/// A study in memory: its log, its state and its method, moved on one event at a time.
public struct StudyDriver: Sendable {
  public private(set) var state: StudyState
  public var method: Method
  public private(set) var events: [Event]
  /// The state after the first event, from which replays start.
  public let initial: StudyState
  private var time: Timestamp = 1

  /// - Throws: what the state or `makeMethod` throws.
  public init(_ spec: StudySpec, makeMethod: (StudySpec) throws -> Method) throws {
    let first = Event(time: 0, .studyCreated(specification: spec.json.text))
    initial = try StudyState(first: first)
    state = initial
    events = [first]
    method = try makeMethod(initial.spec)
  }

  /// Records one event.
  /// - Throws: what the state throws when it may not follow.
  public mutating func append(_ body: Event.Body) throws { try append([body]) }

  /// Records events of one transaction, which have one time.
  /// - Throws: what the state throws when one may not follow.
  public mutating func append(_ bodies: [Event.Body]) throws {
    for body in bodies {
      let event = Event(time: time, body)
      try state.absorb(event)
      method.absorb(event, state: state)
      events.append(event)
    }
    time += 1
  }

  /// Starts the next trial: a queued one, or what the method proposes. Nil when there is nothing to do.
  public mutating func start(worker: WorkerID = 1, canResume: (TrialNumber) -> Bool = { _ in true }) throws
    -> TrialNumber?
  {
    if let queued = state.nextQueued(now: time, canResume: canResume) {
      try append(.trialStarted(queued, worker: worker))
      return queued
    }
    let mayStartNew = state.reachedLimit(now: time) == nil
    switch try method.propose(state: state, mayStartNew: mayStartNew, canResume: canResume) {
    case .wait, .exhausted: return nil
    case .new(let configuration, let target, let annotation):
      let trial = state.trials.count
      try append(.trialProposed(trial, .new(configuration), target: target, annotation))
      try append(.trialStarted(trial, worker: worker))
      return trial
    case .resume(let trial, let target, let annotation):
      try append(.trialProposed(trial, .resume, target: target, annotation))
      try append(.trialStarted(trial, worker: worker))
      return trial
    }
  }

  /// Records a report of the first objective and asks for the verdict.
  public mutating func report(_ trial: TrialNumber, resource: Double? = nil, _ value: Double) throws -> Verdict {
    try append(.reported(trial, resource: resource, [MetricValue(state.spec.objectives[0].metric, value)]))
    return method.verdict(on: trial, state: state)
  }

  /// Proposes, runs and completes one trial without fidelity. Returns its number, or nil when there is none to run.
  @discardableResult
  public mutating func runTrial(_ objective: (Configuration) -> Double) throws -> TrialNumber? {
    guard let trial = try start() else { return nil }
    _ = try report(trial, objective(state.history.configuration(trial)))
    try append(.trialCompleted(trial, seconds: 1))
    return trial
  }

  /// A method that has seen nothing but the log.
  public func replayed(makeMethod: (StudySpec) throws -> Method) throws -> Method {
    var state = initial
    var method = try makeMethod(initial.spec)
    for event in events.dropFirst() {
      try state.absorb(event)
      method.absorb(event, state: state)
    }
    return method
  }
}
