import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

final class StudyFileTests: XCTestCase {
  static let digits = """
    study: digits
    objective: {metric: loss, goal: minimize}
    fidelity: {name: epoch, min: 1, max: 27}
    method: {sampler: tpe, scheduler: asha}
    budget: {trials: 60}
    parallel: 2
    command: [./train, "{flags}"]
    seed: 7
    space:
      learning_rate: {type: float, low: 1e-4, high: 1, scale: log}
      batch_size: {type: integer, low: 8, high: 256, scale: log}
      optimizer: {type: categorical, choices: [sgd, adam]}
      momentum: {type: float, low: 0, high: 0.99, when: optimizer == sgd}
    """

  static let everything = """
    study: every-key.1
    objectives:
      - {metric: loss, goal: minimize}
      - {metric: accuracy, goal: maximize}
    fidelity: {name: epoch, min: 0.5, max: 27.5, integer: false, pause: freeze}
    method:
      sampler: {name: tpe, gamma: 0.25, multivariate: true, kind: "5", count: 5}
      scheduler: {name: asha, eta: 4}
    budget: {trials: 60, time: 1h30m, cost: 12.5}
    parallel: 2
    command: [python3, train.py, "--lr={lr}", "{flags}", "{{}}", "{checkpoint}"]
    environment: {OMP_NUM_THREADS: 1, EMPTY: "", TEXT: "a: b"}
    limits: {time: 15m, memory: 2GB, grace: 1.5, log: 512KiB}
    retries: {failed: 2, lost: 0, backoff: 90s}
    seed: 9223372036854775807
    cost: dollars
    output: "epoch {epoch}: loss {loss}"
    durability: relaxed
    space:
      lr: {type: float, low: 1e-4, high: 1, scale: log}
      layers: {type: integer, low: 1, high: 8, step: 1, default: 2}
    constraints:
      - layers * lr <= 4
    """

  func testAStudyFileIsReadWithAllItsKeys() throws {
    let spec = try StudySpec.parse(Self.everything, name: "study.yaml")
    XCTAssertEqual(spec.name, "every-key.1")
    XCTAssertEqual(
      spec.objectives,
      [Objective(metric: "loss", goal: .minimize), Objective(metric: "accuracy", goal: .maximize)])
    XCTAssertEqual(
      spec.fidelity, Fidelity(name: "epoch", minimum: 0.5, maximum: 27.5, isInteger: false, pause: .freeze))
    XCTAssertEqual(
      spec.method.sampler,
      PartSpec(
        "tpe",
        options: ["gamma": .real(0.25), "multivariate": .boolean(true), "kind": .text("5"), "count": .integer(5)]))
    XCTAssertEqual(spec.method.scheduler, PartSpec("asha", options: ["eta": .integer(4)]))
    XCTAssertEqual(spec.budget, Budget(trials: 60, seconds: 5400, cost: 12.5))
    XCTAssertEqual(spec.parallel, 2)
    XCTAssertEqual(spec.command, ["python3", "train.py", "--lr={lr}", "{flags}", "{{}}", "{checkpoint}"])
    XCTAssertEqual(spec.environment, ["OMP_NUM_THREADS": "1", "EMPTY": "", "TEXT": "a: b"])
    XCTAssertEqual(spec.limits, Limits(seconds: 900, memory: 2_000_000_000, grace: 1.5, log: 512 << 10))
    XCTAssertEqual(spec.retries, Retries(failed: 2, lost: 0, backoff: 90))
    XCTAssertEqual(spec.seed, UInt64(Int64.max))
    XCTAssertEqual(spec.costMetric, "dollars")
    XCTAssertEqual(spec.outputPattern, "epoch {epoch}: loss {loss}")
    XCTAssertEqual(spec.durability, .relaxed)
    XCTAssertEqual(spec.space.parameters.map(\.name), ["lr", "layers"])
    XCTAssertEqual(spec.space.constraints.map(\.description), ["layers * lr <= 4"])
  }

  func testTheCanonicalFormReadsBackAsTheSameStudy() throws {
    for text in [Self.digits, Self.everything] {
      let spec = try StudySpec.parse(text, name: "study.yaml")
      let canonical = spec.json.text
      XCTAssertEqual(try StudySpec.parse(canonical, name: "log").json.text, canonical)
      XCTAssertEqual(try StudySpec.parse(spec.json.prettyText, name: "log").json.text, canonical)
    }
  }

  func testTheCanonicalFormLeavesDefaultsOutAndKeepsItsOrder() throws {
    XCTAssertEqual(
      try StudySpec.parse(Self.digits, name: "study.yaml").json.text,
      #"{"study":"digits","objective":{"metric":"loss","goal":"minimize"},"fidelity":{"name":"epoch","max":27},"#
        + #""method":{"sampler":"tpe","scheduler":"asha"},"budget":{"trials":60},"parallel":2,"#
        + #""command":["./train","{flags}"],"seed":7,"space":{"learning_rate":{"type":"float","low":0.0001,"high":1,"#
        + #""scale":"log"},"batch_size":{"type":"integer","low":8,"high":256,"scale":"log"},"#
        + #""optimizer":{"type":"categorical","choices":["sgd","adam"]},"#
        + #""momentum":{"type":"float","low":0,"high":0.99,"when":"optimizer == sgd"}}}"#)
  }
}
