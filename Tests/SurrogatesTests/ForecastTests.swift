import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

final class ForecastTests: XCTestCase {
  private func points(_ count: Int, seed: UInt64) -> FeaturePoints {
    var stream = RandomStream(seed: seed, purpose: 1, index: 0)
    var points = FeaturePoints(numberCount: 2, choiceCount: 1)
    for _ in 0..<count { points.append([stream.uniform(), stream.uniform()], [Int32(stream.index(below: 2))]) }
    return points
  }

  private func wave(_ points: FeaturePoints, _ i: Int) -> Double {
    let (x, y) = (points.numbers(of: i)[0], points.numbers(of: i)[1])
    return _sin(9 * x) + _cos(7 * y) + (points.choices[0][i] == 0 ? 0 : 0.5)
  }

  /// A process of a wave with many bumps.
  private func first() throws -> GaussianProcess {
    let known = points(120, seed: 1)
    return try XCTUnwrap(
      GaussianProcess.fitted(known, OutputTransform.standard.apply((0..<120).map { wave(known, $0) })))
  }

  func testAForecastIsTheMeanOfItsProcessBroughtToTheUnitInterval() throws {
    let process = try first()
    let asked = points(300, seed: 2)
    let joined = Forecast(process).joined(to: asked)
    let means = process.predict(asked).means
    XCTAssertEqual(joined.numberCount, 3)
    for i in 0..<300 {
      XCTAssertEqual(Array(joined.numbers(of: i).prefix(2)), asked.numbers(of: i))
      XCTAssertEqual(joined.numbers(of: i)[2], 0.5 + means[i] / 6, accuracy: 1e-9)
    }
    XCTAssertEqual(joined.choices, asked.choices)
  }

  func testGradientsAreThoseOfDifferences() throws {
    let forecast = Forecast(try first())
    let known = points(12, seed: 3)
    let process = try XCTUnwrap(
      GaussianProcess.fitted(
        forecast.joined(to: known), OutputTransform.standard.apply((0..<12).map { wave(known, $0) })))
    let function = ForecastAcquisition(
      ModelAcquisition(process, .logExpectedImprovement, threshold: 0.5), forecast)
    XCTAssertEqual(function.numberScales.count, 2)
    let asked = points(8, seed: 4)
    let found = function.valuesAndGradients(asked)
    for (a, b) in zip(found.values, function.values(asked)) { XCTAssertEqual(a, b, accuracy: 1e-9) }
    let step = 1e-6
    for i in 0..<8 {
      for j in 0..<2 {
        var moved = FeaturePoints(numberCount: 2, choiceCount: 1)
        for sign in [1.0, -1] {
          var numbers = asked.numbers(of: i)
          numbers[j] += sign * step
          moved.append(numbers, asked.choices(of: i))
        }
        let values = function.values(moved)
        let slope = (values[0] - values[1]) / (2 * step)
        XCTAssertEqual(found.gradients[j, i], slope, accuracy: 1e-4 * max(1, abs(slope)))
      }
    }
  }

  /// The root of the mean squared error over points that a process has not seen, with forecasts and without, and how far the
  /// forecast has to change for the function to.
  private func errors(_ truth: (FeaturePoints, Int) -> Double) throws -> (with: Double, without: Double, scale: Double)
  {
    let forecast = Forecast(try first())
    let (known, asked) = (points(20, seed: 5), points(200, seed: 6))
    let targets = (0..<20).map { truth(known, $0) }
    func error(_ see: (FeaturePoints) -> FeaturePoints) throws -> (Double, GaussianProcess) {
      let process = try XCTUnwrap(GaussianProcess.fitted(see(known), targets))
      let means = process.predict(see(asked)).means
      return (
        (means.indices.reduce(0) { $0 + _pow(means[$1] - truth(asked, $1), 2) } / 200).squareRoot(), process
      )
    }
    let (with, process) = try error { forecast.joined(to: $0) }
    return (with, try error { $0 }.0, process.parameters.numberScales[2])
  }

  func testAForecastThatSaysMuchIsUsedAndOneThatSaysNothingIsNot() throws {
    // A bent image of what the first process knows, which twenty points alone do not show.
    let useful = try errors { points, i in
      let value = self.wave(points, i)
      return 0.3 * value * abs(value)
    }
    XCTAssertLessThan(useful.with, 0.5 * useful.without)
    let useless = try errors { points, _ in 0 }
    XCTAssertEqual(useless.with, useless.without, accuracy: 1e-9)
    let other = try errors { points, i in 2 * points.numbers(of: i)[0] - 1 }
    XCTAssertLessThan(other.with, 0.1)
    XCTAssertGreaterThan(other.scale, 2 * useful.scale)
  }
}
