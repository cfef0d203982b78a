import Foundation
import TrimtabStores
import TrimtabStudies
import XCTest

@testable import TrimtabInterchange

/// Tests that work in a folder of their own, removed at the end.
class InterchangeTestCase: XCTestCase {
  private(set) var folder = ""

  static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")
    .path

  override func setUpWithError() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("trimtab-interchange-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    folder = url.path
  }

  override func tearDownWithError() throws { try FileManager.default.removeItem(atPath: folder) }

  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    let path = "\(folder)/\(name)"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// A database as Optuna 5.0.0 made it.
  func optunaDatabase(_ name: String = "optuna.db", change: String = "") throws -> String {
    let path = "\(folder)/\(name)"
    let text = try String(contentsOfFile: "\(Self.fixtures)/optuna-5.0.0.sql", encoding: .utf8)
    let connection = try SQLiteConnection(path: path, mode: .create)
    try connection.execute(text)
    if !change.isEmpty { try connection.execute(change) }
    return path
  }

  func state(of study: ForeignStudy) throws -> (state: StudyState, remarks: [String]) {
    let made = try StudyImport(study, options: .init(seed: 1))
    let (_, state, remarks) = try made.frames(at: 1_800_000_000_000)
    return (state, made.remarks + remarks)
  }

  func error(
    _ kind: InterchangeError.Kind, contains parts: String..., file: StaticString = #filePath, line: UInt = #line,
    _ body: () throws -> Void
  ) {
    XCTAssertThrowsError(try body(), file: file, line: line) { error in
      XCTAssertEqual((error as? InterchangeError)?.kind, kind, "\(error)", file: file, line: line)
      for part in parts { XCTAssertTrue("\(error)".contains(part), "\(error)", file: file, line: line) }
    }
  }
}
