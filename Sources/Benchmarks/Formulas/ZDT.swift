import TrimtabSearchSpaces

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension TradeOff {
  /// The two-objective functions 1, 2, 3, 4 and 6: the first parameter says where on the front, the others how far from
  /// it; they are 0 on the front.
  ///
  /// Source: Zitzler, Deb & Thiele, "Comparison of multiobjective evolutionary algorithms: empirical results", Evolutionary
  /// Computation 8(2), 2000.
  /// - Parameters:
  ///   - number: 1, 2, 3, 4 or 6.
  ///   - d: the number of parameters, at least 2; the paper's are 30, and 10 for 4 and 6.
  static func zdt(_ number: Int, _ d: Int) throws(SpaceError) -> TradeOff {
    let usual = zdtDimension(number)
    let name = "zdt\(number)" + (d == usual ? "" : "-\(d)")
    var parameters = try unitParameters(d)
    if number == 4 {
      for i in 1..<d { parameters[i] = try .float("x\(i + 1)", -5...5) }
    }
    var best = [Double](repeating: 0, count: d)
    // Where the first objective of function 6 is least.
    if number == 6 { best[0] = 0.08145779687732205 }
    let front: TrueFront =
      switch number {
      case 2: TrueFront(.concave(from: 0))
      case 3: TrueFront(.broken)
      case 6: TrueFront(.concave(from: leastOfSix))
      default: TrueFront(.convex)
      }
    return try TradeOff(name, parameters, front: front, best: best, optimum: number == 6 ? leastOfSix : 0) { x in
      let rest = x.dropFirst()
      let mean = rest.reduce(0, +) / Double(rest.count)
      let g: Double
      switch number {
      case 4:
        var sum = 1.0
        for value in rest { sum += value * value + 10 * (1 - cos(4 * Double.pi * value)) }
        g = sum
      case 6: g = 1 + 9 * pow(mean, 0.25)
      default: g = 1 + 9 * mean
      }
      let first = number == 6 ? 1 - exp(-4 * x[0]) * pow(sin(6 * Double.pi * x[0]), 6) : x[0]
      let ratio = first / g
      let second: Double =
        switch number {
        case 2, 6: 1 - ratio * ratio
        case 3: 1 - ratio.squareRoot() - ratio * sin(10 * Double.pi * first)
        default: 1 - ratio.squareRoot()
        }
      return [first, g * second]
    }
  }

  /// The paper's number of parameters.
  static func zdtDimension(_ number: Int) -> Int { number == 4 || number == 6 ? 10 : 30 }

  private static let leastOfSix = 0.28077531881536977
}
