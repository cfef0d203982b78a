import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

/// What a worker is to do next.
public enum Ask: Sendable, Equatable {
  /// Run this trial; it is already recorded as started by this worker.
  case run(TrialRun)
  /// Nothing now; ask again when something was reported, or after a moment.
  case wait
  /// Nothing ever again, unless the study is amended. The text says why.
  case finished(String)
}

/// One run of a trial, as its worker needs it.
public struct TrialRun: Sendable, Equatable {
  public var trial: TrialNumber
  public var configuration: Configuration
  /// The resource to reach, absolute; nil without fidelity.
  public var target: Double?
  /// The greatest resource reported by earlier runs; 0 at the start.
  public var reached: Double
  /// 1 for the first run, counting failed and lost ones.
  public var attempt: Int
  /// In 0 ..< 2³¹, the same in every run of the trial.
  public var seed: Int
  /// Its process is frozen here and has only to be thawed.
  public var isFrozen: Bool
}

/// Why a session cannot do what was asked.
public struct SessionError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    /// The trial is not run by this worker: it was declared lost, stopped by hand, or never started.
    case notRunning
    case invalidReport
    case notFound
    case conflict
  }

  public var kind: Kind
  public var message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }
}

/// A replica of one study with the verbs of a worker: ask, report, complete, fail.
///
/// A session holds the study's state and method, brought up to date from the log before every decision. What it returns
/// from is recorded: a result is acknowledged when the call returns. Asks are serial per study; everything else is one
/// append. A session belongs to one thread at a time.
public final class Session {
  private var fold: LogFold
  public let worker: WorkerID
  private let log: any StudyLog
  private let makeMethod: @Sendable (StudySpec) throws -> Method
  private let clock: @Sendable () -> Timestamp
  private var codec: FrameCodec
  /// The replica holds an event whose append failed, and must be built anew from the log.
  private var isAhead = false
  private var isAnnounced = false

  /// Opens a study that exists and reads its whole log.
  /// - Parameters:
  ///   - worker: a random number that no other session uses.
  ///   - clock: milliseconds since 1970 UTC.
  ///   - makeMethod: builds the method that a specification names.
  /// - Throws: `StoreError`, `FrameError`, `EventError` or `Diagnostics` when the log cannot be read, and what
  ///   `makeMethod` throws.
  public init(
    log: any StudyLog, worker: WorkerID, clock: @escaping @Sendable () -> Timestamp,
    makeMethod: @escaping @Sendable (StudySpec) throws -> Method
  ) throws {
    self.log = log
    self.worker = worker
    self.clock = clock
    self.makeMethod = makeMethod
    fold = try LogFold(log: log, makeMethod: makeMethod)
    codec = FrameCodec(objectives: fold.state.spec.objectives.map(\.metric))
  }

  /// What the log says so far.
  public var state: StudyState { fold.state }

  public var method: Method { fold.method }

  /// The first frame of a new study's log.
  public static func firstFrame(_ spec: StudySpec, at time: Timestamp) -> [UInt8] {
    FrameCodec(objectives: spec.objectives.map(\.metric)).encode([
      Event(time: time, .studyCreated(specification: spec.json.text))
    ])
  }

  /// Keeps this worker's sign of life for as long as the session exists. `ask` does so by itself.
  public func announce() throws {
    guard !isAnnounced else { return }
    try log.announce(worker)
    isAnnounced = true
  }

  /// See `StudyLog.livenessDescriptor`.
  public var livenessDescriptor: Int32? { log.livenessDescriptor }

  // MARK: Following the log

  /// Absorbs what others appended.
  public func catchUp() throws {
    if isAhead { try rebuild() }
    try log.read(from: fold.state.eventCount) { position, frame in try self.absorb(position, frame) }
    if fold.methodIsOutdated { try rebuild() }
  }

  private func rebuild() throws {
    fold = try LogFold(log: log, makeMethod: makeMethod)
    isAhead = false
  }

