import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// PriorBand's sampler: configurations are random, or drawn about the defaults in which a person believes, or mutants of the
/// incumbent, each as often as it has deserved. For ASHA, Hyperband and other schedulers with levels.
///
/// Source: Mallik, Bergman, Hvarfner, Stoll, Janowski, Lindauer, Nardi & Hutter, "PriorBand: practical hyperparameter
/// optimization in the age of deep learning", NeurIPS 2023, arXiv 2306.12370, Algorithm 2. At level r a configuration is random
/// with probability 1/(1 + eta^r). The rest belongs to the prior, and once a trial is complete, as much as one bracket of
/// successive halving costs is spent, and a level has eta results, it is shared with the incumbent: in the proportion of the
/// densities about the defaults and about the incumbent of the best 1/eta at the greatest such level, weighted by rank.
public struct PriorBand: Sampler {
  static let purpose = stableHash("priorband")
  /// The deviation of a mutated number, and the probability that a parameter is mutated.
  static let mutationDeviation = 0.25
  static let mutationProbability = 0.5

  let confidence: Double
  private let eta: Double
  private var results = ResultsByLevel()

  /// - Parameters:
  ///   - part: the sampler's options, as `Catalogue.check` accepts them.
  ///   - scheduler: where it has a reduction factor, that is used.
  public init(_ part: PartSpec, scheduler: PartSpec) {
    confidence = Self.entry.real("confidence", in: part)
    let entry = Catalogue.schedulers.first { $0.name == scheduler.name }
    let eta = entry?.value("eta", in: scheduler)?.number
    self.eta = eta ?? 3
  }

