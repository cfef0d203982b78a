import ArgumentParser
import Trimtab

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Say how far a study is.",
    discussion: "Of a store that holds several studies, each gets a line unless --study names one.")

  @OptionGroup var study: StudyArguments

  @Flag(help: "Print a JSON object (docs/json.md).")
  var json = false

  func run() throws {
    try reporting {
      let location = try study.locate()
      let store = try SQLiteStore(path: location.storePath, access: .readOnly)
      let names = try store.studyNames()
      if location.studyName == nil, names.count > 1 {
        let all = try names.map { try StudyStatus(store.log(ofStudy: $0)) }
        if json {
          print(JSONValue.members(["studies": .array(all.map(\.json))]).prettyText)
        } else {
          Output.print(StudyStatus.table(all))
        }
        return
      }
      let status = try StudyStatus(store.log(ofStudy: location.name(in: store)))
      if json {
        print(status.json.prettyText)
      } else {
        Output.print(status.lines(width: Output.textWidth))
      }
    }
  }
}

/// A study at a glance.
struct StudyStatus {
  let state: StudyState
  /// Workers that run trials, or hold frozen ones, and are alive.
  let livingWorkers: Int
  /// Running trials whose worker has died.
  let deserted: [TrialNumber]

  init(_ log: SQLiteLog) throws {
    let state = try LogFold.state(of: log)
    self.state = state
    let alive = try Set((state.running + state.frozen).map { state.trials[$0].worker }).filter { try log.isAlive($0) }
    livingWorkers = alive.count
    deserted = state.running.filter { !alive.contains(state.trials[$0].worker) }
  }

  /// The resource that all trials would have taken if none had been stopped early; nil without fidelity.
  private var fullResource: Double? { state.spec.fidelity.map { $0.maximum * Double(state.trials.count) } }

  private var limit: BudgetLimit? { state.reachedLimit(now: state.latestTime) }

  // MARK: Text

  func lines(width: Int) -> [String] {
    var list = FieldList(width: width)
    list.add("study", state.spec.name)
    list.add("created", "\(TimeText.plain(state.createdAt)) UTC")
    list.add("method", Shown.method(state.spec.method))
    list.add("objective", state.spec.objectives.map { "\($0.goal.rawValue) \($0.metric)" }.joined(separator: ", "))
    list.add("budget", budget)
    if let reason = state.stopReason { list.add("stopped", printable(reason)) }
    if !state.earlierStudies.isEmpty {
      list.add(
        "learns from", state.earlierStudies.map { "\(Shown.count($0.trials.count, "trial")) of \(printable($0.name))" })
    }
    list.add("trials", Self.counts(state, emptyText: "none yet"))
    if state.count(.failed) > 0 { list.add("failures", failures) }
    if state.fallbackCount > 0 {
      list.add(
        "fallbacks",
        "\(Shown.count(state.fallbackCount, "configuration")) drawn at random because the model could not be used")
    }
    if state.weakenedCount > 0 {
      list.add(
        "weakened",
        "\(Shown.count(state.weakenedCount, "configuration")) from a model of which a part could not be computed")
    }
    list.add("best", best)
    list.add("resource", resource)
    list.add("time", "\(Shown.duration(Double(state.activeMilliseconds) / 1000)) during which trials were running")
    if state.spec.costMetric != nil { list.add("cost", Shown.exact(state.totalCost)) }
    list.add("workers", workers)
    list.add("last event", "\(TimeText.plain(state.latestTime)) UTC, event \(state.eventCount - 1)")
    return list.lines
  }

  private var budget: [String] {
    let budget = state.spec.budget
    var lines: [String] = []
    if let trials = budget.trials { lines.append("\(state.trials.count) of \(trials) trials") }
    if let seconds = budget.seconds {
      lines.append("\(Shown.duration(Double(state.activeMilliseconds) / 1000)) of \(Shown.duration(seconds))")
    }
    if let cost = budget.cost { lines.append("cost \(Shown.exact(state.totalCost)) of \(Shown.exact(cost))") }
    if lines.isEmpty { return ["no limit"] }
    if limit != nil, state.running.isEmpty { lines[lines.count - 1] += "; it is spent" }
    return lines
  }

  /// `3 completed, 1 failed`.
  static func counts(_ state: StudyState, emptyText: String) -> String {
    let parts = TrialState.allCases.filter { state.count($0) > 0 }.map { "\(state.count($0)) \($0.name)" }
    return parts.isEmpty ? emptyText : parts.joined(separator: ", ")
  }

  private var failures: String {
    FailureKind.allCases.filter { state.count($0) > 0 }.map { "\(state.count($0)) \($0.name)" }.joined(separator: ", ")
  }

