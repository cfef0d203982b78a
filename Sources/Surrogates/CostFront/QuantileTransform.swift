import TrimtabNumerics

/// Numbers brought to a normal shape by a few of their quantiles, with straight lines between those: fewer quantiles than
/// numbers keep some of the distances.
///
/// The least and the greatest come to lie at the quantiles of 1e-7 and 1 − 1e-7, so that extremes are stressed. Equal numbers
/// all become 0.
/// Source: as Fetterman and others use it, "Tune as you scale", arXiv 2306.08055, 2023.
public struct QuantileTransform: Sendable, Equatable {
  /// The share of the ends.
  static let margin = 1e-7
  public static let extreme = -NormalDistribution.quantile(margin)
  /// Differences of quarters do not overflow.
  private static let shrink = 0.25

  /// Rising quantiles at equal shares from 0 to 1.
  let references: [Double]

  /// - Parameters:
  ///   - values: finite, at least one.
  ///   - count: of the quantiles; the root of the number of values when left out, at least 2.
  public init(_ values: [Double], count: Int? = nil) {
    let sorted = values.sorted()
    let count = max(2, count ?? Int(Double(values.count).squareRoot()))
    references = (0..<count).map { i in
      let place = Double(i) / Double(count - 1) * Double(sorted.count - 1)
      let low = min(Int(place), max(0, sorted.count - 1))
      guard low + 1 < sorted.count else { return sorted.last ?? 0 }
      let share = place - Double(low)
      return sorted[low] * (1 - share) + sorted[low + 1] * share
    }
  }

  public func apply(_ value: Double) -> Double {
    guard let least = references.first, let most = references.last, least < most else { return 0 }
    if value <= least { return -Self.extreme }
    if value >= most { return Self.extreme }
    let steps = Double(references.count - 1)
    // 0 < next: the value lies above the first and below the last.
    let next = references.firstIndex { $0 >= value } ?? references.count - 1
    let share: Double
    if references[next] == value {
      let last = references.lastIndex { $0 <= value } ?? next
      share = 0.5 * Double(next + last) / steps
    } else {
      let (a, b) = (references[next - 1] * Self.shrink, references[next] * Self.shrink)
      share = (Double(next - 1) + (value * Self.shrink - a) / (b - a)) / steps
    }
    return min(max(NormalDistribution.quantile(share), -Self.extreme), Self.extreme)
  }

  /// The number that is brought there; the least or greatest beyond the extremes.
  public func inverse(_ z: Double) -> Double {
    guard let least = references.first, let most = references.last, !z.isNaN else { return .nan }
    if z <= -Self.extreme { return least }
    if z >= Self.extreme { return most }
    let place = NormalDistribution.cdf(z) * Double(references.count - 1)
    let low = min(Int(place), references.count - 2)
    let share = place - Double(low)
    return references[low] * (1 - share) + references[low + 1] * share
  }
}
