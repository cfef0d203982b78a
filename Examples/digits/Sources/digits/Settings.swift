/// The function between two layers.
enum Activation: String, CaseIterable {
  case relu, tanh, gelu
}

/// How layers follow one another.
enum Architecture: String, CaseIterable {
  /// Each layer's output goes to the next.
  case plain
  /// Each layer's output is added to what came in, which is brought to a root mean square of 1 before each layer.
  case residual
}

/// How gradients become steps.
enum OptimizerKind: String, CaseIterable {
  case sgd, adam
}

/// What is searched: all that decides, with the data, which network comes out of training.
struct Settings: Equatable {
  var learningRate: Float = 0.01
  var batchSize = 32
  var architecture = Architecture.plain
  /// Hidden layers; of a residual network the blocks between a first and a last layer.
  var layers = 2
  var width = 64
  /// The width at which the learning rate was tuned, from which muP carries it to `width`; 0 for none. With Adam alone.
  var baseWidth = 0
  /// The blocks of the network at which the learning rate was tuned, from which CompleteP carries it to `layers`; 0 for
  /// none. Of residual networks, with Adam.
  var baseLayers = 0
  var activation = Activation.relu
  var optimizer = OptimizerKind.sgd
  /// Used with `sgd` alone.
  var momentum: Float = 0.9
  /// Decoupled: weights shrink by learning rate × weight decay a step.
  var weightDecay: Float = 0
  /// The part of the hidden units that is silenced in training.
  var dropout: Float = 0
  var seed: UInt64 = 1

  /// What the standard deviation of the output's weights, and Adam's rate of all weights but the first layer's, are
  /// multiplied by: muP without forward multipliers (Yang, Hu and others 2022, arXiv 2203.03466, table 3). Hidden weights
  /// follow their inputs anyhow. Decay is multiplied by the learning rate of the base, so that it stays.
  var widthFactor: Float { baseWidth > 0 ? Float(baseWidth) / Float(width) : 1 }

  /// What the output of a block is multiplied by, and with the width's factor Adam's epsilon in it: CompleteP (Dey and
  /// others 2025, arXiv 2505.01618, table 1, α = 1), which leaves the rates as they are.
  var branchFactor: Float { baseLayers > 0 ? Float(baseLayers) / Float(layers) : 1 }

  /// As flags that `CommandLineOptions` reads back to the same settings.
  var flags: [String] {
    var flags = [
      "--learning_rate=\(learningRate)", "--batch_size=\(batchSize)", "--layers=\(layers)", "--width=\(width)",
      "--activation=\(activation.rawValue)", "--optimizer=\(optimizer.rawValue)",
    ]
    if architecture != .plain { flags.append("--architecture=\(architecture.rawValue)") }
    if baseLayers > 0 { flags.append("--base_layers=\(baseLayers)") }
    if baseWidth > 0 { flags.append("--base_width=\(baseWidth)") }
    if optimizer == .sgd { flags.append("--momentum=\(momentum)") }
    return flags + ["--weight_decay=\(weightDecay)", "--dropout=\(dropout)", "--seed=\(seed)"]
  }
}
