import TrimtabNumerics

/// Fits a curve with few parameters: the sum of Huber's losses of the residuals, from many starts.
///
/// Each start is run down by L-BFGS, and the best is polished by Levenberg and Marquardt's steps with Huber's weights. The
/// losses are summed, never averaged: with an average a loose tolerance ends the search early (Besiroglu and others,
/// arXiv 2404.10102, give this as the cause of the misfit they correct).
public struct RobustFit: Sendable {
  public var parameters: [Double]
  /// Σ Huber(residual): half the square up to δ, δ·(|r| − δ/2) beyond.
  public var objective: Double

  /// A residual and its derivatives by the parameters, of one row.
  public typealias Residual = (_ parameters: [Double], _ row: Int, _ gradient: inout [Double]) -> Double

  /// - Parameters:
  ///   - rows: which rows count, with repetitions.
  ///   - delta: where squares end; infinite for least squares.
  ///   - starts: at least one; the `kept` with the least objective are run down.
  /// - Returns: nil when no start gives a finite objective.
  public static func fit(
    rows: [Int], delta: Double, starts: [[Double]], kept: Int = 24, _ residual: Residual
  ) -> RobustFit? {
    // The minimiser's tolerances are for numbers about 1.
    let unit = delta.isFinite ? delta * delta : 1
    func objective(_ x: [Double], _ gradient: inout [Double]) -> Double {
      var own = [Double](repeating: 0, count: x.count)
      var sum = 0.0
      for i in gradient.indices { gradient[i] = 0 }
      for row in rows {
        let r = residual(x, row, &own)
        sum += huber(r, delta)
        let slope = min(max(r, -delta), delta) / unit
        for i in own.indices { gradient[i] += slope * own[i] }
      }
      return sum / unit
    }
    var scratch = [Double](repeating: 0, count: starts.first?.count ?? 0)
    let ranked = starts.map { start in (start, objective(start, &scratch)) }.filter { $0.1.isFinite }
      .sorted { $0.1 < $1.1 }.prefix(kept)
    guard let dimension = ranked.first?.0.count else { return nil }
    var best: RobustFit?
    var options = BoxLBFGS.Options()
    options.tolerance = 1e-9
    options.leastDecrease = 1e-10
    options.evaluations = 600
    let free = [Double](repeating: .infinity, count: dimension)
    for (start, _) in ranked {
      let run = BoxLBFGS.minimise(from: start, lower: free.map { -$0 }, upper: free, options: options) { x in
        var gradient = [Double](repeating: 0, count: dimension)
        let value = objective(x, &gradient)
        return (value, gradient)
      }
      if run.value.isFinite, run.value * unit < best?.objective ?? .infinity {
        best = RobustFit(parameters: run.best, objective: run.value * unit)
      }
    }
    best?.polish(rows: rows, delta: delta, residual)
    return best
  }

  static func huber(_ r: Double, _ delta: Double) -> Double {
    abs(r) <= delta ? r * r / 2 : delta * (abs(r) - delta / 2)
  }

  private mutating func polish(rows: [Int], delta: Double, _ residual: Residual) {
    let p = parameters.count
    var damping = 1e-4
    var own = [Double](repeating: 0, count: p)
    var stalls = 0
    for _ in 0..<300 where stalls < 3 {
      var matrix = [[Double]](repeating: [Double](repeating: 0, count: p), count: p)
      var right = [Double](repeating: 0, count: p)
      for row in rows {
        let r = residual(parameters, row, &own)
        let weight = abs(r) <= delta ? 1 : delta / abs(r)
        for i in 0..<p {
          right[i] -= weight * r * own[i]
          for j in 0..<p { matrix[i][j] += weight * own[i] * own[j] }
        }
      }
      var isBetter = false
      for _ in 0..<12 {
        var damped = matrix
        for i in 0..<p { damped[i][i] += damping * matrix[i][i] + 1e-300 }
        if let step = solveSymmetric(damped, right, least: 1e-15) {
          let candidate = zip(parameters, step).map { $0 + $1 }
          let value = rows.reduce(0) { $0 + Self.huber(residual(candidate, $1, &own), delta) }
          if value < objective {
            stalls = objective - value < 1e-13 * objective ? stalls + 1 : 0
            (parameters, objective, isBetter) = (candidate, value, true)
            damping = max(damping / 5, 1e-12)
            break
          }
        }
        damping *= 4
      }
      if !isBetter { return }
    }
  }

  /// The standard errors of the parameters from the curvature of the squares, for fits by least squares; nil where the
  /// parameters are not determined.
  public func standardErrors(rows: [Int], _ residual: Residual) -> [Double]? {
    let p = parameters.count
    guard rows.count > p else { return nil }
    var matrix = [[Double]](repeating: [Double](repeating: 0, count: p), count: p)
    var own = [Double](repeating: 0, count: p)
    var square = 0.0
    for row in rows {
      let r = residual(parameters, row, &own)
      square += r * r
      for i in 0..<p { for j in 0..<p { matrix[i][j] += own[i] * own[j] } }
    }
    var errors: [Double] = []
    for i in 0..<p {
      var unit = [Double](repeating: 0, count: p)
      unit[i] = 1
      guard let column = solveSymmetric(matrix, unit, least: 1e-15), column[i] >= 0 else { return nil }
      errors.append((column[i] * square / Double(rows.count - p)).squareRoot())
    }
    return errors
  }
}
