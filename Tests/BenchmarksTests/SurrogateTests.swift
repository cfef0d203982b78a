import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

@testable import TrimtabBenchmarks

final class SurrogateTests: XCTestCase {
  /// A network of two units and one block.
  private let header = """
    {"format": "reglu-surrogate/1", "name": "made/tiny_net", "instance_parameter": "task", "instances": ["a", "b"],
     "parameters": [
      {"name": "lr", "type": "float", "low": 1, "high": 5, "log": false, "default": 3},
      {"name": "kind", "type": "categorical", "choices": ["x", "y"], "default": "x"},
      {"name": "extra", "type": "float", "low": 0.5, "high": 1, "active_when": {"parent": "kind", "values": ["y"]}}],
     "fidelities": [{"name": "epoch", "type": "int", "low": 1, "high": 4}],
     "runtime": "time", "network": {"blocks": 1},
     "embeddings": [
      {"name": "task", "choices": ["#na#", "a", "b"], "array": "task_e"},
      {"name": "kind", "choices": ["#na#", "x", "y"], "array": "kind_e"}],
     "continuous": [
      {"name": "lr", "ops": [["sub", 1]]}, {"name": "epoch", "ops": [["div", 4]]},
      {"name": "extra", "ops": [["neg"], ["exp"], ["log"]]}],
     "outputs": [
      {"name": "time", "goal": "minimize", "ops": [["mul", 8]]},
      {"name": "loss", "goal": "minimize", "ops": [["mul", 10], ["add", 1]]},
      {"name": "units", "goal": "maximize", "ops": [["mul", 5], ["round"]]}],
     "data": "tiny.f32",
     "arrays": {
      "task_e": {"shape": [3, 1], "offset": 0}, "kind_e": {"shape": [3, 1], "offset": 12},
      "first_w": {"shape": [2, 5], "offset": 24}, "first_b": {"shape": [2], "offset": 64},
      "block0_scale": {"shape": [2], "offset": 72}, "block0_shift": {"shape": [2], "offset": 80},
      "block0_w1": {"shape": [4, 2], "offset": 88}, "block0_b1": {"shape": [4], "offset": 120},
      "block0_w2": {"shape": [2, 2], "offset": 136}, "block0_b2": {"shape": [2], "offset": 152},
      "last_scale": {"shape": [2], "offset": 160}, "last_shift": {"shape": [2], "offset": 168},
      "head_w": {"shape": [3, 2], "offset": 176}, "head_b": {"shape": [3], "offset": 200}}}
    """
  private var floats: [Float] {
    [0, 0.5, 1.5] + [0, 0, 1] + [1, 0, 0, 1, 0, 0, 0, 2, 0, 0] + [0, 1] + [2, 1] + [0, -4]
      + [1, 0, 0, 1, 1, -1, -1, 0] + [0, 0, 0, 1] + [0.5, 0, 0, 1] + [0, 1] + [1, -1] + [-4, 0]
      + [1, 0, 2, 1, 0, 0] + [0, -1, 0]
  }

  private func surrogate(_ change: (inout String, inout [Float]) -> Void = { _, _ in }) throws -> Surrogate {
    let folder = try BenchmarkFolder()
    var (header, floats) = (header, floats)
    change(&header, &floats)
    try folder.write("tiny.f32", floats: floats)
    return try Surrogate(headerPath: try folder.write("tiny.json", header))
  }

  private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
  private let point = Configuration(slots: [3, 0, .nan])

  func testANetworkOfTwoUnitsGivesWhatPencilAndPaperGive() throws {
    // x = (0.5, 0, 2, 1, 0); h = (1.5, 5); z = (3, 1); u = (3, 1, 2, −2); v = (6, 0); h = (4.5, 6); the head sees (0.5, 0).
    let problem = try SurrogateProblem(
      surrogate(), instance: "a", options: ProblemOptions(objectives: ["loss", "units"]))
    let outcome = problem.evaluate(point, resource: 4, seed: 1)
    let values = try XCTUnwrap(outcome.values)
    XCTAssertEqual(values[0], 6, accuracy: 1e-6)
    XCTAssertEqual(values[1], 2, "2.5 is rounded to the even number")
    XCTAssertEqual(outcome.cost, 8 * sigmoid(0.5), accuracy: 1e-6)
    XCTAssertEqual(problem.score(point), values)
  }

