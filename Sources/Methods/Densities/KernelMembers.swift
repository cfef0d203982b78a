import TrimtabStudies

/// The points of a set of trials, column by column, with what the bandwidths of their kernels need: trials enter and leave at a
/// cost that does not depend on how many there are.
///
/// What it holds depends on the trials that came and went, in their order, and on nothing else.
struct KernelMembers: Sendable {
  let kinds: [VaryingCoordinates.Kind]
  /// One a column, of one length; NaN where a coordinate is not active. Points lie in no particular order.
  private(set) var columns: [ContiguousArray<Double>]
  private(set) var spreads: [Spread]
  /// How many coordinates of how many points are not active.
  private(set) var missingCount = 0
  /// The trial of each row.
  private(set) var trials: ContiguousArray<TrialNumber> = []
  private var rows: [TrialNumber: Int] = [:]

  var count: Int { trials.count }

  init(kinds: [VaryingCoordinates.Kind]) {
    self.kinds = kinds
    columns = Array(repeating: [], count: kinds.count)
    spreads = Array(repeating: Spread(), count: kinds.count)
  }

  /// The row of a member.
  func row(of trial: TrialNumber) -> Int? { rows[trial] }

  /// The values of a member, one a column.
  func values(of row: Int) -> [Double] { columns.map { $0[row] } }

  /// Takes in a trial that is not a member.
  mutating func insert(_ trial: TrialNumber, _ value: (_ column: Int) -> Double) {
    rows[trial] = trials.count
    trials.append(trial)
    for column in kinds.indices {
      let value = value(column)
      columns[column].append(value)
      if value.isNaN { missingCount += 1 } else { spreads[column].insert(value) }
    }
  }

  /// Takes out a member; nothing happens to others.
  mutating func remove(_ trial: TrialNumber) {
    guard let row = rows.removeValue(forKey: trial) else { return }
    let last = trials.removeLast()
    if row < trials.count {
      trials[row] = last
      rows[last] = row
    }
    for column in kinds.indices {
      let value = columns[column][row]
      if value.isNaN { missingCount -= 1 } else { spreads[column].remove(value) }
      let moved = columns[column].removeLast()
      if row < trials.count { columns[column][row] = moved }
    }
  }

  /// The mean of some numbers, and the sum of their squared distances from it.
  ///
  /// Source: Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4(3), 1962.
  struct Spread: Sendable {
    private(set) var count = 0
    private var mean = 0.0
    private var squares = 0.0

    /// The population's.
    var variance: Double { count > 0 ? max(0, squares) / Double(count) : 0 }
    /// That of the population of which these are a sample; 0 of a single one.
    var sampleVariance: Double { max(0, squares) / Double(max(1, count - 1)) }

    mutating func insert(_ value: Double) {
      count += 1
      let distance = value - mean
      mean += distance / Double(count)
      squares += distance * (value - mean)
    }

    /// - Parameter value: one that was inserted.
    mutating func remove(_ value: Double) {
      count -= 1
      guard count > 0 else {
        self = Spread()
        return
      }
      let distance = value - mean
      mean -= distance / Double(count)
      squares -= distance * (value - mean)
    }
  }
}
