#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// One fully connected layer: where its numbers lie in the network's parameters.
///
/// Row lengths are padded to whole steps of `lanes`. The padding starts at zero and stays there: a padded
/// unit gives nothing to the next layer, so that no gradient ever comes back to it.
struct DenseLayer {
  let inputs: Int
  let outputs: Int
  /// inputs × outputs weights, then `outputs` biases.
  let weights: Int
  var biases: Int { weights + inputs * outputs }
  var end: Int { biases + outputs }
}

/// A multilayer perceptron, plain or with residual blocks, with a softmax output, its gradients and the working memory for
/// one batch.
final class Network {
  let layers: [DenseLayer]
  let activation: Activation
  /// The most images in one pass.
  let capacity: Int
  let parameters: FloatBuffer
  let gradients: FloatBuffer

  /// What goes into each layer: the images, then each hidden layer's output.
  let inputs: [FloatBuffer]
  /// What comes out of each layer before its activation; the last holds the logits.
  let sums: [FloatBuffer]
  /// What dropout multiplies each hidden unit with: 0, or 1 / (1 - rate).
  let masks: [FloatBuffer]
  /// The gradient of the loss at each layer's `sums`.
  let deltas: [FloatBuffer]
  private let transposed: FloatBuffer
  /// Of a network with residual blocks.
  let residual: ResidualMemory?
  private let labels: UnsafeMutablePointer<Int>

  /// - Parameters:
  ///   - hiddenLayers: between the images and the softmax; of a residual network the blocks, beside a first layer.
  ///   - branchFactor: what the output of a residual block is multiplied by; nil for a plain network.
  init(hiddenLayers: Int, width: Int, activation: Activation, capacity: Int, branchFactor: Float? = nil) {
    let last = branchFactor == nil ? hiddenLayers : hiddenLayers + 1
    var layers: [DenseLayer] = []
    for index in 0...last {
      layers.append(
        DenseLayer(
          inputs: index == 0 ? Digits.pixels : padded(width),
          outputs: padded(index == last ? Digits.classes : width),
          weights: layers.last?.end ?? 0))
    }
    self.layers = layers
    self.activation = activation
    self.capacity = capacity
    residual = branchFactor.map {
      ResidualMemory(layers: last, width: width, rowLength: padded(width), capacity: capacity, factor: $0)
    }
    let count = layers[last].end
    parameters = FloatBuffer(count: count)
    gradients = FloatBuffer(count: count)
    inputs = layers.map { FloatBuffer(count: capacity * $0.inputs) }
    sums = layers.map { FloatBuffer(count: capacity * $0.outputs) }
    masks = layers.dropLast().map { FloatBuffer(count: capacity * $0.outputs) }
    deltas = layers.map { FloatBuffer(count: capacity * $0.outputs) }
    transposed = FloatBuffer(count: layers.map { $0.inputs * $0.outputs }.max() ?? 0)
    labels = .allocate(capacity: capacity)
    labels.initialize(repeating: 0, count: capacity)
  }

  deinit {
    labels.deallocate()
  }

  /// Draws the weights; biases stay zero.
  ///
  /// Uniform with variance 2 / inputs into relu and gelu (He et al., ICCV 2015), and with variance
  /// 2 / (inputs + outputs) into tanh and the softmax (Glorot and Bengio, AISTATS 2010).
  ///
  /// - Parameters:
  ///   - baseWidth: the width by which the output's variance is chosen; `width` when left out.
  ///   - outputFactor: what the output's weights are multiplied by.
  func initialize(width: Int, baseWidth: Int? = nil, outputFactor: Float = 1, from stream: inout RandomStream) {
    for (index, layer) in layers.enumerated() {
      let realInputs = index == 0 ? Digits.pixels : width
      let isOutput = index == layers.count - 1
      let realOutputs = isOutput ? Digits.classes : width
      let fan = activation == .tanh || isOutput ? Float(realInputs + realOutputs) : Float(realInputs)
      let bound =
        isOutput ? (6 / Float((baseWidth ?? width) + realOutputs)).squareRoot() * outputFactor : (6 / fan).squareRoot()
      for row in 0..<realInputs {
        for column in 0..<realOutputs {
          parameters.base[layer.weights + row * layer.outputs + column] = stream.uniform(within: bound)
        }
      }
    }
  }

