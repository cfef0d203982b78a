import CSystem
import Foundation
import XCTest

@testable import TrimtabRunning

final class ProcessReportTests: ProcessTestCase {
  func testTenThousandReportsArriveInOrder() throws {
    let script = "i=0; while [ $i -lt 10000 ]; do echo \"{\\\"epoch\\\": $i}\"; i=$((i+1)); done > $TRIMTAB_REPORT"
    let (events, status) = try run(shell(script))
    XCTAssertEqual(status.outcome, .exited(code: 0))
    XCTAssertEqual(reportLines(events), (0..<10000).map { "{\"epoch\": \($0)}" })
  }

  func testWritersComeAndGo() throws {
    let script = "for i in 1 2 3; do echo $i >> $TRIMTAB_REPORT; sleep 0.05; done; printf last >> $TRIMTAB_REPORT"
    XCTAssertEqual(reportLines(try run(shell(script)).events), ["1", "2", "3", "last"])
  }

  func testAReportMadeJustBeforeTheEndIsNotLost() throws {
    for _ in 0..<50 {
      XCTAssertEqual(reportLines(try run(shell("echo done > $TRIMTAB_REPORT")).events), ["done"])
    }
  }

  func testWhatIsUnreadWhenTheLeaderEndsIsReadBeforeTheExitIsTold() throws {
    var request = shell("echo printed; echo reported > $TRIMTAB_REPORT")
    request.wantsOutputLines = true
    let process = try TrialProcess(launch: request)
    let watch = try XCTUnwrap(process.descriptors.last)
    var entry = pollfd(fd: watch, events: Int16(POLLIN), revents: 0)
    XCTAssertEqual(poll(&entry, 1, 10_000), 1)
    let events = process.handleReadable(watch, now: .now())
    let status = try XCTUnwrap(process.status)
    XCTAssertEqual(events, [.reportLine("reported"), .outputLine(Array("printed".utf8)), .exited(status)])
    XCTAssertEqual(try logText(), "printed\n")
  }

  func testReportsComeBeforeTheExit() throws {
    let (events, status) = try run(shell("echo a > $TRIMTAB_REPORT; kill -9 $$"))
    XCTAssertEqual(events, [.reportLine("a"), .exited(status)])
  }

  func testTheFIFOIsPrivateAndIsRemovedAtTheEnd() throws {
    _ = try run(shell("stat -c '%F %a' $TRIMTAB_REPORT"))
    XCTAssertEqual(try logText(), "fifo 600\n")
    XCTAssertFalse(exists("report"))
  }

  func testAFIFOLeftByAKilledTunerIsReplaced() throws {
    XCTAssertEqual(mkfifo(path("report"), 0o600), 0)
    XCTAssertEqual(reportLines(try run(shell("echo x > $TRIMTAB_REPORT")).events), ["x"])
  }

  func testAFileInThePlaceOfTheFIFOIsNotTouched() throws {
    try write("precious", to: "report")
    XCTAssertThrowsError(try TrialProcess(launch: shell("true"))) {
      XCTAssertEqual(
        $0 as? LaunchError,
        .fileUnusable(path: self.path("report"), operation: "make the FIFO for reports", errorNumber: EEXIST))
    }
    XCTAssertEqual(try String(contentsOfFile: path("report"), encoding: .utf8), "precious")
  }

  func testAnOversizedReportIsMarkedAndTheNextArrives() throws {
    let (events, _) = try run(shell("{ head -c 3000000 /dev/zero | tr '\\0' y; echo; echo ok; } > $TRIMTAB_REPORT"))
    let beginning = String(repeating: "y", count: LineSplitter.keptOfOversized)
    XCTAssertEqual(events.dropLast(), [.oversizedLine(.report, beginning: beginning), .reportLine("ok")])
  }
}
