import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// DEHB: the brackets of Hyperband, whose trials are bred by differential evolution, one population for each level of the
/// resource. Both the scheduler and the sampler of a study.
///
/// Source: Awad, Mallik & Hutter, "DEHB: evolutionary Hyperband for scalable, robust and efficient hyperparameter
/// optimization", IJCAI 2021, arXiv 2105.09821, Algorithm 1. In the first sweep over the brackets the best of a rung go on to
/// the next, as in Hyperband; afterwards each rung gets new configurations: a mutant r1 + F (r2 − r3) of three of the best of
/// the level below is crossed with the trial in whose place it is measured. Rungs of one bracket follow one another; a worker
/// that finds all open brackets waiting opens the next.
///
/// A configuration is a point of the unit cube; a coordinate that is not active takes a value of its trial's own. The first
/// rung of all is random, as in the paper; the authors' program breeds it from configurations that nobody evaluated.
public struct DEHB: Scheduler, Sampler {
  static let purpose = stableHash("dehb")

  private struct Rung: Sendable {
    var size: Int
    /// Trials sent to it, with their loss there once it is known; +∞ for what failed.
    var members: [(trial: TrialNumber, loss: Double?)] = []
    var unknown = 0
    /// It will get no more members.
    var isClosed = false

    var isOver: Bool { (members.count >= size || isClosed) && unknown == 0 }
  }

  private struct Bracket: Sendable {
    var index: Int
    var rungs: [Rung]
  }

  private struct Place: Sendable {
    var bracket: Int
    var rung: Int
    var member: Int
  }

  let eta: Double
  let factor: Double
  let crossover: Double
  let rounding: BracketPlan.Rounding
  private var plan: BracketPlan?
  private var populations: Populations?
  private var brackets: [Bracket] = []
  private var open: [Int] = []
  private var places: ContiguousArray<Place?> = []

  /// - Parameter part: the method's options, as `Catalogue.check` accepts them.
  public init(scheduler part: PartSpec) {
    eta = Self.schedulerEntry.real("eta", in: part)
    rounding = BracketPlan.Rounding(rawValue: Self.schedulerEntry.word("rounding", in: part)) ?? .floor
    factor = 0.5
    crossover = 0.5
  }

  /// - Parameters:
  ///   - part: the sampler's options, as `Catalogue.check` accepts them.
  ///   - scheduler: those of the study's scheduler.
  public init(sampler part: PartSpec, scheduler: PartSpec) {
    eta = Self.schedulerEntry.real("eta", in: scheduler)
    rounding = BracketPlan.Rounding(rawValue: Self.schedulerEntry.word("rounding", in: scheduler)) ?? .floor
    factor = Self.samplerEntry.real("factor", in: part)
    crossover = Self.samplerEntry.real("crossover", in: part)
  }

  // MARK: Absorbing

  public mutating func absorb(_ event: Event, state: StudyState) {
    let plan = state.spec.fidelity.map { BracketPlan($0, eta: eta, rounding: rounding) }
    if plan != self.plan {
      // Other levels are other populations: evolution begins anew, with the brackets.
      self.plan = plan
      populations = plan.map { Populations($0) }
      open = []
      places = ContiguousArray(repeating: nil, count: places.count)
      brackets = brackets.map { Bracket(index: $0.index, rungs: []) }
      first = brackets.count
    }
    while places.count < state.trials.count { places.append(nil) }
    populations?.absorb(event, state: state)
    switch event.body {
    case .trialProposed(let trial, let kind, let target?, let annotation):
      if case .enqueued = kind { return }
      join(trial, annotation[.bracket], annotation[.rung] ?? 0, target, state)
    case .trialPaused(let trial, _, _), .trialCompleted(let trial, _), .trialStopped(let trial, _, _):
      settle(trial, state.trials[trial].state == .stopped ? .infinity : state.loss(trial), state)
    case .trialFailed(let trial, _, _, _), .trialLost(let trial):
      if state.trials[trial].state == .failed { settle(trial, .infinity, state) }
    default: break
    }
  }