  /// Copies the images of `part` that `chosen` names to the network's input.
  func load(_ part: Digits.Part, _ chosen: ArraySlice<Int>) {
    precondition(chosen.count <= capacity)
    part.images.withUnsafeBufferPointer { images in
      guard let source = images.baseAddress else { return }
      for (row, index) in chosen.enumerated() {
        (inputs[0].base + row * Digits.pixels).update(from: source + index * Digits.pixels, count: Digits.pixels)
        labels[row] = part.labels[index]
      }
    }
  }

  /// Computes the logits of the loaded images.
  func forward(rows: Int) {
    if residual != nil { return residualForward(rows: rows) { _, _, _ in } }
    for index in layers.indices {
      affine(index, rows: rows)
      if index + 1 < layers.count {
        activate(sums[index].base, into: inputs[index + 1].base, count: rows * layers[index].outputs)
      }
    }
  }

  /// As `forward(rows:)`, silencing each hidden unit with probability `rate` (inverted dropout: the others are
  /// scaled up, so that nothing changes when the network is used).
  func forward(rows: Int, dropout rate: Float, from stream: inout RandomStream) {
    func silence(_ index: Int, _ output: UnsafeMutablePointer<Float>, _ count: Int) {
      let mask = masks[index].base
      fillMask(mask, count: count, rate: rate, from: &stream)
      if rate > 0 {
        for unit in 0..<count { output[unit] *= mask[unit] }
      }
    }
    if residual != nil { return residualForward(rows: rows, silence) }
    for index in layers.indices {
      affine(index, rows: rows)
      guard index + 1 < layers.count else { return }
      let count = rows * layers[index].outputs
      let output = inputs[index + 1].base
      activate(sums[index].base, into: output, count: count)
      silence(index, output, count)
    }
  }

  /// The summed cross-entropy of the loaded images and how many are classified correctly, from the logits.
  func score(rows: Int) -> (loss: Double, correct: Int) {
    let last = layers.count - 1
    let stride = layers[last].outputs
    var loss = 0.0
    var correct = 0
    for row in 0..<rows {
      let logits = sums[last].base + row * stride
      let delta = deltas[last].base + row * stride
      var best = 0
      for label in 1..<Digits.classes where logits[label] > logits[best] { best = label }
      var total: Float = 0
      for label in 0..<Digits.classes {
        delta[label] = expf(logits[label] - logits[best])
        total += delta[label]
      }
      for label in 0..<Digits.classes { delta[label] /= total }
      let truth = labels[row]
      loss += Double(logf(total) - (logits[truth] - logits[best]))
      if best == truth { correct += 1 }
    }
    return (loss, correct)
  }

  /// The gradients of the mean cross-entropy of the loaded images, after a `forward` with dropout and a `score`.
  func backward(rows: Int) {
    let last = layers.count - 1
    let scale = 1 / Float(rows)
    for row in 0..<rows {
      let delta = deltas[last].base + row * layers[last].outputs
      delta[labels[row]] -= 1
      for label in 0..<Digits.classes { delta[label] *= scale }
    }
    if residual != nil { return residualBackward(rows: rows) }
    for index in layers.indices.reversed() {
      let layer = layers[index]
      weightGradients(index, rows: rows)
      guard index > 0 else { return }
      let below = deltas[index - 1].base
      inputGradients(index, rows: rows, into: below)
      multiplyBySlope(below, sums[index - 1].base, masks[index - 1].base, count: rows * layer.inputs)
    }
  }

