import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// When a run ends; the first limit reached counts. Without any, the optimiser's study has to end by itself.
public struct SimulationBudget: Sendable, Hashable {
  /// Resource used by all trials, in evaluations at full resource.
  public var evaluations: Double?
  /// Virtual seconds.
  public var seconds: Double?

  public init(evaluations: Double? = nil, seconds: Double? = nil) {
    self.evaluations = evaluations
    self.seconds = seconds
  }
}

/// How time passes in a simulation.
public struct SimulationClock: Sendable, Hashable {
  /// What happens to the time that the optimiser thinks.
  public enum Thinking: String, Sendable, Hashable, CaseIterable {
    /// It costs no virtual time, so that runs can be repeated to the byte.
    case ignored
    /// The worker waits for it, as it would in reality.
    case counted
  }

  public var thinking: Thinking = .ignored
  /// Seconds from a worker's being free to the start of its trial, from a report to its arrival, and from a trial's end
  /// to the worker's being free; each time.
  public var delay = 0.0
  /// Seconds between the moments at which free workers are served; 0 serves them at once.
  public var wake = 0.0
  /// Whether a paused trial goes on where it was, if its problem lets it; otherwise it is trained again from the start.
  public var hasCheckpoints = true

  public init() {}
}

/// Asynchronous tuning by several workers in virtual time.
///
/// Reports, ends and free workers are events in a queue, ordered by time and then by trial; nothing sleeps. The optimiser
/// sees what it would see of real trials in the same order.
///
/// Source: the simulator back end of Syne Tune (Salinas et al., "Syne Tune: A Library for Large Scale Hyperparameter
/// Tuning and Reproducible Research", AutoML 2022, section 3), except that workers are served at every event.
public struct Simulation {
  public var problem: any Problem
  public var workers: Int
  public var budget: SimulationBudget
  public var clock: SimulationClock
  /// Whether trials report at every resource of the problem; otherwise only at their target.
  public var reportsOften: Bool
  /// Whatever is random in the problem is a function of it.
  public var seed: UInt64

  public init(
    problem: any Problem, workers: Int = 1, budget: SimulationBudget, clock: SimulationClock = SimulationClock(),
    reportsOften: Bool = true, seed: UInt64
  ) {
    self.problem = problem
    self.workers = workers
    self.budget = budget
    self.clock = clock
    self.reportsOften = reportsOften
    self.seed = seed
  }

  /// Runs an optimiser until the budget is spent or it has nothing more to try.
  /// - Parameters:
  ///   - time: is set to the virtual time, which the optimiser may read.
  ///   - usesFidelity: whether the optimiser's study has the problem's fidelity; otherwise trials are trained to the end.
  /// - Throws: what the optimiser throws.
  public func run(_ optimiser: any Optimiser, time: VirtualTime, usesFidelity: Bool) throws -> RunTrace {
    var run = SimulationRun(self, optimiser, time, usesFidelity: usesFidelity)
    return try run.run()
  }
}

/// The clock that a simulation sets and an optimiser reads.
public final class VirtualTime: @unchecked Sendable {
  // One thread runs a simulation together with its optimiser, and nobody else has the clock.
  public fileprivate(set) var seconds = 0.0

  public init() {}

  public var milliseconds: Timestamp { Timestamp((seconds * 1000).rounded()) }
}

/// The state of one run.
private struct SimulationRun {
  /// A trial as its worker sees it.
  struct RunningTrial {
    var configuration: Configuration
    var seed: UInt64
    /// The resources at which this run reports, and the next of them; `[.nan]` without fidelity.
    var stops: [Double]
    var next = 0
    var startedAt: Double
    /// The cost at the resource from which this run goes on.
    var costBefore: Double
    /// The outcome at `stops[next]`, which the queue holds the moment of.
    var outcome: Outcome
    var costSoFar: Double
  }

  /// What a trial has reached over all its runs.
  struct Reached {
    var resource = 0.0
    var cost = 0.0
    var values: [Double] = []
  }

  enum Kind: Int {
    case workerFree
    case outcome
  }

  struct Event: Comparable {
    var time: Double
    var trial: TrialNumber
    var kind: Kind

    static func < (a: Event, b: Event) -> Bool {
      (a.time, a.trial, a.kind.rawValue) < (b.time, b.trial, b.kind.rawValue)
    }
  }

  let simulation: Simulation
  let problem: any Problem
  let optimiser: any Optimiser
  let time: VirtualTime
  let usesFidelity: Bool
  let hasCheckpoints: Bool
  let sign: Double

