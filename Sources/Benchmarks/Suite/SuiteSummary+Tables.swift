import TrimtabAnalysis

extension SuiteSummary {
  /// Methods in the order of their mean rank at the end of the budget.
  var order: [Int] {
    rows.indices.sorted { (rows[$0].ranks.last?.estimate ?? 0, $0) < (rows[$1].ranks.last?.estimate ?? 0, $1) }
  }

  /// What is compared, in a line.
  public var heading: String {
    func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
    let suite = comparison.suite
    return "suite \(suite.name): \(count(comparison.tasks.count, "problem")), "
      + "\(count(comparison.methods.count, "method")), \(count(suite.repetitions, "repetition")), "
      + "\(count(suite.workers, "worker")), \(comparison.role.rawValue) seeds, by \(comparison.axis.rawValue)"
  }

  /// One row a method, the best first.
  /// - Throws: nothing for a summary that exists.
  public func methodTable() throws(AnalysisError) -> ReportTable {
    var table = ReportTable(
      [.init("method", .left)] + Self.checkpoints.map { .init("rank at \(Int($0 * 100)) %") } + [
        .init("runs won"), .init("mean regret"), .init("speed-up"), .init("median"), .init("profile"),
        .init("ms a trial"),
        .init("failed"),
      ])
    for row in order.map({ rows[$0] }) {
      try table.add(
        [.init(row.method)] + row.ranks.map { .init(Self.text($0)) } + [
          .init(Self.percent(row.won)), .init(fixed(row.area.estimate, 3)),
          .init(row.speedUp.map { "\(fixed($0.ratio, 1))× on \($0.tasks)" } ?? ""),
          .init(row.medianSpeedUp.map { "\(fixed($0, 1))×" } ?? ""),
          .init(row.profile.map { fixed($0, 3) } ?? ""), .init(fixed(row.thinkingPerTrial * 1000, 2)),
          .init(String(row.failures)),
        ])
    }
    return table
  }

  /// Mean regret at the end of the budget, one row a problem.
  /// - Throws: nothing for a summary that exists.
  public func problemTable() throws(AnalysisError) -> ReportTable {
    try ReportTable(
      tasks: comparison.tasks.map { $0.problem.label + ($0.optimumIsKnown ? "" : " *") },
      methods: order.map { rows[$0].method },
      values: finalRegrets.map { regrets in order.map { regrets[$0] } }, significant: 3)
  }

  /// What the tests of significance say.
  public var findings: [String] {
    guard let friedman, let criticalDifference else { return [] }
    var lines = [
      "Friedman: chi-square \(fixed(friedman.chiSquare, 2)), p \(short(friedman.chiSquareP)); "
        + "F \(fixed(friedman.f, 2)), p \(short(friedman.fP)); "
        + "critical difference of ranks \(fixed(criticalDifference, 2)) (Nemenyi, 5 %)"
    ]
    for pair in pairs where pair.p <= 0.05 {
      let isFirst = pair.comparison.wins >= pair.comparison.losses
      let (wins, losses) = (pair.comparison.wins, pair.comparison.losses)
      lines.append(
        "\(isFirst ? pair.first : pair.second) beats \(isFirst ? pair.second : pair.first) on "
          + "\(max(wins, losses)) problems and loses on \(min(wins, losses)) (p \(short(pair.p)), Wilcoxon, Holm)")
    }
    if lines.count == 1 { lines.append("no pair of methods differs at 5 % (Wilcoxon, Holm)") }
    return lines
  }

  /// What the columns mean.
  public static let legend = [
    "rank: mean over problems of the rank of the mean regret, 1 being best, after a share of the budget; in brackets "
      + "95 % bootstrap intervals over repetitions",
    "runs won: how many of all pairs of its runs with other methods' runs on a problem end in its favour, the mean over "
      + "problems; unlike a rank it gives a single bad run no more weight than a single good one",
    "mean regret: over the whole budget and all problems, 0 being the optimum and 1 the median configuration",
    "speed-up: how many times less budget it needs than random search to come to where that ends; the geometric mean "
      + "over the problems where it comes there",
    "median: the median of the same over all problems, 0 where it never comes there",
    "profile: the area of the performance profile up to 4 times the best time to random search's final value",
    "ms a trial: wall time within the optimiser",
    "*: regret is counted from the best value that any run found, for the optimum is not known",
  ]

  private static func percent(_ share: Interval) -> String {
    "\(fixed(share.estimate * 100, 0)) % (\(fixed(share.lower * 100, 0))–\(fixed(share.upper * 100, 0)))"
  }

  private static func text(_ interval: Interval) -> String {
    "\(fixed(interval.estimate, 2)) (\(fixed(interval.lower, 2))–\(fixed(interval.upper, 2)))"
  }
}

/// A number with so many decimals.
private func fixed(_ value: Double, _ decimals: Int) -> String {
  guard value.isFinite else { return value.isNaN ? "–" : value < 0 ? "−∞" : "∞" }
  var scale = 1.0
  for _ in 0..<decimals { scale *= 10 }
  let whole = (value.magnitude * scale).rounded()
  guard whole < 1e15 else { return "\(value)" }
  let digits = String(Int(whole))
  let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
  let sign = value < 0 && whole > 0 ? "-" : ""
  return decimals == 0 ? sign + padded : "\(sign)\(padded.dropLast(decimals)).\(padded.suffix(decimals))"
}

/// A probability in a few characters.
private func short(_ p: Double) -> String { p < 0.0001 ? "< 0.0001" : fixed(p, 4) }
