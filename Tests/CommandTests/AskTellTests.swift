import Foundation
import XCTest

#if canImport(Glibc)
  import Glibc
#endif

/// `trimtab ask-tell` with a driver at the other end of its pipes.
final class AskTellTests: CommandTestCase {
  /// A driver's view of the program.
  private final class Server {
    let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private let errors = Pipe()
    private var pending = Data()

    init(_ arguments: [String], in folder: String) throws {
      process.executableURL = URL(fileURLWithPath: Program.path)
      process.arguments = ["ask-tell"] + arguments
      process.currentDirectoryURL = URL(fileURLWithPath: folder)
      process.environment = ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": folder]
      process.standardInput = input
      process.standardOutput = output
      process.standardError = errors
      signal(SIGPIPE, SIG_IGN)
      try process.run()
    }

    func send(_ line: String) throws { try send(Data((line + "\n").utf8)) }

    func send(_ data: Data) throws { try input.fileHandleForWriting.write(contentsOf: data) }

    /// The next line; nil at the end, or when none comes within half a minute.
    func line() -> String? {
      while true {
        if let end = pending.firstIndex(of: 10) {
          let line = String(decoding: pending[..<end], as: UTF8.self)
          pending = Data(pending[(end + 1)...])
          return line
        }
        var entry = pollfd(fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, 30_000) > 0 else { return nil }
        let data = output.fileHandleForReading.availableData
        if data.isEmpty { return nil }
        pending.append(data)
      }
    }

    func ask(_ line: String) throws -> [String: Any] {
      try send(line)
      return try JSONSerialization.jsonObject(with: Data(try XCTUnwrap(self.line()).utf8)) as? [String: Any] ?? [:]
    }

    func closeInput() throws { try input.fileHandleForWriting.close() }

    func closeOutput() throws { try output.fileHandleForReading.close() }

    func end() -> (status: Int32, error: String) {
      process.waitUntilExit()
      return (
        process.terminationStatus, String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      )
    }
  }

  private func writeStudy(trials: Int = 10) throws {
    try write(
      """
      study: small
      objective: {metric: loss, goal: minimize}
      method: {sampler: random, scheduler: full}
      budget: {trials: \(trials)}
      seed: 1
      space:
        x: {type: float, low: 0, high: 1}
      """, to: "study.yaml")
  }

