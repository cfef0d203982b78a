import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies

/// A session behind messages: the same for every transport that carries them.
///
/// Every request has exactly one answer. One that cannot be carried out is answered with an error and changes nothing.
public final class SessionService {
  /// The study; nil until it was opened.
  public private(set) var session: Session?
  private let name: String
  private let version: String
  private let clock: @Sendable () -> Timestamp
  private let opening: (StudySpec) throws -> Session

  /// A service whose first request opens a study.
  /// - Parameters:
  ///   - name: what the optimiser calls itself.
  ///   - clock: milliseconds since 1970 UTC; the session's.
  ///   - opening: makes the session for a specification.
  public init(
    name: String = "trimtab", version: String, clock: @escaping @Sendable () -> Timestamp = systemClock,
    opening: @escaping (StudySpec) throws -> Session
  ) {
    self.name = name
    self.version = version
    self.clock = clock
    self.opening = opening
  }

  /// A service for a study that is open.
  public convenience init(
    session: Session, name: String = "trimtab", version: String,
    clock: @escaping @Sendable () -> Timestamp = systemClock
  ) {
    self.init(name: name, version: version, clock: clock) { _ in
      throw SessionError(.conflict, "the study '\(session.state.spec.name)' is open already: leave \"open\" out")
    }
    self.session = session
  }

  /// The answer to one line, without the line's end.
  public func answer(_ line: String) -> String {
    let json: JSONValue
    do {
      json = try JSONValue.parse(line)
    } catch {
      return SessionAnswer.error(kind: .badRequest, message: "\(error)").json().text
    }
    do {
      let message = try SessionMessage(json)
      return answer(message.request).json(id: message.id).text
    } catch {
      return SessionAnswer.error(kind: .badRequest, message: error.message).json(id: SessionMessage.id(of: json)).text
    }
  }

  public func answer(_ request: SessionRequest) -> SessionAnswer {
    do {
      if case .open(let study) = request { return try open(study) }
      guard let session else {
        throw SessionError(.conflict, "no study is open: the first request is {\"verb\": \"open\", \"study\": {…}}")
      }
      return try answer(request, session)
    } catch {
      return .error(kind: Self.kind(of: error), message: "\(error)")
    }
  }

  private func answer(_ request: SessionRequest, _ session: Session) throws -> SessionAnswer {
    switch request {
    case .open: break
    case .ask: return answer(try session.ask(), session)
    case .askToContinue: return answer(try session.ask(mayStartNew: false), session)
    case .report(let trial, let resource, let metrics):
      return .verdict(try session.report(trial, resource: resource, metrics))
    case .complete(let trial, let resource, let metrics, let seconds):
      let (state, why) = try session.completion(
        trial, resource: resource, metrics, seconds: seconds ?? running(trial, session))
      return .state(state, why: why)
    case .fail(let trial, let kind, let message, let seconds):
      try session.fail(trial, kind, message: message, seconds: seconds ?? running(trial, session))
      return .state(session.state.trials[trial].state)
    case .pause(let trial, let seconds):
      let why = try session.pause(trial, seconds: seconds ?? running(trial, session))
      return .state(session.state.trials[trial].state, why: why)
    case .stop(let trial, let seconds):
      let why = try session.stop(trial, seconds: seconds ?? running(trial, session))
      return .state(session.state.trials[trial].state, why: why)
    case .release(let trial, let seconds):
      try session.release(trial, seconds: seconds ?? running(trial, session))
      return .state(session.state.trials[trial].state)
    case .library(let request): return .result(try session.answer(request))
    case .status:
      try session.catchUp()
      return .status(try status(session))
    }
    return .error(kind: .badRequest, message: "the study is open already")
  }

  private func answer(_ ask: Ask, _ session: Session) -> SessionAnswer {
    switch ask {
    case .wait: return .wait
    case .finished(let reason): return .finished(reason)
    case .run(let run):
      let spec = session.state.spec
      return .run(
        AssignedRun(
          trial: run.trial, attempt: run.attempt, config: spec.space.json(of: run.configuration), target: run.target,
          from: spec.fidelity.map { _ in run.reached }, seed: run.seed,
          notes: session.state.notes[run.trial].map(TrialJSON.notes), student: run.lineage?.student,
          teacher: run.lineage?.teacher))
    }
  }

  private func open(_ study: JSONValue) throws -> SessionAnswer {
    if let session {
      throw SessionError(.conflict, "the study '\(session.state.spec.name)' is open already: leave \"open\" out")
    }
    do {
      session = try opening(try StudySpec.read(study, name: "study"))
    } catch let error where !(error is StoreError) && !(error is SessionError) {
      return .error(kind: .badStudy, message: "\(error)")
    }
    return .ready(optimiser: name, version: version)
  }

  /// Seconds since the trial was given out, by the clock.
  private func running(_ trial: TrialNumber, _ session: Session) -> Double {
    // An unknown trial is refused by the session itself.
    guard session.state.trials.indices.contains(trial) else { return 0 }
    return Double(max(0, clock() - session.state.trials[trial].startedAt)) / 1000
  }

  private func status(_ session: Session) throws -> JSONValue {
    let state = session.state
    let own = state.running.filter { state.trials[$0].worker == session.worker }
    let best = state.incumbent.map { number in
      JSONValue.members([
        "trial": .integer(number), "value": .number(state.trials[number].value),
        "config": state.spec.space.json(of: state.history.configuration(number)),
      ])
    }
    return .members([
      "study": .string(state.spec.name),
      "trials": .object(TrialState.allCases.map { .init($0.name, .integer(state.count($0))) }),
      "running_here": .array(own.map { .integer($0) }),
      "best": best ?? .null,
      "finished": try session.finishedReason().map { .string($0) } ?? .null,
    ])
  }

  /// Gives back every trial that this session runs; each is the first to go on later.
  /// - Throws: `StoreError` when that cannot be recorded.
  public func releaseAll() throws {
    guard let session else { return }
    try session.catchUp()
    for trial in session.state.running where session.state.trials[trial].worker == session.worker {
      try session.release(trial, seconds: running(trial, session))
    }
  }

  public static func kind(of error: any Error) -> SessionAnswer.ErrorKind {
    switch error {
    case let error as SessionError:
      switch error.kind {
      case .notRunning: .notRunning
      case .invalidReport: .invalidReport
      case .notFound: .notFound
      case .conflict: .conflict
      }
    case is ProtocolError, is JSONError: .badRequest
    case is Diagnostics, is SpaceError: .badStudy
    case is StoreError, is FrameError, is EventError: .store
    default: .failure
    }
  }
}
