import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// Stops a study when what is left to gain is less than the noise, or less than it would cost, or when nothing has been
/// gained for long: as the study's `stop-when` asks for.
///
/// Sources: Makarova et al., "Automatic termination for hyperparameter optimization", AutoML 2022 (`gain`: the bound of
/// `RegretBound` on the better half of the complete trials); Xie, Cai, Terenin, Frazier & Scully, "Cost-aware stopping for
/// Bayesian optimization", 2025, arXiv 2507.12453 (`price`: the expected improvement per cost, in the objective's units);
/// Ishibashi et al., AISTATS 2023 (`regret-gap`: that of `RegretGap`, against its median over the trials 11 to 30).
/// At least twenty complete trials are needed, and three checks in a row must agree: a model whose noise happens to
/// vanish sees nothing left to gain. Checks take place at every complete trial, above a hundred of them at every fiftieth part.
///
/// The model is always a Gaussian process, whatever the study's sampler is, and everything follows from the log.
public struct EnoughKnown: StoppingRule {
  static let leastTrials = 20
  static let checksInARow = 3
  /// The most trials that the model sees.
  static let rowLimit = 256
  static let points = 2048
  /// The trials over which the median of the gaps at the beginning is taken.
  static let beginning = 11...30

  private var observations: Observations?
  /// Trials that ended since the best one became the best.
  private var sinceBest = 0
  private var changeCount = 0
  private var checks: [Check] = []
  private var gaps: [Gap] = []

  /// What a model of the first complete trials says, in the objective's units.
  struct Check: Sendable, Equatable {
    var rows: ContiguousArray<Observations.Row>
    var revision: Int
    /// At most left to gain, with a probability of nine in ten.
    var left: Double
    /// What the next trial is expected to gain.
    var next: Double
    /// The deviation of the objective between runs of one configuration.
    var noise: Double
  }

  /// What the newest of the first complete trials changed.
  struct Gap: Sendable, Equatable {
    var rows: ContiguousArray<Observations.Row>
    var revision: Int
    /// Nil where no model can be made.
    var value: Double?
  }

  public init() {}

  public mutating func absorb(_ event: Event, state: StudyState) {
    switch event.body {
    case .trialCompleted, .trialStopped, .trialFailed, .trialLost:
      if let trial = event.trial, state.trials[trial].state.isFinal { sinceBest += 1 }
    default: break
    }
    if state.incumbentChanges.count != changeCount {
      changeCount = state.incumbentChanges.count
      sinceBest = 0
    }
    guard let stopping = state.spec.stopping, stopping.needsModel else {
      observations = nil
      return
    }
    Observations.absorb(event, state: state, into: &observations)
  }

  public mutating func reason(state: StudyState) -> String? {
    guard let stopping = state.spec.stopping else { return nil }
    if let limit = stopping.stagnation, sinceBest >= limit {
      return "the last \(sinceBest) trials brought no improvement"
    }
    if let share = stopping.regretGap, let reason = gapReason(share, state) { return reason }
    guard stopping.gain != nil || stopping.price != nil, let found = latestChecks(state) else { return nil }
    let metric = state.spec.objectives[0].metric
    let last = found[found.count - 1]
    func holds(_ condition: (Check) -> Bool) -> Bool { found.allSatisfy(condition) }
    switch stopping.gain {
    case .noise? where holds({ $0.left < $0.noise }):
      return "at most \(Fact.rounded(last.left)) of \(metric) is left to gain (90 %), less than the noise of "
        + Fact.rounded(last.noise)
    case .value(let value)? where holds({ $0.left < value }):
      return "at most \(Fact.rounded(last.left)) of \(metric) is left to gain (90 %), less than \(Fact.rounded(value))"
    case .noise?, .value?, nil: break
    }
    if let price = stopping.price, let cost = state.meanFinalCost, holds({ $0.next < price * cost }) {
      return "the next trial is expected to gain \(Fact.rounded(last.next)) of \(metric), and costs as much as "
        + "\(Fact.rounded(price * cost)) is worth"
    }
    return nil
  }

  // MARK: Checks

  /// The rows of complete trials, and the numbers of them at which the latest three checks take place, the newest last.
  private mutating func moments(_ state: StudyState) -> (observations: Observations, complete: [Int], moments: [Int]) {
    let observations = self.observations ?? Observations(state)
    self.observations = observations
    let complete = observations.rows.indices.filter { state.trials[observations.rows[$0].trial].wasCompleted }
    let step = max(1, complete.count / 50)
    let newest = complete.count / step * step
    return (observations, complete, (0..<Self.checksInARow).reversed().map { newest - $0 * step })
  }

  /// Why the newest trials changed so little; nil when they did not, or nobody can say.
  private mutating func gapReason(_ share: Double, _ state: StudyState) -> String? {
    let (observations, complete, moments) = moments(state)
    guard let first = moments.first, first > Self.beginning.upperBound else { return nil }
    var kept: [Gap] = []
    func gap(_ count: Int) -> Double? {
      let rows = ContiguousArray(complete.prefix(count).map { observations.rows[$0] })
      let known = gaps.first { $0.rows == rows && $0.revision == state.revision }
      let found =
        known
        ?? Gap(
          rows: rows, revision: state.revision, value: Self.gap(observations, Array(complete.prefix(count)), state))
      kept.append(found)
      return found.value
    }
    let atFirst = Self.beginning.compactMap { gap($0) }.sorted()
    let now = moments.compactMap { gap($0) }
    gaps = kept
    guard atFirst.count == Self.beginning.count, now.count == moments.count, let last = now.last else { return nil }
    let median = 0.5 * (atFirst[(atFirst.count - 1) / 2] + atFirst[atFirst.count / 2])
    guard now.allSatisfy({ $0 < share * median }) else { return nil }
    return
      "one more trial changes what is known of the best by \(Fact.rounded(last / median)) of what it did at first, "
      + "less than \(Fact.rounded(share))"
  }