  func testTheInstanceAndTheChoicesHaveTheirRows() throws {
    let surrogate = try surrogate()
    // Instance b adds 1 to h₀ and so 2 to z₀; u = (5, 1, 4, −4), v₀ = 20, h₀ = 12.5, and the head sees 8.5.
    let b = try SurrogateProblem(surrogate, instance: "b", options: ProblemOptions(objectives: ["time"]))
    XCTAssertEqual(try XCTUnwrap(b.evaluate(point, resource: 4, seed: 0).values?[0]), 8 * sigmoid(8.5), accuracy: 1e-5)
    XCTAssertEqual(
      surrogate.evaluate(["task": .text("b"), "lr": .real(3), "kind": .text("x"), "epoch": .integer(4)])[0],
      8 * sigmoid(8.5), accuracy: 1e-5)
    XCTAssertEqual(
      errorText { try SurrogateProblem(surrogate, instance: "zebra") },
      "tiny-net/zebra: there is no such instance (possible: a, b)")
  }

  func testConditionsBecomeThoseOfTheSpace() throws {
    let problem = try SurrogateProblem(surrogate(), instance: "a")
    XCTAssertEqual(problem.space.parameters[2].condition?.description, #"kind in ["y"]"#)
    XCTAssertTrue(problem.space.contains(point))
    XCTAssertTrue(problem.space.contains(Configuration(slots: [3, 1, 0.7])))
    XCTAssertFalse(problem.space.contains(Configuration(slots: [3, 1, .nan])))
    XCTAssertEqual(problem.objectives, [Objective(metric: "loss")])
  }

  func testTheCostOfACurveNeverFallsAndEndsInTheFullTime() throws {
    for weight: Float in [1, -1] {
      let surrogate = try surrogate { _, floats in floats[44] = weight }
      let problem = try SurrogateProblem(surrogate, instance: "a")
      let costs = problem.resources.map { problem.evaluate(point, resource: $0, seed: 0).cost }
      XCTAssertEqual(costs, costs.sorted())
      XCTAssertEqual(costs[3], 8 * sigmoid(0.5 * Double(weight)), accuracy: 1e-5)
      XCTAssertEqual(costs[0] < costs[3], weight > 0, "a time that falls with the epochs is cut down to the last")
      let fresh = try SurrogateProblem(surrogate, instance: "a")
      XCTAssertEqual(
        problem.resources.reversed().map { fresh.evaluate(point, resource: $0, seed: 0).cost }, costs.reversed())
    }
  }

  func testRepetitionsAreAddedUp() throws {
    let surrogate = try surrogate { header, _ in header = header.replacingOccurrences(of: "epoch", with: "repl") }
    let problem = try SurrogateProblem(surrogate, instance: "a", options: ProblemOptions(objectives: ["time"]))
    var sum = 0.0
    for resource in problem.resources {
      let outcome = problem.evaluate(point, resource: resource, seed: 0)
      sum += try XCTUnwrap(outcome.values?[0])
      XCTAssertEqual(outcome.cost, sum, accuracy: 1e-12)
    }
    XCTAssertTrue(problem.continuesTraining)
  }

  func testAShareOfTheDataIsTrainedOnAnewEachTime() throws {
    let surrogate = try surrogate { header, _ in
      header = header.replacingOccurrences(of: "epoch", with: "trainsize")
        .replacingOccurrences(
          of: #""type": "int", "low": 1, "high": 4"#, with: #""type": "float", "low": 0.1, "high": 1"#)
    }
    let problem = try SurrogateProblem(surrogate, instance: "a")
    XCTAssertFalse(problem.continuesTraining)
    XCTAssertEqual(problem.resources, [1.0 / 9, 1.0 / 3, 1])
    XCTAssertEqual(problem.fidelity?.isInteger, false)
    let configuration = try problem.space.sample(seed: 1, index: 0)
    func cost(_ resource: Double) -> Double? {
      guard case .measured(_, let cost) = problem.evaluate(configuration, resource: resource, seed: 0) else {
        return nil
      }
      return cost
    }
    // Levels by another factor than three are answered, too, as long as they lie within the axis.
    XCTAssertNotNil(cost(0.5))
    XCTAssertLessThanOrEqual(try XCTUnwrap(cost(0.5)), try XCTUnwrap(cost(1)))
    XCTAssertNil(cost(0.01))
    XCTAssertNil(cost(1.5))
    XCTAssertEqual(
      try SurrogateProblem(surrogate, instance: "a", options: ProblemOptions(resources: [0.5, 1])).resources, [0.5, 1])
    XCTAssertNil(try SurrogateProblem(surrogate, instance: "a", options: ProblemOptions(fidelity: "none")).fidelity)
    XCTAssertEqual(
      errorText { try SurrogateProblem(surrogate, instance: "a", options: ProblemOptions(resources: [0.01, 1])) },
      "tiny-net/a: 0.01 does not follow as a resource (give increasing values of trainsize within 0.1 … 1)")
  }

  func testTheReferenceIsThatOfARandomSample() throws {
    let problem = try SurrogateProblem(surrogate(), instance: "a")
    let reference = problem.reference
    let scores = (0..<500).compactMap { try? problem.space.sample(seed: 9, index: $0) }.map { problem.score($0)[0] }
    XCTAssertLessThanOrEqual(try XCTUnwrap(reference.optimum), try XCTUnwrap(scores.min()) + 1e-3)
    XCTAssertEqual(try XCTUnwrap(reference.median), scores.sorted()[250], accuracy: 0.2)
    XCTAssertEqual(try SurrogateProblem(surrogate(), instance: "a").reference, reference)
  }

  func testManyThreadsGetTheSameNumbers() async throws {
    let problem = try SurrogateProblem(surrogate(), instance: "a")
    let points = (0..<40).compactMap { try? problem.space.sample(seed: 1, index: $0) }
    let expected = points.map { p in problem.resources.map { problem.evaluate(p, resource: $0, seed: 0) } }
    await withTaskGroup(of: [[Outcome]].self) { group in
      for _ in 0..<4 {
        group.addTask { points.map { p in problem.resources.map { problem.evaluate(p, resource: $0, seed: 0) } } }
      }
      for await outcomes in group { XCTAssertEqual(outcomes, expected) }
    }
  }

  func testBadFilesAreRefusedWithThePlace() throws {
    let cases: [(String, String, String)] = [
      (#"["neg"]"#, #"["sin"]"#, "the op 'sin' is not known"),
      (#"["sub", 1]"#, #"["sub"]"#, "'sub' needs one number"),
      ("\"shape\": [2, 5]", "\"shape\": [5, 2]", "the shape of 'first_w' is [5, 2], not [5, 5]"),
      (#""runtime": "time""#, #""runtime": "tim""#, "no output is named 'tim' (did you mean 'time'?)"),
      (
        #"{"name": "extra", "ops""#, #"{"name": "other", "ops""#,
        "the network's input 'other' is neither a parameter nor a fidelity"
      ),
      (##"["#na#", "a", "b"]"##, ##"["n", "a", "b"]"##, "lack '#na#'"),
      ("\"blocks\": 1", "\"blocks\": 2", "there is no array 'block1_w1'"),
    ]
    for (old, new, expected) in cases {
      let text = errorText { try surrogate { header, _ in header = header.replacingOccurrences(of: old, with: new) } }
      XCTAssertTrue(text.contains(expected), "\(new): \(text)")
    }
    let text = errorText { try surrogate { _, floats in floats[6] = .infinity } }
    XCTAssertTrue(text.contains("'first_w' has numbers that are not finite"), text)
  }
}
