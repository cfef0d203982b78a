import CSystem
import Foundation
import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

@testable import TrimtabRunning

/// The parts of the process layer that need no process.
final class ProcessLogicTests: XCTestCase {
  private func time(_ milliseconds: UInt64) -> MonotonicTime {
    MonotonicTime(nanoseconds: milliseconds * 1_000_000)
  }

  func testAStopIsTermThenGraceThenKill() {
    var ending = GroupEnding()
    XCTAssertNil(ending.deadline)
    XCTAssertEqual(ending.requestStop(grace: .milliseconds(100), now: time(1000)), [.terminate])
    XCTAssertEqual(ending.deadline, time(1100))
    XCTAssertEqual(ending.tick(now: time(1099)), [])
    XCTAssertEqual(ending.tick(now: time(1100)), [.kill])
    XCTAssertEqual(ending.tick(now: time(5000)), [], "killed once; the kernel does the rest")
    XCTAssertNil(ending.deadline, "a leader that withstands SIGKILL is waited for")
  }

  func testASecondStopCanOnlyShortenTheGrace() {
    var ending = GroupEnding()
    _ = ending.requestStop(grace: .milliseconds(100), now: time(0))
    XCTAssertEqual(ending.requestStop(grace: .milliseconds(500), now: time(10)), [])
    XCTAssertEqual(ending.deadline, time(100))
    XCTAssertEqual(ending.requestStop(grace: .zero, now: time(20)), [])
    XCTAssertEqual(ending.tick(now: time(20)), [.kill])
  }

  func testLeftoversOfALeaderThatEndedByItselfGetTermThenKill() {
    var ending = GroupEnding()
    XCTAssertEqual(ending.leaderExited(leftoverGrace: .milliseconds(50), now: time(0)), [.terminate])
    XCTAssertEqual(ending.tick(now: time(0)), [.probe])
    XCTAssertEqual(ending.deadline, time(1))
    XCTAssertEqual(ending.tick(now: time(50)), [.kill, .probe])
  }

  func testLeftoversOfAStoppedLeaderKeepTheGraceAndGetNoSecondSignal() {
    var ending = GroupEnding()
    _ = ending.requestStop(grace: .milliseconds(100), now: time(0))
    XCTAssertEqual(ending.leaderExited(leftoverGrace: .zero, now: time(10)), [])
    XCTAssertEqual(ending.tick(now: time(99)), [.probe])
    XCTAssertTrue(ending.tick(now: time(100)).contains(.kill))
  }

  func testAGroupThatWithstandsEverythingIsGivenUp() {
    var ending = GroupEnding()
    _ = ending.leaderExited(leftoverGrace: .zero, now: time(0))
    XCTAssertEqual(ending.tick(now: time(0)), [.kill, .probe])
    var now = time(0)
    var probes = 0
    while let deadline = ending.deadline, deadline < time(20_000) {
      now = deadline
      let actions = ending.tick(now: now)
      probes += actions.count { $0 == .probe }
      if actions.contains(.giveUp) { break }
    }
    XCTAssertEqual(now, time(10_000))
    XCTAssertLessThan(probes, 250, "the process table is not read without pause")
    ending.finish()
    XCTAssertNil(ending.deadline)
  }

  func testAProcessThatDidAllThatItWasToldGoesOnInANewOne() throws {
    let space = try Space([.float("x", 0...1)])
    let run = TrialRun(
      trial: 0, configuration: space.defaultConfiguration(), target: 27, reached: 3, attempt: 1, seed: 1, isFrozen: true
    )
    let status = ExitStatus(
      outcome: .exited(code: 0), usage: ProcessUsage(userSeconds: 0, systemSeconds: 0, maxResidentBytes: 0),
      leftProcessesBehind: false, groupHasGone: true, discardedLogBytes: 0)
    func outcome(told: Double, reached: Double) -> RunningTrial.Outcome {
      var trial = RunningTrial(run: run, folder: TrialFolder(root: "trials", trial: 0), startedAt: time(0))
      (trial.told, trial.reached, trial.hasReported) = (told, reached, true)
      return trial.outcome(
        status, fidelity: Fidelity(name: "epoch", maximum: 81), hasObjective: true, lastOutput: "")
    }
    XCTAssertEqual(outcome(told: 9, reached: 9), .released, "the maximum was 9 when it was started")
    XCTAssertEqual(outcome(told: 9, reached: 8), .endedEarly)
    XCTAssertEqual(outcome(told: 81, reached: 27), .paused)
    XCTAssertEqual(outcome(told: 81, reached: 26), .endedEarly)
  }

