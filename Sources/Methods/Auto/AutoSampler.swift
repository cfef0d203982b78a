import TrimtabSearchSpaces
import TrimtabStudies

/// Chooses a sampler by what the study is like, and another one when that changes.
///
/// All samplers that it may choose absorb the whole log, so a switch needs no preparation, and the choice depends on
/// nothing but the log: a process that joins later makes the same. There is no paper: the rules were chosen by measurement
/// (see `AutoChoice`).
public struct AutoSampler: Sampler {
  private var process: GaussianProcessSampler
  private var forest: ForestSampler
  private var densities: TPE

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    let confidence = Self.entry.value("confidence", in: part)
    // Better than the defaults of `gp` on recorded measurements and under noise; see docs/methods/auto.md.
    var options: [String: Choice] = ["transform": .text("power"), "acquisition": .text("adaptive")]
    if let confidence { options["confidence"] = confidence }
    process = GaussianProcessSampler(PartSpec("gp", options: options))
    forest = ForestSampler(PartSpec("smac"))
    densities = TPE(PartSpec("tpe"))
  }

  public mutating func absorb(_ event: Event, state: StudyState) {
    process.absorb(event, state: state)
    forest.absorb(event, state: state)
    densities.absorb(event, state: state)
  }

  private func choice(_ state: StudyState) -> AutoChoice {
    AutoChoice(AutoChoice.Situation(state, values: process.valueCount))
  }

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    switch choice(state).name {
    case .gp: return try process.sample(trial: trial, target: target, state: state)
    case .smac: return try forest.sample(trial: trial, target: target, state: state)
    case .tpe: return try densities.sample(trial: trial, target: target, state: state)
    }
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, state: StudyState
  ) -> Explanation {
    let choice = choice(state)
    var explanation =
      switch choice.name {
      case .gp: process.explanation(of: configuration, trial: trial, state: state)
      case .smac: forest.explanation(of: configuration, trial: trial, state: state)
      case .tpe: densities.explanation(of: configuration, trial: trial, state: state)
      }
    explanation.facts.insert(Fact("chosen by auto", "\(choice.name.rawValue): \(choice.reason)"), at: 0)
    return explanation
  }

  public mutating func modelReport(state: StudyState) -> ModelReport? {
    let choice = choice(state)
    guard choice.name == .gp, var report = process.modelReport(state: state) else { return nil }
    report.facts.insert(Fact("chosen by auto", "\(choice.name.rawValue): \(choice.reason)"), at: 0)
    return report
  }
}

extension AutoSampler {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "auto", title: "The sampler that suits the study",
    summary: "Chooses among gp, smac and tpe by space, trials and workers, and says why.", paper: nil,
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [GaussianProcessSampler.confidenceOption])
}