  /// Why there is no best trial.
  static func noIncumbent(_ state: StudyState) -> String {
    guard !state.spec.outcomeConstraints.isEmpty, let nearest = state.leastViolating else {
      return "no trial has a value yet"
    }
    let missed = state.spec.outcomeConstraints.compactMap { constraint -> String? in
      guard let excess = state.excess(nearest, over: constraint), excess > 0 else { return nil }
      return "\(constraint.text) by \(Shown.number(excess))"
    }
    // A trial that meets the bounds so far may still have to prove it at its end.
    guard !missed.isEmpty else { return "no trial that meets the outcome constraints is complete" }
    return
      "no trial meets the outcome constraints; the nearest, trial \(nearest), misses \(missed.joined(separator: ", "))"
  }

  private var best: [String] {
    guard let trial = state.incumbent else { return [Self.noIncumbent(state)] }
    let place = state.valueResource(trial).map { " at \(EventText.resource($0, state))" } ?? ""
    let remark = state.incumbentIsComplete ? "" : " (not complete)"
    return [
      "trial \(trial): \(EventText.value(trial, state, exact: true))\(place)\(remark)",
      Shown.configuration(state.history.configuration(trial), in: state.spec.space, exact: true),
    ]
  }

  private var resource: [String] {
    guard let fidelity = state.spec.fidelity, let fullResource, fullResource > 0 else { return [] }
    let share = Int((max(0, 1 - state.totalResource / fullResource) * 100).rounded(.down))
    let used = Shown.exact((state.totalResource * 1000).rounded() / 1000)
    return ["\(used) of \(Shown.resource(fullResource, fidelity.name)); stopping early saved \(share) %"]
  }

  private var workers: String {
    var text = "\(livingWorkers) alive"
    if !deserted.isEmpty { text += "; \(Shown.count(deserted.count, "trial")) left behind by workers that died" }
    return text
  }

  static func table(_ all: [StudyStatus]) -> Table {
    var table = Table([
      .init("study"), .init("trials", .right), .init("states"), .init("best", .right), .init("workers", .right),
      .init("last event", mayShrink: false),
    ])
    table.rows = all.map { status in
      let state = status.state
      let trials = state.spec.budget.trials.map { "\(state.trials.count)/\($0)" } ?? String(state.trials.count)
      let best = state.incumbent.map { Shown.number(state.trials[$0].value) } ?? "-"
      return [
        state.spec.name, trials, counts(state, emptyText: "-"), best, String(status.livingWorkers),
        TimeText.plain(state.latestTime),
      ]
    }
    return table
  }

  // MARK: JSON

  var json: JSONValue {
    let budget = state.spec.budget
    let seconds = Double(state.activeMilliseconds) / 1000
    func limited(_ limit: JSONValue?, _ spent: JSONValue) -> JSONValue {
      .members(["limit": limit ?? .null, "spent": spent])
    }
    return .members([
      "study": .string(state.spec.name),
      "created": .integer(Int(state.createdAt)),
      "method": .members([
        "sampler": .string(state.spec.method.sampler.name), "scheduler": .string(state.spec.method.scheduler.name),
      ]),
      "objectives": .array(
        state.spec.objectives.map { .members(["metric": .string($0.metric), "goal": .string($0.goal.rawValue)]) }),
      "budget": .members([
        "trials": limited(budget.trials.map { .integer($0) }, .integer(state.trials.count)),
        "seconds": limited(budget.seconds.map { .number($0) }, .number(seconds)),
        "cost": limited(budget.cost.map { .number($0) }, .number(state.totalCost)),
        "is_spent": .bool(limit != nil),
      ]),
      "stopped": state.stopReason.map { .string($0) } ?? .null,
      "earlier_studies": .array(
        state.earlierStudies.map {
          .members([
            "study": .string($0.name), "trials": .integer($0.trials.count),
            "remarks": .array($0.remarks.map { .string($0) }),
          ])
        }),
      "trials": .object(TrialState.allCases.map { .init($0.name, .integer(state.count($0))) }),
      "failures": .object(FailureKind.allCases.map { .init($0.word, .integer(state.count($0))) }),
      "fallbacks": .integer(state.fallbackCount),
      "weakened": .integer(state.weakenedCount),
      "best": state.incumbent.map { TrialJSON.object($0, state) } ?? .null,
      "best_is_complete": .bool(state.incumbentIsComplete),
      "resource": state.spec.fidelity.map { fidelity in
        .members([
          "name": .string(fidelity.name), "used": .number(state.totalResource), "full": .number(fullResource ?? 0),
        ])
      },
      "workers_alive": .integer(livingWorkers),
      "trials_left_behind": .array(deserted.map { .integer($0) }),
      "events": .integer(state.eventCount),
      "last_event": .integer(Int(state.latestTime)),
    ])
  }
}
