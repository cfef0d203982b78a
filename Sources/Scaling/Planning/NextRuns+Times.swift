extension PowerFit {
  private func value(_ target: [Double], _ candidates: [NextRun], _ count: Int, _ seed: UInt64) -> RunValue? {
    RunValue(samples: samples([target] + candidates.map(\.input), count: count, seed: seed), noise: noise)
  }

  /// Candidates by how much of the variance of the logarithm of a prediction each alone removes for its cost, the best first.
  public func nextRuns(
    target: [Double], candidates: [NextRun], count: Int = 1000, seed: UInt64 = 0
  ) -> [NextRun] {
    value(target, candidates, count, seed).map { NextRun.rank(candidates, $0) } ?? []
  }

  /// Runs that together narrow a prediction most for what they cost, between the least and four times the greatest value of
  /// each input so far; see ``NextRun``.
  /// - Parameters:
  ///   - cost: of a run, by its inputs.
  ///   - most: how many at most.
  ///   - spend: what all may cost; nil for as much as the runs so far.
  ///   - count: resampled fits.
  /// - Throws: `ScalingError` where a run costs nothing.
  public func proposedRuns(
    target: [Double], cost: ([Double]) -> Double, most: Int, spend: Double? = nil, count: Int = 1000, seed: UInt64 = 0
  ) throws(ScalingError) -> [NextRun] {
    var candidates: [NextRun] = []
    for input in NextRun.lattice(ranges, most: 512) {
      let run = NextRun(input: input, cost: cost(input))
      guard run.cost > 0, run.cost.isFinite else {
        throw ScalingError("a run cannot cost \(shown(run.cost)): costs are numbers above 0")
      }
      candidates.append(run)
    }
    let spent = inputs.reduce(0) { $0 + cost($1) }
    return NextRun.choose(
      candidates, value(target, candidates, count, seed).map { [$0] } ?? [], count: most, spend: spend ?? spent)
  }
}

extension StepTimeFit {
  /// Shapes whose steps, once timed, narrow the prediction of a step's time most for their own time; see ``NextRun``.
  ///
  /// They have the vocabulary, the sequences and heads of the target, and depths, widths and tokens between the least measured
  /// and the target's, but no depth or width more than twice what was measured.
  /// - Parameters:
  ///   - shape: the target.
  ///   - tokens: of a step of the target.
  ///   - spend: seconds for a step of each; nil for as much as the runs so far.
  ///   - count: resampled fits.
  /// - Returns: inputs are layers, width, feed-forward width, heads, vocabulary, sequence length and tokens; costs are the
  ///   seconds of a step.
  public func proposedRuns(
    target shape: StepTime.Transformer, tokens: Double, most: Int, spend: Double? = nil, count: Int = 200,
    seed: UInt64 = 0
  ) -> [NextRun] {
    func reach(_ size: (StepTime.Transformer) -> Double) -> Double {
      min(size(shape), 2 * (runs.map { size($0.shape) }.max() ?? 0))
    }
    let all = Set(runs.map(\.tokens) + [tokens]).sorted().filter { $0 >= shape.sequenceLength }
    // The ends and the middle.
    let batches = Set([all.first, all.isEmpty ? nil : all[all.count / 2], all.last].compactMap { $0 }).sorted()
    let shapes = shapes(
      headSize: shape.width / shape.heads, like: shape, upToWidth: reach(\.width), layers: reach(\.layers))
    let asked = Self.thinned(shapes, to: 512 / max(1, batches.count)).flatMap { shape in
      batches.map { Run(shape: shape, tokens: $0, seconds: seconds(shape, tokens: $0)) }
    }
    let candidates = asked.map { run in
      let s = run.shape
      return NextRun(
        input: [s.layers, s.width, s.feedForward, s.heads, s.vocabulary, s.sequenceLength, run.tokens],
        cost: run.seconds)
    }
    let goal = Run(shape: shape, tokens: tokens, seconds: 1)
    let value = RunValue(samples: samples([goal] + asked, count: count, seed: seed), noise: noise)
    return NextRun.choose(
      candidates, value.map { [$0] } ?? [], count: most, spend: spend ?? runs.reduce(0) { $0 + $1.seconds })
  }

  /// An even spread of at most so many, the ends among them.
  private static func thinned(_ shapes: [StepTime.Transformer], to most: Int) -> [StepTime.Transformer] {
    guard shapes.count > most, most > 1 else { return shapes }
    return (0..<most).map { shapes[$0 * (shapes.count - 1) / (most - 1)] }
  }
}
