import TrimtabNumerics

/// Wilcoxon's signed-rank test that paired differences are symmetric about zero.
///
/// Sources: Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1(6), 1945; Pratt, "Remarks on
/// zeros and ties in the Wilcoxon signed rank procedures", JASA 54(287), 1959; Cureton, "The normal approximation to the
/// signed-rank sampling distribution when zero differences are present", JASA 62(319), 1967.
public struct WilcoxonTest: Sendable, Equatable {
  /// What becomes of pairs without a difference.
  public enum Zeros: Sendable {
    /// They are left out before ranking.
    case dropped
    /// They are ranked with the others, and their ranks left out.
    case pratt
  }

  public enum Alternative: Sendable {
    case twoSided
    /// The differences tend to lie below zero: the first is the smaller.
    case less
    /// The differences tend to lie above zero.
    case greater
  }

  /// The sums of the ranks of the positive and of the negative differences.
  public let positiveRankSum: Double
  public let negativeRankSum: Double
  /// The pairs with a difference, and those without.
  public let differingCount: Int
  public let zeroCount: Int
  /// Whether `p` is exact, not by the normal approximation.
  public let isExact: Bool
  /// The probability of rank sums so far apart by chance; 1 where no pair differs.
  public let p: Double

  /// The smaller rank sum, by which the two-sided test is usually reported.
  public var statistic: Double { min(positiveRankSum, negativeRankSum) }

  /// The most differences for which the exact distribution is computed.
  public static let greatestExactCount = 50

  /// - Parameters:
  ///   - differences: one a task, of means over seeds. None may be NaN.
  ///   - decimals: differences that are equal in size after rounding to so many decimals are ties, and those that round to
  ///     zero are none; nil compares them exactly. Rounding the values before subtracting leaves rounding errors of
  ///     their difference behind, so it is the difference that is rounded.
  ///   - isContinuityCorrected: moves the normal approximation by half a rank towards the middle.
  ///
  /// The distribution is exact for up to ``greatestExactCount`` differences of different size (and, under `pratt`, none
  /// of zero); beyond that it is normal, with the variance corrected for ties.
  public init(
    _ differences: [Double], zeros: Zeros = .dropped, alternative: Alternative = .twoSided, decimals: Int? = nil,
    isContinuityCorrected: Bool = false
  ) throws(AnalysisError) {
    if let i = differences.firstIndex(where: \.isNaN) {
      throw AnalysisError("difference \(i) is NaN: leave the pair out, or give it the worst value, before the test")
    }
    let differences = decimals.map { places in differences.map { rounded($0, decimals: places) } } ?? differences
    let differing = differences.filter { $0 != 0 }
    let zeroCount = differences.count - differing.count
    self.zeroCount = zeroCount
    differingCount = differing.count

    // Under Pratt's treatment the zeros take the first ranks away from the others.
    let shift = zeros == .pratt ? Double(zeroCount) : 0
    let ranks = meanRanks(differing.map { abs($0) }).map { $0 + shift }
    var positive = 0.0
    var negative = 0.0
    for (difference, rank) in zip(differing, ranks) {
      if difference > 0 { positive += rank } else { negative += rank }
    }
    positiveRankSum = positive
    negativeRankSum = negative

    let ties = tieSum(ranks)
    isExact = ties == 0 && differing.count <= Self.greatestExactCount && shift == 0
    if differing.isEmpty {
      p = 1
    } else if isExact {
      p = Self.exactP(positive, negative, differing.count, alternative)
    } else {
      let n = Double(differing.count) + shift
      let mean = (n * (n + 1) - shift * (shift + 1)) / 4
      let variance = (n * (n + 1) * (2 * n + 1) - shift * (shift + 1) * (2 * shift + 1)) / 24 - ties / 48
      let correction = isContinuityCorrected ? 0.5 : 0
      func tail(_ rankSum: Double) -> Double {
        UpperTail.normal((rankSum - mean - correction) / variance.squareRoot())
      }
      switch alternative {
      case .twoSided: p = min(2 * tail(max(positive, negative)), 1)
      case .less: p = tail(negative)
      case .greater: p = tail(positive)
      }
    }
  }

  static func exactP(_ positive: Double, _ negative: Double, _ count: Int, _ alternative: Alternative) -> Double {
    switch alternative {
    case .twoSided: min(2 * exactLowerTail(min(positive, negative), count), 1)
    case .less: exactLowerTail(positive, count)
    case .greater: exactLowerTail(negative, count)
    }
  }

  /// The probability of a rank sum of at most `rankSum` when each of the ranks 1…count is in it with probability 1/2.
  static func exactLowerTail(_ rankSum: Double, _ count: Int) -> Double {
    var probabilities = [1.0]
    for rank in 1...count {
      var next = [Double](repeating: 0, count: probabilities.count + rank)
      for (sum, probability) in probabilities.enumerated() {
        next[sum] += 0.5 * probability
        next[sum + rank] += 0.5 * probability
      }
      probabilities = next
    }
    return probabilities[...Int(rankSum)].reduce(0, +)
  }
}
