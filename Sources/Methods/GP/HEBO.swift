import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// HEBO: a Gaussian process of transformed losses on warped axes, and a proposal that several acquisition functions agree
/// on.
///
/// Source: Cowen-Rivers et al., "HEBO: pushing the limits of sample-efficient hyper-parameter optimisation", JAIR 74, 2022,
/// arXiv 2012.03826. Losses go through a power transform, numeric axes are warped, and an evolutionary search finds the front
/// of the lower confidence bound, the expected improvement and the probability of improvement (MACE: Lyu et al., ICML 2018),
/// each with a mean that is shaken by the noise. A member of the front is proposed at random.
///
/// Deviations: the kernel and its priors are those of `gp`, and the mode of greatest posterior density is found with
/// gradients; the tail of the logarithm of the improvement is exact, where the authors' program lacks a constant; every
/// proposal searches anew, so that it depends on the log alone; failures weigh in all three functions as they do in `gp`.
public struct HEBO: ProcessSampler {
  static let purpose = stableHash("hebo")
  static let delta = 0.01
  static let half = 0.5
  static let gain = 1e-4

  var process: GaussianProcessSampler
  private let population: Int
  private let generations: Int

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    var options: [String: Choice] = ["transform": .text("power"), "warp": .text("on")]
    for name in ["startup", "resource"] { options[name] = Self.entry.value(name, in: part) }
    process = GaussianProcessSampler(PartSpec("gp", options: options))
    population = Self.entry.integer("population", in: part)
    generations = Self.entry.integer("generations", in: part)
  }

  /// The multiplier of the lower confidence bound.
  /// - Parameter dimension: coordinates.
  static func multiplier(count: Int, dimension: Int) -> Double {
    let t = Double(max(1, count))
    let growth = (2 + Double(dimension) / 2) * logarithm(t) + logarithm(3 * Double.pi * Double.pi / (3 * delta))
    return (2 * half * growth).squareRoot()
  }

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    guard let model = process.models(observations, fresh.state)?.first else { return .none }
    var stream = RandomStream(seed: fresh.seed, purpose: stableHash("member"), index: UInt64(fresh.trial))
    var front = front(model, observations, fresh)
    stream.shuffle(&front)
    return .best(front, isWeakened: process.isWeakened)
  }

  private mutating func front(
    _ model: GaussianProcess, _ observations: Observations, _ fresh: FreshDraw
  ) -> [Configuration] {
    let state = fresh.state
    let seed = fresh.trialSeed
    var settings = FrontSearch.Settings()
    settings.population = population
    settings.generations = generations
    let incumbents = observations.best(1, state)
    var search = FrontSearch(
      observations.features, incumbents: incumbents, seed: seed, isNew: fresh.isNew, settings: settings)
    let (threshold, multiplier) = goal(model, observations, state)
    let feasibility = lessons.model(observations, state)
    let shake = (2 * model.parameters.noise).squareRoot()
    var stream = RandomStream(seed: seed, purpose: stableHash("shake"), index: 0)
    let members = search.run { points in
      let batch = model.predict(points)
      let failing = feasibility?.logWeights(points).map { -$0 }
      return (0..<points.count).map { i in
        let deviation = (batch.variances[i] + 1e-12).squareRoot()
        let z = (batch.means[i] - threshold - Self.gain + shake * stream.normal()) / deviation
        let bound = batch.means[i] + shake * stream.normal() + multiplier * deviation
        let loss = failing?[i] ?? 0
        // Without a solution there is nothing to improve on.
        guard observations.hasSolution else { return [loss, loss, loss] }
        return [
          loss - bound, loss - logarithm(deviation) - Improvement.logExpected(z),
          loss - NormalDistribution.logCDF(z),
        ]
      }
    }
    return members.map(\.configuration)
  }

  /// What is to be improved on, and the multiplier of the bound.
  private func goal(
    _ model: GaussianProcess, _ observations: Observations, _ state: StudyState
  ) -> (threshold: Double, multiplier: Double) {
    let best = observations.points(of: observations.leaders(1).map { observations.rows[$0].trial }, state)
    return (
      model.predict(best).means.first ?? 0,
      Self.multiplier(count: observations.rows.count, dimension: max(1, state.spec.space.coordinates.count))
    )
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    var explanation = process.explanation(of: configuration, trial: trial, target: target, state: state)
    explanation.facts[0] = Fact("method", "HEBO: a Gaussian process, and the front of three acquisition functions")
    let observations = observed(state)
    guard let place = explanation.facts.firstIndex(where: { $0.name == "acquisition value" }),
      let model = process.models(observations, state)?.first,
      let point = observations.features.point(configuration)
    else { return explanation }
    let (threshold, multiplier) = goal(model, observations, state)
    let prediction = model.predict(point)
    let deviation = (prediction.variances[0] + 1e-12).squareRoot()
    let z = (prediction.means[0] - threshold - Self.gain) / deviation
    explanation.facts.replaceSubrange(
      place...place,
      with: [
        Fact("acquisition value, bound", prediction.means[0] + multiplier * deviation),
        Fact("acquisition value, improvement", logarithm(deviation) + Improvement.logExpected(z)),
        Fact("acquisition value, probability", NormalDistribution.logCDF(z)),
      ])
    return explanation
  }
}

extension HEBO {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "hebo", title: "Heteroscedastic evolutionary Bayesian optimisation (HEBO)",
    summary: "A Gaussian process on warped axes whose proposals are compromises of three acquisition functions.",
    paper: .init(
      authors:
        "A. I. Cowen-Rivers, W. Lyu, R. Tutunov, Z. Wang, A. Grosnit, R. R. Griffiths, A. M. Maraval, H. Jianye, "
        + "J. Wang, J. Peters, H. Bou Ammar",
      title: "HEBO: pushing the limits of sample-efficient hyper-parameter optimisation", year: 2022,
      venue: "JAIR 74, arXiv 2012.03826"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      StartupDesign.option, GaussianProcessSampler.resourceOption,
      MethodOption(
        name: "population", kind: .integer(4...10_000), defaultValue: .integer(100),
        meaning: "the members of the population of the evolutionary search"),
      MethodOption(
        name: "generations", kind: .integer(1...10_000), defaultValue: .integer(100),
        meaning: "its generations"),
    ], takesOutcomeConstraints: true)
}
