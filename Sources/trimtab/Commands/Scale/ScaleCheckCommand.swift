import ArgumentParser
import Trimtab
import TrimtabScaling

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

  @Flag(help: "Print JSON (docs/json.md).")
  var json = false

  func run() throws {
    try reporting {
      let check = try read(file)
      let other = try control.map { try read($0) }
      let hasPower = other.map { !$0.passes }
      let passes = check.passes && hasPower != false
      if json {
        print(
          JSONValue.members([
            "passes": .bool(passes), "verdict": .string(check.verdict), "threshold": .number(threshold),
            "control_fails": hasPower.map { .bool($0) },
            "slopes": .array(
              check.slopes.map {
                JSONValue.members([
                  "module": .string($0.module), "step": .integer($0.step), "slope": .number($0.slope),
                  "counts": .bool($0.counts), "passes": .bool($0.passes),
                ])
              }), "warnings": .array(check.warnings.map { .string($0) }),
          ]).prettyText)
      } else {
        let modules = check.slopes.reduce(into: [String]()) { if !$0.contains($1.module) { $0.append($1.module) } }
        let steps = Set(check.slopes.map(\.step)).sorted()
        var table = Table([.init("slope of", mayShrink: false)] + steps.map { .init("step \($0)", .right) })
        for module in modules {
          table.rows.append(
            [module]
              + steps.map { step in
                check.slopes.first { $0.module == module && $0.step == step }
                  .map { Self.rounded($0.slope) + ($0.counts && !$0.passes ? "!" : "") } ?? ""
              })
        }
        Output.print(table)
        print("")
        print(check.verdict)
        if let other {
          print(
            other.passes
              ? "fail: the control passes as well, so that the check cannot tell: use a higher rate or wider models"
              : "the control fails, as it must: \(other.verdict)")
        }
        for warning in check.warnings { print("warning: \(warning)") }
      }
      if !passes { throw ExitCode(ExitStatus.damaged.rawValue) }
    }
  }

  private static func rounded(_ value: Double) -> String {
    let text = Shown.number((value * 1000).rounded() / 1000)
    return text == "-0" ? "0" : text
  }

  private func read(_ path: String) throws -> CoordinateCheck {
    let table = try DataTable(path)
    let (sizes, values) = (try table.numbers(size, option: "--size"), try table.numbers(value, option: "--value"))
    let (steps, modules) = (
      try table.numbers("step", option: "a column named so"), try table.texts("module", option: "a column named so")
    )
    return try CoordinateCheck(
      try table.rows.indices.map { i in
        guard let step = Int(exactly: steps[i]), step >= 0 else {
          throw CommandError(.badInput, "\(table.places[i]): the step must be a whole number from 0 on")
        }
        return CoordinateCheck.Record(size: sizes[i], step: step, module: modules[i], value: values[i])
      }, threshold: threshold, firstStep: firstStep)
  }
}

struct ScaleCheckTransferCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfer", abstract: "Whether the best learning rate stays as the model grows.",
    discussion: """
      Reads a CSV file, or the finished trials of a study (a study file or a store): a size, a learning rate and a loss \
      for each run. Rates of the same size that were run with several seeds are averaged.
      """)

  @Argument(help: "A CSV file, a study file or a store.")
  var source: String

  @Option(help: "The column of the width or depth.")
  var size = "width"

  @Option(help: "The column of the learning rate.")
  var rate = "lr"

  @Option(help: "The column of the loss.")
  var loss = "loss"

  @Flag(help: "Print JSON (docs/json.md).")
  var json = false

  func run() throws {
    try reporting {
      let table = try DataTable(source)
      let sizes = try table.numbers(size, option: "--size")
      let rates = try table.numbers(rate, option: "--rate")
      let losses = try table.numbers(loss, option: "--loss")
      let check = try TransferCheck(
        sizes.indices.map { .init(size: sizes[$0], learningRate: rates[$0], loss: losses[$0]) })
      if json {
        print(
          JSONValue.members([
            "verdict": .string(check.verdict.rawValue), "reasons": .array(check.reasons.map { .string($0) }),
            "grid_factor": .number(check.gridFactor), "noise": .number(check.noise), "drift": .number(check.drift),
            "drift_interval": check.driftInterval.json,
            "optima": .array(
              check.optima.map {
                JSONValue.members([
                  "size": .number($0.size), "learning_rate": .number($0.learningRate),
                  "best_rate": .number($0.bestRate),
                  "best_loss": .number($0.bestLoss), "transfer_gap": .number($0.transferGap),
                  "on_edge": .bool($0.isOnEdge), "resolved": .bool($0.isResolved),
                ])
              }),
          ]).prettyText)
      } else {
        var rows = Table([size, "best rate", "of the grid", "loss", "transferred"].map { .init($0, .right) })
        for item in check.optima {
          rows.rows.append([
            Shown.number(item.size), Shown.number(item.learningRate), Shown.number(item.bestRate),
            Shown.number(item.bestLoss), "+\(Shown.number(100 * item.transferGap)) %",
          ])
        }
        Output.print(rows)
        print("")
        print(
          "drift: rate proportional to \(size)^\(Shown.number(check.drift)), 95 % \(check.driftInterval.text); grid factor "
            + Shown.number(check.gridFactor))
        print(check.verdict.rawValue)
        for reason in check.reasons { print("  \(reason)") }
      }
      if check.verdict != .pass { throw ExitCode(ExitStatus.damaged.rawValue) }
    }
  }
}

struct ScaleCheckRangeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "range", abstract: "Read a learning-rate range test.",
    discussion: "The rates are those of 'trimtab scale schedule range-test'.")

  @Argument(help: "A CSV file with a row a step.")
  var file: String

  @Option(help: "The column of the learning rate.")
  var rate = "lr"

  @Option(help: "The column of the loss.")
  var loss = "loss"

  @Flag(help: "Print JSON (docs/json.md).")
  var json = false

  func run() throws {
    try reporting {
      let table = try DataTable(file)
      let test = try RangeTest(
        rates: try table.numbers(rate, option: "--rate"), losses: try table.numbers(loss, option: "--loss"))
      if json {
        print(
          JSONValue.members([
            "steepest": .number(test.steepest), "greatest": .number(test.greatest),
            "divergence": test.divergence.map { .number($0) } ?? .null,
          ]).prettyText)
        return
      }
      print("steepest fall at \(Shown.number(test.steepest)), a cautious rate")
      print("greatest of use about \(Shown.number(test.greatest)), a tenth of where the loss is least")
      print(test.divergence.map { "diverges at \(Shown.number($0))" } ?? "does not diverge in this range")
    }
  }
}
