import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// A problem whose reports are off by a normal number; its scores are not.
///
/// Every objective of every report has its own number, a function of the seed, the configuration and the resource.
public struct ObservationNoise: Problem {
  public let base: any Problem
  /// The standard deviation, in the unit of the objectives.
  public let deviation: Double
  public let name: String

  /// - Parameter deviation: at least 0.
  public init(_ base: any Problem, deviation: Double, name: String? = nil) {
    self.base = base
    self.deviation = deviation
    self.name = name ?? "\(base.name)+noise=\(JSONValue.plainText(deviation))"
  }

  public var space: Space { base.space }
  public var objectives: [Objective] { base.objectives }
  public var fidelity: Fidelity? { base.fidelity }
  public var resources: [Double] { base.resources }
  public var costUnit: String { base.costUnit }
  public var continuesTraining: Bool { base.continuesTraining }
  public var reference: Reference { base.reference }
  public var optima: [Configuration] { base.optima }
  public var front: TrueFront? { base.front }

  public func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
    let outcome = base.evaluate(configuration, resource: resource, seed: seed)
    guard case .measured(let values, let cost) = outcome else { return outcome }
    var stream = RandomStream(
      seed: mix(seed, configuration.key), purpose: stableHash("observation noise"), index: (resource ?? 0).bitPattern)
    return .measured(values.map { $0 + deviation * stream.normal() }, cost: cost)
  }

  public func score(_ configuration: Configuration) -> [Double] { base.score(configuration) }
}
