/// The function between two layers.
enum Activation: String, CaseIterable {
  case relu, tanh, gelu
}

/// How gradients become steps.
enum OptimizerKind: String, CaseIterable {
  case sgd, adam
}

/// What is searched: all that decides, with the data, which network comes out of training.
struct Settings: Equatable {
  var learningRate: Float = 0.01
  var batchSize = 32
  var layers = 2
  var width = 64
  /// The width at which the learning rate was tuned, from which muP carries it to `width`; 0 for none. With Adam alone.
  var baseWidth = 0
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

  /// As flags that `CommandLineOptions` reads back to the same settings.
  var flags: [String] {
    var flags = [
      "--learning_rate=\(learningRate)", "--batch_size=\(batchSize)", "--layers=\(layers)", "--width=\(width)",
      "--activation=\(activation.rawValue)", "--optimizer=\(optimizer.rawValue)",
    ]
    if baseWidth > 0 { flags.append("--base_width=\(baseWidth)") }
    if optimizer == .sgd { flags.append("--momentum=\(momentum)") }
    return flags + ["--weight_decay=\(weightDecay)", "--dropout=\(dropout)", "--seed=\(seed)"]
  }
}
