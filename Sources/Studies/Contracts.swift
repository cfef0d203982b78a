import TrimtabSearchSpaces

/// Who gets the next unit of resource.
public enum Assignment: Sendable, Equatable {
  /// A new trial, run to `target` (nil without fidelity).
  case new(target: Double?, Annotation)
  /// A paused trial goes on to `target`.
  case resume(TrialNumber, target: Double, Annotation)
  /// Nothing until another event arrives.
  case wait
}

/// What becomes of a running trial after a report.
public enum Verdict: Sendable, Equatable {
  case proceed
  /// It has reached its target for now and frees its worker; it may go on later.
  case pause
  /// It will not pay.
  case stop
}

/// Decides how resources are spread over trials.
///
/// A scheduler is a state machine beside `StudyState`: it absorbs every event of the log in order, exactly once, and has
/// no state that the log cannot rebuild. `assignment` and `verdict` depend on nothing but the log so far; what an assignment
/// changes is what it remembers of its computations.
public protocol Scheduler: Sendable {
  /// Takes note of an event that `state` has already absorbed. Amortised O(log n).
  mutating func absorb(_ event: Event, state: StudyState)

  /// Who gets the next unit of resource.
  /// - Parameter canResume: whether the asking worker is able to continue a paused trial (a frozen process can only go on
  ///   where it is).
  mutating func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment

  /// Who goes on when no trial can be new, because the budget allows none or the sampler has no more: a scheduler that
  /// waits for more trials before any goes on does not wait for them then. Never a new one.
  mutating func assignmentWithoutNew(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment

  /// Who goes on when every configuration has been tried and ``assignmentWithoutNew(state:canResume:)`` has nobody: what the
  /// budget has left would be of no use otherwise. Never a new one.
  func assignmentWhenExhausted(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment

  /// What becomes of a running trial whose newest report the state has already absorbed.
  func verdict(on trial: TrialNumber, state: StudyState) -> Verdict
}

extension Scheduler {
  public func assignmentWithoutNew(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment { .wait }

  public func assignmentWhenExhausted(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment { .wait }
}

/// A configuration with its bookkeeping, or the reason why there is none.
public enum Sample: Sendable, Equatable {
  case configuration(Configuration, Annotation)
  /// Every configuration of the space has been tried.
  case exhausted(String)
  /// There are others, and the sampler is not to propose them.
  case finished(String)
}

/// Decides which configuration is tried next.
///
/// A sampler is a state machine like a scheduler. Its randomness comes from streams keyed by the study's seed, the
/// sampler's name and the number of the trial, so the same log always gives the same sample.
public protocol Sampler: Sendable {
  /// Takes note of an event that `state` has already absorbed. Amortised O(log n).
  mutating func absorb(_ event: Event, state: StudyState)

  /// The configuration of trial number `trial`, to be run to `target`.
  /// - Throws: `SpaceError` when no configuration satisfies the space's constraints.
  mutating func sample(trial: TrialNumber, target: Double?, state: StudyState) throws(SpaceError) -> Sample

  /// Why it proposes this configuration for the trial, to be run to `target`, given the log so far. Without a form of its
  /// own, a sampler names the most similar trials.
  mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation

  /// What its model is like; nil when it has none, or none yet.
  mutating func modelReport(state: StudyState) -> ModelReport?
}

/// What a method wants done next.
public enum Proposal: Sendable, Equatable {
  /// - origin: the annotation that goes with the proposal.
  case new(Configuration, target: Double?, Annotation)
  case resume(TrialNumber, target: Double, Annotation)
  case wait
  case exhausted(String)
}

/// Decides whether a study knows enough.
///
/// A rule is a state machine like a sampler: the same log gives the same answer in every process.
public protocol StoppingRule: Sendable {
  /// Takes note of an event that `state` has already absorbed. Amortised O(log n).
  mutating func absorb(_ event: Event, state: StudyState)

  /// Why no further trial should be begun; nil while the study should go on.
  mutating func reason(state: StudyState) -> String?
}

/// A scheduler and a sampler that work together, and a rule for when they have done enough.
public struct Method: Sendable {
  public var scheduler: any Scheduler
  public var sampler: any Sampler
  public var stopping: (any StoppingRule)?

  public init(scheduler: any Scheduler, sampler: any Sampler, stopping: (any StoppingRule)? = nil) {
    self.scheduler = scheduler
    self.sampler = sampler
    self.stopping = stopping
  }

  public mutating func absorb(_ event: Event, state: StudyState) {
    scheduler.absorb(event, state: state)
    sampler.absorb(event, state: state)
    stopping?.absorb(event, state: state)
  }

  /// Why no further trial should be begun; nil while the study should go on.
  public mutating func stopReason(state: StudyState) -> String? { stopping?.reason(state: state) }

  /// What to do with a free worker.
  /// - Parameter mayStartNew: whether the study may begin further trials; where it may not, schedulers stop waiting for them.
  /// - Throws: `SpaceError` when no configuration satisfies the space's constraints.
  public mutating func propose(
    state: StudyState, mayStartNew: Bool, canResume: (TrialNumber) -> Bool
  ) throws(SpaceError) -> Proposal {
    switch scheduler.assignment(state: state, canResume: canResume) {
    case .wait: return .wait
    case .resume(let trial, let target, let annotation): return .resume(trial, target: target, annotation)
    case .new(let target, let annotation):
      func withoutNew() -> Proposal? { resumption(scheduler.assignmentWithoutNew(state: state, canResume: canResume)) }
      guard mayStartNew else { return withoutNew() ?? .wait }
      switch try sampler.sample(trial: state.trials.count, target: target, state: state) {
      case .finished(let reason): return withoutNew() ?? .exhausted(reason)
      case .exhausted(let reason):
        return withoutNew()
          ?? resumption(scheduler.assignmentWhenExhausted(state: state, canResume: canResume)) ?? .exhausted(reason)
      case .configuration(let configuration, var own):
        for entry in annotation.entries where Annotation.Field(rawValue: entry.field).map({ own[$0] == nil }) ?? true {
          own = Annotation(entries: own.entries + [entry])
        }
        return .new(configuration, target: target, own)
      }
    }
  }

  /// What to do with a free worker that is to begin no trial, although the study may: nil where a new one comes next.
  ///
  /// Who goes on is what ``propose(state:mayStartNew:canResume:)`` says, so that the schedule is the same whoever asks.
  public mutating func proposeContinuation(state: StudyState, canResume: (TrialNumber) -> Bool) -> Proposal? {
    switch scheduler.assignment(state: state, canResume: canResume) {
    case .new: nil
    case .wait: .wait
    case .resume(let trial, let target, let annotation): .resume(trial, target: target, annotation)
    }
  }

  private func resumption(_ assignment: Assignment) -> Proposal? {
    guard case .resume(let trial, let target, let annotation) = assignment else { return nil }
    return .resume(trial, target: target, annotation)
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict {
    scheduler.verdict(on: trial, state: state)
  }
}
