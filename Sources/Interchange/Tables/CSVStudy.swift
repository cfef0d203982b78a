import TrimtabSearchSpaces
import TrimtabStudies

/// A table with one trial on each line, made into a study.
public enum CSVStudy {
  /// What the columns are.
  public struct Columns: Sendable {
    public var objectives: [Objective]
    public var metrics: [String] = []
    public var ignored: [String] = []
    /// How a trial ended; nil where all did.
    public var state: String?
    /// Parameters whose domains are said: `NAME={type: …}`.
    public var parameters: [String] = []
    public var separator: Character = ","

    public init(objectives: [Objective]) { self.objectives = objectives }
  }

  /// The columns of `trimtab export`, but for metrics and parameters, which have prefixes.
  private static let ownColumns: Set<String> = [
    "trial", "state", "failure", "message", "stop_reason", "origin", "parent", "resource", "target", "seconds", "cost",
    "runs", "failures", "losses", "worker", "proposed", "started", "ended",
  ]

  /// Reads a table.
  /// - Throws: `InterchangeError` naming file and line of what cannot be read, or the column that does not exist.
  public static func read(_ path: String, name: String, columns: Columns) throws -> ForeignStudy {
    let file = try CSVFile(path: path, separator: columns.separator)
    let isOwn =
      Self.ownColumns.isSubset(of: file.header) && file.header.contains { $0.hasPrefix("param.") }
    var table = Table(file: file, isOwn: isOwn)
    var study = ForeignStudy(name: name, tool: "the table", source: path, objectives: columns.objectives)
    if isOwn { study.remarks.append("the columns are those of 'trimtab export': only param.* and metric.* are taken") }
    guard !columns.objectives.isEmpty else {
      throw InterchangeError(
        at: path, "it is not said what is optimised",
        hint: "add --objective COLUMN:minimize; the columns are \(table.freeNames.joined(separator: ", "))")
    }
    for objective in columns.objectives { try table.take(objective.metric, "--objective", isMetric: true) }
    for metric in columns.metrics { try table.take(metric, "--metric", isMetric: true) }
    if let state = columns.state { try table.take(state, "--state", isMetric: false) }
    for ignored in columns.ignored { try table.take(ignored, "--ignore", isMetric: false) }
    let stateName = columns.state ?? (isOwn ? "state" : nil)
    let names = table.parameterNames
    let cells = names.map { name in
      (
        name: name,
        cells: file.rows.compactMap { row in
          table.cell(name, row, isMetric: false).map { TableSpace.Cell(text: $0, place: "\(path):\(row.line)") }
        }
      )
    }
    let space = try TableSpace(cells, given: columns.parameters)
    study.remarks += space.remarks
    study.space = space.space
    for row in file.rows {
      let place = "\(path):\(row.line)"
      var trial = ForeignTrial(label: "line \(row.line)", outcome: .completed)
      if let stateName {
        let text = table.field(stateName, row) ?? ""
        guard let outcome = outcome(text, table.field("message", row) ?? "") else {
          throw InterchangeError(
            at: place, "'\(text)' in '\(stateName)' is no state that is known here",
            hint: "completed, stopped, failed, running or waiting")
        }
        trial.outcome = outcome
      }
      trial.values = try columns.objectives.map { objective throws(InterchangeError) in
        try number(table.cell(objective.metric, row, isMetric: true), objective.metric, place)
      }
      for metric in isOwn && columns.metrics.isEmpty ? table.metricNames : columns.metrics {
        guard let value = try number(table.cell(metric, row, isMetric: true), metric, place) else { continue }
        trial.metrics.append(MetricValue(metric, value))
      }
      for name in space.names {
        guard let text = table.cell(name, row, isMetric: false) else { continue }
        if let value = try space.value(name, TableSpace.Cell(text: text, place: place)) {
          trial.parameters.append(value)
        }
      }
      if isOwn {
        trial.started = table.field("started", row).flatMap { TimeReading.time($0, zone: .utc) }
        trial.ended = table.field("ended", row).flatMap { TimeReading.time($0, zone: .utc) }
      }
      study.trials.append(trial)
    }
    let missing = study.trials.count { $0.outcome == .completed && $0.values.contains { $0?.isFinite != true } }
    if missing > 0 {
      study.remarks.append(
        "\(missing) \(missing == 1 ? "line has" : "lines have") no finite objective: "
          + "\(missing == 1 ? "it is a failed trial" : "they are failed trials")")
    }
    return study
  }

  private static func number(_ text: String?, _ column: String, _ place: String) throws(InterchangeError) -> Double? {
    guard let text = text?.trimmed, !text.isEmpty else { return nil }
    guard let value = Double(text) else {
      throw InterchangeError(
        at: place, "'\(text)' in '\(column)' is no number", hint: "leave the field empty where there is none")
    }
    return value
  }

  private static func outcome(_ text: String, _ message: String) -> ForeignTrial.Outcome? {
    switch text.trimmed.lowercased() {
    case "completed", "complete", "finished", "ok", "done", "success": .completed
    case "stopped", "pruned", "paused": .pruned
    case "failed", "fail", "crashed", "error": .failed(.crash, message: message.isEmpty ? "it failed" : message)
    case "running": .running
    case "waiting": .waiting
    default: nil
    }
  }

  /// Which columns are still free to be parameters.
  private struct Table {
    let file: CSVFile
    let isOwn: Bool
    private let indexByName: [String: Int]
    private var taken: Set<String> = []

    init(file: CSVFile, isOwn: Bool) {
      self.file = file
      self.isOwn = isOwn
      indexByName = Dictionary(file.header.enumerated().map { ($0.element, $0.offset) }) { $1 }
    }

    private func column(_ name: String, isMetric: Bool) -> String {
      isOwn ? (isMetric ? "metric." : "param.") + name : name
    }

    /// The names a person may use.
    var freeNames: [String] {
      guard isOwn else { return file.header }
      return file.header.filter { $0.hasPrefix("metric.") }.map { String($0.dropFirst("metric.".count)) }
    }

    var metricNames: [String] { freeNames.filter { !taken.contains("metric." + $0) } }

    var parameterNames: [String] {
      let free = file.header.filter { !taken.contains($0) }
      return isOwn ? free.filter { $0.hasPrefix("param.") }.map { String($0.dropFirst("param.".count)) } : free
    }

    mutating func take(_ name: String, _ option: String, isMetric: Bool) throws(InterchangeError) {
      let candidates = [column(name, isMetric: isMetric), name]
      guard let column = candidates.first(where: { indexByName[$0] != nil }) else {
        throw InterchangeError(
          at: file.path, "there is no column '\(name)' for \(option)",
          hint: file.header.count == 1
            ? "there is one column, '\(file.header[0])': say with --separator what stands between fields"
            : suggestion(for: name, among: freeNames))
      }
      guard taken.insert(column).inserted else {
        throw InterchangeError(at: file.path, "the column '\(name)' is named twice, the second time by \(option)")
      }
    }

    /// A field as it stands; nil where it is empty.
    func field(_ name: String, _ row: CSVFile.Row) -> String? {
      indexByName[name].map { row.fields[$0] }.flatMap { $0.trimmed.isEmpty ? nil : $0 }
    }

    func cell(_ name: String, _ row: CSVFile.Row, isMetric: Bool) -> String? {
      field(column(name, isMetric: isMetric), row)
    }
  }
}
