import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

final class SharedFeatureTests: XCTestCase {
  // MARK: The head

  func testTheHeadOfThreePointsIsThePublishedOne() throws {
    let features = Matrix(rows: 2, columns: 3, storage: [1, 0.2, 1, 0.5, 1, 0.9])
    let head = try XCTUnwrap(
      LinearHead(features: features, targets: [0.1, 0.4, 0.3], precisions: .init(weights: log(2), noise: log(25))))
    XCTAssertEqual(head.mean[0], 0.14892033, accuracy: 1e-8)
    XCTAssertEqual(head.mean[1], 0.21332837, accuracy: 1e-8)
    XCTAssertEqual(head.logEvidence, -0.9442721513864334, accuracy: 1e-9)
    let found = head.predict(Matrix(rows: 2, columns: 1, storage: [1, 0.7]))
    XCTAssertEqual(found.means[0], 0.29825018615040955, accuracy: 1e-9)
    XCTAssertEqual(found.variances[0], 0.01672375279225614, accuracy: 1e-9)
  }

  func testABelievedPointShrinksDoubtsAndMovesNoMean() throws {
    let features = Matrix(rows: 2, columns: 3, storage: [1, 0.2, 1, 0.5, 1, 0.9])
    let targets = [0.1, 0.4, 0.3]
    let precisions = LinearHead.Precisions(weights: log(2), noise: log(25))
    let head = try XCTUnwrap(LinearHead(features: features, targets: targets, precisions: precisions))
    let place = Matrix(rows: 2, columns: 1, storage: [1, 0.7])
    let told = head.believing(place)
    // The same as if it had been observed.
    let more = Matrix(rows: 2, columns: 4, storage: features.storage + place.storage)
    let observed = try XCTUnwrap(
      LinearHead(features: more, targets: targets + head.predict(place).means, precisions: precisions))
    let elsewhere = Matrix(rows: 2, columns: 2, storage: [1, 0, 1, 1])
    for (one, other) in [(told.predict(elsewhere), observed.predict(elsewhere))] {
      for i in 0..<2 {
        XCTAssertEqual(one.means[i], other.means[i], accuracy: 1e-12)
        XCTAssertEqual(one.variances[i], other.variances[i], accuracy: 1e-12)
      }
    }
  }

  // MARK: Gradients

  private func random(_ rows: Int, _ columns: Int, _ stream: inout RandomStream) -> Matrix {
    Matrix(rows: rows, columns: columns, storage: (0..<rows * columns).map { _ in stream.normal() })
  }

  func testTheGradientOfTheEvidenceIsItsSlopeInEveryParameter() {
    var stream = RandomStream(seed: 3, purpose: 5, index: 0)
    let network = FeatureNetwork(inputs: 3, width: 4, stream: &stream)
    XCTAssertEqual(network.parameters.count, FeatureNetwork.count(3, 4))
    let inputs = [random(3, 7, &stream), random(3, 5, &stream)]
    let targets = inputs.map { input in (0..<input.columns).map { _ in stream.normal() } }
    let precisions = [
      LinearHead.Precisions(weights: 0.3, noise: 1.2), LinearHead.Precisions(weights: -0.5, noise: 2.0),
    ]
    func value(_ point: [Double]) -> Double {
      var moved = network
      moved.parameters = Array(point.dropLast(4))
      let pairs = Array(point.suffix(4))
      return SharedFeatures.negativeLogEvidence(
        moved, precisions: [.init(weights: pairs[0], noise: pairs[1]), .init(weights: pairs[2], noise: pairs[3])],
        inputs, targets
      ).value
    }
    let point = network.parameters + precisions.flatMap { [$0.weights, $0.noise] }
    let gradient = SharedFeatures.negativeLogEvidence(network, precisions: precisions, inputs, targets).gradient
    XCTAssertEqual(gradient.count, point.count)
    for i in point.indices {
      var (up, down) = (point, point)
      up[i] += 1e-5
      down[i] -= 1e-5
      XCTAssertEqual(gradient[i], (value(up) - value(down)) / 2e-5, accuracy: 1e-6 * max(1, abs(gradient[i])), "\(i)")
    }
  }

