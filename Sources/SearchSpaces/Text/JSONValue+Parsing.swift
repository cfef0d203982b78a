/// Why a text is no JSON document.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  public var message: String
  /// The place of the error, in bytes of UTF-8 from the start of the text.
  public var offset: Int

  public init(_ message: String, at offset: Int) {
    self.message = message
    self.offset = offset
  }

  public var description: String { "\(message) (at byte \(offset))" }
}

extension JSONValue {
  /// How deeply arrays and objects may be nested.
  public static let maximumDepth = 64

  /// Reads one JSON document (RFC 8259).
  ///
  /// Beyond the standard, the bare words `NaN`, `Infinity` and `-Infinity` are numbers, as many writers have it. Against it, a key
  /// that stands twice in an object, half of a surrogate pair, a number beyond the range of `Double` and nesting deeper
  /// than `maximumDepth` are errors: what they mean would be a guess. A number without fraction and exponent that an `Int`
  /// holds is `.integer`; every other is the nearest `Double`.
  public static func parse(_ text: String) throws(JSONError) -> JSONValue {
    var text = text
    let result = text.withUTF8 { bytes -> Result<JSONValue, JSONError> in
      Result { () throws(JSONError) in
        var parser = JSONParser(bytes)
        return try parser.document()
      }
    }
    return try result.get()
  }
}

/// Works on bytes that are known to be UTF-8.
private struct JSONParser {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var next = 0
  private var depth = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  mutating func document() throws(JSONError) -> JSONValue {
    skipSpace()
    guard next < bytes.count else { throw JSONError("a value is missing: there is no text", at: next) }
    let value = try value()
    skipSpace()
    guard next == bytes.count else { throw JSONError("something follows the end of the document", at: next) }
    return value
  }

