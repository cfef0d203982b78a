#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One step of the scaling before or after a network.
enum ScalingStep: Sendable, Equatable {
  case add(Double)
  case subtract(Double)
  case divide(Double)
  case multiply(Double)
  case log
  case exp
  case negate
  /// To the nearest whole number, halves to the even one.
  case round

  func apply(_ x: Double) -> Double {
    switch self {
    case .add(let c): x + c
    case .subtract(let c): x - c
    case .divide(let c): x / c
    case .multiply(let c): x * c
    case .log: naturalLogarithm(x)
    case .exp: exponential(x)
    case .negate: -x
    case .round: x.rounded(.toNearestOrEven)
    }
  }
}

// Inside the enum `log` and `exp` are its cases.
private func naturalLogarithm(_ x: Double) -> Double { log(x) }
private func exponential(_ x: Double) -> Double { exp(x) }

/// A matrix by which vectors are multiplied; rows are padded with zeros to whole SIMD vectors.
struct DenseLayer: Sendable {
  let rows: Int
  /// Numbers in an input, without padding.
  let columns: Int
  let vectorsPerRow: Int
  private let weights: [SIMD8<Float>]
  private let bias: [Float]

  /// - Parameter weights: row-major, `bias.count` rows of `columns`.
  init(weights: [Float], bias: [Float], columns: Int) {
    rows = bias.count
    self.columns = columns
    vectorsPerRow = SIMD8<Float>.vectors(for: columns)
    var padded = [SIMD8<Float>](repeating: .zero, count: rows * vectorsPerRow)
    for row in 0..<rows {
      for column in 0..<columns {
        padded[row * vectorsPerRow + column / 8][column % 8] = weights[row * columns + column]
      }
    }
    self.weights = padded
    self.bias = bias
  }

  /// output = weights · input + bias, or output += … where `adds`.
  ///
  /// - Parameters:
  ///   - input: `vectorsPerRow` vectors.
  ///   - output: room for `rows` numbers.
  @inline(__always)
  func apply(_ input: UnsafePointer<SIMD8<Float>>, _ output: UnsafeMutablePointer<Float>, adds: Bool = false) {
    weights.withUnsafeBufferPointer { weights in
      bias.withUnsafeBufferPointer { bias in
        for row in 0..<rows {
          let start = row * vectorsPerRow
          var even = SIMD8<Float>.zero
          var odd = SIMD8<Float>.zero
          var i = 0
          // Two sums, so that one addition need not wait for the other.
          while i + 1 < vectorsPerRow {
            even += weights[start + i] * input[i]
            odd += weights[start + i + 1] * input[i + 1]
            i += 2
          }
          if i < vectorsPerRow { even += weights[start + i] * input[i] }
          let value = (even + odd).sum() + bias[row]
          output[row] = adds ? output[row] + value : value
        }
      }
    }
  }
}

extension SIMD8<Float> {
  /// How many vectors hold that many numbers.
  static func vectors(for count: Int) -> Int { (count + 7) / 8 }
}

/// A residual network of gated blocks with a sigmoid head, as YAHPO Gym's surrogates are.
///
/// With x the input, h = W₀x + b₀; each block adds W₂v + b₂, where z = scale ⊙ h + shift, u = W₁z + b₁, and vᵢ = uᵢ max(u_{m+i}, 0)
/// for the two halves of u; the outputs are sigmoid(W (max(scale ⊙ h + shift, 0)) + b).
///
/// Source: Pfisterer, Schneider, Moosbauer, Binder & Bischl, "YAHPO Gym", AutoML 2022; the network is the ResNet of Gorishniy,
/// Rubachev, Khrulkov & Babenko, "Revisiting deep learning models for tabular data", NeurIPS 2021, with ReGLU.
struct SurrogateNetwork: Sendable {
  struct Block: Sendable {
    var scale: [SIMD8<Float>]
    var shift: [SIMD8<Float>]
    var first: DenseLayer
    var second: DenseLayer
  }

