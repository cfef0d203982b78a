import TrimtabSearchSpaces
import TrimtabStudies

/// Several functions of real parameters, all to be minimised, whose best trade-offs are known; an evaluation costs 1.
public struct TradeOff: Problem {
  public let name: String
  public let space: Space
  public let objectives: [Objective]
  public let optima: [Configuration]
  public let front: TrueFront?
  private let optimum: Double
  private let functions: @Sendable ([Double]) -> [Double]

  public let fidelity: Fidelity? = nil
  public let resources: [Double] = []
  public let costUnit = "evaluations"

  /// - Parameters:
  ///   - best: a point of the front where the first objective is least.
  ///   - optimum: the first objective there.
  init(
    _ name: String, _ parameters: [Parameter], front: TrueFront, best: [Double], optimum: Double = 0,
    _ functions: @escaping @Sendable ([Double]) -> [Double]
  ) throws(SpaceError) {
    self.name = name
    space = try Space(parameters)
    objectives = (1...front.objectives).map { Objective(metric: "f\($0)") }
    optima = [Configuration(slots: best)]
    self.front = front
    self.optimum = optimum
    self.functions = functions
  }

  public var reference: Reference { Reference(optimum: optimum, median: UniformMedian.of(self, key: name)) }

  public func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
    .measured(score(configuration), cost: 1)
  }

  public func score(_ configuration: Configuration) -> [Double] { functions(configuration.slots) }
}
