/// How the results of one method over tasks and seeds become one number.
///
/// Source: Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice", NeurIPS 2021,
/// section 4.3.
public enum Aggregate: Sendable, Equatable {
  /// The mean over tasks of the mean over seeds.
  case mean
  /// The median over tasks of the mean over seeds.
  case median
  /// The mean of the middle half of all runs of all tasks together: ⌊n/4⌋ of n are cut off at either end.
  case interquartileMean
  /// The mean over tasks and seeds of how far a run lies above `target`; runs below it count as 0.
  case optimalityGap(target: Double)

  /// What reports call it.
  public var name: String {
    switch self {
    case .mean: "mean"
    case .median: "median"
    case .interquartileMean: "interquartile mean"
    case .optimalityGap(let target): "optimality gap to \(target)"
    }
  }

  /// The aggregate of one method.
  ///
  /// - Parameter values: `[task][seed]`.
  /// - Returns: NaN when there is nothing to aggregate, or any value is NaN.
  public func callAsFunction(_ values: [[Double]]) -> Double {
    switch self {
    case .mean: return TrimtabAnalysis.mean(values.map { TrimtabAnalysis.mean($0) })
    case .median: return TrimtabAnalysis.median(values.map { TrimtabAnalysis.mean($0) })
    case .interquartileMean: return TrimtabAnalysis.interquartileMean(values.flatMap { $0 })
    case .optimalityGap(let target):
      return TrimtabAnalysis.mean(
        values.map { task in TrimtabAnalysis.mean(task.map { $0.isNaN ? $0 : max($0 - target, 0) }) })
    }
  }
}

/// The arithmetic mean; NaN of nothing.
public func mean(_ values: [Double]) -> Double {
  values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
}

/// The median; NaN of nothing, or where a value is NaN.
public func median(_ values: [Double]) -> Double { quantile(values, 0.5) }

/// The `p`-quantile, 0 ≤ p ≤ 1, linear between order statistics (type 7 of Hyndman & Fan, "Sample quantiles in
/// statistical packages", The American Statistician 50(4), 1996). NaN of nothing, or where a value is NaN.
public func quantile(_ values: [Double], _ p: Double) -> Double {
  if values.contains(where: \.isNaN) { return .nan }
  return quantile(sorted: values.sorted(), p)
}

/// The `p`-quantile of increasing values; see ``quantile(_:_:)``.
public func quantile(sorted: [Double], _ p: Double) -> Double {
  guard !sorted.isEmpty, p >= 0, p <= 1 else { return .nan }
  let position = p * Double(sorted.count - 1)
  let below = Int(position)
  let part = position - Double(below)
  // An infinite neighbour of no weight would give NaN.
  if part == 0 || sorted[below] == sorted[below + 1] { return sorted[below] }
  return sorted[below] + part * (sorted[below + 1] - sorted[below])
}

/// The mean of the middle half: ⌊n/4⌋ of n values are cut off at either end. NaN of nothing, or where a value is NaN.
public func interquartileMean(_ values: [Double]) -> Double {
  if values.contains(where: \.isNaN) { return .nan }
  let cut = values.count / 4
  return mean(Array(values.sorted()[cut..<(values.count - cut)]))
}
