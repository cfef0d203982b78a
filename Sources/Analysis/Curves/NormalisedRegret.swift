#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How far a loss lies above the optimum, on a scale on which tasks can be compared. Kinds must never be mixed in one mean.
///
/// Each task has a value of its own: the references are that task's. All losses are minimised.
public enum NormalisedRegret: Sendable, Equatable {
  /// f − f*, not normalised: only for one task by itself.
  case simple(optimum: Double)
  /// (f − min) / (max − min) over a table of all values (HPO-B). One huge loss in the table squeezes all others together.
  case minmax(minimum: Double, maximum: Double)
  /// (f − f*) / (median − f*) clipped to [0, 1], the median being that of random configurations: 1 is what one random draw
  /// gives. The default, for it bears heavy tails.
  case rsStart(optimum: Double, median: Double)
  /// (f − f*) / (f_RS − f*), random search having `baseline` at the same point of the grid: random search is 1 everywhere.
  /// Where random search has reached the optimum it is 1 for a method that has too, else +∞.
  case rsLine(optimum: Double, baseline: [Double])
  /// log₁₀ of max(f − f*, floor). See ``logFloor(gaps:)``.
  case log10(optimum: Double, floor: Double)
  /// (f − f*) / (worst − f*), the worst being the largest final loss of any run that is compared (DyHPO, DPL). Above 1 for
  /// a loss that is worse still.
  case worst(optimum: Double, worstFinal: Double)

  /// The name in reports and suite files.
  public var name: String {
    switch self {
    case .simple: "simple"
    case .minmax: "minmax"
    case .rsStart: "rs-start"
    case .rsLine: "rs-line"
    case .log10: "log10"
    case .worst: "worst"
    }
  }

  /// What stands for a run that has found nothing yet, or only what diverged: the worst value of the scale, 1, or +∞ on
  /// the scales that have none (`simple`, `rs-line`, `log10`).
  public var beforeFirstResult: Double {
    switch self {
    case .minmax, .rsStart, .worst: 1
    case .simple, .rsLine, .log10: .infinity
    }
  }

  /// The regret of one loss.
  ///
  /// - Parameter point: the index in the grid of `rs-line`; no other kind reads it.
  /// - Returns: ``beforeFirstResult`` for a loss of NaN. NaN where the references are equal, so that there is no scale, and
  ///   where `rs-line` has no such point.
  public func regret(of loss: Double, point: Int = 0) -> Double {
    if loss.isNaN { return beforeFirstResult }
    switch self {
    case .simple(let optimum):
      return loss - optimum
    case .minmax(let minimum, let maximum):
      return minimum == maximum ? .nan : (loss - minimum) / (maximum - minimum)
    case .rsStart(let optimum, let median):
      return optimum == median ? .nan : min(max((loss - optimum) / (median - optimum), 0), 1)
    case .rsLine(let optimum, let baseline):
      guard baseline.indices.contains(point) else { return .nan }
      let scale = baseline[point] - optimum
      if scale == 0 { return loss == optimum ? 1 : .infinity }
      return (loss - optimum) / scale
    case .log10(let optimum, let floor):
      return log10OfRegret(max(loss - optimum, floor))
    case .worst(let optimum, let worstFinal):
      return optimum == worstFinal ? .nan : (loss - optimum) / (worstFinal - optimum)
    }
  }

  /// The regrets of the losses at the points of a grid, NaN where nothing was found by then.
  public func regrets(of losses: [Double]) -> [Double] {
    losses.enumerated().map { point, loss in regret(of: loss, point: point) }
  }

  /// The floor of `log10`: half the smallest positive gap of a table to its optimum, at least 10⁻¹².
  ///
  /// - Parameter gaps: f − f* of the table's configurations; those that are not above zero are passed over. Without any the
  ///   floor is 10⁻¹².
  public static func logFloor(gaps: [Double]) -> Double {
    let smallest = gaps.filter { $0 > 0 }.min() ?? 0
    return max(smallest / 2, 1e-12)
  }
}

/// The C library's function, where `log10` is a case.
private func log10OfRegret(_ regret: Double) -> Double { log10(regret) }
