import TrimtabNumerics

/// An acquisition of which points near some others are out of the question.
public struct KeptApart: Acquisition {
  private let base: any Acquisition
  private let others: FeaturePoints
  private let squaredDistance: Double

  /// - Parameter distance: as `FeaturePoints.squaredDistance` measures it, before it is squared.
  public init(_ base: any Acquisition, from others: FeaturePoints, distance: Double) {
    self.base = base
    self.others = others
    squaredDistance = distance * distance
  }

  public var hasGradients: Bool { base.hasGradients }
  public var numberScales: [Double] { base.numberScales }

  private func barred(_ points: FeaturePoints, _ values: [Double]) -> [Double] {
    values.indices.map { index in
      let isNear = (0..<others.count).contains { points.squaredDistance(index, to: others, $0) < squaredDistance }
      return isNear ? -.infinity : values[index]
    }
  }

  public func values(_ points: FeaturePoints) -> [Double] { barred(points, base.values(points)) }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    let found = base.valuesAndGradients(points)
    return (barred(points, found.values), found.gradients)
  }
}
