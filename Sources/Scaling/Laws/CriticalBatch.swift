/// The batch beyond which twice the batch no longer nearly halves the steps.
///
/// Source: Zhang, Morwani, Vyas, Wu, Zou, Ghai, Foster & Kakade, "How does critical batch size scale in pre-training?",
/// arXiv 2410.21676, 2024.
public enum CriticalBatch {
  /// B* = 93.1968 · (N/10⁶)^0.468278, in sequences of 512 tokens, for D = 20 N. It grows with D rather than N.
  public static func sequences(parameters: Double) -> Double { 93.1968 * _pow(parameters / 1e6, 0.468278) }

  public static let sequenceLength = 512.0

  /// S(B) = a + b/B: steps to reach a loss at a batch.
  public struct Hyperbola: Sendable, Equatable {
    public var a: Double
    public var b: Double

    public init(a: Double, b: Double) {
      self.a = a
      self.b = b
    }

    /// The batch at which 20 % more steps are needed than linear scaling from `reference` promises:
    /// b/(5a) + 1.2·reference.
    public func batchAtOverhead(reference: Double) -> Double { b / (5 * a) + 1.2 * reference }

    /// b/a: the batch at which both the tokens and the steps are twice their least.
    public var balanced: Double { b / a }
  }
}

/// Adam's settings at another batch.
///
/// Source: Marek, Lotfi, Somasundaram, Wilson & Goldblum, "Small batch size training for language models",
/// arXiv 2507.07101, 2025.
public enum SmallBatch {
  /// The half-life in tokens that worked from 1 to 4096 sequences.
  public static let halfLife = 1e7
  /// The rate grows more slowly than the root of the batch: from peaks tuned between 1 and 1024 sequences.
  public static let learningRateExponent = 0.176

  /// B·ln(1/2)/ln β: tokens until a gradient's share has halved.
  public static func halfLife(beta: Double, batch: Double) -> Double { batch * _log(0.5) / _log(beta) }

  /// (1/2)^(B/t).
  public static func beta(halfLife: Double, batch: Double) -> Double { _pow(0.5, batch / halfLife) }

  /// β^(B′/B): the same half-life at another batch.
  public static func beta(_ beta: Double, at batch: Double, for other: Double) -> Double {
    _pow(beta, other / batch)
  }
}

/// AdamW runs of equal η·λ have equal curves, once enough steps have passed.
///
/// Source: Li, Chen, Wen, Zhu & Zhou, arXiv 2509.25049, 2025; one 164M model.
public enum TrajectoryInvariance {
  /// Which of the two is worth tuning.
  public enum Direction: String, Sendable {
    /// η·λ: fix the rate, sweep the decay.
    case product = "rate × decay"
    /// η: fix the decay, sweep the rate.
    case rate
  }

  /// A short run of the little grid.
  public struct Run: Sendable {
    public var learningRate: Double
    public var weightDecay: Double
    /// Losses at the same steps in all runs.
    public var losses: [Double]

    public init(learningRate: Double, weightDecay: Double, losses: [Double]) {
      self.learningRate = learningRate
      self.weightDecay = weightDecay
      self.losses = losses
    }
  }

  /// 1/(η·λ): the optimiser's memory in steps.
  public static func memory(learningRate: Double, weightDecay: Double) -> Double { 1 / (learningRate * weightDecay) }

  /// Along which runs overlap: the mean relative distance of losses over the last third, of pairs of equal product
  /// beside pairs of equal rate.
  /// - Throws: `ScalingError` when there are no such pairs, or the runs have different lengths.
  public static func salientDirection(
    _ runs: [Run]
  ) throws(ScalingError) -> (direction: Direction, productDistance: Double, rateDistance: Double) {
    guard let count = runs.first?.losses.count, count >= 3, runs.allSatisfy({ $0.losses.count == count }) else {
      throw ScalingError("the runs need losses at the same steps, at least 3 each")
    }
    var sums = [(0.0, 0), (0.0, 0)]
    for i in runs.indices {
      for j in runs.indices where j > i {
        let (a, b) = (runs[i], runs[j])
        var distance = 0.0
        for k in (count - count / 3)..<count {
          distance += 2 * abs(a.losses[k] - b.losses[k]) / (a.losses[k] + b.losses[k])
        }
        distance /= Double(count / 3)
        let isSameRate = abs(a.learningRate / b.learningRate - 1) < 1e-6
        let isSameProduct = abs(a.learningRate * a.weightDecay / (b.learningRate * b.weightDecay) - 1) < 1e-6
        if isSameProduct, !isSameRate { sums[0] = (sums[0].0 + distance, sums[0].1 + 1) }
        if isSameRate, !isSameProduct { sums[1] = (sums[1].0 + distance, sums[1].1 + 1) }
      }
    }
    guard sums[0].1 > 0, sums[1].1 > 0 else {
      throw ScalingError(
        "no two runs share η·λ, or none share η: run a 3 × 3 grid whose steps in η and λ are equal factors")
    }
    let distances = sums.map { $0.0 / Double($0.1) }
    return (distances[0] <= distances[1] ? .product : .rate, distances[0], distances[1])
  }
}
