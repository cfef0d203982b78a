import Foundation
import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

@testable import TrimtabInterchange

/// Tables, and MLflow's runs, which are tables of texts.
final class TableTests: InterchangeTestCase {
  func testFieldsInQuotesMayHoldEverything() throws {
    let file = try CSVFile("a,b\n\"x, \"\"y\"\"\r\nz\",2\r\n\n\"\",3\n", path: "t.csv")
    XCTAssertEqual(file.header, ["a", "b"])
    XCTAssertEqual(file.rows.map(\.fields), [["x, \"y\"\nz", "2"], ["", "3"]])
    XCTAssertEqual(file.rows.map(\.line), [2, 5])
  }

  func testBadLinesAreNamed() {
    for (text, place) in [
      ("a,b\n1,2\n1,2,3\n", "t.csv:3: there are 3 fields"), ("a,b\n1,\"2\n3,4\n", "t.csv:2: the quote is not closed"),
      ("a,b\n1,2\n3,x\"y\n", "t.csv:3: a quote stands within"), ("a,b\n\"1\"2,3\n", "t.csv:2: '2' stands behind"),
      ("a,a\n1,2\n", "t.csv:1: the column 'a' stands twice"), ("a,\n1,2\n", "t.csv:1: column 2 has no name"),
      ("", "empty"),
    ] {
      XCTAssertThrowsError(try CSVFile(text, path: "t.csv"), text) {
        XCTAssertTrue("\($0)".contains(place), "\($0)")
      }
    }
  }

