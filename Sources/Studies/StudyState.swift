import TrimtabSearchSpaces

/// Why an event cannot follow the log so far.
public struct EventError: Error, Sendable, Equatable, CustomStringConvertible {
  public var message: String

  public init(_ message: String) { self.message = message }

  public var description: String { message }
}

/// A limit of a study's budget.
public enum BudgetLimit: Sendable, Equatable, CustomStringConvertible {
  case trials(Int)
  case seconds(Double)
  case cost(Double)

  /// Whether trials that exist may not go on either: time and cost are spent by them, a number of trials is not.
  public var forbidsContinuing: Bool { if case .trials = self { false } else { true } }

  public var description: String {
    switch self {
    case .trials(let count): "\(count) trials"
    case .seconds(let seconds): "\(JSONValue.plainText(seconds)) seconds"
    case .cost(let cost): "a cost of \(JSONValue.plainText(cost))"
    }
  }
}

/// Everything a study's log says, folded event by event.
///
/// The fold is pure: the same events give the same state in every process. `absorb` checks that an event may follow; an
/// event that may not changes nothing.
public struct StudyState: Sendable {
  public private(set) var spec: StudySpec
  /// How often the specification was amended.
  public private(set) var revision = 0
  /// How many events have been absorbed; the sequence number of the next one.
  public private(set) var eventCount = 0
  public private(set) var trials: ContiguousArray<Trial> = []
  public private(set) var history: History
  /// The first objective over the resource, of trials that reported any.
  public private(set) var curves: [TrialNumber: Curve] = [:]
  /// The newest values of all metrics but the first objective, of trials that reported any.
  public private(set) var otherMetrics: [TrialNumber: [MetricValue]] = [:]
  /// The trials from whose checkpoints others learn, by those others.
  public private(set) var lineages: [TrialNumber: Lineage] = [:]
  /// Notes kept with trials, as JSON text by key.
  public private(set) var notes: [TrialNumber: [String: String]] = [:]
  /// Notes kept with the study.
  public private(set) var studyNotes: [String: String] = [:]
  /// Other studies from which this one learns.
  public private(set) var earlierStudies: [EarlierStudy] = []
  /// Why no further trial is begun, where the study's condition for stopping came true; nil while it goes on.
  public private(set) var stopReason: String?
  /// Trials that wait for a worker, in the order in which they began to.
  public private(set) var queue: [TrialNumber] = []
  /// Trials that are running, in the order of their start.
  public private(set) var running: [TrialNumber] = []
  /// Trials whose processes wait frozen in memory, in the order in which they began to.
  public private(set) var frozen: [TrialNumber] = []
  /// Trials that were running or waiting to run to the maximum when it was raised, and have not been sent to the new one.
  public private(set) var interrupted: [TrialNumber] = []
  /// The number of trials in each state.
  public private(set) var counts = [Int](repeating: 0, count: TrialState.allCases.count)
  public private(set) var failureCounts = [Int](repeating: 0, count: FailureKind.allCases.count)
  /// How many configurations were drawn at random because a model could not be used.
  public private(set) var fallbackCount = 0
  /// How many configurations come from a model of which a part could not be computed.
  public private(set) var weakenedCount = 0
  /// The best trial so far: by value among those that reached the greatest resource. Nil while none has a value.
  public private(set) var incumbent: TrialNumber?
  /// Whether the incumbent has reached the full resource.
  public private(set) var incumbentIsComplete = false
  /// Each change of the incumbent, in the order of the log.
  public private(set) var incumbentChanges: [IncumbentChange] = []
  /// Milliseconds during which at least one trial was running.
  public private(set) var activeMilliseconds: Int64 = 0
  /// The sum over trials of the cost metric, or of the seconds of running.
  public private(set) var totalCost = 0.0
  /// The sum over trials of the resource reached.
  public private(set) var totalResource = 0.0
  public private(set) var createdAt: Timestamp
  /// The latest time of any event; never goes back, even if a clock did.
  public private(set) var latestTime: Timestamp
  private(set) var lastEventTime: Timestamp
  private(set) var finalCostSum = 0.0
  private(set) var finalCostCount = 0

