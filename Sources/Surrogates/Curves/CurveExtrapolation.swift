import TrimtabNumerics

/// The value at the end of a learning curve, as parametric curves fitted to its beginning predict it.
///
/// Three families with an asymptote A, an amplitude B, a scale e^p and an exponent e^q are fitted: a shifted power A + B (1 +
/// u)^(−k), a stretched exponential A + B exp(−u^k), and a Hill curve A + B / (1 + u^k), with u = t/e^p and k = e^q. They hold,
/// up to their parametrisation, the four-parameter members (pow4, exp4, Weibull, Janoschek, MMF) of Domhan, Springenberg &
/// Hutter, "Speeding up automatic hyperparameter optimization of deep neural networks by extrapolation of learning curves",
/// IJCAI 2015. Its Markov chains are replaced by sums: for given p and q a curve is linear in A and B, over which the
/// integral is a formula; p and q run over a grid. Where the data say more than the grid can tell apart, the fit of greatest
/// density (Levenberg and Marquardt's method) with a Gaussian approximation about it stands for the grid. Families are weighted
/// by their evidence, and the noise is that of the best fit.
///
/// Weak beliefs keep short curves from being extrapolated to anywhere: A lies a quarter of the way that the curve has gone
/// beyond its last value, give or take most of it, the scale within two powers of e of a quarter of the horizon, and the
/// exponent near 1. What data say outweighs them.
public struct CurveExtrapolation: Sendable {
  enum Family: CaseIterable, Sendable {
    case power
    case exponential
    case hill

    /// The shape, from 1 at the start to 0, and its derivatives by p and q.
    @inline(__always) func shape(_ t: Double, _ p: Double, _ q: Double) -> (value: Double, byP: Double, byQ: Double) {
      let u = t * _exp(-p)
      let k = _exp(q)
      switch self {
      case .power:
        let log = _log(1 + u)
        let value = _exp(-k * log)
        return (value, k * value * u / (1 + u), -k * log * value)
      case .exponential:
        let log = _log(u)
        let w = _exp(min(k * log, 700))
        let value = _exp(-w)
        return (value, k * w * value, -k * log * w * value)
      case .hill:
        let log = _log(u)
        let w = _exp(min(k * log, 300))
        let value = 1 / (1 + w)
        return (value, k * w * value * value, -k * log * w * value * value)
      }
    }
  }

  /// Of one point of the grid, or of a family.
  private struct Prediction: Sendable {
    var mean: Double
    var deviation: Double
    var weight: Double
  }

  /// Curves of more points are thinned to so many, evenly.
  static let pointLimit = 64
  /// The least number of points: one more than there are parameters.
  public static let leastPoints = 5

  private var predictions: [Prediction] = []
  private let degrees: Double

  /// - Parameters:
  ///   - resources: ascending, positive, at least ``leastPoints``.
  ///   - values: one a resource.
  ///   - horizon: the resource at which the value is predicted.
  /// - Returns: nil when there are too few points, or values that are not finite.
  public init?(resources: [Double], values: [Double], horizon: Double) {
    precondition(resources.count == values.count, "\(values.count) values at \(resources.count) resources")
    guard values.count >= Self.leastPoints, values.allSatisfy(\.isFinite), horizon > 0, horizon.isFinite else {
      return nil
    }
    let count = min(values.count, Self.pointLimit)
    let chosen = (0..<count).map { $0 * (values.count - 1) / (count - 1) }
    let low = values.min() ?? 0
    let range = (values.max() ?? 0) - low
    degrees = Double(count - 4)
    guard range.isFinite else { return nil }
    guard range > 0 else {
      predictions = [Prediction(mean: low, deviation: 0, weight: 1)]
      return
    }
    let times = chosen.map { resources[$0] / horizon }
    let scaled = chosen.map { (values[$0] - low) / range }
    var fits = Family.allCases.compactMap { Fit($0, times, scaled) }
    // One noise for all: a family that fits badly must not excuse itself with more.
    guard let noise = fits.map(\.noise).min() else { return nil }
    var logWeights: [Double] = []
    for i in fits.indices {
      for part in fits[i].predictions(noise: noise) {
        predictions.append(
          Prediction(mean: low + range * part.mean, deviation: range * part.deviation, weight: 0))
        logWeights.append(part.logEvidence)
      }
    }
    let total = logSumExp(logWeights)
    guard total.isFinite else { return nil }
    for i in predictions.indices { predictions[i].weight = _exp(logWeights[i] - total) }
  }

