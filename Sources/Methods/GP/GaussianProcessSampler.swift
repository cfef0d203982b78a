import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// Bayesian optimisation with a Gaussian process: proposes where the model expects the greatest improvement.
///
/// Sources: Snoek, Larochelle & Adams, "Practical Bayesian optimization of machine learning algorithms", NeurIPS 2012;
/// Hvarfner, Hellsten & Nardi, "Vanilla Bayesian optimization performs great in high dimensions", ICML 2024 (the
/// priors); Ament et al., "Unexpected improvements to expected improvement for Bayesian optimization", NeurIPS 2023 (the
/// acquisition function). The design of the first trials is a scrambled Sobol sequence. Losses are made
/// to look normal; the kernel's parameters have the greatest posterior density; outcomes of pending trials are drawn from
/// the model.
///
/// Everything follows from the log: observations are absorbed as they come, the moments of fits are fixed by their number
/// (see `FitSchedule`), and rows are appended to the factor one by one in the order of the log, so that a process that
/// has just read the log has the same factor to the bit.
public struct GaussianProcessSampler: Sampler {
  static let purpose = stableHash("gp")
  /// The most observations that the model is conditioned on.
  static let rowLimit = 2000
  /// Of how many observations the model is made anew when there are more.
  static let reducedRows = 1000
  /// Above so many pending trials or observations the most likely outcome of the pending is taken, not draws.
  static let fantasyPendingLimit = 32
  static let fantasyRowLimit = 1500
  static let fantasies = 32
  /// How many of the best trials the search looks around.
  static let incumbents = 4
  /// Noise counts as such when it makes up this share of the variance of the losses, and when there are at most so many
  /// trials: drawing the true values of all of them costs the cube of their number.
  static let noiseShare = 0.05
  static let noiseRowLimit = 300

  let startup: Int
  private let candidates: Int
  private let starts: Int
  let transform: OutputTransform
  let acquisition: String
  private let confidence: Double
  private let fitOptions: GaussianProcessFit.Options

  private(set) var observations: Observations?
  private var lessons = FailureLessons()
  private var schedule = FitSchedule()
  private var cache: Cache?

