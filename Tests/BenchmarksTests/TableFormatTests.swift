import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

@testable import TrimtabBenchmarks

final class TableFormatTests: XCTestCase {
  /// Four configurations, two parameters, two seeds, three checkpoints of which the first is before training.
  private let header = """
    {"name": "made/up", "kind": "table", "licence": "none", "n_configs": 4,
     "parameters": [
      {"name": "lr", "type": "float", "log": true, "low": 0.001, "high": 1},
      {"name": "act", "type": "categorical", "choices": ["relu", "tanh"]}],
     "fidelity": {"name": "epoch", "values": [0, 1, 2]},
     "seeds": 2,
     "objectives": [
      {"name": "loss", "goal": "minimize", "array": "loss"},
      {"name": "accuracy", "goal": "maximize", "array": "accuracy"}],
     "cost": {"unit": "s", "array": "time", "cumulative": false},
     "format": "tabular-benchmark/1", "data": "up.f32",
     "arrays": {
      "configs": {"shape": [4, 2], "offset": 0},
      "loss": {"shape": [4, 2, 3], "offset": 32},
      "accuracy": {"shape": [4, 3], "offset": 128},
      "time": {"shape": [4, 2, 3], "offset": 176}}}
    """
  private var floats: [Float] {
    var values: [Float] = [0.001, 0, 0.01, 1, 0.1, 0, 1, 1]
    for row in 0..<4 { for seed in 0..<2 { values += [9, 5, 1].map { Float($0 + 10 * row + 100 * seed) } } }
    for row in 0..<4 { values += [0.1, 0.2, 0.3 + Float(row) / 10] }
    for _ in 0..<4 { values += [0, 2, 3, 0, 4, 5] }
    return values
  }

  private func read(_ change: (inout String, inout [Float]) -> Void = { _, _ in }) throws -> Table {
    let folder = try BenchmarkFolder()
    var (header, floats) = (header, floats)
    change(&header, &floats)
    try folder.write("up.f32", floats: floats)
    return try Table(headerPath: try folder.write("up.json", header), name: "made/up")
  }

  private func problem(_ options: ProblemOptions = ProblemOptions()) throws -> TableProblem {
    try TableProblem(try read(), options: options)
  }

  private func point(_ rate: Double, _ act: Double) -> Configuration { Configuration(slots: [rate, act]) }

  func testAFileReadsBackAsItWasWritten() throws {
    let problem = try problem(ProblemOptions(objectives: ["loss", "accuracy"]))
    XCTAssertEqual(problem.space.parameters.map(\.name), ["lr", "act"])
    XCTAssertEqual(problem.objectives.map(\.goal), [.minimize, .maximize])
    XCTAssertEqual(problem.fidelity, Fidelity(name: "epoch", minimum: 1, maximum: 2))
    XCTAssertEqual(problem.resources, [1, 2])
    XCTAssertEqual(problem.costUnit, "s")
    XCTAssertEqual(
      problem.evaluate(point(1, 1), resource: 1, seed: 1), .measured([35, Double(Float(0.2))], cost: 2))
    XCTAssertEqual(
      problem.evaluate(point(1, 1), resource: 2, seed: 1), .measured([31, Double(Float(0.6))], cost: 5))
  }

  func testOnlyTheFirstObjectiveIsOptimisedUnlessOthersAreNamed() throws {
    XCTAssertEqual(try problem().objectives, [Objective(metric: "loss")])
    XCTAssertEqual(
      try problem(ProblemOptions(objectives: ["accuracy"])).objectives, [Objective(metric: "accuracy", goal: .maximize)]
    )
    XCTAssertEqual(
      errorText { try problem(ProblemOptions(objectives: ["acuracy"])) },
      "made/up: there is no objective 'acuracy' (did you mean 'accuracy'?)")
  }

  func testTheSeedsThatTuningSeesAreNotThoseThatJudge() throws {
    let problem = try problem()
    XCTAssertEqual(problem.evaluate(point(0.01, 1), resource: 2, seed: 7).values, [11])
    XCTAssertEqual(problem.score(point(0.01, 1)), [111])
    XCTAssertEqual(problem.reference, Reference(optimum: 101, median: 116))
  }

  func testInModeMeanTuningAndJudgementSeeTheMeanOverAllSeeds() throws {
    let problem = try problem(ProblemOptions(seeds: .mean))
    XCTAssertEqual(problem.evaluate(point(0.01, 1), resource: 2, seed: 7), .measured([61], cost: 7))
    XCTAssertEqual(problem.score(point(0.01, 1)), [61])
    XCTAssertEqual(problem.reference, Reference(optimum: 51, median: 66))
  }

  func testAMaximisedObjectiveHasItsBestAtTheTop() throws {
    let reference = try problem(ProblemOptions(objectives: ["accuracy"])).reference
    XCTAssertEqual(try XCTUnwrap(reference.optimum), 0.6, accuracy: 1e-6)
    XCTAssertEqual(try XCTUnwrap(reference.median), 0.45, accuracy: 1e-6)
  }

