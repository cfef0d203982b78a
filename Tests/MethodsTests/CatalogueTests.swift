import Foundation
import TrimtabMethods
import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

final class CatalogueTests: XCTestCase {
  private func spec(
    _ sampler: PartSpec = PartSpec("random"), _ scheduler: PartSpec = PartSpec("full"), space: Space? = nil,
    fidelity: Fidelity? = nil
  ) throws -> StudySpec {
    MethodSpaces.spec(
      try space ?? Space([.float("x", 0...1)]), sampler: sampler, scheduler: scheduler, fidelity: fidelity)
  }

  private func problem(_ spec: StudySpec, file: StaticString = #filePath, line: UInt = #line) throws -> MethodProblem {
    let problems = Catalogue.check(spec)
    XCTAssertEqual(problems.count, 1, "\(problems)", file: file, line: line)
    XCTAssertThrowsError(try Catalogue.makeMethod(spec), file: file, line: line) { error in
      XCTAssertEqual((error as? MethodError)?.problems, problems, file: file, line: line)
    }
    return try XCTUnwrap(problems.first, file: file, line: line)
  }

  private let epochs = Fidelity(name: "epoch", maximum: 9)

  func testEveryEntryHasItsPageAndOptionsThatTakeTheirDefaults() throws {
    let partners = [
      "dehb": "dehb-brackets", "dehb-brackets": "dehb", "freeze-thaw": "freeze-thaw", "dpl": "dpl", "ifbo": "ifbo",
      "fms": "fms",
      "irace": "f-race",
    ]
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    for entry in Catalogue.samplers + Catalogue.schedulers {
      let page = try String(contentsOfFile: "/\(root)/\(entry.page)", encoding: .utf8)
      for heading in [
        "What it does", "Paper", "Contract", "Defaults and where they come from", "Deviations and why", "Complexity",
      ] { XCTAssertTrue(page.contains("## \(heading)\n"), "\(entry.page): \(heading)") }
      for option in entry.options { XCTAssertTrue(page.contains("`\(option.name)`"), "\(entry.page): \(option.name)") }
      let options = Dictionary(uniqueKeysWithValues: entry.options.map { ($0.name, $0.defaultValue) })
      let part = PartSpec(entry.name, options: options)
      // Most go with everything.
      let partner = PartSpec(partners[entry.name] ?? (entry.role == .sampler ? "full" : "random"))
      let folds = Fidelity(name: "fold", maximum: 9, countsReplicates: true)
      let fidelity = ["racing", "f-race", "irace", "wilcoxon"].contains(entry.name) ? folds : epochs
      var x = try Parameter.float("x", 0...1)
      x.defaultValue = .real(0.5)
      let space = try Space([x])
      var spec =
        try entry.role == .sampler
        ? spec(part, partner, space: space, fidelity: fidelity) : spec(partner, part, space: space, fidelity: fidelity)
      // Some are nothing without what they are for.
      if ["rgpe", "cts", "ablr"].contains(entry.name) {
        spec.transfer = Transfer(sources: [.init(path: "old.trimtab")])
      }
      if entry.name == "mixture" { spec.space = try Space([Parameter("mix", .simplex(["a", "b"]))]) }
      XCTAssertEqual(Catalogue.check(spec), [])
      XCTAssertNoThrow(try Catalogue.makeMethod(spec))
    }
    for entries in [Catalogue.samplers, Catalogue.schedulers] {
      XCTAssertEqual(Set(entries.map(\.name)).count, entries.count)
    }
  }

  func testAnUnknownNameGetsTheNearestOne() throws {
    let sampler = try problem(spec(PartSpec("tep")))
    XCTAssertEqual(sampler.path, ["method", "sampler"])
    XCTAssertEqual(sampler.message, "there is no sampler 'tep'")
    XCTAssertEqual(sampler.hint, "did you mean 'tpe'?")
    XCTAssertEqual(try problem(spec(PartSpec("tpe"), PartSpec("ahsa"))).hint, "did you mean 'asha'?")
    XCTAssertEqual(
      try problem(spec(PartSpec("tpe"), PartSpec("zzzzzz"))).hint,
      "possible: " + Catalogue.schedulers.map(\.name).joined(separator: ", "))
  }

