/// What one epoch came to.
struct EpochResult: Equatable {
  /// The mean cross-entropy of the validation images, in nats; not finite once training has diverged.
  var loss: Double
  /// The part of the validation images that is classified correctly.
  var accuracy: Double
  var seconds: Double
}

/// A training run: network, optimiser, random state, and what each epoch so far came to.
final class Training {
  let settings: Settings
  let network: Network
  let optimizer: Optimizer
  var stream: RandomStream
  var history: [EpochResult] = []

  init(_ settings: Settings) {
    self.settings = settings
    network = Network(
      hiddenLayers: settings.layers, width: settings.width, activation: settings.activation,
      capacity: settings.batchSize, branchFactor: settings.architecture == .residual ? settings.branchFactor : nil)
    optimizer = Optimizer(settings, parameterCount: network.parameters.count)
    stream = RandomStream(state: settings.seed)
    network.initialize(
      width: settings.width, baseWidth: settings.baseWidth > 0 ? settings.baseWidth : nil,
      outputFactor: settings.widthFactor, from: &stream)
  }

  /// Trains one epoch and scores the validation images; stops within a batch once the loss is not finite.
  func runEpoch(_ digits: Digits) -> EpochResult {
    let clock = ContinuousClock()
    let start = clock.now
    var trainingLoss = 0.0
    var order = Array(0..<digits.training.count)
    stream.shuffle(&order)
    for batch in stride(from: 0, to: order.count, by: settings.batchSize) {
      let chosen = order[batch..<min(batch + settings.batchSize, order.count)]
      network.load(digits.training, chosen)
      network.forward(rows: chosen.count, dropout: settings.dropout, from: &stream)
      trainingLoss = network.score(rows: chosen.count).loss
      guard trainingLoss.isFinite else { break }
      network.backward(rows: chosen.count)
      optimizer.step(network)
    }
    let score = trainingLoss.isFinite ? network.evaluate(digits.validation) : (loss: trainingLoss, accuracy: 0)
    let result = EpochResult(loss: score.loss, accuracy: score.accuracy, seconds: (clock.now - start) / .seconds(1))
    history.append(result)
    return result
  }
}

extension Network {
  /// The mean cross-entropy and the accuracy on all images of `part`.
  func evaluate(_ part: Digits.Part) -> (loss: Double, accuracy: Double) {
    var loss = 0.0
    var correct = 0
    let all = Array(0..<part.count)
    for start in stride(from: 0, to: part.count, by: capacity) {
      let chosen = all[start..<min(start + capacity, part.count)]
      load(part, chosen)
      forward(rows: chosen.count)
      let score = score(rows: chosen.count)
      loss += score.loss
      correct += score.correct
    }
    return (loss / Double(part.count), Double(correct) / Double(part.count))
  }
}
