import CSystem
import Foundation
import XCTest

@testable import TrimtabRunning

final class ProcessLaunchTests: ProcessTestCase {
  private func launchError(_ launch: Launch) -> LaunchError? {
    do {
      _ = try TrialProcess(launch: launch)
      return nil
    } catch {
      return error
    }
  }

  func testAProgramThatDoesNotExistIsNotFound() {
    let error = launchError(launch(["no-such-program"]))
    XCTAssertEqual(
      error, .programNotFound(program: "no-such-program", searched: ["/usr/local/bin", "/usr/bin", "/bin"]))
    XCTAssertEqual(launchError(launch(["./absent"])), .programNotFound(program: "./absent", searched: []))
  }

  func testAFileThatIsNotMarkedExecutableIsToldApartFromAMissingOne() throws {
    try write("#!/bin/sh\n", to: "train", mode: 0o644)
    guard case .programNotExecutable(path: "./train", let reason) = launchError(launch(["./train"])) else {
      return XCTFail("it was started or not found")
    }
    XCTAssertTrue(reason.contains("chmod +x"), reason)
    guard case .programNotExecutable = launchError(launch(["./"])) else { return XCTFail("a folder was started") }
  }

  func testAFileThatIsNoProgramIsRefusedByTheKernelAndToldSo() throws {
    try write("hello", to: "text", mode: 0o755)
    try write("#!/no/such/interpreter\n", to: "script", mode: 0o755)
    guard case .programNotExecutable(_, let noFormat) = launchError(launch(["./text"])) else {
      return XCTFail("a text was started")
    }
    XCTAssertTrue(noFormat.contains("#!"), noFormat)
    guard case .programNotExecutable(_, let noInterpreter) = launchError(launch(["./script"])) else {
      return XCTFail("a script without interpreter was started")
    }
    XCTAssertTrue(noInterpreter.contains("interpreter"), noInterpreter)
  }

  func testAMissingWorkingFolderIsNamed() {
    var request = launch(["true"])
    request.workingDirectory = path("absent")
    XCTAssertEqual(
      launchError(request), .workingDirectoryUnusable(path: path("absent"), errorNumber: ENOENT))
  }

  func testAWorkingFolderThatVanishesBeforeTheChildEntersItIsNamedToo() {
    var request = SpawnRequest(path: "/bin/true", arguments: ["true"])
    request.workingDirectory = path("absent")
    XCTAssertThrowsError(try request.spawn()) {
      XCTAssertEqual(
        $0 as? LaunchError, .workingDirectoryUnusable(path: self.path("absent"), errorNumber: ENOENT))
    }
  }

  func testTextThatNoProgramCanReceiveIsRefused() {
    XCTAssertEqual(launchError(launch([])), .emptyCommand)
    XCTAssertEqual(launchError(launch([""])), .emptyCommand)
    XCTAssertEqual(
      launchError(launch(["true", "a\0b"])), .unusableText(place: "argument 1 of the command"))
    for name in ["", "A=B", "A\0"] {
      var request = launch(["true"])
      request.environment.append((name, "x"))
      XCTAssertEqual(launchError(request), .unusableText(place: "the environment variable '\(name)'"))
    }
  }

  func testACommandLongerThanTheSystemTakesIsRefused() {
    let error = launchError(launch(["true", String(repeating: "x", count: 1 << 22)]))
    guard case .commandTooLong = error else { return XCTFail("\(String(describing: error))") }
  }

  func testALimitAboveTheTunersOwnIsRefused() {
    var request = launch(["true"])
    request.limits.oomScoreAdjustment = 5000
    guard case .limitRefused(name: "oom score", value: 5000, _) = launchError(request) else {
      return XCTFail("an impossible score was accepted")
    }
    request.limits = ProcessLimits(cpuSeconds: -3)
    XCTAssertEqual(launchError(request), .limitRefused(name: "cpu", value: -3, errorNumber: EINVAL))
  }

  func testFailedLaunchesLeaveNothingBehind() throws {
    try write("hello", to: "text", mode: 0o755)
    _ = launchError(launch(["./text"]))
    let before = try openDescriptors()
    for _ in 0..<50 {
      XCTAssertNotNil(launchError(launch(["./text"])))
      XCTAssertNotNil(launchError(launch(["absent"])))
    }
    XCTAssertEqual(try openDescriptors(), before)
    XCTAssertFalse(exists("report"))
    XCTAssertEqual(waitpid(-1, nil, WNOHANG), -1, "no child is left uncollected")
  }

  func testAFinishedTrialLeavesNoDescriptorOpen() throws {
    _ = try run(shell("true"))
    let before = try openDescriptors()
    for _ in 0..<20 { _ = try run(shell("echo x")) }
    // The test's own surroundings open and close one now and then; twenty trials would leave twenty or more.
    XCTAssertLessThan(try openDescriptors(), before + 10)
  }

  func testTheProgramIsSearchedInThePathOfTheGivenEnvironment() throws {
    try FileManager.default.createDirectory(atPath: path("tools"), withIntermediateDirectories: true)
    try write("#!/bin/sh\nexit 9\n", to: "tools/train", mode: 0o755)
    var request = launch(["train"])
    request.environment = [("PATH", "/nowhere::" + path("tools"))]
    XCTAssertEqual(try run(request).status.outcome, .exited(code: 9))
  }

  func testEveryErrorSaysWhatItIsAbout() {
    let errors: [LaunchError] = [
      .programNotFound(program: "abc", searched: ["/bin"]), .programNotFound(program: "./abc", searched: []),
      .programNotExecutable(path: "abc", reason: "why"), .workingDirectoryUnusable(path: "abc", errorNumber: ENOENT),
      .commandTooLong(program: "abc"), .fileUnusable(path: "abc", operation: "open", errorNumber: EACCES),
      .limitRefused(name: "abc", value: 1, errorNumber: EPERM), .unusableText(place: "abc"),
      .guardUnusable(executable: "abc", reason: "why"), .systemCall(name: "abc", errorNumber: EMFILE),
    ]
    for error in errors { XCTAssertTrue(error.description.contains("abc"), error.description) }
  }
}
