import TrimtabRunning
import TrimtabSearchSpaces
import TrimtabStudies

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What another optimiser wants next.
public enum PeerAsk: Sendable, Equatable {
  case run(PeerRun)
  case wait
  case finished(String)
}

/// A trial that another optimiser wants run.
public struct PeerRun: Sendable, Equatable {
  public var trial: TrialNumber
  /// In the study's space.
  public var configuration: Configuration
  /// The resource to reach, absolute; nil without fidelity.
  public var target: Double?
  /// The resource that the optimiser knows to be reached.
  public var from: Double
}

/// Another optimiser in a process of its own, driven over the protocol of docs/ask-tell.md.
///
/// Configurations are checked against the space, and trials for being the same each time: an optimiser that gives anything
/// else is ended with an error, never mended. One thread at a time.
public final class PeerProcess {
  /// What the optimiser calls itself.
  public let name: String
  public let version: String
  /// Wall time from request to answer, summed over all but the first, which opens the study.
  public private(set) var thinking = Duration.zero
  /// Wall time until the study was open: starting the program, loading its packages, preparing.
  public let starting: Duration
  private let channel: PeerChannel
  private let spec: StudySpec
  private let patience: Duration
  private var configurations: [TrialNumber: Configuration] = [:]

  /// Starts the program and opens the study.
  /// - Parameters:
  ///   - command: the argument vector.
  ///   - environment: variables added to this process's own.
  ///   - startPatience: how long it may take to open the study.
  ///   - patience: how long each further answer may take.
  /// - Throws: `PeerError`.
  public init(
    command: [String], environment: [String: String] = [:], workingDirectory: String = ".", study: StudySpec,
    startPatience: Duration = .seconds(120), patience: Duration = .seconds(600)
  ) throws(PeerError) {
    var variables = ProcessInfo.processInfo.environment
    variables.merge(environment) { $1 }
    do {
      channel = try PeerChannel(
        command: command, environment: variables.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 },
        workingDirectory: workingDirectory)
    } catch .programNotFound(let program, _) {
      throw PeerError(.notInstalled, "there is no program '\(program)'")
    } catch {
      throw PeerError(.cannotStart, "\(error)")
    }
    spec = study
    self.patience = patience
    let start = ContinuousClock.now
    let answer = try Self.exchange(.open(study: study.json), channel, startPatience)
    starting = ContinuousClock.now - start
    guard case .ready(let name, let version) = answer else {
      throw Self.unexpected(answer, to: .open(study: .null), channel)
    }
    self.name = name
    self.version = version
  }

  /// What to do next.
  /// - Throws: `PeerError`; `misbehaved` for a configuration that is not of the space, or is another one than the trial had.
  public func ask() throws(PeerError) -> PeerAsk {
    switch try exchange(.ask) {
    case .wait: return .wait
    case .finished(let reason): return .finished(reason)
    case .run(let run): return .run(try check(run))
    case let other: throw Self.unexpected(other, to: .ask, channel)
    }
  }

  private func check(_ run: AssignedRun) throws(PeerError) -> PeerRun {
    func misbehaved(_ what: String) -> PeerError {
      channel.close(grace: .zero)
      return PeerError(.misbehaved, "\(name), trial \(run.trial): \(what)")
    }
    let configuration: Configuration
    do {
      configuration = try spec.space.configuration(wholly: run.config)
    } catch {
      throw misbehaved("\(error): \(run.config.text.prefix(300))")
    }
    if let earlier = configurations[run.trial], earlier != configuration {
      throw misbehaved("it had another configuration before")
    }
    configurations[run.trial] = configuration
    guard let fidelity = spec.fidelity else {
      guard run.target == nil else { throw misbehaved("a target without fidelity") }
      return PeerRun(trial: run.trial, configuration: configuration, target: nil, from: 0)
    }
    guard let target = run.target else { throw misbehaved("the target is missing") }
    guard target > 0, target <= fidelity.maximum, !fidelity.isInteger || target == target.rounded() else {
      throw misbehaved(
        "the target \(JSONValue.plainText(target)) is not possible: \(fidelity.name) ends at "
          + JSONValue.plainText(fidelity.maximum))
    }
    return PeerRun(trial: run.trial, configuration: configuration, target: target, from: run.from ?? 0)
  }

  /// Tells a running trial's metrics, and asks what becomes of it.
  /// - Throws: `PeerError`.
  public func report(_ trial: TrialNumber, resource: Double? = nil, _ metrics: [MetricValue]) throws(PeerError)
    -> Verdict
  {
    let request = SessionRequest.report(trial, resource: resource, metrics)
    let answer = try exchange(request)
    guard case .verdict(let verdict) = answer else { throw Self.unexpected(answer, to: request, channel) }
    return verdict
  }

  /// Tells that a trial is complete, with its final metrics.
  /// - Parameter seconds: how long this run took.
  /// - Throws: `PeerError`.
  @discardableResult
  public func complete(
    _ trial: TrialNumber, resource: Double? = nil, _ metrics: [MetricValue] = [], seconds: Double
  ) throws(PeerError) -> TrialState {
    try end(.complete(trial, resource: resource, metrics, seconds: seconds))
  }

  /// Tells that a run failed.
  /// - Returns: `waiting` when the optimiser will have it tried again.
  /// - Throws: `PeerError`.
  @discardableResult
  public func fail(
    _ trial: TrialNumber, _ kind: FailureKind, message: String = "", seconds: Double
  ) throws(PeerError) -> TrialState {
    try end(.fail(trial, kind, message: message, seconds: seconds))
  }

  /// Confirms a verdict.
  /// - Throws: `PeerError`.
  @discardableResult
  public func pause(_ trial: TrialNumber, seconds: Double) throws(PeerError) -> TrialState {
    try end(.pause(trial, seconds: seconds))
  }

  /// Confirms a verdict.
  /// - Throws: `PeerError`.
  @discardableResult
  public func stop(_ trial: TrialNumber, seconds: Double) throws(PeerError) -> TrialState {
    try end(.stop(trial, seconds: seconds))
  }

  private func end(_ request: SessionRequest) throws(PeerError) -> TrialState {
    let answer = try exchange(request)
    guard case .state(let state, _) = answer else { throw Self.unexpected(answer, to: request, channel) }
    return state
  }

  /// Lets the program end, and ends it when it does not. Safe to call twice.
  public func close() { channel.close(grace: .seconds(2)) }

  // MARK: Messages

  private func exchange(_ request: SessionRequest) throws(PeerError) -> SessionAnswer {
    let start = ContinuousClock.now
    defer { thinking += ContinuousClock.now - start }
    return try Self.exchange(request, channel, patience)
  }

  private static func exchange(
    _ request: SessionRequest, _ channel: PeerChannel, _ patience: Duration
  ) throws(PeerError) -> SessionAnswer {
    let line = try channel.exchange(SessionMessage(request).json.text, within: patience)
    let answer: SessionAnswer
    do {
      answer = try SessionAnswer(try JSONValue.parse(line))
    } catch {
      channel.close(grace: .zero)
      throw PeerError(.misbehaved, "the optimiser printed what is no answer (\(error)): \(line.prefix(200))")
    }
    if case .error(let kind, let message) = answer {
      throw PeerError(kind == .failure ? .misbehaved : .refused, message)
    }
    return answer
  }

  private static func unexpected(
    _ answer: SessionAnswer, to request: SessionRequest, _ channel: PeerChannel
  ) -> PeerError {
    channel.close(grace: .zero)
    return PeerError(
      .misbehaved, "the optimiser's answer does not fit the request: \(answer.json().text.prefix(200))")
  }
}
