import Foundation
import TrimtabStudies
import XCTest

@testable import TrimtabStores

/// What every log promises, asked of each kind of log.
final class LogConformanceTests: StoreTestCase {
  private struct Refusal: Error {}

  /// A log with its first frame, by name.
  private func logs() throws -> [(name: String, log: any StudyLog)] {
    let memory = MemoryLog()
    try memory.append(from: 0) { _, _ in
    } decide: {
      (0, [0])
    }
    return [("memory", memory), ("SQLite", try makeLog())]
  }

  func testFramesComeBackInOrderAndAsTheyWere() throws {
    for (name, log) in try logs() {
      for i in 1...5 { try append(log, [UInt8(i), 255, 0]) }
      let all = try frames(log)
      XCTAssertEqual(all.map(\.position), [0, 1, 2, 3, 4, 5], name)
      XCTAssertEqual(all.map(\.bytes), [[0]] + (1...5).map { [UInt8($0), 255, 0] }, name)
    }
  }

  func testReadingFromAPositionGivesTheFramesThatBeginThereOrLater() throws {
    for (name, log) in try logs() {
      // A frame of three events leaves a gap in the positions.
      try log.append(from: 1) { _, _ in
      } decide: {
        (1, [1])
      }
      try log.append(from: 4) { _, _ in
      } decide: {
        (4, [4])
      }
      XCTAssertEqual(try frames(log, from: 1).map(\.position), [1, 4], name)
      XCTAssertEqual(try frames(log, from: 2).map(\.position), [4], name)
      XCTAssertEqual(try frames(log, from: 5).map(\.position), [], name)
    }
  }

  func testAnAppendSeesWhatOthersAppendedFirst() throws {
    for (name, log) in try logs() {
      try append(log, [7])
      var order: [String] = []
      try log.append(from: 1) { position, frame in
        order.append("caught up \(position) \(Array(frame))")
      } decide: {
        order.append("decided")
        return (2, [8])
      }
      XCTAssertEqual(order, ["caught up 1 [7]", "decided"], name)
    }
  }

  func testDecidingForNothingAppendsNothing() throws {
    for (name, log) in try logs() {
      try log.append(from: 1) { _, _ in
      } decide: {
        nil
      }
      XCTAssertEqual(try frames(log).count, 1, name)
    }
  }

  func testAnErrorInAnAppendAppendsNothingAndTheLogGoesOn() throws {
    for (name, log) in try logs() {
      XCTAssertThrowsError(
        try log.append(from: 1) { _, _ in
        } decide: {
          throw Refusal()
        }
      ) {
        XCTAssertTrue($0 is Refusal, name)
      }
      XCTAssertThrowsError(
        try log.append(from: 0) { _, _ in
          throw Refusal()
        } decide: {
          (1, [1])
        })
      XCTAssertEqual(try frames(log).count, 1, name)
      try append(log, [2])
      XCTAssertEqual(try frames(log).count, 2, name)
    }
  }

  func testAnErrorWhileReadingLeavesTheLogReadable() throws {
    for (name, log) in try logs() {
      XCTAssertThrowsError(try log.read(from: 0) { _, _ in throw Refusal() })
      XCTAssertEqual(try frames(log).count, 1, name)
    }
  }

  func testTheAskLockGivesBackWhatItsBodyGives() throws {
    for (name, log) in try logs() {
      XCTAssertEqual(try log.withAskLock { 42 }, 42, name)
      XCTAssertThrowsError(try log.withAskLock { throw Refusal() })
      XCTAssertEqual(try log.withAskLock { 43 }, 43, name)
    }
  }

  func testALogsOwnWorkerIsAlive() throws {
    for (name, log) in try logs() {
      try log.announce(5)
      XCTAssertTrue(try log.isAlive(5), name)
    }
  }

  func testALargeFrameComesBack() throws {
    for (name, log) in try logs() {
      let frame = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      try append(log, frame)
      XCTAssertEqual(try frames(log).last?.bytes, frame, name)
    }
  }
}

/// What only a log that several processes share can show.
final class SharedLogTests: StoreTestCase {
  func testStudiesOfOneStoreDoNotSeeEachOther() throws {
    let a = try makeLog("a")
    let b = try makeLog("b")
    try append(a, [1])
    try append(b, [2])
    try append(a, [3])
    XCTAssertEqual(try frames(a).map(\.bytes), [[0], [1], [3]])
    XCTAssertEqual(try frames(b).map(\.bytes), [[0], [2]])
    XCTAssertEqual(try SQLiteStore(path: path, access: .readOnly).studyNames(), ["a", "b"])
    assertThrows(.notFound, "holds: a, b") { _ = try openLog("c") }
  }

