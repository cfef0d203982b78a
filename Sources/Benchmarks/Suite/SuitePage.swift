import TrimtabAnalysis
import TrimtabSearchSpaces

/// A comparison as one page of HTML with its figures.
public struct SuitePage {
  private let summary: SuiteSummary
  private var comparison: SuiteComparison { summary.comparison }

  public init(_ summary: SuiteSummary) { self.summary = summary }

  /// - Throws: `AnalysisError` when a figure cannot be drawn.
  public func html() throws(AnalysisError) -> String {
    let styles = MethodStyles(comparison.methods.map(\.name))
    var sections = [try overview()]
    sections.append(try progress(styles))
    sections.append(try ranks(styles))
    sections.append(try targets(styles))
    sections.append(try problems(styles))
    sections.append(provenance())
    return HTMLPage(
      "Comparison: \(comparison.suite.name)", summary: summary.heading, sections: sections
    ).html
  }

  private var names: [String] { comparison.methods.map(\.name) }

  private var budgetTitle: String {
    switch comparison.axis {
    case .evaluations: "share of the budget of evaluations"
    case .seconds: "share of the budget of time"
    case .cost: "share of the budget of cost"
    }
  }

  private func overview() throws(AnalysisError) -> HTMLPage.Section {
    var blocks: [HTMLPage.Block] = [
      .table(try summary.methodTable(), caption: "All methods, the best first"),
      .list(SuiteSummary.legend),
    ]
    if !summary.findings.isEmpty { blocks.append(.list(summary.findings)) }
    if !comparison.notes.isEmpty { blocks.append(.list(comparison.notes)) }
    return HTMLPage.Section("Result", blocks)
  }

  private func progress(_ styles: MethodStyles) throws(AnalysisError) -> HTMLPage.Section {
    let shares = comparison.shares(count: 40)
    let bootstrap = Bootstrap(.seedsWithinTasks, draws: 500)
    let regret = try bootstrap.bands(comparison.normalisedRegrets(atShares: shares), of: .mean)
    let ranks = try bootstrap.rankBands(comparison.regrets(atShares: shares), decimals: nil)
    let budget = Axis(budgetTitle, scale: .logarithmic)
    let regretChart = LineChart(
      "Anytime regret", x: budget, y: Axis("normalised regret", scale: .logarithmic),
      series: zip(names, regret).map { LineChart.Series($0, grid: shares, $1) })
    let rankChart = LineChart(
      "Mean rank", x: budget, y: Axis("mean rank", range: 1...Double(max(2, names.count))),
      series: zip(names, ranks).map { LineChart.Series($0, grid: shares, $1) })
    return HTMLPage.Section(
      "Progress",
      [
        .figure(
          regretChart.figure(styles),
          caption: "Mean over problems of the incumbent's regret, 0 being the optimum and 1 the median configuration; "
            + "bands are 95 % bootstrap intervals over repetitions."),
        .figure(
          rankChart.figure(styles),
          caption: "Mean over problems of the rank of the mean regret; 1 is best."),
      ])
  }

  private func ranks(_ styles: MethodStyles) throws(AnalysisError) -> HTMLPage.Section {
    var blocks: [HTMLPage.Block] = []
    if let friedman = summary.friedman {
      let diagram = try CriticalDifferenceDiagram(
        "Critical differences", methods: names, averageRanks: friedman.averageRanks,
        taskCount: comparison.tasks.count)
      blocks.append(
        .figure(
          diagram.figure(styles),
          caption: "Mean ranks at the end of the budget. Methods under one bar do not differ significantly "
            + "(Nemenyi's test at 5 %)."))
    } else {
      blocks.append(.paragraph("Tests of significance need at least two problems and two methods."))
    }
    var pairs = ReportTable([
      .init("method", .left), .init("against", .left), .init("better on"), .init("equal on"), .init("worse on"),
      .init("p (Wilcoxon, Holm)"),
    ])
    for pair in summary.pairs {
      try pairs.add([
        .init(pair.first), .init(pair.second), .init(String(pair.comparison.wins)),
        .init(String(pair.comparison.ties)), .init(String(pair.comparison.losses)),
        .init(JSONValue.plainText((pair.p * 10_000).rounded() / 10_000), isStrong: pair.p <= 0.05),
      ])
    }
    if !summary.pairs.isEmpty { blocks.append(.table(pairs, caption: "All pairs, over problems")) }
    return HTMLPage.Section("Significance", blocks)
  }

