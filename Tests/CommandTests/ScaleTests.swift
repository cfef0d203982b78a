import Foundation
import XCTest

/// `trimtab scale` as people use it.
final class ScaleTests: CommandTestCase {
  private func transcripts(_ commands: [[String]], _ name: String) throws {
    var text = ""
    for arguments in commands { text += try Program.run(arguments, in: folder).transcript(arguments) + "\n" }
    try Snapshot.check(text, name)
  }

  private func object(_ arguments: String...) throws -> [String: Any] {
    let result = try Program.run(["scale"] + arguments + ["--json"], in: folder)
    return try XCTUnwrap(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any], result.error)
  }

  func testTheHelp() throws {
    try transcripts(
      ["", "predict", "multipliers", "fit", "schedule", "check", "plan"].map { command in
        ["scale", command, "--help"].filter { !$0.isEmpty }
      }, "help-scale")
  }

  func testEveryLawSaysWhatItThinksOfARun() throws {
    try transcripts(
      [
        [
          "scale", "predict", "--parameters", "1B", "--tokens", "100B", "--optimizer", "adamw", "--batch", "1M",
          "--learning-rate", "1e-3", "--weight-decay", "0.1",
        ]
      ], "scale-predict")
    let advice = try object("predict", "--compute", "1e21", "--optimizer", "muon")
    let laws = try XCTUnwrap(advice["laws"] as? [[String: Any]])
    XCTAssertTrue(laws.contains { $0["law"] as? String == "step-law" && $0["inside_range"] as? Bool == false })
    XCTAssertEqual((advice["run"] as? [String: Any])?["parameters"] as? Double ?? 0, 2.782e9, accuracy: 1e6)
    let step = try XCTUnwrap(laws.first { $0["law"] as? String == "step-law" })
    let warnings = try XCTUnwrap(step["warnings"] as? [String]).joined(separator: "\n")
    XCTAssertTrue(warnings.contains("muon needs another rate"), warnings)
    XCTAssertTrue(warnings.contains("not confirmed by a primary source"), warnings)
  }

  func testAFigureIsDrawn() throws {
    let result = try run(
      "scale", "predict", "-N", "1B", "-D", "20B", "--optimizer", "adamw", "--figure", "rates.svg")
    XCTAssertEqual(result.status, 0, result.error)
    let figure = try String(contentsOfFile: folder + "/rates.svg", encoding: .utf8)
    for part in ["<svg", "step-law", "training tokens"] { XCTAssertTrue(figure.contains(part), part) }
  }

  func testWhatIsImpossibleIsNamed() throws {
    try write("N,loss\n1e8,3\n2e8,2.9\n", to: "two.csv")
    try write("N,D,loss\n" + (1...8).map { "\($0)e8,\(2 * $0)e9,\(3 - 0.1 * Double($0))\n" }.joined(), to: "line.csv")
    try write("width,lr,loss\n8,0.1,1\n8,x,1\n", to: "text.csv")
    let predict = ["scale", "predict"]
    let multipliers = ["scale", "multipliers", "--parameterisation", "mup"]
    try transcripts(
      [
        predict + ["--parameters", "1B", "--tokens", "20B"],
        predict + ["--optimizer", "adamw"],
        predict + ["--parameters", "0", "--tokens", "20B", "--optimizer", "adamw"],
        predict + ["--parameters", "1B", "--tokens=-1", "--optimizer", "adamw"],
        predict + ["--parameters", "1B", "--tokens", "20B", "--batch", "256", "--optimizer", "adamw"],
        predict + ["--parameters", "1B", "--tokens", "20B", "--batch-sequences", "524288", "--optimizer", "adamw"],
        predict + ["--parameters", "1B", "--tokens", "9M", "--optimizer", "adamw"],
        multipliers + ["--optimizer", "adamw", "--base-width", "256", "--width", "0"],
        multipliers + ["--optimizer", "adamw", "--base-width", "100", "--width", "200", "--head-size", "64"],
        multipliers + ["--optimizer", "muon", "--base-width", "256", "--width", "512"],
        multipliers + ["--optimizer", "adamw", "--width", "512"],
        ["scale", "fit", "two.csv", "--law", "mu-scaling"],
        ["scale", "fit", "line.csv", "--law", "chinchilla"],
        ["scale", "fit", "line.csv", "--law", "settings"],
        ["scale", "fit", "missing.csv", "--law", "chinchilla"],
        ["scale", "check", "transfer", "text.csv"],
        ["scale", "check", "transfer", "line.csv"],
        ["scale", "schedule", "cosine", "--peak", "1e-3", "--steps", "100", "--warmup", "100"],
        ["scale", "schedule", "triangle", "--peak", "1e-3", "--steps", "100"],
        ["scale", "plan", "--base-width", "256", "--width", "1000", "--settings", "2", "--points", "8"],
      ], "scale-refused")
  }

  func testMultipliersArePrintedAndWritten() throws {
    let arguments = [
      "scale", "multipliers", "--parameterisation", "complete-p", "--optimizer", "adamw", "--base-width", "256",
      "--width",
      "2048", "--base-layers", "2", "--layers", "8", "--output", "multipliers.json",
    ]
    try transcripts([arguments], "scale-multipliers")
    let document = try XCTUnwrap(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: folder + "/multipliers.json")))
        as? [String: Any])
    XCTAssertEqual(document["format"] as? String, "trimtab-multipliers/1")
    XCTAssertEqual((document["groups"] as? [Any])?.count, 10)
    XCTAssertEqual(document["residual_branch"] as? Double, 0.25)
  }

  func testCoordinatesPassOnlyWhereTheControlFails() throws {
    func log(_ power: Double) -> String {
      var text = "width,seed,step,module,value\n"
      for width in [64, 128, 256, 512] {
        for seed in 0..<3 {
          for step in 0...4 {
            let size = step == 0 ? 1 : pow(Double(width) / 64, power) * (1 + 0.01 * Double(seed))
            text += "\(width),\(seed),\(step),block,\(size)\n"
          }
        }
      }
      return text
    }
    try write(log(0.02), to: "mup.csv")
    try write(log(0.8), to: "sp.csv")
    XCTAssertEqual(try run("scale", "check", "coordinates", "mup.csv", "--control", "sp.csv").status, 0)
    let failing = try run("scale", "check", "coordinates", "sp.csv")
    XCTAssertEqual(failing.status, 4)
    XCTAssertTrue(failing.output.contains("fail: block at step"), failing.output)
    XCTAssertTrue(failing.output.contains("0.8"), failing.output)
    let blind = try run("scale", "check", "coordinates", "mup.csv", "--control", "mup.csv")
    XCTAssertEqual(blind.status, 4)
    XCTAssertTrue(blind.output.contains("the check cannot tell"), blind.output)
  }

  /// A sweep whose best rate falls as a power of the width.
  private func sweep(_ power: Double, edge: Bool = false) -> String {
    var text = "width,lr,loss\n"
    for width in [64.0, 128, 256, 512] {
      let best = 0.01 * pow(width / 64, power)
      for k in -4...4 where !edge || k < 1 {
        let lr = 0.01 * pow(2, Double(k))
        text += "\(width),\(lr),\(2 + 0.05 * pow(log(lr / best), 2))\n"
      }
    }
    return text
  }

  func testTransferPassesFailsOrIsUnresolved() throws {
    try write(sweep(0.02), to: "mup.csv")
    try write(sweep(-0.8), to: "sp.csv")
    try write(sweep(0.02, edge: true), to: "edge.csv")
    var found = try object("check", "transfer", "mup.csv")
    XCTAssertEqual(found["verdict"] as? String, "pass", "\(found)")
    XCTAssertEqual(found["drift"] as? Double ?? 1, 0.02, accuracy: 0.01)
    found = try object("check", "transfer", "sp.csv")
    XCTAssertEqual(found["verdict"] as? String, "fail")
    XCTAssertEqual(found["drift"] as? Double ?? 1, -0.8, accuracy: 0.05)
    found = try object("check", "transfer", "edge.csv")
    XCTAssertEqual(found["verdict"] as? String, "unresolved")
    XCTAssertEqual(try run("scale", "check", "transfer", "edge.csv").status, 4)
  }

  func testAStudysTrialsAreReadAsATable() throws {
    try write(sweep(0.02), to: "sweep.csv")
    let imported = try run(
      "import", "csv", "sweep.csv", "--objective", "loss:minimize", "--store", "sweep.trimtab")
    XCTAssertEqual(imported.status, 0, imported.error)
    let found = try object("check", "transfer", "sweep.trimtab")
    XCTAssertEqual(found["verdict"] as? String, "pass")
  }

  func testAFitPredictsWithItsIntervalAndProposesTheNextRun() throws {
    let sizes = [8.53, 21.56, 39.09, 61.12, 87.65, 118.68, 154.21]
    let losses = [3.9181, 3.6054, 3.4431, 3.3542, 3.2902, 3.2478, 3.224]
    try write("N,loss\n" + zip(sizes, losses).map { "\($0),\($1)\n" }.joined(), to: "widths.csv")
    let found = try object(
      "fit", "widths.csv", "--law", "mu-scaling", "--predict", "N=1446.72", "--candidate", "N=30,cost=1", "--candidate",
      "N=400,cost=10")
    let prediction = try XCTUnwrap((found["predictions"] as? [[String: Any]])?.first)
    XCTAssertEqual(prediction["value"] as? Double ?? 0, 3.03691, accuracy: 1e-4)
    let interval = try XCTUnwrap(prediction["interval"] as? [Double])
    XCTAssertTrue(interval[0] < 3.0425 && 3.0425 < interval[1] && interval[1] - interval[0] < 0.4, "\(interval)")
    XCTAssertEqual((found["next"] as? [Any])?.count, 2)
    XCTAssertTrue("\(found["warnings"] ?? "")".contains("outside of the runs"))
  }

  private func drawn(_ arguments: String..., parts: [String], file: StaticString = #filePath, line: UInt = #line) throws
  {
    let result = try Program.run(["scale"] + arguments + ["--figure", "figure.svg"], in: folder)
    XCTAssertTrue([0, 4].contains(result.status), result.error, file: file, line: line)
    let figure = try String(contentsOfFile: folder + "/figure.svg", encoding: .utf8)
    for part in ["<svg"] + parts { XCTAssertTrue(figure.contains(part), part, file: file, line: line) }
  }

  func testFitsAndChecksAreDrawn() throws {
    try write("N,loss\n" + (1...9).map { "\($0)e7,\(2 + pow(Double($0), -0.4))\n" }.joined(), to: "widths.csv")
    try drawn(
      "fit", "widths.csv", "--law", "mu-scaling", "--predict", "N=1e9", "--bootstrap", "20",
      parts: ["loss by N", "tt-band", "circle"])
    try drawn("fit", "widths.csv", "--law", "power", "--inputs", "N", "--value", "loss", parts: ["observed by fitted"])
    try write(sweep(0.02), to: "sweep.csv")
    try drawn("check", "transfer", "sweep.csv", parts: ["width 512", "learning rate"])
    var curve = "step,lr,loss\n"
    for step in stride(from: 10, through: 400, by: 10) {
      let rate = step < 200 ? 1e-3 : 1e-3 * (1 - 0.9 * Double(step - 200) / 200)
      curve += "\(step),\(rate),\(2 + 3 * pow(Double(step), -0.5) - 0.001 * Double(max(0, step - 200)))\n"
    }
    try write(curve, to: "wsd.csv")
    try drawn(
      "fit", "wsd.csv", "--law", "annealing", "--bootstrap", "20", parts: ["wsd.csv, observed", "loss by step"])
    let none = try run("scale", "schedule", "cosine", "--peak", "1", "--steps", "9", "--figure", "no/folder/f.svg")
    XCTAssertEqual(none.status, 1)
  }

  func testStepTimesOfShapesPredictOneThatWasNotRun() throws {
    func seconds(_ l: Double, _ d: Double, _ t: Double) -> Double {
      let perToken: Double = l * 38 * d + 2 * d + 50257
      let forward: Double = t * perToken + l * 12 * d * d + 50257 * d
      let parameters: Double = l * 12 * d * d + 50257 * d
      return 0.01 + 1e-12 * (3 * forward + 7 * parameters)
    }
    var text = "layers,width,feed_forward,heads,vocabulary,sequence,tokens,seconds\n"
    let shapes = [(3, 1536), (6, 1024), (12, 512), (12, 768), (24, 512), (24, 768), (48, 384), (48, 512)]
    for (l, d) in shapes {
      text += "\(l),\(d),\(4 * d),\(d / 64),50257,1024,8192,\(seconds(Double(l), Double(d), 8192))\n"
    }
    try write(text, to: "times.csv")
    let found = try object(
      "fit", "times.csv", "--law", "step-time", "--fused-attention", "--hours", "24", "--predict",
      "layers=12,width=1024,feed_forward=4096,heads=16,vocabulary=50257,sequence=1024,tokens=8192")
    let prediction = try XCTUnwrap((found["predictions"] as? [[String: Any]])?.first)
    let value = try XCTUnwrap(prediction["value"] as? Double)
    XCTAssertEqual(value, seconds(12, 1024, 8192), accuracy: 1e-8)
    XCTAssertTrue("\(found["notes"] ?? "")".contains("after 24 h"), "\(found["notes"] ?? "")")
  }

  func testSchedulesArePrintedAndExported() throws {
    try transcripts(
      [
        ["scale", "schedule", "wsd", "--peak", "1e-3", "--steps", "1000", "--warmup", "100"],
        ["scale", "schedule", "rex", "--peak", "1", "--steps", "4", "--csv"],
        ["scale", "schedule", "cosine", "wsd", "step", "--space"],
        ["scale", "plan", "--base-width", "256", "--width", "2048", "--settings", "2", "--points", "8"],
      ], "scale-schedule")
    XCTAssertEqual(
      (try object("schedule", "one-cycle", "--peak", "1", "--steps", "50")["rates"] as? [Double])?.count, 50)
  }
}
