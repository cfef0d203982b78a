import TrimtabSearchSpaces
import TrimtabStudies

/// All samplers and schedulers there are, and the way from a study's specification to its method.
public enum Catalogue {
  public static let samplers: [CatalogueEntry] = [
    AutoSampler.entry, TPE.entry, ConstrainedTPE.entry, GaussianProcessSampler.entry, ForestSampler.entry,
    ConformalQuantileSampler.entry, TrustRegionSampler.entry, GaussianProcessSampler.sparseEntry, BAxUS.entry,
    HEBO.entry, AEGiS.entry,
    DensityRatioSampler.entry, CARBS.entry, BOHB.entry, MOBSTER.entry, DEHB.samplerEntry, PriorBand.entry,
    IteratedRacing.entry, BOSS.entry,
    FreezeThaw.samplerEntry(.process), FreezeThaw.samplerEntry(.powerLaws), FreezeThaw.samplerEntry(.prior),
    FreezeThaw.samplerEntry(.checkpoints),
    RankingEnsembleSampler.entry, QuantileTransferSampler.entry, SharedFeatureSampler.entry, MultiverseSampler.entry,
    MixtureSampler.entry,
    OfflineSampler.entry, RandomSearch.entry, SobolSearch.entry, GridSearch.entry,
  ]

  public static let schedulers: [CatalogueEntry] = [
    FullFidelity.entry, MedianStopping.entry, ASHA.entry, ASHA.progressiveEntry, Hyperband.entry,
    Hyperband.halvingEntry, DEHB.schedulerEntry, OneEpoch.entry, Racing.entry, FRace.entry,
    WilcoxonStopping.entry,
    MultiObjectiveASHA.entry, FreezeThaw.schedulerEntry(.process), FreezeThaw.schedulerEntry(.powerLaws),
    FreezeThaw.schedulerEntry(.prior), FreezeThaw.schedulerEntry(.checkpoints), CurveExtrapolationStopping.entry,
  ]

  /// The sampler and scheduler of a study. They are to absorb the study's log from its first event on.
  ///
  /// A specification without a seed counts as one with the seed 0; the specification in a log always has one.
  /// - Throws: `MethodError` with everything that ``check(_:)`` finds.
  public static func makeMethod(_ spec: StudySpec) throws(MethodError) -> Method {
    let problems = check(spec)
    guard problems.isEmpty else { throw MethodError(problems) }
    let sampler = makeSampler(spec.method.sampler, spec)
    return Method(
      scheduler: makeScheduler(spec), sampler: spec.transfer.map { TransferSampler(sampler, $0) } ?? sampler,
      stopping: EnoughKnown())
  }

  static func makeSampler(_ part: PartSpec, _ spec: StudySpec) -> any Sampler {
    switch part.name {
    case "auto": return AutoSampler(part)
    case "tpe": return TPE(part)
    case "c-tpe": return ConstrainedTPE(part)
    case "gp": return GaussianProcessSampler(part)
    case "smac": return ForestSampler(part)
    case "cqr": return ConformalQuantileSampler(part)
    case "saasbo": return GaussianProcessSampler(part, GaussianProcessSampler.sparseEntry)
    case "baxus": return BAxUS(part)
    case "hebo": return HEBO(part)
    case "aegis": return AEGiS(part)
    case "turbo": return TrustRegionSampler(part)
    case "bohb": return BOHB(part)
    case "mobster": return MOBSTER(part)
    case "dehb": return DEHB(sampler: part, scheduler: spec.method.scheduler)
    case "freeze-thaw", "dpl", "ifbo", "fms": return FreezeThaw(spec.method.scheduler)
    case "boss": return BOSS(part)
    case "irace": return IteratedRacing(scheduler: spec.method.scheduler)
    case "priorband": return PriorBand(part, scheduler: spec.method.scheduler)
    case "rgpe": return RankingEnsembleSampler(part)
    case "cts": return QuantileTransferSampler(part)
    case "ablr": return SharedFeatureSampler(part)
    case "mixture": return MixtureSampler(part)
    case "ignite": return OfflineSampler(part)
    case "bore": return DensityRatioSampler(part)
    case "carbs": return CARBS(part)
    case "multiverse": return MultiverseSampler(part)
    case "grid": return GridSearch(part)
    case "sobol": return SobolSearch()
    default: return RandomSearch()
    }
  }

