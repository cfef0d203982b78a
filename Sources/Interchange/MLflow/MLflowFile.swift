import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

/// Where MLflow keeps runs: a folder (`mlruns`) or an SQLite database.
public struct MLflowFile {
  private let path: String
  private let isFolder: Bool

  /// Takes a folder, a database's path, or either as MLflow names it (`file:///…`, `sqlite:///…`).
  /// - Throws: `InterchangeError` for a server or another database.
  public init(_ uri: String) throws(InterchangeError) {
    var path = uri
    for head in ["file://", "file:", "sqlite:///"] where uri.hasPrefix(head) {
      path = String(uri.dropFirst(head.count))
      break
    }
    if path == uri, let colon = uri.firstIndex(of: ":"), uri[colon...].hasPrefix("://") {
      throw InterchangeError(
        at: "\(uri[..<colon])://…", "only a folder or an SQLite file can be read",
        hint: "import where the server keeps its runs: its --backend-store-uri, such as mlruns or sqlite:///mlflow.db")
    }
    guard let kind = FileBytes.kind(of: path) else {
      throw InterchangeError(.notFound, at: path, "there is no such file or folder")
    }
    self.path = path
    isFolder = kind == .folder
  }

  /// An experiment's runs as a study.
  /// - Parameters:
  ///   - experiment: its name or number; nil takes the only one that has runs.
  ///   - ignored: parameters to leave out.
  ///   - parameters: those whose domains are said, as `NAME={type: …}`.
  /// - Throws: `InterchangeError` naming the experiments or metrics there are, or the file that cannot be read.
  public func study(
    experiment: String?, objectives: [Objective], ignored: [String], parameters: [String]
  ) throws -> ForeignStudy {
    let runs = isFolder ? try MLflowFolder(path).runs(experiment) : try MLflowDatabase(path).runs(experiment)
    return try runs.study(source: path, objectives: objectives, ignored: ignored, parameters: parameters)
  }

  /// The experiment meant, of those that have runs.
  static func choose(
    _ wanted: String?, among experiments: [(id: String, name: String, runs: Int)], _ path: String
  ) throws(InterchangeError) -> (id: String, name: String) {
    let list = experiments.map { "\($0.name) (\($0.runs) runs)" }.joined(separator: ", ")
    if let wanted {
      let found = experiments.first { $0.name == wanted } ?? experiments.first { $0.id == wanted }
      guard let found else {
        throw InterchangeError(
          .notFound, at: path, "there is no experiment '\(wanted)'", hint: list.isEmpty ? nil : "there are \(list)")
      }
      return (found.id, found.name)
    }
    let used = experiments.filter { $0.runs > 0 }
    guard let only = used.first else { throw InterchangeError(.notFound, at: path, "no experiment has runs") }
    guard used.count == 1 else {
      throw InterchangeError(
        .notFound, at: path, "there are several experiments", hint: "choose one with --experiment: \(list)")
    }
    return (only.id, only.name)
  }
}

/// MLflow's tables in SQLite.
struct MLflowDatabase {
  private let database: ForeignDatabase

  init(_ path: String) throws(InterchangeError) {
    database = try ForeignDatabase(
      path: path, tool: "MLflow", tables: ["experiments", "runs", "params", "metrics", "tags"])
  }

  func runs(_ wanted: String?) throws(InterchangeError) -> MLflowRuns {
    try database.snapshot { () throws(InterchangeError) in try read(wanted) }
  }

