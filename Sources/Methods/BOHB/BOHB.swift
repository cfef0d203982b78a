import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// BOHB's sampler: proposes where the density of the good configurations is greatest against that of the bad ones, at the
/// greatest resource at which enough of them are known. Its scheduler is Hyperband.
///
/// Source: Falkner, Klein & Hutter, "BOHB: robust and efficient hyperparameter optimization at scale", ICML 2018, arXiv
/// 1807.01774, Algorithm 2 and equation 3. Of the N trials known at a level the max(N_min, ⌊q N⌋) best are good and the
/// max(N_min, N − good) worst are bad, N_min being one more than the number of coordinates; 64 candidates are drawn from the
/// good ones with three times their bandwidths.
///
/// A coordinate that is not active in a trial takes the value of another trial of its set, drawn anew for each set. A trial
/// counts at each resource at which it paused, stopped or was completed; one that fails is infinitely bad at the resource
/// to which it ran. Densities are compared by their logarithms, without the floor of 10⁻³² of the implementation, under
/// which all candidates are equal in many dimensions.
public struct BOHB: Sampler {
  static let purpose = stableHash("bohb")

  let randomFraction: Double
  let goodFraction: Double
  let candidates: Int
  let bandwidthFactor: Double
  private var results = ResultsByLevel()

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    randomFraction = Self.entry.real("random", in: part)
    goodFraction = Self.entry.real("good", in: part)
    candidates = Self.entry.integer("candidates", in: part)
    bandwidthFactor = Self.entry.real("bandwidth", in: part)
  }

  public mutating func absorb(_ event: Event, state: StudyState) { results.absorb(event, state: state) }

  // MARK: Sampling

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    let fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    var stream = RandomStream(seed: state.spec.seed ?? 0, purpose: Self.purpose, index: UInt64(trial))
    guard stream.uniform() >= randomFraction, let model = model(state, &stream) else {
      return try fresh.sample(origin: .design)
    }
    let space = state.spec.space
    return try fresh.sample(origin: .model) { _ throws(SpaceError) in
      var best: (configuration: Configuration, ratio: Double)?
      // Candidates that violate a constraint are passed over; when all do, more are drawn.
      var drawn = 0
      while drawn < candidates || (best == nil && drawn < Space.maximumDraws) {
        drawn += 1
        let point = model.good.draw(factor: bandwidthFactor, &stream)
        let configuration = space.configuration(unit: model.columns.unit(of: point, in: space))
        guard space.violatedConstraint(configuration) == nil else { continue }
        let ratio = model.good.logDensity(point) - model.bad.logDensity(point)
        if best.map({ ratio > $0.ratio }) ?? true { best = (configuration, ratio) }
      }
      guard let best else { return (try space.sample(seed: stream.next(), index: 0), Annotation(origin: .fallback)) }
      return (best.configuration, Annotation(origin: .model))
    }
  }

  /// The two densities, and the coordinates over which they run.
  private struct Model: Sendable {
    var columns: VaryingCoordinates
    var good: NormalReferenceKDE
    var bad: NormalReferenceKDE
  }

  /// The model at the greatest resource at which enough trials are known; nil while there is none.
  private func model(_ state: StudyState, _ stream: inout RandomStream) -> Model? {
    let columns = VaryingCoordinates(state.spec.space)
    guard !columns.coordinates.isEmpty else { return nil }
    let least = columns.coordinates.count + 1
    for (_, level) in results.descending where level.count >= least + 2 {
      let goodCount = max(least, Int(goodFraction * Double(level.count)))
      let badCount = min(level.count, max(least, level.count - goodCount))
      // Among the good there is nothing that failed.
      guard level[goodCount - 1].loss.isFinite else { continue }
      let good = (0..<goodCount).map { level[$0].trial }
      let bad = (level.count - badCount..<level.count).map { level[$0].trial }
      func density(_ trials: [TrialNumber]) -> NormalReferenceKDE {
        NormalReferenceKDE(columns: columns.kinds, points: columns.points(of: trials, state.history, &stream))
      }
      return Model(columns: columns, good: density(good), bad: density(bad))
    }
    return nil
  }
}

extension BOHB {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "bohb", title: "Kernel densities at the greatest resource known (BOHB)",
    summary: "Learns from the greatest resource at which enough trials are known; for Hyperband and other schedulers.",
    paper: .init(
      authors: "S. Falkner, A. Klein, F. Hutter",
      title: "BOHB: robust and efficient hyperparameter optimization at scale", year: 2018,
      venue: "ICML, arXiv 1807.01774"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      MethodOption(
        name: "random", kind: .real(0...1), defaultValue: .real(1.0 / 3),
        meaning: "the share of configurations that are random"),
      MethodOption(
        name: "good", kind: .real(0.001...0.999), defaultValue: .real(0.15),
        meaning: "the share of trials that count as good"),
      MethodOption(
        name: "candidates", kind: .integer(1...10_000), defaultValue: .integer(64),
        meaning: "the number of candidates among which the best is proposed"),
      MethodOption(
        name: "bandwidth", kind: .real(0.01...100), defaultValue: .real(3),
        meaning: "how much wider than the density candidates are drawn"),
    ])
}
