import TrimtabNumerics

/// The expected improvement at one level of a process over configurations and levels, as a function of the configuration.
///
/// Points have the share of the resource as their last number, as `SpaceFeatures` makes them; it is not looked at.
/// Outcomes of pending trials at the levels that they are to reach next are drawn from the model, and what is to be improved on
/// is the greatest mean at the level, in each draw for itself.
/// Source: Klein et al. 2020, arXiv 2003.10865, section 3.
public struct LevelAcquisition: Acquisition {
  private let base: ModelAcquisition
  private let level: Int

  /// - Parameters:
  ///   - process: with its targets; points have a level.
  ///   - known: configurations among which the best is to be improved on, without level.
  ///   - pending: with the level that each is to reach next; one that the factor cannot take is left out.
  ///   - draws: sets of outcomes; 1 for the most likely outcome.
  public init(
    _ process: GaussianProcess, level: Int, known: FeaturePoints, pending: FeaturePoints, draws: Int, seed: UInt64
  ) {
    self.level = level
    let (extended, taken) = process.believing(pending)
    let n = process.points.count
    let batch = process.predict(taken)
    var outcomes = [batch.means]
    if draws > 1, taken.count > 0, let factor = CholeskyFactor(process.covariance(batch)),
      let normals = ModelAcquisition.normals(taken.count, count: draws, seed: seed)
    {
      outcomes = normals.map { normal in
        (0..<taken.count).map { i in
          var value = batch.means[i]
          for j in 0...i { value += factor[i, j] * normal[j] }
          return value
        }
      }
    }
    var targets = Matrix(rows: n + taken.count, columns: outcomes.count)
    for (column, outcome) in outcomes.enumerated() {
      for i in 0..<n { targets[i, column] = process.residual(i) }
      for i in outcome.indices {
        targets[n + i, column] = outcome[i] - process.mean - process.parameters.offset(taken, i)
      }
    }
    extended.factor.solve(&targets)
    extended.factor.solve(&targets, transposed: true)
    let means = extended.predict(known.at(level: level), weights: targets).means
    let thresholds = (0..<outcomes.count).map { column in
      (0..<known.count).reduce(-Double.infinity) { max($0, means[$1, column]) }
    }
    base = ModelAcquisition(extended, .logExpectedImprovement, weights: targets, thresholds: thresholds)
  }

  public var hasGradients: Bool { true }
  public var numberScales: [Double] { base.numberScales + [1] }

  public func values(_ points: FeaturePoints) -> [Double] { base.values(points.withoutResource(at: level)) }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    let (values, inner) = base.valuesAndGradients(points.withoutResource(at: level))
    var gradients = Matrix(rows: points.numberCount, columns: points.count)
    for column in 0..<points.count { for j in 0..<inner.rows { gradients[j, column] = inner[j, column] } }
    return (values, gradients)
  }
}

extension FeaturePoints {
  /// The points without their last number, the resource, at a level.
  public func withoutResource(at level: Int) -> FeaturePoints {
    var result = FeaturePoints(numberCount: numberCount - 1, choiceCount: choiceCount + 1)
    result.reserve(count)
    for i in 0..<count { result.append(Array(numbers(of: i).dropLast()), choices(of: i) + [Int32(level)]) }
    return result
  }
}
