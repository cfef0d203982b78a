/// How often a run of one method is better than a run of another: the mean over tasks of P(a < b) + P(a = b) / 2.
///
/// Source: Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice", NeurIPS 2021,
/// section 4.3 (there larger is better).
/// - Parameters:
///   - a, b: `[task][seed]`, smaller is better; NaN is worse than any number.
///   - isPaired: compares runs of the same seed only, for methods that ran with common random numbers; otherwise every
///     run of one with every run of the other.
/// - Returns: from 0 to 1; 1/2 says neither is better.
public func probabilityOfImprovement(
  of a: [[Double]], over b: [[Double]], isPaired: Bool = false
) throws(AnalysisError) -> Double {
  try checkPair(a, b, isPaired: isPaired)
  return mean(zip(a, b).map { (1 + dominance($0, $1, isPaired: isPaired)) / 2 })
}

extension Bootstrap {
  /// ``probabilityOfImprovement(of:over:isPaired:)`` with its interval. Both methods need the same seeds in every task.
  public func probabilityOfImprovement(
    of a: [[Double]], over b: [[Double]], isPaired: Bool = false
  ) throws(AnalysisError) -> Interval {
    try checkPair(a, b, isPaired: true)
    let found = try intervals(seedCounts: a.map(\.count)) { (resample) throws(AnalysisError) in
      var sum = 0.0
      for (task, seeds) in zip(resample.tasks, resample.seeds) {
        sum += (1 + dominance(seeds.map { a[task][$0] }, seeds.map { b[task][$0] }, isPaired: isPaired)) / 2
      }
      return [sum / Double(resample.tasks.count)]
    }
    return found[0]
  }
}

/// Cliff's delta, P(a < b) − P(a > b) over all pairs of runs: from −1 to 1, above zero where `a` is better.
///
/// Source: Cliff, "Dominance statistics: ordinal analyses to answer ordinal questions", Psychological Bulletin 114(3),
/// 1993, with the sign for smaller being better.
/// - Parameters:
///   - a, b: results of single runs on one task; NaN is worse than any number. NaN of nothing.
public func cliffsDelta(_ a: [Double], _ b: [Double]) -> Double {
  dominance(a, b, isPaired: false)
}

/// The tasks on which one method is better than, as good as and worse than another.
public struct WinTieLoss: Sendable, Equatable {
  public var wins = 0
  public var ties = 0
  public var losses = 0

  /// - Parameters:
  ///   - a, b: one value a task, such as the mean over seeds; smaller is better, and NaN is worse than any number.
  ///   - decimals: values equal after rounding to so many decimals are ties; nil compares them exactly.
  public init(of a: [Double], over b: [Double], decimals: Int? = 8) throws(AnalysisError) {
    guard a.count == b.count else {
      throw AnalysisError("one method has \(a.count) tasks and the other \(b.count); both need the same")
    }
    for (own, other) in zip(a, b) {
      switch sign(
        decimals.map { rounded(own, decimals: $0) } ?? own, decimals.map { rounded(other, decimals: $0) } ?? other)
      {
      case 1: wins += 1
      case -1: losses += 1
      default: ties += 1
      }
    }
  }
}

private func checkPair(_ a: [[Double]], _ b: [[Double]], isPaired: Bool) throws(AnalysisError) {
  guard a.count == b.count, !a.isEmpty else {
    throw AnalysisError(
      "one method has \(a.count) tasks and the other \(b.count); both need the same, at least one")
  }
  for (task, (own, other)) in zip(a, b).enumerated() {
    guard !own.isEmpty, !other.isEmpty, !isPaired || own.count == other.count else {
      throw AnalysisError(
        "on task \(task) one method has \(own.count) seeds and the other \(other.count); "
          + (isPaired ? "both need the same, at least one" : "both need at least one"))
    }
  }
}

/// 1 where `a` is better than `b`, −1 where it is worse.
private func sign(_ a: Double, _ b: Double) -> Double {
  if a.isNaN || b.isNaN { return a.isNaN == b.isNaN ? 0 : a.isNaN ? -1 : 1 }
  return a < b ? 1 : a > b ? -1 : 0
}

private func dominance(_ a: [Double], _ b: [Double], isPaired: Bool) -> Double {
  if isPaired { return mean(zip(a, b).map { sign($0, $1) }) }
  var sum = 0.0
  for own in a {
    for other in b { sum += sign(own, other) }
  }
  return sum / Double(a.count * b.count)
}
