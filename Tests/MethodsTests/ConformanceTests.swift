import TrimtabMethods
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

final class ConformanceTests: XCTestCase {
  private func samplers() -> [PartSpec] {
    // Every promise is one of the search's outcome, and none of how long it looks.
    let options: [String: [String: Choice]] = [
      "grid": ["points": .integer(3)], "gp": ["candidates": .integer(32), "starts": .integer(1)],
      "smac": ["candidates": .integer(32), "trees": .integer(2)],
      "cqr": ["candidates": .integer(32), "trees": .integer(3)],
      "turbo": ["candidates": .integer(32)], "baxus": ["candidates": .integer(32), "startup": .integer(45)],
      "hebo": ["population": .integer(8), "generations": .integer(3), "startup": .integer(45)],
      // The model takes over late: its proposals take their time.
      "aegis": ["candidates": .integer(16), "startup": .integer(45)],
      "saasbo": [
        "candidates": .integer(16), "starts": .integer(1), "warmup": .integer(16), "startup": .integer(45),
      ],
      "bore": ["candidates": .integer(32), "trees": .integer(3)], "carbs": ["candidates": .integer(32)],
      "multiverse": ["candidates": .integer(32), "points": .integer(32)],
      "mobster": ["candidates": .integer(32), "startup": .integer(45)],
      "ignite": ["networks": .integer(1), "width": .integer(4), "steps": .integer(5)],
    ]
    // What auto chooses from keeps the promises by itself, and freeze-thaw and its like have a test of their own; mixtures, what learns from
    // earlier studies, and what learns from other trials' checkpoints, have studies of their own.
    let others = ["auto", "freeze-thaw", "dpl", "ifbo", "fms", "mixture", "rgpe", "cts", "ablr", "boss"]
    return Catalogue.samplers.filter { !others.contains($0.name) }.map {
      PartSpec($0.name, options: options[$0.name] ?? [:])
    }
  }

  private func schedulers() -> [PartSpec] {
    Catalogue.schedulers.filter { !["freeze-thaw", "dpl", "ifbo", "fms"].contains($0.name) }.flatMap { entry in
      switch entry.name {
      case "asha":
        [
          PartSpec("asha"), PartSpec("asha", options: ["variant": .text("stopping")]),
          PartSpec("asha", options: ["eta": .integer(2), "brackets": .integer(3), "opening": .text("hyperband")]),
          PartSpec("asha", options: ["brackets": .integer(2), "choice": .text("learned")]),
        ]
      case "hyperband":
        [
          PartSpec("hyperband"),
          PartSpec("hyperband", options: ["eta": .integer(2), "deepening": .text("preserving")]),
          PartSpec("hyperband", options: ["rounding": .text("ceiling"), "deepening": .text("discarding")]),
        ]
      case "f-race":
        [PartSpec("f-race", options: ["startup": .integer(3)]), PartSpec("f-race", options: ["size": .integer(12)])]
      case "one-epoch":
        [PartSpec("one-epoch"), PartSpec("one-epoch", options: ["first": .integer(8), "keep": .integer(3)])]
      default: [PartSpec(entry.name)]
      }
    }
  }

  private static let fidelity = Fidelity(name: "epoch", minimum: 1, maximum: 9)
  private static let folds = Fidelity(name: "fold", minimum: 1, maximum: 9, countsReplicates: true)

  /// Widens or extends what can be, parameter by parameter.
  private static func widened(_ spec: StudySpec) throws -> StudySpec {
    var spec = spec
    let parameters = try spec.space.parameters.map { parameter in
      var parameter = parameter
      switch parameter.domain {
      case .float(var domain) where domain.step == nil && domain.high.isFinite && domain.scale == .linear:
        domain.high += 0.5
        parameter.domain = .float(domain)
      case .integer(let domain):
        let wider = try NumericDomain(
          low: domain.low, high: domain.high + 1, scale: domain.scale, step: domain.step, isInteger: true)
        parameter.domain = .integer(wider)
      case .categorical(let choices): parameter.domain = .categorical(choices + [.text("new")])
      default: break
      }
      return parameter
    }
    spec.space = try Space(parameters, constraints: spec.space.constraints)
    return spec
  }