  func testAPointOffTheTableIsAnsweredByTheNearestRowOnTheLogScale() throws {
    let problem = try problem()
    XCTAssertEqual(problem.row(of: point(0.0012, 0)), 0)
    // Halfway between 0.001 and 0.1 on a log scale lies 0.01.
    XCTAssertEqual(problem.row(of: point(0.009, 0)), 0)
    XCTAssertEqual(problem.row(of: point(0.011, 0)), 2)
    XCTAssertEqual(problem.row(of: point(0.11, 1)), 3)
    XCTAssertNil(problem.row(of: Configuration(slots: [0.1])))
  }

  func testAnOtherCategoryIsFartherThanAnyOtherNumber() throws {
    XCTAssertEqual(try problem().row(of: point(0.001, 1)), 1)
  }

  func testANaNIsMeasuredAndItsCostCounts() throws {
    let table = try read { _, floats in
      floats[8 + 2] = .nan
      floats[44 + 2] = .nan
    }
    let problem = try TableProblem(table)
    let outcome = problem.evaluate(point(0.001, 0), resource: 2, seed: 0)
    XCTAssertEqual(outcome.values?.first?.isNaN, true)
    XCTAssertEqual(outcome.cost, 2, "a missing cost is that of the resource before")
  }

  func testAConfigurationThatWasNeverRunFails() throws {
    let table = try read { _, floats in
      for i in 0..<6 { (floats[8 + i], floats[44 + i]) = (.nan, .nan) }
    }
    let problem = try TableProblem(table)
    guard case .failed(.rejected, cost: 0, let message) = problem.evaluate(point(0.001, 0), resource: 2, seed: 0) else {
      return XCTFail("it must fail")
    }
    XCTAssertEqual(message, "made/up has no record of this configuration")
    XCTAssertEqual(try XCTUnwrap(problem.reference.optimum), 111)
  }

