import ArgumentParser
import Trimtab

struct MethodsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "methods", abstract: "List the samplers and schedulers, or describe one.",
    discussion: "A method is a sampler, which chooses configurations, and a scheduler, which chooses who goes on.")

  @Argument(help: "The name of a sampler or scheduler.")
  var name: String?

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    try reporting {
      let all = Catalogue.samplers + Catalogue.schedulers
      guard let name else {
        if json {
          print(JSONValue.array(all.map(Self.json)).prettyText)
        } else {
          printTable()
        }
        return
      }
      let found = all.filter { $0.name == name }
      guard !found.isEmpty else {
        throw CommandError(
          .notFound, "there is no method '\(name)' (\(suggestion(for: name, among: all.map(\.name))))")
      }
      if json {
        print(JSONValue.array(found.map(Self.json)).prettyText)
      } else {
        print(found.map(Self.details).joined(separator: "\n\n"))
      }
    }
  }

  private func printTable() {
    let width = (Catalogue.samplers + Catalogue.schedulers).map(\.name.count).max() ?? 0
    for (title, entries) in [("samplers", Catalogue.samplers), ("schedulers", Catalogue.schedulers)] {
      print("\(title):")
      for entry in entries {
        let gap = String(repeating: " ", count: width - entry.name.count + 2)
        print("  \(entry.name)\(gap)\(entry.summary)")
        let margin = String(repeating: " ", count: width + 4)
        print("\(margin)takes \(Self.abilities(entry))")
        if let paper = entry.paper { print("\(margin)\(paper.authors), \(paper.year)") }
      }
    }
    print("\n'trimtab methods <name>' shows the options of one.")
  }

  private static func abilities(_ entry: CatalogueEntry) -> String {
    let words = CatalogueEntry.Ability.allCases.filter(entry.takes.contains).map { ability in
      switch ability {
      case .conditional: "conditions"
      case .objectives: "several objectives"
      case .parallel: "parallel trials"
      default: ability.rawValue
      }
    }
    let all = words + (entry.takesOutcomeConstraints ? ["outcome constraints"] : [])
    return all.joined(separator: ", ") + (entry.needsFidelity ? "; needs a fidelity" : "")
  }

  private static func details(_ entry: CatalogueEntry) -> String {
    var lines = ["\(entry.name): \(entry.title) (\(entry.role.rawValue))", "", entry.summary, ""]
    lines.append("takes    \(abilities(entry))")
    if let paper = entry.paper { lines.append("paper    \(paper.description)") }
    guard !entry.options.isEmpty else { return (lines + ["options  none"]).joined(separator: "\n") }
    lines.append("options")
    for option in entry.options {
      lines.append("  \(option.name): \(option.range); \(option.defaultValue.description) when left out")
      lines.append("      \(option.meaning)")
    }
    lines += ["", "In a study file:", ""]
    let example = entry.options.map { "\($0.name): \($0.defaultValue.description)" }.joined(separator: ", ")
    lines.append("  method: {\(entry.role.rawValue): {name: \(entry.name), \(example)}}")
    return lines.joined(separator: "\n")
  }

  private static func json(_ entry: CatalogueEntry) -> JSONValue {
    .members([
      "name": .string(entry.name), "kind": .string(entry.role.rawValue), "title": .string(entry.title),
      "summary": .string(entry.summary),
      "takes": .array(
        CatalogueEntry.Ability.allCases.filter(entry.takes.contains).map { .string($0.rawValue) }),
      "takes_outcome_constraints": .bool(entry.takesOutcomeConstraints),
      "needs_fidelity": .bool(entry.needsFidelity),
      "paper": entry.paper.map {
        .members([
          "authors": .string($0.authors), "title": .string($0.title), "year": .integer($0.year),
          "venue": .string($0.venue),
        ])
      },
      "options": .array(
        entry.options.map {
          .members([
            "name": .string($0.name), "default": $0.defaultValue.json, "range": .string($0.range),
            "meaning": .string($0.meaning),
          ])
        }),
    ])
  }
}