  /// Events lie within this many milliseconds of 1970, so that differences of times cannot overflow.
  static let timeLimit: Timestamp = 1 << 53

  public struct IncumbentChange: Sendable, Equatable {
    public var trial: TrialNumber
    public var value: Double
    /// The resource at which the value was reported; NaN without fidelity.
    public var resource: Double
    public var time: Timestamp
    /// Trials proposed up to then.
    public var trialCount: Int
  }

  /// Starts from the first event of a log.
  /// - Throws: `EventError` when the event is not `studyCreated`; `Diagnostics` when its specification cannot be read.
  public init(first event: Event) throws {
    guard case .studyCreated(let specification) = event.body else {
      throw EventError("a log begins with the creation of its study")
    }
    try Self.checkTime(event)
    spec = try StudySpec.parse(json: specification, name: "the log's specification")
    history = History(space: spec.space, grows: spec.grows)
    createdAt = event.time
    latestTime = event.time
    lastEventTime = event.time
    eventCount = 1
  }

  // MARK: Reading

  /// A running trial's or any trial's loss: the first objective, lower being better; NaN while there is none.
  @inlinable public func loss(_ trial: TrialNumber) -> Double { trials[trial].value * spec.objectives[0].sign }

  public func count(_ state: TrialState) -> Int { counts[Int(state.rawValue)] }

  public func count(_ failure: FailureKind) -> Int { failureCounts[Int(failure.rawValue)] }

  /// The cost of a trial so far: what it reported, or its seconds.
  public func cost(_ trial: TrialNumber) -> Double {
    spec.costMetric == nil ? trials[trial].seconds : trials[trial].reportedCost
  }

  /// The mean cost of trials that are over, or nil while there is none.
  public var meanFinalCost: Double? { finalCostCount > 0 ? finalCostSum / Double(finalCostCount) : nil }

  /// Which limit of the budget is reached, or nil.
  ///
  /// Running trials are charged the mean cost of the finished ones, so that several workers do not overrun together.
  public func reachedLimit(now: Timestamp) -> BudgetLimit? {
    if let limit = spec.budget.seconds {
      var active = activeMilliseconds
      if !running.isEmpty { active += max(0, now - lastEventTime) }
      if Double(active) / 1000 >= limit { return .seconds(limit) }
    }
    if let limit = spec.budget.cost {
      let reserved = Double(running.count) * (meanFinalCost ?? 0)
      if totalCost + reserved >= limit { return .cost(limit) }
    }
    if let limit = spec.budget.trials, trials.count >= limit { return .trials(limit) }
    return nil
  }

  /// The next trial in the queue that may start now: enqueued, to be tried again, or released.
  public func nextQueued(now: Timestamp, canResume: (TrialNumber) -> Bool) -> TrialNumber? {
    queue.first { trial in
      // A clock that went back must not keep a trial waiting longer than its back-off.
      let wait = trials[trial].notBefore - now
      let backoff = Int64(spec.retries.backoff * 1000) << Int64(min(20, max(0, Int(trials[trial].failures) - 1)))
      return (wait <= 0 || wait > backoff) && canResume(trial)
    }
  }

  /// Values of all objectives at the trial's greatest resource; nil when any is missing or not finite.
  public func objectiveValues(_ trial: TrialNumber) -> [Double]? {
    guard trials[trial].hasValue else { return nil }
    var values = [trials[trial].value]
    for objective in spec.objectives.dropFirst() {
      guard let value = otherMetrics[trial]?.first(where: { $0.name == objective.metric })?.value, value.isFinite
      else { return nil }
      values.append(value)
    }
    return values
  }

  /// Whether a report would add nothing: its objective stands at this resource already (from an earlier run, say), and
  /// no other metric of it is news.
  public func isRepeated(_ trial: TrialNumber, resource: Double?, _ metrics: [MetricValue]) -> Bool {
    guard let resource, curves[trial]?.contains(resource) == true else { return false }
    guard resource == trials[trial].resource else { return true }
    return metrics.allSatisfy { metric in
      metric.name == spec.objectives[0].metric
        || otherMetrics[trial]?.contains { $0.name == metric.name && $0.value.bitPattern == metric.value.bitPattern }
          == true
    }
  }

