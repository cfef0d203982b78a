import TrimtabSearchSpaces

/// Writes a search space as the JSON that ConfigSpace reads (`ConfigurationSpace.from_json`).
public enum ConfigSpaceWriter {
  /// - Parameter name: the space's name.
  /// - Throws: `SpaceError` naming the parameter, condition or constraint that ConfigSpace cannot express.
  public static func json(_ space: Space, name: String) throws(SpaceError) -> JSONValue {
    var hyperparameters: [JSONValue] = []
    var conditions: [JSONValue] = []
    for parameter in space.parameters {
      hyperparameters.append(try hyperparameter(parameter))
      if let condition = parameter.condition {
        conditions.append(try Self.condition(condition, of: parameter.name, space))
      }
    }
    var forbidden: [JSONValue] = []
    for constraint in space.constraints {
      guard let clause = clause(forbiddenBy: constraint, space) else {
        throw SpaceError(
          "the constraint '\(constraint.description)' cannot be expressed in ConfigSpace",
          hint: "it knows only what is forbidden: not (a == 1 and b in [x, y]), or two parameters compared")
      }
      forbidden.append(clause)
    }
    return .members([
      "name": .string(name), "hyperparameters": .array(hyperparameters), "conditions": .array(conditions),
      "forbiddens": .array(forbidden), "format_version": .number(0.4),
    ])
  }

  // MARK: Hyperparameters

  private static func hyperparameter(_ parameter: Parameter) throws(SpaceError) -> JSONValue {
    func refusal(_ what: String, _ hint: String? = nil) -> SpaceError {
      SpaceError("ConfigSpace has no \(what)", at: parameter.name, hint: hint)
    }
    let name = JSONValue.string(parameter.name)
    func choices(_ kind: String, _ list: [Choice], _ key: String) -> JSONValue {
      let value = parameter.defaultValue?.json ?? list[0].json
      return .object(
        [
          .init("type", .string(kind)), .init("name", name), .init(key, .array(list.map(\.json))),
          .init("default_value", value), .init("meta", .null),
        ] + (kind == "categorical" ? [.init("weights", .null)] : []))
    }
    switch parameter.domain {
    case .categorical(let list): return choices("categorical", list, "choices")
    case .boolean: return choices("categorical", [.boolean(false), .boolean(true)], "choices")
    case .ordinal(let list): return choices("ordinal", list, "sequence")
    case .constant(let value):
      return .members(["type": .string("constant"), "name": name, "value": value.json, "meta": .null])
    case .permutation: throw refusal("permutations")
    case .simplex: throw refusal("simplices")
    case .float(let axis), .integer(let axis):
      let isInteger = if case .integer = parameter.domain { true } else { false }
      if let step = axis.step, !(isInteger && step == 1) { throw refusal("steps", "remove the step, or use ordinal") }
      guard axis.scale != .logit else { throw refusal("logit scale", "use scale: linear") }
      guard axis.low.isFinite, axis.high.isFinite else { throw refusal("range without ends", "give it low and high") }
      let kind = isInteger ? "int" : "float"
      func number(_ value: Double) -> JSONValue { isInteger ? .integer(Int(value)) : .number(value) }
      let unit = NumericAxis(axis)
      let centre = parameter.defaultValue?.json ?? number(unit.decode(0.5))
      let ends: [JSONValue.Member] = [
        .init("lower", number(axis.low)), .init("upper", number(axis.high)), .init("default_value", centre),
        .init("log", .bool(axis.scale == .log)), .init("meta", .null),
      ]
      switch axis.prior {
      case nil: return .object([.init("type", .string("uniform_\(kind)")), .init("name", name)] + ends)
      case .normal(let mean, let deviation):
        return .object(
          [
            .init("type", .string("normal_\(kind)")), .init("name", name), .init("mu", .number(mean)),
            .init("sigma", .number(deviation)),
          ] + ends)
      case .logNormal: throw refusal("log-normal distribution with these meanings", "use scale: log")
      }
    }
  }

  // MARK: Conditions

  private static func value(_ expression: Expression, of name: String, _ space: Space) -> JSONValue? {
    switch expression {
    case .number(let number, _): return Int(exactly: number).map { .integer($0) } ?? .number(number)
    case .text(let text, _), .name(let text, _):
      let choices = space.index(of: name).flatMap { space.parameters[$0].domain.choices } ?? []
      return choices.first { $0.description == text }?.json
    case .boolean(let flag, _): return .bool(flag)
    default: return nil
    }
  }

