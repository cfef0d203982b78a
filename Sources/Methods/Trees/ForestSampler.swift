import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// SMAC: sequential optimisation with a random forest, for spaces full of choices and conditions and for many trials.
///
/// Sources: Hutter, Hoos & Leyton-Brown, "Sequential model-based optimization for general algorithm configuration", LION
/// 2011; Lindauer et al., "SMAC3: a versatile Bayesian optimization package for hyperparameter optimization", JMLR 23,
/// 2022 (its facade for hyperparameters). Costs are scaled logarithmically, the forest predicts them, and the
/// configuration of the greatest expected improvement is looked for among random ones and by local search from the best.
/// Every fifth configuration, on average, is random.
///
/// Deviations: pending trials count with the cost that the forest expects of them, so that parallel proposals keep
/// apart; the forest is grown for every proposal, which takes milliseconds; above 2,000 trials it is grown from 1,000 of
/// them.
public struct ForestSampler: ObservingSampler, ExplainedSampler {
  static let purpose = stableHash("smac")
  static let rowLimit = 2000
  static let reducedRows = 1000
  /// How many of the best trials the search looks around.
  static let incumbents = 10

  let startup: Int
  private let candidates: Int
  private let interleave: Double
  private let trees: Int
  var observations: Observations?
  var lessons = FailureLessons()

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    startup = Self.entry.integer("startup", in: part)
    candidates = Self.entry.integer("candidates", in: part)
    interleave = Self.entry.real("random", in: part)
    trees = Self.entry.integer("trees", in: part)
  }

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    var stream = RandomStream(seed: fresh.seed, purpose: stableHash("interleave"), index: UInt64(fresh.trial))
    if stream.uniform() < interleave { return .random }
    let function = Self.function(observations, trees: trees, seed: fresh.trialSeed, fresh.state)
    return .best(
      search(
        function, observations, fresh, around: observations.best(Self.incumbents, fresh.state),
        .init(candidates: candidates, spray: 32, starts: 10, moves: 64)))
  }

  var title: String { "random forest of \(trees) trees, expected improvement" }

  mutating func account(
    of configuration: Configuration, at point: FeaturePoints, _ observations: Observations, _ fresh: FreshDraw
  ) -> [Fact]? {
    var facts: [Fact] = []
    var stream = RandomStream(seed: fresh.seed, purpose: stableHash("interleave"), index: UInt64(fresh.trial))
    if stream.uniform() < interleave {
      facts.append(Fact("step", "random, as one in \(Fact.rounded(1 / interleave)) is"))
    }
    let function = Self.function(observations, trees: trees, seed: fresh.trialSeed, fresh.state)
    let prediction = function.predict(point)
    let rows = observations.rows.count
    facts.append(Fact("trials in the model", "\(rows > Self.rowLimit ? Self.reducedRows : rows)"))
    facts.append(Fact("expected scaled cost", prediction.mean))
    facts.append(Fact("deviation among the trees", prediction.deviation))
    facts.append(Fact("acquisition value", function.values(point)[0]))
    return facts
  }

  /// The expected improvement by a forest of the observations, pending trials believed.
  private static func function(
    _ observations: Observations, trees: Int, seed: UInt64, _ state: StudyState
  ) -> ForestImprovement {
    let losses = observations.rows.map(\.loss)
    let chosen = GPSelection.choose(losses, limit: losses.count > rowLimit ? reducedRows : rowLimit)
    var points = chosen.count == losses.count ? observations.points : observations.points.subset(chosen)
    var costs = LogScaledCost.apply(chosen.map { losses[$0] })
    let solutions = chosen.indices.filter { observations.rows[chosen[$0]].violation == 0 }
    let best = (solutions.isEmpty ? costs : solutions.map { costs[$0] }).min() ?? 0
    var options = RandomForest.Options()
    options.trees = trees
    options.hasLogTargets = true
    var forest = RandomForest(points, costs, options: options, seed: seed)
    let pending = observations.pending(state)
    if pending.count > 0 {
      costs += forest.predict(pending).means
      for i in 0..<pending.count { points.append(i, of: pending) }
      forest = RandomForest(points, costs, options: options, seed: seed)
    }
    return ForestImprovement(forest, best: best)
  }
}

extension ForestSampler {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "smac", title: "Random forest with local search (SMAC)",
    summary:
      "Models the objective by a forest of regression trees: for choices, conditions and jumps, and many trials.",
    paper: .init(
      authors: "F. Hutter, H. H. Hoos, K. Leyton-Brown",
      title: "Sequential model-based optimization for general algorithm configuration", year: 2011, venue: "LION"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      StartupDesign.option,
      SearchOption.candidates(1000),
      MethodOption(
        name: "random", kind: .real(0...1), defaultValue: .real(0.2),
        meaning: "the probability that a configuration is random and not the model's"),
      MethodOption(
        name: "trees", kind: .integer(1...1000), defaultValue: .integer(10), meaning: "the number of trees"),
    ], takesOutcomeConstraints: true)
}
