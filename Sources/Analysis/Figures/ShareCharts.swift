extension LineChart {
  /// The share of (run, target) pairs that each method had hit by each budget (COCO).
  ///
  /// - Parameters:
  ///   - methods: names, with the hits of their runs.
  ///   - budget: what the budgets are measured in, such as "evaluations / dimension".
  ///   - end: where the axis ends; nil for the greatest budget of any run.
  public static func targetDistribution(
    _ title: String, methods: [(name: String, hits: TargetHits)], budget: String, to end: Double? = nil
  ) throws(AnalysisError) -> LineChart {
    let last = end ?? methods.flatMap { $0.hits.runs.map(\.budget) }.max() ?? 1
    var series: [Series] = []
    for (name, hits) in methods { series.append(.init(name, fromZero: try hits.distribution(), to: last)) }
    return LineChart(
      title, x: Axis(budget, scale: .logarithmic, range: start(of: series, last)),
      y: Axis("share of (run, target) pairs hit", range: 0...1), series: series)
  }

  /// The share of workloads on which each method is within a factor of the best.
  ///
  /// - Parameters:
  ///   - methods: names, in the order of the profile.
  ///   - greatest: where the axis of factors ends.
  public static func performanceProfile(
    _ title: String, methods: [String], profile: PerformanceProfile, greatest: Double = 4
  ) throws(AnalysisError) -> LineChart {
    guard methods.count == profile.ratios.count else {
      throw AnalysisError("\(methods.count) names for \(profile.ratios.count) methods of a profile")
    }
    guard greatest > 1, greatest < .infinity else {
      throw AnalysisError("the greatest factor is \(greatest); it must be finite and above 1")
    }
    var series: [Series] = []
    for (i, name) in methods.enumerated() {
      let curve = try profile.curve(of: i)
      let shown = try StepCurve(
        budgets: curve.budgets.filter { $0 <= greatest },
        values: zip(curve.budgets, curve.values).filter { $0.0 <= greatest }.map(\.1))
      var item = Series(name, fromZero: shown, to: greatest)
      if item.x.isEmpty || item.x[0] > 1 {
        item.x.insert(1, at: 0)
        item.y.insert(0, at: 0)
      }
      series.append(item)
    }
    return LineChart(
      title, x: Axis("time over that of the fastest", range: 1...greatest), y: Axis("share of workloads", range: 0...1),
      series: series)
  }

  /// From a little before the first step to `last`, for a logarithmic axis.
  private static func start(of series: [Series], _ last: Double) -> ClosedRange<Double>? {
    let first = series.flatMap(\.x).filter { $0 > 0 }.min() ?? last
    return first < last ? (first * 0.8)...last : nil
  }
}

extension LineChart.Series {
  /// A share that is 0 before its first step and holds to `end`.
  fileprivate init(_ name: String, fromZero curve: StepCurve, to end: Double) {
    self.init(name, curve, to: end)
    if let first = x.first {
      x.insert(first, at: 0)
      y.insert(0, at: 0)
    } else {
      x = [end]
      y = [0]
    }
  }
}
