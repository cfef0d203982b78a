import TrimtabNumerics

/// A law with parameters that can be fitted to runs of one's own: what goes in, and the starts of the search.
public enum CurveFamily: String, Sendable, CaseIterable {
  /// L = E + A·N^−α + B·D^−β; inputs N, D.
  case chinchilla
  /// L = c + a·N^b at a fixed step, under muP; input N. Yao & Wang, arXiv 2304.06875, 2023.
  case muScaling = "mu-scaling"
  /// S = a + b/B steps to a loss; input B.
  case criticalBatch = "critical-batch"
  /// L = E + (A/(N·(1 + k·ln P)))^α; inputs N, P.
  case parallel
  /// L = L0 + A·S1^−α − C·S2; inputs S1 and S2 (see ``AnnealingLaw``).
  case annealing
  /// h = D0 + A·N^p·r^q: the best value of a setting, r the tokens over 20 N; inputs N, r. Wen, Hall, Ma & Liang,
  /// arXiv 2509.02046, 2025.
  case setting

  public var inputs: [String] {
    switch self {
    case .chinchilla: ["N", "D"]
    case .muScaling: ["N"]
    case .criticalBatch: ["B"]
    case .parallel: ["N", "P"]
    case .annealing: ["S1", "S2"]
    case .setting: ["N", "r"]
    }
  }

  public var parameterNames: [String] {
    switch self {
    case .chinchilla: ["E", "A", "B", "alpha", "beta"]
    case .muScaling: ["a", "b", "c"]
    case .criticalBatch: ["a", "b"]
    case .parallel: ["E", "A", "alpha", "k"]
    case .annealing: ["L0", "A", "alpha", "C"]
    case .setting: ["A", "p", "q", "D0"]
    }
  }

  public var formula: String {
    switch self {
    case .chinchilla: "L = E + A·N^-alpha + B·D^-beta"
    case .muScaling: "L = a·N^b + c"
    case .criticalBatch: "S = a + b/B"
    case .parallel: "L = E + (A/(N·(1 + k·ln P)))^alpha"
    case .annealing: "L = L0 + A·S1^-alpha - C·S2"
    case .setting: "h = A·N^p·r^q + D0"
    }
  }

  /// Whether the residuals are of logarithms.
  var isLogarithmic: Bool { self != .muScaling && self != .setting }

  /// Huber's δ; the small fits of few points are least squares.
  var delta: Double {
    switch self {
    case .chinchilla, .parallel, .annealing: 1e-3
    case .muScaling, .criticalBatch, .setting: .infinity
    }
  }

  /// Parameters as they are searched, to parameters as they are named.
  func named(_ x: [Double]) -> [Double] {
    switch self {
    case .chinchilla: [_exp(x[0]), _exp(x[1]), _exp(x[2]), x[3], x[4]]
    case .muScaling, .setting: x
    case .criticalBatch: x.map(_exp)
    case .parallel: [_exp(x[0]), _exp(x[1]), x[2], x[3]]
    case .annealing: [_exp(x[0]), _exp(x[1]), x[2], _exp(x[3])]
    }
  }

