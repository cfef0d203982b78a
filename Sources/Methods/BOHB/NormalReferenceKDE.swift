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

  let kinds: [VaryingCoordinates.Kind]
  let bandwidths: [Double]
  private let kernels: ProductKernels
  /// The logarithm of what all kernels are multiplied by.
  private let constant: Double

  var count: Int { kernels.count }
  /// The points, column by column.
  var columns: [ContiguousArray<Double>] { kernels.columns }

  /// - Parameter members: at least one, and no coordinate that is not active.
  init(_ members: KernelMembers) {
    kinds = members.kinds
    let shrinkage = pow(Double(members.count), -1 / (4 + Double(kinds.count)))
    bandwidths = zip(kinds, members.spreads).map { kind, spread in
      let bandwidth = max(1.06 * spread.variance.squareRoot() * shrinkage, Self.minimumBandwidth)
      guard case .choice(let choices) = kind else { return bandwidth }
      return min(bandwidth, Double(choices - 1) / Double(choices))
    }
    var constant = -log(Double(members.count))
    let ofColumns = zip(kinds, bandwidths).map { kind, bandwidth -> ProductKernels.Kernel in
      switch kind {
      case .unit:
        constant -= log(bandwidth) + 0.5 * log(2 * Double.pi)
        return .normal(scale: 0.5.squareRoot() / bandwidth)
      case .choice(let choices):
        return .choice(same: log(1 - bandwidth), other: log(bandwidth / Double(choices - 1)))
      }
    }
    self.constant = constant
    kernels = ProductKernels(count: members.count, columns: members.columns, kernels: ofColumns)
  }

  /// - Parameter points: one after the other; at least one, without NaN.
  init(kinds: [VaryingCoordinates.Kind], points: [Double]) {
    var members = KernelMembers(kinds: kinds)
    for row in 0..<points.count / max(1, kinds.count) { members.insert(row) { points[row * kinds.count + $0] } }
    self.init(members)
  }

  /// A point near one of the points: numbers from a normal `factor` bandwidths wide, truncated to 0…1.
  func draw(near row: Int, factor: Double, _ stream: inout RandomStream) -> [Double] {
    kinds.indices.map { column in
      let centre = columns[column][row]
      switch kinds[column] {
      case .unit:
        let deviation = factor * bandwidths[column]
        let z = NormalDistribution.truncatedQuantile(stream.uniform(), -centre / deviation, (1 - centre) / deviation)
        return min(1, max(0, centre + deviation * z))
      case .choice(let choices):
        return stream.uniform() < 1 - bandwidths[column] ? centre : Double(stream.index(below: choices))
      }
    }
  }

  /// The logarithm of the density at a point.
  func logDensity(_ point: [Double]) -> Double { kernels.logSum(point) + constant }

  /// The index of the point with the greatest ratio of the density `good` to `bad`, the first one of several.
  ///
  /// The kernels of `bad` only add up: a point whose ratio to some of them is no longer the greatest is left there.
  static func greatestRatio(_ points: [[Double]], good: NormalReferenceKDE, bad: NormalReferenceKDE) -> Int? {
    let above = points.map { good.logDensity($0) - bad.constant }
    var partials = [ProductKernels.Partial](repeating: .init(), count: points.count)
    for i in points.indices { bad.kernels.add(to: &partials[i], points[i]) }
    let bounds = points.indices.map { above[$0] - partials[$0].logarithm }
    var best: (index: Int, ratio: Double)?
    for i in points.indices.sorted(by: { (-bounds[$0], $0) < (-bounds[$1], $1) }) {
      var bound = bounds[i]
      while partials[i].count < bad.count, bound >= best?.ratio ?? -.infinity {
        bad.kernels.add(to: &partials[i], points[i])
        bound = above[i] - partials[i].logarithm
      }
      guard partials[i].count == bad.count else { continue }
      if let best, (best.ratio, -best.index) >= (bound, -i) { continue }
      best = (i, bound)
    }
    return best?.index
  }
}
