import CSQLite
import Foundation
import TrimtabNumerics
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabStores

/// Files that are no store, or a store no longer: each gets an error that names it, and is left as it is.
final class WrongFileTests: StoreTestCase {
  private let accesses: [SQLiteStore.Access] = [.createOrOpen, .open, .readOnly, .inspect]

  private func write(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

  private func contents() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  private func execute(_ sql: String) {
    var handle: OpaquePointer?
    XCTAssertEqual(sqlite3_open(path, &handle), SQLITE_OK)
    XCTAssertEqual(sqlite3_exec(handle, sql, nil, nil, nil), SQLITE_OK)
    sqlite3_close_v2(handle)
  }

  func testATextFileIsNoStore() throws {
    try write(Array(String(repeating: "study: digits\n", count: 100).utf8))
    let before = try contents()
    for access in accesses {
      assertThrows(.notAStore, path) { _ = try SQLiteStore(path: path, access: access) }
    }
    XCTAssertEqual(try contents(), before)
  }

  func testAnEmptyFileIsNoStoreUnlessOneIsMadeOfIt() throws {
    try write([])
    for access in accesses.dropFirst() {
      assertThrows(.notAStore, "empty") { _ = try SQLiteStore(path: path, access: access) }
    }
    XCTAssertEqual(try contents().count, 0)
    _ = try makeLog()
    XCTAssertEqual(try frames(openLog()).count, 1)
  }

  func testAnotherProgramsDatabaseIsLeftAlone() throws {
    execute("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)")
    let before = try contents()
    for access in accesses {
      assertThrows(.notAStore, "not a trimtab store") { _ = try SQLiteStore(path: path, access: access) }
    }
    XCTAssertEqual(try contents(), before)
  }

  func testALaterLayoutAsksForALaterVersion() throws {
    _ = try makeLog()
    execute("PRAGMA user_version = \(SQLiteStore.schemaVersion + 1)")
    for access in accesses {
      assertThrows(.laterVersion, "later version") { _ = try SQLiteStore(path: path, access: access) }
    }
  }

  func testAFolderAndAMissingFileAreNamed() throws {
    for access in accesses {
      assertThrows(.cannotOpen, "folder") { _ = try SQLiteStore(path: folder, access: access) }
    }
    for access in accesses.dropFirst() {
      assertThrows(.notFound, path) { _ = try SQLiteStore(path: path, access: access) }
    }
    assertThrows(.cannotOpen, "folder") { _ = try SQLiteStore(path: folder + "/none/a.trimtab", access: .createOrOpen) }
    XCTAssertFalse(FileManager.default.fileExists(atPath: path))
  }

  func testAStudyWithAnImpossibleNumberIsDamage() throws {
    _ = try makeLog()
    for id in ["9223372036854775807", "-1", "0", "8388608"] {
      execute("DELETE FROM studies; INSERT INTO studies (id, name) VALUES (\(id), 's')")
      assertThrows(.corrupt, "impossible number") { _ = try openLog() }
    }
  }

  // MARK: Rights

  func testAStoreCanBeReadWhereNothingMayBeWritten() throws {
    do {
      let log = try makeLog()
      try append(log, [1])
    }
    let files = FileManager.default
    try files.setAttributes([.posixPermissions: 0o444], ofItemAtPath: path)
    try files.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder)
    let (status, lines) = try runHelper(["store-read", path, "s"])
    XCTAssertEqual(status, 0)
    XCTAssertEqual(lines, ["2", "2", "readOnly"])
  }

