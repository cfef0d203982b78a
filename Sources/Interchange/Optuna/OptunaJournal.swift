import TrimtabSearchSpaces
import TrimtabStudies

/// Reads studies from the file that Optuna's journal storage writes: a JSON object on each line, an operation each.
struct OptunaJournal {
  enum Operation: Int {
    case createStudy = 0
    case deleteStudy = 1
    case setStudyUserAttribute = 2
    case setStudySystemAttribute = 3
    case createTrial = 4
    case setParameter = 5
    case setState = 6
    case setIntermediateValue = 7
    case setUserAttribute = 8
    case setSystemAttribute = 9
    /// Rustuna's; Optuna passes over it.
    case discardTrials = 10
  }

  /// All studies that were not deleted, in the order of their creation.
  private(set) var studies: [OptunaStudy] = []
  private(set) var remarks: [String] = []
  private let path: String
  /// Studies by the numbers that operations give them; nil once deleted.
  private var slots: [OptunaStudy?] = []
  /// Where the trials lie that operations number.
  private var places: [(study: Int, trial: Int)] = []
  private var known: [String: OptunaDistribution] = [:]
  private var line = 0

  /// - Throws: `InterchangeError` naming the line that cannot be read.
  init(path: String) throws(InterchangeError) {
    self.path = path
    let text = try FileBytes.text(path)
    guard text.contains(where: { !$0.isWhitespace }) else { throw InterchangeError(at: path, "the file is empty") }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, content) in lines.enumerated() {
      line = index + 1
      guard !content.isEmpty else { continue }
      let json: JSONValue
      do {
        json = try JSONValue.parse(String(content))
      } catch {
        // The last operation may be one that is still being written.
        if index + 1 == lines.count, !slots.isEmpty {
          remarks.append("line \(line) is not complete and is left out, as Optuna does")
          break
        }
        throw failure("this is no JSON object: \(error)", hint: index == 0 ? "is it an Optuna journal?" : nil)
      }
      try apply(json)
    }
    studies = slots.compactMap { $0 }
  }

  private func failure(_ message: String, hint: String? = nil) -> InterchangeError {
    InterchangeError(.damaged, at: "\(path):\(line)", message, hint: hint)
  }

  // MARK: Fields

  private func integer(_ json: JSONValue, _ key: String) throws(InterchangeError) -> Int {
    guard case .integer(let value)? = json[key] else { throw failure("there is no whole number '\(key)'") }
    return value
  }

  private func text(_ json: JSONValue, _ key: String) throws(InterchangeError) -> String {
    guard case .string(let value)? = json[key] else { throw failure("there is no text '\(key)'") }
    return value
  }

  private func members(_ json: JSONValue?, _ key: String) throws(InterchangeError) -> [JSONValue.Member] {
    switch json?[key] {
    case .object(let members)?: return members
    case nil, .null?: return []
    default: throw failure("'\(key)' is no object")
    }
  }

  private func number(_ json: JSONValue?) throws(InterchangeError) -> Double {
    switch json {
    case .integer(let value)?: return Double(value)
    case .number(let value)?: return value
    // An intermediate value of None is no number.
    case .null?: return .nan
    default: throw failure("a number is missing")
    }
  }

  private func time(_ json: JSONValue, _ key: String) throws(InterchangeError) -> Timestamp? {
    switch json[key] {
    case nil, .null?: return nil
    case .string(let text)?:
      // Until version 4 Optuna wrote the time of its machine.
      guard let time = TimeReading.time(text, zone: .local) else { throw failure("'\(text)' is no time") }
      return time
    default: throw failure("'\(key)' is no time")
    }
  }

  private mutating func distribution(_ text: String) throws(InterchangeError) -> OptunaDistribution {
    if let found = known[text] { return found }
    let found = try OptunaDistribution(text, at: "\(path):\(line)")
    known[text] = found
    return found
  }

  private func values(_ json: JSONValue, _ single: String?) throws(InterchangeError) -> [Double?] {
    switch json["values"] {
    case .array(let items)?:
      var values: [Double?] = []
      for item in items { values.append(item == .null ? nil : try number(item)) }
      return values
    case nil, .null?:
      guard let single, let value = json[single], value != .null else { return [] }
      return [try number(value)]
    default: throw failure("'values' is no list")
    }
  }

  private func state(_ json: JSONValue) throws(InterchangeError) -> OptunaStudy.State? {
    guard json["state"] != nil else { return nil }
    guard let state = OptunaStudy.State(rawValue: try integer(json, "state")) else {
      throw failure("the state \(try integer(json, "state")) is not known")
    }
    return state
  }

  // MARK: Operations

  private mutating func apply(_ json: JSONValue) throws(InterchangeError) {
    let code = try integer(json, "op_code")
    guard let operation = Operation(rawValue: code) else {
      throw failure(
        "the operation \(code) is not known here", hint: "known are those of Optuna 5.0; was a later version used?")
    }
    switch operation {
    case .createStudy: try createStudy(json)
    case .deleteStudy:
      let id = try integer(json, "study_id")
      if slots.indices.contains(id) { slots[id] = nil }
    case .setStudyUserAttribute:
      let members = try members(json, "user_attr")
      try changeStudy(json) { study in for member in members { Self.set(member, in: &study.userAttributes) } }
    case .setStudySystemAttribute:
      let members = try members(json, "system_attr")
      try changeStudy(json) { study in for member in members { Self.set(member, in: &study.systemAttributes) } }
    case .createTrial: try createTrial(json)
    case .setParameter:
      let parameter = OptunaStudy.Parameter(
        name: try text(json, "param_name"), number: try number(json["param_value_internal"]),
        distribution: try distribution(try text(json, "distribution")))
      try changeTrial(json) { trial in
        trial.parameters.removeAll { $0.name == parameter.name }
        trial.parameters.append(parameter)
      }
    case .setState:
      guard let state = try state(json) else { throw failure("there is no state") }
      let values = try values(json, nil)
      let started = try time(json, "datetime_start")
      let completed = try time(json, "datetime_complete")
      try changeTrial(json) { trial in
        // A trial that runs already was taken by another process.
        guard !(state == .running && trial.state == .running) else { return }
        trial.state = state
        if !values.isEmpty { trial.values = values }
        if let started { trial.started = started }
        if let completed { trial.completed = completed }
      }
    case .setIntermediateValue:
      let step = try integer(json, "step")
      let value = try number(json["intermediate_value"])
      try changeTrial(json) { trial in
        trial.intermediate.removeAll { $0.step == step }
        trial.intermediate.append((step, value))
      }
    case .setUserAttribute:
      let members = try members(json, "user_attr")
      try changeTrial(json) { trial in for member in members { Self.set(member, in: &trial.userAttributes) } }
    case .setSystemAttribute:
      let members = try members(json, "system_attr")
      try changeTrial(json) { trial in for member in members { Self.set(member, in: &trial.systemAttributes) } }
    case .discardTrials: remarks.append("line \(line) discards trials, which Optuna passes over, and so does this")
    }
  }

  private static func set(_ member: JSONValue.Member, in members: inout [JSONValue.Member]) {
    if let index = members.firstIndex(where: { $0.key == member.key }) {
      members[index] = member
    } else {
      members.append(member)
    }
  }

  private mutating func createStudy(_ json: JSONValue) throws(InterchangeError) {
    let name = try text(json, "study_name")
    // Of two processes that create a study at once, the first has done it.
    guard !slots.contains(where: { $0?.name == name }) else { return }
    guard case .array(let items)? = json["directions"] else { throw failure("there is no list 'directions'") }
    var directions: [OptunaStudy.Direction] = []
    for item in items {
      guard case .integer(let code) = item, let direction = OptunaStudy.Direction(rawValue: code) else {
        throw failure("the direction \(item.text) is not known")
      }
      directions.append(direction)
    }
    slots.append(OptunaStudy(name: name, directions: directions))
  }

  private mutating func changeStudy(
    _ json: JSONValue, _ change: (inout OptunaStudy) -> Void
  ) throws(InterchangeError) {
    let id = try integer(json, "study_id")
    guard slots.indices.contains(id) else { return }
    slots[id]?.change(change)
  }

  private mutating func createTrial(_ json: JSONValue) throws(InterchangeError) {
    let id = try integer(json, "study_id")
    guard slots.indices.contains(id), let count = slots[id]?.trials.count else { return }
    var trial = OptunaStudy.Trial(number: count, state: try state(json) ?? .running)
    trial.started = try time(json, "datetime_start")
    trial.completed = try time(json, "datetime_complete")
    trial.values = try values(json, "value")
    let distributions = try members(json, "distributions")
    for member in try members(json, "params") {
      guard case .string(let text)? = distributions.first(where: { $0.key == member.key })?.value else {
        throw failure("the parameter '\(member.key)' has no distribution")
      }
      trial.parameters.append(
        OptunaStudy.Parameter(
          name: member.key, number: try number(member.value), distribution: try distribution(text)))
    }
    for member in try members(json, "intermediate_values") {
      guard let step = Int(member.key) else { throw failure("'\(member.key)' is no step") }
      trial.intermediate.append((step, try number(member.value)))
    }
    trial.userAttributes = try members(json, "user_attrs")
    trial.systemAttributes = try members(json, "system_attrs")
    slots[id]?.trials.append(trial)
    places.append((id, count))
  }

  private mutating func changeTrial(
    _ json: JSONValue, _ change: (inout OptunaStudy.Trial) -> Void
  ) throws(InterchangeError) {
    let id = try integer(json, "trial_id")
    guard places.indices.contains(id) else { return }
    let place = places[id]
    // What is over does not change.
    guard let state = slots[place.study]?.trials[place.trial].state, state == .running || state == .waiting else {
      return
    }
    slots[place.study]?.change(place.trial, change)
  }
}

extension OptunaStudy {
  fileprivate mutating func change(_ change: (inout OptunaStudy) -> Void) { change(&self) }

  fileprivate mutating func change(_ trial: Int, _ change: (inout Trial) -> Void) { change(&trials[trial]) }
}
