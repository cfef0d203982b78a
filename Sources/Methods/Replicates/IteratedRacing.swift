import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// The configurations of iterated racing: of the first race random, of each further one about the elites of the race before,
/// with a spread that shrinks from race to race.
///
/// Source: López-Ibáñez, Dubois-Lacoste, Pérez Cáceres, Birattari & Stützle, "The irace package: iterated racing for automatic
/// algorithm configuration", Operations Research Perspectives 3, 2016, section 2.3. Numbers are normal about the parent's,
/// truncated to their range, in the unit cube; choices have probabilities of their own, which go over to the elite's choice. A
/// configuration inherits what its parent has. One that is all but another's again is drawn with the wider spread of a
/// restart.
public struct IteratedRacing: Sampler {
  static let purpose = stableHash("irace")
  /// Configurations that differ by no more in any number are alike.
  static let likeness = 1e-4

  /// From where the children of a configuration are drawn.
  struct Model: Sendable, Equatable {
    /// Of numbers, as a share of their range.
    var deviation = 0.5
    /// The probabilities of a coordinate's choices; empty for a number.
    var shares: [[Double]]

    init(_ space: Space) {
      shares = space.coordinates.map { coordinate in
        guard case .choices(let count) = coordinate.kind else { return [] }
        return [Double](repeating: 1 / Double(count), count: count)
      }
    }

    /// Draws closer about an elite, whose own choices gain.
    /// - Parameters:
    ///   - race: from 1; `races` are planned.
    ///   - newcomers: how many configurations are to be drawn for it.
    ///   - unit: the elite's coordinates.
    mutating func sharpen(race: Int, of races: Int, newcomers: Int, dimension: Int, unit: [Double]) {
      deviation *= Self.power(1 / Double(max(1, newcomers)), 1 / Double(dimension))
      let gain = Double(race - 1) / Double(max(races, race))
      let most = Self.power(0.2, 1 / Double(dimension))
      for (j, old) in shares.enumerated() where !old.isEmpty && !unit[j].isNaN {
        var next = old.map { $0 * (1 - gain) }
        next[UnitPrior.code(unit[j], old.count)] += gain
        let sum = next.reduce(0, +)
        shares[j] = next.map { min($0 / sum, most) }
      }
    }

    /// As it is after a restart of a search that has converged.
    func widened(newcomers: Int, dimension: Int) -> Model {
      let share = Self.power(1 / Double(max(1, newcomers)), 1 / Double(dimension))
      var wider = self
      wider.deviation = min(deviation / (share * share), 0.5 * share)
      for (j, old) in shares.enumerated() {
        guard let most = old.max() else { continue }
        wider.shares[j] = old.map { 0.9 * $0 + 0.1 * most }
      }
      return wider
    }

    /// A child of the configuration with these coordinates; what is not active there is uniform.
    func child(of unit: [Double], _ stream: inout RandomStream) -> [Double] {
      unit.indices.map { j in
        let u = stream.uniform()
        guard !unit[j].isNaN else { return u }
        guard !shares[j].isEmpty else { return UnitPrior.normal(u, about: min(1, max(0, unit[j])), deviation) }
        var rest = u * shares[j].reduce(0, +)
        let choice = shares[j].firstIndex { share in
          rest -= share
          return rest < 0
        }
        return (Double(choice ?? shares[j].count - 1) + 0.5) / Double(shares[j].count)
      }
    }

    private static func power(_ base: Double, _ exponent: Double) -> Double { exponential(exponent * logarithm(base)) }
  }

  private var races: Races
  private var models: [TrialNumber: Model] = [:]
  private var kinds: [Coordinate.Kind] = []

  /// - Parameter part: the scheduler's options, as `Catalogue.check` accepts them.
  public init(scheduler part: PartSpec) { races = Races(part) }

  // MARK: Absorbing

