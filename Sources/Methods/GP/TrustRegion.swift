import TrimtabStudies
import TrimtabSurrogates

/// The trust region of TuRBO as the losses so far leave it, and by how much they violate outcome constraints: a pure function of
/// both, in the order in which they came.
struct TrustRegion: Sendable, Equatable {
  static let firstLength = 0.8
  static let leastLength = 0x1p-7
  static let greatestLength = 1.6
  static let successTolerance = 3
  /// The most trials of a region that its model sees.
  static let rowLimit = 500

  /// The first loss of the region's life.
  private(set) var start = 0
  private(set) var length = firstLength
  private(set) var successes = 0
  private(set) var failures = 0
  /// How often the region has collapsed and begun anew.
  private(set) var restarts = 0
  /// How often the space of the region has been refined since its life began.
  private(set) var level = 0
  /// The index of the best loss of the region's life; while all violate the outcome constraints, of the one that does least.
  private(set) var best: Int?

  /// Failures running after which the region is halved.
  static func failureTolerance(dimension: Int) -> Int { max(4, dimension) }

  /// - Parameters:
  ///   - violation: by how much a loss, by its index, violates the outcome constraints; 0 where it meets them.
  ///   - design: how many losses of a region's life come from its design.
  init(_ losses: [Double], violation: (Int) -> Double = { _ in 0 }, dimension: Int, design: Int) {
    self.init(
      losses, violation: violation, tolerances: [Self.failureTolerance(dimension: dimension)], design: design)
  }

  /// - Parameters:
  ///   - violation: by how much a loss, by its index, violates the outcome constraints; 0 where it meets them.
  ///   - tolerances: failures running after which the region is halved, one a level of its space; a region that has shrunk to
  ///     nothing is refined while there is a next level.
  ///   - design: how many losses of a region's life come from its design.
  init(_ losses: [Double], violation: (Int) -> Double = { _ in 0 }, tolerances: [Int], design: Int) {
    for (index, loss) in losses.enumerated() {
      guard let earlier = best else {
        best = index
        continue
      }
      let (violated, leastViolated) = (violation(index), violation(earlier))
      let isSuccess: Bool
      if leastViolated > 0 {
        isSuccess = violated < leastViolated
      } else {
        isSuccess = violated == 0 && loss < losses[earlier] - 1e-3 * abs(losses[earlier])
      }
      if (violated, loss) < (leastViolated, losses[earlier]) { best = index }
      guard index - start >= design else { continue }
      if isSuccess {
        successes += 1
        failures = 0
      } else {
        failures += 1
        successes = 0
      }
      if successes == Self.successTolerance {
        length = min(2 * length, Self.greatestLength)
        successes = 0
      } else if failures >= tolerances[level] {
        length /= 2
        failures = 0
      }
      if length < Self.leastLength, level + 1 < tolerances.count {
        (level, length, successes, failures) = (level + 1, Self.firstLength, 0, 0)
      } else if length < Self.leastLength {
        self = TrustRegion(from: index + 1, restarts: restarts + 1)
      }
    }
  }

  /// The rows of the region's life that its model sees, and their losses.
  func seen(_ observations: Observations) -> (rows: [Int], losses: [Double]) {
    let life = Array(observations.rows.indices.suffix(observations.rows.count - start))
    let losses = life.map { observations.rows[$0].loss }
    let chosen = GPSelection.choose(losses, limit: Self.rowLimit)
    return (chosen.map { life[$0] }, chosen.map { losses[$0] })
  }

  private init(from start: Int, restarts: Int) {
    self.start = start
    self.restarts = restarts
  }

  /// The sides of the box relative to its length: in proportion to the length scales, with the product 1.
  static func sides(_ scales: [Double]) -> [Double] {
    guard !scales.isEmpty else { return [] }
    let mean = scales.reduce(0) { $0 + logarithm($1) / Double(scales.count) }
    return scales.map { exponential(logarithm($0) - mean) }
  }
}

// MARK: What is said

extension TrustRegion {
  /// Where the region stands.
  /// - Parameter trial: the best of the region's life.
  func facts(around trial: TrialNumber) -> [Fact] {
    [
      Fact("region", "the \(restarts + 1)\(Self.suffix(restarts + 1)), around trial \(trial)"),
      Fact("side of the region", length),
      Fact("successes and failures running", "\(successes) and \(failures)"),
    ]
  }

  private static func suffix(_ number: Int) -> String {
    switch (number % 10, number % 100) {
    case (1, let rest) where rest != 11: "st"
    case (2, let rest) where rest != 12: "nd"
    case (3, let rest) where rest != 13: "rd"
    default: "th"
    }
  }

  /// What the region's model expects at one point.
  func facts(
    _ prediction: GaussianProcess.Batch, _ model: GaussianProcess, _ observations: Observations, _ state: StudyState
  ) -> [Fact] {
    let deviation = (prediction.variances[0] + model.parameters.noise).squareRoot()
    return [Fact("trials in the model", "\(model.points.count)")]
      + LossScale(seen(observations).losses, .winsorized).facts(
        mean: prediction.means[0], deviation: deviation, state.spec.objectives[0])
  }
}