  private func states() throws -> [String] {
    let result = try run("trials", "study.yaml", "--json")
    let trials = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]]
    return try XCTUnwrap(trials).compactMap { $0["state"] as? String }
  }

  func testTheHelp() throws { try Snapshot.check(["ask-tell", "--help"], in: folder, "help-ask-tell") }

  func testEveryLineOfThePageIsTrue() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../docs/ask-tell.md")
    let lines = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "\n")
    let requests = lines.filter { $0.hasPrefix("→ ") }.map { String($0.dropFirst(2)) }
    let answers = lines.filter { $0.hasPrefix("← ") }.map { String($0.dropFirst(2)) }
    XCTAssertGreaterThan(requests.count, 12)
    let input = requests.joined(separator: "\n")
    let result = try Program.run(["ask-tell"], in: folder, input: input)
    XCTAssertEqual(result.output.components(separatedBy: "\n").dropLast(), answers[...])
    XCTAssertEqual(result.status, 0)
    XCTAssertEqual(result.error, "")
  }

  func testAStudyOfAFileIsKeptInItsStore() throws {
    try writeStudy(trials: 2)
    let server = try Server(["study.yaml"], in: folder)
    XCTAssertNotNil(try server.ask(#"{"verb":"ask"}"#)["run"])
    XCTAssertEqual(
      try server.ask(#"{"verb":"complete","trial":0,"metrics":{"loss":0.5}}"#)["state"] as? String, "completed")
    try server.closeInput()
    XCTAssertEqual(server.end().status, 0)
    XCTAssertEqual(try states(), ["completed"])
    // It goes on where it was.
    let next = try Server(["study.yaml"], in: folder)
    XCTAssertEqual((try next.ask(#"{"verb":"ask"}"#)["run"] as? [String: Any])?["trial"] as? Int, 1)
    try next.closeInput()
    XCTAssertEqual(next.end().status, 0)
    XCTAssertEqual(try states(), ["completed", "waiting"], "given back at the end of the input")
  }

  func testNothingIsKeptOfAStudyInMemory() throws {
    try writeStudy()
    let result = try Program.run(["ask-tell", "study.yaml", "--memory"], in: folder, input: #"{"verb":"ask"}"#)
    XCTAssertTrue(result.output.hasPrefix(#"{"run":{"trial":0,"#), result.output)
    XCTAssertFalse(FileManager.default.fileExists(atPath: folder + "/study.trimtab"))
  }

  func testTwoDriversShareOneStudyAndItsBudget() throws {
    try writeStudy(trials: 40)
    let servers = [try Server(["study.yaml"], in: folder), try Server(["study.yaml"], in: folder)]
    var trials: [[Int]] = [[], []]
    var isOver = [false, false]
    while isOver != [true, true] {
      for i in 0..<2 where !isOver[i] {
        let answer = try servers[i].ask(#"{"verb":"ask"}"#)
        if let run = answer["run"] as? [String: Any] {
          trials[i].append(try XCTUnwrap(run["trial"] as? Int))
        } else {
          isOver[i] = answer["finished"] != nil
        }
        if let trial = trials[i].last, answer["run"] != nil {
          // Only its own driver may speak of a trial.
          let other = try servers[1 - i].ask(#"{"verb":"complete","trial":\#(trial),"metrics":{"loss":1}}"#)
          XCTAssertEqual((other["error"] as? [String: Any])?["kind"] as? String, "notRunning")
          let own = try servers[i].ask(#"{"verb":"complete","trial":\#(trial),"metrics":{"loss":0.5}}"#)
          XCTAssertEqual(own["state"] as? String, "completed")
        }
      }
    }
    XCTAssertEqual((trials[0] + trials[1]).sorted(), Array(0..<40))
    XCTAssertFalse(trials[0].isEmpty || trials[1].isEmpty)
    for server in servers {
      try server.closeInput()
      XCTAssertEqual(server.end().status, 0)
    }
  }

  func testCtrlCGivesRunningTrialsBack() throws {
    try writeStudy()
    let server = try Server(["study.yaml"], in: folder)
    _ = try server.ask(#"{"verb":"ask"}"#)
    kill(server.process.processIdentifier, SIGINT)
    let end = server.end()
    XCTAssertEqual(end.status, 130)
    XCTAssertEqual(end.error, "")
    XCTAssertEqual(try states(), ["waiting"])
  }

  func testAReaderThatGoesAwayEndsTheProgramQuietly() throws {
    try writeStudy()
    let server = try Server(["study.yaml"], in: folder)
    _ = try server.ask(#"{"verb":"ask"}"#)
    try server.closeOutput()
    let end = server.end()
    XCTAssertEqual(end.status, 130)
    XCTAssertEqual(end.error, "")
    XCTAssertEqual(try states(), ["waiting"])
  }

  func testADriverMayWriteMuchBeforeItReads() throws {
    try writeStudy()
    let server = try Server(["study.yaml", "--memory"], in: folder)
    let count = 8000
    // More than the pipes hold in either direction.
    let padding = String(repeating: " ", count: 100)
    try server.send(Data(String(repeating: padding + #"{"verb":"status"}"# + "\n", count: count).utf8))
    try server.closeInput()
    var lines = 0
    while let line = server.line() {
      lines += line.hasPrefix(#"{"status":"#) ? 1 : 0
    }
    XCTAssertEqual(lines, count)
    XCTAssertEqual(server.end().status, 0)
  }

  func testBadLinesAreAnsweredAndTheNextOneIsServed() throws {
    try writeStudy()
    let server = try Server(["study.yaml", "--memory"], in: folder)
    let long = #"{"verb":"ask","id":""# + String(repeating: "a", count: 2 << 20) + "\"}"
    try server.send(long)
    XCTAssertTrue(try XCTUnwrap(server.line()).contains("the line is longer than 1048576 bytes"))
    try server.send(Data([0x7B, 0xFF, 0x7D, 10]))
    XCTAssertTrue(try XCTUnwrap(server.line()).contains("the line is not UTF-8"))
    try server.send("\n\n[1,2")
    XCTAssertTrue(try XCTUnwrap(server.line()).contains("',' or ']' is missing"))
    XCTAssertNotNil(try server.ask(#"{"verb":"ask"}"#)["run"])
    try server.closeInput()
    XCTAssertEqual(server.end().status, 0)
  }

  func testALastLineNeedsNoEnd() throws {
    try writeStudy()
    let result = try Program.run(["ask-tell", "study.yaml", "--memory"], in: folder, input: "\n" + #"{"verb":"ask"}"#)
    XCTAssertEqual(result.output.split(separator: "\n").count, 1)
  }

  func testAChangedStudyFileIsNotTakenOverUnasked() throws {
    try writeStudy(trials: 5)
    _ = try Program.run(["ask-tell", "study.yaml"], in: folder)
    try writeStudy(trials: 6)
    let refused = try Program.run(["ask-tell", "study.yaml"], in: folder, input: #"{"verb":"ask"}"#)
    XCTAssertEqual(refused.status, 2)
    XCTAssertTrue(refused.error.contains("--amend"), refused.error)
    let taken = try Program.run(["ask-tell", "study.yaml", "--amend"], in: folder, input: #"{"verb":"ask"}"#)
    XCTAssertEqual(taken.status, 0, taken.error)
  }

  func testOptionsThatContradictAreRefused() throws {
    XCTAssertEqual(try run("ask-tell", "--memory").status, 64)
    XCTAssertEqual(try run("ask-tell", "a.yaml", "--memory", "--store", "b").status, 64)
    XCTAssertEqual(try run("ask-tell", "absent.yaml").status, 3)
  }
}
