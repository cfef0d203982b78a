import TrimtabNumerics

/// The probability Φ((offset ± mean) / √(variance + noise)) that a process, or the process turned round, lies above a line.
struct ProcessAboveZero: Sendable {
  let process: GaussianProcess
  /// 1, or −1 for the process turned round.
  let sign: Double
  let offset: Double
  /// A variance that is added to the process's own.
  let noise: Double

  private func score(_ batch: GaussianProcess.Batch, _ i: Int) -> (z: Double, deviation: Double) {
    let deviation = (batch.variances[i] + noise).squareRoot()
    return ((sign * batch.means[i] + offset) / deviation, deviation)
  }

  func logProbabilities(_ points: FeaturePoints) -> [Double] {
    let batch = process.predict(points)
    return (0..<points.count).map { NormalDistribution.logCDF(score(batch, $0).z) }
  }

  /// With gradients with respect to the points' numbers: a column a point.
  func logProbabilitiesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    let weights = Matrix(rows: process.weights.count, columns: 1, storage: process.weights)
    let (batch, _) = process.predict(points, weights: weights, withGradients: true)
    var values: [Double] = []
    var meanSlopes = Matrix(rows: 1, columns: points.count)
    var varianceSlopes: [Double] = []
    for i in 0..<points.count {
      let (z, deviation) = score(batch, i)
      let value = NormalDistribution.logCDF(z)
      let slope = _exp(NormalDistribution.logPDF(z) - value)
      values.append(value)
      meanSlopes[0, i] = sign * slope / deviation
      varianceSlopes.append(-0.5 * slope * z / (deviation * deviation))
    }
    return (
      values,
      process.gradients(batch, meanWeights: LinearAlgebra.product(weights, meanSlopes), varianceWeights: varianceSlopes)
    )
  }
}
