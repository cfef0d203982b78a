import Trimtab

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Measures one thing and prints it as one JSON line; `Scripts/bench.py` runs it beside the peers and makes the table.
enum Speed {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    do {
      switch arguments.first {
      case "noop": try NoOpTrials.work(store: try text(arguments, 1), durability: try durability(arguments, 2))
      case "noop-create":
        try NoOpTrials.create(
          store: try text(arguments, 1), trials: try integer(arguments, 2), durability: try durability(arguments, 3))
      case "floor":
        try Floor.work(
          store: try text(arguments, 1), trials: try integer(arguments, 2), durability: try durability(arguments, 3))
      case "floor-create": try Floor.create(store: try text(arguments, 1))
      case "ask-tell":
        try AskTell.measure(
          sampler: try text(arguments, 1), trials: try integer(arguments, 2), asks: try integer(arguments, 3))
      case "mixed-ask":
        try MixedAsk.measure(
          sampler: try text(arguments, 1), trials: try integer(arguments, 2), asks: try integer(arguments, 3),
          failing: arguments.count > 4 ? try share(arguments, 4) : 0)
      case "decide":
        try Decisions.measure(
          sampler: try text(arguments, 1), trials: try integer(arguments, 2), measured: try integer(arguments, 3))
      case "mixed-run": try MixedAsk.run(sampler: try text(arguments, 1), trials: try integer(arguments, 2))
      case "read":
        try Reading.measure(
          sampler: try text(arguments, 1), trials: try integer(arguments, 2),
          proposes: arguments.count > 3 && arguments[3] == "proposing")
      case "fill":
        try Replay.fill(
          store: try text(arguments, 1), trials: try integer(arguments, 2), parameters: try integer(arguments, 3))
      case "simulate":
        try Simulated.measure(
          scheduler: try text(arguments, 1), trials: try integer(arguments, 2),
          sampler: arguments.count > 3 ? arguments[3] : "random")
      case "replay": try Replay.measure(store: try text(arguments, 1))
      default:
        throw Usage(
          text: """
            usage: trimtab-speed noop-create STORE TRIALS durable|relaxed
                   trimtab-speed noop STORE durable|relaxed
                   trimtab-speed floor-create STORE
                   trimtab-speed floor STORE TRIALS durable|relaxed
                   trimtab-speed ask-tell SAMPLER TRIALS ASKS
                   trimtab-speed mixed-ask SAMPLER TRIALS ASKS [SHARE THAT FAILS]
                   trimtab-speed mixed-run SAMPLER TRIALS
                   trimtab-speed decide SAMPLER TRIALS MEASURED
                   trimtab-speed read SAMPLER TRIALS [proposing]
                   trimtab-speed fill STORE TRIALS PARAMETERS
                   trimtab-speed replay STORE
                   trimtab-speed simulate SCHEDULER TRIALS [SAMPLER]
            """)
      }
    } catch {
      var message = "\(error)\n"
      message.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
      exit(1)
    }
  }

  struct Usage: Error, CustomStringConvertible {
    var text: String
    var description: String { text }
  }

  private static func text(_ arguments: [String], _ i: Int) throws -> String {
    guard i < arguments.count else { throw Usage(text: "an argument is missing") }
    return arguments[i]
  }

  private static func integer(_ arguments: [String], _ i: Int) throws -> Int {
    guard let value = Int(try text(arguments, i)), value > 0 else { throw Usage(text: "a positive number is needed") }
    return value
  }

  private static func share(_ arguments: [String], _ i: Int) throws -> Double {
    guard let value = Double(try text(arguments, i)), (0..<1).contains(value) else {
      throw Usage(text: "a share from 0 to below 1 is needed")
    }
    return value
  }

  private static func durability(_ arguments: [String], _ i: Int) throws -> Durability {
    guard let value = Durability(rawValue: try text(arguments, i)) else { throw Usage(text: "durable or relaxed?") }
    return value
  }

  static func seconds() -> Double { Double(MonotonicTime.now().nanoseconds) * 1e-9 }

  static func report(_ members: KeyValuePairs<String, JSONValue?>) { print(JSONValue.members(members).text) }

  /// A space of reals, alternately linear and logarithmic.
  static func space(parameters: Int) throws -> Space {
    try Space(
      (0..<parameters).map { i in
        i % 2 == 0 ? try .float("x\(i)", -5...5) : try .float("x\(i)", 1e-5...1, scale: .log)
      })
  }

  static func spec(
    parameters: Int, sampler: String, trials: Int?, durability: Durability = .durable
  ) throws -> StudySpec {
    StudySpec(
      name: "bench", space: try space(parameters: parameters), objectives: [Objective(metric: "loss")],
      method: MethodSpec(sampler: PartSpec(sampler), scheduler: PartSpec("full")), budget: Budget(trials: trials),
      seed: 1, durability: durability)
  }

  /// A smooth objective, cheap enough not to count.
  static func objective(_ configuration: Configuration) -> Double {
    var sum = 0.0
    for (i, value) in configuration.slots.enumerated() {
      let distance = i % 2 == 0 ? value / 5 - 0.3 : log(value) / 12 + 0.5
      sum += distance * distance
    }
    return sum
  }

  /// Microseconds at the given quantiles.
  static func quantiles(_ values: [Double], _ at: [Double]) -> [Double] {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return at.map { _ in .nan } }
    return at.map { sorted[min(sorted.count - 1, Int($0 * Double(sorted.count)))] * 1e6 }
  }
}