  private func read(_ wanted: String?) throws(InterchangeError) -> MLflowRuns {
    let experiments = try database.rows(
      """
      SELECT experiment_id, name, (SELECT count(*) FROM runs r WHERE r.experiment_id = e.experiment_id)
      FROM experiments e WHERE lifecycle_stage = 'active' ORDER BY experiment_id
      """
    ) { (id: String($0.integer(0)), name: $0.text(1), runs: $0.integer(2)) }
    let (id, name) = try MLflowFile.choose(wanted, among: experiments, database.path)
    let key = Int(id) ?? 0
    var result = MLflowRuns(experiment: name, runs: [])
    result.deletedCount =
      try database.rows("SELECT count(*) FROM runs WHERE experiment_id = ? AND lifecycle_stage != 'active'", [key]) {
        $0.integer(0)
      }.first ?? 0
    let runs = try database.rows(
      """
      SELECT run_uuid, name, status, start_time, end_time FROM runs
      WHERE experiment_id = ? AND lifecycle_stage = 'active' ORDER BY start_time, run_uuid
      """, [key]
    ) { row in
      guard let status = MLflowRuns.Status(name: row.text(2)) else {
        throw InterchangeError(
          .damaged, at: "\(database.path): run \(row.text(0))", "the status '\(row.text(2))' is not known")
      }
      return MLflowRuns.Run(
        id: row.text(0), name: row.text(1), status: status, started: row.isNull(3) ? nil : Timestamp(row.integer(3)),
        ended: row.isNull(4) ? nil : Timestamp(row.integer(4)))
    }
    var byID = Dictionary(runs.map { ($0.id, $0) }) { $1 }
    func each(_ columns: String, _ table: String, _ order: String) -> String {
      """
      SELECT t.run_uuid, \(columns) FROM \(table) t JOIN runs USING (run_uuid)
      WHERE experiment_id = ? ORDER BY t.run_uuid, \(order)
      """
    }
    for (run, name, text) in try database.rows(each("key, value", "params", "key"), [key], Self.textRow) {
      byID[run]?.parameters.append((name, text))
    }
    for (run, name, text) in try database.rows(each("key, value", "tags", "key"), [key], Self.textRow) {
      byID[run]?.tags.append((name, text))
    }
    let points = try database.rows(
      each("key, value, is_nan, step, timestamp", "metrics", "key, step, timestamp"), [key]
    ) { row in
      let value = row.integer(3) != 0 ? Double.nan : Self.infinite(row.double(2))
      return (
        row.text(0), row.text(1), MLflowRuns.Point(step: row.integer(4), time: Timestamp(row.integer(5)), value: value)
      )
    }
    for (run, name, point) in points {
      if byID[run]?.metrics.last?.name != name { byID[run]?.metrics.append((name, [])) }
      let last = (byID[run]?.metrics.count ?? 0) - 1
      if last >= 0 { byID[run]?.metrics[last].points.append(point) }
    }
    result.runs = runs.compactMap { byID[$0.id] }
    return result
  }

  private static func textRow(_ row: SQLiteStatement) -> (String, String, String) {
    (row.text(0), row.text(1), row.text(2))
  }

  /// MLflow's databases keep the greatest finite numbers for infinite ones.
  private static func infinite(_ value: Double) -> Double {
    value.magnitude == .greatestFiniteMagnitude ? (value < 0 ? -.infinity : .infinity) : value
  }
}

/// MLflow's folders: an experiment each, with a folder for each run.
struct MLflowFolder {
  private let path: String

  init(_ path: String) { self.path = path }

  func runs(_ wanted: String?) throws(InterchangeError) -> MLflowRuns {
    var experiments: [(id: String, name: String, runs: Int)] = []
    var folders: [String: String] = [:]
    for entry in try FileBytes.entries(path) {
      let folder = "\(path)/\(entry)"
      guard FileBytes.kind(of: "\(folder)/meta.yaml") == .file else { continue }
      let meta = try Meta("\(folder)/meta.yaml")
      guard meta["experiment_id"] != nil, meta["lifecycle_stage"] != "deleted" else { continue }
      let id = meta["experiment_id"] ?? entry
      folders[id] = folder
      experiments.append((id, meta["name"] ?? id, try Self.runFolders(folder).count))
    }
    guard !experiments.isEmpty else {
      throw InterchangeError(
        at: path, "this folder holds no experiments of MLflow's", hint: "give the folder 'mlruns' itself")
    }
    let (id, name) = try MLflowFile.choose(wanted, among: experiments, path)
    var result = MLflowRuns(experiment: name, runs: [])
    for folder in try Self.runFolders(folders[id] ?? path) {
      let meta = try Meta("\(folder)/meta.yaml")
      if meta["lifecycle_stage"] == "deleted" {
        result.deletedCount += 1
      } else {
        result.runs.append(try Self.run(folder, meta))
      }
    }
    return result
  }

