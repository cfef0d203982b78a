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
