import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// A problem whose trials crash now and then for no reason of their own: another seed may spare them.
///
/// Whether and where a trial crashes is a function of the seed and the configuration. Scores are not touched.
public struct Dropouts: ProblemWrapper {
  public let base: any Problem
  /// The chance that a trial run to the full resource crashes on its way; one run to half of it has half the chance.
  public let chance: Double

  /// - Parameter chance: from 0 to 1.
  public init(_ base: any Problem, chance: Double) {
    self.base = base
    self.chance = chance
  }

  public var name: String { "\(base.name)+dropouts=\(JSONValue.plainText(chance))" }

  public func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
    var stream = RandomStream(seed: mix(seed, configuration.key), purpose: stableHash("dropouts"), index: 0)
    guard stream.uniform() < chance else {
      return base.evaluate(configuration, resource: resource, seed: seed)
    }
    return base.crash(
      configuration, after: stream.uniform(), resource: resource, seed: seed, message: "dropped out at random")
  }
}

extension Problem {
  /// What a trial reports that crashes after a fraction of the full resource: as usual before, nothing from then on.
  ///
  /// With a fidelity it dies half-way, by cost, between the last resource within the fraction and the next one; without,
  /// it has cost that fraction of an evaluation.
  /// - Parameter fraction: at least 0 and below 1.
  func crash(
    _ configuration: Configuration, after fraction: Double, resource: Double?, seed: UInt64, message: String
  ) -> Outcome {
    guard let resource, let maximum = fidelity?.maximum,
      let fatal = resources.firstIndex(where: { $0 > fraction * maximum })
    else {
      let whole = evaluate(configuration, resource: resource, seed: seed)
      return .failed(.crash, cost: fraction * whole.cost, message: message)
    }
    if resource < resources[fatal] { return evaluate(configuration, resource: resource, seed: seed) }
    var before = 0.0
    if fatal > 0 {
      let last = evaluate(configuration, resource: resources[fatal - 1], seed: seed)
      // What ends earlier by itself ends there.
      if case .failed = last { return last }
      before = last.cost
    }
    let after = evaluate(configuration, resource: resources[fatal], seed: seed).cost
    return .failed(.crash, cost: (before + after) / 2, message: message)
  }
}

extension Outcome {
  /// What training has cost, whatever came of it.
  public var cost: Double {
    switch self {
    case .measured(_, let cost), .failed(_, let cost, _): cost
    }
  }
}
