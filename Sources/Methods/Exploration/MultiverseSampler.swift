import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// Explores how the objective depends on all choices, instead of looking for the best: for claims such as "adaptive
/// optimisers are better, whatever the other choices".
///
/// Source: Bell, Kampman, Dodge & Lawrence, "Modeling the machine learning multiverse", NeurIPS 2022, arXiv 2206.05985. A
/// Gaussian process learns the objective; the configuration is proposed that lessens its doubt over the whole space most
/// (integrated variance reduction). What it has learned is in its model's report: the effect of each choice, with its
/// uncertainty, the share of the space where the sign of the effect is certain, and the evidence that it matters at all.
public struct MultiverseSampler: ProcessSampler, ExplainedSampler {
  static let purpose = stableHash("multiverse")
  /// Points at which reports look: their covariances are computed for each pair of choices.
  static let reportPoints = 192
  /// Parameters with more choices than this are left out of reports.
  static let reportChoices = 6
  /// Above so many trials there is no evidence in reports: it takes a fit for each parameter with choices.
  static let evidenceRows = 256

  private let candidates: Int
  private let points: Int
  private let target: Double
  var process: GaussianProcessSampler

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    candidates = Self.entry.integer("candidates", in: part)
    points = Self.entry.integer("points", in: part)
    target = Self.entry.real("deviation", in: part)
    // A linear transform: effects are differences of values, and mean what they say.
    process = GaussianProcessSampler(
      PartSpec(
        "gp", options: ["startup": .integer(Self.entry.integer("startup", in: part)), "transform": .text("standard")]))
  }

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    guard let base = function(observations, fresh.state) else { return .none }
    if target > 0, base.meanDeviation < target {
      return .finished(
        "the mean deviation of what is not known is \(Fact.rounded(base.meanDeviation)) of that of the values, "
          + "less than \(Fact.rounded(target))")
    }
    return .best(
      search(
        base, observations, fresh, around: [], .init(candidates: candidates, spray: 16, starts: 4, moves: 64)),
      isWeakened: process.isWeakened)
  }

  /// What a trial would teach, given those that are pending; nil when the model cannot be made.
  private mutating func function(
    _ observations: Observations, _ state: StudyState
  ) -> IntegratedVarianceReduction? {
    guard let model = process.models(observations, state)?.first else { return nil }
    let reference = reference(observations.features, points, state).points
    guard reference.count > 0 else { return nil }
    let pending = observations.pending(state)
    return IntegratedVarianceReduction(
      model.believing(pending, noise: model.parameters.noise).process, over: reference)
  }

  var title: String { "Gaussian process, integrated variance reduction" }

  mutating func account(
    of configuration: Configuration, at point: FeaturePoints, _ observations: Observations, _ fresh: FreshDraw
  ) -> [Fact]? {
    guard let function = function(observations, fresh.state) else { return nil }
    let scale = LossScale(observations.rows.map(\.loss), .standard)
    let prediction = function.process.predict(point)
    let deviation = (prediction.variances[0] + function.process.parameters.noise).squareRoot()
    return [
      Fact("trials in the model", "\(process.rowsOfModel.count)"),
      Fact("mean deviation of what is not known, of that of the values", function.meanDeviation),
    ] + scale.facts(mean: prediction.means[0], deviation: deviation, fresh.state.spec.objectives[0])
      + [Fact("acquisition value", function.reductions(point)[0])]
  }

  /// Points spread over the space; the same throughout a study.
  private func reference(
    _ features: SpaceFeatures, _ count: Int, _ state: StudyState
  ) -> (points: FeaturePoints, configurations: [Configuration]) {
    var pool = CandidatePool(features, incumbents: [], seed: mix(state.spec.seed ?? 0, Self.purpose))
    return features.points(pool.scatter(count, spray: 0).map(\.configuration))
  }
}

// MARK: What was learned

extension MultiverseSampler {
  public mutating func modelReport(state: StudyState) -> ModelReport? {
    guard var report = process.modelReport(state: state), let observations = process.observations,
      let model = process.models(observations, state)?.first
    else { return nil }
    let (points, configurations) = reference(observations.features, Self.reportPoints, state)
    guard points.count > 1 else { return report }
    let losses = observations.rows.map(\.loss)
    let scale = LossScale(losses, .standard)
    // Of the objective as it is reported, for each unit of the model's scores.
    let unit = state.spec.objectives[0].sign * (scale.loss(-1) - scale.loss(0))
    let known = IntegratedVarianceReduction(model, over: points)
    report.facts[0] = Fact("method", title)
    report.facts.append(Fact("mean deviation of what is not known", abs(unit) * known.meanDeviation))
    report.facts += effects(model, observations, configurations, unit, state)
    report.facts += sensitivities(model, observations.features, state)
    return report
  }

  /// The effect of each choice against the first, wherever both are possible.
  private func effects(
    _ model: GaussianProcess, _ observations: Observations, _ configurations: [Configuration], _ unit: Double,
    _ state: StudyState
  ) -> [Fact] {
    let space = state.spec.space
    // The sampler's own model may be one fit behind its trials.
    let whole = model.points.count <= Self.evidenceRows ? GaussianProcess.fitted(model.points, model.targets) : nil
    var facts: [Fact] = []
    for index in space.parameters.indices {
      let name = space.parameters[index].name
      guard let choices = space.parameters[index].domain.choices, (2...Self.reportChoices).contains(choices.count)
      else { continue }
      for choice in 1..<choices.count {
        guard let contrast = contrast(index, choice, 0, model, observations.features, configurations) else { continue }
        let (low, high) = (choices[0].description, choices[choice].description)
        facts.append(Fact("effect of \(name)=\(high) against \(low)", unit * contrast.mean))
        facts.append(Fact("its deviation", abs(unit) * contrast.deviation))
        facts.append(Fact("share of the space where its sign is certain", contrast.certainShare))
      }
      if let whole, let evidence = evidence(index, whole, observations) {
        facts.append(Fact("log evidence that \(name) matters", evidence))
      }
    }
    return facts
  }

