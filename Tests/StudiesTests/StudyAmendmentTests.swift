import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

final class StudyAmendmentTests: XCTestCase {
  private func digits() throws -> StudySpec { try StudySpec.parse(StudyFileTests.digits, name: "study.yaml") }

  private func refusal(_ change: (inout StudySpec) -> Void) throws -> String? {
    let old = try digits()
    var new = old
    change(&new)
    do {
      try new.checkSucceeds(old)
      return nil
    } catch { return error.description }
  }

  func testARunningStudyMayChangeHowItIsRun() throws {
    XCTAssertNil(try refusal { _ in })
    XCTAssertNil(try refusal { $0.budget = Budget(seconds: 5) })
    XCTAssertNil(try refusal { $0.method = MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full")) })
    XCTAssertNil(try refusal { $0.parallel = 7 })
    XCTAssertNil(try refusal { $0.command = ["other"] })
    XCTAssertNil(try refusal { $0.environment = ["A": "b"] })
    XCTAssertNil(try refusal { $0.limits.seconds = 9 })
    XCTAssertNil(try refusal { $0.retries.failed = 9 })
    XCTAssertNil(try refusal { $0.outputPattern = "epoch {epoch} loss {loss}" })
    XCTAssertNil(try refusal { $0.fidelity?.maximum = 81 })
    XCTAssertNil(try refusal { $0.fidelity?.pause = .freeze })
  }

  func testARunningStudyKeepsWhatItsResultsMean() throws {
    let mend = " cannot change in a running study (start a new study instead)"
    XCTAssertEqual(try refusal { $0.name = "other" }, "study: the name" + mend)
    XCTAssertEqual(try refusal { $0.objectives[0].goal = .maximize }, "objective: what is optimised" + mend)
    XCTAssertEqual(try refusal { $0.objectives[0].metric = "other" }, "objective: what is optimised" + mend)
    XCTAssertEqual(try refusal { $0.objectives.append(Objective(metric: "b")) }, "objective: what is optimised" + mend)
    XCTAssertEqual(try refusal { $0.seed = 8 }, "seed: the seed" + mend)
    XCTAssertEqual(try refusal { $0.seed = nil }, "seed: the seed" + mend)
    XCTAssertEqual(try refusal { $0.fidelity = nil }, "fidelity: whether there is a fidelity" + mend)
    XCTAssertEqual(try refusal { $0.fidelity?.name = "step" }, "fidelity.name: the fidelity's name" + mend)
    XCTAssertEqual(try refusal { $0.fidelity?.minimum = 3 }, "fidelity.min: the least resource" + mend)
    XCTAssertEqual(try refusal { $0.fidelity?.isInteger = false }, "fidelity.integer: the kind of resource" + mend)
    XCTAssertEqual(try refusal { $0.costMetric = "dollars" }, "cost: the cost metric" + mend)
    XCTAssertEqual(try refusal { $0.durability = .relaxed }, "durability: what results survive" + mend)
    XCTAssertEqual(
      try refusal { spec in
        if let space = try? Space(Array(spec.space.parameters.dropFirst())) { spec.space = space }
      },
      "space.learning_rate: a parameter cannot be removed from a running study (fix it to one value instead: fixed: …)")
  }

  // MARK: Changes

  private func changed(_ changes: String...) throws -> StudySpec {
    try digits().applying(try changes.map { try StudySpec.change($0) })
  }

  private func failure(_ changes: String...) -> String {
    do {
      _ = try digits().applying(try changes.map { try StudySpec.change($0) })
      return "no error"
    } catch { return "\(error)" }
  }

  func testChangesReachEveryKey() throws {
    XCTAssertEqual(try changed().json.text, try digits().json.text)
    XCTAssertEqual(try changed("budget.trials=200").budget.trials, 200)
    XCTAssertEqual(try changed("budget={time: 2h}").budget, Budget(seconds: 7200))
    XCTAssertEqual(try changed("limits.memory=2GB").limits.memory, 2_000_000_000)
    XCTAssertEqual(try changed("space.learning_rate.high=10").space.axes[0]?.domain.high, 10)
    XCTAssertEqual(
      try changed("space.optimizer.choices=[sgd, adam, lion]").space.parameters[2].domain,
      .categorical([.text("sgd"), .text("adam"), .text("lion")]))
    XCTAssertEqual(try changed("space.batch_size.fixed=64").space.parameters[1].fixedValue, .integer(64))
    XCTAssertEqual(
      try changed("method.sampler.gamma=0.5").method.sampler, PartSpec("tpe", options: ["gamma": .real(0.5)]))
    XCTAssertEqual(try changed("method.sampler=random").method.sampler, PartSpec("random"))
    XCTAssertEqual(try changed("space.new={type: boolean}").space.parameters.last, .boolean("new"))
    XCTAssertEqual(try changed("space.`a.b c d`.type=boolean", "study=x").name, "x")
    XCTAssertEqual(try changed("constraints=[batch_size > 10]").space.constraints.count, 1)
    XCTAssertEqual(try changed("command=[a, \"x=y\"]").command, ["a", "x=y"])
    XCTAssertEqual(try changed("fidelity.max=81", "fidelity.max=243", "parallel=3").fidelity?.maximum, 243)
    XCTAssertEqual(try changed("environment.A=b").environment, ["A": "b"])
  }

  func testNullRemovesAKey() throws {
    XCTAssertEqual(try changed("budget=null").budget, Budget())
    XCTAssertNil(try changed("space.momentum.when=null").space.parameters[3].condition)
    XCTAssertNil(try changed("fidelity=~").fidelity)
    XCTAssertEqual(
      failure("space.momentum.fixed=null"),
      """
      --set:1:1: error: there is no 'fixed' to remove
        space.momentum.fixed=null
        ^~~~~~~~~~~~~~~~~~~~~~~~~
        possible: type, low, high, when
      """)
  }

  func testErrorsShowTheChangeAtFault() {
    XCTAssertEqual(
      failure("budget.trials=-5"),
      """
      --set:1:15: error: trials must be a whole number, 1 … 1000000000, not '-5'
        budget.trials=-5
                      ^~
      """)
    XCTAssertEqual(
      failure("parallel=2", "budget.trails=5"),
      """
      --set:2:1: error: budget has no key 'trails'
        budget.trails=5
        ^~~~~~
        did you mean 'trials'?
      """)
    XCTAssertEqual(
      failure("space.momentum.when=optimiser == sgd"),
      """
      --set:1:21: error: there is no parameter 'optimiser'
        space.momentum.when=optimiser == sgd
                            ^~~~~~~~~
        did you mean 'optimizer'?
      """)
    XCTAssertEqual(
      failure("parallel=2", "space.lr={type: float,"),
      """
      --set:2:23: error: not valid YAML: did not find expected node content (while parsing a flow node)
        space.lr={type: float,
                              ^
      """)
    XCTAssertEqual(
      failure("budget.trials="),
      """
      --set:1:14: error: the change has no value
        budget.trials=
                     ^
        write "" for an empty text, or null to remove the key
      """)
    XCTAssertEqual(
      failure("command.0=x"),
      """
      --set:1:1: error: there is a list, so it has no key '0'
        command.0=x
        ^~~~~~~~~~~
        set the whole value instead
      """)
    XCTAssertEqual(
      failure("space.learning_rate.low=-1"),
      """
      --set:1:25: error: 'learning_rate': a log scale needs low above 0, not -1
        space.learning_rate.low=-1
                                ^~
        raise low, or use scale: linear
      """)
  }

  func testErrorsElsewhereNameTheChangeThatCausedThem() {
    XCTAssertEqual(
      failure("space.optimizer.choices=[adam]"),
      """
      --set:47:29: error: 'sgd' is not a choice of 'optimizer', after --set space.optimizer.choices=[adam]
              "when": "optimizer == sgd"
                                    ^~~
        possible: adam
      """)
  }

  func testAChangeIsAKeyAndAValue() throws {
    let change = try StudySpec.change("space.`odd.name`.when=a == b")
    XCTAssertEqual(change.path, ["space", "odd.name", "when"])
    XCTAssertEqual(change.value, "a == b")
    for text in ["", "budget.trials", "=5", "budget..trials=5", ".x=1", "budget.=1"] {
      XCTAssertThrowsError(try StudySpec.change(text), text)
    }
  }
}
