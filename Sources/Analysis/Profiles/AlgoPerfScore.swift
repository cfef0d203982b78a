#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The score of the AlgoPerf benchmark: a performance profile over base workloads, with the rules of version 0.5 for
/// held-out variants.
///
/// Source: Dahl et al., "Benchmarking neural network training algorithms", arXiv:2306.07179, 2023, section 4, and the
/// competition rules: in this order,
/// 1. a base workload missed voids its variants,
/// 2. a time over four times the best on its workload counts as missed,
/// 3. a variant missed voids its base workload.
public struct AlgoPerfScore: Sendable, Equatable {
  /// `[method][base workload]`, in the order of ``baseWorkloads``: the times that count, +∞ where none does.
  public let times: [[Double]]
  public let baseWorkloads: [String]
  public let profile: PerformanceProfile
  /// The factor beyond which a time counts as missed.
  public let greatest: Double

  /// - Parameters:
  ///   - times: `[method][workload]`: the median over studies of the time to the target; +∞ where it was missed, NaN where
  ///     the workload was not run, which counts as missed.
  ///   - workloads: the names of the workloads.
  ///   - variants: which base workload each held-out variant belongs to; all others are base workloads. Empty for the
  ///     rules without held-out workloads.
  ///   - greatest: the factor beyond which a time counts as missed.
  public init(
    _ times: [[Double]], workloads: [String], variants: [String: String], greatest: Double = 4
  ) throws(AnalysisError) {
    let count = try commonCount(times, rows: "method", elements: "workloads")
    guard count == workloads.count else {
      throw AnalysisError("\(count) times a method and \(workloads.count) workloads; both must be as many")
    }
    var pairs: [(base: Int, variant: Int)] = []
    for (variant, base) in variants.sorted(by: { $0.key < $1.key }) {
      guard let own = workloads.firstIndex(of: variant), let other = workloads.firstIndex(of: base) else {
        throw AnalysisError("variant \(variant) of \(base): both must be among the workloads")
      }
      pairs.append((other, own))
    }

    var kept = times.map { row in row.map { $0.isNaN ? .infinity : $0 } }
    for method in kept.indices {
      for (base, variant) in pairs where kept[method][base] == .infinity { kept[method][variant] = .infinity }
    }
    for workload in workloads.indices {
      let best = kept.reduce(.infinity) { min($0, $1[workload]) }
      for method in kept.indices where kept[method][workload] > greatest * best { kept[method][workload] = .infinity }
    }
    for method in kept.indices {
      for (base, variant) in pairs where kept[method][variant] == .infinity { kept[method][base] = .infinity }
    }

    let bases = workloads.indices.filter { variants[workloads[$0]] == nil }
    baseWorkloads = bases.map { workloads[$0] }
    self.times = kept.map { row in bases.map { row[$0] } }
    profile = try PerformanceProfile(self.times)
    self.greatest = greatest
  }

  /// One a method. The published scores are those of the trapezoid rule.
  public func scores(
    integration: PerformanceProfile.Integration = .trapezoid(points: 100)
  ) throws(AnalysisError) -> [Double] {
    try profile.scores(greatest: greatest, integration: integration)
  }

  /// How many times faster one method reaches the targets than another: the geometric mean of the ratios of their times.
  ///
  /// - Parameters:
  ///   - times, rival: one a base workload, +∞ or NaN where missed.
  ///   - limits: the greatest run time allowed on each workload; a miss counts as one second more.
  public static func speedUp(
    of times: [Double], over rival: [Double], limits: [Double]
  ) throws(AnalysisError) -> Double {
    guard times.count == rival.count, limits.count == times.count, !times.isEmpty else {
      throw AnalysisError(
        "\(times.count) times, \(rival.count) of the rival and \(limits.count) limits; "
          + "all must be as many, at least one")
    }
    func charged(_ time: Double, _ limit: Double) -> Double { time.isFinite ? time : limit + 1 }
    let logs = times.indices.map { i in log(charged(rival[i], limits[i]) / charged(times[i], limits[i])) }
    return exp(mean(logs))
  }
}
