import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// BAxUS: a trust region in a space of few dimensions, each of which moves many parameters, and which are split as trials
/// come in.
///
/// Source: Papenmeier, Nardi & Poloczek, "Increasing the scope as you learn: adaptive Bayesian optimization in nested
/// subspaces", NeurIPS 2022, arXiv 2304.11468. The region is that of `turbo`; when it has shrunk to nothing, dimensions are
/// split and it begins anew around the best trial, all trials being kept; with every parameter a dimension of its own, all
/// begins anew. Dimensions are split into four, as in the authors' program.
///
/// Deviations: every completion counts by itself; choices stay outside the embedding, and one that is selected takes any
/// value; a trial from elsewhere counts at the nearest point of the embedding; without a budget ten trials a parameter are
/// assumed; priors are those of `gp`.
public struct BAxUS: ObservingSampler, ExplainedSampler {
  static let purpose = stableHash("baxus")
  /// Trials for each coordinate where a study has no budget.
  static let openBudget = 10

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

  /// Where a study stands: the region, and the embedding in which it lies.
  private struct Place {
    var region: TrustRegion
    var embedding: NestedEmbedding
    var choices: [Int]
  }

  private func place(_ observations: Observations, _ state: StudyState) -> Place {
    let space = state.spec.space
    var numbers: [Int] = []
    var choices: [Int] = []
    for (c, coordinate) in space.coordinates.enumerated() {
      if case .choices = coordinate.kind {
        choices.append(c)
      } else if space.parameters[coordinate.parameter].fixedValue == nil {
        numbers.append(c)
      }
    }
    let budget = state.spec.budget.trials ?? Self.openBudget * max(1, numbers.count)
    let region = TrustRegion(
      observations.rows.map(\.loss),
      tolerances: NestedEmbedding.tolerances(numbers.count, budget: max(1, budget - startup)), design: startup)
    let seed = mix(mix(state.spec.seed ?? 0, Self.purpose), UInt64(region.restarts))
    let embedding = NestedEmbedding(numbers, of: space.coordinates.count, level: region.level, seed: seed)
    return Place(region: region, embedding: embedding, choices: choices)
  }

