import TrimtabSearchSpaces

/// What is optimised: a metric that trials report, and the direction.
public struct Objective: Sendable, Hashable {
  public enum Goal: String, Sendable, Hashable, CaseIterable {
    case minimize
    case maximize
  }

  public var metric: String
  public var goal: Goal

  public init(metric: String, goal: Goal = .minimize) {
    self.metric = metric
    self.goal = goal
  }

  /// +1 or −1: multiplied with a reported value it gives a loss, lower being better.
  public var sign: Double { goal == .minimize ? 1 : -1 }
}

/// The resource of which a trial may get more or less, such as epochs.
public struct Fidelity: Sendable, Hashable {
  /// How a paused trial gives up its worker.
  public enum Pause: String, Sendable, Hashable, CaseIterable {
    /// The process ends, and continues from its checkpoint or from the start.
    case exit
    /// The process is frozen where it is and thawed later, by the same tuning process. It is told the maximum as the resource
    /// to reach, since it cannot be told more later.
    case freeze
  }

  /// The key under which trials report it.
  public var name: String
  /// The smallest resource at which a trial is judged; above 0.
  public var minimum: Double
  /// The resource of a complete trial; at least `minimum`.
  public var maximum: Double
  public var isInteger: Bool
  public var pause: Pause
  /// Whether the resource counts replicates, such as folds or seeds: a trial's value at n of them is the mean of what it
  /// reported at 1 to n, and not the last.
  public var countsReplicates: Bool

  public init(
    name: String, minimum: Double = 1, maximum: Double, isInteger: Bool = true, pause: Pause = .exit,
    countsReplicates: Bool = false
  ) {
    self.name = name
    self.minimum = minimum
    self.maximum = maximum
    self.isInteger = isInteger
    self.pause = pause
    self.countsReplicates = countsReplicates
  }

  /// Whether a trial that has got `resource` has come to `level`. One that adds up parts of a number, or prints six digits of
  /// it, falls short of a level by a hair; whole numbers differ by more than what is forgiven.
  @inlinable public static func reaches(_ resource: Double, _ level: Double) -> Bool {
    resource >= leastReaching(level)
  }

  /// The least resource that has come to `level`.
  @usableFromInline static func leastReaching(_ level: Double) -> Double { level - min(1e-5 * level, 0.25) }

  /// Whether two numbers stand for the same level.
  public static func isSame(_ a: Double, _ b: Double) -> Bool { reaches(a, b) && reaches(b, a) }
}

/// A named part of a method with its options, as the study file gives it.
public struct PartSpec: Sendable, Hashable {
  public var name: String
  /// Option values by name; scalars only.
  public var options: [String: Choice]

  public init(_ name: String, options: [String: Choice] = [:]) {
    self.name = name
    self.options = options
  }
}

/// Which configuration next, and who gets the next unit of resource.
public struct MethodSpec: Sendable, Hashable {
  public var sampler: PartSpec
  public var scheduler: PartSpec

  public init(sampler: PartSpec, scheduler: PartSpec) {
    self.sampler = sampler
    self.scheduler = scheduler
  }

  /// The method of a study that names none: `auto`, and `asha` where there is a fidelity. If that has a range, there are two
  /// brackets, and some trials run to the maximum at once: some begin at the second level, so that a first one that misleads
  /// does not decide, and a model of what the whole resource gives has its say (docs/multi-fidelity.md has the figures). With
  /// several objectives it is `random`, and `mo-asha`, since `auto` takes one.
  /// - Parameter sampler: another sampler, for which the scheduler is to be as usual; without a model of what the whole
  ///   resource gives no trial runs to the maximum at once.
  public static func usual(objectives: Int, fidelity: Fidelity?, sampler: PartSpec? = nil) -> MethodSpec {
    let sampler = sampler ?? PartSpec(objectives > 1 ? "random" : "auto")
    guard let fidelity else { return MethodSpec(sampler: sampler, scheduler: PartSpec("full")) }
    guard objectives <= 1 else { return MethodSpec(sampler: sampler, scheduler: PartSpec("mo-asha")) }
    var scheduler = PartSpec("asha")
    if fidelity.minimum < fidelity.maximum {
      scheduler.options["brackets"] = .integer(2)
      if !fidelity.countsReplicates, sampler.name == "auto" { scheduler.options["direct"] = .real(0.4) }
    }
    return MethodSpec(sampler: sampler, scheduler: scheduler)
  }
}

/// When a study is finished; the first limit reached counts. It belongs to the study, however many processes tune it.
public struct Budget: Sendable, Hashable {
  /// The number of configurations tried.
  public var trials: Int?
  /// Seconds during which at least one trial was running.
  public var seconds: Double?
  /// Total cost of all trials, in the unit of the cost metric; seconds of running when there is none.
  public var cost: Double?

