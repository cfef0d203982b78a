import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// Asynchronous successive halving: of the trials that reach a level of the resource, the best fraction 1/eta goes on to
/// the next level, without waiting for the others.
///
/// Source: Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht & Talwalkar, "A system for massively parallel
/// hyperparameter tuning", MLSys 2020, arXiv 1810.05934. *Promotion* is its Algorithm 2: a trial pauses at each level and
/// goes on when it is among the best ⌊m/eta⌋ of the m trials seen there. *Stopping* runs every trial until it reports
/// outside the best ⌊m/eta⌋ at a level; while m < eta only a new best goes on, because with the paper's rule nothing
/// ever would. Decisions are final in both.
///
/// With several brackets a new trial's first level is drawn as in Syne Tune's asynchronous Hyperband: bracket s, with its
/// first decision at level r_s, with probability proportional to K / ((K − s) r_s), K being the number of levels. All
/// brackets share the rungs. With `choice: learned` the levels are weighed by how well they foretell the ranking at the
/// greatest that is known: Li, Shen, Jiang et al., "Hyper-Tune: towards efficient hyper-parameter tuning at scale", VLDB 2022,
/// arXiv 2201.06834.
///
/// With `direct` that share of the resource goes to new trials that run to the maximum at once, from when ``directMinimum`` trials
/// have reached it, so that a model of what the full resource gives has something to learn from: lower levels may not foretell
/// it. There is no paper for this; it stands between the brackets of Hyperband, whose last one does the same with 1/K of the
/// resource, and searching at the full resource.
///
/// With `opening: hyperband` a study begins as Hyperband does: at its levels, counted down from the maximum, and with its first
/// bracket's trials at the lowest, before any goes on. Successive halving then has many to choose from, where asynchronous
/// halving sends the first of three on.
///
/// A trial that reports beyond a level without having reported at it is judged there by that first report beyond. One
/// that fails on its way to a level counts there as infinitely bad. A raised maximum adds levels, to which
/// completed trials can go on too.
public struct ASHA: Scheduler {
  enum Variant: String, CaseIterable, Sendable {
    case promotion
    case stopping
  }

  /// How a study begins.
  enum Opening: String, CaseIterable, Sendable {
    /// Whoever is among the best so far goes on, from the first trials on.
    case none
    case hyperband
  }

  /// One trial's result at a level; smaller is better, and of equal losses the earlier report.
  private struct Entry: Comparable, Sendable {
    var loss: Double
    var sequence: Int
    var trial: TrialNumber

    static func < (a: Entry, b: Entry) -> Bool {
      a.loss != b.loss ? a.loss < b.loss : a.sequence < b.sequence
    }
  }

  private struct Rung: Sendable {
    var all = RankedList<Entry>()
    /// Those that have not gone on and still could.
    var open = RankedList<Entry>()
  }

  private struct Progress: Sendable {
    /// The rung at which it began; as many as there are rungs for one that runs to the maximum at once.
    var firstRung = 0
    /// The first rung that the trial has not reached.
    var nextRung = 0
    /// Its entry in the rung before that.
    var last: Entry?
    /// Whether that is among the open ones.
    var isOpen = false
    /// The stopping variant has judged that it will not pay.
    var isCut = false
    /// The resource that it has got, in whichever run it got most.
    var resource = 0.0
    /// What counts as its share of the resource for trials that run to the maximum at once.
    var direct = 0.0
  }

