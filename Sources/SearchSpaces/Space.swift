import TrimtabNumerics

/// A coordinate of the unit cube in which samplers and models see a space.
@frozen public struct Coordinate: Sendable {
  /// What the coordinate measures.
  @frozen public enum Kind: Sendable, Equatable {
    case continuous
    /// A grid of this many ordered values.
    case grid(levels: Int)
    /// This many choices without an order.
    case choices(count: Int)
  }

  /// Index of its parameter in the space.
  public let parameter: Int
  /// The slot whose raw value it encodes; for a simplex the first of them.
  public let slot: Int
  public let kind: Kind
}

/// A search space: parameters in their declared order, conditions, and constraints between parameters.
///
/// A space is a value; amendments make a new one. Parameters are only ever added at the end and choices only ever
/// appended, so a configuration of an earlier space is a configuration of every later one.
public struct Space: Sendable {
  public let parameters: [Parameter]
  /// Every configuration satisfies all of these. A constraint on an inactive parameter does not apply.
  public let constraints: [Expression]

  /// The slots of each parameter.
  public let slotRanges: [Range<Int>]
  public let slotCount: Int
  /// The unit-cube coordinates of each parameter.
  public let coordinateRanges: [Range<Int>]
  public let coordinates: [Coordinate]
  /// Parameters in an order in which every condition follows what it refers to.
  public let evaluationOrder: [Int]
  /// Parameters with equal numbers are active together: they have the same condition on the same parents.
  public let activityGroups: [Int]
  /// The axis of each numeric parameter.
  public let axes: [NumericAxis?]

  /// What tells the parameters' random streams apart: `stableHash` of their names.
  let streamPurposes: [UInt64]
  let conditions: [CompiledExpression?]
  let parents: [[Int]]
  let compiledConstraints: [CompiledExpression]
  private let indexByName: [String: Int]

  /// - Throws: `SpaceError` for a duplicated or impossible name, an impossible domain or value, a condition or
  ///   constraint that does not fit, or conditions that go round in a circle.
  public init(_ parameters: [Parameter], constraints: [Expression] = []) throws(SpaceError) {
    self.parameters = parameters
    self.constraints = constraints
    var indexByName: [String: Int] = [:]
    var slotRanges: [Range<Int>] = []
    var coordinateRanges: [Range<Int>] = []
    var coordinates: [Coordinate] = []
    var slot = 0
    for (index, parameter) in parameters.enumerated() {
      try Self.check(parameter)
      guard indexByName.updateValue(index, forKey: parameter.name) == nil else {
        throw SpaceError("the name stands twice", at: parameter.name, hint: "rename one of them")
      }
      slotRanges.append(slot..<slot + parameter.domain.slotCount)
      let first = coordinates.count
      let kind: Coordinate.Kind
      switch parameter.domain {
      case .float(let domain), .integer(let domain): kind = domain.levels.map { .grid(levels: $0) } ?? .continuous
      case .ordinal(let choices): kind = .grid(levels: choices.count)
      case .categorical(let choices): kind = .choices(count: choices.count)
      case .boolean: kind = .choices(count: 2)
      case .constant, .permutation, .simplex: kind = .continuous
      }
      for k in 0..<parameter.domain.coordinateCount {
        let isSimplex = if case .simplex = parameter.domain { true } else { false }
        coordinates.append(Coordinate(parameter: index, slot: isSimplex ? slot : slot + k, kind: kind))
      }
      coordinateRanges.append(first..<coordinates.count)
      slot += parameter.domain.slotCount
    }
    self.indexByName = indexByName
    self.streamPurposes = parameters.map { stableHash($0.name) }
    self.slotRanges = slotRanges
    self.slotCount = slot
    self.coordinateRanges = coordinateRanges
    self.coordinates = coordinates
    self.axes = parameters.map { parameter in
      switch parameter.domain {
      case .float(let domain), .integer(let domain): NumericAxis(domain)
      default: nil
      }
    }

    var conditions: [CompiledExpression?] = []
    var parents: [[Int]] = []
    for parameter in parameters {
      var compiler = ExpressionCompiler(parameters: parameters, slotRanges: slotRanges, indexByName: indexByName)
      if let condition = parameter.condition {
        do {
          conditions.append(try compiler.compileLogical(condition))
        } catch {
          throw SpaceError(
            "condition '\(condition.description)': \(error.message)", at: parameter.name, hint: error.hint)
        }
      } else {
        conditions.append(nil)
      }
      parents.append(compiler.references.sorted())
    }
    self.conditions = conditions
    self.parents = parents
    self.evaluationOrder = try Self.order(parameters, parents)

    var compiled: [CompiledExpression] = []
    for constraint in constraints {
      var compiler = ExpressionCompiler(parameters: parameters, slotRanges: slotRanges, indexByName: indexByName)
      do {
        compiled.append(try compiler.compileLogical(constraint))
      } catch {
        throw SpaceError("constraint '\(constraint.description)': \(error.message)", hint: error.hint)
      }
    }
    self.compiledConstraints = compiled

    var groups = [Int](repeating: 0, count: parameters.count)
    var groupByKey: [String: Int] = ["": 0]
    for index in evaluationOrder {
      guard let condition = parameters[index].condition else { continue }
      let key = condition.description
      let group = groupByKey[key] ?? groupByKey.count
      groupByKey[key] = group
      groups[index] = group
    }
    self.activityGroups = groups

    for parameter in parameters {
      for (what, value) in [("default", parameter.defaultValue), ("fixed value", parameter.fixedValue)] {
        guard let value else { continue }
        do {
          _ = try parameter.slots(of: value)
        } catch {
          throw SpaceError("\(what): \(error.message)", at: parameter.name, hint: error.hint)
        }
      }
    }
  }

