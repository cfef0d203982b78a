import TrimtabSearchSpaces
import TrimtabStudies

/// What a driver, which runs trials, asks of a session: one JSON object on one line. docs/ask-tell.md describes each.
public enum SessionRequest: Sendable, Equatable {
  /// Begins a study, given as the JSON of its study file.
  case open(study: JSONValue)
  case ask
  /// Asks for a trial that goes on; none is to be begun.
  case askToContinue
  case report(TrialNumber, resource: Double?, [MetricValue])
  /// Seconds of running are measured from the ask where they are nil.
  case complete(TrialNumber, resource: Double?, [MetricValue], seconds: Double?)
  case fail(TrialNumber, FailureKind, message: String, seconds: Double?)
  /// The driver has followed a verdict, or gives a trial back.
  case pause(TrialNumber, seconds: Double?)
  case stop(TrialNumber, seconds: Double?)
  case release(TrialNumber, seconds: Double?)
  case status
  /// What programs want of a study beyond running its trials.
  case library(LibraryRequest)
}

/// A request with the mark by which its sender knows the answer.
public struct SessionMessage: Sendable, Equatable {
  /// A text or a whole number; echoed in the answer.
  public var id: JSONValue?
  public var request: SessionRequest

  public init(_ request: SessionRequest, id: JSONValue? = nil) {
    self.request = request
    self.id = id
  }
}

/// Why a line cannot be understood. Nothing was changed by it.
public struct ProtocolError: Error, Sendable, Equatable, CustomStringConvertible {
  public var message: String

  public init(_ message: String) { self.message = message }

  public var description: String { message }
}

extension FailureKind {
  /// The kinds that a driver may report, by their names in JSON. Only the log can tell that a trial was lost.
  static let reportable: [(name: String, kind: FailureKind)] = [
    ("crash", .crash), ("invalidValue", .invalidValue), ("timeout", .timeout), ("outOfMemory", .outOfMemory),
    ("rejected", .rejected),
  ]
}

// MARK: Writing

extension SessionMessage {
  public var json: JSONValue {
    var members: [JSONValue.Member] = []
    if let id { members.append(.init("id", id)) }
    members.append(.init("verb", .string(request.verb?.rawValue ?? "")))
    func add(_ key: String, _ value: JSONValue?) { if let value { members.append(.init(key, value)) } }
    func add(_ metrics: [MetricValue], _ resource: Double?) {
      add("resource", resource.map { .number($0) })
      if !metrics.isEmpty { add("metrics", .object(metrics.map { .init($0.name, .number($0.value)) })) }
    }
    switch request {
    case .open(let study): add("study", study)
    case .ask, .status: break
    case .askToContinue: add("new", .bool(false))
    case .library(let request): members = members.dropLast() + request.members
    case .report(let trial, let resource, let metrics):
      add("trial", .integer(trial))
      add(metrics, resource)
    case .complete(let trial, let resource, let metrics, let seconds):
      add("trial", .integer(trial))
      add(metrics, resource)
      add("seconds", seconds.map { .number($0) })
    case .fail(let trial, let kind, let message, let seconds):
      add("trial", .integer(trial))
      add("kind", FailureKind.reportable.first { $0.kind == kind }.map { .string($0.name) })
      if !message.isEmpty { add("message", .string(message)) }
      add("seconds", seconds.map { .number($0) })
    case .pause(let trial, let seconds), .stop(let trial, let seconds), .release(let trial, let seconds):
      add("trial", .integer(trial))
      add("seconds", seconds.map { .number($0) })
    }
    return .object(members)
  }
}

extension SessionRequest {
  /// The verbs by their names.
  enum Verb: String, CaseIterable {
    case open, ask, report, complete, fail, pause, stop, release, status

    /// What may stand beside `verb` and `id`.
    var members: [String] {
      switch self {
      case .open: ["study"]
      case .ask: ["new"]
      case .status: []
      case .report: ["trial", "resource", "metrics"]
      case .complete: ["trial", "resource", "metrics", "seconds"]
      case .fail: ["trial", "kind", "message", "seconds"]
      case .pause, .stop, .release: ["trial", "seconds"]
      }
    }
  }

  /// Nil for the verbs of `LibraryRequest`.
  var verb: Verb? {
    switch self {
    case .library: nil
    case .open: .open
    case .ask, .askToContinue: .ask
    case .report: .report
    case .complete: .complete
    case .fail: .fail
    case .pause: .pause
    case .stop: .stop
    case .release: .release
    case .status: .status
    }
  }
}

// MARK: Reading

extension SessionMessage {
  /// The mark of a request that cannot be understood otherwise.
  static func id(of json: JSONValue) -> JSONValue? {
    switch json["id"] {
    case .string(let text)?: .string(text)
    case .integer(let number)?: .integer(number)
    default: nil
    }
  }

