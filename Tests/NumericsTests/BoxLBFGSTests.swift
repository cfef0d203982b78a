import TrimtabNumerics
import XCTest

final class BoxLBFGSTests: XCTestCase {
  private func rosenbrock(_ x: [Double]) -> (value: Double, gradient: [Double]) {
    var value = 0.0
    var gradient = [Double](repeating: 0, count: x.count)
    for i in 0..<x.count - 1 {
      let bend = x[i + 1] - x[i] * x[i]
      value += 100 * bend * bend + (1 - x[i]) * (1 - x[i])
      gradient[i] += -400 * x[i] * bend - 2 * (1 - x[i])
      gradient[i + 1] += 200 * bend
    }
    return (value, gradient)
  }

  func testItFindsTheLeastOfRosenbrocksValley() {
    for n in [2, 5, 10] {
      var options = BoxLBFGS.Options()
      options.evaluations = 1000
      options.leastDecrease = 1e-15
      let run = BoxLBFGS.minimise(
        from: (0..<n).map { $0 % 2 == 0 ? -1.2 : 1 }, lower: Array(repeating: -.infinity, count: n),
        upper: Array(repeating: .infinity, count: n), options: options, rosenbrock)
      XCTAssertLessThan(run.value, 1e-8, "\(n) variables")
      XCTAssertLessThan(run.evaluations, 400)
    }
  }

  func testTheLeastOnABoundIsFoundAndTheBoxIsNeverLeft() {
    let run = BoxLBFGS.minimise(
      from: [0.1, 0.9, -5], lower: [0, 0.2, -1], upper: [1, 1, 1]
    ) { x in
      for (value, range) in zip(x, [0...1, 0.2...1, -1...1]) { XCTAssertTrue(range.contains(value)) }
      let (a, b, c) = (x[0] - 2, x[1] + 1, x[2] - 0.25)
      return (a * a + b * b + 3 * c * c + a * b, [2 * a + b, 2 * b + a, 6 * c])
    }
    XCTAssertEqual(run.best[0], 1, accuracy: 1e-9)
    XCTAssertEqual(run.best[1], 0.2, accuracy: 1e-9)
    XCTAssertEqual(run.best[2], 0.25, accuracy: 1e-5)
  }

  func testAQuadraticOfManyVariablesTakesFewEvaluations() {
    let n = 200
    let run = BoxLBFGS.minimise(
      from: Array(repeating: 1, count: n), lower: Array(repeating: -10, count: n), upper: Array(repeating: 10, count: n)
    ) { x in
      var value = 0.0
      let gradient = x.indices.map { i in
        let weight = 1 + Double(i % 10)
        value += 0.5 * weight * (x[i] - 0.3) * (x[i] - 0.3)
        return weight * (x[i] - 0.3)
      }
      return (value, gradient)
    }
    XCTAssertLessThan(run.value, 1e-7)
    XCTAssertLessThan(run.evaluations, 40)
  }

  func testStepsIntoRegionsWithoutAValueAreTakenBack() {
    let run = BoxLBFGS.minimise(from: [3], lower: [-.infinity], upper: [.infinity]) { x in
      x[0] <= 0 ? (.nan, [.nan]) : (x[0] - log(x[0]), [1 - 1 / x[0]])
    }
    XCTAssertEqual(run.best[0], 1, accuracy: 1e-4)
    let lost = BoxLBFGS.minimise(from: [3], lower: [0], upper: [5]) { _ in (.nan, [.nan]) }
    XCTAssertEqual(lost.best, [3])
    XCTAssertEqual(lost.value, .infinity)
  }

  func testAFlatFunctionEndsAtOnce() {
    let run = BoxLBFGS.minimise(from: [0.5, 0.5], lower: [0, 0], upper: [1, 1]) { _ in (7, [0, 0]) }
    XCTAssertEqual(run.evaluations, 1)
    XCTAssertEqual(run.best, [0.5, 0.5])
  }
}
