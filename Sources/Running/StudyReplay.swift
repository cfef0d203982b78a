import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

/// What came of deriving a study anew from its log.
public struct StudyReplay: Sendable {
  /// Proposals whose configuration or trial the method was asked for again.
  public struct Proposals: Sendable, Equatable {
    public var count = 0
    public var agreed = 0
  }

  /// Events derived.
  public private(set) var eventCount = 0
  /// The state, folded from the events as they were read.
  public private(set) var state: StudyState
  /// The fields in which a second fold, of events that were written and read once more, differs.
  public private(set) var differences: [String] = []
  /// What in the state contradicts itself.
  public private(set) var violations: [String] = []
  /// Proposals made with the whole log before them in view: the method must make the same again.
  public private(set) var certain = Proposals()
  /// Proposals before which another process wrote: whether the asking one had seen it is not in the log.
  public private(set) var uncertain = Proposals()
  /// Each certain proposal on which the method does not agree, in words.
  public private(set) var disagreements: [String] = []

  public var isFaithful: Bool { differences.isEmpty && violations.isEmpty && disagreements.isEmpty }

  /// Derives a study from its log.
  /// - Parameters:
  ///   - end: the number of events to derive; nil means all.
  ///   - isVerified: whether to compare and to ask the method too.
  ///   - onEvent: gets each event and the state that has absorbed it.
  /// - Throws: what `LogReader.read` and `StudyState.absorb` throw; when verified, also what `makeMethod` throws.
  public init(
    _ log: any StudyLog, upTo end: Int? = nil, isVerified: Bool, makeMethod: (StudySpec) throws -> Method,
    onEvent: (_ sequence: Int, _ event: Event, _ state: StudyState) throws -> Void = { _, _, _ in }
  ) throws {
    let end = end ?? .max
    let folded = Place<StudyState>()
    /// Where each method begins to count.
    var methods: [(first: Int, spec: StudySpec)] = []
    var reader = LogReader()
    try reader.read(log) { sequence, event in
      guard sequence < end else { return }
      try folded.absorb(event)
      guard let state = folded.value else { return }
      if methods.last?.spec.method != state.spec.method { methods.append((sequence, state.spec)) }
      try onEvent(sequence, event, state)
    }
    guard let state = folded.value else { throw LogFold.emptyLog }
    self.state = state
    eventCount = state.eventCount
    guard isVerified else { return }
    violations = state.invariantViolations()
    differences = try Self.foldAgain(log, upTo: eventCount).differences(from: state)
    for (i, method) in methods.enumerated() {
      let last = i + 1 < methods.count ? methods[i + 1].first : eventCount
      try ask(method.spec, from: method.first, to: last, log, makeMethod)
    }
  }

  /// The state by another way: every event is written as bytes by itself, read back and absorbed.
  private static func foldAgain(_ log: any StudyLog, upTo end: Int) throws -> StudyState {
    let copy = Place<StudyState>()
    var codec = FrameCodec(objectives: [])
    var reader = LogReader()
    try reader.read(log) { sequence, event in
      guard sequence < end else { return }
      for event in try codec.decode(codec.encode([event])) { try copy.absorb(event) }
      if sequence == 0 { codec = FrameCodec(objectives: copy.value?.spec.objectives.map(\.metric) ?? []) }
    }
    guard let state = copy.value else { throw LogFold.emptyLog }
    return state
  }

  // MARK: Asking the method

  /// A proposal of the log and what the method says in its place, until the next event tells who asked.
  private struct Pending {
    var agrees: Bool
    var text: String
    var lastWriter: WorkerID?
    var isFirst: Bool
  }

