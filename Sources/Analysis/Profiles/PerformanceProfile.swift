/// The share of workloads on which a method is within a factor of the best.
///
/// Source: Dolan & Moré, "Benchmarking optimization software with performance profiles", Mathematical Programming 91,
/// 2002; the score by Dahl et al., "Benchmarking neural network training algorithms", arXiv:2306.07179, 2023, section 4.
public struct PerformanceProfile: Sendable, Equatable {
  /// `[method][workload]`: the time over the best time of any method; +∞ where the target was missed. All of a workload
  /// are +∞ where every method missed it.
  public let ratios: [[Double]]

  /// - Parameter times: `[method][workload]`, each above zero; +∞ where the target was missed, and NaN, which counts as
  ///   missed, where the method was not run.
  public init(_ times: [[Double]]) throws(AnalysisError) {
    let count = try commonCount(times, rows: "method", elements: "workloads")
    for (method, row) in times.enumerated() {
      if let workload = row.firstIndex(where: { $0 <= 0 }) {
        throw AnalysisError(
          "method \(method) took \(row[workload]) on workload \(workload); a time must be above zero")
      }
    }
    let missedAsInfinite = times.map { row in row.map { $0.isNaN ? .infinity : $0 } }
    let best = (0..<count).map { workload in missedAsInfinite.reduce(.infinity) { min($0, $1[workload]) } }
    ratios = missedAsInfinite.map { row in zip(row, best).map { $1 < .infinity ? $0 / $1 : .infinity } }
  }

  /// ρ(τ): the share of workloads on which each method is at most `factor` times slower than the best.
  public func shares(within factor: Double) -> [Double] {
    ratios.map { row in Double(row.count { $0 <= factor }) / Double(row.count) }
  }

  /// ρ of one method as a curve over the factor; nothing before its first workload.
  public func curve(of method: Int) throws(AnalysisError) -> StepCurve {
    guard ratios.indices.contains(method) else {
      throw AnalysisError("there is no method \(method) among \(ratios.count)")
    }
    return try TargetHits.distribution(of: ratios[method])
  }

  /// How the integral of a profile is taken.
  public enum Integration: Sendable, Equatable {
    case exact
    /// By the trapezoid rule on so many equally spaced factors, at least 2, both ends among them; the published scores
    /// take 100.
    case trapezoid(points: Int)
  }

  /// The mean of ρ over factors from 1 to `greatest`, one a method: 1 for the best on every workload, 0 for none within
  /// the greatest factor.
  public func scores(
    greatest: Double = 4, integration: Integration = .trapezoid(points: 100)
  ) throws(AnalysisError) -> [Double] {
    guard greatest > 1, greatest < .infinity else {
      throw AnalysisError("the greatest factor is \(greatest); it must be finite and above 1")
    }
    switch integration {
    case .exact:
      return ratios.map { row in
        row.reduce(0) { $0 + ($1 <= greatest ? greatest - $1 : 0) } / Double(row.count) / (greatest - 1)
      }
    case .trapezoid(let points):
      guard points >= 2 else { throw AnalysisError("\(points) points of a trapezoid rule; at least 2 are needed") }
      let rows = BudgetGrid.linear(from: 1, to: greatest, count: points).map { shares(within: $0) }
      return ratios.indices.map { method in
        let ends = (rows[0][method] + rows[points - 1][method]) / 2
        let inner = rows[1..<(points - 1)].reduce(0) { $0 + $1[method] }
        return (ends + inner) / Double(points - 1)
      }
    }
  }
}
