/// The normal distribution on ℝⁿ that is nearest to a density known up to a factor, in the sense of the lower bound on its
/// logarithmic integral: E[ln p] + entropy.
///
/// The expectation is a mean over fixed points of a scrambled Sobol sequence, so that the bound is a smooth deterministic
/// function and a quasi-Newton method can climb it.
///
/// Sources: Lalchand & Rasmussen, "Approximate inference for fully Bayesian Gaussian process regression", AABI 2020, arXiv
/// 1912.13440 (mean field and full rank); Giordano, Ingram & Broderick, "Black box variational inference with a
/// deterministic objective", JMLR 25, 2024, arXiv 2304.05527 (fixed points).
public struct VariationalGaussian: Sendable {
  public struct Options: Sendable {
    /// Whether variables may depend on each other; independent ones otherwise ("mean field").
    public var isFullRank = true
    /// Points of the expectation; a distribution of full rank needs more than there are variables.
    public var points = 64
    /// Evaluations of the bound.
    public var evaluations = 60
    /// The deviation at first.
    public var deviation = 0.1

    public init() {}
  }

  public private(set) var mean: [Double]
  /// The lower triangular factor of the covariance, column by column.
  public private(set) var factor: Matrix
  private let isFullRank: Bool
  /// Evaluations of the density.
  public private(set) var evaluations: Int

  /// - Parameters:
  ///   - density: the logarithm of the density and its gradient.
  ///   - start: best the mode.
  /// - Returns: nil when the density is not finite near the start.
  public init?(
    _ density: NoUTurnSampler.Density, from start: [Double], options: Options = Options(), seed: UInt64
  ) {
    let n = start.count
    isFullRank = options.isFullRank
    guard n > 0, let normals = Self.normals(n, options.points, seed) else { return nil }
    // Variables: the mean, the logarithms of the diagonal, and the rest of the triangle column by column.
    let pairs: [(row: Int, column: Int)] =
      options.isFullRank ? (0..<n).flatMap { column in (column + 1..<max(n, column + 1)).map { ($0, column) } } : []
    var first = start + Array(repeating: _log(options.deviation), count: n)
    first += Array(repeating: 0, count: pairs.count)
    func split(_ variables: [Double]) -> ([Double], Matrix) {
      var factor = Matrix(rows: n, columns: n)
      for i in 0..<n { factor[i, i] = _exp(variables[n + i]) }
      for (place, pair) in pairs.enumerated() { factor[pair.row, pair.column] = variables[2 * n + place] }
      return (Array(variables[0..<n]), factor)
    }
    var settings = BoxLBFGS.Options()
    settings.evaluations = options.evaluations
    settings.tolerance = 1e-3
    settings.leastDecrease = 1e-5
    settings.firstStep = 0.1
    var count = 0
    let run = BoxLBFGS.minimise(
      from: first, lower: Array(repeating: -1e3, count: first.count), upper: Array(repeating: 1e3, count: first.count),
      options: settings
    ) { variables in
      let (mean, factor) = split(variables)
      var value = 0.0
      var gradient = [Double](repeating: 0, count: variables.count)
      for normal in normals {
        count += 1
        let (log, slope) = density(Self.place(mean, factor, normal, isFullRank: options.isFullRank))
        value += log / Double(normals.count)
        for i in 0..<n {
          gradient[i] -= slope[i] / Double(normals.count)
          gradient[n + i] -= slope[i] * normal[i] * factor[i, i] / Double(normals.count)
        }
        for (place, pair) in pairs.enumerated() {
          gradient[2 * n + place] -= slope[pair.row] * normal[pair.column] / Double(normals.count)
        }
      }
      for i in 0..<n {
        value += variables[n + i]
        gradient[n + i] -= 1
      }
      return (-value, gradient)
    }
    guard run.value.isFinite else { return nil }
    (mean, factor) = split(run.best)
    evaluations = count
  }

  private static func place(
    _ mean: [Double], _ factor: Matrix, _ normal: [Double], isFullRank: Bool
  ) -> [Double] {
    mean.indices.map { row in
      var value = mean[row]
      for column in (isFullRank ? 0 : row)...row { value += factor[row, column] * normal[column] }
      return value
    }
  }

  private static func normals(_ dimension: Int, _ count: Int, _ seed: UInt64) -> [[Double]]? {
    guard let sequence = try? SobolSequence(dimension: dimension, seed: seed) else { return nil }
    return (0..<count).map { index in
      sequence.point(at: UInt64(index)).map { NormalDistribution.quantile(min(max($0, 0x1p-33), 1 - 0x1p-33)) }
    }
  }

  /// Points of the distribution, spread by a scrambled Sobol sequence.
  public func draws(_ count: Int, seed: UInt64) -> [[Double]] {
    (Self.normals(mean.count, count, seed) ?? []).map {
      Self.place(mean, factor, $0, isFullRank: isFullRank)
    }
  }

  /// The lower bound on the logarithm of the density's integral, by as many draws.
  public func lowerBound(_ density: NoUTurnSampler.Density, draws count: Int, seed: UInt64) -> Double {
    var sum = 0.0
    for draw in draws(count, seed: seed) { sum += density(draw).value / Double(count) }
    for i in mean.indices { sum += _log(factor[i, i]) }
    return sum + Double(mean.count) * (0.5 + 0.918938533204672742)
  }
}