  /// The index of the parameter of that name.
  public func index(of name: String) -> Int? { indexByName[name] }

  /// The longest name of a parameter: YAML reads no key beyond 1024 characters, and an escape may take six for one.
  static let maximumNameLength = 150

  private static func check(_ parameter: Parameter) throws(SpaceError) {
    let name = parameter.name
    guard !name.isEmpty else { throw SpaceError("a parameter has no name") }
    guard
      name.unicodeScalars.allSatisfy({
        $0.value >= 0x20 && $0.value != 0x7F && $0 != "`" && $0 != "=" && $0 != byteOrderMark
      })
    else {
      throw SpaceError(
        "the name has a control character, '`' or '='", at: name, hint: "use letters, digits, _ - and .")
    }
    guard name.unicodeScalars.count <= maximumNameLength else {
      throw SpaceError("the name is longer than \(maximumNameLength) characters", at: name)
    }
    func distinct(_ items: [String], _ what: String) throws(SpaceError) {
      guard !items.isEmpty else { throw SpaceError("no \(what)", at: name, hint: "give at least one") }
      guard items.allSatisfy({ !$0.unicodeScalars.contains(byteOrderMark) }) else {
        throw SpaceError("a byte-order mark stands among the \(what)", at: name, hint: "delete the character U+FEFF")
      }
      guard Set(items).count == items.count else { throw SpaceError("the same \(what) stands twice", at: name) }
    }
    switch parameter.domain {
    case .categorical(let choices), .ordinal(let choices): try distinct(choices.map(\.description), "choices")
    case .permutation(let items): try distinct(items.map(\.description), "items")
    case .simplex(let parts): try distinct(parts, "parts")
    case .constant(let choice): try distinct([choice.description], "value")
    case .float, .integer, .boolean: break
    }
  }

  /// YAML readers drop it from the beginning of a text.
  private static let byteOrderMark: Unicode.Scalar = "\u{FEFF}"

  private static func order(_ parameters: [Parameter], _ parents: [[Int]]) throws(SpaceError) -> [Int] {
    var order: [Int] = []
    var placed = [Bool](repeating: false, count: parameters.count)
    while order.count < parameters.count {
      let before = order.count
      for index in parameters.indices where !placed[index] && parents[index].allSatisfy({ placed[$0] }) {
        placed[index] = true
        order.append(index)
      }
      if order.count == before {
        let circle = parameters.indices.filter { !placed[$0] }.map { parameters[$0].name }
        throw SpaceError(
          "conditions go round in a circle: \(circle.joined(separator: ", "))", hint: "drop one of the conditions")
      }
    }
    return order
  }

  /// The number of configurations with all parameters active, before conditions and constraints; nil when infinite or
  /// larger than 2⁵³.
  public var productCardinality: Int? {
    var product = 1
    for parameter in parameters where parameter.fixedValue == nil {
      guard let levels = parameter.domain.cardinality else { return nil }
      let (value, overflow) = product.multipliedReportingOverflow(by: levels)
      guard !overflow, value < 1 << 53 else { return nil }
      product = value
    }
    return product
  }
}
