/// A run that could be made next, and what it would be worth.
public struct NextRun: Sendable, Equatable {
  /// Where it would be made, such as N and D.
  public var input: [Double]
  /// In any unit that is the same for all.
  public var cost: Double
  /// The share of the variance of the prediction that it is expected to remove, of what those before it in a list leave
  /// when they were chosen together.
  public var reduction: Double

  public init(input: [Double], cost: Double, reduction: Double = 0) {
    self.input = input
    self.cost = cost
    self.reduction = reduction
  }
}

/// What is known of a prediction and of the outcomes of candidate runs: how they move together among fits to resampled rows.
///
/// As of jointly normal numbers, observing an outcome removes cov²/(var + σ²) of the prediction's variance, σ being the
/// deviation of the residuals, and changes all covariances by Schur's complement. A run may have several outcomes.
struct RunValue {
  private var covariance: [[Double]]
  private let noise: Double
  private let outcomes: Int

  /// - Parameters:
  ///   - samples: one list for the prediction, then one an outcome of each candidate; a number a fit.
  ///   - noise: the variance of an outcome about the law.
  ///   - outcomes: of each candidate.
  init?(samples: [[Double]], noise: Double, outcomes: Int = 1) {
    guard let count = samples.first?.count, count > 2 else { return nil }
    let centred = samples.map { list in
      let mean = list.reduce(0, +) / Double(count)
      return list.map { $0 - mean }
    }
    covariance = centred.map { a in
      centred.map { b in zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } / Double(count - 1) }
    }
    self.noise = noise
    self.outcomes = outcomes
    guard covariance[0][0] > 0 else { return nil }
  }

  /// The rows of a candidate's outcomes.
  private func rows(_ candidate: Int) -> Range<Int> { 1 + candidate * outcomes..<1 + (candidate + 1) * outcomes }

  /// The share of the present variance that a candidate would remove.
  func reduction(_ candidate: Int) -> Double {
    guard covariance[0][0] > 0 else { return 0 }
    let own = [0] + rows(candidate)
    var part = own.map { i in own.map { covariance[i][$0] } }
    for i in 1..<own.count { observe(i, &part) }
    return min(1, max(0, 1 - part[0][0] / covariance[0][0]))
  }

  private func observe(_ outcome: Int, _ covariance: inout [[Double]]) {
    let row = covariance[outcome]
    let variance = max(row[outcome] + noise, 1e-300)
    for i in covariance.indices { for j in covariance.indices { covariance[i][j] -= row[i] * row[j] / variance } }
  }

  /// As if a candidate had been run.
  mutating func observe(_ candidate: Int) {
    var changed = covariance
    for row in rows(candidate) { observe(row, &changed) }
    covariance = changed
  }
}

extension NextRun {
  /// Runs that narrow predictions most for what they cost, chosen one after the other, each knowing those before.
  ///
  /// Of the candidates that can still be paid and remove at least half as much as the best of them, the one that removes
  /// most for its cost: without the first condition the smallest runs would always win.
  /// - Parameters:
  ///   - values: one a prediction, whose shares are averaged; the same candidates each.
  ///   - count: the most that are chosen.
  ///   - spend: what all may cost.
  static func choose(_ candidates: [NextRun], _ values: [RunValue], count: Int, spend: Double) -> [NextRun] {
    var values = values
    var left = spend
    var chosen: [NextRun] = []
    guard !values.isEmpty else { return [] }
    while chosen.count < count {
      let worth = candidates.indices.filter { candidates[$0].cost <= left }.map { i in
        (i, values.reduce(0) { $0 + $1.reduction(i) } / Double(values.count))
      }
      guard let most = worth.map(\.1).max(), most > 1e-6,
        let best = worth.filter({ $0.1 >= most / 2 })
          .max(by: { $0.1 / candidates[$0.0].cost < $1.1 / candidates[$1.0].cost })
      else { break }
      var run = candidates[best.0]
      run.reduction = best.1
      chosen.append(run)
      left -= run.cost
      for i in values.indices { values[i].observe(best.0) }
    }
    return chosen
  }

  /// Points between the least and four times the greatest value of each input, by factors from the least: of 2, or of the
  /// power of 2 that leaves no more points than `most`.
  static func lattice(_ ranges: [ClosedRange<Double>], most: Int = 2000) -> [[Double]] {
    var factor = 2.0
    func steps(_ range: ClosedRange<Double>) -> Int {
      max(0, Int(_log10(4 * range.upperBound / range.lowerBound) / _log10(factor) + 1e-9))
    }
    while factor < 1e6, ranges.reduce(1, { $0 * Double(steps($1) + 1) }) > Double(most) { factor *= 2 }
    return ranges.reduce([[]]) { points, range in
      points.flatMap { point in (0...steps(range)).map { point + [range.lowerBound * _pow(factor, Double($0))] } }
    }
  }

