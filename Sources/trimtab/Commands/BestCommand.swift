import ArgumentParser
import Trimtab

struct BestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "best", abstract: "Show the best configuration found.",
    discussion: """
      Of a study with several objectives, the Pareto front: all trials that no other beats in every objective. Exits \
      with 3 while no trial has a value.
      """)

  @OptionGroup var study: StudyArguments

  @Option(help: "The best K trials.")
  var top: Int?

  @Flag(help: "Print the command line that runs it, one line each.")
  var command = false

  @Flag(help: "Print JSON (docs/json.md).")
  var json = false

  @Flag(help: "Print the values as YAML.")
  var yaml = false

  func validate() throws {
    if let top, top < 1 { throw ValidationError("--top must be at least 1, not \(top)") }
    if [command, json, yaml].count(where: { $0 }) > 1 {
      throw ValidationError("--command, --json and --yaml exclude each other")
    }
  }

  func run() throws {
    try reporting {
      let location = try study.locate()
      let state = try LogFold.state(of: location.openLog())
      let isFront = state.spec.objectives.count > 1
      let ranked = isFront ? front(state) : state.rankedTrials()
      // The incumbent was the first of several equals.
      let all = isFront ? ranked : [state.incumbent].compactMap { $0 } + ranked.filter { $0 != state.incumbent }
      guard !all.isEmpty else {
        throw CommandError(
          .notFound, "\(study.study): \(StudyStatus.noIncumbent(state)) (see 'trimtab status \(study.reference)')")
      }
      let chosen = Array(all.prefix(top ?? (isFront ? .max : 1)))
      if command {
        for trial in chosen { print(try commandLine(trial, state, location)) }
      } else if json {
        print(document(chosen, state, isFront: isFront, location).prettyText)
      } else if yaml {
        for trial in chosen { printYAML(trial, state, isSingle: chosen.count == 1) }
      } else if chosen.count == 1 {
        Output.print(lines(chosen[0], state, location))
      } else {
        Output.print(try table(chosen, state))
      }
    }
  }

  /// The front by the first objective, the best first.
  private func front(_ state: StudyState) -> [TrialNumber] {
    state.paretoTrials().sorted { (state.loss($0), $0) < (state.loss($1), $1) }
  }

  // MARK: Text

  private func lines(_ trial: TrialNumber, _ state: StudyState, _ location: StudyLocation) -> [String] {
    var list = FieldList(width: Output.textWidth)
    let record = state.trials[trial]
    list.add("trial", "\(trial)\(record.state == .completed ? "" : " (\(record.state.name), not complete)")")
    for objective in TrialJSON.objectives(trial, state) {
      list.add(objective.name, objective.value.map(Shown.exact) ?? "-")
    }
    for constraint in state.spec.outcomeConstraints
    where !state.spec.objectives.contains(where: { $0.metric == constraint.metric }) {
      let value = state.otherMetrics[trial]?.first { $0.name == constraint.metric }?.value
      list.add(
        constraint.metric,
        "\(value.map(Shown.exact) ?? "-") (\(constraint.relation.rawValue) \(Shown.exact(constraint.bound)))")
    }
    if let fidelity = state.spec.fidelity {
      // The value may be of an earlier report than the last.
      let at = state.valueResource(trial) ?? record.resource
      let reached = record.resource > at ? ", of \(Shown.exact(record.resource)) reached" : ""
      list.add(fidelity.name, Shown.exact(at) + reached)
    }
    if let replicates = state.curves[trial]?.replicates, let interval = MeanInterval(replicates),
      interval.halfWidth.isFinite
    {
      list.add("95 % interval", "\(Shown.exact(interval.mean)) ± \(Shown.number(interval.halfWidth))")
    }
    list.add("values", state.spec.space.values(of: state.history.configuration(trial)).map { "\($0.name)=\($0.value)" })
    list.add("files", shownPath(TrialFolder(root: folder(state, location), trial: trial).path))
    return list.lines
  }

  private func folder(_ state: StudyState, _ location: StudyLocation) -> String {
    location.trialsFolder(ofStudy: state.spec.name)
  }

  private func table(_ trials: [TrialNumber], _ state: StudyState) throws -> Table {
    let columns = try TrialColumn.parse(nil, in: state)
    var table = Table(columns.map(\.column))
    table.rows = trials.map { trial in columns.map { $0.text(trial, state) } }
    return table
  }

  // MARK: Formats

  private func commandLine(_ trial: TrialNumber, _ state: StudyState, _ location: StudyLocation) throws -> String {
    guard !state.spec.command.isEmpty else {
      throw CommandError(
        .badInput, "\(study.study): the study has no command (its objective is a function of a program)")
    }
    let files = TrialFolder(root: folder(state, location), trial: trial)
    let words = try CommandTemplate.expand(
      command: state.spec.command, space: state.spec.space, configuration: state.history.configuration(trial),
      builtins: [
        "trial": String(trial), "seed": String(trialSeed(study: state.spec.seed ?? 0, trial: trial)), "attempt": "1",
        "resource": state.spec.fidelity.map { Shown.exact($0.maximum) } ?? "", "checkpoint": files.checkpoint,
        "config": files.configuration, "report": "/dev/null",
      ])
    return words.map(shellWord).joined(separator: " ")
  }

  private func document(
    _ trials: [TrialNumber], _ state: StudyState, isFront: Bool, _ location: StudyLocation
  ) -> JSONValue {
    .members([
      "study": .string(state.spec.name),
      "is_pareto_front": .bool(isFront),
      "best": .array(trials.map { TrialJSON.object($0, state) }),
    ])
  }

  private func printYAML(_ trial: TrialNumber, _ state: StudyState, isSingle: Bool) {
    if !isSingle { print("--- # trial \(trial): \(printable(EventText.value(trial, state, exact: true)))") }
    let values = state.spec.space.values(of: state.history.configuration(trial))
    // JSON's scalars, quotes and brackets mean the same in YAML.
    for (name, value) in values { print("\(JSONValue.string(name).text): \(value.json.text)") }
    if values.isEmpty { print("{}") }
  }
}