  /// The number of the first bracket with the present levels.
  private var first = 0

  private mutating func join(
    _ trial: TrialNumber, _ bracket: Int?, _ rung: Int, _ target: Double, _ state: StudyState
  ) {
    guard let bracket, let plan, bracket >= first, bracket <= brackets.count else { return }
    if bracket == brackets.count {
      let index = self.index(bracket, plan)
      guard rung == 0, Fidelity.isSame(target, plan.level(index, 0)) else { return }
      brackets.append(Bracket(index: index, rungs: plan.sizes(index).map { Rung(size: $0) }))
      open.append(bracket)
    }
    guard brackets[bracket].rungs.indices.contains(rung),
      Fidelity.isSame(target, plan.level(brackets[bracket].index, rung))
    else { return }
    for below in 0..<rung where !brackets[bracket].rungs[below].isOver {
      close(bracket, below)
      advance(bracket, state)
    }
    add(trial, to: bracket, rung, nil)
    advance(bracket, state)
  }

  private mutating func add(_ trial: TrialNumber, to bracket: Int, _ rung: Int, _ loss: Double?) {
    places[trial] = Place(bracket: bracket, rung: rung, member: brackets[bracket].rungs[rung].members.count)
    brackets[bracket].rungs[rung].members.append((trial, loss))
    if loss == nil { brackets[bracket].rungs[rung].unknown += 1 }
  }

  /// Lets the best of a rung stand in the next one at once where they have come to its level already, because they report at a
  /// few resources only. Ends before the first one that has to run.
  private mutating func advance(_ bracket: Int, _ state: StudyState) {
    guard let plan else { return }
    for rung in brackets[bracket].rungs.indices.dropFirst() where brackets[bracket].rungs[rung - 1].isOver {
      let level = plan.level(brackets[bracket].index, rung)
      while brackets[bracket].rungs[rung].members.count < brackets[bracket].rungs[rung].size,
        !brackets[bracket].rungs[rung].isClosed, let best = candidates(bracket, rung, plan, state).first,
        let loss = loss(best, at: level, state)
      {
        add(best, to: bracket, rung, loss)
        populations?.enter(best, loss: loss, at: level)
      }
    }
    open.removeAll { $0 == bracket && brackets[$0].rungs.allSatisfy(\.isOver) }
  }

  /// The loss of a paused or complete trial at a level; nil where it has not come to it.
  private func loss(_ trial: TrialNumber, at level: Double, _ state: StudyState) -> Double? {
    let record = state.trials[trial]
    guard record.state == .paused || record.state == .completed, let curve = state.curves[trial] else { return nil }
    let point = curve.index(reaching: level)
    guard point < curve.values.count, curve.values[point].isFinite else { return nil }
    return curve.values[point] * state.spec.objectives[0].sign
  }

  /// A rung will not be filled, because the budget allows no new trial: the rungs above shrink with it.
  private mutating func close(_ bracket: Int, _ rung: Int) {
    brackets[bracket].rungs[rung].isClosed = true
    var share = Double(brackets[bracket].rungs[rung].members.count)
    for above in brackets[bracket].rungs.indices where above > rung {
      share /= eta
      brackets[bracket].rungs[above].size = min(brackets[bracket].rungs[above].size, max(1, Int(share + 1e-9)))
    }
  }

  private func index(_ bracket: Int, _ plan: BracketPlan) -> Int { (bracket - first) % plan.brackets }

  private mutating func settle(_ trial: TrialNumber, _ loss: Double, _ state: StudyState) {
    guard let place = places[trial] else { return }
    if brackets[place.bracket].rungs[place.rung].members[place.member].loss == nil {
      brackets[place.bracket].rungs[place.rung].members[place.member].loss = loss.isFinite ? loss : .infinity
      brackets[place.bracket].rungs[place.rung].unknown -= 1
    }
    // One that can go on no more makes way for the next, even where its loss was known.
    advance(place.bracket, state)
  }

