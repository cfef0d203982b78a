import TrimtabNumerics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// When runs first reached targets: the empirical distribution of run times, and the expected run time.
///
/// Source: Hansen, Auger, Ros, Mersmann, Tušar & Brockhoff, "COCO: a platform for comparing continuous optimizers in a
/// black-box setting", Optimization Methods and Software 36(1), 2021, section 4.
public struct TargetHits: Sendable, Equatable {
  /// 51 normalised regrets from 1 to 10^−2.5 with equal ratios.
  public static let defaultTargets = (0...50).map { pow(10, -2.5 * Double($0) / 50) }

  /// One run on one task.
  public struct Run: Sendable, Equatable {
    /// The first budget at which each target was met; +∞ where it was not.
    public let hits: [Double]
    /// The whole budget of the run.
    public let budget: Double
  }

  /// Decreasing.
  public let targets: [Double]
  public let runs: [Run]

  /// - Parameters:
  ///   - curves: one of normalised regret a run; the runs of one method, of one task or of several.
  ///   - budgets: the whole budget of each run. What came in later does not count.
  ///   - divisor: what each run's budgets are divided by, such as the number of parameters of its task; nil for 1.
  public init(
    _ curves: [StepCurve], budgets: [Double], divisor: [Double]? = nil, targets: [Double] = defaultTargets
  ) throws(AnalysisError) {
    guard budgets.count == curves.count, divisor == nil || divisor?.count == curves.count else {
      throw AnalysisError(
        "\(curves.count) curves, \(budgets.count) budgets and \(divisor?.count ?? curves.count) divisors; "
          + "all must be as many")
    }
    self.targets = targets
    runs = curves.indices.map { i in
      let scale = divisor?[i] ?? 1
      return Run(
        hits: targets.map { target in
          guard let hit = curves[i].firstBudget(reaching: target), hit <= budgets[i] else { return .infinity }
          return hit / scale
        },
        budget: budgets[i] / scale)
    }
  }

  /// The share of all (run, target) pairs that were hit by each budget: a curve that begins where the first was hit.
  public func distribution() throws(AnalysisError) -> StepCurve {
    try Self.distribution(of: runs.flatMap(\.hits))
  }

  /// The share of run times up to each budget.
  ///
  /// - Parameter runTimes: +∞ for those that never ended; they count in the whole.
  public static func distribution(of runTimes: [Double]) throws(AnalysisError) -> StepCurve {
    let ended = runTimes.filter { $0 < .infinity }.sorted()
    return try StepCurve(
      budgets: ended, values: ended.indices.map { Double($0 + 1) / Double(runTimes.count) })
  }

  /// The expected run time to each target: all budget spent before it was met, over the number of runs that met it. +∞
  /// where none did.
  public func expectedRunTimes() -> [Double] {
    targets.indices.map { target in
      let spent = runs.reduce(0) { $0 + min($1.hits[target], $1.budget) }
      let successes = runs.count { $0.hits[target] < .infinity }
      return successes == 0 ? .infinity : spent / Double(successes)
    }
  }

  /// Run times to one target of a method that starts again until it meets it: runs are drawn one after another, the
  /// budgets of those that missed adding up, until one met it. +∞ everywhere where none did.
  ///
  /// - Parameter target: an index in ``targets``. The runs must be of one task.
  public func simulatedRestarts(target: Int, draws: Int, seed: UInt64) throws(AnalysisError) -> [Double] {
    guard targets.indices.contains(target) else {
      throw AnalysisError("there is no target \(target) among \(targets.count)")
    }
    guard runs.contains(where: { $0.hits[target] < .infinity }) else {
      return [Double](repeating: .infinity, count: draws)
    }
    var stream = RandomStream(seed: seed, purpose: stableHash("restarts"), index: UInt64(target))
    return (0..<draws).map { _ in
      var spent = 0.0
      while true {
        let run = runs[stream.index(below: runs.count)]
        if run.hits[target] < .infinity { return spent + run.hits[target] }
        spent += run.budget
      }
    }
  }
}
