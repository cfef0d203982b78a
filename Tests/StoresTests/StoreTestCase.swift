import CSQLite
import Foundation
import TrimtabStudies
import XCTest

@testable import TrimtabStores

/// Tests with a folder of their own, removed at the end. Teardown asserts that no test left a transaction open in any of
/// its stores: another connection can begin to write at once.
class StoreTestCase: XCTestCase {
  private(set) var folder = ""

  var path: String { folder + "/a.trimtab" }

  override func setUpWithError() throws {
    let url = FileManager.default.temporaryDirectory.resolvingSymlinksInPath().appendingPathComponent(
      "trimtab-stores-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    folder = url.path
  }

  override func tearDownWithError() throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".trimtab") {
      assertNoTransaction("\(folder)/\(name)")
    }
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
    try FileManager.default.removeItem(atPath: folder)
  }

  private func assertNoTransaction(_ path: String) {
    var handle: OpaquePointer?
    defer { sqlite3_close_v2(handle) }
    guard sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK else { return }
    // Files that are no databases are part of some tests.
    guard sqlite3_exec(handle, "SELECT count(*) FROM sqlite_schema", nil, nil, nil) == SQLITE_OK else { return }
    let code = sqlite3_exec(handle, "BEGIN IMMEDIATE; ROLLBACK", nil, nil, nil)
    XCTAssertTrue(code != SQLITE_BUSY && code != SQLITE_LOCKED, "\(path): a transaction was left open")
  }

  /// A store with one study whose first frame is a byte that stands for its creation.
  func makeLog(_ study: String = "s", at path: String? = nil) throws -> SQLiteLog {
    try SQLiteStore(path: path ?? self.path, access: .createOrOpen).createOrOpenStudy(study, firstFrame: [0]).log
  }

  func openLog(_ study: String = "s", _ access: SQLiteStore.Access = .open) throws -> SQLiteLog {
    try SQLiteStore(path: path, access: access).log(ofStudy: study)
  }

  func frames(_ log: any StudyLog, from position: Int = 0) throws -> [(position: Int, bytes: [UInt8])] {
    var frames: [(position: Int, bytes: [UInt8])] = []
    try log.read(from: position) { frames.append(($0, Array($1))) }
    return frames
  }

  /// Appends a frame at the end, whatever others have appended.
  func append(_ log: any StudyLog, _ bytes: [UInt8], from position: Int = 0) throws {
    var end = position
    try log.append(from: position) { at, _ in
      end = at + 1
    } decide: {
      (end, bytes)
    }
  }

  func assertThrows(
    _ kind: StoreError.Kind, _ text: String? = nil, _ body: () throws -> Void, file: StaticString = #filePath,
    line: UInt = #line
  ) {
    XCTAssertThrowsError(try body(), file: file, line: line) { error in
      XCTAssertEqual((error as? StoreError)?.kind, kind, "\(error)", file: file, line: line)
      if let text { XCTAssertTrue("\(error)".contains(text), "\(error)", file: file, line: line) }
    }
  }

  // MARK: Processes

  static let helper: String = {
    #if os(macOS)
      let products = Bundle(for: StoreTestCase.self).bundleURL.deletingLastPathComponent()
    #else
      let products = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    #endif
    return products.appendingPathComponent("ProcessTestHelper").path
  }()

  func startHelper(_ arguments: [String], output: Pipe? = nil) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.helper)
    process.arguments = arguments
    process.standardOutput = output ?? FileHandle.nullDevice
    try process.run()
    return process
  }

  func runHelper(_ arguments: [String]) throws -> (status: Int32, lines: [String]) {
    let pipe = Pipe()
    let process = try startHelper(arguments, output: pipe)
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init))
  }

  func wait(for condition: () throws -> Bool, file: StaticString = #filePath, line: UInt = #line) rethrows {
    let end = Date().addingTimeInterval(20)
    while try !condition() {
      guard Date() < end else { return XCTFail("it did not happen within 20 seconds", file: file, line: line) }
      usleep(2000)
    }
  }
}
