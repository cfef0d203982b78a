/// The scales of u-muP's operations, which give everything unit variance at the start.
///
/// Source: Blake and others, "u-μP: the unit-scaled maximal update parametrization", arXiv 2407.17465, 2024.
public enum UnitScaling {
  /// `high`^w·`low`^(1−w).
  static func blend(_ low: Double, _ high: Double, _ weight: Double) -> Double {
    _exp(weight * _log(high) + (1 - weight) * _log(low))
  }

  /// τ of each branch, attention and feed-forward in turn: x' = (τ·f(x) + x)/√(1 + τ²).
  /// - Parameters:
  ///   - residual: α_res, the weight of the branches beside the stream.
  ///   - attentionRatio: ρ, the weight of attention beside feed-forward.
  public static func residualWeights(layers: Int, residual: Double = 1, attentionRatio: Double = 1) -> [Double] {
    let feedForward = residual * (2 / (1 + attentionRatio * attentionRatio)).squareRoot()
    let attention = attentionRatio * feedForward
    return (0..<(2 * layers)).map { i in
      let earlier =
        Double(layers) + Double((i + 1) / 2) * attention * attention + Double(i / 2) * feedForward * feedForward
      return (i % 2 == 0 ? attention : feedForward) / earlier.squareRoot()
    }
  }

  /// What the gated SiLU's output is multiplied by.
  public static func gatedSiLU(multiplier: Double) -> Double {
    blend(2, 2.0.squareRoot(), 1 / (1 + 1 / (multiplier * multiplier)))
  }

  /// What attention's output is multiplied by.
  public static func attentionOutput(sequence: Double, headSize: Double, isCausal: Bool, multiplier: Double) -> Double {
    let low = isCausal ? (_log(sequence) / sequence).squareRoot() : (1 / sequence).squareRoot()
    return 1 / blend(low, 1, 1 / (1 + 4 * headSize / (multiplier * multiplier)))
  }

  /// What the gradient of the logits is multiplied by: V/√(V − 1).
  public static func logitGradient(vocabulary: Double) -> Double { vocabulary / (vocabulary - 1).squareRoot() }
}

/// Adafactor's relative step.
///
/// Source: Shazeer & Stern, arXiv 1804.04235, 2018.
public enum AdafactorStep {
  /// min(0.01, 1/√t); with warm-up min(1e-6·t, 1/√t).
  public static func relativeStep(_ step: Double, hasWarmup: Bool = false) -> Double {
    min(hasWarmup ? 1e-6 * step : 0.01, 1 / step.squareRoot())
  }

  /// 1 − t^−0.8.
  public static func secondMomentDecay(_ step: Double) -> Double { 1 - _pow(step, -0.8) }

  /// max(1e-3, the parameters' root mean square) times the relative step.
  public static func learningRate(_ step: Double, rootMeanSquare: Double, hasWarmup: Bool = false) -> Double {
    max(1e-3, rootMeanSquare) * relativeStep(step, hasWarmup: hasWarmup)
  }
}
