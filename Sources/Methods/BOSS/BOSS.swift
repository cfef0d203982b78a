import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// Self-distillation beside the search: once enough trials are complete, each new one begins from the checkpoint of one of the
/// best, and is taught by that of another.
///
/// Source: Lee, Song, Lee et al., "BOSS: Bayesian optimization over self-distillation", ICCV 2023, arXiv 2304.12666. The first
/// trials are ordinary ones. Of those that follow, two of the `top` best complete trials, drawn anew for each and different,
/// are the student's origin and the teacher. Both kinds of trials have a sampler of their own, because those that begin from
/// trained weights cannot be compared with those that do not.
///
/// Those that come later begin from better weights than those that came earlier, for which the paper has no remedy. Trimtab's
/// own is the option `drift`: a loss then counts against the mean loss of the trials of which one could have learned when it
/// was proposed.
public struct BOSS: Sampler {
  static let purpose = stableHash("boss")

  private let warmup: Int
  private let top: Int
  private let begins: Bool
  private let subtractsDrift: Bool
  private let part: PartSpec
  private let alpha: String
  /// The ordinary trials, and those that learn from others; nil before the first event, and when the log cannot be followed.
  private var phases: (warmup: PhaseStudy, distilling: PhaseStudy)?
  private var hasBegun = false

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    warmup = Self.entry.integer("warmup", in: part)
    top = Self.entry.integer("top", in: part)
    begins = Self.entry.word("student", in: part) == "checkpoint"
    alpha = Self.entry.word("alpha", in: part)
    subtractsDrift = Self.entry.word("drift", in: part) == "subtracted"
    self.part = PartSpec(Self.entry.word("sampler", in: part))
  }

  // MARK: Absorbing

  public mutating func absorb(_ event: Event, state: StudyState) {
    switch event.body {
    // The log's first record has these, and nothing else.
    case .studyCreated, .earlierStudy: return
    default: break
    }
    begin(state)
    guard var phases = phases.take() else { return }
    do {
      try absorb(event, state, into: &phases)
      self.phases = phases
    } catch {
      // What follows in the study follows in its parts, too; should it not, configurations are random from here on.
      return
    }
  }

  private mutating func begin(_ state: StudyState) {
    guard !hasBegun else { return }
    hasBegun = true
    let seed = state.spec.seed ?? 0
    let rest = state.spec.budget.trials.map { max(1, $0 - warmup) }
    let first = Catalogue.makeSampler(part, state.spec)
    let second = Catalogue.makeSampler(part, state.spec)
    guard
      let ordinary = try? PhaseStudy(
        state, sampler: first, seed: seed, trials: state.spec.budget.trials.map { min($0, warmup) }),
      let distilling = try? PhaseStudy(state, sampler: second, seed: Self.seed(seed), trials: rest)
    else { return }
    phases = (ordinary, distilling)
  }

  /// The seed of the second part, so that it does not begin with the configurations of the first.
  static func seed(_ seed: UInt64) -> UInt64 { mix(seed, purpose) >> 1 }

  private func absorb(
    _ event: Event, _ state: StudyState, into phases: inout (warmup: PhaseStudy, distilling: PhaseStudy)
  ) throws {
    switch event.body {
    case .studyAmended:
      try phases.warmup.amend(state.spec, at: event.time)
      try phases.distilling.amend(state.spec, at: event.time)
    case .trialProposed(let trial, .new(let configuration), let target, let annotation),
      .trialProposed(let trial, .enqueued(let configuration), let target, let annotation),
      .trialProposed(let trial, .clone(_, let configuration), let target, let annotation):
      if annotation[.teacher] == nil {
        try phases.warmup.begin(trial, configuration, target: target, annotation, at: event.time)
      } else {
        let reference = subtractsDrift ? Self.mean(of: Self.best(top, state), state) : 0
        try phases.distilling.begin(
          trial, configuration, target: target, annotation, at: event.time, reference: reference)
      }
    default:
      try phases.warmup.follow(event)
      try phases.distilling.follow(event)
    }
  }

  // MARK: Sampling

  /// The best complete trials, the very best first.
  static func best(_ count: Int, _ state: StudyState) -> [TrialNumber] {
    let complete = state.trials.indices.filter { state.trials[$0].state == .completed && state.trials[$0].hasValue }
    return Array(complete.sorted { (state.loss($0), $0) < (state.loss($1), $1) }.prefix(count))
  }

  /// The mean value of the objective; 0 of no trial.
  static func mean(of trials: [TrialNumber], _ state: StudyState) -> Double {
    trials.reduce(0) { $0 + state.trials[$1].value / Double(trials.count) }
  }

  /// The trials from which one learns: a student's and a teacher's, different from each other.
  /// - Parameters:
  ///   - best: at least two; one is enough without a student's.
  ///   - begins: whether the student begins from a checkpoint.
  static func lineage(
    of trial: TrialNumber, best: [TrialNumber], begins: Bool, seed: UInt64
  ) -> (student: TrialNumber?, teacher: TrialNumber) {
    var stream = RandomStream(seed: seed, purpose: mix(purpose, stableHash("lineage")), index: UInt64(trial))
    let first = stream.index(below: best.count)
    guard begins else { return (nil, best[first]) }
    let second = stream.index(below: best.count - 1)
    return (best[first], best[second < first ? second : second + 1])
  }

  /// The trials that the next one may learn from; nil while it is to be an ordinary one.
  private func teachers(_ state: StudyState, _ phases: (warmup: PhaseStudy, distilling: PhaseStudy)) -> [TrialNumber]? {
    guard phases.warmup.state.trials.count >= warmup else { return nil }
    let best = Self.best(top, state)
    return best.count >= (begins ? 2 : 1) ? best : nil
  }

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    begin(state)
    guard let phases else {
      return try FreshDraw(purpose: Self.purpose, trial: trial, state: state).sample(origin: .fallback)
    }
    guard let best = teachers(state, phases) else {
      let ordinary = try self.phases?.warmup.sample(target: target) ?? .exhausted(FreshDraw.exhaustion)
      guard case .configuration(let configuration, let annotation) = ordinary else { return ordinary }
      return .configuration(undistilled(configuration, state.spec.space), annotation)
    }
    let taught = try self.phases?.distilling.sample(target: target) ?? .exhausted(FreshDraw.exhaustion)
    guard case .configuration(let configuration, var annotation) = taught else { return taught }
    let lineage = Self.lineage(of: trial, best: best, begins: begins, seed: state.spec.seed ?? 0)
    annotation[.student] = lineage.student
    annotation[.teacher] = lineage.teacher
    return .configuration(configuration, annotation)
  }

  /// Nobody teaches an ordinary trial: all of its loss is that of the labels.
  private func undistilled(_ configuration: Configuration, _ space: Space) -> Configuration {
    guard !alpha.isEmpty, let index = space.index(of: alpha) else { return configuration }
    let slot = space.slotRanges[index].lowerBound
    guard !configuration.slots[slot].isNaN else { return configuration }
    var changed = configuration
    changed.slots[slot] = 1
    return space.violatedConstraint(changed) == nil ? changed : configuration
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    begin(state)
    var facts = [Fact("method", "boss, with \(part.name) for each of its two parts")]
    if let phases, let best = teachers(state, phases) {
      let lineage = Self.lineage(of: trial, best: best, begins: begins, seed: state.spec.seed ?? 0)
      if let student = lineage.student { facts.append(Fact("student", "begins from trial \(student)'s checkpoint")) }
      facts.append(Fact("teacher", "is taught by trial \(lineage.teacher)'s checkpoint"))
      facts.append(Fact("drawn from", best.map(String.init).joined(separator: ", ")))
    } else {
      facts.append(Fact("part", "warm-up: it learns from no other trial"))
    }
    return Explanation(facts, neighbours: Self.neighbours(of: configuration, before: trial, state: state))
  }
}

