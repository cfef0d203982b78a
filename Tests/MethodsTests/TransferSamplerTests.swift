import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class TransferSamplerTests: XCTestCase {
  private func spec(
    _ space: Space, _ sampler: PartSpec, start: Int = 0, isBoxed: Bool = false, fidelity: Fidelity? = nil,
    trials: Int = 40, seed: UInt64 = 1
  ) -> StudySpec {
    var spec = MethodSpaces.spec(space, sampler: sampler, fidelity: fidelity, trials: trials, seed: seed)
    spec.transfer = Transfer(sources: [.init(path: "old.trimtab")], start: start, isBoxed: isBoxed)
    return spec
  }

  /// Random trials of an earlier study.
  private func earlier(
    _ space: Space, _ count: Int, seed: UInt64 = 1, _ objective: (Configuration) -> Double
  ) throws -> EarlierStudy {
    let trials = try (0..<count).map { index in
      let configuration = try space.sample(seed: seed, index: UInt64(index))
      return EarlierStudy.Trial(configuration, value: objective(configuration))
    }
    return EarlierStudy(name: "old", trials: trials)
  }

  private func driver(_ spec: StudySpec, _ earlier: [EarlierStudy]) throws -> StudyDriver {
    var driver = try StudyDriver(spec) { try Catalogue.makeMethod($0) }
    for study in earlier { try driver.append(.earlierStudy(study)) }
    return driver
  }

  private func best(_ driver: StudyDriver) -> Double {
    driver.state.trials.indices.map { driver.state.loss($0) }.filter(\.isFinite).min() ?? .infinity
  }

  private func square(_ dimension: Int) throws -> Space {
    try Space((0..<dimension).map { try .float("x\($0)", 0...1) })
  }

  private func bowl(_ configuration: Configuration, at centre: Double) -> Double {
    var sum = 0.0
    for slot in configuration.slots { sum += (slot - centre) * (slot - centre) }
    return sum
  }

  private let options: [String: [String: Choice]] = [
    "rgpe": ["candidates": .integer(64), "starts": .integer(2)], "cts": ["candidates": .integer(64)],
    "ablr": ["candidates": .integer(64), "starts": .integer(2), "width": .integer(8), "steps": .integer(20)],
  ]

  private var samplers: [PartSpec] {
    [
      PartSpec("rgpe", options: options["rgpe"] ?? [:]), PartSpec("cts", options: options["cts"] ?? [:]),
      PartSpec("ablr", options: options["ablr"] ?? [:]),
      PartSpec("cts", options: ["variant": .text("cts"), "candidates": .integer(64)]),
    ]
  }

  // MARK: Conformance

  func testTheyKeepTheirPromisesInEverySpace() throws {
    for (name, space) in try MethodSpaces.all() {
      let old = try [earlier(space, 12) { Double($0.key % 97) }, earlier(space, 5, seed: 2) { Double($0.key % 89) }]
      for sampler in samplers + [PartSpec("tpe"), PartSpec("random")] {
        for fidelity in [nil, Fidelity(name: "epoch", minimum: 1, maximum: 9)] {
          let isPlain = ["tpe", "random"].contains(sampler.name)
          let spec = spec(space, sampler, start: 3, isBoxed: isPlain, fidelity: fidelity, trials: 16)
          XCTAssertEqual(Catalogue.check(spec), [])
          var conformance = try MethodConformance(spec, seed: 3, workers: 3, earlier: old) {
            try Catalogue.makeMethod($0)
          }
          try conformance.run()
          XCTAssertEqual(conformance.violations, [], "\(name), \(sampler)")
          XCTAssertGreaterThan(conformance.happened["earlier", default: 0], 0, "\(name), \(sampler)")
          XCTAssertNil(conformance.happened["fallback"], "\(name), \(sampler)")
        }
      }
    }
  }

  func testTheyGoOnWhenTheStudyIsAmended() throws {
    let space = try MethodSpaces.conditional()
    let old = try earlier(space, 12) { Double($0.key % 97) }
    let amendments: [(StudySpec) throws -> StudySpec] = [
      { spec in
        var spec = spec
        spec.space = try spec.space.appending(.float("added", 0...1))
        return spec
      },
      { spec in
        var spec = spec
        let parameters = try spec.space.parameters.map { parameter in
          var parameter = parameter
          if parameter.name == "rate" {
            parameter.domain = .float(try NumericDomain(low: 1e-3, high: 0.1, scale: .log))
          }
          return parameter
        }
        spec.space = try Space(parameters)
        return spec
      },
    ]
    for sampler in samplers + [PartSpec("tpe")] {
      var conformance = try MethodConformance(
        spec(space, sampler, start: 3, isBoxed: sampler.name == "tpe", trials: 30), seed: 5, workers: 3,
        amendments: amendments, earlier: [old]
      ) { try Catalogue.makeMethod($0) }
      try conformance.run()
      XCTAssertEqual(conformance.violations, [], sampler.name)
      XCTAssertEqual(conformance.happened["amended"], 2)
    }
  }

  func testOddEarlierStudiesAndObjectivesAreTaken() throws {
    let space = try Space([.float("x", 0...1), .integer("n", 1...20), .categorical("c", ["a", "b", "c"])])
    let twins = EarlierStudy(
      name: "twins", trials: (0..<30).map { _ in .init(Configuration(slots: [0.5, 3, 1]), value: 2) })
    let one = EarlierStudy(name: "one", trials: [.init(Configuration(slots: [0.5, 3, 1]), value: 1e300)])
    let old: [[EarlierStudy]] = [
      [try earlier(space, 20) { 1e300 * Double($0.key % 7) - 5e300 }], [try earlier(space, 20) { _ in 3 }], [twins],
      [one], [one, try earlier(space, 20) { 1e-300 * Double($0.key % 5) }],
    ]
    let objectives: [(Int) -> Double] = [{ _ in 3 }, { 1e300 * Double($0 % 7 - 3) }, { 1e-300 * Double($0 % 5) }]
    for sampler in samplers.prefix(3) {
      for studies in old {
        for objective in objectives {
          var driver = try driver(spec(space, sampler, start: 2), studies)
          for i in 0..<6 { try driver.runTrial { _ in objective(i) } }
          XCTAssertEqual(driver.state.trials.count, 6)
          // Of one trial there are no ranks.
          if sampler.name != "cts" || studies != [one] { XCTAssertEqual(driver.state.fallbackCount, 0, sampler.name) }
        }
      }
    }
  }

  func testStudiesWithoutAnyValueAndLargeSpacesAreTaken() throws {
    let spaces = [
      try MethodSpaces.many(500), try Space([.categorical("c", (0..<10_000).map { "v\($0)" }), .float("x", 0...1)]),
    ]
    for space in spaces {
      let old = try earlier(space, 30) { Double($0.key % 97) }
      for sampler in samplers {
        var failing = try driver(spec(space, sampler, start: 1), [old])
        for _ in 0..<4 {
          let trial = try XCTUnwrap(try failing.start())
          try failing.append(.trialFailed(trial, .crash, message: "", seconds: 1))
        }
        var pending = try driver(spec(space, sampler), [old])
        var seen: Set<Configuration> = []
        for _ in 0..<4 {
          let trial = try XCTUnwrap(try pending.start())
          seen.insert(pending.state.history.configuration(trial))
        }
        XCTAssertEqual(seen.count, 4)
      }
    }
  }

  // MARK: Learning

  func testTheFirstProposalLiesWhereEarlierStudiesWereGood() throws {
    let space = try square(3)
    let old = try earlier(space, 60) { self.bowl($0, at: 0.7) }
    for sampler in [PartSpec("rgpe"), PartSpec("cts"), PartSpec("ablr")] {
      var total = 0.0
      for seed in 1...4 as ClosedRange<UInt64> {
        var driver = try driver(spec(space, sampler, seed: seed), [old])
        try driver.runTrial { self.bowl($0, at: 0.7) }
        total += driver.state.trials[0].value / 4
      }
      // A random configuration has 0.37 on average.
      XCTAssertLessThan(total, 0.15, sampler.name)
    }
  }

  func testASimilarStudySavesTrialsAndAnOppositeOneDoesNoHarm() throws {
    let space = try square(4)
    let similar = try earlier(space, 80) { self.bowl($0, at: 0.62) }
    let opposite = try earlier(space, 80) { -self.bowl($0, at: 0.6) }
    for (name, sampler, isForgiving) in [("rgpe", PartSpec("rgpe"), true), ("cgp", PartSpec("cts"), false)] {
      var helped = 0.0
      var misled = 0.0
      for seed in 1...3 as ClosedRange<UInt64> {
        for (old, isSimilar) in [(similar, true), (opposite, false)] where isSimilar || isForgiving {
          var driver = try driver(spec(space, sampler, trials: isSimilar ? 6 : 25, seed: seed), [old])
          while try driver.runTrial({ self.bowl($0, at: 0.6) }) != nil {}
          if isSimilar { helped += best(driver) / 3 } else { misled += best(driver) / 3 }
        }
      }
      // Random search has about 0.12 after six trials, and about 0.06 after twenty-five.
      XCTAssertLessThan(helped, isForgiving ? 0.03 : 0.08, name)
      XCTAssertLessThan(misled, 0.09, name)
    }
  }

  /// A valley that is bent, with its deepest place at a centre: what differs between studies is the centre and the scale.
  private func valley(_ configuration: Configuration, at centre: Double, scale: Double = 1) -> Double {
    let x = configuration.slots
    var sum = (x[0] - centre) * (x[0] - centre)
    for i in 1..<x.count {
      let bend = x[i] - 0.3 - 0.5 * x[i - 1] * x[i - 1]
      sum += 2 * bend * bend
    }
    return scale * sum.squareRoot()
  }

  func testSharedFeaturesBeatAProcessWithoutEarlierStudiesAndUnlikeOnesLeaveThemNoWorseThanChance() throws {
    let space = try square(4)
    let related = try [0.3, 0.45, 0.8].enumerated().map { index, centre in
      try earlier(space, 60, seed: UInt64(index)) { self.valley($0, at: centre, scale: Double(index + 1)) }
    }
    let unlike = try (0..<3).map { index in
      try earlier(space, 60, seed: UInt64(index)) { cos(9 * $0.slots[index] + 7 * $0.slots[index + 1]) }
    }
    let process = PartSpec("gp", options: ["candidates": .integer(128), "starts": .integer(4)])
    func mean(_ sampler: PartSpec, _ old: [EarlierStudy]?) throws -> Double {
      let seeds = 1...4 as ClosedRange<UInt64>
      return try seeds.reduce(0.0) { sum, seed in
        var spec = spec(space, sampler, trials: 15, seed: seed)
        if old == nil { spec.transfer = nil }
        var driver = try driver(spec, old ?? [])
        while try driver.runTrial({ self.valley($0, at: 0.6) }) != nil {}
        return sum + best(driver) / Double(seeds.count)
      }
    }
    let small = ["candidates": Choice.integer(128), "starts": .integer(4)]
    let without = try mean(process, nil)
    let with = try mean(PartSpec("ablr", options: small), related)
    let misled = try mean(PartSpec("ablr", options: small), unlike)
    XCTAssertLessThan(with, 0.75 * without)
    XCTAssertLessThan(misled, 1.1 * (try mean(PartSpec("random"), nil)))
  }

  func testParallelProposalsKeepApart() throws {
    let space = try square(2)
    let old = try earlier(space, 60) { self.bowl($0, at: 0.5) }
    for sampler in [PartSpec("rgpe"), PartSpec("ablr")] {
      var driver = try driver(spec(space, sampler), [old])
      var points: [[Double]] = []
      for _ in 0..<4 {
        let trial = try XCTUnwrap(try driver.start())
        points.append(driver.state.history.configuration(trial).slots)
      }
      for i in points.indices {
        for j in 0..<i { XCTAssertGreaterThan(hypotenuse(points[i], points[j]), 1e-4, sampler.name) }
      }
    }
  }

  func testSharedFeaturesProposeTheSameToAProcessThatHasJustReadTheLog() throws {
    let space = try square(2)
    let old = try earlier(space, 30) { self.bowl($0, at: 0.4) }
    var driver = try driver(spec(space, PartSpec("ablr", options: options["ablr"] ?? [:])), [old])
    for count in 0..<20 {
      try driver.runTrial { self.bowl($0, at: 0.6) }
      guard [1, 4, 9, 16, 19].contains(count) else { continue }
      var other = try driver.replayed { try Catalogue.makeMethod($0) }
      let own = try driver.method.propose(state: driver.state, mayStartNew: true) { _ in true }
      let anew = try other.propose(state: driver.state, mayStartNew: true) { _ in true }
      XCTAssertEqual("\(own)", "\(anew)", "after \(count + 1) trials")
    }
  }

  func testSharedFeaturesSayWhatTheyKnow() throws {
    let space = try square(2)
    let old = try earlier(space, 30) { self.bowl($0, at: 0.4) }
    var driver = try driver(spec(space, PartSpec("ablr", options: options["ablr"] ?? [:])), [old])
    let first = try XCTUnwrap(try driver.runTrial { self.bowl($0, at: 0.6) })
    XCTAssertEqual(driver.state.trials[first].origin, .model)
    let configuration = driver.state.history.configuration(first)
    let facts = driver.method.sampler.explanation(of: configuration, trial: 1, target: nil, state: driver.state).facts
    XCTAssertEqual(facts.map(\.name), ["method", "step", "acquisition value"])
    for _ in 0..<4 { try driver.runTrial { self.bowl($0, at: 0.6) } }
    let report = try XCTUnwrap(driver.method.sampler.modelReport(state: driver.state)).facts
    XCTAssertEqual(
      report.map(\.name),
      [
        "method", "step", "noise of old, as a deviation", "noise of test, as a deviation",
      ])
    for _ in 0..<12 { try driver.runTrial { self.bowl($0, at: 0.6) } }
    let later = try XCTUnwrap(driver.method.sampler.modelReport(state: driver.state)).facts
    XCTAssertEqual(later.first { $0.name == "trials of the latest training" }?.number, 16)
  }

  private func hypotenuse(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for (x, y) in zip(a, b) { sum += (x - y) * (x - y) }
    return sum.squareRoot()
  }

  func testTheModelSaysWhatEachEarlierStudyIsWorth() throws {
    let space = try square(2)
    var old = try [
      earlier(space, 40) { self.bowl($0, at: 0.6) }, earlier(space, 40, seed: 2) { -self.bowl($0, at: 0.6) },
    ]
    old[0].name = "same"
    old[1].name = "opposite"
    var driver = try driver(spec(space, PartSpec("rgpe")), old)
    for _ in 0..<12 { try driver.runTrial { self.bowl($0, at: 0.6) } }
    let facts = try XCTUnwrap(driver.method.sampler.modelReport(state: driver.state)).facts
    XCTAssertEqual(facts.map(\.name), ["method", "weight of same", "weight of opposite", "weight of test"])
    XCTAssertLessThan(facts[2].number ?? 1, 0.05)
  }

  /// Earlier studies that know one choice only are believed for it, and say nothing of the others.
  func testNewChoicesAreTried() throws {
    let space = try Space([.float("x", 0...1), .categorical("new", ["a", "b", "c"])])
    let old = EarlierStudy(
      name: "old",
      trials: (0..<30).map { .init(Configuration(slots: [Double($0) / 29, 0]), value: abs(Double($0) / 29 - 0.6)) })
    for seed in 0..<4 {
      var spec = spec(space, PartSpec("auto"))
      spec.seed = UInt64(seed)
      var driver = try driver(spec, [old])
      for _ in 0..<20 { try driver.runTrial { abs($0.slots[0] - 0.6) + [0.1, 0, 0.15][Int($0.slots[1])] } }
      XCTAssertLessThan(best(driver), 0.09, "seed \(seed)")
    }
  }

  // MARK: The beginning and the box

  func testTheFirstTrialsAreTheBestOfEarlierStudiesAndTheNextTheSamplersOwn() throws {
    let space = try square(2)
    let old = try earlier(space, 30) { self.bowl($0, at: 0.5) }
    var driver = try driver(spec(space, PartSpec("random"), start: 3), [old])
    for _ in 0..<5 { try driver.runTrial { self.bowl($0, at: 0.5) } }
    XCTAssertEqual(driver.state.trials.map(\.origin), [.earlier, .earlier, .earlier, .design, .design])
    let ranked = old.trials.sorted { $0.value < $1.value }.prefix(3).map(\.configuration)
    XCTAssertEqual((0..<3).map { driver.state.history.configuration($0) }, Array(ranked))
  }

  func testAConfigurationThatNoLongerFitsIsPassedOver() throws {
    let space = try Space([.float("x", 0...1)], constraints: [try Expression.parse("x <= 0.5")])
    let old = EarlierStudy(
      name: "old", trials: [0.9, 0.2, 0.4].map { .init(Configuration(slots: [$0]), value: -$0) })
    var driver = try driver(spec(space, PartSpec("random"), start: 3), [old])
    for _ in 0..<3 { try driver.runTrial { $0.slots[0] } }
    XCTAssertEqual(driver.state.trials.map(\.origin), [.earlier, .earlier, .design])
    XCTAssertEqual(driver.state.history.slots[0][0], 0.4)
  }

  func testThePortfolioTakesOverWhatWasFixedOrAddedSince() throws {
    let space = try square(2)
    var driver = try driver(
      spec(space, PartSpec("random"), start: 6), [earlier(space, 20) { self.bowl($0, at: 0.3) }])
    try driver.runTrial { self.bowl($0, at: 0.3) }
    var spec = driver.state.spec
    var parameters = spec.space.parameters
    parameters[1].fixedValue = .real(0.9)
    var added = try Parameter.float("late", 0...1)
    added.defaultValue = .real(0.25)
    spec.space = try Space(parameters + [added])
    try driver.append(.studyAmended(specification: spec.json.text))
    for _ in 1..<6 { try driver.runTrial { self.bowl($0, at: 0.3) } }
    XCTAssertEqual(driver.state.trials.prefix(6).map(\.origin), [Annotation.Origin?](repeating: .earlier, count: 6))
    for trial in 1..<6 {
      let slots = driver.state.history.configuration(trial).slots
      XCTAssertEqual(slots[1], 0.9)
      XCTAssertEqual(slots[2], 0.25)
    }
  }

  func testTheBoxHoldsTheBestOfEachStudyAndATenthOfTheTrialsLieAnywhere() throws {
    let space = try Space([
      .float("x", 0...1), .float("rate", 1e-4...1, scale: .log), .categorical("c", ["a", "b", "c", "d"]),
      .integer("n", 1...100),
    ])
    let old = [
      EarlierStudy(
        name: "one",
        trials: [
          .init(Configuration(slots: [0.4, 1e-2, 1, 50]), value: 0),
          .init(Configuration(slots: [0, 1, 3, 1]), value: 1),
        ]),
      EarlierStudy(name: "two", trials: [.init(Configuration(slots: [0.5, 1e-2, 2, 50]), value: 0)]),
    ]
    for sampler in [PartSpec("random"), PartSpec("tpe"), PartSpec("gp", options: ["candidates": .integer(64)])] {
      var driver = try driver(spec(space, sampler, isBoxed: true, trials: 200), old)
      var inside = 0
      for _ in 0..<60 {
        let trial = try XCTUnwrap(try driver.runTrial { $0.slots[0] })
        let slots = driver.state.history.configuration(trial).slots
        let isInside =
          (0.29...0.61).contains(slots[0]) && (3.9e-3...2.6e-2).contains(slots[1]) && [1, 2].contains(slots[2])
          && (39...61).contains(slots[3])
        if isInside { inside += 1 }
      }
      XCTAssertGreaterThan(inside, 42, sampler.name)
      XCTAssertLessThan(inside, 60, sampler.name)
    }
  }

  func testWhatWouldLearnNothingOrCannotLearnIsRefused() throws {
    let space = try square(2)
    func problem(_ spec: StudySpec) -> String { Catalogue.check(spec).map(\.description).joined(separator: "\n") }
    var without = spec(space, PartSpec("rgpe"))
    without.transfer = nil
    XCTAssertTrue(problem(without).contains("rgpe learns from earlier studies, and the study names none"))
    without.method.sampler = PartSpec("ablr")
    XCTAssertTrue(problem(without).contains("ablr learns from earlier studies, and the study names none"))
    XCTAssertTrue(problem(spec(space, PartSpec("tpe"))).contains("nothing would be learned"))
    XCTAssertEqual(problem(spec(space, PartSpec("tpe"), start: 1)), "")
    var several = spec(space, PartSpec("random"), start: 2)
    several.objectives.append(Objective(metric: "size"))
    XCTAssertTrue(problem(several).contains("earlier studies are compared by one objective"))
    var boxed = spec(space, PartSpec("dehb"), isBoxed: true)
    boxed.fidelity = Fidelity(name: "epoch", maximum: 9)
    XCTAssertTrue(problem(boxed).contains("dehb designs its generations by itself"))
  }
}
