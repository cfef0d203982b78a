import TrimtabNumerics
import TrimtabSearchSpaces

/// The numeric parameters of a space in units in which a step of one length means as much along each of them.
///
/// A logarithmic scale (or a log-normal prior) counts in decades, a logit scale in decades of the odds, a normal prior in
/// deviations, and a linear scale in shares of its range, of which there are `span`; no unit is so small that a step of the
/// search, the radius, would be less than the parameter's own step. What has one value only is left out.
struct BasicSpace: Sendable {
  enum Scale: Sendable, Equatable {
    case decades
    case odds
    /// The size of a unit.
    case linear(Double)
  }

  struct Axis: Sendable {
    var parameter: Int
    var slot: Int
    var domain: NumericDomain
    var scale: Scale
    /// Half a step beyond the bounds, since values in between are rounded.
    var low: Double
    var high: Double
    var isFixed: Bool
    var centre: Double
  }

  let space: Space
  let axes: [Axis]
  /// Fixed values, defaults, and the middle of the range in the parameter's own scale without one.
  let centreSlots: [Double]

  /// - Parameters:
  ///   - span: units of a linear range.
  ///   - radius: the deviation of a step of the search.
  init(_ space: Space, span: Double, radius: Double) {
    self.space = space
    let centre = space.defaultConfiguration().slots
    centreSlots = centre
    axes = space.parameters.indices.compactMap { index in
      let parameter = space.parameters[index]
      let slot = space.slotRanges[index].lowerBound
      let domain: NumericDomain
      switch parameter.domain {
      case .float(let numeric), .integer(let numeric): domain = numeric
      default: return nil
      }
      guard domain.low < domain.high, slot < centre.count else { return nil }
      let scale = Self.scale(domain, span: span, radius: radius)
      let half = (domain.step ?? 0) / 2
      var middle = Self.basic(centre[slot], scale)
      // A default at the open end of a scale is no place to begin at.
      if !middle.isFinite { middle = Self.basic(space.axes[index]?.decode(0.5) ?? .nan, scale) }
      return Axis(
        parameter: index, slot: slot, domain: domain, scale: scale, low: Self.basic(domain.low - half, scale),
        high: Self.basic(domain.high + half, scale), isFixed: parameter.fixedValue != nil,
        centre: middle.isFinite ? middle : 0)
    }
  }

  static func scale(_ domain: NumericDomain, span: Double, radius: Double) -> Scale {
    let least = (domain.step ?? 0) / radius
    switch domain.prior {
    case .logNormal: return .decades
    case .normal(_, let deviation): return .linear(max(deviation, least))
    case nil: break
    }
    switch domain.scale {
    case .log: return .decades
    case .logit: return .odds
    // The difference of the ends may overflow.
    case .linear: return .linear(max(domain.high / span - domain.low / span, least))
    }
  }

  /// −∞ or ∞ at the open ends of a scale, NaN beyond them.
  static func basic(_ value: Double, _ scale: Scale) -> Double {
    switch scale {
    case .decades: logarithm(value) / logarithm(10)
    case .odds: (logarithm(value) - logarithm(1 - value)) / logarithm(10)
    case .linear(let unit): value / unit
    }
  }

  static func value(_ basic: Double, _ scale: Scale) -> Double {
    switch scale {
    case .decades: exponential(basic * logarithm(10))
    case .odds: 1 / (1 + exponential(-basic * logarithm(10)))
    case .linear(let unit): basic * unit
    }
  }

  /// About the centre, so that what a linear kernel says does not depend on the unit of a parameter; nil when a value has no
  /// place on the present scale. A parameter that the configuration lacks, because it was added later, is at its centre.
  func point(_ configuration: Configuration) -> [Double]? {
    var result: [Double] = []
    for axis in axes {
      let value = axis.slot < configuration.slots.count ? configuration.slots[axis.slot] : .nan
      result.append(value.isNaN ? 0 : Self.basic(value, axis.scale) - axis.centre)
    }
    // A value of earlier, wider bounds may be far away.
    return result.allSatisfy { abs($0) < 1e6 } ? result : nil
  }

  /// A normal step of the radius from a point, as likely as it is when steps that leave the bounds are drawn again.
  func step(from origin: [Double], radius: Double, _ stream: inout RandomStream) -> Configuration {
    var slots = centreSlots
    for (j, axis) in axes.enumerated() {
      // At 0 lies the end of the range, which may be infinite.
      let u = max(stream.uniform(), 0x1p-54)
      guard !axis.isFixed else { continue }
      let start = origin[j] + axis.centre
      let z = NormalDistribution.truncatedQuantile(u, (axis.low - start) / radius, (axis.high - start) / radius)
      slots[axis.slot] = Self.nearest(Self.value(start + radius * z, axis.scale), axis.domain)
    }
    return Configuration(slots: slots)
  }

  /// The value of the domain that is nearest.
  private static func nearest(_ value: Double, _ domain: NumericDomain) -> Double {
    guard let levels = domain.levels else { return min(max(value, domain.low), domain.high) }
    return domain.value(level: min(max(domain.level(of: value), 0), levels - 1))
  }

  static func distance(_ a: [Double], _ b: [Double]) -> Double {
    var square = 0.0
    for j in a.indices { square += (a[j] - b[j]) * (a[j] - b[j]) }
    return square.squareRoot()
  }

  /// A column a point.
  func matrix(_ points: [[Double]]) -> Matrix {
    Matrix(rows: axes.count, columns: points.count, storage: points.flatMap { $0 })
  }
}