  public mutating func absorb(_ event: Event, state: StudyState) { results.absorb(event, state: state) }

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    let space = state.spec.space
    let fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    var stream = RandomStream(seed: state.spec.seed ?? 0, purpose: Self.purpose, index: UInt64(trial))
    let prior = UnitPrior(space, centre: Self.unitsOfDefaults(space), confidence: confidence)
    let source = source(target, prior, state)
    let draw = stream.uniform()
    if draw < source.random { return try fresh.sample(origin: .design) }
    let incumbent = draw < source.random + source.incumbent ? incumbent(state) : nil
    return try fresh.sample(origin: .model) { _ throws(SpaceError) in
      let configuration = try space.firstSatisfying { _ in
        guard let incumbent else { return space.configuration(unit: prior.draw(&stream)) }
        return space.configuration(unit: mutant(of: incumbent, space, &stream))
      }
      return (configuration, Annotation(origin: .model))
    }
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    let prior = UnitPrior(
      state.spec.space, centre: Self.unitsOfDefaults(state.spec.space), confidence: confidence)
    let source = source(target, prior, state)
    var stream = RandomStream(seed: state.spec.seed ?? 0, purpose: Self.purpose, index: UInt64(trial))
    let draw = stream.uniform()
    let step =
      if draw < source.random {
        "random"
      } else if draw < source.random + source.incumbent {
        "about the best at the greatest resource"
      } else {
        "about the defaults"
      }
    return Explanation(
      [
        Fact("method", "random, about the defaults, or about the incumbent (PriorBand)"), Fact("step", step),
        Fact("probability of a random one", source.random),
        Fact("probability of one about the defaults", 1 - source.random - source.incumbent),
        Fact("probability of one about the incumbent", source.incumbent),
      ], neighbours: nearest)
  }

  /// How probable each source of a configuration is; the rest is the prior's.
  struct Source: Sendable, Equatable {
    var random: Double
    var incumbent: Double
  }

  func source(_ target: Double?, _ prior: UnitPrior, _ state: StudyState) -> Source {
    guard let fidelity = state.spec.fidelity else { return Source(random: Self.randomShare(0, eta), incumbent: 0) }
    let levels = LevelObservations.levels(state.spec)
    let rung = levels.lastIndex { Fidelity.reaches(target ?? fidelity.maximum, $0) } ?? 0
    let random = Self.randomShare(rung, eta)
    let isTopKnown = results.levels[fidelity.maximum]?.first?.loss.isFinite == true
    // Every level of a bracket costs about as much as one complete trial.
    guard isTopKnown, state.totalResource >= Double(levels.count) * fidelity.maximum,
      let best = results.descending.first(where: { Double($0.results.count) >= eta }), let incumbent = incumbent(state)
    else { return Source(random: random, incumbent: 0) }
    let about = UnitPrior(state.spec.space, centre: incumbent, confidence: confidence)
    let count = Int(Double(best.results.count) / eta)
    let scores = (0..<count).map { rank -> (weight: Double, prior: Double, incumbent: Double) in
      let unit = units(best.results[rank].trial, state)
      return (logarithm(Double(count - rank)), prior.logDensity(unit), about.logDensity(unit))
    }
    let forPrior = logSumExp(scores.map { $0.weight + $0.prior })
    let forIncumbent = logSumExp(scores.map { $0.weight + $0.incumbent })
    let share = 1 / (1 + exponential(forPrior - forIncumbent))
    return Source(random: random, incumbent: (1 - random) * (share.isNaN ? 0.5 : share))
  }

  /// 1 / (1 + eta^r).
  static func randomShare(_ rung: Int, _ eta: Double) -> Double {
    1 / (1 + exponential(Double(rung) * logarithm(eta)))
  }

  private func units(_ trial: TrialNumber, _ state: StudyState) -> [Double] {
    state.history.filledUnits(trial)
  }

  /// The best at the greatest resource known.
  private func incumbent(_ state: StudyState) -> [Double]? {
    results.descending.first { $0.results.first?.loss.isFinite == true }?.results.first.map { units($0.trial, state) }
  }

  /// The incumbent with each parameter changed with probability 1/2; one that is not active there is random.
  private func mutant(of incumbent: [Double], _ space: Space, _ stream: inout RandomStream) -> [Double] {
    var result = incumbent
    for parameter in space.parameters.indices {
      let isChanged = stream.uniform() < Self.mutationProbability
      for j in space.coordinateRanges[parameter] {
        let u = stream.uniform()
        if incumbent[j].isNaN {
          result[j] = u
        } else if isChanged, case .choices(let count) = space.coordinates[j].kind {
          guard count > 1 else { continue }
          let own = UnitPrior.code(incumbent[j], count)
          let other = min(count - 2, Int(u * Double(count - 1)))
          result[j] = (Double(other < own ? other : other + 1) + 0.5) / Double(count)
        } else if isChanged {
          result[j] = UnitPrior.normal(u, about: min(1, max(0, incumbent[j])), Self.mutationDeviation)
        }
      }
    }
    return result
  }

  /// Where the parameters' defaults lie; NaN without one.
  static func unitsOfDefaults(_ space: Space) -> [Double] {
    var slots = [Double](repeating: .nan, count: space.slotCount)
    for (index, parameter) in space.parameters.enumerated() {
      guard let value = parameter.defaultValue, let raw = try? parameter.slots(of: value) else { continue }
      slots.replaceSubrange(space.slotRanges[index], with: raw)
    }
    var units = [Double](repeating: .nan, count: space.coordinates.count)
    space.encode(Configuration(slots: slots)) { units[$0] = $1 }
    return units
  }
}

extension PriorBand {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "priorband", title: "Random, about the defaults, or about the incumbent (PriorBand)",
    summary: "Uses defaults in which you believe, and forgets them if they are wrong; for schedulers with levels.",
    paper: .init(
      authors:
        "N. Mallik, E. Bergman, C. Hvarfner, D. Stoll, M. Janowski, M. Lindauer, L. Nardi, F. Hutter",
      title: "PriorBand: practical hyperparameter optimization in the age of deep learning", year: 2023,
      venue: "NeurIPS, arXiv 2306.12370"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      MethodOption(
        name: "confidence", kind: .real(0...1), defaultValue: .real(0.75),
        meaning: "how sure it is that good configurations lie near the defaults: densities have the deviation 1 − this")
    ],
    inspect: { spec in
      // A space that grows gets its defaults later.
      guard !spec.grows, spec.space.parameters.allSatisfy({ $0.defaultValue == nil }) else { return [] }
      return [
        MethodProblem(
          ["method", "sampler"], "priorband starts from defaults, and no parameter of the space has one",
          hint: "add default: … to the parameters of which you know a good value")
      ]
    })
}