  var queue = EventQueue<Event>()
  var running: [TrialNumber: RunningTrial] = [:]
  var reached: [TrialNumber: Reached] = [:]
  var evaluationCounts: [UInt64: UInt64] = [:]
  var scores: [UInt64: Double] = [:]
  var idleWorkers: Int
  var trace = RunTrace()
  var incumbent: (resource: Double, loss: Double, configuration: Configuration)?
  var isFinished = false

  init(_ simulation: Simulation, _ optimiser: any Optimiser, _ time: VirtualTime, usesFidelity: Bool) {
    self.simulation = simulation
    self.problem = simulation.problem
    self.optimiser = optimiser
    self.time = time
    self.usesFidelity = usesFidelity && simulation.problem.fidelity != nil
    hasCheckpoints = simulation.clock.hasCheckpoints && simulation.problem.continuesTraining
    sign = simulation.problem.objectives[0].sign
    idleWorkers = simulation.workers
  }

  mutating func run() throws -> RunTrace {
    try serveWorkers()
    while let event = queue.popFirst() {
      if let limit = simulation.budget.seconds, event.time > limit {
        finish("the time is over", at: limit)
        break
      }
      time.seconds = event.time
      switch event.kind {
      case .workerFree: idleWorkers += 1
      case .outcome: try absorbOutcome(of: event.trial)
      }
      if isFinished { break }
      // Everything that happens at one moment is known before workers are served.
      if queue.first?.time != event.time { try serveWorkers() }
    }
    if !isFinished { finish(trace.end.isEmpty ? "the optimiser waits for nothing" : trace.end, at: time.seconds) }
    trace.thinkingSeconds = optimiser.thinking / .seconds(1)
    trace.incumbent = incumbent.map { problem.space.json(of: $0.configuration).text }
    return trace
  }

  private mutating func finish(_ reason: String, at seconds: Double) {
    isFinished = true
    trace.end = reason
    trace.seconds = seconds
  }

  // MARK: Workers

  private mutating func serveWorkers() throws {
    while idleWorkers > 0, !isFinished {
      // Without fidelity a trial uses one evaluation, and what is running will use its own.
      if !usesFidelity, let limit = simulation.budget.evaluations,
        trace.evaluations + Double(running.count) + 1 > limit + 1e-9
      {
        trace.end = "\(JSONValue.plainText(limit)) evaluations were used"
        return
      }
      let before = optimiser.thinking
      let answer = try optimiser.ask()
      let thought = simulation.clock.thinking == .counted ? (optimiser.thinking - before) / .seconds(1) : 0
      switch answer {
      case .wait: return
      case .finished(let reason):
        trace.end = reason
        return
      case .run(let trial, let configuration, let target):
        idleWorkers -= 1
        start(trial, configuration, target: target, at: served(time.seconds) + thought + simulation.clock.delay)
      }
    }
  }

  /// When a worker that is free now gets its trial.
  private func served(_ now: Double) -> Double {
    let wake = simulation.clock.wake
    return wake > 0 ? (now / wake).rounded(.up) * wake : now
  }

  private mutating func start(_ trial: TrialNumber, _ configuration: Configuration, target: Double?, at start: Double) {
    var before = reached[trial] ?? Reached()
    if reached[trial] == nil {
      trace.trials += 1
      reached[trial] = before
    }
    if !hasCheckpoints { before = Reached() }
    let key = configuration.key
    let seed: UInt64
    if let known = seeds[trial] {
      seed = known
    } else {
      let count = evaluationCounts[key, default: 0]
      evaluationCounts[key] = count + 1
      var stream = RandomStream(seed: simulation.seed, purpose: key, index: count)
      seed = stream.next()
      seeds[trial] = seed
    }
    var stops: [Double]
    if let full = problem.resources.last {
      let goal = usesFidelity ? min(target ?? full, full) : full
      stops =
        usesFidelity && simulation.reportsOften ? problem.resources.filter { $0 > before.resource && $0 < goal } : []
      stops.append(goal)
    } else {
      stops = [.nan]
    }
    var run = RunningTrial(
      configuration: configuration, seed: seed, stops: stops, startedAt: start, costBefore: before.cost,
      outcome: .measured([], cost: 0), costSoFar: before.cost)
    schedule(&run, trial)
    running[trial] = run
  }

  private var seeds: [TrialNumber: UInt64] = [:]

