import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// A problem as a suite names it.
public struct ProblemEntry: Sendable, Hashable {
  public var name: String
  /// Options of the problem and of wrappers around it; scalars only.
  public var options: [String: Choice]

  public init(_ name: String, options: [String: Choice] = [:]) {
    self.name = name
    self.options = options
  }

  /// The name, followed by the options if there are any.
  public var label: String {
    if options.isEmpty { return name }
    let shown = options.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.description)" }
    return name + "[" + shown.joined(separator: ",") + "]"
  }
}

/// An optimiser as a suite names it.
public struct MethodEntry: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case method(MethodSpec)
    /// One of the peers that are known by name.
    case peer(String)
    /// A program that speaks the ask-tell protocol.
    case command([String])
  }

  public var name: String
  public var kind: Kind
  /// Whether its study has the problem's fidelity; otherwise every trial is trained to the end.
  public var usesFidelity: Bool

  public init(_ name: String, _ kind: Kind, usesFidelity: Bool) {
    self.name = name
    self.kind = kind
    self.usesFidelity = usesFidelity
  }

  var json: JSONValue {
    var members: [JSONValue.Member] = []
    switch kind {
    case .method(let spec): members.append(.init("method", spec.json))
    case .peer(let name): members.append(.init("peer", .string(name)))
    case .command(let words): members.append(.init("command", .array(words.map { .string($0) })))
    }
    members.append(.init("fidelity", .bool(usesFidelity)))
    return .object(members)
  }
}

/// Which random seeds a run has. Choices are made on the ones, and what came of them is reported on the others.
public enum SeedRole: String, Sendable, Hashable, CaseIterable {
  /// For developing a method and choosing its defaults.
  case tuning
  /// For what is reported.
  case test
}

/// How much a run may use.
public struct SuiteBudget: Sendable, Hashable {
  public enum Evaluations: Sendable, Hashable {
    case count(Double)
    /// ⌈20 + 40 √d⌉ for d parameters (YAHPO Gym, Pfisterer et al., AutoML 2022, section 4).
    case yahpo
  }

  public var evaluations: Evaluations?
  /// Virtual seconds.
  public var seconds: Double?

  public init(evaluations: Evaluations? = nil, seconds: Double? = nil) {
    self.evaluations = evaluations
    self.seconds = seconds
  }

  func limits(for problem: any Problem) -> SimulationBudget {
    let count: Double? =
      switch evaluations {
      case .count(let count): count
      case .yahpo: (20 + 40 * Double(problem.space.parameters.count).squareRoot()).rounded(.up)
      case nil: nil
      }
    return SimulationBudget(evaluations: count, seconds: seconds)
  }

  var json: JSONValue {
    let evaluations: JSONValue? =
      switch self.evaluations {
      case .count(let count): .number(count)
      case .yahpo: .string("yahpo")
      case nil: nil
      }
    return .members(["evaluations": evaluations, "time": seconds.map { .number($0) }])
  }
}

/// A comparison as data: which optimisers on which problems, how often, with how much.
public struct Suite: Sendable {
  public var name: String
  /// Names may be patterns, in which `*` stands for any characters.
  public var problems: [ProblemEntry]
  public var methods: [MethodEntry]
  public var budget: SuiteBudget
  public var workers: Int
  public var repetitions: Int
  public var seed: UInt64
  public var clock: SimulationClock

  public init(
    name: String, problems: [ProblemEntry], methods: [MethodEntry], budget: SuiteBudget, workers: Int = 1,
    repetitions: Int = 10, seed: UInt64 = 1, clock: SimulationClock = SimulationClock()
  ) {
    self.name = name
    self.problems = problems
    self.methods = methods
    self.budget = budget
    self.workers = workers
    self.repetitions = repetitions
    self.seed = seed
    self.clock = clock
  }

  /// One problem with one method and one seed.
  public struct Job: Sendable, Hashable {
    public var problem: ProblemEntry
    public var method: MethodEntry
    public var repetition: Int
    public var role: SeedRole
    /// Everything that defines the run; equal definitions have equal runs.
    public var definition: String
    /// What the run's random numbers are keyed by: the same for all methods.
    public var seed: UInt64
  }

  /// All runs, for problems whose names are no patterns any more, in the order in which they are made: the first
  /// repetition of everything comes first, so that a report can be made early.
  public func jobs(_ role: SeedRole) -> [Job] {
    var jobs: [Job] = []
    for repetition in 0..<repetitions {
      for problem in problems {
        var stream = RandomStream(
          seed: seed, purpose: stableHash("suite " + role.rawValue + " " + problem.label), index: UInt64(repetition))
        // The generators of many peers take 32 bits, some of them with a sign.
        let seed = stream.next() >> 33
        for method in methods {
          jobs.append(
            Job(
              problem: problem, method: method, repetition: repetition, role: role,
              definition: definition(problem, method, seed), seed: seed))
        }
      }
    }
    return jobs
  }

  private func definition(_ problem: ProblemEntry, _ method: MethodEntry, _ seed: UInt64) -> String {
    JSONValue.members([
      "problem": .string(problem.label), "method": method.json, "budget": budget.json, "workers": .integer(workers),
      "thinking": .string(clock.thinking.rawValue), "delay": .number(clock.delay), "wake": .number(clock.wake),
      "checkpoints": .bool(clock.hasCheckpoints), "seed": .string(String(seed)),
    ]).text
  }

  /// The study that an optimiser gets for a job.
  public func study(of job: Job, on problem: any Problem) -> StudySpec {
    let limits = budget.limits(for: problem)
    let usesFidelity = job.method.usesFidelity && problem.fidelity != nil
    var method = MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full"))
    if case .method(let spec) = job.method.kind { method = spec }
    // A limit of trials is what many peers plan by; with a fidelity nobody knows their number.
    let trials = usesFidelity ? nil : limits.evaluations.map { Int($0.rounded(.down)) }
    return StudySpec(
      name: "benchmark", space: problem.space, objectives: problem.objectives,
      fidelity: usesFidelity ? problem.fidelity : nil, method: method, budget: Budget(trials: trials),
      parallel: workers, seed: job.seed)
  }

  /// The simulation of a job.
  public func simulation(of job: Job, on problem: any Problem) -> Simulation {
    Simulation(
      problem: problem, workers: workers, budget: budget.limits(for: problem), clock: clock, seed: job.seed)
  }
}
