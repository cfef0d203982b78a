import TrimtabNumerics

/// The logarithm of the expected improvement by a weighted ensemble of Gaussian processes: the mean is Σ wᵢ μᵢ, the
/// variance Σ wᵢ² σᵢ².
public struct EnsembleImprovement: Acquisition {
  public struct Member: Sendable {
    /// With its targets.
    public var process: GaussianProcess
    public var weight: Double

    public init(_ process: GaussianProcess, weight: Double) {
      self.process = process
      self.weight = weight
    }
  }

  private static let chunk = 256

  public let members: [Member]
  /// What is to be improved on.
  public var threshold: Double

  /// - Precondition: at least one member; all see points of the same kind.
  public init(_ members: [Member], threshold: Double) {
    self.members = members
    self.threshold = threshold
  }

  public var hasGradients: Bool { true }

  public var numberScales: [Double] {
    members.max { $0.weight < $1.weight }?.process.parameters.numberScales ?? []
  }

  /// The ensemble's means and variances.
  public func predict(_ points: FeaturePoints) -> (means: [Double], variances: [Double]) {
    var means = [Double](repeating: 0, count: points.count)
    var variances = means
    for start in stride(from: 0, to: points.count, by: Self.chunk) {
      let range = start..<min(start + Self.chunk, points.count)
      let part = points.count <= Self.chunk ? points : points.subset(range)
      for member in members {
        let batch = member.process.predict(part)
        for i in 0..<part.count {
          means[start + i] += member.weight * batch.means[i]
          variances[start + i] += member.weight * member.weight * batch.variances[i]
        }
      }
    }
    return (means, variances)
  }

  public func values(_ points: FeaturePoints) -> [Double] {
    let (means, variances) = predict(points)
    return means.indices.map { evaluate(means[$0], variances[$0]).value }
  }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    let parts = members.map { member in
      member.process.predict(
        points, weights: Matrix(rows: member.process.weights.count, columns: 1, storage: member.process.weights),
        withGradients: true
      ).batch
    }
    var values: [Double] = []
    var slopes: [(mean: Double, variance: Double)] = []
    for i in 0..<points.count {
      var mean = 0.0
      var variance = 0.0
      for (member, batch) in zip(members, parts) {
        mean += member.weight * batch.means[i]
        variance += member.weight * member.weight * batch.variances[i]
      }
      let found = evaluate(mean, variance)
      values.append(found.value)
      slopes.append((found.mean, found.variance))
    }
    var gradients = Matrix(rows: points.numberCount, columns: points.count)
    for (member, batch) in zip(members, parts) {
      let weights = Matrix(rows: member.process.weights.count, columns: 1, storage: member.process.weights)
      var means = Matrix(rows: 1, columns: points.count)
      for i in 0..<points.count { means[0, i] = slopes[i].mean * member.weight }
      let own = member.process.gradients(
        batch, meanWeights: LinearAlgebra.product(weights, means),
        varianceWeights: slopes.map { $0.variance * member.weight * member.weight })
      for i in gradients.storage.indices { gradients.storage[i] += own.storage[i] }
    }
    return (values, gradients)
  }

  private func evaluate(_ mean: Double, _ variance: Double) -> (value: Double, mean: Double, variance: Double) {
    AcquisitionKind.logExpectedImprovement.evaluate(mean: mean, variance: variance, threshold: threshold)
  }
}