  /// The study as if its space were this one, an amendment of its own: for samplers that are to look at a part of it.
  public func seen(in space: Space) -> StudyState {
    var copy = self
    copy.spec.space = space
    copy.history.amend(to: space)
    return copy
  }

  // MARK: Folding

  /// Takes over one event.
  /// - Throws: `EventError` or `Diagnostics` when the event may not follow; the state is then unchanged.
  public mutating func absorb(_ event: Event) throws {
    try Self.checkTime(event)
    let wasRunning = isTimeCharged(until: event)
    switch event.body {
    case .studyCreated: throw EventError("a study is created only once")
    case .studyAmended(let specification):
      let next = try StudySpec.parse(json: specification, name: "the amended specification")
      do {
        try next.checkSucceeds(spec)
      } catch {
        throw EventError(error.description)
      }
      let ranksDiffer =
        next.outcomeConstraints != spec.outcomeConstraints || next.fidelity?.maximum != spec.fidelity?.maximum
      interrupt(from: spec.fidelity?.maximum, to: next.fidelity?.maximum)
      spec = next
      revision += 1
      stopReason = nil
      history.amend(to: next.space)
      completeBeyondMaximum(at: event.time)
      if ranksDiffer { findIncumbentAnew(at: event.time) }
    case .trialProposed(let number, let kind, let target, let annotation):
      try absorbProposal(number, kind, target, annotation, at: event.time)
    case .trialStarted(let number, let worker):
      try require(number, .waiting)
      setFrozen(number, false)
      let target = targetOfStart(number)
      if target != trials[number].target { interrupted.removeAll { $0 == number } }
      update(number) {
        $0.target = target
        $0.worker = worker
        $0.startedAt = event.time
        $0.runs &+= 1
        $0.failure = nil
      }
      move(number, to: .running)
    case .reported(let number, let resource, let metrics):
      try require(number, .running)
      try checkReport(number, resource, metrics)
      absorbReport(number, resource, metrics, at: event.time)
    case .trialPaused(let number, let isFrozen, let seconds):
      try require(number, .running)
      end(number, .paused, seconds, at: event.time)
      setFrozen(number, isFrozen)
    case .trialReleased(let number, let seconds):
      try require(number, .running)
      end(number, .waiting, seconds, at: event.time)
    case .trialConfigured(let number, let configuration):
      try require(number, .running)
      guard spec.grows else { throw EventError("trial \(number) has its configuration, and the space does not grow") }
      guard history.space.canHold(configuration) else {
        throw EventError("the configuration of trial \(number) does not fit the study's space")
      }
      history.replace(number, with: configuration)
    case .noted(let number, let key, let value):
      try absorbNote(number, key, value)
    case .earlierStudy(let study): try absorbEarlier(study)
    case .studyStopped(let reason):
      guard !reason.isEmpty else { throw EventError("the study was stopped without a reason") }
      guard stopReason == nil else { throw EventError("the study is stopped already") }
      stopReason = reason
    case .trialStopped(let number, let reason, let seconds):
      guard trials.indices.contains(number), !trials[number].state.isFinal else {
        throw EventError("trial \(number) cannot be stopped: it is over or does not exist")
      }
      trials[number].stopReason = reason
      end(number, .stopped, seconds, at: event.time)
    case .trialCompleted(let number, let seconds):
      try require(number, .running)
      trials[number].completedLevel = spec.fidelity.map { levelOfCompletion(number, $0.maximum) } ?? .infinity
      end(number, .completed, seconds, at: event.time)
      history.complete(number)
      considerIncumbent(number, at: event.time)
    case .trialFailed(let number, let kind, _, let seconds):
      try require(number, .running)
      absorbFailure(number, kind, seconds, at: event.time)
    case .trialLost(let number):
      guard trials.indices.contains(number),
        trials[number].state == .running || (trials[number].state == .paused && trials[number].isFrozen)
      else { throw EventError("trial \(number) cannot be lost: it is not with a worker") }
      let wasFrozen = trials[number].state == .paused
      setFrozen(number, false)
      update(number) {
        $0.losses &+= 1
        $0.endedAt = event.time
      }
      // A frozen trial that is lost has its results; a scheduler resumes it from its checkpoint, if ever.
      if wasFrozen {
        completeIfBeyondMaximum(number, at: event.time)
      } else {
        if Int(trials[number].losses) > spec.retries.lost {
          trials[number].failure = .lost
          failureCounts[Int(FailureKind.lost.rawValue)] += 1
          finish(number)
          move(number, to: .failed)
          if incumbent == number { findIncumbentAnew(at: event.time) }
        } else {
          move(number, to: .waiting)
        }
      }
    }
    if wasRunning { activeMilliseconds = Self.sum(activeMilliseconds, max(0, event.time - lastEventTime)) }
    lastEventTime = event.time
    latestTime = max(latestTime, event.time)
    eventCount += 1
  }

