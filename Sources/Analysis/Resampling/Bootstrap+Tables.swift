extension Bootstrap {
  /// The aggregate of each method over tasks and seeds, with its interval.
  ///
  /// - Parameter values: `[task][method][seed]`. Within a task all methods need the same seeds.
  /// - Returns: one interval a method.
  public func intervals(
    _ values: [[[Double]]], of aggregate: Aggregate
  ) throws(AnalysisError) -> [Interval] {
    let table = try RunTable(values)
    let statistics = table.aggregator(aggregate)
    return try intervals(seedCounts: table.seedCounts) { (resample) throws(AnalysisError) in statistics(resample) }
  }

  /// How far the aggregate of each method lies above that of one of them, with its interval: below zero is better.
  ///
  /// - Parameters:
  ///   - values: `[task][method][seed]`.
  ///   - baseline: the index of the method to compare with.
  public func differences(
    _ values: [[[Double]]], from baseline: Int, of aggregate: Aggregate
  ) throws(AnalysisError) -> [Interval] {
    let table = try RunTable(values)
    guard (0..<table.methodCount).contains(baseline) else {
      throw AnalysisError("there is no method \(baseline) among \(table.methodCount)")
    }
    let statistics = table.aggregator(aggregate)
    return try intervals(seedCounts: table.seedCounts) { (resample) throws(AnalysisError) in
      let all = statistics(resample)
      return all.map { $0 - all[baseline] }
    }
  }

  /// The mean rank of each method over tasks, ranked on the mean over seeds, with its interval.
  ///
  /// - Parameters:
  ///   - values: `[task][method][seed]`, smaller is better.
  ///   - decimals: means equal after rounding to so many decimals are ties; nil compares them exactly.
  public func rankIntervals(
    _ values: [[[Double]]], decimals: Int? = 8
  ) throws(AnalysisError) -> [Interval] {
    let table = try RunTable(values)
    return try intervals(seedCounts: table.seedCounts) { (resample) throws(AnalysisError) in
      table.averageRanks(resample, decimals: decimals)
    }
  }

  /// The aggregate of each method at every point of a grid of budgets, with pointwise intervals.
  ///
  /// - Parameter values: `[task][method][seed][point]`.
  /// - Returns: one band a method.
  public func bands(
    _ values: [[[[Double]]]], of aggregate: Aggregate
  ) throws(AnalysisError) -> [Band] {
    let tables = try RunTable.byPoint(values)
    guard let first = tables.first else { return [] }
    let statistics = tables.map { $0.aggregator(aggregate) }
    let flat = try intervals(seedCounts: first.seedCounts) { (resample) throws(AnalysisError) in
      statistics.flatMap { $0(resample) }
    }
    return Self.bands(flat, methodCount: first.methodCount)
  }

  /// The mean rank of each method at every point of a grid of budgets, with pointwise intervals.
  ///
  /// - Parameters:
  ///   - values: `[task][method][seed][point]`, smaller is better; NaN and +∞ (no result yet) are worse than any number.
  ///   - decimals: means equal after rounding to so many decimals are ties; nil compares them exactly.
  /// - Returns: one band a method.
  public func rankBands(
    _ values: [[[[Double]]]], decimals: Int? = 8
  ) throws(AnalysisError) -> [Band] {
    let tables = try RunTable.byPoint(values)
    guard let first = tables.first else { return [] }
    let flat = try intervals(seedCounts: first.seedCounts) { (resample) throws(AnalysisError) in
      tables.flatMap { $0.averageRanks(resample, decimals: decimals) }
    }
    return Self.bands(flat, methodCount: first.methodCount)
  }

  /// - Parameter flat: `[point * methodCount + method]`.
  private static func bands(_ flat: [Interval], methodCount: Int) -> [Band] {
    (0..<methodCount).map { method in
      let own = stride(from: method, to: flat.count, by: methodCount).map { flat[$0] }
      return Band(estimate: own.map(\.estimate), lower: own.map(\.lower), upper: own.map(\.upper))
    }
  }
}
