import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// Races over folds or seeds, one after the other, and the best of each in the next.
///
/// Sources: Birattari et al., GECCO 2002; López-Ibáñez et al., "The irace package", Operations Research Perspectives 3, 2016. All
/// configurations of a race see the first folds, then those that are left one more each time, with a test in between that drops
/// who is significantly worse. A race is over when few enough are left, when its share of the evaluations is spent, or when all
/// folds are. Its best, the elites, are in the next race from the beginning; they cannot be dropped before the others have seen
/// as many folds as they have, and every race has one that they have not seen.
///
/// A trial that fails, is stopped, or reports what is no number, leaves the race. A worker that finds nothing to do in it begins
/// with the next one's configurations.
struct Races: Sendable {
  let startup: Int
  let significance: Double
  private let survivors: Int
  private let size: Int
  private let evaluations: Int

  private(set) var plan: RacePlan?
  /// From 0.
  private(set) var index = 0
  /// The best of the race before, the best first.
  private(set) var elites: [TrialNumber] = []
  /// The configurations of the race that were not dropped.
  private(set) var alive: [TrialNumber] = []
  /// How many new configurations the race is to have, and has had.
  private(set) var planned = 0
  private(set) var newcomers = 0
  /// The folds after which the next test is due.
  private(set) var level = 1
  /// The folds that the elites had seen when the race began.
  private var safe = 0
  private var purse = 0
  private var spentBefore = 0
  /// Those that have not seen the folds of the level yet.
  private var unready: Set<TrialNumber> = []
  /// Trials that were begun for the next race.
  private(set) var early: [TrialNumber] = []
  /// It gets no more new configurations.
  private var isClosed = false

  /// - Parameter part: the scheduler's options, as `Catalogue.check` accepts them.
  init(_ part: PartSpec) {
    startup = FRace.entry.integer("startup", in: part)
    significance = FRace.entry.real("significance", in: part)
    survivors = FRace.entry.integer("survivors", in: part)
    size = FRace.entry.integer("size", in: part)
    evaluations = FRace.entry.integer("evaluations", in: part)
  }

  private func plan(_ state: StudyState) -> RacePlan? {
    guard let fidelity = state.spec.fidelity else { return nil }
    let space = state.spec.space
    let varying = space.parameters.indices.filter {
      !space.coordinateRanges[$0].isEmpty && space.parameters[$0].fixedValue == nil
    }
    return RacePlan(
      dimension: varying.count, startup: max(startup, Int(fidelity.minimum)), maximum: Int(fidelity.maximum),
      survivors: survivors, size: size, evaluations: evaluations, trials: state.spec.budget.trials)
  }

  // MARK: Absorbing

  /// Begins the first race, as soon as there is a study.
  mutating func begin(_ state: StudyState) {
    guard plan == nil, let plan = plan(state) else { return }
    self.plan = plan
    open(0, plan, state)
  }

  mutating func absorb(_ event: Event, state: StudyState) {
    begin(state)
    guard plan != nil else { return }
    switch event.body {
    case .studyAmended: amend(state)
    case .trialProposed(let trial, .resume, _, let annotation): follow(annotation, to: trial, state)
    case .trialProposed(let trial, let kind, _, let annotation): join(trial, kind, annotation)
    case .reported(let trial, .some, _): look(at: trial, state)
    case .trialPaused(let trial, _, _), .trialStopped(let trial, _, _), .trialCompleted(let trial, _),
      .trialFailed(let trial, _, _, _), .trialLost(let trial):
      look(at: trial, state)
    default: break
    }
  }

  private mutating func join(_ trial: TrialNumber, _ kind: ProposalKind, _ annotation: Annotation) {
    if annotation[.bracket] == index + 1 {
      early.append(trial)
      return
    }
    alive.append(trial)
    unready.insert(trial)
    // What a person asked for takes no other's place.
    if case .enqueued = kind { return }
    newcomers += 1
  }

  /// A trial went on beyond what is due: the race got no more new configurations, because there can be none.
  private mutating func follow(_ annotation: Annotation, to trial: TrialNumber, _ state: StudyState) {
    guard let race = annotation[.bracket], let level = annotation[.rung] else { return }
    while (index, self.level) < (race, level) {
      let before = (index, self.level)
      isClosed = true
      advance(state)
      if (index, self.level) == before { break }
    }
  }

  private mutating func amend(_ state: StudyState) {
    guard let plan = plan(state) else { return }
    self.plan = plan
    level = min(max(level, plan.first), plan.maximum)
    safe = min(safe, plan.maximum)
    collect(state)
    advance(state)
  }

  private mutating func look(at trial: TrialNumber, _ state: StudyState) {
    if isOut(trial, state) {
      guard alive.contains(trial) || early.contains(trial) || elites.contains(trial) else { return }
      alive.removeAll { $0 == trial }
      early.removeAll { $0 == trial }
      elites.removeAll { $0 == trial }
      unready.remove(trial)
      advance(state)
    } else if unready.contains(trial), count(trial, state) >= level {
      unready.remove(trial)
      advance(state)
    }
  }

