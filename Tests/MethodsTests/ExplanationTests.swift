import TrimtabMethods
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

/// What samplers say of their proposals.
final class ExplanationTests: XCTestCase {
  private static let options: [String: [String: Choice]] = [
    "gp": ["candidates": .integer(64), "starts": .integer(2)], "smac": ["candidates": .integer(64)],
    "cqr": ["candidates": .integer(64), "trees": .integer(8)], "turbo": ["candidates": .integer(64)],
    "baxus": ["candidates": .integer(64)], "hebo": ["population": .integer(16), "generations": .integer(5)],
    "aegis": ["candidates": .integer(64)], "bore": ["candidates": .integer(64), "trees": .integer(8)],
    "saasbo": ["candidates": .integer(16), "starts": .integer(1), "warmup": .integer(16)],
    "multiverse": ["candidates": .integer(64), "points": .integer(64)],
    "ignite": ["networks": .integer(1), "width": .integer(4), "steps": .integer(5)],
    "grid": ["points": .integer(5)], "rgpe": ["candidates": .integer(64), "starts": .integer(2)],
    "cts": ["candidates": .integer(64)],
    "ablr": ["candidates": .integer(64), "starts": .integer(2), "width": .integer(8), "steps": .integer(20)],
    "mobster": ["candidates": .integer(64), "startup": .integer(5)], "c-tpe": ["startup": .integer(5)],
    "dpl": ["networks": .integer(2), "width": .integer(8), "training": .integer(10)],
    "ifbo": ["particles": .integer(16), "moves": .integer(1), "candidates": .integer(16)],
    "tpe": ["startup": .integer(5)], "mixture": ["candidates": .integer(64), "size": .text("size")],
  ]
  /// Those without a value by which configurations are ranked, and why there is none.
  private static let unranked: Set<String> = [
    "random", "sobol", "grid", "priorband", "dehb", "irace",
    // They say how much better it is expected to be, and what they expect at worst.
    "carbs", "ignite",
    // Two samplers of the others do its work.
    "boss",
  ]

  private func spec(_ name: String) throws -> StudySpec {
    let entry = try XCTUnwrap(Catalogue.samplers.first { $0.name == name })
    var parameters: [Parameter] = [
      try .float("x", 0...1), try .float("rate", 1e-4...1, scale: .log), try .integer("depth", 1...8),
      .categorical("kind", ["a", "b"]), try .float("share", 0...1).when("kind == a"),
    ]
    if name == "mixture" {
      parameters = [
        Parameter("weights", .simplex(["web", "books", "code"])),
        Parameter("size", .ordinal(["small", "middle", "large"].map { .text($0) })),
      ]
    }
    if name == "carbs" { parameters.removeLast(2) }
    if name == "priorband" { parameters[0].defaultValue = .real(0.5) }
    let own = ["freeze-thaw", "dpl", "ifbo", "fms"].contains(name)
    let part = PartSpec(name, options: Self.options[name] ?? [:])
    let scheduler: PartSpec =
      switch name {
      case _ where own: part
      case "dehb": PartSpec("dehb-brackets")
      case "irace": PartSpec("f-race", options: ["size": .integer(5)])
      case "bohb", "mobster", "priorband": PartSpec("asha")
      default: PartSpec("full")
      }
    var fidelity: Fidelity?
    if entry.needsFidelity || scheduler.name != "full" {
      fidelity = Fidelity(name: "epoch", minimum: 1, maximum: 9, countsReplicates: name == "irace")
    }
    var spec = MethodSpaces.spec(
      try Space(parameters), sampler: own ? PartSpec(name) : part, scheduler: scheduler, fidelity: fidelity,
      trials: 200)
    if ["rgpe", "cts", "ablr"].contains(name) { spec.transfer = Transfer(sources: [.init(path: "old.trimtab")]) }
    return spec
  }

  private func loss(_ configuration: Configuration) -> Double {
    let slots = configuration.slots
    return (slots[0] - 0.3) * (slots[0] - 0.3) + 0.01 * slots[1]
  }

  /// A trial runs to its target, unless it is stopped before.
  private func run(_ trial: TrialNumber, _ driver: inout StudyDriver) throws {
    let value = loss(driver.state.history.configuration(trial))
    guard let fidelity = driver.state.spec.fidelity else {
      _ = try driver.report(trial, value)
      try driver.append(.trialCompleted(trial, seconds: 1))
      return
    }
    var resource = driver.state.trials[trial].resource
    while resource < fidelity.maximum {
      resource += 1
      let verdict = try driver.report(trial, resource: resource, value + 1 / resource + 0.01 * Double(trial % 3))
      if verdict == .stop {
        try driver.append(.trialStopped(trial, .method, seconds: 1))
        return
      }
      if verdict == .pause, resource < fidelity.maximum {
        try driver.append(.trialPaused(trial, isFrozen: false, seconds: 1))
        return
      }
    }
    try driver.append(.trialCompleted(trial, seconds: 1))
  }

