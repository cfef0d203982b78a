extension Space {
  // MARK: Values in the user's terms

  /// The value of a parameter in a configuration; nil when it is inactive.
  public func value(of index: Int, in configuration: Configuration) -> ParameterValue? {
    let range = slotRanges[index]
    guard range.upperBound <= configuration.slots.count else { return nil }
    let first = configuration.slots[range.lowerBound]
    guard !first.isNaN else { return nil }
    switch parameters[index].domain {
    case .float: return .real(first)
    case .integer: return .integer(Int(first))
    case .permutation(let items): return .permutation(range.map { items[Int(configuration.slots[$0])] })
    case .simplex: return .simplex(Array(configuration.slots[range]))
    case .categorical(let choices), .ordinal(let choices): return .choice(choices[Int(first)])
    case .boolean: return .choice(.boolean(first != 0))
    case .constant(let choice): return .choice(choice)
    }
  }

  /// The active parameters and their values, in declared order.
  public func values(of configuration: Configuration) -> [(name: String, value: ParameterValue)] {
    parameters.indices.compactMap { index in
      value(of: index, in: configuration).map { (parameters[index].name, $0) }
    }
  }

  /// The configuration as a JSON object of its active parameters.
  public func json(of configuration: Configuration) -> JSONValue {
    .object(values(of: configuration).map { .init($0.name, $0.value.json) })
  }

  /// The configuration with these values.
  ///
  /// Parameters that are not named take their default, their fixed value, or the centre of their range.
  /// - Throws: `SpaceError` naming an unknown parameter, a value outside its domain, a value for an inactive parameter, or
  ///   a violated constraint.
  public func configuration(_ values: [(name: String, value: ParameterValue)]) throws(SpaceError) -> Configuration {
    var slots = centre().slots
    var given: Set<Int> = []
    for (name, value) in values {
      guard let index = index(of: name) else {
        throw SpaceError(
          "there is no such parameter", at: name, hint: suggestion(for: name, among: parameters.map(\.name)))
      }
      guard given.insert(index).inserted else { throw SpaceError("the value is given twice", at: name) }
      let raw = try parameters[index].slots(of: value)
      slots.replaceSubrange(slotRanges[index], with: raw)
    }
    deactivate(&slots)
    let configuration = Configuration(slots: slots)
    for index in given.sorted() where slots[slotRanges[index].lowerBound].isNaN {
      throw SpaceError(
        "has no meaning in this configuration: it is active only when \(parameters[index].condition?.description ?? "…")",
        at: parameters[index].name, hint: "leave it out")
    }
    if let violated = violatedConstraint(configuration) {
      throw SpaceError("the configuration violates the constraint '\(constraints[violated].description)'")
    }
    return configuration
  }

  /// Defaults and fixed values where there are any, and the centre of the unit cube elsewhere; conditions applied,
  /// constraints not checked.
  public func defaultConfiguration() -> Configuration {
    var configuration = centre()
    deactivate(&configuration.slots)
    return configuration
  }

  private func centre() -> Configuration {
    var slots = [Double](repeating: 0, count: slotCount)
    decode([Double](repeating: 0.5, count: coordinates.count), into: &slots)
    for (index, parameter) in parameters.enumerated() {
      guard let value = parameter.fixedValue ?? parameter.defaultValue else { continue }
      if let raw = try? parameter.slots(of: value) { slots.replaceSubrange(slotRanges[index], with: raw) }
    }
    return Configuration(slots: slots)
  }

  /// The value that a text such as `0.1`, `adam` or `a,b,c` stands for.
  /// - Throws: `SpaceError` when the text is no value of the parameter.
  public func value(_ text: String, of index: Int) throws(SpaceError) -> ParameterValue {
    let parameter = parameters[index]
    let value: ParameterValue
    switch parameter.domain {
    case .float, .integer:
      guard let number = Double(text) else {
        throw SpaceError("'\(text)' is not a number", at: parameter.name)
      }
      let isInteger = if case .integer = parameter.domain { true } else { false }
      value = isInteger ? Int(exactly: number).map { .integer($0) } ?? .real(number) : .real(number)
    case .categorical, .ordinal, .boolean, .constant: value = .choice(.text(text))
    case .permutation:
      value = .permutation(text.split(separator: ",", omittingEmptySubsequences: false).map { .text(String($0)) })
    case .simplex:
      var weights: [Double] = []
      for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        guard let weight = Double(part) else {
          throw SpaceError("'\(part)' is not a number", at: parameter.name)
        }
        weights.append(weight)
      }
      value = .simplex(weights)
    }
    _ = try parameter.slots(of: value)
    return value
  }

  // MARK: Conditions and constraints

  /// Clears the slots of parameters whose condition does not hold.
  public func deactivate(_ slots: inout [Double]) {
    for index in evaluationOrder where conditions[index] != nil && !isActive(index, in: slots) {
      for slot in slotRanges[index] { slots[slot] = .nan }
    }
  }

  /// Whether a parameter is active beside these raw values; those of everything that its condition mentions must be
  /// final, NaN where inactive.
  public func isActive(_ index: Int, in slots: [Double]) -> Bool {
    guard let condition = conditions[index] else { return true }
    return slots.withUnsafeBufferPointer { condition.truth($0) } == true
      && parents[index].allSatisfy { !slots[slotRanges[$0].lowerBound].isNaN }
  }

  /// The index of the first constraint that the configuration violates.
  public func violatedConstraint(_ configuration: Configuration) -> Int? {
    if compiledConstraints.isEmpty { return nil }
    var configuration = configuration
    // A configuration of an earlier, smaller space says nothing about the parameters added since.
    while configuration.slots.count < slotCount { configuration.slots.append(.nan) }
    return configuration.slots.withUnsafeBufferPointer { slots in
      compiledConstraints.firstIndex { $0.truth(slots) == false }
    }
  }

  /// Whether the raw values can be read at all: numbers are finite, choices exist, items stand once. Cheaper than `contains`, and
  /// true for configurations of earlier versions of the space.
  public func canHold(_ configuration: Configuration) -> Bool {
    guard configuration.slots.count <= slotCount else { return false }
    for (index, parameter) in parameters.enumerated() {
      let range = slotRanges[index]
      guard range.upperBound <= configuration.slots.count else { return true }
      let first = configuration.slots[range.lowerBound]
      if first.isNaN { continue }
      if axes[index] != nil {
        let isInteger = if case .integer = parameter.domain { true } else { false }
        if !first.isFinite || isInteger && (first != first.rounded() || first.magnitude > 0x1p53) { return false }
        continue
      }
      let limit: Double
      switch parameter.domain {
      case .categorical(let choices), .ordinal(let choices): limit = Double(choices.count)
      case .boolean: limit = 2
      case .constant: limit = 1
      case .permutation(let items): limit = Double(items.count)
      case .simplex, .float, .integer: limit = .infinity
      }
      for value in configuration.slots[range] {
        guard value >= 0, value < limit, limit.isInfinite || value == value.rounded() else { return false }
      }
      if case .permutation = parameter.domain, Set(configuration.slots[range]).count != range.count { return false }
    }
    return true
  }

  /// Whether every fixed parameter that is active in the configuration has the value that it is fixed to; ``contains(_:)`` asks
  /// only for the domain, as trials from before it was fixed are still of the space.
  public func isAsFixed(_ configuration: Configuration) -> Bool {
    parameters.enumerated().allSatisfy { index, parameter in
      guard let fixed = parameter.fixedValue, let value = value(of: index, in: configuration) else { return true }
      return value == fixed
    }
  }

  /// Whether the configuration has exactly the values that its conditions ask for, all within their domains, and
  /// satisfies every constraint.
  public func contains(_ configuration: Configuration) -> Bool {
    guard configuration.slots.count == slotCount else { return false }
    var full = configuration.slots
    for index in evaluationOrder {
      let range = slotRanges[index]
      let active = !full[range.lowerBound].isNaN
      guard active == isActive(index, in: full) else { return false }
      if active {
        switch parameters[index].domain {
        case .categorical, .ordinal, .boolean, .constant:
          let choice = full[range.lowerBound]
          let count = parameters[index].domain.choices?.count ?? 0
          guard choice >= 0, choice == choice.rounded(), choice < Double(count) else { return false }
        case .permutation(let items):
          let sorted = full[range].sorted()
          guard sorted == items.indices.map(Double.init) else { return false }
        case .float, .integer:
          let number = full[range.lowerBound]
          if case .integer = parameters[index].domain, number != number.rounded() { return false }
          guard (try? parameters[index].slots(of: .real(number))) != nil else { return false }
        case .simplex:
          guard (try? parameters[index].slots(of: .simplex(Array(full[range])))) != nil else { return false }
        }
      } else {
        for slot in range { full[slot] = .nan }
      }
    }
    return violatedConstraint(configuration) == nil
  }
}

