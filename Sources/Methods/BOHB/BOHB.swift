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
  private var columns: VaryingCoordinates?
  /// Those of the resources with enough results for a model; made and changed by events alone, so that a sampler that has just
  /// read the log has the same ones to the bit.
  private var sets: [Double: GoodAndBad] = [:]

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    randomFraction = Self.entry.real("random", in: part)
    goodFraction = Self.entry.real("good", in: part)
    candidates = Self.entry.integer("candidates", in: part)
    bandwidthFactor = Self.entry.real("bandwidth", in: part)
  }

  public mutating func absorb(_ event: Event, state: StudyState) {
    let added = results.absorb(event, state: state)
    if columns == nil || Self.isRewriting(event, results) {
      // Trials lie elsewhere now.
      let columns = VaryingCoordinates(state.spec.space)
      self.columns = columns
      sets = [:]
      for resource in results.levels.keys { begin(resource, columns, state) }
    } else if let (resource, entry) = added, let level = results.levels[resource], let columns {
      if sets[resource] == nil {
        begin(resource, columns, state)
      } else {
        sets[resource]?.insert(entry, level, state.history)
      }
    }
  }

  /// Whether trials with a result have other coordinates after an event.
  private static func isRewriting(_ event: Event, _ results: ResultsByLevel) -> Bool {
    switch event.body {
    case .studyAmended: true
    case .trialConfigured(let trial, _): results.contains(trial)
    default: false
    }
  }

  /// Makes the sets of a level that has just got enough results for a model.
  private mutating func begin(_ resource: Double, _ columns: VaryingCoordinates, _ state: StudyState) {
    guard let level = results.levels[resource], level.count >= GoodAndBad.least(columns) + 2 else { return }
    sets[resource] = GoodAndBad(level, columns, goodFraction: goodFraction, state.history)
  }

  // MARK: Sampling

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    let fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    var stream = RandomStream(seed: state.spec.seed ?? 0, purpose: Self.purpose, index: UInt64(trial))
    guard stream.uniform() >= randomFraction, let columns, let densities = model(columns, state, &stream) else {
      return try fresh.sample(origin: .design)
    }
    let space = state.spec.space
    return try fresh.sample(origin: .model) { _ throws(SpaceError) in
      guard let point = draw(densities.model, columns, space, &stream) else {
        return (try space.sample(seed: stream.next(), index: 0), Annotation(origin: .fallback))
      }
      return (space.configuration(unit: columns.unit(of: point, in: space)), Annotation(origin: .model))
    }
  }

  /// The best of some candidates, as columns; nil when the densities cannot be computed.
  private func draw(
    _ densities: GoodAndBad.Densities, _ columns: VaryingCoordinates, _ space: Space, _ stream: inout RandomStream
  ) -> [Double]? {
    var points: [[Double]] = []
    // Candidates that violate a constraint are passed over; when all do, more are drawn.
    var drawn = 0
    while drawn < candidates || (points.isEmpty && drawn < Space.maximumDraws) {
      drawn += 1
      let row = densities.row(ofRank: stream.index(below: densities.good.count))
      let point = densities.good.draw(near: row, factor: bandwidthFactor, &stream)
      if !space.constraints.isEmpty {
        let configuration = space.configuration(unit: columns.unit(of: point, in: space))
        guard space.violatedConstraint(configuration) == nil else { continue }
      }
      points.append(point)
    }
    return NormalReferenceKDE.greatestRatio(points, good: densities.good, bad: densities.bad).map { points[$0] }
  }

  /// The model at the greatest resource at which enough trials are known, and that resource; nil while there is none.
  private func model(
    _ columns: VaryingCoordinates, _ state: StudyState, _ stream: inout RandomStream
  ) -> (model: GoodAndBad.Densities, resource: Double)? {
    guard !columns.coordinates.isEmpty else { return nil }
    let least = GoodAndBad.least(columns)
    for (resource, level) in results.descending where level.count >= least + 2 {
      let goodCount = GoodAndBad.counts(level.count, least: least, goodFraction: goodFraction).good
      // Among the good there is nothing that failed.
      guard level[goodCount - 1].loss.isFinite, let set = sets[resource] else { continue }
      return (set.densities(level, state.history, &stream), resource)
    }
    return nil
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    let method = Fact("method", "kernel densities of the good trials and of the bad ones (BOHB)")
    var stream = RandomStream(seed: state.spec.seed ?? 0, purpose: Self.purpose, index: UInt64(trial))
    if stream.uniform() < randomFraction {
      let step = Fact("step", "random, as a share of \(Fact.rounded(randomFraction)) of all is")
      return Explanation([method, step], neighbours: nearest)
    }
    guard let columns, let (densities, resource) = model(columns, state, &stream) else {
      let step = Fact("step", "random, before the model: no level has enough trials with a value")
      return Explanation([method, step], neighbours: nearest)
    }
    var facts = [method]
    if let fidelity = state.spec.fidelity {
      facts.append(Fact("learns from", "\(fidelity.name) \(JSONValue.plainText(resource))"))
    }
    facts.append(Fact("good trials", "\(densities.good.count)"))
    facts.append(Fact("bad trials", "\(densities.bad.count)"))
    let space = state.spec.space
    var ratio: Double?
    // What had been tried was drawn again.
    for _ in 0...FreshDraw.redraws where ratio == nil {
      guard let point = draw(densities, columns, space, &stream) else { break }
      guard space.configuration(unit: columns.unit(of: point, in: space)) == configuration else { continue }
      ratio = densities.good.logDensity(point) - densities.bad.logDensity(point)
    }
    return Explanation(facts + [.acquisition(ratio)], neighbours: nearest)
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
