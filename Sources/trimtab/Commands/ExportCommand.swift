import ArgumentParser
import Trimtab
import TrimtabInterchange

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a study as a table, or in another tool's form.",
    discussion: """
      A table has one row a trial, or with --curves one row a report. Columns stand in a fixed order: the trial's own, then \
      metric.NAME (objectives first, others by name), then param.NAME in the order of the space. An empty field is a \
      value that does not exist.

      For Optuna 5.0 and its dashboard, as an SQLite database or a journal:

        trimtab export digits.yaml --to optuna digits.db
        trimtab export digits.yaml --to optuna digits.journal

      The search space alone, as JSON for ConfigSpace:

        trimtab export digits.yaml --to configspace space.json
      """)

  /// Another tool's form.
  enum Target: String, CaseIterable, ExpressibleByArgument {
    case optuna
    /// The space alone, as JSON.
    case configspace
  }

  enum Format: String, CaseIterable, ExpressibleByArgument {
    case csv, jsonl
  }

  @OptionGroup var study: StudyArguments

  @Argument(help: ArgumentHelp("The file to write; the same as --output.", valueName: "file"))
  var file: String?

  @Option(name: .customLong("to"), help: "Write the whole study in this tool's form instead of a table.")
  var target: Target?

  @Option(help: "Comma-separated values, or a JSON object on each line.")
  var format: Format = .csv

  @Option(help: "The file to write; it is replaced when everything is written. Standard output when left out.")
  var output: String?

  @Flag(help: "One row for each report instead of one for each trial.")
  var curves = false

  func validate() throws {
    if file != nil, output != nil { throw ValidationError("give the file once, by itself or with --output") }
    guard target != nil else { return }
    if curves || format != .csv {
      throw ValidationError("--format and --curves are for tables; leave them out with --to")
    }
  }

  func run() throws {
    try reporting {
      switch target {
      case .optuna: try writeOptuna()
      case .configspace: try writeSpace()
      case nil: try writeTable(file ?? output)
      }
    }
  }

  private func writeSpace() throws {
    let location = try study.locate()
    // A study that has begun is what its log says; one that has not is its file.
    let spec =
      if let file = location.file, !fileExists(location.storePath) { file.spec } else {
        try LogFold.state(of: try location.openLog()).spec
      }
    let writer = try FileWriter(file ?? output)
    try writer.write(try ConfigSpaceWriter.json(spec.space, name: spec.name).prettyText + "\n")
    try writer.finish()
  }

  private func writeOptuna() throws {
    guard let path = file ?? output else {
      throw CommandError(.badInput, "name the file to write, for example study.db or study.journal")
    }
    let export = try OptunaExport(try StudyReading(study.locate().openLog()))
    let file = try OptunaFile(writing: path)
    try export.write(to: file)
    for remark in export.remarks { printError("note: \(remark)") }
    print("wrote \(export.trialCount) trials to \(path); open them with \(export.url(of: file))")
  }

  private func writeTable(_ output: String?) throws {
    let export = try StudyExport(study.locate().openLog())
    let rows = curves ? export.reportRows : export.trialRows
    let writer = try FileWriter(output)
    if format == .csv { try writer.write(CSV.line(rows.titles) + "\n") }
    try rows.each { row in
      switch format {
      case .csv: try writer.write(CSV.line(row.map(\.text)) + "\n")
      case .jsonl:
        let members = zip(rows.titles, row).map { JSONValue.Member($0, $1.json) }
        try writer.write(JSONValue.object(members).text + "\n")
      }
    }
    try writer.finish()
  }
}

/// A study as rows of fields.
struct StudyExport {
  /// One field of a row.
  enum Field {
    case nothing
    case text(String)
    case integer(Int)
    case number(Double)
    case json(JSONValue, text: String)

    init(_ number: Double?) { self = number.map { .number($0) } ?? .nothing }

    init(_ text: String?) { self = text.map { .text($0) } ?? .nothing }

    var text: String {
      switch self {
      case .nothing: ""
      case .text(let text), .json(_, let text): text
      case .integer(let number): String(number)
      case .number(let number): CSV.field(number)
      }
    }

    var json: JSONValue {
      switch self {
      case .nothing: .null
      case .text(let text): .string(text)
      case .integer(let number): .integer(number)
      case .number(let number): .number(number)
      case .json(let value, _): value
      }
    }
  }

  struct Rows {
    var titles: [String]
    var each: ((_ body: ([Field]) throws -> Void) throws -> Void)
  }

  private let log: SQLiteLog
  private let state: StudyState
  /// The newest message of each failed trial.
  private let messages: [TrialNumber: String]
  /// Metrics that were reported: objectives in their order, then the others by name.
  private let metrics: [String]

  init(_ log: SQLiteLog) throws {
    self.log = log
    let follower = LogFollower(log)
    var messages: [TrialNumber: String] = [:]
    var names: Set<String> = []
    try follower.readNew { _, event, _ in
      switch event.body {
      case .trialFailed(let trial, _, let message, _): messages[trial] = message
      case .reported(_, _, let metrics): for metric in metrics { names.insert(metric.name) }
      default: break
      }
    }
    guard let state = follower.state else { throw StoreError(.corrupt, "the study's log is empty") }
    self.state = state
    self.messages = messages
    let objectives = state.spec.objectives.map(\.metric)
    metrics = objectives + names.subtracting(objectives).sorted()
  }

  // MARK: Trials

  var trialRows: Rows {
    let own = [
      "trial", "state", "failure", "message", "stop_reason", "origin", "parent", "resource", "target", "seconds",
      "cost",
      "runs", "failures", "losses", "worker", "proposed", "started", "ended",
    ]
    return Rows(
      titles: own + metrics.map { "metric.\($0)" } + parameterTitles,
      each: { body in
        for trial in state.trials.indices { try body(ownFields(trial) + metricFields(trial) + parameterFields(trial)) }
      })
  }

