import TrimtabSearchSpaces

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension TradeOff {
  /// The functions 1, 2 and 7 of any number of objectives m: the first m − 1 parameters say where on the front, the others
  /// how far from it; on the front those are one half (1 and 2) or 0 (7).
  ///
  /// Source: Deb, Thiele, Laumanns & Zitzler, "Scalable test problems for evolutionary multiobjective optimization", in
  /// Evolutionary Multiobjective Optimization, Springer 2005. (7 is number 6 in the report of 2001.)
  /// - Parameters:
  ///   - number: 1, 2 or 7.
  ///   - d: the number of parameters, at least m.
  ///   - m: the number of objectives, at least 2.
  static func dtlz(_ number: Int, _ d: Int, objectives m: Int) throws(SpaceError) -> TradeOff {
    let isUsual = m == 3 && d == dtlzDimension(number, objectives: m)
    let name = "dtlz\(number)" + (isUsual ? "" : "-\(d)" + (m == 3 ? "" : "-\(m)"))
    var best = [Double](repeating: number == 7 ? 0 : 0.5, count: d)
    best[0] = number == 2 ? 1 : 0
    let front = TrueFront(number == 1 ? .simplex : number == 2 ? .sphere : .pieces, objectives: m)
    return try TradeOff(name, unitParameters(d), front: front, best: best) { x in
      let place = x[..<(m - 1)]
      let rest = x[(m - 1)...]
      switch number {
      case 1:
        var size = 0.5
        for value in rest {
          let off = value - 0.5
          size += 50 * (off * off + (1 - cos(20 * Double.pi * off)))
        }
        return product(size, place.map { ($0, 1 - $0) })
      case 2:
        var size = 1.0
        for value in rest { size += (value - 0.5) * (value - 0.5) }
        return product(size, place.map { (cos($0 * (Double.pi / 2)), sin($0 * (Double.pi / 2))) })
      default:
        let size: Double = 2 + 9 / Double(rest.count) * rest.reduce(0, +)
        var last: Double = size * Double(m)
        for value in place { last -= value * (1 + sin(3 * Double.pi * value)) }
        return place + [last]
      }
    }
  }

  /// The first objective is the product of all first factors; each further one ends sooner, with a second factor.
  private static func product(_ size: Double, _ factors: [(Double, Double)]) -> [Double] {
    var values: [Double] = []
    for last in stride(from: factors.count, through: 0, by: -1) {
      var value = factors[..<last].reduce(size) { $0 * $1.0 }
      if last < factors.count { value *= factors[last].1 }
      values.append(value)
    }
    return values
  }

  /// The paper's number of parameters: m − 1, and 5, 10 or 20 more.
  static func dtlzDimension(_ number: Int, objectives m: Int) -> Int {
    m - 1 + (number == 1 ? 5 : number == 2 ? 10 : 20)
  }
}