  private static func makeScheduler(_ spec: StudySpec) -> any Scheduler {
    let part = spec.method.scheduler
    switch part.name {
    case "median": return MedianStopping(part)
    case "asha", "pasha": return ASHA(part)
    case "hyperband", "successive-halving": return Hyperband(part)
    case "dehb-brackets": return DEHB(scheduler: part)
    case "one-epoch": return OneEpoch(part)
    case "extrapolation": return CurveExtrapolationStopping(part)
    case "freeze-thaw", "dpl", "ifbo", "fms": return FreezeThaw(part)
    case "racing": return Racing()
    case "f-race": return FRace(part)
    case "mo-asha": return MultiObjectiveASHA(part)
    case "wilcoxon": return WilcoxonStopping(part)
    default: return FullFidelity()
    }
  }

  /// Everything that keeps a study from being given to its method; empty when it can be.
  public static func check(_ spec: StudySpec) -> [MethodProblem] {
    check(spec.method.sampler, .sampler, among: samplers, spec)
      + check(spec.method.scheduler, .scheduler, among: schedulers, spec) + TransferSampler.problems(spec)
      + EnoughKnown.problems(spec)
  }

  private static func check(
    _ part: PartSpec, _ role: CatalogueEntry.Role, among entries: [CatalogueEntry], _ spec: StudySpec
  ) -> [MethodProblem] {
    let path = ["method", role.rawValue]
    guard let entry = entries.first(where: { $0.name == part.name }) else {
      return [
        MethodProblem(
          path, "there is no \(role.rawValue) '\(part.name)'",
          hint: suggestion(for: part.name, among: entries.map(\.name)))
      ]
    }
    var problems = options(part, of: entry, at: path)
    problems += spaceProblems(entry, spec)
    if spec.objectives.count > 1, !entry.takes.contains(.objectives) {
      problems.append(
        MethodProblem(
          path, "\(entry.name) takes one objective, and the study has \(spec.objectives.count)",
          hint:
            "keep one objective, or use \(alternatives(to: entry, among: entries) { $0.takes.contains(.objectives) })"
        ))
    }
    if !spec.outcomeConstraints.isEmpty, !entry.takesOutcomeConstraints {
      problems.append(
        MethodProblem(
          ["outcome-constraints"], "\(entry.name) cannot take outcome constraints",
          hint: "use \(alternatives(to: entry, among: entries) { $0.takesOutcomeConstraints })"))
    }
    if entry.needsFidelity, spec.fidelity == nil {
      problems.append(
        MethodProblem(
          path, "\(entry.name) needs trials that report over a resource, and the study has no fidelity",
          hint: "add fidelity: {name: epoch, max: …}, or use "
            + alternatives(to: entry, among: entries) { !$0.needsFidelity }))
    }
    // What an entry inspects on its own rests on options that can be read.
    if problems.isEmpty { problems += entry.inspect(spec) }
    return problems
  }

  private static func alternatives(
    to entry: CatalogueEntry, among entries: [CatalogueEntry], where fits: (CatalogueEntry) -> Bool
  ) -> String {
    "\(entry.role.rawValue): " + entries.filter(fits).map(\.name).joined(separator: " or ")
  }

  private static func options(_ part: PartSpec, of entry: CatalogueEntry, at path: [String]) -> [MethodProblem] {
    part.options.sorted { $0.key < $1.key }.compactMap { name, value in
      guard let option = entry.options.first(where: { $0.name == name }) else {
        return MethodProblem(
          path + [name], "\(entry.name) has no option '\(name)'",
          hint: entry.options.isEmpty
            ? "it has no options: leave it out" : suggestion(for: name, among: entry.options.map(\.name)))
      }
      if option.accepts(value) { return nil }
      return MethodProblem(
        path + [name], "\(value.description) is not possible: \(option.range)", hint: option.meaning)
    }
  }

  private static func spaceProblems(_ entry: CatalogueEntry, _ spec: StudySpec) -> [MethodProblem] {
    var problems: [MethodProblem] = []
    for parameter in spec.space.parameters {
      let needed: CatalogueEntry.Ability? =
        switch parameter.domain {
        case .float: .float
        case .integer: .integer
        case .categorical, .ordinal, .boolean: .categorical
        case .permutation: .permutation
        case .simplex: .simplex
        case .constant: nil
        }
      if let needed, !entry.takes.contains(needed) {
        problems.append(
          MethodProblem(
            ["space", parameter.name], "\(entry.name) cannot take \(parameter.domain.kindName) parameters",
            hint: "use another \(entry.role.rawValue)"))
      }
      if parameter.condition != nil, !entry.takes.contains(.conditional) {
        problems.append(
          MethodProblem(
            ["space", parameter.name, "when"], "\(entry.name) cannot take conditions",
            hint: "use another \(entry.role.rawValue)"))
      }
    }
    if !spec.space.constraints.isEmpty, !entry.takes.contains(.constraints) {
      problems.append(
        MethodProblem(
          ["constraints"], "\(entry.name) cannot take constraints", hint: "use another \(entry.role.rawValue)"))
    }
    return problems
  }
}