  /// Candidates with the share of a prediction's variance that each alone removes, the best for its cost first.
  static func rank(_ candidates: [NextRun], _ value: RunValue) -> [NextRun] {
    candidates.enumerated().map { i, candidate in
      var run = candidate
      run.reduction = value.reduction(i)
      return run
    }.sorted { $0.reduction / $0.cost > $1.reduction / $1.cost }
  }
}

extension CurveFamily {
  /// What a run costs: training FLOP where N and D tell them; nil where the inputs do not tell.
  public func cost(_ input: [Double]) -> Double? {
    switch self {
    case .chinchilla: 6 * input[0] * input[1]
    // The same steps at any size.
    case .muScaling, .routed: input[0]
    case .parallel: input[0] * input[1]
    case .setting: 6 * input[0] * 20 * input[0] * input[1]
    case .criticalBatch, .annealing: nil
    }
  }
}

extension FittedCurve {
  private var noise: Double {
    zip(inputs, values).reduce(0) { sum, row in
      let r = predict(row.0) - row.1
      return sum + r * r
    } / Double(max(1, values.count - parameters.count))
  }

  /// Candidates by how much of the variance of a prediction each alone removes for its cost, the best first.
  public func nextRuns(
    target: [Double], candidates: [NextRun], count: Int = 200, seed: UInt64 = 0
  ) -> [NextRun] {
    guard
      let value = RunValue(
        samples: samples([target] + candidates.map(\.input), count: count, seed: seed), noise: noise)
    else { return [] }
    return NextRun.rank(candidates, value)
  }

  /// Runs that together narrow a prediction most for what they cost, of sizes from the smallest to four times the greatest
  /// so far; see ``NextRun``.
  /// - Parameters:
  ///   - most: how many at most.
  ///   - spend: what all may cost, in the unit of `CurveFamily.cost`; nil for as much as the runs so far.
  ///   - count: resampled fits.
  /// - Throws: `ScalingError` for a family whose inputs do not tell what a run costs.
  public func proposedRuns(
    target: [Double], most: Int, spend: Double? = nil, count: Int = 200, seed: UInt64 = 0
  ) throws(ScalingError) -> [NextRun] {
    var candidates: [NextRun] = []
    for point in NextRun.lattice(ranges) {
      guard let cost = family.cost(point) else {
        throw ScalingError(
          "what a run costs does not follow from \(family.inputs.joined(separator: " and ")): name candidates with their costs"
        )
      }
      candidates.append(NextRun(input: point, cost: cost))
    }
    let spent = inputs.reduce(0) { $0 + (family.cost($1) ?? 0) }
    let samples = samples([target] + candidates.map(\.input), count: count, seed: seed)
    return NextRun.choose(
      candidates, RunValue(samples: samples, noise: noise).map { [$0] } ?? [], count: most, spend: spend ?? spent)
  }
}

extension SettingsFit {
  /// Sizes at which further runs narrow the laws' predictions most for their 6·N·D, from the smallest to four times the
  /// greatest so far; see ``NextRun``.
  /// - Parameters:
  ///   - runsEach: how many are made at a size.
  ///   - spend: training FLOP for all; nil for as much as the runs so far.
  public func proposedRuns(
    parameters: Double, tokens: Double, most: Int, runsEach: Int, spend: Double? = nil, count: Int = 200,
    seed: UInt64 = 0
  ) -> [NextRun] {
    let all = [cells.map(\.parameters), cells.map(\.tokens)]
    let candidates = NextRun.lattice(all.map { ($0.min() ?? 1)...($0.max() ?? 1) }).map {
      NextRun(input: $0, cost: 6 * $0[0] * $0[1] * Double(runsEach))
    }
    let points = [[parameters, tokens]] + candidates.map(\.input)
    let fits = resampledByCell(count: count, seed: seed)
    let values = laws.indices.compactMap { i -> RunValue? in
      let law = laws[i]
      let place = names.firstIndex(of: law.setting) ?? 0
      let noise =
        nearBest.reduce(0) { sum, run in
          let r = _log(run.settings[place]) - _log(law.predict(parameters: run.parameters, tokens: run.tokens))
          return sum + r * r
        } / Double(max(1, nearBest.count - 3))
      return RunValue(
        samples: points.map { point in fits.map { _log($0[i].predict(parameters: point[0], tokens: point[1])) } },
        noise: noise)
    }
    let spent = cells.reduce(0) { $0 + 6 * $1.parameters * $1.tokens * Double($1.runs.count) }
    return NextRun.choose(candidates, values, count: most, spend: spend ?? spent)
  }
}
