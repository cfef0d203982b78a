import TrimtabSearchSpaces

/// A space that fits a program's options, as a start for its author to correct.
struct SpaceProposal {
  private(set) var parameters: [Parameter] = []
  /// Why each parameter is as it is, beside it in the file.
  private(set) var notes: [String] = []
  /// What the command needs besides the parameters.
  private(set) var arguments: [String] = []
  /// Options that look like no hyperparameters.
  private(set) var leftOut: [String] = []
  /// Whether every parameter can be passed as `--name=value`.
  private(set) var flagsSuffice = true
  /// The default of the option that sets the number of epochs or steps, and its name.
  private(set) var epochs: (option: String, count: Int?)?

  init(_ options: [ProgramOption]) {
    for option in options where !["help", "version"].contains(option.name) { add(option) }
  }

  private mutating func add(_ option: ProgramOption) {
    let words = option.name.lowercased().split(whereSeparator: { "-_.".contains($0) }).map(String.init)
    let isFlag = option.kind == .flag
    if !isFlag, words == ["seed"] || words == ["random", "seed"] {
      arguments.append("--\(option.name)={seed}")
    } else if !isFlag, words.contains(where: { ["epochs", "epoch"].contains($0) }), epochs == nil {
      epochs = (option.name, option.defaultText.flatMap { Int($0) })
      leftOut.append("--" + option.name)
    } else if words.contains(where: Self.otherWords.contains) || !propose(option, words) {
      leftOut.append("--" + option.name)
    }
  }

  /// Words of options that say where, how loudly or on what a program runs.
  private static let otherWords: Set<String> = [
    "seed", "epoch", "epochs", "data", "dataset", "dir", "directory", "path", "root", "file", "input", "output", "out",
    "save", "load", "resume", "checkpoint", "checkpoints", "ckpt", "log", "logs", "logging", "verbose", "quiet",
    "debug",
    "workers", "threads", "jobs", "device", "devices", "gpu", "gpus", "cuda", "cpu", "no", "host", "port", "rank",
    "local", "world", "backend", "print", "freq", "frequency", "interval", "every", "wandb", "project", "name", "tag",
    "config", "dry", "profile", "download", "evaluate", "eval", "test",
  ]

  private mutating func propose(_ option: ProgramOption, _ words: [String]) -> Bool {
    switch option.kind {
    case .flag: return proposeFlag(option)
    case .negatableFlag(let off):
      let choices = [Choice.text("--" + option.name), .text(off)]
      guard accept(Parameter(option.name, .categorical(choices)), note: "passed as it stands") else { return false }
      flagsSuffice = false
      arguments.append("{\(option.name)}")
      return true
    case .choices(let texts):
      let choices = texts.map { Choice(scalar: $0, quoted: false) }
      var parameter = Parameter(option.name, .categorical(choices))
      let isNumeric = choices.allSatisfy { $0.number != nil }
      if isNumeric { parameter.domain = .ordinal(choices) }
      parameter.defaultValue = option.defaultText.flatMap { text in
        choices.first { $0.description == text }.map { .choice($0) }
      }
      return acceptValue(parameter, note: "")
    case .value, .integer, .real:
      guard let (parameter, note) = proposeNumber(option, words) else { return false }
      return acceptValue(parameter, note: note)
    }
  }

  /// A flag without a value is given by a constant that is only there where the boolean is true.
  private mutating func proposeFlag(_ option: ProgramOption) -> Bool {
    let constant = "\(option.name)_flag"
    let before = self
    guard accept(Parameter(option.name, .boolean), note: "--\(option.name) is given where this is true"),
      accept(
        Parameter(constant, .constant(.text("--" + option.name)), when: .name(option.name, offset: 0)), note: "")
    else {
      self = before
      return false
    }
    flagsSuffice = false
    arguments.append("{\(constant)}")
    return true
  }

  private mutating func acceptValue(_ parameter: Parameter, note: String) -> Bool {
    guard accept(parameter, note: note) else { return false }
    arguments.append("--\(parameter.name)={\(parameter.name)}")
    return true
  }

