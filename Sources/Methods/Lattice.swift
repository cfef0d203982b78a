import TrimtabSearchSpaces

/// A finite set of configurations, numbered by a mixed radix over the parameters; the last parameter varies fastest.
///
/// A number whose configuration leaves a parameter inactive would name the same configuration many times; only the one
/// with that parameter at its first level counts.
struct Lattice: Sendable {
  enum Levels: Sendable {
    case values([Double])
    case steps(NumericDomain)
    /// All orders of so many items.
    case orders(Int)
    /// Weights that are multiples of 1 / `divisions`.
    case shares(parts: Int, divisions: Int)
    /// What a fixed or constant parameter holds.
    case fixed([Double])
  }

  let space: Space
  let levels: [Levels]
  let radices: [Int]
  /// The number of cells, duplicates and forbidden ones included.
  let count: Int

  /// All configurations of a finite space; nil when it is infinite or has more than 2⁵³ cells.
  init?(_ space: Space) {
    self.init(space) { domain in
      domain.levels == nil ? nil : .steps(domain)
    } simplex: { parts in
      parts == 1 ? .shares(parts: 1, divisions: 1) : nil
    }
  }

  /// At most `points` equally spaced values on each axis; nil when there are more than 2⁵³ cells.
  init?(_ space: Space, points: Int) {
    self.init(space) { domain in
      if let levels = domain.levels, levels <= points { return .steps(domain) }
      return .values(Self.spread(domain, points))
    } simplex: { parts in
      .shares(parts: parts, divisions: points - 1)
    }
  }

  private init?(_ space: Space, axis: (NumericDomain) -> Levels?, simplex: (_ parts: Int) -> Levels?) {
    self.space = space
    var levels: [Levels] = []
    var raw = [Double](repeating: 0, count: space.slotCount)
    let centre = [Double](repeating: 0.5, count: space.coordinates.count)
    for (index, parameter) in space.parameters.enumerated() {
      if parameter.fixedValue != nil {
        space.decode(index, centre, into: &raw)
        levels.append(.fixed(Array(raw[space.slotRanges[index]])))
        continue
      }
      switch parameter.domain {
      case .float(let domain), .integer(let domain):
        guard let found = axis(domain) else { return nil }
        levels.append(found)
      case .categorical(let choices), .ordinal(let choices):
        levels.append(.values(choices.indices.map { Double($0) }))
      case .boolean: levels.append(.values([0, 1]))
      case .constant: levels.append(.fixed([0]))
      case .permutation(let items): levels.append(.orders(items.count))
      case .simplex(let parts):
        guard let found = simplex(parts.count) else { return nil }
        levels.append(found)
      }
    }
    self.levels = levels
    var radices: [Int] = []
    var product = 1
    for level in levels {
      guard let radix = Self.count(level) else { return nil }
      let (value, overflow) = product.multipliedReportingOverflow(by: radix)
      guard !overflow, value <= 1 << 53 else { return nil }
      product = value
      radices.append(radix)
    }
    self.radices = radices
    count = product
  }

  /// Values at equal distances on the axis' scale, ends included, each once. An axis with a prior is cut at the middles
  /// of equally likely pieces: the ends of a bell are the least interesting of its values.
  private static func spread(_ domain: NumericDomain, _ points: Int) -> [Double] {
    let axis = NumericAxis(domain)
    var values: [Double] = []
    for i in 0..<points {
      let unit: Double
      if points == 1 {
        unit = 0.5
      } else if domain.prior != nil {
        unit = (Double(i) + 0.5) / Double(points)
      } else {
        unit = Double(i) / Double(points - 1)
      }
      let value = axis.decode(unit)
      if values.last != value { values.append(value) }
    }
    return values
  }

  private static func count(_ levels: Levels) -> Int? {
    switch levels {
    case .values(let values): return values.count
    case .steps(let domain): return domain.levels
    case .orders(let items): return Domain.permutation((0..<items).map { .integer($0) }).cardinality
    case .shares(let parts, let divisions): return binomial(divisions + parts - 1, parts - 1)
    case .fixed: return 1
    }
  }

  /// The configuration of a cell; nil when another cell stands for it or a constraint forbids it.
  func configuration(cell: Int) -> Configuration? {
    var rest = cell
    var slots = [Double](repeating: 0, count: space.slotCount)
    var digits = [Int](repeating: 0, count: levels.count)
    for index in levels.indices.reversed() {
      digits[index] = rest % radices[index]
      rest /= radices[index]
      write(levels[index], digits[index], at: space.slotRanges[index].lowerBound, into: &slots)
    }
    space.deactivate(&slots)
    for index in levels.indices where digits[index] != 0 && slots[space.slotRanges[index].lowerBound].isNaN {
      return nil
    }
    let configuration = Configuration(slots: slots)
    return space.violatedConstraint(configuration) == nil ? configuration : nil
  }

  private func write(_ levels: Levels, _ digit: Int, at slot: Int, into slots: inout [Double]) {
    switch levels {
    case .values(let values): slots[slot] = values[digit]
    case .steps(let domain): slots[slot] = domain.value(level: digit)
    case .fixed(let raw): for (i, value) in raw.enumerated() { slots[slot + i] = value }
    case .orders(let items):
      // The Lehmer code: digit k, counted from the right in factorial base, picks among the items that are left.
      var left = Array(0..<items)
      var rest = digit
      var code = [Int](repeating: 0, count: items)
      for k in 1..<max(1, items) + 1 {
        code[items - k] = rest % k
        rest /= k
      }
      for position in 0..<items { slots[slot + position] = Double(left.remove(at: code[position])) }
    case .shares(let parts, let divisions):
      guard divisions > 0 else {
        for part in 0..<parts { slots[slot + part] = 1 / Double(parts) }
        return
      }
      var rest = digit
      var left = divisions
      for part in 0..<parts - 1 {
        // So many compositions have this part at `share`: those of the remainder into the parts that follow.
        var share = 0
        while let block = Self.binomial(left - share + parts - part - 2, parts - part - 2), rest >= block {
          rest -= block
          share += 1
        }
        slots[slot + part] = Double(share) / Double(divisions)
        left -= share
      }
      slots[slot + parts - 1] = Double(left) / Double(divisions)
    }
  }

  /// The number of ways to choose `k` of `n`; nil beyond 2⁵³.
  static func binomial(_ n: Int, _ k: Int) -> Int? {
    guard k >= 0, k <= n else { return k == 0 ? 1 : 0 }
    var result = 1
    for i in 0..<min(k, n - k) {
      let (value, overflow) = result.multipliedReportingOverflow(by: n - i)
      guard !overflow else { return nil }
      result = value / (i + 1)
      guard result <= 1 << 53 else { return nil }
    }
    return result
  }
}
