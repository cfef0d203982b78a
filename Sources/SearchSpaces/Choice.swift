/// One value of a categorical or ordinal parameter, or a constant. Numbers are equal by value: `.real(2)` is `.integer(2)`.
public enum Choice: Sendable, Hashable, CustomStringConvertible {
  case text(String)
  case integer(Int)
  case real(Double)
  case boolean(Bool)

  // Text does not tell 2.0 from 2, so a choice that was read back must equal the one that was written.
  public static func == (a: Choice, b: Choice) -> Bool {
    switch (a, b) {
    case (.text(let a), .text(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.real(let a), .real(let b)): a == b
    case (.integer(let a), .real(let b)), (.real(let b), .integer(let a)): Int(exactly: b) == a
    case (.boolean(let a), .boolean(let b)): a == b
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch self {
    case .text(let text): hasher.combine(text)
    case .integer(let value): hasher.combine(Double(value))
    case .real(let value): hasher.combine(value)
    case .boolean(let value): hasher.combine(value)
    }
  }

  /// The value as it appears on a command line and in tables.
  public var description: String {
    switch self {
    case .text(let text): text
    case .integer(let value): String(value)
    case .real(let value): JSONValue.plainText(value)
    case .boolean(let value): value ? "true" : "false"
    }
  }

  /// The number this choice stands for, when it is one.
  public var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .real(let value): value
    case .text, .boolean: nil
    }
  }

  public var json: JSONValue {
    switch self {
    case .text(let text): .string(text)
    case .integer(let value): .integer(value)
    case .real(let value): .number(value)
    case .boolean(let value): .bool(value)
    }
  }

  /// Reads a scalar as YAML's core schema does: quoted is text; `true`, `false`, integers and finite reals are themselves.
  public init(scalar text: String, quoted: Bool) {
    if quoted {
      self = .text(text)
    } else if text == "true" || text == "True" || text == "TRUE" {
      self = .boolean(true)
    } else if text == "false" || text == "False" || text == "FALSE" {
      self = .boolean(false)
    } else if let value = Int(text) {
      self = .integer(value)
    } else if let value = Double(text), value.isFinite,
      text.unicodeScalars.first.map({ "0123456789.+-".unicodeScalars.contains($0) }) == true
    {
      self = .real(value)
    } else {
      self = .text(text)
    }
  }
}

/// The value of one parameter in a configuration, in the user's terms.
public enum ParameterValue: Sendable, Hashable, CustomStringConvertible {
  case real(Double)
  case integer(Int)
  case choice(Choice)
  /// The items in their order.
  case permutation([Choice])
  /// Weights that sum to 1, in the order of the simplex's parts.
  case simplex([Double])

  /// The value as it appears on a command line: items and weights are joined by commas.
  public var description: String {
    switch self {
    case .real(let value): JSONValue.plainText(value)
    case .integer(let value): String(value)
    case .choice(let choice): choice.description
    case .permutation(let items): items.map(\.description).joined(separator: ",")
    case .simplex(let weights): weights.map(JSONValue.plainText).joined(separator: ",")
    }
  }

  public var json: JSONValue {
    switch self {
    case .real(let value): .number(value)
    case .integer(let value): .integer(value)
    case .choice(let choice): choice.json
    case .permutation(let items): .array(items.map(\.json))
    case .simplex(let weights): .array(weights.map { .number($0) })
    }
  }
}
