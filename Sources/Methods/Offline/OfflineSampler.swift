import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// IGNITE: proposals from a fixed table of results, which no new result will correct.
///
/// Source: Dao, Nguyen, Truong & Hoang, "Incorporating surrogate gradient norm to improve offline optimization techniques",
/// NeurIPS 2024, arXiv 2503.04242. An ensemble of networks whose sharpness is penalised learns the table (see
/// `PessimisticEnsemble`); from the best rows, gradient steps climb what the most pessimistic network expects. Proposals
/// keep apart from the rows and from each other.
///
/// When no network can be trained, the lower confidence bound of a Gaussian process, μ − 2σ, takes its place, and the
/// proposal says that its model was weakened.
///
/// Deviations: networks of two layers of 64 units, and 300 steps of Adam, so that a proposal takes seconds; the climb is the
/// search that all models here share, so that choices and conditions are taken, too.
public struct OfflineSampler: Sampler {
  static let purpose = stableHash("ignite")
  static let rowLimit = 2000
  static let incumbents = 128
  static let fallbackMultiplier = -2.0

  private let startup: Int
  private let distance: Double
  private let options: PessimisticEnsemble.Options
  private var observations: Observations?
  private var cache: (rows: ContiguousArray<Observations.Row>, model: (any Acquisition)?, isWeakened: Bool)?

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    startup = Self.entry.integer("startup", in: part)
    distance = Self.entry.real("distance", in: part)
    var options = PessimisticEnsemble.Options()
    options.members = Self.entry.integer("networks", in: part)
    options.width = Self.entry.integer("width", in: part)
    options.steps = Self.entry.integer("steps", in: part)
    options.isPenalised = Self.entry.word("penalty", in: part) == "on"
    self.options = options
  }

  public mutating func absorb(_ event: Event, state: StudyState) {
    Observations.absorb(event, state: state, into: &observations)
  }

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    let observations = self.observations ?? Observations(state)
    self.observations = observations
    guard observations.rows.count >= StartupDesign.count(startup, state.spec) else {
      return try StartupDesign.sample(Self.purpose, trial, state)
    }
    let fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    guard let (model, isWeakened) = model(observations, fresh.seed) else { return try fresh.sample(origin: .fallback) }
    var settings = MixedSearch.Settings()
    settings.candidates = 256
    settings.spray = 2
    settings.starts = 12
    var search = MixedSearch(
      observations.features, model, incumbents: observations.best(Self.incumbents, state),
      seed: mix(fresh.seed, UInt64(trial)), settings: settings)
    let found = search.run().map(\.configuration)
    guard !found.isEmpty else { return try fresh.sample(origin: .fallback) }
    let untried = found.filter { !state.history.contains($0) }
    return try fresh.propose(apart(untried, observations, state), isWeakened: isWeakened)
  }

  private mutating func model(
    _ observations: Observations, _ seed: UInt64
  ) -> (model: any Acquisition, isWeakened: Bool)? {
    if cache?.rows != observations.rows {
      let losses = observations.rows.map(\.loss)
      let chosen = GPSelection.choose(losses, limit: Self.rowLimit)
      let points = observations.points.subset(chosen)
      let scores = OutputTransform.winsorized.apply(chosen.map { losses[$0] }).map { -$0 }
      if let ensemble = PessimisticEnsemble(points, scores, options: options, seed: seed) {
        cache = (observations.rows, ensemble, false)
      } else {
        let process = GaussianProcess.fitted(points, scores)
        let bound = process.map {
          ModelAcquisition($0, .upperBound(multiplier: Self.fallbackMultiplier), threshold: 0)
        }
        cache = (observations.rows, bound, true)
      }
    }
    guard let cache, let model = cache.model else { return nil }
    return (model, cache.isWeakened)
  }

  /// The configurations that are far enough from all that was tried or is pending, and then the others.
  private func apart(
    _ found: [Configuration], _ observations: Observations, _ state: StudyState
  ) -> [Configuration] {
    let pending = observations.points(of: (state.running + state.queue).sorted(), state)
    guard distance > 0, pending.count > 0 else { return found }
    var near: [Configuration] = []
    var far: [Configuration] = []
    var units = [Double](repeating: 0, count: state.spec.space.coordinates.count)
    for configuration in found {
      var point = observations.features.empty
      guard observations.features.append(configuration, to: &point, units: &units) else { continue }
      let isFar = (0..<pending.count).allSatisfy { row in
        var sum = 0.0
        for j in 0..<point.numberCount {
          let step = point.numbers[j] - pending.numbers[row * point.numberCount + j]
          sum += step * step
        }
        for k in 0..<point.choiceCount where point.choices[k][0] != pending.choices[k][row] { sum += 1 }
        return sum.squareRoot() >= distance
      }
      if isFar { far.append(configuration) } else { near.append(configuration) }
    }
    return far + near
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, state: StudyState
  ) -> Explanation {
    let observations = self.observations ?? Observations(state)
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    var facts = [Fact("method", "ensemble of networks without sharpness; unverified: nothing corrects it")]
    let seed = FreshDraw(purpose: Self.purpose, trial: trial, state: state).seed
    var points = observations.features.empty
    var units = [Double](repeating: 0, count: state.spec.space.coordinates.count)
    guard observations.rows.count >= StartupDesign.count(startup, state.spec),
      let (model, isWeakened) = model(observations, seed),
      observations.features.append(configuration, to: &points, units: &units)
    else { return Explanation(facts + [Fact("step", "the design before the model")], neighbours: nearest) }
    if isWeakened { facts[0] = Fact("method", "lower bound of a Gaussian process: no network could be trained") }
    let scale = LossScale(observations.rows.map(\.loss), .winsorized)
    let sign = state.spec.objectives[0].sign
    facts.append(
      Fact("expected \(state.spec.objectives[0].metric), pessimistically", sign * scale.loss(-model.values(points)[0])))
    return Explanation(facts, neighbours: nearest)
  }
}

extension OfflineSampler {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "ignite", title: "Offline optimisation without sharpness (IGNITE)",
    summary:
      "Proposes from a fixed table of results that nothing will correct: pessimistic networks kept from being sharp.",
    paper: .init(
      authors: "M. C. Dao, P. L. Nguyen, T. N. Truong, T. N. Hoang",
      title: "Incorporating surrogate gradient norm to improve offline optimization techniques", year: 2024,
      venue: "NeurIPS, arXiv 2503.04242"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      StartupDesign.option,
      MethodOption(
        name: "networks", kind: .integer(1...100), defaultValue: .integer(5),
        meaning: "the number of networks, of which the most pessimistic counts"),
      MethodOption(
        name: "width", kind: .integer(2...1024), defaultValue: .integer(64), meaning: "the units of each layer"),
      MethodOption(
        name: "steps", kind: .integer(1...100_000), defaultValue: .integer(300), meaning: "the steps of training"),
      MethodOption(
        name: "penalty", kind: .word(["on", "off"]), defaultValue: .text("on"),
        meaning: "whether sharpness is penalised"),
      MethodOption(
        name: "distance", kind: .real(0...10), defaultValue: .real(0.1),
        meaning: "how far proposals keep apart from each other, on the unit scale of each parameter"),
    ])
}
