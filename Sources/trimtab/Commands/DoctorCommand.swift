import ArgumentParser
import Trimtab

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Look for everything that can be wrong with a store.",
    discussion: """
      Changes nothing, and works on a copy and in a folder that cannot be written. Exits with 4 when there is a problem.
      """)

  @Argument(help: "A store (.trimtab), or the study file beside it.")
  var store: String

  @Option(name: .customLong("store"), help: "The store, if it is not beside the study file.")
  var storePath: String?

  @OptionGroup var output: OutputOptions

  func run() throws {
    try reporting {
      let location = try StudyLocation(store, storePath: storePath)
      let check = StoreCheck(
        path: location.storePath, trialsFolder: { location.trialsFolder(ofStudy: $0) },
        makeMethod: { try Catalogue.makeMethod($0) })
      output.show(document(check, location)) { lines(check) }
      if check.hasProblem { throw ExitCode(ExitStatus.damaged.rawValue) }
    }
  }

  private func lines(_ check: StoreCheck) -> [String] {
    var list = FieldList(indent: 9, width: Output.textWidth)
    for result in check.results {
      let name = result.outcome == .problem ? "PROBLEM" : result.outcome.rawValue
      list.add(name, "\(result.name): \(result.findings.first ?? "")")
      list.add("", Array(result.findings.dropFirst()))
      if let mend = result.mend { list.add("", "→ \(mend)") }
    }
    let problems = check.results.count { $0.outcome == .problem }
    list.add("", problems == 0 ? "No problem was found." : "\(Shown.count(problems, "problem")) found.")
    return list.lines
  }

  private func document(_ check: StoreCheck, _ location: StudyLocation) -> JSONValue {
    .members([
      "store": .string(location.storePath),
      "healthy": .bool(!check.hasProblem),
      "checks": .array(
        check.results.map { result in
          .members([
            "check": .string(result.name), "outcome": .string(result.outcome.rawValue),
            "findings": .array(result.findings.map { .string($0) }), "mend": result.mend.map { .string($0) },
          ])
        }),
    ])
  }
}
