import Foundation
import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

@testable import TrimtabBenchmarks

final class TrueFrontTests: XCTestCase {
  private let names = ["zdt1", "zdt2", "zdt3", "zdt4", "zdt6", "dtlz1", "dtlz2", "dtlz7", "dtlz2-5-2", "dtlz7-9-4"]

  /// Configurations that lie on the surface that has the front: the place at random, the rest at its best.
  private func onTheSurface(_ name: String, count: Int) throws -> [[Double]] {
    let problem = try problem(name)
    let rest = name.hasPrefix("dtlz") && !name.hasPrefix("dtlz7") ? 0.5 : 0
    return try (0..<count).map {
      var configuration = try problem.space.sample(seed: 4, index: UInt64($0))
      for slot in (problem.objectives.count - 1)..<configuration.slots.count { configuration.slots[slot] = rest }
      XCTAssertTrue(problem.space.contains(configuration))
      return problem.score(configuration)
    }
  }

  func testConfigurationsWithTheirRestAtItsBestLieOnTheFront() throws {
    for name in names {
      for f in try onTheSurface(name, count: 200) {
        switch name.prefix(5) {
        case "zdt1", "zdt4": XCTAssertEqual(f[1], 1 - f[0].squareRoot(), accuracy: 1e-9, name)
        case "zdt2", "zdt6": XCTAssertEqual(f[1], 1 - f[0] * f[0], accuracy: 1e-9, name)
        case "zdt3":
          XCTAssertEqual(f[1], 1 - f[0].squareRoot() - f[0] * sin(10 * Double.pi * f[0]), accuracy: 1e-9, name)
        case "dtlz1": XCTAssertEqual(f.reduce(0, +), 0.5, accuracy: 1e-9, name)
        case "dtlz2": XCTAssertEqual(f.reduce(0) { $0 + $1 * $1 }, 1, accuracy: 1e-9, name)
        default:
          let taken = f.dropLast().reduce(0) { $0 + $1 * (1 + sin(3 * Double.pi * $1)) }
          XCTAssertEqual(f[f.count - 1], 2 * Double(f.count) - taken, accuracy: 1e-9, name)
        }
      }
    }
  }

  func testNothingDominatesAPointOfTheFront() throws {
    for name in names {
      let problem = try problem(name)
      let front = try XCTUnwrap(problem.front)
      let points = front.points(200)
      XCTAssertEqual(points.count, 200)
      XCTAssertEqual(paretoFront(points), Array(points.indices), name)
      let others =
        try onTheSurface(name, count: 300)
        + (0..<300).map { problem.score(try problem.space.sample(seed: 8, index: UInt64($0))) }
      for other in others {
        for point in points {
          // The pieces' ends are known to a hundred-thousandth.
          let dominates = zip(other, point).allSatisfy { $0 < $1 - 1e-4 }
          XCTAssertFalse(dominates, "\(name): \(other) before \(point)")
        }
      }
    }
  }

  func testHypervolumesAreThoseOfTheLiterature() throws {
    func volume(_ name: String) throws -> Double { try XCTUnwrap(problem(name).front).hypervolume }
    XCTAssertEqual(try volume("zdt1"), 0.876667, accuracy: 1e-6)
    XCTAssertEqual(try volume("zdt2"), 0.543333, accuracy: 1e-6)
    XCTAssertEqual(try volume("zdt4"), 0.876667, accuracy: 1e-6)
    XCTAssertEqual(try volume("dtlz2"), 1.331 - Double.pi / 6, accuracy: 1e-12)
    XCTAssertEqual(try volume("dtlz1"), 0.166375 - 0.125 / 6, accuracy: 1e-12)
  }

  func testHypervolumesAreTheShareOfTheBoxThatThePointsDominate() throws {
    for name in names {
      let front = try XCTUnwrap(problem(name).front)
      let points = front.points(4000)
      let top = front.referencePoint
      let bottom = (0..<front.objectives).map { i in points.map { $0[i] }.min() ?? 0 }
      var stream = RandomStream(seed: 1, purpose: stableHash("box"), index: 0)
      var inside = 0
      let draws = 3000
      for _ in 0..<draws {
        let drawn = zip(bottom, top).map { $0 + ($1 - $0) * stream.uniform() }
        if points.contains(where: { point in zip(point, drawn).allSatisfy { $0 <= $1 } }) { inside += 1 }
      }
      let box = zip(bottom, top).reduce(1) { $0 * ($1.1 - $1.0) }
      let share = Double(inside) / Double(draws)
      // Sampled points leave gaps, the more the more objectives: what they dominate is a little less.
      XCTAssertEqual(share, front.hypervolume / box, accuracy: 0.05, name)
      XCTAssertLessThan(share, front.hypervolume / box + 0.035, name)
    }
  }

  func testProblemsOfOneObjectiveHaveNoFront() throws {
    XCTAssertNil(try problem("branin").front)
  }
}
