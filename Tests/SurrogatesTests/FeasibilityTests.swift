import TrimtabNumerics
import XCTest

@testable import TrimtabSurrogates

final class FeasibilityTests: XCTestCase {
  private func example() -> (Matrix, [Double]) {
    var points = FeaturePoints(numberCount: 1, choiceCount: 0)
    for x in [0, 0.5, 1.2] { points.append([x], []) }
    let parameters = KernelParameters(numberScales: [0.6], choiceScales: [], signal: 2)
    return (MaternKernel.covariances(points, points, parameters), [1, 1, -1])
  }

  private func sites(_ inference: ProbitSites.Inference) throws -> ProbitSites {
    let (covariances, signs) = example()
    return try XCTUnwrap(
      ProbitSites(covariances, signs: signs, by: inference, sweeps: 500, tolerance: 1e-13))
  }

  private func check(_ found: [Double], _ expected: [Double], _ accuracy: Double = 2e-8, line: UInt = #line) {
    for (a, b) in zip(found, expected) { XCTAssertEqual(a, b, accuracy: accuracy, line: line) }
  }

  func testLaplacesModeAndEvidenceAreTheReferences() throws {
    let sites = try sites(.laplace)
    check(sites.means, [0.96032138, 0.7426815, -0.54695975])
    XCTAssertEqual(sites.laplaceEvidence, -2.099299674142136, accuracy: 1e-9)
  }

  func testExpectationPropagationIsTheReferences() throws {
    let sites = try sites(.expectationPropagation)
    check(sites.precisions, [0.32233099, 0.38252072, 0.43475411])
    check(sites.naturals, [0.73863933, 0.79442234, -0.84587578])
    check(sites.means, [1.14916418, 0.88185133, -0.63869276])
    XCTAssertEqual(sites.propagationEnergy, -2.0526282662712996, accuracy: 1e-9)
  }

  func testVariationalSitesTheirBoundAndTheHybridEnergyAreTheReferences() throws {
    let sites = try sites(.variational)
    check(sites.precisions, [0.34549992, 0.40412933, 0.4591546])
    check(sites.naturals, [0.76361444, 0.81106296, -0.85841762])
    XCTAssertEqual(sites.lowerBound, -2.0655605434471838, accuracy: 1e-8)
    XCTAssertEqual(sites.propagationEnergy, -2.0526950859902597, accuracy: 1e-8)
  }

  func testTheEnergiesComeNearTheExactEvidence() throws {
    // By the orthant probability of three correlated normals.
    let exact = -2.052008318875811
    XCTAssertEqual(try sites(.expectationPropagation).propagationEnergy, exact, accuracy: 1e-3)
    XCTAssertLessThan(try sites(.variational).lowerBound, exact)
  }

  func testQuadratureIntegratesPolynomials() {
    func moment(_ power: Double) -> Double {
      GaussHermite.rule.reduce(0) { $0 + $1.weight * _pow($1.node, power) }
    }
    XCTAssertEqual(moment(0), 1, accuracy: 1e-12)
    XCTAssertEqual(moment(2), 1, accuracy: 1e-12)
    XCTAssertEqual(moment(4), 3, accuracy: 1e-11)
    XCTAssertEqual(moment(8), 105, accuracy: 1e-8)
  }

  func testAHalfThatFailsIsLearned() throws {
    var points = FeaturePoints(numberCount: 2, choiceCount: 1)
    var stream = RandomStream(seed: 4, purpose: 1, index: 0)
    var succeeds: [Bool] = []
    for _ in 0..<40 {
      let x = [stream.uniform(), stream.uniform()]
      points.append(x, [Int32(stream.index(below: 3))])
      succeeds.append(x[0] < 0.6)
    }
    var queries = FeaturePoints(numberCount: 2, choiceCount: 1)
    for x in [0.1, 0.3, 0.8, 0.95] { queries.append([x, 0.5], [1]) }
    for inference in FeasibilityModel.Inference.allCases {
      let model = try XCTUnwrap(FeasibilityModel(points, succeeds: succeeds, by: inference))
      let found = model.logProbabilities(queries).map { exp($0) }
      XCTAssertGreaterThan(found[0], 0.9, "\(inference)")
      XCTAssertGreaterThan(found[1], 0.85, "\(inference)")
      XCTAssertLessThan(found[2], 0.2, "\(inference)")
      XCTAssertLessThan(found[3], 0.1, "\(inference)")
    }
  }

  func testThereIsNoModelWhereAllTrialsAgree() {
    var points = FeaturePoints(numberCount: 1, choiceCount: 0)
    for x in [0.1, 0.5] { points.append([x], []) }
    XCTAssertNil(FeasibilityModel(points, succeeds: [true, true]))
    XCTAssertNil(FeasibilityModel(points, succeeds: [false, false]))
  }

  func testGradientsOfTheProbabilityAreItsDifferences() throws {
    var points = FeaturePoints(numberCount: 2, choiceCount: 0)
    for x in [[0.1, 0.2], [0.4, 0.9], [0.8, 0.3], [0.9, 0.8], [0.5, 0.5]] { points.append(x, []) }
    let model = try XCTUnwrap(FeasibilityModel(points, succeeds: [true, true, false, false, true]))
    func value(_ x: [Double]) -> Double {
      var query = FeaturePoints(numberCount: 2, choiceCount: 0)
      query.append(x, [])
      return model.logProbabilities(query)[0]
    }
    let place = [0.62, 0.41]
    var query = FeaturePoints(numberCount: 2, choiceCount: 0)
    query.append(place, [])
    let gradients = model.logProbabilitiesAndGradients(query).gradients
    for j in 0..<2 {
      var (up, down) = (place, place)
      up[j] += 1e-5
      down[j] -= 1e-5
      XCTAssertEqual(gradients[j, 0], (value(up) - value(down)) / 2e-5, accuracy: 1e-6)
    }
  }
}
