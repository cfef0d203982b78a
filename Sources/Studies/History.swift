import TrimtabNumerics
import TrimtabSearchSpaces

/// A columnar view of all configurations and losses, one row a trial, shared by every sampler.
///
/// Rows are appended when a trial is proposed and never move. Encoded coordinates are computed once, when the row is
/// appended, and again only when the space is amended.
public struct History: Sendable {
  public private(set) var space: Space
  /// One column a slot of the space: raw values, NaN where inactive.
  public private(set) var slots: [[Double]]
  /// One column a coordinate: the unit-cube encoding, NaN where inactive.
  public private(set) var units: [[Double]]
  public private(set) var rowCount = 0
  /// Fingerprints of all configurations proposed so far.
  private var keys: Set<UInt64> = []
  /// How many rows share a fingerprint, where it is more than one.
  private var repeats: [UInt64: Int] = [:]
  /// Whether the program of a trial decides which parameters it uses.
  private let grows: Bool
  /// What was proposed, of rows where something else was used.
  public private(set) var proposals: [Int: Configuration] = [:]
  /// In a space that grows, for each set of slots that a program came to its end with, having been offered all others, the
  /// fingerprints of what it used.
  private var uses: [[Int]: Set<UInt64>] = [:]
  /// For each set of slots in `uses`, the fingerprints with which a program looked at more.
  private var continuations: [[Int]: Set<UInt64>] = [:]
  /// Whether what the program used is known, by row, in a space that grows.
  private var isUseKnown: [Bool] = []

  /// - Parameter grows: whether the program of a trial decides which of the parameters it uses.
  public init(space: Space, grows: Bool = false) {
    self.space = space
    self.grows = grows
    slots = Array(repeating: [], count: space.slotCount)
    units = Array(repeating: [], count: space.coordinates.count)
  }

  /// The configuration in a row.
  public func configuration(_ row: Int) -> Configuration {
    Configuration(slots: slots.map { $0[row] })
  }

  /// The configuration in a row with a value for every parameter, where the space grows: what the program used, what it was
  /// offered and did not look at, and draws for parameters that were not known yet, at which it would not have looked.
  ///
  /// The result of a trial is a function of all of these, whatever decides at which the program looks, and proposals are made of
  /// all parameters. In a space that does not grow, the configuration itself.
  public func filled(_ row: Int) -> Configuration {
    var configuration = configuration(row)
    guard grows, configuration.slots.contains(where: \.isNaN) else { return configuration }
    let proposal = proposals[row]?.slots ?? []
    var unit = [Double](repeating: 0.5, count: space.coordinates.count)
    for index in space.parameters.indices {
      let slots = space.slotRanges[index]
      guard configuration.slots[slots.lowerBound].isNaN else { continue }
      if slots.upperBound <= proposal.count, !proposal[slots.lowerBound].isNaN {
        configuration.slots.replaceSubrange(slots, with: proposal[slots])
        continue
      }
      var stream = RandomStream(
        seed: stableHash(space.parameters[index].name), purpose: stableHash("not looked at"), index: UInt64(row))
      for coordinate in space.coordinateRanges[index] { unit[coordinate] = stream.uniform() }
      space.decode(index, unit, into: &configuration.slots)
    }
    space.deactivate(&configuration.slots)
    return configuration
  }

  /// The coordinates of ``filled(_:)``, NaN where inactive.
  public func filledUnits(_ row: Int) -> [Double] {
    guard grows else { return units.map { $0[row] } }
    var result = [Double](repeating: .nan, count: units.count)
    space.encode(filled(row)) { result[$0] = $1 }
    return result
  }

  /// Whether the same configuration was proposed before, or, in a space that grows, one with which a program came to its end
  /// without a look at anything in which the two differ.
  public func contains(_ configuration: Configuration) -> Bool {
    if keys.contains(configuration.key) { return true }
    return uses.contains { slots, ends in ends.contains(configuration.key(of: slots)) }
  }

