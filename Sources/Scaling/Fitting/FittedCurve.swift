import TrimtabNumerics

/// A fitted law: its parameters, how well it does on what it did not see, and intervals of what it predicts.
public struct FittedCurve: Sendable {
  public let family: CurveFamily
  /// As `family.parameterNames` names them.
  public let parameters: [Double]
  public let objective: Double
  /// Of the named parameters, of least-squares fits.
  public let standardErrors: [Double]?
  /// The mean and the greatest relative error of the fitted values.
  public let meanError: Double
  public let worstError: Double
  /// The range of each input.
  public let ranges: [ClosedRange<Double>]
  let searched: [Double]
  let inputs: [[Double]]
  let values: [Double]

  /// - Parameters:
  ///   - inputs: one row a run, as `family.inputs` names them.
  ///   - values: losses, steps or settings.
  /// - Throws: `ScalingError` for too few rows, impossible numbers and inputs that do not differ.
  public init(_ family: CurveFamily, inputs: [[Double]], values: [Double]) throws(ScalingError) {
    self.family = family
    self.inputs = inputs
    self.values = values
    let count = family.parameterNames.count
    guard inputs.count == values.count, inputs.count > count || (family == .criticalBatch && inputs.count >= 3) else {
      throw ScalingError(
        "\(inputs.count) rows are too few for \(family.formula), which has \(count) parameters: at least \(count + 1) are "
          + "needed")
    }
    for (i, row) in inputs.enumerated() {
      guard row.count == family.inputs.count, values[i].isFinite, values[i] > 0 || !family.isLogarithmic else {
        throw ScalingError("row \(i + 1): the value \(shown(values[i])) must be a number above 0")
      }
      for (name, number) in zip(family.inputs, row) {
        guard number.isFinite, number > 0 || (name == "S2" && number >= 0) else {
          throw ScalingError("row \(i + 1): \(name) is \(shown(number)); it must be a number above 0")
        }
        guard number >= 1 || (name != "E" && name != "P") else {
          throw ScalingError(
            "row \(i + 1): \(name) is \(shown(number)); there is at least 1 \(name == "E" ? "expert" : "stream")")
        }
      }
    }
    var ranges: [ClosedRange<Double>] = []
    for (j, name) in family.inputs.enumerated() {
      let column = inputs.map { $0[j] }
      let (low, high) = (column.min() ?? 0, column.max() ?? 0)
      guard high > low * (1 + 1e-9) || (low == 0 && high > 0) else {
        throw ScalingError(
          family == .annealing && name == "S2"
            ? "the rate never falls in the curves fitted to, so that annealing cannot be fitted: add one with a decay"
            : "\(name) is \(shown(low)) in all rows, so that its exponent cannot be fitted: add runs in which it differs"
        )
      }
      ranges.append(low...high)
    }
    self.ranges = ranges
    if family == .chinchilla {
      let logs = [0, 1].map { j in inputs.map { _log($0[j]) } }
      if LinearFit.solve(logs, values, nil) == nil {
        throw ScalingError(
          "N and D move together in these rows (as D = 20 N does), so that their terms cannot be told apart: add runs in "
            + "which only one of them differs")
      }
    }
    let all = Array(values.indices)
    guard let fit = Self.fit(family, inputs, values, all, family.starts(inputs, values), kept: 24) else {
      throw ScalingError("no start of \(family.formula) has a finite error on these rows: are the units right?")
    }
    searched = fit.parameters
    parameters = family.named(fit.parameters)
    objective = fit.objective
    standardErrors =
      family.delta.isFinite || family.isLogarithmic
      ? nil : fit.standardErrors(rows: all, Self.residual(family, inputs, values))
    var (sum, worst) = (0.0, 0.0)
    for i in all {
      let error = abs(Self.value(family, fit.parameters, inputs[i]) / values[i] - 1)
      sum += error
      worst = max(worst, error)
    }
    (meanError, worstError) = (sum / Double(all.count), worst)
  }

  private static func residual(
    _ family: CurveFamily, _ inputs: [[Double]], _ values: [Double]
  ) -> RobustFit.Residual {
    let targets = family.isLogarithmic ? values.map(_log) : values
    return { x, row, gradient in family.value(x, inputs[row], &gradient) - targets[row] }
  }

