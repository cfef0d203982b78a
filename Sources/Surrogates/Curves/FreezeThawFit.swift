import TrimtabNumerics

/// Finds the parameters of a ``FreezeThawProcess`` of greatest posterior density.
///
/// Swersky et al. (2014) average over parameters by slice sampling; here one set is found by BoxLBFGS on logarithms, with
/// differences for gradients, from a subset of the curves. Densities of what is believed: length scales as in ``KernelPrior``,
/// the others log-normal about values that suit standardised losses and a decay over a tenth of the longest curve.
public struct FreezeThawFit: Sendable {
  /// At most so many curves of at most so many points each.
  static let curveLimit = 48
  static let pointLimit = 10
  /// Above so many coordinates they share one factor of their length scales.
  static let separateScaleLimit = 12

  private let points: FeaturePoints
  private let curves: [FreezeThawProcess.Curve]
  private let prior: KernelPrior
  private let separatesScales: Bool
  private let horizon: Double

  /// - Parameters:
  ///   - curves: one a point, of standardised losses: the smaller the better.
  ///   - horizon: the time at which a curve is complete.
  public init(_ points: FeaturePoints, _ curves: [FreezeThawProcess.Curve], horizon: Double) {
    let chosen = Self.choose(curves.map { $0.values.last ?? .infinity }, Self.curveLimit)
    self.points = points.subset(chosen)
    self.curves = chosen.map { Self.thin(curves[$0], to: Self.pointLimit) }
    self.horizon = horizon
    prior = KernelPrior(dimension: points.numberCount + points.choiceCount)
    separatesScales = points.numberCount + points.choiceCount <= Self.separateScaleLimit
  }

  /// The lowest half of `limit`, and others spread evenly over the rest; ascending.
  public static func choose(_ losses: [Double], _ limit: Int) -> [Int] {
    guard losses.count > limit else { return Array(losses.indices) }
    let order = losses.indices.sorted { (losses[$0], $0) < (losses[$1], $1) }
    let rest = order.dropFirst(limit / 2)
    let count = limit - limit / 2
    let spread = (0..<count).map { rest[rest.startIndex + $0 * rest.count / count] }
    return (order.prefix(limit / 2) + spread).sorted()
  }

  /// The first point, the last ones, and between them points whose distance grows.
  public static func thin(_ curve: FreezeThawProcess.Curve, to limit: Int) -> FreezeThawProcess.Curve {
    let count = curve.times.count
    guard count > limit else { return curve }
    var chosen: Set<Int> = []
    for i in 0..<limit {
      let share = Double(i) / Double(limit - 1)
      chosen.insert(count - 1 - Int((Double(count - 1) * share * share).rounded()))
    }
    let places = chosen.sorted()
    return FreezeThawProcess.Curve(times: places.map { curve.times[$0] }, values: places.map { curve.values[$0] })
  }

  private var scaleCount: Int { separatesScales ? points.numberCount + points.choiceCount : 1 }

  /// Means and deviations of what is believed of the variables after the length scales: ln of signal, shape, scale, amplitude
  /// and noise, then mean and drop themselves.
  private var beliefs: [(mean: Double, deviation: Double)] {
    [(0, 1), (0, 1), (_log(horizon / 10), 1), (0, 1.5), (-5, 1.5), (-0.5, 1), (1, 1.5)]
  }

  func parameters(_ variables: [Double]) -> FreezeThawProcess.Parameters {
    let numbers = points.numberCount
    func scale(_ j: Int) -> Double { _exp(variables[separatesScales ? j : 0]) }
    let rest = Array(variables[scaleCount...])
    return FreezeThawProcess.Parameters(
      kernel: KernelParameters(
        numberScales: (0..<numbers).map(scale), choiceScales: (0..<points.choiceCount).map { scale(numbers + $0) },
        signal: _exp(rest[0]), noise: KernelPrior.leastNoise),
      mean: rest[5], shape: _exp(rest[1]), scale: _exp(rest[2]), drop: rest[6], amplitude: _exp(rest[3]),
      noise: _exp(rest[4]))
  }

  private func value(_ variables: [Double]) -> Double {
    guard let process = FreezeThawProcess(points, curves, parameters(variables)) else { return .nan }
    var value = process.logMarginalLikelihood
    for j in 0..<scaleCount {
      value +=
        KernelPrior.logNormal(variables[j], mean: prior.logScaleMean, deviation: KernelPrior.scaleDeviation).value
    }
    for (variable, belief) in zip(variables[scaleCount...], beliefs) {
      let z = (variable - belief.mean) / belief.deviation
      value -= 0.5 * z * z
    }
    return -value
  }

  /// The parameters; those that are believed without any curve where no others can be found.
  public func run() -> FreezeThawProcess.Parameters {
    let start = Array(repeating: _log(prior.scaleMode), count: scaleCount) + beliefs.map(\.mean)
    var settings = BoxLBFGS.Options()
    settings.tolerance = 1e-2
    settings.evaluations = 40
    settings.leastDecrease = 1e-5
    let lower =
      Array(repeating: _log(KernelPrior.leastScale), count: scaleCount) + beliefs.map { $0.mean - 5 * $0.deviation }
    let upper =
      Array(repeating: _log(KernelPrior.greatestScale), count: scaleCount) + beliefs.map { $0.mean + 5 * $0.deviation }
    let run = BoxLBFGS.minimise(from: start, lower: lower, upper: upper, options: settings) { variables in
      let value = self.value(variables)
      let step = 1e-4
      var moved = variables
      let gradient = variables.indices.map { j in
        moved[j] = variables[j] + step
        defer { moved[j] = variables[j] }
        return (self.value(moved) - value) / step
      }
      return (value, gradient)
    }
    return parameters(run.value.isFinite ? run.best : start)
  }
}
