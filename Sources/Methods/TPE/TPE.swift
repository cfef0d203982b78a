import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// The tree-structured Parzen estimator: proposes where the density of the better trials is greatest against that of the
/// others.
///
/// Sources: Bergstra, Bardenet, Bengio & Kégl, "Algorithms for hyper-parameter optimization", NeurIPS 2011; Watanabe,
/// "Tree-structured Parzen estimator: understanding its algorithm components and their roles for better empirical
/// performance", arXiv 2304.11127, 2023; the details and defaults are those of Optuna 5. The best min(⌈n/10⌉, 25) of n
/// trials with a value are *below*, the others and the pending ones ("constant liar") *above*; each side is a mixture of
/// products of truncated normals and smoothed choices with a prior kernel; 24 candidates are drawn from below, and the
/// one with the greatest ratio of the densities is proposed.
///
/// Parameters that are active together have one joint pair of estimators, made of the trials in which they were; the
/// groups are sampled in the order of their conditions. Everything happens on the unit cube, where scales and priors
/// are uniform, so the arg-max is the same as in the parameters' own units.
///
/// Deviations: above 1,000 trials *above* is estimated from a sample (see `AboveKernels`), so that an ask takes the same
/// time at any number of trials. Parameters that were added later form groups of their own, so that earlier trials keep
/// teaching about the others; where trials add parameters themselves, those form a group that the same trials used, as
/// the conditions that a program keeps to itself would have it (the decomposition of Optuna 5). A trial that was paused keeps its rank while it goes on: calling the best trials pending
/// would drive the search away from them.
public struct TPE: Sampler {
  static let purpose = stableHash("tpe")

  let startup: Int
  let candidates: Int
  private var isPrepared = false
  private var groups: [ParzenGroup] = []
  private var ranking = TrialRanking()
  private var below: [TrialNumber] = []
  private var roles: ContiguousArray<Role> = []

