import TrimtabAnalysis
import TrimtabSearchSpaces

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The figures of a comparison, as its text, its JSON and its page show them.
public struct SuiteSummary: Sendable {
  /// One method over all tasks.
  public struct Row: Sendable {
    public var method: String
    /// Mean rank over tasks at each checkpoint, 1 being best, with 95 % bootstrap intervals over seeds.
    public var ranks: [Interval]
    /// The mean over tasks of the share of the other methods' runs that one of its runs ends before.
    public var won: Interval
    /// Mean normalised regret over the budget and over tasks.
    public var area: Interval
    /// The geometric mean over tasks of how many times less budget it needs than random search to come to where that ends,
    /// and the number of tasks where it came there; nil without random search.
    public var speedUp: (ratio: Double, tasks: Int)?
    /// The median over all tasks of the same, 0 where it never comes there; nil without random search.
    public var medianSpeedUp: Double?
    /// Score of the performance profile: the target of a task is where random search ends; nil without it.
    public var profile: Double?
    public var thinkingPerTrial: Double
    public var failures: Int
  }

  /// A pair of methods that differ on the tasks, by Wilcoxon's test with Holm's correction.
  public struct Pair: Sendable {
    public var first: String
    public var second: String
    public var p: Double
    /// Tasks on which the first is better, equal, worse.
    public var comparison: WinTieLoss
  }

  public let comparison: SuiteComparison
  /// Shares of the budget at which ranks are taken.
  public static let checkpoints = [0.25, 0.5, 1]
  public var rows: [Row] = []
  /// Nil with less than two tasks or methods.
  public var friedman: FriedmanTest?
  public var criticalDifference: Double?
  public var pairs: [Pair] = []
  /// Mean regret after the whole budget in the objective's unit, `[task][method]`.
  public var finalRegrets: [[Double]]

  public init(_ comparison: SuiteComparison, draws: Int = 2000) throws(AnalysisError) {
    self.comparison = comparison
    let bootstrap = Bootstrap(.seedsWithinTasks, draws: draws)
    let methods = comparison.methods
    let final = comparison.regrets(atShare: 1)
    let means = seedMeans(final)
    finalRegrets = means
    var ranks: [[Interval]] = []
    for share in Self.checkpoints {
      // Regrets of different tasks may lie many powers of ten apart: ranks must not be rounded.
      ranks.append(try bootstrap.rankIntervals(comparison.regrets(atShare: share), decimals: nil))
    }
    let areas = try bootstrap.intervals(try comparison.areas(), of: .mean)
    let won = try bootstrap.intervals(comparison.runsWon(), of: .mean)
    let speedUps = try comparison.randomSearch.map { (rival) throws(AnalysisError) in
      try comparison.speedUps(over: rival)
    }
    let profiles = try comparison.randomSearch.map { (rival) throws(AnalysisError) in
      try PerformanceProfile(comparison.timesToTarget(of: rival)).scores()
    }
    let thinking = comparison.thinkingPerTrial()
    for (i, method) in methods.enumerated() {
      let reached = speedUps?.compactMap { $0[i] }
      rows.append(
        Row(
          method: method.name, ranks: ranks.map { $0[i] }, won: won[i], area: areas[i],
          speedUp: reached.map { ratios in (Self.geometricMean(ratios), ratios.count) },
          medianSpeedUp: speedUps.map { median($0.map { $0[i] ?? 0 }) }, profile: profiles?[i],
          thinkingPerTrial: thinking[i],
          failures: comparison.tasks.reduce(0) { $0 + $1.traces[i].reduce(0) { $0 + $1.failures } }))
    }
    guard comparison.tasks.count >= 2, methods.count >= 2 else { return }
    friedman = try FriedmanTest(means, decimals: nil)
    criticalDifference = try nemenyiDifference(methodCount: methods.count, taskCount: comparison.tasks.count)
    let wilcoxon = try PairwiseWilcoxon(Self.comparable(means, comparison))
    for a in methods.indices {
      for b in methods.indices where b > a {
        pairs.append(
          Pair(
            first: methods[a].name, second: methods[b].name, p: wilcoxon.p(a, b) ?? .nan,
            comparison: try WinTieLoss(of: means.map { $0[a] }, over: means.map { $0[b] }, decimals: nil)))
      }
    }
  }

  /// Regrets as shares of the task's scale, so that differences of different tasks can be ordered by size.
  private static func comparable(_ means: [[Double]], _ comparison: SuiteComparison) -> [[Double]] {
    zip(means, comparison.tasks).map { row, task in
      let width = task.scale - task.optimum
      return row.map { width > 0 && $0.isFinite ? min($0 / width, 1e6) : $0.isFinite ? $0 : 1e6 }
    }
  }

  private static func geometricMean(_ values: [Double]) -> Double {
    values.isEmpty ? .nan : exp(values.reduce(0) { $0 + log($1) } / Double(values.count))
  }

  // MARK: JSON

  public var json: JSONValue {
    func interval(_ interval: Interval) -> JSONValue {
      .members([
        "estimate": .number(interval.estimate), "lower": .number(interval.lower), "upper": .number(interval.upper),
      ])
    }
    let comparison = comparison
    return .members([
      "suite": .string(comparison.suite.name), "seeds": .string(comparison.role.rawValue),
      "axis": .string(comparison.axis.rawValue), "repetitions": .integer(comparison.suite.repetitions),
      "notes": .array(comparison.notes.map { .string($0) }),
      "methods": .array(
        rows.map { row in
          .members([
            "name": .string(row.method),
            "ranks": .array(
              zip(Self.checkpoints, row.ranks).map { share, rank in
                .members(["share": .number(share), "rank": interval(rank)])
              }),
            "runsWon": interval(row.won), "area": interval(row.area), "speedUp": row.speedUp.map { .number($0.ratio) },
            "speedUpTasks": row.speedUp.map { .integer($0.tasks) },
            "medianSpeedUp": row.medianSpeedUp.map { .number($0) }, "profile": row.profile.map { .number($0) },
            "thinkingPerTrial": .number(row.thinkingPerTrial), "failures": .integer(row.failures),
          ])
        }),
      "friedman": friedman.map { test in
        .members([
          "chiSquare": .number(test.chiSquare), "p": .number(test.chiSquareP), "f": .number(test.f),
          "fP": .number(test.fP),
        ])
      },
      "criticalDifference": criticalDifference.map { .number($0) },
      "pairs": .array(
        pairs.map { pair in
          .members([
            "first": .string(pair.first), "second": .string(pair.second), "p": .number(pair.p),
            "wins": .integer(pair.comparison.wins), "ties": .integer(pair.comparison.ties),
            "losses": .integer(pair.comparison.losses),
          ])
        }),
      "problems": .array(
        zip(comparison.tasks, finalRegrets).map { task, regrets in
          .members([
            "name": .string(task.problem.label), "optimum": .number(task.optimum),
            "optimumIsKnown": .bool(task.optimumIsKnown), "budget": .number(task.budget),
            "regrets": .array(regrets.map { .number($0) }),
          ])
        }),
    ])
  }
}
