import Dispatch
import Foundation
import TrimtabStores
import TrimtabStudies
import XCTest

/// Processes that find no store and all create one.
final class StoreCreationTests: StoreTestCase {
  func testOfManyWhoCreateAStoreAtOnceOneDoesAndAllCanUseIt() throws {
    for round in 0..<60 {
      let path = "\(folder)/\(round).trimtab"
      let errors = Errors()
      DispatchQueue.concurrentPerform(iterations: 6) { index in
        do {
          let store = try SQLiteStore(path: path, access: .createOrOpen, durability: .relaxed)
          let (log, isNew) = try store.createOrOpenStudy("s", firstFrame: [UInt8(index)])
          var frames = 0
          try log.read(from: 0) { _, _ in frames += 1 }
          errors.note(isNew: isNew, frames == 1 ? nil : "\(frames) frames")
        } catch {
          errors.note(isNew: false, "\(error)")
        }
      }
      XCTAssertEqual(errors.list, [], "round \(round)")
      XCTAssertEqual(errors.newCount, 1)
    }
  }

  func testAWholeLogIsThereAtOnceOrNotAtAll() throws {
    let store = try SQLiteStore(path: "\(folder)/s.trimtab", access: .createOrOpen)
    let frames: [(position: Int, bytes: [UInt8])] = [(0, [1]), (1, [2]), (5, [3])]
    func read(_ name: String) throws -> [Int] {
      var positions: [Int] = []
      try store.log(ofStudy: name).read(from: 0) { position, _ in positions.append(position) }
      return positions
    }
    _ = try store.createStudy("whole", frames: frames)
    XCTAssertEqual(try read("whole"), [0, 1, 5])
    // The last frame cannot be written, because its place is taken.
    XCTAssertThrowsError(try store.createStudy("half", frames: frames + [(5, [4])]))
    XCTAssertEqual(try store.studyNames(), ["whole"])
    XCTAssertThrowsError(try store.createStudy("whole", frames: [(0, [9])])) {
      XCTAssertEqual(($0 as? StoreError)?.kind, .alreadyExists)
    }
    XCTAssertEqual(try read("whole"), [0, 1, 5])
    _ = try store.createStudy("half", frames: frames)
    XCTAssertEqual(try read("half"), [0, 1, 5])
  }

  private final class Errors: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var list: [String] = []
    private(set) var newCount = 0

    func note(isNew: Bool, _ error: String?) {
      lock.lock()
      defer { lock.unlock() }
      if let error { list.append(error) }
      if isNew { newCount += 1 }
    }
  }
}