  private enum Role: Sendable {
    case pending
    case below
    case above
    /// It has no value and will teach nothing.
    case dropped
  }

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    startup = Self.entry.integer("startup", in: part)
    candidates = Self.entry.integer("candidates", in: part)
  }

  /// How many of `count` trials are the better ones.
  static func belowCount(_ count: Int) -> Int { min((count + 9) / 10, 25) }

  // MARK: Absorbing

  public mutating func absorb(_ event: Event, state: StudyState) {
    guard isPrepared else {
      prepare(state)
      return
    }
    if state.spec.grows, let trial = event.trial, state.trials[trial].isSettled, isDivided(by: trial, state) {
      prepare(state)
      return
    }
    switch event.body {
    case .studyAmended: prepare(state)
    case .trialConfigured(let trial, _): replace(trial, state)
    case .trialProposed(let trial, let kind, _, _):
      if kind != .resume { append(trial, state) }
    case .trialPaused(let trial, _, _), .trialStopped(let trial, _, _), .trialCompleted(let trial, _):
      judge(trial, state)
      updateBelow()
    case .trialFailed(let trial, _, _, _), .trialLost(let trial):
      guard state.trials[trial].state == .failed else { return }
      fail(trial, state)
      updateBelow()
    default: break
    }
  }

  /// Builds everything from the state: at the beginning, and when ranges or parameters have changed.
  private mutating func prepare(_ state: StudyState) {
    let earlier = ranking
    isPrepared = true
    groups = Self.groups(state)
    ranking = TrialRanking()
    below = []
    roles = []
    for trial in state.trials.indices {
      append(trial, state)
      switch state.trials[trial].state {
      case .paused, .stopped, .completed: judge(trial, state)
      case .failed: fail(trial, state)
      // A trial that goes on after a pause keeps its rank.
      case .waiting, .running: if let rank = earlier[trial] { insert(rank) }
      }
    }
    updateBelow()
  }

  /// Parameters that are active together and came into the study together, in the order of their conditions.
  private static func groups(_ state: StudyState) -> [ParzenGroup] {
    let space = state.spec.space
    var members: [Key: [Int]] = [:]
    var firstUsers: [UInt64: Int] = [:]
    for parameter in space.evaluationOrder {
      let column = state.history.slots[space.slotRanges[parameter].lowerBound]
      let kin: Int
      if state.spec.grows {
        let users = users(of: column, state)
        kin = firstUsers[users] ?? parameter
        firstUsers[users] = kin
      } else {
        kin = column.firstIndex { !$0.isNaN } ?? .max
      }
      members[Key(activity: space.activityGroups[parameter], kin: kin), default: []].append(parameter)
    }
    return members.sorted { $0.key < $1.key }.enumerated().map { number, group in
      ParzenGroup(space, parameters: group.value, number: number, seed: state.spec.seed ?? 0)
    }
  }

  private struct Key: Hashable, Comparable {
    var activity: Int
    /// The first trial with the parameter; in a growing space, the first parameter with the same users.
    var kin: Int

    static func < (a: Key, b: Key) -> Bool { (a.activity, a.kin) < (b.activity, b.kin) }
  }

  /// A fingerprint of the settled trials that used a parameter.
  private static func users(of column: [Double], _ state: StudyState) -> UInt64 {
    var fingerprint: UInt64 = 0
    for trial in state.trials.indices where !column[trial].isNaN && state.trials[trial].isSettled {
      fingerprint = mix(fingerprint, UInt64(trial))
    }
    return fingerprint
  }

  /// Whether a trial used some, but not all, of a group's parameters.
  private func isDivided(by trial: TrialNumber, _ state: StudyState) -> Bool {
    let space = state.spec.space
    return groups.contains { group in
      let used = group.parameters.count { !state.history.slots[space.slotRanges[$0].lowerBound][trial].isNaN }
      return used > 0 && used < group.parameters.count
    }
  }

  /// Takes over what a running trial turned out to use.
  private mutating func replace(_ trial: TrialNumber, _ state: StudyState) {
    guard roles[trial] == .pending else {
      prepare(state)
      return
    }
    for i in groups.indices { groups[i].replace(trial, state.history) }
  }

  private mutating func append(_ trial: TrialNumber, _ state: StudyState) {
    roles.append(.pending)
    for i in groups.indices { groups[i].append(trial, state.history) }
  }

  /// Ranks a trial by its value; one without a value is dropped.
  private mutating func judge(_ trial: TrialNumber, _ state: StudyState) {
    let record = state.trials[trial]
    guard record.hasValue else {
      drop(trial)
      return
    }
    insert(
      TrialRank(
        isComplete: record.state == .completed, resource: record.resource, loss: state.loss(trial), trial: trial,
        violation: state.violation(trial)))
  }

  private mutating func insert(_ rank: TrialRank) {
    let trial = rank.trial
    if roles[trial] == .pending {
      for i in groups.indices { groups[i].finish(trial) }
      roles[trial] = .above
    } else if roles[trial] == .dropped {
      for i in groups.indices { groups[i].restore(trial) }
      roles[trial] = .above
    }
    ranking.insert(rank)
  }

  /// Counts a failed trial among the others, which keeps proposals away from where trials fail; one that was lost is dropped.
  private mutating func fail(_ trial: TrialNumber, _ state: StudyState) {
    guard FailureLessons.teaches(state.trials[trial]) else {
      drop(trial)
      return
    }
    ranking.remove(trial)
    for i in groups.indices {
      switch roles[trial] {
      case .pending: groups[i].finish(trial)
      case .below: groups[i].moveAbove(trial)
      case .dropped: groups[i].restore(trial)
      case .above: break
      }
    }
    below.removeAll { $0 == trial }
    roles[trial] = .above
  }

  private mutating func drop(_ trial: TrialNumber) {
    guard roles[trial] != .dropped else { return }
    if roles[trial] == .below {
      below.removeAll { $0 == trial }
      for i in groups.indices { groups[i].moveAbove(trial) }
    }
    roles[trial] = .dropped
    ranking.remove(trial)
    for i in groups.indices { groups[i].drop(trial) }
  }

  /// Moves trials between the two sides until the best are below.
  private mutating func updateBelow() {
    let best = ranking.best(Self.belowCount(ranking.count))
    if best == below { return }
    for trial in below where !best.contains(trial) {
      roles[trial] = .above
      for i in groups.indices { groups[i].moveAbove(trial) }
    }
    for trial in best where roles[trial] != .below {
      roles[trial] = .below
      for i in groups.indices { groups[i].moveBelow(trial) }
    }
    below = best
  }

  // MARK: Sampling

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    if !isPrepared { prepare(state) }
    let fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    guard ranking.count >= startup else { return try fresh.sample(origin: .design) }

    let space = state.spec.space
    var ranked = [RankedCandidates?](repeating: nil, count: groups.count)
    var duplicate: Configuration?
    for attempt in 0..<candidates {
      var slots = [Double](repeating: .nan, count: space.slotCount)
      var unit = [Double](repeating: 0.5, count: space.coordinates.count)
      var isPossible = true
      for i in groups.indices where isPossible && space.isActive(groups[i].parameters[0], in: slots) {
        if groups[i].shape.isEmpty {
          for parameter in groups[i].parameters { space.decode(parameter, unit, into: &slots) }
          continue
        }
        let list =
          ranked[i]
          ?? groups[i].candidates(candidates, trial: trial, seed: state.spec.seed ?? 0, history: state.history)
        ranked[i] = list
        guard list.isSound else { return try fresh.sample(origin: .fallback) }
        isPossible = choose(from: list, attempt, group: groups[i], space, &unit, &slots)
      }
      let configuration = Configuration(slots: slots)
      guard isPossible, space.violatedConstraint(configuration) == nil else { continue }
      guard !state.history.contains(configuration) else {
        duplicate = duplicate ?? configuration
        continue
      }
      return .configuration(configuration, Annotation(origin: .model))
    }
    // In a growing space a configuration does not say all, so the best one is as good a second time.
    if state.spec.grows, let duplicate { return .configuration(duplicate, Annotation(origin: .model)) }
    return try fresh.sample(origin: .design)
  }

  /// Writes the best candidate of a group that violates no constraint, passing over the `attempt` best.
  ///
  /// A constraint on parameters that have no value yet is not violated.
  private func choose(
    from list: RankedCandidates, _ attempt: Int, group: ParzenGroup, _ space: Space, _ unit: inout [Double],
    _ slots: inout [Double]
  ) -> Bool {
    for candidate in list.order[attempt...] {
      group.write(candidate, of: list.batch, into: &unit)
      for parameter in group.parameters { space.decode(parameter, unit, into: &slots) }
      if space.violatedConstraint(Configuration(slots: slots)) == nil { return true }
    }
    return false
  }

  // MARK: What is said

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    if !isPrepared { prepare(state) }
    let method = Fact("method", "tree-structured Parzen estimators")
    guard ranking.count >= startup else {
      let step = Fact("step", "random, before the model: \(ranking.count) of \(startup) trials have a value")
      return Explanation([method, step], neighbours: nearest)
    }
    let space = state.spec.space
    var units = [Double](repeating: .nan, count: space.coordinates.count)
    space.encode(configuration) { units[$0] = $1 }
    var ratio = 0.0
    for i in groups.indices
    where !groups[i].shape.isEmpty && space.isActive(groups[i].parameters[0], in: configuration.slots) {
      ratio += groups[i].logRatio(units, configuration.slots, history: state.history)
    }
    let others = roles.count { $0 == .above }
    let pending = roles.count { $0 == .pending }
    return Explanation(
      [
        method, Fact("better trials", "\(below.count)"),
        Fact("other trials", "\(others), and \(pending) pending"),
        Fact("acquisition value", ratio),
      ], neighbours: nearest)
  }
}

extension TPE {
  /// The option that all Parzen estimators have.
  static let startupOption = MethodOption(
    name: "startup", kind: .integer(1...1_000_000), defaultValue: .integer(10),
    meaning: "the number of trials with a value before the model is used; until then configurations are random")

  /// What the catalogue says of it.
  public static let entry: CatalogueEntry = CatalogueEntry(
    role: .sampler, name: "tpe", title: "Tree-structured Parzen estimator (TPE)",
    summary: "Learns where good configurations lie, in spaces of any kind, for any number of trials and workers.",
    paper: .init(
      authors: "J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl", title: "Algorithms for hyper-parameter optimization",
      year: 2011, venue: "NeurIPS"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      startupOption,
      MethodOption(
        name: "candidates", kind: .integer(1...10_000), defaultValue: .integer(24),
        meaning: "the number of candidates among which the best is proposed"),
    ], takesOutcomeConstraints: true)
}
