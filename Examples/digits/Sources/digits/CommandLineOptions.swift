/// The command line, read and checked.
struct CommandLineOptions: Equatable {
  var settings = Settings()
  /// The epochs to have trained when the run ends, counted from the very start.
  var epochs = 27
  var data: String?
  /// A checkpoint folder whose network is to be evaluated on the test part instead of trained.
  var evaluate: String?
  var help = false

  static let usage = """
    Usage: digits [--name=value ...]    trains a network on the handwritten digits
           digits --evaluate=FOLDER     scores a checkpoint's network on the test images

      --learning_rate=X   above 0, at most 100         (0.01)
      --batch_size=N      1 to 1024                    (32)
      --architecture=NAME plain or residual            (plain)
      --layers=N          hidden layers, 1 to 8; of residual networks blocks, 1 to 64  (2)
      --width=N           units a layer, 1 to 1024     (64)
      --base_width=N      the width of a tuned network whose learning rate is taken over by muP, with adam only
      --base_layers=N     the blocks of a tuned network whose learning rate is taken over by CompleteP, of residual
                          networks with adam only
      --activation=NAME   relu, tanh or gelu           (relu)
      --optimizer=NAME    sgd or adam                  (sgd)
      --momentum=X        0 to below 1, with sgd only  (0.9)
      --weight_decay=X    0 to 100                     (0)
      --dropout=X         0 to below 1                 (0)
      --epochs=N          1 to 100000                  (27)
      --seed=N            from 0                       (1, or TRIMTAB_SEED)
      --data=PATH         the file digits.data

    A name may be written with - for _, and its value may be the next argument.
    """

  private static let names = [
    "learning_rate", "batch_size", "architecture", "layers", "base_layers", "width", "base_width", "activation",
    "optimizer",
    "momentum", "weight_decay", "dropout", "epochs", "seed", "data", "evaluate",
  ]

  /// - Parameter defaultSeed: the seed when no flag gives one.
  /// - Throws: `Failure.usage` naming the flag and what it takes.
  init(_ arguments: [String], defaultSeed: UInt64 = 1) throws(Failure) {
    if arguments.contains("--help") || arguments.contains("-h") {
      help = true
      return
    }
    let given = try GivenFlags(arguments, names: Self.names)
    settings.learningRate =
      try given.number("learning_rate", "a number above 0, at most 100") { $0 > 0 && $0 <= 100 }
      ?? settings.learningRate
    settings.batchSize = try given.integer("batch_size", in: 1...1024) ?? settings.batchSize
    settings.architecture = try given.choice("architecture") ?? settings.architecture
    let most = settings.architecture == .plain ? 8 : 64
    settings.layers = try given.integer("layers", in: 1...most) ?? settings.layers
    settings.baseLayers = try given.integer("base_layers", in: 1...64) ?? settings.baseLayers
    settings.width = try given.integer("width", in: 1...1024) ?? settings.width
    settings.baseWidth = try given.integer("base_width", in: 1...1024) ?? settings.baseWidth
    settings.activation = try given.choice("activation") ?? settings.activation
    settings.optimizer = try given.choice("optimizer") ?? settings.optimizer
    settings.momentum =
      try given.number("momentum", "a number from 0 to below 1") { $0 >= 0 && $0 < 1 } ?? settings.momentum
    settings.weightDecay =
      try given.number("weight_decay", "a number from 0 to 100") { $0 >= 0 && $0 <= 100 } ?? settings.weightDecay
    settings.dropout =
      try given.number("dropout", "a number from 0 to below 1") { $0 >= 0 && $0 < 1 } ?? settings.dropout
    epochs = try given.integer("epochs", in: 1...100_000) ?? epochs
    settings.seed = try given.integer("seed", in: 0...Int.max).map { UInt64($0) } ?? defaultSeed
    data = given.values["data"]
    evaluate = given.values["evaluate"]
    if settings.optimizer != .sgd, given.values["momentum"] != nil {
      throw .usage("--momentum goes with --optimizer=sgd only; leave it out with \(settings.optimizer.rawValue)")
    }
    if settings.optimizer != .adam, given.values["base_width"] != nil {
      throw .usage("--base_width goes with --optimizer=adam only; leave it out with \(settings.optimizer.rawValue)")
    }
    if settings.baseLayers > 0, settings.optimizer != .adam || settings.architecture != .residual {
      throw .usage("--base_layers goes with --architecture=residual --optimizer=adam only")
    }
    if evaluate != nil, let other = given.values.keys.sorted().first(where: { $0 != "evaluate" && $0 != "data" }) {
      throw .usage("--\(other) has no meaning with --evaluate, which takes the checkpoint's own settings")
    }
  }
}

/// The flags as written, each at most once.
private struct GivenFlags {
  var values: [String: String] = [:]

  init(_ arguments: [String], names: [String]) throws(Failure) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("--") else {
        throw .usage("'\(argument)' is not a flag: write --name=value")
      }
      let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0].map { $0 == "-" ? "_" : $0 })
      guard names.contains(name) else {
        throw .usage("there is no flag --\(parts[0]); --help lists them")
      }
      let value: String
      if parts.count == 2 {
        value = String(parts[1])
      } else if let next = rest.popFirst() {
        value = next
      } else {
        throw .usage("--\(name) needs a value")
      }
      guard !value.isEmpty else { throw .usage("--\(name) needs a value") }
      guard values.updateValue(value, forKey: name) == nil else { throw .usage("--\(name) is given twice") }
    }
  }

  func number(_ name: String, _ expected: String, where allowed: (Float) -> Bool) throws(Failure) -> Float? {
    guard let text = values[name] else { return nil }
    guard let number = Float(text), allowed(number) else {
      throw .usage("--\(name)=\(text): must be \(expected)")
    }
    return number
  }

  func integer(_ name: String, in range: ClosedRange<Int>) throws(Failure) -> Int? {
    guard let text = values[name] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw .usage("--\(name)=\(text): must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func choice<Choice: RawRepresentable<String> & CaseIterable>(_ name: String) throws(Failure) -> Choice? {
    guard let text = values[name] else { return nil }
    guard let choice = Choice(rawValue: text) else {
      throw .usage("--\(name)=\(text): must be one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return choice
  }
}