  let variant: Variant
  let eta: Double
  let brackets: Int
  let opening: Opening
  /// The most trials that begin before any goes on: where a resource has many levels the lowest is so small that what it takes to
  /// start a trial counts more.
  static let openingLimit = 81
  /// The share of the resource for trials that run to the maximum at once.
  let direct: Double
  /// So many trials have to have got the full resource before one of these begins.
  static let directMinimum = 6
  /// What such trials have got or are to get, and what others have got.
  private var directResource = 0.0
  private var otherResource = 0.0
  /// Trials that have got all of the resource.
  private var wholeCount = 0
  /// Resources at which trials are judged; the last is the maximum, where none is.
  private var levels: [Double] = []
  private var rungs: [Rung] = []
  private var progress: ContiguousArray<Progress> = []
  private var sequence = 0
  /// Limits promotions to the lower levels, in PASHA.
  private let isProgressive: Bool
  private var progressive: ProgressiveLevels?
  /// How many of the best go to the full resource once no trial can be new.
  let finish: Int
  /// What says how far the levels are to be trusted, where that is learned.
  private var levelModel: LevelModel?
  private var trust = LevelTrust()
  /// Whether the levels were taken from the study, at the first event.
  private var isPrepared = false

  static let purpose = stableHash("asha")

  /// - Parameter part: the scheduler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    isProgressive = part.name == Self.progressiveEntry.name
    let entry = isProgressive ? Self.progressiveEntry : Self.entry
    variant = isProgressive ? .promotion : Variant(rawValue: entry.word("variant", in: part)) ?? .promotion
    eta = entry.real("eta", in: part)
    brackets = isProgressive ? 1 : entry.integer("brackets", in: part)
    opening = isProgressive ? .none : Opening(rawValue: entry.word("opening", in: part)) ?? .none
    direct = isProgressive ? 0 : entry.real("direct", in: part)
    finish = entry.integer("finish", in: part)
    if brackets > 1, entry.word("choice", in: part) == "learned" { levelModel = LevelModel(.independent) }
  }

  private mutating func prepare(_ state: StudyState) {
    isPrepared = true
    levels = levels(in: state)
    rungs = Array(repeating: Rung(), count: max(0, levels.count - 1))
    if isProgressive { progressive = ProgressiveLevels(levels: levels) }
  }

  private func levels(in state: StudyState) -> [Double] {
    state.spec.fidelity.map { Self.levels($0, eta: eta, opening) } ?? []
  }

  /// The levels of the scheduler with these options.
  static func levels(_ fidelity: Fidelity, _ part: PartSpec) -> [Double] {
    let scheduler = ASHA(part)
    return levels(fidelity, eta: scheduler.eta, scheduler.opening)
  }

  private static func levels(_ fidelity: Fidelity, eta: Double, _ opening: Opening) -> [Double] {
    switch opening {
    case .none: levels(fidelity, eta: eta)
    case .hyperband: BracketPlan.levels(fidelity, eta: eta)
    }
  }

  /// minimum · eta^k up to the maximum, rounded and each once for an integer resource; the last is the maximum.
  static func levels(_ fidelity: Fidelity, eta: Double) -> [Double] {
    var levels: [Double] = []
    var level = fidelity.minimum
    // By multiplication: a quotient of logarithms loses the last level of 3^5.
    while level < fidelity.maximum * (1 - 1e-9) {
      let rounded = fidelity.isInteger ? level.rounded() : level
      if rounded > levels.last ?? 0, rounded < fidelity.maximum { levels.append(rounded) }
      level *= eta
    }
    return levels + [fidelity.maximum]
  }

  // MARK: Absorbing

  public mutating func absorb(_ event: Event, state: StudyState) {
    if !isPrepared { prepare(state) }
    levelModel?.absorb(event, state: state)
    while progress.count < state.trials.count {
      let first = firstRung(state.trials[progress.count])
      progress.append(Progress(firstRung: first, nextRung: first))
      if isDirect(progress.count - 1) { charge(progress.count - 1, levels.last ?? 0) }
    }
    switch event.body {
    case .studyAmended:
      if levels(in: state) != levels { rebuild(state) }
    case .trialProposed(let trial, .resume, _, _): close(trial)
    case .reported(let trial, .some(let resource), let metrics):
      count(trial, resource, state)
      // A report below the greatest resource comes from a run that started again: its rungs are behind it.
      guard resource == state.trials[trial].resource,
        metrics.contains(where: { $0.name == state.spec.objectives[0].metric })
      else { return }
      if enter(trial, upTo: resource, state) { open(trial) }
      progressive?.absorb(trial, at: resource, levels: levels, state: state)
    case .trialPaused(let trial, _, _):
      // One that ended by itself where its objective is not reported is judged by what it reported last. One that other levels
      // had sent on has come to none of these.
      let record = state.trials[trial]
      let hasEntered = enter(trial, upTo: record.resource, state)
      if hasEntered || record.hasReachedTarget { open(trial) }
    case .trialFailed(let trial, _, _, _), .trialLost(let trial):
      guard state.trials[trial].state == .failed else { return }
      close(trial)
      enterFailure(trial, state)
      settle(trial)
    case .trialStopped(let trial, _, _), .trialCompleted(let trial, _):
      close(trial)
      settle(trial)
    default: break
    }
  }

  private func isDirect(_ trial: TrialNumber) -> Bool { !rungs.isEmpty && progress[trial].firstRung >= rungs.count }

  private mutating func charge(_ trial: TrialNumber, _ resource: Double) {
    directResource += resource - progress[trial].direct
    progress[trial].direct = resource
  }

  /// One that is over is charged what it got, not what it was to get.
  private mutating func settle(_ trial: TrialNumber) {
    if progress[trial].resource < progress[trial].direct { charge(trial, progress[trial].resource) }
  }

  /// Takes account of the resource that a trial has got.
  private mutating func count(_ trial: TrialNumber, _ resource: Double, _ state: StudyState) {
    let gain = resource - progress[trial].resource
    guard gain > 0, let maximum = levels.last else { return }
    if !isDirect(trial) { otherResource += gain }
    if Fidelity.reaches(resource, maximum), !Fidelity.reaches(progress[trial].resource, maximum) { wholeCount += 1 }
    progress[trial].resource = resource
  }

  /// The rung at which a trial begins that is just proposed. What other schedulers number need not be the level at which a trial
  /// begins, as brackets are here.
  private func firstRung(_ trial: Trial) -> Int {
    let bracket = min(max(0, Int(trial.bracket)), rungs.count)
    guard variant == .promotion, bracket > 0, trial.target.isFinite, !Fidelity.isSame(trial.target, levels[bracket])
    else { return bracket }
    return levels.firstIndex { Fidelity.reaches($0, trial.target) } ?? rungs.count
  }

  /// Puts a trial into the rungs that it has come to.
  /// - Returns: whether there are any.
  private mutating func enter(_ trial: TrialNumber, upTo resource: Double, _ state: StudyState) -> Bool {
    let before = progress[trial].nextRung
    while progress[trial].nextRung < rungs.count, Fidelity.reaches(resource, levels[progress[trial].nextRung]) {
      enter(trial, loss: state.judgedLoss(trial))
    }
    return progress[trial].nextRung > before
  }

  /// Puts a trial that has failed into the rung to which it was on its way, unless it had failed before it set out.
  private mutating func enterFailure(_ trial: TrialNumber, _ state: StudyState) {
    let next = progress[trial].nextRung
    guard next < rungs.count, Fidelity.reaches(state.trials[trial].target, levels[next]),
      progress[trial].last?.loss != .infinity
    else { return }
    enter(trial, loss: .infinity)
  }

  /// Puts a trial into its next rung. It can go on only from the last one, once that is open to it.
  private mutating func enter(_ trial: TrialNumber, loss: Double) {
    close(trial)
    let index = progress[trial].nextRung
    let entry = Entry(loss: loss.isFinite ? loss : .infinity, sequence: sequence, trial: trial)
    sequence += 1
    rungs[index].all.insert(entry)
    progress[trial].nextRung += 1
    progress[trial].last = entry
    let kept = max(1, share(rungs[index].all.count))
    if variant == .stopping, !loss.isFinite || rungs[index].all.rank(of: entry) >= kept {
      progress[trial].isCut = true
    }
  }

  /// Makes a trial a candidate for going on from the rung that it entered last, if it is none.
  private mutating func open(_ trial: TrialNumber) {
    guard variant == .promotion, !progress[trial].isOpen, let last = progress[trial].last, last.loss.isFinite else {
      return
    }
    progress[trial].isOpen = true
    rungs[progress[trial].nextRung - 1].open.insert(last)
  }

  private mutating func close(_ trial: TrialNumber) {
    guard progress[trial].isOpen, let last = progress[trial].last else { return }
    rungs[progress[trial].nextRung - 1].open.remove(last)
    progress[trial].isOpen = false
  }

  /// ⌊m/eta⌋.
  private func share(_ count: Int) -> Int { Int(Double(count) / eta + 1e-9) }

  /// Makes the rungs anew from the curves, after the levels have changed.
  private mutating func rebuild(_ state: StudyState) {
    prepare(state)
    let sign = state.spec.objectives[0].sign
    for trial in state.trials.indices {
      let record = state.trials[trial]
      var anew = progress[trial]
      anew.firstRung = min(anew.firstRung, rungs.count)
      (anew.nextRung, anew.last, anew.isOpen) = (anew.firstRung, nil, false)
      let wasCut = anew.isCut
      progress[trial] = anew
      let curve = state.curves[trial] ?? Curve()
      while progress[trial].nextRung < rungs.count {
        let point = curve.index(reaching: levels[progress[trial].nextRung])
        guard point < curve.values.count else { break }
        enter(trial, loss: state.judged(curve.values[point] * sign, of: trial))
      }
      let hasReachedTarget = !record.state.isFinal && record.hasReachedTarget
      if record.canGoOn(to: levels[progress[trial].nextRung]) || hasReachedTarget { open(trial) }
      if record.state == .failed {
        close(trial)
        enterFailure(trial, state)
      }
      progress[trial].isCut = wasCut
    }
    wholeCount = progress.count { Fidelity.reaches($0.resource, levels.last ?? .infinity) }
    progressive?.settle(levels: levels, state: state)
  }

  // MARK: Deciding

  public mutating func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    let levels = isPrepared ? self.levels : levels(in: state)
    guard let maximum = levels.last else { return .new(target: nil, Annotation()) }
    guard variant == .promotion else {
      return resumptionOfInterrupted(state, canResume)
        ?? .new(target: maximum, annotation(bracket: bracket(state, levels)))
    }
    if state.trials.count < openingCount(levels, state) {
      return .new(target: levels[0], annotation(bracket: 0))
    }
    if let promotion = promotion(state, canResume) { return promotion }
    let bracket = bracket(state, levels)
    return .new(target: levels[bracket], annotation(bracket: bracket))
  }

  /// So many trials begin at the lowest level before any goes on: as many as Hyperband's first bracket has, which get as much of
  /// the resource as one complete trial, though at most ``openingLimit``, and a part of the budget that leaves something to
  /// those that are to follow.
  private func openingCount(_ levels: [Double], _ state: StudyState) -> Int {
    guard opening == .hyperband, levels.count > 1 else { return 0 }
    let limit = min(state.spec.budget.trials.map { Double($0) / eta } ?? .infinity, Double(Self.openingLimit))
    var count = 1.0
    for _ in 1..<levels.count where count < limit { count *= eta }
    return Int(min(count, limit) + 1e-9)
  }

  /// The best that may go on, from the highest level on which there is one.
  private func promotion(_ state: StudyState, _ canResume: (TrialNumber) -> Bool) -> Assignment? {
    for index in rungs.indices.reversed() where index + 1 < progressive?.usable ?? levels.count {
      let best = share(rungs[index].all.count)
      guard best > 0 else { continue }
      let last = rungs[index].all[best - 1]
      let found = rungs[index].open.first(upTo: last) {
        state.trials[$0.trial].canGoOn(to: levels[index + 1]) && canResume($0.trial)
      }
      guard let found else { continue }
      var annotation = annotation(bracket: Int(state.trials[found.trial].bracket))
      annotation[.rung] = index + 1
      return .resume(found.trial, target: levels[index + 1], annotation)
    }
    return nil
  }

  private func resumptionOfInterrupted(_ state: StudyState, _ canResume: (TrialNumber) -> Bool) -> Assignment? {
    state.resumptionOfInterrupted(canResume) { $0 >= progress.count || !progress[$0].isCut }
  }

  public func assignmentWithoutNew(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    if variant == .stopping { return resumptionOfInterrupted(state, canResume) ?? .wait }
    // The opening may have held them back.
    if opening == .hyperband, let promotion = promotion(state, canResume) { return promotion }
    // What still runs may be better.
    guard let maximum = levels.last, state.running.isEmpty, state.queue.isEmpty else {
      return .wait
    }
    for trial in leaders(finish, state) where !Fidelity.reaches(state.trials[trial].target, maximum) {
      guard state.trials[trial].canGoOn(to: maximum), canResume(trial) else { continue }
      var annotation = annotation(bracket: Int(state.trials[trial].bracket))
      annotation[.rung] = levels.count - 1
      return .resume(trial, target: maximum, annotation)
    }
    return .wait
  }

  /// The best trials of those that can have the whole resource, the very best first: at the highest level at which there are
  /// enough that one may go on, then at those below it. At levels above that somebody is by chance.
  private func leaders(_ count: Int, _ state: StudyState) -> [TrialNumber] {
    guard count > 0, let maximum = levels.last else { return [] }
    let top = rungs.lastIndex { share($0.all.count) > 0 } ?? 0
    var found: [TrialNumber] = []
    for rung in rungs.prefix(top + 1).reversed() {
      for rank in 0..<rung.all.count where found.count < count {
        let entry = rung.all[rank]
        let record = state.trials[entry.trial]
        guard entry.loss.isFinite, !found.contains(entry.trial) else { continue }
        let hasAll = Fidelity.reaches(record.target, maximum) && record.state != .failed && record.state != .stopped
        if hasAll || record.canGoOn(to: maximum) { found.append(entry.trial) }
      }
    }
    return found
  }

  public func assignmentWhenExhausted(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    variant == .promotion ? state.furthestPaused(canResume) : .wait
  }

  private func annotation(bracket: Int) -> Annotation {
    var annotation = Annotation()
    if brackets > 1 || bracket > 0 { annotation[.bracket] = bracket }
    return annotation
  }

  /// The bracket of the next new trial.
  private mutating func bracket(_ state: StudyState, _ levels: [Double]) -> Int {
    if direct > 0, wholeCount >= Self.directMinimum, directResource < direct * (directResource + otherResource) {
      return levels.count - 1
    }
    let count = min(brackets, levels.count)
    guard count > 1 else { return 0 }
    var stream = RandomStream(
      seed: state.spec.seed ?? 0, purpose: Self.purpose, index: UInt64(state.trials.count))
    var weights = Array(Self.bracketWeights(levels).prefix(count))
    if var model = levelModel.take() {
      if let (shares, top) = trust.shares(&model, seed: state.spec.seed ?? 0) {
        weights = LevelTrust.weights(shares, top: top, levels: levels, usual: weights)
      }
      levelModel = model
    }
    var rest = stream.uniform() * weights.reduce(0, +)
    for (bracket, weight) in weights.enumerated() {
      rest -= weight
      if rest < 0 { return bracket }
    }
    return count - 1
  }

  /// How often each bracket is drawn, up to a factor.
  static func bracketWeights(_ levels: [Double]) -> [Double] {
    let count = Double(levels.count)
    return levels.enumerated().map { bracket, level in count / ((count - Double(bracket)) * level) }
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict {
    switch variant {
    case .stopping: return trial < progress.count && progress[trial].isCut ? .stop : .proceed
    case .promotion: return state.verdictAtTarget(trial)
    }
  }
}

