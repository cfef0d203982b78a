import TrimtabStudies

extension StudyState {
  /// What becomes of a running trial under a scheduler that lets it run to its target and decides there: it pauses once its
  /// objective is known at the target or beyond. With a metric that is reported only now and then, it runs on to the next
  /// report that has it, and at the maximum it is complete.
  func verdictAtTarget(_ trial: TrialNumber) -> Verdict {
    let record = trials[trial]
    guard let maximum = spec.fidelity?.maximum, !Fidelity.reaches(record.target, maximum),
      Fidelity.reaches(record.resource, record.target),
      Fidelity.reaches(curves[trial]?.resources.last ?? 0, record.target)
    else { return .proceed }
    return .pause
  }
}
