#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Turns gradients into steps: SGD with momentum, or Adam (Kingma and Ba, ICLR 2015), both with decoupled weight
/// decay (Loshchilov and Hutter, ICLR 2019), which shrinks weights but not biases.
final class Optimizer {
  let settings: Settings
  /// The momentum of SGD, the first moment of Adam.
  let first: FloatBuffer
  /// The second moment of Adam; empty for SGD.
  let second: FloatBuffer
  var steps: UInt64 = 0

  init(_ settings: Settings, parameterCount: Int) {
    self.settings = settings
    first = FloatBuffer(count: parameterCount)
    second = FloatBuffer(count: settings.optimizer == .adam ? parameterCount : 0)
  }

  func step(_ network: Network) {
    steps += 1
    let shrink = 1 - settings.learningRate * settings.weightDecay
    if settings.weightDecay > 0 {
      for layer in network.layers {
        let weights = network.parameters.base + layer.weights
        for index in 0..<layer.inputs * layer.outputs { weights[index] *= shrink }
      }
    }
    switch settings.optimizer {
    case .sgd: momentumStep(network)
    case .adam: adamStep(network)
    }
  }

  private func momentumStep(_ network: Network) {
    let (parameters, gradients, velocity) = (network.parameters.base, network.gradients.base, first.base)
    let (rate, momentum) = (settings.learningRate, settings.momentum)
    for index in 0..<network.parameters.count {
      let speed = momentum * velocity[index] + gradients[index]
      velocity[index] = speed
      parameters[index] -= rate * speed
    }
  }

  private func adamStep(_ network: Network) {
    let (parameters, gradients) = (network.parameters.base, network.gradients.base)
    let (mean, square) = (first.base, second.base)
    let (beta1, beta2, epsilon): (Float, Float, Float) = (0.9, 0.999, 1e-8)
    let rate = settings.learningRate / Float(1 - pow(Double(beta1), Double(steps)))
    let correction = Float(1 / (1 - pow(Double(beta2), Double(steps))).squareRoot())
    for (place, layer) in network.layers.enumerated() {
      let weightRate = place == 0 ? rate : rate * settings.widthFactor
      let isInBlock = place > 0 && place < network.layers.count - 1
      let least =
        isInBlock && settings.baseLayers > 0 ? epsilon * settings.widthFactor * settings.branchFactor : epsilon
      for index in layer.weights..<layer.end {
        let gradient = gradients[index]
        let newMean = beta1 * mean[index] + (1 - beta1) * gradient
        let newSquare = beta2 * square[index] + (1 - beta2) * gradient * gradient
        mean[index] = newMean
        square[index] = newSquare
        let own = index < layer.biases ? weightRate : rate
        parameters[index] -= own * newMean / (newSquare.squareRoot() * correction + least)
      }
    }
  }
}
