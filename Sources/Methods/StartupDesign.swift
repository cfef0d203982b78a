import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// The first trials of a study whose model needs some: points of a scrambled Sobol sequence, by the number of the trial.
enum StartupDesign {
  /// The number of trials with a value before a model is used.
  /// - Parameter given: the number that a person asked for; 0 for twice the coordinates, within 5 to 20 and a quarter of
  ///   the budget.
  static func count(_ given: Int, _ spec: StudySpec) -> Int {
    if given > 0 { return given }
    let count = max(5, min(2 * spec.space.coordinates.count, 20))
    guard let budget = spec.budget.trials else { return count }
    return max(2, min(count, budget / 4))
  }

  /// The option that all methods with such a design have.
  static let option = MethodOption(
    name: "startup", kind: .integer(0...1_000_000), defaultValue: .integer(0),
    meaning:
      "the number of trials with a value before the model is used; 0 for twice the coordinates, within 5 to 20 "
      + "and a quarter of the budget")

  /// - Parameter prior: the density that the points are to have; nil for an even one.
  /// - Throws: `SpaceError` when no configuration satisfies the constraints.
  static func sample(_ fresh: FreshDraw, prior: UnitPrior? = nil) throws(SpaceError) -> Sample {
    let space = fresh.state.spec.space
    guard let sequence = try? SobolSequence(dimension: max(1, space.coordinates.count), seed: fresh.seed) else {
      return try fresh.sample(origin: .design)
    }
    return try fresh.sample(origin: .design) { attempt throws(SpaceError) in
      let point = sequence.point(at: UInt64(fresh.trial))
      let configuration = space.configuration(unit: prior?.quantiles(point) ?? point)
      // A point that is forbidden or was tried leaves its place to a random one.
      if attempt == 0, space.violatedConstraint(configuration) == nil {
        return (configuration, Annotation(origin: .design))
      }
      let seed = mix(fresh.seed, UInt64(attempt + 1))
      if let prior {
        var stream = RandomStream(seed: seed, purpose: stableHash("design"), index: UInt64(fresh.trial))
        // Where the constraints forbid everything that is believed in, the rest of the space is left.
        if let drawn = try? space.firstSatisfying({ _ in space.configuration(unit: prior.draw(&stream)) }) {
          return (drawn, Annotation(origin: .design))
        }
      }
      let random = try space.sample(seed: seed, index: UInt64(fresh.trial))
      return (random, Annotation(origin: .design))
    }
  }
}
