import TrimtabNumerics

/// Whether the best learning rate of small models is that of large ones.
///
/// At each size the vertex of a parabola in ln η through ln loss about the best rate. It passes when all vertices lie within a
/// grid factor of the smallest size's, and the loss at the smallest size's optimum is within the noise of seeds, or 0.1 %, of
/// each size's least. Where rates were run with several seeds, these must be certain: the whole interval of a ratio within the
/// grid factor passes, the whole interval outside fails, and anything else is unresolved. These limits are Trimtab's.
public struct TransferCheck: Sendable {
  public struct Run: Sendable {
    public var size: Double
    public var learningRate: Double
    public var loss: Double

    public init(size: Double, learningRate: Double, loss: Double) {
      self.size = size
      self.learningRate = learningRate
      self.loss = loss
    }
  }

  public struct Optimum: Sendable, Equatable {
    public var size: Double
    /// Of the parabola.
    public var learningRate: Double
    /// Of the optimum, 95 %, from resampled seeds; nil where no rate was run twice.
    public var interval: ClosedRange<Double>?
    /// Of the optimum over the smallest size's.
    public var ratioInterval: ClosedRange<Double>?
    /// The best of the grid.
    public var bestRate: Double
    public var bestLoss: Double
    /// The parabola's loss at the smallest size's optimum over its least, less 1; beyond the parabola's rates, that of the
    /// nearest rate of the grid over the best.
    public var transferGap: Double
    public var gapInterval: ClosedRange<Double>?
    /// Whether the best rate is the lowest or highest tried.
    public var isOnEdge: Bool
    /// Whether the optimum is known to a grid factor either way.
    public var isResolved: Bool
  }

  public enum Verdict: String, Sendable { case pass, fail, unresolved }

  public let optima: [Optimum]
  /// The factor between rates next to each other.
  public let gridFactor: Double
  /// The standard error of a mean loss over seeds, relative; 0 where no rate was run twice.
  public let noise: Double
  /// s in ln η* = k + s·ln n.
  public let drift: Double
  /// Of the drift, 95 %: from resampled seeds, or from the scatter of the optima about the line where there are none.
  public let driftInterval: ClosedRange<Double>
  public private(set) var reasons: [String] = []
  public let verdict: Verdict

  /// - Parameters:
  ///   - count: resamples.
  ///   - seed: of the resampling.
  /// - Throws: `ScalingError` for fewer than 3 sizes or 3 rates at a size, and impossible numbers.
  public init(_ runs: [Run], count: Int = 1000, seed: UInt64 = 0) throws(ScalingError) {
    for (i, run) in runs.enumerated() {
      guard run.size > 0, run.size.isFinite, run.learningRate > 0, run.learningRate.isFinite else {
        throw ScalingError("row \(i + 1): the size and the learning rate must be numbers above 0")
      }
    }
    let sizes = Set(runs.map(\.size)).sorted()
    guard sizes.count >= 3 else {
      throw ScalingError("there are \(sizes.count) different sizes; a transfer check needs at least 3")
    }
    var curves: [RateCurve] = []
    for size in sizes { curves.append(try RateCurve(size: size, runs.filter { $0.size == size })) }
    let scatter = curves.reduce((0.0, 0)) { ($0.0 + $1.scatter.square, $0.1 + $1.scatter.degrees) }
    let most = curves.flatMap(\.logs).map(\.count).max() ?? 1
    noise = scatter.1 > 0 ? (scatter.0 / Double(scatter.1) / Double(most)).squareRoot() : 0
    let factor =
      curves.filter { !$0.isOnEdge }.map { curve in
        max(
          curve.rates[curve.best] / curve.rates[curve.best - 1], curve.rates[curve.best + 1] / curve.rates[curve.best])
      }.max() ?? 1

    let samples = noise > 0 ? Self.samples(curves, count: count, seed: seed) : []
    func middle(_ numbers: [Double]) -> ClosedRange<Double>? {
      let sorted = numbers.sorted()
      return sorted.isEmpty ? nil : sortedQuantile(sorted, 0.025)...sortedQuantile(sorted, 0.975)
    }
    let points = curves.map { $0.parabola($0.means) }
    var found: [Optimum] = []
    for (i, curve) in curves.enumerated() {
      let interval = middle(samples.map { $0.vertices[i] })
      found.append(
        Optimum(
          size: curve.size, learningRate: points[i].vertex, interval: interval,
          ratioInterval: middle(samples.map { $0.vertices[i] / $0.vertices[0] }), bestRate: curve.rates[curve.best],
          bestLoss: _exp(curve.means[curve.best]),
          transferGap: Self.gap(curve, points[i], curve.means, at: points[0].vertex),
          gapInterval: middle(samples.map { $0.gaps[i] }), isOnEdge: curve.isOnEdge,
          isResolved: interval.map { $0.upperBound / $0.lowerBound <= factor * factor * 1.000001 } ?? true))
    }
    gridFactor = factor
    optima = found
    let logSizes = sizes.map(_log)
    func slope(_ vertices: [Double]) -> Double { LinearFit.solve([logSizes], vertices.map(_log), nil)?[1] ?? .nan }
    drift = slope(found.map(\.learningRate))
    driftInterval =
      middle(samples.map { slope($0.vertices) }) ?? Self.interval(logSizes, found.map { _log($0.learningRate) })
    let failures = Self.failures(found, factor, allowed: max(0.001, noise))
    let doubts = Self.doubts(found, factor, allowed: max(0.001, noise))
    reasons = failures + doubts
    verdict = !failures.isEmpty ? .fail : doubts.isEmpty ? .pass : .unresolved
  }