  private func contrast(
    _ index: Int, _ first: Int, _ second: Int, _ model: GaussianProcess, _ features: SpaceFeatures,
    _ configurations: [Configuration]
  ) -> ProcessContrast? {
    let space = features.space
    let slot = space.slotRanges[index].lowerBound
    var sides = (features.empty, features.empty)
    var units = [Double](repeating: 0, count: space.coordinates.count)
    // What depends on the choice is in its middle on the side where it becomes active.
    let usual = space.configuration(unit: [Double](repeating: 0.5, count: space.coordinates.count)).slots
    for configuration in configurations where !configuration.slots[slot].isNaN {
      let made = [first, second].map { choice -> Configuration in
        var full = zip(configuration.slots, usual).map { $0.isNaN ? $1 : $0 }
        for s in full.indices where full[s].isNaN { full[s] = 0 }
        full[slot] = Double(choice)
        space.deactivate(&full)
        return Configuration(slots: full)
      }
      guard made.allSatisfy({ space.contains($0) }) else { continue }
      let before = sides.0.count
      guard features.append(made[0], to: &sides.0, units: &units) else { continue }
      if !features.append(made[1], to: &sides.1, units: &units) { sides.0.truncate(to: before) }
    }
    guard sides.0.count > 1 else { return nil }
    return ProcessContrast(model, sides.0, sides.1)
  }

  /// The logarithm of the Bayes factor of a model with the choice against one without it, both at their most likely
  /// parameters.
  private func evidence(_ index: Int, _ model: GaussianProcess, _ observations: Observations) -> Double? {
    guard let column = observations.features.choiceColumn(ofParameter: index) else { return nil }
    var without = FeaturePoints(
      numberCount: model.points.numberCount, choiceCount: model.points.choiceCount - 1)
    for row in 0..<model.points.count {
      var codes = model.points.choices(of: row)
      codes.remove(at: column)
      without.append(model.points.numbers(of: row), codes)
    }
    guard let other = GaussianProcess.fitted(without, model.targets) else { return nil }
    return model.logMarginalLikelihood - other.logMarginalLikelihood
  }

  /// The share of the variance of the model's mean that each parameter explains, alone and with all others.
  ///
  /// Source: Saltelli et al., "Variance based sensitivity analysis of model output", Computer Physics Communications 181,
  /// 2010 (Jansen's estimators), on 512 points.
  private func sensitivities(_ model: GaussianProcess, _ features: SpaceFeatures, _ state: StudyState) -> [Fact] {
    let space = state.spec.space
    let dimension = space.coordinates.count
    // Where parameters depend on each other there is no such decomposition.
    guard dimension > 0, dimension <= 100, space.constraints.isEmpty,
      space.parameters.allSatisfy({ $0.condition == nil }),
      let sequence = try? SobolSequence(dimension: 2 * dimension, seed: mix(state.spec.seed ?? 0, Self.purpose))
    else { return [] }
    let samples = (0..<512).map { sequence.point(at: UInt64($0)) }
    var units = [Double](repeating: 0, count: dimension)
    func means(_ point: ([Double]) -> [Double]) -> [Double] {
      var points = features.empty
      for sample in samples {
        _ = features.append(space.configuration(unit: point(sample)), to: &points, units: &units)
      }
      return model.predict(points).means
    }
    let a = means { Array($0.prefix(dimension)) }
    let b = means { Array($0.suffix(dimension)) }
    guard a.count == samples.count, b.count == samples.count else { return [] }
    let mean = (a + b).reduce(0, +) / Double(2 * a.count)
    let variance = (a + b).reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(2 * a.count)
    guard variance > 0 else { return [] }
    return space.parameters.indices.flatMap { index -> [Fact] in
      let range = space.coordinateRanges[index]
      guard !range.isEmpty else { return [] }
      // The first sample with this parameter of the second.
      let mixed = means { sample in
        var point = Array(sample.prefix(dimension))
        for c in range { point[c] = sample[dimension + c] }
        return point
      }
      guard mixed.count == a.count else { return [] }
      var alone = 0.0
      var total = 0.0
      for i in a.indices {
        alone += (b[i] - mixed[i]) * (b[i] - mixed[i])
        total += (a[i] - mixed[i]) * (a[i] - mixed[i])
      }
      let scale = 2 * Double(a.count) * variance
      let name = space.parameters[index].name
      return [
        Fact("sensitivity to \(name) alone", min(1, max(0, 1 - alone / scale))),
        Fact("sensitivity to \(name) with all others", min(1, max(0, total / scale))),
      ]
    }
  }
}

extension MultiverseSampler {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "multiverse", title: "Multiverse exploration",
    summary: "Learns how the objective depends on every choice, instead of looking for the best: to support claims.",
    paper: .init(
      authors: "S. J. Bell, O. P. Kampman, J. Dodge, N. D. Lawrence",
      title: "Modeling the machine learning multiverse", year: 2022, venue: "NeurIPS, arXiv 2206.05985"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      StartupDesign.option,
      MethodOption(
        name: "points", kind: .integer(16...10_000), defaultValue: .integer(512),
        meaning: "the number of reference points over which the doubt is to be lessened"),
      MethodOption(
        name: "deviation", kind: .real(0...10), defaultValue: .real(0),
        meaning: "ends the study when the mean deviation of what is not known is below this share of that of the values"
      ),
      SearchOption.candidates(512),
    ])
}
