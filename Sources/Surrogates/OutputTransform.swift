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

  /// The way back: the loss of each transformed value, exact but for `copula`, which goes along straight lines between the
  /// losses. Beyond the losses that were seen it goes on, where the transform ends by the slope of the quarter at that end: a
  /// single loss far away must not say what is to be expected among the others.
  /// - Parameter losses: finite, those that were transformed. Without two different ones every value is that of the first.
  public func inverse(of losses: [Double]) -> (Double) -> Double {
    let sorted = losses.sorted()
    guard let least = sorted.first, let most = sorted.last, least < most else {
      let only = sorted.first ?? .nan
      return { _ in only }
    }
    switch self {
    case .standard: return Self.line(sorted, apply(sorted))
    case .winsorized:
      let kept = Self.winsorised(sorted)
      return Self.line(kept, Self.standardised(kept))
    case .power:
      let (values, back) = Self.powerFit(sorted)
      guard let back else { return Self.line(sorted, Self.standardised(sorted)) }
      let toValue = Self.line(values, Self.standardised(values))
      let beyond = Self.polygon(sorted, apply(sorted))
      return { z in
        let loss = back(toValue(z))
        return loss.isFinite ? loss : beyond(z)
      }
    case .copula: return Self.polygon(sorted, apply(sorted))
    }
  }

  /// The straight line through sorted losses that were transformed by one.
  private static func line(_ losses: [Double], _ transformed: [Double]) -> (Double) -> Double {
    let (low, high) = (losses[0], losses[losses.count - 1])
    let (first, last) = (transformed[0], transformed[transformed.count - 1])
    guard last > first else { return { _ in low } }
    return { z in
      let share = (z - first) / (last - first)
      return low * (1 - share) + high * share
    }
  }

  /// Straight lines between sorted losses.
  private static func polygon(_ losses: [Double], _ transformed: [Double]) -> (Double) -> Double {
    var pairs: [(z: Double, loss: Double)] = []
    for (z, loss) in zip(transformed, losses) where pairs.last.map({ z > $0.z }) ?? true { pairs.append((z, loss)) }
    let last = pairs.count - 1
    guard last > 0 else { return { _ in losses[0] } }
    let quarter = max(1, pairs.count / 4)
    return { z in
      var (low, high) = (0, quarter)
      if z >= pairs[last].z {
        (low, high) = (last - quarter, last)
      } else if z > pairs[0].z {
        high = pairs.firstIndex { $0.z >= z } ?? last
        low = high - 1
      }
      let (a, b) = (pairs[low], pairs[high])
      // From the end that is nearer, so that nothing is lost at the losses themselves.
      let slope = b.loss / (b.z - a.z) - a.loss / (b.z - a.z)
      return z > pairs[last].z ? b.loss + (z - b.z) * slope : a.loss + (z - a.z) * slope
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

  static func powered(_ losses: [Double]) -> [Double] { standardised(powerFit(losses).values) }

  /// The losses through the transform of greatest likelihood, and the way back; without one, and as they are, where they
  /// cannot be transformed.
  private static func powerFit(_ losses: [Double]) -> (values: [Double], inverse: ((Double) -> Double)?) {
    let deviation = deviation(losses)
    guard deviation > 0, deviation.isFinite else { return (losses, nil) }
    let scaled = losses.map { $0 / deviation }
    guard scaled.allSatisfy(\.isFinite) else { return (losses, nil) }
    if scaled.allSatisfy({ $0 > 0 }) {
      let (lambda, values) = fitted(scaled, boxCox, jacobian: { _log($0) })
      if isUsable(values) { return (values, { deviation * inverseBoxCox($0, lambda) }) }
    }
    let (lambda, values) = fitted(scaled, yeoJohnson, jacobian: { $0 >= 0 ? _log1p($0) : -_log1p(-$0) })
    guard isUsable(values) else { return (losses, nil) }
    return (
      values,
      { value in
        deviation
          * (value >= 0 ? inverseBoxCox(value, lambda) - 1 : 1 - inverseBoxCox(-value, 2 - lambda))
      }
    )
  }

  /// NaN beyond what the transform can give.
  static func inverseBoxCox(_ y: Double, _ lambda: Double) -> Double {
    abs(lambda) < 1e-12 ? _exp(y) : _exp(_log1p(lambda * y) / lambda)
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
