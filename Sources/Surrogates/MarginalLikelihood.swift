import TrimtabNumerics

/// The logarithm of the marginal likelihood of observations as a function of the logarithms of the kernel's parameters,
/// with its gradient.
///
/// The variables are ln ℓ of each number, ln ℓ of each choice, ln s², ln v and, with warping, ln a and ln b of each
/// number. The derivative of the likelihood is ½ tr((ααᵀ − K⁻¹) ∂K/∂θ); the matrix in it is made once and multiplied with
/// the coordinates, so that all length scales together cost one product of matrices.
/// Source: Rasmussen & Williams 2006, section 5.4.1.
public struct MarginalLikelihood: Sendable {
  public let points: FeaturePoints
  public let targets: [Double]
  public let warps: Bool
  public let estimatesMean: Bool

  public init(_ points: FeaturePoints, _ targets: [Double], warps: Bool = false, estimatesMean: Bool = true) {
    precondition(points.count == targets.count, "\(targets.count) targets for \(points.count) points")
    self.points = points
    self.targets = targets
    self.warps = warps
    self.estimatesMean = estimatesMean
  }

  public var variableCount: Int { (warps ? 3 : 1) * points.numberCount + points.choiceCount + 2 }
  var signalIndex: Int { points.numberCount + points.choiceCount }
  var noiseIndex: Int { signalIndex + 1 }

  public func parameters(_ variables: [Double]) -> KernelParameters {
    let p = points.numberCount
    var result = KernelParameters(
      numberScales: variables[0..<p].map(_exp), choiceScales: variables[p..<signalIndex].map(_exp),
      signal: _exp(variables[signalIndex]), noise: _exp(variables[noiseIndex]))
    if warps {
      let first = noiseIndex + 1
      result.warps = (0..<p).map {
        KumaraswamyWarp(a: _exp(variables[first + $0]), b: _exp(variables[first + p + $0]))
      }
    }
    return result
  }

  public func variables(_ parameters: KernelParameters) -> [Double] {
    var result = (parameters.numberScales + parameters.choiceScales + [parameters.signal, parameters.noise]).map(_log)
    if warps {
      let given = parameters.warps.isEmpty
      result += (0..<points.numberCount).map { given ? 0 : _log(parameters.warps[$0].a) }
      result += (0..<points.numberCount).map { given ? 0 : _log(parameters.warps[$0].b) }
    }
    return result
  }

  /// Memory for an evaluation, which the next one uses again: to get it from the system takes as long as some of the sums.
  public struct Scratch: Sendable {
    /// Covariances over configurations, their slopes, and what becomes the inverse of the whole matrix.
    var plain = Matrix(rows: 0, columns: 0)
    var terms = Matrix(rows: 0, columns: 0)
    var inverse = Matrix(rows: 0, columns: 0)
    var factor = CholeskyFactor()

    public init() {}
  }

  /// The logarithm of the likelihood and its gradient; nil where the covariance matrix cannot be factorised.
  public func evaluate(_ variables: [Double]) -> (value: Double, gradient: [Double])? {
    var scratch = Scratch()
    return evaluate(variables, &scratch)
  }