  private func ownFields(_ number: TrialNumber) -> [Field] {
    let trial = state.trials[number]
    func time(_ time: Timestamp) -> Field { time == 0 ? .nothing : .text(TimeText.iso(time)) }
    return [
      .integer(number), .text(trial.state.name), Field(trial.failure?.name),
      Field(trial.failure == nil ? nil : messages[number]), Field(trial.stopReason?.name), Field(trial.origin?.name),
      trial.parent < 0 ? .nothing : .integer(Int(trial.parent)),
      Field(state.spec.fidelity == nil ? nil : trial.resource), Field(trial.target.isNaN ? nil : trial.target),
      .number(trial.seconds), .number(state.cost(number)), .integer(Int(trial.runs)), .integer(Int(trial.failures)),
      .integer(Int(trial.losses)), Field(trial.worker == 0 ? nil : TrialJSON.workerText(trial.worker)),
      time(trial.proposedAt), time(trial.startedAt), time(trial.endedAt),
    ]
  }

  private func metricFields(_ number: TrialNumber) -> [Field] {
    let objectives = TrialJSON.objectives(number, state)
    let others = state.otherMetrics[number] ?? []
    return objectives.map { Field($0.value) }
      + metrics.dropFirst(objectives.count).map { name in Field(others.first { $0.name == name }?.value) }
  }

  /// A simplex takes a column for each of its parts.
  private var parameterTitles: [String] {
    state.spec.space.parameters.flatMap { parameter in
      if case .simplex(let parts) = parameter.domain { return parts.map { "param.\(parameter.name).\($0)" } }
      return ["param.\(parameter.name)"]
    }
  }

  private func parameterFields(_ number: TrialNumber) -> [Field] {
    let space = state.spec.space
    let configuration = state.history.configuration(number)
    return space.parameters.indices.flatMap { index -> [Field] in
      let count = if case .simplex(let parts) = space.parameters[index].domain { parts.count } else { 1 }
      switch space.value(of: index, in: configuration) {
      case nil: return Array(repeating: .nothing, count: count)
      case .real(let value): return [.number(value)]
      case .integer(let value): return [.integer(value)]
      case .simplex(let weights): return weights.map { .number($0) }
      case let value?: return [.json(value.json, text: value.description)]
      }
    }
  }

  // MARK: Sizes

  /// The name of the resource of which trials may get more or less.
  var resourceName: String? { state.spec.fidelity?.name }

  /// A row for each resource at which a trial has reported, with its last report there: where the resource is the size of
  /// a model, each is a training of its own.
  func sizeRows(_ resourceName: String) -> Rows {
    Rows(
      titles: ["trial", resourceName] + metrics.map { "metric.\($0)" } + parameterTitles,
      each: { body in
        var places: [TrialNumber: [Double: Int]] = [:]
        var found: [(trial: TrialNumber, resource: Double, fields: [Field])] = []
        try LogFollower(log).readNew { sequence, event, _ in
          guard case .reported(let trial, let resource?, let reported) = event.body, sequence < self.state.eventCount
          else { return }
          let fields = metrics.map { name in Field(reported.first { $0.name == name }?.value) }
          if let place = places[trial]?[resource] {
            found[place].fields = fields
          } else {
            places[trial, default: [:]][resource] = found.count
            found.append((trial, resource, fields))
          }
        }
        for row in found {
          try body([.integer(row.trial), .number(row.resource)] + row.fields + parameterFields(row.trial))
        }
      })
  }

  // MARK: Reports

  var reportRows: Rows {
    let titles = ["trial", "run", "sequence", "time", "resource"] + metrics.map { "metric.\($0)" }
    return Rows(
      titles: titles,
      each: { body in
        let follower = LogFollower(log)
        try follower.readNew { sequence, event, state in
          guard case .reported(let trial, let resource, let reported) = event.body, sequence < self.state.eventCount
          else { return }
          let fields = metrics.map { name in Field(reported.first { $0.name == name }?.value) }
          try body(
            [
              .integer(trial), .integer(Int(state.trials[trial].runs)), .integer(sequence),
              .text(TimeText.iso(event.time)), Field(resource),
            ] + fields)
        }
      })
  }
}

/// Writes text to standard output, or to a file that appears under its name when it is whole.
final class FileWriter {
  private let path: String?
  private let temporary: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []

  /// - Throws: `CommandError` when the file cannot be made.
  init(_ path: String?) throws {
    self.path = path
    temporary = path.map { "\($0).\(getpid()).part" } ?? ""
    descriptor = path == nil ? 1 : open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure() }
  }

  deinit {
    guard path != nil, descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporary)
  }

  private func failure() -> CommandError {
    CommandError(.failure, "\(path ?? "standard output"): cannot be written: \(String(cString: strerror(errno)))")
  }

  func write(_ text: String) throws {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= 1 << 16 { try flush() }
  }

  private func flush() throws {
    var written = 0
    while written < buffer.count {
      let count = buffer[written...].withUnsafeBytes { trimtabWrite(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure() }
      written += count
    }
    buffer.removeAll(keepingCapacity: true)
  }

  /// Writes the rest, and gives the file its name.
  func finish() throws {
    try flush()
    guard let path else { return }
    guard fsync(descriptor) == 0 || errno == EINVAL, close(descriptor) == 0 else { throw failure() }
    descriptor = -1
    guard rename(temporary, path) == 0 else {
      let error = failure()
      unlink(temporary)
      throw error
    }
  }
}

/// write(2), which `FileWriter.write` hides.
private func trimtabWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
