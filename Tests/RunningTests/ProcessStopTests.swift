import CSystem
import Foundation
import XCTest

@testable import TrimtabRunning

final class ProcessStopTests: ProcessTestCase {
  func testTheExitCodeIsTold() throws {
    XCTAssertEqual(try run(shell("exit 0")).status.outcome, .exited(code: 0))
    let (_, status) = try run(shell("exit 37"))
    XCTAssertEqual(status.outcome, .exited(code: 37))
    XCTAssertFalse(status.leftProcessesBehind)
    XCTAssertTrue(status.groupHasGone)
  }

  func testTheSignalIsTold() throws {
    XCTAssertEqual(try run(shell("kill -SEGV $$")).status.outcome, .signalled(number: SIGSEGV))
  }

  func testUsageIsMeasuredForTheLeaderAndThoseItWaitedFor() throws {
    let script =
      "dd if=/dev/zero of=/dev/null bs=64M count=8 2>/dev/null; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"
    let usage = try run(shell(script)).status.usage
    XCTAssertGreaterThan(usage.userSeconds, 0.005)
    XCTAssertGreaterThan(usage.systemSeconds, 0)
    XCTAssertGreaterThan(usage.maxResidentBytes, 64 << 20)
    XCTAssertLessThan(usage.maxResidentBytes, 128 << 20)
  }

  func testWithoutAProcessDescriptorTheEndIsNoticedAllTheSame() throws {
    let process = try TrialProcess(launch: shell("exit 5"), guardedBy: nil, watchesByDescriptor: false)
    XCTAssertEqual(process.descriptors.count, 2)
    serve(process)
    XCTAssertEqual(process.status?.outcome, .exited(code: 5))
  }

  func testATrialThatListensSavesAndEnds() throws {
    let script =
      "trap 'test -e $TRIMTAB_STOP && echo saved > $TRIMTAB_REPORT; exit 0' TERM; echo up; while :; do sleep 0.02; done"
    let process = try TrialProcess(launch: shell(script))
    serve(process) { _ in (try? self.logText()) == "up\n" }
    process.stop(grace: .seconds(20), now: .now())
    XCTAssertTrue(exists("stop"))
    let events = serve(process)
    XCTAssertEqual(reportLines(events), ["saved"])
    XCTAssertEqual(process.status?.outcome, .exited(code: 0))
    XCTAssertFalse(exists("stop"))
  }

  func testATrialThatIgnoresTheSignalIsKilledAfterTheGraceAndNotBefore() throws {
    let process = try TrialProcess(launch: shell("trap '' TERM; echo up; while :; do sleep 0.02; done"))
    serve(process) { _ in (try? self.logText()) == "up\n" }
    let start = MonotonicTime.now()
    process.stop(grace: .milliseconds(300), now: start)
    serve(process)
    XCTAssertGreaterThanOrEqual(MonotonicTime.now(), start.advanced(by: .milliseconds(300)))
    XCTAssertEqual(process.status?.outcome, .signalled(number: SIGKILL))
    XCTAssertEqual(process.status?.groupHasGone, true)
  }

  func testAChildThatIgnoresTheSignalIsKilledAfterItsShellHasDied() throws {
    let process = try TrialProcess(
      launch: shell("sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.02; done' & wait"))
    serve(process) { _ in (try? self.logText()) == "up\n" }
    let start = MonotonicTime.now()
    process.stop(grace: .milliseconds(300), now: start)
    serve(process)
    XCTAssertGreaterThanOrEqual(MonotonicTime.now(), start.advanced(by: .milliseconds(300)))
    XCTAssertEqual(process.status?.outcome, .signalled(number: SIGTERM))
    XCTAssertEqual(process.status?.leftProcessesBehind, true)
    XCTAssertTrue(groupHasGone(process.processGroup))
  }

  func testAChildThatSavesAfterItsShellHasDiedHasTheWholeGrace() throws {
    var request = shell(
      "sh -c 'trap \"sleep 0.3; echo saved > $TRIMTAB_REPORT; exit\" TERM; echo up; while :; do sleep 0.02; done' & wait"
    )
    request.leftoverGrace = .zero
    let process = try TrialProcess(launch: request)
    serve(process) { _ in (try? self.logText()) == "up\n" }
    process.stop(grace: .seconds(20), now: .now())
    XCTAssertEqual(reportLines(serve(process)), ["saved"])
  }