  /// What the newest of these rows changed: one model with it, and one of the same kernel without it, where the paper fits
  /// both.
  private static func gap(_ observations: Observations, _ rows: [Int], _ state: StudyState) -> Double? {
    // The newest is among the chosen in any case.
    let losses = rows.map { observations.rows[$0].loss }
    let chosen = GPSelection.choose(Array(losses.dropLast()), limit: rowLimit) + [losses.count - 1]
    let points = observations.points.subset(chosen.map { rows[$0] })
    let scores = OutputTransform.standard.apply(chosen.map { losses[$0] }).map { -$0 }
    guard let after = GaussianProcess.fitted(points, scores),
      var before = GaussianProcess(points.subset(0..<points.count - 1), after.parameters)
    else { return nil }
    before.setTargets(Array(scores.dropLast()))
    let best = losses.indices.sorted { (losses[$0], $0) < (losses[$1], $1) }.prefix(4)
    return RegretGap(
      before: before, after: after,
      over: scattered(observations, best.map { rows[$0] }, count: rows.count, state)
    )?.value
  }

  /// Points of the whole space, and around the best rows; the same for the same number of rows.
  private static func scattered(
    _ observations: Observations, _ best: [Int], count: Int, _ state: StudyState
  ) -> FeaturePoints {
    let seed = mix(mix(state.spec.seed ?? 0, stableHash("stop-when")), UInt64(count))
    let incumbents = best.map { state.history.filled(observations.rows[$0].trial) }
    var pool = CandidatePool(observations.features, incumbents: incumbents, seed: seed)
    return observations.features.points(pool.scatter(points, spray: 64).map(\.configuration)).points
  }

  /// The latest three, the newest last; nil while there are not as many, or where a model cannot be made.
  mutating func latestChecks(_ state: StudyState) -> [Check]? {
    let (observations, complete, moments) = moments(state)
    guard let first = moments.first, first >= Self.leastTrials else { return nil }
    var found: [Check] = []
    for moment in moments {
      let rows = ContiguousArray(complete.prefix(moment).map { observations.rows[$0] })
      if let known = checks.first(where: { $0.rows == rows && $0.revision == state.revision }) {
        found.append(known)
        continue
      }
      guard let made = Self.check(observations, Array(complete.prefix(moment)), rows, state) else { return nil }
      found.append(made)
    }
    checks = found
    return found
  }

  private static func check(
    _ observations: Observations, _ complete: [Int], _ rows: ContiguousArray<Observations.Row>, _ state: StudyState
  ) -> Check? {
    // The better half: the rest says little of what is left to gain, and its outliers would widen every bound.
    let ranked = complete.sorted { (observations.rows[$0].loss, $0) < (observations.rows[$1].loss, $1) }
    let better = ranked.prefix(max(leastTrials, (ranked.count + 1) / 2)).sorted()
    let chosen = GPSelection.choose(better.map { observations.rows[$0].loss }, limit: rowLimit).map { better[$0] }
    let losses = chosen.map { observations.rows[$0].loss }
    let transform = OutputTransform.standard
    guard
      let process = GaussianProcess.fitted(observations.points.subset(chosen), transform.apply(losses).map { -$0 })
    else { return nil }
    let others = scattered(observations, Array(ranked.prefix(4)), count: rows.count, state)
    guard let bound = RegretBound(process, over: others),
      let threshold = process.predict(process.points).means.max()
    else { return nil }
    let gains = ModelAcquisition(process, .logExpectedImprovement, threshold: threshold).values(others)
    let next = exponential(gains.filter { !$0.isNaN }.max() ?? -.infinity)
    let scale = LossScale(losses, transform)
    // All losses being equal, nothing is left to gain that anybody has seen.
    guard losses.contains(where: { $0 != losses[0] }) else {
      return Check(rows: rows, revision: state.revision, left: 0, next: 0, noise: 0)
    }
    func span(_ z: Double) -> Double { scale.loss(-bound.certain) - scale.loss(-bound.certain - z) }
    let left = span(bound.possible - bound.certain)
    let (gain, noise) = (span(next), span(process.parameters.noise.squareRoot()))
    guard left.isFinite, gain.isFinite, noise.isFinite else { return nil }
    return Check(rows: rows, revision: state.revision, left: left, next: gain, noise: noise)
  }

  /// What keeps a study from being stopped as it asks for.
  static func problems(_ spec: StudySpec) -> [MethodProblem] {
    guard let stopping = spec.stopping else { return [] }
    let ofModel = [
      ("gain", stopping.gain != nil), ("price", stopping.price != nil), ("regret-gap", stopping.regretGap != nil),
    ]
    guard spec.objectives.count > 1 else {
      guard !spec.outcomeConstraints.isEmpty else { return [] }
      return ofModel.filter(\.1).map { key, _ in
        MethodProblem(
          ["stop-when", key], "\(key) does not tell trials that meet the outcome constraints from others",
          hint: "use stagnation, or leave it out and give a budget")
      }
    }
    let keys = ofModel + [("stagnation", stopping.stagnation != nil)]
    return keys.filter(\.1).map { key, _ in
      MethodProblem(
        ["stop-when", key], "\(key) is of one objective, and the study has \(spec.objectives.count)",
        hint: "leave it out, and give a budget")
    }
  }
}

extension Stopping {
  /// Whether a model has to be asked.
  fileprivate var needsModel: Bool { gain != nil || price != nil || regretGap != nil }
}
