import TrimtabNumerics
import TrimtabSearchSpaces

/// Looks for configurations that are not dominated in several objectives of a model, in a space of any kind.
///
/// A population evolves: parents are chosen in tournaments by rank and crowding, numbers are crossed and mutated on the unit
/// interval, and choices are swapped and drawn anew. Configurations that violate a constraint are passed over.
///
/// Sources: Deb, Pratap, Agarwal & Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE
/// Transactions on Evolutionary Computation 6, 2002; Deb & Agrawal, "Simulated binary crossover for continuous search space",
/// Complex Systems 9, 1995.
public struct FrontSearch: Sendable {
  public struct Settings: Sendable {
    public var population = 100
    public var generations = 100
    public var crossover = 0.9
    /// The index of the crossover's and the mutation's distribution: the greater, the nearer to the parents.
    public var crossoverIndex = 15.0
    public var mutationIndex = 20.0
    /// Whether the result is the front of all points that were evaluated, and not of the last population.
    public var remembersAll = false

    public init() {}
  }

  /// A configuration and its objectives, of which less is better.
  public struct Member: Sendable {
    public var configuration: Configuration
    public var objectives: [Double]
    var full: [Double]
    var rank = 0
    var crowding = 0.0
  }

  private let features: SpaceFeatures
  private let settings: Settings
  private var pool: CandidatePool
  private var space: Space { features.space }

  /// - Parameters:
  ///   - incumbents: members of the first population.
  ///   - seed: of everything random in the search.
  ///   - isNew: what may be found, where that is not everything; the rest may have offspring.
  public init(
    _ features: SpaceFeatures, incumbents: [Configuration], seed: UInt64,
    isNew: (@Sendable (Configuration) -> Bool)? = nil, settings: Settings = Settings()
  ) {
    self.features = features
    self.settings = settings
    pool = CandidatePool(features, incumbents: incumbents, seed: seed, isNew: isNew)
  }

  /// The front, each configuration once; of what is new, if anything is.
  /// - Parameter objectives: of several points: for each point as many numbers, less being better.
  public mutating func run(_ objectives: (FeaturePoints) -> [[Double]]) -> [Member] {
    let size = max(2, settings.population)
    var population = evaluated(pool.scatter(size, spray: 0).prefix(size).map(\.full), objectives)
    guard !population.isEmpty else { return [] }
    let remembersAll = settings.remembersAll || pool.isSmall
    var all = remembersAll ? population : []
    population = Self.selected(population, size)
    for _ in 1..<max(1, settings.generations) {
      let offspring = evaluated(children(of: population, size), objectives)
      if remembersAll { all += offspring }
      population = Self.selected(population + offspring, size)
    }
    var seen: Set<Configuration> = []
    let found = (remembersAll ? all : population).filter { seen.insert($0.configuration).inserted }
    let new = found.filter { pool.isNew?($0.configuration) ?? true }
    return Self.front(new.isEmpty ? found : new)
  }

  private func evaluated(_ fulls: [[Double]], _ objectives: (FeaturePoints) -> [[Double]]) -> [Member] {
    var points = features.empty
    var units = [Double](repeating: 0, count: space.coordinates.count)
    var members: [Member] = []
    for full in fulls {
      guard let found = pool.candidate(full), features.append(found.configuration, to: &points, units: &units) else {
        continue
      }
      members.append(Member(configuration: found.configuration, objectives: [], full: full))
    }
    guard points.count > 0 else { return [] }
    for (i, values) in objectives(points).enumerated() { members[i].objectives = values }
    // What is no number dominates nothing and is dominated by nothing: it goes.
    return members.filter { $0.objectives.allSatisfy(\.isFinite) }
  }

  // MARK: Variation

  private mutating func children(of population: [Member], _ count: Int) -> [[Double]] {
    var result: [[Double]] = []
    while result.count < count {
      let (a, b) = (parent(population), parent(population))
      var (x, y) = (units(a.full), units(b.full))
      if pool.stream.uniform() < settings.crossover { cross(&x, &y) }
      for (unit, base) in [(x, a.full), (y, b.full)] where result.count < count {
        var unit = unit
        mutate(&unit)
        var full = base
        space.decode(unit, into: &full)
        result.append(full)
      }
    }
    return result
  }

