import TrimtabSearchSpaces
import TrimtabStudies

/// The evaluation tables of HPO-B, in their published form: `{space: {dataset: {"X": [[…]], "y": [[…]]}}}`, and the initial
/// points of `bo-initializations.json`: `{space: {dataset: {"test0": [row, …], …}}}`.
///
/// The files are large, so opening one only notes where each table lies; a table is read when it is asked for.
///
/// Source: Pineda-Arango, Jomaa, Wistuba & Grabocka, "HPO-B: a large-scale reproducible benchmark for black-box HPO based on
/// OpenML", NeurIPS Datasets and Benchmarks 2021.
struct HPOBTables: Sendable {
  static let tablesFile = "meta-test-dataset.json"
  static let initialFile = "bo-initializations.json"

  private let path: String
  private let bytes: [UInt8]
  /// `space/dataset`, and where its object begins.
  private(set) var entries: [(name: String, offset: Int)] = []

  /// - Throws: `ProblemError` with the place where the file is not as documented.
  init(_ path: String) throws(ProblemError) {
    self.path = path
    bytes = try DataFiles.bytes(path)
    var scanner = JSONScanner(bytes, path: path)
    var found: [(String, Int)] = []
    try scanner.object { scanner, space throws(ProblemError) in
      try scanner.object { scanner, dataset throws(ProblemError) in
        scanner.space()
        found.append(("\(space)/\(dataset)", scanner.position))
        try scanner.skipValue()
      }
    }
    try scanner.end()
    entries = found.sorted { $0.0 < $1.0 }.map { ($0.0, $0.1) }
  }

  /// One table with y scaled to 0 … 1 over it, as the benchmark's regret wants; nil when there is no such.
  /// - Throws: `ProblemError` with the place of what is missing or makes no sense.
  func table(_ entry: String, name: String) throws(ProblemError) -> Table? {
    guard let offset = entries.first(where: { $0.name == entry })?.offset else { return nil }
    var scanner = JSONScanner(bytes, path: path, at: offset)
    var rows: [[Double]] = []
    var targets: [Double] = []
    try scanner.object { scanner, key throws(ProblemError) in
      switch key {
      case "X":
        try scanner.array { scanner throws(ProblemError) in rows.append(try scanner.numbers()) }
      case "y":
        try scanner.array { scanner throws(ProblemError) in
          scanner.space()
          targets += scanner.startsArray ? try scanner.numbers() : [try scanner.number()]
        }
      default: try scanner.skipValue()
      }
    }
    guard let width = rows.first?.count, width > 0, targets.count == rows.count,
      rows.allSatisfy({ $0.count == width })
    else {
      throw scanner.failure(
        "'\(entry)' has \(rows.count) rows of X and \(targets.count) of y, or rows of different widths", at: offset)
    }
    let (low, high) = (targets.min() ?? 0, targets.max() ?? 0)
    let scaled = targets.map { Float(high > low ? ($0 - low) / (high - low) : 1) }
    var parameters: [Parameter] = []
    for column in 0..<width {
      let values = rows.map { $0[column] }
      // Published X is scaled to 0 … 1; what goes beyond keeps its own range.
      let range = min(0, values.min() ?? 0)...max(1, values.max() ?? 1)
      do {
        parameters.append(try .float("x\(column)", range))
      } catch {
        throw scanner.failure("column \(column) of X: \(error)", at: offset)
      }
    }
    let space: Space
    do {
      space = try Space(parameters)
    } catch {
      throw scanner.failure(error.description, at: offset)
    }
    return Table(
      name: name, space: space, configurations: rows.map { Configuration(slots: $0) }, resources: [1],
      measures: [
        Table.Measure(
          objective: Objective(metric: "normalised_accuracy", goal: .maximize),
          values: TableArray(values: scaled, rowStride: 1))
      ], costUnit: "evaluations")
  }

  /// The rows with which each of a table's published runs begins, by the name of its seed (`test0` …).
  ///
  /// - Parameter path: that of `bo-initializations.json`.
  /// - Throws: `ProblemError` with the place where the file is not as documented.
  static func initialRows(_ entry: String, path: String) throws(ProblemError) -> [String: [Int]] {
    var scanner = JSONScanner(try DataFiles.bytes(path), path: path)
    var found: [String: [Int]] = [:]
    try scanner.object { scanner, space throws(ProblemError) in
      try scanner.object { scanner, dataset throws(ProblemError) in
        guard "\(space)/\(dataset)" == entry else { return try scanner.skipValue() }
        try scanner.object { scanner, seed throws(ProblemError) in
          let offset = scanner.position
          var rows: [Int] = []
          for number in try scanner.numbers() {
            guard let row = Int(exactly: number), row >= 0 else {
              throw scanner.failure("\(number) is no number of a row", at: offset)
            }
            rows.append(row)
          }
          found[seed] = rows
        }
      }
    }
    return found
  }
}
