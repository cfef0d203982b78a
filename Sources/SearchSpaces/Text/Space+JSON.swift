extension Space {
  /// The values that a JSON object gives, such as `json(of:)` writes.
  /// - Throws: `SpaceError` when it is no object, names an unknown parameter, or has a value of the wrong kind. Whether the
  ///   values lie in their domains is not checked here.
  public func values(_ json: JSONValue) throws(SpaceError) -> [(name: String, value: ParameterValue)] {
    guard case .object(let members) = json else {
      throw SpaceError("a configuration is a JSON object such as {\"x\": 0.5}")
    }
    var values: [(name: String, value: ParameterValue)] = []
    for member in members {
      guard let index = index(of: member.key) else {
        throw SpaceError(
          "there is no such parameter", at: member.key,
          hint: suggestion(for: member.key, among: parameters.map(\.name)))
      }
      values.append((member.key, try parameters[index].value(member.value)))
    }
    return values
  }

  /// The configuration that a JSON object gives in full: the value of every active parameter, and no other.
  /// - Throws: `SpaceError` naming a parameter that is missing, unknown or inactive, or a value outside its domain.
  public func configuration(wholly json: JSONValue) throws(SpaceError) -> Configuration {
    let values = try values(json)
    let configuration = try configuration(values)
    let given = Set(values.map(\.name))
    for (index, parameter) in parameters.enumerated() where !given.contains(parameter.name) {
      if !configuration.slots[slotRanges[index].lowerBound].isNaN {
        throw SpaceError("the value is missing", at: parameter.name)
      }
    }
    return configuration
  }
}

extension Parameter {
  /// The value that JSON gives, in no more than its kind checked against the domain.
  public func value(_ json: JSONValue) throws(SpaceError) -> ParameterValue {
    if let choice = Choice(json) { return .choice(choice) }
    guard case .array(let items) = json else {
      throw SpaceError("\(json.text) is no value of a parameter", at: name)
    }
    if case .simplex = domain {
      let weights = items.compactMap { Choice($0)?.number }
      guard weights.count == items.count else { throw SpaceError("weights are numbers", at: name) }
      return .simplex(weights)
    }
    let choices = items.compactMap { Choice($0) }
    guard choices.count == items.count else { throw SpaceError("a list of single values is needed", at: name) }
    return .permutation(choices)
  }
}

extension Choice {
  /// A single value; nil for anything else.
  init?(_ json: JSONValue) {
    switch json {
    case .bool(let value): self = .boolean(value)
    case .integer(let value): self = .integer(value)
    case .number(let value): self = .real(value)
    case .string(let value): self = .text(value)
    case .null, .array, .object: return nil
    }
  }
}
