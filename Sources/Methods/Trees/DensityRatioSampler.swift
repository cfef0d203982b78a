import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// BORE: tells good configurations from the others by a classifier, whose probability is the expected improvement up to
/// its scale.
///
/// Source: Tiao, Klein, Seeger, Bonilla, Archambeau & Ramos, "BORE: Bayesian optimization by density-ratio estimation", ICML
/// 2021, arXiv 2102.09009. The best `gamma` of the trials are the good ones; a forest learns the probability of being one of
/// them.
///
/// Deviation: pending trials count as not good, so that parallel proposals keep apart.
public struct DensityRatioSampler: ObservingSampler, ExplainedSampler {
  static let purpose = stableHash("bore")
  static let rowLimit = 2000

  let startup: Int
  private let candidates: Int
  private let gamma: Double
  private let trees: Int
  var observations: Observations?
  var lessons = FailureLessons()

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    startup = Self.entry.integer("startup", in: part)
    candidates = Self.entry.integer("candidates", in: part)
    gamma = Self.entry.real("gamma", in: part)
    trees = Self.entry.integer("trees", in: part)
  }

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    let function = classifier(observations, seed: fresh.trialSeed, fresh.state).function
    return .best(
      search(
        function, observations, fresh, around: [], .init(candidates: candidates, spray: 0, moves: 0)))
  }

  var title: String { "density ratio by a forest of \(trees) trees" }

  mutating func account(
    of configuration: Configuration, at point: FeaturePoints, _ observations: Observations, _ fresh: FreshDraw
  ) -> [Fact]? {
    let (function, border, good) = classifier(observations, seed: fresh.trialSeed, fresh.state)
    let objective = fresh.state.spec.objectives[0]
    let rows = observations.rows.count
    let side = objective.goal == .minimize ? "at most" : "at least"
    return [
      Fact("trials in the model", "\(min(rows, Self.rowLimit))"),
      Fact("good trials", "\(good), with \(side) \(Fact.rounded(objective.sign * border))"),
      Fact("pending trials", "\(observations.pending(fresh.state).count), taken as not good"),
      Fact("acquisition value", exponential(function.values(point)[0])),
    ]
  }

  /// - Returns: the classifier, the greatest loss of a good trial, and the number of good trials that it sees.
  private func classifier(
    _ observations: Observations, seed: UInt64, _ state: StudyState
  ) -> (function: ForestProbability, border: Double, good: Int) {
    let losses = observations.rows.map(\.loss)
    let chosen = GPSelection.choose(losses, limit: Self.rowLimit)
    var points = observations.points.subset(chosen)
    let sorted = losses.sorted()
    let good = max(1, Int((gamma * Double(losses.count)).rounded()))
    let border = sorted[min(good, sorted.count) - 1]
    var labels = chosen.map { losses[$0] <= border ? 1.0 : 0 }
    let count = labels.count { $0 == 1 }
    let pending = observations.pending(state)
    for i in 0..<pending.count {
      points.append(i, of: pending)
      labels.append(0)
    }
    var options = RandomForest.Options()
    options.trees = trees
    return (ForestProbability(RandomForest(points, labels, options: options, seed: seed)), border, count)
  }
}

extension DensityRatioSampler {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "bore", title: "Density-ratio estimation (BORE)",
    summary: "Tells good configurations from the others by a forest: no model of the values, whatever they are like.",
    paper: .init(
      authors: "L. C. Tiao, A. Klein, M. W. Seeger, E. V. Bonilla, C. Archambeau, F. Ramos",
      title: "BORE: Bayesian optimization by density-ratio estimation", year: 2021, venue: "ICML, arXiv 2102.09009"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      StartupDesign.option,
      MethodOption(
        name: "gamma", kind: .real(0.01...0.9), defaultValue: .real(0.25),
        meaning: "the share of the trials that count as good"),
      SearchOption.candidates(1000),
      MethodOption(
        name: "trees", kind: .integer(1...1000), defaultValue: .integer(100), meaning: "the number of trees"),
    ])
}
