import TrimtabStudies

extension StudyState {
  /// Sends to the maximum, of the paused trials that have got most of the resource, the best: what schedulers that only ever
  /// rank trials do with the rest of a budget once every configuration has been tried. O(n).
  /// - Returns: `.wait` when there is none that has a value.
  func furthestPaused(_ canResume: (TrialNumber) -> Bool) -> Assignment {
    guard let maximum = spec.fidelity?.maximum else { return .wait }
    var best: (trial: TrialNumber, resource: Double, loss: Double)?
    for trial in trials.indices where trials[trial].canGoOn(to: maximum) {
      let resource = trials[trial].resource
      let loss = judgedLoss(trial)
      guard loss.isFinite, canResume(trial) else { continue }
      if let best, (best.resource, -best.loss) >= (resource, -loss) { continue }
      best = (trial, resource, loss)
    }
    return best.map { .resume($0.trial, target: maximum, Annotation()) } ?? .wait
  }
}
