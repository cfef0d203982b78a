#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What an optimiser had found at every budget: a value holds from its budget until the next, and is never interpolated.
public struct StepCurve: Sendable, Equatable {
  /// Strictly increasing, at least zero; in evaluations, full-evaluation equivalents or simulated seconds.
  public let budgets: [Double]
  /// As many: what holds from each budget on.
  public let values: [Double]

  /// - Parameter budgets: in increasing order. Of equal ones the last counts, for it is what held in the end.
  public init(budgets: [Double], values: [Double]) throws(AnalysisError) {
    guard budgets.count == values.count else {
      throw AnalysisError("a curve has \(budgets.count) budgets and \(values.count) values; both need the same number")
    }
    var kept: (budgets: [Double], values: [Double]) = ([], [])
    for (i, (budget, value)) in zip(budgets, values).enumerated() {
      guard budget >= 0, budget < .infinity else {
        throw AnalysisError("budget \(i) of a curve is \(budget); it must be finite and not below zero")
      }
      if let last = kept.budgets.last {
        guard budget >= last else {
          throw AnalysisError("budget \(i) of a curve is \(budget), after \(last); budgets must not fall")
        }
        if budget == last {
          kept.values[kept.values.count - 1] = value
          continue
        }
      }
      kept.budgets.append(budget)
      kept.values.append(value)
    }
    self.budgets = kept.budgets
    self.values = kept.values
  }

  /// The curve of the incumbent: of what observed best so far, judged by its score.
  ///
  /// - Parameters:
  ///   - budgets: when each result came in, in increasing order.
  ///   - observed: what the optimiser saw, smaller is better; NaN is never an incumbent.
  ///   - scores: how each is judged, such as its value free of noise; nil judges by what was observed. An incumbent with
  ///     a score of NaN stays NaN on the curve.
  public static func incumbent(
    budgets: [Double], observed: [Double], scores: [Double]? = nil
  ) throws(AnalysisError) -> StepCurve {
    let scores = scores ?? observed
    guard budgets.count == observed.count, scores.count == observed.count else {
      throw AnalysisError(
        "\(budgets.count) budgets, \(observed.count) observed values and \(scores.count) scores; all must be as many")
    }
    var kept: (budgets: [Double], values: [Double]) = ([], [])
    var best = Double.nan
    for i in observed.indices where observed[i] < best || (best.isNaN && !observed[i].isNaN) {
      best = observed[i]
      kept.budgets.append(budgets[i])
      kept.values.append(scores[i])
    }
    return try StepCurve(budgets: kept.budgets, values: kept.values)
  }

  /// What holds at a budget; `before` where nothing was found by then.
  public func value(at budget: Double, before: Double) -> Double {
    var low = 0
    var high = budgets.count
    while low < high {
      let middle = (low + high) / 2
      if budgets[middle] <= budget { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? before : values[low - 1]
  }

  /// What holds at each budget of a grid, in any order; `before` where nothing was found by then.
  public func values(at grid: [Double], before: Double) -> [Double] {
    grid.map { value(at: $0, before: before) }
  }

  /// The same steps with other values, such as regrets for losses.
  public func map(_ transform: (Double) -> Double) -> StepCurve {
    StepCurve(uncheckedBudgets: budgets, values: values.map(transform))
  }

  private init(uncheckedBudgets budgets: [Double], values: [Double]) {
    self.budgets = budgets
    self.values = values
  }

  /// The first budget at which the value is at most `target`; nil where it never is.
  public func firstBudget(reaching target: Double) -> Double? {
    values.firstIndex { $0 <= target }.map { budgets[$0] }
  }

  // MARK: Area

  /// The mean over budgets from 0 to `end`, by the exact integral: the area under the curve over its width.
  ///
  /// - Parameters:
  ///   - end: above zero.
  ///   - before: what counts before the first result, such as 1 for a regret normalised to it.
  public func average(to end: Double, before: Double) throws(AnalysisError) -> Double {
    guard end > 0, end < .infinity else {
      throw AnalysisError("the area under a curve to \(end); the end must be finite and above zero")
    }
    return integral(from: 0, to: end, before: before) { $0 } / end
  }

  /// The mean over the logarithm of the budget from `start` to `end`, which weighs every tenfold of budget alike.
  ///
  /// - Parameters:
  ///   - start: above zero, and below `end`; nil for a hundredth of the end.
  ///   - before: what counts before the first result.
  public func logAverage(
    from start: Double? = nil, to end: Double, before: Double
  ) throws(AnalysisError) -> Double {
    let start = start ?? end / 100
    guard start > 0, start < end, end < .infinity else {
      throw AnalysisError(
        "the area under a curve from \(start) to \(end) on a logarithmic axis; 0 < start < end is needed")
    }
    return integral(from: start, to: end, before: before) { log($0) } / (log(end) - log(start))
  }

  /// ∫ value d(axis) over an interval of budgets.
  private func integral(from start: Double, to end: Double, before: Double, _ axis: (Double) -> Double) -> Double {
    var sum = 0.0
    var position = start
    var current = value(at: start, before: before)
    for (budget, value) in zip(budgets, values) where budget > start && budget < end {
      sum += current * (axis(budget) - axis(position))
      position = budget
      current = value
    }
    return sum + current * (axis(end) - axis(position))
  }
}

/// Equally spaced budgets.
public enum BudgetGrid {
  /// `count` budgets from `start` to `end`, both among them; of one budget only the end.
  public static func linear(from start: Double, to end: Double, count: Int) -> [Double] {
    guard count > 1 else { return count == 1 ? [end] : [] }
    let step = (end - start) / Double(count - 1)
    // The last is the end itself: a step rounded up must not pass it, nor one rounded down miss what comes in there.
    return (0..<count).map { $0 == count - 1 ? end : start + Double($0) * step }
  }

  /// `count` budgets with equal ratios from `start` to `end`, both above zero and both among them.
  public static func logarithmic(from start: Double, to end: Double, count: Int) -> [Double] {
    guard count > 1 else { return count == 1 ? [end] : [] }
    return linear(from: log(start), to: log(end), count: count).enumerated().map { i, x in
      i == 0 ? start : i == count - 1 ? end : exp(x)
    }
  }
}
