import TrimtabSearchSpaces
import TrimtabStudies

/// Values of parameters as texts, trial by trial, made into a space and values.
struct TableSpace {
  struct Cell {
    var text: String
    /// What messages call the place.
    var place: String
  }

  let names: [String]
  let domains: [String: Domain]
  /// The space as a person gave it, when it says more than domains.
  let space: Space?
  private(set) var remarks: [String] = []

  /// - Parameters:
  ///   - columns: each parameter's values; those that have none are left out and said.
  ///   - given: parameters as `NAME={type: …}`, in the form of a study file's space.
  /// - Throws: `InterchangeError` or `Diagnostics` when a given parameter cannot be read or names no column, and when a type
  ///   cannot be guessed.
  init(_ columns: [(name: String, cells: [Cell])], given: [String]) throws {
    var texts: [String: String] = [:]
    for text in given {
      guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
        throw InterchangeError(
          at: "--param \(text)", "this is not a name and a domain",
          hint: "write for example --param 'lr={type: float, low: 1e-5, high: 1, scale: log}'")
      }
      let name = String(text[..<sign])
      guard columns.contains(where: { $0.name == name }) else {
        throw InterchangeError(
          at: "--param \(name)", "there is no such column",
          hint: suggestion(for: name, among: columns.map(\.name)))
      }
      texts[name] = String(text[text.index(after: sign)...])
    }
    var lines: [String] = []
    var guessed: [String] = []
    var names: [String] = []
    for (name, cells) in columns {
      if let text = texts[name] {
        lines.append("\(JSONValue.string(name).text): \(text)")
      } else {
        guard !cells.isEmpty else {
          remarks.append("\(name): it has no value in any trial and is left out")
          continue
        }
        let (domain, remark) = try TypeGuess.domain(name, cells.map { ($0.text, $0.place) })
        if let remark { remarks.append(remark) }
        lines.append("\(JSONValue.string(name).text): \(Parameter(name, domain).json.text)")
        guessed.append(name)
      }
      names.append(name)
    }
    if !guessed.isEmpty {
      remarks.append(
        "guessed from the values: type and range of \(guessed.joined(separator: ", ")); "
          + "say what they are with --param 'NAME={type: …}'")
    }
    self.names = names
    guard !lines.isEmpty else {
      domains = [:]
      space = nil
      return
    }
    let text = lines.joined(separator: "\n")
    let node = try SourceNode.parse(text, name: "the parameters")
    var diagnostics = Diagnostics(source: SourceText(name: "the parameters", text: text))
    let read = Space.read(node, constraints: nil, into: &diagnostics)
    try diagnostics.throwIfAny()
    let parameters = read?.parameters ?? []
    domains = Dictionary(parameters.map { ($0.name, $0.domain) }) { $1 }
    let saysMore = parameters.contains { $0.condition != nil || $0.defaultValue != nil || $0.fixedValue != nil }
    space = saysMore ? read : nil
  }

  /// The value of a cell.
  /// - Throws: `InterchangeError` at the cell's place when it is none of the parameter's.
  func value(_ name: String, _ cell: Cell) throws(InterchangeError) -> ForeignTrial.Value? {
    guard let domain = domains[name] else { return nil }
    let text = cell.text.trimmed
    func wrong(_ message: String, _ hint: String? = nil) -> InterchangeError {
      InterchangeError(at: cell.place, "'\(name)': \(message)", hint: hint)
    }
    switch domain {
    case .float, .integer:
      guard let number = Double(text), number.isFinite else { throw wrong("'\(text)' is no number") }
      if case .float = domain { return ForeignTrial.Value(name, domain, .real(number)) }
      guard let whole = Int(exactly: number) else { throw wrong("'\(text)' is no whole number") }
      return ForeignTrial.Value(name, domain, .integer(whole))
    case .boolean:
      guard case .boolean(let flag) = Choice(scalar: text, quoted: false) else {
        throw wrong("'\(text)' is neither true nor false")
      }
      return ForeignTrial.Value(name, domain, .choice(.boolean(flag)))
    case .categorical(let choices), .ordinal(let choices):
      let number = Double(text)
      guard
        let choice = choices.first(where: { $0.description == cell.text || $0.description == text })
          ?? choices.first(where: { $0.number != nil && $0.number == number })
      else {
        throw wrong("'\(text)' is not among its choices", suggestion(for: text, among: choices.map(\.description)))
      }
      return ForeignTrial.Value(name, domain, .choice(choice))
    case .constant(let constant): return ForeignTrial.Value(name, domain, .choice(constant))
    case .permutation, .simplex:
      do {
        let space = try Space([Parameter(name, domain)])
        return ForeignTrial.Value(name, domain, try space.value(text, of: 0))
      } catch {
        throw wrong(error.message, error.hint)
      }
    }
  }
}

/// An objective as the command line names it: `loss:minimize`.
public enum ObjectiveText {
  /// - Throws: `InterchangeError` when the direction is missing; it is never guessed.
  public static func parse(_ text: String) throws(InterchangeError) -> Objective {
    guard let colon = text.lastIndex(of: ":"), colon != text.startIndex,
      let goal = Objective.Goal(rawValue: String(text[text.index(after: colon)...]))
    else {
      throw InterchangeError(
        at: "--objective \(text)", "it is not said which values are better",
        hint: "write \(text):minimize or \(text):maximize")
    }
    return Objective(metric: String(text[..<colon]), goal: goal)
  }
}