  // MARK: Resampling

  private static func samples(
    _ curves: [RateCurve], count: Int, seed: UInt64
  ) -> [(vertices: [Double], gaps: [Double])] {
    (0..<count).map { sample in
      var stream = RandomStream(seed: seed, purpose: stableHash("transfer-check"), index: UInt64(sample))
      let means = curves.map { $0.resampledMeans(&stream) }
      let parabolas = zip(curves, means).map { $0.parabola($1) }
      return (
        parabolas.map(\.vertex),
        curves.indices.map { gap(curves[$0], parabolas[$0], means[$0], at: parabolas[0].vertex) }
      )
    }
  }

  private static func gap(
    _ curve: RateCurve, _ parabola: RateCurve.Parabola, _ means: [Double], at rate: Double
  ) -> Double {
    let window = curve.rates[curve.window.lowerBound] * 0.999999...curve.rates[curve.window.upperBound] * 1.000001
    if window.contains(rate), parabola.curvature > 0 { return _exp(parabola.excess(rate)) - 1 }
    let nearest = curve.rates.indices.min {
      abs(_log(curve.rates[$0] / rate)) < abs(_log(curve.rates[$1] / rate))
    }
    return _exp((nearest.map { means[$0] } ?? .nan) - (means.min() ?? .nan)) - 1
  }

  /// Student's interval of the slope of a line.
  private static func interval(_ x: [Double], _ y: [Double]) -> ClosedRange<Double> {
    guard let line = LinearFit.solve([x], y, nil) else { return -.infinity ... .infinity }
    let rest = zip(x, y).reduce(0) { sum, point in
      let r = point.1 - line[0] - line[1] * point.0
      return sum + r * r
    }
    let mean = RateCurve.mean(x)
    let spread = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let freedom = Double(x.count - 2)
    let half = MeanInterval.quantile(upperTail: 0.025, degrees: freedom) * (rest / freedom / spread).squareRoot()
    return line[1] - half...line[1] + half
  }

  // MARK: The verdict

  private static func failures(_ optima: [Optimum], _ factor: Double, allowed: Double) -> [String] {
    // The vertices are known no better than to rounding.
    let limit = factor * 1.000001
    return optima.dropFirst().flatMap { item -> [String] in
      var found: [String] = []
      let ratio = item.learningRate / optima[0].learningRate
      let interval = item.ratioInterval ?? ratio...ratio
      if !item.isOnEdge, interval.lowerBound > limit || interval.upperBound < 1 / limit {
        found.append(
          "the optimum at size \(shown(item.size)) is \(shown(ratio)) times the smallest size's, beyond a grid factor of "
            + shown(factor))
      }
      if !item.isOnEdge, (item.gapInterval?.lowerBound ?? item.transferGap) > allowed {
        found.append(
          "at size \(shown(item.size)) the transferred rate costs \(shown(100 * item.transferGap)) % of the loss, beyond "
            + "\(shown(100 * allowed)) %")
      }
      return found
    }
  }

  private static func doubts(_ optima: [Optimum], _ factor: Double, allowed: Double) -> [String] {
    var found: [String] = []
    if let edge = optima.first(where: \.isOnEdge) {
      found.append(
        "at size \(shown(edge.size)) the best rate, \(shown(edge.bestRate)), is on the edge of its grid: widen it")
    }
    if let flat = optima.first(where: { !$0.isResolved }), let interval = flat.interval {
      found.append(
        "at size \(shown(flat.size)) the noise of seeds leaves the optimum between \(shown(interval.lowerBound)) and "
          + "\(shown(interval.upperBound)): add seeds")
    }
    let limit = factor * 1.000001
    for item in optima.dropFirst() {
      if let interval = item.ratioInterval, interval.lowerBound < 1 / limit || interval.upperBound > limit,
        interval.lowerBound <= limit, interval.upperBound >= 1 / limit
      {
        found.append(
          "the optimum at size \(shown(item.size)) is \(shown(interval.lowerBound)) to \(shown(interval.upperBound)) times "
            + "the smallest size's, not surely within a grid factor of \(shown(factor))")
      }
      if let interval = item.gapInterval, interval.lowerBound <= allowed, item.transferGap > allowed {
        found.append(
          "at size \(shown(item.size)) the transferred rate costs \(shown(100 * interval.lowerBound)) to "
            + "\(shown(100 * interval.upperBound)) % of the loss, not surely more than \(shown(100 * allowed)) %")
      }
    }
    return found
  }
}
