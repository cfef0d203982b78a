/// What a group of tensors does, which decides how it is scaled.
public enum LayerRole: String, Sendable, CaseIterable {
  /// Embeddings and first layers: only the fan-out grows with the width.
  case input
  /// Matrices whose fan-in and fan-out both grow.
  case hidden
  /// Unembedding and heads: only the fan-in grows.
  case output
  case norm
  case bias
}

/// The sizes of a model that decide its multipliers.
public struct ModelShape: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable { case transformer, mlp }

  public var kind: Kind
  public var width: Int
  /// Blocks of a transformer, hidden matrices of a perceptron.
  public var layers: Int
  /// The inner width of the feed-forward part; of transformers only.
  public var feedForward: Int
  /// Of each attention head; of transformers only.
  public var headSize: Int

  /// - Throws: `ScalingError` for sizes that no model has.
  public init(
    kind: Kind = .transformer, width: Int, layers: Int, feedForward: Int? = nil, headSize: Int? = nil, name: String
  ) throws(ScalingError) {
    self.kind = kind
    self.width = width
    self.layers = layers
    self.feedForward = feedForward ?? (width > .max / 4 ? width : 4 * width)
    self.headSize = headSize ?? min(64, max(1, width))
    for (part, value) in [
      ("width", width), ("number of layers", layers), ("feed-forward width", self.feedForward),
      ("head size", self.headSize),
    ] {
      guard value >= 1, value <= 1 << 40 else {
        throw ScalingError("the \(part) of the \(name) model is \(value); it must be a whole number from 1 on")
      }
    }
    if kind == .transformer {
      guard width % self.headSize == 0 else {
        throw ScalingError(
          "the \(name) model's width of \(width) is no multiple of its head size \(self.headSize): heads must fill the width"
        )
      }
    }
  }
}

/// Tensors of one kind: their shape in the base model and in the target.
public struct LayerGroup: Sendable, Equatable {
  public var name: String
  public var role: LayerRole
  /// Whether it lies within the residual blocks.
  public var isInBlock: Bool
  public var fanIn: Double
  public var fanOut: Double
  public var baseFanIn: Double
  public var baseFanOut: Double

  /// The ratio by which the tensor grows: its own fan-in's, or for inputs and vectors the fan-out's.
  public var ratio: Double {
    switch role {
    case .hidden, .output: fanIn / baseFanIn
    case .input, .norm, .bias: fanOut / baseFanOut
    }
  }

  static func list(from base: ModelShape, to target: ModelShape) -> [LayerGroup] {
    func group(
      _ name: String, _ role: LayerRole, _ isInBlock: Bool, _ size: (ModelShape) -> (Int, Int)
    ) -> LayerGroup {
      let (b, t) = (size(base), size(target))
      return LayerGroup(
        name: name, role: role, isInBlock: isInBlock, fanIn: Double(t.0), fanOut: Double(t.1), baseFanIn: Double(b.0),
        baseFanOut: Double(b.1))
    }
    if target.kind == .mlp {
      return [
        group("input", .input, false) { (1, $0.width) }, group("hidden", .hidden, true) { ($0.width, $0.width) },
        group("bias", .bias, true) { (1, $0.width) }, group("norm", .norm, true) { (1, $0.width) },
        group("output", .output, false) { ($0.width, 1) },
      ]
    }
    return [
      group("embedding", .input, false) { (1, $0.width) },
      group("attention_in", .hidden, true) { ($0.width, $0.width) },
      group("attention_out", .hidden, true) { ($0.width, $0.width) },
      group("feed_forward_in", .hidden, true) { ($0.width, $0.feedForward) },
      group("feed_forward_out", .hidden, true) { ($0.feedForward, $0.width) },
      group("bias", .bias, true) { (1, $0.width) }, group("norm", .norm, true) { (1, $0.width) },
      // One gain a dimension of a head, which does not grow with the width.
      group("qk_norm", .norm, true) { (1, $0.headSize) },
      group("final_norm", .norm, false) { (1, $0.width) }, group("unembedding", .output, false) { ($0.width, 1) },
    ]
  }
}
