import TrimtabNumerics

/// The parameters of a Gaussian process with the kernel of ``MaternKernel``.
public struct KernelParameters: Sendable, Equatable {
  /// One a number.
  public var numberScales: [Double]
  /// One a choice.
  public var choiceScales: [Double]
  /// The variance of the function.
  public var signal = 1.0
  /// The variance of the noise.
  public var noise = 1e-2
  /// One a number; empty without input warping.
  public var warps: [KumaraswamyWarp] = []
  /// For functions of a configuration and a level: how levels hang together. The last choice of a point is its level then, and
  /// there is no length scale for it.
  public var levels: LevelCoupling?

  public init(numberScales: [Double], choiceScales: [Double], signal: Double = 1, noise: Double = 1e-2) {
    self.numberScales = numberScales
    self.choiceScales = choiceScales
    self.signal = signal
    self.noise = noise
  }

  public var coordinateCount: Int { numberScales.count + choiceScales.count }
}

/// The Matérn kernel of smoothness 5/2 with one length scale a coordinate, in which two different choices are at
/// distance 1.
///
///     r² = Σ δⱼ² / ℓⱼ²,  ρ = √(5 r²),  k = s² (1 + ρ + ρ²/3) e^−ρ
///
/// All derivatives are taken with respect to r², so they are finite where two points coincide.
/// Sources: Rasmussen & Williams, "Gaussian processes for machine learning", MIT Press 2006, section 4.2; Snoek,
/// Larochelle & Adams, "Practical Bayesian optimization of machine learning algorithms", NeurIPS 2012.
public enum MaternKernel {
  /// Points in the coordinates in which the kernel is isotropic.
  struct Scaled: Sendable {
    /// A column a point: the warped numbers about the middle of the cube, divided by their length scales.
    var numbers: Matrix
    /// The squared norm of each column.
    var norms: [Double]
    var choices: [[Int32]]
    var count: Int
  }

  static func scale(_ points: FeaturePoints, _ parameters: KernelParameters) -> Scaled {
    let width = points.numberCount
    var numbers = Matrix(rows: width, columns: points.count)
    var norms = [Double](repeating: 0, count: points.count)
    let inverses = parameters.numberScales.map { 1 / $0 }
    let warps = parameters.warps
    precondition(
      inverses.count == width && (warps.isEmpty || warps.count == width), "parameters of points of another kind")
    numbers.storage.withUnsafeMutableBufferPointer { target in
      points.numbers.withUnsafeBufferPointer { source in
        inverses.withUnsafeBufferPointer { inverses in
          for point in 0..<points.count {
            var norm = 0.0
            for j in 0..<width {
              let raw = source[point &* width &+ j]
              let value = ((warps.isEmpty ? raw : warps[j].value(raw)) - 0.5) * inverses[j]
              target[point &* width &+ j] = value
              norm += value * value
            }
            norms[point] = norm
          }
        }
      }
    }
    return Scaled(numbers: numbers, norms: norms, choices: points.choices, count: points.count)
  }

  /// r² for each pair: a row for each point of `a`, a column for each of `b`.
  static func squaredDistances(_ a: Scaled, _ b: Scaled, choiceScales: [Double]) -> Matrix {
    var distances = Matrix(rows: 0, columns: 0)
    squaredDistances(a, b, choiceScales: choiceScales, into: &distances)
    return distances
  }

  /// r² for each pair in the memory of another matrix.
  static func squaredDistances(_ a: Scaled, _ b: Scaled, choiceScales: [Double], into distances: inout Matrix) {
    LinearAlgebra.product(a.numbers, b.numbers, transposingA: true, scale: -2, into: &distances)
    let rows = a.count
    let weights = choiceScales.map { 1 / ($0 * $0) }
    distances.storage.withUnsafeMutableBufferPointer { target in
      a.norms.withUnsafeBufferPointer { norms in
        for column in 0..<b.count {
          let base = target.baseAddress.map { $0 + column &* rows }
          guard let base else { return }
          let norm = b.norms[column]
          for row in 0..<rows {
            let value = base[row] + norm + norms[row]
            base[row] = value > 0 ? value : 0
          }
          for k in weights.indices {
            let choice = b.choices[k][column]
            let weight = weights[k]
            a.choices[k].withUnsafeBufferPointer { choices in
              for row in 0..<rows { base[row] += choices[row] == choice ? 0 : weight }
            }
          }
        }
      }
    }
  }