  /// The same in memory that was used before.
  public func evaluate(_ variables: [Double], _ scratch: inout Scratch) -> (value: Double, gradient: [Double])? {
    let parameters = parameters(variables)
    let n = points.count
    let scaled = MaternKernel.scale(points, parameters)
    MaternKernel.squaredDistances(scaled, scaled, choiceScales: parameters.choiceScales, into: &scratch.plain)
    MaternKernel.applyLower(&scratch.plain, &scratch.terms, parameters.signal)
    for i in 0..<n { scratch.plain[i, i] = parameters.signal + parameters.noise }
    guard scratch.factor.factorise(scratch.plain), scratch.factor.inverse(into: &scratch.inverse) else { return nil }
    let mean = estimatesMean ? GaussianProcess.generalisedMean(scratch.factor, targets) : 0
    let residuals = targets.map { $0 - mean }
    let weights = scratch.factor.solve(residuals)
    let value =
      -0.5 * LinearAlgebra.dot(residuals, weights) - scratch.factor.halfLogDeterminant - Double(n)
      * 0.918938533204672742

    // W = ααᵀ − K⁻¹; `terms` becomes G, W times −2 ∂k/∂(r²), of which the lower triangle is kept.
    var gradient = [Double](repeating: 0, count: variableCount)
    var signalSum = 0.0
    var trace = 0.0
    var sums = [Double](repeating: 0, count: n)
    let (covariances, inverse) = (scratch.plain, scratch.inverse)
    scratch.terms.storage.withUnsafeMutableBufferPointer { terms in
      for column in 0..<n {
        let diagonal = column &* n &+ column
        let own = weights[column]
        let w = own * own - inverse.storage[diagonal]
        trace += w
        signalSum += 0.5 * w * parameters.signal
        terms[diagonal] = 0
        var sum = 0.0
        for row in column &+ 1..<max(n, column &+ 1) {
          let cell = column &* n &+ row
          let w = own * weights[row] - inverse.storage[cell]
          signalSum += w * covariances.storage[cell]
          let g = w * terms[cell]
          terms[cell] = g
          sum += g
          sums[row] += g
        }
        sums[column] += sum
      }
    }
    gradient[signalIndex] = signalSum
    gradient[noiseIndex] = 0.5 * parameters.noise * trace
    addNumbers(&gradient, scratch.terms, sums, scaled, parameters)
    addChoices(&gradient, scratch.terms, parameters)
    return (value, gradient)
  }

  /// ½ Σ G δ²/ℓ² over all pairs is Σᵢ uᵢ² (G1)ᵢ − uᵀGu for the scaled coordinates u.
  func addNumbers(
    _ gradient: inout [Double], _ terms: Matrix, _ sums: [Double], _ scaled: MaternKernel.Scaled,
    _ parameters: KernelParameters
  ) {
    let p = points.numberCount
    guard p > 0 else { return }
    let n = points.count
    var coordinates = Matrix(rows: n, columns: p)
    for i in 0..<n { for j in 0..<p { coordinates.storage[j * n + i] = scaled.numbers.storage[i * p + j] } }
    let products = LinearAlgebra.symmetricProduct(terms, coordinates)
    let first = noiseIndex + 1
    for j in 0..<p {
      var sum = 0.0
      var inA = 0.0
      var inB = 0.0
      for i in 0..<n {
        let u = coordinates.storage[j * n + i]
        let force = u * sums[i] - products.storage[j * n + i]
        sum += u * force
        if warps {
          let slopes = parameters.warps[j].derivatives(points.numbers[i * p + j])
          inA -= force * slopes.lnA
          inB -= force * slopes.lnB
        }
      }
      gradient[j] = sum
      if warps {
        gradient[first + j] = inA / parameters.numberScales[j]
        gradient[first + p + j] = inB / parameters.numberScales[j]
      }
    }
  }

  func addChoices(_ gradient: inout [Double], _ terms: Matrix, _ parameters: KernelParameters) {
    let n = points.count
    for k in 0..<points.choiceCount {
      var sum = 0.0
      points.choices[k].withUnsafeBufferPointer { choices in
        terms.storage.withUnsafeBufferPointer { terms in
          for column in 0..<n {
            let choice = choices[column]
            for row in column &+ 1..<max(n, column &+ 1) {
              sum += choices[row] == choice ? 0 : terms[column &* n &+ row]
            }
          }
        }
      }
      gradient[points.numberCount + k] = sum / (parameters.choiceScales[k] * parameters.choiceScales[k])
    }
  }
}

extension MaternKernel {
  /// As ``applyValuesAndSlopes(_:_:)`` below the diagonal of a square matrix, leaving the rest of it as it is. The rest of the
  /// slopes is anything.
  static func applyLower(_ matrix: inout Matrix, _ slopes: inout Matrix, _ signal: Double) {
    let n = matrix.rows
    slopes.resize(rows: n, columns: n)
    matrix.storage.withUnsafeMutableBufferPointer { cells in
      slopes.storage.withUnsafeMutableBufferPointer { slopes in
        for column in 0..<n {
          for i in column &* n &+ column &+ 1..<max((column &+ 1) &* n, column &* n &+ column &+ 1) {
            let rho = (5 * cells[i]).squareRoot()
            let decay = signal * _exp(-rho)
            cells[i] = (1 + rho + rho * rho * (1.0 / 3)) * decay
            slopes[i] = (5.0 / 3) * (1 + rho) * decay
          }
        }
      }
    }
  }
}