  private mutating func skipSpace() {
    while next < bytes.count {
      switch bytes[next] {
      case 0x20, 0x09, 0x0A, 0x0D: next += 1
      default: return
      }
    }
  }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard next < bytes.count, bytes[next] == UInt8(ascii: character) else { return false }
    next += 1
    return true
  }

  private mutating func value() throws(JSONError) -> JSONValue {
    skipSpace()
    guard next < bytes.count else { throw JSONError("a value is missing at the end of the text", at: next) }
    switch bytes[next] {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: return try word()
    }
  }

  // MARK: Arrays and objects

  private mutating func enter() throws(JSONError) {
    guard depth < JSONValue.maximumDepth else {
      throw JSONError("arrays and objects are nested more than \(JSONValue.maximumDepth) deep", at: next)
    }
    depth += 1
    next += 1
  }

  private mutating func array() throws(JSONError) -> JSONValue {
    try enter()
    defer { depth -= 1 }
    if accept("]") { return .array([]) }
    var items: [JSONValue] = []
    repeat { items.append(try value()) } while accept(",")
    guard accept("]") else { throw JSONError("',' or ']' is missing", at: next) }
    return .array(items)
  }

  /// From this number of members on, keys are looked up in a set.
  private static let manyMembers = 16

  private mutating func object() throws(JSONError) -> JSONValue {
    try enter()
    defer { depth -= 1 }
    if accept("}") { return .object([]) }
    var members: [JSONValue.Member] = []
    var keys: Set<String> = []
    repeat {
      skipSpace()
      let start = next
      guard next < bytes.count, bytes[next] == UInt8(ascii: "\"") else {
        throw JSONError("a name in double quotes is missing", at: next)
      }
      let key = try string()
      let isNew: Bool
      if members.count < Self.manyMembers {
        isNew = !members.contains { $0.key == key }
      } else {
        if keys.isEmpty { keys = Set(members.map(\.key)) }
        isNew = keys.insert(key).inserted
      }
      guard isNew else { throw JSONError("'\(key)' stands twice", at: start) }
      guard accept(":") else { throw JSONError("':' is missing after \"\(key)\"", at: next) }
      members.append(JSONValue.Member(key, try value()))
    } while accept(",")
    guard accept("}") else { throw JSONError("',' or '}' is missing", at: next) }
    return .object(members)
  }

  // MARK: Words and numbers

  private mutating func word() throws(JSONError) -> JSONValue {
    let start = next
    while next < bytes.count, isLetterOrDigit(bytes[next]) { next += 1 }
    guard next > start else { throw JSONError("a value is missing", at: start) }
    let word = text(start..<next)
    switch word {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "null": return .null
    case "NaN": return .number(.nan)
    case "Infinity": return .number(.infinity)
    default: throw JSONError("'\(word.prefix(40))' is no value: text stands in double quotes", at: start)
    }
  }

  private func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "_"), 0x80...0xFF:
      true
    default: false
    }
  }

  private func isDigit(_ index: Int) -> Bool {
    index < bytes.count && bytes[index] >= UInt8(ascii: "0") && bytes[index] <= UInt8(ascii: "9")
  }

  private func has(_ character: Unicode.Scalar, at index: Int) -> Bool {
    index < bytes.count && bytes[index] == UInt8(ascii: character)
  }

  /// Whole powers of ten that a `Double` holds exactly.
  private static let powers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = next
    let isNegative = bytes[next] == UInt8(ascii: "-")
    if isNegative { next += 1 }
    if has("I", at: next) {
      let begin = next
      while next < bytes.count, isLetterOrDigit(bytes[next]) { next += 1 }
      guard text(begin..<next) == "Infinity" else { throw malformed(start) }
      return .number(-.infinity)
    }
    guard isDigit(next) else { throw malformed(start) }
    if has("0", at: next), isDigit(next + 1) { throw malformed(start, "a number does not begin with 0") }
    var digits: UInt64 = 0
    var digitCount = 0
    var shift = 0
    func take() {
      // Twenty digits may not fit; from there on, only the text counts.
      if digitCount < 19 { digits = digits * 10 + UInt64(bytes[next] - UInt8(ascii: "0")) }
      if digits != 0 { digitCount += 1 }
      next += 1
    }
    while isDigit(next) { take() }
    var isWhole = true
    if has(".", at: next) {
      isWhole = false
      next += 1
      guard isDigit(next) else { throw malformed(start, "a digit follows the point") }
      while isDigit(next) {
        take()
        shift -= 1
      }
    }
    if has("e", at: next) || has("E", at: next) {
      isWhole = false
      next += 1
      let isDown = has("-", at: next)
      if isDown || has("+", at: next) { next += 1 }
      guard isDigit(next) else { throw malformed(start, "a digit follows the e") }
      var exponent = 0
      while isDigit(next) {
        exponent = min(exponent * 10 + Int(bytes[next] - UInt8(ascii: "0")), 1_000_000)
        next += 1
      }
      shift += isDown ? -exponent : exponent
    }
    if next < bytes.count, isLetterOrDigit(bytes[next]) || bytes[next] == UInt8(ascii: ".") { throw malformed(start) }
    if isWhole, digitCount < 19, !(isNegative && digits == 0) {
      return .integer(isNegative ? -Int(digits) : Int(digits))
    }
    // Both factors are exact, so the one rounding of their product or quotient is the right one (Clinger 1990).
    if digitCount < 19, digits <= 1 << 53, shift.magnitude <= 22 {
      let value = Double(digits)
      let power = Self.powers[Int(shift.magnitude)]
      let magnitude = shift < 0 ? value / power : value * power
      return .number(isNegative ? -magnitude : magnitude)
    }
    let text = text(start..<next)
    if isWhole, let value = Int(text), value != 0 { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw JSONError("the number \(text.prefix(40)) is too large", at: start)
    }
    return .number(value)
  }

  private mutating func malformed(_ start: Int, _ why: String? = nil) -> JSONError {
    while next < bytes.count, isLetterOrDigit(bytes[next]) || "+-.".utf8.contains(bytes[next]) { next += 1 }
    return JSONError("'\(text(start..<next).prefix(40))' is no number\(why.map { ": \($0)" } ?? "")", at: start)
  }

  // MARK: Strings

  private func text(_ range: Range<Int>) -> String {
    String(decoding: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
  }

  private mutating func string() throws(JSONError) -> String {
    next += 1
    let start = next
    while next < bytes.count {
      let byte = bytes[next]
      if byte == UInt8(ascii: "\"") {
        next += 1
        return text(start..<next - 1)
      }
      if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
      guard byte >= 0x20 else { throw rawControl() }
      next += 1
    }
    throw JSONError("a closing '\"' is missing", at: start - 1)
  }

  private func rawControl() -> JSONError {
    JSONError("a control character stands in a string: write it as \\n, \\t or \\u00XX", at: next)
  }

  /// A string with an escape in it, of which everything before `next` is plain.
  private mutating func escapedString(from start: Int) throws(JSONError) -> String {
    var decoded = Array(bytes[start..<next])
    while next < bytes.count {
      let byte = bytes[next]
      switch byte {
      case UInt8(ascii: "\""):
        next += 1
        return String(decoding: decoded, as: UTF8.self)
      case UInt8(ascii: "\\"): try escape(into: &decoded)
      case 0..<0x20: throw rawControl()
      default:
        decoded.append(byte)
        next += 1
      }
    }
    throw JSONError("a closing '\"' is missing", at: start - 1)
  }

  private mutating func escape(into decoded: inout [UInt8]) throws(JSONError) {
    let start = next
    guard next + 1 < bytes.count else { throw JSONError("the text ends within an escape", at: start) }
    let kind = bytes[next + 1]
    next += 2
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(kind)
    case UInt8(ascii: "n"): decoded.append(0x0A)
    case UInt8(ascii: "t"): decoded.append(0x09)
    case UInt8(ascii: "r"): decoded.append(0x0D)
    case UInt8(ascii: "b"): decoded.append(0x08)
    case UInt8(ascii: "f"): decoded.append(0x0C)
    case UInt8(ascii: "u"):
      var code = try codeUnit(start)
      if (0xD800..<0xDC00).contains(code), has("\\", at: next), has("u", at: next + 1) {
        next += 2
        let low = try codeUnit(start)
        guard (0xDC00..<0xE000).contains(low) else { throw halfPair(start) }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw halfPair(start) }
      decoded.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    default: throw JSONError("there is no such escape: a backslash in a text is written \\\\", at: start)
    }
  }

  private func halfPair(_ start: Int) -> JSONError {
    JSONError("\\u gives half of a surrogate pair", at: start)
  }

  /// The four hexadecimal digits of an escape.
  private mutating func codeUnit(_ start: Int) throws(JSONError) -> UInt32 {
    var code: UInt32 = 0
    for index in next..<next + 4 {
      let digit: UInt8
      switch index < bytes.count ? bytes[index] : 0 {
      case let byte where byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case let byte where byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case let byte where byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw JSONError("\\u needs four hexadecimal digits", at: start)
      }
      code = code << 4 | UInt32(digit)
    }
    next += 4
    return code
  }
}
