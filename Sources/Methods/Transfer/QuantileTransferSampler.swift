import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// Transfer by ranks: what earlier studies say of a configuration's rank, and a Gaussian process of what is different here.
///
/// Source: Salinas, Shen & Perrone, "A quantile-based approach for hyperparameter transfer learning", ICML 2020, arXiv
/// 1909.13595. With `variant: cts` (copula Thompson sampling) each of many random configurations draws its quantile from what
/// the earlier studies predict, and the lowest is proposed; trials of this study change nothing. With `variant: cgp` a
/// Gaussian process models by how much the prediction is wrong about this study, and the configuration of the
/// greatest expected improvement is proposed; until two trials have a value it draws as `cts` does.
///
/// Deviations: those of `PooledQuantiles`; 2,000 candidates are drawn from, not 100,000.
public struct QuantileTransferSampler: ObservingSampler, ExplainedSampler {
  static let purpose = stableHash("cts")
  static let rowLimit = 500
  static let leastToCorrect = 2

  private let isCorrected: Bool
  private let candidates: Int
  var observations: Observations?
  var lessons = FailureLessons()
  private var prior: (revision: Int, model: PooledQuantiles?)?
  private var kept = KeptModel<Correction?>()

  private struct Correction: Sendable {
    var model: GaussianProcess
    /// The lowest quantile among the trials.
    var best: Double
  }

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    isCorrected = Self.entry.word("variant", in: part) == "cgp"
    candidates = Self.entry.integer("candidates", in: part)
  }

  var startup: Int { 0 }

  /// The earlier studies' model needs no trials.
  func isReady(_ observations: Observations, _ state: StudyState) -> Bool { true }

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    guard let prior = prior(observations, fresh.state) else { return .none }
    guard isCorrecting(observations) else {
      return .best(draw(prior, observations, fresh).prefix(64).map(\.configuration))
    }
    guard let function = function(prior, observations, fresh.state) else { return .none }
    return .best(
      search(
        function, observations, fresh, around: observations.best(4, fresh.state),
        .init(candidates: min(candidates, 1000), spray: 32, moves: 64)))
  }

  /// Whether trials of this study count.
  private func isCorrecting(_ observations: Observations) -> Bool {
    isCorrected && observations.rows.count >= Self.leastToCorrect
  }

  private mutating func prior(_ observations: Observations, _ state: StudyState) -> PooledQuantiles? {
    if let prior, prior.revision == state.revision { return prior.model }
    let studies = EarlierPoints.all(state, observations.features).map { (points: $0.points, losses: $0.losses) }
    let model = PooledQuantiles(studies, seed: mix(state.spec.seed ?? 0, Self.purpose))
    prior = (state.revision, model)
    return model
  }

  /// Random configurations in the order of the quantiles that they draw.
  private mutating func draw(
    _ prior: PooledQuantiles, _ observations: Observations, _ fresh: FreshDraw
  ) -> [(configuration: Configuration, quantile: Double)] {
    var pool = CandidatePool(observations.features, incumbents: [], seed: fresh.trialSeed)
    let (points, possible) = observations.features.points(pool.scatter(candidates, spray: 0).map(\.configuration))
    var stream = RandomStream(seed: fresh.seed, purpose: stableHash("draw"), index: UInt64(fresh.trial))
    let deviation = prior.deviation
    var draws = prior.means(points).map { $0 + deviation * stream.normal() }
    if let feasibility = lessons.model(observations, fresh.state) {
      let probabilities = feasibility.probabilities(points)
      for i in draws.indices where stream.uniform() >= probabilities[i] { draws[i] = .infinity }
    }
    return possible.indices.sorted { (draws[$0], $0) < (draws[$1], $1) }.map { (possible[$0], draws[$0]) }
  }

  var title: String {
    isCorrected
      ? "ranks that earlier studies expect, corrected by a Gaussian process of this one; expected improvement"
      : "ranks that earlier studies expect, the lowest of the drawn quantiles"
  }

  mutating func account(
    of configuration: Configuration, at point: FeaturePoints, _ observations: Observations, _ fresh: FreshDraw
  ) -> [Fact]? {
    guard let prior = prior(observations, fresh.state) else { return nil }
    var facts = [
      Fact("earlier studies", "\(fresh.state.earlierStudies.count)"),
      Fact("normal quantile of its rank in those", prior.means(point)[0]),
      Fact("deviation of that", prior.deviation),
    ]
    guard isCorrecting(observations) else {
      let drawn = draw(prior, observations, fresh).first { $0.configuration == configuration }?.quantile
      return facts + [.acquisition(drawn)]
    }
    guard let function = function(prior, observations, fresh.state) else { return nil }
    let (means, variances) = function.predict(point)
    facts.append(Fact("trials in the model", "\(min(observations.rows.count, Self.rowLimit))"))
    facts.append(Fact("normal quantile of its rank here", means[0]))
    facts.append(Fact("deviation of that here", variances[0].squareRoot()))
    return facts + [Fact("acquisition value", function.values(point)[0])]
  }

  private mutating func function(
    _ prior: PooledQuantiles, _ observations: Observations, _ state: StudyState
  ) -> CorrectedImprovement? {
    let correction = kept.model(of: observations) {
      let losses = observations.rows.map(\.loss)
      let chosen = GPSelection.choose(losses, limit: Self.rowLimit)
      let points = observations.points.subset(chosen)
      let quantiles = OutputTransform.copula.apply(chosen.map { losses[$0] })
      let means = prior.means(points)
      let gains = quantiles.indices.map { (means[$0] - quantiles[$0]) / prior.deviation }
      var options = GaussianProcessFit.Options()
      options.learnsSignal = true
      return GaussianProcess.fitted(points, gains, options: options, estimatesMean: false).map {
        Correction(model: $0, best: quantiles.min() ?? 0)
      }
    }
    guard let correction else { return nil }
    // What is expected of pending trials is to be improved on, too.
    let (believing, pending) = correction.model.believing(observations.pending(state))
    let expected = CorrectedImprovement(prior, correction.model, best: correction.best).predict(pending).means.min()
    return CorrectedImprovement(prior, believing, best: min(correction.best, expected ?? correction.best))
  }
}

extension QuantileTransferSampler {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "cts", title: "Transfer of quantiles (CTS, CGP)",
    summary:
      "Learns from earlier studies of any scale: predicts the rank of a configuration, and what is different here.",
    paper: .init(
      authors: "D. Salinas, H. Shen, V. Perrone",
      title: "A quantile-based approach for hyperparameter transfer learning", year: 2020,
      venue: "ICML, arXiv 1909.13595"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      MethodOption(
        name: "variant", kind: .word(["cgp", "cts"]), defaultValue: .text("cgp"),
        meaning:
          "whether trials of this study correct what the earlier ones predict (cgp), or configurations are drawn by the "
          + "earlier studies alone (cts)"),
      MethodOption(
        name: "candidates", kind: .integer(16...100_000), defaultValue: .integer(2000),
        meaning: "the number of random configurations that draw a quantile"),
    ], inspect: { EarlierPoints.problems($0, "cts") })
}