  public mutating func absorb(_ event: Event, state: StudyState) {
    let race = races.index
    races.absorb(event, state: state)
    let kinds = state.spec.space.coordinates.map(\.kind)
    if kinds != self.kinds {
      self.kinds = kinds
      models = [:]
    }
    if case .trialProposed(let trial, .new, _, let annotation) = event.body, let parent = annotation[.parent] {
      models[trial] = models[parent]
    }
    guard races.index > race, let plan = races.plan else { return }
    for elite in races.elites {
      var model = models[elite] ?? Model(state.spec.space)
      model.sharpen(
        race: races.index + 1, of: plan.races, newcomers: races.planned, dimension: plan.dimension,
        unit: units(elite, state))
      models[elite] = model
    }
  }

  private func units(_ trial: TrialNumber, _ state: StudyState) -> [Double] { state.history.filledUnits(trial) }

  // MARK: Sampling

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    let fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    guard !races.elites.isEmpty, let plan = races.plan else { return try fresh.sample(origin: .design) }
    var stream = RandomStream(seed: state.spec.seed ?? 0, purpose: Self.purpose, index: UInt64(trial))
    let parent = races.elites[Self.rank(stream.uniform(), of: races.elites.count)]
    let unit = units(parent, state)
    let model = models[parent] ?? Model(state.spec.space)
    let wider = model.widened(newcomers: races.planned, dimension: plan.dimension)
    let rivals = Set(races.alive + races.elites + races.early).sorted().map { units($0, state) }
    let space = state.spec.space
    return try fresh.sample(origin: .model) { attempt throws(SpaceError) in
      var configuration = try space.firstSatisfying { _ in
        space.configuration(unit: (attempt == 0 ? model : wider).child(of: unit, &stream))
      }
      if attempt == 0, Self.isLike(configuration, rivals, space) {
        configuration = try space.firstSatisfying { _ in space.configuration(unit: wider.child(of: unit, &stream)) }
      }
      var annotation = Annotation(origin: .model)
      annotation[.parent] = parent
      return (configuration, annotation)
    }
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    let method = Fact("method", "iterated racing (irace), race \(races.index + 1)")
    guard !races.elites.isEmpty else {
      return Explanation([method, Fact("step", "random: there are no winners yet")], neighbours: nearest)
    }
    var stream = RandomStream(seed: state.spec.seed ?? 0, purpose: Self.purpose, index: UInt64(trial))
    let parent = races.elites[Self.rank(stream.uniform(), of: races.elites.count)]
    let deviation = (models[parent] ?? Model(state.spec.space)).deviation
    return Explanation(
      [
        method, Fact("step", "drawn about trial \(parent), one of \(races.elites.count) winners"),
        Fact("deviation of numbers, as a share of their range", deviation),
      ], neighbours: nearest)
  }

  /// The place of the elite that becomes the parent, with probabilities that fall linearly from the best to the last.
  /// - Parameter u: uniform in 0 ..< 1.
  static func rank(_ u: Double, of count: Int) -> Int {
    var rest = u * Double(count * (count + 1)) / 2
    for place in 0..<count {
      rest -= Double(count - place)
      if rest < 0 { return place }
    }
    return count - 1
  }

  private static func isLike(_ configuration: Configuration, _ rivals: [[Double]], _ space: Space) -> Bool {
    var unit = [Double](repeating: .nan, count: space.coordinates.count)
    space.encode(configuration) { unit[$0] = $1 }
    return rivals.contains { rival in
      zip(rival, unit).allSatisfy { a, b in a.isNaN ? b.isNaN : abs(a - b) <= likeness }
    }
  }
}

extension IteratedRacing {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "irace", title: "Iterated racing (irace)",
    summary: "Draws the configurations of a race about the best of the race before, closer each time.",
    paper: .init(
      authors: "M. López-Ibáñez, J. Dubois-Lacoste, L. Pérez Cáceres, M. Birattari, T. Stützle",
      title: "The irace package: iterated racing for automatic algorithm configuration", year: 2016,
      venue: "Operations Research Perspectives 3"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: true, options: [],
    inspect: { spec in
      guard spec.method.scheduler.name != FRace.name else { return [] }
      return [
        MethodProblem(
          ["method", "sampler"], "irace draws configurations about the winners of races, and there are none",
          hint: "use scheduler: f-race with it")
      ]
    })
}
