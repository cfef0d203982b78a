import TrimtabNumerics
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The trials of one of c-TPE's sets, with what Scott's rule needs of them kept up to date.
struct ScottMembers: Sendable {
  private(set) var members: KernelMembers
  /// For each column of numbers its values and the middle of the range, at which the prior stands; for others nothing.
  private(set) var sorted: [RankedList<Double>]

  init(kinds: [VaryingCoordinates.Kind]) {
    members = KernelMembers(kinds: kinds)
    sorted = kinds.map { kind in
      var list = RankedList<Double>()
      if kind == .unit { list.insert(0.5) }
      return list
    }
  }

  /// Takes in a trial that is not a member.
  mutating func insert(_ trial: TrialNumber, _ values: [Double]) {
    members.insert(trial) { values[$0] }
    for column in sorted.indices where members.kinds[column] == .unit && !values[column].isNaN {
      sorted[column].insert(values[column])
    }
  }

  /// Takes out a member.
  /// - Returns: its values; nil when it is none.
  @discardableResult
  mutating func remove(_ trial: TrialNumber) -> [Double]? {
    guard let row = members.row(of: trial) else { return nil }
    let values = members.values(of: row)
    members.remove(trial)
    for column in sorted.indices where members.kinds[column] == .unit && !values[column].isNaN {
      sorted[column].remove(values[column])
    }
    return values
  }

  /// Hands a member over to another set.
  mutating func move(_ trial: TrialNumber, to other: inout ScottMembers) {
    if let values = remove(trial) { other.insert(trial, values) }
  }

  /// 1.059 min(interquartile range / 1.34, standard deviation) n^(−1/5) of a column of numbers and the middle.
  func bandwidth(_ column: Int) -> Double {
    let values = sorted[column]
    var spread = members.spreads[column]
    spread.insert(0.5)
    func quantile(_ share: Double) -> Double {
      let place = share * Double(values.count - 1)
      let low = Int(place)
      let high = min(low + 1, values.count - 1)
      return values[low] + (place - Double(low)) * (values[high] - values[low])
    }
    return 1.059 * min((quantile(0.75) - quantile(0.25)) / 1.34, spread.sampleVariance.squareRoot())
      * pow(Double(values.count), -0.2)
  }
}

/// A mixture of product kernels over the unit cube and over choices, all of the same weight and one of them the prior, with
/// bandwidths by Scott's rule.
///
/// Normal kernels truncated to 0…1 for numbers; for choices the observed one has all but a fifth of the probability. The prior
/// is a normal distribution about the middle as wide as the range, and the same probability for each choice.
/// Source: Watanabe & Hutter, "c-TPE: tree-structured Parzen estimator with inequality constraints for expensive
/// hyperparameter optimization", IJCAI 2023, arXiv 2211.14411, and its implementation.
struct ScottDensity: Sendable {
  /// The probability that a choice is another than the observed one.
  static let leak = 0.2
  static let minimumBandwidth = 0.01
  /// Beyond so many bandwidths a kernel has nothing that a sum with 1 would show.
  static let reach = 8.5

  let kinds: [VaryingCoordinates.Kind]
  /// One a column; of choices not used.
  let bandwidths: [Double]
  private let kernels: ProductKernels

  var count: Int { kernels.count }
  /// The points, column by column.
  var columns: [ContiguousArray<Double>] { kernels.columns }

  /// - Parameters:
  ///   - members: without a coordinate that is not active; there may be none.
  ///   - cells: for each column the width of a cell of the range, which no kernel is narrower than; 0 where the range has none.
  init(_ set: ScottMembers, cells: [Double]) {
    let members = set.members
    kinds = members.kinds
    let bandwidths = kinds.indices.map { column -> Double in
      guard members.kinds[column] == .unit else { return 0 }
      return min(1, max(set.bandwidth(column), Self.minimumBandwidth, cells[column]))
    }
    self.bandwidths = bandwidths
    var constant = 0.0
    let ofColumns = zip(kinds, bandwidths).map { kind, bandwidth -> ProductKernels.Kernel in
      switch kind {
      case .unit:
        constant += NormalDistribution.logPDF(0) - log(bandwidth)
        return .normal(scale: 0.5.squareRoot() / bandwidth)
      case .choice(let choices): return .choice(same: log(1 - Self.leak), other: log(Self.leak / Double(choices - 1)))
      }
    }
    // What truncation leaves of a kernel is not a whole.
    var factors = ContiguousArray(repeating: constant, count: members.count)
    for column in kinds.indices where kinds[column] == .unit {
      let deviation = bandwidths[column]
      for (row, centre) in members.columns[column].enumerated()
      where min(centre, 1 - centre) < Self.reach * deviation {
        factors[row] -= NormalDistribution.logIntervalMass(-centre / deviation, (1 - centre) / deviation)
      }
    }
    kernels = ProductKernels(count: members.count, columns: members.columns, kernels: ofColumns, factors: factors)
  }

  /// - Parameter points: one after the other, without NaN; there may be none.
  init(kinds: [VaryingCoordinates.Kind], points: [Double], cells: [Double]) {
    var members = ScottMembers(kinds: kinds)
    for row in 0..<points.count / max(1, kinds.count) {
      members.insert(row, Array(points[row * kinds.count..<(row + 1) * kinds.count]))
    }
    self.init(members, cells: cells)
  }

  /// The logarithm of the density at a point.
  func logDensity(_ point: [Double]) -> Double {
    var prior = 0.0
    for column in kinds.indices {
      switch kinds[column] {
      case .unit: prior += NormalDistribution.logPDF(point[column] - 0.5) - Self.priorMass
      case .choice(let choices): prior -= log(Double(choices))
      }
    }
    return kernels.logSum(point, after: .init(logarithm: prior)) - log(Double(count + 1))
  }

  private static let priorMass = NormalDistribution.logIntervalMass(-0.5, 0.5)

  func draw(_ stream: inout RandomStream) -> [Double] {
    let row = stream.index(below: count + 1)
    return kinds.enumerated().map { column, kind in
      switch kind {
      case .unit:
        let centre = row < count ? columns[column][row] : 0.5
        let deviation = row < count ? bandwidths[column] : 1
        let z = NormalDistribution.truncatedQuantile(stream.uniform(), -centre / deviation, (1 - centre) / deviation)
        return min(1, max(0, centre + deviation * z))
      case .choice(let choices):
        guard row < count else { return Double(stream.index(below: choices)) }
        let observed = Int(columns[column][row])
        guard stream.uniform() < Self.leak else { return Double(observed) }
        let other = stream.index(below: choices - 1)
        return Double(other < observed ? other : other + 1)
      }
    }
  }
}
