import TrimtabSearchSpaces

/// Finds the row of a table for any configuration of its space: the row with the same values in constant time where the
/// space is finite and not too large, otherwise the nearest row.
///
/// Distance is Euclidean in the unit cube, every parameter on its own scale; unequal categories are at distance 1. Of rows at
/// equal distance the first counts.
struct TableLookup: Sendable {
  /// Larger products of levels get no index: 16 million entries are 64 MB.
  private static let largestIndex = 1 << 24

  private let space: Space
  /// The row of each combination of levels, −1 where the table has none.
  private let rowOfKey: [Int32]
  private let levels: [Int]
  /// The rows' unit coordinates, row by row; empty when every combination has its row.
  private let units: [Double]
  private let isCategory: [Bool]
  private let rowCount: Int

  init(_ space: Space, _ configurations: [Configuration]) {
    self.space = space
    rowCount = configurations.count
    isCategory = space.coordinates.map { if case .choices = $0.kind { true } else { false } }
    var levels: [Int] = []
    var product = 1
    for parameter in space.parameters {
      guard let count = parameter.domain.cardinality, count <= Self.largestIndex / product else {
        product = 0
        break
      }
      levels.append(count)
      product *= count
    }
    self.levels = product > 0 ? levels : []
    var index = [Int32](repeating: -1, count: product)
    if product > 0 {
      for (row, configuration) in configurations.enumerated() {
        let key = Self.key(configuration, space, levels)
        if let key, index[key] < 0 { index[key] = Int32(row) }
      }
    }
    rowOfKey = index
    if product > 0, !index.contains(-1) {
      units = []
    } else {
      let width = space.coordinates.count
      var units = [Double](repeating: 0, count: configurations.count * width)
      for (row, configuration) in configurations.enumerated() {
        space.encode(configuration) { units[row * width + $0] = $1 }
      }
      self.units = units
    }
  }

  /// The mixed-radix number of a configuration's levels; nil for a value outside the space.
  private static func key(_ configuration: Configuration, _ space: Space, _ levels: [Int]) -> Int? {
    guard configuration.slots.count == levels.count else { return nil }
    var key = 0
    for (i, count) in levels.enumerated() {
      let slot = configuration.slots[i]
      guard !slot.isNaN else { return nil }
      let level = space.axes[i].map { $0.domain.level(of: slot) } ?? (slot.magnitude < 0x1p31 ? Int(slot) : -1)
      guard level >= 0, level < count else { return nil }
      key = key * count + level
    }
    return key
  }

  /// The row of a configuration; nil when it is no configuration of the space.
  func row(of configuration: Configuration) -> Int? {
    if !rowOfKey.isEmpty {
      guard let key = Self.key(configuration, space, levels) else { return nil }
      if rowOfKey[key] >= 0 { return Int(rowOfKey[key]) }
    }
    return nearest(to: configuration)
  }

  private func nearest(to configuration: Configuration) -> Int? {
    let width = isCategory.count
    guard configuration.slots.count == space.slotCount else { return nil }
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: width) { target in
      target.initialize(repeating: .nan)
      space.encode(configuration) { target[$0] = $1 }
      if target.contains(where: \.isNaN) { return nil }
      return units.withUnsafeBufferPointer { units in
        isCategory.withUnsafeBufferPointer { isCategory in
          var best = 0
          var least = Double.infinity
          for row in 0..<rowCount {
            var sum = 0.0
            let start = row * width
            for i in 0..<width {
              let difference = units[start + i] - target[i]
              sum += isCategory[i] ? (difference == 0 ? 0 : 1) : difference * difference
            }
            if sum < least {
              least = sum
              best = row
            }
          }
          return best
        }
      }
    }
  }
}
