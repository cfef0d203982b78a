import TrimtabNumerics

/// Finds the parameters of a Gaussian process over configurations and levels of greatest posterior density.
///
/// What is believed of length scales and noise is in ``KernelPrior``; of the variables of a ``LevelKernel`` that they are
/// about where Syne Tune's search for them begins. The derivative of the likelihood with respect to those is taken from
/// differences of the small tables of a ``LevelCoupling``, not of the likelihood, so that it is as exact as the others.
public struct LevelFit: Sendable {
  public let kernel: LevelKernel
  private let base: GaussianProcessFit
  private let levels: [Int]
  private let variables: [LevelKernel.Variable]

  /// - Parameters:
  ///   - points: with the level as the last choice.
  ///   - scores: one a point, of mean 0 and deviation 1 or thereabouts, greater being better.
  public init(_ points: FeaturePoints, _ scores: [Double], kernel: LevelKernel, evaluations: Int = 40) {
    var options = GaussianProcessFit.Options()
    options.learnsSignal = true
    options.evaluations = evaluations
    var bare = FeaturePoints(numberCount: points.numberCount, choiceCount: points.choiceCount - 1)
    bare.reserve(points.count)
    for i in 0..<points.count { bare.append(points.numbers(of: i), points.choices(of: i).dropLast()) }
    base = GaussianProcessFit(bare, scores, options: options)
    levels = points.choices[points.choiceCount - 1].map { Int($0) }
    self.kernel = kernel
    variables = kernel.variables
  }

  private var split: Int { base.likelihood.variableCount }

  private func coupling(_ variables: some Collection<Double>) -> LevelCoupling {
    var coupling = kernel.coupling(Array(variables))
    // Scores are losses turned round.
    for i in coupling.means.indices { coupling.means[i] = -coupling.means[i] }
    return coupling
  }

  /// The parameters that these variables stand for: those of `MarginalLikelihood`, then those of the level kernel.
  public func parameters(_ variables: [Double]) -> KernelParameters {
    var result = base.likelihood.parameters(Array(variables.prefix(split)))
    result.levels = coupling(variables.dropFirst(split))
    return result
  }

  /// Where a search that knows nothing begins.
  public var coldStarts: [[Double]] {
    let rest = variables.map(\.mean)
    return base.coldStarts.map { base.likelihood.variables($0) + rest }
  }

