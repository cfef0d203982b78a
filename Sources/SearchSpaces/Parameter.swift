/// One parameter of a space.
public struct Parameter: Sendable, Hashable {
  /// Any non-empty text without control characters.
  public var name: String
  public var domain: Domain
  /// The parameter has a value only where this holds; nil means always.
  public var condition: Expression?
  /// The value of the configuration that a study tries first.
  public var defaultValue: ParameterValue?
  /// Every new configuration takes this value: what an amendment fixed.
  public var fixedValue: ParameterValue?

  public init(
    _ name: String, _ domain: Domain, when condition: Expression? = nil, default defaultValue: ParameterValue? = nil,
    fixed fixedValue: ParameterValue? = nil
  ) {
    self.name = name
    self.domain = domain
    self.condition = condition
    self.defaultValue = defaultValue
    self.fixedValue = fixedValue
  }

  // The convenience forms below throw `SpaceError` for an impossible domain.

  public static func float(
    _ name: String, _ range: ClosedRange<Double>, scale: Scale = .linear, step: Double? = nil
  ) throws(SpaceError) -> Parameter {
    Parameter(name, .float(try NumericDomain(low: range.lowerBound, high: range.upperBound, scale: scale, step: step)))
  }

  public static func integer(
    _ name: String, _ range: ClosedRange<Int>, scale: Scale = .linear, step: Int = 1
  ) throws(SpaceError) -> Parameter {
    Parameter(
      name,
      .integer(
        try NumericDomain(
          low: Double(range.lowerBound), high: Double(range.upperBound), scale: scale, step: Double(step),
          isInteger: true)))
  }

  public static func categorical(_ name: String, _ choices: [String]) -> Parameter {
    Parameter(name, .categorical(choices.map { .text($0) }))
  }

  public static func boolean(_ name: String) -> Parameter { Parameter(name, .boolean) }

  /// The same parameter, active only where the condition holds.
  /// - Throws: `SpaceError` when the condition cannot be read.
  public func when(_ condition: String) throws(SpaceError) -> Parameter {
    var copy = self
    do {
      copy.condition = try Expression.parse(condition)
    } catch {
      throw SpaceError("condition '\(condition)': \(error.message)", at: name, hint: error.hint)
    }
    return copy
  }
}

/// The raw values of a configuration: one number a slot, NaN where the parameter is inactive.
///
/// Numbers stand for themselves, choices for their index, a permutation for the item at each position, a simplex for its
/// weights. A configuration made before its space grew has fewer slots; the missing ones are inactive.
@frozen public struct Configuration: Sendable, Hashable {
  public var slots: [Double]

  @inlinable public init(slots: [Double]) { self.slots = slots }

  @inlinable public static func == (a: Configuration, b: Configuration) -> Bool { a.key == b.key && a.sameBits(b) }

  @usableFromInline func sameBits(_ other: Configuration) -> Bool {
    let shared = min(slots.count, other.slots.count)
    for i in 0..<shared where !(slots[i] == other.slots[i] || (slots[i].isNaN && other.slots[i].isNaN)) { return false }
    return slots[shared...].allSatisfy(\.isNaN) && other.slots[shared...].allSatisfy(\.isNaN)
  }

  @inlinable public func hash(into hasher: inout Hasher) { hasher.combine(key) }

  /// A 64-bit fingerprint that is the same on every machine, and for configurations that differ only in trailing
  /// inactive slots.
  @inlinable public var key: UInt64 {
    var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
    for (i, value) in slots.enumerated() where !value.isNaN {
      // Adding zero makes -0.0 and 0.0 the same.
      var word = (value + 0).bitPattern ^ (UInt64(truncatingIfNeeded: i) &* 0xD6E8_FEB8_6659_FD93)
      word = (word ^ (word >> 32)) &* 0xD6E8_FEB8_6659_FD93
      hash = (hash ^ word ^ (word >> 29)) &* 0xFF51_AFD7_ED55_8CCD
      hash ^= hash >> 33
    }
    return hash
  }
}