extension Parameter {
  /// The raw slots of a value.
  /// - Throws: `SpaceError` when the value is not in the domain.
  public func slots(of value: ParameterValue) throws(SpaceError) -> [Double] {
    func outside(_ hint: String) -> SpaceError {
      SpaceError("\(value.description) is not a possible value", at: name, hint: hint)
    }
    switch domain {
    case .float(let domain), .integer(let domain):
      let number: Double
      switch value {
      case .real(let real): number = real
      case .integer(let integer): number = Double(integer)
      case .choice(let choice):
        guard let real = choice.number else { throw outside("a number is needed") }
        number = real
      case .permutation, .simplex: throw outside("a number is needed")
      }
      let range = "\(JSONValue.plainText(domain.low)) … \(JSONValue.plainText(domain.high))"
      // The ends of an unbounded range are no values.
      guard number >= domain.low, number <= domain.high, number.isFinite else { throw outside("the range is \(range)") }
      guard let step = domain.step else { return [number] }
      let nearest = domain.value(level: domain.level(of: number))
      guard abs(nearest - number) <= 1e-9 * max(abs(number), step) else {
        throw outside("the range is \(range) in steps of \(JSONValue.plainText(step))")
      }
      return [nearest]
    case .categorical, .ordinal, .boolean, .constant:
      let choices = self.domain.choices ?? []
      let found: Int?
      switch value {
      case .choice(let choice):
        found = choices.firstIndex(of: choice) ?? choices.firstIndex { $0.description == choice.description }
      case .integer(let integer): found = choices.firstIndex { $0.number == Double(integer) }
      case .real(let real): found = choices.firstIndex { $0.number == real }
      case .permutation, .simplex: found = nil
      }
      guard let found else {
        throw outside(suggestion(for: value.description, among: choices.map(\.description)))
      }
      return [Double(found)]
    case .permutation(let items):
      guard case .permutation(let order) = value, order.count == items.count else {
        throw outside("give all \(items.count) items in an order")
      }
      var slots: [Double] = []
      for item in order {
        guard let i = items.firstIndex(where: { $0.description == item.description }), !slots.contains(Double(i)) else {
          throw outside("each of the items once: \(items.map(\.description).joined(separator: ", "))")
        }
        slots.append(Double(i))
      }
      return slots
    case .simplex(let parts):
      guard case .simplex(let weights) = value, weights.count == parts.count else {
        throw outside("give \(parts.count) weights")
      }
      guard weights.allSatisfy({ $0 >= 0 }), abs(weights.reduce(0, +) - 1) < 1e-9 else {
        throw outside("weights are at least 0 and sum to 1")
      }
      return weights
    }
  }
}
