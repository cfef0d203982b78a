import TrimtabNumerics

/// The steps of Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, with the paper's constants.
struct Adam: Sendable {
  let rate: Double
  private var momentum: [Double]
  private var square: [Double]
  private var step = 0

  init(_ count: Int, rate: Double) {
    self.rate = rate
    momentum = [Double](repeating: 0, count: count)
    square = momentum
  }

  /// Moves the parameters against the gradient.
  mutating func move(_ parameters: inout [Double], against gradient: [Double]) {
    step += 1
    let first = 1 - _pow(0.9, Double(step))
    let second = 1 - _pow(0.999, Double(step))
    for i in gradient.indices {
      momentum[i] = 0.9 * momentum[i] + 0.1 * gradient[i]
      square[i] = 0.999 * square[i] + 0.001 * gradient[i] * gradient[i]
      parameters[i] -= rate * (momentum[i] / first) / ((square[i] / second).squareRoot() + 1e-8)
    }
  }
}