  /// Computes the next outcome of a running trial and when it is known.
  private mutating func schedule(_ run: inout RunningTrial, _ trial: TrialNumber) {
    let stop = run.stops[run.next]
    run.outcome = problem.evaluate(run.configuration, resource: stop.isNaN ? nil : stop, seed: run.seed)
    let cost =
      switch run.outcome {
      case .measured(_, let cost), .failed(_, let cost, _): cost
      }
    // A cost that is missing or falls is no time to go back to.
    run.costSoFar = max(run.costSoFar, cost.isFinite ? cost : 0)
    queue.insert(
      Event(
        time: run.startedAt + (run.costSoFar - run.costBefore) + simulation.clock.delay, trial: trial, kind: .outcome))
  }

  // MARK: Outcomes

  private mutating func absorbOutcome(of trial: TrialNumber) throws {
    guard var run = running[trial] else { return }
    let stop = run.stops[run.next]
    let resource = stop.isNaN ? nil : stop
    charge(trial, run, resource)
    let seconds = time.seconds - run.startedAt
    switch run.outcome {
    case .failed(let kind, _, let message):
      trace.failures += 1
      try optimiser.fail(trial, kind, message: message, seconds: seconds)
      end(trial)
    case .measured(let values, _):
      note(trial, run.configuration, resource, values[0])
      let isLast = run.next + 1 == run.stops.count
      if isLast, !usesFidelity || resource == problem.resources.last {
        try complete(trial, resource, values, seconds)
      } else {
        let verdict = try optimiser.report(trial, resource: resource, values)
        switch verdict {
        case .proceed where isLast: try complete(trial, resource, values, seconds)
        case .proceed:
          run.next += 1
          schedule(&run, trial)
          running[trial] = run
        case .pause:
          try optimiser.pause(trial, seconds: seconds)
          end(trial)
        case .stop:
          try optimiser.stop(trial, seconds: seconds)
          end(trial)
        }
      }
    }
    if let limit = simulation.budget.evaluations, trace.evaluations >= limit - 1e-9 {
      finish("\(JSONValue.plainText(limit)) evaluations were used", at: time.seconds)
    }
  }

  private mutating func complete(
    _ trial: TrialNumber, _ resource: Double?, _ values: [Double], _ seconds: Double
  ) throws {
    let shown = usesFidelity ? resource : nil
    if values.allSatisfy(\.isFinite) {
      try optimiser.complete(trial, resource: shown, values, seconds: seconds)
    } else {
      trace.failures += 1
      try optimiser.fail(trial, .invalidValue, message: "the objective is not a number", seconds: seconds)
    }
    end(trial)
  }

  private mutating func end(_ trial: TrialNumber) {
    guard let run = running.removeValue(forKey: trial) else { return }
    trace.busySeconds += time.seconds - run.startedAt
    queue.insert(Event(time: time.seconds + simulation.clock.delay, trial: trial, kind: .workerFree))
  }

  /// Adds what the newest report used.
  private mutating func charge(_ trial: TrialNumber, _ run: RunningTrial, _ resource: Double?) {
    var known = reached[trial] ?? Reached()
    let previous = run.next > 0 ? run.stops[run.next - 1] : hasCheckpoints ? known.resource : 0
    if let resource, let full = problem.resources.last {
      trace.evaluations += (resource - previous) / full
      known.resource = max(known.resource, resource)
    } else {
      trace.evaluations += 1
    }
    let costBefore = run.next > 0 ? known.cost : run.costBefore
    trace.cost += max(0, run.costSoFar - costBefore)
    known.cost = run.costSoFar
    reached[trial] = known
  }

  /// The incumbent is the trial with the best value among those at the greatest resource so far.
  private mutating func note(
    _ trial: TrialNumber, _ configuration: Configuration, _ resource: Double?, _ value: Double
  ) {
    guard value.isFinite else { return }
    let resource = resource ?? 0
    let loss = value * sign
    if let incumbent, (resource, -loss) <= (incumbent.resource, -incumbent.loss) { return }
    incumbent = (resource, loss, configuration)
    let score: Double
    if let known = scores[configuration.key] {
      score = known
    } else {
      score = problem.score(configuration).first ?? .nan
      scores[configuration.key] = score
    }
    trace.points.append(
      TracePoint(
        evaluations: trace.evaluations, seconds: time.seconds, cost: trace.cost, trials: trace.trials, observed: value,
        score: score))
  }
}