  var first: DenseLayer
  var blocks: [Block]
  var lastScale: [SIMD8<Float>]
  var lastShift: [SIMD8<Float>]
  var head: DenseLayer

  var inputCount: Int { first.columns }
  var outputCount: Int { head.rows }

  static func padded(_ values: [Float]) -> [SIMD8<Float>] {
    var result = [SIMD8<Float>](repeating: .zero, count: SIMD8<Float>.vectors(for: values.count))
    for (i, value) in values.enumerated() { result[i / 8][i % 8] = value }
    return result
  }

  /// Computes the outputs, each between 0 and 1.
  ///
  /// - Parameters:
  ///   - fill: writes the `inputCount` inputs.
  ///   - use: gets the `outputCount` outputs.
  func evaluate<Result>(
    fill: (UnsafeMutableBufferPointer<Float>) -> Void, use: (UnsafeMutableBufferPointer<Double>) -> Result
  ) -> Result {
    let input = first.vectorsPerRow
    let width = head.vectorsPerRow
    let wide = blocks.map { SIMD8<Float>.vectors(for: $0.first.rows) }.max() ?? 0
    let gated = blocks.map(\.second.vectorsPerRow).max() ?? 0
    let outputs = SIMD8<Float>.vectors(for: head.rows)
    return withUnsafeTemporaryAllocation(
      of: SIMD8<Float>.self, capacity: input + 2 * width + wide + gated + outputs
    ) { scratch in
      scratch.initialize(repeating: .zero)
      return withUnsafeTemporaryAllocation(of: Double.self, capacity: head.rows) { result in
        guard let x = scratch.baseAddress else { return use(result) }
        let h = x + input
        let z = h + width
        let u = z + width
        let v = u + wide
        let o = v + gated
        x.withMemoryRebound(to: Float.self, capacity: 8 * input) {
          fill(UnsafeMutableBufferPointer(start: $0, count: inputCount))
        }
        h.withMemoryRebound(to: Float.self, capacity: 8 * width) { first.apply(x, $0) }
        for block in blocks { Self.add(block, width: width, h: h, z: z, u: u, v: v) }
        lastScale.withUnsafeBufferPointer { scale in
          lastShift.withUnsafeBufferPointer { shift in
            for i in 0..<width {
              let value = scale[i] * h[i] + shift[i]
              z[i] = value.replacing(with: 0, where: value .< 0)
            }
          }
        }
        o.withMemoryRebound(to: Float.self, capacity: 8 * outputs) { logits in
          head.apply(z, logits)
          for i in 0..<head.rows { result.initializeElement(at: i, to: 1 / (1 + exp(-Double(logits[i])))) }
        }
        return use(result)
      }
    }
  }

  @inline(__always)
  private static func add(
    _ block: Block, width: Int, h: UnsafeMutablePointer<SIMD8<Float>>, z: UnsafeMutablePointer<SIMD8<Float>>,
    u: UnsafeMutablePointer<SIMD8<Float>>, v: UnsafeMutablePointer<SIMD8<Float>>
  ) {
    block.scale.withUnsafeBufferPointer { scale in
      block.shift.withUnsafeBufferPointer { shift in
        for i in 0..<width { z[i] = scale[i] * h[i] + shift[i] }
      }
    }
    let half = block.second.columns
    let room = block.second.vectorsPerRow
    u.withMemoryRebound(to: Float.self, capacity: 2 * half) { u in
      block.first.apply(z, u)
      v.withMemoryRebound(to: Float.self, capacity: 8 * room) { v in
        for i in 0..<half { v[i] = u[i] * max(u[half + i], 0) }
        for i in half..<8 * room { v[i] = 0 }
      }
    }
    h.withMemoryRebound(to: Float.self, capacity: 8 * width) { block.second.apply(v, $0, adds: true) }
  }
}
