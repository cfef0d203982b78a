import TrimtabNumerics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A sum of product kernels, of normal ones for numbers and of two probabilities for choices, all with the same bandwidths.
///
/// Eight kernels are evaluated at a time, because a column's values lie next to each other.
struct ProductKernels: Sendable {
  /// What is known of a column's kernel.
  enum Kernel: Sendable {
    /// −(scale · distance)².
    case normal(scale: Double)
    /// The logarithms for the choice of the kernel's point, and for each other one.
    case choice(same: Double, other: Double)
  }

  /// Kernels that are added together.
  static let block = 64
  /// A kernel whose logarithm lies this far below the greatest so far adds nothing to a sum of doubles.
  private static let negligible = 45.0

  let count: Int
  /// One a column, `count` numbers each.
  let columns: [ContiguousArray<Double>]
  /// One a column.
  let kernels: [Kernel]
  /// For each kernel the logarithm of its factor; empty where all are 1.
  var factors: ContiguousArray<Double> = []

  /// The sum of the first kernels at one point, or of something else before them.
  struct Partial: Sendable {
    /// How many kernels are in it.
    fileprivate(set) var count = 0
    fileprivate var greatest = -Double.infinity
    /// Relative to the greatest.
    fileprivate var sum = 0.0

    init() {}

    /// - Parameter logarithm: of what is there before the first kernel.
    init(logarithm: Double) {
      greatest = logarithm
      sum = 1
    }

    var logarithm: Double { greatest + log(sum) }
  }

  /// The logarithm of the sum of all kernels at a point and of what was there before.
  func logSum(_ point: [Double], after start: Partial = Partial()) -> Double {
    var partial = start
    while partial.count < count { add(to: &partial, point) }
    return partial.logarithm
  }

  /// Adds the next kernels, at most `block`.
  func add(to partial: inout Partial, _ point: [Double]) {
    let first = partial.count
    let last = min(count, first + Self.block)
    guard last > first else { return }
    let lanes = Lanes.scalarCount
    let vectorCount = (last - first + lanes - 1) / lanes
    let rest = (last - first) % lanes
    withUnsafeTemporaryAllocation(of: Lanes.self, capacity: Self.block / lanes) { terms in
      if factors.isEmpty {
        for i in 0..<vectorCount { terms[i] = .zero }
      } else {
        let end = Self.end(of: factors, first, last)
        factors.withUnsafeBytes { bytes in
          for i in 0..<vectorCount { terms[i] = Self.vector(bytes, first, last, i, end) }
        }
      }
      for column in kernels.indices {
        let value = point[column]
        let end = Self.end(of: columns[column], first, last)
        columns[column].withUnsafeBytes { bytes in
          switch kernels[column] {
          case .normal(let scale):
            for i in 0..<vectorCount {
              let z = (Self.vector(bytes, first, last, i, end) - value) * scale
              terms[i] -= z * z
            }
          case .choice(let same, let other):
            let others = Lanes(repeating: other)
            for i in 0..<vectorCount {
              terms[i] += others.replacing(with: same, where: Self.vector(bytes, first, last, i, end) .== value)
            }
          }
        }
      }
      if rest > 0 { for lane in rest..<lanes { terms[vectorCount - 1][lane] = -.infinity } }
      Self.sum(terms, vectorCount, &partial)
    }
    partial.count = last
  }

  /// The numbers before `last` that do not fill a vector.
  @inline(__always)
  private static func end(of column: ContiguousArray<Double>, _ first: Int, _ last: Int) -> Lanes {
    var end = Lanes.zero
    let rest = (last - first) % Lanes.scalarCount
    for lane in 0..<rest { end[lane] = column[last - rest + lane] }
    return end
  }

  /// The vector with this index from `first` on; `end` where it is not whole.
  @inline(__always)
  private static func vector(
    _ bytes: UnsafeRawBufferPointer, _ first: Int, _ last: Int, _ index: Int, _ end: Lanes
  ) -> Lanes {
    let from = first &+ index &* Lanes.scalarCount
    guard from &+ Lanes.scalarCount <= last else { return end }
    return bytes.loadUnaligned(fromByteOffset: from &* MemoryLayout<Double>.stride, as: Lanes.self)
  }

  @inline(__always)
  private static func sum(_ terms: UnsafeMutableBufferPointer<Lanes>, _ count: Int, _ partial: inout Partial) {
    var lanes = terms[0]
    for i in 1..<max(1, count) { lanes.replace(with: terms[i], where: terms[i] .> lanes) }
    let greatest = lanes.max()
    if greatest > partial.greatest {
      partial.sum *= exp(partial.greatest - greatest)
      partial.greatest = greatest
    }
    var sum = Lanes.zero
    for i in 0..<count {
      let difference = terms[i] - partial.greatest
      let isNegligible = difference .< -negligible
      if all(isNegligible) { continue }
      sum += vectorExponential(difference.replacing(with: -negligible, where: isNegligible))
        .replacing(with: 0, where: isNegligible)
    }
    partial.sum += sum.sum()
  }
}