  /// Takes note of trials that are on their way to a maximum that is raised now.
  private mutating func interrupt(from old: Double?, to new: Double?) {
    guard let old, let new, old != new else { return }
    let known = Set(interrupted)
    interrupted += (running + queue).filter { Fidelity.reaches(trials[$0].target, old) && !known.contains($0) }
    interrupted.removeAll { Fidelity.reaches(trials[$0].target, new) }
  }

  /// The resource to which a waiting trial is to run when it starts: one that never began, and was to get the full resource,
  /// is told the maximum of now.
  public func targetOfStart(_ number: TrialNumber) -> Double {
    guard let maximum = spec.fidelity?.maximum, trials[number].runs == 0, interrupted.contains(number) else {
      return trials[number].target
    }
    return maximum
  }

  /// Paused trials that have at least the resource of a complete one, since the maximum was lowered, are complete. One whose
  /// process is frozen stays paused as long as the process waits.
  private mutating func completeBeyondMaximum(at time: Timestamp) {
    for number in trials.indices where trials[number].state == .paused && !trials[number].isFrozen {
      completeIfBeyondMaximum(number, at: time)
    }
  }

  /// The resource at which a trial's value was reported, which may be less than what it has reached: a metric need not be
  /// reported each time. Nil without a fidelity or a value.
  public func valueResource(_ number: TrialNumber) -> Double? { curves[number]?.resources.last }

  /// Whether a trial has a value and at least the full resource.
  public func hasFullResource(_ number: TrialNumber) -> Bool {
    guard let maximum = spec.fidelity?.maximum else { return false }
    return Fidelity.reaches(trials[number].resource, maximum) && trials[number].hasValue
  }

  /// The resource with which a trial counts as complete: more than the maximum, where that was lowered while it ran.
  private func levelOfCompletion(_ number: TrialNumber, _ maximum: Double) -> Double {
    let reached = trials[number].resource
    return reached > maximum ? reached : maximum
  }

  private mutating func completeIfBeyondMaximum(_ number: TrialNumber, at time: Timestamp) {
    guard let maximum = spec.fidelity?.maximum, hasFullResource(number) else { return }
    trials[number].completedLevel = levelOfCompletion(number, maximum)
    finish(number)
    move(number, to: .completed)
    considerIncumbent(number, at: time)
  }

  private static func checkTime(_ event: Event) throws(EventError) {
    guard event.time > -timeLimit, event.time < timeLimit else {
      throw EventError("the time of the event is impossible")
    }
  }

  /// Whether trials were running since the event before this one, which has not been absorbed yet.
  private func isTimeCharged(until event: Event) -> Bool {
    // The time between a worker's death and its discovery was not spent running.
    if case .trialLost = event.body { return false }
    return !running.isEmpty
  }

  private static func sum(_ a: Int64, _ b: Int64) -> Int64 {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? .max : sum
  }

