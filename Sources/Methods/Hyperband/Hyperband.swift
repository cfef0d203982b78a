import TrimtabSearchSpaces
import TrimtabStudies

/// Hyperband: brackets of successive halving that trade the number of trials for the resource with which they begin; and
/// successive halving itself, one such bracket after the other. Synchronous: a rung is judged once all of it has reported.
///
/// Source: Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar, JMLR 18(185), 2018, Algorithm 1; Jamieson & Talwalkar,
/// "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016, arXiv 1502.07943. Sweeps
/// over all brackets follow one another. A free worker goes to the oldest bracket that has something for it, and opens the
/// next one only when none has, so that workers do not wait at the end of a rung.
///
/// When the maximum is raised, nothing that was evaluated is evaluated again (Brandt, Wever, Iliadis, Bengs &
/// Hüllermeier, "Iterative deepening Hyperband", arXiv 2302.00511): every bracket becomes the next larger one of the new
/// maximum with the same least resource, is filled up, and goes one rung further; sweeps get a new last bracket.
///
/// A trial that fails, is stopped, or reports no finite number, counts as infinitely bad; a rung with fewer finite losses
/// than places lets those go on. Of equal losses the earlier report is better.
public struct Hyperband: Scheduler {
  /// What becomes of earlier decisions when the maximum is raised.
  enum Deepening: String, CaseIterable, Sendable {
    /// They stand; only the places that are left go to the best others.
    case efficient
    /// All go to the best now, among everyone who has a value at the level.
    case preserving
    /// All go to the best now, among those whom the new decisions brought to the level.
    case discarding
  }

  private struct Member: Sendable {
    var trial: TrialNumber
    /// At this rung's level; +∞ for what failed, nil while it is not known.
    var loss: Double?
    /// When the loss arrived.
    var sequence = 0
    var isPromoted = false

    /// Smaller losses first, of equal ones the earlier.
    func isBetter(than other: Member) -> Bool {
      let (a, b) = (loss ?? .infinity, other.loss ?? .infinity)
      return a != b ? a < b : sequence < other.sequence
    }
  }

  private struct Rung: Sendable {
    var size: Int
    var members: [Member] = []
    /// Members without a loss.
    var unknown = 0
    /// Members that have not begun to run to the level, the best of the rung before first.
    var ready: [TrialNumber] = []
    /// Whether the best of it have gone on.
    var isJudged = false
    /// Trials that had a value here when the maximum was raised, to be ranked with the members.
    var earlier: [Member] = []
  }

  private struct Bracket: Sendable {
    /// Its place in its sweep; its least resource is `plan.levels[index]`.
    var index: Int
    var rungs: [Rung]
  }

  /// The rung to which a trial goes or in which it stands.
  private struct Place: Sendable {
    var bracket: Int
    var rung: Int
    var member: Int
  }

  let eta: Double
  let rounding: BracketPlan.Rounding
  let deepening: Deepening
  let first: Int?
  private var plan: BracketPlan?
  private var brackets: [Bracket] = []
  /// Brackets of each sweep that have been opened, in the order of their index.
  private var opened: [Int] = []
  /// Brackets in which something is left to do, the oldest first.
  private var open: [Int] = []
  private var places: ContiguousArray<Place?> = []
  private var sequence = 0

