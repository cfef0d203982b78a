import ArgumentParser
import Trimtab
import TrimtabBenchmarks

struct BenchProblemsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "problems", abstract: "List the problems there are here, or describe one.",
    discussion: """
      Formulas are always there. Tables come from 'make bench-data', or from folders that TRIMTAB_BENCH_DATA names.
      """)

  @Argument(help: "The name of a problem.")
  var name: String?

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    try reporting {
      let library = ProblemLibrary.standard
      guard let name else {
        let names = library.names
        print(json ? JSONValue.array(names.map { .string($0) }).prettyText : names.joined(separator: "\n"))
        return
      }
      let problem = try library.problem(ProblemEntry(name))
      print(json ? Self.json(problem).prettyText : Self.details(problem))
    }
  }

  private static func json(_ problem: any Problem) -> JSONValue {
    .members([
      "name": .string(problem.name), "space": problem.space.json,
      "objectives": .array(
        problem.objectives.map {
          JSONValue.members(["metric": .string($0.metric), "goal": .string($0.goal.rawValue)])
        }),
      "fidelity": problem.fidelity.map {
        JSONValue.members(["name": .string($0.name), "min": .number($0.minimum), "max": .number($0.maximum)])
      },
      "cost": .string(problem.costUnit), "optimum": problem.reference.optimum.map { .number($0) },
      "median": problem.reference.median.map { .number($0) },
    ])
  }

  private static func details(_ problem: any Problem) -> String {
    var lines = [problem.name]
    for objective in problem.objectives { lines.append("  \(objective.goal.rawValue) \(objective.metric)") }
    if let fidelity = problem.fidelity {
      lines.append(
        "  \(fidelity.name) \(JSONValue.plainText(fidelity.minimum)) … \(JSONValue.plainText(fidelity.maximum))")
    }
    lines.append("  cost in \(problem.costUnit)")
    if let optimum = problem.reference.optimum { lines.append("  best value \(JSONValue.plainText(optimum))") }
    if let median = problem.reference.median { lines.append("  median value \(JSONValue.plainText(median))") }
    lines.append("  space:")
    for parameter in problem.space.parameters { lines.append("    \(parameter.name): \(parameter.json.text)") }
    return lines.joined(separator: "\n")
  }
}
