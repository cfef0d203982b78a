import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// A problem whose reports are off by a normal number; its scores are not.
///
/// Every objective of every report has its own number, a function of the seed, the configuration and the resource.
public struct ObservationNoise: ProblemWrapper {
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

  public func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
    let outcome = base.evaluate(configuration, resource: resource, seed: seed)
    guard case .measured(let values, let cost) = outcome else { return outcome }
    var stream = RandomStream(
      seed: mix(seed, configuration.key), purpose: stableHash("observation noise"), index: (resource ?? 0).bitPattern)
    return .measured(values.map { $0 + deviation * stream.normal() }, cost: cost)
  }
}
