import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

final class CostFrontTests: XCTestCase {
  private func groups(_ all: [[(output: Double, cost: Double)]]) -> [CostGroup] {
    var place = 0
    return all.map { outcomes in
      var group = CostGroup()
      for (output, cost) in outcomes {
        group.add(place, output: output, cost: cost)
        place += 1
      }
      return group
    }
  }

  /// A, B, C and D.
  private var example: [CostGroup] {
    groups([[(0, 1), (1, 1)], [(0.6, 2)], [(0.55, 3), (0.75, 3)], [(0.8, 4)]])
  }

  func testAFrontHasWhatGivesMoreThanAllThatCostsLess() {
    let front = CostFront.front(example, share: 0, isConservative: false)
    XCTAssertEqual(front, example)
    XCTAssertEqual(CostFront.area(front), 1.75, accuracy: 1e-12)
    let worse = groups([[(0.5, 2.5)]]) + example
    XCTAssertEqual(CostFront.front(worse, share: 0, isConservative: false), example)
  }

  func testASingleLuckyOutcomeHasToExceedEverySingleOneOfTheFront() {
    let front = CostFront.front(example, share: 0, isConservative: true)
    XCTAssertEqual(front, [example[0], example[2], example[3]])
  }

  func testTheFrontBeginsWithTheBestOfTheCheap() {
    let all = groups([[(0, 1)], [(5, 2)], [(3, 3)], [(4, 10)], [(6, 20)]])
    // Quantiles of 1, 2, 3, 10, 20.
    XCTAssertEqual(CostFront.front(all, share: 0.25, isConservative: false).map(\.cost), [2, 20])
    XCTAssertEqual(CostFront.front(all, share: 0, isConservative: false).map(\.cost), [1, 2, 20])
    XCTAssertEqual(CostFront.front(all, share: 1, isConservative: false).map(\.cost), [20])
  }

  func testOfTheCheapOnesARepeatedOneComesFirst() {
    let all = groups([[(9, 1)], [(1, 2), (2, 2)], [(3, 50)], [(4, 60)]])
    XCTAssertEqual(CostFront.front(all, share: 0.5, isConservative: true).map(\.cost), [2, 50, 60])
    XCTAssertEqual(CostFront.front(all, share: 0.5, isConservative: false).map(\.cost), [1])
    // The mean of the cheapest outcome's group may be dear.
    let split = groups([[(1, 1), (1, 99)], [(2, 40)]])
    XCTAssertEqual(CostFront.front(split, share: 0, isConservative: true).map(\.cost), [40, 50].prefix(1).map { $0 })
    XCTAssertEqual(CostFront.front([], share: 0.2, isConservative: true), [])
  }

  // MARK: Quantiles

  func testQuantilesBecomeNormal() {
    let transform = QuantileTransform([1, 2, 3, 4, 5, 6, 7, 8, 10])
    XCTAssertEqual(transform.references, [1, 5, 10])
    for (value, z): (Double, Double) in [(1, -5.19933758), (2, -1.15034938), (5, 0), (8, 0.84162123), (10, 5.19933758)]
    {
      XCTAssertEqual(transform.apply(value), z, accuracy: 1e-8)
      XCTAssertEqual(transform.inverse(transform.apply(value)), value, accuracy: 1e-6)
    }
    XCTAssertEqual(transform.apply(99), transform.apply(10))
    XCTAssertEqual(transform.apply(-99), transform.apply(1))
  }

  func testTiesAndOddNumbersHaveQuantiles() {
    XCTAssertEqual(QuantileTransform([3, 3, 3]).apply(3), 0)
    XCTAssertEqual(QuantileTransform([7]).apply(7), 0)
    // Of quantiles that are equal it is the middle.
    XCTAssertEqual(QuantileTransform([1, 2, 2, 2, 9], count: 5).apply(2), 0, accuracy: 1e-12)
    let huge = QuantileTransform([-1.7e308, 0, 1.7e308, 1e308])
    XCTAssertEqual(huge.apply(0), 0, accuracy: 1e-9)
    XCTAssertGreaterThan(huge.apply(1e308), 0.5)
    let rising = QuantileTransform((0..<100).map { Double($0 * $0) })
    let values = stride(from: -5.0, through: 9900, by: 13).map(rising.apply)
    XCTAssertEqual(values, values.sorted())
  }

  // MARK: Processes

  private let kernel = PlainProcess.Kernel.linearAndMatern(scale: 0.3)

