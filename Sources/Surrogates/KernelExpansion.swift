import TrimtabNumerics

/// Weighted sums of kernel functions about given points: Σ k(x, pᵢ) wᵢ.
struct KernelExpansion: Sendable {
  let parameters: KernelParameters
  private let centres: MaternKernel.Scaled

  struct Batch: Sendable {
    /// k of each centre and query: a column a query.
    var values: Matrix
    var slopes: Matrix?
    fileprivate var queries: MaternKernel.Scaled
    fileprivate var raw: [Double]
  }

  init(_ centres: FeaturePoints, _ parameters: KernelParameters) {
    self.parameters = parameters
    self.centres = MaternKernel.scale(centres, parameters)
  }

  func evaluate(_ points: FeaturePoints, withGradients: Bool = false) -> Batch {
    let queries = MaternKernel.scale(points, parameters)
    var values = MaternKernel.squaredDistances(centres, queries, choiceScales: parameters.choiceScales)
    var slopes: Matrix?
    if withGradients {
      slopes = MaternKernel.applyValuesAndSlopes(&values, parameters.signal)
    } else {
      MaternKernel.applyValues(&values, parameters.signal)
    }
    return Batch(values: values, slopes: slopes, queries: queries, raw: points.numbers)
  }

  /// The gradients of the sums with respect to the queries' numbers: a column a query.
  /// - Parameter weights: a column a query.
  func gradients(_ batch: Batch, weights: Matrix) -> Matrix {
    guard var terms = batch.slopes else { return Matrix(rows: centres.numbers.rows, columns: weights.columns) }
    for cell in terms.storage.indices { terms.storage[cell] *= weights.storage[cell] }
    return MaternKernel.gradients(terms, centres: centres, queries: batch.queries, raw: batch.raw, parameters)
  }
}

extension MaternKernel {
  /// The gradients of weighted sums of kernel functions with respect to the queries' numbers.
  /// - Parameter terms: −2 ∂k/∂(r²) of each centre and query times its weight; a column a query.
  static func gradients(
    _ terms: Matrix, centres: Scaled, queries: Scaled, raw: [Double], _ parameters: KernelParameters
  ) -> Matrix {
    var result = LinearAlgebra.product(centres.numbers, terms)
    let width = result.rows
    for column in 0..<terms.columns {
      var sum = 0.0
      for row in 0..<terms.rows { sum += terms.storage[column &* terms.rows &+ row] }
      for j in 0..<width {
        let cell = column * width + j
        result.storage[cell] -= queries.numbers.storage[cell] * sum
        result.storage[cell] /= parameters.numberScales[j]
        if !parameters.warps.isEmpty { result.storage[cell] *= parameters.warps[j].derivatives(raw[cell]).x }
      }
    }
    return result
  }
}
