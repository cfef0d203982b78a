import TrimtabNumerics

/// A run by a schedule that could be made next, of the same model, data and batch, and what it would be worth.
public struct NextSchedule: Sendable, Equatable {
  public var kind: LearningRateSchedule.Kind
  public var peak: Double
  public var final: Double
  public var warmup: Int
  public var steps: Int
  /// The share of the variance of the final loss asked for that it is expected to remove, of what those before it in a list
  /// leave.
  public var reduction: Double
}

extension AnnealingFit {
  /// Residuals of neighbouring steps are alike, so that not steps are resampled but parts of curves: so many of each.
  static let partsEach = 8
  /// Of a curve that could be made next its loss counts at so many even places, the last step among them.
  static let outcomes = 4
  /// Schedules that are candidates.
  static let kinds: [LearningRateSchedule.Kind] = [.constant, .linear, .cosine, .warmupStableDecay]

  /// Consecutive rows of each curve.
  private var blocks: [Range<Int>] {
    parts.flatMap { part -> [Range<Int>] in
      let count = min(Self.partsEach, part.count)
      return (0..<count).map { i in
        part.lowerBound + i * part.count / count..<part.lowerBound + (i + 1) * part.count / count
      }
    }
  }

  /// The laws that are fitted to resampled parts of the curves.
  func resampled(count: Int, seed: UInt64) -> [AnnealingLaw] {
    let blocks = blocks
    return (0..<count).compactMap { sample in
      var stream = RandomStream(seed: seed, purpose: stableHash("scaling-bootstrap"), index: UInt64(sample))
      let rows = blocks.indices.flatMap { _ in Array(blocks[stream.index(below: blocks.count)]) }
      guard let p = curve.refitted(rows).map(curve.family.named) else { return nil }
      return AnnealingLaw(floor: p[0], a: p[1], alpha: p[2], c: p[3], fade: law.fade)
    }
  }

  /// The final loss of a schedule, and the middle 95 % of those that fits to resampled parts of the curves predict.
  /// - Parameters:
  ///   - rates: of every step, of a schedule that `AnnealingLaw.check` accepts.
  ///   - count: resampled fits.
  public func finalLoss(
    _ rates: [Double], warmup: Int, count: Int = 200, seed: UInt64 = 0
  ) -> (loss: Double, interval: ClosedRange<Double>) {
    let places = places(rates, warmup: warmup, outcomes: 1)
    return (loss(law, places[0]), Self.middle(resampled(count: count, seed: seed).map { loss($0, places[0]) }))
  }

  /// The middle 95 % of L0, A, α and C of fits to resampled parts of the curves.
  public func intervals(count: Int = 200, seed: UInt64 = 0) -> [ClosedRange<Double>] {
    let laws = resampled(count: count, seed: seed)
    return [\AnnealingLaw.floor, \.a, \.alpha, \.c].map { parameter in Self.middle(laws.map { $0[keyPath: parameter] })
    }
  }

  private static func middle(_ values: [Double]) -> ClosedRange<Double> {
    let sorted = values.filter(\.isFinite).sorted()
    return sorted.isEmpty
      ? -.infinity ... .infinity : sortedQuantile(sorted, 0.025)...sortedQuantile(sorted, 0.975)
  }

  private func loss(_ law: AnnealingLaw, _ place: (sum: Double, area: Double)) -> Double {
    law.loss(sum: place.sum, annealing: max(0, place.area))
  }

  /// S1 and S2 at even places after the warm-up, the last step among them.
  private func places(_ rates: [Double], warmup: Int, outcomes: Int) -> [(sum: Double, area: Double)] {
    let (sums, areas) = AnnealingLaw.areas(rates, warmup: warmup, fade: law.fade)
    return (1...outcomes).map { i in
      let step = min(rates.count, warmup + i * (rates.count - warmup) / outcomes)
      return (sums[max(0, step - 1)], areas[max(0, step - 1)])
    }
  }

  /// Schedules whose curves together narrow a final loss most for their steps; see ``NextRun``.
  ///
  /// They are constant, linear, cosine and warmup-stable-decay, with the peak, final rate and warm-up of the target, and the
  /// eighth, quarter, half or all of its steps.
  /// - Parameters:
  ///   - rates: of every step of the target.
  ///   - most: how many at most.
  ///   - spend: steps for all; nil for as many as the curves so far have.
  ///   - count: resampled fits.
  /// - Throws: `ScalingError` for a schedule on which the law has no meaning.
  public func proposedSchedules(
    target rates: [Double], warmup: Int, most: Int, spend: Double? = nil, count: Int = 200, seed: UInt64 = 0
  ) throws(ScalingError) -> [NextSchedule] {
    try AnnealingLaw.check(rates, warmup: warmup)
    let peak = rates.max() ?? 0
    // The law cannot tell what a rate of 0 does.
    let last = rates.last ?? 0
    let final = last > 0 && last < peak ? last : peak / 10
    var candidates: [NextSchedule] = []
    var all: [[(sum: Double, area: Double)]] = []
    for part in [8, 4, 2, 1] where rates.count / part >= max(2 * warmup, 2 * Self.outcomes) {
      for kind in Self.kinds {
        let steps = rates.count / part
        let schedule = try LearningRateSchedule(kind, peak: peak, steps: steps, warmup: warmup, final: final)
        candidates.append(
          NextSchedule(
            kind: kind, peak: peak, final: kind == .constant ? peak : final, warmup: warmup, steps: steps, reduction: 0)
        )
        all.append(places(schedule.rates, warmup: warmup, outcomes: Self.outcomes))
      }
    }
    let goal = places(rates, warmup: warmup, outcomes: 1)
    let laws = resampled(count: count, seed: seed)
    let samples = (goal + all.flatMap { $0 }).map { place in laws.map { _log(loss($0, place)) } }
    // A fit whose loss is no number anywhere counts nowhere.
    let kept = laws.indices.filter { i in samples.allSatisfy { $0[i].isFinite } }
    let value = RunValue(
      samples: samples.map { list in kept.map { list[$0] } }, noise: noise, outcomes: Self.outcomes)
    let chosen = NextRun.choose(
      candidates.indices.map { NextRun(input: [Double($0)], cost: Double(candidates[$0].steps)) },
      value.map { [$0] } ?? [], count: most, spend: spend ?? Double(steps))
    return chosen.map { run in
      var schedule = candidates[Int(run.input[0])]
      schedule.reduction = run.reduction
      return schedule
    }
  }

  /// The variance of the mean residual of a part of a curve, in logarithms.
  private var noise: Double {
    let means = blocks.map { block in
      block.reduce(0) { sum, row in
        sum + (_log(curve.values[row]) - _log(curve.predict(curve.inputs[row]))) / Double(block.count)
      }
    }
    return means.reduce(0) { $0 + $1 * $1 } / Double(max(1, means.count - curve.parameters.count))
  }
}
