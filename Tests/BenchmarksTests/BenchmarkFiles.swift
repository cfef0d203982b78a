import Foundation
import XCTest

@testable import TrimtabBenchmarks

/// A folder of benchmark files, gone when the test ends.
final class BenchmarkFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("bench-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    let file = URL(fileURLWithPath: path).appendingPathComponent(name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
    return file.path
  }

  func write(_ name: String, floats: [Float]) throws {
    let file = URL(fileURLWithPath: path).appendingPathComponent(name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    var data = Data()
    for value in floats { withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
    try data.write(to: file)
  }
}

/// Recorded data on this machine; tests that need it are skipped where it is not.
enum RecordedData {
  static func problem(_ name: String, _ options: ProblemOptions = ProblemOptions()) throws -> any Problem {
    let library = ProblemLibrary.standard
    guard library.names.contains(name) else {
      throw XCTSkip("\(name) is not on this machine: run make bench-data, and set TRIMTAB_BENCH_DATA")
    }
    return try library.problem(named: name, options: options)
  }

  static func table(_ name: String, _ options: ProblemOptions = ProblemOptions()) throws -> TableProblem {
    // XCTUnwrap would take a skipped test for a failed one.
    let found = try problem(name, options)
    return try XCTUnwrap(found as? TableProblem)
  }

  /// A file in one of the data folders.
  static func path(_ name: String) throws -> String {
    let folders = ProblemLibrary.named(by: ProcessInfo.processInfo.environment["TRIMTAB_BENCH_DATA"])
    guard let path = folders.map({ "\($0)/\(name)" }).first(where: FileManager.default.fileExists) else {
      throw XCTSkip("\(name) is not on this machine: set TRIMTAB_BENCH_DATA")
    }
    return path
  }

  /// The names of a family that are here.
  static func names(_ family: String) throws -> [String] {
    let names = ProblemLibrary.standard.names.filter { $0.hasPrefix(family + "/") }
    guard !names.isEmpty else {
      throw XCTSkip("\(family) is not on this machine: run make bench-data, and set TRIMTAB_BENCH_DATA")
    }
    return names
  }
}

extension Outcome {
  var values: [Double]? {
    if case .measured(let values, _) = self { return values }
    return nil
  }

  var cost: Double {
    switch self {
    case .measured(_, let cost), .failed(_, let cost, _): cost
    }
  }
}

/// The error that a call throws, as text.
func errorText(_ call: () throws -> Any) -> String {
  do {
    return "no error, but \(try call())"
  } catch {
    return "\(error)"
  }
}
