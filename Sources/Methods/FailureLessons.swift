import TrimtabStudies
import TrimtabSurrogates

/// What trials teach that are no solutions: where configurations give no value, and where they miss the outcome constraints.
///
/// Of failures, crashes, time-outs, lack of memory, rejections and values that are no numbers count; trials that were lost with their
/// worker say nothing of their configuration.
struct FailureLessons: Sendable {
  var inference = FeasibilityModel.Inference.hybrid
  private var outcomes = OutcomeLessons()
  /// Kept for proposals beside the same trials.
  private var cache: (moment: Int, failed: [TrialNumber], model: FeasibilityModel?)?
  /// Kept while it is from the same trials.
  private var choice: (points: FeaturePoints, succeeds: [Bool], kernel: FeasibilityModel.Kernel?)?

  static func teaches(_ trial: Trial) -> Bool {
    switch trial.failure {
    case .crash, .invalidValue, .timeout, .outOfMemory, .rejected: trial.state == .failed
    case .lost, nil: false
    }
  }

  static let window = 10

  /// The power to which the probability of a value is raised: 1, and 1 more for each failure among the last ten trials
  /// that are over.
  ///
  /// Where better and better values beckon behind a border, the expected gain alone would try the other side for ever.
  static func weight(_ state: StudyState) -> Double {
    var seen = 0
    var failures = 0
    for trial in state.trials.reversed() where trial.state.isFinal {
      seen += 1
      if teaches(trial) { failures += 1 }
      if seen == window { break }
    }
    return Double(1 + failures)
  }

  /// What an explanation says of a probability.
  static func fact(_ probability: Double, _ state: StudyState) -> Fact {
    Fact(
      state.spec.outcomeConstraints.isEmpty ? "probability of a value" : "probability of a value within the bounds",
      probability)
  }

  /// What is known; nil while nothing has failed, or everything has, and there are no outcome constraints.
  mutating func model(_ observations: Observations, _ state: StudyState) -> Feasibility? {
    var feasibility = Feasibility()
    if let failures = failureModel(observations, state) { feasibility.add(failures, weight: Self.weight(state)) }
    for model in outcomeModels(observations, state) { feasibility.add(model) }
    return feasibility.isEmpty ? nil : feasibility
  }

  /// A model for each outcome constraint of which anything is known.
  mutating func outcomeModels(_ observations: Observations, _ state: StudyState) -> [OutcomeModel] {
    state.spec.outcomeConstraints.isEmpty ? [] : outcomes.models(observations, state)
  }

  private mutating func failureModel(_ observations: Observations, _ state: StudyState) -> FeasibilityModel? {
    let failures = FailureKind.allCases.filter { $0 != .lost }.reduce(0) { $0 + state.count($1) }
    guard failures > 0 else { return nil }
    let failed = state.trials.indices.filter { Self.teaches(state.trials[$0]) }
    if let cache, cache.failed == failed, cache.moment == observations.moment { return cache.model }
    let model = fit(observations, failed, state)
    cache = (observations.moment, failed, model)
    return model
  }

  private mutating func fit(
    _ observations: Observations, _ failed: [TrialNumber], _ state: StudyState
  ) -> FeasibilityModel? {
    let (earlierPoints, earlierOutcomes) = Self.outcomes(
      observations, Self.rounded(observations.rows.count), failed.prefix(Self.rounded(failed.count)), state)
    if choice?.points != earlierPoints || choice?.succeeds != earlierOutcomes {
      choice = (
        earlierPoints, earlierOutcomes,
        FeasibilityModel.kernel(earlierPoints, succeeds: earlierOutcomes, by: inference)
      )
    }
    guard let kernel = choice?.kernel else { return nil }
    let (points, succeeds) = Self.outcomes(observations, observations.rows.count, failed[...], state)
    return FeasibilityModel(points, succeeds: succeeds, kernel: kernel, by: inference)
  }

  /// Down to a number with three bits after the first one, so that one in eight differs from the one before where they are many.
  ///
  /// The kernel is chosen from so many trials: choosing it costs five times as much as using it, and few trials more
  /// hardly change it.
  static func rounded(_ count: Int) -> Int {
    let bits = max(0, Int.bitWidth - count.leadingZeroBitCount - 4)
    return (count >> bits) << bits
  }

  /// The newest of the first trials with a value and of the failures, of which the newest half at most may be failures: there can
  /// be any number of these.
  private static func outcomes(
    _ observations: Observations, _ rows: Int, _ failed: ArraySlice<TrialNumber>, _ state: StudyState
  ) -> (points: FeaturePoints, succeeds: [Bool]) {
    let half = FeasibilityModel.limit / 2
    let bad = observations.points(of: failed.suffix(max(half, FeasibilityModel.limit - rows)), state)
    let chosen = (0..<rows).suffix(FeasibilityModel.limit - bad.count)
    var points = observations.points.subset(chosen)
    for i in 0..<bad.count { points.append(i, of: bad) }
    return (points, chosen.map { _ in true } + (0..<bad.count).map { _ in false })
  }
}