  /// A factor with the rows that it was made of.
  private struct Cache: Sendable {
    var version: Int
    var process: GaussianProcess
    /// The observation of each row of the factor.
    var rows: [Int]
    /// Observations up to here are in the factor, or left out of it for good.
    var end: Int
  }

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    startup = Self.entry.integer("startup", in: part)
    candidates = Self.entry.integer("candidates", in: part)
    starts = Self.entry.integer("starts", in: part)
    confidence = Self.entry.real("confidence", in: part)
    transform = OutputTransform(rawValue: Self.entry.word("transform", in: part)) ?? .winsorized
    acquisition = Self.entry.word("acquisition", in: part)
    var options = GaussianProcessFit.Options()
    options.warps = Self.entry.word("warp", in: part) == "on"
    fitOptions = options
  }

  // MARK: Absorbing

  public mutating func absorb(_ event: Event, state: StudyState) {
    guard observations != nil else {
      prepare(state)
      return
    }
    switch Observations.change(event) {
    case .anew: prepare(state)
    case .trial(let trial): note(trial, state)
    case nil: break
    }
  }

  mutating func prepare(_ state: StudyState) {
    let fresh = Observations(state)
    observations = fresh
    schedule = FitSchedule()
    cache = nil
    schedule.note(fresh, least: StartupDesign.count(startup, state.spec), isRewritten: true)
  }

  private mutating func note(_ trial: TrialNumber, _ state: StudyState) {
    guard var updated = observations.take() else { return }
    let isRewritten = updated.update(trial, state)
    schedule.note(updated, least: StartupDesign.count(startup, state.spec), isRewritten: isRewritten)
    observations = updated
  }

  // MARK: Sampling

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    if observations == nil { prepare(state) }
    guard let observations, observations.rows.count >= StartupDesign.count(startup, state.spec) else {
      return try StartupDesign.sample(Self.purpose, trial, state)
    }
    let fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    guard let model = model(observations), let function = wholeFunction(model, trial, state) else {
      return try fresh.sample(origin: .fallback)
    }
    var settings = MixedSearch.Settings()
    settings.candidates = candidates
    settings.starts = starts
    if model.points.count > 500 {
      // Each evaluation costs the square of the observations.
      settings.starts = min(starts, 4)
      settings.spray = 32
      settings.moves = 64
      settings.rounds = 4
    }
    var search = MixedSearch(
      observations.features, function, incumbents: observations.best(Self.incumbents, state),
      seed: mix(fresh.seed, UInt64(trial)),
      settings: settings)
    let found = search.run()
    guard !found.isEmpty else { return try fresh.sample(origin: .fallback) }
    let untried = found.filter { !state.history.contains($0.configuration) }
    return try fresh.sample(origin: .model) { attempt throws(SpaceError) in
      let configuration =
        attempt < untried.count
        ? untried[attempt].configuration
        : try state.spec.space.sample(seed: mix(fresh.seed, UInt64(attempt)), index: UInt64(trial))
      return (configuration, Annotation(origin: .model, isWeakened: schedule.isUnfitted))
    }
  }

  // MARK: Model

  /// Whether the parameters of the latest fit are the modes of the priors, because nothing could be fitted.
  var isUnfitted: Bool { schedule.isUnfitted }

  /// Trials with a value.
  var valueCount: Int { observations?.rows.count ?? 0 }

  /// The observation of each row of the factor.
  var rowsOfModel: [Int] { cache?.rows ?? [] }

  /// The process conditioned on the observations; nil when it cannot be made.
  mutating func model(_ observations: Observations) -> GaussianProcess? {
    guard let parameters = schedule.parameters(transform, fitOptions) else { return nil }
    if cache?.version != schedule.version || (cache?.end ?? 0) > observations.rows.count {
      cache = makeCache(observations, parameters)
    }
    guard var current = cache.take() else { return nil }
    while current.end < observations.rows.count {
      let row = current.end
      if !current.process.append(row, of: observations.points) {
        // Too near to another one for an appended row: the factor is made anew up to here.
        var points = observations.points.subset(current.rows)
        points.append(row, of: observations.points)
        guard let anew = GaussianProcess(points, parameters, spare: 64) else { return nil }
        current.process = anew
      }
      current.rows.append(row)
      current.end += 1
    }
    let losses = current.rows.map { observations.rows[$0].loss }
    current.process.setTargets(transform.apply(losses).map { -$0 })
    cache = current
    return current.process.weights.allSatisfy(\.isFinite) ? current.process : nil
  }

  /// The factor of the observations at the last fit or rewriting.
  private func makeCache(_ observations: Observations, _ parameters: KernelParameters) -> Cache? {
    let count = min(schedule.blockCount, observations.rows.count)
    let losses = observations.rows.prefix(count).map(\.loss)
    let rows = GPSelection.choose(losses, limit: count > Self.rowLimit ? Self.reducedRows : Self.rowLimit)
    let spare = observations.rows.count - count + max(16, rows.count / 16)
    guard let process = GaussianProcess(observations.points.subset(rows), parameters, spare: spare) else { return nil }
    return Cache(version: schedule.version, process: process, rows: rows, end: count)
  }

  /// The acquisition function with all that weighs in it: failures, and what a person believes.
  mutating func wholeFunction(_ model: GaussianProcess, _ trial: TrialNumber, _ state: StudyState) -> (any Acquisition)?
  {
    guard let observations, let base = function(model, trial, state) else { return nil }
    var whole: any Acquisition = base
    // A bound is no logarithm of a gain, which probabilities could weigh.
    guard acquisition != "ucb" else { return whole }
    if let feasibility = lessons.model(observations, state) {
      whole = FeasibleAcquisition(whole, feasibility, weight: FailureLessons.weight(state))
    }
    if let prior = ExpertPrior(observations.features, confidence: confidence) {
      let beginning = StartupDesign.count(startup, state.spec)
      let count = max(1, observations.rows.count - beginning + 1)
      whole = BelievedAcquisition(whole, prior, weight: Double(state.spec.budget.trials ?? 100) / 10 / Double(count))
    }
    return whole
  }

  /// What is maximised with this model. Draws of the true values let pending trials come nearer to each other than draws
  /// of their outcomes do, so they are for studies without any.
  func acquisition(of model: GaussianProcess, _ state: StudyState) -> String {
    guard acquisition == "adaptive" else { return acquisition }
    let isNoisy = model.parameters.noise > Self.noiseShare && model.points.count <= Self.noiseRowLimit
    return isNoisy && state.running.isEmpty && state.queue.isEmpty ? "nei" : "logei"
  }

  /// The probability that configurations give a value; nil while nothing has failed.
  mutating func feasibility(_ points: FeaturePoints, _ state: StudyState) -> [Double]? {
    guard let observations else { return nil }
    return lessons.model(observations, state)?.probabilities(points)
  }

  /// The acquisition function beside the pending trials.
  func function(_ model: GaussianProcess, _ trial: TrialNumber, _ state: StudyState) -> ModelAcquisition? {
    guard let observations else { return nil }
    let trials = (state.running + state.queue).sorted()
    let pending = observations.points(of: trials, state)
    let seed = mix(mix(state.spec.seed ?? 0, Self.purpose), UInt64(trial))
    // What is to be improved on is what the model believes of the best, not the luck of one run.
    var full = model.points
    if observations.features.hasResource { full = Self.atWholeResource(model.points) }
    let scores = model.targets
    let leading = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }.prefix(32)
    guard let threshold = model.predict(full.subset(leading.sorted())).means.max(), threshold.isFinite else {
      return nil
    }
    let draws =
      pending.count <= Self.fantasyPendingLimit && model.points.count <= Self.fantasyRowLimit ? Self.fantasies : 1
    switch acquisition(of: model, state) {
    case "nei":
      return ModelAcquisition(noisy: model, pending: pending, draws: Self.fantasies, seed: seed)
    case "ucb":
      return ModelAcquisition(
        model, .upperBound(multiplier: 1.8), threshold: threshold, pending: pending, draws: 1, seed: seed)
    case "pi":
      return ModelAcquisition(model, .logProbability, threshold: threshold, pending: pending, draws: 1, seed: seed)
    default:
      return ModelAcquisition(
        model, .logExpectedImprovement, threshold: threshold, pending: pending, draws: draws, seed: seed)
    }
  }

  /// The resource is the last of the numbers.
  private static func atWholeResource(_ points: FeaturePoints) -> FeaturePoints {
    var result = FeaturePoints(numberCount: points.numberCount, choiceCount: points.choiceCount)
    for i in 0..<points.count {
      var numbers = points.numbers(of: i)
      numbers[numbers.count - 1] = 1
      result.append(numbers, points.choices(of: i))
    }
    return result
  }
}