  private static func runFolders(_ folder: String) throws(InterchangeError) -> [String] {
    try FileBytes.entries(folder).map { "\(folder)/\($0)" }.filter {
      FileBytes.kind(of: "\($0)/meta.yaml") == .file
        && (FileBytes.kind(of: "\($0)/params") == .folder || FileBytes.kind(of: "\($0)/metrics") == .folder)
    }
  }

  private static func run(_ folder: String, _ meta: Meta) throws(InterchangeError) -> MLflowRuns.Run {
    guard let status = meta["status"].flatMap({ Int($0) }).flatMap(MLflowRuns.Status.init(rawValue:)) else {
      throw InterchangeError(
        .damaged, at: "\(folder)/meta.yaml", "the status '\(meta["status"] ?? "")' is not known")
    }
    let id = meta["run_id"] ?? meta["run_uuid"] ?? String(folder.split(separator: "/").last ?? "")
    var run = MLflowRuns.Run(
      id: id, name: meta["run_name"] ?? "", status: status, started: meta["start_time"].flatMap { Timestamp($0) },
      ended: meta["end_time"].flatMap { Timestamp($0) })
    for (name, file) in try files(folder + "/params") { run.parameters.append((name, try FileBytes.text(file))) }
    for (name, file) in try files(folder + "/tags") { run.tags.append((name, try FileBytes.text(file))) }
    for (name, file) in try files(folder + "/metrics") {
      var points: [MLflowRuns.Point] = []
      for (index, line) in try FileBytes.text(file).split(separator: "\n").enumerated() {
        let words = line.split(separator: " ")
        guard words.count >= 2, let time = Timestamp(words[0]), let value = Double(words[1]),
          let step = words.count > 2 ? Int(words[2]) : 0
        else {
          throw InterchangeError(
            .damaged, at: "\(file):\(index + 1)", "'\(line.prefix(80))' is not a time, a value and a step")
        }
        points.append(MLflowRuns.Point(step: step, time: time, value: value))
      }
      run.metrics.append((name, points))
    }
    return run
  }

  /// The files below a folder; a name with `/` lies in folders of its own.
  private static func files(
    _ folder: String, below prefix: String = ""
  ) throws(InterchangeError) -> [(name: String, path: String)] {
    guard FileBytes.kind(of: folder) == .folder else { return [] }
    var result: [(name: String, path: String)] = []
    for entry in try FileBytes.entries(folder) {
      let path = "\(folder)/\(entry)"
      if FileBytes.kind(of: path) == .folder {
        result += try files(path, below: "\(prefix)\(entry)/")
      } else {
        result.append((prefix + entry, path))
      }
    }
    return result
  }

  /// The scalars of a `meta.yaml`.
  private struct Meta {
    private var values: [String: String] = [:]

    init(_ path: String) throws(InterchangeError) {
      let root: SourceNode
      do {
        root = try SourceNode.parse(try FileBytes.text(path), name: path)
      } catch let error as InterchangeError {
        throw error
      } catch {
        throw InterchangeError(.damaged, at: path, "this is not YAML: \(error)")
      }
      guard case .mapping(let pairs) = root.content else {
        throw InterchangeError(.damaged, at: path, "this is no mapping")
      }
      for (key, value) in pairs where !value.isNothing {
        if let name = key.scalarText, let text = value.scalarText { values[name] = text }
      }
    }

    subscript(key: String) -> String? { values[key] }
  }
}