  /// - Parameter part: the scheduler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    let isHalving = part.name == Self.halvingEntry.name
    let entry = isHalving ? Self.halvingEntry : Self.entry
    eta = entry.real("eta", in: part)
    first = isHalving ? entry.integer("first", in: part) : nil
    rounding = BracketPlan.Rounding(rawValue: entry.word("rounding", in: part)) ?? .paper
    deepening = Deepening(rawValue: entry.word("deepening", in: part)) ?? .efficient
  }

  private func plan(_ state: StudyState) -> BracketPlan? {
    state.spec.fidelity.map { BracketPlan($0, eta: eta, rounding: rounding, first: first) }
  }

  // MARK: Absorbing

  public mutating func absorb(_ event: Event, state: StudyState) {
    if plan == nil { plan = plan(state) }
    while places.count < state.trials.count { places.append(nil) }
    switch event.body {
    case .studyAmended:
      let next = plan(state)
      guard next != plan else { return }
      plan = next
      replan(state)
    case .trialProposed(let trial, .new, let target?, let annotation):
      join(trial, bracket: annotation[.bracket], target: target)
    case .trialProposed(let trial, .resume, _, let annotation):
      if !begin(trial), let bracket = annotation[.bracket], brackets.indices.contains(bracket) {
        close(bracket, state)
        _ = begin(trial)
      }
    case .reported(let trial, .some(let resource), let metrics):
      guard let place = places[trial], resource == state.trials[trial].resource,
        metrics.contains(where: { $0.name == state.spec.objectives[0].metric }), let plan,
        Fidelity.reaches(resource, plan.level(brackets[place.bracket].index, place.rung))
      else { return }
      settle(trial, state.judgedLoss(trial), state)
    case .trialPaused(let trial, _, _):
      // One that ended by itself where its objective is not reported is judged by what it reported last.
      if let place = places[trial], let plan,
        Fidelity.reaches(state.trials[trial].resource, plan.level(brackets[place.bracket].index, place.rung))
      {
        settle(trial, state.judgedLoss(trial), state)
      }
    case .trialCompleted(let trial, _): settle(trial, state.judgedLoss(trial), state)
    case .trialStopped(let trial, _, _): leave(trial, state)
    case .trialFailed(let trial, _, _, _), .trialLost(let trial):
      if state.trials[trial].state == .failed { leave(trial, state) }
    default: break
    }
  }

  private mutating func join(_ trial: TrialNumber, bracket: Int?, target: Double) {
    guard let bracket, let plan, bracket >= 0, bracket <= brackets.count else { return }
    if bracket == brackets.count {
      let (sweep, index) = nextBracket(plan)
      guard Fidelity.isSame(target, plan.level(index, 0)) else { return }
      if sweep == opened.count { opened.append(0) }
      opened[sweep] += 1
      brackets.append(Bracket(index: index, rungs: plan.sizes(index).map { Rung(size: $0) }))
      open.append(bracket)
    }
    let rung = brackets[bracket].rungs[0]
    guard rung.members.count < rung.size, Fidelity.isSame(target, plan.level(brackets[bracket].index, 0)) else {
      return
    }
    add(trial, to: bracket, 0, nil)
  }

  /// The sweep and the place in it of the bracket that is opened next.
  private func nextBracket(_ plan: BracketPlan) -> (sweep: Int, index: Int) {
    for (sweep, count) in opened.enumerated() where count < plan.brackets { return (sweep, count) }
    return (opened.count, 0)
  }

  private mutating func add(_ trial: TrialNumber, to bracket: Int, _ rung: Int, _ loss: Double?) {
    let member = brackets[bracket].rungs[rung].members.count
    places[trial] = Place(bracket: bracket, rung: rung, member: member)
    brackets[bracket].rungs[rung].members.append(Member(trial: trial, loss: loss, sequence: sequence))
    if loss == nil {
      brackets[bracket].rungs[rung].unknown += 1
    } else {
      sequence += 1
    }
  }

  /// Takes note that a trial runs to the level of its rung; false when it was not to.
  private mutating func begin(_ trial: TrialNumber) -> Bool {
    guard let place = places[trial],
      let position = brackets[place.bracket].rungs[place.rung].ready.firstIndex(of: trial)
    else { return false }
    brackets[place.bracket].rungs[place.rung].ready.remove(at: position)
    return true
  }

  /// Notes a trial's loss in its rung, unless it has one there.
  private mutating func settle(_ trial: TrialNumber, _ loss: Double, _ state: StudyState) {
    guard let place = places[trial], brackets[place.bracket].rungs[place.rung].members[place.member].loss == nil
    else { return }
    _ = begin(trial)
    brackets[place.bracket].rungs[place.rung].members[place.member].loss = loss.isFinite ? loss : .infinity
    brackets[place.bracket].rungs[place.rung].members[place.member].sequence = sequence
    brackets[place.bracket].rungs[place.rung].unknown -= 1
    sequence += 1
    judge(place.bracket, from: place.rung, state)
  }

  /// Takes note that a trial can never go on.
  private mutating func leave(_ trial: TrialNumber, _ state: StudyState) {
    guard let place = places[trial] else { return }
    if brackets[place.bracket].rungs[place.rung].members[place.member].loss == nil {
      settle(trial, .infinity, state)
    } else if !brackets[place.bracket].rungs[place.rung].isJudged {
      brackets[place.bracket].rungs[place.rung].members[place.member].loss = .infinity
    }
  }

  /// Judges a bracket with the trials that it has, because no other will join it. The best of them goes to the end.
  private mutating func close(_ bracket: Int, _ state: StudyState) {
    let count = brackets[bracket].rungs[0].members.count
    guard count > 0, !brackets[bracket].rungs[0].isJudged else { return }
    var share = Double(count)
    for rung in brackets[bracket].rungs.indices {
      brackets[bracket].rungs[rung].size = min(brackets[bracket].rungs[rung].size, max(1, Int(share + 1e-9)))
      share /= eta
    }
    judge(bracket, from: 0, state)
  }

  /// Lets the best of each complete rung go on.
  private mutating func judge(_ bracket: Int, from first: Int, _ state: StudyState) {
    guard let plan else { return }
    for index in first..<brackets[bracket].rungs.count {
      let rung = brackets[bracket].rungs[index]
      let isFull = index == 0 ? rung.members.count >= rung.size : brackets[bracket].rungs[index - 1].isJudged
      guard isFull, rung.unknown == 0, !rung.isJudged else { break }
      brackets[bracket].rungs[index].isJudged = true
      guard index + 1 < brackets[bracket].rungs.count else { break }
      promote(from: index, in: bracket, to: plan.level(brackets[bracket].index, index + 1), state)
    }
    open.removeAll { $0 == bracket && brackets[bracket].rungs.allSatisfy(\.isJudged) }
  }

  private mutating func promote(from index: Int, in bracket: Int, to level: Double, _ state: StudyState) {
    let rung = brackets[bracket].rungs[index]
    var candidates = rung.members.indices
      .filter { !rung.members[$0].isPromoted && (rung.members[$0].loss ?? .infinity).isFinite }
      .map { (position: Int?.some($0), member: rung.members[$0]) }
    if !rung.earlier.isEmpty {
      let present = Set(rung.members.map(\.trial))
      candidates += rung.earlier.filter { !present.contains($0.trial) }.map { (position: nil, member: $0) }
    }
    candidates.sort { $0.member.isBetter(than: $1.member) }
    let taken = rung.members.count { $0.isPromoted }
    for candidate in candidates.prefix(max(0, brackets[bracket].rungs[index + 1].size - taken)) {
      if let position = candidate.position { brackets[bracket].rungs[index].members[position].isPromoted = true }
      let known = loss(candidate.member.trial, at: level, state)
      add(candidate.member.trial, to: bracket, index + 1, known)
      if known == nil { brackets[bracket].rungs[index + 1].ready.append(candidate.member.trial) }
    }
  }

  /// The loss that a trial has at a level already: from its curve, because it paused there or beyond with what it had
  /// reported last, or because it is over. Nil while it could reach it.
  private func loss(_ trial: TrialNumber, at level: Double, _ state: StudyState) -> Double? {
    let record = state.trials[trial]
    if let curve = state.curves[trial] {
      let point = curve.index(reaching: level)
      if point < curve.values.count {
        let loss = state.judged(curve.values[point] * state.spec.objectives[0].sign, of: trial)
        return loss.isFinite ? loss : .infinity
      }
    }
    let isBeyond = record.state == .paused && Fidelity.reaches(record.resource, level)
    if isBeyond || (record.state == .completed && !record.canGoOn(to: level)) {
      return record.hasValue ? state.judgedLoss(trial) : .infinity
    }
    return record.state == .stopped || record.state == .failed ? .infinity : nil
  }

  // MARK: Another maximum

  /// Makes the rungs anew after the levels have changed. Every bracket keeps its place in its sweep and its trials.
  private mutating func replan(_ state: StudyState) {
    guard let plan else { return }
    let old = brackets
    open = Array(brackets.indices)
    for (number, bracket) in old.enumerated() {
      let index = min(bracket.index, plan.levels.count - 1)
      brackets[number] = Bracket(index: index, rungs: plan.sizes(index).map { Rung(size: $0) })
      brackets[number].rungs[0].size = max(brackets[number].rungs[0].size, bracket.rungs[0].members.count)
      for (rung, before) in bracket.rungs.enumerated() where rung < brackets[number].rungs.count {
        let level = plan.level(index, rung)
        if rung == 0 || deepening == .efficient {
          keep(before.members, in: number, rung, level, state)
        } else if deepening == .preserving {
          // Who was not let go on again when the maximum was raised before still has its value.
          let present = Set(before.members.map(\.trial))
          let all = before.members + before.earlier.filter { !present.contains($0.trial) }
          brackets[number].rungs[rung].earlier = all.compactMap { member in
            guard let loss = loss(member.trial, at: level, state), loss.isFinite else { return nil }
            return Member(trial: member.trial, loss: loss, sequence: member.sequence)
          }
        }
      }
      judge(number, from: 0, state)
    }
  }

  /// Puts the earlier members of a rung into it again. One whose loss in the rung before is not known any more, because the
  /// level moved, waits there.
  private mutating func keep(
    _ members: [Member], in bracket: Int, _ rung: Int, _ level: Double, _ state: StudyState
  ) {
    var before: [TrialNumber: Int] = [:]
    if rung > 0 {
      for (position, member) in brackets[bracket].rungs[rung - 1].members.enumerated() where member.loss != nil {
        before[member.trial] = position
      }
    }
    for member in members {
      if rung > 0 {
        guard let position = before[member.trial] else { continue }
        brackets[bracket].rungs[rung - 1].members[position].isPromoted = true
      }
      let known = loss(member.trial, at: level, state)
      add(member.trial, to: bracket, rung, known)
      let record = state.trials[member.trial]
      let isOnItsWay =
        (record.state == .running || record.state == .waiting) && Fidelity.reaches(record.target, level)
      if known == nil, !isOnItsWay { brackets[bracket].rungs[rung].ready.append(member.trial) }
    }
  }

  // MARK: Deciding

  public func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    guard let plan = plan ?? plan(state) else { return .new(target: nil, Annotation()) }
    if let resumption = resumptionOfInterrupted(state, canResume) { return resumption }
    for bracket in open {
      if let resumption = resumption(bracket, plan, state, canResume) { return resumption }
      let rung = brackets[bracket].rungs[0]
      if rung.members.count < rung.size { return new(bracket, target: plan.level(brackets[bracket].index, 0)) }
    }
    return new(brackets.count, target: plan.level(nextBracket(plan).index, 0))
  }

  private func new(_ bracket: Int, target: Double) -> Assignment {
    var annotation = Annotation()
    annotation[.bracket] = bracket
    return .new(target: target, annotation)
  }

  /// One that belongs to no bracket: the others go on by what their brackets decide.
  private func resumptionOfInterrupted(_ state: StudyState, _ canResume: (TrialNumber) -> Bool) -> Assignment? {
    state.resumptionOfInterrupted(canResume) { $0 >= places.count || places[$0] == nil }
  }

  /// A trial of the bracket that was let go on and has not begun to.
  private func resumption(
    _ bracket: Int, _ plan: BracketPlan, _ state: StudyState, _ canResume: (TrialNumber) -> Bool
  ) -> Assignment? {
    for (index, rung) in brackets[bracket].rungs.enumerated().reversed() {
      let level = plan.level(brackets[bracket].index, index)
      guard let trial = rung.ready.first(where: { state.trials[$0].canGoOn(to: level) && canResume($0) })
      else { continue }
      var annotation = Annotation()
      annotation[.bracket] = bracket
      annotation[.rung] = index
      return .resume(trial, target: level, annotation)
    }
    return nil
  }

  public func assignmentWithoutNew(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    guard let plan else { return .wait }
    if let resumption = resumptionOfInterrupted(state, canResume) { return resumption }
    for bracket in open {
      if let resumption = resumption(bracket, plan, state, canResume) { return resumption }
      guard brackets[bracket].rungs[0].unknown == 0, !brackets[bracket].rungs[0].isJudged else { continue }
      var closed = self
      closed.close(bracket, state)
      if let resumption = closed.resumption(bracket, plan, state, canResume) { return resumption }
    }
    return .wait
  }

  public func assignmentWhenExhausted(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    state.furthestPaused(canResume)
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict { state.verdictAtTarget(trial) }
}

