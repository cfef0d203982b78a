/// The loss at every step of any learning-rate schedule: L(s) = L0 + A·S1^−α − C·S2.
///
/// S1 is the sum of the rates so far, warm-up included; S2 the area of annealing: each fall of the rate counts with a momentum
/// that fades by λ a step. It is not bounded for greater rates, and steps at rate 0 change it: only schedules that do not
/// rise after the warm-up and do not end in a row of zeros can be compared by it.
///
/// Source: Tissue, Wang & Wang, "Scaling law with learning rate annealing", arXiv 2408.11029, 2024.
public struct AnnealingLaw: Sendable, Equatable {
  public var floor: Double
  public var a: Double
  public var alpha: Double
  public var c: Double
  /// λ, the share of a fall's momentum that is left a step later; 0.99 to 0.9995 are useful.
  public var fade: Double

  public init(floor: Double, a: Double, alpha: Double, c: Double, fade: Double = 0.999) {
    self.floor = floor
    self.a = a
    self.alpha = alpha
    self.c = c
    self.fade = fade
  }

  /// Fits to a constant and a cosine curve each of three sizes of model, published with the multi-power law (Luo and others,
  /// arXiv 2503.12811): peak 3e-4, 2160 steps of warm-up, 24,000 steps, floors of a tenth.
  public static let published: [(parameters: Double, law: AnnealingLaw)] = [
    (2.5e7, AnnealingLaw(floor: 3.1640, a: 0.5094, alpha: 0.5239, c: 0.4062)),
    (1e8, AnnealingLaw(floor: 2.7899, a: 0.5915, alpha: 0.4560, c: 0.4801)),
    (4e8, AnnealingLaw(floor: 2.5371, a: 0.6394, alpha: 0.4300, c: 0.5729)),
  ]
  /// Steps of the warm-up of those curves.
  public static let publishedWarmup = 2160

  /// S1 and S2 after each step.
  /// - Parameters:
  ///   - rates: of each step, the first first.
  ///   - warmup: steps at the beginning whose changes of the rate do not count.
  public static func areas(
    _ rates: [Double], warmup: Int = 0, fade: Double = 0.999
  ) -> (sum: [Double], annealing: [Double]) {
    var sums: [Double] = []
    var areas: [Double] = []
    sums.reserveCapacity(rates.count)
    areas.reserveCapacity(rates.count)
    var (sum, area, momentum) = (0.0, 0.0, 0.0)
    for (i, rate) in rates.enumerated() {
      sum += rate
      momentum = fade * momentum + (i > 0 && i >= warmup ? rates[i - 1] - rate : 0)
      area += momentum
      sums.append(sum)
      areas.append(area)
    }
    return (sums, areas)
  }

  public func loss(sum: Double, annealing: Double) -> Double { floor + a * _pow(sum, -alpha) - c * annealing }

  /// The losses after each step.
  /// - Throws: `ScalingError` for schedules on which the law has no meaning.
  public func losses(_ rates: [Double], warmup: Int = 0) throws(ScalingError) -> [Double] {
    try Self.check(rates, warmup: warmup)
    let (sums, areas) = Self.areas(rates, warmup: warmup, fade: fade)
    return zip(sums, areas).map { loss(sum: $0, annealing: $1) }
  }

  /// - Throws: `ScalingError` naming the step at which the rate is negative, rises after the warm-up, or stays at 0.
  public static func check(_ rates: [Double], warmup: Int) throws(ScalingError) {
    guard rates.contains(where: { $0 > 0 }) else { throw ScalingError("the schedule has no step with a rate above 0") }
    for (i, rate) in rates.enumerated() {
      guard rate.isFinite, rate >= 0 else {
        throw ScalingError("the rate of step \(i + 1) is \(shown(rate)); it must be 0 or more")
      }
      if i > warmup, rate > rates[i - 1] * (1 + 1e-9) {
        throw ScalingError(
          "the rate rises at step \(i + 1), after the warm-up of \(warmup) steps: the law holds for rates that only fall "
            + "then")
      }
    }
    if rates.count >= 2, rates[rates.count - 1] == 0, rates[rates.count - 2] == 0 {
      throw ScalingError("the schedule ends in steps at rate 0, whose loss the law cannot tell: cut them off")
    }
  }
}

/// The multi-power law, which repairs part of what ``AnnealingLaw`` gets wrong:
/// L = L0 + A·(S1 + S_W)^−α − B·Σ(η_{k−1} − η_k)·(1 − (C·η_k^−γ·S_k + 1)^−β), S_k the sum of the rates from step k on.
///
/// Source: Luo and others, arXiv 2503.12811, 2025.
public struct MultiPowerLaw: Sendable, Equatable {
  public var floor: Double
  public var a: Double
  public var alpha: Double
  public var b: Double
  public var c: Double
  public var beta: Double
  public var gamma: Double

  public init(floor: Double, a: Double, alpha: Double, b: Double, c: Double, beta: Double, gamma: Double) {
    self.floor = floor
    self.a = a
    self.alpha = alpha
    self.b = b
    self.c = c
    self.beta = beta
    self.gamma = gamma
  }

  /// The fit to 100M models that the authors publish.
  public static let published100M = MultiPowerLaw(
    floor: 2.651, a: 0.601, alpha: 0.453, b: 437.9, c: 2.132, beta: 0.598, gamma: 0.655)

  /// The loss after the last of the rates.
  /// - Parameters:
  ///   - rates: after the warm-up.
  ///   - warmupSum: the sum of the rates of the warm-up.
  public func finalLoss(_ rates: [Double], warmupSum: Double) -> Double {
    var rest = 0.0
    var gain = 0.0
    for k in rates.indices.reversed() {
      rest += rates[k]
      guard k > 0, rates[k] > 0 else { continue }
      let fall = rates[k - 1] - rates[k]
      if fall != 0 { gain += fall * (1 - _pow(c * _pow(rates[k], -gamma) * rest + 1, -beta)) }
    }
    return floor + a * _pow(rest + warmupSum, -alpha) - b * gain
  }
}
