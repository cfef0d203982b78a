import TrimtabNumerics
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The kernels of a Parzen estimator: one for each of a set of trials, a product of normals truncated to the unit
/// interval, and the bandwidths that follow from the neighbours.
///
/// Trials come and go at any time and cost next to nothing until `load` brings the arrays up to date: a few changes by
/// binary search in the sorted order of each coordinate, many by sorting anew. What the set computes depends on the
/// trials alone, never on the order in which they came.
struct KernelSet: Sendable {
  struct Member: Sendable {
    var trial: TrialNumber
    /// Its place in the arrays; −1 before it is loaded.
    var place: Int32 = -1
    /// Its trial has no result yet.
    var isPending = false
    /// It stands for others that were left out.
    var isSampled = false
  }

  let shape: ParzenShape
  /// Sorted by trial.
  private(set) var members: ContiguousArray<Member> = []

  // One row of `shape.width` for each place.
  private(set) var centres: ContiguousArray<Double> = []
  /// 1/σ.
  private(set) var inverses: ContiguousArray<Double> = []
  /// Φ(−centre/σ), the mass that the untruncated kernel has below 0.
  private(set) var lowerMasses: ContiguousArray<Double> = []
  /// The mass that the untruncated kernel has in the unit interval.
  private(set) var masses: ContiguousArray<Double> = []
  /// What a coordinate adds to the kernel's logarithm at its centre.
  private var peaks: ContiguousArray<Double> = []
  /// The sum of a row's peaks.
  private(set) var heights: ContiguousArray<Double> = []
  /// One row of `shape.choices.count` for each place: the choices taken.
  private(set) var picks: ContiguousArray<Int32> = []

  private var trials: ContiguousArray<TrialNumber> = []
  /// For each coordinate, the places in increasing order of (centre, trial).
  private var orders: ContiguousArray<ContiguousArray<Int32>>
  private var free: ContiguousArray<Int32> = []
  /// Places of trials that were removed since the last load.
  private var released: ContiguousArray<Int32> = []
  private var unloadedCount = 0
  /// The least bandwidth with which the arrays were computed.
  private var leastSigma = 0.0
  private var isChanged: ContiguousArray<Bool> = []
  private var changed: ContiguousArray<Int32> = []

  init(_ shape: ParzenShape) {
    self.shape = shape
    orders = ContiguousArray(repeating: [], count: shape.width)
  }

  // MARK: Members

  /// The index of a trial among the members, or of the first one after it.
  func position(of trial: TrialNumber) -> Int {
    // Most questions are about the newest.
    if let last = members.last, last.trial < trial { return members.count }
    var low = 0
    var high = members.count
    while low < high {
      let middle = (low + high) / 2
      if members[middle].trial < trial { low = middle + 1 } else { high = middle }
    }
    return low
  }

  func index(of trial: TrialNumber) -> Int? {
    let position = position(of: trial)
    return position < members.count && members[position].trial == trial ? position : nil
  }

  mutating func insert(_ member: Member) {
    members.insert(member, at: position(of: member.trial))
    unloadedCount += 1
  }

  mutating func remove(at index: Int) {
    let member = members.remove(at: index)
    if member.place >= 0 { released.append(member.place) } else { unloadedCount -= 1 }
  }

  mutating func setSampled(_ isSampled: Bool, at index: Int) { members[index].isSampled = isSampled }

  mutating func setPending(_ isPending: Bool, at index: Int) { members[index].isPending = isPending }

  // MARK: Loading

  /// Brings the arrays up to date with the members.
  mutating func load(_ history: History) {
    guard !released.isEmpty || unloadedCount > 0 else { return }
    let least = 1 / Double(min(100, 2 + members.count))
    let isNew = least != leastSigma
    leastSigma = least
    let isMuch = (released.count + unloadedCount) * 4 > members.count
    for place in released {
      if !isMuch { unlink(place, updatesSigma: !isNew) }
      free.append(place)
    }
    released.removeAll(keepingCapacity: true)
    if unloadedCount > 0 {
      // New members are most often the last ones.
      var index = members.count
      while unloadedCount > 0, index > 0 {
        index -= 1
        guard members[index].place < 0 else { continue }
        unloadedCount -= 1
        let place = occupy(members[index].trial, history)
        members[index].place = place
        if !isMuch { link(place, updatesSigma: !isNew) }
      }
    }
    if isMuch { sortOrders() }
    if isMuch || isNew {
      for coordinate in 0..<shape.width {
        for position in orders[coordinate].indices { updateSigma(coordinate, position) }
      }
    }
    updateHeights()
  }

  /// A place with a trial's values.
  private mutating func occupy(_ trial: TrialNumber, _ history: History) -> Int32 {
    let width = shape.width
    if free.isEmpty {
      free.append(Int32(trials.count))
      trials.append(trial)
      heights.append(0)
      isChanged.append(false)
      for _ in 0..<width {
        centres.append(0)
        inverses.append(0)
        lowerMasses.append(0)
        masses.append(1)
        peaks.append(0)
      }
      for _ in shape.choices { picks.append(0) }
    }
    let place = free.removeLast()
    let row = Int(place) * width
    trials[Int(place)] = trial
    for (i, coordinate) in shape.continuous.enumerated() { centres[row + i] = history.units[coordinate][trial] }
    for (i, grid) in shape.grids.enumerated() {
      centres[row + shape.continuous.count + i] = history.units[grid.coordinate][trial]
    }
    for (i, choice) in shape.choices.enumerated() {
      picks[Int(place) * shape.choices.count + i] = Int32(history.slots[choice.slot][trial])
    }
    // Choices alone have no peaks, and nothing else would clear what an earlier trial left.
    mark(place)
    return place
  }

