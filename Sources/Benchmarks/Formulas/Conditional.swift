import TrimtabSearchSpaces
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A choice among three branches, each with parameters of its own and one with a choice of its own; made for Trimtab.
///
/// - `bowl` is easy, and ends at 0.5: 0.5 + ((x − 1)² + (y + 2)²) / 10.
/// - `comb` has a rate on a logarithmic axis and a number of teeth: 0.25 + (log10(rate) + 2.5)² / 4 + |teeth − 5| / 10.
/// - `valley` ends at 0.3 with plain walls, and at 0 with curved ones, of the right curve:
///   4 (place − 0.3)² + (plain: 0.3; curved: (log10(curve) + 2)² / 4).
///
/// Only who looks into the branch within the branch finds the optimum, 0. An evaluation costs 1.
public struct Conditional: Problem {
  public let name = "conditional"
  public let space: Space
  public let objectives = [Objective(metric: "value")]
  public let fidelity: Fidelity? = nil
  public let resources: [Double] = []
  public let costUnit = "evaluations"

  /// - Throws: Nothing, as long as the space is as it stands here.
  public init() throws(SpaceError) {
    space = try Space([
      .categorical("branch", ["bowl", "comb", "valley"]),
      Parameter.float("x", -5...5).when("branch == bowl"), Parameter.float("y", -5...5).when("branch == bowl"),
      Parameter.float("rate", 1e-4...1, scale: .log).when("branch == comb"),
      Parameter.integer("teeth", 1...8).when("branch == comb"),
      Parameter.float("place", 0...1).when("branch == valley"),
      Parameter.categorical("walls", ["plain", "curved"]).when("branch == valley"),
      Parameter.float("curve", 1e-3...1, scale: .log).when("walls == curved"),
    ])
  }

  public var reference: Reference { Reference(optimum: 0, median: UniformMedian.of(self, key: name)) }

  public var optima: [Configuration] {
    [Configuration(slots: [2, .nan, .nan, .nan, .nan, 0.3, 1, 0.01])]
  }

  public func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
    .measured(score(configuration), cost: 1)
  }

  public func score(_ configuration: Configuration) -> [Double] {
    let slots = configuration.slots
    func square(_ x: Double) -> Double { x * x }
    switch slots[0] {
    case 0: return [0.5 + (square(slots[1] - 1) + square(slots[2] + 2)) / 10]
    case 1: return [0.25 + square(log10(slots[3]) + 2.5) / 4 + abs(slots[4] - 5) / 10]
    default: return [4 * square(slots[5] - 0.3) + (slots[6] == 0 ? 0.3 : square(log10(slots[7]) + 2) / 4)]
    }
  }
}
