import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// What all samplers share that rank configurations by a model of the trials with a value: the design before there are enough
/// of them, what failures teach, the search, and what is done when nothing can be ranked.
protocol ModelSampler: Sampler {
  /// `stableHash` of the sampler's name.
  static var purpose: UInt64 { get }
  /// The number of trials with a value before the model is used, as `StartupDesign.count` takes it.
  var startup: Int { get }
  var lessons: FailureLessons { get set }

  /// The trials from which the model learns, all of the log among them.
  mutating func observed(_ state: StudyState) -> Observations

  /// Whether there are enough of them for a model.
  func isReady(_ observations: Observations, _ state: StudyState) -> Bool
  /// Whether it proposes configurations that have been tried.
  var repeats: Bool { get }

  /// What is proposed while there are not.
  func design(_ observations: Observations, _ fresh: FreshDraw) throws(SpaceError) -> Sample

  /// What the model says.
  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking
}

/// What a model says of the next trial.
enum ModelRanking {
  /// Configurations, the best first; none when the model cannot be made.
  case best([Configuration], isWeakened: Bool = false)
  /// A random configuration is due.
  case random
  /// A configuration that was tried before is due again.
  case again(Configuration)
  /// The model cannot be made, and these are better than random ones.
  case fallback([Configuration])
  /// Nothing is left to be proposed, and why.
  case finished(String)

  static let none = ModelRanking.best([])
}

extension ModelSampler {
  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    let observations = observed(state)
    var fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    fresh.target = target
    guard isReady(observations, state) else { return try design(observations, fresh) }
    // A model has nothing to add to that.
    if !repeats, fresh.isExhausted { return .exhausted(FreshDraw.exhaustion) }
    switch ranking(observations, fresh) {
    case .random: return try fresh.sample(origin: .design)
    case .finished(let reason): return .finished(reason)
    case .again(let configuration): return .configuration(configuration, Annotation(origin: .repetition))
    case .fallback(let found):
      return try fresh.propose(found.filter { !state.history.contains($0) }, origin: .fallback)
    case .best(let found, let isWeakened):
      guard !found.isEmpty else { return try fresh.sample(origin: .fallback) }
      return try fresh.propose(found.filter { !state.history.contains($0) }, isWeakened: isWeakened)
    }
  }

  var repeats: Bool { false }

  func isReady(_ observations: Observations, _ state: StudyState) -> Bool {
    observations.rows.count >= StartupDesign.count(startup, state.spec)
  }

  func design(_ observations: Observations, _ fresh: FreshDraw) throws(SpaceError) -> Sample {
    try StartupDesign.sample(fresh)
  }

  /// The acquisition with what failures and outcome constraints have taught.
  mutating func weighed(
    _ function: any Acquisition, _ observations: Observations, _ state: StudyState
  ) -> any Acquisition {
    guard let feasibility = lessons.model(observations, state) else { return function }
    return FeasibleAcquisition(observations.hasSolution ? function : nil, feasibility)
  }

  /// The configurations of greatest acquisition, failures weighed in, best first.
  /// - Parameter incumbents: the best configurations so far, around which it looks, too.
  mutating func search(
    _ function: any Acquisition, _ observations: Observations, _ fresh: FreshDraw, around incumbents: [Configuration],
    _ settings: MixedSearch.Settings
  ) -> [Configuration] {
    var search = MixedSearch(
      observations.features, weighed(function, observations, fresh.state), incumbents: incumbents,
      seed: fresh.trialSeed, isNew: repeats ? nil : fresh.isNew, settings: settings)
    return search.run().map(\.configuration)
  }

  /// What an explanation says while the model is not used yet; nil once it is.
  func designFact(_ observations: Observations, _ state: StudyState) -> Fact? {
    guard !isReady(observations, state) else { return nil }
    let needed = StartupDesign.count(startup, state.spec)
    return Fact("step", "the design before the model: \(observations.rows.count) of \(needed) trials have a value")
  }
}

/// A sampler whose model is made anew of the observations.
protocol ObservingSampler: ModelSampler {
  var observations: Observations? { get set }
}

extension ObservingSampler {
  public mutating func absorb(_ event: Event, state: StudyState) {
    Observations.absorb(event, state: state, into: &observations)
  }

  mutating func observed(_ state: StudyState) -> Observations {
    if let observations { return observations }
    let first = Observations(state)
    observations = first
    return first
  }
}

/// A sampler that does something else with the Gaussian process of `gp`.
protocol ProcessSampler: ModelSampler {
  var process: GaussianProcessSampler { get set }
}

extension ProcessSampler {
  var startup: Int { process.startup }

  var lessons: FailureLessons {
    get { process.lessons }
    set { process.lessons = newValue }
  }

  public mutating func absorb(_ event: Event, state: StudyState) { process.absorb(event, state: state) }

  mutating func observed(_ state: StudyState) -> Observations { process.observed(state) }

  public mutating func modelReport(state: StudyState) -> ModelReport? { process.modelReport(state: state) }
}

/// A model that is kept for proposals beside the same observations.
struct KeptModel<Model: Sendable>: Sendable {
  private var kept: (moment: Int, model: Model)?

  /// The model of these observations.
  mutating func model(of observations: Observations, make: () -> Model) -> Model {
    if let kept, kept.moment == observations.moment { return kept.model }
    let model = make()
    kept = (observations.moment, model)
    return model
  }
}

/// Options that samplers with such a search have.
enum SearchOption {
  static func candidates(_ count: Int) -> MethodOption {
    MethodOption(
      name: "candidates", kind: .integer(16...100_000), defaultValue: .integer(count),
      meaning: "the number of configurations at which the search for the next one looks first")
  }

  static func starts(_ count: Int) -> MethodOption {
    MethodOption(
      name: "starts", kind: .integer(1...100), defaultValue: .integer(count),
      meaning: "the number of local searches from the best of them")
  }
}
