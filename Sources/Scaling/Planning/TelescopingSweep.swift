/// A telescoping sweep as it goes: which runs of a ``TelescopingPlan`` come next, by what those so far found.
///
/// Each stage's grid lies around the best of the stage before; where the best lies on the edge of its grid, the stage is
/// repeated around it, as the source of the plan says.
public struct TelescopingSweep: Sendable {
  /// A setting that is swept on a logarithmic grid.
  public struct Setting: Sendable, Equatable {
    public var name: String
    public var range: ClosedRange<Double>

    /// - Throws: `ScalingError` unless both ends are above 0 and differ.
    public init(_ name: String, low: Double, high: Double) throws(ScalingError) {
      guard low.isFinite, high.isFinite, low > 0, low < high else {
        throw ScalingError(
          "\(name): from \(shown(low)) to \(shown(high)) is no range for a logarithmic grid: both must be above 0, and rise"
        )
      }
      self.name = name
      range = low...high
    }
  }

  public struct Trial: Sendable, Equatable {
    public var width: Int
    /// One number a setting.
    public var values: [Double]
    /// Nil while it is not known; infinite for what failed.
    public var loss: Double?

    public init(width: Int, values: [Double], loss: Double?) {
      self.width = width
      self.values = values
      self.loss = loss
    }
  }

  public struct Final: Sendable, Equatable {
    public var name: String
    public var value: Double
    /// Half a step of the last mesh that compared values, and the optimum's move to it, either way: the optimum at n is
    /// x* − α/n, so that what is left of its way is no longer than its last move. This bound is Trimtab's.
    public var interval: ClosedRange<Double>
  }

  public enum Step: Sendable, Equatable {
    /// Runs of a stage have not ended.
    case wait(width: Int, unfinished: Int)
    /// To be run. `edge` names the setting whose best was on the edge, for which the stage is repeated; `leftOut` counts
    /// points of the grid outside of the ranges.
    case run(width: Int, points: [[Double]], edge: String?, leftOut: Int)
    /// The best of the last width.
    case done([Final], loss: Double)
  }

  public let plan: TelescopingPlan
  public let settings: [Setting]
  /// The factor between neighbouring values of each setting at the smallest width.
  public let spacing: [Double]

  /// - Parameters:
  ///   - base: the smallest width.
  ///   - last: the largest that is swept.
  ///   - points: of each setting at the smallest width, over its whole range.
  /// - Throws: `ScalingError` for what `TelescopingPlan` refuses.
  public init(base: Int, last: Int, settings: [Setting], points: Int) throws(ScalingError) {
    let spacing = settings.map { _pow($0.range.upperBound / $0.range.lowerBound, 1 / Double(max(1, points - 1))) }
    plan = try TelescopingPlan(
      base: base, last: last, settings: settings.count, points: points, spacing: spacing.max() ?? 2)
    self.settings = settings
    self.spacing = spacing
  }

  /// The largest width that is swept.
  public var lastWidth: Int { plan.stages.last?.width ?? 0 }

  /// The factors between neighbouring values of the settings at a width.
  public func spacings(_ width: Int) -> [Double] {
    let stage = plan.stages.firstIndex { $0.width == width } ?? 0
    return settings.indices.map { spacing($0, stage) }
  }

  /// The factor between neighbouring values of a setting in a stage.
  func spacing(_ setting: Int, _ stage: Int) -> Double { _pow(spacing[setting], _pow(0.5, Double(stage))) }

  /// The grid of a stage around a centre, within the ranges, and how many of its points lie outside.
  func grid(_ stage: Int, around centre: [Double]?) -> (points: [[Double]], leftOut: Int) {
    let count = max(1, Int(plan.stages[stage].pointsEach.rounded()))
    var all = 1
    let axes = settings.indices.map { j -> [Double] in
      let range = settings[j].range
      let middle = centre?[j] ?? (range.lowerBound * range.upperBound).squareRoot()
      let step = spacing(j, stage)
      all *= count
      return (0..<count).map { middle * _pow(step, Double($0) - Double(count - 1) / 2) }
        .filter { $0 >= range.lowerBound * (1 - 1e-9) && $0 <= range.upperBound * (1 + 1e-9) }
        .map { min(max($0, range.lowerBound), range.upperBound) }
    }
    let points = axes.reduce([[]]) { points, axis in points.flatMap { point in axis.map { point + [$0] } } }
    return (points, all - points.count)
  }

