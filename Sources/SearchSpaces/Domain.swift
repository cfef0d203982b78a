import TrimtabNumerics

/// How a numeric axis is stretched before it is sampled or modelled.
public enum Scale: String, Sendable, Hashable, CaseIterable {
  case linear
  /// Natural logarithm; the range must be positive.
  case log
  /// ln(p / (1 − p)); the range must lie within (0, 1).
  case logit
}

/// A belief about where good values lie, from which values are drawn instead of uniformly.
public enum Prior: Sendable, Hashable {
  case normal(mean: Double, deviation: Double)
  /// ln(value) is normal with this mean and deviation.
  case logNormal(mean: Double, deviation: Double)
}

/// A real or integer axis: range, scale or prior, and step.
///
/// With a prior, `low` and `high` may be infinite; the prior is truncated to the range. An integer axis has a step that
/// is a whole number; a real axis may have none (`nil`).
public struct NumericDomain: Sendable, Hashable {
  public var low: Double
  public var high: Double
  public var scale: Scale
  public var step: Double?
  public var prior: Prior?

  /// - Throws: `SpaceError` when the range is empty, not finite without a prior, outside what the scale allows, wider
  ///   than integers are exact (2⁵³), or no whole number of steps.
  public init(
    low: Double, high: Double, scale: Scale = .linear, step: Double? = nil, prior: Prior? = nil, isInteger: Bool = false
  ) throws(SpaceError) {
    self.low = low
    self.high = high
    self.scale = scale
    self.step = isInteger ? step ?? 1 : step
    self.prior = prior
    try validate(isInteger: isInteger)
  }

  /// The least probability that a prior may have within the range: with less, numbers are too coarse to draw from it.
  private static let leastMass = 1e-6

  private func validate(isInteger: Bool) throws(SpaceError) {
    guard !low.isNaN, !high.isNaN else {
      throw SpaceError("a bound is not a number", hint: "give low and high as numbers")
    }
    guard low <= high else {
      throw SpaceError(
        "low \(JSONValue.plainText(low)) is above high \(JSONValue.plainText(high))", hint: "swap them")
    }
    if prior == nil {
      guard low.isFinite, high.isFinite else {
        throw SpaceError(
          "an unbounded range needs a prior", hint: "give low and high, or a prior such as {normal: [0, 1]}")
      }
    }
    switch prior {
    case .normal(let mean, let deviation), .logNormal(let mean, let deviation):
      guard mean.isFinite, deviation.isFinite, deviation > 0 else {
        throw SpaceError("a prior needs a finite mean and a positive deviation")
      }
      guard scale == .linear else {
        throw SpaceError(
          "a prior and the scale \(scale) exclude each other",
          hint: "for a logarithmic axis use {log_normal: [mean, deviation]}")
      }
      if case .logNormal = prior, low < 0 {
        throw SpaceError("a log-normal prior has no values below 0", hint: "raise low to 0 or leave it out")
      }
    case nil: break
    }
    if let step {
      guard step > 0, step.isFinite else { throw SpaceError("the step must be a positive number") }
      guard low.isFinite, high.isFinite else {
        throw SpaceError("a step needs finite bounds", hint: "give low and high")
      }
      guard step != step.rounded() || max(abs(low), abs(high)) <= 0x1p53 else {
        throw SpaceError("integers beyond 2^53 are not exact here", hint: "use a smaller range")
      }
      let steps = (high - low) / step
      guard abs(steps - steps.rounded()) <= 1e-6 * max(1, abs(steps)) else {
        let last = low + step * steps.rounded(.down)
        throw SpaceError(
          "high \(JSONValue.plainText(high)) is not low plus a whole number of steps of \(JSONValue.plainText(step))",
          hint: "use high: \(JSONValue.plainText(last)) or \(JSONValue.plainText(last + step))")
      }
      guard steps < 0x1p53 else { throw SpaceError("too many steps", hint: "use a larger step") }
    }
    if isInteger {
      guard low == low.rounded(), high == high.rounded(), step == step?.rounded() else {
        throw SpaceError("an integer parameter needs whole numbers for low, high and step", hint: "or use type: float")
      }
    }
    if prior != nil, low < high, NumericAxis(self).width < Self.leastMass {
      throw SpaceError(
        "the prior has next to no probability between low and high",
        hint: "move the prior's mean into the range, or raise its deviation")
    }
    switch scale {
    case .linear: break
    case .log:
      guard low > 0 else {
        throw SpaceError(
          "a log scale needs low above 0, not \(JSONValue.plainText(low))", hint: "raise low, or use scale: linear")
      }
      if let step, low - step / 2 <= 0 {
        throw SpaceError(
          "a log scale with a step needs low above half a step",
          hint: "raise low to at least \(JSONValue.plainText(step))")
      }
    case .logit:
      let margin = (step ?? 0) / 2
      guard low - margin > 0, high + margin < 1 else {
        throw SpaceError(
          "a logit scale needs a range within 0 and 1, ends excluded", hint: "for example low: 0.001, high: 0.999")
      }
    }
  }

