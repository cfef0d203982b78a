import TrimtabStudies

/// An optimiser in another process, as the simulation drives it.
public final class PeerOptimiser: Optimiser {
  private let process: PeerProcess
  private let metrics: [String]

  /// - Throws: `PeerError` when the program cannot be started or refuses the study.
  public init(command: [String], study: StudySpec) throws(PeerError) {
    process = try PeerProcess(command: command, study: study)
    metrics = study.objectives.map(\.metric)
  }

  deinit { process.close() }

  /// Starts what a suite's entry names.
  /// - Throws: `PeerError` when it is not installed, cannot be started or refuses the study.
  public static func start(_ method: MethodEntry, _ study: StudySpec) throws(PeerError) -> any Optimiser {
    switch method.kind {
    case .peer(let name): return try PeerOptimiser(command: try Peers.command(name), study: study)
    case .command(let words): return try PeerOptimiser(command: words, study: study)
    case .method: throw PeerError(.cannotStart, "\(method.name) is no program")
    }
  }

  public var thinking: Duration { process.thinking }

  private func named(_ values: [Double]) -> [MetricValue] { zip(metrics, values).map { MetricValue($0, $1) } }

  public func ask() throws -> OptimiserAnswer {
    switch try process.ask() {
    case .run(let run): .run(run.trial, run.configuration, target: run.target)
    case .wait: .wait
    case .finished(let reason): .finished(reason)
    }
  }

  public func report(_ trial: TrialNumber, resource: Double?, _ values: [Double]) throws -> Verdict {
    try process.report(trial, resource: resource, named(values))
  }

  public func complete(_ trial: TrialNumber, resource: Double?, _ values: [Double], seconds: Double) throws {
    try process.complete(trial, resource: resource, named(values), seconds: seconds)
  }

  public func pause(_ trial: TrialNumber, seconds: Double) throws { try process.pause(trial, seconds: seconds) }

  public func stop(_ trial: TrialNumber, seconds: Double) throws { try process.stop(trial, seconds: seconds) }

  public func fail(_ trial: TrialNumber, _ kind: FailureKind, message: String, seconds: Double) throws {
    try process.fail(trial, kind, message: message, seconds: seconds)
  }
}
