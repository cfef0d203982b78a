import TrimtabNumerics

/// y = c·Πx^k by least squares in logarithms, of any columns of a study.
public struct PowerFit: Sendable {
  public let names: [String]
  /// c.
  public let factor: Double
  public let exponents: [Double]
  /// The root of the mean squared residual of ln y.
  public let deviation: Double
  public let ranges: [ClosedRange<Double>]
  private let columns: [[Double]]
  private let logs: [Double]

  /// - Parameters:
  ///   - inputs: one row a run.
  ///   - values: above 0.
  /// - Throws: `ScalingError` for impossible numbers, too few rows, and inputs that are constant or move together.
  public init(names: [String], inputs: [[Double]], values: [Double]) throws(ScalingError) {
    for (i, row) in inputs.enumerated() {
      for (name, value) in Array(zip(names, row)) + [("the value", values[i])] {
        guard value.isFinite, value > 0 else {
          throw ScalingError("row \(i + 1): \(name) is \(shown(value)); a power law needs numbers above 0")
        }
      }
    }
    self.names = names
    columns = names.indices.map { j in inputs.map { _log($0[j]) } }
    logs = values.map(_log)
    let fit = try LinearFit(columns, logs, names: names)
    factor = _exp(fit.coefficients[0])
    exponents = Array(fit.coefficients.dropFirst())
    deviation = fit.deviation
    ranges = names.indices.map { j in (inputs.map { $0[j] }.min() ?? 0)...(inputs.map { $0[j] }.max() ?? 0) }
  }

  private static func value(_ coefficients: [Double], _ input: [Double]) -> Double {
    _exp(zip(coefficients.dropFirst(), input).reduce(coefficients[0]) { $0 + $1.0 * _log($1.1) })
  }

  public func predict(_ input: [Double]) -> Double { Self.value([_log(factor)] + exponents, input) }

  /// The inputs of each run.
  var inputs: [[Double]] { logs.indices.map { i in columns.map { _exp($0[i]) } } }

  /// The variance of a run's ln y about the law.
  var noise: Double {
    deviation * deviation * Double(logs.count) / Double(max(1, logs.count - exponents.count - 1))
  }

  /// The intercept and exponents of fits to resampled rows.
  private func resampled(count: Int, seed: UInt64) -> [[Double]] {
    (0..<count).compactMap { sample -> [Double]? in
      var stream = RandomStream(seed: seed, purpose: stableHash("scaling-bootstrap"), index: UInt64(sample))
      return LinearFit.solve(columns, logs, logs.indices.map { _ in stream.index(below: logs.count) })
    }
  }

  /// ln of the predictions of fits to resampled rows, one list a point.
  func samples(_ points: [[Double]], count: Int, seed: UInt64) -> [[Double]] {
    let fits = resampled(count: count, seed: seed)
    return points.map { point in fits.map { _log(Self.value($0, point)) } }
  }

  /// The middle 95 % of the predictions, and of the exponents, of fits to resampled rows.
  public func intervals(
    _ points: [[Double]], count: Int = 1000, seed: UInt64 = 0
  ) -> (predictions: [ClosedRange<Double>], exponents: [ClosedRange<Double>]) {
    let fits = resampled(count: count, seed: seed)
    func middle(_ numbers: [Double]) -> ClosedRange<Double> {
      let sorted = numbers.sorted()
      return sorted.isEmpty
        ? -.infinity ... .infinity : sortedQuantile(sorted, 0.025)...sortedQuantile(sorted, 0.975)
    }
    return (
      points.map { point in middle(fits.map { Self.value($0, point) }) },
      exponents.indices.map { i in middle(fits.map { $0[i + 1] }) }
    )
  }

  /// The mean relative error at each value of the first input when it is left out.
  public func leaveOneScaleOut() -> [(scale: Double, meanError: Double)] {
    guard let scales = columns.first.map({ Set($0).sorted() }), scales.count > 2 else { return [] }
    return scales.compactMap { left in
      let rows = logs.indices.filter { columns[0][$0] != left }
      guard let fit = LinearFit.solve(columns, logs, rows) else { return nil }
      let errors = logs.indices.filter { columns[0][$0] == left }.map { i in
        abs(Self.value(fit, columns.map { _exp($0[i]) }) / _exp(logs[i]) - 1)
      }
      return (_exp(left), errors.reduce(0, +) / Double(errors.count))
    }
  }
}