  private static func fit(
    _ family: CurveFamily, _ inputs: [[Double]], _ values: [Double], _ rows: [Int], _ starts: [[Double]], kept: Int
  ) -> RobustFit? {
    RobustFit.fit(rows: rows, delta: family.delta, starts: starts, kept: kept, residual(family, inputs, values))
  }

  private static func value(_ family: CurveFamily, _ x: [Double], _ input: [Double]) -> Double {
    var gradient = [Double](repeating: 0, count: x.count)
    let value = family.value(x, input, &gradient)
    return family.isLogarithmic ? _exp(value) : value
  }

  public func predict(_ input: [Double]) -> Double { Self.value(family, searched, input) }

  /// What the fitted law says that cannot be meant: a loss, or a number of steps, that rises with an input.
  public var warnings: [String] {
    guard family != .setting, family != .annealing else { return [] }
    let middle = ranges.map { ($0.lowerBound * $0.upperBound).squareRoot() }
    return family.inputs.indices.compactMap { j in
      var (low, high) = (middle, middle)
      (low[j], high[j]) = (ranges[j].lowerBound, ranges[j].upperBound)
      guard predict(high) > predict(low) else { return nil }
      let what = family == .criticalBatch ? "the number of steps" : "the loss"
      return
        "\(what) rises with \(family.inputs[j]) in these runs, which the law does not mean: did the larger ones diverge, or "
        + "were they tuned worse? Its predictions are not to be trusted"
    }
  }

  /// The predictions of fits to resampled rows, one list a point; what is not finite is left out of all.
  func samples(_ points: [[Double]], count: Int, seed: UInt64) -> [[Double]] {
    let fits = resampled(count: count, seed: seed)
    var predictions = [[Double]](repeating: [], count: points.count)
    for fit in fits {
      let row = points.map { Self.value(family, fit, $0) }
      guard row.allSatisfy(\.isFinite) else { continue }
      for (i, value) in row.enumerated() { predictions[i].append(value) }
    }
    return predictions
  }

  private func resampled(count: Int, seed: UInt64) -> [[Double]] {
    (0..<count).compactMap { sample in
      var stream = RandomStream(seed: seed, purpose: stableHash("scaling-bootstrap"), index: UInt64(sample))
      return refitted(values.indices.map { _ in stream.index(below: values.count) })
    }
  }

  /// The searched parameters of a fit to these rows; nil where they are too few, or no fit is found.
  func refitted(_ rows: [Int]) -> [Double]? {
    guard Set(rows).count > min(parameters.count, values.count - 1) else { return nil }
    return Self.fit(family, inputs, values, rows, [searched], kept: 1)?.parameters
  }

  /// The middle 95 % of the predictions, and of the parameters, of fits to resampled rows.
  /// - Parameter count: resamples.
  public func intervals(
    _ points: [[Double]], count: Int = 200, seed: UInt64 = 0
  ) -> (predictions: [ClosedRange<Double>], parameters: [ClosedRange<Double>]) {
    let fits = resampled(count: count, seed: seed)
    func middle(_ numbers: [Double]) -> ClosedRange<Double> {
      let sorted = numbers.filter { !$0.isNaN }.sorted()
      guard !sorted.isEmpty else { return -.infinity ... .infinity }
      return sortedQuantile(sorted, 0.025)...sortedQuantile(sorted, 0.975)
    }
    return (
      points.map { point in middle(fits.map { Self.value(family, $0, point) }) },
      parameters.indices.map { i in middle(fits.map { family.named($0)[i] }) }
    )
  }

  /// The relative errors at each scale when it is left out: the gap in what is predicted, not in coefficients.
  /// - Parameter scale: which input tells scales apart.
  public func leaveOneScaleOut(scale: Int = 0) -> [(scale: Double, meanError: Double)] {
    let scales = Set(inputs.map { $0[scale] }).sorted()
    guard scales.count > 2 else { return [] }
    var result: [(Double, Double)] = []
    for left in scales {
      let rows = values.indices.filter { inputs[$0][scale] != left }
      guard rows.count > parameters.count,
        let fit = Self.fit(family, inputs, values, rows, [searched], kept: 1)
      else { continue }
      let out = values.indices.filter { inputs[$0][scale] == left }
      let errors = out.map { abs(Self.value(family, fit.parameters, inputs[$0]) / values[$0] - 1) }
      result.append((left, errors.reduce(0, +) / Double(errors.count)))
    }
    return result
  }
}
