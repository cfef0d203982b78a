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
public struct GaussianProcessSampler: ModelSampler {
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
  let candidates: Int
  let starts: Int
  let transform: OutputTransform
  let acquisition: String
  let pending: PendingRule
  let confidence: Double
  private let fitOptions: GaussianProcessFit.Options
  private let inference: KernelInference?
  private let isSparse: Bool
  /// Whether only trials count that have got all of the resource.
  private let isWhole: Bool

  private(set) var observations: Observations?
  var lessons = FailureLessons()
  private var schedule = FitSchedule()
  private var cache: Cache?

  /// A factor with the rows that it was made of.
  private struct Cache: Sendable {
    var version: Int
    /// One for each set of parameters.
    var processes: [GaussianProcess]
    var note: String?
    /// The observation of each row of the factor.
    var rows: [Int]
    /// Observations up to here are in the factor, or left out of it for good.
    var end: Int
  }

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) { self.init(part, Self.entry) }

  /// - Parameter entry: one with the options of ``entry`` or some of them; those that it lacks have the defaults there.
  init(_ part: PartSpec, _ entry: CatalogueEntry) {
    func value(_ name: String) -> Choice? { entry.value(name, in: part) ?? Self.entry.value(name, in: PartSpec("gp")) }
    func word(_ name: String) -> String { value(name)?.description ?? "" }
    func integer(_ name: String) -> Int { Int(value(name)?.number ?? 0) }
    startup = integer("startup")
    candidates = integer("candidates")
    starts = integer("starts")
    confidence = value("confidence")?.number ?? 0
    transform = OutputTransform(rawValue: word("transform")) ?? .winsorized
    acquisition = word("acquisition")
    pending = PendingRule(rawValue: word("pending")) ?? .fantasies
    lessons.inference = FeasibilityModel.Inference(rawValue: word("feasibility")) ?? .hybrid
    isSparse = entry.name == "saasbo"
    isWhole = word("resource") == "whole"
    let kind = isSparse ? .nuts : KernelInference.Kind(rawValue: word("inference"))
    inference = kind.map { KernelInference($0, warmup: integer("warmup")) }
    var options = GaussianProcessFit.Options()
    options.warps = word("warp") == "on"
    fitOptions = options
  }

  // MARK: Absorbing

  public mutating func absorb(_ event: Event, state: StudyState) {
    guard observations != nil else {
      prepare(state)
      return
    }
    // Nothing may hold the observations besides while they are changed: they would be copied.
    switch observations?.change(event, state) {
    case .anew: prepare(state)
    case .trial(let trial): note(trial, state)
    case nil: break
    }
  }

  @discardableResult
  private mutating func prepare(_ state: StudyState) -> Observations {
    let fresh = Observations(state, isWhole: isWhole)
    observations = fresh
    schedule = FitSchedule()
    cache = nil
    schedule.note(fresh, least: StartupDesign.count(startup, state.spec), isRewritten: true)
    return fresh
  }

  private mutating func note(_ trial: TrialNumber, _ state: StudyState) {
    guard var updated = observations.take() else { return }
    let isRewritten = updated.update(trial, state)
    schedule.note(updated, least: StartupDesign.count(startup, state.spec), isRewritten: isRewritten)
    observations = updated
  }

  mutating func observed(_ state: StudyState) -> Observations { observations ?? prepare(state) }

  // MARK: Sampling

  /// Spread as a person believes that good configurations are.
  func design(_ observations: Observations, _ fresh: FreshDraw) throws(SpaceError) -> Sample {
    guard confidence > 0 else { return try StartupDesign.sample(fresh) }
    let space = fresh.state.spec.space
    let prior = UnitPrior(space, centre: PriorBand.unitsOfDefaults(space), confidence: confidence)
    return try StartupDesign.sample(fresh, prior: prior)
  }

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    let state = fresh.state
    guard let models = models(observations, state), let function = wholeFunction(models, fresh.trial, state) else {
      return .none
    }
    var settings = MixedSearch.Settings(candidates: candidates, starts: starts)
    if models[0].points.count > 500 {
      // Each evaluation costs the square of the observations.
      settings.starts = min(starts, 4)
      settings.spray = 32
      settings.moves = 64
      settings.rounds = 4
    } else if models.count > 1 {
      settings.starts = min(starts, 4)
      settings.rounds = 4
    }
    var search = MixedSearch(
      observations.features, function, incumbents: observations.best(Self.incumbents, state),
      seed: fresh.trialSeed, isNew: fresh.isNew, settings: settings)
    return .best(search.run().map(\.configuration), isWeakened: isWeakened)
  }

  // MARK: Model

  /// Whether the kernel's parameters could not be found as asked for, and simpler ones stand for them.
  var isWeakened: Bool { schedule.isWeakened }

  /// The observation of each row of the factor.
  var rowsOfModel: [Int] { cache?.rows ?? [] }

  /// Whether the trial of a row of the factor violates no outcome constraint; of rows that are not the factor's, too.
  func isSolution(row: Int) -> Bool {
    guard let observations, row < rowsOfModel.count else { return true }
    return observations.rows[rowsOfModel[row]].violation == 0
  }

  /// How the kernel's parameters came about, where they are not simply the most likely ones.
  var inferenceNote: String? { cache?.note }

  /// Processes conditioned on the observations, one for each set of parameters; nil when they cannot be made.
  mutating func models(_ observations: Observations, _ state: StudyState) -> [GaussianProcess]? {
    guard let found = parameters(state) else { return nil }
    if cache?.version != schedule.version || (cache?.end ?? 0) > observations.rows.count {
      cache = makeCache(observations, found)
    }
    guard var current = cache.take() else { return nil }
    while current.end < observations.rows.count {
      let row = current.end
      for m in current.processes.indices where !current.processes[m].append(row, of: observations.points) {
        // Too near to another one for an appended row: the factor is made anew up to here.
        var points = observations.points.subset(current.rows)
        points.append(row, of: observations.points)
        guard let anew = GaussianProcess(points, current.processes[m].parameters, spare: 64) else { return nil }
        current.processes[m] = anew
      }
      current.rows.append(row)
      current.end += 1
    }
    let targets = transform.apply(current.rows.map { observations.rows[$0].loss }).map { -$0 }
    for m in current.processes.indices { current.processes[m].setTargets(targets) }
    cache = current
    let usable = current.processes.filter { $0.weights.allSatisfy(\.isFinite) }
    return usable.isEmpty ? nil : usable
  }

  private mutating func parameters(_ state: StudyState) -> KernelInference.Result? {
    guard let inference else {
      return schedule.parameters(transform, fitOptions).map { KernelInference.Result(parameters: [$0], note: "") }
    }
    let seed = mix(state.spec.seed ?? 0, mix(Self.purpose, stableHash("inference")))
    return schedule.draws(transform, fitOptions, inference, isSparse: isSparse, seed: seed)
  }

  /// The factors of the observations at the last fit or rewriting.
  private func makeCache(_ observations: Observations, _ found: KernelInference.Result) -> Cache? {
    let count = min(schedule.blockCount, observations.rows.count)
    let losses = observations.rows.prefix(count).map(\.loss)
    let rows = GPSelection.choose(losses, limit: count > Self.rowLimit ? Self.reducedRows : Self.rowLimit)
    let spare = observations.rows.count - count + max(16, rows.count / 16)
    let points = observations.points.subset(rows)
    let processes = found.parameters.compactMap { GaussianProcess(points, $0, spare: spare) }
    guard !processes.isEmpty else { return nil }
    return Cache(
      version: schedule.version, processes: processes, note: found.note.isEmpty ? nil : found.note, rows: rows,
      end: count)
  }
}

