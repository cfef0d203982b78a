/// A learning rate for every step of a run.
public struct LearningRateSchedule: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case constant, linear, cosine
    /// Warm-up, stable, and a decay over the last part: Hu and others, arXiv 2404.06395, 2024.
    case warmupStableDecay = "wsd"
    /// (1 − t)/(1/2 + (1 − t)/2): Chen, Wolfe & Kyrillidis, "REX", arXiv 2107.04197, 2021.
    case rex
    /// By the tokens seen, with a decay at the end (see ``PowerScheduler``).
    case power
    /// Up and down along cosines: Smith & Topin, arXiv 1708.07120, 2017.
    case oneCycle = "one-cycle"
    /// Divided at milestones.
    case step
  }

  public enum Decay: String, Sendable, CaseIterable {
    case linear, cosine
    /// 1 − √t: Hägele and others, arXiv 2405.18392, 2024.
    case root
    case exponential
  }

  public var kind: Kind
  /// Of each step, the first first.
  public private(set) var rates: [Double]
  public let warmup: Int

  /// - Parameters:
  ///   - peak: the greatest rate; of `power` the cap.
  ///   - steps: of the whole run, warm-up included.
  ///   - warmup: steps in which the rate rises in a line.
  ///   - final: the rate of the last step.
  ///   - decayShare: of `wsd` and `power`: the share of all steps in which the rate falls; of `one-cycle` the rest after
  ///     its rise.
  ///   - milestones: of `step`: shares of the run at which the rate is multiplied by `factor`.
  ///   - batchTokens: of `power`: tokens a step.
  /// - Throws: `ScalingError` naming what is impossible.
  public init(
    _ kind: Kind, peak: Double, steps: Int, warmup: Int = 0, final: Double = 0, decayShare: Double? = nil,
    decay: Decay = .linear, milestones: [Double] = [0.5, 0.75], factor: Double = 0.1, batchTokens: Double? = nil
  ) throws(ScalingError) {
    try requirePositive(peak, "the peak rate")
    guard steps >= 1, steps <= 100_000_000 else {
      throw ScalingError("the schedule has \(steps) steps; it must have 1 to 100 million")
    }
    guard warmup >= 0, warmup < steps else {
      throw ScalingError("a warm-up of \(warmup) steps does not fit into \(steps): it must be shorter")
    }
    guard final.isFinite, final >= 0, final <= peak else {
      throw ScalingError("the final rate is \(shown(final)); it must lie between 0 and the peak of \(shown(peak))")
    }
    let share = decayShare ?? (kind == .oneCycle ? 0.7 : 0.2)
    guard share > 0, share <= 1 else {
      throw ScalingError("the share of the decay is \(shown(share)); it must be above 0 and at most 1")
    }
    guard factor > 0, factor <= 1, milestones.allSatisfy({ $0 > 0 && $0 < 1 }) else {
      throw ScalingError("milestones must lie between 0 and 1, and the factor above 0 and at most 1")
    }
    if decay == .exponential, final <= 0, kind == .warmupStableDecay || kind == .power {
      throw ScalingError("an exponential decay never reaches 0: give a final rate above 0")
    }
    self.kind = kind
    self.warmup = warmup
    rates = []
    rates.reserveCapacity(steps)
    var power = PowerScheduler()
    power.most = peak
    if kind == .power {
      guard let batchTokens else {
        throw ScalingError("the power schedule follows the tokens: give the tokens of a step")
      }
      try requirePositive(batchTokens, "the batch in tokens")
    }
    let tokens = batchTokens ?? 1
    func powerRate(_ step: Int) -> Double {
      power.learningRate(tokensSeen: Double(step) * tokens, batchSequences: tokens / PowerScheduler.sequenceLength)
    }
    let decaySteps = max(1, min(steps - warmup, Int((share * Double(steps)).rounded())))
    let stable = steps - decaySteps
    for step in 1...steps {
      if step <= warmup, kind != .oneCycle {
        let top = kind == .power ? powerRate(warmup) : peak
        rates.append(top * Double(step) / Double(warmup))
        continue
      }
      let t = Double(step - warmup) / Double(steps - warmup)
      let shape: Double
      switch kind {
      case .constant:
        rates.append(peak)
        continue
      case .linear: shape = 1 - t
      case .cosine: shape = (1 + _cos(.pi * t)) / 2
      case .rex: shape = (1 - t) / (0.5 + 0.5 * (1 - t))
      case .step:
        let passed = milestones.count { Double(step) > $0 * Double(steps) }
        rates.append(max(final, peak * _pow(factor, Double(passed))))
        continue
      case .warmupStableDecay, .power:
        let top = kind == .power ? powerRate(min(step, max(stable, 1))) : peak
        let part = step <= stable ? 0 : Double(step - stable) / Double(decaySteps)
        let low = min(final, top)
        rates.append(Self.decayed(top, low, part, decay))
        continue
      case .oneCycle:
        let rise = max(1, Int(((1 - share) * Double(steps)).rounded()))
        let start = peak / 25
        if step <= rise {
          let part = rise == 1 ? 1 : Double(step - 1) / Double(rise - 1)
          rates.append(start + (peak - start) * (1 - _cos(.pi * part)) / 2)
        } else {
          let part = Double(step - rise) / Double(steps - rise)
          rates.append(final + (peak - final) * (1 + _cos(.pi * part)) / 2)
        }
        continue
      }
      rates.append(final + (peak - final) * shape)
    }
  }

  private static func decayed(_ top: Double, _ low: Double, _ part: Double, _ decay: Decay) -> Double {
    switch decay {
    case .linear: low + (top - low) * (1 - part)
    case .cosine: low + (top - low) * (1 + _cos(.pi * part)) / 2
    case .root: low + (top - low) * (1 - part.squareRoot())
    case .exponential: top * _pow(low / top, part)
    }
  }
}

