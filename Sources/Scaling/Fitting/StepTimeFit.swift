import TrimtabNumerics

/// The time of a training step by architecture: t = k₀ + k₁·M + k₂·C, no k below 0, fitted with weights 1/t².
///
/// M are the elements that a step moves to and from memory, 3 times those of a forward pass and 7 for each parameter
/// (Adam reads four numbers and writes three); C are its FLOP, 6 for each parameter and token. That the elements tell the time
/// better than the FLOP is the claim of Inbar & Sernau, "Time matters", arXiv 2406.18922, 2024; the counts are Trimtab's own.
public struct StepTimeFit: Sendable {
  public struct Run: Sendable, Equatable {
    public var shape: StepTime.Transformer
    /// Of a step.
    public var tokens: Double
    public var seconds: Double

    public init(shape: StepTime.Transformer, tokens: Double, seconds: Double) {
      self.shape = shape
      self.tokens = tokens
      self.seconds = seconds
    }
  }

  /// k₀ in seconds, k₁ in seconds an element, k₂ in seconds a FLOP.
  public let coefficients: [Double]
  /// Of the seconds, by elements alone (with k₀), and by FLOP alone.
  public let r2Elements: Double
  public let r2Compute: Double
  public let meanError: Double
  public let worstError: Double
  public let isAttentionFused: Bool
  let runs: [Run]