  func testSeedsThatWereNeverRunAreLeftOutOfMeans() throws {
    let table = try read { header, floats in
      header = header.replacingOccurrences(of: #""seeds": 2"#, with: #""seeds": {"count": 2, "missing": "skip"}"#)
      for i in 3..<6 { floats[8 + i] = .nan }
    }
    let problem = try TableProblem(table, options: ProblemOptions(seeds: .mean))
    XCTAssertEqual(problem.score(point(0.001, 0)), [1])
    XCTAssertEqual(problem.score(point(0.01, 1)), [61])
  }

  func testACostThatFallsStaysWhereItWas() throws {
    let table = try read { header, floats in
      header = header.replacingOccurrences(of: #""cumulative": false"#, with: #""cumulative": true"#)
      floats[44 + 2] = 1
    }
    XCTAssertEqual(try TableProblem(table).evaluate(point(0.001, 0), resource: 2, seed: 0).cost, 2)
  }

  func testWithoutCostsOneUnitIsChargedForEachUnitOfTheResource() throws {
    let table = try read { header, _ in
      header = header.replacingOccurrences(
        of: #"{"unit": "s", "array": "time", "cumulative": false}"#, with: #"{"unit": "epochs"}"#)
    }
    let problem = try TableProblem(table)
    XCTAssertEqual(problem.evaluate(point(0.1, 0), resource: 1, seed: 0).cost, 1)
    XCTAssertEqual(problem.evaluate(point(0.1, 0), resource: 2, seed: 0).cost, 2)
    let whole = try TableProblem(table, options: ProblemOptions(fidelity: "none"))
    XCTAssertNil(whole.fidelity)
    XCTAssertEqual(whole.evaluate(point(0.1, 0), resource: nil, seed: 0), .measured([21], cost: 2))
  }

  func testResourcesCanBeChosenAmongThoseOfTheTable() throws {
    XCTAssertEqual(try problem(ProblemOptions(resources: [2])).resources, [2])
    XCTAssertEqual(
      try problem(ProblemOptions(resources: [2])).evaluate(point(1, 1), resource: 2, seed: 0),
      .measured([31], cost: 5))
    XCTAssertEqual(
      errorText { try problem(ProblemOptions(resources: [1])) },
      "made/up: the resources do not end in the maximum (end in 2)")
    XCTAssertEqual(
      errorText { try problem(ProblemOptions(resources: [0, 2])) },
      "made/up: 0.0 does not follow as a resource (give an increasing choice of 1, 2)")
  }

  func testTheDistanceFromOneIsWhatATransformedParameterMeans() throws {
    let table = try read { header, floats in
      header = header.replacingOccurrences(
        of: #""log": true, "low": 0.001, "high": 1"#,
        with: #""log": true, "low": 0, "high": 0.999, "transform": "1-x before log""#)
      for row in 0..<4 { floats[2 * row] = 1 - floats[2 * row] }
    }
    XCTAssertEqual(table.space.parameters[0].name, "one_minus_lr")
    XCTAssertEqual(table.configurations.map { ($0.slots[0] * 1000).rounded() }, [1, 10, 100, 1000])
    XCTAssertEqual(try TableProblem(table).row(of: point(0.02, 1)), 1)
  }

  func testTheDivergenceFilterLeavesOutCurvesThatRiseTooHighOrAreNotFinite() throws {
    let table = try read { header, floats in
      header = header.replacingOccurrences(of: #""seeds": 2,"#, with: "")
        .replacingOccurrences(of: #""shape": [4, 2, 3], "offset": 32"#, with: #""shape": [4, 3], "offset": 32"#)
        .replacingOccurrences(of: #""shape": [4, 2, 3], "offset": 176"#, with: #""shape": [4, 3], "offset": 176"#)
      let curves: [[Float]] = [[2, 1, 1], [2, 1.5, .nan], [2, 1.2, 1.1], [2, 8, 9]]
      for row in 0..<4 { for i in 0..<3 { floats[8 + 3 * row + i] = curves[row][i] } }
      for i in 44..<56 { floats[i] = 1 }
    }
    let problem = try TableProblem(table, options: ProblemOptions(divergenceFilter: true))
    XCTAssertEqual(problem.configurations.map { $0.slots[0] }, [0.001, 0.1].map { Double(Float($0)) })
    XCTAssertEqual(try XCTUnwrap(problem.reference.optimum), 1)
  }

  // MARK: Errors

  func testBadHeadersAreRefusedWithThePlaceAndTheMend() throws {
    let cases: [(String, String, String)] = [
      (#""n_configs": 4,"#, "", "up.json:1:1: the key 'n_configs' is missing"),
      (
        #""type": "float""#, #""type": "flaot""#,
        "up.json:3:26: the type of 'lr' is not known: 'flaot' (did you mean 'float'?)"
      ),
      (
        "\"low\": 0.001", "\"low\": -1",
        "up.json:3:55: the parameter 'lr': a log scale needs low above 0, not -1 (raise low, or use scale: linear)"
      ),
      (#""goal": "maximize""#, #""goal": "up""#, "up.json:9:32: the goal of 'accuracy' must be minimize or maximize"),
      (#""array": "loss"}"#, #""array": "los"}"#, "up.json:1:1: there is no array 'los' (did you mean 'loss'?)"),
      (
        "[4, 2, 3], \"offset\": 32", "[3, 2, 3], \"offset\": 32",
        "up.json:14:11: the shape of 'loss' is [3, 2, 3], which does not fit"
      ),
      ("\"shape\": [4, 2]", "\"shape\": [4, 3]", "up.json:13:14: the shape of 'configs' is [4, 3], not [4, 2]"),
      (
        "tabular-benchmark/1", "tabular-benchmark/2",
        "up.json:11:12: the format is 'tabular-benchmark/2', not 'tabular-benchmark/1'"
      ),
      (
        "\"data\": \"up.f32\"", "\"data\": \"../up.f32\"",
        "up.json:11:43: data must be the name of a file beside the header"
      ),
      (
        "\"values\": [0, 1, 2]", "\"values\": [0, 2, 1]",
        "up.json:5:49: the values of the fidelity must be at least 0 and increase"
      ),
      ("\"unit\": \"s\"", "\"unit\": \"s\", \"arry\": 1", "the cost has no key 'arry' (did you mean 'array'?)"),
      ("\"seeds\": 2", "\"seeds\": 0", "up.json:6:11: there must be at least one seed"),
      ("{\"name\": \"made/up\"", "{\"name\": \"made/up\"]", "up.json:1:"),
    ]
    for (old, new, expected) in cases {
      let text = errorText { try read { header, _ in header = header.replacingOccurrences(of: old, with: new) } }
      XCTAssertTrue(text.contains(expected), "\(new): \(text)")
    }
  }

  func testBadDataIsRefusedWithTheFileAndTheRow() throws {
    let short = errorText { try read { _, floats in floats.removeLast() } }
    XCTAssertTrue(
      short.hasSuffix(
        "up.f32: the file has 268 bytes, but the array 'time' takes 24 numbers from byte 176 (the file is cut off, or belongs to another header: fetch or convert it again)"
      ), short)
    for (index, value) in [(0, Float.nan), (0, 5), (1, 2), (1, 0.5)] {
      let text = errorText { try read { _, floats in floats[index] = value } }
      XCTAssertTrue(text.contains("up.f32: row 0 of 'configs' has \(value) for '\(index == 0 ? "lr" : "act")'"), text)
    }
    let cost = errorText { try read { _, floats in floats[45] = -1 } }
    XCTAssertTrue(cost.contains("a cost is -1.0, which cannot be"), cost)
  }

  func testAnAxisThatCouldBeTwoThingsMustBeNamed() throws {
    func text(_ axes: String) -> String {
      errorText {
        try read { header, _ in
          header = header.replacingOccurrences(of: "\"seeds\": 2", with: "\"seeds\": 3")
            .replacingOccurrences(of: "[4, 2, 3]", with: "[4, 3]")
            .replacingOccurrences(of: "\"shape\": [4, 3], \"offset\"", with: "\"shape\": [4, 3]\(axes), \"offset\"")
        }
      }
    }
    XCTAssertTrue(text("").contains("say which axis it is"), text(""))
    XCTAssertTrue(
      text(#", "axes": ["config", "epoch"]"#).hasPrefix("no error"), text(#", "axes": ["config", "epoch"]"#))
  }
}