  private func row(_ values: [Double]) -> Matrix { Matrix(rows: 1, columns: values.count, storage: values) }

  func testAProcessFollowsItsTargetsAndReturnsToItsTrend() throws {
    // By hand, of one point: k(x, x) = x² + 1, noise 0.01 + 1e-4.
    let one = try XCTUnwrap(PlainProcess(row([2]), [3], kernel, noise: 0.01))
    let (means, variances) = one.predict(row([2, 2.3]))
    XCTAssertEqual(means[0], 3 * 5 / 5.0101, accuracy: 1e-12)
    XCTAssertEqual(variances[0], 5 - 25 / 5.0101, accuracy: 1e-12)
    let near = 4.6 + (1 + 3.0.squareRoot()) * exp(-3.0.squareRoot())
    XCTAssertEqual(means[1], 3 * near / 5.0101, accuracy: 1e-12)
    XCTAssertEqual(variances[1], 2.3 * 2.3 + 1 - near * near / 5.0101, accuracy: 1e-9)
    let smooth = try XCTUnwrap(PlainProcess(row([0]), [2], .squaredExponential(scale: 1), noise: 0.01))
    XCTAssertEqual(smooth.predict(row([1])).means[0], 2 * exp(-0.5) / 1.0101, accuracy: 1e-12)
    // Far away a line is left.
    let line = try XCTUnwrap(PlainProcess(row([-1, -0.5, 0, 0.5, 1]), [-2, -1, 0, 1, 2], kernel))
    XCTAssertEqual(line.predict(row([10])).means[0] / 10, line.predict(row([20])).means[0] / 20, accuracy: 1e-6)
    XCTAssertGreaterThan(line.predict(row([10])).means[0], 5)
  }

  func testTheNoiseIsTheLikeliest() throws {
    var stream = RandomStream(seed: 1, purpose: 2, index: 0)
    let x = (0..<60).map { Double($0) / 60 }
    let quiet = try XCTUnwrap(PlainProcess(row(x), x.map { sin(4 * $0) }, kernel))
    let noisy = try XCTUnwrap(PlainProcess(row(x), x.map { sin(4 * $0) + 0.3 * stream.normal() }, kernel))
    XCTAssertLessThan(quiet.noise, 0.01)
    XCTAssertGreaterThan(noisy.noise, 0.02)
    XCTAssertNil(PlainProcess(row([]), [], kernel))
    XCTAssertNil(PlainProcess(row([.nan]), [1], kernel))
  }

  func testDrawnFunctionsHaveThePosteriorsMeanAndDeviation() throws {
    let process = try XCTUnwrap(PlainProcess(row([0, 1]), [0, 2], kernel, noise: 0.01))
    let places = row([0.5, 0.6])
    let (means, variances) = process.predict(places)
    var (sum, square, product) = (0.0, 0.0, 0.0)
    let count = 4000
    for i in 0..<count {
      var stream = RandomStream(seed: 7, purpose: 1, index: UInt64(i))
      let drawn = process.draw(at: places, &stream)
      sum += drawn[0]
      square += (drawn[0] - means[0]) * (drawn[0] - means[0])
      product += (drawn[0] - means[0]) * (drawn[1] - means[1])
    }
    XCTAssertEqual(sum / Double(count), means[0], accuracy: 0.05)
    XCTAssertEqual(square / Double(count), variances[0], accuracy: 0.06)
    XCTAssertGreaterThan(product / Double(count), 0.7 * variances[0], "neighbours are drawn together")
    let more = try XCTUnwrap(process.adding(places, [5, 5]))
    XCTAssertEqual(more.predict(places).means[0], 5, accuracy: 0.3)
    XCTAssertLessThan(more.predict(places).variances[0], 0.02)
  }

  func testATargetIsPredictedFromAllOthers() throws {
    let x = [0.0, 0.2, 0.5, 0.9]
    let y = [1.0, 1.4, 0.3, -0.5]
    let process = try XCTUnwrap(PlainProcess(row(x), y, kernel, noise: 0.01))
    let left = try XCTUnwrap(process.leaveOneOut())
    let rest = try XCTUnwrap(PlainProcess(row([0, 0.2, 0.9]), [1, 1.4, -0.5], kernel, noise: 0.01))
    let (means, variances) = rest.predict(row([0.5]))
    XCTAssertEqual(left.means[2], means[0], accuracy: 1e-9)
    XCTAssertEqual(left.variances[2], variances[0] + 0.0101, accuracy: 1e-9)
  }
}