  private func targets(_ styles: MethodStyles) throws(AnalysisError) -> HTMLPage.Section {
    let hits = try comparison.targetHits()
    let distribution = try LineChart.targetDistribution(
      "Targets reached", methods: zip(names, hits).map { (name: $0, hits: $1) },
      budget: "\(comparison.axis.rawValue) / number of parameters")
    var blocks: [HTMLPage.Block] = [
      .figure(
        distribution.figure(styles),
        caption: "Share of all runs and of 51 targets, normalised regrets from 1 to 10^-2.5, that are reached by a "
          + "budget.")
    ]
    if let rival = comparison.randomSearch {
      let profile = try PerformanceProfile(comparison.timesToTarget(of: rival))
      let chart = try LineChart.performanceProfile("Performance profile", methods: names, profile: profile)
      blocks.append(
        .figure(
          chart.figure(styles),
          caption: "Share of problems on which a method comes to random search's final value within a factor of the "
            + "fastest's time."))
      var table = ReportTable([.init("problem", .left)] + names.map { .init($0) })
      for (task, row) in zip(comparison.tasks, try comparison.speedUps(over: rival)) {
        try table.add(
          [.init(task.problem.label)]
            + row.map { .init($0.map { JSONValue.plainText(($0 * 10).rounded() / 10) + "×" } ?? "never") })
      }
      blocks.append(
        .table(table, caption: "How many times less budget is needed than random search to come to where that ends"))
    }
    return HTMLPage.Section("Speed", blocks)
  }

  private func problems(_ styles: MethodStyles) throws(AnalysisError) -> HTMLPage.Section {
    var blocks: [HTMLPage.Block] = [
      .table(try summary.problemTable(), caption: "Mean regret at the end of the budget, in the objective's unit")
    ]
    let shares = comparison.shares(count: 60)
    let regrets = comparison.regrets(atShares: shares)
    for (task, values) in zip(comparison.tasks, regrets) {
      let grid = shares.map { $0 * task.budget }
      let series = zip(names, values).map { name, runs in
        LineChart.Series(name, x: grid, y: pointMedians(runs))
      }
      let chart = LineChart(
        task.problem.label, x: Axis(comparison.axis.rawValue, scale: .logarithmic),
        y: Axis("median regret", scale: .logarithmic), series: series, height: 340)
      blocks.append(
        .details(
          summary: task.problem.label,
          [.figure(chart.figure(styles), caption: "The median over repetitions of the incumbent's regret.")]))
    }
    return HTMLPage.Section("Problems", blocks)
  }

  /// Every figure can be made again from this: the definition of each run finds it in the results.
  private func provenance() -> HTMLPage.Section {
    let suite = comparison.suite
    var blocks: [HTMLPage.Block] = [
      .paragraph(
        "Each run is repeated with 'trimtab bench run' on a new file of results; runs of Trimtab's own methods have the "
          + "same log to the byte when thinking time is ignored. Problems are blocks; repetitions of a problem are "
          + "averaged before ranking. Incumbents are chosen by what the optimiser saw, and judged by scores that it "
          + "never sees.")
    ]
    for task in comparison.tasks {
      var lines: [String] = [
        "optimum \(task.optimumIsKnown ? "" : "(best found) ")\(task.optimum), "
          + "regret 1 \(task.scaleIsKnown ? "" : "(median first incumbent) ")\(task.scale), cost in \(task.costUnit)"
      ]
      for (method, traces) in zip(comparison.methods, task.traces) {
        for (repetition, trace) in traces.enumerated() {
          let score = trace.points.last.map { "\($0.score)" } ?? "none"
          lines.append(
            "\(method.name) #\(repetition): \(trace.trials) trials, \(trace.failures) failed, "
              + "\(trace.evaluations) evaluations, \(trace.seconds) s, score \(score), "
              + "log \(trace.logChecksum.map { String($0, radix: 16) } ?? "-"), \(trace.incumbent ?? "no incumbent")")
        }
      }
      blocks.append(.details(summary: "runs on \(task.problem.label)", [.code(lines.joined(separator: "\n"))]))
    }
    let definitions = suite.jobs(comparison.role).filter { $0.repetition == 0 }.map(\.definition)
    blocks.append(
      .details(
        summary: "definitions of the first repetition", [.code(definitions.joined(separator: "\n"))]))
    return HTMLPage.Section("Provenance", blocks)
  }
}
