import TrimtabNumerics
import TrimtabSearchSpaces

/// Looks for the configuration of greatest acquisition in a space of any kind.
///
/// Many points are evaluated first: a scrambled Sobol sequence over the whole space, and points around the best
/// configurations so far. From the best of them, and from others chosen by their acquisition, a local search starts that
/// alternates gradient steps on the real parameters and weights with moves of one number, choice or order at a time, of
/// which the improving ones are also tried together. Where the acquisition has no gradients, moves of real parameters and
/// weights are random steps (Hutter, Hoos & Leyton-Brown 2011). All starts advance side by side, so that the model is asked for
/// whole batches. Configurations that violate a constraint are passed over everywhere. Where not everything may be found, the
/// way may lead over the rest, and in a small space, in which most of what looks good has been tried, the best of all that was
/// evaluated is kept.
///
/// Source: the scheme of Optuna's `optimize_acqf_mixed`, with BoTorch's one-exchange neighbours; the random steps are those
/// of SMAC.
public struct MixedSearch: Sendable {
  public struct Settings: Sendable {
    /// Points of a Sobol sequence.
    public var candidates = 1024
    /// Points around each of the best configurations.
    public var spray = 64
    public var starts = 8
    /// Alternations of gradient steps and moves.
    public var rounds = 8
    /// Evaluations of one run of gradient steps.
    public var gradientSteps = 30
    /// Moves evaluated from one start in one round.
    public var moves = 192

    public init(candidates: Int = 1024, spray: Int = 64, starts: Int = 8, rounds: Int = 8, moves: Int = 192) {
      self.candidates = candidates
      self.spray = spray
      self.starts = starts
      self.rounds = rounds
      self.moves = moves
    }
  }

  typealias Candidate = CandidatePool.Candidate

  /// A configuration and how good it looks.
  public struct Found: Sendable {
    public var configuration: Configuration
    public var value: Double
  }

  /// Up to so many levels or choices all are tried, and beyond so many some.
  static let exhaustive = 16
  /// Deviations of random steps on the unit interval, where there are no gradients.
  static let steps = [0.2, 0.05, 0.05, 0.01]

  let features: SpaceFeatures
  let acquisition: any Acquisition
  let settings: Settings
  /// The best configurations so far, the very best first.
  let incumbents: [Configuration]
  var pool: CandidatePool
  /// The value of everything new that was evaluated, in a small space.
  private var evaluated: [Configuration: Double] = [:]
  var space: Space { features.space }

  /// - Parameters:
  ///   - incumbents: the best configurations so far, the very best first.
  ///   - seed: of everything random in the search.
  ///   - isNew: what may be found, where that is not everything.
  public init(
    _ features: SpaceFeatures, _ acquisition: any Acquisition, incumbents: [Configuration], seed: UInt64,
    isNew: (@Sendable (Configuration) -> Bool)? = nil, settings: Settings = Settings()
  ) {
    self.features = features
    self.acquisition = acquisition
    self.incumbents = incumbents
    self.settings = settings
    pool = CandidatePool(features, incumbents: incumbents, seed: seed, isNew: isNew)
  }

  /// The ends of all local searches and the best points that none started from, best first, each once.
  /// Empty when no point satisfies the constraints.
  public mutating func run() -> [Found] {
    var drawn = pool.scatter(settings.candidates, spray: settings.spray)
    evaluate(&drawn)
    drawn = drawn.filter { $0.value > -.infinity }
    guard !drawn.isEmpty else { return [] }
    let order = drawn.indices.sorted { (drawn[$1].value, $0) < (drawn[$0].value, $1) }
    var ends = chooseStarts(drawn, order)
    improve(&ends)
    let spare = 2 * settings.starts + 16
    if !evaluated.isEmpty {
      // Equal values in the order of the slots: that of a dictionary is not the same in every process.
      return evaluated.map { Found(configuration: $0, value: $1) }.sorted {
        $0.value != $1.value
          ? $0.value > $1.value
          : $0.configuration.slots.lexicographicallyPrecedes($1.configuration.slots, by: Self.precedes)
      }.prefix(settings.starts + spare).map { $0 }
    }
    let others = order.lazy.filter { [pool] in pool.isNew?(drawn[$0].configuration) ?? true }
    let all = ends + others.prefix(spare).map { drawn[$0] }
    var seen: Set<Configuration> = []
    return all.indices.sorted { (all[$1].value, $0) < (all[$0].value, $1) }.compactMap { index in
      let candidate = all[index]
      guard seen.insert(candidate.configuration).inserted else { return nil }
      return Found(configuration: candidate.configuration, value: candidate.value)
    }
  }

