/// A rate that follows the tokens seen, whatever the horizon and the batch; with muP.
///
/// η(n) = min(η_max, β·a·n^b): β is the batch in sequences of 4096 tokens, n the tokens trained so far.
///
/// Source: Shen, Stallone, Mishra and others, "Power scheduler", arXiv 2408.13359, 2024.
public struct PowerScheduler: Sendable, Equatable {
  public var amplitude = 4.0
  public var exponent = -0.51
  public var most = 0.02

  public static let sequenceLength = 4096.0

  public init() {}

  /// Before warm-up and decay.
  public func learningRate(tokensSeen: Double, batchSequences: Double) -> Double {
    min(most, batchSequences * amplitude * _pow(tokensSeen, exponent))
  }

  /// The tokens at which the cap ends.
  public func capEnd(batchSequences: Double) -> Double {
    _pow(most / (batchSequences * amplitude), 1 / exponent)
  }

  /// The best peak of a warm-up-stable-decay schedule of T tokens: β·4.6·T^−0.51.
  public static func stableOptimum(tokens: Double, batchSequences: Double) -> Double {
    batchSequences * 4.6 * _pow(tokens, -0.51)
  }
}