  /// The value, or its logarithm, and its derivatives by the searched parameters.
  func value(_ x: [Double], _ input: [Double], _ gradient: inout [Double]) -> Double {
    switch self {
    case .chinchilla:
      let (n, d) = (_log(input[0]), _log(input[1]))
      let terms = [x[0], x[1] - x[3] * n, x[2] - x[4] * d]
      let sum = logSumExp(terms)
      let shares = terms.map { _exp($0 - sum) }
      gradient = [shares[0], shares[1], shares[2], -n * shares[1], -d * shares[2]]
      return sum
    case .muScaling:
      let power = _pow(input[0], x[1])
      gradient = [power, x[0] * power * _log(input[0]), 1]
      return x[0] * power + x[2]
    case .criticalBatch:
      let (a, b) = (_exp(x[0]), _exp(x[1]) / input[0])
      gradient = [a / (a + b), b / (a + b)]
      return _log(a + b)
    case .parallel:
      let size = 1 + x[3] * _log(input[1])
      guard size > 0 else { return .nan }
      let exponent = x[1] - _log(input[0]) - _log(size)
      let (e, power) = (_exp(x[0]), _exp(x[2] * exponent))
      let sum = e + power
      gradient = [
        e / sum, power * x[2] / sum, power * exponent / sum, -power * x[2] * _log(input[1]) / size / sum,
      ]
      return _log(sum)
    case .annealing:
      let logS = _log(input[0])
      let (floor, power, gain) = (_exp(x[0]), _exp(x[1] - x[2] * logS), _exp(x[3]) * input[1])
      let sum = floor + power - gain
      guard sum > 0 else { return .nan }
      gradient = [floor / sum, power / sum, -power * logS / sum, -gain / sum]
      return _log(sum)
    case .setting:
      let power = _exp(x[1] * _log(input[0]) + x[2] * _log(input[1]))
      gradient = [power, x[0] * power * _log(input[0]), x[0] * power * _log(input[1]), 1]
      return x[0] * power + x[3]
    }
  }

  func starts(_ inputs: [[Double]], _ values: [Double]) -> [[Double]] {
    var result: [[Double]] = []
    let least = max(values.min() ?? 1, 1e-300)
    switch self {
    case .chinchilla:
      // The grid of Hoffmann and others; the ones that begin nearest to the data are run down.
      for alpha in stride(from: 0.0, through: 2, by: 0.5) {
        for beta in stride(from: 0.0, through: 2, by: 0.5) {
          for e in stride(from: -1.0, through: 1, by: 0.5) {
            for a in stride(from: 0.0, through: 25, by: 5) {
              for b in stride(from: 0.0, through: 25, by: 5) { result.append([e, a, b, alpha, beta]) }
            }
          }
        }
      }
    case .muScaling:
      for b in [-0.1, -0.3, -0.6, -1] {
        for share in [0.3, 0.6, 0.9] {
          let first = inputs[0][0]
          result.append([(values[0] - share * least) / _pow(first, b), b, share * least])
        }
      }
    case .criticalBatch:
      let (first, last) = (inputs[0], inputs[inputs.count - 1])
      result = [[_log(max(values[values.count - 1], 1e-9)), _log(max(values[0] * first[0], 1e-9))]]
      result.append([_log(least / 2), _log(max(values[values.count - 1] * last[0], 1e-9))])
    case .parallel:
      let size = _log(inputs[0][0])
      for e in [-1, -0.5, 0.0] {
        for a in [-6.0, -4, -2, 0] {
          for alpha in [0.1, 0.2, 0.4, 0.8] {
            for k in [0.2, 0.4, 0.6, 0.8] { result.append([e, size + a, alpha, k]) }
          }
        }
      }
    case .annealing:
      for share in [0.5, 0.75, 0.9, 0.97] {
        for a in [-2.0, -1, 0, 1] {
          for alpha in [0.2, 0.4, 0.6, 0.9] {
            for c in [-3.0, -1, 0, 1] { result.append([_log(share * least), a, alpha, c]) }
          }
        }
      }
    case .setting:
      let mean = values.reduce(0, +) / Double(max(1, values.count))
      let size = inputs[0][0]
      for p in [-0.25, -0.5, -1.0] {
        for q in [-0.5, -0.1, 0.3] {
          for share in [-0.5, 0.0, 0.5, 1] {
            result.append([
              (values[0] - share * mean) / _exp(p * _log(size) + q * _log(inputs[0][1])), p, q, share * mean,
            ])
          }
        }
      }
    }
    return result
  }
}

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
      let rows = values.indices.map { _ in stream.index(below: values.count) }
      guard Set(rows).count > min(parameters.count, values.count - 1) else { return nil }
      return Self.fit(family, inputs, values, rows, [searched], kept: 1)?.parameters
    }
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
