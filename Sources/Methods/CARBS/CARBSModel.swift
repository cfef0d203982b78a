import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// What CARBS knows beside some trials: their front, and models of what configurations give and cost.
struct CARBSModel: Sendable {
  /// The most trials in the models: those of the front, and then the newest.
  static let limit = 512
  /// The most pending trials that are taken into account, the newest.
  static let pendingLimit = 128
  /// The length scale of the front's model, in costs scaled to [−1, 1].
  static let frontScale = 1.0
  /// The least deviation of a prediction.
  static let leastDeviation = 1e-6

  let basic: BasicSpace
  let radius: Double
  /// Of what a configuration gives, in normal units, pending trials with drawn values among the observations.
  let output: PlainProcess
  /// Of ln cost, scaled to [−1, 1].
  let cost: PlainProcess
  /// Normal units of what the front gives, by scaled cost.
  let frontCurve: PlainProcess
  let transform: QuantileTransform
  /// Of ln cost.
  let costRange: ClosedRange<Double>
  let front: [CostGroup]
  let origins: [[Double]]
  /// In the models.
  let rows: [CARBSData.Row]
  let pendingCount: Int

  /// - Parameter stream: for the values of pending trials.
  /// - Returns: nil when one of the processes cannot be made.
  init?(
    _ data: CARBSData, _ basic: BasicSpace, radius: Double, share: Double, pending: [[Double]],
    _ stream: inout RandomStream
  ) {
    let front = CostFront.front(data.groups, share: share, isConservative: true)
    let logs = data.rows.map { logarithm($0.cost) }
    guard let least = logs.min(), let most = logs.max(), !front.isEmpty else { return nil }
    self.basic = basic
    self.radius = radius
    self.front = front
    costRange = least...most
    transform = QuantileTransform(data.rows.map(\.output))
    let chosen = Self.choose(data.rows.count, front)
    rows = chosen.map { data.rows[$0] }
    origins = front.map { data.rows[$0.members[0]].point }
    let points = basic.matrix(rows.map(\.point))
    let kernel = PlainProcess.Kernel.linearAndMatern(scale: radius)
    guard
      var output = PlainProcess(points, rows.map { [transform] in transform.apply($0.output) }, kernel),
      let cost = PlainProcess(points, rows.map { Self.scaled(logarithm($0.cost), least...most) }, kernel)
    else { return nil }
    let members = front.flatMap(\.members).suffix(Self.limit).map { data.rows[$0] }
    let costs = members.map { Self.scaled(logarithm($0.cost), least...most) }
    guard
      let curve = PlainProcess(
        Matrix(rows: 1, columns: costs.count, storage: costs),
        members.map { [transform] in transform.apply($0.output) },
        .squaredExponential(scale: Self.frontScale))
    else { return nil }
    let newest = basic.matrix(Array(pending.suffix(Self.pendingLimit)))
    pendingCount = newest.columns
    if newest.columns > 0 {
      guard let filled = output.adding(newest, output.draw(at: newest, &stream)) else { return nil }
      output = filled
    }
    self.output = output
    self.cost = cost
    frontCurve = curve
  }

  /// The places of the rows in the models, rising.
  private static func choose(_ count: Int, _ front: [CostGroup]) -> [Int] {
    guard count > limit else { return Array(0..<count) }
    var chosen = Set(front.flatMap(\.members).sorted().suffix(limit))
    for row in (0..<count).reversed() where chosen.count < limit { chosen.insert(row) }
    return chosen.sorted()
  }

  private static func scaled(_ logCost: Double, _ range: ClosedRange<Double>) -> Double {
    let width = range.upperBound - range.lowerBound
    return width > 0 ? 2 * (logCost - range.lowerBound) / width - 1 : 0
  }

  /// What the front gives at costs, in normal units; at the front's own ends beyond them.
  func frontOutput(_ logCosts: [Double]) -> [Double] {
    let ends = front.flatMap(\.costs).map(logarithm)
    let (low, high) = (ends.min() ?? costRange.lowerBound, ends.max() ?? costRange.upperBound)
    let places = logCosts.map { Self.scaled(min(max($0, low), high), costRange) }
    return frontCurve.predict(Matrix(rows: 1, columns: places.count, storage: places)).means
  }

  /// What is said of a configuration.
  struct Judgement: Sendable {
    /// In normal units.
    var mean: Double
    var deviation: Double
    var logCost: Double
    /// What has to be exceeded, in normal units, without the bias.
    var target: Double
    /// ln of the expected improvement.
    var improvement: Double
    /// The distance to the nearest configuration of the front, in basic units.
    var distance: Double
    /// ln of the density of a step of that length.
    var nearness: Double
  }

  /// - Parameters:
  ///   - threshold: the least that has to be exceeded, in normal units.
  ///   - bias: in the same units.
  func judge(_ points: [[Double]], threshold: Double, bias: Double) -> [Judgement] {
    let matrix = basic.matrix(points)
    let (means, variances) = output.predict(matrix)
    let half = 0.5 * (costRange.upperBound - costRange.lowerBound)
    let logCosts = cost.predict(matrix).means.map { costRange.lowerBound + ($0 + 1) * half }
    let targets = frontOutput(logCosts)
    return points.indices.map { i in
      let deviation = max(variances[i].squareRoot(), Self.leastDeviation)
      let target = max(targets[i], threshold)
      let distance = origins.map { BasicSpace.distance($0, points[i]) }.min() ?? 0
      return Judgement(
        mean: means[i], deviation: deviation, logCost: logCosts[i], target: target,
        improvement: Self.logImprovement(mean: means[i], deviation: deviation, target: target, bias: bias),
        distance: distance, nearness: Self.logNearness(distance, radius: radius))
    }
  }

  /// ln of the expected improvement on a target that is raised by a bias.
  static func logImprovement(mean: Double, deviation: Double, target: Double, bias: Double) -> Double {
    logarithm(deviation) + Improvement.logExpected((mean - target - bias) / deviation)
  }

  /// ln of the density that a normal number of deviation `radius` has at a distance.
  static func logNearness(_ distance: Double, radius: Double) -> Double {
    NormalDistribution.logPDF(distance / radius) - logarithm(radius)
  }
}

/// The trials with a value and a cost, as CARBS sees them.
struct CARBSData: Sendable {
  struct Row: Sendable, Equatable {
    var trial: TrialNumber
    var point: [Double]
    /// The objective, turned so that greater is better.
    var output: Double
    /// Above 0.
    var cost: Double
  }

  private(set) var rows: [Row] = []
  /// Rows of the same configuration.
  private(set) var groups: [CostGroup] = []
  /// The group of each configuration.
  private(set) var places: [Configuration: Int] = [:]
  /// Trials with a value that have no cost above 0, or no place in the space as it is now.
  private(set) var leftOut = 0

  init(_ observations: Observations, _ basic: BasicSpace, _ state: StudyState) {
    leftOut = 0
    for row in observations.rows {
      let configuration = state.history.filled(row.trial)
      let cost = state.cost(row.trial)
      guard cost > 0, cost.isFinite, let point = basic.point(configuration) else {
        leftOut += 1
        continue
      }
      if places[configuration] == nil {
        places[configuration] = groups.count
        groups.append(CostGroup())
      }
      groups[places[configuration] ?? 0].add(rows.count, output: -row.loss, cost: cost)
      rows.append(Row(trial: row.trial, point: point, output: -row.loss, cost: cost))
    }
  }
}
