import TrimtabSearchSpaces
import TrimtabStudies

/// What a session answers: one JSON object on one line.
public enum SessionAnswer: Sendable, Equatable {
  /// The study is open.
  case ready(optimiser: String, version: String)
  case run(AssignedRun)
  case wait
  case finished(String)
  case verdict(Verdict)
  /// What became of a trial, and why it failed where the session found that out itself.
  case state(TrialState, why: String? = nil)
  case status(JSONValue)
  /// What a request of a library asked for.
  case result(JSONValue)
  case error(kind: ErrorKind, message: String)

  public enum ErrorKind: String, Sendable, CaseIterable {
    /// The line is no request.
    case badRequest
    /// The study cannot be opened as it is given.
    case badStudy
    /// The trial is not run by this session.
    case notRunning
    case invalidReport
    case notFound
    case conflict
    /// The store cannot be read or written.
    case store
    /// The optimiser cannot do its work.
    case failure
  }
}

/// A trial to run, as it stands in an answer.
public struct AssignedRun: Sendable, Equatable {
  public var trial: TrialNumber
  /// 1 for the first run, counting failed and lost ones.
  public var attempt: Int
  /// The values of the active parameters by name.
  public var config: JSONValue
  /// The resource to reach, absolute; nil without fidelity.
  public var target: Double?
  /// The greatest resource reported by earlier runs, 0 at the start; nil without fidelity.
  public var from: Double?
  /// In 0 ..< 2³¹, the same in every run of the trial; nil when the optimiser gives none.
  public var seed: Int?
  /// The notes kept with the trial, where there are any.
  public var notes: JSONValue?
  /// The trials from whose checkpoints it is to begin and to be taught, where there are any.
  public var student: TrialNumber?
  public var teacher: TrialNumber?

  public init(
    trial: TrialNumber, attempt: Int = 1, config: JSONValue, target: Double? = nil, from: Double? = nil,
    seed: Int? = nil, notes: JSONValue? = nil, student: TrialNumber? = nil, teacher: TrialNumber? = nil
  ) {
    self.trial = trial
    self.attempt = attempt
    self.config = config
    self.target = target
    self.from = from
    self.seed = seed
    self.notes = notes
    self.student = student
    self.teacher = teacher
  }
}

extension SessionAnswer {
  /// - Parameter id: that of the request.
  public func json(id: JSONValue? = nil) -> JSONValue {
    var members: [JSONValue.Member] = []
    if let id { members.append(.init("id", id)) }
    members.append(member)
    if case .state(_, let why?) = self { members.append(.init("why", .string(why))) }
    return .object(members)
  }

  private var member: JSONValue.Member {
    switch self {
    case .ready(let optimiser, let version):
      .init("ready", .members(["optimiser": .string(optimiser), "version": .string(version)]))
    case .run(let run):
      .init(
        "run",
        .members([
          "trial": .integer(run.trial), "attempt": .integer(run.attempt), "config": run.config,
          "target": run.target.map { .number($0) }, "from": run.from.map { .number($0) },
          "seed": run.seed.map { .integer($0) }, "notes": run.notes,
          "student": run.student.map { .integer($0) }, "teacher": run.teacher.map { .integer($0) },
        ]))
    case .wait: .init("wait", .bool(true))
    case .finished(let reason): .init("finished", .string(reason))
    case .verdict(let verdict): .init("verdict", .string(verdict.word))
    case .state(let state, _): .init("state", .string(state.name))
    case .status(let status): .init("status", status)
    case .result(let result): .init("result", result)
    case .error(let kind, let message):
      .init("error", .members(["kind": .string(kind.rawValue), "message": .string(message)]))
    }
  }

  /// Reads an answer that another program gave. Members that are not known are passed over, so that programs may say more.
  /// - Throws: `ProtocolError` when it is none.
  public init(_ json: JSONValue) throws(ProtocolError) {
    func wrong() -> ProtocolError { ProtocolError("this is no answer of the protocol: \(json.text.prefix(300))") }
    if let error = json["error"] {
      guard case .string(let word)? = error["kind"], case .string(let message)? = error["message"] else {
        throw wrong()
      }
      self = .error(kind: ErrorKind(rawValue: word) ?? .failure, message: message)
    } else if let ready = json["ready"] {
      guard case .string(let name)? = ready["optimiser"], case .string(let version)? = ready["version"] else {
        throw wrong()
      }
      self = .ready(optimiser: name, version: version)
    } else if let run = json["run"] {
      self = .run(try AssignedRun(run))
    } else if json["wait"] == .bool(true) {
      self = .wait
    } else if case .string(let reason)? = json["finished"] {
      self = .finished(reason)
    } else if case .string(let word)? = json["verdict"],
      let verdict = Verdict.allWords.first(where: { $0.word == word })
    {
      self = .verdict(verdict)
    } else if case .string(let word)? = json["state"], let state = TrialState.allCases.first(where: { $0.name == word })
    {
      if case .string(let why)? = json["why"] { self = .state(state, why: why) } else { self = .state(state) }
    } else if let status = json["status"] {
      self = .status(status)
    } else if let result = json["result"] {
      self = .result(result)
    } else {
      throw wrong()
    }
  }
}

extension AssignedRun {
  init(_ json: JSONValue) throws(ProtocolError) {
    func number(_ key: String) throws(ProtocolError) -> Double? {
      switch json[key] {
      case nil, .null?: return nil
      case .integer(let value)?: return Double(value)
      case .number(let value)? where value.isFinite: return value
      default: throw ProtocolError("'\(key)' of a run is a number: \(json.text.prefix(300))")
      }
    }
    guard case .integer(let trial)? = json["trial"], trial >= 0 else {
      throw ProtocolError("a run has no trial number: \(json.text.prefix(300))")
    }
    guard let config = json["config"] else { throw ProtocolError("a run has no config: \(json.text.prefix(300))") }
    func integer(_ key: String) throws(ProtocolError) -> Int? {
      guard let value = try number(key) else { return nil }
      guard let whole = Int(exactly: value) else {
        throw ProtocolError("'\(key)' of a run is a whole number: \(json.text.prefix(300))")
      }
      return whole
    }
    self.init(
      trial: trial, attempt: try integer("attempt") ?? 1, config: config, target: try number("target"),
      from: try number("from"), seed: try integer("seed"), student: try integer("student"),
      teacher: try integer("teacher"))
  }
}

extension Verdict {
  static let allWords: [Verdict] = [.proceed, .pause, .stop]

  /// The verdict in JSON.
  public var word: String {
    switch self {
    case .proceed: "proceed"
    case .pause: "pause"
    case .stop: "stop"
    }
  }
}