  private func absorb(_ position: Int, _ frame: UnsafeRawBufferPointer) throws {
    guard position == fold.state.eventCount else {
      throw StoreError(.corrupt, "the log has a gap: event \(fold.state.eventCount) is followed by \(position)")
    }
    // A frame that fails half-way leaves the replica between two frames.
    isAhead = true
    try codec.decode(frame) { event in try fold.absorb(event) }
    isAhead = false
  }

  /// Appends the events that `decide` gives after it has seen the log's end. Nothing is appended when it gives none.
  private func append(_ decide: () throws -> [Event]) throws {
    if isAhead { try rebuild() }
    do {
      try log.append(from: fold.state.eventCount) { position, frame in
        try self.absorb(position, frame)
      } decide: {
        let events = try decide()
        guard !events.isEmpty else { return nil }
        let position = self.fold.state.eventCount
        // Absorbed before the commit, so that no event is ever recorded that cannot follow.
        self.isAhead = true
        for event in events { try self.fold.absorb(event) }
        return (position, self.codec.encode(events))
      }
      isAhead = false
      if fold.methodIsOutdated { try rebuild() }
    } catch {
      if isAhead { try? rebuild() }
      throw error
    }
  }

  // MARK: Asking

  /// What this worker is to do next; a trial to run is recorded as started before the call returns.
  /// - Parameter isFrozenHere: whether a frozen trial's process is this session's own.
  public func ask(isFrozenHere: (TrialNumber) -> Bool = { _ in false }) throws -> Ask {
    try announce()
    return try log.withAskLock {
      try catchUp()
      let now = clock()
      var events = try lostTrials(at: now)
      if !events.isEmpty {
        // They go back to the queue first; what follows sees them there.
        try append { events }
        events = []
      }
      let limit = fold.state.reachedLimit(now: now)
      let mayContinue = !(limit?.forbidsContinuing ?? false)
      func canResume(_ trial: TrialNumber) -> Bool {
        mayContinue && (!fold.state.trials[trial].isFrozen || isFrozenHere(trial))
      }
      var answer = Ask.wait
      var reason: String?
      if let queued = fold.state.nextQueued(now: now, canResume: canResume) {
        events.append(Event(time: now, .trialStarted(queued, worker: worker)))
        answer = .run(run(queued))
      } else {
        switch try fold.propose(mayStartNew: limit == nil, canResume: canResume) {
        case .new(let configuration, let target, let annotation):
          let trial = fold.state.trials.count
          events.append(Event(time: now, .trialProposed(trial, .new(configuration), target: target, annotation)))
          events.append(Event(time: now, .trialStarted(trial, worker: worker)))
          answer = .run(
            TrialRun(
              trial: trial, configuration: configuration, target: target, reached: 0, attempt: 1, seed: seed(of: trial),
              isFrozen: false))
        case .resume(let trial, let target, let annotation):
          var resumed = run(trial)
          resumed.target = target
          events.append(Event(time: now, .trialProposed(trial, .resume, target: target, annotation)))
          events.append(Event(time: now, .trialStarted(trial, worker: worker)))
          answer = .run(resumed)
        case .wait: reason = limit == nil ? "the method has nothing more to try" : nil
        case .exhausted(let text): reason = text
        }
      }
      if !events.isEmpty { try append { events } }
      if case .wait = answer, fold.state.running.isEmpty, fold.state.queue.isEmpty || !mayContinue {
        answer = .finished(reason ?? limit.map { "the budget of \($0) is spent" } ?? "nothing is left to do")
      }
      return answer
    }
  }

  private func run(_ trial: TrialNumber) -> TrialRun {
    let record = fold.state.trials[trial]
    return TrialRun(
      trial: trial, configuration: fold.state.history.configuration(trial),
      target: record.target.isNaN ? nil : record.target, reached: record.resource,
      attempt: 1 + Int(record.failures) + Int(record.losses), seed: seed(of: trial),
      isFrozen: record.isFrozen)
  }

  private func seed(of trial: TrialNumber) -> Int { trialSeed(study: fold.state.spec.seed ?? 0, trial: trial) }

