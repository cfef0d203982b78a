import TrimtabNumerics
import TrimtabSearchSpaces
import XCTest

@testable import TrimtabSurrogates

final class ExpertPriorTests: XCTestCase {
  private func features() throws -> SpaceFeatures {
    var rate = try Parameter.float("rate", 1e-4...1, scale: .log)
    rate.defaultValue = .choice(.real(1e-2))
    var kind = Parameter.categorical("kind", ["a", "b", "c"])
    kind.defaultValue = .choice(.text("b"))
    return SpaceFeatures(try Space([rate, kind, try .float("free", 0...1)]))
  }

  func testTheDensityIsGreatestAtTheDefaultsOnTheirScale() throws {
    let features = try features()
    let prior = try XCTUnwrap(ExpertPrior(features, confidence: 0.75))
    var points = features.empty
    points.append([0.5, 0.9], [1])
    points.append([0.75, 0.1], [1])
    points.append([0.5, 0.9], [2])
    let found = prior.logDensities(points)
    XCTAssertEqual(found[0], 0, accuracy: 1e-12)
    XCTAssertEqual(found[1], -0.5, accuracy: 1e-12)
    // The default has 1/3 + 0.75 · 2/3, each other choice a twelfth.
    XCTAssertEqual(found[2], _log(1.0 / 12 / (5.0 / 6)), accuracy: 1e-12)
  }

  func testWhatIsInactiveSpeaksNeitherForNorAgainst() throws {
    var optimizer = Parameter.categorical("optimizer", ["adam", "sgd"])
    optimizer.defaultValue = .choice(.text("adam"))
    var momentum = try Parameter.float("momentum", 0...1).when("optimizer == sgd")
    momentum.defaultValue = .choice(.real(0.95))
    var kind = try Parameter.categorical("kind", ["a", "b"]).when("optimizer == sgd")
    kind.defaultValue = .choice(.text("b"))
    let space = try Space([optimizer, momentum, kind])
    let features = SpaceFeatures(space)
    let prior = try XCTUnwrap(ExpertPrior(features, confidence: 0.8))
    let points = features.points([
      Configuration(slots: [0, .nan, .nan]), Configuration(slots: [1, 0.95, 1]), Configuration(slots: [1, 0.75, 1]),
    ]).points
    let found = prior.logDensities(points)
    XCTAssertEqual(found[0], 0, accuracy: 1e-12)
    // The default of two has 1/2 + 0.8 · 1/2.
    XCTAssertEqual(found[1], _log(0.1 / 0.9), accuracy: 1e-12)
    XCTAssertEqual(found[2], _log(0.1 / 0.9) - 0.5, accuracy: 1e-12)
    var gradients = Matrix(rows: features.numberCount, columns: 3)
    prior.addGradients(points, weight: 1, to: &gradients)
    XCTAssertEqual(gradients[0, 0], 0)
    XCTAssertEqual(gradients[0, 2], 5, accuracy: 1e-9)
  }

  func testNobodyBelievesAnythingWithoutDefaultsOrConfidence() throws {
    XCTAssertNil(ExpertPrior(try features(), confidence: 0))
    XCTAssertNil(ExpertPrior(SpaceFeatures(try Space([.float("x", 0...1)])), confidence: 0.5))
  }

  func testABeliefWithoutWeightChangesNothing() throws {
    struct Plain: GradientFreeAcquisition {
      func values(_ points: FeaturePoints) -> [Double] { (0..<points.count).map { points.numbers(of: $0)[0] } }
    }
    let features = try features()
    let prior = try XCTUnwrap(ExpertPrior(features, confidence: 0.5))
    var points = features.empty
    points.append([0.1, 0.2], [0])
    points.append([0.8, 0.3], [2])
    XCTAssertEqual(BelievedAcquisition(Plain(), prior, weight: 0).values(points), Plain().values(points))
  }
}