  /// The mean of the predicted value.
  public var mean: Double { predictions.reduce(0) { $0 + $1.weight * $1.mean } }

  /// The probability that the value at the horizon is below `value`.
  public func probability(below value: Double) -> Double {
    predictions.reduce(0) { sum, prediction in
      let distance = prediction.mean - value
      if prediction.deviation <= 0 { return sum + (distance < 0 ? prediction.weight : 0) }
      return sum + prediction.weight * UpperTail.studentT(distance / prediction.deviation, degrees: degrees)
    }
  }

  /// One family fitted to values that run from 0 to 1 over times that run up to 1 at the horizon.
  private struct Fit {
    /// The least noise, as a share of the range: what rounding leaves of a curve without noise.
    static let leastNoise = 1e-7
    static let scaleCentre = _log(0.25)
    /// What a curve that falls is believed to fall further, as a share of what it fell.
    static let furtherShare = 0.25
    /// 1 / variance of what is believed of A, B, p and q.
    static let precisions = [2, 0.04, 0.25, 2]
    static let noiseRounds = 5
    static let steps = 60
    /// The grid of p and q.
    static let scaleStep = 0.41
    static let exponentStep = 0.2
    static let scales = stride(from: _log(0.005), through: _log(8), by: scaleStep)
    static let exponents = stride(from: -1.4, through: 1.4, by: exponentStep)
    /// By how much the logarithm of the density at its greatest must exceed that on the grid for the grid to be too coarse.
    static let coarseness = 2.0

    let family: Family
    let times: [Double]
    let values: [Double]
    let centres: [Double]
    private(set) var parameters: [Double] = []
    private(set) var noise = 0.02

    init?(_ family: Family, _ times: [Double], _ values: [Double]) {
      self.family = family
      self.times = times
      self.values = values
      let last = values[values.count - 1]
      centres = [last + Self.furtherShare * (last - values[0]), 0, Self.scaleCentre, 0]
      let starts = [0.02, 0.1, 0.4, 1.5].flatMap { scale in [-0.4, 0.4].map { start(_log(scale), $0) } }
      for round in 0..<Self.noiseRounds {
        let candidates = round == 0 ? starts : [parameters]
        var best: (parameters: [Double], misfit: Double)?
        for candidate in candidates {
          let found = minimise(candidate)
          if found.misfit.isFinite, found.misfit < best?.misfit ?? .infinity { best = found }
        }
        guard let best else { return nil }
        parameters = best.parameters
        let freedom = Double(max(1, values.count - 4))
        noise = max(Self.leastNoise, (residualSum(parameters) / freedom).squareRoot())
      }
    }

    /// A and B by least squares for a given p and q.
    private func start(_ p: Double, _ q: Double) -> [Double] {
      let shapes = times.map { family.shape($0, p, q).value }
      let n = Double(times.count)
      let (meanShape, meanValue) = (shapes.reduce(0, +) / n, values.reduce(0, +) / n)
      var (top, bottom) = (0.0, 1e-9)
      for (shape, value) in zip(shapes, values) {
        top += (shape - meanShape) * (value - meanValue)
        bottom += (shape - meanShape) * (shape - meanShape)
      }
      let amplitude = max(-5, min(5, top / bottom))
      return [meanValue - amplitude * meanShape, amplitude, p, q]
    }

    private func residualSum(_ parameters: [Double]) -> Double {
      var sum = 0.0
      for (t, y) in zip(times, values) {
        let residual = parameters[0] + parameters[1] * family.shape(t, parameters[2], parameters[3]).value - y
        sum += residual * residual
      }
      return sum
    }

    private func misfit(_ parameters: [Double]) -> Double {
      var sum = residualSum(parameters)
      for j in 0..<4 {
        let distance = parameters[j] - centres[j]
        sum += noise * noise * Self.precisions[j] * distance * distance
      }
      return sum
    }

    /// Half the gradient of the misfit, and half its second derivatives in Gauss and Newton's approximation.
    private func normalEquations(_ parameters: [Double]) -> (gradient: [Double], curvature: Matrix) {
      var gradient = [Double](repeating: 0, count: 4)
      var curvature = Matrix(rows: 4, columns: 4)
      var row = [1.0, 0, 0, 0]
      for (t, y) in zip(times, values) {
        let shape = family.shape(t, parameters[2], parameters[3])
        row[1] = shape.value
        row[2] = parameters[1] * shape.byP
        row[3] = parameters[1] * shape.byQ
        let residual = parameters[0] + parameters[1] * shape.value - y
        for i in 0..<4 {
          gradient[i] += row[i] * residual
          for j in 0...i { curvature[i, j] += row[i] * row[j] }
        }
      }
      for j in 0..<4 {
        gradient[j] += noise * noise * Self.precisions[j] * (parameters[j] - centres[j])
        curvature[j, j] += noise * noise * Self.precisions[j]
      }
      return (gradient, curvature)
    }

