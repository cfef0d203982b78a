import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
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
    stop-when: {gain: noise, price: 0.5, stagnation: 30, regret-gap: 0.01}
    transfer: {from: [a.trimtab, {store: b.trimtab, study: other}, c.jsonl], start: 3, box: true}
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
    XCTAssertEqual(spec.stopping, Stopping(gain: .noise, price: 0.5, stagnation: 30, regretGap: 0.01))
    XCTAssertEqual(
      spec.transfer,
      Transfer(
        sources: [.init(path: "a.trimtab"), .init(path: "b.trimtab", study: "other"), .init(path: "c.jsonl")],
        start: 3, isBoxed: true))
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

  private func spec(_ lines: String...) throws -> StudySpec {
    let base = ["objective: {metric: loss, goal: minimize}", "space: {lr: {type: float, low: 0, high: 1}}"]
    return try StudyFile.parse((lines + base).joined(separator: "\n"), name: "f", defaultName: "named-after-file").spec
  }

  func testWhatIsLeftOutHasItsDefault() throws {
    let spec = try spec()
    XCTAssertEqual(spec.name, "named-after-file")
    XCTAssertNil(spec.fidelity)
    XCTAssertEqual(spec.method, MethodSpec(sampler: PartSpec("auto"), scheduler: PartSpec("full")))
    XCTAssertEqual(spec.budget, Budget())
    XCTAssertEqual(spec.parallel, 1)
    XCTAssertEqual(spec.command, [])
    XCTAssertEqual(spec.limits, Limits(seconds: nil, memory: nil, grace: 10, log: 64 << 20))
    XCTAssertEqual(spec.retries, Retries(failed: 0, lost: 3, backoff: 1))
    XCTAssertNil(spec.seed)
    XCTAssertEqual(spec.durability, .durable)
    XCTAssertEqual(
      try self.spec("fidelity: {max: 9}").fidelity,
      Fidelity(name: "resource", minimum: 1, maximum: 9, isInteger: true, pause: .exit))
  }

  func testAResourceWithARangeHasTwoBracketsUnlessASchedulerIsNamed() throws {
    let two = PartSpec("asha", options: ["brackets": .integer(2)])
    let direct = PartSpec("asha", options: ["brackets": .integer(2), "direct": .real(0.4)])
    XCTAssertEqual(try spec("fidelity: {max: 9}").method, MethodSpec(sampler: PartSpec("auto"), scheduler: direct))
    XCTAssertEqual(try spec("fidelity: {max: 9}", "method: auto").method.scheduler, direct)
    XCTAssertEqual(try spec("fidelity: {max: 9, replicates: true}").method.scheduler, two)
    XCTAssertEqual(try spec("fidelity: {max: 9}", "method: random").method.scheduler, two)
    XCTAssertEqual(try spec("fidelity: {min: 9, max: 9}").method.scheduler, PartSpec("asha"))
    XCTAssertEqual(try spec("fidelity: {max: 9}", "method: {scheduler: asha}").method.scheduler, PartSpec("asha"))
  }

  func testSeveralObjectivesHaveADefaultThatTakesThem() throws {
    let objectives = "objectives: [{metric: a, goal: minimize}, {metric: b, goal: minimize}]"
    let space = "space: {lr: {type: float, low: 0, high: 1}}"
    func method(_ lines: String...) throws -> String {
      let text = ([objectives, space] + lines).joined(separator: "\n")
      let method = try StudyFile.parse(text, name: "f", defaultName: "f").spec.method
      return "\(method.sampler.name) \(method.scheduler.name)"
    }
    XCTAssertEqual(try method(), "random full")
    XCTAssertEqual(try method("fidelity: {max: 9}"), "random mo-asha")
  }

  func testAMethodIsASamplersNameOrASamplerAndAScheduler() throws {
    func method(_ line: String, fidelity: Bool = false) throws -> String {
      let method = try spec("method: " + line, fidelity ? "fidelity: {max: 9}" : "parallel: 1").method
      return
        "\(method.sampler.name)\(method.sampler.options.count) \(method.scheduler.name)\(method.scheduler.options.count)"
    }
    XCTAssertEqual(try method("random"), "random0 full0")
    XCTAssertEqual(try method("random", fidelity: true), "random0 asha1")
    XCTAssertEqual(try method("{sampler: random}"), "random0 full0")
    XCTAssertEqual(try method("{scheduler: hyperband}", fidelity: true), "auto0 hyperband0")
    XCTAssertEqual(try method("{sampler: {name: tpe, a: 1, b: x}, scheduler: {name: asha, eta: 4}}"), "tpe2 asha1")
    XCTAssertThrowsError(try method("{sampler: {a: 1}}"))
    XCTAssertThrowsError(try method("{sampler: {name: tpe, a: [1]}}"))
    XCTAssertThrowsError(try method("{sampler: }"))
    XCTAssertThrowsError(try method("[tpe]"))
  }

  func testTimesAndSizesAreReadInTheirUnits() throws {
    let times: [(String, Double?)] = [
      ("90", 90), ("0.5", 0.5), ("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86_400), ("1h30m", 5400),
      ("1d1h1m1s", 90_061), ("1.5h", 5400), ("1e-3", 0.001), ("1m1h", nil), ("1h1h", nil), ("h", nil), ("1 h", nil),
      ("1w", nil), ("-1", nil), ("+1", nil), ("1h30", nil), ("0x10", nil), ("inf", nil), ("nan", nil), ("", nil),
      ("1e9999", nil), ("40000d", nil), ("1.2.3s", nil), ("0", nil),
    ]
    for (text, seconds) in times {
      XCTAssertEqual(try? spec("budget: {time: \"\(text)\"}").budget.seconds, seconds, text)
    }
    let sizes: [(String, Int?)] = [
      ("1048576", 1 << 20), ("2GB", 2_000_000_000), ("512MiB", 512 << 20), ("1.5KiB", 1536), ("10 kB", 10_000),
      ("1B", 1), ("2TB", 2_000_000_000_000), ("1GiB", 1 << 30), ("1.5B", nil), ("-1", nil), ("GB", nil), ("1gb", nil),
      ("1G", nil), ("1e3", nil), ("99999999TB", nil), ("", nil), ("0", nil),
    ]
    for (text, bytes) in sizes {
      XCTAssertEqual(try? spec("limits: {memory: \"\(text)\"}").limits.memory, bytes, text)
    }
  }

  func testAShellCommandBecomesAnArgumentVectorWithoutTemplates() throws {
    let text = #"shell: true"# + "\n" + #"command: ./train --lr "$TRIMTAB_PARAM_LR" ${HOME} | awk '{print $1}'"#
    let spec = try spec(text)
    XCTAssertEqual(
      spec.command,
      ["/bin/sh", "-c", #"./train --lr "$TRIMTAB_PARAM_LR" ${{HOME}} | awk '{{print $1}}'"#])
    XCTAssertEqual(
      try CommandTemplate(spec.command, space: spec.space).expand(spec.space.defaultConfiguration(), builtins: [:])
        .last,
      #"./train --lr "$TRIMTAB_PARAM_LR" ${HOME} | awk '{print $1}'"#)
    XCTAssertEqual(try StudySpec.parse(spec.json.text, name: "log").command, spec.command)
  }

  func testSpecificationsThatNoFileCouldGiveAreRefusedWhenReadBack() throws {
    let good = try spec()
    let changes: [(inout StudySpec) -> Void] = [
      { $0.name = "no good" }, { $0.objectives = [] }, { $0.objectives[0].metric = "" }, { $0.seed = .max },
      { $0.budget.seconds = .nan }, { $0.budget.trials = 0 }, { $0.budget.cost = -1 }, { $0.parallel = 0 },
      { $0.limits.grace = .infinity }, { $0.retries.failed = -1 }, { $0.command = ["a", "{b}"] }, { $0.command = [""] },
      { $0.fidelity = Fidelity(name: "e", maximum: 0) }, { $0.fidelity = Fidelity(name: "e", maximum: .infinity) },
      { $0.environment = ["": "x"] }, { $0.environment = ["TRIMTAB_X": "x"] }, { $0.outputPattern = "none" },
      { $0.method.sampler.name = "" }, { $0.objectives.append($0.objectives[0]) }, { $0.costMetric = "" },
      { $0.environment = ["a": "\0"] },
    ]
    for (i, change) in changes.enumerated() {
      var spec = good
      change(&spec)
      XCTAssertThrowsError(try StudySpec.parse(spec.json.text, name: "log"), "change \(i): \(spec.json.text)")
    }
  }

  func testStudiesWithRandomSpacesReadBackFromTheirCanonicalForm() throws {
    for seed in 0..<100 as Range<UInt64> {
      let space = randomSpace(seed: seed)
      var spec = try StudySpec.parse(Self.everything, name: "x")
      spec.command = ["./train", "{flags}"]
      spec.space = space
      let canonical = spec.json.text
      XCTAssertEqual(try StudySpec.parse(canonical, name: "log").json.text, canonical)
    }
  }

  func testFiveHundredParametersAreRead() throws {
    var text = "objective: {metric: loss, goal: minimize}\ncommand: [./train, \"{flags}\"]\nspace:\n"
    for i in 0..<500 {
      text +=
        "  parameter_\(i): {type: float, low: 1e-5, high: 1, scale: log\(i > 0 ? ", when: parameter_\(i - 1) > 0.001" : "")}\n"
    }
    let spec = try StudySpec.parse(text, name: "large")
    XCTAssertEqual(spec.space.parameters.count, 500)
  }

  func testStudyNamesAreSafeEverywhere() {
    for name in ["a", "A-1", "study.v2", "_x", "9", String(repeating: "n", count: 100)] {
      XCTAssertTrue(StudySpec.isName(name), name)
    }
    for name in [
      "", ".", "..", ".hidden", "-x", "a b", "a/b", "größe", "a\n", String(repeating: "n", count: 101), "a\u{301}",
    ] {
      XCTAssertFalse(StudySpec.isName(name), name)
    }
  }
}
