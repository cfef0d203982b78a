import TrimtabNumerics

/// An estimate, and the interval that holds it with the confidence of the bootstrap that made it.
public struct Interval: Sendable, Equatable {
  public var estimate: Double
  public var lower: Double
  public var upper: Double

  public init(estimate: Double, lower: Double, upper: Double) {
    self.estimate = estimate
    self.lower = lower
    self.upper = upper
  }
}

/// An estimate at every point of a grid, and its pointwise intervals.
public struct Band: Sendable, Equatable {
  public var estimate: [Double]
  public var lower: [Double]
  public var upper: [Double]

  public init(estimate: [Double], lower: [Double], upper: [Double]) {
    self.estimate = estimate
    self.lower = lower
    self.upper = upper
  }
}

/// Percentile intervals by resampling runs.
///
/// All methods share the draws: a seed that is drawn is drawn for every method, as it must be where methods that are
/// compared ran with common random numbers. The same seed gives the same intervals on every machine.
///
/// Sources: Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8 and 13; stratified as in Agarwal et
/// al., "Deep reinforcement learning at the edge of the statistical precipice", NeurIPS 2021, section 4.1.
public struct Bootstrap: Sendable, Equatable {
  /// What the interval speaks of.
  public enum Scheme: Sendable {
    /// Seeds are drawn within each task: what other seeds would give on these tasks.
    case seedsWithinTasks
    /// Tasks are drawn, then seeds within each: what other seeds would give on other tasks of their kind.
    case tasksThenSeeds
  }

  public var scheme: Scheme
  /// How often to draw; at least 1.
  public var draws: Int
  /// The probability that an interval aims to hold the truth with, in (0, 1).
  public var confidence: Double
  public var seed: UInt64

  public init(
    _ scheme: Scheme = .seedsWithinTasks, draws: Int = 10_000, confidence: Double = 0.95, seed: UInt64 = 0
  ) {
    self.scheme = scheme
    self.draws = draws
    self.confidence = confidence
    self.seed = seed
  }

  /// One draw: the tasks drawn, in no order that matters, and the seeds drawn of each.
  public struct Resample: Sendable {
    public fileprivate(set) var tasks: [Int]
    /// `[position in tasks][i]`: indices of seeds of that task.
    public fileprivate(set) var seeds: [[Int]]

    /// A table of `[task][method][seed]` with the tasks and seeds drawn.
    public func apply<Value>(_ values: [[[Value]]]) -> [[[Value]]] {
      zip(tasks, seeds).map { task, seeds in values[task].map { runs in seeds.map { runs[$0] } } }
    }
  }

  /// The intervals of any statistics of the runs.
  ///
  /// - Parameters:
  ///   - seedCounts: the number of seeds of each task, at least one each.
  ///   - statistics: the numbers to estimate, as many for every draw. It is first called with every task and seed once.
  /// - Returns: one interval a number. Where the estimate or a draw is NaN, so are the ends.
  public func intervals(
    seedCounts: [Int], _ statistics: (Resample) throws(AnalysisError) -> [Double]
  ) throws(AnalysisError) -> [Interval] {
    let (estimates, drawn) = try samples(seedCounts: seedCounts, statistics)
    return zip(estimates, drawn).map { interval(estimate: $0, drawn: $1) }
  }

  /// The percentile interval of one number.
  func interval(estimate: Double, drawn: [Double]) -> Interval {
    let tail = (1 - confidence) / 2
    let sorted = drawn.contains(where: \.isNaN) || estimate.isNaN ? [] : drawn.sorted()
    return Interval(
      estimate: estimate, lower: quantile(sorted: sorted, tail), upper: quantile(sorted: sorted, 1 - tail))
  }

  /// The statistics of all runs, and `[number][draw]`.
  func samples(
    seedCounts: [Int], _ statistics: (Resample) throws(AnalysisError) -> [Double]
  ) throws(AnalysisError) -> (estimates: [Double], drawn: [[Double]]) {
    guard draws >= 1 else { throw AnalysisError("\(draws) bootstrap draws; at least one is needed") }
    guard confidence > 0, confidence < 1 else {
      throw AnalysisError("the confidence is \(confidence); it must lie between 0 and 1")
    }
    guard !seedCounts.isEmpty else { throw AnalysisError("no tasks: at least one is needed") }
    if let task = seedCounts.firstIndex(where: { $0 < 1 }) { throw AnalysisError("task \(task) has no seeds") }

    var resample = Resample(tasks: Array(seedCounts.indices), seeds: seedCounts.map { Array(0..<$0) })
    let estimates = try statistics(resample)
    var drawn = [[Double]](repeating: [], count: estimates.count)
    for i in drawn.indices { drawn[i].reserveCapacity(draws) }
    var stream = RandomStream(seed: seed, purpose: stableHash("bootstrap"), index: 0)
    for _ in 0..<draws {
      draw(&resample, seedCounts, &stream)
      let values = try statistics(resample)
      guard values.count == estimates.count else {
        throw AnalysisError("the statistics of one draw are \(values.count), of another \(estimates.count)")
      }
      for i in drawn.indices { drawn[i].append(values[i]) }
    }
    return (estimates, drawn)
  }

  private func draw(_ resample: inout Resample, _ seedCounts: [Int], _ stream: inout RandomStream) {
    for place in seedCounts.indices {
      let task = scheme == .tasksThenSeeds ? stream.index(below: seedCounts.count) : place
      let count = seedCounts[task]
      resample.tasks[place] = task
      if resample.seeds[place].count != count { resample.seeds[place] = [Int](repeating: 0, count: count) }
      for i in 0..<count { resample.seeds[place][i] = stream.index(below: count) }
    }
  }
}
