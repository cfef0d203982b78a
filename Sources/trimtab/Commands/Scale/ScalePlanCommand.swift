import ArgumentParser
import Trimtab
import TrimtabScaling

struct ScalePlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Plan a sweep that is refined from width to width (telescoping).",
    discussion: """
      The full grid is swept at the smallest width; at each doubling the grid has a quarter of the points, closer together \
      around the last optimum, so that each stage costs as much as the first. Where an optimum lies on the edge of its \
      grid, the stage is repeated around it.

      As a study, whose resource is the width:

        trimtab scale plan --base-width 64 --width 512 --points 8 \\
          --setting lr=1e-4:1e-1 --setting decay=1e-3:1 \\
          --study sweep.yaml -- python3 train.py
        trimtab scale plan --points 8 --enqueue sweep.yaml --final final.json

      The second command puts a stage in the queue; run it again once the stage has ended, until it writes the final \
      configuration.
      """)

  @Option(help: "The smallest width.")
  var baseWidth: Int?

  @Option(help: "The largest width that is swept.")
  var width: Int?

  @Option(help: "How many hyperparameters are tuned.")
  var settings: Int?

  @Option(help: "Values of each at the smallest width.")
  var points: Int

  @Option(help: "The factor between neighbouring values there; 2 when left out.")
  var spacing: Double?

  @Option(help: ArgumentHelp("A hyperparameter and its range, in place of --settings.", valueName: "name=low:high"))
  var setting: [String] = []

  @Option(help: ArgumentHelp("Write a study file for the sweep.", valueName: "file"))
  var study: String?

  @Option(help: ArgumentHelp("Put the next stage in the queue of this study.", valueName: "study"))
  var enqueue: String?

  @Option(
    name: .customLong("final"),
    help: ArgumentHelp("With --enqueue: write the final configuration to this file.", valueName: "file"))
  var final: String?

  @OptionGroup var output: OutputOptions

  @Argument(help: ArgumentHelp("With --study: the program and its arguments, after --.", valueName: "program"))
  var words: [String] = []

  func validate() throws {
    if enqueue != nil {
      guard baseWidth == nil, width == nil, settings == nil, spacing == nil, setting.isEmpty, study == nil else {
        throw ValidationError("with --enqueue the study says widths and settings: leave them out")
      }
    } else {
      if final != nil { throw ValidationError("--final goes with --enqueue") }
      if settings != nil, !setting.isEmpty { throw ValidationError("--settings and --setting exclude each other") }
      if spacing != nil, !setting.isEmpty {
        throw ValidationError("--spacing follows from the ranges of --setting and --points")
      }
    }
    if study != nil, words.isEmpty || setting.isEmpty {
      throw ValidationError("--study needs a --setting name=low:high for each hyperparameter, and -- and the program")
    }
    if study == nil, !words.isEmpty { throw ValidationError("a program goes with --study only") }
  }

  func run() throws {
    try reporting {
      if let enqueue { try runNextStage(TrialQueue(enqueue)) } else { try showPlan() }
    }
  }

  // MARK: The plan

  private func showPlan() throws {
    guard let baseWidth, let width else { throw CommandError(.badInput, "a plan needs --base-width and --width") }
    let ranges = try setting.map(Self.setting)
    let plan: TelescopingPlan
    if ranges.isEmpty {
      guard let settings else { throw CommandError(.badInput, "a plan needs --settings, or a --setting for each") }
      plan = try TelescopingPlan(
        base: baseWidth, last: width, settings: settings, points: points, spacing: spacing ?? 2)
    } else {
      plan = try TelescopingSweep(base: baseWidth, last: width, settings: ranges, points: points).plan
    }
    if let study { try writeText(try SweepStudy.text(plan, ranges, command: words, path: study), to: study) }
    let document = JSONValue.members([
      "stages": .array(
        plan.stages.map {
          JSONValue.members([
            "width": .integer($0.width), "points": .integer($0.points), "spacing": .number($0.spacing),
            "run_cost": .number($0.runCost), "cost": .number($0.cost),
          ])
        }), "cost": .number(plan.cost), "full_grid_cost": .number(plan.fullGridCost),
    ])
    output.show(document) {
      var table = Table(["width", "points", "spacing", "cost of a run", "cost"].map { .init($0, .right) })
      for stage in plan.stages {
        table.rows.append([
          String(stage.width), String(stage.points), Shown.number(stage.spacing), Shown.number(stage.runCost),
          Shown.number(stage.cost),
        ])
      }
      var lines =
        Output.lines(table) + [
          "",
          "in all \(Shown.number(plan.cost)) runs of the smallest width; a full grid at the largest would cost "
            + Shown.number(plan.fullGridCost),
        ]
      if let study {
        lines.append("wrote \(study)")
        lines.append("then:  trimtab scale plan --points \(points) --enqueue \(shellWord(study))")
      }
      return lines
    }
  }

  private static func setting(_ text: String) throws -> TelescopingSweep.Setting {
    let (name, range) = try assignments([text], option: "--setting")[0]
    let ends = range.split(separator: ":", omittingEmptySubsequences: false).map {
      Magnitude(argument: String($0))?.value
    }
    guard ends.count == 2, let low = ends[0], let high = ends[1] else {
      throw CommandError(.badInput, "--setting \(text): must be a name and its range, such as lr=1e-4:1e-1")
    }
    return try .init(name, low: low, high: high)
  }

  // MARK: A stage

  private func runNextStage(_ queue: TrialQueue) throws {
    let study = try SweepStudy(queue, points: points)
    switch try study.sweep.next(study.trials) {
    case .wait(let width, let unfinished):
      output.show(
        .members(["action": .string("wait"), "width": .integer(width), "unfinished": .integer(unfinished)])
      ) {
        [
          "width \(width): \(Shown.count(unfinished, "trial")) of the stage \(unfinished == 1 ? "has" : "have") not ended",
          queue.advice(unfinished),
        ]
      }
    case .run(let width, let points, let edge, let leftOut):
      let size = queue.session.state.spec.fidelity?.name ?? "width"
      let numbers = try queue.add(
        points.map { point in
          [(name: size, value: Double(width))] + zip(study.names, point).map { (name: $0, value: $1) }
        }, others: [])
      let document = JSONValue.members([
        "action": .string("run"), "width": .integer(width), "trials": .array(numbers.map { .integer($0) }),
        "edge": edge.map { .string($0) }, "left_out": .integer(leftOut),
      ])
      output.show(document) {
        var lines = ["width \(width): \(Shown.count(numbers.count, "trial")) in the queue, spaced by "]
        lines[0] += zip(study.names, study.sweep.spacings(width)).map { "\($0) × \(Shown.number($1))" }
          .joined(separator: ", ")
        if let edge {
          lines.append("  the stage is repeated around its best, whose \(edge) lay on the edge of the grid")
        }
        if leftOut > 0 {
          lines.append("  \(Shown.count(leftOut, "point")) outside of the ranges of the space left out")
        }
        return lines + [queue.advice(numbers.count)]
      }
    case .done(let found, let loss):
      try finish(study, queue, found, loss)
    }
  }

  private func finish(
    _ study: SweepStudy, _ queue: TrialQueue, _ found: [TelescopingSweep.Final], _ loss: Double
  ) throws {
    let state = queue.session.state.spec
    let result = FinalConfiguration(
      source: "telescoping sweep of \(state.name)",
      run: [(state.fidelity?.name ?? "width", Double(study.sweep.lastWidth))],
      settings: found.map { .init(name: $0.name, value: $0.value, interval: $0.interval) },
      warnings: study.sweep.atEnd(study.trials).map {
        "at width \($0.width) the best \($0.setting) lies at the end of its range: it may lie beyond"
      })
    if let final { try result.write(to: final) }
    let document = JSONValue.members([
      "action": .string("done"), "loss": .number(state.objectives[0].sign * loss), "final": result.json,
    ])
    output.show(document) {
      var lines = [
        "all stages have ended; the best at width \(study.sweep.lastWidth) has \(state.objectives[0].metric) "
          + Shown.number(state.objectives[0].sign * loss)
      ]
      for item in result.settings {
        lines.append(
          "  \(item.name) = \(Shown.number(item.value))" + (item.interval.map { ", within \($0.text)" } ?? ""))
      }
      lines += result.warnings.map { "warning: \($0)" }
      if let final { lines.append("wrote \(final)") }
      return lines
    }
  }
}
