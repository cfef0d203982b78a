import TrimtabSearchSpaces
import TrimtabStudies

/// Runs of an MLflow experiment, whatever the store.
struct MLflowRuns {
  struct Point {
    var step: Int
    var time: Timestamp
    var value: Double
  }

  enum Status: Int {
    case running = 1
    case scheduled = 2
    case finished = 3
    case failed = 4
    case killed = 5

    /// By the name that databases have.
    init?(name: String) {
      switch name {
      case "RUNNING": self = .running
      case "SCHEDULED": self = .scheduled
      case "FINISHED": self = .finished
      case "FAILED": self = .failed
      case "KILLED": self = .killed
      default: return nil
      }
    }
  }

  struct Run {
    var id: String
    var name: String
    var status: Status
    var started: Timestamp?
    var ended: Timestamp?
    var parameters: [(name: String, text: String)] = []
    var metrics: [(name: String, points: [Point])] = []
    var tags: [(name: String, text: String)] = []
  }

  var experiment: String
  var runs: [Run]
  /// How many were deleted and are left out.
  var deletedCount = 0

  /// - Throws: `InterchangeError` when no run has the objective, naming the metrics there are.
  func study(source: String, objectives: [Objective], ignored: [String], parameters: [String]) throws -> ForeignStudy {
    var study = ForeignStudy(name: experiment, tool: "MLflow", source: source, objectives: objectives)
    if deletedCount > 0 { study.remarks.append("runs that were deleted are left out: \(deletedCount)") }
    var runs = runs.sorted { ($0.started ?? 0, $0.id) < ($1.started ?? 0, $1.id) }
    let all = Set(runs.flatMap { $0.metrics.map(\.name) }).sorted()
    let hint =
      all.isEmpty ? "no run has logged a metric" : "the metrics are \(all.joined(separator: ", "))"
    guard !objectives.isEmpty else {
      throw InterchangeError(
        at: source, "it is not said what is optimised", hint: "add --objective METRIC:minimize; \(hint)")
    }
    for objective in objectives where !all.contains(objective.metric) {
      throw InterchangeError(at: source, "no run has the metric '\(objective.metric)'", hint: hint)
    }
    // Whoever nests runs has one above them that is no trial.
    let isParent = { (run: Run) in run.parameters.isEmpty && !run.metrics.contains { $0.name == objectives[0].metric } }
    let parents = runs.count(where: isParent)
    if parents > 0 {
      runs.removeAll(where: isParent)
      study.remarks.append("runs without parameters and without '\(objectives[0].metric)' are left out: \(parents)")
    }
    var names: [String] = []
    for run in runs { for item in run.parameters where !names.contains(item.name) { names.append(item.name) } }
    for name in ignored where !names.contains(name) {
      throw InterchangeError(
        at: source, "there is no parameter '\(name)' to ignore", hint: suggestion(for: name, among: names))
    }
    let columns = names.filter { !ignored.contains($0) }.map { name in
      (
        name: name,
        cells: runs.compactMap { run in
          run.parameters.first { $0.name == name }.map {
            TableSpace.Cell(text: $0.text, place: "\(source): run \(run.id)")
          }
        }
      )
    }
    let space = try TableSpace(columns, given: parameters)
    study.remarks += space.remarks
    study.space = space.space
    // Metrics of which no run has two steps are no curves.
    let curves = Set(
      runs.flatMap { run in run.metrics.filter { Set($0.points.map(\.step)).count > 1 }.map(\.name) })
    for run in runs { study.trials.append(try trial(run, objectives, space, curves, source)) }
    return study
  }

  private func trial(
    _ run: Run, _ objectives: [Objective], _ space: TableSpace, _ curves: Set<String>, _ source: String
  ) throws(InterchangeError) -> ForeignTrial {
    var trial = ForeignTrial(label: "run \(run.id)", outcome: Self.outcome(run.status))
    for name in space.names {
      guard let text = run.parameters.first(where: { $0.name == name })?.text, !text.trimmed.isEmpty else { continue }
      let cell = TableSpace.Cell(text: text, place: "\(source): run \(run.id)")
      if let value = try space.value(name, cell) { trial.parameters.append(value) }
    }
    trial.started = run.started
    trial.ended = run.ended
    var steps: [Int: ForeignTrial.Report] = [:]
    for (name, points) in run.metrics {
      // Of several values at a step the newest counts, as in MLflow.
      let sorted = points.enumerated().sorted {
        ($0.element.step, $0.element.time, $0.offset) < ($1.element.step, $1.element.time, $1.offset)
      }.map(\.element)
      guard let last = sorted.last else { continue }
      if let index = objectives.firstIndex(where: { $0.metric == name }) {
        while trial.values.count <= index { trial.values.append(nil) }
        trial.values[index] = last.value
      } else if !curves.contains(name) {
        trial.metrics.append(MetricValue(name, last.value))
      }
      guard curves.contains(name) else { continue }
      for (i, point) in sorted.enumerated() where i + 1 == sorted.count || sorted[i + 1].step != point.step {
        var report = steps[point.step] ?? ForeignTrial.Report(step: point.step, metrics: [])
        report.metrics.append(MetricValue(name, point.value))
        report.time = max(report.time ?? point.time, point.time)
        steps[point.step] = report
      }
    }
    trial.reports = steps.values.sorted { $0.step < $1.step }
    trial.notes =
      [.init("mlflow.run_id", .string(run.id)), .init("mlflow.run_name", .string(run.name))]
      + run.tags.filter { !$0.name.hasPrefix("mlflow.") }.map { .init($0.name, .string($0.text)) }
    return trial
  }

  private static func outcome(_ status: Status) -> ForeignTrial.Outcome {
    switch status {
    case .finished: .completed
    case .running, .scheduled: .running
    case .failed: .failed(.crash, message: "the run failed in MLflow")
    case .killed: .failed(.crash, message: "the run was killed in MLflow")
    }
  }
}
