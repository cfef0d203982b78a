import ArgumentParser
import Trimtab
import TrimtabScaling

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct ScaleFitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fit", abstract: "Fit a law to runs of one's own, and predict with it.",
    discussion: """
      Reads CSV files, or the finished trials of a study (a study file or a store). What is fitted, and the columns it reads:

        settings        the best of lr, batch, weight_decay   N, D, these, loss
        power           products of powers of columns         --inputs, --value
        chinchilla      L = E + A·N^-alpha + B·D^-beta        N, D, loss
        mu-scaling      L = a·N^b + c                         N, loss
        critical-batch  steps = a + b/B                       B, steps
        parallel        L = E + (A/(N·(1 + k·ln P)))^alpha    N, P, loss
        setting         h = A·N^p·r^q + D0                    N, r, --value
        routed          routed models, by size and experts    N, E, loss
        step-time       seconds of a step, by the shape       as in docs/scaling.md
        annealing       losses of schedules, a file each      step, lr, loss

      Where a study's fidelity is called as one of these columns, such as N, each size that a trial has reported is a run.

      --column N=size reads N from the column 'size'. What counts is the error at scales that were left out, not that of \
      coefficients; --predict gives 95 % intervals from resampled runs.
      """)

  enum Law: String, CaseIterable, ExpressibleByArgument {
    case settings, power, chinchilla
    case muScaling = "mu-scaling"
    case criticalBatch = "critical-batch"
    case parallel, setting, annealing, routed
    case stepTime = "step-time"
  }

  @Argument(help: "CSV files, study files or stores; several for annealing only.")
  var files: [String]

  @Option(help: "What to fit.")
  var law: Law

  @Option(help: ArgumentHelp("Read an input from another column.", valueName: "name=column"))
  var column: [String] = []

  @Option(help: ArgumentHelp("Predict at this point, such as N=1e9,D=1e11.", valueName: "point"))
  var predict: [String] = []

  @Option(help: ArgumentHelp("Of power: the columns, separated by commas.", valueName: "columns"))
  var inputs: String?

  @Option(help: "Of power and setting: the column that is fitted.")
  var value: String?

  @Option(help: "The batch column is in sequences of so many tokens, instead of tokens.")
  var sequenceLength: Double?

  @Option(help: "Of settings: runs within this share of a cell's best loss count.")
  var threshold = 0.0025

  @Option(help: "Of settings: also fit without sizes above this, and judge it there.")
  var holdOutAbove: Magnitude?

  @Option(help: "Leave out runs with a greater loss.")
  var maxLoss: Double?

  @Option(help: "Of annealing: steps of the warm-up.")
  var warmup = 0

  @Flag(
    help:
      "Of annealing: the rate holds between logged steps, as where it falls at once, instead of being joined by lines.")
  var stepped = false

  @Option(help: "Of annealing: how long a fall of the rate is felt, 0.99 to 0.9995; the best of four when left out.")
  var fade: Double?

  @Option(help: ArgumentHelp("Of annealing: a curve to predict, with its losses to compare.", valueName: "csv"))
  var test: [String] = []

  @Option(help: ArgumentHelp("Of annealing: a schedule (step, lr) whose final loss is predicted.", valueName: "csv"))
  var target: [String] = []

  @Option(
    help: ArgumentHelp(
      "A run that could be made next; its cost is 6·N·D, or as it says: N=1e8,cost=2.", valueName: "point"))
  var candidate: [String] = []

  @Option(help: "Propose so many runs that narrow the first prediction most for what they cost.")
  var next: Int?

  @Option(
    help: ArgumentHelp(
      "Of power: the column of what runs cost, by which the next ones are chosen; 6·N·D when left out.",
      valueName: "column"))
  var cost: String?

  @Option(
    help: """
      What these may cost in all: in FLOP (6·N·D) or the unit of --cost, of annealing in steps, of step-time in seconds \
      for a step of each; as much as the runs so far when left out.
      """)
  var spend: Magnitude?

  @OptionGroup var queue: QueueOptions

  @Option(
    name: .customLong("final"),
    help: ArgumentHelp("Write the first prediction and its interval to this file.", valueName: "file"))
  var final: String?

  @Flag(help: "Of step-time: attention writes no scores to memory.")
  var fusedAttention = false

  @Option(help: "Of step-time: the shapes of least expected loss after so many hours of the first row's steps.")
  var hours: Double?

  @OptionGroup var figure: FigureOption

  @Option(help: "Resampled fits for the intervals.")
  var bootstrap = 200

  @Option(help: "The seed of the resampling.")
  var seed: UInt64 = 0

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if bootstrap < 20 { throw ValidationError("--bootstrap must be at least 20, not \(bootstrap)") }
    if law != .annealing, files.count > 1 { throw ValidationError("only annealing takes several files") }
    if law != .annealing, !test.isEmpty { throw ValidationError("--test goes with annealing only") }
    if let next, !(1...1000).contains(next) { throw ValidationError("--next must be between 1 and 1000, not \(next)") }
    if next != nil || final != nil, predict.isEmpty, law != .annealing {
      throw ValidationError("--next and --final need --predict: the run that is to be known")
    }
    if next != nil, law == .annealing, target.isEmpty {
      throw ValidationError("--next needs --target: the schedule whose final loss is to be known")
    }
    if law != .annealing, !target.isEmpty { throw ValidationError("--target goes with annealing only") }
    if law != .power, cost != nil { throw ValidationError("--cost goes with power only") }
    if queue.enqueue != nil, next == nil, candidate.isEmpty {
      throw ValidationError("--enqueue needs --next, or a --candidate")
    }
    if queue.enqueue != nil, law == .annealing {
      throw ValidationError("a schedule is no value of a parameter: leave --enqueue out, and run what is proposed")
    }
    if law != .stepTime, hours != nil || fusedAttention {
      throw ValidationError("--hours and --fused-attention go with step-time only")
    }
    let choices: [Law: String] = [.settings: "sizes", .annealing: "schedules", .stepTime: "shapes"]
    if !candidate.isEmpty, let what = choices[law] {
      throw ValidationError("\(law.rawValue) chooses among \(what) by itself: say --next instead of --candidate")
    }
  }

  func run() throws {
    try reporting {
      var result: FitReport =
        switch law {
        case .settings: try fitSettings()
        case .power: try fitPower()
        case .annealing: try fitAnnealing()
        case .chinchilla: try fitCurve(.chinchilla)
        case .muScaling: try fitCurve(.muScaling)
        case .criticalBatch: try fitCurve(.criticalBatch)
        case .parallel: try fitCurve(.parallel)
        case .setting: try fitCurve(.setting)
        case .routed: try fitCurve(.routed)
        case .stepTime: try fitStepTime()
        }
      if let enqueue = queue.enqueue, !result.next.isEmpty {
        result.queued = try queue.add(result.next.flatMap(\.runs), to: enqueue)
      }
      if let final { try result.finalConfiguration.write(to: final) }
      try figure.write { try result.figure() }
      output.show(result.json) { result.lines + (final.map { ["wrote \($0)"] } ?? []) }
    }
  }

  // MARK: Reading

  func name(_ input: String) throws -> String {
    try assignments(column, option: "--column").last { $0.name == input }?.value ?? input
  }

  func numbers(_ table: DataTable, _ input: String) throws -> [Double] {
    try table.numbers(try name(input), option: "--column \(input)=NAME")
  }

  /// The rows with a loss that may count, and how many have none.
  func kept(_ losses: [Double]) -> [Int] {
    losses.indices.filter { losses[$0].isFinite && losses[$0] <= maxLoss ?? .infinity }
  }

  func points(_ names: [String]) throws -> [[Double]] {
    try predict.map { try point($0, of: names, option: "--predict").numbers }
  }

  /// A table with the sizes that the law reads.
  func table(_ inputs: [String]) throws -> DataTable { try DataTable(files[0], sizes: try inputs.map(name)) }
}
