import TrimtabSearchSpaces
import TrimtabStudies

/// The domain of a parameter as Optuna writes it: `{"name": "FloatDistribution", "attributes": {…}}`.
enum OptunaDistribution {
  case float(low: Double, high: Double, log: Bool, step: Double?)
  case integer(low: Int, high: Int, log: Bool, step: Int)
  case categorical([JSONValue])

  /// - Throws: `InterchangeError` for a text that is no distribution, or one of a kind that is not known.
  init(_ text: String, at place: String) throws(InterchangeError) {
    let json: JSONValue
    do {
      json = try JSONValue.parse(text)
    } catch {
      throw InterchangeError(.damaged, at: place, "the distribution cannot be read: \(error)")
    }
    try self.init(json, at: place)
  }

  private init(_ json: JSONValue, at place: String) throws(InterchangeError) {
    guard case .string(let name)? = json["name"], let attributes = json["attributes"] else {
      throw InterchangeError(.damaged, at: place, "the distribution has no name: \(json.text.prefix(200))")
    }
    func number(_ key: String) throws(InterchangeError) -> Double {
      switch attributes[key] {
      case .integer(let value)?: return Double(value)
      case .number(let value)?: return value
      default: throw InterchangeError(.damaged, at: place, "\(name) has no number '\(key)'")
      }
    }
    func whole(_ key: String) throws(InterchangeError) -> Int {
      guard let value = Int(exactly: try number(key)) else {
        throw InterchangeError(.damaged, at: place, "'\(key)' of \(name) is no whole number")
      }
      return value
    }
    let isLog = attributes["log"] == .bool(true)
    func optionalStep() throws(InterchangeError) -> Double? {
      attributes["step"] == nil || attributes["step"] == .null ? nil : try number("step")
    }
    switch name {
    case "FloatDistribution":
      self = .float(low: try number("low"), high: try number("high"), log: isLog, step: try optionalStep())
    case "UniformDistribution": self = .float(low: try number("low"), high: try number("high"), log: false, step: nil)
    case "LogUniformDistribution":
      self = .float(low: try number("low"), high: try number("high"), log: true, step: nil)
    case "DiscreteUniformDistribution":
      self = .float(low: try number("low"), high: try number("high"), log: false, step: try number("q"))
    case "IntDistribution", "IntUniformDistribution", "IntLogUniformDistribution":
      let step = try optionalStep().map { _ throws(InterchangeError) in try whole("step") } ?? 1
      self = .integer(
        low: try whole("low"), high: try whole("high"), log: isLog || name == "IntLogUniformDistribution", step: step)
    case "CategoricalDistribution":
      guard case .array(let choices)? = attributes["choices"], !choices.isEmpty else {
        throw InterchangeError(.damaged, at: place, "\(name) has no choices")
      }
      self = .categorical(choices)
    default:
      throw InterchangeError(
        at: place, "'\(name)' is no distribution that is known here",
        hint: "known are those of Optuna 5.0 and the deprecated ones before it")
    }
  }

  // MARK: As a domain

  /// The domain, and what had to be changed for it.
  func domain(at place: String) throws(InterchangeError) -> (domain: Domain, remark: String?) {
    do {
      switch self {
      case .float(let low, let high, let log, let step):
        let top = Self.top(low, high, step)
        let domain = try NumericDomain(low: low, high: top, scale: log ? .log : .linear, step: step)
        return (.float(domain), top == high ? nil : Self.topRemark(high, top))
      case .integer(let low, let high, let log, let step):
        let top = Self.top(Double(low), Double(high), Double(step))
        let domain = try NumericDomain(
          low: Double(low), high: top, scale: log ? .log : .linear, step: Double(step), isInteger: true)
        return (.integer(domain), top == Double(high) ? nil : Self.topRemark(Double(high), top))
      case .categorical(let choices):
        let (own, remark) = Self.choices(choices)
        return (.categorical(own), remark)
      }
    } catch {
      throw InterchangeError(at: place, error.message, hint: error.hint)
    }
  }

