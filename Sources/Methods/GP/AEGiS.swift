import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// AEGiS: an ε-greedy choice between the best of the mean, a drawn function's best, and a random member of the front of
/// mean and deviation, for many workers.
///
/// Source: De Ath, Everson & Fieldsend, "Asynchronous ε-greedy Bayesian optimisation", UAI 2021, arXiv 2010.07615. With
/// ε = min(½, 1/√max(d, 4)) the mean is trusted with the probability 1 − 2ε, and the other two have ε each; until every worker
/// has had a proposal the mean is trusted for the first alone. Diversity comes from chance: pending trials are not modelled.
///
/// Deviations: the kernel has a length scale for each coordinate and the priors of `gp`, where the paper has one scale
/// without a prior; drawn functions have the spectral density of the kernel, which the authors' program has not; the front's
/// population is at most 300; failures weigh in mean, draw and front.
public struct AEGiS: ProcessSampler {
  static let purpose = stableHash("aegis")

  enum Step: String {
    case exploit = "the best of the mean"
    case thompson = "the best of a drawn function"
    case front = "a member of the front of mean and deviation"
  }

  var process: GaussianProcessSampler
  private let candidates: Int

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    var options: [String: Choice] = ["transform": .text("standard")]
    options["startup"] = Self.entry.value("startup", in: part)
    process = GaussianProcessSampler(PartSpec("gp", options: options))
    candidates = Self.entry.integer("candidates", in: part)
  }

  /// ε for so many coordinates.
  static func share(dimension: Int) -> Double { min(0.5, 1 / Double(max(dimension, 4)).squareRoot()) }

  /// - Parameters:
  ///   - iteration: proposals of the model before this one.
  ///   - workers: trials that are pending, and this one.
  static func step(dimension: Int, iteration: Int, workers: Int, _ stream: inout RandomStream) -> Step {
    let share = share(dimension: dimension)
    let (first, second) = (stream.uniform(), stream.uniform())
    if iteration == 0 ? share < 0.5 : iteration > workers && first < 1 - 2 * share { return .exploit }
    return second < 0.5 ? .thompson : .front
  }

  private func step(_ trial: TrialNumber, _ state: StudyState) -> Step {
    var stream = RandomStream(
      seed: mix(state.spec.seed ?? 0, Self.purpose), purpose: stableHash("step"), index: UInt64(trial))
    let iteration = state.trials.prefix(trial).filter { $0.origin == .model }.count
    return Self.step(
      dimension: state.spec.space.coordinates.count, iteration: iteration,
      workers: state.running.count + state.queue.count + 1, &stream)
  }

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    guard let model = process.models(observations, fresh.state)?.first else { return .none }
    let found =
      switch step(fresh.trial, fresh.state) {
      case .exploit:
        best(ModelAcquisition(model, .upperBound(multiplier: 0), threshold: 0), observations, fresh)
      case .thompson: best(PosteriorPath(model, seed: fresh.trialSeed), observations, fresh)
      case .front: front(model, observations, fresh)
      }
    return .best(found, isWeakened: process.isWeakened)
  }

  private mutating func best(
    _ function: any Acquisition, _ observations: Observations, _ fresh: FreshDraw
  ) -> [Configuration] {
    let count = min(candidates, 1000 * max(1, fresh.state.spec.space.coordinates.count))
    return search(
      function, observations, fresh, around: observations.best(GaussianProcessSampler.incumbents, fresh.state),
      .init(candidates: count, spray: 32, starts: 4, rounds: 4))
  }

  private mutating func front(
    _ model: GaussianProcess, _ observations: Observations, _ fresh: FreshDraw
  ) -> [Configuration] {
    let dimension = max(1, fresh.state.spec.space.coordinates.count)
    var settings = FrontSearch.Settings()
    settings.population = max(4, min(100 * dimension, 300, candidates))
    settings.generations = 10
    settings.crossover = 0.8
    settings.crossoverIndex = 20
    settings.remembersAll = true
    var search = FrontSearch(
      observations.features, incumbents: observations.best(1, fresh.state),
      seed: fresh.trialSeed, isNew: fresh.isNew, settings: settings)
    let feasibility = lessons.model(observations, fresh.state)
    let members = search.run { points in
      let batch = model.predict(points)
      let failing = feasibility?.logWeights(points).map { -$0 }
      return (0..<points.count).map { i in
        let loss = failing?[i] ?? 0
        return [loss - batch.means[i], loss - (batch.variances[i] + model.parameters.noise).squareRoot()]
      }
    }
    var found = members.map(\.configuration)
    var stream = RandomStream(seed: fresh.seed, purpose: stableHash("member"), index: UInt64(fresh.trial))
    stream.shuffle(&found)
    return found
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    var explanation = process.explanation(of: configuration, trial: trial, target: target, state: state)
    let observations = observed(state)
    guard let place = explanation.facts.firstIndex(where: { $0.name == "acquisition value" }),
      let model = process.models(observations, state)?.first,
      let point = observations.features.point(configuration)
    else { return explanation }
    let step = step(trial, state)
    explanation.facts[0] = Fact("method", "AEGiS: \(step.rawValue)")
    let prediction = model.predict(point)
    let seed = FreshDraw(purpose: Self.purpose, trial: trial, state: state).trialSeed
    let facts =
      switch step {
      case .exploit: [Fact("acquisition value", prediction.means[0])]
      case .thompson: [Fact("acquisition value", PosteriorPath(model, seed: seed).values(point)[0])]
      case .front:
        [
          Fact("acquisition value, mean", prediction.means[0]),
          Fact("acquisition value, deviation", (prediction.variances[0] + model.parameters.noise).squareRoot()),
        ]
      }
    explanation.facts.replaceSubrange(place...place, with: facts)
    return explanation
  }
}

extension AEGiS {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "aegis", title: "Asynchronous ε-greedy global search (AEGiS)",
    summary: "Trusts a Gaussian process mostly, and explores by chance: for many workers.",
    paper: .init(
      authors: "G. De Ath, R. M. Everson, J. E. Fieldsend",
      title: "Asynchronous ε-greedy Bayesian optimisation", year: 2021, venue: "UAI, arXiv 2010.07615"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      StartupDesign.option,
      MethodOption(
        name: "candidates", kind: .integer(16...100_000), defaultValue: .integer(2000),
        meaning: "the most configurations at which the searches for the best of the mean or of a draw look first"),
    ])
}
