/// A curve of losses with the rates it was trained by, as logged: not necessarily at every step.
public struct LoggedCurve: Sendable {
  public let name: String
  public let steps: [Int]
  public let losses: [Double]
  public let warmup: Int
  /// Of every step up to the last logged one.
  public let rates: [Double]

  /// Before the first logged step the rate rises in a line over the warm-up, and stays.
  /// - Parameters:
  ///   - isStepped: whether the rate holds until the next logged step, as where it falls at once, instead of being joined
  ///     by lines.
  ///   - steps: rising, from 1 on.
  ///   - warmup: steps.
  /// - Throws: `ScalingError` naming the curve and row.
  public init(name: String, steps: [Int], rates: [Double], losses: [Double], warmup: Int, isStepped: Bool = false)
    throws(ScalingError)
  {
    guard steps.count == rates.count, steps.count == losses.count, steps.count >= 2 else {
      throw ScalingError("the curve '\(name)' has \(steps.count) points; at least 2 are needed")
    }
    guard warmup >= 0 else { throw ScalingError("a warm-up of \(warmup) steps is impossible") }
    for i in steps.indices {
      guard losses[i].isFinite, losses[i] > 0 else {
        throw ScalingError(
          "the curve '\(name)': the loss at step \(steps[i]) is \(shown(losses[i])); it must be above 0")
      }
    }
    self.name = name
    self.steps = steps
    self.losses = losses
    self.warmup = warmup
    self.rates = try Self.rates(name: name, steps: steps, rates: rates, warmup: warmup, isStepped: isStepped)
  }

  /// The rates of every step up to the last logged one, as ``init(name:steps:rates:losses:warmup:isStepped:)`` takes them.
  /// - Throws: `ScalingError` for steps that do not rise, and for schedules on which the annealing law has no meaning.
  public static func rates(
    name: String, steps: [Int], rates: [Double], warmup: Int, isStepped: Bool = false
  ) throws(ScalingError) -> [Double] {
    guard steps.count == rates.count, steps.count >= 2, warmup >= 0 else {
      throw ScalingError("the curve '\(name)' has \(steps.count) points; at least 2 are needed")
    }
    for i in steps.indices {
      guard steps[i] > (i == 0 ? 0 : steps[i - 1]), steps[i] <= 100_000_000 else {
        throw ScalingError("the curve '\(name)': its steps must rise from 1 on; number \(i + 1) is \(steps[i])")
      }
      guard rates[i].isFinite, rates[i] >= 0 else {
        throw ScalingError(
          "the curve '\(name)': the rate at step \(steps[i]) is \(shown(rates[i])); it must be 0 or more")
      }
    }
    var all: [Double] = []
    all.reserveCapacity(steps[steps.count - 1])
    for step in 1...steps[0] {
      all.append(warmup > 0 ? rates[0] * min(1, Double(step) / Double(min(warmup, steps[0]))) : rates[0])
    }
    for i in 1..<steps.count {
      let span = Double(steps[i] - steps[i - 1])
      for step in (steps[i - 1] + 1)...steps[i] {
        let part = isStepped ? (step == steps[i] ? 1 : 0) : Double(step - steps[i - 1]) / span
        all.append(rates[i - 1] + part * (rates[i] - rates[i - 1]))
      }
    }
    try AnnealingLaw.check(all, warmup: warmup)
    return all
  }

  /// S1 and S2 at each logged step.
  func inputs(fade: Double) -> [[Double]] {
    let (sums, areas) = AnnealingLaw.areas(rates, warmup: warmup, fade: fade)
    return steps.map { [sums[$0 - 1], max(0, areas[$0 - 1])] }
  }
}

/// ``AnnealingLaw`` fitted to one or two curves, which then predicts other schedules of the same model, data and batch.
public struct AnnealingFit: Sendable {
  public let law: AnnealingLaw
  public let curve: FittedCurve
  /// The rows of the fit that belong to each curve.
  let parts: [Range<Int>]
  /// Steps of all curves together.
  let steps: Int

  /// - Parameter fade: λ; nil chooses among 0.99, 0.995, 0.999 and 0.9995 by the fit's error.
  public init(_ curves: [LoggedCurve], fade: Double? = 0.999) throws(ScalingError) {
    var best: (FittedCurve, Double)?
    let values = curves.flatMap { curve in zip(curve.steps, curve.losses).filter { $0.0 >= curve.warmup }.map(\.1) }
    for candidate in fade.map({ [$0] }) ?? [0.99, 0.995, 0.999, 0.9995] {
      guard candidate > 0, candidate < 1 else {
        throw ScalingError("the fading is \(shown(candidate)); it must lie between 0 and 1, such as 0.999")
      }
      let inputs = curves.flatMap { curve in
        zip(curve.steps, curve.inputs(fade: candidate)).filter { $0.0 >= curve.warmup }.map(\.1)
      }
      let fit = try FittedCurve(.annealing, inputs: inputs, values: values)
      if fit.objective < best?.0.objective ?? .infinity { best = (fit, candidate) }
    }
    guard let (curve, fade) = best else { throw ScalingError("no fading fits these curves") }
    self.curve = curve
    var first = 0
    parts = curves.map { curve in
      let start = first
      first += curve.steps.count { $0 >= curve.warmup }
      return start..<first
    }
    steps = curves.reduce(0) { $0 + ($1.steps.last ?? 0) }
    let p = curve.parameters
    law = AnnealingLaw(floor: p[0], a: p[1], alpha: p[2], c: p[3], fade: fade)
  }

  /// The law's loss at each logged step of a curve.
  public func losses(_ curve: LoggedCurve) -> [Double] {
    curve.inputs(fade: law.fade).map { law.loss(sum: $0[0], annealing: $0[1]) }
  }

  /// The relative error at each logged step of another curve.
  public func errors(_ other: LoggedCurve) -> [Double] { zip(losses(other), other.losses).map { abs($0 / $1 - 1) } }

  /// The loss at the last logged step.
  public func finalLoss(_ other: LoggedCurve) -> Double {
    losses(other).last ?? .nan
  }
}
