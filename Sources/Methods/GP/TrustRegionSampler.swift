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
/// are those of `gp`; a choice that is selected takes any value; the design of a region is that of `gp`, shorter than twice
/// the coordinates where there are many.
public struct TrustRegionSampler: Sampler {
  static let purpose = stableHash("turbo")
  /// The most trials of a region that its model sees.
  static let rowLimit = 500

  private let startup: Int
  private let candidates: Int
  private var observations: Observations?
  private var cache: (rows: ContiguousArray<Observations.Row>, model: GaussianProcess)?

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    startup = Self.entry.integer("startup", in: part)
    candidates = Self.entry.integer("candidates", in: part)
  }

  public mutating func absorb(_ event: Event, state: StudyState) {
    Observations.absorb(event, state: state, into: &observations)
  }

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    let observations = self.observations ?? Observations(state)
    self.observations = observations
    let region = region(observations, state)
    let design = StartupDesign.count(startup, state.spec)
    guard observations.rows.count - region.start >= design, let best = region.best else {
      return try StartupDesign.sample(mix(Self.purpose, UInt64(region.restarts)), trial, state)
    }
    let fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    guard let model = model(observations, region) else { return try fresh.sample(origin: .fallback) }
    let drawn = draw(observations, region, model, best: observations.rows[best].trial, fresh)
    guard !drawn.isEmpty else { return try fresh.sample(origin: .fallback) }
    return try fresh.propose(drawn.filter { !state.history.contains($0) })
  }

  private func region(_ observations: Observations, _ state: StudyState) -> TrustRegion {
    TrustRegion(
      observations.rows.map(\.loss), dimension: state.spec.space.coordinates.count,
      design: StartupDesign.count(startup, state.spec))
  }

  /// The model of the region's trials; the same for all proposals beside them.
  private mutating func model(_ observations: Observations, _ region: TrustRegion) -> GaussianProcess? {
    if let cache, cache.rows == observations.rows { return cache.model }
    let life = Array(observations.rows.indices.suffix(observations.rows.count - region.start))
    let losses = life.map { observations.rows[$0].loss }
    let chosen = GPSelection.choose(losses, limit: Self.rowLimit)
    let points = observations.points.subset(chosen.map { life[$0] })
    guard let process = Self.process(points, chosen.map { losses[$0] }) else { return nil }
    cache = (observations.rows, process)
    return process
  }

  /// A process of the most likely parameters; nil when it cannot be made.
  static func process(_ points: FeaturePoints, _ losses: [Double]) -> GaussianProcess? {
    let scores = OutputTransform.winsorized.apply(losses).map { -$0 }
    let fit = GaussianProcessFit(points, scores)
    let parameters = scores.contains { $0 != scores[0] } ? fit.run(from: fit.coldStarts).parameters : fit.modes
    guard var process = GaussianProcess(points, parameters) else { return nil }
    process.setTargets(scores)
    return process.weights.allSatisfy(\.isFinite) ? process : nil
  }

  /// Configurations of the box, in the order of a function drawn from the model, best first.
  private func draw(
    _ observations: Observations, _ region: TrustRegion, _ model: GaussianProcess, best: TrialNumber,
    _ fresh: FreshDraw
  ) -> [Configuration] {
    let space = fresh.state.spec.space
    let features = observations.features
    let dimension = space.coordinates.count
    var centre = [Double](repeating: 0.5, count: dimension)
    space.encode(fresh.state.history.configuration(best)) { if !$1.isNaN { centre[$0] = min(max($1, 0), 1) } }
    let sides = Self.sides(features, model.parameters, dimension)
    let seed = mix(fresh.seed, UInt64(fresh.trial))
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
    return found.indices.sorted { (values[$1], $0) < (values[$0], $1) }.map { found[$0] }
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
    summary: "Models the objective around the best trial: for dozens to hundreds of parameters.",
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
    ])
}
