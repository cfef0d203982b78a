import TrimtabNumerics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A product-kernel density estimate over the unit cube and over choices, with bandwidths by the normal reference rule.
///
/// Source: Falkner, Klein & Hutter, "BOHB: robust and efficient hyperparameter optimization at scale", ICML 2018, arXiv
/// 1807.01774, section 3.2, and its implementation. Gaussian kernels for numbers, not truncated; Aitchison and Aitken's
/// kernel for choices.
struct NormalReferenceKDE: Sendable {
  /// Bandwidths are at least this.
  static let minimumBandwidth = 1e-3

  let columns: [VaryingCoordinates.Kind]
  /// Points one after the other, `columns.count` numbers each.
  let points: [Double]
  let bandwidths: [Double]

  var count: Int { columns.isEmpty ? 0 : points.count / columns.count }

  /// - Parameter points: at least one, without NaN.
  init(columns: [VaryingCoordinates.Kind], points: [Double]) {
    self.columns = columns
    self.points = points
    let width = columns.count
    let count = Double(points.count / max(1, width))
    bandwidths = columns.enumerated().map { column, kind in
      var (mean, squares) = (0.0, 0.0)
      for start in stride(from: column, to: points.count, by: width) { mean += points[start] / count }
      for start in stride(from: column, to: points.count, by: width) {
        squares += (points[start] - mean) * (points[start] - mean) / count
      }
      let rule = 1.06 * squares.squareRoot() * pow(count, -1 / (4 + Double(width)))
      let bandwidth = max(rule, Self.minimumBandwidth)
      guard case .choice(let choices) = kind else { return bandwidth }
      return min(bandwidth, Double(choices - 1) / Double(choices))
    }
  }

  /// The logarithm of the density at a point.
  func logDensity(_ point: [Double]) -> Double {
    let width = columns.count
    var constant = -log(Double(count))
    for (column, kind) in columns.enumerated() where kind == .unit {
      constant -= log(bandwidths[column]) + 0.5 * log(2 * Double.pi)
    }
    var greatest = -Double.infinity
    var sum = 0.0
    for start in stride(from: 0, to: points.count, by: width) {
      var term = 0.0
      for column in 0..<width {
        switch columns[column] {
        case .unit:
          let z = (point[column] - points[start + column]) / bandwidths[column]
          term -= 0.5 * z * z
        case .choice(let choices):
          let isSame = point[column] == points[start + column]
          term += log(isSame ? 1 - bandwidths[column] : bandwidths[column] / Double(choices - 1))
        }
      }
      if term > greatest {
        sum = sum * exp(greatest - term) + 1
        greatest = term
      } else {
        sum += exp(term - greatest)
      }
    }
    return greatest + log(sum) + constant
  }

  /// A point near one of the points: numbers from a normal `factor` bandwidths wide, truncated to 0…1.
  func draw(factor: Double, _ stream: inout RandomStream) -> [Double] {
    let width = columns.count
    let start = stream.index(below: count) * width
    return columns.enumerated().map { column, kind in
      let centre = points[start + column]
      switch kind {
      case .unit:
        let deviation = factor * bandwidths[column]
        let z = NormalDistribution.truncatedQuantile(stream.uniform(), -centre / deviation, (1 - centre) / deviation)
        return min(1, max(0, centre + deviation * z))
      case .choice(let choices):
        return stream.uniform() < 1 - bandwidths[column] ? centre : Double(stream.index(below: choices))
      }
    }
  }
}
