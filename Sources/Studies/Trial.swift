/// The life of a trial.
public enum TrialState: UInt8, Sendable, CaseIterable {
  /// In the queue for a worker: enqueued, waiting for a further attempt, or released.
  case waiting
  case running
  /// Judged for now; a scheduler may let it go on.
  case paused
  case completed
  case stopped
  case failed

  public var name: String {
    switch self {
    case .waiting: "waiting"
    case .running: "running"
    case .paused: "paused"
    case .completed: "completed"
    case .stopped: "stopped"
    case .failed: "failed"
    }
  }

  /// Nothing will happen to the trial any more.
  public var isFinal: Bool { self == .completed || self == .stopped || self == .failed }
}

/// What the log says of one trial. Its configuration is in the study's `History`.
@frozen public struct Trial: Sendable, Equatable {
  public var state: TrialState = .waiting
  public var failure: FailureKind?
  public var stopReason: StopReason?
  public var origin: Annotation.Origin?
  /// Whether a part of the model that proposed it could not be computed, and a simpler one stood in.
  public var isWeakened = false
  /// Whether its process is frozen in place; only `worker` can continue it.
  public var isFrozen = false
  /// Whether any report, of any value, had the first objective.
  public var hasReportedObjective = false
  /// Runs that failed with a retryable failure.
  public var failures: UInt16 = 0
  /// Runs whose worker died.
  public var losses: UInt16 = 0
  /// Runs begun so far, resumes included.
  public var runs: UInt16 = 0
  /// Annotation fields a scheduler asked to be kept with its proposal; the newest proposal's.
  public var bracket: Int32 = 0
  /// The worker that runs or froze it.
  public var worker: WorkerID = 0
  public var parent: Int32 = -1
  public var proposedAt: Timestamp = 0
  public var startedAt: Timestamp = 0
  public var endedAt: Timestamp = 0
  /// Not to be started before this time.
  public var notBefore: Timestamp = 0
  /// The resource that its current or next run is to reach; NaN without fidelity.
  public var target: Double = .nan
  /// The greatest resource reported; 0 at the start.
  public var resource: Double = 0
  /// The first objective: at the greatest resource at which it was reported, or the newest without fidelity; the mean of
  /// all reports where the resource counts replicates. NaN while there is none.
  public var value: Double = .nan
  /// Seconds of running, all runs together.
  public var seconds: Double = 0
  /// The full resource at the time when it was completed, ∞ without fidelity; NaN while it never was.
  public var completedLevel: Double = .nan
  /// The greatest total cost reported, when the study has a cost metric.
  public var reportedCost: Double = 0

  init() {}

  /// Whether no worker has the trial and none is asked to take it: what it used is known.
  @inlinable public var isSettled: Bool { state != .waiting && state != .running }

  /// Whether `value` is a finite number.
  @inlinable public var hasValue: Bool { value.isFinite }

  /// Whether it was completed, even if it has gone on since.
  @inlinable public var wasCompleted: Bool { !completedLevel.isNaN }

  /// Whether it may be told to go on to `resource`: paused before it, or complete up to a lower maximum. One that ended by
  /// itself before the maximum has nothing to go on with.
  @inlinable public func canGoOn(to resource: Double) -> Bool {
    (state == .paused && !(self.resource >= resource))
      || (state == .completed && completedLevel < resource && Fidelity.reaches(self.resource, completedLevel))
  }

  /// Whether it has got what its current or newest run was to reach; true without fidelity.
  public var hasReachedTarget: Bool { target.isNaN || Fidelity.reaches(resource, target) }
}

/// The trials whose checkpoints a trial is given, besides its own.
@frozen public struct Lineage: Sendable, Equatable {
  /// The one from whose weights it begins; nil for fresh ones.
  public var student: TrialNumber?
  /// The one whose model teaches it.
  public var teacher: TrialNumber?

  /// - Returns: nil for a proposal that names neither.
  public init?(_ annotation: Annotation) {
    student = annotation[.student]
    teacher = annotation[.teacher]
    if student == nil, teacher == nil { return nil }
  }

  /// All of them.
  public var trials: [TrialNumber] { [student, teacher].compactMap { $0 } }
}

/// The first objective of one trial over the resource, in increasing order of resource.
public struct Curve: Sendable, Equatable {
  public private(set) var resources: [Double] = []
  /// What was reported at each resource; of replicates, the mean of what was reported up to there.
  public private(set) var values: [Double] = []
  /// Of replicates, what was reported for each; empty otherwise.
  public private(set) var replicates: [Double] = []

  public init() {}

  /// The index of the first resource that is not below `resource`.
  public func index(of resource: Double) -> Int {
    if let last = resources.last, last < resource { return resources.count }
    var low = 0
    var high = resources.count
    while low < high {
      let middle = (low + high) / 2
      if resources[middle] < resource { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The index of the first resource that has come to `level`.
  public func index(reaching level: Double) -> Int {
    index(of: Fidelity.leastReaching(level))
  }

  public func contains(_ resource: Double) -> Bool {
    let i = index(of: resource)
    return i < resources.count && resources[i] == resource
  }

  /// The value at exactly this resource.
  public func value(at resource: Double) -> Double? {
    let i = index(of: resource)
    return i < resources.count && resources[i] == resource ? values[i] : nil
  }

  mutating func insert(_ value: Double, at resource: Double) {
    let i = index(of: resource)
    resources.insert(resource, at: i)
    values.insert(value, at: i)
  }

  /// Adds the next replicate, which comes after all others.
  mutating func append(replicate value: Double, at resource: Double) {
    resources.append(resource)
    replicates.append(value)
    var sum = 0.0
    for value in replicates { sum += value }
    values.append(sum / Double(replicates.count))
  }
}
