import TrimtabNumerics

/// Approximate inference for a Gaussian process whose observations are signs: p(y | f) = Φ(y (f + c)).
///
/// The likelihood of each observation is replaced by a Gaussian "site" with a precision τ and a natural mean ν, so that the
/// posterior is N(μ, Σ) with Σ = (K⁻¹ + T)⁻¹ and μ = Σν. All is computed from B = I + √T K √T, which is well conditioned.
///
/// Sources: Rasmussen & Williams 2006, chapter 3 (Laplace, expectation propagation); Khan & Lin, "Conjugate-computation
/// variational inference", AISTATS 2017; Li, John & Solin, "Improving hyperparameter learning under approximate inference in
/// Gaussian process models", ICML 2023, arXiv 2306.04201 (the energy of expectation propagation at variational sites).
struct ProbitSites {
  enum Inference: Sendable, CaseIterable {
    case laplace
    case expectationPropagation
    case variational
  }

  let covariances: Matrix
  /// +1 or −1.
  let signs: [Double]
  /// c.
  let offset: Double
  private(set) var precisions: [Double]
  private(set) var naturals: [Double]
  /// μ, and the diagonal of Σ.
  private(set) var means: [Double]
  private(set) var variances: [Double]
  /// Σ ln Lᵢᵢ of the factor of B.
  private(set) var halfLogDeterminant = 0.0
  /// How much the sites changed in the last sweep.
  private(set) var change = Double.infinity

  /// - Parameters:
  ///   - covariances: K; both triangles are read.
  ///   - sweeps: the most rounds over all sites.
  /// - Returns: nil when B cannot be factorised.
  init?(
    _ covariances: Matrix, signs: [Double], offset: Double = 0, by inference: Inference, sweeps: Int = 100,
    tolerance: Double = 1e-6
  ) {
    precondition(covariances.rows == signs.count, "\(signs.count) signs for \(covariances.rows) points")
    self.covariances = covariances
    self.signs = signs
    self.offset = offset
    precisions = Array(repeating: 0, count: signs.count)
    naturals = precisions
    means = precisions
    variances = signs.indices.map { covariances[$0, $0] }
    for _ in 0..<sweeps {
      change = 0
      for i in signs.indices { updateSite(i, inference) }
      guard refresh() else { return nil }
      if change < tolerance { return }
    }
  }

  private mutating func updateSite(_ i: Int, _ inference: Inference) {
    let precision: Double
    let natural: Double
    let step: Double
    switch inference {
    case .laplace:
      let (slope, curvature) = Self.derivatives(signs[i], means[i] + offset)
      (precision, natural, step) = (-curvature, slope - curvature * means[i], 1)
    case .expectationPropagation:
      let cavityPrecision = 1 / variances[i] - precisions[i]
      guard cavityPrecision > 0 else { return }
      let cavityNatural = means[i] / variances[i] - naturals[i]
      let s = 1 / cavityPrecision
      let m = cavityNatural * s
      let root = (1 + s).squareRoot()
      let z = signs[i] * (m + offset) / root
      let h = _exp(NormalDistribution.logPDF(z) - NormalDistribution.logCDF(z))
      let mean = m + signs[i] * s * h / root
      let variance = s - s * s * h * (z + h) / (1 + s)
      guard variance > 0 else { return }
      precision = max(1 / variance - cavityPrecision, 0)
      natural = mean / variance - cavityNatural
      // All sites move at once, which overshoots where many points say the same.
      step = 0.5
    case .variational:
      let (slope, curvature) = Self.expectedDerivatives(signs[i], means[i] + offset, variances[i])
      let h = min(0.5 * curvature, -1e-8)
      (precision, natural, step) = (-2 * h, slope - 2 * h * means[i], 0.5)
    }
    let nextPrecision = precisions[i] + step * (precision - precisions[i])
    let nextNatural = naturals[i] + step * (natural - naturals[i])
    change = max(change, abs(nextPrecision - precisions[i]), abs(nextNatural - naturals[i]))
    precisions[i] = nextPrecision
    naturals[i] = nextNatural
  }

  /// Computes the posterior from the sites.
  private mutating func refresh() -> Bool {
    let n = signs.count
    let roots = precisions.map { $0.squareRoot() }
    var b = Matrix(rows: n, columns: n)
    var scaled = covariances
    for column in 0..<n {
      for row in 0..<n {
        scaled[row, column] *= roots[row]
        b[row, column] = scaled[row, column] * roots[column] + (row == column ? 1 : 0)
      }
    }
    guard let factor = CholeskyFactor(b) else { return false }
    halfLogDeterminant = factor.halfLogDeterminant
    factor.solve(&scaled)
    // Σν = Kν − Vᵀ(Vν).
    let naturals = Matrix(rows: n, columns: 1, storage: naturals)
    let prior = LinearAlgebra.product(covariances, naturals)
    let explained = LinearAlgebra.product(
      scaled, LinearAlgebra.product(scaled, naturals), transposingA: true)
    for i in 0..<n {
      means[i] = prior.storage[i] - explained.storage[i]
      var sum = 0.0
      for row in 0..<n { sum += scaled[row, i] * scaled[row, i] }
      variances[i] = max(covariances[i, i] - sum, 1e-12)
    }
    return means.allSatisfy(\.isFinite)
  }

