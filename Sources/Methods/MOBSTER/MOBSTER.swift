import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// MOBSTER's sampler: one Gaussian process over configurations and the levels of the resource, which learns from every level
/// that a trial has reported at and proposes where it expects the greatest improvement at the greatest level of which enough
/// is known. Its scheduler is ASHA.
///
/// Source: Klein, Tiao, Lienart, Archambeau & Seeger, "Model-based asynchronous hyperparameter and neural architecture
/// search", 2020, arXiv 2003.10865, with the defaults of Syne Tune. The kernels are in `LevelKernel`, the acquisition in
/// `LevelAcquisition`. Pending trials have outcomes drawn from the model at the level that they reach next.
///
/// With `level: ensemble` the improvement is that on a mixture of the levels, each of the weight that Hyper-Tune gives it
/// (Li, Shen, Jiang et al., "Hyper-Tune: towards efficient hyper-parameter tuning at scale", VLDB 2022, arXiv 2201.06834).
public struct MOBSTER: ObservingSampler {
  static let purpose = stableHash("mobster")
  static let fantasies = 20
  /// Above so many pending trials the most likely outcome of each is taken, not draws.
  static let fantasyPendingLimit = 32
  /// How many of the best configurations the search looks around, and on how many there is to be an improvement.
  static let incumbents = 4
  static let leaders = 32
  /// Above so many rows the search is shorter: each evaluation costs their square.
  static let longSearchRows = 300

  /// The level at which the improvement is expected.
  enum LevelRule: String, Sendable, CaseIterable {
    /// The greatest with enough losses, as in BOHB.
    case known
    /// That of the new trial's first report.
    case first
    case full
    case ensemble
  }

  let startup: Int
  private let candidates: Int
  private let enough: Int
  let rule: LevelRule
  var model: LevelModel
  var trust = LevelTrust()
  /// For what failures teach.
  var observations: Observations?
  var lessons = FailureLessons()

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    startup = Self.entry.integer("startup", in: part)
    candidates = Self.entry.integer("candidates", in: part)
    enough = Self.entry.integer("enough", in: part)
    rule = LevelRule(rawValue: Self.entry.word("level", in: part)) ?? .known
    model = LevelModel(
      LevelKernel.Form(rawValue: Self.entry.word("kernel", in: part)) ?? .decay,
      transform: OutputTransform(rawValue: Self.entry.word("transform", in: part)) ?? .winsorized)
  }

  public mutating func absorb(_ event: Event, state: StudyState) {
    model.absorb(event, state: state)
    Observations.absorb(event, state: state, into: &observations)
  }

  // MARK: Sampling

  /// Trials count that have reported at any level.
  func progress(_ observations: Observations, _ state: StudyState) -> (known: Int, needed: Int) {
    (model.observations?.trialCount ?? 0, StartupDesign.count(startup, state.spec))
  }

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    let state = fresh.state
    guard let known = model.observations, let process = model.process() else { return .none }
    let level = level(known, fresh.target)
    let leaders = leaders(process, known, level, state)
    let function = function(process, known, level, leaders, fresh)
    var settings = MixedSearch.Settings(candidates: candidates, starts: 2)
    if process.points.count > Self.longSearchRows {
      settings.spray = 16
      settings.moves = 48
      settings.rounds = 3
      settings.gradientSteps = 12
    }
    let incumbents = leaders.prefix(Self.incumbents).map { state.history.filled($0) }
    return .best(
      search(function, observations, fresh, around: incumbents, settings), isWeakened: model.isUnfitted)
  }

  func level(_ known: LevelObservations, _ target: Double?) -> Int {
    switch rule {
    case .known, .ensemble: known.level(withAtLeast: enough)
    case .first: known.levels.firstIndex { Fidelity.reaches($0, target ?? .infinity) } ?? known.levels.count - 1
    case .full: known.levels.count - 1
    }
  }

  mutating func function(
    _ process: GaussianProcess, _ known: LevelObservations, _ level: Int, _ leaders: [TrialNumber], _ fresh: FreshDraw
  ) -> any Acquisition {
    let state = fresh.state
    let pending = known.pending(state)
    let draws = pending.count <= Self.fantasyPendingLimit ? Self.fantasies : 1
    let trials = leaders + (state.running + state.queue).filter { !leaders.contains($0) }.sorted()
    let points = known.configurations(of: trials, state)
    let single = LevelAcquisition(
      process, level: level, known: points, pending: pending, draws: draws, seed: fresh.trialSeed)
    guard rule == .ensemble, let shares = trust.shares(&model, seed: state.spec.seed ?? 0)?.shares else {
      return single
    }
    return LevelEnsemble(process, shares: shares, known: points, pending: pending) ?? single
  }

  /// The trials that the model expects to be best at a level, the very best first.
  func leaders(
    _ process: GaussianProcess, _ known: LevelObservations, _ level: Int, _ state: StudyState
  ) -> [TrialNumber] {
    let ranked = known.rows.indices.sorted {
      let (a, b) = (known.rows[$0], known.rows[$1])
      return (a.level == level ? 0 : 1, a.loss, $0) < (b.level == level ? 0 : 1, b.loss, $1)
    }
    // Half of them at the level itself, if there are so many; the others anywhere.
    var trials: [TrialNumber] = []
    for (place, row) in ranked.enumerated() where trials.count < Self.leaders {
      let isHere = known.rows[row].level == level
      if isHere, trials.count >= Self.leaders / 2, place < ranked.count - 1 { continue }
      if !trials.contains(known.rows[row].trial) { trials.append(known.rows[row].trial) }
    }
    let points = known.configurations(of: trials, state)
    guard points.count == trials.count else { return trials }
    let means = process.predict(points.at(level: level)).means
    return trials.indices.sorted { (means[$1], $0) < (means[$0], $1) }.map { trials[$0] }
  }
}