  // MARK: Evaluation

  /// Sets the values; what the model cannot take stays at −∞.
  mutating func evaluate(_ candidates: inout [Candidate]) {
    var points = features.empty
    points.reserve(candidates.count)
    var units = [Double](repeating: 0, count: space.coordinates.count)
    var places: [Int] = []
    for (i, candidate) in candidates.enumerated()
    where features.append(candidate.configuration, to: &points, units: &units) { places.append(i) }
    for (place, value) in zip(places, acquisition.values(points)) {
      candidates[place].value = value.isNaN ? -.infinity : value
    }
    guard pool.isSmall, let isNew = pool.isNew else { return }
    for candidate in candidates where candidate.value > -.infinity && isNew(candidate.configuration) {
      evaluated[candidate.configuration] = candidate.value
    }
  }

  /// An order of numbers of which inactive parameters' come first.
  private static func precedes(_ a: Double, _ b: Double) -> Bool { a.isNaN ? !b.isNaN : a < b }

  // MARK: Starts

  /// The best point, the best one near a good configuration, and others drawn with a probability that falls with the
  /// acquisition, all different.
  private mutating func chooseStarts(_ drawn: [Candidate], _ order: [Int]) -> [Candidate] {
    var chosen: [Int] = [order[0]]
    if let near = order.first(where: { drawn[$0].isNear }), !chosen.contains(near) { chosen.append(near) }
    let best = drawn[order[0]].value
    // Gumbel's trick: the greatest of value plus Gumbel noise is a draw in proportion to the exponential of the value.
    let keys = order.map { index -> (key: Double, index: Int) in
      let gumbel = -_log(-_log(max(pool.stream.uniform(), 0x1p-53)))
      return (drawn[index].value - best + gumbel, index)
    }
    for entry in keys.sorted(by: { ($1.key, $0.index) < ($0.key, $1.index) }) where chosen.count < settings.starts {
      if !chosen.contains(entry.index) { chosen.append(entry.index) }
    }
    return chosen.prefix(settings.starts).map { drawn[$0] }
  }

  // MARK: Local search

  private mutating func improve(_ candidates: inout [Candidate]) {
    var active = Array(candidates.indices)
    for _ in 0..<settings.rounds where !active.isEmpty {
      var isChanged = [Bool](repeating: false, count: candidates.count)
      climb(&candidates, active, &isChanged)
      move(&candidates, active, &isChanged)
      active = active.filter { isChanged[$0] }
      // Starts that have come to the same place go on as one.
      var seen: Set<Configuration> = []
      active = active.filter { seen.insert(candidates[$0].configuration).inserted }
    }
  }

  /// One move of each candidate to the best of its neighbours, or to several improving ones together.
  private mutating func move(_ candidates: inout [Candidate], _ active: [Int], _ isChanged: inout [Bool]) {
    var batch: [Candidate] = []
    var owners: [(candidate: Int, parameter: Int)] = []
    for index in active {
      for (parameter, full) in neighbours(of: candidates[index]) {
        guard let neighbour = pool.candidate(full) else { continue }
        batch.append(neighbour)
        owners.append((index, parameter))
      }
    }
    guard !batch.isEmpty else { return }
    evaluate(&batch)
    // The best move of each parameter.
    var combined: [Candidate] = []
    var combinedOwners: [Int] = []
    var start = 0
    while start < batch.count {
      let owner = owners[start].candidate
      var end = start
      var bestOf: [(parameter: Int, index: Int)] = []
      while end < batch.count, owners[end].candidate == owner {
        if batch[end].value > candidates[owner].value + Self.leastGain {
          let parameter = owners[end].parameter
          if let last = bestOf.last, last.parameter == parameter {
            if batch[end].value > batch[last.index].value { bestOf[bestOf.count - 1].index = end }
          } else {
            bestOf.append((parameter, end))
          }
        }
        end += 1
      }
      bestOf.sort { (batch[$1.index].value, $0.index) < (batch[$0.index].value, $1.index) }
      let origin = candidates[owner].full
      var full = origin
      for (count, entry) in bestOf.prefix(8).enumerated() {
        let range = space.slotRanges[entry.parameter]
        full.replaceSubrange(range, with: batch[entry.index].full[range])
        if count == 0 {
          combined.append(batch[entry.index])
          combinedOwners.append(owner)
        } else if let together = pool.candidate(full) {
          combined.append(together)
          combinedOwners.append(owner)
        }
      }
      start = end
    }
    guard !combined.isEmpty else { return }
    evaluate(&combined)
    for (owner, found) in zip(combinedOwners, combined) where found.value > candidates[owner].value {
      candidates[owner] = found
      isChanged[owner] = true
    }
  }

