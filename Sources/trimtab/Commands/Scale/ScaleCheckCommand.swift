import ArgumentParser
import Trimtab
import TrimtabAnalysis
import TrimtabScaling

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct ScaleCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Check a parameterisation by what small runs logged.",
    discussion: "Exits with 4 where a check does not pass.",
    subcommands: [ScaleCheckCoordinatesCommand.self, ScaleCheckTransferCommand.self, ScaleCheckRangeCommand.self])
}

struct ScaleCheckCoordinatesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coordinates", abstract: "Whether activations keep their size as the model grows.",
    discussion: """
      Reads a CSV file with a row for each width, seed, step and module: the mean absolute value of its output, or of \
      the output's change since step 0. Its columns are width (or as --size says), step, module and value. With a control \
      of the standard parameterisation, that one must fail, or else the check could not tell.
      """)

  @Argument(help: "A CSV file.")
  var file: String

  @Option(help: ArgumentHelp("The same of the standard parameterisation, which must fail.", valueName: "csv"))
  var control: String?

  @Option(help: "The column of the width or depth.")
  var size = "width"

  @Option(help: "The column of the values.")
  var value = "value"

  @Option(help: "The greatest slope, either way.")
  var threshold = 0.1

  @Option(help: "The first step that counts.")
  var firstStep: Int?

  @OptionGroup var figure: FigureOption
  @OptionGroup var output: OutputOptions

  func run() throws {
    try reporting {
      let records = try read(file)
      let check = try CoordinateCheck(records, threshold: threshold, firstStep: firstStep)
      let other = try control.map { try CoordinateCheck(try read($0), threshold: threshold, firstStep: firstStep) }
      try figure.write { Self.chart(records, size) }
      let hasPower = other.map { !$0.passes }
      let passes = check.passes && hasPower != false
      let document = JSONValue.members([
        "passes": .bool(passes), "verdict": .string(check.verdict), "threshold": .number(threshold),
        "control_fails": hasPower.map { .bool($0) },
        "slopes": .array(
          check.slopes.map {
            JSONValue.members([
              "module": .string($0.module), "step": .integer($0.step), "slope": .number($0.slope),
              "counts": .bool($0.counts), "passes": .bool($0.passes),
            ])
          }), "warnings": .array(check.warnings.map { .string($0) }),
      ])
      output.show(document) {
        var lines = Output.lines(Self.table(check)) + ["", check.verdict]
        if let other {
          lines.append(
            other.passes
              ? "fail: the control passes as well, so that the check cannot tell: use a higher rate or wider models"
              : "the control fails, as it must: \(other.verdict)")
        }
        return lines + check.warnings.map { "warning: \($0)" }
      }
      if !passes { throw ExitCode(ExitStatus.damaged.rawValue) }
    }
  }

  private static func table(_ check: CoordinateCheck) -> Table {
    let modules = check.slopes.reduce(into: [String]()) { if !$0.contains($1.module) { $0.append($1.module) } }
    let steps = Set(check.slopes.map(\.step)).sorted()
    var table = Table([.init("slope of", mayShrink: false)] + steps.map { .init("step \($0)", .right) })
    for module in modules {
      let cells = steps.map { step in
        check.slopes.first { $0.module == module && $0.step == step }
          .map { rounded($0.slope) + ($0.counts && !$0.passes ? "!" : "") } ?? ""
      }
      table.rows.append([module] + cells)
    }
    return table
  }

  private static func rounded(_ value: Double) -> String {
    let text = Shown.number((value * 1000).rounded() / 1000)
    return text == "-0" ? "0" : text
  }

  /// The mean size of each module at the last step, over the models' sizes.
  private static func chart(_ records: [CoordinateCheck.Record], _ size: String) -> LineChart {
    let last = records.map(\.step).max() ?? 0
    let own = records.filter { $0.step == last }
    let modules = own.reduce(into: [String]()) { if !$0.contains($1.module) { $0.append($1.module) } }
    return LineChart(
      "Mean size of the modules at step \(last)", x: Axis(size, scale: .logarithmic),
      y: Axis("mean absolute value", scale: .logarithmic),
      series: modules.map { module in
        let groups = Dictionary(grouping: own.filter { $0.module == module }, by: \.size).sorted { $0.key < $1.key }
        return LineChart.Series(
          module, x: groups.map(\.key), y: groups.map { $0.value.map(\.value).reduce(0, +) / Double($0.value.count) },
          isStepped: false)
      })
  }

  private func read(_ path: String) throws -> [CoordinateCheck.Record] {
    let table = try DataTable(path)
    let (sizes, values) = (try table.numbers(size, option: "--size"), try table.numbers(value, option: "--value"))
    let (steps, modules) = (
      try table.numbers("step", option: "a column named so"), try table.texts("module", option: "a column named so")
    )
    return try table.rows.indices.map { i in
      guard let step = Int(exactly: steps[i]), step >= 0 else {
        throw CommandError(.badInput, "\(table.places[i]): the step must be a whole number from 0 on")
      }
      return CoordinateCheck.Record(size: sizes[i], step: step, module: modules[i], value: values[i])
    }
  }
}

