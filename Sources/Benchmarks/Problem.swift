import TrimtabSearchSpaces
import TrimtabStudies

/// What came out of training one configuration up to one resource.
public enum Outcome: Sendable, Equatable {
  /// - values: one a objective of the problem, in its order; NaN where training diverged.
  /// - cost: what training from the start up to the resource costs, in the problem's unit.
  case measured([Double], cost: Double)
  /// The trial ends here without a value.
  case failed(FailureKind, cost: Double, message: String)
}

/// What is known of a problem's first objective at full resource, noise-free and in the objective's own direction.
public struct Reference: Sendable, Equatable {
  /// The best value that any configuration has; nil when nobody knows it.
  public var optimum: Double?
  /// The median over uniformly drawn configurations; nil when nobody computed it.
  public var median: Double?

  public init(optimum: Double? = nil, median: Double? = nil) {
    self.optimum = optimum
    self.median = median
  }
}

/// What optimisers are judged on: a space, and the outcome of every configuration in it.
///
/// A problem is a value without memory: the same question has the same answer in every process.
public protocol Problem: Sendable {
  /// The family and the instance, such as `fcnet/naval_propulsion`; a formula has no instance.
  var name: String { get }
  var space: Space { get }
  /// At least one; regret is that of the first.
  var objectives: [Objective] { get }
  /// Nil when a configuration can only be evaluated as a whole.
  var fidelity: Fidelity? { get }
  /// The resources at which training reports, increasing, the last being the maximum; empty without fidelity.
  var resources: [Double] { get }
  /// The unit of costs, such as `s`.
  var costUnit: String { get }
  var reference: Reference { get }
  /// Configurations that nothing beats: with one objective those that score `reference.optimum`, with several some on
  /// the front whose first objective does. Empty when nobody knows where they lie.
  var optima: [Configuration] { get }
  /// The best trade-offs between several objectives; nil when unknown, and with one objective.
  var front: TrueFront? { get }
  /// Whether training goes on from a lower resource to a higher one where it left off. Where not (as with a larger share of
  /// the training data), going on costs the whole training again. True unless a problem says otherwise.
  var continuesTraining: Bool { get }

  /// What training reports at a resource.
  ///
  /// - Parameters:
  ///   - configuration: of `space`.
  ///   - resource: one of `resources`, or of a real fidelity one between them where the problem can tell; nil without
  ///     fidelity.
  ///   - seed: whatever is random in the outcome is a function of it. All reports of one trial are asked with the same.
  func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome

  /// The values by which a configuration is judged in the end: at full resource, and without the noise that an optimiser
  /// may have fitted (free of noise, or over seeds that `evaluate` never shows). NaN where it has none.
  func score(_ configuration: Configuration) -> [Double]
}

extension Problem {
  public var optima: [Configuration] { [] }
  public var front: TrueFront? { nil }
  public var continuesTraining: Bool { true }
}
