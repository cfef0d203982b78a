import TrimtabNumerics

/// The logarithm of the expected improvement by linear heads on shared features: the mean is Σ wᵢ μᵢ, the variance Σ wᵢ² σᵢ².
public struct HeadImprovement: Acquisition {
  public struct Member: Sendable {
    public var head: LinearHead
    public var weight: Double

    public init(_ head: LinearHead, weight: Double) {
      self.head = head
      self.weight = weight
    }
  }

  private let shared: SharedFeatures
  private let members: [Member]
  /// What is to be improved on.
  public var threshold: Double

  /// - Parameter members: of the same features.
  public init(_ shared: SharedFeatures, _ members: [Member], threshold: Double) {
    self.shared = shared
    self.members = members
    self.threshold = threshold
  }

  public var hasGradients: Bool { true }
  public var numberScales: [Double] { [Double](repeating: 0.5, count: shared.numberCount) }

  /// The means and variances of what the heads expect together.
  public func predict(_ points: FeaturePoints) -> (means: [Double], variances: [Double]) {
    predict(shared.features(points))
  }

  private func predict(_ features: Matrix) -> (means: [Double], variances: [Double]) {
    var means = [Double](repeating: 0, count: features.columns)
    var variances = means
    for member in members {
      let own = member.head.predict(features)
      for i in means.indices {
        means[i] += member.weight * own.means[i]
        variances[i] += member.weight * member.weight * own.variances[i]
      }
    }
    return (means, variances)
  }

  public func values(_ points: FeaturePoints) -> [Double] {
    guard points.count > 0 else { return [] }
    let (means, variances) = predict(points)
    return means.indices.map { evaluate(means[$0], variances[$0]).value }
  }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    var gradients = Matrix(rows: points.numberCount, columns: points.count)
    guard points.count > 0 else { return ([], gradients) }
    let inputs = shared.columns.matrix(points)
    let pass = shared.network.forward(inputs)
    let features = SharedFeatures.withConstant(pass.features)
    let (means, variances) = predict(features)
    let found = means.indices.map { evaluate(means[$0], variances[$0]) }
    var slopes = Matrix(rows: features.rows, columns: features.columns)
    for member in members {
      let doubts = member.head.varianceSlopes(features)
      for column in 0..<features.columns {
        let mean = member.weight * found[column].mean
        let variance = member.weight * member.weight * found[column].variance
        for row in 0..<features.rows {
          slopes[row, column] += mean * member.head.mean[row] + variance * doubts[row, column]
        }
      }
    }
    let own = shared.network.backward(pass, inputs, slopes: SharedFeatures.withoutConstant(slopes)).points
    // The network sees numbers of [0, 1] as ones of [−1, 1].
    for column in 0..<points.count {
      for j in 0..<points.numberCount { gradients[j, column] = 2 * own[j, column] }
    }
    return (found.map(\.value), gradients)
  }

  private func evaluate(_ mean: Double, _ variance: Double) -> (value: Double, mean: Double, variance: Double) {
    AcquisitionKind.logExpectedImprovement.evaluate(mean: mean, variance: variance, threshold: threshold)
  }
}
