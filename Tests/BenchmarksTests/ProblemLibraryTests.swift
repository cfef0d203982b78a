import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

@testable import TrimtabBenchmarks

final class ProblemLibraryTests: XCTestCase {
  private let curves = """
    openmlid,learner,size_train,accuracy_valid,accuracy_test,train_seconds,replicates
    3,svm,16,0.5,0.4,1.5,9
    3,svm,23,0.6,0.5,1.0,9
    3,svm,32,0.7,0.6,2.0,9
    3,tree,16,0.8,0.5,0.1,9
    12,tree,16,0.9,0.8,0.1,9

    """
  private let tables = """
    {"5": {"77": {"X": [[0.0, 0.25], [1.0, 0.5], [0.5, 2.0]], "y": [[0.2], [0.6], [0.3]]},
           "78": {"y": [0.5, 0.5], "note": "a ] in \\" text", "X": [[1], [0]]}},
     "6": {}}
    """
  private let table = """
    {"name": "x", "n_configs": 2, "parameters": [{"name": "k", "type": "ordinal", "values": [1, 2.5]}],
     "objectives": [{"name": "loss", "goal": "minimize", "array": "loss"}], "cost": {"unit": "evaluations"},
     "format": "tabular-benchmark/1", "data": "D",
     "arrays": {"configs": {"shape": [2, 1], "offset": 0}, "loss": {"shape": [2], "offset": 8}}}
    """

  private func addTable(_ folder: BenchmarkFolder, _ name: String, best: Float = 1) throws {
    let file = try XCTUnwrap(name.split(separator: "/").last)
    try folder.write("\(name).json", table.replacingOccurrences(of: "\"D\"", with: "\"\(file).f32\""))
    try folder.write("\(name).f32", floats: [2.5, 1, best, 4])
  }

  // MARK: Learning curves

  /// The names of problems that have data.
  private func recorded(_ library: ProblemLibrary) -> [String] {
    library.names.filter { !Formulas.names.contains($0) }
  }

  func testALearnerWithFewerSizesStaysAtItsLast() throws {
    let folder = try BenchmarkFolder()
    try folder.write("lcdb/accuracy_curves.csv", curves)
    let library = ProblemLibrary(folders: [folder.path])
    XCTAssertEqual(recorded(library), ["lcdb-cash/12", "lcdb-cash/3"])
    let problem = try library.problem(named: "lcdb-cash/3")
    let svm = Configuration(slots: [0])
    let tree = Configuration(slots: [1])
    XCTAssertEqual(problem.objectives, [Objective(metric: "accuracy_valid", goal: .maximize)])
    XCTAssertEqual(problem.resources, [1, 2, 3])
    XCTAssertFalse(problem.continuesTraining)
    XCTAssertEqual(problem.evaluate(svm, resource: 2, seed: 0).values, [Double(Float(0.6))])
    XCTAssertEqual(problem.resources.map { problem.evaluate(svm, resource: $0, seed: 0).cost }, [1.5, 1.5, 2])
    XCTAssertEqual(problem.evaluate(tree, resource: 3, seed: 0).values, [Double(Float(0.8))])
    XCTAssertEqual(problem.score(svm), [Double(Float(0.6))])
    XCTAssertEqual(problem.score(tree), [0.5])
    XCTAssertEqual(problem.reference.optimum, Double(Float(0.6)))
  }

  func testWhatIsPutAroundAProblemDoesNotChangeHowItsTrainingGoesOn() throws {
    let folder = try BenchmarkFolder()
    try folder.write("lcdb/accuracy_curves.csv", curves)
    let library = ProblemLibrary(folders: [folder.path])
    for options: [String: Choice] in [
      ["noise": .real(0.1)], ["dropouts": .real(0.1)], ["failing": .real(0.1)], ["permute": .boolean(true)],
    ] {
      let problem = try library.problem(ProblemEntry("lcdb-cash/3", options: options))
      XCTAssertFalse(problem.continuesTraining, "\(options)")
    }
  }

