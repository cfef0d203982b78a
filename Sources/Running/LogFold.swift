import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

/// A study's state and its method, both brought up to the same event of the log.
public struct LogFold {
  public private(set) var state: StudyState
  public private(set) var method: Method
  /// The study's method was changed after this one was built; the log must be folded anew with the new one.
  public private(set) var methodIsOutdated = false
  /// The method is the one that the log ends with, so the changes on the way to it are no news.
  private var hasFinalMethod = false

  /// - Parameter spec: names the method; nil means that of the first event. A later specification is given whole,
  ///   because its method need not suit the study as it was at first.
  init(first event: Event, spec: StudySpec?, makeMethod: (StudySpec) throws -> Method) throws {
    state = try StudyState(first: event)
    hasFinalMethod = spec != nil
    method = try makeMethod(spec ?? state.spec)
  }

  /// Folds a whole log. A method sees the log from its first event, whatever method made the proposals.
  /// - Throws: `StoreError`, `FrameError`, `EventError` or `Diagnostics` when the log cannot be read, and what
  ///   `makeMethod` throws.
  public init(log: any StudyLog, makeMethod: (StudySpec) throws -> Method) throws {
    var fold = try Self.read(log, spec: nil, makeMethod)
    if fold.methodIsOutdated { fold = try Self.read(log, spec: fold.state.spec, makeMethod) }
    self = fold
    hasFinalMethod = false
  }

  private static func read(
    _ log: any StudyLog, spec: StudySpec?, _ makeMethod: (StudySpec) throws -> Method
  ) throws -> LogFold {
    let place = Place<LogFold>()
    var reader = LogReader()
    try reader.read(log) { _, event in
      if place.value == nil {
        place.value = try LogFold(first: event, spec: spec, makeMethod: makeMethod)
      } else {
        try place.value?.absorb(event)
      }
    }
    guard let fold = place.value else { throw emptyLog }
    return fold
  }

  /// A study's state without its method, for those who only look.
  /// - Throws: `StoreError`, `FrameError`, `EventError` or `Diagnostics` when the log cannot be read.
  public static func state(of log: any StudyLog) throws -> StudyState {
    let place = Place<StudyState>()
    var reader = LogReader()
    try reader.read(log) { _, event in try place.absorb(event) }
    guard let state = place.value else { throw emptyLog }
    return state
  }

  static var emptyLog: StoreError { StoreError(.corrupt, "the study's log is empty") }

  /// Takes over the next event.
  /// - Throws: `EventError` or `Diagnostics` when it cannot follow.
  public mutating func absorb(_ event: Event) throws {
    if case .studyAmended = event.body {
      let before = state.spec.method
      try state.absorb(event)
      if state.spec.method != before, !hasFinalMethod { methodIsOutdated = true }
    } else {
      try state.absorb(event)
    }
    if !methodIsOutdated { method.absorb(event, state: state) }
  }

  /// Why the study should stop now; nil while its condition for stopping does not hold, or when it has none.
  mutating func stopReason() -> String? { method.stopReason(state: state) }

  /// - Parameter canResume: gets a paused trial's number and record.
  mutating func propose(
    mayStartNew: Bool, canResume: (TrialNumber, Trial) -> Bool
  ) throws(SpaceError) -> Proposal {
    // The closure must not look into this value while its method is being changed.
    let state = state
    return try method.propose(state: state, mayStartNew: mayStartNew) { canResume($0, state.trials[$0]) }
  }

  /// As ``propose(mayStartNew:canResume:)``, for a worker that is to begin no trial: nil where a new one comes next.
  mutating func proposeContinuation(canResume: (TrialNumber, Trial) -> Bool) -> Proposal? {
    let state = state
    return method.proposeContinuation(state: state) { canResume($0, state.trials[$0]) }
  }
}

/// Holds a large value where it is changed in place; a variable that a closure captures would be copied at each change.
final class Place<Value> {
  var value: Value?
}

extension Place<StudyState> {
  /// Absorbs a log's events, the first of which makes the state.
  func absorb(_ event: Event) throws {
    if value == nil { value = try StudyState(first: event) } else { try value?.absorb(event) }
  }
}
