import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// Drives a method through everything that can happen to a study, and checks after every event what any method must
/// keep: proposals lie in the space, finite spaces see no configuration twice, a replica that has only the log makes the
/// same decisions bit for bit, no promotion happens twice, and the study ends.
public struct MethodConformance {
  /// What broke, in words; empty when nothing did.
  public private(set) var violations: [String] = []
  public private(set) var driver: StudyDriver
  /// How often each thing happened, so that a test can tell that it happened at all.
  public private(set) var happened: [String: Int] = [:]

  private let makeMethod: (StudySpec) throws -> Method
  /// Follows the log but is never asked, except to compare.
  private var follower: Method
  private var chance: RandomStream
  private var workers: [TrialNumber?]
  private var amendments: [(StudySpec) throws -> StudySpec]
  private var promotions: Set<String> = []
  private var asks = 0
  private var isExhausted = false
  private let hasMishaps: Bool

  /// - Parameters:
  ///   - seed: of what happens when; the same seed gives the same story.
  ///   - amendments: changes of the specification, made one after the other as the study goes on.
  ///   - hasMishaps: whether workers die, trials fail, and people interfere.
  ///   - earlier: the studies that this one learns from.
  public init(
    _ spec: StudySpec, seed: UInt64, workers: Int = 4, amendments: [(StudySpec) throws -> StudySpec] = [],
    hasMishaps: Bool = true, earlier: [EarlierStudy] = [], makeMethod: @escaping (StudySpec) throws -> Method
  ) throws {
    driver = try StudyDriver(spec, makeMethod: makeMethod)
    follower = try makeMethod(driver.initial.spec)
    self.makeMethod = makeMethod
    chance = RandomStream(seed: seed, purpose: stableHash("conformance"), index: 0)
    self.workers = Array(repeating: nil, count: workers)
    self.amendments = amendments
    self.hasMishaps = hasMishaps
    for study in earlier { try append(.earlierStudy(study)) }
  }

  /// Runs the study to its end.
  public mutating func run() throws {
    let budget = driver.state.spec.budget.trials ?? 100
    let limit = 400 * budget + 1000
    var steps = 0
    while steps < limit, violations.count < 10 {
      steps += 1
      try interfere()
      let worker = chance.index(below: workers.count)
      if let trial = workers[worker] {
        try advance(trial, worker)
      } else if try !ask(worker), workers.allSatisfy({ $0 == nil }), driver.state.queue.isEmpty, amendments.isEmpty {
        break
      }
    }
    let state = driver.state
    if steps == limit { violations.append("the study does not end: \(state.trials.count) trials after \(steps) steps") }
    if !isExhausted, let budget = state.spec.budget.trials, state.trials.count < budget {
      violations.append("the study ends with \(state.trials.count) of \(budget) trials")
    }
    try compareWithReplay()
  }

  private mutating func append(_ body: Event.Body) throws {
    try driver.append(body)
    if let event = driver.events.last { follower.absorb(event, state: driver.state) }
  }

  private mutating func note(_ what: String) { happened[what, default: 0] += 1 }

  // MARK: Asking

  /// Whether the worker has got something to do.
  private mutating func ask(_ worker: Int) throws -> Bool {
    let state = driver.state
    let picky = hasMishaps && chance.uniform() < 0.1
    let canResume: (TrialNumber) -> Bool = { !picky || $0 % 2 == 0 }
    let now = state.latestTime + 1_000_000
    if let queued = state.nextQueued(now: now, canResume: { _ in true }) {
      try append(.trialStarted(queued, worker: WorkerID(worker)))
      workers[worker] = queued
      note("queued trial started")
      return true
    }
    let mayStartNew = state.reachedLimit(now: now) == nil
    let proposal = try driver.method.propose(state: state, mayStartNew: mayStartNew, canResume: canResume)
    var other = follower
    let expected = try other.propose(state: state, mayStartNew: mayStartNew, canResume: canResume)
    if !isSame(proposal, expected) { violations.append("a replica proposes \(expected), not \(proposal)") }
    asks += 1
    if asks % 25 == 0 { try compareWithReplay() }
    switch proposal {
    case .wait: return false
    case .exhausted:
      isExhausted = true
      note("exhausted")
      return false
    case .new(let configuration, let target, let annotation):
      if !mayStartNew { violations.append("a new trial is proposed beyond the budget") }
      check(configuration, annotation)
      let trial = state.trials.count
      try append(.trialProposed(trial, .new(configuration), target: target, annotation))
      try append(.trialStarted(trial, worker: WorkerID(worker)))
      workers[worker] = trial
      note("new")
      annotation.origin.map { note($0.name) }
    case .resume(let trial, let target, let annotation):
      check(promotion: trial, to: target, canResume)
      try append(.trialProposed(trial, .resume, target: target, annotation))
      try append(.trialStarted(trial, worker: WorkerID(worker)))
      workers[worker] = trial
      note("resumed")
    }
    return true
  }