  /// The number of grid values, or nil for a continuous axis.
  @inlinable public var levels: Int? {
    guard let step else { return low == high ? 1 : nil }
    return Int(((high - low) / step).rounded()) + 1
  }

  /// The grid value of an index in `0 ..< levels`.
  @inlinable public func value(level: Int) -> Double {
    guard let step else { return low }
    let inverse = 1 / step
    // 0.1 has no exact binary form, 10 has: dividing gives the double that the decimal text would.
    if inverse == inverse.rounded(), (low * inverse) == (low * inverse).rounded() {
      return (low * inverse + Double(level)) / inverse
    }
    return level + 1 == levels ? high : low + Double(level) * step
  }

  /// The grid index nearest to a value; may lie outside `0 ..< levels` for a value outside the range.
  @inlinable public func level(of value: Double) -> Int {
    guard let step else { return 0 }
    let level = ((value - low) / step).rounded()
    return level.magnitude < 0x1p53 ? Int(level) : (level < 0 ? -1 : Int.max)
  }

  /// The range on which the axis is sampled: half a step wider on both sides when stepped.
  @inlinable var widened: (low: Double, high: Double) {
    guard let step, low < high else { return (low, high) }
    return (low - step / 2, high + step / 2)
  }

  /// The transform that makes the axis uniform.
  @inlinable func stretched(_ value: Double) -> Double {
    switch prior {
    case .normal(let mean, let deviation): return NormalDistribution.cdf((value - mean) / deviation)
    case .logNormal(let mean, let deviation):
      return value <= 0 ? 0 : NormalDistribution.cdf((_log(value) - mean) / deviation)
    case nil: break
    }
    switch scale {
    case .linear: return value
    case .log: return _log(value)
    case .logit: return _log(value) - _log1p(-value)
    }
  }

  @inlinable func unstretched(_ t: Double) -> Double {
    switch prior {
    case .normal(let mean, let deviation):
      if t <= 0 { return -Double.infinity }
      if t >= 1 { return Double.infinity }
      return mean + deviation * NormalDistribution.quantile(t)
    case .logNormal(let mean, let deviation):
      if t <= 0 { return 0 }
      if t >= 1 { return Double.infinity }
      return _exp(mean + deviation * NormalDistribution.quantile(t))
    case nil: break
    }
    switch scale {
    case .linear: return t
    case .log: return _exp(t)
    case .logit: return 1 / (1 + _exp(-t))
    }
  }
}

/// The stretched ends of a numeric axis, computed once per space so that encoding a value costs one transform.
@frozen public struct NumericAxis: Sendable {
  public let domain: NumericDomain
  public let start: Double
  public let width: Double

  public init(_ domain: NumericDomain) {
    self.domain = domain
    let (low, high) = domain.widened
    start = domain.stretched(low)
    width = domain.stretched(high) - start
  }