  func testInspectingLeavesNoTrace() throws {
    do { _ = try makeLog() }
    let before = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    let bytes = try contents()
    do {
      let log = try openLog("s", .inspect)
      XCTAssertEqual(try frames(log).count, 1)
      XCTAssertFalse(try log.isAlive(1))
      XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder).sorted(), before)
    }
    XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder).sorted(), before)
    XCTAssertEqual(try contents(), bytes)
  }

  // MARK: A full disk

  func testAFullDatabaseRefusesAnEventAndKeepsTheOthers() throws {
    let store = try SQLiteStore(path: path, access: .createOrOpen)
    let log = try store.createOrOpenStudy("s", firstFrame: [0]).log
    let pages = try XCTUnwrap(store.connection.integer("PRAGMA page_count"))
    try store.connection.execute("PRAGMA max_page_count = \(pages + 3)")
    var acknowledged = 1
    XCTAssertThrowsError(
      try {
        while true {
          try append(log, [UInt8](repeating: 7, count: 700), from: acknowledged)
          acknowledged += 1
        }
      }()
    ) { error in
      XCTAssertEqual((error as? StoreError)?.kind, .full)
      XCTAssertTrue("\(error)".contains("disk is full"))
    }
    XCTAssertEqual(try frames(log).count, acknowledged)
    try store.connection.execute("PRAGMA max_page_count = 100000")
    try append(log, [1], from: acknowledged)
    XCTAssertEqual(try frames(openLog()).count, acknowledged + 1)
  }

  func testAFileThatMayNotGrowRefusesAnEventAndKeepsTheOthers() throws {
    _ = try makeLog()
    let (status, lines) = try runHelper(["store-fill", path, "s", "200000"])
    XCTAssertEqual(status, 0, "\(lines)")
    let acknowledged = try XCTUnwrap(lines.first.flatMap { Int($0) })
    XCTAssertGreaterThan(acknowledged, 5)
    XCTAssertTrue(["full", "other"].contains(lines[1]), lines[1])
    XCTAssertEqual(try frames(openLog()).count, acknowledged + 2)
  }

  // MARK: Damage

  /// A store with the scripted study, without its write-ahead log, and what it says.
  private func makeStudy() throws -> (bytes: [UInt8], frames: [[UInt8]]) {
    let study = try ScriptedStudy()
    try study.write(to: path)
    return (Array(try contents()), study.frames().map(\.bytes))
  }

  /// Reads everything; nil when an error said that it cannot be.
  private func readAll() -> [[UInt8]]? {
    do {
      let log = try openLog("scripted", .readOnly)
      let codec = FrameCodec(objectives: ["loss"])
      return try frames(log).map { frame in
        _ = try codec.decode(frame.bytes)
        return frame.bytes
      }
    } catch {
      XCTAssertTrue(error is StoreError || error is FrameError, "\(error)")
      return nil
    }
  }

  func testATruncatedStoreIsRefusedOrReadAsFarAsItGoes() throws {
    let (bytes, whole) = try makeStudy()
    for length in stride(from: 0, to: bytes.count, by: 1000) {
      try write(Array(bytes[..<length]))
      guard let read = readAll() else { continue }
      XCTAssertTrue(whole.starts(with: read), "length \(length) gives other events")
    }
  }

  func testAFlippedBitIsNoticedOrHarmsNothing() throws {
    let (bytes, whole) = try makeStudy()
    var stream = RandomStream(seed: 1, purpose: 2, index: 3)
    var noticed = 0
    for _ in 0..<300 {
      var harmed = bytes
      let byte = stream.index(below: harmed.count)
      harmed[byte] ^= 1 << UInt8(stream.index(below: 8))
      try write(harmed)
      guard let read = readAll() else {
        noticed += 1
        continue
      }
      // Frames may be missing (a row's number was hit; the fold sees the gap), but none is another.
      XCTAssertTrue(read.allSatisfy(whole.contains), "byte \(byte) gives another frame")
    }
    XCTAssertGreaterThan(noticed, 30)
  }

  func testDamageOfTheTreeIsFoundByTheIntegrityCheck() throws {
    let (bytes, _) = try makeStudy()
    var harmed = bytes
    // The cell pointers of the last page.
    for i in bytes.count - 4096 + 8..<bytes.count - 4096 + 24 { harmed[i] = 0xFF }
    try write(harmed)
    do {
      let problems = try SQLiteStore(path: path, access: .inspect).integrityProblems()
      XCTAssertFalse(problems.isEmpty)
    } catch {
      XCTAssertEqual(error.kind, .corrupt)
    }
  }
}
