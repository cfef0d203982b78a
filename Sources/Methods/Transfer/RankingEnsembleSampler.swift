import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// RGPE: a Gaussian process for each earlier study and one for this, weighted by how well each puts this study's trials in
/// order.
///
/// Source: Feurer, Letham, Hutter & Bakshy, "Practical transfer learning for Bayesian optimization", 2018, arXiv 1802.02219.
/// The weights are those of `RankingWeights`; while fewer than three trials have a value the earlier studies have equal
/// weights. The configuration of the greatest expected improvement by the ensemble is proposed.
///
/// Deviations: models of earlier studies believe that they know what was tried here, and what is pending, so that their
/// doubts do not lead to the same place again; what is to be improved on is the ensemble's own belief of the best trial.
public struct RankingEnsembleSampler: ProcessSampler {
  static let purpose = stableHash("rgpe")
  /// The most trials of an earlier study that its model sees, and of this study that the earlier ones' models are told.
  static let earlierLimit = 300
  static let toldLimit = 200
  static let leastToRank = 3

  private let candidates: Int
  private let starts: Int
  var process: GaussianProcessSampler
  private var earlier: Earlier?

  private struct Earlier: Sendable {
    /// The revision of the space for which the models were made.
    var revision: Int
    var names: [String]
    var models: [GaussianProcess]
    /// Earlier studies of which no model could be made.
    var missing = 0
  }

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    candidates = Self.entry.integer("candidates", in: part)
    starts = Self.entry.integer("starts", in: part)
    process = GaussianProcessSampler(
      PartSpec("gp", options: ["startup": .integer(Self.leastToRank), "transform": .text("winsorized")]))
  }

  /// The earlier studies' models need no trials.
  func isReady(_ observations: Observations, _ state: StudyState) -> Bool { true }

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    let state = fresh.state
    guard let (function, _) = ensemble(observations, state) else { return .none }
    var incumbents = observations.best(GaussianProcessSampler.incumbents, state)
    incumbents += state.earlierStudies.compactMap { study in
      let sign = state.spec.objectives[0].sign
      return study.trials.min { sign * $0.value < sign * $1.value }?.configuration
    }.prefix(GaussianProcessSampler.incumbents)
    let found = search(
      function, observations, fresh, around: incumbents, .init(candidates: candidates, starts: starts))
    return .best(found, isWeakened: process.isWeakened || (earlier?.missing ?? 0) > 0)
  }

  /// The weighted models; nil when none can be made. The names belong to the weights: the earlier studies', then this one's.
  private mutating func ensemble(
    _ observations: Observations, _ state: StudyState
  ) -> (function: EnsembleImprovement, weights: [(name: String, weight: Double)])? {
    let earlier = models(observations, state)
    let own = observations.rows.count >= Self.leastToRank ? process.models(observations, state)?.first : nil
    var weights = [Double](repeating: 1 / Double(max(1, earlier.models.count)), count: earlier.models.count)
    weights.append(0)
    if let own {
      // The same for all proposals beside the same trials.
      let seed = mix(mix(state.spec.seed ?? 0, Self.purpose), UInt64(observations.rows.count))
      weights = RankingWeights.weights(bases: earlier.models, target: own, seed: seed)
    }
    let pending = observations.pending(state)
    let losses = observations.rows.map(\.loss)
    let tried = observations.points.subset(GPSelection.choose(losses, limit: Self.toldLimit))
    var told = tried
    for i in 0..<pending.count { told.append(i, of: pending) }
    var members: [EnsembleImprovement.Member] = []
    for (model, weight) in zip(earlier.models, weights) where weight > 0 {
      members.append(.init(model.believing(told).process, weight: weight))
    }
    if let own, weights[earlier.models.count] > 0 {
      members.append(.init(own.believing(pending).process, weight: weights[earlier.models.count]))
    }
    guard !members.isEmpty else { return nil }
    var function = EnsembleImprovement(members, threshold: 0)
    if let best = function.predict(told).means.max(), best.isFinite { function.threshold = best }
    let names = earlier.names + [state.spec.name]
    return (function, zip(names, weights).map { ($0, $1) })
  }

  private mutating func models(_ observations: Observations, _ state: StudyState) -> Earlier {
    if let earlier, earlier.revision == state.revision { return earlier }
    var made = Earlier(revision: state.revision, names: [], models: [])
    for study in EarlierPoints.all(state, observations.features) {
      let limited = study.limited(to: Self.earlierLimit)
      let scores = OutputTransform.winsorized.apply(limited.losses).map { -$0 }
      guard let model = GaussianProcess.fitted(limited.points, scores, spare: Self.toldLimit) else {
        made.missing += 1
        continue
      }
      made.names.append(study.name)
      made.models.append(model)
    }
    earlier = made
    return made
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    var facts = [Fact("method", "Gaussian processes of the earlier studies and this one, expected improvement")]
    let observations = observed(state)
    guard let (function, weights) = ensemble(observations, state) else {
      return Explanation(facts + [Fact("step", "random: no model can be made")], neighbours: nearest)
    }
    facts += weights.map { Fact("weight of \($0.name)", $0.weight) }
    if let points = observations.features.point(configuration) {
      facts.append(Fact("acquisition value", function.values(points)[0]))
    }
    return Explanation(facts, neighbours: nearest)
  }

  public mutating func modelReport(state: StudyState) -> ModelReport? {
    guard let (_, weights) = ensemble(observed(state), state) else { return nil }
    return ModelReport(
      [Fact("method", "Gaussian processes of the earlier studies and this one")]
        + weights.map { Fact("weight of \($0.name)", $0.weight) })
  }
}

extension RankingEnsembleSampler {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "rgpe", title: "Ranking-weighted Gaussian processes (RGPE)",
    summary: "Learns from earlier studies: weighs a model of each by how well it puts the new trials in order.",
    paper: .init(
      authors: "M. Feurer, B. Letham, F. Hutter, E. Bakshy",
      title: "Practical transfer learning for Bayesian optimization", year: 2018, venue: "arXiv 1802.02219"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      SearchOption.candidates(512),
      SearchOption.starts(6),
    ], inspect: { EarlierPoints.problems($0, "rgpe") })
}
