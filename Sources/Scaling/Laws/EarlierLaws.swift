/// Laws that Step Law was compared with.
public enum EarlierLaws {
  /// Kaplan and others 2020 (arXiv 2001.08361): 3.239e-3 − 1.395e-4·ln N; nil above N ≈ 1.21e10, where it is negative.
  public static func kaplanLearningRate(parameters: Double) -> Double? {
    let rate = 3.239e-3 - 1.395e-4 * _log(parameters)
    return rate > 0 ? rate : nil
  }

  /// Kaplan and others 2020: B = 2e8·L^(−1/0.21) tokens for a loss of L nats a token. The constant is not confirmed.
  public static func kaplanBatch(loss: Double) -> Double { 2e8 * _pow(loss, -1 / 0.21) }

  /// Bi and others (DeepSeek) 2024 (arXiv 2401.02954): 0.3118·C^−0.1250.
  public static func deepSeekLearningRate(compute: Double) -> Double { 0.3118 * _pow(compute, -0.125) }

  /// Bi and others (DeepSeek) 2024: 0.2920·C^0.3271 tokens.
  public static func deepSeekBatch(compute: Double) -> Double { 0.2920 * _pow(compute, 0.3271) }

  /// Porian and others 2024 (arXiv 2406.19146): 3.7·N^−0.36.
  public static func porianLearningRate(parameters: Double) -> Double { 3.7 * _pow(parameters, -0.36) }

  /// Porian and others 2024: 0.7576·N^0.703 tokens.
  public static func porianBatch(parameters: Double) -> Double { 0.7576 * _pow(parameters, 0.703) }

  /// Hu and others (MiniCPM) 2024 (arXiv 2404.06395), from the line in its figure: ln B = 20.91 − 6.24·ln L, in tokens.
  public static func miniCPMBatch(loss: Double) -> Double { _exp(20.91) * _pow(loss, -6.24) }
}

/// The best rate across token horizons at a fixed batch.
///
/// Source: Bjorck, Benhaim, Chaudhary, Wei & Song, "Scaling optimal LR across token horizons", arXiv 2409.19913, 2024.
public enum HorizonLaw {
  /// η* ∝ N^−0.23.
  public static let parameterExponent = 0.23
  /// η* ∝ D^−0.32; a measured 125M model gave 0.51 to 0.59, so that one's own fit comes first.
  public static let tokenExponent = 0.32

  /// The rate at `tokens` of one that was best at `tunedTokens`.
  public static func learningRate(
    tuned: Double, at tunedTokens: Double, tokens: Double, exponent: Double = tokenExponent
  ) -> Double {
    tuned * _pow(tunedTokens / tokens, exponent)
  }
}
