import ArgumentParser
import Trimtab
import TrimtabScaling

struct ScaleMultipliersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "multipliers", abstract: "Say what each layer is multiplied by when a tuned model grows.",
    discussion: """
      Relative to a base model whose learning rate, initialisation and weight decay were tuned, so all 1 at the base; of \
      u-mup they are absolute. --output writes the JSON that trimtab.scaling applies to a PyTorch module.
      """)

  enum Name: String, CaseIterable, ExpressibleByArgument {
    case sp, ntp
    case meanField = "mean-field"
    case mup
    case depthMup = "depth-mup"
    case completeP = "complete-p"
    case uMup = "u-mup"
  }

  @Option(
    name: [.customLong("parameterisation"), .customLong("parameterization")], help: "How layers change with the size.")
  var parameterisation: Name

  @Option(help: "The optimiser.")
  var optimizer: LayerOptimizer

  @Option(help: "The kind of model.")
  var model: ModelShape.Kind = .transformer

  @Option(help: "The tuned model's width.")
  var baseWidth: Int?

  @Option(help: "The target's width.")
  var width: Int

  @Option(help: "The tuned model's blocks (of an mlp, hidden matrices); the target's when left out.")
  var baseLayers: Int?

  @Option(help: "The target's blocks.")
  var layers = 1

  @Option(help: "The tuned model's feed-forward width; 4 times its width when left out.")
  var baseFeedForward: Int?

  @Option(help: "The target's feed-forward width.")
  var feedForward: Int?

  @Option(help: "The tuned model's head size; the target's when left out.")
  var baseHeadSize: Int?

  @Option(help: "The target's head size; 64, or a smaller width, when left out.")
  var headSize: Int?

  @Option(help: "Everett's exponents under this alignment, with sp, ntp, mean-field or mup.")
  var alignment: AlignmentExponents.Alignment?

  @Option(help: "The exponent of depth between 0.5 and 1, with complete-p.")
  var alpha: Double?

  @Option(help: "How the code of Muon scales its updates.")
  var muonScaling: MuonScaling?

  @Option(help: "How the weight decay of matrices follows the width.")
  var decay: DecayRule?

  @Option(help: "Target's batch over the base's, with complete-p.")
  var batchRatio: Double?

  @Option(help: "Target's tokens over the base's, with complete-p.")
  var tokenRatio: Double?

  @Flag(help: "Scale epsilon of all tensors, not only of those in the blocks.")
  var everyEpsilon = false

  @Flag(help: "Adafactor without its steps being scaled by the parameters.")
  var noParameterScale = false

  @Option(help: "Write the JSON to this file as well.")
  var output: String?

  @OptionGroup var shown: OutputOptions

  func run() throws {
    try reporting {
      let table = try MultiplierTable(try plan())
      let document = Self.document(table, parameterisation.rawValue)
      if let output { try writeText(document.prettyText + "\n", to: output) }
      shown.show(document) { Self.lines(table, parameterisation.rawValue) }
    }
  }

  private func plan() throws -> MultiplierPlan {
    guard let base = baseWidth ?? (parameterisation == .uMup ? width : nil) else {
      throw CommandError(
        .badInput, "--base-width is missing: the width of the model that was tuned (u-mup alone needs none)")
    }
    let families: [Name: AlignmentExponents.Family] = [
      .sp: .standard, .ntp: .neuralTangent, .meanField: .meanField, .mup: .maximalUpdate,
    ]
    if alignment != nil, families[parameterisation] == nil {
      throw CommandError(.badInput, "--alignment goes with sp, ntp, mean-field and mup only")
    }
    if alpha != nil, parameterisation != .completeP {
      throw CommandError(.badInput, "--alpha goes with complete-p only")
    }
    let chosen: Parameterisation =
      switch parameterisation {
      case .sp: alignment.map { .aligned(.standard, $0) } ?? .standard
      case .ntp: .aligned(.neuralTangent, alignment ?? .full)
      case .meanField: .aligned(.meanField, alignment ?? .full)
      case .mup: alignment.map { .aligned(.maximalUpdate, $0) } ?? .maximalUpdate
      case .depthMup: .depthMaximalUpdate
      case .completeP: .depth(alpha: alpha ?? 1)
      case .uMup: .unitScaled
      }
    let target = try ModelShape(
      kind: model, width: width, layers: layers, feedForward: feedForward, headSize: headSize, name: "target")
    // A ratio of feed-forward to width that is not usual holds for the base as well, unless it says otherwise.
    let inner = baseFeedForward ?? (feedForward == nil ? nil : (target.feedForward * base) / width)
    var plan = MultiplierPlan(
      chosen, optimizer,
      from: try ModelShape(
        kind: model, width: base, layers: baseLayers ?? layers, feedForward: inner,
        headSize: baseHeadSize ?? headSize, name: "base"),
      to: target)
    plan.muonScaling = muonScaling
    plan.decayRule = decay
    plan.batchRatio = batchRatio
    plan.tokenRatio = tokenRatio
    plan.scalesEveryEpsilon = everyEpsilon
    plan.scalesByParameter = !noParameterScale
    return plan
  }

  private static func document(_ table: MultiplierTable, _ name: String) -> JSONValue {
    func shape(_ shape: ModelShape) -> JSONValue {
      .members([
        "width": .integer(shape.width), "layers": .integer(shape.layers),
        "feed_forward": shape.kind == .mlp ? nil : .integer(shape.feedForward),
        "head_size": shape.kind == .mlp ? nil : .integer(shape.headSize),
      ])
    }
    return .members([
      "format": .string("trimtab-multipliers/1"), "parameterisation": .string(name),
      "optimizer": .string(table.plan.optimizer.rawValue), "model": .string(table.plan.target.kind.rawValue),
      "convention": .string(table.isAbsolute ? "absolute" : "relative"),
      "decay_rule": .string(table.decayRule.rawValue),
      "base": shape(table.plan.base), "target": shape(table.plan.target),
      "residual_branch": .number(table.residualBranch), "attention_scale": table.attentionScale.map { .number($0) },
      "momentum_ratio": table.momentumRatio.map { .number($0) },
      "groups": .array(
        table.rows.map { row in
          JSONValue.members([
            "group": .string(row.group.name), "role": .string(row.group.role.rawValue),
            "in_block": .bool(row.group.isInBlock), "ratio": .number(row.group.ratio),
            "init_std": .number(row.initialDeviation), "forward": .number(row.forward),
            "learning_rate": .number(row.learningRate), "weight_decay": .number(row.weightDecay),
            "epsilon": .number(row.epsilon),
          ])
        }),
      "warnings": .array(table.warnings.map { .string($0) }),
    ])
  }

  private static func lines(_ table: MultiplierTable, _ name: String) -> [String] {
    let plan = table.plan
    var lines = [
      table.isAbsolute
        ? "\(name), \(plan.optimizer.rawValue): factors for width \(plan.target.width), \(plan.target.layers) layers"
        : "\(name), \(plan.optimizer.rawValue): multipliers from width \(plan.base.width), \(plan.base.layers) layers to "
          + "width \(plan.target.width), \(plan.target.layers) layers",
      "",
    ]
    var rows = Table([
      .init("group", mayShrink: false), .init("role"), .init("init std", .right), .init("forward", .right),
      .init("rate", .right), .init("decay", .right), .init("epsilon", .right),
    ])
    for row in table.rows {
      rows.rows.append(
        [row.group.name, row.group.role.rawValue]
          + [row.initialDeviation, row.forward, row.learningRate, row.weightDecay, row.epsilon].map(Shown.number))
    }
    lines += rows.lines(width: nil)
    lines += ["", "residual branches × \(Shown.number(table.residualBranch))"]
    if let scale = table.attentionScale { lines.append("q·k × \(Shown.number(scale))") }
    if let ratio = table.momentumRatio {
      lines.append("(1 - beta1) and (1 - beta2) × \(Shown.number(ratio)): 0.9 becomes \(Shown.number(table.beta(0.9)))")
    }
    lines.append("decay rule: \(table.decayRule.rawValue)")
    for warning in table.warnings { lines += FieldList.wrapped("warning: \(warning)", Output.textWidth) }
    return lines
  }
}

extension ModelShape.Kind: ExpressibleByArgument {}
extension LayerOptimizer: ExpressibleByArgument {}
extension AlignmentExponents.Alignment: ExpressibleByArgument {}
extension MuonScaling: ExpressibleByArgument {}
extension DecayRule: ExpressibleByArgument {}
