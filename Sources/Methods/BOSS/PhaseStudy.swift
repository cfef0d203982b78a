import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// A part of a study's trials as a study of its own, with its own sampler: what is learned from them is not mixed with others.
///
/// Trials have numbers of their own there, from 0.
struct PhaseStudy: Sendable {
  private(set) var state: StudyState
  private(set) var sampler: any Sampler
  /// For each trial of the study its number here, where it has one.
  private var numbers: [TrialNumber: TrialNumber] = [:]
  /// For each trial of the study what is subtracted from the values of its objective, where it is not 0.
  private var references: [TrialNumber: Double] = [:]
  private let seed: UInt64
  private let trials: Int?

  /// - Parameters:
  ///   - whole: the study; its trials are not taken over.
  ///   - seed: of the part.
  ///   - trials: the part's budget, where it is known.
  /// - Throws: what reading the specification throws.
  init(_ whole: StudyState, sampler: any Sampler, seed: UInt64, trials: Int?) throws {
    self.seed = seed
    self.trials = trials
    self.sampler = sampler
    let text = Self.specification(whole.spec, seed, trials)
    state = try StudyState(first: Event(time: whole.createdAt, .studyCreated(specification: text)))
    for study in whole.earlierStudies { try absorb(Event(time: whole.createdAt, .earlierStudy(study))) }
  }

  private static func specification(_ spec: StudySpec, _ seed: UInt64, _ trials: Int?) -> String {
    var own = spec
    own.seed = seed
    own.budget.trials = trials
    return own.json.text
  }

  private mutating func absorb(_ event: Event) throws {
    try state.absorb(event)
    sampler.absorb(event, state: state)
  }

  /// Takes over the study's new specification.
  mutating func amend(_ spec: StudySpec, at time: Timestamp) throws {
    try absorb(Event(time: time, .studyAmended(specification: Self.specification(spec, seed, trials))))
  }

  /// Takes over a new trial.
  /// - Parameter reference: is subtracted from the values of its objective.
  mutating func begin(
    _ trial: TrialNumber, _ configuration: Configuration, target: Double?, _ annotation: Annotation, at time: Timestamp,
    reference: Double = 0
  ) throws {
    let number = state.trials.count
    let entries = annotation.entries.filter {
      $0.field != Annotation.Field.student.rawValue && $0.field != Annotation.Field.teacher.rawValue
    }
    let kind = ProposalKind.new(configuration)
    try absorb(Event(time: time, .trialProposed(number, kind, target: target, Annotation(entries: entries))))
    numbers[trial] = number
    if reference != 0 { references[trial] = reference }
  }

  /// Takes over what becomes of one of its trials; nothing where the event is of another.
  mutating func follow(_ event: Event) throws {
    guard let trial = event.trial, let number = numbers[trial] else { return }
    let body: Event.Body
    switch event.body {
    case .trialProposed(_, _, let target, let annotation):
      body = .trialProposed(number, .resume, target: target, annotation)
    case .trialStarted(_, let worker): body = .trialStarted(number, worker: worker)
    case .reported(_, let resource, let metrics):
      body = .reported(number, resource: resource, relative(metrics, of: trial))
    case .trialPaused(_, let isFrozen, let seconds): body = .trialPaused(number, isFrozen: isFrozen, seconds: seconds)
    case .trialStopped(_, let reason, let seconds): body = .trialStopped(number, reason, seconds: seconds)
    case .trialCompleted(_, let seconds): body = .trialCompleted(number, seconds: seconds)
    case .trialFailed(_, let kind, let message, let seconds):
      body = .trialFailed(number, kind, message: message, seconds: seconds)
    case .trialLost: body = .trialLost(number)
    case .trialReleased(_, let seconds): body = .trialReleased(number, seconds: seconds)
    case .trialConfigured(_, let configuration): body = .trialConfigured(number, configuration)
    case .studyCreated, .studyAmended, .noted, .earlierStudy, .studyStopped: return
    }
    try absorb(Event(time: event.time, body))
  }

  private func relative(_ metrics: [MetricValue], of trial: TrialNumber) -> [MetricValue] {
    guard let reference = references[trial] else { return metrics }
    let objective = state.spec.objectives[0].metric
    return metrics.map { $0.name == objective ? MetricValue($0.name, $0.value - reference) : $0 }
  }

  /// Its next configuration.
  /// - Throws: `SpaceError` when no configuration satisfies the space's constraints.
  mutating func sample(target: Double?) throws(SpaceError) -> Sample {
    try sampler.sample(trial: state.trials.count, target: target, state: state)
  }
}
