import TrimtabNumerics
import TrimtabStudies
import TrimtabSurrogates

/// What is known of a trial's weights, by the resource at which they were saved, in increasing order.
typealias WeightHistory = [(resource: Double, summary: WeightSummary)]

/// A step of a trial as the model of `fms` sees it: configuration, the resource at the end of the step, and what was known at
/// its beginning, which are the curve and the weights.
///
/// Source: Mehta, Lorraine, Masson et al., 2024, arXiv 2406.18630; the model without weights is that of Wistuba, Kadra &
/// Grabocka, "Supervising the multi-fidelity race of hyperparameter configurations", NeurIPS 2022, arXiv 2202.09774. The
/// features go into a Gaussian process with a length scale for each instead of through networks.
struct StepFeatures: Sendable {
  /// The curve's last value, its last change, and whether there are a curve and weights.
  static let curveCount = 4

  let basis: WeightBasis?
  let horizon: Double
  let base: FeaturePoints

  /// - Parameter points: configurations without the rest.
  init(_ points: FeaturePoints, basis: WeightBasis?, horizon: Double) {
    base = points.subset([Int]())
    self.basis = basis
    self.horizon = horizon
  }

  var empty: FeaturePoints {
    FeaturePoints(
      numberCount: base.numberCount + 1 + Self.curveCount + (basis?.components.count ?? 0),
      choiceCount: base.choiceCount)
  }

  /// Appends the step of a configuration to `time`.
  /// - Parameters:
  ///   - values: what the curve was before, standardised losses.
  ///   - weights: those of the last checkpoint before.
  func append(
    _ index: Int, of points: FeaturePoints, to time: Double, after values: ArraySlice<Double>, weights: WeightSummary?,
    into rows: inout FeaturePoints
  ) {
    var numbers = points.numbers(of: index)
    numbers.append(time / horizon)
    // Losses are within a few deviations of the middle, all other numbers within 0 and 1.
    let last = values.last ?? 0
    let before = values.dropLast().last ?? last
    numbers += [0.5 + last / 6, 0.5 + (last - before) / 3, values.isEmpty ? 0 : 1]
    let own = weights.flatMap { weights in basis?.components(of: weights) }
    numbers.append(own == nil ? 0 : 1)
    if let basis { numbers += (own ?? [Double](repeating: 0, count: basis.components.count)).map { 0.5 + $0 / 6 } }
    rows.append(numbers, points.choices(of: index))
  }
}

/// Summaries of weights in a few numbers.
struct WeightBasis: Sendable {
  let names: [String]
  let components: PrincipalComponents

  /// - Returns: nil when there is too little to compare.
  init?(_ summaries: [WeightSummary], count: Int) {
    let names = Set(summaries.flatMap { $0.layers.map(\.name) }).sorted().prefix(2 * WeightSummary.layerLimit)
    self.names = Array(names)
    guard let components = PrincipalComponents(summaries.map { Self.row($0, Array(names)) }, count: count) else {
      return nil
    }
    self.components = components
  }

  /// The numbers of each layer, zeros for one that a model lacks; of any size, so they are compressed.
  private static func row(_ summary: WeightSummary, _ names: [String]) -> [Double] {
    names.flatMap { name -> [Double] in
      let layer = summary.layers.first { $0.name == name }
      let numbers = layer?.numbers ?? [Double](repeating: 0, count: 2 * WeightSummary.statistics)
      return numbers.map { $0 < 0 ? -logarithm(1 - $0) : logarithm(1 + $0) }
    }
  }

  func components(of summary: WeightSummary) -> [Double] { components.components(of: Self.row(summary, names)) }
}

/// The model of all steps, and what it says of the next.
struct CheckpointCurveModel: CurveModel {
  /// Rows from which parameters are learned, and from which predictions are made.
  static let fitLimit = 120
  static let rowLimit = 400

  let features: StepFeatures
  let process: GaussianProcess
  private let points: FeaturePoints
  private let curves: [FreezeThawProcess.Curve]
  private let weights: [WeightHistory]
  private let stops: [Double]
  /// The least loss at each stop, of everything where nobody has come so far.
  private let best: [Double]

  /// Rows of all steps of curves between stops, and their losses.
  static func rows(
    _ features: StepFeatures, _ points: FeaturePoints, _ curves: [FreezeThawProcess.Curve], _ weights: [WeightHistory],
    limit: Int
  ) -> (rows: FeaturePoints, targets: [Double]) {
    var rows = features.empty
    var targets: [Double] = []
    // The newest steps of each curve count most: all have their last, then all have the one before it, …
    var steps: [(back: Int, curve: Int, place: Int)] = []
    for (curve, values) in curves.enumerated() {
      for place in values.values.indices { steps.append((values.values.count - place, curve, place)) }
    }
    steps.sort { ($0.back, $0.curve) < ($1.back, $1.curve) }
    for step in steps.prefix(limit) {
      let curve = curves[step.curve]
      let time = curve.times[step.place]
      features.append(
        step.curve, of: points, to: time, after: curve.values[..<step.place],
        weights: weights[step.curve].last { $0.resource < time }?.summary, into: &rows)
      targets.append(curve.values[step.place])
    }
    return (rows, targets)
  }

  init?(
    _ points: FeaturePoints, _ curves: [FreezeThawProcess.Curve], _ weights: [WeightHistory], features: StepFeatures,
    parameters: KernelParameters, stops: [Double]
  ) {
    let (rows, targets) = Self.rows(features, points, curves, weights, limit: Self.rowLimit)
    guard rows.count >= 2, var process = GaussianProcess(rows, parameters) else { return nil }
    process.setTargets(targets)
    self.features = features
    self.process = process
    self.points = points
    self.curves = curves
    self.weights = weights
    self.stops = stops
    let least = targets.min() ?? 0
    best = stops.map { stop in
      curves.compactMap { curve in curve.times.firstIndex { $0 >= stop }.map { curve.values[$0] } }.min() ?? least
    }
  }

  private func prediction(of curve: Int, at time: Double) -> (mean: Double, variance: Double) {
    var query = features.empty
    features.append(
      curve, of: points, to: time, after: curves[curve].values[...], weights: weights[curve].last?.summary, into: &query
    )
    let batch = process.predict(query)
    return (batch.means[0], batch.variances[0])
  }

  /// The logarithm of the improvement that is expected on the best loss at that resource.
  private func promise(_ mean: Double, _ variance: Double, _ time: Double) -> Double {
    let deviation = max(variance, 1e-12).squareRoot()
    let least = stops.firstIndex { $0 >= time }.map { best[$0] } ?? best.last ?? 0
    return logarithm(deviation) + Improvement.logExpected((least - mean) / deviation)
  }

  func promise(of curve: Int, at time: Double, below loss: Double) -> Double {
    let (mean, variance) = prediction(of: curve, at: time)
    return promise(mean, variance, time)
  }

  func promises(of points: FeaturePoints, at time: Double, below loss: Double) -> [Double] {
    var queries = features.empty
    for index in 0..<points.count {
      features.append(index, of: points, to: time, after: [], weights: nil, into: &queries)
    }
    let batch = process.predict(queries)
    return batch.means.indices.map { promise(batch.means[$0], batch.variances[$0], time) }
  }

  func probability(of curve: Int, at time: Double, below loss: Double) -> Double {
    let (mean, variance) = prediction(of: curve, at: time)
    return NormalDistribution.cdf((loss - mean) / max(variance, 1e-12).squareRoot())
  }

  func expectation(of curve: Int) -> Double { prediction(of: curve, at: stops.last ?? 0).mean }
}