  public init(trials: Int? = nil, seconds: Double? = nil, cost: Double? = nil) {
    self.trials = trials
    self.seconds = seconds
    self.cost = cost
  }
}

/// What one run of a trial may use.
public struct Limits: Sendable, Hashable {
  /// Seconds of one run; nil is no limit.
  public var seconds: Double?
  /// Resident memory of the trial's whole process group, in bytes; nil is no limit.
  public var memory: Int?
  /// Seconds between asking a trial to stop and ending it.
  public var grace: Double
  /// Bytes of output kept per trial.
  public var log: Int

  public init(seconds: Double? = nil, memory: Int? = nil, grace: Double = 10, log: Int = 64 << 20) {
    self.seconds = seconds
    self.memory = memory
    self.grace = grace
    self.log = log
  }
}

/// How often a trial is tried again.
public struct Retries: Sendable, Hashable {
  /// Further attempts after a crash, a time-out or lack of memory.
  public var failed: Int
  /// Further attempts after its tuning process or machine died.
  public var lost: Int
  /// Seconds before the first further attempt after a failure; doubled for each one after it.
  public var backoff: Double

  public init(failed: Int = 0, lost: Int = 3, backoff: Double = 1) {
    self.failed = failed
    self.lost = lost
    self.backoff = backoff
  }
}

/// What an acknowledged result survives.
public enum Durability: String, Sendable, Hashable, CaseIterable {
  /// A power cut: every acknowledgement waits for the disk.
  case durable
  /// The death of any process, but not a power cut.
  case relaxed
}

/// When a study stops before its budget is spent: as soon as one of these holds.
public struct Stopping: Sendable, Hashable {
  /// What is left to gain, compared with what.
  public enum Gain: Sendable, Hashable {
    /// The deviation of the objective between runs of one configuration, as a model learns it.
    case noise
    /// In the objective's units; above 0.
    case value(Double)
  }

  /// No more than this is left to gain, with a probability of nine in ten.
  public var gain: Gain?
  /// What one unit of cost is worth, in the objective's units: the next trial is expected to gain less than it costs.
  public var price: Double?
  /// So many finished trials in a row brought no improvement.
  public var stagnation: Int?
  /// One more trial changes the least regret that a model believes in by less than this share of what it did at the
  /// beginning; between 0 and 1.
  public var regretGap: Double?

  public init(gain: Gain? = nil, price: Double? = nil, stagnation: Int? = nil, regretGap: Double? = nil) {
    self.gain = gain
    self.price = price
    self.stagnation = stagnation
    self.regretGap = regretGap
  }
}

/// Everything that defines a study; the study file is its text.
public struct StudySpec: Sendable {
  public var name: String
  public var space: Space
  /// Whether trials may add parameters while they run, as a program asks for them.
  public var grows: Bool
  /// At least one; the first is the one that single-objective methods see.
  public var objectives: [Objective]
  public var fidelity: Fidelity?
  public var method: MethodSpec
  public var budget: Budget
  /// Trials at a time, per tuning process.
  public var parallel: Int
  /// The argument vector of a trial, with templates; empty when the objective is a function of the program.
  public var command: [String]
  /// Variables added to the environment of trials.
  public var environment: [String: String]
  public var limits: Limits
  public var retries: Retries
  /// Nil in a study file means: chosen when the study is created, and kept in the log.
  public var seed: UInt64?
  /// The metric in which trials report their total cost so far; nil means seconds of running.
  public var costMetric: String?
  /// A pattern for reports on standard output, such as `epoch {epoch}: loss {loss}`.
  public var outputPattern: String?
  public var durability: Durability
  /// Other studies from which this one learns.
  public var transfer: Transfer?
  public var stopping: Stopping?
  /// Conditions on what trials report; a trial that does not meet them is no solution.
  public var outcomeConstraints: [OutcomeConstraint]

  public init(
    name: String, space: Space, objectives: [Objective], fidelity: Fidelity? = nil, method: MethodSpec,
    budget: Budget = Budget(), parallel: Int = 1, command: [String] = [], environment: [String: String] = [:],
    limits: Limits = Limits(), retries: Retries = Retries(), seed: UInt64? = nil, costMetric: String? = nil,
    outputPattern: String? = nil, durability: Durability = .durable, grows: Bool = false,
    transfer: Transfer? = nil, stopping: Stopping? = nil, outcomeConstraints: [OutcomeConstraint] = []
  ) {
    self.name = name
    self.space = space
    self.grows = grows
    self.objectives = objectives
    self.fidelity = fidelity
    self.method = method
    self.budget = budget
    self.parallel = parallel
    self.command = command
    self.environment = environment
    self.limits = limits
    self.retries = retries
    self.seed = seed
    self.costMetric = costMetric
    self.outputPattern = outputPattern
    self.durability = durability
    self.transfer = transfer
    self.stopping = stopping
    self.outcomeConstraints = outcomeConstraints
  }
}
