import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

final class NetworkTests: XCTestCase {
  private func points(_ count: Int, seed: UInt64) -> FeaturePoints {
    var points = FeaturePoints(numberCount: 2, choiceCount: 1)
    var stream = RandomStream(seed: seed, purpose: 3, index: 0)
    for _ in 0..<count { points.append([stream.uniform(), stream.uniform()], [Int32(stream.index(below: 3))]) }
    return points
  }

  func testTheNetworksGradientsAreItsDerivatives() throws {
    var stream = RandomStream(seed: 1, purpose: 1, index: 0)
    var network = SmallNetwork(inputs: 3, width: 5, stream: &stream)
    XCTAssertEqual(network.parameters.count, SmallNetwork.count(3, 5))
    for i in network.parameters.indices { network.parameters[i] += 0.1 * stream.normal() }
    let inputs = Matrix(rows: 3, columns: 4, storage: (0..<12).map { _ in stream.normal() })
    let slopes = (0..<4).map { _ in stream.normal() }
    func value(_ network: SmallNetwork, _ inputs: Matrix) -> Double {
      LinearAlgebra.dot(network.forward(inputs).outputs, slopes)
    }
    let (own, ofInputs) = network.backward(network.forward(inputs), inputs, slopes: slopes)
    for i in network.parameters.indices {
      var (up, down) = (network, network)
      up.parameters[i] += 1e-6
      down.parameters[i] -= 1e-6
      XCTAssertEqual(own[i], (value(up, inputs) - value(down, inputs)) / 2e-6, accuracy: 1e-6)
    }
    for i in inputs.storage.indices {
      var (up, down) = (inputs, inputs)
      up.storage[i] += 1e-6
      down.storage[i] -= 1e-6
      XCTAssertEqual(ofInputs.storage[i], (value(network, up) - value(network, down)) / 2e-6, accuracy: 1e-6)
    }
  }

  func testThePenaltysGradientIsExactWhereTheMeanIsQuadratic() {
    // G = ½ βᵀHβ: the added term is λρ H u / ‖u‖ with u = Hβ.
    let h = [[2.0, 0.5], [0.5, 1.0]]
    func product(_ v: [Double]) -> [Double] { h.map { $0[0] * v[0] + $0[1] * v[1] } }
    var penalty = SharpnessPenalty()
    penalty.multiplier = 0.3
    let beta = [1.0, -2.0]
    let u = product(beta)
    let norm = (u[0] * u[0] + u[1] * u[1]).squareRoot()
    let expected = product(u).map { (x: Double) -> Double in 0.015 * x / norm }
    for (a, b) in zip(penalty.term(at: beta, gradient: product), expected) { XCTAssertEqual(a, b, accuracy: 1e-12) }
    // λ follows the excess of the penalty over what is tolerated, and does not become negative.
    XCTAssertEqual(penalty.multiplier, 0.3 + 1e-3 * (0.05 * norm - 0.1), accuracy: 1e-15)
    penalty.multiplier = 0
    XCTAssertEqual(penalty.term(at: [0, 0], gradient: product), [0, 0])
    XCTAssertEqual(penalty.multiplier, 0)
  }

  func testThePenaltyMakesTheMeanPredictionLessSharp() throws {
    let table = points(60, seed: 2)
    let losses = (0..<60).map { (row: Int) -> Double in table.numbers[2 * row + 1] - 5 * table.numbers[2 * row] }
    let scores = OutputTransform.standard.apply(losses)
    var options = PessimisticEnsemble.Options()
    options.members = 1
    options.width = 16
    options.steps = 150
    let penalised = try XCTUnwrap(PessimisticEnsemble(table, scores, options: options, seed: 1))
    let again = try XCTUnwrap(PessimisticEnsemble(table, scores, options: options, seed: 1))
    options.isPenalised = false
    let free = try XCTUnwrap(PessimisticEnsemble(table, scores, options: options, seed: 1))
    let asked = points(20, seed: 9)
    XCTAssertEqual(penalised.values(asked), again.values(asked))
    XCTAssertNotEqual(penalised.values(asked), free.values(asked))
  }

  func testTheEnsembleLearnsAndItsGradientIsItsDerivative() throws {
    let table = points(80, seed: 4)
    let losses = (0..<80).map { (row: Int) -> Double in
      let choice = Double(table.choices[0][row])
      return 4 * table.numbers[2 * row] - 2 + choice
    }
    let scores = OutputTransform.standard.apply(losses)
    var options = PessimisticEnsemble.Options()
    options.members = 2
    options.width = 16
    options.steps = 300
    let ensemble = try XCTUnwrap(PessimisticEnsemble(table, scores, options: options, seed: 1))
    let predicted = ensemble.values(table)
    let squares = zip(predicted, scores).map { (a: Double, b: Double) -> Double in (a - b) * (a - b) }
    let error = squares.reduce(0, +) / 80
    XCTAssertLessThan(error, 0.2)
    let asked = points(6, seed: 5)
    let (values, gradients) = ensemble.valuesAndGradients(asked)
    for (a, b) in zip(values, ensemble.values(asked)) { XCTAssertEqual(a, b, accuracy: 1e-12) }
    for row in 0..<asked.count {
      for j in 0..<2 {
        func shifted(_ step: Double) -> Double {
          var numbers = asked.numbers(of: row)
          numbers[j] += step
          var one = FeaturePoints(numberCount: 2, choiceCount: 1)
          one.append(numbers, asked.choices(of: row))
          return ensemble.values(one)[0]
        }
        XCTAssertEqual(gradients[j, row], (shifted(1e-7) - shifted(-1e-7)) / 2e-7, accuracy: 1e-4)
      }
    }
    XCTAssertNil(PessimisticEnsemble(table.subset([]), [], options: options, seed: 1))
  }
}
