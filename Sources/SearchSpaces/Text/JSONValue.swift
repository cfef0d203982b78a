/// A JSON document whose members keep their order.
///
/// Used for everything Trimtab prints or stores as JSON, so that the same facts always give the same bytes.
/// JSON has no non-finite numbers: they are written as the strings `"nan"`, `"inf"` and `"-inf"`.
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  /// One member of an object.
  public struct Member: Sendable, Equatable {
    public var key: String
    public var value: JSONValue

    public init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// An object from key-value pairs; pairs whose value is nil are left out.
  public static func members(_ pairs: KeyValuePairs<String, JSONValue?>) -> JSONValue {
    .object(pairs.compactMap { key, value in value.map { Member(key, $0) } })
  }

  /// The member of that name, when this is an object that has it.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  /// The document on one line.
  public var text: String {
    var out = ""
    write(to: &out, indent: nil, level: 0)
    return out
  }

  /// The document over several lines, indented by two spaces a level; short arrays stay on one line.
  public var prettyText: String {
    var out = ""
    write(to: &out, indent: 2, level: 0)
    return out
  }

  private var isScalar: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }

  private func write(to out: inout String, indent: Int?, level: Int) {
    func newline(_ level: Int) {
      guard let indent else { return }
      out += "\n"
      out += String(repeating: " ", count: indent * level)
    }
    switch self {
    case .null: out += "null"
    case .bool(let value): out += value ? "true" : "false"
    case .integer(let value): out += String(value)
    case .number(let value): out += Self.numberText(value)
    case .string(let value): Self.quote(value, to: &out)
    case .array(let items):
      let onOneLine = indent == nil || items.allSatisfy(\.isScalar)
      out += "["
      for (i, item) in items.enumerated() {
        if i > 0 { out += indent == nil || !onOneLine ? "," : ", " }
        if !onOneLine { newline(level + 1) }
        item.write(to: &out, indent: indent, level: level + 1)
      }
      if !onOneLine { newline(level) }
      out += "]"
    case .object(let members):
      out += "{"
      for (i, member) in members.enumerated() {
        if i > 0 { out += "," }
        newline(level + 1)
        Self.quote(member.key, to: &out)
        out += indent == nil ? ":" : ": "
        member.value.write(to: &out, indent: indent, level: level + 1)
      }
      if !members.isEmpty { newline(level) }
      out += "}"
    }
  }

  /// The shortest text that reads back as the same number.
  public static func numberText(_ value: Double) -> String {
    if value.isNaN { return "\"nan\"" }
    if value.isInfinite { return value < 0 ? "\"-inf\"" : "\"inf\"" }
    return plainText(value)
  }

  /// A finite number as people write it: `3` rather than `3.0`.
  public static func plainText(_ value: Double) -> String {
    if value == value.rounded(), abs(value) < 1e15 {
      return value == 0 && value.sign == .minus ? "-0.0" : String(Int(value))
    }
    return value.description
  }

  private static func quote(_ text: String, to out: inout String) {
    out += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      // JSON asks for the first range only; YAML readers refuse or fold the others.
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}", "\u{FEFF}", "\u{FFFE}", "\u{FFFF}":
        let hex = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: out.unicodeScalars.append(scalar)
      }
    }
    out += "\""
  }
}
