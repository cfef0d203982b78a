import TrimtabStudies

extension StudyState {
  /// Sends to the maximum a trial that paused below it only because the maximum was raised while it ran to the one before.
  /// - Parameter isWanted: whether a trial may go on by what the scheduler knows of it.
  /// - Returns: nil when there is none.
  func resumptionOfInterrupted(
    _ canResume: (TrialNumber) -> Bool, where isWanted: (TrialNumber) -> Bool = { _ in true }
  ) -> Assignment? {
    guard !interrupted.isEmpty, let maximum = spec.fidelity?.maximum,
      let trial = interrupted.first(where: {
        trials[$0].state == .paused && trials[$0].canGoOn(to: maximum) && isWanted($0) && canResume($0)
      })
    else { return nil }
    return .resume(trial, target: maximum, Annotation())
  }
}