extension ASHA {
  private static func finishOption(_ count: Int) -> MethodOption {
    MethodOption(
      name: "finish", kind: .integer(0...1_000_000), defaultValue: .integer(count),
      meaning: "how many of the best are to reach the full resource once no trial can be new")
  }

  static let variantOption = MethodOption(
    name: "variant", kind: .word(Variant.allCases.map(\.rawValue)), defaultValue: .text("promotion"),
    meaning: "promotion pauses trials at each level; stopping needs no checkpoints and ends the others for good")

  static let etaOption = MethodOption(
    name: "eta", kind: .real(1.1...1000), defaultValue: .integer(3),
    meaning: "one trial in eta goes on at each level, to eta times the resource")

  /// What the catalogue says of ASHA with levels that are opened one by one.
  public static let progressiveEntry = CatalogueEntry(
    role: .scheduler, name: "pasha", title: "Progressive asynchronous successive halving (PASHA)",
    summary: "ASHA that uses more of the resource only while that still changes the ranking.",
    paper: .init(
      authors: "O. Bohdal, L. Balles, M. Wistuba, B. Ermis, C. Archambeau, G. Zappella",
      title: "PASHA: efficient HPO and NAS with progressive resource allocation", year: 2023,
      venue: "ICLR, arXiv 2207.06940"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: true,
    options: [etaOption, finishOption(1)], takesOutcomeConstraints: true)

  /// What the catalogue says of it.
  public static let entry: CatalogueEntry = CatalogueEntry(
    role: .scheduler, name: "asha", title: "Asynchronous successive halving (ASHA)",
    summary: "Gives every trial a little of the resource, and more to the best third at each level.",
    paper: .init(
      authors: "L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, J. Ben-tzur, M. Hardt, B. Recht, A. Talwalkar",
      title: "A system for massively parallel hyperparameter tuning", year: 2020, venue: "MLSys, arXiv 1810.05934"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: true,
    options: [
      etaOption, variantOption,
      MethodOption(
        name: "brackets", kind: .integer(1...32), defaultValue: .integer(1),
        meaning: "the number of different first levels among new trials"),
      MethodOption(
        name: "choice", kind: .word(["capacity", "learned"]), defaultValue: .text("capacity"),
        meaning:
          "how the first level of a new trial is drawn: in proportion to what its rungs can hold (capacity), or by how well "
          + "losses at the level foretell the ranking (learned)"),
      MethodOption(
        name: "opening", kind: .word(Opening.allCases.map(\.rawValue)), defaultValue: .text("none"),
        meaning:
          "hyperband: levels are counted down from the maximum, and as many trials as the first bracket of Hyperband has begin at "
          + "the lowest before any goes on, though at most \(openingLimit) and one in eta of the budget; none: a trial goes on as "
          + "soon as it is among the best so far"),
      MethodOption(
        name: "direct", kind: .real(0...0.9), defaultValue: .real(0),
        meaning:
          "the share of the resource for new trials that run to the maximum at once, from when \(directMinimum) trials have "
          + "reached it"), finishOption(0),
    ], takesOutcomeConstraints: true,
    inspect: { spec in
      guard let fidelity = spec.fidelity else { return [] }
      let brackets = entry.integer("brackets", in: spec.method.scheduler)
      let levels = ASHA.levels(fidelity, spec.method.scheduler)
      let opening = ASHA.Opening(rawValue: entry.word("opening", in: spec.method.scheduler))
      if opening == .hyperband, entry.word("variant", in: spec.method.scheduler) == Variant.stopping.rawValue {
        return [
          MethodProblem(
            ["method", "scheduler", "opening"], "where trials are only stopped none waits at the lowest level",
            hint: "leave opening out, or use variant: promotion")
        ]
      }
      if brackets == 1, entry.word("choice", in: spec.method.scheduler) == "learned" {
        return [
          MethodProblem(
            ["method", "scheduler", "choice"], "there is one bracket, so that none can be chosen",
            hint: "set brackets to 2 or more, at most \(levels.count)")
        ]
      }
      guard brackets > levels.count else { return [] }
      return [
        MethodProblem(
          ["method", "scheduler", "brackets"],
          "\(brackets) brackets need as many levels, and there are \(levels.count): "
            + levels.map { JSONValue.plainText($0) }.joined(separator: ", "),
          hint: "lower brackets or eta, or raise the maximum of \(fidelity.name)")
      ]
    })
}
