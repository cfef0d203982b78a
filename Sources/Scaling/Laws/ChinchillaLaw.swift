/// L(N, D) = E + A·N^−α + B·D^−β, in nats a token.
///
/// N counts embeddings in Hoffmann's work. Sources: Hoffmann and others, arXiv 2203.15556, 2022; Besiroglu, Erdil, Barnett &
/// You, "Chinchilla scaling: a replication attempt", arXiv 2404.10102, 2024.
public struct ChinchillaLaw: Sendable, Equatable {
  public var floor: Double
  public var a: Double
  public var b: Double
  public var alpha: Double
  public var beta: Double

  public init(floor: Double, a: Double, b: Double, alpha: Double, beta: Double) {
    self.floor = floor
    self.a = a
    self.b = b
    self.alpha = alpha
    self.beta = beta
  }

  /// Hoffmann's constants as in the paper's source. The two-digit ones in print move the best N at 5.88e23 FLOP by 20 %.
  public static let hoffmann = ChinchillaLaw(
    floor: _exp(0.5267228), a: _exp(6.0073404), b: _exp(6.0179186), alpha: 0.33917084, beta: 0.2849083)
  /// Hoffmann's constants as printed: for comparison only.
  public static let hoffmannPrinted = ChinchillaLaw(floor: 1.69, a: 406.4, b: 410.7, alpha: 0.34, beta: 0.28)
  /// Besiroglu and others 2024.
  public static let replicated = ChinchillaLaw(
    floor: 1.81686, a: 482.00572, b: 2085.43420, alpha: 0.34781, beta: 0.36585)

  public func loss(parameters: Double, tokens: Double) -> Double {
    floor + a * _pow(parameters, -alpha) + b * _pow(tokens, -beta)
  }

  /// The exponent of C in the best N.
  public var optimumExponent: Double { beta / (alpha + beta) }

  /// The N and D of least loss at C = 6·N·D FLOP.
  public func optimum(compute: Double) -> (parameters: Double, tokens: Double) {
    let g = _pow(alpha * a / (beta * b), 1 / (alpha + beta))
    let n = g * _pow(compute / 6, optimumExponent)
    return (n, compute / (6 * n))
  }

  /// The tokens that reach a loss; nil where the size cannot, whatever the tokens.
  public func tokens(parameters: Double, loss: Double) -> Double? {
    let rest = loss - floor - a * _pow(parameters, -alpha)
    return rest > 0 ? _pow(b / rest, 1 / beta) : nil
  }
}

/// Losses along a run of any size, steps and batch, after Kaplan's form.
///
/// L is the root of L = (N_c/N)^α_N + (S_c·(1 + B_crit(L)/B)/S)^α_S with B_crit(L) = B*·L^(−1/α_B). The constants depend on
/// data, context and tokenizer: estimate them for each setup.
///
/// Source: Su, Tian, Shen & Cai, arXiv 2403.06563, 2024; Kaplan and others, arXiv 2001.08361, 2020.
public struct StepwiseLaw: Sendable, Equatable {
  public var sizeScale: Double
  public var sizeExponent: Double
  public var stepScale: Double
  public var stepExponent: Double
  public var batchScale: Double
  public var batchExponent: Double

  public init(
    sizeScale: Double, sizeExponent: Double, stepScale: Double, stepExponent: Double, batchScale: Double,
    batchExponent: Double
  ) {
    self.sizeScale = sizeScale
    self.sizeExponent = sizeExponent
    self.stepScale = stepScale
    self.stepExponent = stepExponent
    self.batchScale = batchScale
    self.batchExponent = batchExponent
  }

  /// Kaplan's constants, which are not confirmed.
  public static let kaplan = StepwiseLaw(
    sizeScale: 6.5e13, sizeExponent: 0.077, stepScale: 2.1e3, stepExponent: 0.76, batchScale: 2.1e8,
    batchExponent: 0.21)

  /// The loss that no number of steps gets below.
  public func limit(parameters: Double) -> Double { _pow(sizeScale / parameters, sizeExponent) }

  /// In tokens, at this loss.
  public func criticalBatch(loss: Double) -> Double { batchScale * _pow(loss, -1 / batchExponent) }

  /// S/(1 + B_crit/B).
  public func leastSteps(steps: Double, batch: Double, loss: Double) -> Double {
    steps / (1 + criticalBatch(loss: loss) / batch)
  }

  /// - Parameter batch: tokens a step.
  public func loss(parameters: Double, steps: Double, batch: Double) -> Double {
    let limit = limit(parameters: parameters)
    var (low, high) = (limit, 20.0)
    for _ in 0..<200 {
      let middle = (low + high) / 2
      let value = limit + _pow(stepScale * (1 + criticalBatch(loss: middle) / batch) / steps, stepExponent)
      if value > middle { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }
}
