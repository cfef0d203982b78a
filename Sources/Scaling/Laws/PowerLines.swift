/// Weight decay from the timescale of AdamW, and the best and the critical batch, from the tokens.
///
/// The timescale τ = B/(η·λ·D) is the share of the run over which AdamW averages its updates; λ is decoupled and multiplied
/// by the rate, as in PyTorch; η is the peak that hidden matrices get.
///
/// Source: Bergsma, Dey, Gosal, Gray, Soboleva & Hestness, "Power lines", arXiv 2505.13738, 2025. The timescale: Wang &
/// Aitchison, arXiv 2405.13698, 2024.
public enum PowerLines {
  public static let sequenceLength = 2048.0

  /// B and D in the same unit.
  public static func timescale(learningRate: Double, weightDecay: Double, batch: Double, tokens: Double) -> Double {
    batch / (learningRate * weightDecay * tokens)
  }

  /// 1.084 · (D/N)^−0.527.
  public static func bestTimescale(tokensPerParameter: Double) -> Double { 1.084 * _pow(tokensPerParameter, -0.527) }

  /// λ = B/(η·D·τ).
  public static func weightDecay(learningRate: Double, batch: Double, tokens: Double, timescale: Double) -> Double {
    batch / (learningRate * tokens * timescale)
  }

  /// 0.0306 · D^0.383, in sequences of 2048 tokens.
  public static func bestBatchSequences(tokens: Double) -> Double { 0.0306 * _pow(tokens, 0.383) }

  /// 0.0471 · D_min^0.462, in sequences of 2048 tokens; the coefficient is not confirmed. D_min is what reaches the loss at
  /// a small batch.
  public static func criticalBatchSequences(leastTokens: Double) -> Double { 0.0471 * _pow(leastTokens, 0.462) }

  /// D = D_min·(1 + B/B_crit).
  public static func tokens(least: Double, batch: Double, criticalBatch: Double) -> Double {
    least * (1 + batch / criticalBatch)
  }

  /// S = S_min·(1 + B_crit/B).
  public static func steps(least: Double, batch: Double, criticalBatch: Double) -> Double {
    least * (1 + criticalBatch / batch)
  }

  /// One way to reach a loss.
  public struct Plan: Sendable, Equatable {
    public var parameters: Double
    /// What a small batch would need.
    public var leastTokens: Double
    public var tokens: Double
    /// Tokens a step.
    public var batch: Double
    /// 6·N·D FLOP.
    public var compute: Double
    /// N·D/B: proportional to the time where a step takes as long whatever the batch.
    public var relativeTime: Double
  }

  /// The plan of this size and batch, given as a share of the critical batch; nil where the size cannot reach the loss.
  public static func plan(
    parameters: Double, batchShare: Double, loss: Double, law: ChinchillaLaw
  ) -> Plan? {
    guard let least = law.tokens(parameters: parameters, loss: loss) else { return nil }
    let critical = criticalBatchSequences(leastTokens: least) * sequenceLength
    let batch = batchShare * critical
    let used = tokens(least: least, batch: batch, criticalBatch: critical)
    return Plan(
      parameters: parameters, leastTokens: least, tokens: used, batch: batch, compute: 6 * parameters * used,
      relativeTime: parameters * used / batch)
  }

  /// The plans that no other beats in both compute and time, the cheapest first: sizes from `sizes` and batches from
  /// 0.05 to 4 critical ones.
  public static func paretoPlans(loss: Double, sizes: [Double], law: ChinchillaLaw) -> [Plan] {
    var all: [Plan] = []
    for size in sizes {
      for share in [0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 4] {
        if let plan = plan(parameters: size, batchShare: share, loss: loss, law: law) { all.append(plan) }
      }
    }
    all.sort { ($0.compute, $0.relativeTime) < ($1.compute, $1.relativeTime) }
    var front: [Plan] = []
    for plan in all where plan.relativeTime < front.last?.relativeTime ?? .infinity { front.append(plan) }
    return front
  }
}
