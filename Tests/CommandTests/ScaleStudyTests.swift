import Foundation
import XCTest

/// Sweeps over scales as studies: `trimtab scale plan --enqueue` and `trimtab scale fit --enqueue` with `trimtab tune`.
final class ScaleStudyTests: CommandTestCase {
  private func object(_ arguments: String...) throws -> [String: Any] {
    let result = try Program.run(arguments + ["--json"], in: folder)
    return try XCTUnwrap(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any], result.error)
  }

  private func file(_ name: String) throws -> [String: Any] {
    try XCTUnwrap(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
        as? [String: Any])
  }

  private func succeed(_ arguments: String..., file: StaticString = #filePath, line: UInt = #line) throws {
    let result = try Program.run(arguments, in: folder)
    XCTAssertEqual(result.status, 0, result.error + result.output, file: file, line: line)
  }

  func testASweepOverWidthsRunsStageByStageAndWritesItsFinalConfiguration() throws {
    try write(
      """
      loss=$(awk "BEGIN { x = log($TRIMTAB_PARAM_LR / 0.01); print 1 + x * x + 1 / $TRIMTAB_RESOURCE }")
      trimtab report --width "$TRIMTAB_RESOURCE" loss="$loss"
      """, to: "train.sh")
    try succeed(
      "scale", "plan", "--base-width", "64", "--width", "256", "--points", "4", "--setting", "lr=1e-4:1e-1", "--study",
      "sweep.yaml", "--", "/bin/sh", "train.sh")
    let first = try object("scale", "plan", "--points", "4", "--enqueue", "sweep.yaml", "--final", "final.json")
    XCTAssertEqual(first["action"] as? String, "run")
    XCTAssertEqual((first["trials"] as? [Int])?.count, 4)
    let again = try object("scale", "plan", "--points", "4", "--enqueue", "sweep.yaml")
    XCTAssertEqual(again["action"] as? String, "wait")
    XCTAssertEqual(again["unfinished"] as? Int, 4)
    var widths: [Int] = []
    for _ in 0..<6 {
      let step = try object("scale", "plan", "--points", "4", "--enqueue", "sweep.yaml", "--final", "final.json")
      if step["action"] as? String == "done" { break }
      let count = step["unfinished"] as? Int ?? (step["trials"] as? [Int])?.count ?? 0
      widths.append(try XCTUnwrap(step["width"] as? Int))
      try succeed("tune", "sweep.yaml", "--trials", "\(count)", "--quiet")
    }
    XCTAssertEqual(widths, [64, 128, 256])
    let final = try file("final.json")
    XCTAssertEqual((final["run"] as? [String: Any])?["width"] as? Int, 256)
    let rate = try XCTUnwrap((final["settings"] as? [String: [String: Any]])?["lr"])
    let interval = try XCTUnwrap(rate["interval"] as? [Double])
    XCTAssertTrue(interval[0] < 0.01 && 0.01 < interval[1], "\(final)")
    // No trial ran further than its stage.
    let trials = try Program.run(["export", "sweep.yaml"], in: folder).output.split(separator: "\n").dropFirst()
    XCTAssertEqual(trials.count, 4 + 1 + 1)
    let check = try run("scale", "check", "transfer", "sweep.trimtab", "--rate", "lr")
    XCTAssertEqual(check.error, "error: size 128 has 1 rates with finite losses; at least 3 are needed\n")
  }

  func testRunsThatALawProposesBecomeTrialsOfAStudyWithTheSizeAsItsResource() throws {
    var rows = "N,D,lr,loss\n"
    for (i, n) in [1e7, 3e7, 1e8, 3e8].enumerated() {
      for (j, ratio) in [5.0, 20, 80].enumerated() {
        let wave = 1 + 0.002 * sin(Double(3 * i + 7 * j))
        rows += "\(n),\(ratio * n),0.001,\((1.8 + 480 * pow(n, -0.35) + 2080 * pow(ratio * n, -0.37)) * wave)\n"
      }
    }
    try write(rows, to: "runs.csv")
    try write(
      """
      study: scales
      objective: {metric: loss, goal: minimize}
      fidelity: {name: N, min: 1e7, max: 4e9, integer: false}
      method: {sampler: random, scheduler: full}
      command: ["true"]
      space:
        D: {type: float, low: 1e7, high: 1e12, scale: log}
        lr: {type: float, low: 1e-5, high: 1, scale: log}
      """, to: "scales.yaml")
    let fit = ["scale", "fit", "runs.csv", "--law", "chinchilla", "--predict", "N=3e9,D=6e10", "--bootstrap", "40"]
    let refused = try Program.run(fit + ["--next", "2", "--spend", "1e20", "--enqueue", "scales.yaml"], in: folder)
    XCTAssertEqual(refused.status, 2)
    XCTAssertTrue(refused.error.contains("'lr' has no default: say its value with --set"), refused.error)
    XCTAssertEqual(try run("trials", "scales.yaml", "--json").output, "[]\n")
    let found = try Program.run(
      fit + [
        "--next", "2", "--spend", "1e20", "--enqueue", "scales.yaml", "--set", "lr=1e-3", "--final", "final.json",
        "--json",
      ], in: folder)
    XCTAssertEqual(found.status, 0, found.error)
    let report = try XCTUnwrap(try JSONSerialization.jsonObject(with: Data(found.output.utf8)) as? [String: Any])
    XCTAssertEqual(report["queued"] as? [Int], [0, 1])
    let next = try XCTUnwrap((report["next"] as? [[String: Any]])?.first?["at"] as? [String: Double])
    let trial = try object("show", "scales.yaml", "0")
    XCTAssertEqual(trial["target"] as? Double ?? 0, try XCTUnwrap(next["N"]), accuracy: 1)
    XCTAssertEqual((trial["config"] as? [String: Double])?["D"] ?? 0, try XCTUnwrap(next["D"]), accuracy: 1)
    let final = try file("final.json")
    let loss = try XCTUnwrap((final["settings"] as? [String: [String: Any]])?["loss"])
    XCTAssertEqual(loss["value"] as? Double ?? 0, 2.26, accuracy: 0.1)
    XCTAssertEqual((loss["interval"] as? [Double])?.count, 2)
  }

  func testATrialCanBeEnqueuedForPartOfTheResource() throws {
    try write(
      """
      study: f
      objective: {metric: loss, goal: minimize}
      fidelity: {name: width, min: 8, max: 32}
      method: {sampler: random, scheduler: full}
      command: [/bin/sh, -c, 'trimtab report --width "$TRIMTAB_RESOURCE" loss=1']
      space:
        x: {type: float, low: 0, high: 1}
      """, to: "f.yaml")
    for (resource, message) in [("4", "from 8 to 32"), ("8.5", "whole numbers"), ("64", "from 8 to 32")] {
      let refused = try run("enqueue", "f.yaml", "x=0.5", "--resource", resource)
      XCTAssertEqual(refused.status, 2, refused.error)
      XCTAssertTrue(refused.error.contains(message), refused.error)
    }
    try succeed("enqueue", "f.yaml", "x=0.5", "--resource", "16")
    try succeed("tune", "f.yaml", "--trials", "1", "--quiet")
    let trial = try object("show", "f.yaml", "0")
    XCTAssertEqual(trial["resource"] as? Double, 16)
    XCTAssertEqual(trial["state"] as? String, "paused")
  }
}
