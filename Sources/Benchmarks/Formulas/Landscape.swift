import TrimtabSearchSpaces
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A function of real parameters to be minimised; an evaluation costs 1.
public struct Landscape: Problem {
  public let name: String
  public let space: Space
  public let optima: [Configuration]
  private let optimum: Double
  private let function: @Sendable ([Double]) -> Double

  public let objectives = [Objective(metric: "value")]
  public let fidelity: Fidelity? = nil
  public let resources: [Double] = []
  public let costUnit = "evaluations"

  private init(
    _ name: String, _ parameters: [Parameter], optima: [[Double]], optimum: Double,
    _ function: @escaping @Sendable ([Double]) -> Double
  ) throws(SpaceError) {
    self.name = name
    space = try Space(parameters)
    self.optima = optima.map { Configuration(slots: $0) }
    self.optimum = optimum
    self.function = function
  }

  public var reference: Reference { Reference(optimum: optimum, median: UniformMedian.of(self, key: name)) }

  public func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
    .measured(score(configuration), cost: 1)
  }

  public func score(_ configuration: Configuration) -> [Double] { [function(configuration.slots)] }

  // MARK: The functions

  /// Branin's function of two parameters, with three equally good places.
  ///
  /// Source: Branin, "Widely convergent method for finding multiple solutions of simultaneous nonlinear equations", IBM
  /// Journal of Research and Development 16(5), 1972; in the form of Dixon & Szegő 1978.
  static func branin() throws(SpaceError) -> Landscape {
    let a: Double = 5.1 / (4 * Double.pi * Double.pi)
    let b: Double = 5 / Double.pi
    let c: Double = 1 / (8 * Double.pi)
    // At these places the bracket is 0 and the cosine −1.
    let best = [-Double.pi, Double.pi, 3 * Double.pi].map { (x: Double) -> [Double] in [x, a * x * x - b * x + 6] }
    return try Landscape(
      "branin", [try .float("x1", -5...10), try .float("x2", 0...15)], optima: best, optimum: 10 * c
    ) { x in
      let bracket: Double = x[1] - a * x[0] * x[0] + b * x[0] - 6
      return bracket * bracket + 10 * (1 - c) * cos(x[0]) + 10
    }
  }

  /// Ackley's function: a narrow funnel at 0 in a plain of small waves.
  ///
  /// Source: Ackley, "A connectionist machine for genetic hillclimbing", 1987; for any number of parameters Bäck 1996.
  static func ackley(_ d: Int) throws(SpaceError) -> Landscape {
    try Landscape(
      "ackley-\(d)", parameters(d, -32.768...32.768), optima: [Array(repeating: 0, count: d)], optimum: 0
    ) { x in
      let n = Double(x.count)
      var squares = 0.0
      var waves = 0.0
      for value in x {
        squares += value * value
        waves += cos(2 * Double.pi * value)
      }
      let funnel: Double = 20 * (1 - exp(-0.2 * (squares / n).squareRoot()))
      return funnel + (exp(1) - exp(waves / n))
    }
  }

  /// Rosenbrock's function: a curved valley with a nearly flat floor.
  ///
  /// Source: Rosenbrock, "An automatic method for finding the greatest or least value of a function", The Computer Journal
  /// 3(3), 1960.
  static func rosenbrock(_ d: Int) throws(SpaceError) -> Landscape {
    try Landscape(
      "rosenbrock-\(d)", parameters(d, -5...10), optima: [Array(repeating: 1, count: d)], optimum: 0
    ) { x in
      var sum = 0.0
      for i in 0..<x.count - 1 {
        let off = x[i + 1] - x[i] * x[i]
        sum += 100 * off * off + (1 - x[i]) * (1 - x[i])
      }
      return sum
    }
  }

  /// Levy's function: a bowl with many hollows.
  ///
  /// Source: Levy & Montalvo, "The tunneling algorithm for the global minimization of functions", SIAM Journal on
  /// Scientific and Statistical Computing 6(1), 1985; in the form of Laguna & Martí 2005.
  static func levy(_ d: Int) throws(SpaceError) -> Landscape {
    try Landscape("levy-\(d)", parameters(d, -10...10), optima: [Array(repeating: 1, count: d)], optimum: 0) { x in
      func square(_ x: Double) -> Double { x * x }
      // w − 1 in the papers' terms; sines of πw and 2πw then change at most their sign, and 0 stays 0.
      let off = x.map { ($0 - 1) / 4 }
      let last = off[off.count - 1]
      var sum = square(sin(Double.pi * off[0]))
      sum += square(last) * (1 + square(sin(2 * Double.pi * last)))
      for value in off.dropLast() {
        sum += square(value) * (1 + 10 * square(sin(Double.pi * (value + 1) + 1)))
      }
      return sum
    }
  }

  private static func parameters(_ d: Int, _ range: ClosedRange<Double>) throws(SpaceError) -> [Parameter] {
    var parameters: [Parameter] = []
    for i in 1...d { parameters.append(try .float("x\(i)", range)) }
    return parameters
  }
}
