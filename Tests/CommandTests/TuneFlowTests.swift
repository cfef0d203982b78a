import Foundation
import XCTest

/// Whole studies from the command line, by every way a trial can report.
final class TuneFlowTests: TuneTestCase {
  func testAStudyRunsToItsBudgetWithReportsThroughTheFIFO() throws {
    try writeStudy(
      "budget: {trials: 5}\nparallel: 2", script: #"echo "{\"loss\": $TRIMTAB_PARAM_X}" > "$TRIMTAB_REPORT""#)
    let events = try tune()
    XCTAssertEqual(events.first?.name, "study")
    XCTAssertEqual(events.first?.flag("new"), true)
    XCTAssertEqual(Set(events.named("started").map(\.trial)), [0, 1, 2, 3, 4])
    XCTAssertEqual(events.named("completed").count, 5)
    for event in events.named("completed") {
      let started = try XCTUnwrap(events.named("started").first { $0.trial == event.trial })
      XCTAssertEqual(event.number("value"), (started.config["x"] as? NSNumber)?.doubleValue)
    }
    let last = try XCTUnwrap(events.last)
    XCTAssertEqual(last.name, "finished")
    XCTAssertEqual(last.text("reason"), "the budget of 5 trials is spent")
    let best = try XCTUnwrap(last.fields["best"] as? [String: Any])
    let values = events.named("completed").compactMap { $0.number("value") }
    XCTAssertEqual(best["value"] as? Double, values.min())
    XCTAssertEqual((last.fields["trials"] as? [String: Int])?["completed"], 5)
  }

  func testATrialMayReportWithTrimtabReport() throws {
    try writeStudy(
      "budget: {trials: 1}\nfidelity: {name: epoch, max: 3}",
      script: """
        trimtab report --epoch 1 loss=0.5 accuracy=0.25
        trimtab report epoch=2 loss=nan_is_not_this || echo "$?" >> codes
        trimtab report --resource 2 loss=0.4
        trimtab report --epoch=3 loss=0.3 --check
        echo "$?" >> codes
        """)
    let reported = try tune().named("reported")
    XCTAssertEqual(reported.map { $0.number("resource") }, [1, 2, 3])
    XCTAssertEqual(reported.map { $0.metrics["loss"] as? Double }, [0.5, 0.4, 0.3])
    XCTAssertEqual(reported.first?.metrics["accuracy"] as? Double, 0.25)
    XCTAssertEqual(lines(of: "codes").first, "2", "a report that is no number is refused, and the trial goes on")
  }

  func testReportWithCheckSaysWhenToStop() throws {
    try writeStudy(
      "budget: {trials: 1}\nlimits: {time: 1, grace: 20}",
      script: """
        trap '' TERM
        trimtab report --check; echo $? >> codes
        while :; do
          trimtab report loss=1 --check
          code=$?
          if [ $code = 10 ]; then echo $code >> codes; exit 0; fi
          sleep 0.05
        done
        """)
    _ = try tune()
    XCTAssertEqual(lines(of: "codes"), ["0", "10"])
  }

  func testLinesThatMatchTheOutputPatternAreReports() throws {
    try writeStudy(
      "budget: {trials: 1}\nfidelity: {name: epoch, max: 2}\noutput: \"epoch {epoch}: loss {loss}\"",
      script: """
        echo "loading"
        echo "epoch 1: loss 0.75 (1.2 s)"
        echo "epoch 2: loss 5e-1"
        """)
    let events = try tune()
    XCTAssertEqual(events.named("reported").map { $0.metrics["loss"] as? Double }, [0.75, 0.5])
    XCTAssertEqual(events.named("completed").first?.number("value"), 0.5)
  }

  func testAFinishedStudySaysSoAndRunsNothing() throws {
    try writeStudy("budget: {trials: 2}", script: "echo x >> runs; echo '{\"loss\": 1}' > $TRIMTAB_REPORT")
    _ = try tune()
    let again = try tune()
    XCTAssertEqual(again.map(\.name), ["study", "finished"])
    XCTAssertEqual(again.first?.flag("new"), false)
    XCTAssertEqual(lines(of: "runs").count, 2)
  }

  func testTheConfigurationReachesTheProgramInEveryForm() throws {
    try write(
      """
      study: small
      objective: {metric: loss, goal: minimize}
      method: {sampler: random, scheduler: full}
      budget: {trials: 1}
      seed: 1
      environment: {MINE: "of the study"}
      command: [/bin/sh, trial.sh, "--only={momentum}", "--kind={kind}", "{flags}", "{{literal}}", "{trial}"]
      space:
        kind: {type: categorical, choices: [a b]}
        learning-rate: {type: float, low: 0.5, high: 0.5}
        momentum: {type: float, low: 0, high: 1, when: kind == c}
      """.replacingOccurrences(of: "choices: [a b]", with: "choices: [a b, c]").replacingOccurrences(
        of: "{type: categorical, choices: [a b, c]}", with: "{type: categorical, choices: [a b, c], fixed: a b}"),
      to: "study.yaml")
    try write(
      """
      for argument in "$@"; do echo "$argument"; done
      echo "$TRIMTAB_PARAM_LEARNING_RATE $TRIMTAB_STUDY $TRIMTAB_TRIAL $TRIMTAB_ATTEMPT $MINE"
      cat "$TRIMTAB_CONFIG"
      echo '{"loss": 1}' > "$TRIMTAB_REPORT"
      """, to: "trial.sh")
    _ = try tune()
    XCTAssertEqual(
      lines(of: "study.trials/small/000000/output.log"),
      [
        "--kind=a b", "--kind=a b", "--learning-rate=0.5", "{literal}", "0", "0.5 small 0 1 of the study",
        "{\"kind\":\"a b\",\"learning-rate\":0.5}",
      ])
  }

  func testFoldsAreRacedAndTheBestIsShownWithItsInterval() throws {
    try writeStudy(
      "budget: {trials: 12}\nfidelity: {name: fold, max: 6, replicates: true}",
      script: """
        fold=$TRIMTAB_RESOURCE_FROM
        while [ "$fold" -lt "$TRIMTAB_RESOURCE" ]; do
          fold=$((fold + 1))
          echo "$TRIMTAB_TRIAL $fold" >> work
          noise=$(( (fold * 37) % 11 ))
          trimtab report --fold "$fold" loss=$(awk "BEGIN { print $TRIMTAB_PARAM_X * 100 + $noise }") --check || exit 0
        done
        """)
    try amendFile("scheduler: full", to: "scheduler: racing")
    let events = try tune()
    XCTAssertEqual(Set(lines(of: "work")).count, lines(of: "work").count, "no fold is worked on twice")
    XCTAssertLessThan(lines(of: "work").count, 36, "complete trials would take 72")
    XCTAssertFalse(events.named("stopped").isEmpty)
    let best = try XCTUnwrap(events.last?.fields["best"] as? [String: Any])
    let xs = events.named("started").compactMap { ($0.config["x"] as? NSNumber)?.doubleValue }
    // Fold for fold the noise is the same, so the lowest x wins.
    let value = try XCTUnwrap(best["value"] as? Double)
    XCTAssertEqual(value, (xs.min() ?? 0) * 100 + Double([4, 8, 1, 5, 9, 2].reduce(0, +)) / 6, accuracy: 1e-3)
    let shown = try Program.run(["best", "study.yaml"], in: folder).output
    XCTAssertTrue(shown.contains("95 % interval"), shown)
    XCTAssertTrue(shown.contains("±"), shown)
  }

  func testAFoldThatIsSkippedIsRefusedWithAReason() throws {
    try writeStudy(
      "budget: {trials: 1}\nfidelity: {name: fold, max: 3, replicates: true}",
      script: """
        trimtab report --fold 2 loss=1 2> said || echo "$?" >> codes
        for fold in 1 2 3; do trimtab report --fold $fold loss=$fold; done
        """)
    let events = try tune()
    XCTAssertEqual(events.named("completed").first?.number("value"), 2)
  }

  func testATrialThatEndsBeforeItsLastFoldHasFailed() throws {
    try writeStudy(
      "budget: {trials: 3}\nretries: {failed: 1, backoff: 0s}\nfidelity: {name: fold, max: 3, replicates: true}",
      script: """
        fold=$TRIMTAB_RESOURCE_FROM
        last=3
        [ "$TRIMTAB_TRIAL" = 1 ] && last=1
        [ "$TRIMTAB_TRIAL$TRIMTAB_ATTEMPT" = 21 ] && last=2
        while [ "$fold" -lt "$last" ]; do
          fold=$((fold + 1))
          echo "{\\"fold\\": $fold, \\"loss\\": $((9 - TRIMTAB_TRIAL))}" > "$TRIMTAB_REPORT"
        done
        """)
    let events = try tune()
    XCTAssertEqual(events.named("completed").compactMap { $0.number("trial") }, [0, 2], "the third is tried again")
    let failed = try XCTUnwrap(events.named("failed").last { $0.number("trial") == 1 })
    XCTAssertTrue(failed.text("message")?.contains("ended with status 0 after fold 1, and was to run up to 3") == true)
  }

  func testATrialThatGetsTheFullResourceInSpiteOfAVerdictIsComplete() throws {
    try writeStudy(
      "budget: {trials: 2}\nfidelity: {name: epoch, max: 3}",
      script: """
        trap '' TERM
        for e in 1 2 3; do
          echo "{\\"epoch\\": $e, \\"loss\\": $((TRIMTAB_TRIAL + 4 - e))}" > "$TRIMTAB_REPORT"
          sleep 0.4
        done
        """)
    try amendFile("scheduler: full", to: "scheduler: {name: asha, variant: stopping}")
    let events = try tune()
    XCTAssertTrue(events.named("stopped").isEmpty)
    XCTAssertEqual(events.named("completed").compactMap { $0.number("trial") }, [0, 1])
  }

  func testARealResourceMayBeReportedWithFewDigits() throws {
    try writeStudy(
      "budget: {trials: 6}\nfidelity: {name: share, min: 0.1, max: 1, integer: false}",
      script: """
        printf '{"share": %.6f, "loss": %s}\\n' "$TRIMTAB_RESOURCE" "$TRIMTAB_PARAM_X" > "$TRIMTAB_REPORT"
        """)
    try amendFile("scheduler: full", to: "scheduler: hyperband")
    let events = try tune()
    XCTAssertFalse(events.named("notice").contains { $0.text("message")?.contains("ended at") == true })
    XCTAssertEqual(events.named("completed").count, 1)
    let best = try XCTUnwrap(events.last?.fields["best"] as? [String: Any])
    XCTAssertEqual(best["resource"] as? Double, 1)
  }

  func testATrialThatEndsBelowItsLevelIsSaidOnce() throws {
    try writeStudy(
      "budget: {trials: 6}\nfidelity: {name: share, min: 0.1, max: 1, integer: false}",
      script: """
        printf '{"share": %.3f, "loss": %s}\\n' "$TRIMTAB_RESOURCE" "$TRIMTAB_PARAM_X" > "$TRIMTAB_REPORT"
        """)
    try amendFile("scheduler: full", to: "scheduler: hyperband")
    let notices = try tune().named("notice")
    XCTAssertEqual(notices.count, 1)
    let text = try XCTUnwrap(notices.first?.text("message"))
    XCTAssertTrue(text.contains("trial 0 ended at share 0.111, was asked for 0.111111111111"), text)
    XCTAssertTrue(text.contains("report share with more digits"), text)
  }

  func testAPromotedTrialGoesOnFromItsCheckpoint() throws {
    try writeStudy(
      "budget: {trials: 9}\nfidelity: {name: epoch, max: 9}\nparallel: 3", script: Self.checkpointed)
    try amendFile("scheduler: full", to: "scheduler: asha")
    let events = try tune()
    XCTAssertFalse(events.named("paused").isEmpty)
    XCTAssertEqual(Set(lines(of: "work")).count, lines(of: "work").count, "no epoch is worked on twice")
    let resumed = lines(of: "runs").filter { !$0.contains("from 0") }
    XCTAssertFalse(resumed.isEmpty)
    for run in lines(of: "runs") {
      let words = run.split(separator: " ")
      XCTAssertEqual(words[2], words[4], "the program is told what was reported: \(run)")
    }
    XCTAssertGreaterThanOrEqual(events.named("completed").count, 1)
    let resource = try XCTUnwrap(events.last?.fields["resource"] as? [String: Any])
    XCTAssertEqual(resource["used"] as? Int, lines(of: "work").count)
    XCTAssertEqual(resource["full"] as? Int, 81)
  }

  func testAFrozenTrialGoesOnWhereItWasWithoutACheckpoint() throws {
    try writeStudy(
      "budget: {trials: 9}\nfidelity: {name: epoch, max: 9, pause: freeze}\nparallel: 3",
      script: """
        echo "$TRIMTAB_TRIAL" >> runs
        e=0
        while [ $e -lt 9 ]; do
          e=$((e + 1))
          sleep 0.02
          echo "{\\"epoch\\": $e, \\"loss\\": $TRIMTAB_PARAM_X}" > "$TRIMTAB_REPORT"
        done
        """)
    try amendFile("scheduler: full", to: "scheduler: asha")
    let events = try tune()
    XCTAssertEqual(lines(of: "runs").count, 9, "each trial is started once")
    XCTAssertTrue(events.named("paused").contains { $0.flag("frozen") == true })
    XCTAssertGreaterThan(events.named("started").count, 9, "some go on")
    XCTAssertGreaterThanOrEqual(events.named("completed").count, 1)
    try wait(for: "the frozen processes to end") { try processes(in: folder).isEmpty }
  }

  func testATrialThatTrainsUpToItsResourceGoesOnWhenItIsThawed() throws {
    try writeStudy(
      "budget: {trials: 9}\nfidelity: {name: epoch, max: 9, pause: freeze}\nparallel: 1",
      script: """
        echo "$TRIMTAB_TRIAL $TRIMTAB_RESOURCE $1" >> runs
        e=$TRIMTAB_RESOURCE_FROM
        while [ "$e" -lt "$TRIMTAB_RESOURCE" ]; do
          e=$((e + 1))
          sleep 0.05
          echo "{\\"epoch\\": $e, \\"loss\\": $TRIMTAB_PARAM_X}" > "$TRIMTAB_REPORT"
        done
        """)
    try amendFile("scheduler: full", to: "scheduler: asha")
    try amendFile("trial.sh]", to: "trial.sh, \"{resource}\"]")
    let events = try tune()
    XCTAssertEqual(lines(of: "runs"), (0..<9).map { "\($0) 9 9" }, "each is started once, and told the maximum")
    XCTAssertEqual(events.named("notice").compactMap { $0.text("message") }, [])
    XCTAssertGreaterThan(events.named("started").count, 9, "some go on")
    for event in events.named("completed") {
      let reported = events.named("reported").filter { $0.trial == event.trial }.compactMap { $0.number("resource") }
      XCTAssertEqual(reported.max(), 9, "trial \(event.trial) is complete with less than the maximum")
    }
  }

  func testPlainLinesTellWhatHappens() throws {
    try writeStudy(
      "budget: {trials: 1}\nfidelity: {name: epoch, max: 2}",
      script: "for e in 1 2; do echo \"{\\\"epoch\\\": $e, \\\"loss\\\": 0.5}\" > $TRIMTAB_REPORT; done")
    let result = try run("tune", "study.yaml")
    XCTAssertEqual(result.status, 0)
    XCTAssertEqual(result.error, "")
    let text = result.output
    for part in [
      "study small: random + full, 1 trial, 1 at a time\nstore study.trimtab, new\n",
      "trial 0 started, up to epoch 2: x=0.", "\ntrial 0 epoch 1 loss 0.5\ntrial 0 epoch 2 loss 0.5\n",
      "\ntrial 0 completed: loss 0.5 (best), ", "\nsmall: finished, the budget of 1 trials is spent\n",
      "\nbest      trial 0: loss 0.5 at epoch 2\n", "\nfiles     study.trials/small/000000 (output.log)\n",
      "\ntrials    1 completed\n", "trimtab best study.yaml",
    ] { XCTAssertTrue(text.contains(part), "\(part)\n---\n\(text)") }
    XCTAssertFalse(text.contains("\u{1B}"), "no control sequences outside of a terminal")
  }

  func testQuietPrintsNothing() throws {
    try writeStudy("budget: {trials: 1}", script: "echo '{\"loss\": 1}' > $TRIMTAB_REPORT")
    let result = try run("tune", "study.yaml", "--quiet")
    XCTAssertEqual(result.transcript(["tune"]), "$ trimtab tune\n")
  }

  func testASlowReaderOfTheLinesMissesNone() throws {
    try writeStudy(
      "budget: {trials: 40}\nparallel: 4",
      script: "echo '{\"loss\": 1}' > $TRIMTAB_REPORT; echo '{\"loss\": 2}' > $TRIMTAB_REPORT")
    try write("\(Program.path) tune study.yaml --json | (sleep 2; cat) > slow\n", to: "slow.sh")
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["slow.sh"]
    shell.currentDirectoryURL = URL(fileURLWithPath: folder)
    try shell.run()
    shell.waitUntilExit()
    let events = try events(lines(of: "slow").joined(separator: "\n"))
    XCTAssertEqual(events.named("completed").count, 40)
    XCTAssertEqual(events.last?.name, "finished")
  }
}

extension TuneTestCase {
  func amendFile(_ text: String, to other: String) throws {
    let present = try String(contentsOfFile: "\(folder)/study.yaml", encoding: .utf8)
    try write(present.replacingOccurrences(of: text, with: other), to: "study.yaml")
  }

  /// Processes whose working directory is this folder.
  func processes(in folder: String) throws -> [Int32] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.filter { number in
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(number)/cwd")) == folder
    }
  }
}
