import ArgumentParser
import Trimtab

struct TrialsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trials", abstract: "List a study's trials.",
    discussion: """
      Columns are trial, state, origin, failure, resource, target, seconds, cost, runs, proposed, started, ended, and the \
      names of objectives, other metrics and parameters. On a terminal, wide columns are shortened; elsewhere nothing is.
      """)

  enum Order: String, CaseIterable, ExpressibleByArgument {
    case number, value, cost
  }

  @OptionGroup var study: StudyArguments

  @Option(help: "Only trials in this state.")
  var state: TrialStateArgument?

  @Option(help: "By number, by value (the best first), or by cost (the greatest first).")
  var sort: Order = .number

  @Option(help: "At most this many trials.")
  var limit: Int?

  @Option(help: "The columns, separated by commas.")
  var columns: String?

  @Flag(help: "Print a JSON array (docs/json.md).")
  var json = false

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1, not \(limit)") }
    if json, columns != nil { throw ValidationError("--json always gives all columns: leave --columns out") }
  }

  func run() throws {
    try reporting {
      let folded = try LogFold.state(of: study.locate().openLog())
      let trials = selected(folded)
      if json {
        print(JSONValue.array(trials.map { TrialJSON.object($0, folded) }).prettyText)
        return
      }
      let columns = try TrialColumn.parse(columns, in: folded)
      guard !trials.isEmpty else {
        printError(folded.trials.isEmpty ? "there is no trial yet" : "no trial is \(state?.state.name ?? "there")")
        return
      }
      var table = Table(columns.map(\.column))
      table.rows = trials.map { trial in columns.map { $0.text(trial, folded) } }
      Output.print(table)
    }
  }

  private func selected(_ folded: StudyState) -> [TrialNumber] {
    var trials = folded.trials.indices.filter { state == nil || folded.trials[$0].state == state?.state }
    switch sort {
    case .number: break
    case .value:
      let ranked = folded.rankedTrials()
      let rank = Dictionary(uniqueKeysWithValues: zip(ranked, ranked.indices))
      trials.sort { (rank[$0] ?? .max, $0) < (rank[$1] ?? .max, $1) }
    case .cost: trials.sort { (folded.cost($1), $0) < (folded.cost($0), $1) }
    }
    return limit.map { Array(trials.prefix($0)) } ?? trials
  }
}

/// A trial's state as a word on the command line.
struct TrialStateArgument: ExpressibleByArgument {
  var state: TrialState

  init?(argument: String) {
    guard let state = TrialState.allCases.first(where: { $0.name == argument }) else { return nil }
    self.state = state
  }

  static var allValueStrings: [String] { TrialState.allCases.map(\.name) }
}

/// A column of the table of trials.
struct TrialColumn {
  var column: Table.Column
  var text: (TrialNumber, StudyState) -> String

  private init(
    _ title: String, _ alignment: Table.Alignment = .right, _ text: @escaping (TrialNumber, StudyState) -> String
  ) {
    column = Table.Column(title, alignment)
    self.text = text
  }

  private static func time(_ time: Timestamp) -> String { time == 0 ? "-" : TimeText.plain(time) }

  private static var own: [TrialColumn] {
    [
      TrialColumn("trial") { number, _ in String(number) },
      TrialColumn("state", .left) { $1.trials[$0].state.name },
      TrialColumn("origin", .left) { $1.trials[$0].origin?.name ?? "-" },
      TrialColumn("failure", .left) { $1.trials[$0].failure?.name ?? "-" },
      TrialColumn("resource") { Shown.exact($1.trials[$0].resource) },
      TrialColumn("target") { $1.trials[$0].target.isNaN ? "-" : Shown.exact($1.trials[$0].target) },
      TrialColumn("seconds") { Shown.number($1.trials[$0].seconds) },
      TrialColumn("cost") { Shown.number($1.cost($0)) },
      TrialColumn("runs") { String($1.trials[$0].runs) },
      TrialColumn("proposed", .left) { time($1.trials[$0].proposedAt) },
      TrialColumn("started", .left) { time($1.trials[$0].startedAt) },
      TrialColumn("ended", .left) { time($1.trials[$0].endedAt) },
    ]
  }

  /// The columns that a list of names means; without one, those that most people look for.
  /// - Throws: `CommandError` for a name that nothing has.
  static func parse(_ text: String?, in state: StudyState) throws -> [TrialColumn] {
    let parameters = state.spec.space.parameters.indices.map { parameter($0, state.spec.space) }
    let objectives = state.spec.objectives.indices.map { objective($0, state) }
    guard let text else {
      let first = ["trial", "state"] + (state.spec.fidelity == nil ? [] : ["resource"])
      let last = [state.spec.costMetric == nil ? "seconds" : "cost"]
      func own(_ names: [String]) -> [TrialColumn] {
        names.compactMap { name in Self.own.first { $0.column.title == name } }
      }
      return own(first) + objectives + own(last) + parameters
    }
    let metrics = Set(state.otherMetrics.values.flatMap { $0.map(\.name) }).sorted().map(metric)
    let all = Self.own + objectives + parameters + metrics
    return try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      let name = part.trimmingPrefix { $0 == " " }
      guard let column = all.first(where: { $0.column.title == name }) else {
        throw CommandError(
          .badInput,
          "--columns: there is no column '\(name)' (\(suggestion(for: String(name), among: all.map(\.column.title))))")
      }
      return column
    }
  }

  private static func objective(_ index: Int, _ state: StudyState) -> TrialColumn {
    TrialColumn(state.spec.objectives[index].metric) { number, state in
      TrialJSON.objectives(number, state)[index].value.map(Shown.number) ?? "-"
    }
  }

  private static func metric(_ name: String) -> TrialColumn {
    TrialColumn(name) { number, state in
      state.otherMetrics[number]?.first { $0.name == name }.map { Shown.number($0.value) } ?? "-"
    }
  }

  private static func parameter(_ index: Int, _ space: Space) -> TrialColumn {
    let isNumber = space.axes[index] != nil
    return TrialColumn(space.parameters[index].name, isNumber ? .right : .left) { number, state in
      switch state.spec.space.value(of: index, in: state.history.configuration(number)) {
      case nil: "-"
      case .real(let value): Shown.number(value)
      case let value?: value.description
      }
    }
  }
}
