import TrimtabSearchSpaces
import TrimtabStudies

/// What Trimtab writes beside a study in Optuna's form, so that nothing is lost on the way back: attributes whose keys begin with
/// `trimtab:`.
enum TrimtabMarks {
  static let prefix = "trimtab:"
  /// The study's specification.
  static let specification = "trimtab:specification"
  /// The resource of each step, where resources are no whole numbers.
  static let resources = "trimtab:resources"
  /// A failed trial's kind and message.
  static let failure = "trimtab:failure"
  /// Metrics that are no objectives.
  static let metrics = "trimtab:metrics"
  /// The state of a trial that Optuna has not, or that says more here: a trial of ours that waits has all its values.
  static let state = "trimtab:state"

  /// The study's note of what was added to each of the source's steps.
  static let stepShift = "trimtab:step_shift"
  /// The study's note of the source's own choices, by parameter.
  static let choices = "trimtab:choices"

  /// A trial's note that its value was not reported on the way, and stands at the full resource for want of another.
  static let unreported = "trimtab:unreported"

  static func isOwn(_ key: String) -> Bool { key.hasPrefix(prefix) }

  private static func value(_ key: String, _ attributes: [JSONValue.Member]) -> JSONValue? {
    attributes.first { $0.key == key }?.value
  }

  /// The specification, if it can be read and is about these objectives.
  static func specification(_ attributes: [JSONValue.Member], objectives: [Objective]) -> StudySpec? {
    guard case .string(let text)? = value(specification, attributes),
      let spec = try? StudySpec.parse(text, name: specification), spec.objectives == objectives
    else { return nil }
    return spec
  }

  static func resources(_ attributes: [JSONValue.Member]) -> [Double]? {
    guard case .array(let items)? = value(resources, attributes) else { return nil }
    let numbers = items.compactMap(number)
    return numbers.count == items.count && numbers.allSatisfy { $0 > 0 && $0.isFinite } ? numbers : nil
  }

  static func failure(_ attributes: [JSONValue.Member]) -> ForeignTrial.Outcome? {
    guard case .object? = value(failure, attributes), case .string(let name)? = value(failure, attributes)?["kind"],
      let kind = FailureKind.allCases.first(where: { $0.name == name })
    else { return nil }
    if case .string(let message)? = value(failure, attributes)?["message"] { return .failed(kind, message: message) }
    return .failed(kind, message: "")
  }

  static func failureAttribute(_ kind: FailureKind, _ message: String) -> JSONValue.Member {
    .init(failure, .members(["kind": .string(kind.name), "message": .string(message)]))
  }

  static func isWhole(_ attributes: [JSONValue.Member]) -> Bool {
    value(state, attributes) == .string(TrialState.waiting.name)
  }

  static func metrics(_ attributes: [JSONValue.Member]) -> [MetricValue] {
    guard case .object(let members)? = value(metrics, attributes) else { return [] }
    return members.compactMap { member in number(member.value).map { MetricValue(member.key, $0) } }
  }

  static func metricsAttribute(_ list: [MetricValue]) -> JSONValue.Member {
    .init(metrics, .object(list.map { .init($0.name, .number($0.value)) }))
  }

  private static func number(_ json: JSONValue) -> Double? {
    switch json {
    case .integer(let value): Double(value)
    case .number(let value): value
    // How numbers that JSON has not are written.
    case .string("nan"): .nan
    case .string("inf"): .infinity
    case .string("-inf"): -.infinity
    default: nil
    }
  }

  // MARK: Parameters of several numbers

  /// The name of one item or part of a parameter that takes several.
  static func partName(_ name: String, _ part: String) -> String { "\(name)[\(part)]" }

  /// Permutations and simplices put together again from their parts.
  static func rejoined(_ values: [ForeignTrial.Value], _ space: Space) -> [ForeignTrial.Value] {
    var result = values
    for parameter in space.parameters {
      let names: [String]
      switch parameter.domain {
      case .permutation(let items): names = items.indices.map { partName(parameter.name, String($0)) }
      case .simplex(let parts): names = parts.map { partName(parameter.name, $0) }
      default: continue
      }
      let found = names.compactMap { name in values.first { $0.name == name }?.value }
      guard found.count == names.count else { continue }
      let joined: ParameterValue
      if case .simplex = parameter.domain {
        joined = .simplex(found.map(weight))
      } else {
        joined = .permutation(found.map { if case .choice(let item) = $0 { item } else { .text("") } })
      }
      result.removeAll { names.contains($0.name) }
      result.append(ForeignTrial.Value(parameter.name, parameter.domain, joined))
    }
    return result
  }

  private static func weight(_ value: ParameterValue) -> Double {
    switch value {
    case .real(let number): number
    case .choice(let choice): choice.number ?? .nan
    default: .nan
    }
  }
}
