import TrimtabNumerics
import XCTest

@testable import TrimtabMethods

final class RankedListTests: XCTestCase {
  func testItAgreesWithASortedArrayUnderRandomInsertionsAndRemovals() {
    var stream = RandomStream(seed: 1, purpose: 2, index: 3)
    var list = RankedList<Int>()
    var array: [Int] = []
    for step in 0..<20_000 {
      let value = stream.index(below: 3000)
      if step % 3 == 2 {
        list.remove(value)
        if let found = array.firstIndex(of: value) { array.remove(at: found) }
      } else {
        list.insert(value)
        array.insert(value, at: array.firstIndex { $0 >= value } ?? array.count)
      }
      guard step % 500 == 0 else { continue }
      XCTAssertEqual(list.count, array.count)
      XCTAssertEqual(list.first, array.first)
      XCTAssertEqual((0..<list.count).map { list[$0] }, array)
      XCTAssertEqual(list.rank(of: value), array.firstIndex { $0 >= value } ?? array.count)
      XCTAssertEqual(list.first(upTo: 1500) { $0 % 7 == 3 }, array.first { $0 % 7 == 3 && $0 <= 1500 })
    }
    XCTAssertGreaterThan(list.count, RankedList<Int>.capacity * 4)
  }

  func testRemovingEverythingLeavesAnEmptyList() {
    var list = RankedList<Int>()
    for i in 0..<2000 { list.insert(i) }
    for i in (0..<2000).reversed() { list.remove(i) }
    XCTAssertEqual(list.count, 0)
    XCTAssertNil(list.first)
    XCTAssertEqual(list.rank(of: 5), 0)
    list.remove(5)
    XCTAssertEqual(list.count, 0)
  }
}
