import TrimtabNumerics

/// The best peak learning rate and batch for pre-training a language model from its size and its tokens.
///
/// N is the number of parameters without embeddings and output head (of all experts), D and B are in tokens. Fitted with
/// AdamW, warm-up and a cosine down to a final rate of 1e-5 whatever the peak, on sequences of 2048 tokens.
///
/// Source: Li, Zheng, Wang, Zhang and others, "Predictable scale: part I, step law", arXiv 2503.04715, 2025.
public enum StepLaw {
  /// ln η = logRate + rateN·ln N + rateD·ln D; ln B = logBatch + batchD·ln D, B in tokens.
  public struct Coefficients: Sendable, Equatable {
    public var logRate: Double
    public var rateN: Double
    public var rateD: Double
    public var logBatch: Double
    public var batchD: Double

    public init(logRate: Double, rateN: Double, rateD: Double, logBatch: Double, batchD: Double) {
      self.logRate = logRate
      self.rateN = rateN
      self.rateD = rateD
      self.logBatch = logBatch
      self.batchD = batchD
    }

    public func learningRate(parameters: Double, tokens: Double) -> Double {
      _exp(logRate + rateN * _log(parameters) + rateD * _log(tokens))
    }

    /// Tokens a step.
    public func batch(tokens: Double) -> Double { _exp(logBatch + batchD * _log(tokens)) }
  }

  /// The constants as printed: 1.79 · N^−0.713 · D^0.307 and 0.58 · D^0.571.
  public static let printed = Coefficients(
    logRate: _log(1.79), rateN: -0.713, rateD: 0.307, logBatch: _log(0.58), batchD: 0.571)

  /// The mean of the published bootstrap, before rounding.
  public static let bootstrapMean = Coefficients(
    logRate: 0.586308, rateN: -0.712922, rateD: 0.307491, logBatch: -0.543542, batchD: 0.570944)

  /// How the best rate moves with a batch that is not the best one: η = η_opt·(B/B_opt)^0.3. Not the authors': from
  /// quadratics through their grid at each (N, D, B), whose vertices follow B^0.31 ± 0.02.
  public static let fixedBatchExponent = 0.3

  /// The rate at the batch given, when that is not the law's own.
  public static func learningRate(parameters: Double, tokens: Double, batch: Double) -> Double {
    printed.learningRate(parameters: parameters, tokens: tokens)
      * _pow(batch / printed.batch(tokens: tokens), fixedBatchExponent)
  }

  /// The middle 95 % of what bootstrap vectors predict; whole vectors, since intercept and slope move against each other.
  public static func intervals(
    _ vectors: [Coefficients], parameters: Double, tokens: Double
  ) -> (learningRate: ClosedRange<Double>, batch: ClosedRange<Double>)? {
    guard !vectors.isEmpty else { return nil }
    let rates = vectors.map { $0.learningRate(parameters: parameters, tokens: tokens) }.sorted()
    let batches = vectors.map { $0.batch(tokens: tokens) }.sorted()
    return (
      sortedQuantile(rates, 0.025)...sortedQuantile(rates, 0.975),
      sortedQuantile(batches, 0.025)...sortedQuantile(batches, 0.975)
    )
  }
}

/// The quantile of numbers in ascending order, by linear interpolation; NaN of none.
func sortedQuantile(_ sorted: [Double], _ share: Double) -> Double {
  guard let last = sorted.last else { return .nan }
  let place = share * Double(sorted.count - 1)
  let index = Int(place)
  guard index + 1 < sorted.count else { return last }
  return sorted[index] + (place - Double(index)) * (sorted[index + 1] - sorted[index])
}
