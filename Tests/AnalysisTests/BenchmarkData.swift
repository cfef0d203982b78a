import Foundation
import XCTest

/// Published results that the statistics must reproduce. They are not part of the repository.
enum BenchmarkData {
  /// The first file of that path in the folders of `TRIMTAB_BENCH_DATA`, which are separated by colons.
  static func read(_ path: String) throws -> Data {
    let folders = ProcessInfo.processInfo.environment["TRIMTAB_BENCH_DATA"] ?? ""
    for folder in folders.split(separator: ":") {
      if let data = FileManager.default.contents(atPath: "\(folder)/\(path)") { return data }
    }
    throw XCTSkip("\(path) is not there: set TRIMTAB_BENCH_DATA")
  }

  /// The rows of a table without quoted fields, the head first.
  static func rows(_ path: String) throws -> [[String]] {
    String(decoding: try read(path), as: UTF8.self).split(whereSeparator: \.isNewline).map { line in
      line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// Little-endian binary64 numbers.
  static func doubles(_ path: String) throws -> [Double] {
    let data = try read(path)
    return stride(from: 0, to: data.count, by: 8).map { offset in
      let bits = data[offset..<(offset + 8)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return Double(bitPattern: bits)
    }
  }
}