  func testAPositionIsTakenOnce() throws {
    let log = try makeLog()
    try append(log, [1])
    // A caller that did not catch up must not overwrite.
    XCTAssertThrowsError(
      try log.append(from: 9) { _, _ in
      } decide: {
        (1, [9])
      })
    XCTAssertEqual(try frames(log).map(\.bytes), [[0], [1]])
  }

  func testThreadsAppendWithoutLosingOrMixingFrames() throws {
    _ = try makeLog()
    let path = path
    let threads = 4
    let each = 60
    let errors = Errors()
    DispatchQueue.concurrentPerform(iterations: threads) { thread in
      do {
        let log = try SQLiteStore(path: path, access: .open, durability: .relaxed).log(ofStudy: "s")
        var position = 0
        for i in 0..<each {
          try log.append(from: position) { at, _ in
            position = at + 1
          } decide: {
            (position, [UInt8(thread), UInt8(i)])
          }
          position += 1
        }
      } catch {
        errors.add("\(error)")
      }
    }
    XCTAssertEqual(errors.list, [])
    let all = try frames(openLog()).dropFirst()
    XCTAssertEqual(all.map(\.position), Array(1...threads * each))
    for thread in 0..<threads {
      XCTAssertEqual(all.filter { $0.bytes[0] == UInt8(thread) }.map { Int($0.bytes[1]) }, Array(0..<each))
    }
  }

  private final class Errors: @unchecked Sendable {
    private let lock = NSLock()
    private var texts: [String] = []

    func add(_ text: String) { lock.withLock { texts.append(text) } }

    var list: [String] { lock.withLock { texts } }
  }

  func testProcessesAppendWithoutLosingFrames() throws {
    let log = try makeLog()
    let processes = try (0..<4).map { _ in try startHelper(["store-append", path, "s", "50"]) }
    for process in processes {
      process.waitUntilExit()
      XCTAssertEqual(process.terminationStatus, 0)
    }
    XCTAssertEqual(try frames(log).map(\.position), Array(0...200))
  }

  func testAProcessKilledWhileAppendingLosesNothingAcknowledged() throws {
    let log = try makeLog()
    for _ in 0..<5 {
      let before = try frames(log).count
      let process = try startHelper(["store-append", path, "s", "1000000"])
      try wait { try frames(log).count > before + 3 }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      let all = try frames(log)
      XCTAssertEqual(all.map(\.position), Array(0..<all.count))
      try append(log, [9], from: all.count)
    }
  }

  func testOnlyOneProcessIsWithinTheAskLock() throws {
    _ = try makeLog()
    let processes = try (0..<4).map { _ in try startHelper(["store-ask", path, "s", folder, "60"]) }
    for process in processes {
      process.waitUntilExit()
      XCTAssertEqual(process.terminationStatus, 0, "70 means that two were inside")
    }
  }

  func testTheAskLockOfOneStudyLeavesTheOthersFree() throws {
    let a = try makeLog("a")
    let b = try makeLog("b")
    XCTAssertEqual(try a.withAskLock { try b.withAskLock { 1 } }, 1)
  }

  func testAWorkerIsAliveUntilItsProcessEndsHowever() throws {
    let log = try makeLog()
    XCTAssertFalse(try log.isAlive(77))
    let ready = folder + "/ready"
    let process = try startHelper(["store-announce", path, "s", "77", ready])
    wait { access(ready, F_OK) == 0 }
    XCTAssertTrue(try log.isAlive(77))
    XCTAssertTrue(try openLog("s", .readOnly).isAlive(77))
    XCTAssertTrue(try openLog("s", .inspect).isAlive(77))
    XCTAssertFalse(try log.isAlive(78))
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    XCTAssertFalse(try log.isAlive(77))
    XCTAssertFalse(try openLog("s", .readOnly).isAlive(77))
  }

  func testAskingWhoIsAliveMakesNoLockFile() throws {
    _ = try makeLog()
    XCTAssertFalse(try openLog("s", .readOnly).isAlive(1))
    XCTAssertFalse(FileManager.default.fileExists(atPath: path + "-lock"))
  }

  func testOfTwoCreatorsOneCreates() throws {
    let a = try SQLiteStore(path: path, access: .createOrOpen)
    let b = try SQLiteStore(path: path, access: .createOrOpen)
    XCTAssertTrue(try a.createOrOpenStudy("s", firstFrame: [1]).isNew)
    let second = try b.createOrOpenStudy("s", firstFrame: [2])
    XCTAssertFalse(second.isNew)
    XCTAssertEqual(try frames(second.log).map(\.bytes), [[1]])
  }

  func testAReaderFollowsAWriter() throws {
    let writer = try makeLog()
    let reader = try openLog("s", .readOnly)
    XCTAssertEqual(try frames(reader).count, 1)
    try append(writer, [1])
    XCTAssertEqual(try frames(reader, from: 1).map(\.bytes), [[1]])
  }
}