  private mutating func absorbProposal(
    _ number: TrialNumber, _ kind: ProposalKind, _ target: Double?, _ annotation: Annotation, at time: Timestamp
  ) throws(EventError) {
    switch kind {
    case .new(let configuration), .enqueued(let configuration), .clone(_, let configuration):
      guard number == trials.count else {
        throw EventError("trial \(number) is proposed where trial \(trials.count) would follow")
      }
      guard history.space.canHold(configuration) else {
        throw EventError("the configuration of trial \(number) does not fit the study's space")
      }
      let lineage = Lineage(annotation)
      if let unknown = lineage?.trials.first(where: { !trials.indices.contains($0) }) {
        throw EventError("trial \(number) is to learn from trial \(unknown), which does not exist")
      }
      var trial = Trial()
      trial.proposedAt = time
      trial.target = target ?? .nan
      trial.origin = annotation.origin
      trial.bracket = Int32(truncatingIfNeeded: annotation[.bracket] ?? 0)
      if case .clone(let parent, _) = kind {
        guard trials.indices.contains(parent) else { throw EventError("trial \(number) clones an unknown trial") }
        trial.parent = Int32(truncatingIfNeeded: parent)
      }
      if trial.origin == .fallback { fallbackCount += 1 }
      trial.isWeakened = annotation[.weakened] == 1
      if trial.isWeakened { weakenedCount += 1 }
      trials.append(trial)
      if let lineage { lineages[number] = lineage }
      history.append(configuration)
      counts[Int(TrialState.waiting.rawValue)] += 1
      queue.append(number)
    case .resume:
      guard trials.indices.contains(number) else { throw EventError("there is no trial \(number)") }
      guard trials[number].canGoOn(to: target ?? .nan) else {
        throw EventError("trial \(number) is \(trials[number].state.name) and cannot go on")
      }
      if trials[number].state == .completed {
        finalCostSum -= cost(number)
        finalCostCount -= 1
      }
      trials[number].target = target ?? .nan
      trials[number].proposedAt = time
      interrupted.removeAll { $0 == number }
      move(number, to: .waiting)
    }
  }

  private mutating func absorbNote(_ number: TrialNumber?, _ key: String, _ value: String) throws(EventError) {
    guard !key.isEmpty else { throw EventError("a note has no key") }
    let content = value.isEmpty ? nil : value
    guard let number else {
      studyNotes[key] = content
      return
    }
    guard trials.indices.contains(number) else { throw EventError("there is no trial \(number)") }
    notes[number, default: [:]][key] = content
    if notes[number]?.isEmpty == true { notes[number] = nil }
  }

  private mutating func absorbEarlier(_ study: EarlierStudy) throws(EventError) {
    // Samplers may make their models of it before the first proposal, and keep them.
    guard trials.isEmpty else { throw EventError("an earlier study is learned from only from the beginning on") }
    for trial in study.trials {
      guard trial.value.isFinite, history.space.canHold(trial.configuration) else {
        throw EventError("a trial of the earlier study '\(study.name)' does not fit the study's space")
      }
    }
    earlierStudies.append(study)
  }

  private func checkReport(_ number: TrialNumber, _ resource: Double?, _ metrics: [MetricValue]) throws(EventError) {
    if let resource {
      guard resource.isFinite, resource > 0 else {
        throw EventError("trial \(number) reports at the impossible resource \(JSONValue.plainText(resource))")
      }
      let known = curves[number]?.replicates.count ?? 0
      if let problem = replicateProblem(resource, metrics, after: known) {
        throw EventError("trial \(number): \(problem)")
      }
    } else if spec.fidelity != nil, metrics.contains(where: { $0.name == spec.objectives[0].metric }) {
      throw EventError("trial \(number) reports '\(spec.objectives[0].metric)' without a resource")
    }
  }

  /// What is wrong with the place of a replicate: means over different ones could not be compared. Nil where the resource
  /// counts nothing of the kind.
  /// - Parameter count: how many replicates of the trial are known.
  public func replicateProblem(_ resource: Double, _ metrics: [MetricValue], after count: Int) -> String? {
    guard let fidelity = spec.fidelity, fidelity.countsReplicates,
      metrics.contains(where: { $0.name == spec.objectives[0].metric }),
      resource != resource.rounded() || resource > Double(count + 1)
    else { return nil }
    return "\(fidelity.name) \(JSONValue.plainText(resource)) is reported where \(count + 1) would follow: "
      + "replicates come one by one, in order"
  }