  // MARK: Deciding

  public func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    guard let plan = plan ?? state.spec.fidelity.map({ BracketPlan($0, eta: eta, rounding: rounding) }) else {
      return .new(target: nil, Annotation())
    }
    if let resumption = state.resumptionOfInterrupted(canResume) { return resumption }
    let (bracket, rung) = nextRung()
    if let promotion = promotion(bracket, rung, plan, state, canResume) { return promotion }
    return .new(target: plan.level(index(bracket, plan), rung), annotation(bracket, rung))
  }

  /// Where the next trial goes: the oldest bracket with a rung that takes trials, or a new one.
  private func nextRung() -> (bracket: Int, rung: Int) {
    for bracket in open {
      if let rung = openRung(bracket) { return (bracket, rung) }
    }
    return (brackets.count, 0)
  }

  /// The rung of a bracket that takes trials now.
  private func openRung(_ bracket: Int) -> Int? {
    let rungs = brackets[bracket].rungs
    guard let rung = rungs.firstIndex(where: { $0.members.count < $0.size && !$0.isClosed }) else { return nil }
    return rung == 0 || rungs[rung - 1].isOver ? rung : nil
  }

  /// In the first sweep: the best of the rung below that has not gone on. Nil where a configuration is to be bred instead.
  private func promotion(
    _ bracket: Int, _ rung: Int, _ plan: BracketPlan, _ state: StudyState, _ canResume: (TrialNumber) -> Bool
  ) -> Assignment? {
    guard rung > 0 else { return nil }
    let level = plan.level(brackets[bracket].index, rung)
    let best = candidates(bracket, rung, plan, state).first { state.trials[$0].canGoOn(to: level) && canResume($0) }
    return best.map { .resume($0, target: level, annotation(bracket, rung)) }
  }

  /// In the first sweep: those of the rung below that may go on to a rung or have come to its level, and are not in it, the best
  /// first.
  private func candidates(_ bracket: Int, _ rung: Int, _ plan: BracketPlan, _ state: StudyState) -> [TrialNumber] {
    guard bracket - first < plan.brackets else { return [] }
    let level = plan.level(brackets[bracket].index, rung)
    let present = Set(brackets[bracket].rungs[rung].members.map(\.trial))
    var found: [(trial: TrialNumber, loss: Double)] = []
    for (trial, loss) in brackets[bracket].rungs[rung - 1].members where !present.contains(trial) {
      guard let loss, loss.isFinite else { continue }
      let mayGoOn = state.trials[trial].canGoOn(to: level) || self.loss(trial, at: level, state) != nil
      if mayGoOn { found.append((trial, loss)) }
    }
    return found.sorted { $0.loss != $1.loss ? $0.loss < $1.loss : $0.trial < $1.trial }.map(\.trial)
  }

  private func annotation(_ bracket: Int, _ rung: Int) -> Annotation {
    var annotation = Annotation()
    annotation[.bracket] = bracket
    annotation[.rung] = rung
    return annotation
  }

  public func assignmentWithoutNew(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    guard let plan else { return .wait }
    if let resumption = state.resumptionOfInterrupted(canResume) { return resumption }
    for bracket in open {
      var ending = self
      if let promotion = ending.lastPromotion(bracket, plan, state, canResume) { return promotion }
    }
    return .wait
  }

  public func assignmentWhenExhausted(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    state.furthestPaused(canResume)
  }

  /// Closes the rungs of a bracket, the lowest first, for as long as all their members are known, up to one to which somebody
  /// is to go on.
  private mutating func lastPromotion(
    _ bracket: Int, _ plan: BracketPlan, _ state: StudyState, _ canResume: (TrialNumber) -> Bool
  ) -> Assignment? {
    for rung in brackets[bracket].rungs.indices.dropFirst() {
      let below = brackets[bracket].rungs[rung - 1]
      guard !below.members.isEmpty, below.unknown == 0 else { return nil }
      if !below.isOver {
        close(bracket, rung - 1)
        advance(bracket, state)
      }
      let places = max(1, Int(Double(below.members.count) / eta))
      guard brackets[bracket].rungs[rung].members.count < min(brackets[bracket].rungs[rung].size, places) else {
        continue
      }
      if let promotion = promotion(bracket, rung, plan, state, canResume) { return promotion }
    }
    return nil
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict { state.verdictAtTarget(trial) }

  // MARK: Sampling

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    let fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    guard let populations, let level = populations.level(of: target), let plan else {
      return try fresh.sample(origin: .design)
    }
    let place = Populations.Place(level: level, slot: populations.next[level])
    let pool = parents(of: place, populations, plan)
    guard !pool.isEmpty else { return try fresh.sample(origin: .design) }
    var stream = RandomStream(seed: state.spec.seed ?? 0, purpose: Self.purpose, index: UInt64(trial))
    let space = state.spec.space
    return try fresh.sample(origin: .model) { _ throws(SpaceError) in
      let configuration = try space.firstSatisfying { _ in
        space.configuration(unit: offspring(pool, place, populations, state, &stream))
      }
      return (configuration, Annotation(origin: .model))
    }
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    let method = Fact("method", "differential evolution with a population for each level (DEHB)")
    guard let populations, let level = populations.level(of: target), let plan, let fidelity = state.spec.fidelity
    else { return Explanation([method, Fact("step", "random: the resource is no level")], neighbours: nearest) }
    let place = Populations.Place(level: level, slot: populations.next[level])
    let pool = parents(of: place, populations, plan)
    guard !pool.isEmpty else {
      return Explanation(
        [method, Fact("step", "random: the first bracket, or there is nobody to breed from")], neighbours: nearest)
    }
    let rival = populations.members[level][place.slot].map { "trial \($0.trial)" } ?? "nobody yet"
    return Explanation(
      [
        method, Fact("step", "a mutant, crossed with the one in its place of the population"),
        Fact("population", "that of \(fidelity.name) \(JSONValue.plainText(target ?? fidelity.maximum))"),
        Fact("in its place", rival), Fact("possible parents", "\(pool.count)"),
      ], neighbours: nearest)
  }

  /// The trials from which the next one at a place is bred: the best of the level below, as many as the rung has places;
  /// of the level itself in the lowest rung of a bracket. Empty while there is nobody to breed from.
  private func parents(of place: Populations.Place, _ populations: Populations, _ plan: BracketPlan) -> [TrialNumber] {
    let everyone = populations.everyone.map(\.trial)
    guard everyone.count >= 3 else { return [] }
    let (bracket, rung) = nextRung()
    if bracket == first, rung == 0 { return [] }
    let size = plan.sizes(index(bracket, plan))[rung]
    let best = populations.best(size, at: rung == 0 ? place.level : max(0, place.level - 1))
    return best.isEmpty ? everyone : best.map(\.trial)
  }

  /// A mutant crossed with the trial in the place.
  private func offspring(
    _ pool: [TrialNumber], _ place: Populations.Place, _ populations: Populations, _ state: StudyState,
    _ stream: inout RandomStream
  ) -> [Double] {
    let target = populations.members[place.level][place.slot]?.trial
    var parents = pool.filter { $0 != target }.map { vector($0, state) }
    // A pool that is too small is filled up with mutants of everybody.
    let everyone = populations.everyone.map { vector($0.trial, state) }
    while parents.count < 3 { parents.append(mutant(of: everyone, &stream)) }
    let mutant = mutant(of: parents, &stream)
    guard let target else { return mutant }
    let old = vector(target, state)
    guard !old.isEmpty else { return old }
    let forced = stream.index(below: old.count)
    var isTaken = false
    var child = old.indices.map { gene -> Double in
      guard stream.uniform() < crossover else { return old[gene] }
      isTaken = true
      return mutant[gene]
    }
    if !isTaken { child[forced] = mutant[forced] }
    return child
  }

  /// r1 + F (r2 − r3), with a new value for each coordinate that leaves the unit interval.
  private func mutant(of parents: [[Double]], _ stream: inout RandomStream) -> [Double] {
    var order = Array(parents.indices)
    for position in 0..<3 { order.swapAt(position, position + stream.index(below: order.count - position)) }
    let (a, b, c) = (parents[order[0]], parents[order[1]], parents[order[2]])
    return a.indices.map { gene in
      let value = Self.difference(a[gene], b[gene], c[gene], factor)
      return (0...1).contains(value) ? value : stream.uniform()
    }
  }

  static func difference(_ a: Double, _ b: Double, _ c: Double, _ factor: Double) -> Double { a + factor * (b - c) }

  /// A trial's point of the unit cube; where a coordinate is not active, the same number for the trial whoever asks.
  private func vector(_ trial: TrialNumber, _ state: StudyState) -> [Double] {
    var own = RandomStream(seed: mix(state.spec.seed ?? 0, Self.purpose), purpose: 1, index: UInt64(trial))
    return state.history.filledUnits(trial).map { unit in
      let value = own.uniform()
      return unit.isNaN ? value : min(1, max(0, unit))
    }
  }
}