  /// k of a squared distance.
  @inline(__always) static func value(_ squaredDistance: Double, _ signal: Double) -> Double {
    let rho = (5 * squaredDistance).squareRoot()
    return signal * (1 + rho + rho * rho * (1.0 / 3)) * _exp(-rho)
  }

  /// Replaces squared distances by the kernel's values.
  static func applyValues(_ matrix: inout Matrix, _ signal: Double) {
    matrix.storage.withUnsafeMutableBufferPointer { cells in
      for i in cells.indices { cells[i] = value(cells[i], signal) }
    }
  }

  /// Replaces squared distances by the kernel's values, and gives −2 ∂k/∂(r²) = (5/3) s² (1 + ρ) e^−ρ beside them.
  static func applyValuesAndSlopes(_ matrix: inout Matrix, _ signal: Double) -> Matrix {
    var slopes = Matrix(rows: matrix.rows, columns: matrix.columns)
    matrix.storage.withUnsafeMutableBufferPointer { cells in
      slopes.storage.withUnsafeMutableBufferPointer { slopes in
        for i in cells.indices {
          let rho = (5 * cells[i]).squareRoot()
          let decay = signal * _exp(-rho)
          cells[i] = (1 + rho + rho * rho * (1.0 / 3)) * decay
          slopes[i] = (5.0 / 3) * (1 + rho) * decay
        }
      }
    }
    return slopes
  }

  /// The kernel's values for each pair: a row for each point of `a`, a column for each of `b`.
  static func covariances(_ a: Scaled, _ b: Scaled, _ parameters: KernelParameters) -> Matrix {
    var matrix = squaredDistances(a, b, choiceScales: parameters.choiceScales)
    applyValues(&matrix, parameters.signal)
    if let levels = parameters.levels, let rows = a.choices.last, let columns = b.choices.last {
      var none: Matrix?
      levels.apply(&matrix, &none, rows: rows, columns: columns)
    }
    return matrix
  }

  /// The kernel's values for each pair of points.
  public static func covariances(
    _ a: FeaturePoints, _ b: FeaturePoints, _ parameters: KernelParameters
  ) -> Matrix {
    covariances(scale(a, parameters), scale(b, parameters), parameters)
  }
}

/// The distribution function of Kumaraswamy on [0, 1]: stretches a coordinate where the function varies much.
///
/// w(x) = 1 − (1 − x̃ᵃ)ᵇ with x̃ = ε + (1 − 2ε) x; the identity (but for ε = 1e-7) at a = b = 1. Outside [0, 1], where
/// only points of earlier bounds lie, it goes on as a straight line.
/// Source: Snoek, Swersky, Zemel & Adams, "Input warping for Bayesian optimization of non-stationary functions", ICML
/// 2014.
@frozen public struct KumaraswamyWarp: Sendable, Equatable {
  static let margin = 1e-7

  public var a: Double
  public var b: Double

  public init(a: Double = 1, b: Double = 1) {
    self.a = a
    self.b = b
  }

  public func value(_ x: Double) -> Double {
    guard x >= 0 else { return value(0) + x }
    guard x <= 1 else { return value(1) + (x - 1) }
    let inner = Self.margin + (1 - 2 * Self.margin) * x
    // 1 − (1 − xᵃ)ᵇ without cancellation at either end.
    return -_expm1(b * _log(-_expm1(a * _log(inner))))
  }

  /// ∂w/∂x, ∂w/∂ln a and ∂w/∂ln b.
  public func derivatives(_ x: Double) -> (x: Double, lnA: Double, lnB: Double) {
    let clamped = min(max(x, 0), 1)
    let inner = Self.margin + (1 - 2 * Self.margin) * clamped
    let logInner = _log(inner)
    let power = _exp(a * logInner)
    let rest = -_expm1(a * logInner)
    let logRest = _log(rest)
    let outer = _exp((b - 1) * logRest)
    let slope = b * outer * power
    let inX = x == clamped ? slope * a / inner * (1 - 2 * Self.margin) : 1
    return (inX, slope * a * logInner, -b * outer * rest * logRest)
  }
}
