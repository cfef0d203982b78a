import TrimtabStudies

/// One run of a trial from its start to its record: a value that events change and that says how the run is to be recorded.
struct RunningTrial {
  /// Why the trial was asked to end.
  enum Ending: Equatable {
    /// It reached its target or the full resource and frees its worker.
    case targetReached
    case verdict
    case invalidValue(String)
    case rejected(String)
    case reportedFailure(String)
    case timeout
    case outOfMemory(bytes: UInt64)
    /// The study ends here for now; it goes on later.
    case release
    /// It is no longer this worker's.
    case disowned
  }

  /// How the end of a run is recorded.
  enum Outcome: Equatable {
    case completed
    /// It ended by itself without a failure, below what it was to reach.
    case endedEarly
    case paused
    case stopped
    case failed(FailureKind, String)
    case released
    /// Its checkpoint holds more than was ever recorded: it has to begin again without it.
    case outrun
    case nothing
  }

  let run: TrialRun
  let folder: TrialFolder
  let startedAt: MonotonicTime
  var ending: Ending?
  /// The greatest resource reported, in this run or before.
  var reached: Double
  /// The resource that its process was told to reach, which is what it knows; nil without fidelity.
  var told: Double?
  /// Whether there was a checkpoint to begin this run from.
  var hadCheckpoint = false
  /// Whether this run has reported anything.
  var hasReported = false
  /// Reports that are not yet recorded.
  var pendingReports: [(resource: Double?, metrics: [MetricValue])] = []
  /// Lines that could not be understood.
  var unreadableLines = 0
  var exit: ExitStatus?
  /// When to ask it to end, if it has not done so by itself.
  var patienceEnds: MonotonicTime?

  init(run: TrialRun, folder: TrialFolder, startedAt: MonotonicTime) {
    self.run = run
    self.folder = folder
    self.startedAt = startedAt
    reached = run.reached
  }

  /// The first reason counts, except that a reason to fail outweighs one to pause.
  mutating func end(_ reason: Ending) {
    switch (ending, reason) {
    case (nil, _), (.targetReached, .invalidValue), (.targetReached, .rejected), (.targetReached, .reportedFailure),
      (_, .disowned):
      ending = reason
    default: break
    }
  }

  func seconds(until now: MonotonicTime) -> Double {
    now > startedAt ? Double(now.nanoseconds - startedAt.nanoseconds) / 1e9 : 0
  }

  /// How the run is recorded once its processes have gone.
  /// - Parameters:
  ///   - hasObjective: whether its objective was recorded, in this run or before.
  ///   - lastOutput: the end of what it printed, for the message of a crash.
  func outcome(
    _ status: ExitStatus, fidelity: Fidelity?, hasObjective: Bool, lastOutput: @autoclosure () -> String
  ) -> Outcome {
    switch ending {
    case .disowned: return .nothing
    case .invalidValue(let message): return .failed(.invalidValue, message)
    case .rejected(let message): return .failed(.rejected, message)
    case .reportedFailure(let message): return .failed(.crash, message)
    case .timeout: return .failed(.timeout, "the time limit was reached")
    case .outOfMemory(let bytes): return .failed(.outOfMemory, "it used \(bytes >> 20) MiB")
    // It may have come to its end before it heard of that.
    case .verdict: return hasObjective && isWhole(status, fidelity) ? .completed : .stopped
    case .release: return isWhole(status, fidelity) ? .completed : .released
    case .targetReached: return isComplete(fidelity) ? .completed : .paused
    case nil: break
    }
    switch status.outcome {
    case .exited(0):
      // What it reported before its tuner died, and saved, is known to itself only.
      if hadCheckpoint, !hasReported, !isWhereItShouldBe(fidelity, hasObjective) { return .outrun }
      guard let fidelity, !isComplete(fidelity) else { return .completed }
      let target = run.target ?? fidelity.maximum
      if Fidelity.reaches(reached, target) { return .paused }
      // The maximum was raised while it was frozen: it did all that it was told, and a new process is told the rest.
      if let told, told < target, Fidelity.reaches(reached, told) { return .released }
      return .endedEarly
    case .exited(let code):
      return .failed(.crash, Self.message("it ended with status \(code)", lastOutput()))
    case .signalled(let number):
      let killed = number == 9 ? ", which Trimtab did not send: perhaps the machine ran out of memory" : ""
      return .failed(.crash, Self.message("it was ended by signal \(number)\(killed)", lastOutput()))
    case .uncollected:
      return .failed(.crash, "how it ended is not known")
    }
  }

  private func isWhereItShouldBe(_ fidelity: Fidelity?, _ hasObjective: Bool) -> Bool {
    fidelity.map { Fidelity.reaches(reached, run.target ?? $0.maximum) } ?? hasObjective
  }

  /// Whether it has got the full resource, which without fidelity every trial has.
  func isComplete(_ fidelity: Fidelity?) -> Bool { fidelity.map { Fidelity.reaches(reached, $0.maximum) } ?? true }

  /// Whether it ended by itself, in a study with a fidelity, with all of the resource.
  private func isWhole(_ status: ExitStatus, _ fidelity: Fidelity?) -> Bool {
    guard case .exited(0) = status.outcome, fidelity != nil else { return false }
    return isComplete(fidelity)
  }

  private static func message(_ what: String, _ output: String) -> String {
    output.isEmpty ? what : "\(what); it last printed:\n\(output)"
  }
}
