import TrimtabMethods
import TrimtabRunning
import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

/// Trimtab's own methods, through the session that real trials use, on a log in memory.
public final class SessionOptimiser: Optimiser {
  private let log = MemoryLog()
  private let session: Session
  private let metrics: [String]
  public private(set) var thinking = Duration.zero

  /// - Parameters:
  ///   - spec: with a seed.
  ///   - clock: virtual milliseconds.
  /// - Throws: `MethodError` when the method cannot take the study, and what `Session.init` throws.
  public init(_ spec: StudySpec, clock: @escaping @Sendable () -> Timestamp) throws {
    let frame = Session.firstFrame(spec, at: clock())
    try log.append(from: 0) { _, _ in
    } decide: {
      (0, frame)
    }
    session = try Session(log: log, worker: 1, clock: clock, makeMethod: { try Catalogue.makeMethod($0) })
    metrics = spec.objectives.map(\.metric)
  }

  /// What the log says so far.
  public var state: StudyState { session.state }

  /// A fingerprint of every byte of the log.
  public func logChecksum() throws -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    try log.read(from: 0) { _, frame in
      for byte in frame { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
    return hash
  }

  private func timed<Result>(_ body: () throws -> Result) rethrows -> Result {
    let start = ContinuousClock.now
    defer { thinking += ContinuousClock.now - start }
    return try body()
  }

  private func named(_ values: [Double]) -> [MetricValue] {
    zip(metrics, values).map { MetricValue($0, $1) }
  }

  public func ask() throws -> OptimiserAnswer {
    switch try timed({ try session.ask() }) {
    case .run(let run): .run(run.trial, run.configuration, target: run.target)
    case .wait: .wait
    case .finished(let reason): .finished(reason)
    }
  }

  public func report(_ trial: TrialNumber, resource: Double?, _ values: [Double]) throws -> Verdict {
    try timed { try session.report(trial, resource: resource, named(values)) }
  }

  public func complete(_ trial: TrialNumber, resource: Double?, _ values: [Double], seconds: Double) throws {
    try timed { _ = try session.complete(trial, resource: resource, named(values), seconds: seconds) }
  }

  public func pause(_ trial: TrialNumber, seconds: Double) throws {
    try timed { _ = try session.pause(trial, seconds: seconds) }
  }

  public func stop(_ trial: TrialNumber, seconds: Double) throws {
    try timed { _ = try session.stop(trial, seconds: seconds) }
  }

  public func fail(_ trial: TrialNumber, _ kind: FailureKind, message: String, seconds: Double) throws {
    try timed { try session.fail(trial, kind, message: message, seconds: seconds) }
  }
}