  private func lostTrials(at time: Timestamp) throws -> [Event] {
    var events: [Event] = []
    var alive: [WorkerID: Bool] = [worker: true]
    func isAlive(_ other: WorkerID) throws -> Bool {
      if let known = alive[other] { return known }
      let answer = try log.isAlive(other)
      alive[other] = answer
      return answer
    }
    for trial in fold.state.running where try !isAlive(fold.state.trials[trial].worker) {
      events.append(Event(time: time, .trialLost(trial)))
    }
    if fold.state.spec.fidelity?.pause == .freeze, fold.state.count(.paused) > 0 {
      for trial in fold.state.trials.indices
      where fold.state.trials[trial].isFrozen && fold.state.trials[trial].state == .paused {
        if try !isAlive(fold.state.trials[trial].worker) { events.append(Event(time: time, .trialLost(trial))) }
      }
    }
    return events
  }

  // MARK: Results

  private func requireOwn(_ trial: TrialNumber) throws(SessionError) {
    guard fold.state.trials.indices.contains(trial) else { throw SessionError(.notFound, "there is no trial \(trial)") }
    guard fold.state.trials[trial].state == .running, fold.state.trials[trial].worker == worker else {
      let what =
        fold.state.trials[trial].state == .running ? "run by another worker" : fold.state.trials[trial].state.name
      throw SessionError(.notRunning, "trial \(trial) is no longer run here: it is \(what)")
    }
  }

  /// Checks a report's values before anything is recorded.
  private func check(resource: Double?, _ metrics: [MetricValue]) throws(SessionError) {
    if let fidelity = fold.state.spec.fidelity, let resource {
      guard resource.isFinite, resource > 0 else {
        throw SessionError(
          .invalidReport,
          "\(fidelity.name) \(JSONValue.plainText(resource)) is not possible: a resource is a number above 0")
      }
    }
    var names: Set<String> = []
    for metric in metrics {
      guard !metric.name.isEmpty, names.insert(metric.name).inserted else {
        throw SessionError(.invalidReport, "the metric '\(metric.name)' stands twice in one report, or has no name")
      }
    }
  }

  /// Records metrics of a running trial and says what becomes of it.
  ///
  /// A resource that was reported before (by an earlier run, say) is not recorded again.
  /// - Throws: `SessionError` when the trial is not run here or the report is impossible; `StoreError`.
  public func report(_ trial: TrialNumber, resource: Double? = nil, _ metrics: [MetricValue]) throws -> Verdict {
    try report(trial, [(resource, metrics)])
  }

  /// Records several reports of one trial in one transaction.
  public func report(_ trial: TrialNumber, _ reports: [(resource: Double?, metrics: [MetricValue])]) throws -> Verdict {
    for report in reports { try check(resource: report.resource, report.metrics) }
    try append {
      try requireOwn(trial)
      let now = clock()
      var seen: Set<Double> = []
      return reports.compactMap { report in
        if fold.state.isRepeated(trial, resource: report.resource) { return nil }
        if let resource = report.resource, !seen.insert(resource).inserted { return nil }
        return Event(time: now, .reported(trial, resource: report.resource, report.metrics))
      }
    }
    return fold.method.verdict(on: trial, state: fold.state)
  }

  /// The verdict on a running trial by what has been reported so far.
  public func verdict(on trial: TrialNumber) -> Verdict { fold.method.verdict(on: trial, state: fold.state) }

  /// Records final metrics and ends the trial: completed if its objectives are finite numbers, failed otherwise.
  /// - Parameter seconds: how long this run took.
  /// - Returns: how the trial ended.
  @discardableResult
  public func complete(
    _ trial: TrialNumber, resource: Double? = nil, _ metrics: [MetricValue] = [], seconds: Double
  ) throws -> TrialState {
    try check(resource: resource, metrics)
    try append {
      try requireOwn(trial)
      let now = clock()
      var events: [Event] = []
      if !metrics.isEmpty, !fold.state.isRepeated(trial, resource: resource) {
        events.append(Event(time: now, .reported(trial, resource: resource, metrics)))
      }
      if let problem = objectiveProblem(trial, metrics) {
        events.append(Event(time: now, .trialFailed(trial, .invalidValue, message: problem, seconds: seconds)))
      } else {
        events.append(Event(time: now, .trialCompleted(trial, seconds: seconds)))
      }
      return events
    }
    return fold.state.trials[trial].state
  }

