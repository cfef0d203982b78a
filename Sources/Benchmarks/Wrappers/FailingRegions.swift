import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// A problem in parts of whose space every trial crashes, at a time of its own, whatever the seed.
///
/// The parts are a half-space and a ball of the unit cube, each with half of the asked share of uniform draws, less a ball
/// around each of the optima with a hundredth of the draws. Inactive parameters count as lying in the middle.
public struct FailingRegions: ProblemWrapper {
  public let base: any Problem
  /// The share of uniform draws that fail, as asked for.
  public let share: Double
  public let variant: UInt64
  /// Those of the problem beneath. Where it names none: the best of all configurations of a finite space.
  public let optima: [Configuration]
  private let regions: Regions

  /// - Parameters:
  ///   - share: above 0 and at most `greatestShare`.
  ///   - variant: from which the regions are drawn.
  /// - Throws: `SpaceError` when no configuration satisfies the space's constraints.
  public init(_ base: any Problem, share: Double, variant: UInt64) throws(SpaceError) {
    self.base = base
    self.share = share
    self.variant = variant
    let draws = try Self.draw(base.space, variant: variant)
    optima = base.optima.isEmpty ? Self.bestOfAll(base).map { [$0] } ?? [] : base.optima
    let kept = optima.isEmpty ? Self.best(of: draws, base).map { [$0] } ?? [] : optima
    regions = Regions(base.space, draws: draws, share: share, variant: variant, keeping: kept)
  }

  /// The median counts what fails as worse than all else. The optimum is nil where nobody knows whether it was spared.
  public var reference: Reference {
    let beneath = base.reference
    // The median beneath tells apart problems of one name that were made with other options.
    let median = beneath.median.flatMap { UniformMedian.of(self, key: "\(name) where it was \($0)") }
    return Reference(optimum: optima.isEmpty ? nil : beneath.optimum, median: median)
  }

  /// Nil: nobody knows which of the best trade-offs were spared.
  public var front: TrueFront? { nil }

  /// Beyond this, next to nothing is left to find.
  public static let greatestShare = 0.9

  public var name: String {
    "\(base.name)+failing=\(JSONValue.plainText(share))" + (variant == 0 ? "" : "/\(variant)")
  }

  /// Whether every trial of this configuration crashes.
  public func fails(_ configuration: Configuration) -> Bool { regions.contains(configuration) }

  public func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
    guard fails(configuration) else { return base.evaluate(configuration, resource: resource, seed: seed) }
    var stream = RandomStream(seed: variant, purpose: stableHash("crash"), index: configuration.key)
    return base.crash(
      configuration, after: stream.uniform(), resource: resource, seed: seed,
      message: "the configuration lies where every trial crashes")
  }

  public func score(_ configuration: Configuration) -> [Double] {
    fails(configuration) ? objectives.map { _ in .nan } : base.score(configuration)
  }
}

// MARK: Where it fails

extension FailingRegions {
  private static let drawCount = 4096

  private static func draw(_ space: Space, variant: UInt64) throws(SpaceError) -> [Configuration] {
    var draws: [Configuration] = []
    for index in 0..<drawCount {
      draws.append(try space.sample(seed: mix(stableHash("failing regions"), variant), index: UInt64(index)))
    }
    return draws
  }

  /// The configuration with the best first objective; nil when none has a value.
  private static func best(of configurations: some Sequence<Configuration>, _ base: any Problem) -> Configuration? {
    let sign = base.objectives[0].sign
    var best: (configuration: Configuration, loss: Double)?
    for configuration in configurations {
      let loss = (base.score(configuration).first ?? .nan) * sign
      if loss < best?.loss ?? .infinity { best = (configuration, loss) }
    }
    return best?.configuration
  }

  /// The best configuration of a space that has at most 100,000; nil for larger ones.
  private static func bestOfAll(_ base: any Problem) -> Configuration? {
    let space = base.space
    guard let count = space.productCardinality, count <= 100_000 else { return nil }
    // The values of each coordinate, as places in the unit interval.
    var values: [[Double]] = []
    for coordinate in space.coordinates {
      switch (coordinate.kind, space.axes[coordinate.parameter]) {
      case (.grid(let levels), let axis?):
        values.append((0..<levels).map { axis.encode(axis.domain.value(level: $0)) })
      case (.grid(let levels), nil), (.choices(let levels), _):
        values.append((0..<levels).map { (Double($0) + 0.5) / Double(levels) })
      case (.continuous, let axis?) where axis.domain.levels == 1: values.append([0.5])
      case (.continuous, _): return nil
      }
      // A fixed parameter is the same everywhere.
      if space.parameters[coordinate.parameter].fixedValue != nil { values[values.count - 1] = [0.5] }
    }
    let all = (0..<values.reduce(1) { $0 * $1.count }).lazy.compactMap { number -> Configuration? in
      var rest = number
      let unit = values.map { levels in
        defer { rest /= levels.count }
        return levels[rest % levels.count]
      }
      let configuration = space.configuration(unit: unit)
      return space.violatedConstraint(configuration) == nil ? configuration : nil
    }
    return best(of: all, base)
  }

  /// The half-space and the ball, and what is spared.
  private struct Regions: Sendable {
    private let space: Space
    private let direction: [Double]
    private var threshold = Double.infinity
    private let centre: [Double]
    /// Squared, as all distances here.
    private var radius = -Double.infinity
    private let kept: [(place: [Double], radius: Double)]

    init(_ space: Space, draws: [Configuration], share: Double, variant: UInt64, keeping places: [Configuration]) {
      self.space = space
      var stream = RandomStream(seed: variant, purpose: stableHash("failing regions"), index: 0)
      direction = space.coordinates.map { _ in stream.normal() }
      centre = space.coordinates.map { _ in stream.uniform() }
      let points = draws.map { Self.unit($0, space) }
      kept = places.map { place in
        let place = Self.unit(place, space)
        let distances = points.map { Self.distance($0, place) }.sorted()
        return (place, distances[points.count / 100])
      }
      let wanted = Int(Double(points.count) * share / 2)
      var open = points.filter { point in !kept.contains { Self.distance(point, $0.place) <= $0.radius } }
      let heights = open.map(height).sorted(by: >)
      if wanted < heights.count { threshold = heights[wanted] }
      open.removeAll { height($0) > threshold }
      let distances = open.map { Self.distance($0, centre) }.sorted()
      if wanted < distances.count { radius = distances[wanted] }
    }

    func contains(_ configuration: Configuration) -> Bool {
      let point = Self.unit(configuration, space)
      guard height(point) > threshold || Self.distance(point, centre) < radius else { return false }
      return !kept.contains { Self.distance(point, $0.place) <= $0.radius }
    }

    private func height(_ point: [Double]) -> Double { zip(direction, point).reduce(0) { $0 + $1.0 * $1.1 } }

    private static func distance(_ a: [Double], _ b: [Double]) -> Double {
      zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }

    private static func unit(_ configuration: Configuration, _ space: Space) -> [Double] {
      var unit = [Double](repeating: 0.5, count: space.coordinates.count)
      space.encode(configuration) { coordinate, value in if !value.isNaN { unit[coordinate] = value } }
      return unit
    }
  }
}
