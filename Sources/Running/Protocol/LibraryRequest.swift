import TrimtabSearchSpaces
import TrimtabStudies

/// What a program that uses Trimtab as a library wants of a study, beyond the verbs that run trials. docs/python.md shows
/// what each is good for.
public enum LibraryRequest: Sendable, Equatable {
  /// The specification, its revision, and the study's notes.
  case describe
  /// The value of a parameter that a running trial was not proposed.
  case draw(TrialNumber, name: String, parameter: JSONValue)
  /// What a running trial used: for each name, its parameter and its value.
  case settle(TrialNumber, used: JSONValue)
  /// Puts a configuration in the queue. In a growing space, the values are kept as a note until they are asked for.
  case enqueue(config: JSONValue, notes: JSONValue?)
  /// Takes over trials that were run elsewhere.
  case add(trials: JSONValue)
  /// Trials from a number on, or those named.
  case trials(from: TrialNumber, only: [TrialNumber]?)
  /// The best trials, the best first: one, or with several objectives the Pareto front.
  case best
  /// Keeps a note with a trial or (nil) the study; null removes it.
  case note(TrialNumber?, key: String, value: JSONValue)
  /// Stops a trial that is waiting or paused.
  case cancel(TrialNumber)

  /// The note that holds the values of an enqueued configuration in a growing space.
  public static let enqueuedKey = "trimtab:enqueued"

  enum Verb: String, CaseIterable {
    case describe, draw, settle, enqueue, add, trials, best, note, cancel

    var members: [String] {
      switch self {
      case .describe, .best: []
      case .draw: ["trial", "name", "parameter"]
      case .settle: ["trial", "used"]
      case .enqueue: ["config", "notes"]
      case .add: ["trials"]
      case .trials: ["from", "only"]
      case .note: ["trial", "key", "value"]
      case .cancel: ["trial"]
      }
    }
  }

  /// The request as JSON, its verb first.
  var members: [JSONValue.Member] {
    func object(_ verb: Verb, _ members: KeyValuePairs<String, JSONValue?>) -> [JSONValue.Member] {
      guard case .object(let list) = JSONValue.members(members) else { return [] }
      return [JSONValue.Member("verb", .string(verb.rawValue))] + list
    }
    switch self {
    case .describe: return object(.describe, [:])
    case .draw(let trial, let name, let parameter):
      return object(.draw, ["trial": .integer(trial), "name": .string(name), "parameter": parameter])
    case .settle(let trial, let used): return object(.settle, ["trial": .integer(trial), "used": used])
    case .enqueue(let config, let notes): return object(.enqueue, ["config": config, "notes": notes])
    case .add(let trials): return object(.add, ["trials": trials])
    case .trials(let from, let only):
      return object(.trials, ["from": .integer(from), "only": only.map { .array($0.map { .integer($0) }) }])
    case .best: return object(.best, [:])
    case .note(let trial, let key, let value):
      return object(.note, ["trial": trial.map { .integer($0) }, "key": .string(key), "value": value])
    case .cancel(let trial): return object(.cancel, ["trial": .integer(trial)])
    }
  }

  /// - Throws: `ProtocolError` that says what is wrong and what would be right.
  init(_ verb: Verb, _ json: JSONValue) throws(ProtocolError) {
    guard case .object(let members) = json else { throw ProtocolError("a request is a JSON object") }
    let possible = ["verb", "id"] + verb.members
    for member in members where !possible.contains(member.key) {
      throw ProtocolError("\(verb.rawValue) has no '\(member.key)' (\(suggestion(for: member.key, among: possible)))")
    }
    let reader = RequestReader(json: json, verb: verb.rawValue)
    switch verb {
    case .describe: self = .describe
    case .best: self = .best
    case .draw:
      self = .draw(try reader.trial(), name: try reader.text("name"), parameter: try reader.value("parameter"))
    case .settle: self = .settle(try reader.trial(), used: try reader.value("used"))
    case .enqueue: self = .enqueue(config: try reader.value("config"), notes: json["notes"])
    case .add: self = .add(trials: try reader.value("trials"))
    case .trials:
      var only: [TrialNumber]?
      if case .array(let items)? = json["only"] {
        only = items.compactMap { if case .integer(let number) = $0 { number } else { nil } }
        guard only?.count == items.count else { throw ProtocolError("only is a list of trial numbers") }
      } else if json["only"] != nil {
        throw ProtocolError("only is a list of trial numbers")
      }
      guard let from = Int(exactly: try reader.number("from") ?? 0), from >= 0 else {
        throw ProtocolError("from is the number of a trial")
      }
      self = .trials(from: from, only: only)
    case .note:
      let trial = json["trial"] == nil ? nil : try reader.trial()
      let key = try reader.text("key")
      guard !key.isEmpty else { throw ProtocolError("note needs a key") }
      self = .note(trial, key: key, value: try reader.value("value"))
    case .cancel: self = .cancel(try reader.trial())
    }
  }
}