  private func objectiveProblem(_ trial: TrialNumber, _ metrics: [MetricValue]) -> String? {
    for (i, objective) in fold.state.spec.objectives.enumerated() {
      let reported = metrics.first { $0.name == objective.metric }?.value
      let known =
        i == 0
        ? (fold.state.trials[trial].hasReportedObjective ? fold.state.trials[trial].value : nil)
        : fold.state.otherMetrics[trial]?.first { $0.name == objective.metric }?.value
      guard let value = reported ?? known else { return "the objective '\(objective.metric)' was never reported" }
      guard value.isFinite else { return "the objective '\(objective.metric)' is \(JSONValue.plainText(value))" }
    }
    return nil
  }

  /// Records that a running trial was paused.
  public func pause(_ trial: TrialNumber, isFrozen: Bool = false, seconds: Double) throws {
    try end(trial) { .trialPaused(trial, isFrozen: isFrozen, seconds: seconds) }
  }

  /// Records that a running trial was stopped before its full resource.
  public func stop(_ trial: TrialNumber, _ reason: StopReason = .method, seconds: Double) throws {
    try end(trial) { .trialStopped(trial, reason, seconds: seconds) }
  }

  /// Gives a running trial back unfinished; it is the first to go on later.
  public func release(_ trial: TrialNumber, seconds: Double) throws {
    try end(trial) { .trialReleased(trial, seconds: seconds) }
  }

  /// Records that a run failed. The study's retries decide whether the trial is tried again.
  public func fail(_ trial: TrialNumber, _ kind: FailureKind, message: String, seconds: Double) throws {
    // A message is for people; a page of it is enough, and the whole output is in the trial's log.
    let text = message.utf8.count <= 4096 ? message : String(message.prefix(1024)) + " …"
    try end(trial) { .trialFailed(trial, kind, message: text, seconds: seconds) }
  }

  private func end(_ trial: TrialNumber, _ body: () -> Event.Body) throws {
    try append {
      try requireOwn(trial)
      return [Event(time: clock(), body())]
    }
  }

  // MARK: What people do

  /// Puts a configuration in the queue of those to try next.
  public func enqueue(_ configuration: Configuration, origin: Annotation.Origin = .user) throws -> TrialNumber {
    guard fold.state.spec.space.contains(configuration) else {
      throw SessionError(.conflict, "the configuration does not lie in the study's space")
    }
    return try log.withAskLock {
      try catchUp()
      let trial = fold.state.trials.count
      try append {
        [
          Event(
            time: clock(),
            .trialProposed(
              trial, .enqueued(configuration), target: fold.state.spec.fidelity?.maximum, Annotation(origin: origin)))
        ]
      }
      return trial
    }
  }

  /// Replaces the study's specification; what was observed stays.
  /// - Throws: `EventError` when the amendment is not allowed, and what `makeMethod` throws when the method cannot take it.
  public func amend(_ change: (StudySpec) throws -> StudySpec) throws {
    try log.withAskLock {
      try catchUp()
      let next = try change(fold.state.spec)
      _ = try makeMethod(next)
      try append { [Event(time: clock(), .studyAmended(specification: next.json.text))] }
    }
  }

  /// Stops a trial that is waiting or paused, by a person's wish.
  public func cancel(_ trial: TrialNumber) throws {
    try log.withAskLock {
      try catchUp()
      guard fold.state.trials.indices.contains(trial) else {
        throw SessionError(.notFound, "there is no trial \(trial)")
      }
      guard fold.state.trials[trial].state == .waiting || fold.state.trials[trial].state == .paused else {
        throw SessionError(.conflict, "trial \(trial) is \(fold.state.trials[trial].state.name)")
      }
      try append { [Event(time: clock(), .trialStopped(trial, .user, seconds: 0))] }
    }
  }
}
