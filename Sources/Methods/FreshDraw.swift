import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// Finds a configuration that was not tried before; the one place where all samplers decide what to do about
/// duplicates, and where the constraints forbid nearly everything.
///
/// A duplicate is drawn again at most 16 times (as SMAC3 does). A finite space of at most 100,000 cells is then searched
/// cell by cell, so that every configuration is tried once and the end is noticed. Elsewhere the duplicate stands: a
/// space that gives the same configuration 17 times running is not worth more effort.
///
/// Where draws find nothing that satisfies the constraints, steps are made away from configurations that do, which were tried
/// before; when there are none, it is drawn a hundred times as often.
struct FreshDraw {
  static let redraws = 16
  static let enumerationLimit = 100_000
  /// Steps away from what was tried, each of a size that halves every so often.
  static let steps = 4000
  static let stepsOfOneSize = 250
  /// The most numbers that are drawn in search of a first configuration within the constraints.
  static let drawnNumbers = 20_000_000
  static let exhaustion = "every configuration of the space has been tried"

  /// The seed of this trial's draws: the study's, mixed with the sampler's name.
  let seed: UInt64
  let trial: TrialNumber
  let state: StudyState
  /// The resource to which the trial is to run.
  var target: Double?

  /// A seed for this trial alone.
  var trialSeed: UInt64 { mix(seed, UInt64(trial)) }

  /// - Parameter purpose: `stableHash` of the sampler's name.
  init(purpose: UInt64, trial: TrialNumber, state: StudyState) {
    seed = mix(state.spec.seed ?? 0, purpose)
    self.trial = trial
    self.state = state
  }

  /// Whether a configuration has not been tried.
  var isNew: @Sendable (Configuration) -> Bool {
    let history = state.history
    return { !history.contains($0) }
  }

  /// A random configuration that was not tried before.
  /// - Throws: `SpaceError` when no configuration satisfies the constraints.
  func sample(origin: Annotation.Origin) throws(SpaceError) -> Sample {
    try sample(origin: origin) { attempt throws(SpaceError) in
      (try randomConfiguration(attempt), Annotation(origin: origin))
    }
  }

  /// The random configuration of one attempt.
  private func randomConfiguration(_ attempt: Int) throws(SpaceError) -> Configuration {
    let attemptSeed = attempt == 0 ? seed : mix(seed, UInt64(attempt))
    return try state.spec.space.sample(seed: attemptSeed, index: UInt64(trial))
  }

  /// The first new configuration among `draw(0) … draw(16)`, or else one that was never tried.
  /// - Parameters:
  ///   - origin: where a configuration that `draw` did not give comes from.
  ///   - draw: a configuration of the space with its annotation.
  func sample(
    origin: Annotation.Origin, draw: (_ attempt: Int) throws(SpaceError) -> (Configuration, Annotation)
  ) throws(SpaceError) -> Sample {
    var duplicate: (Configuration, Annotation)?
    var failure: SpaceError?
    for attempt in 0...Self.redraws {
      do {
        let drawn = try draw(attempt)
        if !state.history.contains(drawn.0) { return .configuration(drawn.0, drawn.1) }
        duplicate = drawn
      } catch {
        failure = error
        break
      }
    }
    // The cells of a space that is still to grow say nothing about what remains.
    if state.spec.grows, let duplicate { return .configuration(duplicate.0, duplicate.1) }
    switch untried() {
    case .found(let configuration): return .configuration(configuration, Annotation(origin: origin))
    case .exhausted: return .exhausted(Self.exhaustion)
    case .tooLarge, .impossible: break
    }
    if let failure {
      guard let found = stepAway() ?? drawLonger() else { throw failure }
      return .configuration(found, Annotation(origin: origin))
    }
    guard let duplicate else { return .exhausted(Self.exhaustion) }
    return .configuration(duplicate.0, duplicate.1)
  }

  /// A new configuration within the constraints, a step away from one that was tried; nil when none is found.
  private func stepAway() -> Configuration? {
    let space = state.spec.space
    let known = state.trials.indices.filter { space.contains(state.history.configuration($0)) }
    guard !known.isEmpty else { return nil }
    var stream = RandomStream(seed: seed, purpose: stableHash("step away"), index: UInt64(trial))
    var unit = [Double](repeating: 0.5, count: space.coordinates.count)
    for step in 0..<Self.steps {
      let size = exponential(-Double(step / Self.stepsOfOneSize) * logarithm(2)) / 2
      let origin = known[stream.index(below: known.count)]
      for c in unit.indices {
        let old = state.history.units[c][origin]
        if old.isNaN {
          unit[c] = stream.uniform()
        } else if case .choices = space.coordinates[c].kind {
          unit[c] = stream.uniform() < size ? stream.uniform() : old
        } else {
          unit[c] = min(1, max(0, old + size * stream.normal()))
        }
      }
      let found = space.configuration(unit: unit)
      if space.violatedConstraint(found) == nil, !state.history.contains(found) { return found }
    }
    return nil
  }

  /// A configuration within the constraints from many more draws.
  private func drawLonger() -> Configuration? {
    let space = state.spec.space
    for round in 1...max(1, min(99, Self.drawnNumbers / (Space.maximumDraws * max(1, space.coordinates.count)))) {
      let drawn = try? space.sample(seed: mix(mix(seed, stableHash("longer")), UInt64(round)), index: UInt64(trial))
      if let drawn, !state.history.contains(drawn) { return drawn }
    }
    return nil
  }

  /// The first of a model's configurations, which were not tried before; where there are none a random one, which came about
  /// without the model.
  /// - Parameter isWeakened: whether a part of the model could not be computed.
  func propose(
    _ untried: [Configuration], isWeakened: Bool = false, origin: Annotation.Origin = .model
  ) throws(SpaceError) -> Sample {
    let remainder: Annotation.Origin = origin == .model ? .design : origin
    return try sample(origin: remainder) { attempt throws(SpaceError) in
      if attempt < untried.count { return (untried[attempt], Annotation(origin: origin, isWeakened: isWeakened)) }
      let random = try state.spec.space.sample(seed: mix(seed, UInt64(attempt)), index: UInt64(trial))
      return (random, Annotation(origin: remainder))
    }
  }

  /// Whether every configuration of a small space has been tried. In conditional spaces and beside constraints it may say no
  /// where they have.
  var isExhausted: Bool {
    guard !state.spec.grows, let count = state.spec.space.productCardinality, count <= Self.enumerationLimit,
      state.history.distinctCount >= count, case .exhausted = untried()
    else { return false }
    return true
  }

  private enum Search {
    case found(Configuration)
    case exhausted
    /// No cell satisfies the constraints.
    case impossible
    case tooLarge
  }

  /// Looks through all cells of a small space in an order of this trial's own.
  private func untried() -> Search {
    let space = state.spec.space
    guard let count = space.productCardinality, count <= Self.enumerationLimit, let lattice = Lattice(space) else {
      return .tooLarge
    }
    let order = KeyedPermutation(count: lattice.count, seed: mix(seed, UInt64(trial)))
    var isPossible = false
    for place in 0..<lattice.count {
      guard let configuration = lattice.configuration(cell: order[place]) else { continue }
      if !state.history.contains(configuration) { return .found(configuration) }
      isPossible = true
    }
    return isPossible ? .exhausted : .impossible
  }
}
