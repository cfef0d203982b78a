import TrimtabNumerics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

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

  let kinds: [VaryingCoordinates.Kind]
  /// Points one after the other, `kinds.count` numbers each.
  let points: [Double]
  /// One a column; of choices not used.
  let bandwidths: [Double]
  /// For each point the logarithm of what truncation leaves of its kernels.
  private let masses: [Double]

  var count: Int { kinds.isEmpty ? 0 : points.count / kinds.count }

  /// - Parameters:
  ///   - points: without NaN; there may be none.
  ///   - cells: for each column the width of a cell of the range, which no kernel is narrower than; 0 where the range has none.
  init(kinds: [VaryingCoordinates.Kind], points: [Double], cells: [Double]) {
    self.kinds = kinds
    self.points = points
    let width = kinds.count
    let bandwidths = kinds.indices.map { column -> Double in
      guard kinds[column] == .unit else { return 0 }
      let values = stride(from: column, to: points.count, by: width).map { points[$0] }
      return min(1, max(Self.bandwidth(values + [0.5]), Self.minimumBandwidth, cells[column]))
    }
    self.bandwidths = bandwidths
    masses = stride(from: 0, to: points.count, by: width).map { start in
      kinds.indices.reduce(0) { sum, column in
        guard kinds[column] == .unit else { return sum }
        let (centre, deviation) = (points[start + column], bandwidths[column])
        return sum + NormalDistribution.logIntervalMass(-centre / deviation, (1 - centre) / deviation)
      }
    }
  }

  /// 1.059 min(interquartile range / 1.34, standard deviation) n^(−1/5).
  static func bandwidth(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / max(1, count - 1)).squareRoot()
    func quantile(_ share: Double) -> Double {
      let place = share * (count - 1)
      let low = Int(place)
      let high = min(low + 1, sorted.count - 1)
      return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
    }
    return 1.059 * min((quantile(0.75) - quantile(0.25)) / 1.34, deviation) * pow(count, -0.2)
  }

  /// The logarithm of the density at a point.
  func logDensity(_ point: [Double]) -> Double {
    let width = kinds.count
    var constant = 0.0
    var greatest = 0.0
    // The prior.
    let priorMass = NormalDistribution.logIntervalMass(-0.5, 0.5)
    for column in 0..<width {
      switch kinds[column] {
      case .unit:
        constant += NormalDistribution.logPDF(0) - log(bandwidths[column])
        greatest += NormalDistribution.logPDF(point[column] - 0.5) - priorMass
      case .choice(let choices): greatest -= log(Double(choices))
      }
    }
    var sum = 1.0
    for (row, start) in stride(from: 0, to: points.count, by: width).enumerated() {
      var term = constant - masses[row]
      for column in 0..<width {
        switch kinds[column] {
        case .unit:
          let z = (point[column] - points[start + column]) / bandwidths[column]
          term -= 0.5 * z * z
        case .choice(let choices):
          term += point[column] == points[start + column] ? log(1 - Self.leak) : log(Self.leak / Double(choices - 1))
        }
      }
      if term > greatest {
        sum = sum * exp(greatest - term) + 1
        greatest = term
      } else {
        sum += exp(term - greatest)
      }
    }
    return greatest + log(sum) - log(Double(count + 1))
  }

  func draw(_ stream: inout RandomStream) -> [Double] {
    let row = stream.index(below: count + 1)
    return kinds.enumerated().map { column, kind in
      switch kind {
      case .unit:
        let centre = row < count ? points[row * kinds.count + column] : 0.5
        let deviation = row < count ? bandwidths[column] : 1
        let z = NormalDistribution.truncatedQuantile(stream.uniform(), -centre / deviation, (1 - centre) / deviation)
        return min(1, max(0, centre + deviation * z))
      case .choice(let choices):
        guard row < count else { return Double(stream.index(below: choices)) }
        let observed = Int(points[row * kinds.count + column])
        guard stream.uniform() < Self.leak else { return Double(observed) }
        let other = stream.index(below: choices - 1)
        return Double(other < observed ? other : other + 1)
      }
    }
  }
}