extension GaussianProcessSampler {
  static let confidenceOption = MethodOption(
    name: "confidence", kind: .real(0...1), defaultValue: .real(0),
    meaning: "how sure it is that good configurations lie near the parameters' defaults, from 0 to 1")

  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "gp", title: "Gaussian process (GP)",
    summary: "Models the objective and proposes where it expects the greatest improvement: the most from few trials.",
    paper: .init(
      authors: "J. Snoek, H. Larochelle, R. P. Adams",
      title: "Practical Bayesian optimization of machine learning algorithms", year: 2012, venue: "NeurIPS"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      StartupDesign.option,
      MethodOption(
        name: "acquisition", kind: .word(["adaptive", "logei", "nei", "ucb", "pi"]),
        defaultValue: .text("logei"),
        meaning:
          "what is maximised: expected improvement (logei), the same for noisy objectives (nei), the one of both "
          + "that the learned noise calls for, upper confidence bound, or probability of improvement"),
      MethodOption(
        name: "transform", kind: .word(OutputTransform.allCases.map(\.rawValue)), defaultValue: .text("winsorized"),
        meaning: "how losses are made to look normal"),
      MethodOption(
        name: "warp", kind: .word(["off", "on"]), defaultValue: .text("off"),
        meaning: "whether a stretching of each numeric axis is learned"),
      confidenceOption,
      MethodOption(
        name: "candidates", kind: .integer(16...100_000), defaultValue: .integer(1024),
        meaning: "the number of configurations at which the search for the next one looks first"),
      MethodOption(
        name: "starts", kind: .integer(1...100), defaultValue: .integer(8),
        meaning: "the number of local searches from the best of them"),
    ])
}
