import TrimtabNumerics

/// By how much an observation at a point would lessen the doubt about the function elsewhere: the mean, over reference
/// points, of the reduction of its variance, in logarithms.
///
/// For a reference point r it is Cov(f(r), f(x))² / (Var f(x) + noise). Values of observations do not enter, so pending
/// points count exactly as if they were finished.
/// Source: Sacks, Welch, Mitchell & Wynn, "Design and analysis of computer experiments", Statistical Science 4, 1989.
public struct IntegratedVarianceReduction: GradientFreeAcquisition {
  private static let chunk = 256
  private static let least = 1e-300

  public let process: GaussianProcess
  private let reference: GaussianProcess.Batch
  private let count: Int

  /// - Parameters:
  ///   - process: with what is pending appended.
  ///   - reference: at least one point.
  public init(_ process: GaussianProcess, over reference: FeaturePoints) {
    self.process = process
    self.reference = process.predict(reference)
    count = reference.count
  }

  /// The mean deviation of the function, without noise, at the reference points.
  public var meanDeviation: Double {
    reference.variances.reduce(0) { $0 + $1.squareRoot() } / Double(max(1, count))
  }

  /// The mean reductions, not in logarithms.
  public func reductions(_ points: FeaturePoints) -> [Double] {
    var result: [Double] = []
    for start in stride(from: 0, to: points.count, by: Self.chunk) {
      let part = points.subset(start..<min(start + Self.chunk, points.count))
      let batch = process.predict(part)
      var joint = MaternKernel.covariances(reference.scaled, batch.scaled, process.parameters)
      let explained = LinearAlgebra.product(reference.whitened, batch.whitened, transposingA: true)
      for i in joint.storage.indices { joint.storage[i] -= explained.storage[i] }
      for column in 0..<part.count {
        var sum = 0.0
        for row in 0..<count { sum += joint[row, column] * joint[row, column] }
        result.append(sum / Double(max(1, count)) / (batch.variances[column] + process.parameters.noise))
      }
    }
    return result
  }

  public func values(_ points: FeaturePoints) -> [Double] {
    reductions(points).map { _log(max($0, Self.least)) }
  }
}

/// The mean difference of a Gaussian process between two sets of points, with what is known of it.
public struct ProcessContrast: Sendable, Equatable {
  /// The mean of f(a) − f(b) over the pairs.
  public let mean: Double
  /// Its posterior deviation, from the joint covariance of all points.
  public let deviation: Double
  /// The share of pairs whose difference has a certain sign: farther from 0 than two of its deviations.
  public let certainShare: Double

  /// - Precondition: as many points in both sets, at least one.
  public init(_ process: GaussianProcess, _ first: FeaturePoints, _ second: FeaturePoints) {
    let n = first.count
    var points = first
    for i in 0..<n { points.append(i, of: second) }
    let batch = process.predict(points)
    let joint = process.covariance(batch)
    var total = 0.0
    var variance = 0.0
    var certain = 0
    for i in 0..<n {
      let difference = batch.means[i] - batch.means[n + i]
      total += difference
      let own = max(0, joint[i, i] + joint[n + i, n + i] - 2 * joint[i, n + i])
      if abs(difference) > 2 * own.squareRoot() { certain += 1 }
      for j in 0..<n { variance += joint[i, j] + joint[n + i, n + j] - joint[i, n + j] - joint[n + i, j] }
    }
    mean = total / Double(n)
    deviation = (max(0, variance) / Double(n * n)).squareRoot()
    certainShare = Double(certain) / Double(n)
  }
}