extension DEHB {
  private static let paper = CatalogueEntry.Paper(
    authors: "N. Awad, N. Mallik, F. Hutter",
    title: "DEHB: evolutionary Hyperband for scalable, robust and efficient hyperparameter optimization", year: 2021,
    venue: "IJCAI, arXiv 2105.09821")

  private static let schedulerName = "dehb-brackets"
  private static let samplerName = "dehb"
  private static let takes = Set(CatalogueEntry.Ability.allCases).subtracting([.objectives])

  /// What the catalogue says of its scheduler.
  public static let schedulerEntry = CatalogueEntry(
    role: .scheduler, name: schedulerName, title: "The brackets of DEHB",
    summary: "Hyperband that promotes in its first sweep and has new configurations bred at every level afterwards.",
    paper: paper, takes: takes, needsFidelity: true,
    options: [
      MethodOption(
        name: "eta", kind: .real(1.1...1000), defaultValue: .integer(3),
        meaning: "each level has eta times the resource of the one below"),
      MethodOption(
        name: "rounding", kind: .word(BracketPlan.Rounding.allCases.map(\.rawValue)), defaultValue: .text("floor"),
        meaning: "how sizes of rungs that are no whole numbers are rounded"),
    ],
    inspect: { spec in
      guard spec.method.sampler.name != samplerName else { return [] }
      return [
        MethodProblem(
          ["method", "scheduler"], "dehb-brackets needs configurations that are bred for its levels",
          hint: "use sampler: dehb with it, or hyperband as the scheduler")
      ]
    })

  /// What the catalogue says of its sampler.
  public static let samplerEntry = CatalogueEntry(
    role: .sampler, name: samplerName, title: "Evolutionary Hyperband (DEHB)",
    summary: "Breeds configurations by differential evolution, with a population for each level of the resource.",
    paper: paper, takes: takes, needsFidelity: true,
    options: [
      MethodOption(
        name: "factor", kind: .real(0.01...2), defaultValue: .real(0.5),
        meaning: "how much of the difference of two parents a mutant takes (F)"),
      MethodOption(
        name: "crossover", kind: .real(0...1), defaultValue: .real(0.5),
        meaning: "the probability with which a coordinate is the mutant's"),
    ],
    inspect: { spec in
      guard spec.method.scheduler.name != schedulerName else { return [] }
      return [
        MethodProblem(
          ["method", "sampler"], "dehb breeds configurations for the levels of its own brackets",
          hint: "use scheduler: dehb-brackets with it")
      ]
    })
}
