/// An expression bound to the slots of a space, ready to be evaluated without allocation.
///
/// Logic is three-valued (Kleene): a comparison that involves an inactive parameter is unknown.
indirect enum CompiledExpression: Sendable {
  case number(Double)
  case slot(Int)
  /// A choice's number, looked up by its index.
  case table(slot: Int, values: [Double])
  /// The position of an item within the slots of a permutation.
  case position(slots: Range<Int>, item: Double)
  case negative(CompiledExpression)
  case arithmetic(CompiledExpression, Expression.ArithmeticOperator, CompiledExpression)
  case comparison(CompiledExpression, Expression.Comparison, CompiledExpression)
  /// True when the slot's choice index is marked.
  case member(slot: Int, marks: [Bool])
  case literal(Bool)
  case not(CompiledExpression)
  case and(CompiledExpression, CompiledExpression)
  case or(CompiledExpression, CompiledExpression)

  /// The value of a numeric expression; NaN when a parameter in it is inactive.
  func number(_ slots: UnsafeBufferPointer<Double>) -> Double {
    switch self {
    case .number(let value): return value
    case .slot(let slot): return slots[slot]
    case .table(let slot, let values):
      let index = slots[slot]
      return index.isNaN ? .nan : values[Int(index)]
    case .position(let range, let item):
      if slots[range.lowerBound].isNaN { return .nan }
      for (position, slot) in range.enumerated() where slots[slot] == item { return Double(position) }
      return .nan
    case .negative(let operand): return -operand.number(slots)
    case .arithmetic(let a, let op, let b):
      let x = a.number(slots)
      let y = b.number(slots)
      switch op {
      case .add: return x + y
      case .subtract: return x - y
      case .multiply: return x * y
      case .divide: return x / y
      }
    case .comparison, .member, .literal, .not, .and, .or: return .nan
    }
  }

  /// The truth of a logical expression; nil when it is unknown.
  func truth(_ slots: UnsafeBufferPointer<Double>) -> Bool? {
    switch self {
    case .comparison(let a, let op, let b):
      let x = a.number(slots)
      let y = b.number(slots)
      if x.isNaN || y.isNaN { return nil }
      switch op {
      case .equal: return x == y
      case .notEqual: return x != y
      case .less: return x < y
      case .lessOrEqual: return x <= y
      case .greater: return x > y
      case .greaterOrEqual: return x >= y
      }
    case .member(let slot, let marks):
      let index = slots[slot]
      return index.isNaN ? nil : marks[Int(index)]
    case .literal(let value): return value
    case .not(let a): return a.truth(slots).map { !$0 }
    case .and(let a, let b):
      let x = a.truth(slots)
      if x == false { return false }
      let y = b.truth(slots)
      if y == false { return false }
      return x == nil || y == nil ? nil : true
    case .or(let a, let b):
      let x = a.truth(slots)
      if x == true { return true }
      let y = b.truth(slots)
      if y == true { return true }
      return x == nil || y == nil ? nil : false
    case .number, .slot, .table, .position, .negative, .arithmetic: return nil
    }
  }
}

/// Binds expressions to the parameters of a space and checks that they make sense.
struct ExpressionCompiler {
  let parameters: [Parameter]
  let slotRanges: [Range<Int>]
  let indexByName: [String: Int]
  /// The parameters that the expressions compiled so far refer to.
  private(set) var references: Set<Int> = []

  init(parameters: [Parameter], slotRanges: [Range<Int>], indexByName: [String: Int]) {
    self.parameters = parameters
    self.slotRanges = slotRanges
    self.indexByName = indexByName
  }

  mutating func compileLogical(_ expression: Expression) throws(ExpressionError) -> CompiledExpression {
    switch expression {
    case .boolean(let value, _): return .literal(value)
    case .not(let a): return .not(try compileLogical(a))
    case .and(let a, let b): return .and(try compileLogical(a), try compileLogical(b))
    case .or(let a, let b): return .or(try compileLogical(a), try compileLogical(b))
    case .name(let name, let offset):
      // A boolean parameter by itself reads as "is true".
      guard let index = indexByName[name] else { throw unknownName(name, offset) }
      guard parameters[index].domain == .boolean else {
        throw ExpressionError(
          "'\(name)' is \(parameters[index].domain.kindName), not a truth value", offset: offset, length: name.count,
          hint: "compare it with a value")
      }
      references.insert(index)
      return .member(slot: slotRanges[index].lowerBound, marks: [false, true])
    case .comparison(let a, let op, let b):
      if let (index, offset) = choiceParameter(a) { return try compileChoice(index, offset, op, b) }
      if let (index, offset) = choiceParameter(b) { return try compileChoice(index, offset, op.mirrored, a) }
      return .comparison(try compileNumber(a), op, try compileNumber(b))
    case .membership(let a, let items, let negated):
      let result: CompiledExpression
      if let (index, _) = choiceParameter(a) {
        references.insert(index)
        var marks = [Bool](repeating: false, count: parameters[index].domain.choices?.count ?? 0)
        for item in items { marks[try choiceIndex(item, in: index)] = true }
        result = .member(slot: slotRanges[index].lowerBound, marks: marks)
      } else {
        let value = try compileNumber(a)
        var any: CompiledExpression = .literal(false)
        for item in items { any = .or(any, .comparison(value, .equal, try compileNumber(item))) }
        result = any
      }
      return negated ? .not(result) : result
    case .number, .text, .part, .negative, .arithmetic:
      throw ExpressionError(
        "'\(expression.description)' is not a condition", offset: Self.offset(expression),
        length: expression.description.count,
        hint: "compare it with a value, for example \(expression.description) <= 1")
    }
  }

