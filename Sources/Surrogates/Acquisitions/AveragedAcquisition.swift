import TrimtabNumerics

/// The mean of an acquisition function over several models, each with a share of the belief: gains are averaged, not the
/// moments of the predictions.
///
/// Source: Snoek, Larochelle & Adams, "Practical Bayesian optimization of machine learning algorithms", NeurIPS 2012,
/// section 3.1.
public struct AveragedAcquisition: Acquisition {
  private let members: [any Acquisition]
  private let areLogarithms: Bool

  /// - Parameters:
  ///   - members: at least one.
  ///   - areLogarithms: whether what is to be averaged are their exponentials.
  public init(_ members: [any Acquisition], areLogarithms: Bool) {
    self.members = members
    self.areLogarithms = areLogarithms
  }

  public var hasGradients: Bool { members.allSatisfy(\.hasGradients) }

  /// Geometric means.
  public var numberScales: [Double] {
    guard var sums = members.first?.numberScales.map(_log) else { return [] }
    for member in members.dropFirst() {
      for (j, scale) in member.numberScales.enumerated() { sums[j] += _log(scale) }
    }
    return sums.map { _exp($0 / Double(members.count)) }
  }

  /// The mean and the share of each member in its derivative.
  private func mean(_ values: [Double]) -> (value: Double, shares: [Double]) {
    let count = Double(values.count)
    guard areLogarithms else { return (values.reduce(0, +) / count, values.map { _ in 1 / count }) }
    let total = logSumExp(values)
    guard total.isFinite else { return (total, values.map { _ in 1 / count }) }
    return (total - _log(count), values.map { _exp($0 - total) })
  }

  public func values(_ points: FeaturePoints) -> [Double] {
    let all = members.map { $0.values(points) }
    return (0..<points.count).map { point in mean(all.map { $0[point] }).value }
  }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    let all = members.map { $0.valuesAndGradients(points) }
    var values: [Double] = []
    var gradients = Matrix(rows: points.numberCount, columns: points.count)
    for point in 0..<points.count {
      let (value, shares) = mean(all.map { $0.values[point] })
      values.append(value)
      for (member, share) in zip(all, shares) {
        for j in 0..<points.numberCount { gradients[j, point] += share * member.gradients[j, point] }
      }
    }
    return (values, gradients)
  }
}
