import ArgumentParser
import Trimtab
import TrimtabAnalysis
import TrimtabScaling

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct ScalePredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Ask every published law about a planned run.",
    discussion: """
      Prints learning rate, batch, weight decay, timescale, critical batch, expected loss and time, from each law that \
      applies, with its units and assumptions, and a warning where the run lies outside of what the law was fitted to. \
      Sizes may end in k, M, B or T. With --compute, or --speed and --deadline, sizes that are missing follow from it.
      """)

  @Option(
    name: [.customLong("parameters"), .customShort("N")], help: "Parameters without embeddings and head; all experts.")
  var parameters: Magnitude?

  @Option(help: "Parameters that one token passes, of a mixture of experts.")
  var activeParameters: Magnitude?

  @Option(help: "Experts in a routed layer.")
  var experts: Magnitude?

  @Option(name: [.customLong("tokens"), .customShort("D")], help: "Training tokens.")
  var tokens: Magnitude?

  @Option(help: "Tokens a step.")
  var batch: Magnitude?

  @Option(help: "Sequences a step, in place of --batch.")
  var batchSequences: Magnitude?

  @Option(help: "Tokens of a sequence.")
  var sequenceLength = Magnitude(2048)

  @Option(help: "The optimiser.")
  var optimizer: Situation.Optimizer

  @Option(help: "The schedule of the learning rate.")
  var schedule: Situation.Schedule = .cosine

  @Option(help: "The peak rate of hidden matrices, where it is settled.")
  var learningRate: Double?

  @Option(help: "The weight decay, multiplied by the rate as in PyTorch.")
  var weightDecay: Double?

  @Option(help: ArgumentHelp("A rate tuned at other tokens, such as 1e-3@25B.", valueName: "rate@tokens"))
  var tuned: String?

  @Option(
    name: .customLong("beta2"),
    help: ArgumentHelp("Adam's beta2 at another batch, such as 0.95@524288.", valueName: "beta2@tokens"))
  var secondMoment: String?

  @Option(help: "A loss aimed at, in nats a token.")
  var targetLoss: Double?

  @Option(help: "Training FLOP.")
  var compute: Magnitude?

  @Option(help: "FLOP a second that all devices together sustain.")
  var speed: Magnitude?

  @Option(help: "Hours until the run must have ended.")
  var deadline: Double?

  @Option(help: "Parallel streams (ParScale).")
  var streams: Magnitude?

  @Option(help: ArgumentHelp("Step Law's published bootstrap, for its intervals.", valueName: "csv"))
  var bootstrap: String?

  @OptionGroup var figure: FigureOption

  @OptionGroup var output: OutputOptions

  func run() throws {
    try reporting {
      var advisor = Advisor()
      if let bootstrap { advisor.stepLawVectors = try Self.vectors(bootstrap) }
      let advice = try advisor.advise(try situation())
      try figure.write { try Self.chart(advisor, advice) }
      output.show(Self.document(advice)) { Self.lines(advice) }
    }
  }

  private func situation() throws -> Situation {
    var run = Situation(optimizer: optimizer)
    run.parameters = parameters?.value
    run.activeParameters = activeParameters?.value
    run.experts = experts?.value
    run.tokens = tokens?.value
    run.sequenceLength = sequenceLength.value
    if batch != nil, batchSequences != nil {
      throw CommandError(.badInput, "--batch and --batch-sequences say the same twice: leave one out")
    }
    run.batchTokens = batch?.value ?? batchSequences.map { $0.value * sequenceLength.value }
    run.schedule = schedule
    run.learningRate = learningRate
    run.weightDecay = weightDecay
    run.tuned = try tuned.map { try Self.pair($0, "--tuned", "a rate and tokens, such as 1e-3@25B") }
      .map { (learningRate: $0.0, tokens: $0.1) }
    run.secondMoment = try secondMoment.map { try Self.pair($0, "--beta2", "beta2 and a batch, such as 0.95@524288") }
      .map { (beta2: $0.0, batchTokens: $0.1) }
    run.targetLoss = targetLoss
    run.compute = compute?.value
    run.speed = speed?.value
    run.deadline = deadline.map { $0 * 3600 }
    run.streams = streams?.value
    return run
  }

  private static func pair(_ text: String, _ option: String, _ what: String) throws -> (Double, Double) {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false).map {
      Magnitude(argument: String($0))?.value
    }
    guard parts.count == 2, let first = parts[0], let second = parts[1] else {
      throw CommandError(.badInput, "\(option) \(text): must be \(what)")
    }
    return (first, second)
  }

  private static func vectors(_ path: String) throws -> [StepLaw.Coefficients] {
    let table = try DataTable(path)
    let columns = try ["lr_intercept", "lr_coefN", "lr_coefD", "bs_intercept", "bs_coefD"].map {
      try table.numbers($0, option: "--bootstrap")
    }
    return table.rows.indices.map { i in
      StepLaw.Coefficients(
        logRate: columns[0][i], rateN: columns[1][i], rateD: columns[2][i], logBatch: columns[3][i],
        batchD: columns[4][i])
    }
  }

  // MARK: Output

  private static func sizes(_ run: Situation) -> [(String, Double)] {
    let all: [(String, Double?)] = [
      ("parameters", run.parameters), ("active_parameters", run.activeParameters), ("tokens", run.tokens),
      ("batch_tokens", run.batchTokens), ("learning_rate", run.learningRate), ("weight_decay", run.weightDecay),
      ("compute", run.compute), ("speed", run.speed), ("deadline_seconds", run.deadline),
    ]
    return all.compactMap { name, value in value.map { (name, $0) } }
  }

  private static func document(_ advice: Advice) -> JSONValue {
    .members([
      "run": .object(
        sizes(advice.situation).map { .init($0.0, .number($0.1)) } + [
          .init("optimizer", .string(advice.situation.optimizer.rawValue)),
          .init("schedule", .string(advice.situation.schedule.rawValue)),
        ]),
      "derived": .array(advice.derivations.map { .string($0) }),
      "laws": .array(advice.reports.map(document)),
      "skipped": .array(
        advice.skipped.map { JSONValue.members(["law": .string($0.law), "reason": .string($0.reason)]) }),
      "disagreements": .array(advice.disagreements.map { .string($0) }),
    ])
  }

  private static func document(_ report: LawReport) -> JSONValue {
    func list(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
    return .members([
      "law": .string(report.law), "title": .string(report.title), "source": .string(report.source),
      "units": .string(report.units), "optimizer": .string(report.optimizer), "schedule": .string(report.schedule),
      "inside_range": report.isInsideRange.map { .bool($0) } ?? .null,
      "estimates": .array(
        report.estimates.map {
          JSONValue.members([
            "quantity": .string($0.quantity.rawValue), "value": .number($0.value),
            "unit": $0.unit.isEmpty ? nil : .string($0.unit), "interval": $0.interval?.json,
            "note": $0.note.map { .string($0) },
          ])
        }),
      "ranges": .array(
        report.ranges.map {
          JSONValue.members([
            "name": .string($0.name), "unit": .string($0.unit), "value": .number($0.value), "low": .number($0.lower),
            "high": .number($0.upper), "inside": .bool($0.isInside),
          ])
        }),
      "assumptions": list(report.assumptions), "warnings": list(report.warnings),
      "unconfirmed": list(report.unconfirmed),
    ])
  }

  private static func lines(_ advice: Advice) -> [String] {
    let sizes = sizes(advice.situation).map { "\($0.0) \(Shown.number($0.1))" }.joined(separator: ", ")
    var lines = ["\(sizes); \(advice.situation.optimizer.rawValue), \(advice.situation.schedule.rawValue)"]
    lines += advice.derivations.map { "  \($0)" }
    lines.append("")
    let shown: [Quantity] = [.learningRate, .batch, .criticalBatch, .weightDecay, .loss]
    var table = Table(
      [.init("law")] + shown.map { .init($0.rawValue, .right) } + [.init("in its range", mayShrink: false)])
    for report in advice.reports {
      let cells = shown.map { quantity in
        report.estimates.first { $0.quantity == quantity }.map { Shown.number($0.value) } ?? ""
      }
      table.rows.append([report.law] + cells + [report.isInsideRange.map { $0 ? "yes" : "no" } ?? "unknown"])
    }
    lines += table.lines(width: nil)
    let width = Output.textWidth
    for report in advice.reports {
      lines += ["", "\(report.title) (\(report.source))"]
      var list = FieldList(indent: 18, width: width)
      for estimate in report.estimates {
        var text = Shown.number(estimate.value) + (estimate.unit.isEmpty ? "" : " \(estimate.unit)")
        if let interval = estimate.interval { text += ", 95 % \(interval.text)" }
        if estimate.quantity == .time { text += " = \(Shown.duration(estimate.value))" }
        if let note = estimate.note { text += " (\(note))" }
        list.add("  \(estimate.quantity.rawValue)", text)
      }
      list.add("  units", report.units)
      list.add("  fitted with", "\(report.optimizer); \(report.schedule)")
      if !report.assumptions.isEmpty { list.add("  assumes", report.assumptions) }
      if !report.warnings.isEmpty { list.add("  warning", report.warnings) }
      lines += list.lines
    }
    if !advice.disagreements.isEmpty {
      lines += ["", "where they disagree:"]
      for text in advice.disagreements { lines += FieldList.wrapped(text, width - 2).map { "  \($0)" } }
    }
    if !advice.skipped.isEmpty {
      lines += ["", "not asked:"] + advice.skipped.map { "  \($0.law): \($0.reason)" }
    }
    return lines
  }

  /// The first learning rate of each law over a hundred times less and more tokens.
  private static func chart(_ advisor: Advisor, _ advice: Advice) throws -> LineChart {
    guard let tokens = advice.situation.tokens, let n = advice.situation.parameters else {
      throw CommandError(.badInput, "--figure needs the parameters and the tokens")
    }
    var series: [String: (x: [Double], y: [Double])] = [:]
    var names: [String] = []
    for i in -20...20 {
      var run = advice.situation
      let d = tokens * pow(10, Double(i) / 20)
      (run.tokens, run.compute, run.deadline) = (d, nil, nil)
      // A law's range does not matter here, but what no run can be does.
      guard d >= n / 100, let found = try? advisor.advise(run) else { continue }
      for report in found.reports {
        guard let rate = report.estimates.first(where: { $0.quantity == .learningRate }) else { continue }
        if series[report.law] == nil { names.append(report.law) }
        series[report.law, default: ([], [])].x.append(d)
        series[report.law, default: ([], [])].y.append(rate.value)
      }
    }
    return LineChart(
      "Best learning rate by the tokens, \(Shown.number(n)) parameters",
      x: Axis("training tokens", scale: .logarithmic),
      y: Axis("peak learning rate", scale: .logarithmic),
      series: names.map { LineChart.Series($0, x: series[$0]?.x ?? [], y: series[$0]?.y ?? [], isStepped: false) })
  }
}

extension Situation.Optimizer: ExpressibleByArgument {}
extension Situation.Schedule: ExpressibleByArgument {}
