import TrimtabNumerics

/// A network of three hidden layers of hyperbolic tangents, whose last layer is what a linear model sees of a point.
///
/// The parameters are one list of numbers, in the order: weights and biases of the first layer, of the second, of the third.
struct FeatureNetwork: Sendable, Equatable {
  static let depth = 3

  let inputs: Int
  let width: Int
  var parameters: [Double]

  /// Weights are drawn with the variance (5/3)² / (inputs of the layer), which keeps the tangents' values from shrinking from
  /// layer to layer, and biases with the deviation ½, so that units bend at different places.
  init(inputs: Int, width: Int, stream: inout RandomStream) {
    self.inputs = inputs
    self.width = width
    parameters = []
    parameters.reserveCapacity(Self.count(inputs, width))
    for layer in 0..<Self.depth {
      let columns = layer == 0 ? inputs : width
      let deviation = 5.0 / 3 / Double(max(1, columns)).squareRoot()
      for _ in 0..<width * columns { parameters.append(deviation * stream.normal()) }
      for _ in 0..<width { parameters.append(0.5 * stream.normal()) }
    }
  }

  static func count(_ inputs: Int, _ width: Int) -> Int { width * inputs + (depth - 1) * width * width + depth * width }

  /// The values of the layers at some points, a column a point; the features last.
  struct Pass {
    var layers: [Matrix]

    var features: Matrix { layers[layers.count - 1] }
  }

  private func start(_ layer: Int) -> Int {
    layer == 0 ? 0 : Self.count(inputs, width) - (Self.depth - layer) * width * (width + 1)
  }

  private func weights(_ layer: Int) -> Matrix {
    let columns = layer == 0 ? inputs : width
    return Matrix(
      rows: width, columns: columns, storage: Array(parameters[start(layer)..<start(layer) + width * columns]))
  }

  /// - Parameter points: a column a point.
  func forward(_ points: Matrix) -> Pass {
    var layers: [Matrix] = []
    for layer in 0..<Self.depth {
      var values = LinearAlgebra.product(weights(layer), layer == 0 ? points : layers[layer - 1])
      let biases = start(layer) + width * (layer == 0 ? inputs : width)
      for column in 0..<values.columns {
        for row in 0..<width {
          values.storage[column &* width &+ row] = _tanh(
            values.storage[column &* width &+ row] + parameters[biases &+ row])
        }
      }
      layers.append(values)
    }
    return Pass(layers: layers)
  }

  /// The gradients of Σ slope · feature: with respect to the parameters, and (a column a point) to the points.
  /// - Parameter slopes: one for each feature of each point.
  func backward(_ pass: Pass, _ points: Matrix, slopes: Matrix) -> (parameters: [Double], points: Matrix) {
    var gradient = [Double](repeating: 0, count: parameters.count)
    var slope = slopes
    for layer in (0..<Self.depth).reversed() {
      let values = pass.layers[layer]
      // The derivative of the tangent is one minus its square.
      for i in slope.storage.indices { slope.storage[i] *= 1 - values.storage[i] * values.storage[i] }
      let own =
        LinearAlgebra.product(slope, layer == 0 ? points : pass.layers[layer - 1], transposingB: true).storage
        + slope.rowSums
      gradient.replaceSubrange(start(layer)..<start(layer) + own.count, with: own)
      slope = LinearAlgebra.product(weights(layer), slope, transposingA: true)
    }
    return (gradient, slope)
  }
}