extension Hyperband {
  private static let takes = Set(CatalogueEntry.Ability.allCases).subtracting([.objectives])

  private static let shared = [
    MethodOption(
      name: "rounding", kind: .word(BracketPlan.Rounding.allCases.map(\.rawValue)), defaultValue: .text("paper"),
      meaning: "how sizes that are no whole numbers are rounded"),
    MethodOption(
      name: "deepening", kind: .word(Deepening.allCases.map(\.rawValue)), defaultValue: .text("efficient"),
      meaning: "what becomes of earlier decisions when the maximum is raised"),
  ]

  private static let etaOption = MethodOption(
    name: "eta", kind: .real(1.1...1000), defaultValue: .integer(3),
    meaning: "one trial in eta goes on at each level, to eta times the resource")

  /// What the catalogue says of Hyperband.
  public static let entry = CatalogueEntry(
    role: .scheduler, name: "hyperband", title: "Hyperband",
    summary: "Successive halving with many short trials, with few long ones, and everything between, in turn.",
    paper: .init(
      authors: "L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar",
      title: "Hyperband: a novel bandit-based approach to hyperparameter optimization", year: 2018,
      venue: "JMLR 18(185), arXiv 1603.06560"),
    takes: takes, needsFidelity: true, options: [etaOption] + shared, takesOutcomeConstraints: true)

  /// What the catalogue says of successive halving.
  public static let halvingEntry = CatalogueEntry(
    role: .scheduler, name: "successive-halving", title: "Successive halving",
    summary: "Gives each of a batch of trials a little, and eta times as much to the best 1/eta, until one has all.",
    paper: .init(
      authors: "K. Jamieson, A. Talwalkar",
      title: "Non-stochastic best arm identification and hyperparameter optimization", year: 2016,
      venue: "AISTATS, arXiv 1502.07943"),
    takes: takes, needsFidelity: true,
    options: [
      MethodOption(
        name: "first", kind: .integer(1...1_000_000), defaultValue: .integer(27),
        meaning: "the number of trials in a batch"), etaOption,
    ] + shared, takesOutcomeConstraints: true)
}
