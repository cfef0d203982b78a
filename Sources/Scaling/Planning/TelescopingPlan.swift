/// A sweep that is refined from width to width: full at the smallest, and at each doubling fewer points, closer together, at
/// constant cost.
///
/// Source: Shah and others, "Practical efficiency of Muon for pretraining", arXiv 2505.02222, 2025.
public struct TelescopingPlan: Sendable, Equatable {
  public struct Stage: Sendable, Equatable {
    public var width: Int
    /// Points a setting; not rounded, since the product counts.
    public var pointsEach: Double
    /// All points, rounded, at least 1.
    public var points: Int
    /// The factor between neighbouring values of a setting.
    public var spacing: Double
    /// Of one run, relative to the smallest width's.
    public var runCost: Double
    public var cost: Double { Double(points) * runCost }
  }

  public let stages: [Stage]
  public var cost: Double { stages.reduce(0) { $0 + $1.cost } }
  /// Of the first stage's grid at the last width.
  public let fullGridCost: Double

  /// - Parameters:
  ///   - base: the smallest width.
  ///   - last: the largest that is swept: `base` doubled any number of times.
  ///   - settings: how many are tuned.
  ///   - points: of each setting at the smallest width.
  ///   - spacing: the factor between values there.
  public init(base: Int, last: Int, settings: Int, points: Int, spacing: Double) throws(ScalingError) {
    guard base >= 1, last >= base, last <= 1 << 40 else {
      throw ScalingError("the widths \(base) to \(last) are impossible: the first must be 1 or more, the last no less")
    }
    guard settings >= 1, settings <= 16, points >= 2, points <= 1000 else {
      throw ScalingError(
        "a telescoping sweep needs 1 to 16 settings and 2 to 1000 points each, not \(settings) and \(points)")
    }
    guard spacing > 1, spacing.isFinite else {
      throw ScalingError("the spacing is \(shown(spacing)); it is a factor above 1")
    }
    var stages: [Stage] = []
    var (width, each, step, runCost) = (base, Double(points), spacing, 1.0)
    while width <= last {
      stages.append(
        Stage(
          width: width, pointsEach: each, points: max(1, Int(_pow(each, Double(settings)).rounded())), spacing: step,
          runCost: runCost))
      width *= 2
      each *= _pow(4, -1 / Double(settings))
      step = step.squareRoot()
      runCost *= 4
    }
    guard stages.last?.width == last else {
      throw ScalingError("\(last) is not \(base) doubled any number of times: widths double from stage to stage")
    }
    self.stages = stages
    fullGridCost = Double(stages[0].points) * (stages.last?.runCost ?? 1)
  }
}

extension FittedCurve {
  /// A run that could be made next, and what it would be worth.
  public struct NextRun: Sendable, Equatable {
    public var input: [Double]
    public var cost: Double
    /// The share of the variance of the prediction that it is expected to remove.
    public var reduction: Double
  }

  /// Candidates by how much of the variance of a prediction each removes for its cost, the best first.
  ///
  /// The fits to resampled rows say how the prediction at the target and a candidate's outcome move together; as of jointly
  /// normal numbers, observing the candidate removes cov²/(var + σ²) of the variance, σ being the deviation of the
  /// residuals.
  public func nextRuns(
    target: [Double], candidates: [(input: [Double], cost: Double)], count: Int = 200, seed: UInt64 = 0
  ) -> [NextRun] {
    let samples = samples([target] + candidates.map(\.input), count: count, seed: seed)
    guard let first = samples.first, first.count > 2 else { return [] }
    func mean(_ x: [Double]) -> Double { x.reduce(0, +) / Double(x.count) }
    func covariance(_ x: [Double], _ y: [Double]) -> Double {
      let (a, b) = (mean(x), mean(y))
      return zip(x, y).reduce(0) { $0 + ($1.0 - a) * ($1.1 - b) } / Double(x.count - 1)
    }
    let noise =
      zip(inputs, values).reduce(0) { sum, row in
        let r = predict(row.0) - row.1
        return sum + r * r
      } / Double(max(1, values.count - parameters.count))
    let variance = covariance(first, first)
    guard variance > 0 else { return [] }
    return candidates.enumerated().map { i, candidate in
      let outcome = samples[i + 1]
      let joint = covariance(first, outcome)
      let reduction = joint * joint / max(covariance(outcome, outcome) + noise, 1e-300) / variance
      return NextRun(input: candidate.input, cost: candidate.cost, reduction: min(1, reduction))
    }.sorted { $0.reduction / $0.cost > $1.reduction / $1.cost }
  }
}