  func progress(_ observations: Observations, _ state: StudyState) -> (known: Int, needed: Int) {
    (observations.rows.count - place(observations, state).region.start, startup)
  }

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    let place = place(observations, fresh.state)
    guard let best = place.region.best, let model = model(observations, place, fresh.state) else { return .none }
    return .best(
      draw(observations, place, model, best: observations.rows[best].trial, fresh).map(\.configuration))
  }

  var title: String { "trust region in a subspace with a Gaussian process, the best of a drawn function" }

  mutating func account(
    of configuration: Configuration, at point: FeaturePoints, _ observations: Observations, _ fresh: FreshDraw
  ) -> [Fact]? {
    let place = place(observations, fresh.state)
    guard let best = place.region.best, let model = model(observations, place, fresh.state) else { return nil }
    var embedded = none(place, observations.features)
    append(
      configuration, point, 0, observations.features.hasResource, place, fresh.state.spec.space, to: &embedded)
    let drawn = draw(observations, place, model, best: observations.rows[best].trial, fresh)
    let numbers = place.embedding.bins.reduce(0) { $0 + $1.count }
    return [Fact("subspace", "\(place.embedding.bins.count) dimensions for \(numbers) parameters")]
      + place.region.facts(around: observations.rows[best].trial)
      + place.region.facts(model.predict(embedded), model, observations, fresh.state)
      + [.acquisition(drawn.first { $0.configuration == configuration }?.value)]
  }

  /// A point of a scrambled Sobol sequence in the embedding.
  func design(_ observations: Observations, _ fresh: FreshDraw) throws(SpaceError) -> Sample {
    let place = place(observations, fresh.state)
    let space = fresh.state.spec.space
    let width = place.embedding.bins.count
    let sequence = try? SobolSequence(
      dimension: max(1, width + place.choices.count), seed: mix(fresh.seed, UInt64(place.region.restarts)))
    return try fresh.sample(origin: .design) { attempt throws(SpaceError) in
      var stream = RandomStream(
        seed: fresh.seed, purpose: stableHash("design"), index: mix(UInt64(fresh.trial), UInt64(attempt)))
      let point: [Double]
      if attempt == 0, let sequence {
        point = sequence.point(at: UInt64(fresh.trial))
      } else {
        point = (0..<max(1, width + place.choices.count)).map { _ in stream.uniform() }
      }
      var units = [Double](repeating: 0.5, count: space.coordinates.count)
      place.embedding.embed(Array(point.prefix(width)), into: &units)
      for (k, choice) in place.choices.enumerated() { units[choice] = point[width + k] }
      let configuration = space.configuration(unit: units)
      if space.violatedConstraint(configuration) == nil { return (configuration, Annotation(origin: .design)) }
      let random = try space.sample(seed: mix(fresh.seed, UInt64(attempt + 1)), index: UInt64(fresh.trial))
      return (random, Annotation(origin: .design))
    }
  }

  /// Appends a configuration as the model sees it: its place in the embedding, its resource, its choices.
  private func append(
    _ configuration: Configuration, _ features: FeaturePoints, _ row: Int, _ hasResource: Bool, _ place: Place,
    _ space: Space, to points: inout FeaturePoints
  ) {
    var units = [Double](repeating: .nan, count: space.coordinates.count)
    space.encode(configuration) { units[$0] = $1 }
    var numbers = place.embedding.project(units)
    if hasResource { numbers.append(features.numbers(of: row)[features.numberCount - 1]) }
    points.append(numbers, features.choices(of: row))
  }

  private func none(_ place: Place, _ features: SpaceFeatures) -> FeaturePoints {
    FeaturePoints(
      numberCount: place.embedding.bins.count + (features.hasResource ? 1 : 0), choiceCount: features.choiceCount)
  }

  /// The model of the region's trials; the same for all proposals beside them.
  private mutating func model(
    _ observations: Observations, _ place: Place, _ state: StudyState
  ) -> GaussianProcess? {
    var kept = kept
    defer { self.kept = kept }
    return kept.model(of: observations) {
      let (rows, losses) = place.region.seen(observations)
      var points = none(place, observations.features)
      for row in rows {
        append(
          state.history.filled(observations.rows[row].trial), observations.points, row,
          observations.features.hasResource, place, state.spec.space, to: &points)
      }
      return TrustRegionSampler.process(points, losses, GaussianProcessFit.Options())
    }
  }

  /// Configurations of the box, in the order of a function drawn from the model, best first.
  private func draw(
    _ observations: Observations, _ place: Place, _ model: GaussianProcess, best: TrialNumber, _ fresh: FreshDraw
  ) -> [(configuration: Configuration, value: Double)] {
    let configuration = fresh.state.history.filled(best)
    var stream = RandomStream(
      seed: fresh.trialSeed, purpose: stableHash("trust region"), index: 0)
    var found = candidates(observations, place, model, best: configuration, fresh, isEmbedded: true, &stream)
    // Constraints may leave nothing of a space of so few dimensions: parameters then move by themselves.
    if found.isEmpty {
      found = candidates(observations, place, model, best: configuration, fresh, isEmbedded: false, &stream)
    }
    guard !found.isEmpty else { return [] }
    let features = observations.features
    var raw = features.empty
    var units = [Double](repeating: 0, count: fresh.state.spec.space.coordinates.count)
    var points = none(place, features)
    var kept: [Configuration] = []
    for configuration in found where features.append(configuration, to: &raw, units: &units) {
      append(configuration, raw, raw.count - 1, features.hasResource, place, fresh.state.spec.space, to: &points)
      kept.append(configuration)
    }
    let values = model.draw(at: points, &stream)
    return kept.indices.sorted { (values[$1], $0) < (values[$0], $1) }.map { (kept[$0], values[$0]) }
  }

  /// Points of the box that differ from the best trial in some dimensions, or in some parameters, and satisfy the constraints.
  private func candidates(
    _ observations: Observations, _ place: Place, _ model: GaussianProcess, best: Configuration, _ fresh: FreshDraw,
    isEmbedded: Bool, _ stream: inout RandomStream
  ) -> [Configuration] {
    let space = fresh.state.spec.space
    var units = [Double](repeating: .nan, count: space.coordinates.count)
    space.encode(best) { units[$0] = $1.isNaN ? $1 : min(max($1, 0), 1) }
    let centre = place.embedding.project(units)
    for c in units.indices where units[c].isNaN { units[c] = 0.5 }
    // What moves: dimensions with the coordinates that follow them, or coordinates alone; and choices.
    let members = isEmbedded ? place.embedding.bins : place.embedding.bins.flatMap { bin in bin.map { [$0] } }
    let sides = TrustRegion.sides(Array(model.parameters.numberScales.prefix(centre.count)))
    let owner = place.embedding.bins.indices.flatMap { bin in place.embedding.bins[bin].map { _ in bin } }
    let total = members.count + place.choices.count
    let sequence = try? SobolSequence(dimension: max(1, total), seed: fresh.trialSeed)
    let share = min(1, 20 / Double(max(1, total)))
    var found: [Configuration] = []
    for index in 0..<min(candidates, 100 * max(1, total)) {
      let spread = sequence?.point(at: UInt64(index)) ?? (0..<max(1, total)).map { _ in stream.uniform() }
      var point = centre
      var unit = units
      let certain = total > 0 ? stream.index(below: total) : 0
      for c in 0..<total where stream.uniform() < share || c == certain {
        if c >= members.count {
          unit[place.choices[c - members.count]] = spread[c]
          continue
        }
        let half = 0.5 * sides[isEmbedded ? c : owner[c]] * place.region.length
        let middle = isEmbedded ? centre[c] : units[members[c][0]]
        let (low, high) = (max(0, middle - half), min(1, middle + half))
        let value = low + spread[c] * (high - low)
        if isEmbedded { point[c] = value } else { unit[members[c][0]] = value }
      }
      if isEmbedded { place.embedding.embed(point, into: &unit) }
      let configuration = space.configuration(unit: unit)
      if space.violatedConstraint(configuration) == nil { found.append(configuration) }
    }
    return found
  }
}

extension BAxUS {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "baxus", title: "Adaptively expanding subspaces (BAxUS)",
    summary: "A trust region in a few dimensions that are split as trials come in: for hundreds of parameters.",
    paper: .init(
      authors: "L. Papenmeier, L. Nardi, M. Poloczek",
      title: "Increasing the scope as you learn: adaptive Bayesian optimization in nested subspaces", year: 2022,
      venue: "NeurIPS, arXiv 2304.11468"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      MethodOption(
        name: "startup", kind: .integer(1...1_000_000), defaultValue: .integer(10),
        meaning: "the number of trials with a value, of each region, before the model is used"),
      MethodOption(
        name: "candidates", kind: .integer(16...5000), defaultValue: .integer(1000),
        meaning: "the most configurations of the box among which one is proposed"),
    ])
}