  /// Optuna takes the last grid value that is not above `high`.
  private static func top(_ low: Double, _ high: Double, _ step: Double?) -> Double {
    guard let step, step > 0, high > low else { return high }
    let steps = (high - low) / step
    if abs(steps - steps.rounded()) <= 1e-6 * max(1, steps) { return high }
    return low + steps.rounded(.down) * step
  }

  private static func topRemark(_ high: Double, _ top: Double) -> String {
    "high \(JSONValue.plainText(high)) is no whole number of steps above low; it is \(JSONValue.plainText(top)) now, as "
      + "in Optuna"
  }

  /// The value of an internal number.
  func value(_ number: Double, _ domain: Domain, at place: String) throws(InterchangeError) -> ParameterValue {
    switch (self, domain) {
    case (.categorical, .categorical(let choices)):
      guard let index = Int(exactly: number), choices.indices.contains(index) else {
        throw InterchangeError(
          .damaged, at: place,
          "the choice number \(StudyImport.text(number)) does not exist: there are \(choices.count)")
      }
      return .choice(choices[index])
    case (.integer, _):
      guard let whole = Int(exactly: number) else {
        throw InterchangeError(.damaged, at: place, "\(StudyImport.text(number)) is no whole number")
      }
      return .integer(whole)
    default:
      guard number.isFinite else {
        throw InterchangeError(.damaged, at: place, "\(StudyImport.text(number)) is no possible value")
      }
      return .real(number)
    }
  }

  /// Choices of ours for choices of Python's: what is neither text, number nor truth value becomes text, and so does what
  /// would read the same as another choice.
  static func choices(_ choices: [JSONValue]) -> (own: [Choice], remark: String?) {
    var own: [Choice] = []
    var changes: [String] = []
    for json in choices {
      var choice = choice(json)
      if own.contains(where: { $0.description == choice.description }) {
        choice = .text(json.text)
        var count = 2
        while own.contains(where: { $0.description == choice.description }) {
          choice = .text("\(json.text) (\(count))")
          count += 1
        }
      }
      if choice.json != json { changes.append("\(json.text) is the text '\(choice.description)'") }
      own.append(choice)
    }
    return (own, changes.isEmpty ? nil : "of its choices, " + changes.joined(separator: ", "))
  }

  static func choice(_ json: JSONValue) -> Choice {
    switch json {
    case .string(let text): .text(text)
    case .integer(let value): .integer(value)
    case .number(let value) where value.isFinite: .real(value)
    case .bool(let value): .boolean(value)
    case .null: .text("None")
    case .number(let value): .text(StudyImport.text(value))
    case .array, .object: .text(json.text)
    }
  }

  // MARK: As text

  /// The distribution as Optuna writes it.
  var text: String {
    let name: String
    let attributes: JSONValue
    switch self {
    case .float(let low, let high, let log, let step):
      name = "FloatDistribution"
      attributes = .members([
        "step": step.map { .number($0) } ?? .null, "low": .number(low), "high": .number(high), "log": .bool(log),
      ])
    case .integer(let low, let high, let log, let step):
      name = "IntDistribution"
      attributes = .members([
        "log": .bool(log), "step": .integer(step), "low": .integer(low), "high": .integer(high),
      ])
    case .categorical(let choices):
      name = "CategoricalDistribution"
      attributes = .members(["choices": .array(choices)])
    }
    return PythonJSON.text(.members(["name": .string(name), "attributes": attributes]))
  }
}

/// JSON as Python writes and reads it: numbers that are no integers have a point or an exponent, and those that JSON has not
/// are the words `NaN`, `Infinity` and `-Infinity`.
enum PythonJSON {
  static func text(_ value: JSONValue) -> String {
    switch value {
    case .number(let number): self.number(number)
    case .array(let items): "[" + items.map(text).joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { "\(JSONValue.string($0.key).text): \(text($0.value))" }.joined(separator: ", ") + "}"
    default: value.text
    }
  }

  static func number(_ number: Double) -> String {
    if number.isNaN { return "NaN" }
    if number.isInfinite { return number < 0 ? "-Infinity" : "Infinity" }
    return number.description
  }
}
