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
      print(summary.heading)
      for note in comparison.notes { print("note: \(note)") }
      print("")
      Output.print(Table(try summary.methodTable()))
      print("")
      for line in summary.findings { print(line) }
      print("\nmean regret at the end of the budget")
      Output.print(Table(try summary.problemTable()))
      let path = html ?? arguments.pagePath
      if path != "-" {
        try writeText(try SuitePage(summary).html(), to: path)
        print("\nfigures, and what the columns mean: \(shownPath(path))")
      }
    }
  }
}

extension Table {
  fileprivate init(_ table: ReportTable) {
    self.init(table.columns.map { Column($0.title, $0.alignment == .left ? .left : .right) })
    rows = table.rows.map { $0.map(\.text) }
  }
}

extension SuiteComparison.Axis: ExpressibleByArgument {}
