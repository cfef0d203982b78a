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

  /// The example of docs/scaling.md that is in this language and has this text.
  private func example(_ language: String, with text: String) throws -> String {
    let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let page = try String(contentsOfFile: "\(root)/docs/scaling.md", encoding: .utf8)
    let blocks = page.components(separatedBy: "```\(language)\n").dropFirst()
      .compactMap { $0.components(separatedBy: "```").first }
    return try XCTUnwrap(blocks.first { $0.contains(text) }, text)
  }

  func testTheSweepOverScalesOfTheGuideRunsAndMovesToHigherCosts() throws {
    try write(try example("awk", with: "TRIMTAB_PARAM_N"), to: "train.awk")
    try write(try example("yaml", with: "name: carbs"), to: "carbs.yaml")
    try succeed("tune", "carbs.yaml", "--trials", "40", "--quiet")
    func size(_ trial: Int) throws -> Double {
      let config = try object("show", "carbs.yaml", "\(trial)")["config"] as? [String: Double]
      return try XCTUnwrap(config?["N"])
    }
    XCTAssertEqual(try size(0), 1e7, "the defaults come first")
    XCTAssertGreaterThan(try (30..<40).map(size).max() ?? 0, 1e8)
    let why = try run("show", "carbs.yaml", "39", "--why")
    XCTAssertEqual(why.status, 0, why.error)
    for part in ["CARBS", "flop", "front"] { XCTAssertTrue(why.output.contains(part), why.output) }
    let model = try run("show", "carbs.yaml", "--model")
    XCTAssertEqual(model.status, 0, model.error)
    XCTAssertTrue(model.output.contains("configurations, ") && model.output.contains(" flop"), model.output)
  }

  func testAParameterThatIsNoNumberIsNamedWhereTheStudyIsWritten() throws {
    try write(
      """
      study: words
      objective: {metric: loss, goal: minimize}
      method: {sampler: carbs}
      command: ["true"]
      space:
        lr: {type: float, low: 1e-5, high: 1, scale: log}
        optimizer: {type: categorical, choices: [sgd, adam]}
      """, to: "words.yaml")
    let refused = try run("tune", "words.yaml", "--trials", "1")
    XCTAssertEqual(refused.status, 2)
    XCTAssertTrue(refused.error.contains("carbs cannot take categorical parameters"), refused.error)
    XCTAssertTrue(refused.error.contains("optimizer"), refused.error)
  }

  func testOtherLawsProposeRunsByTheirOwnCosts() throws {
    var rows = "width,seconds,best\n"
    for (i, width) in [64.0, 128, 256, 512, 1024].enumerated() {
      rows += "\(width),\(width * width / 100),\(0.1 / width * (1 + 0.05 * sin(Double(5 * i))))\n"
    }
    try write(rows, to: "power.csv")
    let power = [
      "scale", "fit", "power.csv", "--law", "power", "--inputs", "width", "--value", "best", "--predict", "width=8192",
    ]
    let without = try Program.run(power + ["--next", "2"], in: folder)
    XCTAssertEqual(without.status, 2)
    XCTAssertTrue(without.error.contains("--cost COLUMN"), without.error)
    let found = try Program.run(
      power + ["--next", "2", "--cost", "seconds", "--spend", "100000", "--json"], in: folder)
    XCTAssertEqual(found.status, 0, found.error)
    let report = try XCTUnwrap(try JSONSerialization.jsonObject(with: Data(found.output.utf8)) as? [String: Any])
    let next = try XCTUnwrap(report["next"] as? [[String: Any]])
    XCTAssertFalse(next.isEmpty)
    for run in next {
      let width = try XCTUnwrap((run["at"] as? [String: Double])?["width"])
      XCTAssertEqual(run["cost"] as? Double ?? 0, width * width / 100, accuracy: 1e-3 * width * width / 100)
    }
    XCTAssertLessThanOrEqual(next.reduce(0) { $0 + ($1["cost"] as? Double ?? 0) }, 100_000 * 1.001)
    try write("width,cost,best\n1,1,1\n2,0,3\n3,1,2\n4,2,1\n", to: "free.csv")
    let free = try run(
      "scale", "fit", "free.csv", "--law", "power", "--inputs", "width", "--value", "best", "--predict", "width=9",
      "--next",
      "1", "--cost", "cost")
    XCTAssertTrue(free.error.contains("--cost cost: row 2: "), free.error)
    let ranked = try Program.run(power + ["--candidate", "width=4096,cost=9", "--json"], in: folder)
    XCTAssertEqual(ranked.status, 0, ranked.error)

    var times = "layers,width,feed_forward,heads,vocabulary,sequence,tokens,seconds\n"
    for (i, layers) in [2.0, 4, 8].enumerated() {
      for (j, width) in [128.0, 256, 512].enumerated() {
        let seconds = 2e-3 + 2e-9 * layers * width * 4096 * (1 + 0.05 * sin(Double(3 * i + 5 * j)))
        times += "\(layers),\(width),\(4 * width),\(width / 64),1000,256,4096,\(seconds)\n"
      }
    }
    try write(times, to: "times.csv")
    let target = "layers=16,width=1024,feed_forward=4096,heads=16,vocabulary=1000,sequence=256,tokens=4096"
    let shapes = try object(
      "scale", "fit", "times.csv", "--law", "step-time", "--predict", target, "--next", "2", "--bootstrap", "40")
    let first = try XCTUnwrap((shapes["next"] as? [[String: Any]])?.first)
    XCTAssertEqual((first["at"] as? [String: Double])?["vocabulary"], 1000)
    XCTAssertGreaterThan(first["variance_removed"] as? Double ?? 0, 0)
    let refused = try run(
      "scale", "fit", "times.csv", "--law", "step-time", "--predict", target, "--candidate", "layers=2")
    XCTAssertTrue(refused.error.contains("step-time chooses among shapes by itself"), refused.error)
  }

  func testACurveThatAnnealsIsProposedWithTheCommandThatWritesItsRates() throws {
    var curve = "step,lr,loss\n"
    for step in stride(from: 10, through: 2000, by: 10) {
      let rate = step < 1600 ? 1e-3 : 1e-3 * (1 - 0.9 * Double(step - 1600) / 400)
      let noise = 0.002 * sin(Double(step) / 37)
      curve += "\(step),\(rate),\(2 + 3 * pow(Double(step), -0.5) - 1e-4 * Double(max(0, step - 1600)) + noise)\n"
    }
    try write(curve, to: "wsd.csv")
    let target = try run("scale", "schedule", "cosine", "--peak", "1e-3", "--final", "1e-4", "--steps", "8000", "--csv")
    try write(target.output, to: "cosine.csv")
    let fit = ["scale", "fit", "wsd.csv", "--law", "annealing", "--bootstrap", "30"]
    let found = try Program.run(
      fit + ["--target", "cosine.csv", "--next", "2", "--spend", "8000", "--json"], in: folder)
    XCTAssertEqual(found.status, 0, found.error)
    let report = try XCTUnwrap(try JSONSerialization.jsonObject(with: Data(found.output.utf8)) as? [String: Any])
    let next = try XCTUnwrap(report["next"] as? [[String: Any]])
    XCTAssertFalse(next.isEmpty)
    XCTAssertTrue("\(next[0]["at"] ?? "")".contains(" steps"), "\(next)")
    let prediction = try XCTUnwrap((report["predictions"] as? [[String: Any]])?.first)
    XCTAssertEqual((prediction["interval"] as? [Double])?.count, 2)
    let notes = try XCTUnwrap(report["notes"] as? [String])
    let command = try XCTUnwrap(notes.first?.components(separatedBy: "trimtab ").last).split(separator: " ").map(
      String.init)
    XCTAssertEqual(try Program.run(command, in: folder).status, 0, notes[0])
    for (arguments, message) in [
      (["--next", "2"], "--next needs --target"),
      (["--target", "cosine.csv", "--next", "1", "--enqueue", "x.yaml"], "a schedule is no value of a parameter"),
      (["--candidate", "N=1"], "annealing chooses among schedules by itself"),
    ] {
      let refused = try Program.run(fit + arguments, in: folder)
      XCTAssertNotEqual(refused.status, 0)
      XCTAssertTrue(refused.error.contains(message), refused.error)
    }
  }
}
