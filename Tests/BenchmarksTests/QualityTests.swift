import TrimtabBenchmarks
import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

/// Whether methods are as good as they were, on four small problems each, with fixed seeds.
///
/// A method meets random search 30 times on each problem, with the same budget, and wins a meeting if its incumbent's
/// score is lower. If it were no better than random search, it would win half of the 120 meetings that are not drawn, and
/// the bound of 75 would be passed with a probability of 0.4 % (binomial). The win rates noted beside the tests are those
/// measured when they were written: with them, a change that only draws other numbers falls below the bound with a
/// probability below 10⁻⁶.
final class QualityTests: XCTestCase {
  private static let meetings = 30
  private static let bound = 75

  private func wins(
    of method: MethodSpec, over rival: MethodSpec = random, on problems: [String], evaluations: Double, workers: Int = 1
  ) throws -> (wins: Int, total: Int, byProblem: [String: Int]) {
    let suite = Suite(
      name: "quality", problems: problems.map { ProblemEntry($0) },
      methods: [method, rival].enumerated().map { i, spec in
        MethodEntry(i == 0 ? "method" : "rival", .method(spec), usesFidelity: spec.scheduler.name != "full")
      }, budget: SuiteBudget(evaluations: .count(evaluations)), workers: workers, repetitions: Self.meetings, seed: 11)
    struct NoPeer: Error {}
    let library = ProblemLibrary(folders: [])
    var opened: [String: any Problem] = [:]
    for entry in suite.problems { opened[entry.label] = try library.problem(entry) }
    let runner = SuiteRunner(
      suite: suite, role: .test, parallel: 1, problems: opened, startPeer: { _, _ in throw NoPeer() })
    var finals: [Suite.Job: Double] = [:]
    for job in suite.jobs(.test) { finals[job] = try XCTUnwrap(try runner.trace(job).points.last).score }
    var won = 0.0
    var byProblem: [String: Int] = [:]
    for (job, score) in finals where job.method.name == "method" {
      let other = try XCTUnwrap(
        finals.first {
          $0.key.method.name == "rival" && $0.key.problem == job.problem && $0.key.repetition == job.repetition
        }?.value)
      let point = score < other ? 1 : score == other ? 0.5 : 0
      won += point
      if score < other { byProblem[job.problem.name, default: 0] += 1 }
    }
    return (Int(won), Self.meetings * problems.count, byProblem)
  }

  private static let random = MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full"))

  func testTPEBeatsRandomSearch() throws {
    let result = try wins(
      of: MethodSpec(sampler: PartSpec("tpe"), scheduler: PartSpec("full")),
      on: ["branin", "mfh6", "conditional", "levy-4"], evaluations: 60)
    print(result)
    XCTAssertGreaterThanOrEqual(result.wins, Self.bound, "\(result)")
  }

  func testASHABeatsRandomSearchAtEqualResource() throws {
    let result = try wins(
      of: MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("asha")),
      on: ["mfh3", "mfh6", "counting-ones", "mfh3-good"], evaluations: 20, workers: 4)
    print(result)
    XCTAssertGreaterThanOrEqual(result.wins, Self.bound, "\(result)")
  }

  func testSobolIsNoWorseThanRandomSearch() throws {
    let result = try wins(
      of: MethodSpec(sampler: PartSpec("sobol"), scheduler: PartSpec("full")),
      on: ["branin", "mfh3", "noisy-branin", "levy-4"], evaluations: 30)
    print(result)
    XCTAssertGreaterThanOrEqual(result.wins, Self.bound, "\(result)")
  }

  func testTPEWithASHABeatsASHAWithRandom() throws {
    let result = try wins(
      of: MethodSpec(sampler: PartSpec("tpe"), scheduler: PartSpec("asha")),
      over: MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("asha")),
      on: ["mfh3", "mfh6", "counting-ones", "mfh6-good"], evaluations: 40, workers: 4)
    print(result)
    XCTAssertGreaterThanOrEqual(result.wins, Self.bound, "\(result)")
  }
}
