import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// TuRBO: Bayesian optimisation within a box that grows on successes and shrinks on failures, for many parameters.
///
/// Source: Eriksson, Pearce, Gardner, Turner & Poloczek, "Scalable global optimization via local Bayesian optimization",
/// NeurIPS 2019, arXiv 1910.01739 (TuRBO-1, from its text). A Gaussian process models the trials of the region's life; the
/// minimiser of one function drawn from it, among points of the box that differ from the best trial in some coordinates, is
/// proposed. A region that has shrunk to nothing begins anew with a design.
///
/// Deviations: each completion counts as a batch of one, so that asynchronous workers need no waiting; the kernel's priors
/// are those of `gp`, but for a learned variance of the signal; a choice that is selected takes any value; the design of a
/// region is that of `gp`, shorter than twice the coordinates where there are many; outcome constraints are modelled from all
/// trials, as for `gp`, not the region's alone.
public struct TrustRegionSampler: ObservingSampler, ExplainedSampler {
  static let purpose = stableHash("turbo")

  /// The variance of the signal is learned: where most trials lie on a plateau, a process that varies as much as their losses
  /// takes too long length scales to see what is near.
  static let fitOptions: GaussianProcessFit.Options = {
    var options = GaussianProcessFit.Options()
    options.learnsSignal = true
    return options
  }()