    /// Levenberg and Marquardt's steps (Marquardt, SIAM J. Appl. Math. 11(2), 1963).
    private func minimise(_ start: [Double]) -> (parameters: [Double], misfit: Double) {
      var parameters = start
      var value = misfit(start)
      var damping = 1e-2
      for _ in 0..<Self.steps {
        let (gradient, curvature) = normalEquations(parameters)
        var hasMoved = false
        while damping < 1e10 {
          var damped = curvature
          for j in 0..<4 { damped[j, j] += damping * (curvature[j, j] + 1e-12) }
          if let factor = CholeskyFactor(damped) {
            let step = factor.solve(gradient)
            let next = zip(parameters, step).map { $0 - $1 }
            // Beyond these the shape is flat, and p and q mean nothing.
            if abs(next[2]) < 15, abs(next[3]) < 3 {
              let nextValue = misfit(next)
              if nextValue < value {
                hasMoved = value - nextValue > 1e-13 * value
                (parameters, value) = (next, nextValue)
                damping = max(damping / 5, 1e-12)
                break
              }
            }
          }
          damping *= 5
        }
        if !hasMoved { break }
      }
      return (parameters, value)
    }

    struct Part {
      var mean: Double
      /// With the noise of one report.
      var deviation: Double
      /// The logarithm of its share of the density of the data, up to what is the same for all families.
      var logEvidence: Double
    }

    /// The value at the horizon.
    mutating func predictions(noise: Double) -> [Part] {
      self.noise = noise
      let grid = Self.scales.flatMap { p in Self.exponents.map { q in part(p, q) } }
      let bestOfGrid = grid.map(\.logDensity).max() ?? -.infinity
      let best = part(parameters[2], parameters[3])
      guard best.logDensity > bestOfGrid + Self.coarseness, let peak = peak() else {
        let area = _log(Self.scaleStep * Self.exponentStep)
        return grid.map { Part(mean: $0.mean, deviation: $0.deviation, logEvidence: $0.logDensity + area) }
      }
      return [peak]
    }

    /// For given p and q, with A and B integrated out.
    private func part(_ p: Double, _ q: Double) -> (mean: Double, deviation: Double, logDensity: Double) {
      let precision = 1 / (noise * noise)
      var (aa, ab, bb) = (Self.precisions[0], 0.0, Self.precisions[1])
      var (a, b) = (Self.precisions[0] * centres[0], Self.precisions[1] * centres[1])
      for (t, y) in zip(times, values) {
        let shape = family.shape(t, p, q).value
        aa += precision
        ab += precision * shape
        bb += precision * shape * shape
        a += precision * y
        b += precision * shape * y
      }
      let determinant = aa * bb - ab * ab
      let asymptote = (bb * a - ab * b) / determinant
      let amplitude = (aa * b - ab * a) / determinant
      let misfit = misfit([asymptote, amplitude, p, q])
      let end = family.shape(1, p, q).value
      let variance = noise * noise + (bb - 2 * ab * end + aa * end * end) / determinant
      return (
        asymptote + amplitude * end, variance.squareRoot(), -0.5 * precision * misfit - 0.5 * _log(determinant)
      )
    }

    /// All of the density in a Gaussian about its greatest value.
    private func peak() -> Part? {
      let shape = family.shape(1, parameters[2], parameters[3])
      let row = [1, shape.value, parameters[1] * shape.byP, parameters[1] * shape.byQ]
      guard let factor = CholeskyFactor(normalEquations(parameters).curvature) else { return nil }
      let variance = noise * noise * (1 + LinearAlgebra.dot(row, factor.solve(row)))
      // Half the logarithm of the determinant of the curvature in units of the noise, without p's and q's factor of 2π.
      let volume = _log(2 * Double.pi) - factor.halfLogDeterminant + 4 * _log(noise)
      return Part(
        mean: parameters[0] + parameters[1] * shape.value, deviation: variance.squareRoot(),
        logEvidence: -0.5 * misfit(parameters) / (noise * noise) + volume)
    }
  }
}