  private mutating func check(_ configuration: Configuration, _ annotation: Annotation) {
    let state = driver.state
    let space = state.spec.space
    if !space.contains(configuration) { violations.append("\(configuration.slots) is outside the space") }
    for (index, parameter) in space.parameters.enumerated() {
      if let fixed = parameter.fixedValue, let value = space.value(of: index, in: configuration), value != fixed {
        violations.append("\(parameter.name) is \(value), fixed to \(fixed)")
      }
    }
    if annotation.origin == nil { violations.append("a proposal does not say where it comes from") }
    if annotation.origin == .repetition {
      if !state.history.contains(configuration) { violations.append("\(configuration.slots) is no repetition") }
    } else if let count = space.productCardinality, count <= 100_000, state.history.contains(configuration) {
      violations.append("\(configuration.slots) is proposed twice")
    }
  }

  private mutating func check(promotion trial: TrialNumber, to target: Double, _ canResume: (TrialNumber) -> Bool) {
    let record = driver.state.trials[trial]
    if !record.canGoOn(to: target) { violations.append("trial \(trial) is resumed while \(record.state.name)") }
    if !canResume(trial) { violations.append("trial \(trial) is resumed where it cannot be") }
    if target <= record.resource { violations.append("trial \(trial) is resumed to \(target), where it is already") }
    if !promotions.insert("\(trial) \(target)").inserted {
      violations.append("trial \(trial) is promoted twice to \(target)")
    }
  }

  private func isSame(_ a: Proposal, _ b: Proposal) -> Bool {
    guard case .new(let x, let target, let note) = a, case .new(let y, let otherTarget, let otherNote) = b else {
      return a == b
    }
    return x.slots.map(\.bitPattern) == y.slots.map(\.bitPattern) && target == otherTarget && note == otherNote
  }

  private mutating func compareWithReplay() throws {
    let state = driver.state
    var original = driver.method
    var replica = try driver.replayed(makeMethod: makeMethod)
    let a = try original.propose(state: state, mayStartNew: true, canResume: { _ in true })
    let b = try replica.propose(state: state, mayStartNew: true, canResume: { _ in true })
    if !isSame(a, b) { violations.append("a replayed method proposes \(b), not \(a)") }
    for trial in state.running
    where original.verdict(on: trial, state: state) != replica.verdict(on: trial, state: state) {
      violations.append("a replayed method judges trial \(trial) differently")
    }
    note("replayed")
  }

  // MARK: Running

  private mutating func advance(_ trial: TrialNumber, _ worker: Int) throws {
    let luck = hasMishaps ? chance.uniform() : 1
    if luck < 0.02 {
      try append(.trialLost(trial))
      note("lost")
      workers[worker] = nil
    } else if luck < 0.04 {
      try append(.trialFailed(trial, .crash, message: "", seconds: 1))
      note("failed")
      workers[worker] = nil
    } else if luck < 0.05 {
      try append(.trialReleased(trial, seconds: 1))
      note("released")
      workers[worker] = nil
    } else if luck < 0.07 {
      _ = try report(trial, .nan)
      try append(.trialFailed(trial, .invalidValue, message: "", seconds: 1))
      note("not a number")
      workers[worker] = nil
    } else if driver.state.spec.fidelity == nil {
      _ = try report(trial, loss(trial, 1))
      try append(.trialCompleted(trial, seconds: 1))
      workers[worker] = nil
    } else {
      try advanceResource(trial, worker)
    }
  }

