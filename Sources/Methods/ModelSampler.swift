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

  /// How many of the design's trials have a value, and how many it takes until there are enough for a model.
  func progress(_ observations: Observations, _ state: StudyState) -> (known: Int, needed: Int)
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

  func progress(_ observations: Observations, _ state: StudyState) -> (known: Int, needed: Int) {
    (observations.rows.count, StartupDesign.count(startup, state.spec))
  }

  func isReady(_ observations: Observations, _ state: StudyState) -> Bool {
    let (known, needed) = progress(observations, state)
    return known >= needed
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
    let (known, needed) = progress(observations, state)
    return Fact("step", "the design before the model: \(known) of \(needed) trials have a value")
  }
}

/// A sampler that accounts for a proposal by what its model says there.
protocol ExplainedSampler: ModelSampler {
  /// The method, in a few words.
  var title: String { get }

  /// The state of the model, what it expects of the configuration, and how good that looks to it; nil when the model cannot
  /// be made.
  /// - Parameter point: the configuration as the model sees it.
  mutating func account(
    of configuration: Configuration, at point: FeaturePoints, _ observations: Observations, _ fresh: FreshDraw
  ) -> [Fact]?
}

extension ExplainedSampler {
  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let observations = observed(state)
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    let method = Fact("method", title)
    if let fact = designFact(observations, state) { return Explanation([method, fact], neighbours: nearest) }
    var fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    fresh.target = target
    guard let point = observations.features.point(configuration),
      var facts = account(of: configuration, at: point, observations, fresh)
    else { return Explanation([method, .noModel], neighbours: nearest) }
    if let probability = lessons.model(observations, state)?.probabilities(point).first {
      facts.append(FailureLessons.fact(probability, state))
    }
    return Explanation([method] + facts, neighbours: nearest)
  }
}

extension Fact {
  /// Why a random configuration was proposed where a model is due.
  static let noModel = Fact("step", "random: the model cannot be made")

  /// What a configuration is that the model's own search did not find.
  static let beside = Fact("step", "random: the model's own proposals had been tried")

  /// How good a configuration looked; what was proposed without that is said to be so.
  static func acquisition(_ value: Double?) -> Fact { value.map { Fact("acquisition value", $0) } ?? .beside }
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
