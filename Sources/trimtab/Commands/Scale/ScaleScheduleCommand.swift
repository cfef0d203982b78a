import ArgumentParser
import Trimtab
import TrimtabAnalysis
import TrimtabScaling

struct ScaleScheduleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule", abstract: "Print a learning-rate schedule, or a search space of schedules.",
    discussion: """
      The schedules are constant, linear, cosine, wsd, rex, power, one-cycle and step; range-test is the rising rate that \
      'trimtab scale check range' reads. --space prints lines for the space of a study file in which the schedules named \
      are choices.
      """)

  @Argument(help: "The schedule's name; with --space any number of them.")
  var kinds: [String]

  @Option(help: "The greatest rate; of range-test the last.")
  var peak: Double?

  @Option(help: "Steps of the run.")
  var steps: Int?

  @Option(help: "Steps in which the rate rises.")
  var warmup = 0

  @Option(help: "The rate of the last step; of range-test the first.")
  var final: Double?

  @Option(help: "The share of the run in which wsd, power and one-cycle fall.")
  var decayShare: Double?

  @Option(help: "The shape of that fall.")
  var decay: LearningRateSchedule.Decay = .linear

  @Option(
    help: ArgumentHelp("Of step: shares of the run at which the rate is multiplied by --factor.", valueName: "shares"))
  var milestones = "0.5,0.75"

  @Option(help: "Of step.")
  var factor = 0.1

  @Option(help: "Of power: tokens a step.")
  var batch: Magnitude?

  @Flag(help: "Print lines for the space of a study file.")
  var space = false

  @OptionGroup var figure: FigureOption

  @Flag(help: "Print every step as CSV.")
  var csv = false

  @Flag(help: "Print every step as JSON (docs/json.md).")
  var json = false

  func run() throws {
    try reporting {
      if space {
        Output.print(try Self.spaceLines(try kinds.map(Self.kind)))
        return
      }
      guard kinds.count == 1 else { throw CommandError(.badInput, "name one schedule, or add --space") }
      let (rates, name) = (try rates(kinds[0]), kinds[0])
      try figure.write { Self.chart(name, rates) }
      if json {
        print(
          JSONValue.members([
            "schedule": .string(name), "steps": .integer(rates.count), "rates": .array(rates.map { .number($0) }),
          ]).text)
      } else if csv {
        print("step,lr")
        for (i, rate) in rates.enumerated() { print("\(i + 1),\(Shown.exact(rate))") }
      } else {
        print("\(name), \(Shown.count(rates.count, "step"))")
        print(Sparkline.picture(rates, width: 60, usesUnicode: Terminal.standardOutput().usesUnicode))
        var table = Table([.init("step", .right), .init("rate", .right)])
        for i in 0...10 {
          let step = max(1, rates.count * i / 10)
          if table.rows.last?[0] != String(step) { table.rows.append([String(step), Shown.number(rates[step - 1])]) }
        }
        Output.print(table)
      }
    }
  }

  private static func kind(_ name: String) throws -> LearningRateSchedule.Kind {
    guard let kind = LearningRateSchedule.Kind(rawValue: name) else {
      let names = LearningRateSchedule.Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw CommandError(.badInput, "'\(name)' is no schedule: there are \(names), and range-test")
    }
    return kind
  }

  private func rates(_ name: String) throws -> [Double] {
    guard let peak, let steps else { throw CommandError(.badInput, "a schedule needs --peak and --steps") }
    if name == "range-test" { return try RangeTest.rates(from: final ?? peak / 1e6, to: peak, steps: steps) }
    let shares = milestones.split(separator: ",").map { Double($0) }
    guard !shares.contains(where: { $0 == nil }) else {
      throw CommandError(.badInput, "--milestones \(milestones): must be numbers separated by commas")
    }
    return try LearningRateSchedule(
      try Self.kind(name), peak: peak, steps: steps, warmup: warmup, final: final ?? 0, decayShare: decayShare,
      decay: decay, milestones: shares.compactMap { $0 }, factor: factor, batchTokens: batch?.value
    ).rates
  }

  private static func spaceLines(_ kinds: [LearningRateSchedule.Kind]) throws -> [String] {
    let names = kinds.map(\.rawValue)
    var lines = ["space:", "  peak: {type: float, low: 1e-5, high: 1e-1, scale: log}"]
    if names.count > 1 { lines.append("  schedule: {type: categorical, choices: [\(names.joined(separator: ", "))]}") }
    lines.append("  warmup_share: {type: float, low: 0, high: 0.1}")
    func add(_ name: String, _ domain: String, _ users: [LearningRateSchedule.Kind]) {
      let used = kinds.filter { users.contains($0) }.map(\.rawValue)
      guard !used.isEmpty else { return }
      let names = used.map { "\"\($0)\"" }.joined(separator: ", ")
      let condition = used.count == kinds.count ? "" : ", when: 'schedule in [\(names)]'"
      lines.append("  \(name): {\(domain)\(condition)}")
    }
    add("final_ratio", "type: float, low: 1e-3, high: 1, scale: log", [.linear, .cosine, .warmupStableDecay, .rex])
    add("decay_share", "type: float, low: 0.05, high: 0.8", [.warmupStableDecay, .power, .oneCycle])
    add("factor", "type: float, low: 0.05, high: 0.7, scale: log", [.step])
    return lines
  }

  private static func chart(_ name: String, _ rates: [Double]) -> LineChart {
    // As many points as a figure can show.
    let stride = max(1, rates.count / 1000)
    let places = Swift.stride(from: 0, to: rates.count, by: stride).map { $0 }
    return LineChart(
      name, x: Axis("step"), y: Axis("learning rate"),
      series: [
        LineChart.Series(name, x: places.map { Double($0 + 1) }, y: places.map { rates[$0] }, isStepped: false)
      ])
  }
}

extension LearningRateSchedule.Decay: ExpressibleByArgument {}