  private mutating func advanceResource(_ trial: TrialNumber, _ worker: Int) throws {
    guard let maximum = driver.state.spec.fidelity?.maximum else { return }
    let record = driver.state.trials[trial]
    let stride = hasMishaps ? Double(1 + chance.index(below: 3)) : 1
    let step = driver.state.spec.fidelity?.countsReplicates == true ? 1 : stride
    let resource = min(record.resource + step, max(record.target, record.resource + 1))
    let verdict = try report(trial, loss(trial, resource), at: resource)
    if verdict != follower.verdict(on: trial, state: driver.state) {
      violations.append("a replica judges trial \(trial) at \(resource) differently")
    }
    if resource >= maximum {
      try append(.trialCompleted(trial, seconds: 1))
      workers[worker] = nil
      note("completed")
      return
    }
    switch verdict {
    case .proceed:
      guard resource >= record.target else { return }
      // The program was told to end here, when this was still the full resource.
      if happened["amended"] == nil { violations.append("trial \(trial) is to proceed beyond its target \(resource)") }
      try append(.trialCompleted(trial, seconds: 1))
      workers[worker] = nil
    case .pause:
      if resource < record.target { violations.append("trial \(trial) is to pause at \(resource), before its target") }
      try append(.trialPaused(trial, isFrozen: hasMishaps && chance.uniform() < 0.2, seconds: 1))
      workers[worker] = nil
      note("paused")
    case .stop:
      try append(.trialStopped(trial, .method, seconds: 1))
      workers[worker] = nil
      note("stopped")
    }
  }

  private mutating func report(_ trial: TrialNumber, _ value: Double, at resource: Double? = nil) throws -> Verdict {
    let at = driver.state.spec.fidelity == nil ? nil : resource ?? driver.state.trials[trial].resource + 1
    let metrics = driver.state.spec.objectives.map { MetricValue($0.metric, value) }
    try append(.reported(trial, resource: at, metrics))
    return driver.method.verdict(on: trial, state: driver.state)
  }

  /// A smooth function of the configuration that falls with the resource; ties are common on purpose.
  private func loss(_ trial: TrialNumber, _ resource: Double) -> Double {
    let units = driver.state.history.units
    var sum = 0.0
    for column in units where !column[trial].isNaN { sum += (column[trial] - 0.3) * (column[trial] - 0.3) }
    let rounded = (sum * 64).rounded() / 64 + 1 / (1 + resource)
    return rounded * driver.state.spec.objectives[0].sign
  }

  // MARK: People

  private mutating func interfere() throws {
    let state = driver.state
    let due = (driver.initial.spec.budget.trials ?? 100) / 5 * (happened["amended", default: 0] + 1)
    if !amendments.isEmpty, state.trials.count >= due || isExhausted {
      let change = amendments.removeFirst()
      try append(.studyAmended(specification: try change(state.spec).json.text))
      isExhausted = false
      note("amended")
    }
    guard hasMishaps else { return }
    if chance.uniform() < 0.01, state.reachedLimit(now: state.latestTime) == nil {
      let space = state.spec.space
      if let configuration = try? space.sample(seed: chance.next(), index: 0), !state.history.contains(configuration) {
        let target = state.spec.fidelity?.maximum
        let enqueued = ProposalKind.enqueued(configuration)
        try append(.trialProposed(state.trials.count, enqueued, target: target, Annotation(origin: .user)))
        note("enqueued")
      }
    }
    if chance.uniform() < 0.005, let paused = state.trials.indices.last(where: { state.trials[$0].state == .paused }) {
      try append(state.trials[paused].isFrozen ? .trialLost(paused) : .trialStopped(paused, .user, seconds: 0))
      note("paused trial lost or stopped")
    }
  }
}
