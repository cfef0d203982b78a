import Foundation
import XCTest

/// One line of `--json` output.
struct TuneEvent {
  var fields: [String: Any]

  var name: String { fields["event"] as? String ?? "" }
  var trial: Int { fields["trial"] as? Int ?? -1 }
  var time: Int { fields["time"] as? Int ?? 0 }
  var config: [String: Any] { fields["config"] as? [String: Any] ?? [:] }
  func number(_ key: String) -> Double? { (fields[key] as? NSNumber)?.doubleValue }
  func text(_ key: String) -> String? { fields[key] as? String }
  func flag(_ key: String) -> Bool? { fields[key] as? Bool }
  var metrics: [String: Any] { fields["metrics"] as? [String: Any] ?? [:] }
}

extension [TuneEvent] {
  func named(_ name: String) -> [TuneEvent] { filter { $0.name == name } }
}

/// A program that runs beside the test.
final class BackgroundProgram {
  let process = Process()
  private let outputPath: String
  private let errorPath: String

  init(_ arguments: [String], in folder: String) throws {
    let name = "\(folder)/background-\(UUID().uuidString)"
    outputPath = name + ".out"
    errorPath = name + ".err"
    for path in [outputPath, errorPath] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
    process.executableURL = URL(fileURLWithPath: Program.path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": folder]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: outputPath))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errorPath))
    try process.run()
  }

  var output: String { (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "" }
  var error: String { (try? String(contentsOfFile: errorPath, encoding: .utf8)) ?? "" }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits for the program's end.
  func status() -> Int32 {
    process.waitUntilExit()
    return process.terminationStatus
  }
}

/// Tests that tune small studies whose trials are shell scripts.
class TuneTestCase: CommandTestCase {
  /// Writes `study.yaml`, whose trials run `script` with /bin/sh, and the script.
  func writeStudy(_ keys: String, space: String = "x: {type: float, low: 0, high: 1}", script: String) throws {
    try write(
      """
      study: small
      objective: {metric: loss, goal: minimize}
      method: {sampler: random, scheduler: full}
      command: [/bin/sh, trial.sh]
      seed: 1
      \(keys)
      space:
        \(space)
      """, to: "study.yaml")
    try write(script, to: "trial.sh")
  }

  func events(_ text: String, file: StaticString = #filePath, line: UInt = #line) throws -> [TuneEvent] {
    try text.split(separator: "\n").map { row in
      let object = try JSONSerialization.jsonObject(with: Data(row.utf8)) as? [String: Any]
      return TuneEvent(fields: try XCTUnwrap(object, "not an object: \(row)", file: file, line: line))
    }
  }

  /// Runs `trimtab tune --json` to its end.
  func tune(
    _ options: String..., status: Int32 = 0, file: StaticString = #filePath, line: UInt = #line
  ) throws -> [TuneEvent] {
    let result = try Program.run(["tune", "study.yaml", "--json"] + options, in: folder)
    XCTAssertEqual(result.status, status, result.error + result.output, file: file, line: line)
    return try events(result.output, file: file, line: line)
  }

  func start(_ arguments: String...) throws -> BackgroundProgram { try BackgroundProgram(arguments, in: folder) }

  func wait(
    for what: String, seconds: Double = 30, file: StaticString = #filePath, line: UInt = #line,
    until condition: () throws -> Bool
  ) throws {
    let deadline = Date().addingTimeInterval(seconds)
    while try !condition() {
      guard Date() < deadline else {
        XCTFail("waited \(seconds) s for \(what)", file: file, line: line)
        throw CocoaError(.fileReadUnknown)
      }
      usleep(10_000)
    }
  }

  /// The lines of a file that trials append to; none while it does not exist.
  func lines(of name: String) -> [String] {
    let text = (try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").map(String.init)
  }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder)/\(name)") }

  /// A trial that goes on from its checkpoint and notes each epoch that it works on in `work`, and each start in `runs`.
  static let checkpointed = """
    e=$(cat "$TRIMTAB_CHECKPOINT/epoch" 2>/dev/null || echo 0)
    echo "$TRIMTAB_TRIAL from $e told $TRIMTAB_RESOURCE_FROM to $TRIMTAB_RESOURCE" >> runs
    while [ "$e" -lt "$TRIMTAB_RESOURCE" ]; do
      sleep ${PAUSE:-0.02}
      e=$((e + 1))
      echo "$TRIMTAB_TRIAL $e" >> work
      echo "$e" > "$TRIMTAB_CHECKPOINT/new" && mv "$TRIMTAB_CHECKPOINT/new" "$TRIMTAB_CHECKPOINT/epoch"
      echo "{\\"epoch\\": $e, \\"loss\\": $TRIMTAB_PARAM_X}" > "$TRIMTAB_REPORT"
    done
    """
}