  /// - Throws: `ProtocolError` that says what is wrong and what would be right.
  public init(_ json: JSONValue) throws(ProtocolError) {
    guard case .object(let members) = json else {
      throw ProtocolError("a request is a JSON object such as {\"verb\": \"ask\"}")
    }
    if let given = json["id"], Self.id(of: json) == nil {
      throw ProtocolError("an id is a text or a whole number, not \(given.text)")
    }
    id = Self.id(of: json)
    let verbs = SessionRequest.Verb.allCases.map(\.rawValue) + LibraryRequest.Verb.allCases.map(\.rawValue)
    guard case .string(let word)? = json["verb"] else {
      throw ProtocolError("the verb is missing: add \"verb\" (one of \(verbs.joined(separator: ", ")))")
    }
    if let verb = LibraryRequest.Verb(rawValue: word) {
      request = .library(try LibraryRequest(verb, json))
      return
    }
    guard let verb = SessionRequest.Verb(rawValue: word) else {
      throw ProtocolError("there is no verb '\(word)' (\(suggestion(for: word, among: verbs)))")
    }
    let possible = ["verb", "id"] + verb.members
    for member in members where !possible.contains(member.key) {
      throw ProtocolError("\(word) has no '\(member.key)' (\(suggestion(for: member.key, among: possible)))")
    }
    let reader = RequestReader(json: json, verb: word)
    switch verb {
    case .open: request = .open(study: try reader.value("study"))
    case .ask: request = try reader.flag("new", otherwise: true) ? .ask : .askToContinue
    case .status: request = .status
    case .report:
      let metrics = try reader.metrics()
      guard !metrics.isEmpty else { throw ProtocolError("report needs metrics, such as {\"loss\": 0.5}") }
      request = .report(try reader.trial(), resource: try reader.number("resource"), metrics)
    case .complete:
      request = .complete(
        try reader.trial(), resource: try reader.number("resource"), try reader.metrics(), seconds: try reader.seconds()
      )
    case .fail:
      request = .fail(
        try reader.trial(), try reader.failure(), message: try reader.text("message"), seconds: try reader.seconds())
    case .pause: request = .pause(try reader.trial(), seconds: try reader.seconds())
    case .stop: request = .stop(try reader.trial(), seconds: try reader.seconds())
    case .release: request = .release(try reader.trial(), seconds: try reader.seconds())
    }
  }
}

/// The members of one request.
struct RequestReader {
  let json: JSONValue
  let verb: String

  func value(_ key: String) throws(ProtocolError) -> JSONValue {
    guard let value = json[key] else { throw ProtocolError("\(verb) needs \"\(key)\"") }
    return value
  }

  func trial() throws(ProtocolError) -> TrialNumber {
    guard case .integer(let number) = try value("trial") else {
      throw ProtocolError("trial is the whole number that ask gave, not \(json["trial"]?.text ?? "")")
    }
    return number
  }

  func number(_ key: String) throws(ProtocolError) -> Double? {
    guard let value = json[key] else { return nil }
    switch value {
    case .integer(let number): return Double(number)
    case .number(let number): return number
    default: throw ProtocolError("\(key) is a number, not \(value.text)")
    }
  }

  func seconds() throws(ProtocolError) -> Double? {
    guard let seconds = try number("seconds") else { return nil }
    guard seconds.isFinite, seconds >= 0 else {
      throw ProtocolError("seconds is a number of at least 0, not \(JSONValue.plainText(seconds))")
    }
    return seconds
  }

  func flag(_ key: String, otherwise usual: Bool) throws(ProtocolError) -> Bool {
    switch json[key] {
    case nil: return usual
    case .bool(let value)?: return value
    case let other?: throw ProtocolError("\(key) is true or false, not \(other.text)")
    }
  }

  func text(_ key: String) throws(ProtocolError) -> String {
    switch json[key] {
    case nil: return ""
    case .string(let text)?: return text
    case let other?: throw ProtocolError("\(key) is a text, not \(other.text)")
    }
  }

  func metrics() throws(ProtocolError) -> [MetricValue] {
    guard let value = json["metrics"] else { return [] }
    guard case .object(let members) = value else {
      throw ProtocolError("metrics is an object such as {\"loss\": 0.5}, not \(value.text)")
    }
    var metrics: [MetricValue] = []
    for member in members {
      guard let number = member.value.measuredNumber else {
        throw ProtocolError("the value of '\(member.key)' is not a number: \(member.value.text)")
      }
      metrics.append(MetricValue(member.key, number))
    }
    return metrics
  }

  func failure() throws(ProtocolError) -> FailureKind {
    let word = try text("kind")
    if word.isEmpty { return .crash }
    guard let known = FailureKind.reportable.first(where: { $0.name == word }) else {
      throw ProtocolError(
        "there is no kind of failure '\(word)' (\(suggestion(for: word, among: FailureKind.reportable.map(\.name))))")
    }
    return known.kind
  }
}