  /// Asks a specification's method for each proposal of the log within a range of events.
  private mutating func ask(
    _ spec: StudySpec, from first: Int, to last: Int, _ log: any StudyLog,
    _ makeMethod: (StudySpec) throws -> Method
  ) throws {
    let fold = Place<LogFold>()
    var pending: Pending?
    // The worker that wrote the last event, when it was one.
    var lastWriter: WorkerID?
    var reader = LogReader()
    try reader.read(log) { sequence, event in
      guard sequence < last else { return }
      if fold.value == nil {
        fold.value = try LogFold(first: event, spec: spec, makeMethod: makeMethod)
        return
      }
      if let proposal = pending {
        pending = nil
        if case .trialStarted(_, let worker) = event.body {
          count(proposal, isCertain: proposal.isFirst || proposal.lastWriter == worker)
        } else {
          count(proposal, isCertain: false)
        }
      }
      // Looked at in place: a copy of the fold would make absorbing copy all of it.
      if sequence >= first, let text = fold.value.flatMap({ disagreement(sequence, event, $0, lastWriter) }) {
        pending = Pending(agrees: text.isEmpty, text: text, lastWriter: lastWriter, isFirst: sequence == 1)
      }
      lastWriter =
        fold.value.flatMap { Self.writer(of: event, $0.state) } ?? (Self.isProposal(event) ? lastWriter : nil)
      try fold.value?.absorb(event)
    }
  }

  private mutating func count(_ proposal: Pending, isCertain: Bool) {
    if isCertain {
      certain.count += 1
      if proposal.agrees { certain.agreed += 1 } else { disagreements.append(proposal.text) }
    } else {
      uncertain.count += 1
      if proposal.agrees { uncertain.agreed += 1 }
    }
  }

  private static func isProposal(_ event: Event) -> Bool {
    if case .trialProposed = event.body { true } else { false }
  }

  /// The worker that wrote an event, where the log tells.
  private static func writer(of event: Event, _ state: StudyState) -> WorkerID? {
    switch event.body {
    case .trialStarted(_, let worker): worker
    case .reported(let trial, _, _), .trialPaused(let trial, _, _), .trialCompleted(let trial, _),
      .trialFailed(let trial, _, _, _), .trialReleased(let trial, _), .trialConfigured(let trial, _):
      state.trials[trial].worker
    case .trialStopped(let trial, let reason, _): reason == .user ? nil : state.trials[trial].worker
    case .studyCreated, .studyAmended, .trialProposed, .trialLost, .noted, .earlierStudy, .studyStopped: nil
    }
  }

  /// What the method says against an event; empty when it proposes the same, nil when the event is no proposal of a
  /// method.
  private func disagreement(_ sequence: Int, _ event: Event, _ fold: LogFold, _ asker: WorkerID?) -> String? {
    guard case .trialProposed(let trial, let kind, let target, _) = event.body else { return nil }
    let state = fold.state
    let recorded: Proposal
    switch kind {
    case .new(let configuration): recorded = .new(configuration, target: target, Annotation())
    case .resume: recorded = .resume(trial, target: target ?? .nan, Annotation())
    case .enqueued, .clone: return nil
    }
    func propose(mayStartNew: Bool) throws(SpaceError) -> Proposal {
      // A proposal may fill caches of its method; the fold goes on with the one that has only seen the log.
      var method = fold.method
      return try method.propose(state: state, mayStartNew: mayStartNew) {
        !state.trials[$0].isFrozen || state.trials[$0].worker == asker
      }
    }
    var proposed: Proposal
    do {
      proposed = try propose(mayStartNew: true)
      // Once the budget has no more trials, others go on.
      if case (.resume, .new) = (recorded, proposed) { proposed = try propose(mayStartNew: false) }
    } catch {
      return "event \(sequence): the method cannot propose: \(error)"
    }
    switch (recorded, proposed) {
    case (.new(let a, let aTarget, _), .new(let b, let bTarget, _)) where a == b && aTarget == bTarget: return ""
    case (.resume(let a, let aTarget, _), .resume(let b, let bTarget, _)) where a == b && aTarget == bTarget: return ""
    default:
      let space = state.spec.space
      return
        "event \(sequence): the log has \(Self.text(recorded, space)), the method proposes \(Self.text(proposed, space))"
    }
  }

  private static func text(_ proposal: Proposal, _ space: Space) -> String {
    func reaching(_ target: Double?) -> String { target.map { " up to \(JSONValue.plainText($0))" } ?? "" }
    switch proposal {
    case .new(let configuration, let target, _): return "\(space.json(of: configuration).text)\(reaching(target))"
    case .resume(let trial, let target, _): return "to resume trial \(trial)\(reaching(target))"
    case .wait: return "to wait"
    case .exhausted(let reason): return "nothing (\(reason))"
    }
  }
}