  /// Takes note of a trial that is complete: with what it used, its program looks at nothing else.
  ///
  /// Nothing follows from a trial that was not offered everything that is known now, nor where another one has gone on with the
  /// same values to look at more.
  mutating func complete(_ row: Int) {
    guard grows else { return }
    noteUse(row)
    let configuration = configuration(row)
    let used = slots.indices.filter { !configuration.slots[$0].isNaN }
    guard !used.isEmpty, used.count < slots.count, isOfferedAll(row, configuration) else { return }
    if uses[used] == nil {
      uses[used] = []
      var keys: Set<UInt64> = []
      for other in 0..<rowCount where isUseKnown[other] && goesOn(other, beyond: used) {
        keys.insert(self.configuration(other).key(of: used))
      }
      continuations[used] = keys
    }
    if continuations[used]?.contains(configuration.key) != true { uses[used]?.insert(configuration.key) }
  }

  /// Whether the program of a row could have looked at every parameter that is known now, but for those that its own values rule out.
  private func isOfferedAll(_ row: Int, _ configuration: Configuration) -> Bool {
    var offered = configuration.slots
    if let proposal = proposals[row]?.slots {
      for slot in offered.indices where offered[slot].isNaN && slot < proposal.count { offered[slot] = proposal[slot] }
    }
    return space.parameters.indices.allSatisfy {
      !offered[space.slotRanges[$0].lowerBound].isNaN || !space.isActive($0, in: offered)
    }
  }

  private func goesOn(_ row: Int, beyond used: [Int]) -> Bool {
    used.allSatisfy { !slots[$0][row].isNaN } && slots.lazy.filter { !$0[row].isNaN }.count > used.count
  }

  /// Takes note of what the program of a row looked at.
  private mutating func noteUse(_ row: Int) {
    isUseKnown[row] = true
    let configuration = configuration(row)
    for slots in uses.keys where goesOn(row, beyond: slots) {
      let key = configuration.key(of: slots)
      uses[slots]?.remove(key)
      continuations[slots, default: []].insert(key)
    }
  }

  /// The number of different configurations proposed.
  public var distinctCount: Int { keys.count }

  mutating func append(_ configuration: Configuration) {
    let given = configuration.slots.count
    for slot in slots.indices { slots[slot].append(slot < given ? configuration.slots[slot] : .nan) }
    space.encode(configuration) { coordinate, unit in units[coordinate].append(unit) }
    insert(configuration.key)
    if grows { isUseKnown.append(false) }
    rowCount += 1
  }

  /// Puts what was used in a row in the place of what was proposed.
  mutating func replace(_ row: Int, with configuration: Configuration) {
    let proposal = self.configuration(row)
    if proposals[row] == nil { proposals[row] = proposal }
    remove(proposal.key)
    let given = configuration.slots.count
    for slot in slots.indices { slots[slot][row] = slot < given ? configuration.slots[slot] : .nan }
    space.encode(configuration) { coordinate, unit in units[coordinate][row] = unit }
    insert(configuration.key)
    if grows { noteUse(row) }
  }

  private mutating func insert(_ key: UInt64) {
    if !keys.insert(key).inserted { repeats[key, default: 1] += 1 }
  }

  private mutating func remove(_ key: UInt64) {
    guard let count = repeats[key] else {
      keys.remove(key)
      return
    }
    repeats[key] = count > 2 ? count - 1 : nil
  }

  /// Takes over an amended space: encodes every row anew; parameters that were added are inactive in earlier rows.
  mutating func amend(to space: Space) {
    // What is new was offered to nobody, and a parameter that has lost its condition not to all.
    let hasLost = zip(self.space.parameters, space.parameters).contains { $0.condition != nil && $1.condition == nil }
    if slots.count < space.slotCount || hasLost { (uses, continuations) = ([:], [:]) }
    self.space = space
    while slots.count < space.slotCount { slots.append([Double](repeating: .nan, count: rowCount)) }
    units = Array(repeating: [], count: space.coordinates.count)
    for column in units.indices { units[column].reserveCapacity(rowCount) }
    var row = Configuration(slots: [Double](repeating: .nan, count: space.slotCount))
    for index in 0..<rowCount {
      for slot in slots.indices { row.slots[slot] = slots[slot][index] }
      space.encode(row) { coordinate, unit in units[coordinate].append(unit) }
    }
  }
}

extension Configuration {
  /// The fingerprint of the configuration with nothing but these slots.
  fileprivate func key(of slots: [Int]) -> UInt64 {
    var part = Configuration(slots: [Double](repeating: .nan, count: self.slots.count))
    for slot in slots where slot < part.slots.count { part.slots[slot] = self.slots[slot] }
    return part.key
  }
}
