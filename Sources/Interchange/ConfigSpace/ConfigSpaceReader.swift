import TrimtabSearchSpaces

/// Reads a search space from the JSON that ConfigSpace writes (`ConfigurationSpace.to_json`).
public struct ConfigSpaceReader {
  public let name: String?
  public let space: Space
  private let path: String

  /// - Throws: `InterchangeError` naming the hyperparameter, condition or forbidden clause that cannot be expressed here.
  public init(path: String) throws(InterchangeError) {
    try self.init(try FileBytes.text(path), path: path)
  }

  /// - Parameter path: what errors call the text.
  public init(_ text: String, path: String) throws(InterchangeError) {
    self.path = path
    let root: JSONValue
    do {
      root = try JSONValue.parse(text)
    } catch {
      throw InterchangeError(at: path, "this is no JSON: \(error)")
    }
    guard case .array(let items)? = root["hyperparameters"] else {
      throw InterchangeError(
        at: path, "there is no list 'hyperparameters'", hint: "write the file with ConfigurationSpace.to_json")
    }
    name = if case .string(let text)? = root["name"] { text } else { nil }
    var parameters: [Parameter] = []
    for item in items { parameters.append(try Self.parameter(item, path)) }
    let conditional = Self.children(root["conditions"])
    if case .array(let conditions)? = root["conditions"] {
      for condition in conditions {
        let place = "\(path): condition of '\(Self.text(condition, "child") ?? "?")'"
        guard let child = Self.text(condition, "child"), let index = parameters.firstIndex(where: { $0.name == child })
        else { throw InterchangeError(at: place, "there is no such hyperparameter") }
        let expression = try Self.condition(condition, conditional, place)
        parameters[index].condition = parameters[index].condition.map { .and($0, expression) } ?? expression
      }
    }
    var constraints: [Expression] = []
    if case .array(let forbidden)? = root["forbiddens"] {
      for (i, clause) in forbidden.enumerated() {
        constraints.append(.not(try Self.clause(clause, "\(path): forbidden clause \(i + 1)")))
      }
    }
    do {
      space = try Space(parameters, constraints: constraints)
    } catch {
      throw InterchangeError(at: path, "\(error)")
    }
  }

  // MARK: Fields

  private static func text(_ json: JSONValue, _ key: String) -> String? {
    if case .string(let text)? = json[key] { text } else { nil }
  }

  private static func number(_ json: JSONValue, _ key: String) -> Double? {
    switch json[key] {
    case .integer(let value)?: Double(value)
    case .number(let value)?: value
    default: nil
    }
  }

  private static func choice(_ json: JSONValue, _ place: String) throws(InterchangeError) -> Choice {
    switch json {
    case .string(let text): return .text(text)
    case .integer(let value): return .integer(value)
    case .number(let value) where value.isFinite: return .real(value)
    case .bool(let value): return .boolean(value)
    default:
      throw InterchangeError(at: place, "\(json.text) cannot be a choice", hint: "use texts, numbers, true or false")
    }
  }

  private static func choices(_ json: JSONValue, _ key: String, _ place: String) throws(InterchangeError) -> [Choice] {
    guard case .array(let items)? = json[key], !items.isEmpty else {
      throw InterchangeError(at: place, "there is no list '\(key)'")
    }
    var choices: [Choice] = []
    for item in items { choices.append(try choice(item, place)) }
    return choices
  }

  // MARK: Hyperparameters

  private static func parameter(_ json: JSONValue, _ path: String) throws(InterchangeError) -> Parameter {
    guard let name = text(json, "name"), let type = text(json, "type") else {
      throw InterchangeError(at: path, "a hyperparameter has no name or no type: \(json.text.prefix(100))")
    }
    let place = "\(path): hyperparameter '\(name)'"
    var parameter = Parameter(name, try domain(json, type, place))
    let value = json["default_value"] ?? json["default"]
    if let value, value != .null {
      switch parameter.domain {
      case .float, .integer:
        switch value {
        case .integer(let number): parameter.defaultValue = .integer(number)
        case .number(let number): parameter.defaultValue = .real(number)
        default: throw InterchangeError(at: place, "the default \(value.text) is no number")
        }
      case .constant: break
      default: parameter.defaultValue = .choice(try choice(value, place))
      }
    }
    return parameter
  }

  private static func domain(_ json: JSONValue, _ type: String, _ place: String) throws(InterchangeError) -> Domain {
    switch type {
    case "uniform_float", "uniform_int", "normal_float", "normal_int":
      let isInteger = type.hasSuffix("_int")
      let axis = try numeric(json, isInteger: isInteger, isNormal: type.hasPrefix("normal"), place)
      return isInteger ? .integer(axis) : .float(axis)
    case "categorical":
      if case .array(let weights)? = json["weights"], Set(weights.map(\.text)).count > 1 {
        throw InterchangeError(
          at: place, "its choices have different weights, which a space here cannot express",
          hint: "remove the weights to draw all choices alike")
      }
      return .categorical(try choices(json, "choices", place))
    case "ordinal": return .ordinal(try choices(json, "sequence", place))
    case "constant", "unparametrized":
      guard let value = json["value"] else { throw InterchangeError(at: place, "it has no value") }
      return .constant(try choice(value, place))
    case "beta_float", "beta_int":
      throw InterchangeError(
        at: place, "a beta distribution cannot be expressed here",
        hint: "use a uniform or normal hyperparameter instead")
    default:
      throw InterchangeError(at: place, "the type '\(type)' is not known here")
    }
  }