  /// The logarithm of the marginal likelihood and its gradient; nil where the covariance matrix cannot be factorised.
  func likelihood(
    _ variables: [Double], _ scratch: inout MarginalLikelihood.Scratch
  ) -> (value: Double, gradient: [Double])? {
    let likelihood = base.likelihood
    let parameters = likelihood.parameters(Array(variables.prefix(split)))
    let coupling = coupling(variables.dropFirst(split))
    let n = levels.count
    let count = coupling.count
    let scaled = MaternKernel.scale(likelihood.points, parameters)
    MaternKernel.squaredDistances(scaled, scaled, choiceScales: parameters.choiceScales, into: &scratch.plain)
    MaternKernel.applyLower(&scratch.plain, &scratch.terms, parameters.signal)
    for i in 0..<n { scratch.plain[i, i] = parameters.signal }
    scratch.inverse.resize(rows: n, columns: n)
    let plain = scratch.plain
    scratch.inverse.storage.withUnsafeMutableBufferPointer { covariances in
      plain.storage.withUnsafeBufferPointer { plain in
        for column in 0..<n {
          let base = levels[column] &* count
          for row in column..<n {
            let pair = base &+ levels[row]
            let cell = column &* n &+ row
            covariances[cell] = plain[cell] * coupling.factors.storage[pair] + coupling.summands.storage[pair]
          }
          covariances[column &* n &+ column] += parameters.noise
        }
      }
    }
    guard scratch.factor.factorise(scratch.inverse), scratch.factor.inverse(into: &scratch.inverse) else { return nil }
    let residuals = likelihood.targets.indices.map { likelihood.targets[$0] - coupling.means[levels[$0]] }
    let weights = scratch.factor.solve(residuals)
    let value =
      -0.5 * LinearAlgebra.dot(residuals, weights) - scratch.factor.halfLogDeterminant - Double(n)
      * 0.918938533204672742

    // Sums of W = ααᵀ − K⁻¹ times the plain covariances, and of W alone, over the pairs of points at each pair of levels.
    var byFactor = [Double](repeating: 0, count: count * count)
    var bySummand = byFactor
    var byMean = [Double](repeating: 0, count: count)
    var sums = [Double](repeating: 0, count: n)
    var trace = 0.0
    let inverse = scratch.inverse
    scratch.terms.storage.withUnsafeMutableBufferPointer { terms in
      for column in 0..<n {
        let own = weights[column]
        let diagonal = column &* n &+ column
        let w = own * own - inverse.storage[diagonal]
        let level = levels[column]
        trace += w
        byFactor[level &* count &+ level] += 0.5 * w * parameters.signal
        bySummand[level &* count &+ level] += 0.5 * w
        byMean[level] += own
        terms[diagonal] = 0
        var sum = 0.0
        for row in column &+ 1..<max(n, column &+ 1) {
          let cell = column &* n &+ row
          let pair = level &* count &+ levels[row]
          let w = own * weights[row] - inverse.storage[cell]
          byFactor[pair] += w * plain.storage[cell]
          bySummand[pair] += w
          let g = w * terms[cell] * coupling.factors.storage[pair]
          terms[cell] = g
          sum += g
          sums[row] += g
        }
        sums[column] += sum
      }
    }
    var gradient = [Double](repeating: 0, count: split)
    gradient[likelihood.signalIndex] = LinearAlgebra.dot(byFactor, coupling.factors.storage)
    gradient[likelihood.noiseIndex] = 0.5 * parameters.noise * trace
    likelihood.addNumbers(&gradient, scratch.terms, sums, scaled, parameters)
    likelihood.addChoices(&gradient, scratch.terms, parameters)
    func combined(_ variables: [Double]) -> Double {
      let coupling = self.coupling(variables)
      return LinearAlgebra.dot(byFactor, coupling.factors.storage)
        + LinearAlgebra.dot(bySummand, coupling.summands.storage) + LinearAlgebra.dot(byMean, coupling.means)
    }
    var rest = Array(variables.dropFirst(split))
    let step = 1e-5
    for i in rest.indices {
      let middle = rest[i]
      rest[i] = middle + step
      let above = combined(rest)
      rest[i] = middle - step
      gradient.append((above - combined(rest)) / (2 * step))
      rest[i] = middle
    }
    return (value, gradient)
  }

  /// The negative logarithm of the posterior density and its gradient; NaN where there is none.
  public func objective(_ values: [Double]) -> (value: Double, gradient: [Double]) {
    var scratch = MarginalLikelihood.Scratch()
    return objective(values, &scratch)
  }

  /// The same in memory that was used before.
  func objective(
    _ values: [Double], _ scratch: inout MarginalLikelihood.Scratch
  ) -> (value: Double, gradient: [Double]) {
    guard let (value, slope) = likelihood(values, &scratch) else {
      return (.nan, Array(repeating: .nan, count: values.count))
    }
    let prior = base.logPrior(Array(values.prefix(split)))
    var result = -value - prior.value
    var gradient = values.indices.map { -slope[$0] - ($0 < split ? prior.gradient[$0] : 0) }
    for (i, variable) in variables.enumerated() {
      let z = (values[split + i] - variable.mean) / variable.deviation
      result += 0.5 * z * z
      gradient[split + i] += z / variable.deviation
    }
    return (result, gradient)
  }

  /// - Returns: the best variables, and whether none was better than where the search began because no density was finite.
  public func run(from starts: [[Double]]) -> (variables: [Double], isFallback: Bool) {
    let bounds = base.bounds
    let lower = bounds.lower + variables.map(\.range.lowerBound)
    let upper = bounds.upper + variables.map(\.range.upperBound)
    var settings = BoxLBFGS.Options()
    settings.tolerance = base.options.tolerance
    settings.evaluations = base.options.evaluations
    settings.leastDecrease = 1e-6
    var best = starts.first ?? coldStarts[0]
    var least = Double.infinity
    var scratch = MarginalLikelihood.Scratch()
    for start in starts {
      let run = BoxLBFGS.minimise(from: start, lower: lower, upper: upper, options: settings) {
        objective($0, &scratch)
      }
      guard run.value.isFinite, run.value < least else { continue }
      least = run.value
      best = run.best
    }
    return (best, least == .infinity)
  }
}
