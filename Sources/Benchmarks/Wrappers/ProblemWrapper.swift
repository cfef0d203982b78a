import TrimtabSearchSpaces
import TrimtabStudies

/// A problem around another one, like it in all that the wrapper does not say otherwise.
public protocol ProblemWrapper: Problem {
  /// The problem beneath.
  var base: any Problem { get }
  /// The configuration of the problem beneath that one of this problem stands for; the same one unless a wrapper says
  /// otherwise.
  func toBase(_ configuration: Configuration) -> Configuration
}

extension ProblemWrapper {
  public var space: Space { base.space }
  public var objectives: [Objective] { base.objectives }
  public var fidelity: Fidelity? { base.fidelity }
  public var resources: [Double] { base.resources }
  public var costUnit: String { base.costUnit }
  public var continuesTraining: Bool { base.continuesTraining }
  public var reference: Reference { base.reference }
  public var optima: [Configuration] { base.optima }
  public var front: TrueFront? { base.front }

  public func toBase(_ configuration: Configuration) -> Configuration { configuration }

  public func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
    base.evaluate(toBase(configuration), resource: resource, seed: seed)
  }

  public func score(_ configuration: Configuration) -> [Double] { base.score(toBase(configuration)) }
}