  func testAMalformedLineOfCurvesIsNamed() throws {
    func text(_ old: String, _ new: String) -> String {
      errorText { try LearningCurveDatabase(csv: curves.replacingOccurrences(of: old, with: new), path: "c.csv") }
    }
    XCTAssertEqual(text("3,svm,23,0.6", "3,svm,23"), "c.csv:3: the line has 6 values, not 7")
    XCTAssertEqual(text("svm,23,0.6", "svm,23,abc"), "c.csv:3: 'abc' is no accuracy_valid")
    XCTAssertEqual(text("svm,32", "svm,20"), "c.csv:4: the sizes of svm do not increase (sort the lines by size)")
    XCTAssertEqual(text("openmlid,", "openml,"), "c.csv:1: the column 'openmlid' is missing")
  }

  // MARK: HPO-B

  func testHPOBTablesAreScaledAndAnswerWithTheNearestRow() throws {
    let folder = try BenchmarkFolder()
    try folder.write("hpob/meta-test-dataset.json", tables)
    try folder.write(
      "hpob/bo-initializations.json", #"{"5": {"77": {"test0": [2, 0], "test1": [1, 1]}, "78": {"test0": [7]}}}"#)
    let library = ProblemLibrary(folders: [folder.path])
    XCTAssertEqual(recorded(library), ["hpob/5/77", "hpob/5/78"])
    let problem = try library.problem(named: "hpob/5/77")
    XCTAssertEqual(problem.score(Configuration(slots: [0.9, 0.6])), [1])
    XCTAssertEqual(problem.score(Configuration(slots: [0, 0])), [0])
    XCTAssertEqual(
      problem.evaluate(Configuration(slots: [0.5, 1.9]), resource: nil, seed: 0), .measured([0.25], cost: 1))
    XCTAssertEqual(problem.reference, Reference(optimum: 1, median: 0.25))
    XCTAssertEqual(
      try library.initialConfigurations(ofHPOB: "hpob/5/77")["test0"],
      [Configuration(slots: [0.5, 2]), Configuration(slots: [0, 0.25])])
    XCTAssertTrue(
      errorText { try library.initialConfigurations(ofHPOB: "hpob/5/78") }.hasSuffix("5/78: the table has no row 7"))
    XCTAssertEqual(try library.problem(named: "hpob/5/78").score(Configuration(slots: [1])), [1])
  }

  func testBrokenHPOBFilesAreFailuresWithTheirPlace() throws {
    for (text, expected) in [
      (#"{"5": {"77": {"X": [[1]"#, ":1:14: the value has no end"), ("{\"5\": {}}\n x", ":2:2: something follows"),
      ("[1]", ":1:1: expected '{'"), ("", ":1:1: the file ends too early"),
    ] {
      let folder = try BenchmarkFolder()
      try folder.write("hpob/meta-test-dataset.json", text)
      let failures = ProblemLibrary(folders: [folder.path]).failures.map(\.description)
      XCTAssertTrue(failures.count == 1 && failures[0].contains("meta-test-dataset.json" + expected), "\(failures)")
    }
    let folder = try BenchmarkFolder()
    try folder.write(
      "hpob/meta-test-dataset.json", #"{"5": {"77": {"X": [[1], [2]], "y": [1]}, "78": {"X": [[1]], "y": [nan]}}}"#)
    let library = ProblemLibrary(folders: [folder.path])
    let short = errorText { try library.problem(named: "hpob/5/77") }
    XCTAssertTrue(short.contains("'5/77' has 2 rows of X and 1 of y"), short)
    let odd = errorText { try library.problem(named: "hpob/5/78") }
    XCTAssertTrue(odd.contains("expected a finite number"), odd)
  }

  // MARK: The library

  func testAFinishedTableIsFoundByFolderAndFile() throws {
    let folder = try BenchmarkFolder()
    try addTable(folder, "mine/one")
    try folder.write("mine/notes.json", "[]")
    let library = ProblemLibrary(folders: [folder.path])
    XCTAssertEqual(recorded(library), ["mine/one"])
    let problem = try library.problem(named: "mine/one")
    XCTAssertEqual(problem.space.parameters[0].domain, .ordinal([.integer(1), .real(2.5)]))
    XCTAssertEqual(problem.evaluate(Configuration(slots: [1]), resource: nil, seed: 0), .measured([1], cost: 1))
    XCTAssertEqual(problem.evaluate(Configuration(slots: [0]), resource: nil, seed: 0), .measured([4], cost: 1))
    XCTAssertEqual(problem.reference, Reference(optimum: 1, median: 2.5))
  }

  func testTheEarlierFolderWinsAndTheCacheMayBeMissing() throws {
    let (first, second) = (try BenchmarkFolder(), try BenchmarkFolder())
    try addTable(first, "mine/one", best: 2)
    try addTable(second, "mine/one", best: 3)
    try addTable(second, "mine/two", best: 3)
    let library = ProblemLibrary(folders: [first.path], cache: second.path)
    XCTAssertEqual(recorded(library), ["mine/one", "mine/two"])
    XCTAssertEqual(try library.problem(named: "mine/one").reference.optimum, 2)
    let alone = ProblemLibrary(folders: [first.path], cache: first.path + "/nowhere")
    XCTAssertEqual(recorded(alone), ["mine/one"])
    XCTAssertEqual(alone.failures, [])
    XCTAssertEqual(
      ProblemLibrary(folders: ["/nowhere"]).failures.map(\.description),
      ["/nowhere: is not a folder (correct TRIMTAB_BENCH_DATA, which names data folders)"])
  }

  func testFoldersComeFromTheEnvironment() {
    XCTAssertEqual(ProblemLibrary.named(by: "/a:/b/c:"), ["/a", "/b/c"])
    XCTAssertEqual(ProblemLibrary.named(by: nil), [])
    XCTAssertEqual(ProblemLibrary.cacheFolder(xdgCacheHome: "/x", home: "/h"), "/x/trimtab/bench-data")
    XCTAssertEqual(ProblemLibrary.cacheFolder(xdgCacheHome: "", home: "/h"), "/h/.cache/trimtab/bench-data")
    XCTAssertEqual(ProblemLibrary.cacheFolder(xdgCacheHome: nil, home: nil), nil)
  }

  func testLongNamesOfPublishedTablesAreShortened() {
    XCTAssertEqual(
      ProblemLibrary.name("taskset", "FixedTextRNNClassification_imdb_patch128_LSTM128_avg_bs64"),
      "taskset/LSTM128_avg_bs64")
    XCTAssertEqual(ProblemLibrary.name("xgboost-transfer", "a6a"), "xgb-transfer/a6a")
    XCTAssertEqual(ProblemLibrary.name("hpo-rl-bench", "ppo-Enduro-v0-static"), "ppo-enduro")
  }

  func testWhatIsMissingSaysHowToGetIt() throws {
    let folder = try BenchmarkFolder()
    try addTable(folder, "mine/one")
    let library = ProblemLibrary(folders: [folder.path])
    XCTAssertEqual(
      errorText { try library.problem(named: "fcnet/naval_propulsion") },
      "fcnet/naval_propulsion: its data is not here (run 'make bench-data', which fetches and converts it)")
    XCTAssertEqual(
      errorText { try library.problem(named: "lcbench/3945") },
      "lcbench/3945: its data is not here (set TRIMTAB_BENCH_DATA to a folder with yahpo/ in it, see docs/benchmark-data.md)"
    )
    XCTAssertEqual(
      errorText { try library.problem(named: "mine/oen") },
      "mine/oen: there is no such problem (did you mean 'mine/one'?)")
    XCTAssertEqual(
      errorText { try library.problem(named: "mine/quite-different") },
      "mine/quite-different: there is no such problem (possible: mine/one)")
  }

  func testOptionsAreTakenOutOfScalars() throws {
    var options: [String: Choice] = [
      "seeds": .text("mean"), "objectives": .text("a,b"), "resources": .text("1,5"),
      "divergence_filter": .boolean(true),
      "noise": .real(0.1),
    ]
    let taken = try ProblemOptions(taking: &options, problem: "p")
    XCTAssertEqual(
      taken, ProblemOptions(seeds: .mean, objectives: ["a", "b"], resources: [1, 5], divergenceFilter: true))
    XCTAssertEqual(options, ["noise": .real(0.1)])
    var wrong: [String: Choice] = ["seeds": .text("men")]
    XCTAssertEqual(
      errorText { try ProblemOptions(taking: &wrong, problem: "p") },
      "p: men is no value for seeds (did you mean 'mean'?)")
  }
}
