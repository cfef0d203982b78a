import Dispatch
import TrimtabRunning
import TrimtabSearchSpaces
import TrimtabStudies

/// A study whose objective is a function of this program.
///
/// ```swift
/// let space = try Space([.float("x", -5...5), .float("y", -5...5)])
/// let study = try Study("quickstart", space: space, objective: Objective(metric: "loss"), budget: Budget(trials: 60))
/// try await study.optimize { trial in
///   let x = try trial.real("x"), y = try trial.real("y")
///   return (x - 1) * (x - 1) + (y + 2) * (y + 2)
/// }
/// ```
public final class Study: Sendable {
  private let confined: ConfinedSession
  public let spec: StudySpec
  /// Whether the study was created now, rather than found in the store.
  public let isNew: Bool

  /// Opens a study, or creates it in its store.
  /// - Throws: `MethodError`, `StoreError`, and what `Session.init` throws.
  public init(_ spec: StudySpec, store: StudyStore = .memory) throws {
    let (session, isNew) = try Session.openOrCreate(spec, in: store)
    self.spec = session.state.spec
    self.isNew = isNew
    confined = ConfinedSession(session)
  }

  /// A study in short: `auto`, and ASHA with two brackets when there is a fidelity.
  /// - Throws: as the other initialiser.
  public convenience init(
    _ name: String, space: Space, objective: Objective, fidelity: Fidelity? = nil, budget: Budget,
    method: MethodSpec? = nil, seed: UInt64? = nil, store: StudyStore = .memory
  ) throws {
    var standard = MethodSpec.usual(objectives: 1, fidelity: fidelity)
    // Trials in process cannot pause; where they are only stopped, whole runs at once gain nothing (docs/multi-fidelity.md).
    if fidelity != nil {
      standard.scheduler.options["variant"] = .text("stopping")
      standard.scheduler.options["direct"] = nil
    }
    try self.init(
      StudySpec(
        name: name, space: space, objectives: [objective], fidelity: fidelity, method: method ?? standard,
        budget: budget, seed: seed),
      store: store)
  }

  /// The study as its log says it is.
  /// - Throws: `StoreError` when the store cannot be read.
  public func state() async throws -> StudyState {
    try await confined.run { session in
      try session.catchUp()
      return session.state
    }
  }

  /// The best trial so far; nil while none has a value.
  public func best() async throws -> (
    trial: TrialNumber, value: Double, values: [(name: String, value: ParameterValue)]
  )? {
    let state = try await state()
    guard let trial = state.incumbent else { return nil }
    return (trial, state.trials[trial].value, state.spec.space.values(of: state.history.configuration(trial)))
  }

  /// Puts values in the queue of configurations to try next; parameters that are not named take their defaults.
  /// - Throws: `SpaceError` when a value does not fit.
  public func enqueue(_ values: [(name: String, value: ParameterValue)]) async throws {
    let configuration = try spec.space.configuration(values)
    _ = try await confined.run { session in try session.enqueue(configuration) }
  }

  /// Runs trials until the budget is spent.
  ///
  /// An error that the objective throws fails its trial, not the study. A trial that its scheduler pauses may be run
  /// again later: see `TrialContext.reached`.
  /// - Parameters:
  ///   - parallel: trials at a time.
  ///   - objective: gives the first objective's value.
  /// - Returns: why there is nothing left to do.
  /// - Throws: `StoreError` when the store fails; `CancellationError` when the task is cancelled.
  @discardableResult
  public func optimize(
    parallel: Int = 1, _ objective: @escaping @Sendable (TrialContext) async throws -> Double
  ) async throws -> String {
    try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<max(1, parallel) {
        group.addTask { try await self.work(objective) }
      }
      var reason = ""
      while let text = try await group.next() { reason = text }
      return reason
    }
  }

  private func work(_ objective: @Sendable (TrialContext) async throws -> Double) async throws -> String {
    while true {
      try Task.checkCancellation()
      switch try await confined.run({ session in try session.ask() }) {
      case .finished(let reason): return reason
      case .wait: try await Task.sleep(for: .milliseconds(10))
      case .run(let run): try await evaluate(run, objective)
      }
    }
  }

  private func evaluate(_ run: TrialRun, _ objective: @Sendable (TrialContext) async throws -> Double) async throws {
    let context = TrialContext(run: run, spec: spec, confined: confined)
    let clock = ContinuousClock()
    let start = clock.now
    func seconds() -> Double {
      let (whole, part) = (clock.now - start).components
      return Double(whole) + Double(part) * 1e-18
    }
    let metric = spec.objectives[0].metric
    let outcome: Result<Double, any Error>
    do {
      outcome = .success(try await objective(context))
    } catch {
      outcome = .failure(error)
    }
    let elapsed = seconds()
    try await confined.run { session in
      switch outcome {
      case .success(let value):
        let resource = run.target
        if let fidelity = session.state.spec.fidelity, let target = run.target,
          !Fidelity.reaches(target, fidelity.maximum)
        {
          _ = try session.report(run.trial, resource: target, [MetricValue(metric, value)])
          if session.verdict(on: run.trial) == .stop {
            try session.stop(run.trial, seconds: elapsed)
          } else {
            try session.pause(run.trial, seconds: elapsed)
          }
        } else {
          try session.complete(run.trial, resource: resource, [MetricValue(metric, value)], seconds: elapsed)
        }
      case .failure(let end as TrialEnd):
        switch end {
        case .pause: try session.pause(run.trial, seconds: elapsed)
        case .stop: try session.stop(run.trial, seconds: elapsed)
        case .reject(let reason): try session.fail(run.trial, .rejected, message: reason, seconds: elapsed)
        }
      case .failure(is CancellationError): try session.release(run.trial, seconds: elapsed)
      case .failure(let error):
        try session.fail(run.trial, .crash, message: String(describing: error), seconds: elapsed)
      }
    }
  }
}