  /// The unit coordinate of a value: 0…1 inside the range, beyond it for values outside; 0.5 for a range of one value.
  @inlinable public func encode(_ value: Double) -> Double {
    guard width > 0 else { return 0.5 }
    let unit = (domain.stretched(value) - start) / width
    // A range that was amended to a log or logit scale may leave values behind that have no place on it.
    return unit.isFinite ? unit : (value < domain.low ? -1 : 2)
  }

  /// The value at a unit coordinate in [0, 1]; grid values are exact.
  @inlinable public func decode(_ u: Double) -> Double {
    guard width > 0 else { return domain.low }
    // The ends of an infinite range have no value; half a unit in the last place inside them does.
    let inner = domain.low.isFinite && domain.high.isFinite ? u : min(max(u, 0x1p-54), 1 - 0x1p-53)
    let value = domain.unstretched(start + inner * width)
    guard let levels = domain.levels else { return min(max(value, domain.low), domain.high) }
    return domain.value(level: min(max(domain.level(of: value), 0), levels - 1))
  }

  /// The unit interval that decodes to a grid level.
  @inlinable public func cell(level: Int) -> (low: Double, high: Double) {
    guard width > 0, let step = domain.step else { return (0, 1) }
    let value = domain.value(level: level)
    return (encode(value - step / 2), encode(value + step / 2))
  }
}

/// What values a parameter may take.
public enum Domain: Sendable, Hashable {
  case float(NumericDomain)
  case integer(NumericDomain)
  case categorical([Choice])
  /// Choices in a meaningful order.
  case ordinal([Choice])
  case boolean
  case constant(Choice)
  /// An order of all the items.
  case permutation([Choice])
  /// Non-negative weights of the named parts that sum to 1.
  case simplex([String])

  /// How many raw numbers a configuration stores for it.
  public var slotCount: Int {
    switch self {
    case .permutation(let items): items.count
    case .simplex(let parts): parts.count
    default: 1
    }
  }

  /// How many coordinates of the unit cube describe it.
  public var coordinateCount: Int {
    switch self {
    case .constant: 0
    case .permutation(let items): items.count
    case .simplex(let parts): parts.count - 1
    default: 1
    }
  }

  /// The choices of a categorical, ordinal, boolean or constant domain.
  public var choices: [Choice]? {
    switch self {
    case .categorical(let choices), .ordinal(let choices): choices
    case .boolean: [.boolean(false), .boolean(true)]
    case .constant(let choice): [choice]
    default: nil
    }
  }

  /// The number of distinct values, or nil when there is a continuum of them or more than 2⁵³.
  public var cardinality: Int? {
    switch self {
    case .float(let domain), .integer(let domain): return domain.levels
    case .permutation(let items):
      var product = 1
      for k in 1...max(1, items.count) {
        let (value, overflow) = product.multipliedReportingOverflow(by: k)
        guard !overflow, value < 1 << 53 else { return nil }
        product = value
      }
      return product
    case .simplex(let parts): return parts.count == 1 ? 1 : nil
    default: return choices?.count
    }
  }

  /// The name of the domain's kind in a study file.
  public var kindName: String {
    switch self {
    case .float: "float"
    case .integer: "integer"
    case .categorical: "categorical"
    case .ordinal: "ordinal"
    case .boolean: "boolean"
    case .constant: "constant"
    case .permutation: "permutation"
    case .simplex: "simplex"
    }
  }
}

/// What is wrong with a space or a configuration, and the mend.
public struct SpaceError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The parameter or constraint concerned, when there is one.
  public var place: String?
  public var message: String
  public var hint: String?

  public init(_ message: String, at place: String? = nil, hint: String? = nil) {
    self.place = place
    self.message = message
    self.hint = hint
  }

  public var description: String {
    (place.map { "\($0): " } ?? "") + message + (hint.map { " (\($0))" } ?? "")
  }
}
