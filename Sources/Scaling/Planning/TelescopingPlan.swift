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