  func testAnUnknownOptionGetsTheNearestOne() throws {
    let found = try problem(spec(PartSpec("tpe", options: ["candidate": .integer(5)])))
    XCTAssertEqual(found.path, ["method", "sampler", "candidate"])
    XCTAssertEqual(found.message, "tpe has no option 'candidate'")
    XCTAssertEqual(found.hint, "did you mean 'candidates'?")
    XCTAssertEqual(
      try problem(spec(PartSpec("random", options: ["x": .integer(5)]))).hint, "it has no options: leave it out")
  }

  func testAnOptionOfAnotherTypeOrOutsideItsRangeIsRefused() throws {
    for (value, shown) in [
      (Choice.integer(0), "0"), (.real(2.5), "2.5"), (.text("many"), "many"), (.boolean(true), "true"),
    ] {
      let found = try problem(spec(PartSpec("grid", options: ["points": value])))
      XCTAssertEqual(found.path, ["method", "sampler", "points"])
      XCTAssertEqual(found.message, "\(shown) is not possible: a whole number from 1 to 1000000")
    }
    let asha = { (name: String, value: Choice) in
      try self.spec(PartSpec("random"), PartSpec("asha", options: [name: value]), fidelity: self.epochs)
    }
    XCTAssertEqual(try problem(asha("eta", .integer(1))).message, "1 is not possible: a number from 1.1 to 1000")
    XCTAssertEqual(
      try problem(asha("variant", .text("stop"))).message, "stop is not possible: promotion or stopping")
    XCTAssertEqual(Catalogue.check(try asha("eta", .real(2.5))), [])
    let brackets = try problem(asha("brackets", .integer(4)))
    XCTAssertEqual(brackets.path, ["method", "scheduler", "brackets"])
    XCTAssertEqual(brackets.message, "4 brackets need as many levels, and there are 3: 1, 3, 9")
  }

  func testOneEpochCannotKeepMoreThanItBegins() throws {
    let part = PartSpec("one-epoch", options: ["first": .integer(5)])
    let found = try problem(spec(PartSpec("random"), part, fidelity: epochs))
    XCTAssertEqual(found.path, ["method", "scheduler", "first"])
    XCTAssertEqual(found.message, "of 5 trials 10 cannot go on")
    XCTAssertEqual(found.hint, "lower keep, or raise first")
  }

  func testSchedulersThatNeedAFidelityAreRefusedWithoutOne() throws {
    for name in ["asha", "median", "one-epoch"] {
      let found = try problem(spec(PartSpec("tpe"), PartSpec(name)))
      XCTAssertEqual(found.path, ["method", "scheduler"])
      XCTAssertEqual(
        found.message, "\(name) needs trials that report over a resource, and the study has no fidelity")
      XCTAssertEqual(found.hint, "add fidelity: {name: epoch, max: …}, or use scheduler: full")
    }
  }

  func testMethodsOfOneObjectiveRefuseTwo() throws {
    var two = try spec(PartSpec("tpe"))
    two.objectives.append(Objective(metric: "size"))
    let found = try problem(two)
    XCTAssertEqual(found.message, "tpe takes one objective, and the study has 2")
    XCTAssertEqual(found.hint, "keep one objective, or use sampler: random or sobol or grid")
    two.method = MethodSpec(sampler: PartSpec("random"), scheduler: PartSpec("full"))
    XCTAssertEqual(Catalogue.check(two), [])
  }

  func testAGridOfTooManyCellsIsRefused() throws {
    let twelve = try Space((0..<12).map { try .float("x\($0)", 0...1) })
    XCTAssertEqual(
      try problem(spec(PartSpec("grid"), space: twelve)).message,
      "the grid has 244140625 cells, and at most 10000000 are possible")
    let hundred = try Space((0..<100).map { try .float("x\($0)", 0...1) })
    XCTAssertEqual(
      try problem(spec(PartSpec("grid"), space: hundred)).message,
      "the grid has more than 2^53 cells, and at most 10000000 are possible")
  }

  func testASpaceOfTooManyCoordinatesIsRefusedBySobol() throws {
    let large = try Space((0..<2049).map { try .float("x\($0)", 0...1) })
    XCTAssertEqual(
      try problem(spec(PartSpec("sobol"), space: large)).message,
      "the space has 2049 coordinates, and a Sobol sequence at most 2048")
  }

  func testAllProblemsAreFoundAtOnce() throws {
    let bad = try spec(
      PartSpec("tpe", options: ["candidates": .integer(0), "gamma": .real(0.1)]), PartSpec("asha"))
    XCTAssertEqual(
      Catalogue.check(bad).map { $0.path.joined(separator: ".") },
      ["method.sampler.candidates", "method.sampler.gamma", "method.scheduler"])
  }
}