  func testLinesAreTheSameHoweverTheStreamIsCut() {
    let stream = Array("one\n\ntwo\rthree\r\n\nvery long line that goes on\nfour\r\r\nfi\u{E9}ve".utf8)
    for endsAtCarriageReturn in [false, true] {
      let whole = split(stream, chunk: stream.count, endsAtCarriageReturn: endsAtCarriageReturn)
      for chunk in 1..<stream.count {
        XCTAssertEqual(split(stream, chunk: chunk, endsAtCarriageReturn: endsAtCarriageReturn), whole)
      }
    }
    XCTAssertEqual(
      split(stream, chunk: 7, endsAtCarriageReturn: true),
      [.text("one"), .text("two"), .text("three"), .oversized, .text("four"), .text("fi\u{E9}ve")])
    XCTAssertEqual(
      split(stream, chunk: 7, endsAtCarriageReturn: false),
      [.text("one"), .text("two\rthree\r"), .oversized, .text("four\r\r"), .text("fi\u{E9}ve")])
  }

  private enum Line: Equatable {
    case text(String)
    case oversized
  }

  private func split(_ stream: [UInt8], chunk: Int, endsAtCarriageReturn: Bool) -> [Line] {
    var splitter = LineSplitter(limit: 12, endsAtCarriageReturn: endsAtCarriageReturn)
    var pieces: [LineSplitter.Piece] = []
    for start in stride(from: 0, to: stream.count, by: chunk) {
      Array(stream[start..<min(start + chunk, stream.count)]).withUnsafeBytes { splitter.append($0, into: &pieces) }
    }
    splitter.finish(into: &pieces)
    return pieces.map { piece in
      switch piece {
      case .line(let bytes): .text(String(decoding: bytes, as: UTF8.self))
      case .oversized: .oversized
      }
    }
  }

  func testTheGuardsLedgerTakesOnlyGroupsOfOthers() {
    var ledger = GuardLedger()
    ledger.absorb(Array("+12\n+34\n+1\n+0\n+-5\n-7\n+\n\n++8\n12\n+99999999999999999999\nrubbish\n-12\n+5".utf8))
    XCTAssertEqual(ledger.groups, [34])
    ledger.absorb(Array("6\n".utf8))
    XCTAssertEqual(ledger.groups, [34, 56])
    ledger.absorb([UInt8](repeating: 43, count: 100_000))
    ledger.absorb(Array("\n-56\n".utf8))
    XCTAssertEqual(ledger.groups, [34])
  }

  func testTheProcessTableReadsNamesWithBlanksAndParentheses() {
    let line = "77 (a) R (b) S 5 66 66 0 -1 4194304 1 0 0 0 3 4 0 0 20 0 1 0 100 5000000 321 18446744073709551615 1\n"
    let entry = ProcessTable.parse(Array(line.utf8)[...], process: 77, pageBytes: 4096)
    XCTAssertEqual(entry, .init(process: 77, group: 66, state: "S", residentBytes: 321 * 4096))
    XCTAssertNil(ProcessTable.parse(Array("77 (a) S 5".utf8)[...], process: 77, pageBytes: 4096))
    XCTAssertNil(ProcessTable.parse([], process: 77, pageBytes: 4096))
  }

  func testTimeNeitherWrapsNorRunsBack() {
    XCTAssertEqual(time(1).advanced(by: .milliseconds(4)), time(5))
    XCTAssertEqual(time(1).advanced(by: .seconds(-4)), time(1))
    XCTAssertEqual(time(1).advanced(by: .seconds(Int64.max)).nanoseconds, .max)
    XCTAssertEqual(MonotonicTime(nanoseconds: .max).advanced(by: .nanoseconds(1)).nanoseconds, .max)
    XCTAssertEqual(time(5).pollTimeout(from: time(7)), 0)
    XCTAssertEqual(MonotonicTime(nanoseconds: 1).pollTimeout(from: time(0)), 1, "rounded up, or poll would spin")
    XCTAssertEqual(MonotonicTime(nanoseconds: .max).pollTimeout(from: time(0)), .max)
    XCTAssertLessThanOrEqual(MonotonicTime.now(), MonotonicTime.now())
  }
}