  func testChildrenLeftBehindAreEndedAlthoughTheyHoldTheOutput() throws {
    var request = shell(
      "sleep 1000 & sh -c 'trap \"\" TERM; touch up; while :; do echo x; sleep 0.02; done' & "
        + "while ! test -e up; do sleep 0.01; done; exit 6")
    request.leftoverGrace = .milliseconds(200)
    let start = MonotonicTime.now()
    let process = try TrialProcess(launch: request)
    serve(process)
    let status = try XCTUnwrap(process.status)
    XCTAssertEqual(status.outcome, .exited(code: 6))
    XCTAssertTrue(status.leftProcessesBehind)
    XCTAssertTrue(status.groupHasGone)
    XCTAssertTrue(groupHasGone(process.processGroup))
    XCTAssertLessThan(MonotonicTime.now(), start.advanced(by: .seconds(10)))
  }

  func testAProcessThatLeftTheGroupWithTheOutputOpenHoldsNothingUp() throws {
    let request = shell("setsid sleep 3 & while ! grep -qs sleep /proc/$!/comm; do :; done; exit 0")
    let start = MonotonicTime.now()
    let (_, status) = try run(request)
    XCTAssertEqual(status.outcome, .exited(code: 0))
    XCTAssertLessThan(MonotonicTime.now(), start.advanced(by: .milliseconds(2500)))
  }

  func testAnOldStopFileDoesNotStopTheNextRun() throws {
    try write("", to: "stop")
    _ = try run(shell("test -e $TRIMTAB_STOP && echo stopped || echo free"))
    XCTAssertEqual(try logText(), "free\n")
  }

  func testAStopFileThatCannotBeMadeIsToldAndTheTrialStopsAllTheSame() throws {
    var request = shell("sleep 1000")
    request.stopPath = path("absent/stop")
    let process = try TrialProcess(launch: request)
    process.stop(grace: .seconds(5), now: .now())
    XCTAssertNotNil(process.deadline)
    let events = serve(process)
    XCTAssertEqual(problems(events), [.stopFileNotMade(path: path("absent/stop"), errorNumber: ENOENT)])
    XCTAssertEqual(process.status?.outcome, .signalled(number: SIGTERM))
  }

  func testAFrozenTrialStandsStillAndGoesOnWhenThawed() throws {
    // Neither process starts others: one that is stopped amid vfork leaves its parent in state D, still but not T.
    var request = shell("yes & wait")
    request.logLimitBytes = 1 << 30
    let process = try TrialProcess(launch: request)
    serve(process) { _ in ((try? self.log())?.count ?? 0) > 0 }
    process.freeze()
    XCTAssertTrue(process.isFrozen)
    wait(for: "all processes of the group to be stopped") {
      let members = ProcessTable.read()?.entries.filter { $0.group == process.processGroup } ?? []
      return members.count == 2 && members.allSatisfy { $0.state == "T" }
    }
    // What is in the pipe still comes.
    for _ in 0..<5 { _ = round(process, atMost: .milliseconds(20)) }
    let size = try log().count
    for _ in 0..<5 { _ = round(process, atMost: .milliseconds(20)) }
    XCTAssertEqual(try log().count, size)
    process.thaw()
    XCTAssertFalse(process.isFrozen)
    serve(process) { _ in ((try? self.log())?.count ?? 0) > size }
    process.stop(grace: .seconds(5), now: .now())
    serve(process)
  }

  func testAFrozenTrialCanBeStopped() throws {
    let process = try TrialProcess(launch: shell("trap 'exit 8' TERM; echo up; while :; do sleep 0.01; done"))
    serve(process) { _ in (try? self.logText()) == "up\n" }
    process.freeze()
    process.stop(grace: .seconds(20), now: .now())
    XCTAssertFalse(process.isFrozen)
    process.freeze()
    XCTAssertFalse(process.isFrozen, "what is to end is not frozen again")
    serve(process)
    XCTAssertEqual(process.status?.outcome, .exited(code: 8))
  }

  func testResidentMemoryIsThatOfTheWholeGroup() throws {
    // dd fills its block of 48 MiB and then blocks, as nobody reads the FIFO to its end.
    let hog = "dd if=/dev/zero bs=48M count=1 2>/dev/null | { head -c 1 >/dev/null; sleep 1000; }"
    let process = try TrialProcess(launch: shell("\(hog) & \(hog) & wait"))
    serve(process) { _ in (process.residentBytes() ?? 0) > 96 << 20 }
    XCTAssertLessThan(try XCTUnwrap(process.residentBytes()), 150 << 20)
    let table = try XCTUnwrap(ProcessTable.read())
    XCTAssertGreaterThan(table.residentBytesByGroup()[process.processGroup] ?? 0, 96 << 20)
    process.stop(grace: .zero, now: .now())
    serve(process)
    XCTAssertEqual(process.residentBytes(), 0)
  }

  func testAnAbandonedTrialDoesNotGoOn() throws {
    var process: TrialProcess? = try TrialProcess(launch: shell("sleep 1000 & sleep 1000"))
    let group = try XCTUnwrap(process?.processGroup)
    process = nil
    wait(for: "the group to go") { groupHasGone(group) }
    XCTAssertFalse(exists("report"))
  }
}
