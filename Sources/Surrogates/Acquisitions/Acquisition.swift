import TrimtabNumerics

/// How good configurations look to a model; greater is better.
public protocol Acquisition: Sendable {
  /// Whether ``valuesAndGradients(_:)`` may be called.
  var hasGradients: Bool { get }

  /// How far the model has to go along each number to see a change, where it has gradients.
  var numberScales: [Double] { get }

  /// The acquisition at several points; NaN or −∞ where a point is out of the question.
  func values(_ points: FeaturePoints) -> [Double]

  /// The acquisition at several points, and its gradients with respect to their numbers: a column a point.
  func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix)
}

/// An acquisition whose model is a step function.
public protocol GradientFreeAcquisition: Acquisition {}

extension GradientFreeAcquisition {
  public var hasGradients: Bool { false }

  public var numberScales: [Double] { [] }

  /// A step function's gradients are zero.
  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    (values(points), Matrix(rows: points.numberCount, columns: points.count))
  }
}
