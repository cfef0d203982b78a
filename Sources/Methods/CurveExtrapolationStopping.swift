import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// Stops a trial whose curve, extrapolated to the full resource, is unlikely to end below the best complete trial.
///
/// Source: Domhan, Springenberg & Hutter, "Speeding up automatic hyperparameter optimization of deep neural networks by
/// extrapolation of learning curves", IJCAI 2015; how curves are extrapolated is ``CurveExtrapolation``'s matter. A curve is
/// looked at whenever the resource has grown by a fifth, from a tenth of the maximum on. One whose
/// newest value is no finite number is stopped then.
public struct CurveExtrapolationStopping: Scheduler {
  /// The growth of the resource from one look to the next.
  static let growth = 1.2

  let probability: Double
  let warmup: Double
  private var best = Double.infinity
  /// Of each trial that has reported, when it last did, and whether a look was due at any of the reports of that time: what
  /// arrives together is recorded with one time, and there is one verdict on all of it.
  private var looks: [TrialNumber: (time: Timestamp, isDue: Bool)] = [:]

  /// - Parameter part: the scheduler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    probability = Self.entry.real("probability", in: part)
    warmup = Self.entry.real("warmup", in: part)
  }

  public mutating func absorb(_ event: Event, state: StudyState) {
    switch event.body {
    case .reported(let trial, let resource?, let metrics):
      let wasDue = looks[trial].map { $0.time == event.time && $0.isDue } ?? false
      let hasObjective = metrics.contains { $0.name == state.spec.objectives[0].metric }
      looks[trial] = (event.time, wasDue || (hasObjective && isDue(trial, at: resource, state)))
    case .trialCompleted(let trial, _):
      looks[trial] = nil
      if state.loss(trial).isFinite { best = min(best, state.loss(trial)) }
    case .trialStopped(let trial, _, _): looks[trial] = nil
    case .trialFailed(let trial, _, _, _): looks[trial] = nil
    case .studyAmended:
      // What was complete up to a lower maximum is nothing to beat at the new one.
      best = .infinity
      for trial in state.trials.indices where isComplete(trial, state) { best = min(best, state.loss(trial)) }
    default: break
    }
  }

  private func isComplete(_ trial: TrialNumber, _ state: StudyState) -> Bool {
    guard let maximum = state.spec.fidelity?.maximum, state.loss(trial).isFinite else { return false }
    return state.trials[trial].state == .completed && state.trials[trial].completedLevel >= maximum
  }

  public func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    state.resumptionOfInterrupted(canResume) ?? .new(target: state.spec.fidelity?.maximum, Annotation())
  }

  public func assignmentWithoutNew(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    state.resumptionOfInterrupted(canResume) ?? .wait
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict {
    guard best.isFinite, looks[trial]?.isDue == true, let fidelity = state.spec.fidelity,
      let curve = state.curves[trial], let last = curve.resources.last, !Fidelity.reaches(last, fidelity.maximum)
    else { return .proceed }
    let sign = state.spec.objectives[0].sign
    // A loss that has diverged does not come back.
    guard curve.values.last?.isFinite == true else { return .stop }
    let places = curve.values.indices.filter { curve.values[$0].isFinite }
    let extrapolation = CurveExtrapolation(
      resources: places.map { curve.resources[$0] }, values: places.map { curve.values[$0] * sign },
      horizon: fidelity.maximum)
    guard let extrapolation else { return .proceed }
    return extrapolation.probability(below: best) < probability ? .stop : .proceed
  }

  /// Whether a look is due at a report that is the newest of the trial's curve.
  private func isDue(_ trial: TrialNumber, at resource: Double, _ state: StudyState) -> Bool {
    guard let fidelity = state.spec.fidelity,
      Fidelity.reaches(resource, max(fidelity.minimum, warmup * fidelity.maximum)),
      let resources = state.curves[trial]?.resources, resources.count > 1, resource == resources[resources.count - 1]
    else { return false }
    func look(_ resource: Double) -> Double { (logarithm(resource) / logarithm(Self.growth)).rounded(.down) }
    return look(resource) > look(resources[resources.count - 2])
  }
}

extension CurveExtrapolationStopping {
  /// What the catalogue says of it.
  public static let entry: CatalogueEntry = CatalogueEntry(
    role: .scheduler, name: "extrapolation", title: "Stopping by extrapolated learning curves",
    summary: "Stops trials whose curve is unlikely to end below the best complete one.",
    paper: .init(
      authors: "T. Domhan, J. T. Springenberg, F. Hutter",
      title:
        "Speeding up automatic hyperparameter optimization of deep neural networks by extrapolation of learning curves",
      year: 2015, venue: "IJCAI"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: true,
    options: [
      MethodOption(
        name: "probability", kind: .real(0...1), defaultValue: .real(0.05),
        meaning: "a trial is stopped when it is less probable than this that it ends below the best"),
      MethodOption(
        name: "warmup", kind: .real(0...1), defaultValue: .real(0.1),
        meaning: "the fraction of the full resource before which no trial is stopped"),
    ],
    inspect: WilcoxonStopping.curveProblems(of: "extrapolation"))
}
