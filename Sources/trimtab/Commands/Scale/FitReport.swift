import Trimtab
import TrimtabAnalysis

/// What a fit of a law has to tell.
struct FitReport {
  struct Prediction {
    var what: String
    var point: [(String, Double)]
    /// Of a curve, which has no point.
    var name: String?
    var value: Double
    var interval: ClosedRange<Double>?
    var observed: Double?

    var place: String {
      name ?? point.map { "\($0.0)=\(Shown.number($0.1))" }.joined(separator: ", ")
    }
  }

  struct Next {
    var point: [(String, Double)]
    /// Of a schedule, which has no point.
    var name: String?
    var cost: Double
    var reduction: Double
    /// The trials of a study that it takes.
    var runs: [[(name: String, value: Double)]] = []

    var place: String { name ?? point.map { "\($0.0)=\(Shown.number($0.1))" }.joined(separator: ", ") }
  }

  /// What a figure shows.
  enum Chart {
    /// Fitted and observed values by what they are of.
    case agreement([(name: String, fitted: Double, observed: Double)])
    /// A law of one input with its band, and the runs.
    case law(input: String, output: String, LineChart.Series, [(x: Double, y: Double)])
    /// Curves over the steps.
    case curves([LineChart.Series])
  }

  var law: String
  var chart: Chart?
  var formulas: [String] = []
  var parameters: [(String, Double)] = []
  /// Of the parameters; empty, or one each.
  var intervals: [ClosedRange<Double>?] = []
  var facts: [(String, Double)] = []
  /// Mean and greatest, as shares.
  var gaps: [(String, mean: Double, worst: Double)] = []
  var predictions: [Prediction] = []
  var next: [Next] = []
  var queued: QueueOptions.Queued?
  var notes: [String] = []
  var warnings: [String] = []

  mutating func addGaps(_ name: String, _ gaps: [Double]) {
    guard !gaps.isEmpty else {
      warnings.append("\(name): too few scales to tell")
      return
    }
    self.gaps.append((name, gaps.reduce(0, +) / Double(gaps.count), gaps.max() ?? .nan))
  }

  /// Warns where fewer runs were proposed than asked for.
  mutating func noteShortage(_ wanted: Int) {
    guard next.count < wanted else { return }
    warnings.append(
      "\(Shown.count(next.count, "run")) proposed instead of \(wanted): no other that can be paid (see --spend) would narrow "
        + "the prediction")
  }

  /// What is predicted at the first point.
  var finalConfiguration: FinalConfiguration {
    let first = predictions.first
    let own = predictions.filter { $0.place == first?.place }
    return FinalConfiguration(
      source: "\(law): \(formulas.joined(separator: "; "))", run: first?.point ?? [],
      settings: own.map { .init(name: $0.what, value: $0.value, interval: $0.interval) },
      errors: gaps.map { ($0.0, $0.mean) }, warnings: warnings)
  }

  func figure() throws -> LineChart {
    switch chart {
    case nil: throw CommandError(.badInput, "\(law) has no figure: leave --figure out")
    case .agreement(let rows):
      let all = rows.flatMap { [$0.fitted, $0.observed] }.filter { $0.isFinite && $0 > 0 }
      let (low, high) = (all.min() ?? 1, all.max() ?? 1)
      let names = rows.reduce(into: [String]()) { if !$0.contains($1.name) { $0.append($1.name) } }
      return LineChart(
        "\(law): observed by fitted", x: Axis("fitted", scale: .logarithmic), y: Axis("observed", scale: .logarithmic),
        series: [LineChart.Series("equal", x: [low, high], y: [low, high], isStepped: false)]
          + names.map { name in
            LineChart.Series(name, points: rows.filter { $0.name == name }.map { ($0.fitted, $0.observed) })
          })
    case .law(let input, let output, let line, let runs):
      return LineChart(
        "\(law): \(output) by \(input), with 95 % bands", x: Axis(input, scale: .logarithmic),
        y: Axis(output, scale: .logarithmic), series: [line, LineChart.Series("runs", points: runs)])
    case .curves(let series):
      return LineChart("\(law): loss by step", x: Axis("step"), y: Axis("loss"), series: series)
    }
  }

  private func interval(_ i: Int) -> ClosedRange<Double>? { i < intervals.count ? intervals[i] : nil }

  var json: JSONValue {
    func object(_ pairs: [(String, Double)]) -> JSONValue { .object(pairs.map { .init($0.0, .number($0.1)) }) }
    return .members([
      "law": .string(law), "formulas": .array(formulas.map { .string($0) }),
      "parameters": .array(
        parameters.enumerated().map { i, pair in
          JSONValue.members([
            "name": .string(pair.0), "value": .number(pair.1), "interval": interval(i)?.json,
          ])
        }),
      "facts": object(facts),
      "errors": .array(
        gaps.map {
          JSONValue.members(["what": .string($0.0), "mean": .number($0.mean), "worst": .number($0.worst)])
        }),
      "predictions": .array(
        predictions.map {
          JSONValue.members([
            "what": .string($0.what), "at": $0.name.map { .string($0) } ?? object($0.point), "value": .number($0.value),
            "interval": $0.interval?.json, "observed": $0.observed.map { .number($0) },
          ])
        }),
      "next": next.isEmpty
        ? nil
        : .array(
          next.map {
            JSONValue.members([
              "at": $0.name.map { .string($0) } ?? object($0.point), "cost": .number($0.cost),
              "variance_removed": .number($0.reduction), "runs": .integer(max(1, $0.runs.count)),
            ])
          }),
      "queued": queued.map { .array($0.trials.map { .integer($0) }) },
      "notes": .array(notes.map { .string($0) }), "warnings": .array(warnings.map { .string($0) }),
    ])
  }

  var lines: [String] {
    var lines = formulas
    var list = FieldList(indent: 46, width: nil)
    if !intervals.isEmpty {
      for (i, pair) in parameters.enumerated() {
        list.add("  \(pair.0)", Shown.number(pair.1) + (interval(i).map { ", 95 % \($0.text)" } ?? ""))
      }
    }
    for (name, value) in facts { list.add("  \(name)", Shown.number(value)) }
    for gap in gaps {
      list.add("  \(gap.0)", "mean \(Shown.number(100 * gap.mean)) %, worst \(Shown.number(100 * gap.worst)) %")
    }
    lines += list.lines
    if !predictions.isEmpty {
      lines.append("predicted")
      for item in predictions {
        lines.append(
          "  \(item.what) at \(item.place): \(Shown.number(item.value))"
            + (item.interval.map { ", 95 % \($0.text)" } ?? "")
            + (item.observed.map { ", observed \(Shown.number($0))" } ?? ""))
      }
    }
    if !next.isEmpty {
      lines.append("next runs, by what they tell for their cost")
      for item in next {
        lines.append(
          "  \(item.place): removes \(Shown.number(100 * item.reduction)) % of the variance for a cost of \(Shown.number(item.cost))"
            + (item.runs.count > 1 ? " in \(item.runs.count) runs about the law's settings" : ""))
      }
    }
    if let queued {
      lines.append("in the queue: \(queued.trials.map { "trial \($0)" }.joined(separator: ", "))")
      lines.append(queued.advice)
    }
    lines += notes
    return lines + warnings.map { "warning: \($0)" }
  }
}