  private static func isNear(_ a: [Double], _ b: [Double]) -> Bool {
    zip(a, b).allSatisfy { abs($0 / $1 - 1) < 1e-6 }
  }

  /// What comes next, by the trials so far.
  /// - Throws: `ScalingError` where all runs of a width failed.
  public func next(_ trials: [Trial]) throws(ScalingError) -> Step {
    var optima: [Trial] = []
    for (i, stage) in plan.stages.enumerated() {
      let own = trials.filter { $0.width == stage.width }
      if own.isEmpty {
        let (points, leftOut) = grid(i, around: optima.last?.values)
        return .run(width: stage.width, points: points, edge: nil, leftOut: leftOut)
      }
      let unfinished = own.count { $0.loss == nil }
      if unfinished > 0 { return .wait(width: stage.width, unfinished: unfinished) }
      guard let found = own.filter({ $0.loss?.isFinite == true }).min(by: { ($0.loss ?? 0) < ($1.loss ?? 0) }) else {
        throw ScalingError("all \(own.count) runs at width \(stage.width) failed: there is nothing to go on from")
      }
      // Of two values each is an edge, so that this would never end.
      let edge = settings.indices.first { j in
        let values = Set(own.map { $0.values[j] })
        return values.count > 2 && (found.values[j] == values.min() || found.values[j] == values.max())
      }
      if let edge {
        let (points, leftOut) = grid(i, around: found.values)
        let new = points.filter { point in !own.contains { Self.isNear($0.values, point) } }
        // None where the optimum lies at the end of the whole range.
        if new.contains(where: { isOutside($0[edge], own, edge) }) {
          return .run(width: stage.width, points: new, edge: settings[edge].name, leftOut: leftOut)
        }
      }
      optima.append(found)
    }
    guard let best = optima.last, let loss = best.loss else {
      throw ScalingError("a sweep without stages has no result")
    }
    return .done(settings.indices.map { final($0, optima, trials) }, loss: loss)
  }

  private func final(_ setting: Int, _ optima: [Trial], _ trials: [Trial]) -> Final {
    // A stage with one value takes over what the one before left open.
    let stage =
      optima.indices.last { i in
        Set(trials.filter { $0.width == optima[i].width }.map { $0.values[setting] }).count > 1
      } ?? 0
    let value = optima[optima.count - 1].values[setting]
    let ratio = stage > 0 ? optima[stage].values[setting] / optima[stage - 1].values[setting] : 1
    let factor = spacing(setting, stage).squareRoot() * max(ratio, 1 / ratio)
    return Final(name: settings[setting].name, value: value, interval: value / factor...value * factor)
  }

  private func isOutside(_ value: Double, _ trials: [Trial], _ setting: Int) -> Bool {
    let values = trials.map { $0.values[setting] }
    return value < (values.min() ?? 0) * (1 - 1e-6) || value > (values.max() ?? 0) * (1 + 1e-6)
  }

  /// Settings whose best at a width lies at an end of its whole range, so that it may lie beyond.
  public func atEnd(_ trials: [Trial]) -> [(width: Int, setting: String)] {
    plan.stages.flatMap { stage -> [(width: Int, setting: String)] in
      let own = trials.filter { $0.width == stage.width && $0.loss?.isFinite == true }
      guard let best = own.min(by: { ($0.loss ?? 0) < ($1.loss ?? 0) }) else { return [] }
      return settings.indices.filter { j in
        Self.isNear([best.values[j]], [settings[j].range.lowerBound])
          || Self.isNear([best.values[j]], [settings[j].range.upperBound])
      }.map { (stage.width, settings[$0].name) }
    }
  }
}
