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
    let members: [JSONValue.Member]
    do throws(JSONError) {
      guard case .object(let found) = try JSONValue.parse(line) else {
        throw JSONError("a report is a JSON object such as {\"loss\": 0.5}", at: 0)
      }
      members = found
    } catch let problem {
      throw error("\(problem)")
    }
    if case .string(let reason)? = members.first(where: { $0.key == "reject" })?.value { return .reject(reason) }
    if case .string(let reason)? = members.first(where: { $0.key == "fail" })?.value { return .fail(reason) }
    var resource: Double?
    var metrics: [MetricValue] = []
    for member in members {
      guard let number = member.value.measuredNumber else {
        throw error("the value of '\(member.key)' is not a number: \(member.value.text)")
      }
      if member.key == "resource" || member.key == fidelity?.name {
        guard resource == nil else { throw error("the resource is given twice") }
        resource = number
      } else {
        metrics.append(MetricValue(member.key, number))
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
}

extension JSONValue {
  /// A number as training programs report it: `true` is 1, `false` is 0, and the usual names of NaN and the infinities may stand
  /// as texts. Nil for everything else.
  var measuredNumber: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    case .bool(let value): value ? 1 : 0
    case .string(let text):
      switch text.lowercased() {
      case "nan": .nan
      case "inf", "+inf", "infinity", "+infinity": .infinity
      case "-inf", "-infinity": -.infinity
      default: nil
      }
    case .null, .array, .object: nil
    }
  }
}
