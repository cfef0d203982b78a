import TrimtabStores
import TrimtabStudies

/// Why a trial was proposed, by the method that the study had then, from the log as far as it went then.
public enum ProposalExplanation {
  /// - Parameter trial: one of the log.
  /// - Returns: nil when no method proposed the trial: a person put it in the queue, or it is a copy of another.
  /// - Throws: what `LogReader.read` and `StudyState.absorb` throw, and what `makeMethod` throws.
  public static func explain(
    _ trial: TrialNumber, _ log: any StudyLog, makeMethod: (StudySpec) throws -> Method
  ) throws -> Explanation? {
    // The method that proposed it is the one of the specification at that moment.
    let before = Place<StudyState>()
    let spec = Place<StudySpec>()
    var reader = LogReader()
    try reader.read(log) { _, event in
      if case .trialProposed(trial, let kind, _, _) = event.body, kind != .resume { spec.value = before.value?.spec }
      try before.absorb(event)
    }
    guard let spec = spec.value else { return nil }
    let fold = Place<LogFold>()
    let found = Place<Explanation>()
    var isPast = false
    reader = LogReader()
    try reader.read(log) { _, event in
      guard !isPast else { return }
      guard var current = fold.value else {
        fold.value = try LogFold(first: event, spec: spec, makeMethod: makeMethod)
        return
      }
      if case .trialProposed(trial, let kind, let target, let annotation) = event.body, kind != .resume {
        if case .new(let configuration) = kind, annotation.origin != .user {
          var sampler = current.method.sampler
          found.value = sampler.explanation(of: configuration, trial: trial, target: target, state: current.state)
        }
        isPast = true
        return
      }
      fold.value = nil
      try current.absorb(event)
      fold.value = current
    }
    return found.value
  }

  /// What the study's method says of its model now; nil when it has none.
  /// - Throws: what `LogFold.init` throws.
  public static func modelReport(
    _ log: any StudyLog, makeMethod: (StudySpec) throws -> Method
  ) throws -> ModelReport? {
    let fold = try LogFold(log: log, makeMethod: makeMethod)
    var sampler = fold.method.sampler
    return sampler.modelReport(state: fold.state)
  }
}
