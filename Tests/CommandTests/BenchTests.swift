import Foundation
import XCTest

/// `trimtab bench` as people use it.
final class BenchTests: CommandTestCase {
  private let suite = """
    suite: first
    problems: [mfh6, mfh3, {name: counting-ones, shift: true}]
    methods: [random, tpe, {name: asha, sampler: random, scheduler: asha}]
    budget: {evaluations: 20}
    repetitions: 4
    """

  override func setUpWithError() throws {
    try super.setUpWithError()
    try write(suite, to: "first.yaml")
  }

  func testTheHelp() throws {
    var text = ""
    for command in ["", "run", "report", "problems", "peers"] {
      let arguments = ["bench", command, "--help"].filter { !$0.isEmpty }
      text += try Program.run(arguments, in: folder).transcript(arguments) + "\n"
    }
    try Snapshot.check(text, "help-bench")
  }

  func testASuiteIsRunAndReported() throws {
    XCTAssertEqual(try run("bench", "run", "first.yaml").status, 0)
    // What the wall clock says differs each time.
    let result = try run("bench", "report", "first.yaml")
    XCTAssertEqual(result.status, 0, result.error)
    for part in ["3 problems, 3 methods, 4 repetitions", "Friedman", "counting-ones[shift=true]", "first.html"] {
      XCTAssertTrue(result.output.contains(part), "'\(part)' is missing in:\n\(result.output)")
    }
    let page = try String(contentsOfFile: folder + "/first.html", encoding: .utf8)
    for part in ["<svg", "Anytime regret", "Critical differences", "Performance profile", "Targets reached", "log "] {
      XCTAssertTrue(page.contains(part), "'\(part)' is missing in the page")
    }
    XCTAssertFalse(page.contains("<script"), "the page needs no scripts")
    XCTAssertNil(page.range(of: #"(src|href)="?https?:"#, options: .regularExpression), "the page needs no network")
    let json = try run("bench", "report", "first.yaml", "--json")
    let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
    XCTAssertEqual((object?["methods"] as? [Any])?.count, 3)
  }

  func testARunThatIsKilledGoesOnAndGivesTheSameResults() throws {
    try write(suite.replacingOccurrences(of: "repetitions: 4", with: "repetitions: 30"), to: "long.yaml")
    func runs(_ text: String) throws -> [String: String] {
      var logs: [String: String] = [:]
      for line in text.split(separator: "\n") {
        // A kill may cut the last line off.
        guard let event = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
          event["event"] as? String == "run"
        else { continue }
        let key = ["problem", "method", "repetition"].map { "\(event[$0] ?? "")" }.joined(separator: " ")
        XCTAssertNil(logs[key], "\(key) was run twice")
        logs[key] = try XCTUnwrap(event["log"] as? String)
      }
      return logs
    }
    var found: [String: String] = [:]
    var kills = 0
    for pause in [0.05, 0.1, 0.15, 0.2] {
      let program = try BackgroundProgram(["bench", "run", "long.yaml", "--json", "--parallel", "2"], in: folder)
      Thread.sleep(forTimeInterval: pause)
      program.send(SIGKILL)
      if program.status() == SIGKILL { kills += 1 }
      for (key, log) in try runs(program.output) {
        XCTAssertNil(found[key], "\(key) was acknowledged and made again")
        found[key] = log
      }
    }
    XCTAssertGreaterThan(kills, 0)
    let rest = try run("bench", "run", "long.yaml", "--json")
    XCTAssertEqual(
      rest.status, 0, rest.error + rest.output.split(separator: "\n").filter { !$0.contains("\"log\"") }.joined())
    found.merge(try runs(rest.output)) { first, _ in
      XCTFail("a run was made twice")
      return first
    }
    let anew = try run("bench", "run", "long.yaml", "--json", "--results", "other.results", "--parallel", "1")
    let all = try runs(anew.output)
    XCTAssertEqual(all.count, 3 * 3 * 30)
    // What was stored just before a kill may not have been printed; everything printed is the same.
    for (key, log) in found { XCTAssertEqual(all[key], log, key) }
  }

  func testWrongInputIsNamedAndChangesNothing() throws {
    try write("problems: [brannin]\nmethods: [random, {peer: optuna}]\nbudget: {}\n", to: "wrong.yaml")
    var result = try run("bench", "run", "wrong.yaml")
    XCTAssertEqual(result.status, 2)
    XCTAssertTrue(result.error.contains("wrong.yaml:2:"), result.error)
    XCTAssertFalse(FileManager.default.fileExists(atPath: folder + "/wrong.results"))
    try write("problems: [brannin]\nmethods: [random]\nbudget: {evaluations: 5}\n", to: "wrong.yaml")
    result = try run("bench", "run", "wrong.yaml")
    XCTAssertEqual(result.status, 2)
    XCTAssertTrue(result.error.contains("did you mean 'branin'"), result.error)
    try write(
      "problems: [branin]\nmethods: [{sampler: random, scheduler: asha}]\nbudget: {evaluations: 5}\n", to: "wrong.yaml")
    result = try run("bench", "run", "wrong.yaml")
    XCTAssertEqual(result.status, 2)
    XCTAssertTrue(result.error.contains("asha-random needs a fidelity, and branin has none"), result.error)
    result = try run("bench", "report", "first.yaml")
    XCTAssertEqual(result.status, 3)
    XCTAssertTrue(result.error.contains("bench run"), result.error)
    result = try run("bench", "run", "missing.yaml")
    XCTAssertEqual(result.status, 3)
  }

  func testAProgramThatSpeaksTheProtocolIsComparedLikeAMethod() throws {
    try write(
      suite.replacingOccurrences(
        of: "methods: [random,", with: "methods: [{name: piped, command: [\(Program.path), ask-tell]}, random,"),
      to: "first.yaml")
    let result = try run("bench", "run", "first.yaml", "--json")
    XCTAssertEqual(result.status, 0, result.error)
    XCTAssertEqual(result.output.split(separator: "\n").count { $0.contains("\"piped\"") }, 12)
  }
}
