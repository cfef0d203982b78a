import Foundation
import XCTest

/// Studies that are interrupted, gently or not, and go on.
final class TuneInterruptTests: TuneTestCase {
  private func begin(_ keys: String, pause: String = "0.1", script: String = checkpointed) throws -> BackgroundProgram {
    try writeStudy("fidelity: {name: epoch, max: 8}\nenvironment: {PAUSE: \"\(pause)\"}\n\(keys)", script: script)
    let tuner = try start("tune", "study.yaml", "--json")
    try wait(for: "two epochs of work") { lines(of: "work").count >= 4 }
    return tuner
  }

  func testCtrlCOnceLetsRunningTrialsFinish() throws {
    let tuner = try begin("budget: {trials: 4}\nparallel: 2")
    tuner.send(SIGINT)
    XCTAssertEqual(tuner.status(), 130)
    let first = try events(tuner.output)
    XCTAssertEqual(first.named("completed").count, 2)
    XCTAssertEqual(first.last?.name, "interrupted")
    let second = try tune()
    XCTAssertEqual(second.named("completed").count, 2)
    XCTAssertEqual(lines(of: "work").count, 32, "nothing is done twice")
  }

  func testCtrlCTwiceStopsTrialsThatGoOnFromTheirCheckpoints() throws {
    let tuner = try begin("budget: {trials: 4}\nparallel: 2\nlimits: {grace: 2}")
    tuner.send(SIGINT)
    usleep(300_000)
    tuner.send(SIGINT)
    XCTAssertEqual(tuner.status(), 130)
    let first = try events(tuner.output)
    XCTAssertEqual(first.named("completed").count, 0)
    XCTAssertEqual(Set(first.named("released").map(\.trial)), [0, 1])
    XCTAssertEqual(try processes(in: folder), [])
    let second = try tune()
    XCTAssertEqual(second.named("completed").count, 4)
    XCTAssertEqual(second.named("started").prefix(2).map { ($0.number("from") ?? 0) > 0 }, [true, true])
    // The epoch at work when SIGTERM came may be done again; no other is.
    XCTAssertLessThanOrEqual(lines(of: "work").count, 34)
  }

  func testSIGTERMStopsTrialsAsCtrlCTwiceDoes() throws {
    let tuner = try begin("budget: {trials: 4}\nparallel: 2")
    tuner.send(SIGTERM)
    XCTAssertEqual(tuner.status(), 130)
    XCTAssertEqual(try events(tuner.output).named("released").count, 2)
  }

  func testCtrlCThreeTimesEndsTrialsThatIgnoreEverythingAtOnce() throws {
    try writeStudy(
      "budget: {trials: 1}\nlimits: {grace: 300}", script: "trap '' TERM; echo on >> work; while :; do sleep 0.1; done")
    let tuner = try start("tune", "study.yaml", "--json")
    try wait(for: "the trial to run") { lines(of: "work").count == 1 }
    let begin = Date()
    for _ in 0..<3 {
      tuner.send(SIGINT)
      usleep(300_000)
    }
    XCTAssertEqual(tuner.status(), 130)
    XCTAssertLessThan(Date().timeIntervalSince(begin), 10)
    XCTAssertEqual(try processes(in: folder), [])
  }

  func testAKilledTunerTakesItsTrialsWithItAndNothingIsLost() throws {
    let tuner = try begin("budget: {trials: 4}\nparallel: 2")
    tuner.send(SIGKILL)
    _ = tuner.status()
    try wait(for: "the trials to end with the tuner") { try processes(in: folder).isEmpty }
    let second = try tune()
    XCTAssertEqual(Set(second.named("lost").map(\.trial)), [0, 1])
    XCTAssertEqual(second.named("completed").count, 4)
    XCTAssertEqual(second.named("started").prefix(2).map { $0.number("attempt") }, [2, 2])
    XCTAssertLessThanOrEqual(lines(of: "work").count, 34, "only the epochs at work are done again")
    XCTAssertEqual((second.last?.fields["trials"] as? [String: Int])?["completed"], 4)
  }

  func testATrialThatSavedMoreThanWasRecordedBeginsAgain() throws {
    // The report of its last epoch was on its way when the tuner died; its checkpoint says that all is done.
    try writeStudy(
      "budget: {trials: 1}\nfidelity: {name: epoch, max: 2}",
      script: """
        e=$(cat "$TRIMTAB_CHECKPOINT/epoch" 2>/dev/null || echo 0)
        echo "from $e" >> runs
        while [ "$e" -lt 2 ]; do
          e=$((e + 1))
          echo "$e" > "$TRIMTAB_CHECKPOINT/epoch"
          if [ "$e" = 2 ] && [ ! -e killed ]; then touch killed; kill -9 $PPID; sleep 60; fi
          echo "{\\"epoch\\": $e, \\"loss\\": 0.5}" > "$TRIMTAB_REPORT"
          sleep 0.1
        done
        """)
    let tuner = try start("tune", "study.yaml", "--json")
    XCTAssertNotEqual(tuner.status(), 0)
    try wait(for: "the trial to end with the tuner") { try processes(in: folder).isEmpty }
    let events = try tune()
    XCTAssertEqual(lines(of: "runs"), ["from 0", "from 2", "from 0"])
    XCTAssertEqual(events.named("completed").count, 1)
    XCTAssertEqual(events.named("reported").map { $0.number("resource") }, [2], "epoch 1 was recorded before")
    XCTAssertTrue(events.named("failed").isEmpty)
  }

  func testATunerWhoseReaderHasGoneStopsAsIfByHand() throws {
    try writeStudy(
      "budget: {trials: 1000}\nfidelity: {name: epoch, max: 8}", script: Self.checkpointed)
    try write("(\(Program.path) tune study.yaml; echo $? > code) | head -n 5 > head\n", to: "head.sh")
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["head.sh"]
    shell.currentDirectoryURL = URL(fileURLWithPath: folder)
    try shell.run()
    shell.waitUntilExit()
    XCTAssertEqual(lines(of: "code"), ["130"])
    XCTAssertEqual(try processes(in: folder), [])
  }

  func testATunerWithoutStandardOutputWritesItsLinesNowhere() throws {
    try writeStudy("budget: {trials: 3}", script: "echo '{\"loss\": 1}' > $TRIMTAB_REPORT")
    try write("\(Program.path) tune study.yaml <&- >&- 2>&-; echo $? > code\n", to: "closed.sh")
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["closed.sh"]
    shell.currentDirectoryURL = URL(fileURLWithPath: folder)
    try shell.run()
    shell.waitUntilExit()
    XCTAssertEqual(lines(of: "code"), ["0"])
    XCTAssertEqual(try tune().map(\.name), ["study", "finished"], "the store is whole, and the study finished")
  }

  func testWatchFollowsAnotherProcessToTheEnd() throws {
    let tuner = try begin("budget: {trials: 3}\nparallel: 2")
    let watch = try start("watch", "study.yaml", "--json")
    XCTAssertEqual(tuner.status(), 0)
    XCTAssertEqual(watch.status(), 0, watch.error)
    let seen = try events(watch.output)
    XCTAssertEqual(seen.named("completed").count, 3)
    XCTAssertEqual(seen.last?.name, "finished")
    let once = try run("watch", "study.yaml", "--once")
    XCTAssertEqual(once.status, 0)
    XCTAssertTrue(once.output.contains("3/3 trials"), once.output)
  }
}