/// A run whose rate rises from step to step, to find the rates that train at all.
///
/// Source: Smith, "Cyclical learning rates for training neural networks", arXiv 1506.01186, 2015.
public struct RangeTest: Sendable, Equatable {
  /// Where the smoothed loss falls most steeply by the logarithm of the rate: a cautious choice.
  public var steepest: Double
  /// A tenth of the rate of the least smoothed loss: about the greatest that is of use.
  public var greatest: Double
  /// The first rate at which the smoothed loss exceeds four times its least; nil while it never does.
  public var divergence: Double?

  /// Rates from `low` to `high` by equal factors.
  public static func rates(from low: Double, to high: Double, steps: Int) throws(ScalingError) -> [Double] {
    try requirePositive(low, "the lowest rate")
    guard high > low, high.isFinite else {
      throw ScalingError("the highest rate must be above the lowest, \(shown(low))")
    }
    guard steps >= 2 else { throw ScalingError("a range test needs at least 2 steps") }
    return (0..<steps).map { low * _pow(high / low, Double($0) / Double(steps - 1)) }
  }

  /// - Parameter smoothing: the weight of the past in the moving average, from 0 to below 1.
  /// - Throws: `ScalingError` for too few steps, or a loss that never falls.
  public init(rates: [Double], losses: [Double], smoothing: Double = 0.9) throws(ScalingError) {
    guard rates.count == losses.count, rates.count >= 10 else {
      throw ScalingError("a range test needs the rates and losses of at least 10 steps, and there are \(rates.count)")
    }
    for (i, rate) in rates.enumerated() where !(rate > 0) || (i > 0 && rate <= rates[i - 1]) {
      throw ScalingError("step \(i + 1): the rates of a range test must be above 0 and rise; this is \(shown(rate))")
    }
    var (average, weight) = (0.0, 0.0)
    var smooth: [Double] = []
    for loss in losses {
      guard loss.isFinite else { break }
      average = smoothing * average + (1 - smoothing) * loss
      weight = smoothing * weight + 1 - smoothing
      smooth.append(average / weight)
    }
    guard let least = smooth.indices.min(by: { smooth[$0] < smooth[$1] }), least > 0 else {
      throw ScalingError("the loss never falls: begin at lower rates")
    }
    divergence = smooth.indices.dropFirst(least).first { smooth[$0] > 4 * abs(smooth[least]) }.map { rates[$0] }
    if divergence == nil, smooth.count < losses.count { divergence = rates[smooth.count] }
    let slopes = (1...least).map { (smooth[$0] - smooth[$0 - 1]) / _log(rates[$0] / rates[$0 - 1]) }
    steepest = rates[(slopes.indices.min { slopes[$0] < slopes[$1] } ?? 0) + 1]
    greatest = rates[least] / 10
  }
}