  private static func narrowed(_ spec: StudySpec) throws -> StudySpec {
    var spec = spec
    let parameters = spec.space.parameters.map { parameter in
      var parameter = parameter
      if case .float(var domain) = parameter.domain, domain.step == nil, domain.high.isFinite, domain.scale == .linear {
        domain.high = domain.low + (domain.high - domain.low) * 0.75
        parameter.domain = .float(domain)
      }
      return parameter
    }
    spec.space = try Space(parameters, constraints: spec.space.constraints)
    return spec
  }

  private static func extended(_ spec: StudySpec) throws -> StudySpec {
    var spec = spec
    spec.space = try spec.space.appending(.float("added", 0...1))
    spec.budget.trials = (spec.budget.trials ?? 0) + 6
    return spec
  }

  private static func prolonged(_ spec: StudySpec) throws -> StudySpec {
    var spec = spec
    spec.fidelity?.maximum = 27
    spec.budget.trials = (spec.budget.trials ?? 0) + 4
    return spec
  }

  private static func shortened(_ spec: StudySpec) throws -> StudySpec {
    var spec = spec
    spec.fidelity?.maximum = 6
    spec.budget.trials = (spec.budget.trials ?? 0) + 4
    return spec
  }

  private static var amendments: [(StudySpec) throws -> StudySpec] {
    [widened, extended, prolonged, narrowed, shortened]
  }

  /// Models take their time, and see of a scheduler only that trials pause and go on.
  private static let slow = [
    "gp", "smac", "cqr", "turbo", "saasbo", "baxus", "hebo", "aegis", "bore", "multiverse", "ignite", "mobster",
    "carbs",
  ]

  /// Of a slow sampler's studies (without a fidelity, with one, under ASHA), one in each space, so that the spaces have all.
  private func isWorthwhile(
    _ sampler: PartSpec, _ scheduler: PartSpec, _ fidelity: Fidelity?, space: Int, isFirst: Bool
  ) -> Bool {
    guard let place = Self.slow.firstIndex(of: sampler.name) else { return true }
    guard isFirst, scheduler.options.isEmpty, ["full", "asha"].contains(scheduler.name) else { return false }
    let kind = scheduler.name == "asha" ? 2 : fidelity == nil ? 0 : 1
    return (kind + place + space) % 3 == 0
  }

  private func conform(
    _ name: String, _ space: Space, index: Int, trials: Int, seeds: ClosedRange<UInt64> = 1...2, isAmended: Bool
  ) throws -> [String: Int] {
    var happened: [String: Int] = [:]
    for sampler in samplers() {
      for scheduler in schedulers() {
        // Any sampler with some schedulers, and any scheduler with some samplers.
        let isUsual =
          scheduler.options.isEmpty
          && ["full", "asha", "hyperband", "dehb-brackets"].contains(scheduler.name)
        guard isUsual || sampler.name == "irace" || ["random", "tpe"].contains(sampler.name) else { continue }
        // It has a model of its own, whatever the sampler.
        if scheduler.options["choice"] != nil, sampler.name != "random" || index > 1 || trials < 50 { continue }
        let entry = Catalogue.schedulers.first { $0.name == scheduler.name }
        var fidelities: [Fidelity?] = entry?.needsFidelity == true ? [Self.fidelity] : [nil, Self.fidelity]
        if ["racing", "f-race", "wilcoxon"].contains(scheduler.name) { fidelities = [Self.folds] }
        for fidelity in fidelities {
          for seed in seeds {
            guard isWorthwhile(sampler, scheduler, fidelity, space: index, isFirst: seed == seeds.lowerBound) else {
              continue
            }
            let spec = MethodSpaces.spec(
              space, sampler: sampler, scheduler: scheduler, fidelity: fidelity, trials: trials, seed: seed)
            guard Catalogue.check(spec).isEmpty else { continue }
            var conformance = try MethodConformance(
              spec, seed: seed, amendments: isAmended ? Self.amendments : []
            ) { try Catalogue.makeMethod($0) }
            try conformance.run()
            let place = "\(name), \(sampler.name), \(scheduler.name) \(scheduler.options), seed \(seed)"
            XCTAssertEqual(conformance.violations, [], place)
            happened.merge(conformance.happened, uniquingKeysWith: +)
          }
        }
      }
    }
    return happened
  }