/// Thrown out of an objective to end its trial.
public enum TrialEnd: Error, Sendable, Equatable {
  /// The scheduler frees the worker; the trial may go on later.
  case pause
  /// The scheduler gives the trial up.
  case stop
  /// The configuration is not acceptable.
  case reject(String)
}

/// What an objective sees of its trial.
public struct TrialContext: Sendable {
  public let run: TrialRun
  private let spec: StudySpec
  private let confined: ConfinedSession

  init(run: TrialRun, spec: StudySpec, confined: ConfinedSession) {
    self.run = run
    self.spec = spec
    self.confined = confined
  }

  public var number: TrialNumber { run.trial }
  public var seed: Int { run.seed }
  /// The resource to reach, absolute; nil without fidelity.
  public var target: Double? { run.target }
  /// The resource that earlier runs of this trial reached; 0 at first.
  public var reached: Double { run.reached }

  /// The value of a parameter; nil when it is inactive.
  /// - Throws: `SpaceError` when there is no such parameter.
  public func value(_ name: String) throws(SpaceError) -> ParameterValue? {
    guard let index = spec.space.index(of: name) else {
      throw SpaceError(
        "there is no such parameter", at: name, hint: suggestion(for: name, among: spec.space.parameters.map(\.name)))
    }
    return spec.space.value(of: index, in: run.configuration)
  }

  /// The value of an active numeric parameter.
  /// - Throws: `SpaceError` when it is not numeric or not active.
  public func real(_ name: String) throws(SpaceError) -> Double {
    switch try value(name) {
    case .real(let number): return number
    case .integer(let number): return Double(number)
    case .choice(let choice):
      if let number = choice.number { return number }
      throw SpaceError("is not a number", at: name)
    case nil: throw SpaceError("is not active in this configuration", at: name)
    case .permutation, .simplex: throw SpaceError("is not a number", at: name)
    }
  }

  /// The value of an active integer parameter.
  /// - Throws: `SpaceError` when it is not an integer or not active.
  public func integer(_ name: String) throws(SpaceError) -> Int {
    switch try value(name) {
    case .integer(let number), .choice(.integer(let number)): return number
    case nil: throw SpaceError("is not active in this configuration", at: name)
    default: throw SpaceError("is not an integer", at: name)
    }
  }

  /// The value of an active parameter as text, such as the name of a choice.
  /// - Throws: `SpaceError` when it is not active.
  public func text(_ name: String) throws(SpaceError) -> String {
    guard let value = try value(name) else { throw SpaceError("is not active in this configuration", at: name) }
    return value.description
  }

  /// Reports the first objective, and further metrics, at a resource.
  /// - Throws: `TrialEnd` when the trial is to end here; `StoreError`.
  public func report(_ value: Double, at resource: Double, _ others: [MetricValue] = []) async throws {
    let metrics = [MetricValue(spec.objectives[0].metric, value)] + others
    let trial = run.trial
    let maximum = spec.fidelity?.maximum ?? .infinity
    switch try await confined.run({ session in try session.report(trial, resource: resource, metrics) }) {
    case .proceed: break
    case .pause: if !Fidelity.reaches(resource, maximum) { throw TrialEnd.pause }
    case .stop: if !Fidelity.reaches(resource, maximum) { throw TrialEnd.stop }
    }
  }
}

/// A session that only ever runs on one queue, so that no thread of Swift's pool waits for a disk.
final class ConfinedSession: @unchecked Sendable {
  private let session: Session
  private let queue = DispatchQueue(label: "trimtab.session")

  init(_ session: Session) { self.session = session }

  func run<Result: Sendable>(_ body: @escaping @Sendable (Session) throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Swift.Result { try body(self.session) }) }
    }
  }
}
