import Synchronization
import TrimtabAnalysis
import TrimtabBenchmarks
import TrimtabSearchSpaces
import TrimtabStores
import TrimtabStudies
import XCTest

final class SuiteTests: XCTestCase {
  private let text = """
    suite: small
    problems:
      - made
      - {name: made, noise: 0.1}
    methods:
      - random
      - {name: half, sampler: {name: tpe, startup: 5}, scheduler: {name: asha, eta: 2}}
    budget: {evaluations: 12}
    workers: 2
    repetitions: 3
    seed: 5
    clock: {delay: 0.05, thinking: ignored}
    """

  private func parse(_ text: String) throws -> Suite {
    try Suite.parse(text, name: "small.yaml", defaultName: "small", peers: Peers.known)
  }

  private func runner(_ suite: Suite, _ role: SeedRole = .test) throws -> SuiteRunner {
    struct NoPeer: Error {}
    let problem = try MadeProblem(steps: 9)
    return SuiteRunner(
      suite: suite, role: role, parallel: 2, problems: ["made": problem, "made[noise=0.1]": problem],
      startPeer: { _, _ in throw NoPeer() })
  }

  private func temporaryPath() -> String {
    NSTemporaryDirectory() + "/trimtab-results-\(UInt64.random(in: 0 ... .max))"
  }

  func testASuiteFileIsReadAsItStands() throws {
    let suite = try parse(text)
    XCTAssertEqual(suite.problems.map(\.label), ["made", "made[noise=0.1]"])
    XCTAssertEqual(suite.methods.map(\.name), ["random", "half"])
    XCTAssertEqual(suite.methods.map(\.usesFidelity), [false, true])
    XCTAssertEqual(suite.budget.evaluations, .count(12))
    XCTAssertEqual(suite.clock.delay, 0.05)
    XCTAssertEqual(suite.jobs(.test).count, 2 * 2 * 3)
  }

  func testEveryErrorOfASuiteFileIsNamedAtItsPlace() {
    let wrong = """
      problems: []
      methods:
        - rndom
        - {peer: optuna-tpf}
        - {sampler: tpe, command: [a]}
      budget: {evaluations: -1}
      reps: 3
      """
    XCTAssertThrowsError(try parse(wrong)) { error in
      let text = "\(error)"
      for part in [
        "small.yaml:1", "small.yaml:3", "did you mean 'random'", "did you mean 'optuna-tpe'", "small.yaml:5",
        "above 0", "no key 'reps'",
      ] {
        XCTAssertTrue(text.contains(part), "'\(part)' is missing in:\n\(text)")
      }
    }
  }

  func testMethodsShareTheSeedsOfAProblemAndRolesDoNot() throws {
    let suite = try parse(text)
    let test = suite.jobs(.test)
    for job in test {
      let same = test.filter { $0.problem == job.problem && $0.repetition == job.repetition }
      XCTAssertEqual(Set(same.map(\.seed)).count, 1)
    }
    XCTAssertEqual(Set(test.map(\.seed)).count, 2 * 3)
    XCTAssertTrue(Set(test.map(\.seed)).isDisjoint(with: suite.jobs(.tuning).map(\.seed)))
    XCTAssertEqual(Set(test.map(\.definition)).count, test.count)
  }