extension MOBSTER {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "mobster", title: "Gaussian process over configuration and resource (MOBSTER)",
    summary: "Learns from every level of the resource at which a trial has reported; for ASHA and other schedulers.",
    paper: .init(
      authors: "A. Klein, L. C. Tiao, T. Lienart, C. Archambeau, M. Seeger",
      title: "Model-based asynchronous hyperparameter and neural architecture search", year: 2020,
      venue: "arXiv 2003.10865"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: true,
    options: [
      MethodOption(
        name: "startup", kind: .integer(1...1_000_000), defaultValue: .integer(30),
        meaning: "the number of trials with a value at any level before the model is used"),
      MethodOption(
        name: "kernel", kind: .word(LevelKernel.Form.allCases.map(\.rawValue)), defaultValue: .text("exp-decay"),
        meaning:
          "how levels hang together: by exponential decay to asymptotes of their own (exp-decay), from one start "
          + "(exp-decay-delta1) or between the two (exp-decay-combined), by their distance (matern), or not at all "
          + "(independent)"),
      MethodOption(
        name: "level", kind: .word(LevelRule.allCases.map(\.rawValue)), defaultValue: .text("known"),
        meaning:
          "the level at which improvement is sought: the greatest with enough losses (known), the new trial's own (first), "
          + "the maximum (full), or all, weighted by how well each foretells the ranking at the greatest (ensemble)"),
      MethodOption(
        name: "enough", kind: .integer(1...1_000_000), defaultValue: .integer(3),
        meaning: "how many losses a level needs to count as known"),
      MethodOption(
        name: "transform", kind: .word(OutputTransform.allCases.map(\.rawValue)), defaultValue: .text("winsorized"),
        meaning: "how losses are made to look normal"),
      MethodOption(
        name: "candidates", kind: .integer(16...100_000), defaultValue: .integer(250),
        meaning: "the number of configurations at which the search for the next one looks first"),
    ])
}