  func testTypesAreGuessedFromTheValues() throws {
    func guess(_ texts: [String]) throws -> String {
      SpaceUnion.text(try TypeGuess.domain("x", texts.map { ($0, "t.csv:2") }).domain)
    }
    XCTAssertEqual(try guess(["1", "3", " 2"]), #"{"type":"integer","low":1,"high":3}"#)
    XCTAssertEqual(try guess(["1", "3.5"]), #"{"type":"float","low":1,"high":3.5}"#)
    XCTAssertEqual(try guess(["1e-4", "0.5"]), #"{"type":"float","low":0.0001,"high":0.5,"scale":"log"}"#)
    XCTAssertEqual(try guess(["True", "False"]), #"{"type":"boolean"}"#)
    XCTAssertEqual(try guess(["relu", "3"]), #"{"type":"categorical","choices":["relu","3"]}"#)
    XCTAssertEqual(try guess(["7", "7"]), #"{"type":"constant","value":7}"#)
    error(.badInput, contains: "no possible value") { _ = try guess(["1", "nan"]) }
    error(.badInput, contains: "--ignore") { _ = try guess((0..<40).map { "run-\($0)" }) }
  }

  private func columns(_ objective: String = "loss") -> CSVStudy.Columns {
    CSVStudy.Columns(objectives: [Objective(metric: objective)])
  }

  private let table = """
    lr,layers,opt,loss,note,how
    0.1,1,sgd,0.5,a,completed
    0.001,3,"adam, w",nan,b,completed
    0.01,2,sgd,,c,failed
    0.05,2,sgd,0.25,d,pruned

    """

  func testATableBecomesAStudy() throws {
    let path = try write(table, to: "t.csv")
    var columns = columns()
    columns.ignored = ["note"]
    columns.state = "how"
    columns.parameters = ["lr={type: float, low: 1e-5, high: 1, scale: log}"]
    let (state, remarks) = try state(of: try CSVStudy.read(path, name: "t", columns: columns))
    XCTAssertEqual(
      state.spec.space.json.text,
      """
      {"lr":{"type":"float","low":1e-05,"high":1,"scale":"log"},"layers":{"type":"integer","low":1,"high":3},\
      "opt":{"type":"categorical","choices":["sgd","adam, w"]}}
      """)
    XCTAssertEqual(state.trials.map(\.state), [.completed, .failed, .failed, .stopped])
    XCTAssertEqual(state.trials.map(\.failure), [nil, .invalidValue, .crash, nil])
    XCTAssertTrue(
      remarks.contains { $0.contains("guessed from the values: type and range of layers, opt") }, "\(remarks)")
  }

  func testWhatATableLacksIsNamed() throws {
    let path = try write(table, to: "t.csv")
    error(.badInput, contains: "--objective COLUMN:minimize", "lr, layers") {
      _ = try CSVStudy.read(path, name: "t", columns: CSVStudy.Columns(objectives: []))
    }
    error(.badInput, contains: "no column 'los'", "loss") {
      _ = try CSVStudy.read(path, name: "t", columns: self.columns("los"))
    }
    error(.badInput, contains: "t.csv:2", "'sgd' in 'opt' is no number") {
      var columns = self.columns("opt")
      columns.ignored = ["loss"]
      _ = try CSVStudy.read(path, name: "t", columns: columns)
    }
    error(.badInput, contains: "t.csv:2", "no state that is known") {
      var columns = self.columns()
      columns.state = "note"
      _ = try CSVStudy.read(path, name: "t", columns: columns)
    }
    error(.badInput, contains: "t.csv:3", "not among its choices") {
      var columns = self.columns()
      columns.parameters = ["opt={type: categorical, choices: [sgd]}"]
      _ = try CSVStudy.read(path, name: "t", columns: columns)
    }
    error(.badInput, contains: "--separator") {
      _ = try CSVStudy.read(try write("lr;loss\n1;2\n", to: "s.csv"), name: "s", columns: self.columns())
    }
    error(.badInput, contains: "--objective loss", "loss:minimize") { _ = try ObjectiveText.parse("loss") }
  }

  // MARK: MLflow

  /// A folder as MLflow 3 writes it, with what an importer reads.
  private func mlruns() throws -> String {
    let root = "\(folder)/mlruns"
    func put(_ text: String, _ path: String) throws {
      let url = URL(fileURLWithPath: "\(root)/\(path)")
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
    try put("experiment_id: '0'\nlifecycle_stage: active\nname: Default\n", "0/meta.yaml")
    try put("experiment_id: '7'\nlifecycle_stage: active\nname: digits\n", "7/meta.yaml")
    for i in 0..<4 {
      let run = "7/run\(i)"
      let stage = i == 3 ? "deleted" : "active"
      try put(
        "run_id: run\(i)\nrun_name: r\(i)\nstatus: \(i == 2 ? 4 : 3)\nstart_time: \(1_700_000_000_000 + i * 1000)\n"
          + "end_time: \(1_700_000_000_500 + i * 1000)\nlifecycle_stage: \(stage)\n", "\(run)/meta.yaml")
      try put("\(0.1 * Double(i + 1))", "\(run)/params/lr")
      if i < 2 {
        try put(
          (0..<3).map { "\(1_700_000_000_100 + i * 1000 + $0) \(1.0 / Double($0 + i + 1)) \($0)\n" }.joined(),
          "\(run)/metrics/loss")
        try put("1700000000100 0.5 0\n1700000000101 nan 1\n", "\(run)/metrics/val/acc")
      } else {
        try put("", "\(run)/metrics/loss")
      }
    }
    return root
  }

  func testMLflowsFolderBecomesAStudy() throws {
    let file = try MLflowFile("file://" + mlruns())
    let study = try file.study(experiment: nil, objectives: [Objective(metric: "loss")], ignored: [], parameters: [])
    let (state, remarks) = try state(of: study)
    XCTAssertEqual(state.spec.name, "digits")
    XCTAssertEqual(state.trials.map(\.state), [.completed, .completed, .failed])
    XCTAssertEqual(state.spec.fidelity?.maximum, 3)
    XCTAssertEqual(state.curves[0]?.values, [1, 0.5, 1.0 / 3])
    XCTAssertEqual(state.otherMetrics[0]?.first?.name, "val/acc")
    XCTAssertEqual(state.otherMetrics[0]?.first?.value.isNaN, true)
    XCTAssertEqual(state.notes[1]?["mlflow.run_name"], "\"r1\"")
    XCTAssertEqual(state.trials[1].startedAt, 1_700_000_001_000)
    XCTAssertTrue(remarks.contains { $0.contains("deleted are left out: 1") }, "\(remarks)")
    XCTAssertEqual(state.invariantViolations(), [])
  }

  func testWhatMLflowLacksIsNamed() throws {
    let root = try mlruns()
    let file = try MLflowFile(root)
    error(.notFound, contains: "no experiment 'x'", "digits") {
      _ = try file.study(experiment: "x", objectives: [Objective(metric: "loss")], ignored: [], parameters: [])
    }
    error(.badInput, contains: "no run has the metric 'los'", "loss, val/acc") {
      _ = try file.study(experiment: nil, objectives: [Objective(metric: "los")], ignored: [], parameters: [])
    }
    try Data("now 0.5\n".utf8).write(to: URL(fileURLWithPath: root + "/7/run0/metrics/loss"))
    error(.damaged, contains: "metrics/loss:1") {
      _ = try file.study(experiment: nil, objectives: [Objective(metric: "loss")], ignored: [], parameters: [])
    }
    error(.badInput, contains: "backend-store-uri") { _ = try MLflowFile("http://localhost:5000") }
    error(.badInput, contains: "no experiments") {
      _ = try MLflowFile(folder).study(
        experiment: nil, objectives: [Objective(metric: "x")], ignored: [], parameters: [])
    }
    error(.badInput, contains: "not MLflow's") {
      _ = try MLflowFile(try optunaDatabase()).study(
        experiment: nil, objectives: [Objective(metric: "x")], ignored: [], parameters: [])
    }
  }
}
