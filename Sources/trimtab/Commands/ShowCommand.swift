import ArgumentParser
import Trimtab

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show everything that is known of one trial, or what the method knows.")

  @OptionGroup var study: StudyArguments

  @Argument(help: ArgumentHelp("The trial's number.", valueName: "trial"))
  var number: Int?

  @Flag(help: "Print the trial's output instead.")
  var log = false

  @Flag(help: "Say instead why the method proposed it: its model then, what it expected, and the nearest trials.")
  var why = false

  @Flag(help: "Show instead the method's model now, and how well it predicts each trial from the others.")
  var model = false

  @Flag(help: "Print a JSON object (docs/json.md).")
  var json = false

  private var trial: Int { number ?? -1 }

  func validate() throws {
    if log, json { throw ValidationError("--log and --json exclude each other") }
    if [log, why, model].filter({ $0 }).count > 1 {
      throw ValidationError("--log, --why and --model exclude each other")
    }
    if model, number != nil { throw ValidationError("--model is of the whole study: leave the trial's number out") }
    if !model, number == nil { throw ValidationError("give a trial's number, or --model") }
  }

  func run() throws {
    try reporting {
      let location = try study.locate()
      if model { return try MethodView.showModel(location, json: json) }
      let follower = LogFollower(try location.openLog())
      var life: [(sequence: Int, event: Event, json: JSONValue, text: String)] = []
      try follower.readNew { sequence, event, state in
        guard event.trial == trial else { return }
        life.append((sequence, event, LogText.json(sequence, event, state), LogText.text(event, state)))
      }
      guard let state = follower.state, state.trials.indices.contains(trial) else {
        let count = follower.state?.trials.count ?? 0
        throw CommandError(
          .notFound, "there is no trial \(trial) (\(count == 0 ? "there is none yet" : "the last is \(count - 1)"))")
      }
      let folder = TrialFolder(root: location.trialsFolder(ofStudy: state.spec.name), trial: trial)
      if why {
        try MethodView.showWhy(trial, location, state, json: json)
      } else if log {
        try printFile(folder.output)
      } else if json {
        print(document(state, life.map(\.json), folder).prettyText)
      } else {
        Output.print(lines(state, life.map { ($0.event, $0.text) }, folder))
      }
    }
  }

  // MARK: Text

  private func lines(_ state: StudyState, _ life: [(event: Event, text: String)], _ folder: TrialFolder) -> [String] {
    let record = state.trials[trial]
    var list = FieldList(width: Output.textWidth)
    list.add("trial", "\(trial) of \(state.spec.name)")
    list.add("state", stateText(record))
    if case .trialFailed(_, _, let message, _)? = life.last(where: { isFailure($0.event) })?.event.body {
      list.add("message", message.split(whereSeparator: \.isNewline).map(String.init))
    }
    list.add("origin", originText(record))
    if let student = state.lineages[trial]?.student { list.add("student", "from trial \(student)'s checkpoint") }
    if let teacher = state.lineages[trial]?.teacher { list.add("teacher", "trial \(teacher)'s checkpoint") }
    list.add("values", state.spec.space.values(of: state.history.configuration(trial)).map { "\($0.name)=\($0.value)" })
    for objective in TrialJSON.objectives(trial, state) {
      list.add(objective.name, objective.value.map(Shown.exact) ?? "not reported")
    }
    for metric in TrialJSON.otherMetrics(trial, state) { list.add(printable(metric.name), Shown.exact(metric.value)) }
    if let fidelity = state.spec.fidelity {
      let target = record.target.isNaN ? "" : " of \(Shown.exact(record.target))"
      list.add(fidelity.name, "\(Shown.exact(record.resource))\(target)")
    }
    list.add("time", "\(Shown.duration(record.seconds)) in \(Shown.count(Int(record.runs), "run"))")
    if state.spec.costMetric != nil { list.add("cost", Shown.exact(state.cost(trial))) }
    if record.worker != 0 { list.add("worker", TrialJSON.workerText(record.worker)) }
    if access(folder.output, F_OK) == 0 { list.add("output", shownPath(folder.output)) }
    if folder.hasCheckpoint { list.add("checkpoint", shownPath(folder.checkpoint)) }
    var lines = list.lines
    lines += curve(state)
    lines += ["", "life"]
    for (event, text) in life {
      let room = max(20, Output.textWidth - 23)
      for (i, part) in FieldList.wrapped(printable(text), room).enumerated() {
        lines.append("  " + (i == 0 ? TimeText.plain(event.time) : String(repeating: " ", count: 19)) + "  " + part)
      }
    }
    return lines
  }

  private func isFailure(_ event: Event) -> Bool { if case .trialFailed = event.body { true } else { false } }

  private func stateText(_ record: Trial) -> String {
    switch record.state {
    case .failed: "failed: \(record.failure?.name ?? "unknown")"
    case .stopped: "stopped: \(record.stopReason?.name ?? "unknown")"
    case .paused: record.isFrozen ? "paused, frozen in memory" : "paused"
    case .waiting: record.failures + record.losses > 0 ? "waiting for a further attempt" : "waiting"
    case .running, .completed: record.state.name
    }
  }

  private func originText(_ record: Trial) -> String {
    let name =
      switch record.origin {
      case .user: "put in the queue by a person"
      case .defaults: "the defaults of the space"
      case .design: "a random or space-filling design"
      case .model: "the method's model"
      case .fallback: "random, because the model could not be used"
      case .earlier: "one of the best of an earlier study"
      case .repetition: "a configuration tried again, to learn of its noise"
      case nil: "unknown"
      }
    let doubt = record.isWeakened ? "\(name), of which a part could not be computed" : name
    return record.parent < 0 ? doubt : "\(doubt), from trial \(record.parent)'s checkpoint"
  }

  private func curve(_ state: StudyState) -> [String] {
    guard let curve = state.curves[trial] else { return [] }
    let metric = state.spec.objectives[0].metric
    var lines = ["", "curve of \(printable(metric))"]
    let usesUnicode = Terminal.standardOutput().usesUnicode
    lines.append(
      "  " + Sparkline.picture(curve.values, width: min(60, Output.textWidth - 2), usesUnicode: usesUnicode))
    var table = Table([.init(state.spec.fidelity?.name ?? "resource", .right), .init(metric, .right)])
    table.rows = zip(curve.resources, curve.values).map { [Shown.exact($0), Shown.exact($1)] }
    return lines + table.lines(width: Output.tableWidth).map { "  " + $0 }
  }

  // MARK: Other forms

  private func document(_ state: StudyState, _ life: [JSONValue], _ folder: TrialFolder) -> JSONValue {
    guard case .object(let members) = TrialJSON.object(trial, state) else { return .null }
    return .object(
      members + [
        .init("curve", TrialJSON.curve(trial, state)),
        .init("folder", .string(folder.path)),
        .init("has_checkpoint", .bool(folder.hasCheckpoint)),
        .init("events", .array(life)),
      ])
  }

  /// Copies a file to standard output as it is.
  private func printFile(_ path: String) throws {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      throw CommandError(
        .notFound,
        "\(path): the trial's output cannot be read: \(String(cString: strerror(errno))) (has it been started here?)")
    }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(file, &buffer, buffer.count)
      guard count > 0 else { break }
      var written = 0
      while written < count {
        let step = buffer[written..<count].withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
        guard step > 0 else { return }
        written += step
      }
    }
  }
}