  private func task(_ count: Int, seed: UInt64, _ function: ([Double], Int32) -> Double) -> SharedFeatures.Task {
    var stream = RandomStream(seed: seed, purpose: 1, index: 0)
    var points = FeaturePoints(numberCount: 2, choiceCount: 1)
    var scores: [Double] = []
    for _ in 0..<count {
      let numbers = [stream.uniform(), stream.uniform()]
      let choice = Int32(stream.index(below: 3))
      points.append(numbers, [choice])
      scores.append(function(numbers, choice))
    }
    return .init(points, OutputTransform.standard.apply(scores))
  }

  func testTheGradientOfTheImprovementIsItsSlope() throws {
    let tasks = [1, 2].map { seed in task(20, seed: seed) { $0[0] * $0[0] - $0[1] + Double($1) } }
    var options = SharedFeatures.Options()
    options.width = 6
    options.evaluations = 10
    let shared = try XCTUnwrap(SharedFeatures(tasks, options: options, seed: 1))
    XCTAssertTrue(shared.isTrained)
    let heads = try tasks.map { try XCTUnwrap(shared.head($0)) }
    let function = HeadImprovement(shared, heads.map { .init($0, weight: 0.5) }, threshold: 0.3)
    let points = task(4, seed: 9) { _, _ in 0 }.points
    let found = function.valuesAndGradients(points)
    let values = function.values(points)
    for row in 0..<points.count {
      XCTAssertEqual(found.values[row], values[row], accuracy: 1e-12)
      for j in 0..<2 {
        func moved(_ step: Double) -> Double {
          var numbers = points.numbers(of: row)
          numbers[j] += step
          var one = FeaturePoints(numberCount: 2, choiceCount: 1)
          one.append(numbers, points.choices(of: row))
          return function.values(one)[0]
        }
        let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
        XCTAssertEqual(found.gradients[j, row], slope, accuracy: 1e-5 * max(1, abs(slope)))
      }
    }
  }

  // MARK: Learning

  /// The mean squared error, on points that no task has, of a head that saw six points of a task of the same kind.
  private func error(_ shared: SharedFeatures, seed: UInt64, _ function: @escaping ([Double], Int32) -> Double) throws
    -> Double
  {
    let own = task(6 + 100, seed: seed, function)
    let few = SharedFeatures.Task(own.points.subset(0..<6), Array(own.scores[..<6]))
    let head = try XCTUnwrap(shared.head(few))
    let found = head.predict(shared.features(own.points)).means
    var sum = 0.0
    for row in 6..<106 { sum += (found[row] - own.scores[row]) * (found[row] - own.scores[row]) }
    return sum / 100
  }

  func testFeaturesOfRelatedTasksPredictANewOneFromSixPoints() throws {
    // Bowls whose centres lie on a line: three numbers say all of one.
    func bowl(_ centre: Double) -> ([Double], Int32) -> Double {
      { x, choice in
        let (a, b) = (x[0] - centre, x[1] - 0.5)
        return -a * a - b * b - 0.1 * Double(choice)
      }
    }
    let tasks = [0.2, 0.35, 0.65, 0.8].enumerated().map { task(40, seed: UInt64($0.offset), bowl($0.element)) }
    var (learned, untrained) = (0.0, 0.0)
    for seed in 1...3 as ClosedRange<UInt64> {
      let shared = try XCTUnwrap(SharedFeatures(tasks, seed: seed))
      var none = SharedFeatures.Options()
      none.evaluations = 1
      let random = try XCTUnwrap(SharedFeatures(tasks, options: none, seed: seed))
      learned += try error(shared, seed: 20 + seed, bowl(0.5)) / 3
      untrained += try error(random, seed: 20 + seed, bowl(0.5)) / 3
    }
    XCTAssertLessThan(learned, 0.4)
    XCTAssertLessThan(learned, 0.5 * untrained)
  }

  func testWhatCannotBeLearnedIsSaid() throws {
    XCTAssertNil(SharedFeatures([], seed: 1))
    XCTAssertNil(SharedFeatures([task(0, seed: 1) { _, _ in 0 }], seed: 1))
    var odd = task(5, seed: 1) { $0[0] + Double($1) }
    odd.scores[2] = .nan
    XCTAssertEqual(SharedFeatures([odd], seed: 1)?.isTrained, false)
    XCTAssertNil(SharedFeatures([task(5, seed: 1) { x, _ in x[0] }], seed: 1)?.head(odd))
  }
}
