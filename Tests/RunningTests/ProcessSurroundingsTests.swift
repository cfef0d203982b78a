import CSystem
import Foundation
import XCTest

@testable import TrimtabRunning

/// What a trial finds when it starts.
final class ProcessSurroundingsTests: ProcessTestCase {
  func testTheEnvironmentIsExactlyTheOneGiven() throws {
    var request = launch(["/usr/bin/env"])
    request.environment = [("B", "two words"), ("A", ""), ("Ü", "=ß\n="), ("B2", "x")]
    let (_, status) = try run(request)
    XCTAssertEqual(status.outcome, .exited(code: 0))
    XCTAssertEqual(try logText(), "B=two words\nA=\nÜ==ß\n=\nB2=x\n")
  }

  func testArgumentsArriveAsTheyAre() throws {
    _ = try run(launch(["printf", "[%s]", "a b", "", "$HOME", "*", "é"]))
    XCTAssertEqual(try logText(), "[a b][][$HOME][*][é]")
  }

  func testOnlyTheStandardDescriptorsReachTheProgram() throws {
    for singly in [false, true] {
      let spare = open("/dev/null", O_RDONLY)  // inheritable
      let far = fcntl(spare, F_DUPFD, 500)
      defer {
        close(spare)
        close(far)
      }
      let file = open(path("descriptors"), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
      defer { close(file) }
      var request = SpawnRequest(path: "/bin/ls", arguments: ["ls", "/proc/self/fd"])
      request.output = file
      request.marksDescriptorsSingly = singly
      let process = try request.spawn()
      XCTAssertEqual(waitpid(process, nil, 0), process)
      let listed = try String(contentsOfFile: path("descriptors"), encoding: .utf8).split(separator: "\n")
      XCTAssertEqual(listed, ["0", "1", "2", "3"], "3 is what ls reads the folder with")
    }
  }

  func testSignalsAreAtTheirDefaultsAndNoneIsBlocked() throws {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGUSR1, SIG_IGN)
    defer {
      signal(SIGPIPE, SIG_DFL)
      signal(SIGUSR1, SIG_DFL)
    }
    _ = try run(launch(["cat", "/proc/self/status"]))
    let lines = try logText().split(separator: "\n")
    for name in ["SigBlk:\t", "SigIgn:\t", "SigCgt:\t"] {
      let text = try XCTUnwrap(lines.first { $0.hasPrefix(name) }).dropFirst(name.count)
      let mask = try XCTUnwrap(UInt64(text, radix: 16))
      // The C library keeps signals 32 and 33 to itself.
      XCTAssertEqual(mask & ~(3 << 31), 0, "\(name)\(text)")
    }
  }

  func testInputIsEmptyAndTheSessionIsItsOwn() throws {
    let process = try TrialProcess(launch: shell("cat; readlink /proc/self/fd/0; cut -d' ' -f5,6 /proc/$$/stat"))
    serve(process)
    XCTAssertEqual(try logText(), "/dev/null\n\(process.processGroup) \(process.processGroup)\n")
  }

  func testAProgramStartsInItsFolder() throws {
    _ = try run(launch(["sh", "-c", "echo here > found"]))
    XCTAssertTrue(exists("found"))
  }

  func testLimitsReachTheProgram() throws {
    var request = shell("ulimit -t; ulimit -v; cat /proc/self/oom_score_adj")
    request.limits = ProcessLimits(cpuSeconds: 77, addressSpaceBytes: 3 << 30, oomScoreAdjustment: 321)
    let (_, status) = try run(request)
    XCTAssertEqual(status.outcome, .exited(code: 0))
    XCTAssertEqual(try logText(), "77\n\(3 << 20)\n321\n")
  }

  func testATrialStartsEvenIfTheTunersStandardDescriptorsAreClosed() throws {
    let saved = fcntl(0, F_DUPFD_CLOEXEC, 100)
    close(0)
    defer {
      dup2(saved, 0)
      close(saved)
    }
    let (events, status) = try run(shell("cat; echo out; echo '{}' > $TRIMTAB_REPORT"))
    XCTAssertEqual(status.outcome, .exited(code: 0))
    XCTAssertEqual(reportLines(events), ["{}"])
    XCTAssertEqual(try logText(), "out\n")
  }
}
