import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// Stops a trial whose curve, extrapolated to the full resource, is unlikely to end below the best complete trial.
///
/// Source: Domhan, Springenberg & Hutter, "Speeding up automatic hyperparameter optimization of deep neural networks by
/// extrapolation of learning curves", IJCAI 2015; how curves are extrapolated is ``CurveExtrapolation``'s matter. A curve is
/// looked at whenever the resource has grown by a fifth, from a tenth of the maximum on. One whose newest value is no finite number is stopped then.
public struct CurveExtrapolationStopping: Scheduler {
  /// The growth of the resource from one look to the next.
  static let growth = 1.2

  let probability: Double
  let warmup: Double
  private var best = Double.infinity

  /// - Parameter part: the scheduler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    probability = Self.entry.real("probability", in: part)
    warmup = Self.entry.real("warmup", in: part)
  }

  public mutating func absorb(_ event: Event, state: StudyState) {
    switch event.body {
    case .trialCompleted(let trial, _): if state.loss(trial).isFinite { best = min(best, state.loss(trial)) }
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
    .new(target: state.spec.fidelity?.maximum, Annotation())
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict {
    guard best.isFinite, let fidelity = state.spec.fidelity, let curve = state.curves[trial],
      let last = curve.resources.last, last < fidelity.maximum,
      last >= max(fidelity.minimum, warmup * fidelity.maximum), isDue(curve)
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

  private func isDue(_ curve: Curve) -> Bool {
    guard curve.resources.count > 1 else { return false }
    func look(_ resource: Double) -> Double { (logarithm(resource) / logarithm(Self.growth)).rounded(.down) }
    return look(curve.resources[curve.resources.count - 1]) > look(curve.resources[curve.resources.count - 2])
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
    ])
}
