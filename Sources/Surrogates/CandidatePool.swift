import TrimtabNumerics
import TrimtabSearchSpaces

/// Makes configurations at which a search looks first: some spread over the whole space, some around the best so far.
public struct CandidatePool: Sendable {
  /// A point of the search: raw values for all parameters, so that one that becomes active has a value.
  public struct Candidate: Sendable {
    var full: [Double]
    public internal(set) var configuration: Configuration
    var value = -Double.infinity
    /// Whether it was made from one of the best configurations.
    var isNear = false
  }

  let features: SpaceFeatures
  let seed: UInt64
  /// The best configurations so far, the very best first.
  let incumbents: [Configuration]
  /// What a search may end with; nil where that is everything.
  let isNew: (@Sendable (Configuration) -> Bool)?
  /// Whether much of what looks good may not be new, because there are so few configurations.
  let isSmall: Bool
  static let smallSpace = 1_000_000
  var stream: RandomStream
  var space: Space { features.space }

  /// - Parameters:
  ///   - incumbents: the best configurations so far, the very best first.
  ///   - seed: of everything random.
  ///   - isNew: what a search may end with, where that is not everything.
  public init(
    _ features: SpaceFeatures, incumbents: [Configuration], seed: UInt64,
    isNew: (@Sendable (Configuration) -> Bool)? = nil
  ) {
    self.features = features
    self.incumbents = incumbents
    self.isNew = isNew
    isSmall = isNew != nil && features.space.productCardinality.map { $0 <= Self.smallSpace } ?? false
    self.seed = seed
    stream = RandomStream(seed: seed, purpose: stableHash("mixed search"), index: 0)
  }

  /// The candidate with these raw values; nil when it violates a constraint.
  func candidate(_ full: [Double]) -> Candidate? {
    var slots = full
    space.deactivate(&slots)
    let configuration = Configuration(slots: slots)
    guard space.violatedConstraint(configuration) == nil else { return nil }
    return Candidate(full: full, configuration: configuration)
  }

  /// The incumbents, points spread over the whole space, and points around each incumbent. All satisfy the constraints.
  ///
  /// - Parameters:
  ///   - candidates: points of a scrambled Sobol sequence; fewer when the constraints leave little.
  ///   - spray: points around each incumbent.
  public mutating func scatter(_ candidates: Int, spray: Int) -> [Candidate] {
    var pool: [Candidate] = []
    let dimension = space.coordinates.count
    var unit = [Double](repeating: 0.5, count: dimension)
    var full = [Double](repeating: 0, count: space.slotCount)
    space.decode(unit, into: &full)
    let centre = full
    var bases: [[Double]] = []
    for incumbent in incumbents {
      var full = centre
      for slot in 0..<min(full.count, incumbent.slots.count) where !incumbent.slots[slot].isNaN {
        full[slot] = incumbent.slots[slot]
      }
      // Values fixed since, or outside narrowed bounds, are brought back into the space.
      full = withinSpace(full)
      bases.append(full)
      if var found = candidate(full) {
        found.isNear = true
        pool.append(found)
      }
    }
    let sequence = try? SobolSequence(dimension: max(1, dimension), seed: seed)
    var attempts = 0
    // Tight constraints get more attempts, but not endlessly many.
    let limit = space.constraints.isEmpty ? candidates : 8 * candidates
    var accepted = 0
    while accepted < candidates, attempts < limit, dimension > 0 {
      if let sequence {
        sequence.point(at: UInt64(attempts), into: &unit)
      } else {
        for i in unit.indices { unit[i] = stream.uniform() }
      }
      attempts += 1
      space.decode(unit, into: &full)
      if let found = candidate(full) {
        pool.append(found)
        accepted += 1
      }
    }
    for base in bases { pool += self.spray(base, spray) }
    if dimension == 0, let found = candidate(full) { pool.append(found) }
    return pool
  }

  /// Points around a configuration: each parameter is changed with a probability that leaves about twenty changes, with
  /// a step of one of three sizes.
  private mutating func spray(_ base: [Double], _ count: Int) -> [Candidate] {
    var result: [Candidate] = []
    let changeable = space.parameters.indices.filter { isFree($0) }
    guard !changeable.isEmpty else { return [] }
    let probability = min(1, 20 / Double(changeable.count))
    for attempt in 0..<count {
      var full = base
      let size = [0.2, 0.05, 0.01][attempt % 3]
      let share = attempt % 2 == 0 ? probability : min(probability, 2 / Double(changeable.count))
      for index in changeable where stream.uniform() < share { perturb(index, &full, size) }
      if var found = candidate(full) {
        found.isNear = true
        result.append(found)
      }
    }
    return result
  }

  private mutating func perturb(_ index: Int, _ full: inout [Double], _ size: Double) {
    let range = space.slotRanges[index]
    let slot = range.lowerBound
    switch space.parameters[index].domain {
    case .float, .integer:
      guard let axis = space.axes[index] else { return }
      let unit = axis.encode(full[slot]) + size * stream.normal()
      full[slot] = axis.decode(min(max(unit, 0), 1))
    case .ordinal(let choices):
      let level = Int(full[slot]) + (stream.uniform() < 0.5 ? -1 : 1)
      full[slot] = Double(min(max(level, 0), choices.count - 1))
    case .categorical(let choices):
      if stream.uniform() < 0.3 { full[slot] = Double(stream.index(below: choices.count)) }
    case .boolean: if stream.uniform() < 0.3 { full[slot] = 1 - full[slot] }
    case .permutation(let items):
      if items.count > 1 {
        let i = stream.index(below: items.count - 1)
        full.swapAt(slot + i, slot + i + 1)
      }
    case .simplex:
      var roots = range.map { abs(full[$0].squareRoot() + size * stream.normal()) }
      Self.writeWeights(&roots, to: &full, at: slot)
    case .constant: break
    }
  }

  /// Writes the squares of numbers, brought to the sum 1, as the weights of a simplex.
  static func writeWeights(_ roots: inout [Double], to full: inout [Double], at slot: Int) {
    var norm = 0.0
    for root in roots { norm += root * root }
    guard norm > 0, norm.isFinite else { return }
    var rest = 1.0
    for i in roots.indices.dropLast() {
      let weight = min(rest, roots[i] * roots[i] / norm)
      full[slot + i] = weight
      rest -= weight
    }
    full[slot + roots.count - 1] = max(0, rest)
  }

  /// Whether a search may change the parameter.
  func isFree(_ index: Int) -> Bool {
    space.parameters[index].fixedValue == nil && space.parameters[index].domain.cardinality != 1
  }

  /// Fixed values, and values outside narrowed bounds, brought into the present space.
  private func withinSpace(_ full: [Double]) -> [Double] {
    var result = full
    var units = [Double](repeating: 0.5, count: space.coordinates.count)
    space.encode(Configuration(slots: full)) { coordinate, unit in
      units[coordinate] = unit.isNaN ? 0.5 : min(max(unit, 0), 1)
    }
    for index in space.parameters.indices {
      if let axis = space.axes[index] {
        let slot = space.slotRanges[index].lowerBound
        // A number within its bounds keeps its last digit.
        if full[slot] >= axis.domain.low, full[slot] <= axis.domain.high, space.parameters[index].fixedValue == nil,
          axis.domain.step == nil, full[slot].isFinite
        {
          continue
        }
        space.decode(index, units, into: &result)
      } else if space.parameters[index].fixedValue != nil {
        space.decode(index, units, into: &result)
      }
    }
    return result
  }
}