  private mutating func accept(_ parameter: Parameter, note: String) -> Bool {
    guard !CommandTemplate.reservedNames.contains(parameter.name), (try? Space(parameters + [parameter])) != nil else {
      return false
    }
    parameters.append(parameter)
    notes.append(note)
    return true
  }

  // MARK: Numbers

  private func proposeNumber(_ option: ProgramOption, _ words: [String]) -> (Parameter, note: String)? {
    let value = option.defaultText.flatMap { Double($0) }.flatMap { $0.isFinite && abs($0) < 1e12 ? $0 : nil }
    // A default that is no number belongs to an option that takes texts.
    if option.defaultText != nil, value == nil { return nil }
    let isWhole = option.defaultText.map { Int($0) != nil } ?? false
    func has(_ names: String...) -> Bool { words.contains { names.contains($0) } }
    let isCount = has(
      "batch", "hidden", "layers", "width", "units", "depth", "neurons", "trees", "estimators", "heads", "channels")
    let isInteger = option.kind == .integer || (option.kind == .value && (isWhole || value == nil && isCount))
    let isShare = has(
      "dropout", "momentum", "beta", "beta1", "beta2", "gamma", "alpha", "prob", "p", "ratio", "fraction")
    let isRate = !isShare && has("lr", "rate", "decay", "wd", "eps", "epsilon", "l1", "l2", "reg", "regularization")
    guard value != nil || isShare || isRate || isInteger || option.kind == .real else { return nil }

    var low: Double
    var high: Double
    var scale = Scale.linear
    var note = ""
    if isInteger, !isRate {
      let n = value ?? 16
      guard n >= 0 else { return nil }
      let isSize = n >= 8
      (low, high) = n == 0 ? (0, 10) : isSize ? ((n / 4).rounded(.down), n * 4) : (1, max(2, n * 2))
      scale = isSize ? .log : .linear
      note = "around the default; set the range you believe in"
    } else if isRate {
      let centre = value ?? (has("decay", "wd", "l1", "l2", "reg", "regularization") ? 1e-4 : 1e-3)
      (low, high) = centre > 0 ? (Self.power(centre, below: 2), Self.power(centre, below: -2)) : (1e-6, 1e-1)
      scale = .log
      note = value == 0 ? "a log scale cannot reach the default 0" : "two orders of magnitude around the default"
    } else if isShare, (0...1).contains(value ?? 0) {
      (low, high) = (0, (value ?? 0) < 0.99 ? 0.99 : 1)
      note = "a share"
    } else {
      guard let value else { return nil }
      (low, high) =
        value == 0 ? (0, 1) : value > 0 && value <= 1 ? (0, 1) : value > 0 ? (value / 4, value * 4) : (2 * value, 0)
      scale = value > 1 ? .log : .linear
      note = "around the default; set the range you believe in"
    }
    if let bound = option.low { low = max(low, bound) }
    if let bound = option.high { high = min(high, bound) }
    if scale == .log, low <= 0 { scale = .linear }
    guard let domain = try? NumericDomain(low: low, high: high, scale: scale, isInteger: isInteger && !isRate) else {
      return nil
    }
    let isInside = value.map { $0 >= low && $0 <= high } ?? false
    let start: ParameterValue? = isInside ? value.map { isInteger && !isRate ? .integer(Int($0)) : .real($0) } : nil
    return (Parameter(option.name, isInteger && !isRate ? .integer(domain) : .float(domain), default: start), note)
  }

  /// The power of ten that lies `orders` orders of magnitude below that of `value`.
  private static func power(_ value: Double, below orders: Int) -> Double {
    var power = 1.0
    var exponent = 0
    while power * 10 <= value { (power, exponent) = (power * 10, exponent + 1) }
    while power > value { (power, exponent) = (power / 10, exponent - 1) }
    // Read from text so that 1e-5 is the double that people mean by it.
    return Double("1e\(exponent - orders)") ?? power
  }
}
