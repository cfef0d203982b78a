import TrimtabNumerics

/// A monotone transform of losses that makes them look normal, with mean 0 and standard deviation 1 or thereabouts.
///
/// It is fitted anew whenever the losses change. Equal losses become zeros. Losses of any finite magnitude are taken: all
/// sums are of numbers that were brought to [0, 1] before.
public enum OutputTransform: String, Sendable, CaseIterable {
  /// Mean 0 and deviation 1.
  case standard
  /// Losses beyond the upper quartile by more than one and a half of the range between the quartiles are brought back to
  /// there; then `standard`. So a few disasters do not drown the differences among good trials. Source: Tukey,
  /// "Exploratory data analysis", 1977.
  case winsorized
  /// Box–Cox, or Yeo–Johnson where a loss is not positive, with the exponent of greatest likelihood; then `standard`.
  /// Sources: Box & Cox, J. Royal Statistical Society B 26, 1964; Yeo & Johnson, Biometrika 87, 2000; used so by
  /// Cowen-Rivers et al., "HEBO", JAIR 74, 2022.
  case power
  /// The normal quantiles of the ranks: only the order counts. Source: Salinas, Shen & Perrone, "A quantile-based
  /// approach for hyperparameter transfer learning", ICML 2020.
  case copula

  /// The transformed losses, lower still being better.
  /// - Parameter losses: finite.
  public func apply(_ losses: [Double]) -> [Double] {
    guard let least = losses.min(), let most = losses.max(), least < most else {
      return [Double](repeating: 0, count: losses.count)
    }
    switch self {
    case .standard: return Self.standardised(losses)
    case .winsorized: return Self.standardised(Self.winsorised(losses))
    case .power: return Self.powered(losses)
    case .copula: return Self.copula(losses)
    }
  }

  /// Brought to [0, 1] without overflow.
  public static func unit(_ values: [Double]) -> [Double] {
    guard let least = values.min(), let most = values.max(), least < most else {
      return [Double](repeating: 0, count: values.count)
    }
    // Halves, because the difference of the extremes may overflow; a common power of two loses nothing.
    let scale = max(abs(least), abs(most))
    let shrink = scale > 1 ? 0.5 / scale : 1
    let grow = scale < 1e-250 ? 0x1p200 : 1
    let low = least * shrink * grow
    let width = most * shrink * grow - low
    guard width > 0 else { return values.map { $0 > least ? 1 : 0 } }
    return values.map { min(1, max(0, ($0 * shrink * grow - low) / width)) }
  }

  /// Population standard deviation, as Optuna has it.
  static func standardised(_ values: [Double]) -> [Double] {
    let scaled = unit(values)
    let mean = scaled.reduce(0, +) / Double(scaled.count)
    var square = 0.0
    for value in scaled { square += (value - mean) * (value - mean) }
    let deviation = (square / Double(scaled.count)).squareRoot()
    guard deviation > 0 else { return [Double](repeating: 0, count: values.count) }
    return scaled.map { ($0 - mean) / deviation }
  }

  /// The value at a fraction of the sorted values, by linear interpolation.
  static func quantile(_ sorted: [Double], _ fraction: Double) -> Double {
    let place = fraction * Double(sorted.count - 1)
    let low = Int(place)
    guard low + 1 < sorted.count else { return sorted[sorted.count - 1] }
    let share = place - Double(low)
    return sorted[low] * (1 - share) + sorted[low + 1] * share
  }

  static func winsorised(_ losses: [Double]) -> [Double] {
    let sorted = losses.sorted()
    let upper = quantile(sorted, 0.75)
    let spread = upper - quantile(sorted, 0.25)
    // Where half the losses are equal the quartiles say nothing of the scale of the others.
    guard spread > 0, spread.isFinite else { return losses }
    let fence = upper + 1.5 * spread
    return losses.map { min($0, fence) }
  }

  static func copula(_ losses: [Double]) -> [Double] {
    let n = Double(losses.count)
    let sorted = losses.sorted()
    let margin = 1 / (4 * _pow(n, 0.25) * (Double.pi * _log(n)).squareRoot())
    return losses.map { loss in
      var low = 0
      var high = sorted.count
      while low < high {
        let middle = (low + high) / 2
        if sorted[middle] < loss { low = middle + 1 } else { high = middle }
      }
      return NormalDistribution.quantile(min(max(Double(low) / n, margin), 1 - margin))
    }
  }

  // MARK: Power

  static func powered(_ losses: [Double]) -> [Double] {
    let deviation = deviation(losses)
    guard deviation > 0, deviation.isFinite else { return standardised(losses) }
    let scaled = losses.map { $0 / deviation }
    guard scaled.allSatisfy(\.isFinite) else { return standardised(losses) }
    if scaled.allSatisfy({ $0 > 0 }) {
      let (_, values) = fitted(scaled, boxCox, jacobian: { _log($0) })
      if isUsable(values) { return standardised(values) }
    }
    let (_, values) = fitted(scaled, yeoJohnson, jacobian: { $0 >= 0 ? _log1p($0) : -_log1p(-$0) })
    return standardised(isUsable(values) ? values : losses)
  }

  /// Whether a transform has left differences that are more than rounding.
  private static func isUsable(_ values: [Double]) -> Bool {
    guard let least = values.min(), let most = values.max(), least.isFinite, most.isFinite else { return false }
    return most - least > 1e-9 * max(1, abs(least), abs(most))
  }

  static func deviation(_ values: [Double]) -> Double {
    let n = Double(values.count)
    let mean = values.reduce(0) { $0 + $1 / n }
    return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) / n }.squareRoot()
  }

  static func boxCox(_ x: Double, _ lambda: Double) -> Double {
    abs(lambda) < 1e-12 ? _log(x) : _expm1(lambda * _log(x)) / lambda
  }

  static func yeoJohnson(_ x: Double, _ lambda: Double) -> Double {
    x >= 0 ? boxCox(x + 1, lambda) : -boxCox(1 - x, 2 - lambda)
  }

  /// The transform with the exponent of greatest likelihood, by golden section.
  /// - Parameter jacobian: what a value adds to the logarithm of the likelihood for each unit of λ − 1.
  static func fitted(
    _ values: [Double], _ transform: (Double, Double) -> Double, jacobian: (Double) -> Double
  ) -> (lambda: Double, values: [Double]) {
    let n = Double(values.count)
    let slope = values.reduce(0) { $0 + jacobian($1) }
    func cost(_ lambda: Double) -> Double {
      let deviation = deviation(values.map { transform($0, lambda) })
      return deviation > 0 && deviation.isFinite ? n * _log(deviation) - (lambda - 1) * slope : .infinity
    }
    var low = -5.0
    var high = 5.0
    let golden = 0.6180339887498949
    var a = high - golden * (high - low)
    var b = low + golden * (high - low)
    var costA = cost(a)
    var costB = cost(b)
    while high - low > 1e-9 {
      if costA <= costB {
        (high, b, costB) = (b, a, costA)
        a = high - golden * (high - low)
        costA = cost(a)
      } else {
        (low, a, costA) = (a, b, costB)
        b = low + golden * (high - low)
        costB = cost(b)
      }
    }
    let lambda = (low + high) / 2
    return (lambda, values.map { transform($0, lambda) })
  }
}