  // MARK: Racing

  /// The folds that a trial has reported.
  private func count(_ trial: TrialNumber, _ state: StudyState) -> Int { state.curves[trial]?.replicates.count ?? 0 }

  /// Whether nothing more is to be had of a trial that is needed.
  private func isOut(_ trial: TrialNumber, _ state: StudyState) -> Bool {
    if let mean = state.curves[trial]?.values.last, !mean.isFinite { return true }
    switch state.trials[trial].state {
    case .failed, .stopped: return true
    case .waiting, .running: return false
    case .paused, .completed:
      return count(trial, state) < level && !state.trials[trial].canGoOn(to: Double(level))
    }
  }

  private mutating func collect(_ state: StudyState) {
    alive = alive.filter { !isOut($0, state) }
    unready = Set(alive.filter { count($0, state) < level })
  }

  private mutating func open(_ index: Int, _ plan: RacePlan, _ state: StudyState) {
    self.index = index
    safe = elites.isEmpty ? 0 : level
    level = plan.first
    spentBefore = Int(state.totalResource)
    purse = plan.purse(race: index + 1, spent: spentBefore)
    planned = plan.newcomers(race: index + 1, purse: purse, elites: elites.count, seen: safe)
    alive = elites + early
    newcomers = early.count
    early = []
    isClosed = false
    collect(state)
  }

  /// Tests and goes on for as long as nobody is waited for.
  /// - Parameter isEnding: no race gets any more new configurations. Stops before one that has none.
  mutating func advance(_ state: StudyState, isEnding: Bool = false) {
    guard let plan else { return }
    while newcomers >= planned || isClosed || isEnding, unready.isEmpty {
      // Elites alone have been compared already.
      if isEnding, newcomers == 0 { return }
      let order = test(plan, state)
      if isOver(plan, state) {
        elites = order.prefix(plan.survivors).map { $0 }
        open(index + 1, plan, state)
      } else {
        level += 1
        collect(state)
      }
    }
  }

  /// Drops who is significantly worse, and tells the others from the best to the worst.
  private mutating func test(_ plan: RacePlan, _ state: StudyState) -> [TrialNumber] {
    let sign = state.spec.objectives[0].sign
    let curves = alive.map { state.curves[$0]?.replicates ?? [] }
    guard !alive.isEmpty, curves.allSatisfy({ $0.count >= level }) else { return alive }
    let test = RaceTest((0..<level).map { fold in curves.map { $0[fold] * sign } }, significance: significance)
    let order = test.order
    let kept = order.enumerated().filter { place, i in
      let isSafe = level < safe && elites.contains(alive[i])
      return test.goesOn[i] || place < plan.survivors || isSafe || level < plan.first
    }.map(\.element)
    let result = kept.map { alive[$0] }
    let places = Set(kept)
    alive = alive.indices.filter { places.contains($0) }.map { alive[$0] }
    return result
  }

  private func isOver(_ plan: RacePlan, _ state: StudyState) -> Bool {
    if alive.isEmpty || level >= plan.maximum { return true }
    if alive.count <= plan.survivors { return level > safe }
    let cost = alive.count { count($0, state) <= level }
    return purse != .max && Int(state.totalResource) - spentBefore + cost > purse
  }

  // MARK: Deciding

  /// The first that has not seen enough and can go on.
  func resumption(_ state: StudyState, _ canResume: (TrialNumber) -> Bool) -> Assignment? {
    for trial in alive
    where unready.contains(trial) && state.trials[trial].canGoOn(to: Double(level)) && canResume(trial) {
      return .resume(trial, target: Double(level), annotation(index, level))
    }
    return nil
  }

  /// A new configuration for this race or, while all others are waited for, for the next.
  func newcomer() -> Assignment? {
    guard let plan else { return nil }
    if newcomers < planned, !isClosed { return .new(target: Double(level), annotation(index, level)) }
    return early.count < planned ? .new(target: Double(plan.first), annotation(index + 1, plan.first)) : nil
  }

  /// Once there are no new configurations, and all races are over: the best sees the folds that are left.
  func last(_ state: StudyState, _ canResume: (TrialNumber) -> Bool) -> Assignment {
    guard let maximum = plan.map({ Double($0.maximum) }), let best = elites.first, state.trials[best].isSettled,
      state.trials[best].canGoOn(to: maximum), canResume(best)
    else { return .wait }
    return .resume(best, target: maximum, Annotation())
  }

  /// Whether the race has no configuration that was not in the one before.
  var isEmpty: Bool { newcomers == 0 }

  private func annotation(_ race: Int, _ level: Int) -> Annotation {
    var annotation = Annotation()
    annotation[.bracket] = race
    annotation[.rung] = level
    return annotation
  }

  /// Whether a trial was dropped, or never raced.
  func hasLeft(_ trial: TrialNumber) -> Bool {
    !alive.contains(trial) && !early.contains(trial) && !elites.contains(trial)
  }
}