  static let leastGain = 1e-9

  /// Raw values that differ from a candidate's in one active parameter that has no gradient, by parameter.
  private mutating func neighbours(of candidate: Candidate) -> [(parameter: Int, full: [Double])] {
    var result: [(parameter: Int, full: [Double])] = []
    let full = candidate.full
    func with(_ slot: Int, _ value: Double) -> [Double] {
      var changed = full
      changed[slot] = value
      return changed
    }
    for index in space.parameters.indices where pool.isFree(index) {
      let slot = space.slotRanges[index].lowerBound
      guard !candidate.configuration.slots[slot].isNaN else { continue }
      switch space.parameters[index].domain {
      case .float(let domain), .integer(let domain):
        guard let levels = domain.levels else {
          guard !acquisition.hasGradients, let axis = space.axes[index] else { continue }
          let unit = axis.encode(full[slot])
          for size in Self.steps {
            let moved = axis.decode(min(max(unit + size * pool.stream.normal(), 0), 1))
            if moved != full[slot] { result.append((index, with(slot, moved))) }
          }
          continue
        }
        for level in Self.levels(around: domain.level(of: full[slot]), of: levels) {
          result.append((index, with(slot, domain.value(level: level))))
        }
      case .ordinal(let choices):
        for level in Self.levels(around: Int(full[slot]), of: choices.count) {
          result.append((index, with(slot, Double(level))))
        }
      case .categorical(let choices):
        for choice in otherChoices(Int(full[slot]), of: choices.count, slot: slot) {
          result.append((index, with(slot, Double(choice))))
        }
      case .boolean: result.append((index, with(slot, 1 - full[slot])))
      case .permutation(let items):
        for i in 0..<items.count - 1 {
          var changed = full
          changed.swapAt(slot + i, slot + i + 1)
          result.append((index, changed))
        }
        for _ in 0..<min(8, items.count) where items.count > 2 {
          var changed = full
          changed.swapAt(slot + pool.stream.index(below: items.count), slot + pool.stream.index(below: items.count))
          result.append((index, changed))
        }
      case .simplex:
        guard !acquisition.hasGradients else { continue }
        let range = space.slotRanges[index]
        for size in Self.steps {
          var changed = full
          var roots = range.map { abs(full[$0].squareRoot() + size * pool.stream.normal()) }
          CandidatePool.writeWeights(&roots, to: &changed, at: slot)
          result.append((index, changed))
        }
      case .constant: continue
      }
    }
    guard result.count > settings.moves else { return result }
    // In large spaces a sample of the moves, still ordered by parameter.
    var kept = Array(result.indices)
    pool.stream.shuffle(&kept)
    return kept.prefix(settings.moves).sorted().map { result[$0] }
  }

  /// All other levels of a short grid; of a long one those at distances 1, 2, 4, … on both sides.
  static func levels(around level: Int, of count: Int) -> [Int] {
    if count <= exhaustive { return (0..<count).filter { $0 != level } }
    var result: [Int] = []
    var distance = 1
    while distance < count {
      if level - distance >= 0 { result.append(level - distance) }
      if level + distance < count { result.append(level + distance) }
      distance *= 2
    }
    return result
  }

  /// All other choices of a few; of many those of the best configurations, and some at random: to the model all choices
  /// that nobody has tried look the same.
  private mutating func otherChoices(_ choice: Int, of count: Int, slot: Int) -> [Int] {
    if count <= Self.exhaustive { return (0..<count).filter { $0 != choice } }
    var result: [Int] = []
    for incumbent in incumbents where slot < incumbent.slots.count && !incumbent.slots[slot].isNaN {
      let other = Int(incumbent.slots[slot])
      if other != choice, other < count, !result.contains(other) { result.append(other) }
    }
    for _ in 0..<8 {
      let other = pool.stream.index(below: count)
      if other != choice, !result.contains(other) { result.append(other) }
    }
    return result
  }
}
