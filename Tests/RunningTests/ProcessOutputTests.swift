import CSystem
import Foundation
import XCTest

@testable import TrimtabRunning

final class ProcessOutputTests: ProcessTestCase {
  func testTheLogCanBeReadWhileTheTrialRuns() throws {
    let process = try TrialProcess(launch: shell("echo first; echo second >&2; sleep 1000"))
    serve(process) { _ in (try? self.logText()) == "first\nsecond\n" }
    XCTAssertNil(process.status)
    process.stop(grace: .zero, now: .now())
    serve(process)
  }

  func testTheLogEndsAtItsLimitAndSaysHowToRaiseIt() throws {
    var request = shell("yes 123456789 | head -c 1000000")
    request.logLimitBytes = 12345
    let (events, status) = try run(request)
    XCTAssertEqual(problems(events), [])
    XCTAssertEqual(status.outcome, .exited(code: 0))
    XCTAssertEqual(status.discardedLogBytes, 1_000_000 - 12345)
    let text = try logText()
    XCTAssertTrue(text.hasPrefix(String(repeating: "123456789\n", count: 1234) + "12345\n[trimtab]"))
    XCTAssertTrue(text.contains("12345 bytes"))
    XCTAssertTrue(text.contains("limits.log"))
    XCTAssertEqual(text.components(separatedBy: "[trimtab]").count, 2, "said once")
    XCTAssertTrue(text.hasSuffix("\n"))
  }

  func testALaterRunContinuesTheLogOfTheEarlierWithinTheSameLimit() throws {
    var request = shell("printf 0123456789")
    request.logLimitBytes = 25
    _ = try run(request)
    _ = try run(request)
    XCTAssertEqual(try logText(), "01234567890123456789")
    XCTAssertEqual(try run(request).status.discardedLogBytes, 5)
    XCTAssertTrue(try logText().hasPrefix("0123456789012345678901234\n[trimtab]"))
  }

  func testOutputThatExactlyFillsTheLogIsNotCut() throws {
    var request = shell("printf 0123456789")
    request.logLimitBytes = 10
    XCTAssertEqual(try run(request).status.discardedLogBytes, 0)
    XCTAssertEqual(try logText(), "0123456789")
  }

  func testTwoHundredMegabytesPassInBoundedMemoryWithoutHoldingUpTheLoop() throws {
    let total = 200_000_000
    let process = try TrialProcess(launch: shell("head -c \(total) /dev/zero"))
    let before = try residentBytes()
    var slowestRound = 0.0
    var highest = 0
    let begin = Date()
    while process.status == nil, Date().timeIntervalSince(begin) < 60 {
      let start = Date()
      _ = round(process, atMost: .milliseconds(1))
      slowestRound = max(slowestRound, Date().timeIntervalSince(start))
      highest = max(highest, try residentBytes())
    }
    let status = try XCTUnwrap(process.status)
    XCTAssertEqual(status.outcome, .exited(code: 0))
    XCTAssertEqual(status.discardedLogBytes, total - (1 << 20))
    XCTAssertLessThan(highest, before + (16 << 20))
    XCTAssertLessThan(slowestRound, 0.25)
    XCTAssertLessThan(try log().count, (1 << 20) + 1000)
  }

  func testOneReadingTakesOnlyAPartOfWhatIsThere() throws {
    var request = shell("exec yes")
    request.logLimitBytes = 1 << 30
    let process = try TrialProcess(launch: request)
    let output = process.descriptors[0]
    let setPipeSize: Int32 = 1031  // F_SETPIPE_SZ, which Swift does not see
    XCTAssertEqual(fcntl(output, setPipeSize, 1 << 20), 1 << 20)
    wait(for: "the pipe to fill") { trimtab_bytes_waiting(output) > 3 << 18 }
    process.freeze()
    _ = process.handleReadable(output, now: .now())
    XCTAssertEqual(try log().count, 1 << 19)
    process.stop(grace: .zero, now: .now())
    serve(process)
  }

  func testALineBeyondTheLimitIsMarkedAndDroppedAndTheNextOnesArrive() throws {
    var request = shell("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo after")
    request.wantsOutputLines = true
    let (events, _) = try run(request)
    let beginning = String(repeating: "x", count: LineSplitter.keptOfOversized)
    XCTAssertEqual(
      events.dropLast(), [.oversizedLine(.output, beginning: beginning), .outputLine(Array("after".utf8))])
  }

  func testBrokenTextIsRepairedInLinesAndKeptInTheLog() throws {
    var request = shell("printf 'a\\377b\\303\\n\\303\\251\\n'; printf 'r\\200\\n' > $TRIMTAB_REPORT")
    request.wantsOutputLines = true
    let (events, _) = try run(request)
    XCTAssertEqual(outputLines(events), ["a\u{FFFD}b\u{FFFD}", "é"])
    XCTAssertEqual(reportLines(events), ["r\u{FFFD}"])
    XCTAssertEqual(try log(), Data([0x61, 0xFF, 0x62, 0xC3, 0x0A, 0xC3, 0xA9, 0x0A]))
  }

  func testLinesComeOnlyToThoseWhoWantThem() throws {
    let request = shell("echo one; echo two")
    XCTAssertEqual(outputLines(try run(request).events), [])
    var wanting = request
    wanting.wantsOutputLines = true
    XCTAssertEqual(outputLines(try run(wanting).events), ["one", "two"])
  }

  func testEachStateOfAProgressBarIsALine() throws {
    var request = shell("printf '10%%\\r20%%\\r\\nloss=3\\r\\nlast'")
    request.wantsOutputLines = true
    XCTAssertEqual(outputLines(try run(request).events), ["10%", "20%", "loss=3", "last"])
  }

  func testAFullDiskEndsTheLogButNotTheTrial() throws {
    var request = shell("echo one; sleep 0.1; echo two; exit 4")
    request.logPath = "/dev/full"
    let (events, status) = try run(request)
    XCTAssertEqual(problems(events), [.logNotWritten(errorNumber: ENOSPC)])
    XCTAssertEqual(status.outcome, .exited(code: 4))
    XCTAssertEqual(status.discardedLogBytes, 8)
  }

  func testATrialThatClosesItsOutputGoesOn() throws {
    let (events, status) = try run(shell("exec >&- 2>&-; sleep 0.1; echo '{}' > $TRIMTAB_REPORT; exit 3"))
    XCTAssertEqual(status.outcome, .exited(code: 3))
    XCTAssertEqual(reportLines(events), ["{}"])
  }

  private func residentBytes() throws -> Int {
    let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
    return try XCTUnwrap(Int(fields[1])) * sysconf(Int32(_SC_PAGESIZE))
  }
}
