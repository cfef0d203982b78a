import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// IGNITE: proposals from a fixed table of results, which no new result will correct.
///
/// Source: Dao, Nguyen, Truong & Hoang, "Incorporating surrogate gradient norm to improve offline optimization techniques",
/// NeurIPS 2024, arXiv 2503.04242. An ensemble of networks whose sharpness is penalised learns the table (see
/// `PessimisticEnsemble`); from the best rows, gradient steps climb what the most pessimistic network expects. Proposals
/// keep apart from each other.
///
/// When no network can be trained, the lower confidence bound of a Gaussian process, μ − 2σ, takes its place, and the
/// proposal says that its model was weakened.
///
/// Deviations: networks of two layers of 64 units, and 300 steps of Adam, so that a proposal takes seconds; the climb is the
/// search that all models here share, so that choices and conditions are taken, too.
public struct OfflineSampler: ObservingSampler {
  static let purpose = stableHash("ignite")
  static let rowLimit = 2000
  static let incumbents = 128
  static let fallbackMultiplier = -2.0

  let startup: Int
  private let distance: Double
  private let options: PessimisticEnsemble.Options
  var observations: Observations?
  /// Nothing corrects what it learns of failures.
  var lessons = FailureLessons()
  private var kept = KeptModel<Pessimist?>()

  private struct Pessimist: Sendable {
    var function: any Acquisition
    var isWeakened = false
  }

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

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    guard let model = model(observations, fresh.seed) else { return .none }
    let incumbents = observations.best(Self.incumbents, fresh.state)
    let settings = MixedSearch.Settings(candidates: 256, spray: 2, starts: 12)
    let pending = observations.pending(fresh.state)
    if distance > 0, pending.count > 0 {
      let apart = KeptApart(model.function, from: pending, distance: distance)
      let found = search(apart, observations, fresh, around: incumbents, settings)
        .filter { configuration in
          observations.features.point(configuration).map { apart.values($0)[0] > -.infinity } ?? false
        }
      if !found.isEmpty { return .best(found, isWeakened: model.isWeakened) }
    }
    // Where the space has no room for so many proposals apart, the best is better than a random one.
    return .best(
      search(model.function, observations, fresh, around: incumbents, settings), isWeakened: model.isWeakened)
  }

  private mutating func model(_ observations: Observations, _ seed: UInt64) -> Pessimist? {
    let options = options
    return kept.model(of: observations) {
      let losses = observations.rows.map(\.loss)
      let chosen = GPSelection.choose(losses, limit: Self.rowLimit)
      let points = observations.points.subset(chosen)
      let scores = OutputTransform.winsorized.apply(chosen.map { losses[$0] }).map { -$0 }
      if let ensemble = PessimisticEnsemble(points, scores, options: options, seed: seed) {
        return Pessimist(function: ensemble)
      }
      guard let process = GaussianProcess.fitted(points, scores) else { return nil }
      return Pessimist(
        function: ModelAcquisition(process, .upperBound(multiplier: Self.fallbackMultiplier), threshold: 0),
        isWeakened: true)
    }
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let observations = observed(state)
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    var facts = [Fact("method", "ensemble of networks without sharpness; unverified: nothing corrects it")]
    let seed = FreshDraw(purpose: Self.purpose, trial: trial, state: state).seed
    if let fact = designFact(observations, state) { return Explanation(facts + [fact], neighbours: nearest) }
    guard let model = model(observations, seed), let points = observations.features.point(configuration) else {
      return Explanation(facts + [Fact("step", "random: no model can be made")], neighbours: nearest)
    }
    if model.isWeakened { facts[0] = Fact("method", "lower bound of a Gaussian process: no network could be trained") }
    let scale = LossScale(observations.rows.map(\.loss), .winsorized)
    let sign = state.spec.objectives[0].sign
    facts.append(
      Fact(
        "expected \(state.spec.objectives[0].metric), pessimistically",
        sign * scale.loss(-model.function.values(points)[0])))
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
