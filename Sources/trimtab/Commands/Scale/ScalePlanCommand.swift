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
      """)

  @Option(help: "The smallest width.")
  var baseWidth: Int

  @Option(help: "The largest width that is swept.")
  var width: Int

  @Option(help: "How many hyperparameters are tuned.")
  var settings: Int

  @Option(help: "Values of each at the smallest width.")
  var points: Int

  @Option(help: "The factor between neighbouring values there.")
  var spacing = 2.0

  @OptionGroup var output: OutputOptions

  func run() throws {
    try reporting {
      let plan = try TelescopingPlan(base: baseWidth, last: width, settings: settings, points: points, spacing: spacing)
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
        return Output.lines(table) + [
          "",
          "in all \(Shown.number(plan.cost)) runs of the smallest width; a full grid at the largest would cost "
            + Shown.number(plan.fullGridCost),
        ]
      }
    }
  }
}