  func testARunThatWasBrokenOffGoesOnWhereItWas() throws {
    let suite = try parse(text)
    let runner = try runner(suite)
    let path = temporaryPath()
    defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) } }
    let begun = Atomic(0)
    var made = 0
    var left = try runner.run(
      into: try ResultStore(path: path), shouldStop: { begun.add(1, ordering: .relaxed).oldValue >= 4 },
      progress: { _ in made += 1 })
    XCTAssertEqual(made, 4)
    XCTAssertEqual(left, 8)
    let store = try ResultStore(path: path)
    left = try runner.run(into: store, shouldStop: { false }, progress: { _ in made += 1 })
    XCTAssertEqual(left, 0)
    XCTAssertEqual(made, 12)
    for job in suite.jobs(.test) {
      let stored = try XCTUnwrap(try store.trace(job.definition))
      var anew = try runner.trace(job)
      // What the clock on the wall says is different each time.
      anew.thinkingSeconds = stored.thinkingSeconds
      XCTAssertEqual(stored, anew)
    }
    left = try runner.run(into: store, shouldStop: { false }, progress: { _ in XCTFail("nothing is left to do") })
  }

  func testAMedianSpeedUpCountsProblemsThatWereNeverReachedAsZero() throws {
    let suite = try parse(
      """
      suite: speeds
      problems: [made, {name: made, noise: 0.1}, {name: made, noise: 0.2}]
      methods: [random, sobol]
      budget: {evaluations: 100}
      repetitions: 1
      """)
    let path = temporaryPath()
    defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) } }
    let store = try ResultStore(path: path)
    // Random search comes to 1 after 80 evaluations, the other after 8, after 20, and not at all.
    let reached = ["made": 8.0, "made[noise=0.1]": 20]
    for job in suite.jobs(.test) {
      let at = job.method.name == "random" ? 80 : reached[job.problem.label]
      var trace = RunTrace()
      trace.evaluations = 100
      trace.points = [TracePoint(evaluations: 1, seconds: 1, cost: 1, trials: 1, observed: 9, score: 9)]
      if let at {
        trace.points.append(TracePoint(evaluations: at, seconds: at, cost: at, trials: 2, observed: 1, score: 1))
      }
      try store.insert(trace, definition: job.definition)
    }
    let problem = try MadeProblem(steps: 9)
    let problems: [String: any Problem] = Dictionary(uniqueKeysWithValues: suite.problems.map { ($0.label, problem) })
    let summary = try SuiteSummary(SuiteComparison(suite, role: .test, problems: problems, store: store), draws: 10)
    let other = try XCTUnwrap(summary.rows.first { $0.method == "sobol" })
    // The grid of budgets has steps of 2.3 %.
    XCTAssertEqual(try XCTUnwrap(other.medianSpeedUp), 4, accuracy: 0.2)
    XCTAssertEqual(try XCTUnwrap(other.speedUp?.ratio), 40.0.squareRoot(), accuracy: 0.3)
    XCTAssertEqual(other.speedUp?.tasks, 2)
    XCTAssertEqual(summary.rows.first { $0.method == "random" }?.medianSpeedUp, 1)
  }

  func testRunsAreCountedAgainstTheRunsOfOtherMethodsOnTheirProblem() throws {
    let suite = try parse(
      """
      suite: pairs
      problems: [made, {name: made, noise: 0.1}]
      methods: [random, sobol, tpe]
      budget: {evaluations: 10}
      repetitions: 2
      """)
    let path = temporaryPath()
    defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) } }
    let store = try ResultStore(path: path)
    // One bad run of the first method spoils the mean of its regrets, not what its runs have won.
    let ends = [
      "made": ["random": [1.0, 9], "sobol": [2, 3], "tpe": [3, 3]],
      "made[noise=0.1]": ["random": [1, 1], "sobol": [2, 2], "tpe": [2, 2]],
    ]
    for job in suite.jobs(.test) {
      let end = try XCTUnwrap(ends[job.problem.label]?[job.method.name]?[job.repetition])
      var trace = RunTrace()
      trace.evaluations = 10
      trace.points = [TracePoint(evaluations: 1, seconds: 1, cost: 1, trials: 1, observed: end, score: end)]
      try store.insert(trace, definition: job.definition)
    }
    let problem = try MadeProblem(steps: 9)
    let problems: [String: any Problem] = Dictionary(uniqueKeysWithValues: suite.problems.map { ($0.label, problem) })
    let comparison = try SuiteComparison(suite, role: .test, problems: problems, store: store)
    XCTAssertEqual(
      comparison.runsWon(),
      [[[1, 0], [0.75, 0.5], [0.375, 0.375]], [[1, 1], [0.25, 0.25], [0.25, 0.25]]])
    let summary = try SuiteSummary(comparison, draws: 10)
    XCTAssertEqual(summary.rows.map(\.won.estimate), [0.75, 0.4375, 0.3125])
    XCTAssertGreaterThan(summary.rows[0].ranks[2].estimate, 1)
  }

  func testResultsAreNotWrittenIntoAStudysStore() throws {
    let path = temporaryPath()
    defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) } }
    do { _ = try SQLiteStore(path: path, access: .createOrOpen, durability: .relaxed) }
    XCTAssertThrowsError(try ResultStore(path: path)) { XCTAssertEqual(($0 as? StoreError)?.kind, .notAStore) }
  }
}