  private mutating func absorbReport(
    _ number: TrialNumber, _ resource: Double?, _ metrics: [MetricValue], at time: Timestamp
  ) {
    let objective = spec.objectives[0].metric
    let previous = trials[number].resource
    // A cost that is no number is kept with the metrics, but must not spend the budget.
    for metric in metrics
    where metric.name == spec.costMetric && metric.value.isFinite && metric.value > trials[number].reportedCost {
      totalCost += metric.value - trials[number].reportedCost
      trials[number].reportedCost = metric.value
    }
    let isNewest = resource.map { $0 >= previous } ?? true
    if let resource, isNewest {
      totalResource += resource - previous
      trials[number].resource = resource
    }
    if isNewest { absorbOthers(number, metrics) }
    let value = metrics.first { $0.name == objective }?.value
    if let value { absorbObjective(number, resource, value) }
    if value != nil || !spec.outcomeConstraints.isEmpty {
      // Without a complete trial, the incumbent is the best at the greatest resource so far.
      // One that has gone on beyond what was complete is ranked by what it reports since.
      if curves[number] != nil, !incumbentIsComplete || trials[number].wasCompleted {
        considerIncumbent(number, at: time)
      }
    }
  }

  private mutating func absorbOthers(_ number: TrialNumber, _ metrics: [MetricValue]) {
    for metric in metrics where metric.name != spec.objectives[0].metric {
      var list = otherMetrics[number] ?? []
      if let i = list.firstIndex(where: { $0.name == metric.name }) {
        list[i] = metric
      } else {
        list.append(metric)
      }
      otherMetrics[number] = list
    }
  }

  /// Of several values at one resource the first counts: a further attempt that begins again changes nothing.
  private mutating func absorbObjective(_ number: TrialNumber, _ resource: Double?, _ value: Double) {
    trials[number].hasReportedObjective = true
    guard let resource else {
      trials[number].value = value
      return
    }
    if curves[number]?.contains(resource) != true {
      if spec.fidelity?.countsReplicates == true {
        curves[number, default: Curve()].append(replicate: value, at: resource)
      } else {
        curves[number, default: Curve()].insert(value, at: resource)
      }
    }
    trials[number].value = spec.fidelity == nil ? value : curves[number]?.values.last ?? value
  }

  private mutating func absorbFailure(
    _ number: TrialNumber, _ kind: FailureKind, _ seconds: Double, at time: Timestamp
  ) {
    trials[number].failure = kind
    if kind.isRetryable {
      trials[number].failures &+= 1
      let failures = Int(trials[number].failures)
      if failures <= spec.retries.failed {
        let pause = spec.retries.backoff * Double(1 << min(20, failures - 1))
        trials[number].notBefore = time + Int64(pause * 1000)
        end(number, .waiting, seconds, at: time)
        return
      }
    }
    failureCounts[Int(kind.rawValue)] += 1
    end(number, .failed, seconds, at: time)
    if incumbent == number { findIncumbentAnew(at: time) }
  }

  private func require(_ number: TrialNumber, _ state: TrialState) throws(EventError) {
    guard trials.indices.contains(number) else { throw EventError("there is no trial \(number)") }
    guard trials[number].state == state else {
      throw EventError("trial \(number) is \(trials[number].state.name), not \(state.name)")
    }
  }

  private mutating func update(_ number: TrialNumber, _ change: (inout Trial) -> Void) { change(&trials[number]) }

  private mutating func end(_ number: TrialNumber, _ state: TrialState, _ seconds: Double, at time: Timestamp) {
    trials[number].seconds += seconds
    trials[number].endedAt = time
    setFrozen(number, false)
    if spec.costMetric == nil { totalCost += seconds }
    if state.isFinal { finish(number) }
    move(number, to: state)
  }

