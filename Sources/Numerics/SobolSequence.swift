/// Why a Sobol sequence cannot be made.
public enum SobolError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A number of dimensions outside `1...SobolSequence.maximumDimension`.
  case unsupportedDimension(Int)

  public var description: String {
    switch self {
    case .unsupportedDimension(let dimension):
      "a Sobol sequence has 1 to \(SobolSequence.maximumDimension) dimensions, not \(dimension): "
        + "use fewer parameters, or independent random numbers for those beyond"
    }
  }
}

/// Points that fill the unit cube evenly: every aligned block of 2^k points has exactly one point in each interval of
/// length 2^-k of each coordinate.
///
/// Coordinates are multiples of 2^-32 in [0, 1). Point `index` is computed on its own, so workers that share a seed
/// may take the indices in any order. With a seed, a random linear matrix scramble and a digital shift are applied;
/// they keep the property above and make each coordinate of each point uniform over seeds. Coordinate j depends on the
/// seed and j alone, not on the number of dimensions. Without a seed point 0 is the origin, which most uses drop.
///
/// Sources: Sobol', USSR Comput. Math. Math. Phys. 7(4), 1967; Joe & Kuo, SIAM J. Sci. Comput. 30, 2008 (direction
/// numbers); Antonov & Saleev, USSR Comput. Math. Math. Phys. 19(1), 1979 (Gray code order); Matoušek, "On the
/// L2-discrepancy for anchored boxes", J. Complexity 14, 1998 (scrambling).
@frozen
public struct SobolSequence: Sendable {
  /// The largest number of dimensions: 2,048.
  public static let maximumDimension = SobolDirectionNumbers.dimensions

  /// The number of points before the sequence ends: 2^32.
  public static let period: UInt64 = 1 << 32

  public let dimension: Int
  @usableFromInline let directions: [UInt32]
  @usableFromInline let shifts: [UInt32]

  /// - Parameters:
  ///   - dimension: the number of coordinates, `1...maximumDimension`.
  ///   - seed: the seed of the scramble; nil for the plain sequence.
  public init(dimension: Int, seed: UInt64?) throws(SobolError) {
    guard (1...Self.maximumDimension).contains(dimension) else {
      throw .unsupportedDimension(dimension)
    }
    var directions = SobolDirectionNumbers.integers(dimensions: dimension)
    var shifts = [UInt32](repeating: 0, count: dimension)
    if let seed {
      let purpose = stableHash("Sobol scramble")
      for coordinate in 0..<dimension {
        var stream = RandomStream(seed: seed, purpose: purpose, index: UInt64(coordinate))
        shifts[coordinate] = UInt32(truncatingIfNeeded: stream.next() >> 32)
        Self.scramble(&directions, at: 32 * coordinate, with: &stream)
      }
    }
    self.dimension = dimension
    self.directions = directions
    self.shifts = shifts
  }

  /// Multiplies 32 direction integers by a random lower triangular bit matrix with a unit diagonal, the leading bit
  /// being the first row.
  private static func scramble(_ directions: inout [UInt32], at base: Int, with stream: inout RandomStream) {
    // Column c holds what input bit c adds to the output: itself, and random bits below it.
    let columns = (0..<32).map { column in
      let diagonal: UInt32 = 1 << UInt32(31 - column)
      return diagonal | (UInt32(truncatingIfNeeded: stream.next() >> 32) & (diagonal - 1))
    }
    for place in base..<(base + 32) {
      var remaining = directions[place]
      var product: UInt32 = 0
      while remaining != 0 {
        let column = remaining.leadingZeroBitCount
        product ^= columns[column]
        remaining ^= 1 << UInt32(31 - column)
      }
      directions[place] = product
    }
  }

  /// Writes point `index` into `point` without allocating.
  /// - Precondition: `index < period` and `point.count == dimension`.
  @inlinable
  public func point(at index: UInt64, into point: inout [Double]) {
    precondition(index < Self.period, "a Sobol sequence has 2^32 points; index \(index) is beyond")
    precondition(point.count == dimension, "the point has \(point.count) places for \(dimension) coordinates")
    let gray = UInt32(truncatingIfNeeded: index ^ (index >> 1))
    directions.withUnsafeBufferPointer { directions in
      for coordinate in 0..<dimension {
        var bits = shifts[coordinate]
        var remaining = gray
        while remaining != 0 {
          bits ^= directions[32 &* coordinate &+ remaining.trailingZeroBitCount]
          remaining &= remaining &- 1
        }
        point[coordinate] = Double(bits) * 0x1p-32
      }
    }
  }

  /// Point `index`.
  /// - Precondition: `index < period`.
  @inlinable
  public func point(at index: UInt64) -> [Double] {
    var result = [Double](repeating: 0, count: dimension)
    point(at: index, into: &result)
    return result
  }
}
