import TrimtabNumerics

/// How well each level of a resource foretells the ranking of configurations at the greatest level that is known.
///
/// Functions are drawn from the process at each level, and the level whose draw has the fewest pairs of configurations in the
/// wrong order wins that draw; a level's share is how often it wins. The greatest level foretells its own losses by
/// cross-validation, the kernel's parameters being kept.
/// Source: Li, Shen, Jiang et al., "Hyper-Tune: towards efficient hyper-parameter tuning at scale", VLDB 2022, arXiv
/// 2201.06834, section 4.2, with the constants of Syne Tune.
public enum LevelRanking {
  static let draws = 50
  /// The most configurations that are put in order; above, an even spread of them.
  static let pointLimit = 64

  /// - Parameters:
  ///   - process: with its targets; points have a level.
  ///   - least: how many losses a level needs to count.
  /// - Returns: one share a level, of sum 1, and the greatest level that counts; nil when fewer than two count, or something
  ///   cannot be computed.
  public static func shares(
    _ process: GaussianProcess, least: Int, seed: UInt64
  ) -> (shares: [Double], top: Int)? {
    guard let count = process.parameters.levels?.count, let column = process.points.choices.last else { return nil }
    let known = (0..<count).filter { level in column.count { $0 == Int32(level) } >= max(2, least) }
    guard known.count > 1, let top = known.last else { return nil }
    let all = column.indices.filter { column[$0] == Int32(top) }
    let chosen =
      all.count <= pointLimit ? all : (0..<pointLimit).map { all[$0 * all.count / pointLimit] }
    let targets = chosen.map { process.targets[$0] }
    let points = process.points.subset(chosen)
    var losses: [[Double]] = []
    for level in known {
      var stream = RandomStream(seed: seed, purpose: stableHash("ranking"), index: UInt64(level))
      let found =
        level == top
        ? crossValidated(process, chosen, targets, &stream)
        : samples(process, points.moved(to: level), &stream)?.map { loss($0, targets) }
      guard let found else { return nil }
      losses.append(found)
    }
    var shares = [Double](repeating: 0, count: count)
    for s in 0..<draws {
      let best = losses.reduce(Double.infinity) { min($0, $1[s]) }
      // Of equally good levels each wins.
      for (place, level) in known.enumerated() where losses[place][s] == best { shares[level] += 1 }
    }
    let sum = shares.reduce(0, +)
    return (shares.map { $0 / sum }, top)
  }

  /// The share of pairs of which predictions and targets disagree which is less.
  public static func loss(_ predictions: [Double], _ targets: [Double]) -> Double {
    let n = targets.count
    guard n > 1 else { return 0 }
    var sum = 0
    for i in 0..<n {
      for j in i + 1..<max(n, i + 1) where (predictions[i] < predictions[j]) != (targets[i] < targets[j]) { sum += 1 }
    }
    return 2 * Double(sum) / Double(n * (n - 1))
  }

  /// The places of each part of a cross-validation: as many parts as give each two, but at most five; what is left over is in
  /// the last.
  static func folds(_ count: Int) -> [Range<Int>] {
    let parts = max(1, min(count / 2, 5))
    let size = count / parts
    return (0..<parts).map { $0 * size..<($0 == parts - 1 ? count : ($0 + 1) * size) }
  }

  /// For each draw the mean loss over the parts, each foretold without its own losses at this level.
  private static func crossValidated(
    _ process: GaussianProcess, _ chosen: [Int], _ targets: [Double], _ stream: inout RandomStream
  ) -> [Double]? {
    var sums = [Double](repeating: 0, count: draws)
    let folds = folds(chosen.count)
    for fold in folds {
      let left = Set(chosen[fold])
      let rest = (0..<process.points.count).filter { !left.contains($0) }
      guard var other = GaussianProcess(process.points.subset(rest), process.parameters) else { return nil }
      other.setTargets(rest.map { process.targets[$0] })
      guard let drawn = samples(other, process.points.subset(chosen[fold]), &stream) else { return nil }
      for s in 0..<draws { sums[s] += loss(drawn[s], Array(targets[fold])) / Double(folds.count) }
    }
    return sums
  }

  private static func samples(
    _ process: GaussianProcess, _ points: FeaturePoints, _ stream: inout RandomStream
  ) -> [[Double]]? {
    let batch = process.predict(points)
    guard let factor = CholeskyFactor(process.covariance(batch)) else { return nil }
    return (0..<draws).map { _ in
      let normals = (0..<points.count).map { _ in stream.normal() }
      return (0..<points.count).map { i in
        var value = batch.means[i]
        for j in 0...i { value += factor[i, j] * normals[j] }
        return value
      }
    }
  }
}

extension FeaturePoints {
  /// The same configurations at another level.
  func moved(to level: Int) -> FeaturePoints {
    var result = FeaturePoints(numberCount: numberCount, choiceCount: choiceCount)
    result.reserve(count)
    for i in 0..<count { result.append(numbers(of: i), choices(of: i).dropLast() + [Int32(level)]) }
    return result
  }
}

/// The expected improvement by a mixture of the levels: means and deviations are added up with the levels' shares.
///
/// Points have the share of the resource as their last number; it is not looked at. Pending trials are believed.
/// Source: as ``LevelRanking``.
public struct LevelEnsemble: GradientFreeAcquisition {
  /// Levels of less do not count.
  static let leastShare = 0.01

  private let process: GaussianProcess
  private let members: [(level: Int, share: Double)]
  private var threshold = -Double.infinity

  /// - Parameters:
  ///   - known: configurations on the best of which there is to be an improvement, without level.
  ///   - pending: with the level that each is to reach next.
  /// - Returns: nil when no level has a share.
  public init?(_ process: GaussianProcess, shares: [Double], known: FeaturePoints, pending: FeaturePoints) {
    members = shares.enumerated().filter { $0.element > Self.leastShare }.map { ($0.offset, $0.element) }
    guard !members.isEmpty, known.count > 0 else { return nil }
    self.process = process.believing(pending).process
    threshold = mixture { known.at(level: $0) }.means.max() ?? 0
  }

  private func mixture(_ points: (Int) -> FeaturePoints) -> (means: [Double], variances: [Double]) {
    var means: [Double] = []
    var variances: [Double] = []
    for (level, share) in members {
      let batch = process.predict(points(level))
      if means.isEmpty {
        means = [Double](repeating: 0, count: batch.means.count)
        variances = means
      }
      for i in means.indices {
        means[i] += share * batch.means[i]
        variances[i] += share * share * batch.variances[i]
      }
    }
    return (means, variances)
  }

  public func values(_ points: FeaturePoints) -> [Double] {
    let (means, variances) = mixture { points.withoutResource(at: $0) }
    return means.indices.map {
      AcquisitionKind.logExpectedImprovement.evaluate(
        mean: means[$0], variance: variances[$0], threshold: threshold
      ).value
    }
  }
}
