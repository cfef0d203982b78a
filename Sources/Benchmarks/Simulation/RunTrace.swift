import TrimtabSearchSpaces

/// The incumbent of a run from some moment on.
public struct TracePoint: Sendable, Equatable {
  /// Resource used so far, in evaluations at full resource.
  public var evaluations: Double
  /// Virtual time.
  public var seconds: Double
  /// Cost so far, in the problem's unit.
  public var cost: Double
  /// Trials begun so far.
  public var trials: Int
  /// The value that made the trial the incumbent, as the optimiser saw it.
  public var observed: Double
  /// The incumbent's score; see `Problem.score`.
  public var score: Double

  public init(evaluations: Double, seconds: Double, cost: Double, trials: Int, observed: Double, score: Double) {
    self.evaluations = evaluations
    self.seconds = seconds
    self.cost = cost
    self.trials = trials
    self.observed = observed
    self.score = score
  }
}

/// Everything that is kept of one run of one optimiser on one problem.
public struct RunTrace: Sendable, Equatable {
  /// One point for each change of the incumbent, in the order of time.
  public var points: [TracePoint] = []
  /// At the end: resource used, in evaluations at full resource.
  public var evaluations = 0.0
  public var seconds = 0.0
  public var cost = 0.0
  public var trials = 0
  public var failures = 0
  /// Wall time spent within the optimiser.
  public var thinkingSeconds = 0.0
  /// Seconds during which workers were busy, summed over workers.
  public var busySeconds = 0.0
  /// The incumbent's configuration at the end as JSON; nil when no trial had a value.
  public var incumbent: String?
  /// Why the run ended.
  public var end = ""
  /// A fingerprint of the log, for methods of Trimtab's own.
  public var logChecksum: UInt64?

  public init() {}
}
