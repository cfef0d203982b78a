import CSystem
import Foundation
import XCTest

@testable import TrimtabRunning

final class ProcessGuardTests: ProcessTestCase {
  /// The executable of the target ProcessTestHelper, which is built beside the tests.
  private func helper() -> String {
    #if os(Linux)
      let products = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    #else
      let products = Bundle(for: Self.self).bundleURL.deletingLastPathComponent()
    #endif
    return products.appendingPathComponent("ProcessTestHelper").path
  }

  private func openLock() throws -> Int32 {
    let number = open(path("lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    XCTAssertGreaterThanOrEqual(number, 0)
    return number
  }

  /// Starts a tuner with two trials, and returns its number, its guard's and the trials' groups.
  private func startTuner() throws -> (tuner: pid_t, guardian: pid_t, groups: [pid_t]) {
    let tuner = try SpawnRequest(path: helper(), arguments: [helper(), "tuner", folder]).spawn()
    wait(for: "the tuner to start its trials") { exists("started") }
    let numbers = try String(contentsOfFile: path("started"), encoding: .utf8).split(separator: " ")
      .compactMap { pid_t($0) }
    XCTAssertEqual(numbers.count, 3)
    return (tuner, numbers[0], Array(numbers.dropFirst()))
  }

  private func endNow(_ tuner: pid_t) {
    kill(tuner, SIGKILL)
    XCTAssertEqual(waitpid(tuner, nil, 0), tuner)
  }

  func testWhenATunerIsKilledItsTrialsDieAndTheLockIsHeldUntilThen() throws {
    let (tuner, guardian, groups) = try startTuner()
    let lock = try openLock()
    defer { close(lock) }
    for group in groups { XCTAssertFalse(groupHasGone(group)) }
    XCTAssertEqual(trimtab_byte_is_locked(lock, 0), 1)

    // A guard that stands still shows what the guard is needed for.
    XCTAssertEqual(kill(guardian, SIGSTOP), 0)
    endNow(tuner)
    wait(for: "the leaders to die with the tuner") {
      let living = ProcessTable.read()?.entries.filter { $0.state != "Z" }.map(\.process) ?? groups
      return groups.allSatisfy { !living.contains($0) }
    }
    for group in groups { XCTAssertFalse(groupHasGone(group), "children outlive the leader") }
    XCTAssertEqual(trimtab_byte_is_locked(lock, 0), 1, "held while trials live")
    XCTAssertEqual(trimtab_lock_byte(lock, 0, 1), -1)

    XCTAssertEqual(kill(guardian, SIGCONT), 0)
    wait(for: "the lock") { trimtab_lock_byte(lock, 0, 1) == 0 }
    for group in groups { XCTAssertTrue(groupHasGone(group), "no trial lives once the lock is free") }
  }

  func testTheGuardWithstandsTheSignalsOfATerminal() throws {
    let (tuner, guardian, groups) = try startTuner()
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP] { XCTAssertEqual(kill(guardian, number), 0) }
    XCTAssertNotEqual(getsid(guardian), getsid(tuner))
    poll(nil, 0, 50)
    let state = ProcessTable.read()?.entries.first { $0.process == guardian }?.state
    XCTAssertEqual(state, "S", "it waits as before")
    endNow(tuner)
    wait(for: "the groups to go") { groups.allSatisfy { groupHasGone($0) } }
  }

  func testAKilledGuardIsReplacedAndTheNewOneKnowsTheTrials() throws {
    let lock = try openLock()
    defer { close(lock) }
    XCTAssertEqual(trimtab_lock_byte(lock, 0, 1), 0)
    let processGuard = try ProcessGuard.start(executable: helper(), arguments: ["guard"], inheriting: lock)
    let process = try TrialProcess(launch: shell("sleep 1000"), guardedBy: processGuard)
    XCTAssertFalse(try processGuard.restartIfLost())

    let first = try XCTUnwrap(processGuard.processNumber)
    kill(first, SIGKILL)
    var entry = pollfd(fd: try XCTUnwrap(processGuard.descriptor), events: Int16(POLLIN), revents: 0)
    XCTAssertEqual(poll(&entry, 1, 10_000), 1, "the loop notices")
    XCTAssertThrowsError(try TrialProcess(launch: otherLaunch(), guardedBy: processGuard)) {
      XCTAssertEqual($0 as? LaunchError, .guardLost)
    }
    XCTAssertTrue(try processGuard.restartIfLost())
    XCTAssertNotEqual(processGuard.processNumber, first)

    processGuard.end()
    serve(process)
    XCTAssertEqual(process.status?.outcome, .signalled(number: SIGKILL), "the second guard was told of it")
  }

  private func otherLaunch() -> Launch {
    var other = shell("sleep 1000")
    other.reportPath = path("report2")
    return other
  }

  func testTheBeginningAndTheEndOfATrialAreToldToTheGuard() throws {
    // In the guard's place: a script that writes down what it is told.
    let processGuard = try ProcessGuard.start(
      executable: "/bin/sh", arguments: ["-c", "echo ready >&0; exec cat > \(path("told"))"], inheriting: nil)
    let process = try TrialProcess(launch: shell("exit 2"), guardedBy: processGuard)
    serve(process)
    XCTAssertEqual(process.status?.outcome, .exited(code: 2))
    processGuard.end()
    let told = try String(contentsOfFile: path("told"), encoding: .utf8)
    XCTAssertEqual(told, "+\(process.processGroup)\n-\(process.processGroup)\n")
    XCTAssertNil(processGuard.descriptor)
    XCTAssertNil(processGuard.processNumber)
  }

  func testAGroupIsRegisteredBeforeItsProgramRunsAndStruckOffIfItCannot() throws {
    try write("no program", to: "text", mode: 0o755)
    var ends: [Int32] = [-1, -1]
    XCTAssertEqual(trimtab_socket_pair(&ends), 0)
    defer { for end in ends { close(end) } }
    var request = SpawnRequest(path: path("text"), arguments: ["text"])
    request.registry = ends[0]
    XCTAssertThrowsError(try request.spawn())
    var buffer = [UInt8](repeating: 0, count: 100)
    let count = trimtab_receive(ends[1], &buffer, buffer.count)
    let lines = String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(separator: "\n")
    XCTAssertEqual(lines.map { $0.first }, ["+", "-"])
    XCTAssertEqual(lines.first?.dropFirst(), lines.last?.dropFirst())
  }

  func testAProgramThatIsNoGuardIsFoundOutAtTheStart() throws {
    for (program, arguments) in [("/bin/false", []), ("/bin/echo", ["hello, tuner"])] {
      XCTAssertThrowsError(
        try ProcessGuard.start(executable: program, arguments: arguments, inheriting: nil)
      ) {
        guard case .guardUnusable(executable: program, _)? = $0 as? LaunchError else { return XCTFail("\($0)") }
      }
    }
    XCTAssertEqual(waitpid(-1, nil, WNOHANG), -1, "no child is left")
  }

  func testAByteIsLockedForOneOpenFileAndItsDuplicatesOnly() throws {
    let first = try openLock()
    let second = try openLock()
    XCTAssertEqual(trimtab_byte_is_locked(second, 5), 0)
    XCTAssertEqual(trimtab_lock_byte(first, 5, 1), 0)
    XCTAssertEqual(trimtab_lock_byte(second, 5, 1), -1)
    XCTAssertEqual(errno, EAGAIN)
    XCTAssertEqual(trimtab_byte_is_locked(second, 5), 1)
    XCTAssertEqual(trimtab_byte_is_locked(first, 5), 0, "one's own lock is in nobody's way")
    XCTAssertEqual(trimtab_lock_byte(second, 6, 1), 0, "the next byte is another lock")
    let duplicate = dup(first)
    close(first)
    XCTAssertEqual(trimtab_byte_is_locked(second, 5), 1)
    XCTAssertEqual(trimtab_unlock_byte(duplicate, 5), 0)
    XCTAssertEqual(trimtab_lock_byte(second, 5, 0), 0)
    XCTAssertEqual(trimtab_lock_byte(duplicate, 5, 0), 0, "readers share")
    XCTAssertEqual(trimtab_lock_byte(duplicate, 5, 1), -1)
    close(duplicate)
    close(second)
  }
}
