import ArgumentParser
import Trimtab
import TrimtabAnalysis
import TrimtabBenchmarks

struct BenchReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Compare the runs of a suite.",
    discussion: """
      Prints tables, and writes a page with figures beside the suite file. Problems are the blocks of every test; the \
      repetitions of a problem are averaged first.
      """)

  @OptionGroup var arguments: SuiteArguments

  @Option(help: "What budgets are counted in: evaluations, seconds or cost.")
  var axis: SuiteComparison.Axis?

  @Option(help: ArgumentHelp("Where to write the page; '-' writes none.", valueName: "path"))
  var html: String?

  @Flag(help: "Print the figures as JSON, and write no page.")
  var json = false

  func run() throws {
    try reporting {
      let (suite, problems) = try arguments.open()
      let comparison = try SuiteComparison(
        suite, role: arguments.seeds, problems: problems, store: try ResultStore(path: arguments.existingResults()),
        axis: axis)
      let summary = try SuiteSummary(comparison)
      if json {
        print(summary.json.prettyText)
        return
      }
      print(heading(comparison))
      for note in comparison.notes { print("note: \(note)") }
      print("")
      Output.print(Self.methodTable(summary))
      print("")
      printTests(summary)
      print("mean regret at the end of the budget")
      Output.print(Self.problemTable(summary))
      let path = html ?? arguments.pagePath
      if path != "-" {
        try writeText(SuitePage(summary).html, to: path)
        print("\nfigures: \(shownPath(path))")
      }
    }
  }

  private func heading(_ comparison: SuiteComparison) -> String {
    let suite = comparison.suite
    return "suite \(suite.name): \(Shown.count(comparison.tasks.count, "problem")), "
      + "\(Shown.count(comparison.methods.count, "method")), \(Shown.count(suite.repetitions, "repetition")), "
      + "\(Shown.count(suite.workers, "worker")), \(comparison.role.rawValue) seeds, by \(comparison.axis.rawValue)"
  }

  private static func methodTable(_ summary: SuiteSummary) -> Table {
    var table = Table(
      [Table.Column("method")]
        + SuiteSummary.checkpoints.map { Table.Column("rank at \(Int($0 * 100)) %", .right) }
        + [
          Table.Column("mean regret", .right), Table.Column("speed-up", .right), Table.Column("profile", .right),
          Table.Column("ms a trial", .right), Table.Column("failed", .right),
        ])
    for row in summary.rows.sorted(by: { ($0.ranks.last?.estimate ?? 0) < ($1.ranks.last?.estimate ?? 0) }) {
      table.rows.append(
        [row.method] + row.ranks.map { interval($0) }
          + [
            fixed(row.area.estimate, 3),
            row.speedUp.map { "\(fixed($0.ratio, 1))× on \($0.tasks)" } ?? "",
            row.profile.map { fixed($0, 3) } ?? "", fixed(row.thinkingPerTrial * 1000, 2), String(row.failures),
          ])
    }
    return table
  }

  private static func interval(_ interval: Interval) -> String {
    "\(fixed(interval.estimate, 2)) (\(fixed(interval.lower, 2))–\(fixed(interval.upper, 2)))"
  }

  private func printTests(_ summary: SuiteSummary) {
    guard let friedman = summary.friedman, let difference = summary.criticalDifference else { return }
    print(
      "Friedman: chi-square \(fixed(friedman.chiSquare, 2)), p \(Shown.number(friedman.chiSquareP)); "
        + "F \(fixed(friedman.f, 2)), p \(Shown.number(friedman.fP)); "
        + "critical difference of ranks \(fixed(difference, 2)) (Nemenyi, 5 %)")
    let significant = summary.pairs.filter { $0.p <= 0.05 }
    for pair in significant {
      let (winner, loser, wins, losses) =
        pair.comparison.wins >= pair.comparison.losses
        ? (pair.first, pair.second, pair.comparison.wins, pair.comparison.losses)
        : (pair.second, pair.first, pair.comparison.losses, pair.comparison.wins)
      print("\(winner) beats \(loser) on \(wins) problems and loses on \(losses) (p \(Shown.number(pair.p)))")
    }
    if significant.isEmpty { print("no pair of methods differs at 5 % (Wilcoxon, Holm)") }
    print("")
  }

  private static func problemTable(_ summary: SuiteSummary) -> Table {
    var table = Table([Table.Column("problem")] + summary.rows.map { Table.Column($0.method, .right) })
    for (task, regrets) in zip(summary.comparison.tasks, summary.finalRegrets) {
      let mark = task.optimumIsKnown ? "" : " (above the best found)"
      table.rows.append([task.problem.label + mark] + regrets.map { Shown.number($0) })
    }
    return table
  }
}

/// A number with so many decimals.
private func fixed(_ value: Double, _ decimals: Int) -> String {
  guard value.isFinite else { return value.isNaN ? "-" : "inf" }
  var scale = 1.0
  for _ in 0..<decimals { scale *= 10 }
  let whole = (value.magnitude * scale).rounded()
  guard whole < 1e15 else { return Shown.number(value) }
  let digits = String(Int(whole))
  let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
  let sign = value < 0 && whole > 0 ? "-" : ""
  return decimals == 0 ? sign + padded : "\(sign)\(padded.dropLast(decimals)).\(padded.suffix(decimals))"
}

extension SuiteComparison.Axis: ExpressibleByArgument {}