  // MARK: The likelihood

  /// The derivatives of ln Φ(y f).
  static func derivatives(_ sign: Double, _ f: Double) -> (slope: Double, curvature: Double) {
    let z = sign * f
    let h = _exp(NormalDistribution.logPDF(z) - NormalDistribution.logCDF(z))
    return (sign * h, -h * (z + h))
  }

  private static func expectedDerivatives(
    _ sign: Double, _ mean: Double, _ variance: Double
  ) -> (slope: Double, curvature: Double) {
    var slope = 0.0
    var curvature = 0.0
    let deviation = variance.squareRoot()
    for (node, weight) in GaussHermite.rule {
      let (first, second) = derivatives(sign, mean + deviation * node)
      slope += weight * first
      curvature += weight * second
    }
    return (slope, curvature)
  }

  // MARK: Evidence

  /// Laplace's approximation to the logarithm of the evidence, at sites found by it.
  var laplaceEvidence: Double {
    var sum = -halfLogDeterminant
    for i in signs.indices {
      sum += NormalDistribution.logCDF(signs[i] * (means[i] + offset))
      sum -= 0.5 * means[i] * (naturals[i] - precisions[i] * means[i])
    }
    return sum
  }

  /// The lower bound on the logarithm of the evidence: E[ln p] − KL.
  var lowerBound: Double {
    var sum = -halfLogDeterminant
    for i in signs.indices {
      let deviation = variances[i].squareRoot()
      for (node, weight) in GaussHermite.rule {
        sum += weight * NormalDistribution.logCDF(signs[i] * (means[i] + deviation * node + offset))
      }
      sum -=
        0.5
        * (means[i] * naturals[i] - precisions[i] * (variances[i] + means[i] * means[i]))
    }
    return sum
  }

  /// The energy of expectation propagation at the present sites, however they were found. NaN where a cavity is improper.
  var propagationEnergy: Double {
    var sum = -halfLogDeterminant
    var explained = 0.0
    for i in signs.indices {
      let cavityPrecision = 1 / variances[i] - precisions[i]
      guard cavityPrecision > 0 else { return .nan }
      let cavityNatural = means[i] / variances[i] - naturals[i]
      let s = 1 / cavityPrecision
      sum += NormalDistribution.logCDF(signs[i] * (cavityNatural * s + offset) / (1 + s).squareRoot())
      sum += 0.5 * cavityNatural * (precisions[i] * s * cavityNatural - 2 * naturals[i]) * variances[i]
      sum += 0.5 * _log1p(precisions[i] * s)
      sum -= 0.5 * variances[i] * naturals[i] * naturals[i]
      explained += naturals[i] * means[i]
    }
    return sum + 0.5 * explained
  }
}

/// Gauss and Hermite's quadrature for expectations under the standard normal distribution.
enum GaussHermite {
  static let count = 32

  /// Nodes and weights; the weights sum to 1.
  static let rule: [(node: Double, weight: Double)] = {
    // The roots of the Hermite polynomial, by bisection between those of the one before (they interlace).
    var roots: [Double] = [0]
    for degree in 2...count {
      let bounds = [-12.0] + roots + [12.0]
      roots = (0..<degree).map { bisect(degree, bounds[$0], bounds[$0 + 1]) }
    }
    let weights = roots.map { root in
      var sum = 0.0
      for degree in 0..<count {
        let value = value(degree, root)
        sum += value * value
      }
      return 1 / sum
    }
    return zip(roots, weights).map { ($0, $1) }
  }()

  /// The normalised Hermite polynomial.
  private static func value(_ degree: Int, _ x: Double) -> Double {
    var previous = 0.0
    var current = 1.0
    for k in 0..<degree {
      (previous, current) = (
        current, (x * current - Double(k).squareRoot() * previous) / Double(k + 1).squareRoot()
      )
    }
    return current
  }

  private static func bisect(_ degree: Int, _ lower: Double, _ upper: Double) -> Double {
    var (low, high) = (lower, upper)
    let sign = value(degree, low) < 0 ? -1.0 : 1
    for _ in 0..<80 {
      let middle = 0.5 * (low + high)
      if sign * value(degree, middle) > 0 { low = middle } else { high = middle }
    }
    return 0.5 * (low + high)
  }
}