  private mutating func compileNumber(_ expression: Expression) throws(ExpressionError) -> CompiledExpression {
    switch expression {
    case .number(let value, _): return .number(value)
    case .negative(let a): return .negative(try compileNumber(a))
    case .arithmetic(let a, let op, let b): return .arithmetic(try compileNumber(a), op, try compileNumber(b))
    case .name(let name, let offset):
      guard let index = indexByName[name] else { throw unknownName(name, offset) }
      references.insert(index)
      let slot = slotRanges[index].lowerBound
      switch parameters[index].domain {
      case .float, .integer: return .slot(slot)
      default: break
      }
      if let choices = parameters[index].domain.choices {
        let numbers = choices.compactMap(\.number)
        if numbers.count == choices.count { return .table(slot: slot, values: numbers) }
      }
      throw ExpressionError(
        "'\(name)' is \(parameters[index].domain.kindName), not a number", offset: offset, length: name.count)
    case .part(let part, let name, let offset):
      guard let index = indexByName[name] else { throw unknownName(name, offset) }
      references.insert(index)
      switch parameters[index].domain {
      case .simplex(let parts):
        if let i = parts.firstIndex(of: part) { return .slot(slotRanges[index].lowerBound + i) }
        throw ExpressionError(
          "'\(name)' has no part '\(part)'", offset: offset, length: name.count + 1 + part.count,
          hint: suggestion(for: part, among: parts))
      case .permutation(let items):
        if let i = items.firstIndex(where: { $0.description == part }) {
          return .position(slots: slotRanges[index], item: Double(i))
        }
        throw ExpressionError(
          "'\(name)' has no item '\(part)'", offset: offset, length: name.count + 1 + part.count,
          hint: suggestion(for: part, among: items.map(\.description)))
      default:
        throw ExpressionError(
          "'\(name)' is \(parameters[index].domain.kindName) and has no parts", offset: offset,
          length: name.count + 1 + part.count)
      }
    case .text(let text, let offset):
      throw ExpressionError(
        "a number is needed, not the text \"\(text)\"", offset: offset, length: text.count + 2)
    case .boolean, .comparison, .membership, .not, .and, .or:
      throw ExpressionError("a number is needed, not a condition", offset: Self.offset(expression))
    }
  }

  /// A parameter whose choices are not all numbers; those that are compare as numbers.
  private func choiceParameter(_ expression: Expression) -> (index: Int, offset: Int)? {
    guard case .name(let name, let offset) = expression, let index = indexByName[name],
      let choices = parameters[index].domain.choices
    else { return nil }
    if choices.allSatisfy({ $0.number != nil }) { return nil }
    return (index, offset)
  }

  private mutating func compileChoice(
    _ index: Int, _ offset: Int, _ op: Expression.Comparison, _ value: Expression
  ) throws(ExpressionError) -> CompiledExpression {
    references.insert(index)
    let parameter = parameters[index]
    let count = parameter.domain.choices?.count ?? 0
    let chosen = try choiceIndex(value, in: index)
    let marks = (0..<count).map { i in
      switch op {
      case .equal: i == chosen
      case .notEqual: i != chosen
      case .less: i < chosen
      case .lessOrEqual: i <= chosen
      case .greater: i > chosen
      case .greaterOrEqual: i >= chosen
      }
    }
    if op != .equal, op != .notEqual {
      guard case .ordinal = parameter.domain else {
        throw ExpressionError(
          "the choices of '\(parameter.name)' have no order", offset: offset, length: parameter.name.count,
          hint: "use == or in, or make it ordinal")
      }
    }
    return .member(slot: slotRanges[index].lowerBound, marks: marks)
  }

  private func choiceIndex(_ value: Expression, in index: Int) throws(ExpressionError) -> Int {
    let choices = parameters[index].domain.choices ?? []
    let text: String
    switch value {
    case .text(let value, _): text = value
    case .name(let value, _): text = value
    case .boolean(let value, _): text = value ? "true" : "false"
    case .number(let value, _): text = JSONValue.plainText(value)
    default:
      throw ExpressionError(
        "'\(parameters[index].name)' can only be compared with one of its choices", offset: Self.offset(value))
    }
    if let found = choices.firstIndex(where: { $0.description == text }) { return found }
    if case .name(let name, let offset) = value, let other = indexByName[name], parameters[other].domain.choices != nil
    {
      throw ExpressionError(
        "two categorical parameters cannot be compared with each other", offset: offset, length: name.count,
        hint: "compare each with its choices")
    }
    throw ExpressionError(
      "'\(text)' is not a choice of '\(parameters[index].name)'", offset: Self.offset(value), length: text.count,
      hint: suggestion(for: text, among: choices.map(\.description)))
  }

  private func unknownName(_ name: String, _ offset: Int) -> ExpressionError {
    ExpressionError(
      "there is no parameter '\(name)'", offset: offset, length: name.count,
      hint: suggestion(for: name, among: parameters.map(\.name)))
  }

  private static func offset(_ expression: Expression) -> Int {
    switch expression {
    case .name(_, let offset), .part(_, _, let offset), .number(_, let offset), .text(_, let offset),
      .boolean(_, let offset):
      offset
    case .negative(let a), .not(let a), .arithmetic(let a, _, _), .comparison(let a, _, _), .membership(let a, _, _),
      .and(let a, _), .or(let a, _):
      offset(a)
    }
  }
}

extension Expression.Comparison {
  /// The comparison with its sides exchanged.
  var mirrored: Self {
    switch self {
    case .less: .greater
    case .lessOrEqual: .greaterOrEqual
    case .greater: .less
    case .greaterOrEqual: .lessOrEqual
    case .equal, .notEqual: self
    }
  }
}
