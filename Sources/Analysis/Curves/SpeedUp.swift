/// How many times less budget a method needs than its rival to come to where the rival ends.
///
/// Both are taken at their first arrival there: a rival that improves no more is not charged for the rest of its budget.
public struct SpeedUp: Sendable, Equatable {
  /// The rival's budget over the method's; above 1 where the method is faster. Nil where the method never came there.
  public let ratio: Double?
  /// Nil without a bootstrap. A draw in which the method never came there counts as a ratio of 0, so a lower end of 0 says
  /// that not coming there is within chance.
  public let interval: Interval?
  /// The share of bootstrap draws in which the method never came there; nil without a bootstrap.
  public let missedShare: Double?

  /// - Parameters:
  ///   - method, rival: what each has at the points of the grid, smaller is better; such as medians over seeds.
  ///   - grid: increasing budgets above zero.
  public init(of method: [Double], over rival: [Double], grid: [Double]) throws(AnalysisError) {
    ratio = try Self.ratio(of: method, over: rival, grid: grid)
    interval = nil
    missedShare = nil
  }

  /// Compares the medians over seeds, and draws seeds anew for the interval.
  ///
  /// - Parameters:
  ///   - method, rival: `[seed][point]`, on one task; both with the same seeds.
  ///   - grid: increasing budgets above zero.
  public init(
    of method: [[Double]], over rival: [[Double]], grid: [Double], bootstrap: Bootstrap
  ) throws(AnalysisError) {
    guard method.count == rival.count else {
      throw AnalysisError("the method has \(method.count) seeds and its rival \(rival.count); both need the same")
    }
    _ = try commonCount(method + rival, rows: "run", elements: "points")
    let (estimates, drawn) = try bootstrap.samples(seedCounts: [method.count]) { (resample) throws(AnalysisError) in
      let seeds = resample.seeds[0]
      let ratio = try Self.ratio(
        of: pointMedians(seeds.map { method[$0] }), over: pointMedians(seeds.map { rival[$0] }), grid: grid)
      return [ratio ?? 0]
    }
    ratio = estimates[0] > 0 ? estimates[0] : nil
    interval = bootstrap.interval(estimate: estimates[0], drawn: drawn[0])
    missedShare = Double(drawn[0].count { $0 == 0 }) / Double(drawn[0].count)
  }

  private static func ratio(
    of method: [Double], over rival: [Double], grid: [Double]
  ) throws(AnalysisError) -> Double? {
    guard method.count == grid.count, rival.count == grid.count, let target = rival.last else {
      throw AnalysisError(
        "\(grid.count) budgets, \(method.count) values of the method and \(rival.count) of its rival; "
          + "all must be as many, at least one")
    }
    guard let first = grid.first, first > 0 else { throw AnalysisError("budgets must lie above zero to have a ratio") }
    guard let reached = method.firstIndex(where: { $0 <= target }),
      let rivalReached = rival.firstIndex(where: { $0 <= target })
    else { return nil }
    return grid[rivalReached] / grid[reached]
  }
}

/// The median over the rows at every point.
///
/// - Parameter curves: `[seed][point]`, all of the same number of points.
public func pointMedians(_ curves: [[Double]]) -> [Double] {
  guard let first = curves.first else { return [] }
  return first.indices.map { point in median(curves.map { $0[point] }) }
}
