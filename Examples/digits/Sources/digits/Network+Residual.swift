/// The working memory of residual blocks for one batch.
///
/// h₀ is the first layer's output; block i adds to it, h = h + factor · W·φ(h / rms(h)) + factor · b; the last layer takes
/// h / rms(h). The normalisation has no gains, and its mean square is over the units of a row.
final class ResidualMemory {
  /// Units that are no padding.
  let width: Int
  let rowLength: Int
  let factor: Float
  /// h over its root mean square, before each layer but the first.
  let normed: [FloatBuffer]
  /// 1 over that root mean square, one a row.
  let scales: [FloatBuffer]
  let stream: FloatBuffer
  /// Of the loss, by `stream`.
  let gradient: FloatBuffer

  init(layers: Int, width: Int, rowLength: Int, capacity: Int, factor: Float) {
    self.width = width
    self.rowLength = rowLength
    self.factor = factor
    normed = (0..<layers).map { _ in FloatBuffer(count: capacity * rowLength) }
    scales = (0..<layers).map { _ in FloatBuffer(count: capacity) }
    stream = FloatBuffer(count: capacity * rowLength)
    gradient = FloatBuffer(count: capacity * rowLength)
  }

  func normalise(_ index: Int, rows: Int) {
    let (output, scales) = (normed[index].base, scales[index].base)
    for row in 0..<rows {
      let values = stream.base + row * rowLength
      var square: Float = 0
      for unit in 0..<rowLength { square += values[unit] * values[unit] }
      // The constant keeps a row of zeros finite.
      let scale = 1 / (square / Float(width) + 1e-12).squareRoot()
      scales[row] = scale
      for unit in 0..<rowLength { output[row * rowLength + unit] = values[unit] * scale }
    }
  }

  /// Adds to `gradient` what comes back through a normalisation.
  func addBack(_ index: Int, _ delta: UnsafePointer<Float>, rows: Int) {
    let (values, scales) = (normed[index].base, scales[index].base)
    for row in 0..<rows {
      let place = row * rowLength
      var product: Float = 0
      for unit in place..<place + rowLength { product += delta[unit] * values[unit] }
      product /= Float(width)
      for unit in place..<place + rowLength {
        gradient.base[unit] += (delta[unit] - values[unit] * product) * scales[row]
      }
    }
  }
}

extension Network {
  /// Computes the logits of the loaded images.
  /// - Parameter silence: called with the activations of a block, by the index of the layer before it.
  func residualForward(
    rows: Int, _ silence: (_ index: Int, _ output: UnsafeMutablePointer<Float>, _ count: Int) -> Void
  ) {
    guard let memory = residual else { return }
    let count = rows * memory.rowLength
    let stream = memory.stream.base
    affine(0, rows: rows)
    stream.update(from: sums[0].base, count: count)
    for index in 1..<layers.count - 1 {
      memory.normalise(index - 1, rows: rows)
      activate(memory.normed[index - 1].base, into: inputs[index].base, count: count)
      silence(index - 1, inputs[index].base, count)
      affine(index, rows: rows)
      let branch = sums[index].base
      for unit in 0..<count { stream[unit] += memory.factor * branch[unit] }
    }
    let last = layers.count - 1
    memory.normalise(last - 1, rows: rows)
    inputs[last].base.update(from: memory.normed[last - 1].base, count: count)
    affine(last, rows: rows)
  }

  /// The gradients, from that of the logits in the last of `deltas`.
  func residualBackward(rows: Int) {
    guard let memory = residual else { return }
    let count = rows * memory.rowLength
    let gradient = memory.gradient.base
    let last = layers.count - 1
    gradient.update(repeating: 0, count: count)
    weightGradients(last, rows: rows)
    let below = deltas[0].base
    inputGradients(last, rows: rows, into: below)
    memory.addBack(last - 1, below, rows: rows)
    for index in (1..<last).reversed() {
      let delta = deltas[index].base
      for unit in 0..<count { delta[unit] = memory.factor * gradient[unit] }
      weightGradients(index, rows: rows)
      inputGradients(index, rows: rows, into: below)
      multiplyBySlope(below, memory.normed[index - 1].base, masks[index - 1].base, count: count)
      memory.addBack(index - 1, below, rows: rows)
    }
    deltas[0].base.update(from: gradient, count: count)
    weightGradients(0, rows: rows)
  }
}