  private func units(_ full: [Double]) -> [Double] {
    var units = [Double](repeating: 0.5, count: space.coordinates.count)
    space.encode(Configuration(slots: full)) { coordinate, unit in
      if !unit.isNaN { units[coordinate] = min(max(unit, 0), 1) }
    }
    return units
  }

  private mutating func parent(_ population: [Member]) -> Member {
    let a = population[pool.stream.index(below: population.count)]
    let b = population[pool.stream.index(below: population.count)]
    if a.rank != b.rank { return a.rank < b.rank ? a : b }
    return a.crowding >= b.crowding ? a : b
  }

  private func isChoice(_ coordinate: Int) -> Bool {
    if case .choices = space.coordinates[coordinate].kind { true } else { false }
  }

  private mutating func cross(_ x: inout [Double], _ y: inout [Double]) {
    for c in x.indices where pool.stream.uniform() < 0.5 {
      if isChoice(c) {
        swap(&x[c], &y[c])
        continue
      }
      let u = pool.stream.uniform()
      let power = 1 / (settings.crossoverIndex + 1)
      let spread = u < 0.5 ? _pow(2 * u, power) : _pow(0.5 / (1 - u), power)
      let (low, high) = (x[c], y[c])
      x[c] = min(max(0.5 * ((1 + spread) * low + (1 - spread) * high), 0), 1)
      y[c] = min(max(0.5 * ((1 - spread) * low + (1 + spread) * high), 0), 1)
    }
  }

  private mutating func mutate(_ unit: inout [Double]) {
    let probability = 1 / Double(max(1, unit.count))
    for c in unit.indices where pool.stream.uniform() < probability {
      let u = pool.stream.uniform()
      if isChoice(c) {
        unit[c] = u
        continue
      }
      let power = 1 / (settings.mutationIndex + 1)
      let step = u < 0.5 ? _pow(2 * u, power) - 1 : 1 - _pow(2 * (1 - u), power)
      unit[c] = min(max(unit[c] + step, 0), 1)
    }
  }

  // MARK: Selection

  static func dominates(_ a: [Double], _ b: [Double]) -> Bool {
    var isBetter = false
    for i in a.indices {
      if a[i] > b[i] { return false }
      if a[i] < b[i] { isBetter = true }
    }
    return isBetter
  }

  /// The members that no other dominates, in the order of their first objective.
  static func front(_ members: [Member]) -> [Member] {
    var kept: [Member] = []
    // After sorting only an earlier one can dominate.
    let order = members.indices.sorted {
      let (a, b) = (members[$0].objectives, members[$1].objectives)
      return a == b ? $0 < $1 : a.lexicographicallyPrecedes(b)
    }
    for index in order where !kept.contains(where: { dominates($0.objectives, members[index].objectives) }) {
      kept.append(members[index])
    }
    return kept
  }

  /// The best by rank and crowding, with both set; equal configurations count once.
  static func selected(_ members: [Member], _ count: Int) -> [Member] {
    var seen: Set<Configuration> = []
    var rest = members.filter { seen.insert($0.configuration).inserted }
    var result: [Member] = []
    var rank = 0
    while !rest.isEmpty, result.count < count {
      var layer = front(rest)
      let taken = Set(layer.map(\.configuration))
      rest.removeAll { taken.contains($0.configuration) }
      crowd(&layer)
      for i in layer.indices { layer[i].rank = rank }
      rank += 1
      let room = count - result.count
      if layer.count > room {
        let order = layer.indices.sorted { (layer[$1].crowding, $0) < (layer[$0].crowding, $1) }
        result += order.prefix(room).map { layer[$0] }
      } else {
        result += layer
      }
    }
    return result
  }

  private static func crowd(_ layer: inout [Member]) {
    for i in layer.indices { layer[i].crowding = 0 }
    for objective in layer[0].objectives.indices {
      let order = layer.indices.sorted {
        (layer[$0].objectives[objective], $0) < (layer[$1].objectives[objective], $1)
      }
      let width = layer[order[order.count - 1]].objectives[objective] - layer[order[0]].objectives[objective]
      layer[order[0]].crowding = .infinity
      layer[order[order.count - 1]].crowding = .infinity
      guard width > 0, order.count > 2 else { continue }
      for place in 1..<order.count - 1 {
        let gap = layer[order[place + 1]].objectives[objective] - layer[order[place - 1]].objectives[objective]
        layer[order[place]].crowding += gap / width
      }
    }
  }
}
