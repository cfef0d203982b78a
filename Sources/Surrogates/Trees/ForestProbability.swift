/// The logarithm of the probability of a class, as a forest of classification trees sees it.
public struct ForestProbability: GradientFreeAcquisition {
  let forest: RandomForest
  /// Trees that never saw the class still leave it a chance.
  static let least = 1e-6

  /// - Parameter forest: of labels: 1 for the class, 0 for all else.
  public init(_ forest: RandomForest) { self.forest = forest }

  public func values(_ points: FeaturePoints) -> [Double] {
    forest.predict(points).means.map { _log(max($0, Self.least)) }
  }
}
