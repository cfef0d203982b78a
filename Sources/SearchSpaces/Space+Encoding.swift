import TrimtabNumerics

extension Space {
  /// Writes the raw values at a point of the unit cube, every parameter active; fixed values win over the point.
  ///
  /// - Parameters:
  ///   - unit: one number in [0, 1] a coordinate.
  ///   - slots: at least `slotCount` long.
  public func decode(_ unit: [Double], into slots: inout [Double]) {
    for index in parameters.indices { decode(index, unit, into: &slots) }
  }

  /// Writes the raw values of one parameter at a point of the unit cube; a fixed value wins over the point.
  public func decode(_ index: Int, _ unit: [Double], into slots: inout [Double]) {
    let slot = slotRanges[index].lowerBound
    if let fixed = parameters[index].fixedValue, let raw = try? parameters[index].slots(of: fixed) {
      slots.replaceSubrange(slotRanges[index], with: raw)
      return
    }
    let first = coordinateRanges[index].lowerBound
    switch parameters[index].domain {
    case .float, .integer:
      if let axis = axes[index] { slots[slot] = axis.decode(unit[first]) }
    case .categorical(let choices), .ordinal(let choices):
      slots[slot] = Double(Self.bin(unit[first], of: choices.count))
    case .boolean: slots[slot] = unit[first] < 0.5 ? 0 : 1
    case .constant: slots[slot] = 0
    case .permutation(let items):
      // Random keys (Bean 1994): the order of the coordinates is the order of the items.
      let order = items.indices.sorted { (unit[first + $0], $0) < (unit[first + $1], $1) }
      for (position, item) in order.enumerated() { slots[slot + position] = Double(item) }
    case .simplex(let parts):
      // Stick breaking with Beta(1, remaining) pieces: uniform coordinates give the uniform Dirichlet distribution.
      var rest = 1.0
      for i in 0..<parts.count - 1 {
        let share = 1 - _pow(1 - min(max(unit[first + i], 0), 1), 1 / Double(parts.count - 1 - i))
        slots[slot + i] = rest * share
        rest -= slots[slot + i]
      }
      slots[slot + parts.count - 1] = max(0, rest)
    }
  }

  /// The configuration at a point of the unit cube, conditions applied; constraints are not checked.
  public func configuration(unit: [Double]) -> Configuration {
    var slots = [Double](repeating: 0, count: slotCount)
    decode(unit, into: &slots)
    deactivate(&slots)
    return Configuration(slots: slots)
  }

  /// Calls `body` with the index and value of every coordinate of a configuration; NaN where it is inactive.
  ///
  /// Numbers lie on their widened scale (grid values at the centres of their cells), choices at the centres of equal
  /// cells. A value outside the present bounds is encoded outside [0, 1], not clamped.
  @inlinable public func encode(_ configuration: Configuration, _ body: (_ coordinate: Int, _ unit: Double) -> Void) {
    for index in parameters.indices {
      let slot = slotRanges[index].lowerBound
      let range = coordinateRanges[index]
      guard slotRanges[index].upperBound <= configuration.slots.count, !configuration.slots[slot].isNaN else {
        for coordinate in range { body(coordinate, .nan) }
        continue
      }
      if let axis = axes[index] {
        body(range.lowerBound, axis.encode(configuration.slots[slot]))
      } else {
        encodeOther(index, configuration, body)
      }
    }
  }

  @usableFromInline
  func encodeOther(_ index: Int, _ configuration: Configuration, _ body: (_ coordinate: Int, _ unit: Double) -> Void) {
    let slot = slotRanges[index].lowerBound
    let first = coordinateRanges[index].lowerBound
    switch parameters[index].domain {
    case .categorical(let choices), .ordinal(let choices):
      body(first, (configuration.slots[slot] + 0.5) / Double(choices.count))
    case .boolean: body(first, (configuration.slots[slot] + 0.5) / 2)
    case .permutation(let items):
      for position in items.indices {
        body(first + Int(configuration.slots[slot + position]), (Double(position) + 0.5) / Double(items.count))
      }
    case .simplex(let parts):
      var rest = 1.0
      for i in 0..<parts.count - 1 {
        let share = rest > 0 ? min(1, configuration.slots[slot + i] / rest) : 0
        body(first + i, 1 - _pow(1 - share, Double(parts.count - 1 - i)))
        rest -= configuration.slots[slot + i]
      }
    case .float, .integer, .constant: break
    }
  }

  /// The equal cell in which a unit coordinate lies; 1 belongs to the last.
  @inlinable static func bin(_ u: Double, of count: Int) -> Int { min(max(Int(u * Double(count)), 0), count - 1) }

  /// The most configurations that are drawn before a constraint counts as unsatisfiable.
  public static let maximumDraws = 10_000

  /// Draws uniformly (in the sense of scales and priors) among the configurations that satisfy all constraints.
  ///
  /// Each coordinate is drawn from a stream of its own, keyed by its parameter's name, so adding a parameter changes no
  /// other's values.
  /// - Parameters:
  ///   - seed: the study's seed, mixed with the purpose of the draw.
  ///   - index: the number of the draw, such as the trial's number.
  /// - Throws: `SpaceError` naming the constraint that rejected most when no draw satisfied them all.
  public func sample(seed: UInt64, index: UInt64) throws(SpaceError) -> Configuration {
    var streams = streamPurposes.map { RandomStream(seed: seed, purpose: $0, index: index) }
    var unit = [Double](repeating: 0, count: coordinates.count)
    return try firstSatisfying { _ in
      for c in coordinates.indices { unit[c] = streams[coordinates[c].parameter].uniform() }
      return self.configuration(unit: unit)
    }
  }

  /// The first of at most `maximumDraws` configurations from `draw` that satisfies every constraint.
  /// - Throws: `SpaceError` naming the constraint that rejected most.
  public func firstSatisfying(_ draw: (_ attempt: Int) -> Configuration) throws(SpaceError) -> Configuration {
    var rejections = [Int](repeating: 0, count: constraints.count)
    for attempt in 0..<Self.maximumDraws {
      let configuration = draw(attempt)
      guard let violated = violatedConstraint(configuration) else { return configuration }
      rejections[violated] += 1
    }
    let worst = rejections.indices.max { rejections[$0] < rejections[$1] } ?? 0
    throw SpaceError(
      "no configuration was found that satisfies the constraints: in \(Self.maximumDraws) draws '\(constraints[worst].description)' failed \(rejections[worst]) times",
      hint: "loosen the constraint or narrow the ranges so that a configuration can satisfy it")
  }
}
