import TrimtabNumerics
import TrimtabStudies
import TrimtabSurrogates

/// When the parameters of a model are fitted anew, and from what.
///
/// A fit takes place whenever the observations have grown by a twentieth since the last one (by one at least), from the
/// observations that there were at that moment. It starts where the fit of an earlier moment, the *anchor*, ended; an
/// anchor starts from nothing, and is set whenever the observations have doubled. So a process that has just read the
/// log fits twice, whatever the length of the study, and finds the same parameters to the bit as one that was there all
/// the time.
struct FitSchedule: Sendable {
  struct Moment: Sendable, Equatable {
    var rows: ContiguousArray<Observations.Row>
    var points: FeaturePoints
  }

  static let growth = 0.05

  private(set) var anchor: Moment?
  private(set) var latest: Moment?
  /// Counts the moments and everything else that makes a factor useless.
  private(set) var version = 0
  /// How many observations there were when the version last changed: as many are factorised in one block.
  private(set) var blockCount = 0
  private var anchorParameters: KernelParameters?
  private var latestParameters: KernelParameters?
  private var latestDraws: KernelInference.Result?
  /// Whether the latest fit failed from every start, and its parameters are the modes of the priors.
  private var isUnfitted = false
  /// Whether the parameters' posterior could not be drawn from, and its mode stands for it.
  private var isUndrawn = false
  /// Whether the latest parameters are not what was asked for.
  var isWeakened: Bool { isUnfitted || isUndrawn }

  /// Takes note of the observations after a change.
  /// - Parameter isRewritten: whether they were changed otherwise than by appending.
  mutating func note(_ observations: Observations, least: Int, isRewritten: Bool) {
    let count = observations.rows.count
    if isRewritten {
      version += 1
      blockCount = count
    }
    guard count >= least else { return }
    if let latest {
      let needed = max(1, Int((Double(latest.rows.count) * Self.growth).rounded(.up)))
      guard count >= latest.rows.count + needed else { return }
    }
    let moment = Moment(rows: observations.rows, points: observations.points)
    version += 1
    blockCount = count
    latest = moment
    latestParameters = nil
    latestDraws = nil
    isUndrawn = false
    if anchor.map({ count >= 2 * $0.rows.count }) ?? true {
      anchor = moment
      anchorParameters = nil
    }
  }

  /// The parameters of the latest moment; computed when first asked for. Nil before there is a moment.
  mutating func parameters(
    _ transform: OutputTransform, _ options: GaussianProcessFit.Options
  ) -> KernelParameters? {
    if let latestParameters { return latestParameters }
    guard let anchor, let latest else { return nil }
    let start: KernelParameters
    if let anchorParameters {
      start = anchorParameters
    } else {
      let first = Self.fit(anchor, from: nil, transform, options)
      start = first.parameters
      isUnfitted = first.isUnfitted
      anchorParameters = start
    }
    var found = start
    if anchor != latest { (found, isUnfitted) = Self.fit(latest, from: start, transform, options) }
    latestParameters = found
    return found
  }

  /// What stands for the parameters of the latest moment: draws from their posterior, or its mode.
  /// - Parameters:
  ///   - isSparse: whether most coordinates are believed to have no effect.
  ///   - seed: mixed with the number of observations.
  mutating func draws(
    _ transform: OutputTransform, _ options: GaussianProcessFit.Options, _ inference: KernelInference, isSparse: Bool,
    seed: UInt64
  ) -> KernelInference.Result? {
    if let latestDraws { return latestDraws }
    guard let latest else { return nil }
    let losses = latest.rows.map(\.loss)
    let count = losses.count
    // The mode alone is worth more observations than draws are.
    let limit = count > inference.limit ? Self.fitLimit : KernelInference.pointLimit
    let fit = Self.problem(latest, losses, limit: limit, transform, options)
    let own = mix(seed, UInt64(count))
    let targets = fit.likelihood.targets
    var found: KernelInference.Result?
    if !targets.contains(where: { $0 != targets[0] }) {
      found = .init(parameters: [fit.modes], note: "the priors' modes: all values are equal")
    } else if isSparse {
      found = inference.run(SparsePosterior(fit.likelihood.points, targets), observations: count, seed: own)
    } else if let mode = parameters(transform, options) {
      found =
        count > inference.limit
        ? .init(
          parameters: [mode],
          note: "the mode: \(count) trials are more than the \(inference.limit) for \(inference.kind.rawValue)")
        : inference.run(LogNormalPosterior(fit, mode: mode), observations: count, seed: own)
    }
    if found == nil, let mode = parameters(transform, options) {
      found = .init(parameters: [mode], note: "the mode: \(inference.kind.rawValue) failed")
      isUndrawn = true
    }
    latestDraws = found
    return found
  }

  /// The most observations that a fit looks at, and the most with which a fit from nothing begins.
  static let fitLimit = 512
  static let coarseLimit = 128

  private static func fit(
    _ moment: Moment, from start: KernelParameters?, _ transform: OutputTransform,
    _ options: GaussianProcessFit.Options
  ) -> (parameters: KernelParameters, isUnfitted: Bool) {
    let losses = moment.rows.map(\.loss)
    var starts = start.map { [$0] }
    if starts == nil, losses.count > coarseLimit {
      // Several starts on a few observations, and only the best of them on all.
      let coarse = problem(moment, losses, limit: coarseLimit, transform, options)
      starts = [coarse.run(from: coarse.coldStarts).parameters]
    }
    let fit = problem(moment, losses, limit: fitLimit, transform, options)
    // Equal losses say nothing of any parameter.
    let targets = fit.likelihood.targets
    guard targets.contains(where: { $0 != targets[0] }) else { return (start ?? fit.modes, false) }
    let result = fit.run(from: starts ?? fit.coldStarts)
    return (result.parameters, result.isFallback)
  }

  private static func problem(
    _ moment: Moment, _ losses: [Double], limit: Int, _ transform: OutputTransform,
    _ options: GaussianProcessFit.Options
  ) -> GaussianProcessFit {
    let chosen = GPSelection.choose(losses, limit: limit)
    let points = chosen.count == losses.count ? moment.points : moment.points.subset(chosen)
    let scores = transform.apply(chosen.map { losses[$0] }).map { -$0 }
    return GaussianProcessFit(points, scores, options: options)
  }
}

/// Which of too many observations a model looks at.
enum GPSelection {
  /// The indices of at most `limit` losses, in order: a quarter of them the best, the others spread evenly over the rest.
  static func choose(_ losses: [Double], limit: Int) -> [Int] {
    guard losses.count > limit else { return Array(losses.indices) }
    let ranked = losses.indices.sorted { (losses[$0], $0) < (losses[$1], $1) }
    let best = limit / 4
    let rest = ranked[best...].sorted()
    let others = limit - best
    let spread = (0..<others).map { rest[$0 * rest.count / others] }
    return (ranked[..<best] + spread).sorted()
  }
}