struct ScaleCheckTransferCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfer", abstract: "Whether the best learning rate stays as the model grows.",
    discussion: """
      Reads a CSV file, or the finished trials of a study (a study file or a store): a size, a learning rate and a loss \
      for each run. The optimum at each size is the vertex of a parabola through ln loss about the best rate. Where rates \
      were run with several seeds, resampled seeds give its interval, and what they leave open is 'unresolved'.
      """)

  @Argument(help: "A CSV file, a study file or a store.")
  var source: String

  @Option(help: "The column of the width or depth.")
  var size = "width"

  @OptionGroup var columns: RateColumns
  @OptionGroup var figure: FigureOption
  @OptionGroup var output: OutputOptions

  func run() throws {
    try reporting {
      let table = try DataTable(source, sizes: [size])
      let sizes = try table.numbers(size, option: "--size")
      let (rates, losses) = try columns.read(table)
      let runs = sizes.indices.map {
        TransferCheck.Run(size: sizes[$0], learningRate: rates[$0], loss: losses[$0])
      }
      let check = try TransferCheck(runs)
      try figure.write { Self.chart(runs, size) }
      let document = JSONValue.members([
        "verdict": .string(check.verdict.rawValue), "reasons": .array(check.reasons.map { .string($0) }),
        "grid_factor": .number(check.gridFactor), "noise": .number(check.noise), "drift": .number(check.drift),
        "drift_interval": check.driftInterval.json,
        "optima": .array(
          check.optima.map {
            JSONValue.members([
              "size": .number($0.size), "learning_rate": .number($0.learningRate), "interval": $0.interval?.json,
              "ratio_interval": $0.ratioInterval?.json, "best_rate": .number($0.bestRate),
              "best_loss": .number($0.bestLoss), "transfer_gap": .number($0.transferGap),
              "gap_interval": $0.gapInterval?.json,
              "on_edge": .bool($0.isOnEdge), "resolved": .bool($0.isResolved),
            ])
          }),
      ])
      output.show(document) {
        var rows = Table([size, "best rate", "95 %", "of the grid", "loss", "transferred"].map { .init($0, .right) })
        for item in check.optima {
          rows.rows.append([
            Shown.number(item.size), Shown.number(item.learningRate), item.interval?.text ?? "",
            Shown.number(item.bestRate),
            Shown.number(item.bestLoss), "+\(Shown.number(100 * item.transferGap)) %",
          ])
        }
        return Output.lines(rows) + [
          "",
          "drift: rate proportional to \(size)^\(Shown.number(check.drift)), 95 % \(check.driftInterval.text); grid factor "
            + Shown.number(check.gridFactor),
          check.verdict.rawValue,
        ] + check.reasons.map { "  \($0)" }
      }
      if check.verdict != .pass { throw ExitCode(ExitStatus.damaged.rawValue) }
    }
  }

  /// The mean loss over the rates, a curve a size.
  private static func chart(_ runs: [TransferCheck.Run], _ size: String) -> LineChart {
    LineChart(
      "Loss by learning rate", x: Axis("learning rate", scale: .logarithmic), y: Axis("loss", scale: .logarithmic),
      series: Set(runs.map(\.size)).sorted().map { own in
        let groups = Dictionary(grouping: runs.filter { $0.size == own && $0.loss.isFinite }, by: \.learningRate)
          .sorted { $0.key < $1.key }
        return LineChart.Series(
          "\(size) \(Shown.number(own))", x: groups.map(\.key),
          y: groups.map { exp($0.value.map { log($0.loss) }.reduce(0, +) / Double($0.value.count)) }, isStepped: false)
      })
  }
}

struct ScaleCheckRangeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "range", abstract: "Read a learning-rate range test.",
    discussion: "The rates are those of 'trimtab scale schedule range-test'.")

  @Argument(help: "A CSV file with a row a step.")
  var file: String

  @OptionGroup var columns: RateColumns
  @OptionGroup var figure: FigureOption
  @OptionGroup var output: OutputOptions

  func run() throws {
    try reporting {
      let table = try DataTable(file)
      let (rates, losses) = try columns.read(table)
      let test = try RangeTest(rates: rates, losses: losses)
      try figure.write {
        LineChart(
          "Learning-rate range test", x: Axis("learning rate", scale: .logarithmic), y: Axis("loss"),
          series: [LineChart.Series("loss", x: rates, y: losses, isStepped: false)])
      }
      let document = JSONValue.members([
        "steepest": .number(test.steepest), "greatest": .number(test.greatest),
        "divergence": test.divergence.map { .number($0) } ?? .null,
      ])
      output.show(document) {
        [
          "steepest fall at \(Shown.number(test.steepest)), a cautious rate",
          "greatest of use about \(Shown.number(test.greatest)), a tenth of where the loss is least",
          test.divergence.map { "diverges at \(Shown.number($0))" } ?? "does not diverge in this range",
        ]
      }
    }
  }
}
