import TrimtabStudies

/// Every trial gets the full resource, and none is judged on the way.
///
/// The control against which schedulers that stop trials are to be measured; no paper.
public struct FullFidelity: Scheduler {
  public init() {}

  public mutating func absorb(_ event: Event, state: StudyState) {}

  public func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    state.resumptionOfInterrupted(canResume) ?? .new(target: state.spec.fidelity?.maximum, Annotation())
  }

  public func assignmentWithoutNew(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    state.resumptionOfInterrupted(canResume) ?? .wait
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict { .proceed }
}

extension FullFidelity {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .scheduler, name: "full", title: "Full fidelity",
    summary: "Runs every trial to the full resource.",
    paper: nil,
    takes: Set(CatalogueEntry.Ability.allCases), needsFidelity: false, options: [], takesOutcomeConstraints: true)
}
