import TrimtabNumerics

/// What a Gaussian process over the same points expects, as one more number of each point: the last.
///
/// A second process over points and forecasts learns by the length scale of that number how much the first one says of its own
/// function, and how, straight line or not; where it says nothing the length scale gets long.
///
/// Source: Perdikaris, Raissi, Damianou, Lawrence & Karniadakis, "Nonlinear information fusion algorithms for data-efficient
/// multi-fidelity modelling", Proceedings of the Royal Society A 473, 2017. Other than there the forecast's number is one of
/// the coordinates of a single kernel, not a factor of its own, and it is the mean of the first process, whose uncertainty is
/// left out.
public struct Forecast: Sendable {
  /// Deviations of the first process's targets to one unit, so that nearly all forecasts lie in [0, 1], as other numbers do.
  static let width = 6.0
  private static let chunk = 256

  private let expansion: KernelExpansion
  private let weights: Matrix
  private let mean: Double

  /// - Parameter process: without levels, and with its targets, of mean 0 and deviation 1 or thereabouts.
  public init(_ process: GaussianProcess) {
    expansion = KernelExpansion(process.points, process.parameters)
    weights = Matrix(rows: process.weights.count, columns: 1, storage: process.weights)
    mean = process.mean
  }

  private func numbers(_ values: Matrix) -> [Double] {
    LinearAlgebra.product(values, weights, transposingA: true).storage.map { 0.5 + (mean + $0) / Self.width }
  }

  private func joined(_ points: FeaturePoints, _ forecasts: [Double]) -> FeaturePoints {
    var result = FeaturePoints(numberCount: points.numberCount + 1, choiceCount: points.choiceCount)
    result.reserve(points.count)
    for i in 0..<points.count { result.append(points.numbers(of: i) + [forecasts[i]], points.choices(of: i)) }
    return result
  }

  /// The points with their forecasts.
  public func joined(to points: FeaturePoints) -> FeaturePoints {
    var forecasts: [Double] = []
    forecasts.reserveCapacity(points.count)
    for start in stride(from: 0, to: points.count, by: Self.chunk) {
      let part = points.subset(start..<min(start + Self.chunk, points.count))
      forecasts += numbers(expansion.evaluate(part).values)
    }
    return joined(points, forecasts)
  }

  /// The same, and the gradients of the forecasts with respect to the other numbers: a column a point.
  func joinedWithGradients(to points: FeaturePoints) -> (points: FeaturePoints, gradients: Matrix) {
    let batch = expansion.evaluate(points, withGradients: true)
    var shares = Matrix(rows: weights.rows, columns: points.count)
    for column in 0..<points.count {
      for row in 0..<weights.rows { shares[row, column] = weights[row, 0] / Self.width }
    }
    return (joined(points, numbers(batch.values)), expansion.gradients(batch, weights: shares))
  }
}

/// An acquisition function of a process over points and forecasts, as one of the points alone.
public struct ForecastAcquisition: Acquisition {
  private let base: any Acquisition
  private let forecast: Forecast

  public init(_ base: any Acquisition, _ forecast: Forecast) {
    self.base = base
    self.forecast = forecast
  }

  public var hasGradients: Bool { base.hasGradients }
  public var numberScales: [Double] { base.numberScales.dropLast() }

  public func values(_ points: FeaturePoints) -> [Double] { base.values(forecast.joined(to: points)) }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    let (joined, slopes) = forecast.joinedWithGradients(to: points)
    let found = base.valuesAndGradients(joined)
    let width = points.numberCount
    var gradients = Matrix(rows: width, columns: points.count)
    for column in 0..<points.count {
      let byForecast = found.gradients[width, column]
      for j in 0..<width { gradients[j, column] = found.gradients[j, column] + byForecast * slopes[j, column] }
    }
    return (found.values, gradients)
  }
}
