import Foundation
import XCTest

/// Trials that go wrong, each in its own way.
final class TuneFailureTests: TuneTestCase {
  func testEveryKindOfFailureIsToldFromTheOthersAndStopsNothing() throws {
    try writeStudy(
      "parallel: 4\nlimits: {time: 1.5, memory: 100MiB, grace: 0.3}",
      space: "kind: {type: categorical, choices: [good, reject, fail, nan, crash, silent, slow, greedy, garbage]}",
      script: """
        say() { echo "$1" > "$TRIMTAB_REPORT"; }
        case "$1" in
          good) say '{"loss": 1}' ;;
          reject) say '{"reject": "too wide"}'; sleep 60 ;;
          fail) say '{"fail": "no data"}'; sleep 60 ;;
          nan) say '{"loss": NaN}'; sleep 60 ;;
          crash) echo "first"; echo "Traceback: boom"; exit 3 ;;
          silent) exit 0 ;;
          slow) sleep 60 ;;
          greedy) head -c 300000000 /dev/zero | tail | sleep 60 ;;
          garbage) say 'loss: 5'; say '{"loss": "low"}'; say '{"loss": 2}' ;;
        esac
        """)
    try amendFile("command: [/bin/sh, trial.sh]", to: "command: [/bin/sh, trial.sh, \"{kind}\"]")
    try amendFile("sampler: random", to: "sampler: grid")
    let events = try tune()
    let kinds = Dictionary(
      uniqueKeysWithValues: events.named("started").map { ($0.trial, $0.config["kind"] as? String ?? "") })
    XCTAssertEqual(Set(kinds.values).count, 9, "each is tried once")
    var failed: [String: String] = [:]
    for event in events.named("failed") { failed[kinds[event.trial] ?? ""] = event.text("kind") }
    XCTAssertEqual(
      failed,
      [
        "reject": "rejected", "fail": "crash", "nan": "invalidValue", "crash": "crash", "silent": "invalidValue",
        "slow": "timeout", "greedy": "outOfMemory",
      ])
    XCTAssertEqual(Set(events.named("completed").map { kinds[$0.trial] }), ["good", "garbage"])
    func message(_ kind: String) -> String {
      events.named("failed").first { kinds[$0.trial] == kind }?.text("message") ?? ""
    }
    XCTAssertEqual(message("reject"), "too wide")
    XCTAssertEqual(message("fail"), "no data")
    XCTAssertEqual(message("crash"), "it ended with status 3; it last printed:\nfirst\nTraceback: boom")
    XCTAssertEqual(message("nan"), "the objective 'loss' is nan")
    XCTAssertEqual(message("silent"), "the objective 'loss' was never reported")
    let notices = events.named("notice").compactMap { $0.text("message") }
    XCTAssertEqual(notices.count, 2, "\(notices)")
    XCTAssertTrue(notices.allSatisfy { $0.contains("was not understood") }, "\(notices)")
    let counts = try XCTUnwrap(events.last?.fields["failures"] as? [String: Int])
    XCTAssertEqual(counts, ["crash": 2, "invalidValue": 2, "timeout": 1, "outOfMemory": 1, "rejected": 1])
    XCTAssertEqual(try processes(in: folder), [])
  }

  func testABadValueCountsHoweverManyLinesArriveWithIt() throws {
    try writeStudy(
      "limits: {grace: 0.3}", space: "kind: {type: categorical, choices: [stays, goes]}",
      script: """
        printf '{"loss": NaN}\\n{"loss": 0.5}\\n' > "$TRIMTAB_REPORT"
        [ "$1" = goes ] || sleep 60
        """)
    try amendFile("command: [/bin/sh, trial.sh]", to: "command: [/bin/sh, trial.sh, \"{kind}\"]")
    try amendFile("sampler: random", to: "sampler: grid")
    let failed = try tune().named("failed")
    XCTAssertEqual(failed.map { $0.text("kind") }, ["invalidValue", "invalidValue"])
    XCTAssertEqual(Set(failed.map { $0.text("message") }), ["the objective 'loss' is nan"])
  }

  func testACrashIsTriedAgainAfterALongerAndLongerPause() throws {
    try writeStudy(
      "budget: {trials: 1}\nretries: {failed: 2, backoff: 0.2}",
      script: """
        [ "$TRIMTAB_ATTEMPT" -ge 3 ] || exit 1
        echo '{"loss": 1}' > "$TRIMTAB_REPORT"
        """)
    let events = try tune()
    let started = events.named("started")
    let failed = events.named("failed")
    XCTAssertEqual(started.map { $0.number("attempt") }, [1, 2, 3])
    XCTAssertEqual(failed.map { $0.flag("retry") }, [true, true])
    XCTAssertEqual(events.named("completed").count, 1)
    XCTAssertGreaterThanOrEqual(started[1].time - failed[0].time, 200)
    XCTAssertGreaterThanOrEqual(started[2].time - failed[1].time, 400)
  }

  func testAnInvalidConfigurationIsNotTriedAgain() throws {
    try writeStudy(
      "budget: {trials: 1}\nretries: {failed: 2, backoff: 0.1}",
      script: "echo '{\"reject\": \"never\"}' > $TRIMTAB_REPORT")
    let events = try tune()
    XCTAssertEqual(events.named("started").count, 1)
    XCTAssertEqual(events.named("failed").map { $0.flag("retry") }, [false])
  }

  func testATrialThatIgnoresSIGTERMIsKilledWithItsChildren() throws {
    try writeStudy(
      "budget: {trials: 1}\nlimits: {time: 0.3, grace: 0.5}",
      script: "trap '' TERM; (trap '' TERM; sleep 60; sleep 60) & sleep 60; sleep 60")
    let begin = Date()
    let events = try tune()
    XCTAssertEqual(events.named("failed").first?.text("kind"), "timeout")
    XCTAssertLessThan(Date().timeIntervalSince(begin), 10)
    XCTAssertEqual(try processes(in: folder), [])
  }

  func testACommandThatCannotBeStartedEndsTheStudyWithoutBlamingTheConfiguration() throws {
    try writeStudy("budget: {trials: 5}", space: "program: {type: categorical, choices: [./missing]}", script: "")
    try amendFile("command: [/bin/sh, trial.sh]", to: "command: [\"{program}\"]")
    let result = try run("tune", "study.yaml", "--json")
    XCTAssertEqual(result.status, 1)
    XCTAssertTrue(result.error.contains("there is no program './missing'"), result.error)
    XCTAssertTrue(try events(result.output).named("failed").isEmpty)
  }
}
