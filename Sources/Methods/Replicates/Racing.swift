import TrimtabSearchSpaces
import TrimtabStudies

/// Racing over folds or seeds: a new configuration is given as many of them as are needed to see that it is worse than the
/// incumbent, and the incumbent is given one more for every new configuration.
///
/// Source: Hutter, Hoos & Leyton-Brown, "Sequential model-based optimization for general algorithm configuration", LION 5,
/// 2011, procedure Intensify; the order of runs follows Lindauer et al., "SMAC3", JMLR 23(54), 2022. A challenger runs on
/// one replicate, then on twice as many each time, of those that the incumbent has. It is out as soon as its mean over those
/// is not lower than the incumbent's mean over the same ones. Once it has as many as the incumbent, it takes its place.
///
/// Every trial sees the replicates in the same order, so means are always over the same ones. A trial that reports something
/// that is no number, or fails, is out; when it was the incumbent, the trial with most replicates takes its place, of
/// several the one with the lowest mean, and one that was stopped only if there is no other.
public struct Racing: Scheduler {
  private enum Standing: Sendable {
    case challenger
    case incumbent
    case out
  }

  private var standings: ContiguousArray<Standing> = []
  private var incumbent: TrialNumber?
  /// Challengers that are not out.
  private var alive: [TrialNumber] = []
  /// New trials since the incumbent was given another replicate.
  private var begun = 0

  public init() {}

  // MARK: Absorbing

  public mutating func absorb(_ event: Event, state: StudyState) {
    while standings.count < state.trials.count {
      alive.append(standings.count)
      standings.append(.challenger)
      begun += 1
    }
    switch event.body {
    case .studyAmended: break
    case .trialProposed(let trial, .resume, _, _): if trial == incumbent { begun = 0 }
    case .reported(let trial, .some, _): judge(trial, state)
    case .trialFailed(let trial, _, _, _), .trialLost(let trial):
      if state.trials[trial].state == .failed { leave(trial, state) }
    case .trialStopped(let trial, _, _): if trial != incumbent { dismiss(trial) }
    default: break
    }
  }

  /// Compares a challenger with the incumbent on the replicates that both have.
  private mutating func judge(_ trial: TrialNumber, _ state: StudyState) {
    guard standings[trial] != .out, let own = state.curves[trial] else { return }
    guard own.values.last?.isFinite == true else { return leave(trial, state) }
    guard let incumbent else {
      begun = 0
      return crown(trial, state)
    }
    guard trial != incumbent, let best = state.curves[incumbent] else { return }
    let shared = min(own.values.count, best.values.count)
    let sign = state.spec.objectives[0].sign
    if !(own.values[shared - 1] * sign < best.values[shared - 1] * sign) {
      dismiss(trial)
    } else if own.values.count >= best.values.count {
      dismiss(incumbent)
      crown(trial, state)
    }
  }

  private mutating func dismiss(_ trial: TrialNumber) {
    standings[trial] = .out
    alive.removeAll { $0 == trial }
  }

  private mutating func crown(_ trial: TrialNumber, _ state: StudyState) {
    incumbent = trial
    standings[trial] = .incumbent
    alive.removeAll { $0 == trial }
    for other in alive { judge(other, state) }
  }

  /// A trial whose values are worth nothing.
  private mutating func leave(_ trial: TrialNumber, _ state: StudyState) {
    dismiss(trial)
    guard trial == incumbent else { return }
    incumbent = nil
    var best: (trial: TrialNumber, rank: (Int, Int, Double))?
    for other in state.trials.indices where other != trial && state.trials[other].state != .failed {
      guard let curve = state.curves[other], state.loss(other).isFinite else { continue }
      // One that was stopped can never see all replicates.
      let rank = (state.trials[other].state == .stopped ? 0 : 1, curve.values.count, -state.loss(other))
      if best.map({ rank > $0.rank }) ?? true { best = (other, rank) }
    }
    if let best { crown(best.trial, state) }
  }

  // MARK: Deciding

  public func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    guard let fidelity = state.spec.fidelity else { return .new(target: nil, Annotation()) }
    if let next = challenger(state, fidelity, canResume) { return next }
    if begun > 0, let next = furtherReplicate(state, fidelity, canResume) { return next }
    return .new(target: fidelity.minimum, Annotation())
  }

  public func assignmentWithoutNew(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    guard let fidelity = state.spec.fidelity else { return .wait }
    if let next = challenger(state, fidelity, canResume) { return next }
    // What still runs may take the incumbent's place.
    return state.running.isEmpty && state.queue.isEmpty ? furtherReplicate(state, fidelity, canResume) ?? .wait : .wait
  }

  /// The first challenger that is to see more of what the incumbent has seen.
  private func challenger(
    _ state: StudyState, _ fidelity: Fidelity, _ canResume: (TrialNumber) -> Bool
  ) -> Assignment? {
    guard let incumbent, let best = state.curves[incumbent]?.values.count else { return nil }
    for trial in alive where state.trials[trial].state == .paused && canResume(trial) {
      guard let count = state.curves[trial]?.values.count, count < best else { continue }
      return .resume(trial, target: min(fidelity.maximum, Double(min(2 * count, best))), Annotation())
    }
    return nil
  }

  /// One more replicate for the incumbent.
  private func furtherReplicate(
    _ state: StudyState, _ fidelity: Fidelity, _ canResume: (TrialNumber) -> Bool
  ) -> Assignment? {
    guard let incumbent, let count = state.curves[incumbent]?.values.count, Double(count) < fidelity.maximum else {
      return nil
    }
    let target = Double(count + 1)
    guard state.trials[incumbent].canGoOn(to: target), canResume(incumbent) else { return nil }
    return .resume(incumbent, target: target, Annotation())
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict {
    if trial < standings.count, standings[trial] == .out { return .stop }
    return state.verdictAtTarget(trial)
  }
}

extension Racing {
  /// What the catalogue says of it.
  public static let entry: CatalogueEntry = CatalogueEntry(
    role: .scheduler, name: "racing", title: "Racing over folds or seeds",
    summary: "Gives a configuration more folds or seeds only as long as it beats the best on those it has.",
    paper: .init(
      authors: "F. Hutter, H. H. Hoos, K. Leyton-Brown",
      title: "Sequential model-based optimization for general algorithm configuration", year: 2011, venue: "LION 5"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: true, options: [],
    inspect: WilcoxonStopping.replicateProblems(of: "racing"))
}
