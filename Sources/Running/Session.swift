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
  /// The trials whose checkpoints it is to learn from.
  public var lineage: Lineage?
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
  private(set) var fold: LogFold
  public let worker: WorkerID
  let log: any StudyLog
  let makeMethod: @Sendable (StudySpec) throws -> Method
  let clock: @Sendable () -> Timestamp
  private var codec: FrameCodec
  /// The replica holds an event whose append failed, and must be built anew from the log.
  private var isAhead = false
  private var isAnnounced = false
  /// How long the newest proposal took.
  private var proposing = Duration.zero

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
  /// - Parameter earlier: the studies that it learns from.
  public static func firstFrame(_ spec: StudySpec, earlier: [EarlierStudy] = [], at time: Timestamp) -> [UInt8] {
    FrameCodec(objectives: spec.objectives.map(\.metric)).encode(
      [Event(time: time, .studyCreated(specification: spec.json.text))]
        + earlier.map { Event(time: time, .earlierStudy($0)) })
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

  /// Hands out what the log holds from a position on, in the order of the log.
  /// - Parameter position: 0, or what an earlier call returned.
  /// - Returns: the position after the last event.
  /// - Throws: `StoreError` or `FrameError` when the log cannot be read, and what `body` throws.
  public func events(from position: Int, _ body: (Event) throws -> Void) throws -> Int {
    var next = position
    try log.read(from: position) { _, frame in
      try codec.decode(frame) { event in
        next += 1
        try body(event)
      }
    }
    return next
  }

  /// Whether the process behind a worker lives.
  /// - Throws: `StoreError` when that cannot be told.
  public func isAlive(_ worker: WorkerID) throws -> Bool { try log.isAlive(worker) }

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
  func append(_ decide: () throws -> [Event]) throws {
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
        // The replica absorbs what others will read, so that rounding in the frame is the same for all.
        let frame = self.codec.encode(events)
        try frame.withUnsafeBytes { try self.codec.decode($0, isOwn: true) { try self.fold.absorb($0) } }
        return (position, frame)
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
  /// - Parameters:
  ///   - mayStartNew: whether this worker may begin a trial that never ran. Where it may not, it is given the trials that go
  ///     on by the study's schedule, which does not change by that, and `finished` when a new one comes next.
  ///   - isFrozenHere: whether a frozen trial's process is this session's own.
  public func ask(mayStartNew: Bool = true, isFrozenHere: (TrialNumber) -> Bool = { _ in false }) throws -> Ask {
    try announce()
    try recordLost()
    try recordComplete()
    if proposing > Self.slowProposal, let answer = try askAhead(mayStartNew, isFrozenHere) { return answer }
    var answer = Ask.wait
    try append {
      let plan = try makePlan(mayStartNew, isFrozenHere)
      answer = plan.answer
      return plan.events
    }
    return answer
  }

  /// A proposal that takes longer than this is made outside of the transaction, so that reports need not wait for it.
  private static let slowProposal = Duration.milliseconds(2)

  /// Proposes while only other asks wait, and records the proposal if nothing has made it impossible meanwhile.
  /// - Returns: nil when something has.
  private func askAhead(_ mayStartNew: Bool, _ isFrozenHere: (TrialNumber) -> Bool) throws -> Ask? {
    try log.withAskLock {
      try catchUp()
      let plan = try makePlan(mayStartNew, isFrozenHere)
      guard !plan.events.isEmpty else { return plan.answer }
      let count = fold.state.trials.count
      let resumed = plan.isNew ? nil : plan.events.first?.trial
      let before = resumed.map { fold.state.trials[$0].state }
      let reason = fold.state.stopReason
      var isPossible = true
      try append {
        isPossible =
          fold.state.trials.count == count && resumed.map { fold.state.trials[$0].state } == before
          && fold.state.stopReason == reason
        return isPossible ? plan.events : []
      }
      return isPossible ? plan.answer : nil
    }
  }

  private struct Plan {
    var events: [Event] = []
    var answer = Ask.wait
    var isNew = false
  }

  /// What to do, by what the log says now.
  private func makePlan(_ mayStartNew: Bool, _ isFrozenHere: (TrialNumber) -> Bool) throws -> Plan {
    let now = clock()
    // Calls on the state copy it, which is worth a look at whether there is anything to ask it.
    let limit = fold.state.spec.budget == Budget() ? nil : fold.state.reachedLimit(now: now)
    let isStopped = fold.state.stopReason != nil
    let mayContinue = !(limit?.forbidsContinuing ?? false) && !isStopped
    func canResume(_ number: TrialNumber, _ trial: Trial) -> Bool {
      mayContinue && (!trial.isFrozen || isFrozenHere(number))
    }
    var plan = Plan()
    var reason: String?
    let queued =
      fold.state.queue.isEmpty
      ? nil
      : fold.state.nextQueued(now: now) { number in
        let trial = fold.state.trials[number]
        return canResume(number, trial) && (mayStartNew || trial.runs > 0)
      }
    if let queued {
      plan.events = [Event(time: now, .trialStarted(queued, worker: worker))]
      plan.answer = .run(run(queued))
      return plan
    }
    if !mayStartNew, mayContinue, fold.state.nextQueued(now: now, canResume: { _ in true }) != nil {
      // It never ran, and for others it comes before all that the method would propose.
      plan.answer = answerWithoutNew
      return plan
    }
    let start = ContinuousClock.now
    if !isStopped, limit == nil, let reason = fold.stopReason() {
      // The next ask finds it in the log, as everybody else does.
      plan.events = [Event(time: now, .studyStopped(reason: reason))]
      return plan
    }
    let proposal: Proposal
    if mayStartNew || limit != nil || isStopped {
      proposal = try fold.propose(mayStartNew: limit == nil && !isStopped, canResume: canResume)
    } else if let continuation = fold.proposeContinuation(canResume: canResume) {
      proposal = continuation
    } else {
      plan.answer = answerWithoutNew
      return plan
    }
    proposing = ContinuousClock.now - start
    switch proposal {
    case .new(let configuration, let target, let annotation):
      let trial = fold.state.trials.count
      plan.isNew = true
      plan.events = [
        Event(time: now, .trialProposed(trial, .new(configuration), target: target, annotation)),
        Event(time: now, .trialStarted(trial, worker: worker)),
      ]
      plan.answer = .run(
        TrialRun(
          trial: trial, configuration: configuration, target: target, reached: 0, attempt: 1, seed: seed(of: trial),
          isFrozen: false, lineage: Lineage(annotation)))
    case .resume(let trial, let target, let annotation):
      var resumed = run(trial)
      resumed.target = target
      plan.events = [
        Event(time: now, .trialProposed(trial, .resume, target: target, annotation)),
        Event(time: now, .trialStarted(trial, worker: worker)),
      ]
      plan.answer = .run(resumed)
    case .wait: break
    case .exhausted(let text): reason = text
    }
    if case .wait = plan.answer, fold.state.running.isEmpty, fold.state.queue.isEmpty || !mayContinue {
      plan.answer = .finished(reason ?? reasonForEnd(limit))
    }
    // What others run they go on with themselves; a worker is worth keeping only for what is paused.
    if !mayStartNew, case .wait = plan.answer, fold.state.count(.paused) == 0 { plan.answer = answerWithoutNew }
    return plan
  }

  /// The answer to a worker that is to begin no trial, while nothing can go on: it waits for trials that are to be tried again,
  /// and for nothing else.
  private var answerWithoutNew: Ask {
    let waits = fold.state.queue.contains { fold.state.trials[$0].runs > 0 }
    return waits ? .wait : .finished("the study's next trial is a new one, and none is to be begun here")
  }

  /// Why nothing is left to do for anybody; nil while something is. Records nothing, and knows what `catchUp` last read.
  /// - Throws: `SpaceError` when no configuration satisfies the space's constraints.
  public func finishedReason() throws -> String? {
    let limit = fold.state.reachedLimit(now: clock())
    let mayContinue = !(limit?.forbidsContinuing ?? false) && fold.state.stopReason == nil
    guard fold.state.running.isEmpty, fold.state.queue.isEmpty || !mayContinue else { return nil }
    // A method is a value: what this copy draws is forgotten with it.
    var method = fold.method
    let mayStartNew = limit == nil && fold.state.stopReason == nil
    let proposal = try method.propose(state: fold.state, mayStartNew: mayStartNew) { _ in mayContinue }
    switch proposal {
    case .new, .resume: return nil
    case .exhausted(let reason): return reason
    case .wait: return reasonForEnd(limit)
    }
  }

  private func reasonForEnd(_ limit: BudgetLimit?) -> String {
    if let limit { return "the budget of \(limit) is spent" }
    return fold.state.stopReason ?? "the method has nothing more to try"
  }

  private func run(_ trial: TrialNumber) -> TrialRun {
    let record = fold.state.trials[trial]
    // One that waits was told a target before; the maximum may have been lowered since.
    let maximum = fold.state.spec.fidelity?.maximum ?? .infinity
    let wanted = fold.state.targetOfStart(trial)
    let target = Fidelity.reaches(record.resource, maximum) ? wanted : min(wanted, maximum)
    return TrialRun(
      trial: trial, configuration: fold.state.history.configuration(trial),
      target: target.isNaN ? nil : target, reached: record.resource,
      attempt: 1 + Int(record.failures) + Int(record.losses), seed: seed(of: trial),
      isFrozen: record.isFrozen, lineage: fold.state.lineages[trial])
  }

  private func seed(of trial: TrialNumber) -> Int { trialSeed(study: fold.state.spec.seed ?? 0, trial: trial) }

  /// Records trials whose worker has died, so that they go back to the queue.
  private func recordLost() throws {
    func isOwn(_ trial: TrialNumber) -> Bool { fold.state.trials[trial].worker == worker }
    guard !fold.state.running.allSatisfy(isOwn) || !fold.state.frozen.allSatisfy(isOwn) else { return }
    var isDead: [WorkerID: Bool] = [worker: false]
    func isLost(_ trial: TrialNumber) throws -> Bool {
      let owner = fold.state.trials[trial].worker
      if let known = isDead[owner] { return known }
      let answer = try !log.isAlive(owner)
      isDead[owner] = answer
      return answer
    }
    var suspects = try fold.state.running.filter(isLost)
    suspects += try fold.state.frozen.filter { try fold.state.trials[$0].state == .paused && isLost($0) }.sorted()
    guard !suspects.isEmpty else { return }
    try append {
      // What the log says by now counts: a trial may have ended, or been lost and begun again, since.
      try suspects.filter {
        let trial = fold.state.trials[$0]
        return try (trial.state == .running || (trial.state == .paused && trial.isFrozen)) && isLost($0)
      }.map { Event(time: clock(), .trialLost($0)) }
    }
  }

  /// Records as complete what waits in the queue to go on to a maximum that was lowered since, and has as much as the new one:
  /// there is nothing for it to run for.
  private func recordComplete() throws {
    let maximum = fold.state.spec.fidelity?.maximum ?? .infinity
    func isComplete(_ trial: TrialNumber) -> Bool {
      let record = fold.state.trials[trial]
      return record.target > maximum && !record.isFrozen && fold.state.hasFullResource(trial)
    }
    guard fold.state.revision > 0, fold.state.queue.contains(where: isComplete) else { return }
    try append {
      fold.state.queue.filter(isComplete).flatMap { trial in
        [
          Event(time: clock(), .trialStarted(trial, worker: worker)),
          Event(time: clock(), .trialCompleted(trial, seconds: 0)),
        ]
      }
    }
  }

  /// Records that the frozen processes of this worker have ended, of trials that have the full resource since the maximum was
  /// lowered: only they are complete with that. The others go on from their checkpoints, if ever.
  func recordFrozenEnded() throws {
    func isOver(_ trial: TrialNumber) -> Bool {
      let record = fold.state.trials[trial]
      return record.state == .paused && record.worker == worker && fold.state.hasFullResource(trial)
    }
    guard fold.state.revision > 0, fold.state.frozen.contains(where: isOver) else { return }
    try append { fold.state.frozen.filter(isOver).sorted().map { Event(time: clock(), .trialLost($0)) } }
  }

  // MARK: Results

  func requireOwn(_ trial: TrialNumber) throws(SessionError) {
    guard fold.state.trials.indices.contains(trial) else { throw SessionError(.notFound, "there is no trial \(trial)") }
    guard fold.state.trials[trial].state == .running, fold.state.trials[trial].worker == worker else {
      let what =
        fold.state.trials[trial].state == .running ? "run by another worker" : fold.state.trials[trial].state.name
      throw SessionError(.notRunning, "trial \(trial) is no longer run here: it is \(what)")
    }
  }

  /// Checks a report's values before anything is recorded.
  func check(resource: Double?, _ metrics: [MetricValue]) throws(SessionError) {
    let fidelity = fold.state.spec.fidelity
    if let resource {
      guard resource.isFinite, resource > 0 else {
        throw SessionError(
          .invalidReport,
          "\(fidelity?.name ?? "resource") \(JSONValue.plainText(resource)) is not possible: a resource is a number above 0"
        )
      }
    } else if let fidelity, metrics.contains(where: { $0.name == fold.state.spec.objectives[0].metric }) {
      throw SessionError(.invalidReport, "the resource is missing from the report: add '\(fidelity.name)'")
    }
    if metrics.count == 1, !metrics[0].name.isEmpty { return }
    var names: Set<String> = []
    for metric in metrics {
      guard !metric.name.isEmpty, names.insert(metric.name).inserted else {
        throw SessionError(.invalidReport, "the metric '\(metric.name)' stands twice in one report, or has no name")
      }
    }
  }

  /// Checks that replicates come one by one.
  private func checkReplicates(
    _ trial: TrialNumber, _ reports: [(resource: Double?, metrics: [MetricValue])]
  ) throws(SessionError) {
    guard fold.state.spec.fidelity?.countsReplicates == true else { return }
    var count = fold.state.curves[trial]?.replicates.count ?? 0
    let objective = fold.state.spec.objectives[0].metric
    for (resource, metrics) in reports {
      guard let resource, metrics.contains(where: { $0.name == objective }) else { continue }
      if let problem = fold.state.replicateProblem(resource, metrics, after: count) {
        throw SessionError(.invalidReport, problem)
      }
      if resource > Double(count) { count += 1 }
    }
  }

  /// Records metrics of a running trial and says what becomes of it.
  ///
  /// A report that adds nothing, because an earlier run gave it before, is not recorded again.
  /// - Throws: `SessionError` when the trial is not run here or the report is impossible; `StoreError`.
  public func report(_ trial: TrialNumber, resource: Double? = nil, _ metrics: [MetricValue]) throws -> Verdict {
    try report(trial, [(resource, metrics)])
  }

  /// Records several reports of one trial in one transaction.
  public func report(_ trial: TrialNumber, _ reports: [(resource: Double?, metrics: [MetricValue])]) throws -> Verdict {
    for report in reports { try check(resource: report.resource, report.metrics) }
    try append {
      try requireOwn(trial)
      try checkReplicates(trial, reports)
      let now = clock()
      let objective = fold.state.spec.objectives[0].metric
      var seen: Set<Double> = []
      return reports.compactMap { report in
        if fold.state.isRepeated(trial, resource: report.resource, report.metrics) { return nil }
        if let resource = report.resource, report.metrics.contains(where: { $0.name == objective }),
          !seen.insert(resource).inserted, report.metrics.count == 1
        {
          return nil
        }
        return Event(time: now, .reported(trial, resource: report.resource, report.metrics))
      }
    }
    return fold.method.verdict(on: trial, state: fold.state)
  }

  /// The verdict on a running trial by what has been reported so far.
  public func verdict(on trial: TrialNumber) -> Verdict { fold.method.verdict(on: trial, state: fold.state) }

  /// Records final metrics and ends the trial: completed if its objectives are finite numbers, failed otherwise. A trial that has
  /// come to a maximum which was raised while it ran is paused, to go on to the new one.
  /// - Parameter seconds: how long this run took.
  /// - Returns: how the trial ended.
  @discardableResult
  public func complete(
    _ trial: TrialNumber, resource: Double? = nil, _ metrics: [MetricValue] = [], seconds: Double
  ) throws -> TrialState {
    try completion(trial, resource: resource, metrics, seconds: seconds).state
  }

  /// As ``complete(_:resource:_:seconds:)``, with why the trial failed; nil where it did not.
  public func completion(
    _ trial: TrialNumber, resource: Double? = nil, _ metrics: [MetricValue] = [], seconds: Double
  ) throws -> (state: TrialState, why: String?) {
    var why: String?
    try check(resource: resource, metrics)
    try append {
      try requireOwn(trial)
      if let resource { try checkReplicates(trial, [(resource, metrics)]) }
      let now = clock()
      var events: [Event] = []
      if !metrics.isEmpty, resource == nil || !fold.state.isRepeated(trial, resource: resource, metrics) {
        events.append(Event(time: now, .reported(trial, resource: resource, metrics)))
      }
      why = objectiveProblem(trial, resource, metrics)
      if let why {
        events.append(Event(time: now, .trialFailed(trial, .invalidValue, message: why, seconds: seconds)))
      } else if isInterrupted(trial, at: resource) {
        events.append(Event(time: now, .trialPaused(trial, isFrozen: false, seconds: seconds)))
      } else {
        events.append(Event(time: now, .trialCompleted(trial, seconds: seconds)))
      }
      return events
    }
    return (fold.state.trials[trial].state, why)
  }

  /// Whether a trial that ends with a report at this resource has got all that it was to get when it was started, and less than a
  /// complete one gets by now.
  private func isInterrupted(_ trial: TrialNumber, at resource: Double?) -> Bool {
    guard let maximum = fold.state.spec.fidelity?.maximum, fold.state.interrupted.contains(trial) else { return false }
    let record = fold.state.trials[trial]
    let reached = max(record.resource, resource ?? 0)
    return Fidelity.reaches(reached, record.target) && !Fidelity.reaches(reached, maximum)
  }

  /// What is wrong with the objectives of a trial that ends with this report.
  func objectiveProblem(_ trial: TrialNumber, _ resource: Double?, _ metrics: [MetricValue]) -> String? {
    let record = fold.state.trials[trial]
    for (i, objective) in fold.state.spec.objectives.enumerated() {
      var value = metrics.first { $0.name == objective.metric }?.value
      if i == 0 {
        // The value at the greatest resource counts, and the first of several there.
        let isNews = resource.map { $0 > fold.state.curves[trial]?.resources.last ?? 0 } ?? true
        if !isNews || value == nil { value = record.hasReportedObjective ? record.value : value }
      } else {
        let isNews = resource.map { $0 >= record.resource } ?? true
        let known = fold.state.otherMetrics[trial]?.first { $0.name == objective.metric }?.value
        if !isNews || value == nil { value = known }
      }
      guard let value else { return "the objective '\(objective.metric)' was never reported" }
      guard value.isFinite else { return "the objective '\(objective.metric)' is \(JSONValue.plainText(value))" }
    }
    for constraint in fold.state.spec.outcomeConstraints {
      let known =
        metrics.first { $0.name == constraint.metric }.map { constraint.excess($0.value) }
        ?? fold.state.excess(trial, over: constraint)
      guard let known else {
        return "'\(constraint.metric)' was never reported, and the study demands \(constraint.text)"
      }
      guard known.isFinite else {
        return "'\(constraint.metric)', of which the study demands a bound, is no finite number"
      }
    }
    return nil
  }

  /// Records that a running trial was paused; or that it failed, when the last value of an objective is no finite number, or when it
  /// came to its target without ever having reported the objective by which it is to be judged there.
  /// - Returns: why it failed; nil where it did not.
  @discardableResult
  public func pause(_ trial: TrialNumber, isFrozen: Bool = false, seconds: Double) throws -> String? {
    try end(trial, .trialPaused(trial, isFrozen: isFrozen, seconds: seconds), seconds: seconds) {
      isFrozen ? nil : invalidObjective(trial) ?? missingObjective(trial)
    }
  }

  /// Records that a running trial was stopped before its full resource; or that it failed, when its method stops it and the last value
  /// of an objective is no finite number.
  /// - Returns: why it failed; nil where it did not.
  @discardableResult
  public func stop(_ trial: TrialNumber, _ reason: StopReason = .method, seconds: Double) throws -> String? {
    try end(trial, .trialStopped(trial, reason, seconds: seconds), seconds: seconds) {
      reason == .method ? invalidObjective(trial) : nil
    }
  }

  /// Ends a trial's run, as a failure where there is a problem with its values.
  private func end(_ trial: TrialNumber, _ body: Event.Body, seconds: Double, problem: () -> String?) throws -> String?
  {
    var why: String?
    try end(trial) {
      why = problem()
      return why.map { .trialFailed(trial, .invalidValue, message: $0, seconds: seconds) } ?? body
    }
    return why
  }

  /// The first objective of which a running trial reported last what is no finite number, in words.
  private func invalidObjective(_ trial: TrialNumber) -> String? {
    let record = fold.state.trials[trial]
    for (i, objective) in fold.state.spec.objectives.enumerated() {
      let known =
        i == 0
        ? (record.hasReportedObjective ? record.value : nil)
        : fold.state.otherMetrics[trial]?.first { $0.name == objective.metric }?.value
      if let known, !known.isFinite { return "the objective '\(objective.metric)' is \(JSONValue.plainText(known))" }
    }
    return nil
  }

  /// What a trial lacks that has come to its target without the objective.
  private func missingObjective(_ trial: TrialNumber) -> String? {
    let record = fold.state.trials[trial]
    guard let fidelity = fold.state.spec.fidelity, !record.hasReportedObjective,
      Fidelity.reaches(record.resource, record.target)
    else { return nil }
    return "the objective '\(fold.state.spec.objectives[0].metric)' was not reported up to \(fidelity.name) "
      + "\(JSONValue.plainText(record.resource)), where the trial is judged: report it there, or raise the fidelity's min"
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
  /// - Parameter resource: how far it is to run, in a study with a fidelity; nil for the full resource.
  /// - Throws: `SessionError` for a configuration outside of the space and a resource that trials cannot have.
  public func enqueue(
    _ configuration: Configuration, origin: Annotation.Origin = .user, resource: Double? = nil
  ) throws -> TrialNumber {
    guard fold.state.spec.space.contains(configuration) else {
      throw SessionError(.conflict, "the configuration does not lie in the study's space")
    }
    return try log.withAskLock {
      var trial = 0
      try append {
        // Numbered within the transaction: an ask may have taken the number before.
        trial = fold.state.trials.count
        let target = try Self.target(resource, fold.state.spec.fidelity)
        return [
          Event(
            time: clock(), .trialProposed(trial, .enqueued(configuration), target: target, Annotation(origin: origin)))
        ]
      }
      return trial
    }
  }

  private static func target(_ resource: Double?, _ fidelity: Fidelity?) throws -> Double? {
    guard let resource else { return fidelity?.maximum }
    guard let fidelity else {
      throw SessionError(.conflict, "the study has no fidelity, so that a trial cannot be given a resource")
    }
    guard resource >= fidelity.minimum, resource <= fidelity.maximum else {
      throw SessionError(
        .conflict,
        "\(JSONValue.plainText(resource)) is no \(fidelity.name) of this study: from "
          + "\(JSONValue.plainText(fidelity.minimum)) to \(JSONValue.plainText(fidelity.maximum))")
    }
    guard !fidelity.isInteger || resource == resource.rounded() else {
      throw SessionError(
        .conflict, "\(fidelity.name) comes in whole numbers, and \(JSONValue.plainText(resource)) is none")
    }
    return resource
  }

  /// Replaces the study's specification; what was observed stays.
  /// - Throws: `EventError` when the amendment is not allowed, and what `makeMethod` throws when the method cannot take it.
  public func amend(_ change: (StudySpec) throws -> StudySpec) throws {
    try log.withAskLock {
      try append {
        let next = try change(fold.state.spec)
        _ = try makeMethod(next)
        return [Event(time: clock(), .studyAmended(specification: next.json.text))]
      }
    }
  }

  /// Stops a trial that is waiting or paused, by a person's wish.
  public func cancel(_ trial: TrialNumber) throws {
    try log.withAskLock {
      try append {
        guard fold.state.trials.indices.contains(trial) else {
          throw SessionError(.notFound, "there is no trial \(trial)")
        }
        guard fold.state.trials[trial].state == .waiting || fold.state.trials[trial].state == .paused else {
          throw SessionError(.conflict, "trial \(trial) is \(fold.state.trials[trial].state.name)")
        }
        return [Event(time: clock(), .trialStopped(trial, .user, seconds: 0))]
      }
    }
  }
}
