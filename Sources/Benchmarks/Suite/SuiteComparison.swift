import TrimtabAnalysis
import TrimtabSearchSpaces
import TrimtabStudies

/// What the runs of a suite say of its methods.
///
/// Problems are the tasks of every statistic; the repetitions of a problem are its seeds, and are averaged before methods
/// are ranked. Losses are scores (see `Problem.score`) turned so that lower is better.
public struct SuiteComparison: Sendable {
  /// What a run spends.
  public enum Axis: String, Sendable, CaseIterable {
    case evaluations
    case seconds
    case cost
  }

  /// One problem with its runs.
  public struct Task: Sendable {
    public var problem: ProblemEntry
    /// What regret is counted from, and whether it is known rather than the best that any run found.
    public var optimum: Double
    public var optimumIsKnown: Bool
    /// The loss that counts as a regret of 1, and whether it is the median configuration's rather than that of the runs'
    /// first incumbents.
    public var scale: Double
    public var scaleIsKnown: Bool
    /// The whole budget of each run.
    public var budget: Double
    /// `[method][seed]`.
    public var traces: [[RunTrace]]
    /// The incumbents' losses, `[method][seed]`.
    public var losses: [[StepCurve]]
    public var parameterCount: Int
    public var costUnit: String

    /// Regret as a share of the median configuration's, in 0…1.
    public var normalised: NormalisedRegret { .rsStart(optimum: optimum, median: scale) }
  }

  public var suite: Suite
  public var role: SeedRole
  public var axis: Axis
  /// Those with runs.
  public var methods: [MethodEntry]
  public var tasks: [Task]
  /// What is not in the comparison, and why.
  public var notes: [String] = []

  /// Why nothing can be compared.
  public struct Missing: Error, CustomStringConvertible {
    public var description: String
  }

  /// Reads the runs that a comparison needs.
  ///
  /// Methods without any run are left out, and so are repetitions that some method has not made; `notes` says so.
  /// - Parameters:
  ///   - problems: the suite's problems, by label.
  ///   - axis: what budgets are counted in; nil for seconds where the suite has a budget of time, else evaluations.
  /// - Throws: `Missing` when no two methods have runs in common; `StoreError`; `AnalysisError` when a run is damaged.
  public init(
    _ suite: Suite, role: SeedRole, problems: [String: any Problem], store: ResultStore, axis: Axis? = nil
  ) throws {
    self.suite = suite
    self.role = role
    let axis = axis ?? (suite.budget.seconds != nil && suite.budget.evaluations == nil ? .seconds : .evaluations)
    self.axis = axis
    var found: [Suite.Job: RunTrace] = [:]
    var missing: [String: Int] = [:]
    let jobs = suite.jobs(role)
    for job in jobs {
      if let trace = try store.trace(job.definition) {
        found[job] = trace
      } else {
        missing[job.method.name, default: 0] += 1
      }
    }
    let present = Set(found.keys.map(\.method))
    methods = suite.methods.filter { present.contains($0) }
    for method in suite.methods where !present.contains(method) { notes.append("\(method.name) has no runs") }
    for method in methods {
      if let count = missing[method.name] { notes.append("\(method.name) lacks \(count) of its runs") }
    }
    guard !methods.isEmpty else { throw Missing(description: "there are no runs to compare") }

    tasks = []
    for entry in suite.problems {
      guard let problem = problems[entry.label] else { continue }
      let own = jobs.filter { $0.problem == entry }
      let repetitions = (0..<suite.repetitions).filter { repetition in
        methods.allSatisfy { method in
          own.contains { $0.repetition == repetition && $0.method == method && found[$0] != nil }
        }
      }
      guard !repetitions.isEmpty else {
        notes.append("\(entry.label): no repetition has been made by all methods")
        continue
      }
      if repetitions.count < suite.repetitions {
        notes.append("\(entry.label): \(repetitions.count) of \(suite.repetitions) repetitions made by all methods")
      }
      let traces = methods.map { method in
        repetitions.compactMap { repetition in
          own.first { $0.repetition == repetition && $0.method == method }.flatMap { found[$0] }
        }
      }
      tasks.append(try Self.task(entry, problem, traces, axis, suite))
    }
    guard !tasks.isEmpty else {
      throw Missing(description: "no problem has a repetition that all methods have made")
    }
  }

