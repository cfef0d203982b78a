import TrimtabNumerics

/// An acquisition function times, for each pending point, the probability that the point is too far away to be the best's
/// neighbour: ln α(x) + Σ ln Φ((‖x − pⱼ‖ − (M − μ(pⱼ))/L) / (σ(pⱼ)/L)) with M the best value and L the steepest slope of
/// the mean.
///
/// Choices that differ count as a distance of 1.
/// Source: González, Dai, Hennig & Lawrence, "Batch Bayesian optimization via local penalization", AISTATS 2016, arXiv
/// 1505.08052. The steepest slope is that among given points, and is not polished.
public struct LocalPenalty: Acquisition {
  /// The slope where the mean is flat, as in GPyOpt.
  static let flatSlope = 10.0
  static let leastSlope = 1e-7

  private let base: any Acquisition
  private let isLogarithm: Bool
  private let pending: FeaturePoints
  private let radii: [Double]
  private let widths: [Double]

  /// - Parameters:
  ///   - base: of the same process.
  ///   - isLogarithm: whether the base is the logarithm of a gain; if not, it is made positive first.
  ///   - best: the greatest value so far.
  ///   - sample: where the slope of the mean is measured.
  public init(
    _ base: any Acquisition, isLogarithm: Bool, _ process: GaussianProcess, best: Double, pending: FeaturePoints,
    sample: FeaturePoints
  ) {
    self.base = base
    self.isLogarithm = isLogarithm
    self.pending = pending
    let slope = Self.steepest(process, sample)
    let batch = process.predict(pending)
    radii = batch.means.map { max(best - $0, 0) / slope }
    widths = batch.variances.map { ($0 + AcquisitionKind.leastVariance).squareRoot() / slope }
  }

  private static func steepest(_ process: GaussianProcess, _ sample: FeaturePoints) -> Double {
    guard sample.count > 0 else { return flatSlope }
    let weights = Matrix(rows: process.weights.count, columns: 1, storage: process.weights)
    let expansion = KernelExpansion(process.points, process.parameters)
    var square = 0.0
    var means: [Double] = []
    for start in stride(from: 0, to: sample.count, by: ModelAcquisition.chunk) {
      let part = sample.subset(start..<min(start + ModelAcquisition.chunk, sample.count))
      let batch = expansion.evaluate(part, withGradients: true)
      means += LinearAlgebra.product(batch.values, weights, transposingA: true).storage
      let ones = Matrix(rows: 1, columns: part.count, storage: Array(repeating: 1, count: part.count))
      let gradients = expansion.gradients(batch, weights: LinearAlgebra.product(weights, ones))
      for column in 0..<part.count {
        var sum = 0.0
        for j in 0..<gradients.rows { sum += gradients[j, column] * gradients[j, column] }
        square = max(square, sum)
      }
    }
    var slope = square.squareRoot()
    // Choices have no gradient, but differences.
    if sample.choiceCount > 0 {
      for i in 1..<max(1, sample.count) {
        let far = distance(sample, i, sample, i - 1)
        if far > 0.5 { slope = max(slope, abs(means[i] - means[i - 1]) / far) }
      }
    }
    return slope < leastSlope || !slope.isFinite ? flatSlope : slope
  }

  private static func distance(_ a: FeaturePoints, _ i: Int, _ b: FeaturePoints, _ j: Int) -> Double {
    var square = 0.0
    for k in 0..<a.numberCount {
      let step = a.numbers[i * a.numberCount + k] - b.numbers[j * b.numberCount + k]
      square += step * step
    }
    for k in 0..<a.choiceCount where a.choices[k][i] != b.choices[k][j] { square += 1 }
    return square.squareRoot()
  }

  // MARK: Evaluation

  public var hasGradients: Bool { base.hasGradients }
  public var numberScales: [Double] { base.numberScales }

  /// The logarithm of what is penalised, and its derivative.
  private func positive(_ value: Double) -> (value: Double, slope: Double) {
    if isLogarithm { return (value, 1) }
    // ln ln(1 + e^v), which is v far below 0 and ln v far above.
    if value < -30 { return (value, 1) }
    let softplus = value > 30 ? value : _log1p(_exp(value))
    return (_log(softplus), 1 / ((1 + _exp(-value)) * softplus))
  }

  private func z(_ points: FeaturePoints, _ i: Int, _ j: Int) -> (z: Double, distance: Double) {
    let far = Self.distance(points, i, pending, j)
    return ((far - radii[j]) / widths[j], far)
  }

  public func values(_ points: FeaturePoints) -> [Double] {
    base.values(points).enumerated().map { i, value in
      var sum = positive(value).value
      for j in radii.indices { sum += NormalDistribution.logCDF(z(points, i, j).z) }
      return sum
    }
  }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    var (values, gradients) = base.valuesAndGradients(points)
    let width = points.numberCount
    for i in values.indices {
      let (value, slope) = positive(values[i])
      values[i] = value
      for k in 0..<width { gradients[k, i] *= slope }
      for j in radii.indices {
        let (z, far) = z(points, i, j)
        let log = NormalDistribution.logCDF(z)
        values[i] += log
        guard far > 0 else { continue }
        let rate = _exp(NormalDistribution.logPDF(z) - log) / (widths[j] * far)
        for k in 0..<width {
          gradients[k, i] += rate * (points.numbers[i * width + k] - pending.numbers[j * width + k])
        }
      }
    }
    return (values, gradients)
  }
}
