import CSystem
import Foundation
import XCTest

@testable import TrimtabRunning

/// A folder of its own for each test, and an event loop for one trial.
class ProcessTestCase: XCTestCase {
  var folder = ""

  override func setUpWithError() throws {
    let made = FileManager.default.temporaryDirectory.appendingPathComponent("trimtab-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
    folder = made.path
  }

  override func tearDownWithError() throws {
    try FileManager.default.removeItem(atPath: folder)
  }

  /// A launch of `sh -c script`, with `report`, `stop` and `log` in the folder.
  func shell(_ script: String) -> Launch { launch(["sh", "-c", script]) }

  func launch(_ arguments: [String]) -> Launch {
    Launch(
      arguments: arguments,
      environment: [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"), ("TRIMTAB_REPORT", path("report")), ("TRIMTAB_STOP", path("stop")),
      ],
      workingDirectory: folder, logPath: path("log"), logLimitBytes: 1 << 20, reportPath: path("report"),
      stopPath: path("stop"))
  }

  func path(_ name: String) -> String { folder + "/" + name }

  func log() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path("log"))) }

  func logText() throws -> String { String(decoding: try log(), as: UTF8.self) }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

  func write(_ text: String, to name: String, mode: mode_t = 0o644) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
    XCTAssertEqual(chmod(path(name), mode), 0)
  }

  /// One round of the loop: poll, handle, tick.
  func round(_ process: TrialProcess, atMost limit: Duration = .milliseconds(50)) -> [ProcessEvent] {
    let now = MonotonicTime.now()
    let until = min(process.deadline ?? now.advanced(by: limit), now.advanced(by: limit))
    var entries = process.descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    poll(&entries, nfds_t(entries.count), until.pollTimeout(from: now))
    var events: [ProcessEvent] = []
    for entry in entries where entry.revents != 0 { events += process.handleReadable(entry.fd, now: .now()) }
    return events + process.tick(now: .now())
  }

  /// Serves the process until the condition holds, or for 30 s, which fails the test.
  @discardableResult
  func serve(
    _ process: TrialProcess, file: StaticString = #filePath, line: UInt = #line,
    until condition: ([ProcessEvent]) -> Bool
  ) -> [ProcessEvent] {
    let deadline = MonotonicTime.now().advanced(by: .seconds(30))
    var events: [ProcessEvent] = []
    while !condition(events) {
      events += round(process)
      guard MonotonicTime.now() < deadline else {
        XCTFail("still waiting after 30 s; so far: \(events.suffix(5))", file: file, line: line)
        return events
      }
    }
    return events
  }

  /// Serves the process until it has ended.
  @discardableResult
  func serve(_ process: TrialProcess, file: StaticString = #filePath, line: UInt = #line) -> [ProcessEvent] {
    serve(process, file: file, line: line) { _ in process.status != nil }
  }

  /// Runs a launch from start to end.
  func run(
    _ launch: Launch, file: StaticString = #filePath, line: UInt = #line
  ) throws -> (events: [ProcessEvent], status: ExitStatus) {
    let process = try TrialProcess(launch: launch)
    let events = serve(process, file: file, line: line)
    let status = try XCTUnwrap(process.status, file: file, line: line)
    XCTAssertEqual(events.last, .exited(status), file: file, line: line)
    XCTAssertEqual(process.descriptors, [], file: file, line: line)
    XCTAssertNil(process.deadline, file: file, line: line)
    return (events, status)
  }

  /// Polls a condition that no descriptor tells of.
  func wait(
    for what: String, file: StaticString = #filePath, line: UInt = #line, until condition: () -> Bool
  ) {
    let deadline = MonotonicTime.now().advanced(by: .seconds(30))
    while !condition() {
      guard MonotonicTime.now() < deadline else { return XCTFail("waited 30 s for \(what)", file: file, line: line) }
      poll(nil, 0, 2)
    }
  }

  func reportLines(_ events: [ProcessEvent]) -> [String] {
    events.compactMap { if case .reportLine(let line) = $0 { line } else { nil } }
  }

  func outputLines(_ events: [ProcessEvent]) -> [String] {
    events.compactMap { if case .outputLine(let line) = $0 { String(decoding: line, as: UTF8.self) } else { nil } }
  }

  func problems(_ events: [ProcessEvent]) -> [ProcessProblem] {
    events.compactMap { if case .problem(let problem) = $0 { problem } else { nil } }
  }

  /// Descriptors that this process has open.
  func openDescriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
}
