import TrimtabNumerics

/// One function drawn from the posterior of a Gaussian process; its maximiser is a Thompson sample.
///
/// A draw from the prior by random Fourier features is corrected by the kernel functions about the observations, which make
/// it a draw from the posterior:
///
///     f(x) = c + s wᵀϕ(x) + k(x, X) (K + vI)⁻¹ (y − c − s Φᵀw − ε),  ϕₘ(x) = √(2/M) cos(ωₘᵀ(x ⊘ ℓ) + bₘ)
///
/// Two different choices, which are at distance 1 / ℓ, are corners of a simplex with sides of that length. Draws know nothing
/// of pending points and need not: each trial draws a function of its own.
///
/// Sources: Wilson, Borovitskiy, Terenin, Mostowsky & Deisenroth, "Efficiently sampling functions from Gaussian process
/// posteriors", ICML 2020 (the correction); Rahimi & Recht, "Random features for large-scale kernel machines", NeurIPS 2007;
/// Kandasamy, Krishnamurthy, Schneider & Póczos, "Parallelised Bayesian optimisation via Thompson sampling", AISTATS 2018.
public struct PosteriorPath: Acquisition {
  static let purpose = stableHash("posterior path")
  /// Of choices with more values the columns of the first so many are kept.
  static let keptChoices = 64

  private let process: GaussianProcess
  private let expansion: KernelExpansion
  /// s √(2/M) w.
  private var amplitudes: [Double] = []
  private var phases: [Double] = []
  /// ω: a row a feature, a column a number.
  private var frequencies: Matrix
  /// What a Student-distributed frequency has on top of a normal one.
  private var spreads: [Double] = []
  /// For each choice what its first values add to the phase.
  private var choicePhases: [[[Double]]] = []
  private var corrections: [Double] = []
  private let seed: UInt64

  /// - Parameters:
  ///   - process: with its targets.
  ///   - features: M.
  public init(_ process: GaussianProcess, features: Int = 1000, seed: UInt64) {
    self.process = process
    self.seed = seed
    let parameters = process.parameters
    expansion = KernelExpansion(process.points, parameters)
    var stream = RandomStream(seed: seed, purpose: Self.purpose, index: 0)
    let scale = (2 * parameters.signal / Double(features)).squareRoot()
    frequencies = Matrix(rows: features, columns: parameters.numberScales.count)
    for _ in 0..<features {
      amplitudes.append(scale * stream.normal())
      phases.append(2 * Double.pi * stream.uniform())
      // The spectral density of a Matérn kernel of smoothness 5/2 is Student's with 5 degrees of freedom.
      var square = 0.0
      for _ in 0..<5 {
        let z = stream.normal()
        square += z * z
      }
      spreads.append((5 / max(square, 1e-12)).squareRoot())
    }
    for j in 0..<frequencies.columns {
      for m in 0..<features { frequencies[m, j] = spreads[m] * stream.normal() }
    }
    for k in parameters.choiceScales.indices {
      let greatest = Int(process.points.choices[k].max() ?? 0)
      choicePhases.append((0...min(greatest, Self.keptChoices)).map { phases(choice: k, value: Int32($0)) })
    }
    let prior = priorValues(process.points, withGradients: false).values
    let deviation = parameters.noise.squareRoot()
    let residuals = process.targets.indices.map {
      process.targets[$0] - process.mean - prior[$0] - deviation * stream.normal()
    }
    corrections = process.factor.solve(residuals)
  }

  /// What a choice's value adds to the phase of each feature.
  private func phases(choice: Int, value: Int32) -> [Double] {
    var stream = RandomStream(seed: mix(seed, UInt64(choice)), purpose: Self.purpose, index: UInt64(value) + 1)
    let scale = 0.5.squareRoot() / process.parameters.choiceScales[choice]
    return spreads.map { $0 * scale * stream.normal() }
  }

  private func priorValues(
    _ points: FeaturePoints, withGradients: Bool
  ) -> (values: [Double], gradients: Matrix?) {
    let parameters = process.parameters
    let scaled = MaternKernel.scale(points, parameters)
    var angles = LinearAlgebra.product(frequencies, scaled.numbers)
    let count = phases.count
    var rare: [Int64: [Double]] = [:]
    for column in 0..<points.count {
      for m in 0..<count { angles.storage[column &* count &+ m] += phases[m] }
      for k in choicePhases.indices {
        let value = points.choices[k][column]
        let added: [Double]
        if Int(value) < choicePhases[k].count {
          added = choicePhases[k][Int(value)]
        } else if let found = rare[Int64(k) << 32 | Int64(value)] {
          added = found
        } else {
          added = phases(choice: k, value: value)
          rare[Int64(k) << 32 | Int64(value)] = added
        }
        for m in 0..<count { angles.storage[column &* count &+ m] += added[m] }
      }
    }
    var values = [Double](repeating: 0, count: points.count)
    for column in 0..<points.count {
      var sum = 0.0
      for m in 0..<count { sum += amplitudes[m] * _cos(angles.storage[column &* count &+ m]) }
      values[column] = sum
    }
    guard withGradients else { return (values, nil) }
    for column in 0..<points.count {
      for m in 0..<count {
        let cell = column &* count &+ m
        angles.storage[cell] = -amplitudes[m] * _sin(angles.storage[cell])
      }
    }
    var gradients = LinearAlgebra.product(frequencies, angles, transposingA: true)
    let width = gradients.rows
    for cell in gradients.storage.indices {
      let j = cell % max(1, width)
      gradients.storage[cell] /= parameters.numberScales[j]
      if !parameters.warps.isEmpty {
        gradients.storage[cell] *= parameters.warps[j].derivatives(points.numbers[cell]).x
      }
    }
    return (values, gradients)
  }

  // MARK: Evaluation

  public var hasGradients: Bool { true }
  public var numberScales: [Double] { process.parameters.numberScales }

  public func values(_ points: FeaturePoints) -> [Double] {
    var result: [Double] = []
    result.reserveCapacity(points.count)
    for start in stride(from: 0, to: points.count, by: ModelAcquisition.chunk) {
      let end = min(start + ModelAcquisition.chunk, points.count)
      let part = end - start == points.count ? points : points.subset(start..<end)
      let prior = priorValues(part, withGradients: false).values
      result += add(prior, expansion.evaluate(part))
    }
    return result
  }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    let prior = priorValues(points, withGradients: true)
    let batch = expansion.evaluate(points, withGradients: true)
    var weights = Matrix(rows: corrections.count, columns: points.count)
    for column in 0..<points.count {
      for row in corrections.indices { weights[row, column] = corrections[row] }
    }
    var gradients = expansion.gradients(batch, weights: weights)
    if let own = prior.gradients {
      for cell in gradients.storage.indices { gradients.storage[cell] += own.storage[cell] }
    }
    return (add(prior.values, batch), gradients)
  }

  private func add(_ prior: [Double], _ batch: KernelExpansion.Batch) -> [Double] {
    let weights = Matrix(rows: corrections.count, columns: 1, storage: corrections)
    let sums = LinearAlgebra.product(batch.values, weights, transposingA: true)
    return prior.indices.map { process.mean + prior[$0] + sums.storage[$0] }
  }
}
