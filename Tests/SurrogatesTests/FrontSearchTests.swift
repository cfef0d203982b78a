import TrimtabNumerics
import TrimtabSearchSpaces
import XCTest

@testable import TrimtabSurrogates

final class FrontSearchTests: XCTestCase {
  private func search(_ space: Space, remembersAll: Bool = false) -> FrontSearch {
    var settings = FrontSearch.Settings()
    settings.population = 40
    settings.generations = 40
    settings.remembersAll = remembersAll
    return FrontSearch(SpaceFeatures(space), incumbents: [], seed: 3, settings: settings)
  }

  func testTheFrontOfTwoBowlsIsTheLineBetweenTheirBottoms() throws {
    let space = try Space([.float("x", 0...1), .float("y", 0...1)])
    for remembersAll in [false, true] {
      var search = search(space, remembersAll: remembersAll)
      let front = search.run { points in
        (0..<points.count).map { i in
          let (x, y) = (points.numbers[2 * i], points.numbers[2 * i + 1])
          return [
            (x - 0.2) * (x - 0.2) + (y - 0.5) * (y - 0.5), (x - 0.8) * (x - 0.8) + (y - 0.5) * (y - 0.5),
          ]
        }
      }
      XCTAssertGreaterThan(front.count, 20)
      var (least, most) = (1.0, 0.0)
      for member in front {
        let slots = member.configuration.slots
        XCTAssertEqual(slots[1], 0.5, accuracy: 0.08)
        least = min(least, slots[0])
        most = max(most, slots[0])
      }
      XCTAssertEqual(least, 0.2, accuracy: 0.06)
      XCTAssertEqual(most, 0.8, accuracy: 0.06)
    }
  }

  func testNoMemberOfAFrontDominatesAnother() throws {
    let space = try Space([
      .float("x", 0...1), .categorical("c", ["a", "b", "c"]), .integer("n", 1...9).when("c == b"),
    ])
    var search = search(space, remembersAll: true)
    let front = search.run { points in
      (0..<points.count).map { i in
        let x = points.numbers[i * points.numberCount]
        let c = Double(points.choices[0][i])
        return [x + c, (1 - x) * (3 - c)]
      }
    }
    for a in front {
      XCTAssertTrue(space.contains(a.configuration))
      for b in front { XCTAssertFalse(FrontSearch.dominates(a.objectives, b.objectives)) }
    }
  }

  func testWhatIsNoNumberIsLeftOut() throws {
    var search = search(try Space([.float("x", 0...1)]))
    let front = search.run { points in
      (0..<points.count).map { [points.numbers[$0] < 0.5 ? .nan : points.numbers[$0], 0] }
    }
    XCTAssertTrue(front.allSatisfy { $0.configuration.slots[0] >= 0.5 })
  }
}