extension GaussianProcessSampler {
  static let warmupOption = MethodOption(
    name: "warmup", kind: .integer(16...10_000), defaultValue: .integer(256),
    meaning: "the steps of the no-U-turn sampler before draws of the kernel's parameters count")

  static let resourceOption = MethodOption(
    name: "resource", kind: .word(["input", "whole"]), defaultValue: .text("input"),
    meaning:
      "where trials get different shares of a resource, whether it is an input of the model (input), or only trials count "
      + "that have got all of it (whole)")

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
        name: "acquisition", kind: .word(Self.acquisitionNames.map(\.name)),
        defaultValue: .text("logei"),
        meaning:
          "what is maximised: expected improvement (logei), the same for noisy objectives (nei), the one of both "
          + "that the learned noise calls for (adaptive), upper confidence bound (ucb), the same and pure exploration beside "
          + "pending trials (ucb-pe), probability of improvement (pi), a drawn function (thompson), or knowledge gradient (kg)"
      ),
      MethodOption(
        name: "pending", kind: .word(PendingRule.allCases.map(\.rawValue)), defaultValue: .text("fantasies"),
        meaning:
          "what is done about pending trials: their outcomes are drawn (fantasies) or believed (believer), or the "
          + "neighbourhood of each is made less attractive (penalise)"),
      MethodOption(
        name: "transform", kind: .word(OutputTransform.allCases.map(\.rawValue)), defaultValue: .text("winsorized"),
        meaning: "how losses are made to look normal"),
      MethodOption(
        name: "warp", kind: .word(["off", "on"]), defaultValue: .text("off"),
        meaning: "whether a stretching of each numeric axis is learned"),
      MethodOption(
        name: "inference", kind: .word(["map", "nuts", "variational"]), defaultValue: .text("map"),
        meaning:
          "whether the kernel's parameters are the most likely ones (map), or proposals are averaged over draws of them "
          + "from their posterior (nuts) or from a normal distribution near it (variational)"),
      warmupOption, resourceOption,
      MethodOption(
        name: "feasibility", kind: .word(FeasibilityModel.Inference.allCases.map(\.rawValue)),
        defaultValue: .text("hybrid"), meaning: "how the model of failures approximates its likelihood"),
      confidenceOption,
      SearchOption.candidates(1024), SearchOption.starts(8),
    ], takesOutcomeConstraints: true, inspect: inspect)
}