  private static func task(
    _ entry: ProblemEntry, _ problem: any Problem, _ traces: [[RunTrace]], _ axis: Axis, _ suite: Suite
  ) throws(AnalysisError) -> Task {
    let sign = problem.objectives[0].sign
    func position(_ point: TracePoint) -> Double {
      switch axis {
      case .evaluations: point.evaluations
      case .seconds: point.seconds
      case .cost: point.cost
      }
    }
    func end(_ trace: RunTrace) -> Double {
      switch axis {
      case .evaluations: trace.evaluations
      case .seconds: trace.seconds
      case .cost: trace.cost
      }
    }
    var losses: [[StepCurve]] = []
    for runs in traces {
      var curves: [StepCurve] = []
      for run in runs {
        curves.append(try StepCurve(budgets: run.points.map(position), values: run.points.map { $0.score * sign }))
      }
      losses.append(curves)
    }
    let all = losses.flatMap { $0 }
    let best = all.flatMap(\.values).filter(\.isFinite).min() ?? 0
    let firsts = all.compactMap { $0.values.first { $0.isFinite } }
    let limits = suite.budget.limits(for: problem)
    let known: Double? =
      switch axis {
      case .evaluations: limits.evaluations
      case .seconds: limits.seconds
      case .cost: nil
      }
    let optimum = problem.reference.optimum.map { min($0 * sign, best) }
    let scale = problem.reference.median.map { $0 * sign }
    return Task(
      problem: entry, optimum: optimum ?? best, optimumIsKnown: optimum != nil,
      scale: scale ?? median(firsts), scaleIsKnown: scale != nil,
      budget: known ?? traces.flatMap { $0 }.map(end).max() ?? 1, traces: traces, losses: losses,
      parameterCount: problem.space.parameters.count, costUnit: problem.costUnit)
  }

  // MARK: Tables

  /// Regrets after a share of the budget, `[task][method][seed]`: incumbents' losses above the optimum, in the unit of
  /// the objective, +∞ where nothing was found by then.
  public func regrets(atShare share: Double) -> [[[Double]]] {
    tasks.map { task in
      task.losses.map { runs in
        runs.map { $0.value(at: share * task.budget * (1 + 1e-12), before: .infinity) - task.optimum }
      }
    }
  }

  /// Of each run the share of the other methods' runs on the problem that end behind it, equal ones counting half,
  /// `[task][method][seed]`; 0.5 where there is no other method.
  public func runsWon() -> [[[Double]]] {
    regrets(atShare: 1).map { methods in
      methods.indices.map { method in
        let rivals = methods.indices.filter { $0 != method }.flatMap { methods[$0] }
        return methods[method].map { own in
          guard !rivals.isEmpty else { return 0.5 }
          let won = rivals.reduce(0) { $0 + (own < $1 ? 1 : own > $1 ? 0 : 0.5) }
          return won / Double(rivals.count)
        }
      }
    }
  }

  /// Normalised regrets at shares of the budget, `[task][method][seed][point]`.
  public func normalisedRegrets(atShares shares: [Double]) -> [[[[Double]]]] {
    tasks.map { task in
      let grid = shares.map { $0 * task.budget * (1 + 1e-12) }
      return task.losses.map { runs in
        runs.map { task.normalised.regrets(of: $0.values(at: grid, before: .nan)) }
      }
    }
  }

  /// Regrets in the objective's unit at shares of the budget, for ranking; `[task][method][seed][point]`.
  public func regrets(atShares shares: [Double]) -> [[[[Double]]]] {
    tasks.map { task in
      let grid = shares.map { $0 * task.budget * (1 + 1e-12) }
      return task.losses.map { runs in
        runs.map { $0.values(at: grid, before: .infinity).map { $0 - task.optimum } }
      }
    }
  }

