import ArgumentParser
import TrimtabAnalysis

/// A figure beside what a command prints.
struct FigureOption: ParsableArguments {
  @Option(help: ArgumentHelp("Draw it as SVG.", valueName: "path"))
  var figure: String?

  func write(_ chart: () throws -> LineChart) throws {
    guard let figure else { return }
    let chart = try chart()
    try writeText(chart.figure(MethodStyles(chart.series.map(\.name))).svg, to: figure)
  }
}
