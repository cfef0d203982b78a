import TrimtabNumerics

/// A network of two hidden layers of rectified linear units with some outputs, for tables of at most some thousand rows.
///
/// The parameters are one list of numbers, in the order: weights and biases of the first layer, of the second, and of the
/// output.
struct SmallNetwork: Sendable {
  let inputs: Int
  let width: Int
  let outputs: Int
  var parameters: [Double]

  /// Weights are drawn with the variance 2 / (inputs of the layer). Source: He, Zhang, Ren & Sun, "Delving deep into
  /// rectifiers", ICCV 2015.
  init(inputs: Int, width: Int, outputs: Int = 1, stream: inout RandomStream) {
    self.inputs = inputs
    self.width = width
    self.outputs = outputs
    parameters = []
    parameters.reserveCapacity(Self.count(inputs, width, outputs))
    for (rows, columns, gain) in [(width, inputs, 2.0), (width, width, 2.0), (outputs, width, 1.0)] {
      let deviation = (gain / Double(max(1, columns))).squareRoot()
      for _ in 0..<rows * columns { parameters.append(deviation * stream.normal()) }
      for _ in 0..<rows { parameters.append(0) }
    }
  }

  static func count(_ inputs: Int, _ width: Int, _ outputs: Int = 1) -> Int {
    width * inputs + width * width + 2 * width + outputs * (width + 1)
  }

  /// The values of the hidden layers at some points.
  struct Pass {
    var first: Matrix
    var second: Matrix
    /// Those of the first point, then those of the second, …
    var outputs: [Double]
  }

  private func matrix(_ start: Int, _ rows: Int, _ columns: Int) -> Matrix {
    Matrix(rows: rows, columns: columns, storage: Array(parameters[start..<start + rows * columns]))
  }

  private var secondStart: Int { width * inputs + width }
  private var outputStart: Int { secondStart + width * width + width }

  private func activate(_ values: inout Matrix, biases start: Int) {
    let rows = values.rows
    for column in 0..<values.columns {
      for row in 0..<rows {
        let value = values.storage[column &* rows &+ row] + parameters[start &+ row]
        values.storage[column &* rows &+ row] = value > 0 ? value : 0
      }
    }
  }

  /// - Parameter points: a column a point.
  func forward(_ points: Matrix) -> Pass {
    var first = LinearAlgebra.product(matrix(0, width, inputs), points)
    activate(&first, biases: width * inputs)
    var second = LinearAlgebra.product(matrix(secondStart, width, width), first)
    activate(&second, biases: secondStart + width * width)
    var values = LinearAlgebra.product(matrix(outputStart, outputs, width), second).storage
    let bias = outputStart + outputs * width
    for i in values.indices { values[i] += parameters[bias + i % outputs] }
    return Pass(first: first, second: second, outputs: values)
  }

  /// The gradients of Σ slope · output: with respect to the parameters, and (a column a point) to the points.
  /// - Parameter slopes: in the order of the outputs.
  func backward(_ pass: Pass, _ points: Matrix, slopes: [Double]) -> (parameters: [Double], points: Matrix) {
    let slope = Matrix(rows: outputs, columns: slopes.count / outputs, storage: slopes)
    var gradient = [Double]()
    gradient.reserveCapacity(parameters.count)
    var second = LinearAlgebra.product(matrix(outputStart, outputs, width), slope, transposingA: true)
    Self.mask(&second, by: pass.second)
    var first = LinearAlgebra.product(matrix(secondStart, width, width), second, transposingA: true)
    Self.mask(&first, by: pass.first)
    gradient += LinearAlgebra.product(first, points, transposingB: true).storage
    gradient += first.rowSums
    gradient += LinearAlgebra.product(second, pass.first, transposingB: true).storage
    gradient += second.rowSums
    gradient += LinearAlgebra.product(slope, pass.second, transposingB: true).storage
    gradient += slope.rowSums
    return (gradient, LinearAlgebra.product(matrix(0, width, inputs), first, transposingA: true))
  }

  private static func mask(_ values: inout Matrix, by active: Matrix) {
    for i in values.storage.indices where active.storage[i] <= 0 { values.storage[i] = 0 }
  }
}
