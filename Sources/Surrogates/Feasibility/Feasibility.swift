import TrimtabNumerics

/// A model of the probability that configurations fare well in some respect.
public protocol SuccessModel: Sendable {
  /// The logarithms of the probabilities at several points.
  func logProbabilities(_ points: FeaturePoints) -> [Double]

  /// As ``logProbabilities(_:)``, with gradients with respect to the points' numbers: a column a point.
  func logProbabilitiesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix)
}

/// How likely configurations are to be solutions at all: to give a value, and to meet conditions on what they give.
public struct Feasibility: Sendable {
  /// Models, and the powers to which their probabilities are raised where candidates are compared.
  private var parts: [(model: any SuccessModel, weight: Double)] = []

  public init() {}

  public var isEmpty: Bool { parts.isEmpty }

  /// - Parameter weight: the power; 1 for the expected gain.
  public mutating func add(_ model: any SuccessModel, weight: Double = 1) { parts.append((model, weight)) }

  /// The probabilities at several points, the models taken for independent.
  public func probabilities(_ points: FeaturePoints) -> [Double] {
    sum(points) { _ in 1 }.map(_exp)
  }

  /// The logarithms of the weighed probabilities at several points.
  public func logWeights(_ points: FeaturePoints) -> [Double] { sum(points) { $0 } }

  private func sum(_ points: FeaturePoints, _ weight: (Double) -> Double) -> [Double] {
    var total = [Double](repeating: 0, count: points.count)
    for part in parts {
      for (i, value) in part.model.logProbabilities(points).enumerated() { total[i] += weight(part.weight) * value }
    }
    return total
  }

  func logWeightsAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    var values = [Double](repeating: 0, count: points.count)
    var gradients = Matrix(rows: points.numberCount, columns: points.count)
    for part in parts {
      let found = part.model.logProbabilitiesAndGradients(points)
      for i in values.indices { values[i] += part.weight * found.values[i] }
      for i in gradients.storage.indices { gradients.storage[i] += part.weight * found.gradients.storage[i] }
    }
    return (values, gradients)
  }
}

/// An acquisition function times the weighed probability that the configuration is a solution.
/// Source: Gardner, Kusner, Xu, Weinberger & Cunningham, "Bayesian optimization with inequality constraints", ICML 2014.
public struct FeasibleAcquisition: Acquisition {
  /// In logarithms; nil where nothing but feasibility counts, because there is no solution yet to be improved on.
  let base: (any Acquisition)?
  let feasibility: Feasibility

  /// - Parameter base: nil while there is no solution, so that the probability of one is maximised.
  public init(_ base: (any Acquisition)?, _ feasibility: Feasibility) {
    self.base = base
    self.feasibility = feasibility
  }

  public var hasGradients: Bool { base?.hasGradients ?? false }
  public var numberScales: [Double] { base?.numberScales ?? [] }

  public func values(_ points: FeaturePoints) -> [Double] {
    let weights = feasibility.logWeights(points)
    return base.map { zip($0.values(points), weights).map { $0 + $1 } } ?? weights
  }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    var (values, gradients) = feasibility.logWeightsAndGradients(points)
    guard let base else { return (values, gradients) }
    let other = base.valuesAndGradients(points)
    for i in values.indices { values[i] += other.values[i] }
    for i in gradients.storage.indices { gradients.storage[i] += other.gradients.storage[i] }
    return (values, gradients)
  }
}