  func testEveryCombinationKeepsItsPromisesInEverySpace() throws {
    var happened: [String: Int] = [:]
    for (index, (name, space)) in try MethodSpaces.all().enumerated() {
      happened.merge(try conform(name, space, index: index, trials: 60, isAmended: false), uniquingKeysWith: +)
    }
    for what in [
      "lost", "failed", "released", "not a number", "enqueued", "exhausted", "completed", "paused", "resumed",
      "stopped",
      "model", "design", "replayed",
    ] {
      XCTAssertGreaterThan(happened[what, default: 0], 0, "nothing was \(what)")
    }
    XCTAssertNil(happened["fallback"], "a model failed on plain numbers")
  }

  func testEveryCombinationKeepsItsPromisesWhenTheStudyIsAmended() throws {
    var happened: [String: Int] = [:]
    for (index, (name, space)) in try MethodSpaces.all().enumerated() {
      happened.merge(
        try conform(name, space, index: index, trials: 50, seeds: 1...1, isAmended: true), uniquingKeysWith: +)
    }
    XCTAssertGreaterThan(happened["amended", default: 0], 100)
  }

  /// Every step is a decision by a model, so it gets few of them.
  private func conform(steps name: String, _ options: [String: Choice] = [:]) throws {
    let part = PartSpec(name, options: options.merging(["steps": .integer(3)]) { a, _ in a })
    for (index, (space, cells)) in (try MethodSpaces.all() + [("200", MethodSpaces.many(200))]).enumerated() {
      // Only the first of them in all spaces and both ways: the others differ from it by their model.
      if name == "ifbo", index % 2 == 1 { continue }
      for isAmended in name == "freeze-thaw" ? [false, true] : [index % 4 == 0] {
        let spec = MethodSpaces.spec(
          cells, sampler: PartSpec(name), scheduler: part, fidelity: Self.fidelity, trials: 14)
        var conformance = try MethodConformance(spec, seed: 1, amendments: isAmended ? Self.amendments : []) {
          try Catalogue.makeMethod($0)
        }
        try conformance.run()
        XCTAssertEqual(conformance.violations, [], "\(name), \(space), amended \(isAmended)")
      }
    }
  }

  func testFreezeThawKeepsItsPromisesInEverySpace() throws { try conform(steps: "freeze-thaw") }

  func testPowerLawsKeepTheirPromisesInEverySpace() throws {
    try conform(
      steps: "dpl",
      ["networks": .integer(2), "width": .integer(8), "training": .integer(10), "candidates": .integer(16)])
  }

  func testThePriorOfCurvesKeepsItsPromisesInEverySpace() throws {
    try conform(steps: "ifbo", ["particles": .integer(16), "moves": .integer(1), "candidates": .integer(16)])
  }

  func testAModelOfStepsKeepsItsPromisesInEverySpace() throws {
    try conform(steps: "fms", ["candidates": .integer(16)])
  }

  func testEveryCombinationTakesFiveHundredParameters() throws {
    _ = try conform("500", MethodSpaces.many(500), index: 0, trials: 20, seeds: 1...1, isAmended: false)
  }
}