extension BOSS {
  static let samplers = ["tpe", "gp", "hebo", "smac", "cqr", "bore", "random", "sobol"]

  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "boss", title: "Self-distillation beside the search (BOSS)",
    summary: "Begins each trial from the checkpoint of one of the best, with another of them as its teacher.",
    paper: .init(
      authors: "H. Lee, H. Song, H. Lee et al.", title: "BOSS: Bayesian optimization over self-distillation",
      year: 2023,
      venue: "ICCV, arXiv 2304.12666"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      MethodOption(
        name: "warmup", kind: .integer(1...1_000_000), defaultValue: .integer(32),
        meaning: "the number of ordinary trials at the beginning"),
      MethodOption(
        name: "top", kind: .integer(2...1_000_000), defaultValue: .integer(8),
        meaning: "the number of best complete trials among which students and teachers are drawn"),
      MethodOption(
        name: "student", kind: .word(["checkpoint", "fresh"]), defaultValue: .text("checkpoint"),
        meaning: "whether a trial begins from a checkpoint, too, or has only its teacher"),
      MethodOption(
        name: "sampler", kind: .word(samplers), defaultValue: .text("tpe"),
        meaning: "which sampler proposes the values, of each part for itself"),
      MethodOption(
        name: "alpha", kind: .name, defaultValue: .text(""),
        meaning: "the parameter that is the share of the labels in the loss, 1 in ordinary trials; empty for none"),
      MethodOption(
        name: "drift", kind: .word(["ignored", "subtracted"]), defaultValue: .text("ignored"),
        meaning:
          "whether the loss of a trial that learns from others counts as it is, or less the mean loss of the best when it "
          + "was proposed"),
    ], inspect: { problems($0) })

  private static func problems(_ spec: StudySpec) -> [MethodProblem] {
    let alpha = entry.word("alpha", in: spec.method.sampler)
    guard !alpha.isEmpty else { return [] }
    let path = ["method", "sampler", "alpha"]
    guard let index = spec.space.index(of: alpha) else {
      return [
        MethodProblem(
          path, "there is no parameter '\(alpha)'",
          hint: suggestion(for: alpha, among: spec.space.parameters.map(\.name)))
      ]
    }
    if case .float(let domain) = spec.space.parameters[index].domain, domain.low >= 0, domain.high == 1 { return [] }
    return [
      MethodProblem(
        path, "'\(alpha)' is no share of the loss", hint: "it is a float with low: 0 or more and high: 1")
    ]
  }
}
