import TrimtabNumerics
import TrimtabSurrogates
import XCTest

final class FreezeThawTests: XCTestCase {
  private func points(_ values: [Double]) -> FeaturePoints {
    var points = FeaturePoints(numberCount: 1, choiceCount: 0)
    for value in values { points.append([value], []) }
    return points
  }

  /// Two curves under a Matérn kernel, by the process and by one dense Gaussian process over all reports.
  func testTheProcessIsThatOfAllReportsTogether() throws {
    let curves = [
      FreezeThawProcess.Curve(times: [1, 2, 3], values: [0.60, 0.48, 0.43]),
      FreezeThawProcess.Curve(times: [1, 2], values: [0.50, 0.44]),
    ]
    let kernel = KernelParameters(numberScales: [0.4], choiceScales: [], signal: 0.04)
    let parameters = FreezeThawProcess.Parameters(
      kernel: kernel, mean: 0.3, shape: 1, scale: 0.5, amplitude: 0.2, noise: 1e-3)
    let configurations = points([0, 0.5])
    let process = try XCTUnwrap(FreezeThawProcess(configurations, curves, parameters))

    // Reports, then the quantities asked for: asymptotes of both and of a new point, curves at 10.
    let new = points([0.25])
    let rows: [(x: Int, t: Double?)] =
      [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2)] + [(0, nil), (1, nil), (2, nil), (0, 10), (1, 10), (2, 10)]
    var all = configurations
    all.append(0, of: new)
    let asymptotes = MaternKernel.covariances(all, all, kernel)
    func covariance(_ a: (x: Int, t: Double?), _ b: (x: Int, t: Double?)) -> Double {
      var sum = asymptotes[a.x, b.x]
      if a.x == b.x, let s = a.t, let t = b.t { sum += 0.2 * 0.5 / (s + t + 0.5) }
      return sum
    }
    var matrix = Matrix(rows: 5, columns: 5)
    for i in 0..<5 { for j in 0..<5 { matrix[i, j] = covariance(rows[i], rows[j]) + (i == j ? 1e-3 : 0) } }
    let factor = try XCTUnwrap(CholeskyFactor(matrix))
    let values = curves.flatMap(\.values).map { $0 - 0.3 }
    func dense(_ row: (x: Int, t: Double?)) -> (mean: Double, variance: Double) {
      let cross = (0..<5).map { covariance(rows[$0], row) }
      return (
        0.3 + LinearAlgebra.dot(cross, factor.solve(values)),
        covariance(row, row) - LinearAlgebra.dot(cross, factor.solve(cross))
      )
    }
    func check(_ got: (mean: Double, variance: Double), _ row: Int, line: UInt = #line) {
      XCTAssertEqual(got.mean, dense(rows[row]).mean, accuracy: 1e-10, line: line)
      XCTAssertEqual(got.variance, dense(rows[row]).variance, accuracy: 1e-10, line: line)
    }
    check(process.asymptote(of: 0), 5)
    check(process.asymptote(of: 1), 6)
    let far = process.asymptotes(of: new)
    check((far.means[0], far.variances[0]), 7)
    check(process.prediction(of: 0, at: 10), 8)
    check(process.prediction(of: 1, at: 10), 9)
    let curve = process.predictions(of: new, at: 10)
    check((curve.means[0], curve.variances[0]), 10)

    let quadratic = LinearAlgebra.dot(values, factor.solve(values))
    let density = -0.5 * quadratic - factor.halfLogDeterminant - 2.5 * _logTwoPi
    XCTAssertEqual(process.logMarginalLikelihood, density, accuracy: 1e-10)
  }

  private let _logTwoPi = 1.8378770664093453

  func testFittedParametersContinueCurvesBetterThanTheirLastValues() throws {
    var stream = RandomStream(seed: 5, purpose: stableHash("freeze"), index: 0)
    var (model, last) = (0.0, 0.0)
    for _ in 0..<3 {
      var configurations = FeaturePoints(numberCount: 2, choiceCount: 0)
      var curves: [FreezeThawProcess.Curve] = []
      var ends: [Double] = []
      for index in 0..<24 {
        let (x, y) = (stream.uniform(), stream.uniform())
        configurations.append([x, y], [])
        let asymptote = 2 * (x - 0.4) * (x - 0.4) + y
        let length = index % 3 == 0 ? 20 : 4
        let times = (1...length).map(Double.init)
        curves.append(
          FreezeThawProcess.Curve(
            times: times, values: times.map { asymptote + 1.5 / (1 + $0) + 0.01 * stream.normal() }))
        ends.append(asymptote + 1.5 / 21)
      }
      let fitted = FreezeThawFit(configurations, curves, horizon: 20).run()
      let process = try XCTUnwrap(FreezeThawProcess(configurations, curves, fitted))
      for index in 0..<24 where index % 3 != 0 {
        let predicted = process.prediction(of: index, at: 20).mean
        model += (predicted - ends[index]) * (predicted - ends[index])
        last += (curves[index].values[3] - ends[index]) * (curves[index].values[3] - ends[index])
      }
    }
    XCTAssertLessThan(model, 0.1 * last)
  }

  func testThinnedCurvesKeepTheirEnds() {
    let curve = FreezeThawProcess.Curve(times: (1...100).map(Double.init), values: (1...100).map { -Double($0) })
    let thin = FreezeThawFit.thin(curve, to: 10)
    XCTAssertEqual(thin.times.first, 1)
    XCTAssertEqual(thin.times.last, 100)
    XCTAssertLessThanOrEqual(thin.times.count, 10)
    XCTAssertEqual(thin.values, thin.times.map { -$0 })
    XCTAssertEqual(FreezeThawFit.choose([5, 1, 4, 2, 3], 2).count, 2)
    XCTAssertTrue(FreezeThawFit.choose([5, 1, 4, 2, 3], 2).contains(1))
  }
}
