import TrimtabSearchSpaces
import TrimtabStudies

/// One line that a trial wrote to its report path.
///
/// A line is a flat JSON object: `{"epoch": 3, "loss": 0.5}`. Beyond JSON it may hold what common writers produce: bare
/// `NaN`, `Infinity` and `-Infinity`, and the strings `"nan"`, `"inf"` and `"-inf"`. The key of the resource is the
/// fidelity's name or `resource`. `{"reject": "why"}` and `{"fail": "why"}` end the trial.
public enum ReportLine: Sendable, Equatable {
  case metrics(resource: Double?, [MetricValue])
  case reject(String)
  case fail(String)

  /// - Throws: `SessionError` that says what is wrong with the line.
  public static func parse(_ line: String, fidelity: Fidelity?) throws(SessionError) -> ReportLine {
    var parser = Parser(line)
    let members = try parser.object()
    if case .text(let reason)? = members.first(where: { $0.key == "reject" })?.value { return .reject(reason) }
    if case .text(let reason)? = members.first(where: { $0.key == "fail" })?.value { return .fail(reason) }
    var resource: Double?
    var metrics: [MetricValue] = []
    for (key, value) in members {
      let number: Double
      switch value {
      case .number(let given): number = given
      case .text(let text):
        guard let given = Self.number(named: text) else {
          throw error("the value of '\(key)' is not a number: \"\(text)\"")
        }
        number = given
      }
      if key == "resource" || key == fidelity?.name {
        guard resource == nil else { throw error("the resource is given twice") }
        resource = number
      } else {
        metrics.append(MetricValue(key, number))
      }
    }
    if fidelity != nil, resource == nil {
      throw error("the resource is missing: add \"\(fidelity?.name ?? "resource")\"")
    }
    if fidelity == nil, resource != nil {
      throw error("a resource was reported, but the study file has no fidelity")
    }
    guard !metrics.isEmpty else { throw error("there is no metric in the report") }
    return .metrics(resource: resource, metrics)
  }

  private static func error(_ message: String) -> SessionError { SessionError(.invalidReport, message) }

  private static func number(named text: String) -> Double? {
    switch text.lowercased() {
    case "nan": .nan
    case "inf", "+inf", "infinity", "+infinity": .infinity
    case "-inf", "-infinity": -.infinity
    default: nil
    }
  }

  private enum Value {
    case number(Double)
    case text(String)
  }

  private struct Parser {
    private let bytes: [UInt8]
    private var next = 0

    init(_ line: String) { bytes = Array(line.utf8) }

    private mutating func skipSpace() {
      while next < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[next]) { next += 1 }
    }

    private mutating func accept(_ character: Character) -> Bool {
      skipSpace()
      guard next < bytes.count, bytes[next] == character.asciiValue else { return false }
      next += 1
      return true
    }

    mutating func object() throws(SessionError) -> [(key: String, value: Value)] {
      guard accept("{") else { throw ReportLine.error("a report is a JSON object such as {\"loss\": 0.5}") }
      var members: [(key: String, value: Value)] = []
      if !accept("}") {
        repeat {
          skipSpace()
          let key = try string()
          guard accept(":") else { throw ReportLine.error("':' is missing after \"\(key)\"") }
          guard !members.contains(where: { $0.key == key }) else { throw ReportLine.error("'\(key)' stands twice") }
          members.append((key, try value(of: key)))
        } while accept(",")
        guard accept("}") else { throw ReportLine.error("',' or '}' is missing") }
      }
      skipSpace()
      guard next == bytes.count else { throw ReportLine.error("something follows the closing '}'") }
      return members
    }

    private mutating func value(of key: String) throws(SessionError) -> Value {
      skipSpace()
      guard next < bytes.count else { throw ReportLine.error("the line ends too early") }
      if bytes[next] == UInt8(ascii: "\"") { return .text(try string()) }
      let start = next
      while next < bytes.count, ![UInt8(ascii: ","), UInt8(ascii: "}"), 0x20, 0x09, 0x0A, 0x0D].contains(bytes[next]) {
        next += 1
      }
      let word = String(decoding: bytes[start..<next], as: UTF8.self)
      switch word {
      case "NaN", "Infinity", "-Infinity":
        if let number = ReportLine.number(named: word) { return .number(number) }
      case "true": return .number(1)
      case "false": return .number(0)
      default:
        // Swift reads hexadecimal and "inf" too; JSON's numbers begin with a digit or a minus.
        if let first = word.unicodeScalars.first, first == "-" || ("0"..."9").contains(first), !word.contains("x"),
          let number = Double(word)
        {
          return .number(number)
        }
      }
      throw ReportLine.error("the value of '\(key)' is not a number: \(word)")
    }

    private mutating func string() throws(SessionError) -> String {
      guard next < bytes.count, bytes[next] == UInt8(ascii: "\"") else {
        throw ReportLine.error("a name in double quotes is missing")
      }
      next += 1
      var text: [UInt8] = []
      var pendingSurrogate: UInt32?
      while next < bytes.count {
        let byte = bytes[next]
        next += 1
        if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
        guard byte == UInt8(ascii: "\\") else {
          text.append(byte)
          continue
        }
        guard next < bytes.count else { break }
        let escape = bytes[next]
        next += 1
        switch escape {
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "u"):
          guard next + 4 <= bytes.count,
            let code = UInt32(String(decoding: bytes[next..<next + 4], as: UTF8.self), radix: 16)
          else { throw ReportLine.error("\\u needs four hexadecimal digits") }
          next += 4
          if let high = pendingSurrogate, (0xDC00..<0xE000).contains(code) {
            let scalar = 0x10000 + (high - 0xD800) << 10 + (code - 0xDC00)
            text.append(contentsOf: Array(String(Unicode.Scalar(scalar).map(Character.init) ?? "\u{FFFD}").utf8))
            pendingSurrogate = nil
          } else if (0xD800..<0xDC00).contains(code) {
            pendingSurrogate = code
          } else {
            text.append(contentsOf: Array(String(Unicode.Scalar(code).map(Character.init) ?? "\u{FFFD}").utf8))
          }
        default: text.append(escape)
        }
      }
      throw ReportLine.error("a closing '\"' is missing")
    }
  }
}
