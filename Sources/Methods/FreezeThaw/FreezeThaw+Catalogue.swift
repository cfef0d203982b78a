import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

extension FreezeThaw {
  private static let takes = Set(CatalogueEntry.Ability.allCases).subtracting([.objectives])

  private static func paper(_ surrogate: CurveSurrogate) -> CatalogueEntry.Paper {
    switch surrogate {
    case .process:
      .init(
        authors: "K. Swersky, J. Snoek, R. P. Adams", title: "Freeze-thaw Bayesian optimization", year: 2014,
        venue: "arXiv 1406.3896")
    case .powerLaws:
      .init(
        authors: "A. Kadra, M. Janowski, M. Wistuba, J. Grabocka",
        title: "Scaling laws for hyperparameter optimization", year: 2023, venue: "NeurIPS, arXiv 2302.00441")
    case .prior:
      .init(
        authors: "H. Rakotoarison, S. Adriaensen, N. Mallik, S. Garibov, E. Bergman, F. Hutter",
        title: "In-context freeze-thaw Bayesian optimization for hyperparameter optimization", year: 2024,
        venue: "ICML, arXiv 2404.16795")
    case .checkpoints:
      .init(
        authors: "N. Mehta, J. Lorraine, S. Masson et al.",
        title: "Improving hyperparameter optimization with checkpointed model weights", year: 2024,
        venue: "arXiv 2406.18630")
    }
  }

  private static func title(_ surrogate: CurveSurrogate) -> String {
    switch surrogate {
    case .process: "Freeze-thaw Bayesian optimisation"
    case .powerLaws: "Freeze-thaw with deep power laws (DPL)"
    case .prior: "Freeze-thaw with a prior of learning curves (ifBO)"
    case .checkpoints: "Freeze-thaw with the weights of checkpoints (FMS)"
    }
  }

  private static func model(_ surrogate: CurveSurrogate) -> String {
    switch surrogate {
    case .process: "a model of all learning curves"
    case .powerLaws: "power laws that networks give to configurations"
    case .prior: "a prior of learning curves in 26 numbers each"
    case .checkpoints: "a process over configurations, curves and weights"
    }
  }

  private static func options(_ surrogate: CurveSurrogate) -> [MethodOption] {
    let steps = MethodOption(
      name: "steps", kind: .integer(1...10_000), defaultValue: .integer(20),
      meaning: "into how many steps the full resource is divided; a trial can pause after each")
    let candidates = MethodOption(
      name: "candidates", kind: .integer(16...100_000), defaultValue: .integer(Self.candidates(surrogate)),
      meaning: surrogate == .prior
        ? "the number of new configurations that are looked at, besides half as many about the best known ones"
        : "the number of configurations among which new ones are chosen; when half are used there are others")
    switch surrogate {
    case .process: return [steps]
    case .checkpoints:
      return [
        steps, candidates,
        MethodOption(
          name: "components", kind: .integer(0...32), defaultValue: .integer(4),
          meaning: "into how many numbers the weights of a checkpoint are condensed; 0 to leave them alone"),
      ]
    case .powerLaws:
      return [
        steps, candidates,
        MethodOption(
          name: "networks", kind: .integer(1...100), defaultValue: .integer(5), meaning: "the number of networks"),
        MethodOption(
          name: "width", kind: .integer(1...1024), defaultValue: .integer(64),
          meaning: "the units in each of a network's two hidden layers"),
        MethodOption(
          name: "training", kind: .integer(1...1_000_000), defaultValue: .integer(1000),
          meaning: "for how many batches each network is trained whenever all are made anew"),
      ]
    case .prior:
      return [
        steps, candidates,
        MethodOption(
          name: "particles", kind: .integer(16...100_000), defaultValue: .integer(192),
          meaning: "how many curves stand for what is believed of one"),
        MethodOption(
          name: "moves", kind: .integer(1...1000), defaultValue: .integer(8),
          meaning: "how often each of them is moved at each temperature"),
        MethodOption(
          name: "best", kind: .real(-1e300...1e300), defaultValue: .real(0),
          meaning: "the objective's best possible value; as the worst one when that is to be learned"),
        MethodOption(
          name: "worst", kind: .real(-1e300...1e300), defaultValue: .real(0),
          meaning: "the objective's worst sensible value; values beyond count as it"),
      ]
    }
  }

  private static func candidates(_ surrogate: CurveSurrogate) -> Int {
    switch surrogate {
    case .prior: 128
    case .checkpoints: 256
    case .process, .powerLaws: 1000
    }
  }

  static func networks(_ part: PartSpec) -> PowerLawEnsemble.Options {
    let entry = schedulerEntry(.powerLaws)
    var options = PowerLawEnsemble.Options()
    options.members = entry.integer("networks", in: part)
    options.width = entry.integer("width", in: part)
    options.steps = entry.integer("training", in: part)
    return options
  }

  static func particles(_ part: PartSpec) -> CurvePosterior.Options {
    let entry = schedulerEntry(.prior)
    var options = CurvePosterior.Options()
    options.particles = entry.integer("particles", in: part)
    options.moves = entry.integer("moves", in: part)
    return options
  }

  /// Whether the two ends of the objective are given, as it stands in the study file.
  static func bounds(_ part: PartSpec) -> (best: Double, worst: Double)? {
    let entry = schedulerEntry(.prior)
    let (best, worst) = (entry.real("best", in: part), entry.real("worst", in: part))
    return best == worst ? nil : (best, worst)
  }

  /// What the catalogue says of the scheduler with each model.
  static func schedulerEntry(_ surrogate: CurveSurrogate) -> CatalogueEntry {
    CatalogueEntry(
      role: .scheduler, name: surrogate.rawValue, title: title(surrogate),
      summary: "Decides after every step, from \(model(surrogate)), which trial is worth the next one.",
      paper: paper(surrogate), takes: takes, needsFidelity: true, options: options(surrogate),
      inspect: { spec in
        guard surrogate == .prior, let bounds = bounds(spec.method.scheduler), let objective = spec.objectives.first,
          (bounds.worst - bounds.best) * objective.sign < 0
        else { return [] }
        return [
          MethodProblem(
            ["method", "scheduler", "worst"],
            "the worst value is better than the best: \(JSONValue.plainText(bounds.worst)) and "
              + "\(JSONValue.plainText(bounds.best)) of \(objective.metric)", hint: "exchange best and worst")
        ]
      })
  }

  /// What the catalogue says of the sampler with each model.
  static func samplerEntry(_ surrogate: CurveSurrogate) -> CatalogueEntry {
    let name = surrogate.rawValue
    return CatalogueEntry(
      role: .sampler, name: name, title: title(surrogate),
      summary:
        "The new configuration that \(model(surrogate)) hold\(surrogate == .powerLaws ? "" : "s") to be worth most; "
        + "for its own scheduler.",
      paper: paper(surrogate), takes: takes, needsFidelity: true, options: [],
      inspect: { spec in
        guard spec.method.scheduler.name != name else { return [] }
        return [
          MethodProblem(
            ["method", "sampler"], "\(name) proposes configurations for the steps of its own scheduler",
            hint: "use scheduler: \(name) with it")
        ]
      })
  }
}
