import TrimtabNumerics
import TrimtabSearchSpaces

/// A density over the unit cube about a point: truncated normal in numbers, and of choices the point's with more than its share.
///
/// Coordinates of which the point says nothing are uniform.
/// Source: the widths are those of Mallik et al., "PriorBand", NeurIPS 2023, arXiv 2306.12370.
struct UnitPrior: Sendable {
  let kinds: [Coordinate.Kind]
  /// NaN where nothing is believed.
  let centre: [Double]
  let deviation: Double
  let confidence: Double

  /// - Parameter confidence: from 0 to 1; the deviation is 1 − confidence, at least 0.02.
  init(_ space: Space, centre: [Double], confidence: Double) {
    kinds = space.coordinates.map(\.kind)
    self.centre = centre
    self.confidence = confidence
    deviation = max(0.02, 1 - confidence)
  }

  /// The probability of the centre's own choice among `count`.
  private func share(_ count: Int) -> Double { 1 / Double(count) + confidence * (1 - 1 / Double(count)) }

  static func code(_ unit: Double, _ count: Int) -> Int { min(count - 1, max(0, Int(unit * Double(count)))) }

  func draw(_ stream: inout RandomStream) -> [Double] { quantiles(centre.map { _ in stream.uniform() }) }

  /// Where a point of the unit cube comes to lie when evenly spread points are to be spread as this density.
  func quantiles(_ point: [Double]) -> [Double] {
    centre.indices.map { j in
      let u = point[j]
      guard !centre[j].isNaN else { return u }
      guard case .choices(let count) = kinds[j] else { return Self.normal(u, about: centre[j], deviation) }
      let own = Self.code(centre[j], count)
      let share = share(count)
      if u < share || count == 1 { return (Double(own) + 0.5) / Double(count) }
      let other = min(count - 2, Int((u - share) / (1 - share) * Double(count - 1)))
      return (Double(other < own ? other : other + 1) + 0.5) / Double(count)
    }
  }

  /// The u-quantile of the normal distribution about a point, truncated to the unit interval.
  static func normal(_ u: Double, about centre: Double, _ deviation: Double) -> Double {
    let z = NormalDistribution.truncatedQuantile(u, -centre / deviation, (1 - centre) / deviation)
    return min(1, max(0, centre + deviation * z))
  }

  /// The logarithm of the density; coordinates that are not active (NaN) do not count.
  func logDensity(_ unit: [Double]) -> Double {
    var sum = 0.0
    for j in centre.indices where !centre[j].isNaN && !unit[j].isNaN {
      if case .choices(let count) = kinds[j] {
        guard count > 1 else { continue }
        let isOwn = Self.code(unit[j], count) == Self.code(centre[j], count)
        sum += logarithm(isOwn ? share(count) : max((1 - share(count)) / Double(count - 1), 1e-12))
      } else {
        let z = (unit[j] - centre[j]) / deviation
        sum +=
          NormalDistribution.logPDF(z) - logarithm(deviation)
          - NormalDistribution.logIntervalMass(-centre[j] / deviation, (1 - centre[j]) / deviation)
      }
    }
    return sum
  }
}