  private static func condition(
    _ expression: Expression, of child: String, _ space: Space
  ) throws(SpaceError) -> JSONValue {
    let refusal = SpaceError(
      "the condition '\(expression.description)' cannot be expressed in ConfigSpace", at: child,
      hint: "it compares one parameter with one value, and joins such comparisons by 'and' and 'or'")
    func single(_ type: String, _ parent: String, _ value: JSONValue) -> JSONValue {
      .members(["type": .string(type), "child": .string(child), "parent": .string(parent), "value": value])
    }
    switch expression {
    case .and(let a, let b):
      return .members([
        "type": .string("AND"), "child": .string(child),
        "conditions": .array([try condition(a, of: child, space), try condition(b, of: child, space)]),
      ])
    case .or(let a, let b):
      return .members([
        "type": .string("OR"), "child": .string(child),
        "conditions": .array([try condition(a, of: child, space), try condition(b, of: child, space)]),
      ])
    case .name(let parent, _): return single("EQ", parent, .bool(true))
    case .membership(.name(let parent, _), let items, negated: false):
      let values = items.compactMap { value($0, of: parent, space) }
      guard values.count == items.count else { throw refusal }
      return .members([
        "type": .string("IN"), "child": .string(child), "parent": .string(parent), "values": .array(values),
      ])
    case .comparison(.name(let parent, _), let comparison, let operand):
      guard let value = value(operand, of: parent, space) else { throw refusal }
      let isInteger: Bool
      if let index = space.index(of: parent), case .integer = space.parameters[index].domain {
        isInteger = true
      } else {
        isInteger = false
      }
      switch (comparison, value) {
      case (.equal, _): return single("EQ", parent, value)
      case (.notEqual, _): return single("NEQ", parent, value)
      case (.less, _): return single("LT", parent, value)
      case (.greater, _): return single("GT", parent, value)
      case (.greaterOrEqual, .integer(let bound)) where isInteger: return single("GT", parent, .integer(bound - 1))
      case (.lessOrEqual, .integer(let bound)) where isInteger: return single("LT", parent, .integer(bound + 1))
      default: throw refusal
      }
    default: throw refusal
    }
  }

  // MARK: Forbidden clauses

  /// What a constraint forbids; nil where that is no clause of ConfigSpace's.
  private static func clause(forbiddenBy constraint: Expression, _ space: Space) -> JSONValue? {
    switch constraint {
    case .not(let forbidden): return clause(forbidden, space)
    case .comparison(let a, .lessOrEqual, let b): return clause(.comparison(a, .greater, b), space)
    case .comparison(let a, .greaterOrEqual, let b): return clause(.comparison(a, .less, b), space)
    case .comparison(let a, .notEqual, let b): return clause(.comparison(a, .equal, b), space)
    case .membership(let a, let items, negated: true): return clause(.membership(a, items, negated: false), space)
    default: return nil
    }
  }

  private static func clause(_ expression: Expression, _ space: Space) -> JSONValue? {
    switch expression {
    case .and(let a, let b):
      guard let a = clause(a, space), let b = clause(b, space) else { return nil }
      return .members(["type": .string("AND"), "clauses": .array([a, b])])
    case .membership(.name(let name, _), let items, negated: false):
      let values = items.compactMap { value($0, of: name, space) }
      guard values.count == items.count else { return nil }
      return .members(["type": .string("IN"), "name": .string(name), "values": .array(values)])
    case .comparison(.name(let a, _), let comparison, .name(let b, _)) where space.index(of: b) != nil:
      let kinds: [Expression.Comparison: String] = [
        .equal: "RELATION_EQ", .less: "RELATION_LT", .greater: "RELATION_GT",
      ]
      return kinds[comparison].map { .members(["type": .string($0), "left": .string(a), "right": .string(b)]) }
    case .comparison(.name(let name, _), .equal, let operand):
      return value(operand, of: name, space).map {
        .members(["type": .string("EQUALS"), "name": .string(name), "value": $0])
      }
    default: return nil
    }
  }
}