  /// Shares of the budget, evenly spaced in the logarithm from a hundredth on, or from one evaluation.
  public func shares(count: Int) -> [Double] {
    let first = axis == .evaluations ? 1 / (tasks.map(\.budget).max() ?? 1) : 0.01
    return BudgetGrid.logarithmic(from: min(first, 0.5), to: 1, count: count)
  }

  /// The mean over the budget of normalised regret, `[task][method][seed]`.
  public func areas() throws(AnalysisError) -> [[[Double]]] {
    var areas: [[[Double]]] = []
    for task in tasks {
      var row: [[Double]] = []
      for runs in task.losses {
        var values: [Double] = []
        for run in runs {
          let regret = run.map { task.normalised.regret(of: $0) }
          values.append(try regret.average(to: task.budget, before: 1))
        }
        row.append(values)
      }
      areas.append(row)
    }
    return areas
  }

  /// How many times less budget each method needs than a rival to come to where the rival ends, `[task][method]`; nil where
  /// it never comes there. Medians over seeds are compared.
  public func speedUps(over rival: Int) throws(AnalysisError) -> [[Double?]] {
    var ratios: [[Double?]] = []
    for task in tasks {
      let first = axis == .evaluations ? 1 : task.budget / 1000
      let grid = BudgetGrid.logarithmic(from: min(first, task.budget / 2), to: task.budget, count: 200)
      let medians = task.losses.map { runs in
        pointMedians(runs.map { $0.values(at: grid.map { $0 * (1 + 1e-12) }, before: .infinity) })
      }
      var row: [Double?] = []
      for method in methods.indices {
        row.append(try SpeedUp(of: medians[method], over: medians[rival], grid: grid).ratio)
      }
      ratios.append(row)
    }
    return ratios
  }

  /// When each run first met targets of normalised regret, per method; budgets are divided by the number of parameters.
  public func targetHits() throws(AnalysisError) -> [TargetHits] {
    var hits: [TargetHits] = []
    for method in methods.indices {
      var curves: [StepCurve] = []
      var budgets: [Double] = []
      var divisors: [Double] = []
      for task in tasks {
        for run in task.losses[method] {
          curves.append(run.map { task.normalised.regret(of: $0) })
          budgets.append(task.budget)
          divisors.append(Double(max(1, task.parameterCount)))
        }
      }
      hits.append(try TargetHits(curves, budgets: budgets, divisor: divisors))
    }
    return hits
  }

  /// The time at which the median of each method's runs comes to a target, over the methods and tasks, for a performance
  /// profile; `[method][task]`, +∞ where it never does.
  ///
  /// The target of a task is where the rival's median ends.
  public func timesToTarget(of rival: Int) -> [[Double]] {
    methods.indices.map { method in
      tasks.map { task in
        let ends = task.losses[rival].map { $0.value(at: task.budget * (1 + 1e-12), before: .infinity) }
        let target = median(ends)
        let times = task.losses[method].map { run -> Double in
          let hit = run.firstBudget(reaching: target) ?? .infinity
          return hit <= task.budget * (1 + 1e-12) ? max(hit, task.budget * 1e-9) : .infinity
        }
        let sorted = times.sorted()
        // With an even number of runs the later of the middle two: an infinite time has no mean.
        return sorted[sorted.count / 2]
      }
    }
  }

  /// The index of random search, by which speed-ups are measured; nil when it is not among the methods.
  public var randomSearch: Int? {
    methods.firstIndex {
      $0.kind == .method(MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full")))
    }
  }

  /// Seconds that each method thought per trial, over all its runs.
  public func thinkingPerTrial() -> [Double] {
    methods.indices.map { method in
      let runs = tasks.flatMap { $0.traces[method] }
      let trials = runs.reduce(0) { $0 + $1.trials }
      return trials == 0 ? .nan : runs.reduce(0) { $0 + $1.thinkingSeconds } / Double(trials)
    }
  }
}
