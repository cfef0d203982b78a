import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// Chooses a sampler by what the study is like, and another one when that changes.
///
/// The samplers that it may choose absorb the log beside each other, so the choice and what comes of it depend on nothing but
/// the log: a process that joins later makes the same. Those that cannot be chosen as the study is now are let go, for each
/// keeps observations of its own; Gaussian processes begin anew, from the state, should they come into question again. There is
/// no paper: the rules were chosen by measurement (see `AutoChoice`).
public struct AutoSampler: Sampler {
  private let process: PartSpec
  /// Whether Gaussian processes are for trials that get the whole resource at once.
  private var isForDirect = false
  private var samplers: [AutoChoice.Name: any Sampler]
  /// What ``earlierVaryChoices(_:)`` has found.
  private var variety: (revision: Int, isGiven: Bool)?

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    // Better than the defaults of `gp` on recorded measurements and under noise; see docs/methods/auto.md.
    var options: [String: Choice] = ["transform": .text("power"), "acquisition": .text("adaptive")]
    options["confidence"] = Self.entry.value("confidence", in: part)
    process = PartSpec("gp", options: options)
    samplers = [:]
    for name in AutoChoice.Name.allCases where name != .rgpe { samplers[name] = make(name) }
  }

  private func make(_ name: AutoChoice.Name) -> any Sampler {
    switch name {
    case .bohb: BOHB(PartSpec("bohb"))
    case .gp: GaussianProcessSampler(PartSpec("gp", options: process.options.merging(directOptions) { $1 }))
    case .hebo: HEBO(PartSpec("hebo", options: directOptions))
    case .mobster: MOBSTER(PartSpec("mobster"))
    case .rgpe: RankingEnsembleSampler(PartSpec("rgpe"))
    case .smac: ForestSampler(PartSpec("smac"))
    case .tpe: TPE(PartSpec("tpe"))
    }
  }

  private var directOptions: [String: Choice] {
    isForDirect ? ["resource": .text("whole"), "startup": .integer(ASHA.directMinimum)] : [:]
  }

  public mutating func absorb(_ event: Event, state: StudyState) {
    if state.spec.transfer != nil, samplers[.rgpe] == nil {
      samplers[.rgpe] = make(.rgpe)
    }
    for name in AutoChoice.Name.allCases { samplers[name]?.absorb(event, state: state) }
    if Observations.trial(settledBy: event) != nil || event.isAmendment { keepWhatMayBeChosen(event, state) }
  }

  private mutating func keepWhatMayBeChosen(_ event: Event, _ state: StudyState) {
    // A study without resource never gets one.
    if state.spec.fidelity == nil { samplers[.bohb] = nil }
    let resource = AutoChoice.Situation.resource(state.spec)
    if isForDirect != (resource == .partial) {
      isForDirect = resource == .partial
      keep([.gp, .hebo], false, event, state)
    }
    keep([.gp, .hebo], AutoChoice.mayTakeProcess(values: valueCount, resource: resource), event, state)
    let mayTakeLevels = AutoChoice.mayTakeLevels(
      trials: state.trials.count, resource: resource, isBounded: !state.spec.outcomeConstraints.isEmpty)
    keep([.mobster], mayTakeLevels, event, state)
  }

  /// Lets samplers go that cannot be chosen, and begins others anew.
  private mutating func keep(_ names: [AutoChoice.Name], _ mayBeChosen: Bool, _ event: Event, _ state: StudyState) {
    for name in names where mayBeChosen != (samplers[name] != nil) {
      samplers[name] = mayBeChosen ? make(name) : nil
      samplers[name]?.absorb(event, state: state)
    }
  }

  /// Trials with a value.
  private var valueCount: Int { (samplers[.smac] as? ForestSampler)?.observations?.rows.count ?? 0 }

  /// Trials with the whole resource, where others have shares of it.
  private var wholeCount: Int {
    isForDirect ? (samplers[.gp] as? GaussianProcessSampler)?.observations?.rows.count ?? 0 : 0
  }

  /// What suits the study now, among what there is for it.
  private mutating func choice(_ trial: TrialNumber, _ target: Double?, _ state: StudyState) -> AutoChoice {
    var situation = AutoChoice.Situation(
      state, trial: trial, target: target, values: valueCount, whole: wholeCount,
      earlier: samplers[.rgpe] == nil || !state.spec.outcomeConstraints.isEmpty || !earlierVaryChoices(state)
        ? 0 : state.earlierStudies.count)
    if situation.asksForConcordance, var mobster = samplers[.mobster] as? MOBSTER {
      // What is copied while it is kept twice would be its whole model.
      samplers[.mobster] = nil
      situation.concordance = mobster.model.concordance(state)
      samplers[.mobster] = mobster
    }
    return AutoChoice(situation)
  }

  /// Whether the earlier studies have tried more than one choice of each parameter that has choices. Where they have not, because it
  /// is new, their models put trials with that choice in perfect order, are believed for it, and say that the others do no better.
  private mutating func earlierVaryChoices(_ state: StudyState) -> Bool {
    if let variety, variety.revision == state.revision { return variety.isGiven }
    let space = state.spec.space
    let isGiven = space.parameters.indices.allSatisfy { index in
      guard space.parameters[index].fixedValue == nil, let first = space.coordinateRanges[index].first,
        case .choices(let count) = space.coordinates[first].kind, count > 1
      else { return true }
      let slot = space.slotRanges[index].lowerBound
      var seen: Set<Double> = []
      for study in state.earlierStudies {
        for trial in study.trials where slot < trial.configuration.slots.count {
          let value = trial.configuration.slots[slot]
          if !value.isNaN { seen.insert(value) }
        }
      }
      return seen.count > 1
    }
    variety = (state.revision, isGiven)
    return isGiven
  }

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    let chosen = choice(trial, target, state).name
    guard let sample = try samplers[chosen]?.sample(trial: trial, target: target, state: state) else {
      return try FreshDraw(purpose: stableHash("auto"), trial: trial, state: state).sample(origin: .fallback)
    }
    return sample
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let choice = choice(trial, target, state)
    var explanation =
      samplers[choice.name]?.explanation(of: configuration, trial: trial, target: target, state: state)
      ?? Explanation([], neighbours: Self.neighbours(of: configuration, before: trial, state: state))
    explanation.facts.insert(choice.fact, at: 0)
    return explanation
  }

  public mutating func modelReport(state: StudyState) -> ModelReport? {
    // Every few trials it is the turn of densities, which have no model to show; the next one is a process's again.
    for turn in [state.trials.count, state.trials.count + 1] {
      let choice = choice(turn, nil, state)
      guard var report = samplers[choice.name]?.modelReport(state: state) else { continue }
      report.facts.insert(choice.fact, at: 0)
      return report
    }
    return nil
  }
}

extension AutoSampler {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "auto", title: "The sampler that suits the study",
    summary: "Chooses among bohb, gp, hebo, mobster, rgpe, smac and tpe by what the study is like, and says why.",
    paper: nil,
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [GaussianProcessSampler.confidenceOption], takesOutcomeConstraints: true,
    inspect: GaussianProcessSampler.beliefProblems)
}