  private mutating func link(_ place: Int32, updatesSigma: Bool) {
    for coordinate in 0..<shape.width {
      let position = orderPosition(of: place, coordinate)
      orders[coordinate].insert(place, at: position)
      guard updatesSigma else { continue }
      for neighbour in position - 1...position + 1 { updateSigma(coordinate, neighbour) }
    }
  }

  private mutating func unlink(_ place: Int32, updatesSigma: Bool) {
    for coordinate in 0..<shape.width {
      let position = orderPosition(of: place, coordinate)
      orders[coordinate].remove(at: position)
      guard updatesSigma else { continue }
      updateSigma(coordinate, position - 1)
      updateSigma(coordinate, position)
    }
  }

  private func orderPosition(of place: Int32, _ coordinate: Int) -> Int {
    let width = shape.width
    let value = centres[Int(place) * width + coordinate]
    let trial = trials[Int(place)]
    return orders[coordinate].withUnsafeBufferPointer { order in
      var low = 0
      var high = order.count
      while low < high {
        let middle = (low + high) / 2
        let other = Int(order[middle])
        let centre = centres[other * width + coordinate]
        if centre < value || (centre == value && trials[other] < trial) { low = middle + 1 } else { high = middle }
      }
      return low
    }
  }

  private mutating func sortOrders() {
    let width = shape.width
    let places = members.map(\.place)
    for coordinate in 0..<shape.width {
      // Members come by trial, and an index breaks ties as the trial would.
      let keys = places.map { centres[Int($0) * width + coordinate] }
      let sorted = keys.indices.sorted { keys[$0] != keys[$1] ? keys[$0] < keys[$1] : $0 < $1 }
      orders[coordinate] = ContiguousArray(sorted.map { places[$0] })
    }
  }

  private mutating func mark(_ place: Int32) {
    guard !isChanged[Int(place)] else { return }
    isChanged[Int(place)] = true
    changed.append(place)
  }

  private mutating func updateHeights() {
    let width = shape.width
    for place in changed {
      var height = 0.0
      for i in Int(place) * width..<(Int(place) + 1) * width { height += peaks[i] }
      heights[Int(place)] = height
      isChanged[Int(place)] = false
    }
    changed.removeAll(keepingCapacity: true)
  }

  /// Which kernels are alike on which grid.
  struct GridRows: Sendable {
    /// For each place a number for each grid, the same for kernels of the same centre and bandwidth.
    var numbers: ContiguousArray<Int32>
    /// How many numbers there are, all grids together.
    var count: Int
  }

  func gridRows() -> GridRows {
    let gridCount = shape.grids.count
    guard gridCount > 0 else { return GridRows(numbers: [], count: 0) }
    var rows = GridRows(numbers: ContiguousArray(repeating: 0, count: trials.count * gridCount), count: 0)
    for grid in 0..<gridCount {
      let coordinate = shape.continuous.count + grid
      var centre = Double.nan
      var inverse = Double.nan
      for place in orders[coordinate] {
        let row = Int(place) * shape.width + coordinate
        if centres[row] != centre || inverses[row] != inverse {
          centre = centres[row]
          inverse = inverses[row]
          rows.count += 1
        }
        rows.numbers[Int(place) * gridCount + grid] = Int32(rows.count - 1)
      }
    }
    return rows
  }

  // MARK: Bandwidths

  /// Computes the bandwidth at a position of a coordinate's order: the distance to the farther neighbour; at the ends to
  /// the only one; for a single kernel to the farther end of the interval. It is at least 1 / min(100, 2 + count).
  private mutating func updateSigma(_ coordinate: Int, _ position: Int) {
    let count = orders[coordinate].count
    guard position >= 0, position < count else { return }
    let width = shape.width
    let place = orders[coordinate][position]
    let row = Int(place) * width + coordinate
    let centre = centres[row]
    var gap = 0.0
    if position > 0 { gap = centre - centres[Int(orders[coordinate][position - 1]) * width + coordinate] }
    if position + 1 < count {
      gap = max(gap, centres[Int(orders[coordinate][position + 1]) * width + coordinate] - centre)
    }
    if count == 1 { gap = max(centre, 1 - centre) }
    let least = coordinate < shape.continuous.count ? max(leastSigma, shape.leastWidths[coordinate]) : leastSigma
    let sigma = min(max(gap, least), 1)
    let inverse = 1 / sigma
    let lower = Self.tail(centre * inverse)
    let mass = 1 - lower - Self.tail((1 - centre) * inverse)
    inverses[row] = inverse
    lowerMasses[row] = lower
    masses[row] = mass
    let logMass = mass == 1 ? 0 : log(mass)
    // The mass of a grid's cell is taken where it is needed.
    peaks[row] = coordinate < shape.continuous.count ? -log(sigma) - logMass - Self.halfLogTwoPi : -logMass
    mark(place)
  }

  static let halfLogTwoPi = 0.918938533204672742

  /// Φ(−x); 0 where it would not change a sum with 1.
  private static func tail(_ x: Double) -> Double { x > 8.3 ? 0 : NormalDistribution.cdf(-x) }
}