  let startup: Int
  private let candidates: Int
  var observations: Observations?
  var lessons = FailureLessons()
  private var kept = KeptModel<GaussianProcess?>()

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    startup = Self.entry.integer("startup", in: part)
    candidates = Self.entry.integer("candidates", in: part)
  }

  func progress(_ observations: Observations, _ state: StudyState) -> (known: Int, needed: Int) {
    (observations.rows.count - region(observations, state).start, StartupDesign.count(startup, state.spec))
  }

  /// Each region has a design of its own.
  func design(_ observations: Observations, _ fresh: FreshDraw) throws(SpaceError) -> Sample {
    let purpose = mix(Self.purpose, UInt64(region(observations, fresh.state).restarts))
    return try StartupDesign.sample(FreshDraw(purpose: purpose, trial: fresh.trial, state: fresh.state))
  }

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    let region = region(observations, fresh.state)
    guard let best = region.best, let model = model(observations, region) else { return .none }
    return .best(
      draw(observations, region, model, best: observations.rows[best].trial, fresh).map(\.configuration))
  }

  var title: String { "trust region with a Gaussian process, the best of a drawn function" }

  mutating func account(
    of configuration: Configuration, at point: FeaturePoints, _ observations: Observations, _ fresh: FreshDraw
  ) -> [Fact]? {
    let region = region(observations, fresh.state)
    guard let best = region.best, let model = model(observations, region) else { return nil }
    let drawn = draw(observations, region, model, best: observations.rows[best].trial, fresh)
    return region.facts(around: observations.rows[best].trial)
      + region.facts(model.predict(point), model, observations, fresh.state)
      + [.acquisition(drawn.first { $0.configuration == configuration }?.value)]
  }

  private func region(_ observations: Observations, _ state: StudyState) -> TrustRegion {
    TrustRegion(
      observations.rows.map(\.loss), violation: { observations.rows[$0].violation },
      dimension: state.spec.space.coordinates.count, design: StartupDesign.count(startup, state.spec))
  }

  /// The model of the region's trials; the same for all proposals beside them.
  private mutating func model(_ observations: Observations, _ region: TrustRegion) -> GaussianProcess? {
    kept.model(of: observations) {
      let (rows, losses) = region.seen(observations)
      return Self.process(observations.points.subset(rows), losses, Self.fitOptions)
    }
  }

  /// A process of the most likely parameters; nil when it cannot be made.
  static func process(
    _ points: FeaturePoints, _ losses: [Double], _ options: GaussianProcessFit.Options
  ) -> GaussianProcess? {
    let scores = OutputTransform.winsorized.apply(losses).map { -$0 }
    let fit = GaussianProcessFit(points, scores, options: options)
    let parameters = scores.contains { $0 != scores[0] } ? fit.run(from: fit.coldStarts).parameters : fit.modes
    guard var process = GaussianProcess(points, parameters) else { return nil }
    process.setTargets(scores)
    return process.weights.allSatisfy(\.isFinite) ? process : nil
  }

  /// Configurations of the box, in the order of a function drawn from the model, best first; where there are outcome constraints,
  /// those that meet them in draws of their models come before the others, and of these the ones that violate them less.
  private mutating func draw(
    _ observations: Observations, _ region: TrustRegion, _ model: GaussianProcess, best: TrialNumber,
    _ fresh: FreshDraw
  ) -> [(configuration: Configuration, value: Double)] {
    let space = fresh.state.spec.space
    let features = observations.features
    let dimension = space.coordinates.count
    var centre = [Double](repeating: 0.5, count: dimension)
    space.encode(fresh.state.history.filled(best)) { if !$1.isNaN { centre[$0] = min(max($1, 0), 1) } }
    let sides = Self.sides(features, model.parameters, dimension)
    let seed = fresh.trialSeed
    var stream = RandomStream(seed: seed, purpose: stableHash("trust region"), index: 0)
    let sequence = try? SobolSequence(dimension: max(1, dimension), seed: seed)
    let share = min(1, 20 / Double(max(1, dimension)))
    var points = features.empty
    var found: [Configuration] = []
    var units = [Double](repeating: 0, count: dimension)
    for index in 0..<min(candidates, 100 * max(1, dimension)) {
      var unit = centre
      let spread = sequence?.point(at: UInt64(index)) ?? (0..<dimension).map { _ in stream.uniform() }
      let certain = dimension > 0 ? stream.index(below: dimension) : 0
      for c in 0..<dimension where stream.uniform() < share || c == certain {
        if case .choices = space.coordinates[c].kind {
          unit[c] = spread[c]
        } else {
          let half = 0.5 * sides[c] * region.length
          let (low, high) = (max(0, centre[c] - half), min(1, centre[c] + half))
          unit[c] = low + spread[c] * (high - low)
        }
      }
      let configuration = space.configuration(unit: unit)
      guard space.violatedConstraint(configuration) == nil,
        features.append(configuration, to: &points, units: &units)
      else { continue }
      found.append(configuration)
    }
    guard !found.isEmpty else { return [] }
    let values = model.draw(at: points, &stream)
    var violations = [Double](repeating: 0, count: found.count)
    for outcome in lessons.outcomeModels(observations, fresh.state) {
      for (i, excess) in outcome.draw(at: points, &stream).enumerated() { violations[i] += max(0, excess) }
    }
    return found.indices.sorted { (violations[$0], values[$1], $0) < (violations[$1], values[$0], $1) }
      .map { (found[$0], values[$0]) }
  }

  /// The relative side of the box along each coordinate.
  private static func sides(_ features: SpaceFeatures, _ parameters: KernelParameters, _ dimension: Int) -> [Double] {
    let relative = TrustRegion.sides(parameters.numberScales)
    var result = [Double](repeating: 1, count: dimension)
    for (feature, coordinate) in features.numberCoordinates.enumerated() {
      if let coordinate { result[coordinate] = relative[feature] }
    }
    return result
  }
}

extension TrustRegionSampler {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "turbo", title: "Trust-region Bayesian optimisation (TuRBO)",
    summary:
      "Models the objective around the best trial: for dozens to hundreds of parameters. With outcome constraints it is SCBO.",
    paper: .init(
      authors: "D. Eriksson, M. Pearce, J. R. Gardner, R. Turner, M. Poloczek",
      title: "Scalable global optimization via local Bayesian optimization", year: 2019,
      venue: "NeurIPS, arXiv 1910.01739"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      StartupDesign.option,
      MethodOption(
        name: "candidates", kind: .integer(16...5000), defaultValue: .integer(1000),
        meaning: "the most configurations of the box among which one is proposed"),
    ], takesOutcomeConstraints: true)
}