  /// The gradients of a layer's weights and biases, from that of its sums.
  func weightGradients(_ index: Int, rows: Int) {
    let layer = layers[index]
    let delta = deltas[index].base
    multiply(
      rows: layer.inputs, columns: layer.outputs, depth: rows,
      inputs[index].base, rowStride: 1, depthStride: layer.inputs,
      delta, into: gradients.base + layer.weights)
    let biases = gradients.base + layer.biases
    biases.update(repeating: 0, count: layer.outputs)
    for row in 0..<rows {
      let source = delta + row * layer.outputs
      for unit in 0..<layer.outputs { biases[unit] += source[unit] }
    }
  }

  /// The gradient of what goes into a layer, from that of its sums.
  func inputGradients(_ index: Int, rows: Int, into below: UnsafeMutablePointer<Float>) {
    let layer = layers[index]
    transpose(parameters.base + layer.weights, rows: layer.inputs, columns: layer.outputs, into: transposed.base)
    multiply(
      rows: rows, columns: layer.inputs, depth: layer.outputs,
      deltas[index].base, rowStride: layer.outputs, depthStride: 1,
      transposed.base, into: below)
  }

  /// The logits of the last pass, row after row.
  func logits(rows: Int) -> [Float] {
    let last = layers.count - 1
    return (0..<rows).flatMap { row in
      (0..<Digits.classes).map { sums[last].base[row * layers[last].outputs + $0] }
    }
  }

  func affine(_ index: Int, rows: Int) {
    let layer = layers[index]
    multiply(
      rows: rows, columns: layer.outputs, depth: layer.inputs,
      inputs[index].base, rowStride: layer.inputs, depthStride: 1,
      parameters.base + layer.weights, bias: parameters.base + layer.biases, into: sums[index].base)
  }

  private func fillMask(
    _ mask: UnsafeMutablePointer<Float>, count: Int, rate: Float, from stream: inout RandomStream
  ) {
    guard rate > 0 else {
      mask.update(repeating: 1, count: count)
      return
    }
    let threshold = UInt32(rate * 0x1p32)
    let kept = 1 / (1 - rate)
    // `count` is a multiple of `lanes`, so of the two units that one word decides.
    for pair in 0..<count / 2 {
      let word = stream.next()
      mask[2 * pair] = UInt32(truncatingIfNeeded: word) < threshold ? 0 : kept
      mask[2 * pair + 1] = UInt32(truncatingIfNeeded: word >> 32) < threshold ? 0 : kept
    }
  }

  func activate(
    _ sums: UnsafePointer<Float>, into outputs: UnsafeMutablePointer<Float>, count: Int
  ) {
    switch activation {
    case .relu:
      // A not-a-number must pass, or a diverged network would look like a dead one.
      for unit in 0..<count { outputs[unit] = sums[unit] < 0 ? 0 : sums[unit] }
    case .tanh:
      for unit in 0..<count { outputs[unit] = tanhf(sums[unit]) }
    case .gelu:
      for unit in 0..<count { outputs[unit] = sums[unit] * normalCDF(sums[unit]) }
    }
  }

  /// delta × mask × the activation's slope at `sums`.
  func multiplyBySlope(
    _ delta: UnsafeMutablePointer<Float>, _ sums: UnsafePointer<Float>, _ mask: UnsafePointer<Float>, count: Int
  ) {
    switch activation {
    case .relu:
      for unit in 0..<count { delta[unit] = sums[unit] < 0 ? 0 : delta[unit] * mask[unit] }
    case .tanh:
      for unit in 0..<count {
        let output = tanhf(sums[unit])
        delta[unit] *= mask[unit] * (1 - output * output)
      }
    case .gelu:
      for unit in 0..<count {
        let sum = sums[unit]
        let density = 0.398_942_28 * expf(-0.5 * sum * sum)
        delta[unit] *= mask[unit] * (normalCDF(sum) + sum * density)
      }
    }
  }
}

@inline(__always)
private func normalCDF(_ value: Float) -> Float {
  0.5 * (1 + erff(value * 0.707_106_77))
}