  private mutating func setFrozen(_ number: TrialNumber, _ isFrozen: Bool) {
    guard trials[number].isFrozen != isFrozen else { return }
    trials[number].isFrozen = isFrozen
    if isFrozen { frozen.append(number) } else { frozen.removeAll { $0 == number } }
  }

  private mutating func finish(_ number: TrialNumber) {
    finalCostSum += cost(number)
    finalCostCount += 1
  }

  private mutating func move(_ number: TrialNumber, to state: TrialState) {
    let old = trials[number].state
    if state.isFinal { interrupted.removeAll { $0 == number } }
    counts[Int(old.rawValue)] -= 1
    counts[Int(state.rawValue)] += 1
    if old == .running, let i = running.firstIndex(of: number) { running.remove(at: i) }
    // Most trials are started in the transaction that proposes them, from the end of the queue.
    if old == .waiting {
      if queue.last == number {
        queue.removeLast()
      } else if let i = queue.firstIndex(of: number) {
        queue.remove(at: i)
      }
    }
    if state == .running { running.append(number) }
    if state == .waiting { queue.append(number) }
    trials[number].state = state
  }

  // MARK: Incumbent

  /// Whether the trial can be the incumbent: it did not fail, its value is final or stands at a resource, and it meets the
  /// outcome constraints.
  public func isCandidate(_ number: TrialNumber) -> Bool {
    let trial = trials[number]
    return trial.hasValue && (trial.state != .failed || trial.wasCompleted)
      && (trial.wasCompleted || curves[number] != nil) && (spec.outcomeConstraints.isEmpty || meetsConstraints(number))
  }

  /// Whether a candidate ranks before another: complete before incomplete, complete up to more before complete up to
  /// less as far as the maximum of now, of incomplete ones by the resource of the value, then by loss. Of equal ranks the earlier
  /// one is the incumbent.
  ///
  /// Where the resource counts replicates, a complete trial with more of them comes before one with fewer: who ended early by
  /// itself has a mean over fewer.
  public func isBetter(_ number: TrialNumber, than other: TrialNumber) -> Bool {
    let wasCompleted = trials[number].wasCompleted
    if wasCompleted != trials[other].wasCompleted { return wasCompleted }
    if wasCompleted {
      let (count, others) = (curves[number]?.replicates.count ?? 0, curves[other]?.replicates.count ?? 0)
      if count != others { return count > others }
      let maximum = spec.fidelity?.maximum ?? .infinity
      let a = min(trials[number].completedLevel, maximum)
      let b = min(trials[other].completedLevel, maximum)
      if a != b { return a > b }
    } else {
      let (a, b) = (curves[number]?.resources.last ?? 0, curves[other]?.resources.last ?? 0)
      if a != b { return a > b }
    }
    return loss(number) < loss(other)
  }

  private mutating func considerIncumbent(_ number: TrialNumber, at time: Timestamp) {
    // Along a fidelity a trial's rank only rises, until it is complete; without one, its newest value may be worse than
    // the one before.
    let mayFall = spec.fidelity == nil || trials[number].wasCompleted
    if incumbent == number, !isCandidate(number) || (mayFall && trials[number].state != .completed) {
      findIncumbentAnew(at: time)
      return
    }
    guard isCandidate(number) else { return }
    if let incumbent {
      guard incumbent == number || isBetter(number, than: incumbent) else { return }
    }
    setIncumbent(number, at: time)
  }

  private mutating func setIncumbent(_ number: TrialNumber, at time: Timestamp) {
    incumbent = number
    incumbentIsComplete = trials[number].wasCompleted
    let resource = spec.fidelity == nil ? Double.nan : curves[number]?.resources.last ?? .nan
    incumbentChanges.append(
      IncumbentChange(
        trial: number, value: trials[number].value, resource: resource, time: time, trialCount: trials.count))
  }

  private mutating func findIncumbentAnew(at time: Timestamp) {
    incumbent = nil
    incumbentIsComplete = false
    var best: TrialNumber?
    for number in trials.indices where isCandidate(number) {
      if let current = best { if isBetter(number, than: current) { best = number } } else { best = number }
    }
    if let best { setIncumbent(best, at: time) }
  }
}
