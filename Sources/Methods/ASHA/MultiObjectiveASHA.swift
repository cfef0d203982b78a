import TrimtabSearchSpaces
import TrimtabStudies

/// ASHA for several objectives: at each level those trials go on that come first when fronts are sorted out and spread.
///
/// Source: Schmucker, Donini, Zafar, Salinas & Archambeau, "Multi-objective asynchronous successive halving", 2021, arXiv
/// 2106.12639, with the order of `ParetoOrder`. *Promotion* and *stopping* are those of ``ASHA``. A trial stands at a level
/// with the newest values of all objectives at the time of its first report there or beyond; one that failed, or lacks a
/// finite value of an objective, comes after all others.
public struct MultiObjectiveASHA: Scheduler {
  private struct Rung: Sendable {
    var trials: [TrialNumber] = []
    var losses: [[Double]] = []
    /// The first ⌊m/eta⌋ of them.
    var best: [TrialNumber] = []
  }

  let isStopping: Bool
  let eta: Double
  /// The last is the maximum, where nobody is judged.
  private var levels: [Double] = []
  /// By the resource of their level.
  private var rungs: [Double: Rung] = [:]
  /// For each trial the first level that it has not reached.
  private var nextLevels: ContiguousArray<Int> = []
  private var isCut: Set<TrialNumber> = []

  /// - Parameter part: the scheduler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    eta = Self.entry.real("eta", in: part)
    isStopping = Self.entry.word("variant", in: part) == ASHA.Variant.stopping.rawValue
  }

  public mutating func absorb(_ event: Event, state: StudyState) {
    if levels.isEmpty, let fidelity = state.spec.fidelity { levels = ASHA.levels(fidelity, eta: eta) }
    while nextLevels.count < state.trials.count { nextLevels.append(0) }
    switch event.body {
    case .studyAmended:
      guard let fidelity = state.spec.fidelity else { return }
      let new = ASHA.levels(fidelity, eta: eta)
      if new != levels { adopt(new, state) }
    case .reported(let trial, .some(let resource), _):
      guard resource == state.trials[trial].resource, state.objectiveValues(trial) != nil else { return }
      enter(trial, upTo: resource, state)
    case .trialPaused(let trial, _, _), .trialStopped(let trial, _, _), .trialCompleted(let trial, _):
      enter(trial, upTo: state.trials[trial].resource, state)
    case .trialFailed(let trial, _, _, _), .trialLost(let trial):
      // Only at a level to which it was on its way.
      if state.trials[trial].state == .failed, nextLevels[trial] < levels.count - 1,
        Fidelity.reaches(state.trials[trial].target, levels[nextLevels[trial]])
      {
        enter(trial, upTo: levels[nextLevels[trial]], state)
      }
    default: break
    }
  }

  /// Puts a trial into the rungs of all levels up to a resource.
  private mutating func enter(_ trial: TrialNumber, upTo resource: Double, _ state: StudyState) {
    let isFailed = state.trials[trial].state == .failed
    let losses = zip(state.objectiveValues(trial) ?? [], state.spec.objectives).map { $0 * $1.sign }
    while nextLevels[trial] < levels.count - 1, Fidelity.reaches(resource, levels[nextLevels[trial]]) {
      var rung = rungs[levels[nextLevels[trial]]] ?? Rung()
      nextLevels[trial] += 1
      guard !rung.trials.contains(trial) else { continue }
      rung.trials.append(trial)
      rung.losses.append(losses.isEmpty || isFailed ? [.infinity] : losses)
      let kept = Int(Double(rung.trials.count) / eta + 1e-9)
      rung.best = ParetoOrder.best(max(1, kept), of: rung.losses).map { rung.trials[$0] }
      if isStopping, !rung.best.contains(trial) { isCut.insert(trial) }
      // While fewer than eta are there, nobody is promoted.
      if kept == 0, !isStopping { rung.best = [] }
      rungs[levels[nextLevels[trial] - 1]] = rung
    }
  }

  /// Goes over to other levels. What stood at one of them before stands there still; at a new one stand the trials whose
  /// newest values are from there or beyond.
  private mutating func adopt(_ new: [Double], _ state: StudyState) {
    levels = new
    for trial in state.trials.indices {
      let resource = state.trials[trial].resource
      nextLevels[trial] = levels.dropLast().firstIndex { !Fidelity.reaches(resource, $0) } ?? levels.count - 1
      if nextLevels[trial] > 0, rungs[levels[nextLevels[trial] - 1]]?.trials.contains(trial) != true {
        nextLevels[trial] -= 1
        enter(trial, upTo: resource, state)
      }
    }
  }

  public func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    guard let fidelity = state.spec.fidelity else { return .new(target: nil, Annotation()) }
    let levels = self.levels.isEmpty ? ASHA.levels(fidelity, eta: eta) : self.levels
    guard !isStopping else {
      return resumptionOfInterrupted(state, canResume) ?? .new(target: fidelity.maximum, Annotation())
    }
    for index in levels.indices.dropLast().reversed() {
      for trial in rungs[levels[index]]?.best ?? []
      where nextLevels[trial] == index + 1 && state.trials[trial].hasValue
        && state.trials[trial].canGoOn(to: levels[index + 1]) && canResume(trial)
      {
        var annotation = Annotation()
        annotation[.rung] = index + 1
        return .resume(trial, target: levels[index + 1], annotation)
      }
    }
    return .new(target: levels[0], Annotation())
  }

  private func resumptionOfInterrupted(_ state: StudyState, _ canResume: (TrialNumber) -> Bool) -> Assignment? {
    state.resumptionOfInterrupted(canResume) { !isCut.contains($0) }
  }

  public func assignmentWithoutNew(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    isStopping ? resumptionOfInterrupted(state, canResume) ?? .wait : .wait
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict {
    if isCut.contains(trial) { return .stop }
    return isStopping ? .proceed : state.verdictAtTarget(trial)
  }
}

extension MultiObjectiveASHA {
  /// What the catalogue says of it.
  public static let entry: CatalogueEntry = CatalogueEntry(
    role: .scheduler, name: "mo-asha", title: "Multi-objective asynchronous successive halving (MO-ASHA)",
    summary: "ASHA for several objectives: trials on the front go on, spread over it.",
    paper: .init(
      authors: "R. Schmucker, M. Donini, M. B. Zafar, D. Salinas, C. Archambeau",
      title: "Multi-objective asynchronous successive halving", year: 2021, venue: "arXiv 2106.12639"),
    takes: Set(CatalogueEntry.Ability.allCases), needsFidelity: true,
    options: [ASHA.etaOption, ASHA.variantOption])
}
