import TrimtabSearchSpaces

/// The number of a trial within its study, from 0 in the order of proposal.
public typealias TrialNumber = Int

/// Milliseconds since 1970-01-01 UTC, as the clock of the process that wrote the event showed them.
public typealias Timestamp = Int64

/// A process that runs trials; a random number that is never used again.
public typealias WorkerID = UInt64

/// A metric's name and value. NaN and infinities are values like others.
public struct MetricValue: Sendable, Equatable {
  public var name: String
  public var value: Double

  public init(_ name: String, _ value: Double) {
    self.name = name
    self.value = value
  }
}

/// A method's bookkeeping on its proposals, such as the bracket or the position in a design.
public struct Annotation: Sendable, Equatable {
  public enum Field: UInt8, Sendable, CaseIterable {
    /// Where the configuration came from: an `Origin`.
    case origin = 0
    case bracket = 1
    case rung = 2
    case generation = 3
    case parent = 4
    /// Index in a space-filling design or an enumeration.
    case position = 5
    /// 1 where a part of the model could not be computed, and a simpler one stood in.
    case weakened = 6
    /// The trial from whose checkpoint the model that is trained begins.
    case student = 7
    /// The trial from whose checkpoint the model comes that teaches it.
    case teacher = 8
  }

  /// Where a configuration came from.
  public enum Origin: Int, Sendable, CaseIterable {
    /// A person put it in the queue.
    case user = 0
    /// The space's default values.
    case defaults = 1
    /// A random or space-filling design, by intent.
    case design = 2
    /// The method's model.
    case model = 3
    /// The model could not be used, and the configuration was drawn at random instead.
    case fallback = 4
    /// One of the best of an earlier study.
    case earlier = 5
    /// The method tries a configuration again, to learn of its noise.
    case repetition = 6

    public var name: String {
      switch self {
      case .user: "user"
      case .defaults: "defaults"
      case .design: "design"
      case .model: "model"
      case .fallback: "fallback"
      case .earlier: "earlier"
      case .repetition: "repetition"
      }
    }
  }

  /// Pairs of a field's number and its value, in the order set; fields of later versions are kept.
  public private(set) var entries: [Entry] = []

  public struct Entry: Sendable, Equatable {
    public var field: UInt8
    public var value: Int

    public init(field: UInt8, value: Int) {
      self.field = field
      self.value = value
    }
  }

  public init() {}

  public init(entries: [Entry]) { self.entries = entries }

  public init(origin: Origin) { self[.origin] = origin.rawValue }

  /// - Parameter isWeakened: whether a part of the model could not be computed, and a simpler one stood in.
  public init(origin: Origin, isWeakened: Bool) {
    self.init(origin: origin)
    if isWeakened { self[.weakened] = 1 }
  }

  public subscript(field: Field) -> Int? {
    get { entries.first { $0.field == field.rawValue }?.value }
    set {
      entries.removeAll { $0.field == field.rawValue }
      if let newValue { entries.append(Entry(field: field.rawValue, value: newValue)) }
    }
  }

  public var origin: Origin? { self[.origin].flatMap(Origin.init) }
}

/// Why a trial failed. The outcomes differ in what a method may learn from them.
public enum FailureKind: UInt8, Sendable, CaseIterable {
  /// The program ended with an error or a signal.
  case crash = 0
  /// The objective was NaN or infinite, or was never reported.
  case invalidValue = 1
  case timeout = 2
  case outOfMemory = 3
  /// The program said that the configuration is not acceptable.
  case rejected = 4
  /// It was lost more often than the study allows.
  case lost = 5

  public var name: String {
    switch self {
    case .crash: "crash"
    case .invalidValue: "invalid value"
    case .timeout: "time-out"
    case .outOfMemory: "out of memory"
    case .rejected: "rejected"
    case .lost: "lost"
    }
  }

  /// Whether trying the same configuration again may help.
  public var isRetryable: Bool {
    switch self {
    case .crash, .timeout, .outOfMemory: true
    case .invalidValue, .rejected, .lost: false
    }
  }
}

/// Why a trial was stopped before its full resource.
public enum StopReason: UInt8, Sendable, CaseIterable {
  /// The method judged that it will not pay.
  case method = 0
  /// A person asked for it.
  case user = 1
  /// The study's budget is spent.
  case budget = 2

  public var name: String {
    switch self {
    case .method: "early stopping"
    case .user: "by hand"
    case .budget: "budget"
    }
  }
}

/// What a proposal asks for.
public enum ProposalKind: Sendable, Equatable {
  /// A new trial.
  case new(Configuration)
  /// A paused trial goes on.
  case resume
  /// A new trial that starts from another's checkpoint.
  case clone(of: TrialNumber, Configuration)
  /// A new trial that waits until a worker is free, because a person or the defaults asked for it.
  case enqueued(Configuration)
}

/// One fact of a study. The log of events is the study; everything else is derived from it.
public struct Event: Sendable, Equatable {
  public enum Body: Sendable, Equatable {
    /// The study's specification as canonical text.
    case studyCreated(specification: String)
    /// The whole specification after the amendment.
    case studyAmended(specification: String)
    /// - target: the resource to reach, absolute; nil without fidelity.
    case trialProposed(TrialNumber, ProposalKind, target: Double?, Annotation)
    case trialStarted(TrialNumber, worker: WorkerID)
    /// - resource: absolute; nil without fidelity.
    case reported(TrialNumber, resource: Double?, [MetricValue])
    /// - seconds: how long this run took.
    case trialPaused(TrialNumber, isFrozen: Bool, seconds: Double)
    case trialStopped(TrialNumber, StopReason, seconds: Double)
    case trialCompleted(TrialNumber, seconds: Double)
    case trialFailed(TrialNumber, FailureKind, message: String, seconds: Double)
    case trialLost(TrialNumber)
    /// The worker gave the trial back unfinished, for example because its person pressed Ctrl-C; it will go on later.
    case trialReleased(TrialNumber, seconds: Double)
    /// What a running trial of a growing space turned out to use, where that is not what was proposed.
    case trialConfigured(TrialNumber, Configuration)
    /// A note that a person or program keeps with a trial, or (nil) with the study; it replaces an earlier one of its key.
    /// - value: a JSON document; empty removes the note.
    case noted(TrialNumber?, key: String, value: String)
    /// What the study knows of another one, from its beginning on.
    case earlierStudy(EarlierStudy)
    /// No further trial is begun, because the condition holds under which the study was to stop. An amendment lets it go on.
    case studyStopped(reason: String)
  }

  public var time: Timestamp
  public var body: Body

  public init(time: Timestamp, _ body: Body) {
    self.time = time
    self.body = body
  }

  /// The trial concerned, if the event is about one.
  public var trial: TrialNumber? {
    switch body {
    case .studyCreated, .studyAmended, .earlierStudy, .studyStopped: nil
    case .noted(let trial, _, _): trial
    case .trialProposed(let trial, _, _, _), .trialStarted(let trial, _), .reported(let trial, _, _),
      .trialPaused(let trial, _, _), .trialStopped(let trial, _, _), .trialCompleted(let trial, _),
      .trialFailed(let trial, _, _, _), .trialLost(let trial), .trialReleased(let trial, _),
      .trialConfigured(let trial, _):
      trial
    }
  }
}
