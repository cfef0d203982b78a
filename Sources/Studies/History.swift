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

  public init(space: Space) {
    self.space = space
    slots = Array(repeating: [], count: space.slotCount)
    units = Array(repeating: [], count: space.coordinates.count)
  }

  /// The configuration in a row.
  public func configuration(_ row: Int) -> Configuration {
    Configuration(slots: slots.map { $0[row] })
  }

  /// Whether the same configuration was proposed before.
  public func contains(_ configuration: Configuration) -> Bool { keys.contains(configuration.key) }

  /// The number of different configurations proposed.
  public var distinctCount: Int { keys.count }

  mutating func append(_ configuration: Configuration) {
    let given = configuration.slots.count
    for slot in slots.indices { slots[slot].append(slot < given ? configuration.slots[slot] : .nan) }
    space.encode(configuration) { coordinate, unit in units[coordinate].append(unit) }
    insert(configuration.key)
    rowCount += 1
  }

  /// Puts another configuration in a row.
  mutating func replace(_ row: Int, with configuration: Configuration) {
    remove(self.configuration(row).key)
    let given = configuration.slots.count
    for slot in slots.indices { slots[slot][row] = slot < given ? configuration.slots[slot] : .nan }
    space.encode(configuration) { coordinate, unit in units[coordinate][row] = unit }
    insert(configuration.key)
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