  /// One study of each sampler: what it says of each proposal before it is made, with where it came from.
  private func explanations(_ name: String) throws -> [(origin: Annotation.Origin?, facts: [Fact], neighbours: Int)] {
    let spec = try spec(name)
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    if spec.transfer != nil {
      let trials = try (0..<20).map { index in
        let configuration = try spec.space.sample(seed: 7, index: UInt64(index))
        return EarlierStudy.Trial(configuration, value: loss(configuration))
      }
      try driver.append(.earlierStudy(EarlierStudy(name: "old", trials: trials)))
    }
    var found: [(origin: Annotation.Origin?, facts: [Fact], neighbours: Int)] = []
    for _ in 0..<90 where found.count < 24 {
      let before = driver
      guard let trial = try driver.start() else { break }
      if trial == before.state.trials.count {
        var sampler = before.method.sampler
        let explanation = sampler.explanation(
          of: driver.state.history.configuration(trial), trial: trial, target: driver.state.trials[trial].target,
          state: before.state)
        found.append((driver.state.trials[trial].origin, explanation.facts, explanation.neighbours.count))
        XCTAssertLessThanOrEqual(explanation.neighbours.count, before.state.trials.count, name)
      }
      try run(trial, &driver)
    }
    return found
  }

  func testEverySamplerSaysHowItCameToAProposalAndHowGoodThatLooked() throws {
    for entry in Catalogue.samplers {
      let found = try explanations(entry.name)
      XCTAssertGreaterThan(found.count, 8, entry.name)
      XCTAssertGreaterThan(found.last?.neighbours ?? 0, 0, entry.name)
      var ranked = 0
      for (origin, facts, _) in found {
        let names = facts.map(\.name)
        XCTAssertTrue(names.contains("method"), "\(entry.name): \(facts)")
        let values = facts.filter { $0.name.hasPrefix("acquisition value") }
        XCTAssertTrue(values.allSatisfy { $0.number?.isFinite == true }, "\(entry.name): \(facts)")
        if origin == .model, !Self.unranked.contains(entry.name) {
          XCTAssertFalse(values.isEmpty, "\(entry.name): \(facts)")
          ranked += 1
        }
        if origin != .model {
          XCTAssertTrue(names.contains("step") || Self.unranked.contains(entry.name), "\(entry.name): \(facts)")
        }
      }
      if !Self.unranked.contains(entry.name) { XCTAssertGreaterThan(ranked, 3, entry.name) }
    }
  }

  /// The ratio of TPE's densities is greater where it proposes than at random configurations.
  func testWhatTPEProposesLooksBetterToItThanOthers() throws {
    var driver = try StudyDriver(spec("tpe")) { try Catalogue.makeMethod($0) }
    for _ in 0..<30 { try driver.runTrial(loss) }
    let trial = driver.state.trials.count
    var sampler = driver.method.sampler
    func value(_ configuration: Configuration) throws -> Double {
      let facts = sampler.explanation(of: configuration, trial: trial, target: nil, state: driver.state).facts
      return try XCTUnwrap(facts.first { $0.name == "acquisition value" }?.number)
    }
    var own = driver.method.sampler
    guard case .configuration(let proposed, _) = try own.sample(trial: trial, target: nil, state: driver.state) else {
      return XCTFail("nothing was proposed")
    }
    let ofProposed = try value(proposed)
    let others = try (0..<40).map { try value(driver.state.spec.space.sample(seed: 9, index: UInt64($0))) }
    XCTAssertGreaterThan(ofProposed, others.sorted()[37])
  }

  /// MOBSTER is asked with the target that the trial is to have.
  func testMOBSTERNamesTheLevelAtWhichImprovementIsSought() throws {
    var spec = try spec("mobster")
    spec.method.sampler.options["level"] = .text("first")
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    for _ in 0..<30 { if let trial = try driver.start() { try run(trial, &driver) } }
    var sampler = driver.method.sampler
    for target in [1.0, 9] {
      let facts = sampler.explanation(
        of: driver.state.history.configuration(3), trial: driver.state.trials.count, target: target,
        state: driver.state
      ).facts
      XCTAssertEqual(facts.first { $0.name == "improvement sought at" }?.text, "epoch \(Int(target))")
    }
  }
}