  private static func numeric(
    _ json: JSONValue, isInteger: Bool, isNormal: Bool, _ place: String
  ) throws(InterchangeError) -> NumericDomain {
    let isLog = json["log"] == .bool(true)
    var prior: Prior?
    if isNormal {
      guard !isLog else {
        throw InterchangeError(
          at: place, "a normal distribution on a logarithmic scale cannot be expressed here",
          hint: "use a uniform hyperparameter with log instead")
      }
      guard let mean = number(json, "mu"), let deviation = number(json, "sigma") else {
        throw InterchangeError(at: place, "it has no mu or no sigma")
      }
      prior = .normal(mean: mean, deviation: deviation)
    }
    let low = number(json, "lower")
    let high = number(json, "upper")
    guard prior != nil || (low != nil && high != nil) else {
      throw InterchangeError(at: place, "it has no lower or no upper")
    }
    do {
      return try NumericDomain(
        low: low ?? -.infinity, high: high ?? .infinity, scale: isLog ? .log : .linear, step: number(json, "q"),
        prior: prior, isInteger: isInteger)
    } catch {
      throw InterchangeError(at: place, error.message, hint: error.hint)
    }
  }

  // MARK: Conditions and forbidden clauses

  /// The hyperparameters that have conditions.
  private static func children(_ conditions: JSONValue?) -> Set<String> {
    guard case .array(let items)? = conditions else { return [] }
    return Set(items.compactMap { text($0, "child") })
  }

  private static func literal(_ json: JSONValue, _ place: String) throws(InterchangeError) -> Expression {
    ConditionInference.literal(try choice(json, place))
  }

  private static func literals(_ json: JSONValue, _ place: String) throws(InterchangeError) -> [Expression] {
    var result: [Expression] = []
    for value in try choices(json, "values", place) { result.append(ConditionInference.literal(value)) }
    return result
  }

  private static func name(_ json: JSONValue, _ key: String, _ place: String) throws(InterchangeError) -> Expression {
    guard let name = text(json, key) else { throw InterchangeError(at: place, "there is no '\(key)'") }
    return .name(name, offset: 0)
  }

  private static func condition(
    _ json: JSONValue, _ conditional: Set<String>, _ place: String
  ) throws(InterchangeError) -> Expression {
    let type = text(json, "type") ?? ""
    switch type {
    case "EQ", "NEQ", "LT", "GT":
      guard let value = json["value"] else { throw InterchangeError(at: place, "there is no 'value'") }
      let operators: [String: Expression.Comparison] = ["EQ": .equal, "NEQ": .notEqual, "LT": .less, "GT": .greater]
      return .comparison(
        try name(json, "parent", place), operators[type] ?? .equal, try literal(value, place))
    case "IN": return .membership(try name(json, "parent", place), try literals(json, place), negated: false)
    case "AND", "OR":
      guard case .array(let items)? = json["conditions"] else {
        throw InterchangeError(at: place, "there is no list 'conditions'")
      }
      if type == "OR", let parent = items.compactMap({ text($0, "parent") }).first(where: conditional.contains) {
        throw InterchangeError(
          at: place, "it is one of several ways to be active, and '\(parent)' may be inactive itself",
          hint: "here a parameter is active only while all that its condition names are; state the conditions apart")
      }
      var parts: [Expression] = []
      for item in items { parts.append(try condition(item, conditional, place)) }
      return try joined(parts, type, place)
    default: throw InterchangeError(at: place, "the type '\(type)' is not known here")
    }
  }

  private static func joined(
    _ parts: [Expression], _ type: String, _ place: String
  ) throws(InterchangeError) -> Expression {
    guard let first = parts.first else { throw InterchangeError(at: place, "\(type) of nothing") }
    return parts.dropFirst().reduce(first) { type == "AND" ? .and($0, $1) : .or($0, $1) }
  }

  /// What is forbidden, as an expression that is true where it is.
  private static func clause(_ json: JSONValue, _ place: String) throws(InterchangeError) -> Expression {
    let type = text(json, "type") ?? ""
    switch type {
    case "EQUALS":
      guard let value = json["value"] else { throw InterchangeError(at: place, "there is no 'value'") }
      return .comparison(try name(json, "name", place), .equal, try literal(value, place))
    case "IN": return .membership(try name(json, "name", place), try literals(json, place), negated: false)
    case "AND":
      guard case .array(let items)? = json["clauses"] else {
        throw InterchangeError(at: place, "there is no list 'clauses'")
      }
      var parts: [Expression] = []
      for item in items { parts.append(try clause(item, place)) }
      return try joined(parts, type, place)
    case "RELATION_EQ", "RELATION_LT", "RELATION_GT":
      let operators: [String: Expression.Comparison] = [
        "RELATION_EQ": .equal, "RELATION_LT": .less, "RELATION_GT": .greater,
      ]
      return .comparison(
        try name(json, "left", place), operators[type] ?? .equal, try name(json, "right", place))
    default: throw InterchangeError(at: place, "the type '\(type)' is not known here")
    }
  }
}
