/// Finds, for parameters that only some trials have, another parameter whose value tells which.
///
/// Programs that define their space by running it do not state conditions, but most of what they do has one of two forms:
/// a choice decides (`if optimizer == "sgd"`), or a count does (`for i in range(layers)`). Only a rule that every trial
/// obeys is taken, and only when at least two complete trials speak on either side of it.
public struct ConditionInference {
  /// What is known of a trial.
  public struct Row {
    public var values: [String: ParameterValue]
    /// Whether the trial came to its end, so that what it has not is what it does not need.
    public var isWhole: Bool

    public init(values: [String: ParameterValue], isWhole: Bool) {
      self.values = values
      self.isWhole = isWhole
    }
  }

  let parameters: [Parameter]
  let rows: [Row]

  public init(parameters: [Parameter], rows: [Row]) {
    self.parameters = parameters
    self.rows = rows
  }

  private static let leastWitnesses = 2

  /// The condition of a parameter; nil when none of these forms agrees with all trials.
  public func condition(of index: Int) -> Expression? {
    let name = parameters[index].name
    for parent in parameters where parent.name != name {
      if let found = rule(name, parent) { return found }
    }
    return nil
  }

  private func rule(_ name: String, _ parent: Parameter) -> Expression? {
    var present: [ParameterValue] = []
    var absent: [ParameterValue] = []
    for row in rows {
      let has = row.values[name] != nil
      guard let value = row.values[parent.name] else {
        if has { return nil }
        continue
      }
      if has { present.append(value) } else if row.isWhole { absent.append(value) }
    }
    guard present.count >= Self.leastWitnesses, absent.count >= Self.leastWitnesses else { return nil }
    switch parent.domain {
    case .categorical(let choices), .ordinal(let choices): return rule(parent, choices, present, absent)
    case .boolean: return rule(parent, [.boolean(false), .boolean(true)], present, absent)
    case .integer:
      func numbers(_ values: [ParameterValue]) -> [Int] {
        values.compactMap { if case .integer(let number) = $0 { number } else { nil } }
      }
      guard let least = numbers(present).min(), let greatest = numbers(present).max(),
        let leastAbsent = numbers(absent).min(), let greatestAbsent = numbers(absent).max()
      else { return nil }
      let operand = Expression.name(parent.name, offset: 0)
      if least > greatestAbsent {
        return .comparison(operand, .greaterOrEqual, .number(Double(least), offset: 0))
      }
      if greatest < leastAbsent { return .comparison(operand, .lessOrEqual, .number(Double(greatest), offset: 0)) }
      return nil
    default: return nil
    }
  }

  private func rule(
    _ parent: Parameter, _ choices: [Choice], _ present: [ParameterValue], _ absent: [ParameterValue]
  ) -> Expression? {
    let present = Set(present)
    guard present.isDisjoint(with: absent) else { return nil }
    let values = choices.filter { present.contains(.choice($0)) }.map(Self.literal)
    let operand = Expression.name(parent.name, offset: 0)
    return values.count == 1
      ? .comparison(operand, .equal, values[0]) : .membership(operand, values, negated: false)
  }

  public static func literal(_ choice: Choice) -> Expression {
    switch choice {
    case .text(let text): .text(text, offset: 0)
    case .integer(let value): .number(Double(value), offset: 0)
    case .real(let value): .number(value, offset: 0)
    case .boolean(let value): .boolean(value, offset: 0)
    }
  }
}
