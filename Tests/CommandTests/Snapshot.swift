import Foundation
import XCTest

/// What a run of the program gave.
struct CommandResult {
  var status: Int32
  var output: String
  var error: String

  /// Everything a person sees, as snapshots keep it.
  func transcript(_ arguments: [String]) -> String {
    var text = "$ trimtab \(arguments.joined(separator: " "))\n"
    text += output
    if !output.isEmpty, !output.hasSuffix("\n") { text += "⏎\n" }
    if !error.isEmpty { text += "--- standard error\n" + error }
    if status != 0 { text += "--- exit status \(status)\n" }
    return text
  }
}

/// The program as built beside these tests, run in a folder of its own.
enum Program {
  static let path: String = {
    #if os(macOS)
      let products = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
        .deletingLastPathComponent()
      return (products ?? URL(fileURLWithPath: ".build/debug")).appendingPathComponent("trimtab").path
    #else
      let products = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
      return products.appendingPathComponent("trimtab").path
    #endif
  }()

  /// Runs the program to its end, with a plain environment.
  /// - Parameters:
  ///   - folder: where it runs; its path is written `<folder>` in what it prints.
  ///   - environment: added to, or in place of, the plain one.
  static func run(
    _ arguments: [String], in folder: String, environment: [String: String] = [:], input: String = ""
  ) throws -> CommandResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    var variables = ["PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": folder]
    variables.merge(environment) { $1 }
    process.environment = variables
    // Files rather than pipes: a pipe that nobody empties would stop a program that prints much.
    let name = FileManager.default.temporaryDirectory.appendingPathComponent("trimtab-run-\(UUID().uuidString)").path
    let paths = ["in", "out", "err"].map { name + "." + $0 }
    defer { for path in paths { try? FileManager.default.removeItem(atPath: path) } }
    try Data(input.utf8).write(to: URL(fileURLWithPath: paths[0]))
    for path in paths.dropFirst() { try Data().write(to: URL(fileURLWithPath: path)) }
    let reading = try FileHandle(forReadingFrom: URL(fileURLWithPath: paths[0]))
    let writing = try paths.dropFirst().map { try FileHandle(forWritingTo: URL(fileURLWithPath: $0)) }
    process.standardInput = reading
    process.standardOutput = writing[0]
    process.standardError = writing[1]
    try process.run()
    process.waitUntilExit()
    for handle in [reading] + writing { try handle.close() }
    func text(_ path: String) throws -> String {
      String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
        .replacingOccurrences(of: folder, with: "<folder>")
    }
    return CommandResult(status: process.terminationStatus, output: try text(paths[1]), error: try text(paths[2]))
  }
}

/// Compares texts with the files in `Snapshots`. With the variable TRIMTAB_SNAPSHOTS set to `write`, writes them instead.
enum Snapshot {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "Snapshots")

  static func check(_ text: String, _ name: String, file: StaticString = #filePath, line: UInt = #line) throws {
    let url = folder.appendingPathComponent(name + ".txt")
    if ProcessInfo.processInfo.environment["TRIMTAB_SNAPSHOTS"] == "write" {
      try Data(text.utf8).write(to: url)
      return
    }
    guard let data = try? Data(contentsOf: url) else {
      XCTFail("there is no snapshot '\(name)' (TRIMTAB_SNAPSHOTS=write makes it)", file: file, line: line)
      return
    }
    let expected = String(decoding: data, as: UTF8.self)
    guard text != expected else { return }
    let (old, new) = (expected.components(separatedBy: "\n"), text.components(separatedBy: "\n"))
    let first = zip(old, new).enumerated().first { $1.0 != $1.1 }?.offset ?? min(old.count, new.count)
    XCTFail(
      """
      '\(name)' differs from its snapshot at line \(first + 1) (TRIMTAB_SNAPSHOTS=write rewrites it):
      - \(first < old.count ? old[first] : "(end)")
      + \(first < new.count ? new[first] : "(end)")
      all of it:
      \(text)
      """, file: file, line: line)
  }

  /// Runs the program and compares all that it prints, and how it ends.
  @discardableResult
  static func check(
    _ arguments: [String], in folder: String, _ name: String, environment: [String: String] = [:],
    file: StaticString = #filePath, line: UInt = #line
  ) throws -> CommandResult {
    let result = try Program.run(arguments, in: folder, environment: environment)
    try check(result.transcript(arguments), name, file: file, line: line)
    return result
  }
}

/// Tests that work in a folder of their own, removed at the end.
class CommandTestCase: XCTestCase {
  private(set) var folder = ""

  override func setUpWithError() throws {
    let url = FileManager.default.temporaryDirectory.resolvingSymlinksInPath().appendingPathComponent(
      "trimtab-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    folder = url.path
  }

  override func tearDownWithError() throws { try FileManager.default.removeItem(atPath: folder) }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
  }

  func run(_ arguments: String..., environment: [String: String] = [:]) throws -> CommandResult {
    try Program.run(arguments, in: folder, environment: environment)
  }
}
