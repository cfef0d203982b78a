import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class BOSSTests: XCTestCase {
  private func spec(
    _ options: [String: Choice] = [:], sampler: String = "boss", trials: Int = 24, seed: UInt64 = 1
  ) throws -> StudySpec {
    let space = try Space([.float("x", 0...1), .float("rate", 1e-3...1, scale: .log), .float("alpha", 0...1)])
    let spec = MethodSpaces.spec(
      space, sampler: PartSpec(sampler, options: options), trials: trials, seed: seed)
    XCTAssertEqual(Catalogue.check(spec), [])
    return spec
  }

  private func driver(_ spec: StudySpec) throws -> StudyDriver {
    try StudyDriver(spec) { try Catalogue.makeMethod($0) }
  }

  private func loss(_ configuration: Configuration) -> Double {
    (configuration.slots[0] - 0.3) * (configuration.slots[0] - 0.3) + configuration.slots[1]
  }

  func testEveryOrderedPairOfTheBestIsDrawnAboutAsOften() {
    let best = [40, 7, 12, 3, 99, 21, 0, 5]
    var counts: [[Int]: Int] = [:]
    for trial in 0..<5600 {
      let (student, teacher) = BOSS.lineage(of: trial, best: best, begins: true, seed: 1)
      XCTAssertNotEqual(student, teacher)
      counts[[student ?? -1, teacher], default: 0] += 1
      // The same number, the same pair.
      XCTAssertTrue(BOSS.lineage(of: trial, best: best, begins: true, seed: 1) == (student, teacher))
    }
    XCTAssertEqual(counts.count, 56)
    XCTAssertTrue(counts.keys.allSatisfy { Set($0).isSubset(of: best) })
    // 100 are expected of each.
    XCTAssertTrue(counts.values.allSatisfy { (55...150).contains($0) }, "\(counts.values.sorted())")
    XCTAssertNil(BOSS.lineage(of: 3, best: [4], begins: false, seed: 1).student)
    XCTAssertEqual(BOSS.lineage(of: 3, best: [4], begins: false, seed: 1).teacher, 4)
  }

  func testTheFirstTrialsLearnFromNobodyAndTheOthersFromTheBest() throws {
    var study = try driver(spec(["warmup": .integer(10), "top": .integer(3)], trials: 40))
    for trial in 0..<40 {
      let best = BOSS.best(3, study.state)
      XCTAssertEqual(try study.runTrial(loss), trial)
      let lineage = study.state.lineages[trial]
      guard trial >= 10 else {
        XCTAssertNil(lineage)
        continue
      }
      XCTAssertEqual(lineage?.trials.count, 2)
      XCTAssertTrue(Set(lineage?.trials ?? []).isSubset(of: best), "trial \(trial)")
    }
    XCTAssertEqual(study.state.lineages.count, 30)
  }

  func testTheWarmUpGoesOnUntilThereAreTwoToLearnFrom() throws {
    var study = try driver(spec(["warmup": .integer(3)], trials: 12))
    for trial in 0..<6 {
      XCTAssertEqual(try study.start(), trial)
      try study.append(.trialFailed(trial, .rejected, message: "", seconds: 1))
    }
    try study.runTrial(loss)
    XCTAssertEqual(try study.start(), 7)
    XCTAssertNil(study.state.lineages[7])
    _ = try study.report(7, 1)
    try study.append(.trialCompleted(7, seconds: 1))
    XCTAssertEqual(try study.start(), 8)
    XCTAssertEqual(Set(study.state.lineages[8]?.trials ?? []), [6, 7])
    // Only what is complete: what runs is nobody's teacher.
    XCTAssertEqual(try study.start(), 9)
    XCTAssertEqual(Set(study.state.lineages[9]?.trials ?? []), [6, 7])
  }

  /// Configurations, bit for bit.
  private func configurations(_ driver: StudyDriver, _ trials: Range<Int>) -> [[UInt64]] {
    trials.map { driver.state.history.configuration($0).slots.map(\.bitPattern) }
  }

  func testEachPartIsThePlainSearchOfItsSampler() throws {
    // Where the teacher has no part in the loss and weights are fresh, BOSS is two searches, one after the other.
    for sampler in ["tpe", "gp"] {
      let options: [String: Choice] = [
        "warmup": .integer(14), "student": .text("fresh"), "sampler": .text(sampler),
      ]
      var study = try driver(spec(options, trials: 28, seed: 5))
      for _ in 0..<28 { try study.runTrial(loss) }
      for (part, seed) in [(0, 5), (14, BOSS.seed(5))] as [(Int, UInt64)] {
        var plain = try driver(spec(sampler: sampler, trials: 14, seed: seed))
        for _ in 0..<14 { try plain.runTrial(loss) }
        XCTAssertEqual(
          configurations(study, part..<part + 14), configurations(plain, 0..<14), "\(sampler), part from \(part)")
      }
      XCTAssertEqual(study.state.lineages.count, 14)
      XCTAssertTrue(study.state.lineages.values.allSatisfy { $0.student == nil })
    }
  }

  func testDriftThatIsSubtractedIsNotLearnedFrom() throws {
    let options: [String: Choice] = ["warmup": .integer(14), "drift": .text("subtracted")]
    var study = try driver(spec(options, trials: 44, seed: 5))
    while let trial = try study.start() {
      let inherited = trial < 14 ? 0 : BOSS.mean(of: BOSS.best(8, study.state), study.state)
      _ = try study.report(trial, loss(study.state.history.configuration(trial)) + inherited)
      try study.append(.trialCompleted(trial, seconds: 1))
    }
    // The sampler sees ranks alone, so that rounding leaves no trace.
    var plain = try driver(spec(sampler: "tpe", trials: 30, seed: BOSS.seed(5)))
    for _ in 0..<30 { try plain.runTrial(loss) }
    XCTAssertEqual(configurations(study, 14..<44), configurations(plain, 0..<30))
  }

  func testOrdinaryTrialsHaveAllOfTheLossFromTheLabels() throws {
    var study = try driver(spec(["warmup": .integer(5), "alpha": .text("alpha")], trials: 20))
    for _ in 0..<20 { try study.runTrial(loss) }
    let alphas = study.state.history.slots[2]
    XCTAssertEqual(alphas.prefix(5), [1, 1, 1, 1, 1])
    XCTAssertTrue(alphas.dropFirst(5).allSatisfy { $0 < 1 })
    var unknown = try spec()
    unknown.method.sampler.options["alpha"] = .text("alhpa")
    XCTAssertEqual(Catalogue.check(unknown).map(\.message), ["there is no parameter 'alhpa'"])
    XCTAssertEqual(Catalogue.check(unknown).map(\.hint), ["did you mean 'alpha'?"])
    var boolean = try spec()
    boolean.space = try Space([.boolean("alpha")])
    boolean.method.sampler.options["alpha"] = .text("alpha")
    XCTAssertEqual(Catalogue.check(boolean).map(\.message), ["'alpha' is no share of the loss"])
  }

  func testWhoLearnsFromWhomIsInTheLog() throws {
    var study = try driver(spec(["warmup": .integer(4)], trials: 8))
    for _ in 0..<8 { try study.runTrial(loss) }
    let codec = FrameCodec(objectives: ["loss"])
    var state = study.initial
    try codec.encode(Array(study.events.dropFirst())).withUnsafeBytes { try codec.decode($0) { try state.absorb($0) } }
    XCTAssertEqual(state.lineages, study.state.lineages)
    XCTAssertEqual(state.fingerprint, study.state.fingerprint)
    var annotation = Annotation(origin: .model)
    annotation[.teacher] = 99
    XCTAssertThrowsError(
      try study.append(.trialProposed(8, .new(study.state.history.configuration(0)), target: nil, annotation))
    ) { XCTAssertEqual("\($0)", "trial 8 is to learn from trial 99, which does not exist") }
  }

  func testItKeepsItsPromisesWhateverHappens() throws {
    let fidelity = Fidelity(name: "epoch", minimum: 1, maximum: 9)
    // A configuration may come again with other teachers, so the spaces are not finite.
    for (name, space) in try MethodSpaces.all() where ["numbers", "conditional", "constrained"].contains(name) {
      for (index, inner) in ["random", "tpe"].enumerated() {
        let part = PartSpec(
          "boss", options: ["warmup": .integer(12), "top": .integer(4), "sampler": .text(inner)])
        let isStaged = index == 1
        let spec = MethodSpaces.spec(
          space, sampler: part, scheduler: PartSpec(isStaged ? "asha" : "full"), fidelity: isStaged ? fidelity : nil,
          trials: 60, seed: 2)
        let extended: (StudySpec) throws -> StudySpec = { spec in
          var spec = spec
          spec.space = try spec.space.appending(.float("added", 0...1))
          spec.budget.trials = (spec.budget.trials ?? 0) + 10
          return spec
        }
        var conformance = try MethodConformance(spec, seed: 3, amendments: index == 0 ? [extended] : []) {
          try Catalogue.makeMethod($0)
        }
        try conformance.run()
        XCTAssertEqual(conformance.violations, [], "\(name), \(inner)")
        XCTAssertNil(conformance.happened["fallback"], "\(name), \(inner)")
        XCTAssertGreaterThan(conformance.driver.state.lineages.count, 5, "\(name), \(inner)")
      }
    }
  }
}
