import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// Conformal quantile regression (CQR): independent Thompson sampling from quantiles of the loss that boosted trees
/// predict, whatever the noise is like.
///
/// Source: Salinas, Golebiowski, Klein, Seeger & Archambeau, "Optimizing hyperparameters with conformal quantile
/// regression", ICML 2023, arXiv 2305.03623. Five quantiles are predicted; a tenth of the trials, which the trees have
/// not seen, says by how much each pair of them has to be widened to cover what it should; of 2,000 random
/// configurations each draws one of its quantiles, and the lowest drawn is proposed.
///
/// Deviations: the level of the correction is min(1, (1 − 2q)(1 + 1/m)) with m held-out trials, which the guarantee of
/// coverage needs, where the authors' program divides; quantiles that cross are sorted; a part of the random
/// configurations lies around the best trials, so that large spaces are searched where it matters (`local`).
public struct ConformalQuantileSampler: ObservingSampler, ExplainedSampler {
  static let purpose = stableHash("cqr")
  static let rowLimit = 2000
  static let reducedRows = 1000

  let startup: Int
  private let candidates: Int
  private let local: Double
  private let boosting: QuantileBoosting.Options
  var observations: Observations?
  var lessons = FailureLessons()
  private var kept = KeptModel<ConformalQuantiles>()

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    startup = Self.entry.integer("startup", in: part)
    candidates = Self.entry.integer("candidates", in: part)
    local = Self.entry.real("local", in: part)
    var boosting = QuantileBoosting.Options()
    boosting.trees = Self.entry.integer("trees", in: part)
    self.boosting = boosting
  }

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    let (pool, drawn) = draw(observations, fresh)
    // Where everything in the pool was tried there may still be others.
    return .best(drawn.isEmpty ? pool : drawn.prefix(64).map(\.configuration))
  }

  /// The configurations that are looked at, and those of them that are new with the quantiles that they draw, lowest first.
  private mutating func draw(
    _ observations: Observations, _ fresh: FreshDraw
  ) -> (pool: [Configuration], drawn: [(configuration: Configuration, quantile: Double)]) {
    let state = fresh.state
    let model = model(observations, seed: fresh.seed)
    let incumbents = observations.best(4, state)
    var candidatePool = CandidatePool(
      observations.features, incumbents: incumbents, seed: fresh.trialSeed)
    let near = Int((Double(candidates) * local).rounded())
    let pool = candidatePool.scatter(candidates - near, spray: near / incumbents.count).map(\.configuration)
    guard !pool.isEmpty else { return ([], []) }
    let (points, possible) = observations.features.points(pool.filter { !state.history.contains($0) })
    var stream = RandomStream(seed: fresh.seed, purpose: stableHash("draw"), index: UInt64(fresh.trial))
    let quantiles = model.predict(points)
    var draws = possible.indices.map { quantiles[stream.index(below: quantiles.count)][$0] }
    if let feasibility = lessons.model(observations, state) {
      // A configuration that fails in the draw comes after all others.
      let probabilities = feasibility.logWeights(points).map { exponential($0) }
      if observations.hasSolution {
        for i in draws.indices where stream.uniform() >= probabilities[i] { draws[i] = .infinity }
      } else {
        // Without a solution there is nothing to improve on.
        draws = probabilities.map { 1 - $0 }
      }
    }
    let order = possible.indices.sorted { (draws[$0], $0) < (draws[$1], $1) }
    return (pool, order.map { (possible[$0], draws[$0]) })
  }

  var title: String { "conformal quantile regression, the lowest of the drawn quantiles" }

  mutating func account(
    of configuration: Configuration, at point: FeaturePoints, _ observations: Observations, _ fresh: FreshDraw
  ) -> [Fact]? {
    let objective = fresh.state.spec.objectives[0]
    let losses = observations.rows.map(\.loss)
    let scale = LossScale(unit: losses)
    let quantiles = model(observations, seed: fresh.seed).predict(point).map { objective.sign * scale.loss($0[0]) }
    let drawn = draw(observations, fresh).drawn.first { $0.configuration == configuration }?.quantile
    let levels = ConformalQuantiles.levels.count
    return [
      Fact("trials in the model", "\(losses.count > Self.rowLimit ? Self.reducedRows : losses.count)"),
      Fact("expected \(objective.metric)", quantiles[levels / 2]),
      Fact(
        "67 % interval",
        "\(Fact.rounded(min(quantiles[0], quantiles[levels - 1]))) to "
          + "\(Fact.rounded(max(quantiles[0], quantiles[levels - 1])))"),
      // Infinite where the configuration fails in the draw; a probability while nothing is a solution.
      Fact.acquisition(
        drawn.map { observations.hasSolution && $0.isFinite ? objective.sign * scale.loss($0) : $0 }),
    ]
  }

  /// The model of these observations; it is the same for all proposals beside them.
  private mutating func model(_ observations: Observations, seed: UInt64) -> ConformalQuantiles {
    let boosting = boosting
    return kept.model(of: observations) {
      let losses = observations.rows.map(\.loss)
      let chosen = GPSelection.choose(losses, limit: losses.count > Self.rowLimit ? Self.reducedRows : Self.rowLimit)
      let points = chosen.count == losses.count ? observations.points : observations.points.subset(chosen)
      let targets = OutputTransform.unit(chosen.map { losses[$0] })
      return ConformalQuantiles(points, targets, options: boosting, seed: mix(seed, UInt64(losses.count)))
    }
  }
}

extension ConformalQuantileSampler {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "cqr", title: "Conformal quantile regression (CQR)",
    summary: "Draws from predicted quantiles of the loss: for heavy-tailed or uneven noise, and many trials.",
    paper: .init(
      authors: "D. Salinas, J. Golebiowski, A. Klein, M. Seeger, C. Archambeau",
      title: "Optimizing hyperparameters with conformal quantile regression", year: 2023,
      venue: "ICML, arXiv 2305.03623"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      StartupDesign.option,
      MethodOption(
        name: "candidates", kind: .integer(16...100_000), defaultValue: .integer(2000),
        meaning: "the number of configurations among which one is proposed"),
      MethodOption(
        name: "local", kind: .real(0...1), defaultValue: .real(0.1),
        meaning: "the share of them that lies around the best trials"),
      MethodOption(
        name: "trees", kind: .integer(1...10_000), defaultValue: .integer(100),
        meaning: "the number of trees for each quantile"),
    ], takesOutcomeConstraints: true)
}