  /// - Throws: `ScalingError` for fewer than 8 architectures and impossible numbers.
  public init(_ runs: [Run], isAttentionFused: Bool) throws(ScalingError) {
    for (i, run) in runs.enumerated() {
      let s = run.shape
      for (name, value) in [
        ("layers", s.layers), ("width", s.width), ("feed_forward", s.feedForward), ("heads", s.heads),
        ("vocabulary", s.vocabulary), ("sequence", s.sequenceLength), ("tokens", run.tokens), ("seconds", run.seconds),
      ] {
        guard value.isFinite, value > 0 else {
          throw ScalingError("row \(i + 1): \(name) is \(shown(value)); it must be a number above 0")
        }
      }
      guard run.tokens >= s.sequenceLength else {
        throw ScalingError(
          "row \(i + 1): a step of \(shown(run.tokens)) tokens holds no sequence of \(shown(s.sequenceLength)): tokens are "
            + "wanted, not sequences")
      }
    }
    let shapes = runs.reduce(into: [StepTime.Transformer]()) { if !$0.contains($1.shape) { $0.append($1.shape) } }
    guard shapes.count >= 8 else {
      throw ScalingError(
        "\(shapes.count) different architectures are too few to tell what takes time: at least 8 are needed, of several "
          + "depths and widths")
    }
    self.runs = runs
    self.isAttentionFused = isAttentionFused
    let features = runs.map { Self.features($0.shape, tokens: $0.tokens, isAttentionFused) }
    let seconds = runs.map(\.seconds)
    let all = Array(runs.indices)
    guard let found = Self.solve(features, seconds, all, [0, 1, 2]) else {
      throw ScalingError("no law of time fits these runs: are the seconds those of a step?")
    }
    coefficients = found
    let errors = all.map { abs(Self.value(found, features[$0]) / seconds[$0] - 1) }
    meanError = errors.reduce(0, +) / Double(errors.count)
    worstError = errors.max() ?? .nan
    let mean = seconds.reduce(0, +) / Double(seconds.count)
    func r2(_ terms: [Int]) -> Double {
      guard let k = Self.solve(features, seconds, all, terms) else { return .nan }
      let rest = all.reduce(0) { sum, i in
        let r = Self.value(k, features[i]) - seconds[i]
        return sum + r * r
      }
      return 1 - rest / max(seconds.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }, 1e-300)
    }
    (r2Elements, r2Compute) = (r2([0, 1]), r2([0, 2]))
  }

  /// 1, elements and FLOP of a training step.
  private static func features(_ shape: StepTime.Transformer, tokens: Double, _ isFused: Bool) -> [Double] {
    [
      1, 3 * shape.elementsMoved(tokens: tokens, isAttentionFused: isFused) + 7 * shape.parameters,
      6 * shape.parameters * tokens,
    ]
  }

  private static func value(_ k: [Double], _ features: [Double]) -> Double {
    zip(k, features).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Least squares with weights 1/t² and no coefficient below 0: the best of all subsets of the terms that has none.
  private static func solve(_ features: [[Double]], _ seconds: [Double], _ rows: [Int], _ terms: [Int]) -> [Double]? {
    var best: (k: [Double], square: Double)?
    for mask in 1..<(1 << terms.count) {
      let used = terms.enumerated().filter { mask >> $0.offset & 1 == 1 }.map(\.element)
      // About 1 each, since they differ by many powers of ten.
      let scales = used.map { j in rows.reduce(0) { max($0, features[$1][j] / seconds[$1]) } }
      var matrix = used.map { _ in [Double](repeating: 0, count: used.count) }
      var right = [Double](repeating: 0, count: used.count)
      for row in rows {
        let x = zip(used, scales).map { features[row][$0] / seconds[row] / $1 }
        for i in x.indices {
          right[i] += x[i]
          for j in x.indices { matrix[i][j] += x[i] * x[j] }
        }
      }
      guard let solution = solveSymmetric(matrix, right, least: 1e-12), solution.allSatisfy({ $0 >= 0 }) else {
        continue
      }
      var k = [0.0, 0, 0]
      for (i, j) in used.enumerated() { k[j] = solution[i] / scales[i] }
      let square = rows.reduce(0) { sum, row in
        let r = value(k, features[row]) / seconds[row] - 1
        return sum + r * r
      }
      if square < best?.square ?? .infinity { best = (k, square) }
    }
    return best?.k
  }

  /// Seconds of a step.
  public func seconds(_ shape: StepTime.Transformer, tokens: Double) -> Double {
    Self.value(coefficients, Self.features(shape, tokens: tokens, isAttentionFused))
  }

  /// The middle 95 % of fits to resampled runs.
  public func interval(
    _ shape: StepTime.Transformer, tokens: Double, count: Int = 200, seed: UInt64 = 0
  ) -> ClosedRange<Double> {
    let target = Self.features(shape, tokens: tokens, isAttentionFused)
    let found = resampled(count: count, seed: seed).map { Self.value($0, target) }.sorted()
    return found.isEmpty ? 0 ... .infinity : sortedQuantile(found, 0.025)...sortedQuantile(found, 0.975)
  }

  /// The coefficients of fits to resampled runs.
  private func resampled(count: Int, seed: UInt64) -> [[Double]] {
    let all = runs.map { Self.features($0.shape, tokens: $0.tokens, isAttentionFused) }
    return (0..<count).compactMap { sample -> [Double]? in
      var stream = RandomStream(seed: seed, purpose: stableHash("scaling-bootstrap"), index: UInt64(sample))
      let rows = runs.indices.map { _ in stream.index(below: runs.count) }
      return Self.solve(all, runs.map(\.seconds), rows, [0, 1, 2])
    }
  }

  /// ln of the seconds that fits to resampled runs predict, one list a run; the seconds of runs do not count.
  func samples(_ asked: [Run], count: Int, seed: UInt64) -> [[Double]] {
    let fits = resampled(count: count, seed: seed)
    return asked.map { run in
      let features = Self.features(run.shape, tokens: run.tokens, isAttentionFused)
      return fits.map { _log(Self.value($0, features)) }
    }
  }

  /// The variance of the relative residuals.
  var noise: Double {
    let square = runs.reduce(0) { sum, run in
      let r = seconds(run.shape, tokens: run.tokens) / run.seconds - 1
      return sum + r * r
    }
    return square / Double(max(1, runs.count - 3))
  }

  /// The relative error of each run when it is left out.
  public func leaveOneOut() -> [Double] {
    let all = runs.map { Self.features($0.shape, tokens: $0.tokens, isAttentionFused) }
    return runs.indices.compactMap { left in
      Self.solve(all, runs.map(\.seconds), runs.indices.filter { $0 != left }, [0, 1, 2]).map {
        abs(Self.value($0, all[left]) / runs[left].seconds - 1)
      }
    }
  }

  public struct Choice: Sendable, Equatable {
    public var shape: StepTime.Transformer
    public var stepSeconds: Double
    /// That can be trained in the time.
    public var tokens: Double
    public var loss: Double
  }

  /// Shapes by the loss that a law expects after a time, the best first: depths, widths and ratios of the feed-forward width
  /// between the least and greatest measured, heads as large as in the first run.
  /// - Parameters:
  ///   - duration: seconds.
  ///   - tokens: of a step.
  public func choices(within duration: Double, tokens: Double, law: ChinchillaLaw) throws(ScalingError) -> [Choice] {
    try requirePositive(duration, "the time")
    let first = runs[0].shape
    let found = shapes(headSize: first.width / first.heads, like: first).map { shape -> Choice in
      let step = seconds(shape, tokens: tokens)
      let total = tokens * duration / step
      return Choice(
        shape: shape, stepSeconds: step, tokens: total, loss: law.loss(parameters: shape.parameters, tokens: total))
    }
    return found.sorted { $0.loss < $1.loss }
  }

  /// Depths and widths by factors of √2, and ratios of the feed-forward width by 2, between the least and greatest measured.
  /// - Parameters:
  ///   - like: of its vocabulary and sequences.
  ///   - width: what widths may reach beyond the measured ones, and depths likewise.
  func shapes(
    headSize: Double, like other: StepTime.Transformer, upToWidth width: Double = 0, layers: Double = 0
  ) -> [StepTime.Transformer] {
    func lattice(_ values: [Double], _ factor: Double, upTo most: Double = 0) -> [Double] {
      let (low, high) = (values.min() ?? 1, max(values.max() ?? 1, most))
      let steps = Int(_log(high / low) / _log(factor) + 1e-9)
      return (0...steps).map { low * _pow(factor, Double($0)) }
    }
    let depths = Set(lattice(runs.map(\.shape.layers), 2.0.squareRoot(), upTo: layers).map { $0.rounded() }).sorted()
    var found: [StepTime.Transformer] = []
    for width in lattice(runs.map(\.shape.width), 2.0.squareRoot(), upTo: width) {
      let heads = max(1, (width / headSize).rounded())
      for layers in depths {
        for ratio in lattice(runs.map { $0.shape.feedForward / $0.shape.width }, 2) {
          let shape = StepTime.Transformer(
            layers: layers, width: heads * headSize, feedForward: (ratio * heads * headSize).rounded(), heads: heads,
            vocabulary: other.vocabulary, sequenceLength: other.sequenceLength)
          if !found.contains(shape) { found.append(shape) }
        }
      }
    }
    return found
  }
}

extension StepTime.Transformer {
  /// Of matrices, with the embedding, which is also the unembedding.
  public var parameters: Double { layers * (4 * width * width + 2 * width * feedForward) + vocabulary * width }
}
