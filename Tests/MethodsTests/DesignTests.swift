import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

final class RandomSearchTests: XCTestCase {
  private func driver(_ space: Space, seed: UInt64 = 1, trials: Int = 1_000_000) throws -> StudyDriver {
    try StudyDriver(MethodSpaces.spec(space, trials: trials, seed: seed)) { try Catalogue.makeMethod($0) }
  }

  func testATrialDependsOnTheSeedAndItsNumberAlone() throws {
    var a = try driver(MethodSpaces.conditional())
    var b = try driver(MethodSpaces.conditional())
    var c = try driver(MethodSpaces.conditional(), seed: 2)
    for i in 0..<20 {
      // The second study has other results and runs several trials at once.
      try a.runTrial { _ in 1 }
      let trial = try XCTUnwrap(try b.start(worker: WorkerID(i)))
      if i % 3 == 0 {
        _ = try b.report(trial, Double(i))
        try b.append(.trialCompleted(trial, seconds: 1))
      }
      try c.runTrial { _ in 1 }
      XCTAssertEqual(a.state.history.configuration(i), b.state.history.configuration(i))
      XCTAssertNotEqual(a.state.history.configuration(i), c.state.history.configuration(i))
    }
  }

  func testASmallSpaceIsTriedWholeWithoutRepetition() throws {
    var driver = try driver(MethodSpaces.choices())
    while try driver.runTrial({ _ in 1 }) != nil {}
    XCTAssertEqual(driver.state.trials.count, 36)
    XCTAssertEqual(driver.state.history.distinctCount, 36)
  }

  func testTheEndOfASpaceWithConditionsAndConstraintsIsNoticed() throws {
    let space = try Space(
      [.categorical("a", ["x", "y"]), .integer("b", 1...4).when("a == x"), .integer("c", 1...3)],
      constraints: [try Expression.parse("b <= c")])
    var driver = try driver(space)
    while try driver.runTrial({ _ in 1 }) != nil {}
    // With x: b ≤ c gives 3 + 2 + 1; with y: 3.
    XCTAssertEqual(driver.state.trials.count, 9)
    var method = driver.method
    XCTAssertEqual(
      try method.propose(state: driver.state, mayStartNew: true, canResume: { _ in true }),
      .exhausted("every configuration of the space has been tried"))
  }

  func testARareConfigurationOfASmallSpaceIsFoundDespiteItsConstraints() throws {
    let space = try Space(
      (0..<5).map { try Parameter.integer("p\($0)", 1...9) },
      constraints: (0..<5).map { try Expression.parse("p\($0) == 7") })
    var driver = try driver(space)
    XCTAssertEqual(try driver.runTrial { _ in 1 }, 0)
    XCTAssertEqual(driver.state.history.configuration(0).slots, [7, 7, 7, 7, 7])
    XCTAssertNil(try driver.runTrial { _ in 1 })
  }

  func testImpossibleConstraintsAreAnErrorThatNamesTheConstraint() throws {
    let space = try Space(
      [.float("a", 0...1), .integer("b", 1...3)], constraints: [try Expression.parse("a > 2")])
    var driver = try driver(space)
    XCTAssertThrowsError(try driver.runTrial { _ in 1 }) { error in
      XCTAssertTrue("\(error)".contains("a > 2"), "\(error)")
    }
  }

  func testAContinuousSpaceThatRepeatsItselfGoesOn() throws {
    // Too many cells to search, and nearly all draws are equal.
    let space = try Space([
      Parameter(
        "x", .integer(try NumericDomain(low: 0, high: 1e6, prior: .normal(mean: 0, deviation: 0.1), isInteger: true)))
    ])
    var driver = try driver(space)
    for i in 0..<5 { XCTAssertEqual(try driver.runTrial { _ in 1 }, i) }
  }
}

final class GridSearchTests: XCTestCase {
  private func driver(
    _ space: Space, _ options: [String: Choice] = [:], seed: UInt64 = 1, trials: Int = 1_000_000
  ) throws -> StudyDriver {
    let spec = MethodSpaces.spec(space, sampler: PartSpec("grid", options: options), trials: trials, seed: seed)
    return try StudyDriver(spec) { try Catalogue.makeMethod($0) }
  }

  private func values(_ driver: StudyDriver) -> [[Double]] {
    driver.state.trials.indices.map { driver.state.history.configuration($0).slots }
  }

  func testEveryCellIsTriedOnceUnderManyWorkersThatDie() throws {
    var driver = try driver(MethodSpaces.conditional(), ["points": .integer(2)])
    var stream = RandomStream(seed: 1, purpose: 1, index: 1)
    var running: [TrialNumber] = []
    while true {
      if running.count < 8, let trial = try driver.start() {
        running.append(trial)
      } else if running.isEmpty {
        break
      }
      let trial = running.remove(at: stream.index(below: running.count))
      if stream.index(below: 10) == 0 {
        try driver.append(.trialLost(trial))
      } else {
        _ = try driver.report(trial, 1)
        try driver.append(.trialCompleted(trial, seconds: 1))
      }
    }
    // rate 2 × depth {1: 1, 2: 2, 3: 4, 4: 4} × (sgd: momentum 2 with decay in the upper half, nesterov 2; adam 2;
    // rmsprop 1), depth being four levels cut to two: 1 and 4.
    let depths = 1 + 4
    let optimizers = (1 + 2) * 2 + 2 + 1
    XCTAssertEqual(driver.state.trials.count, 2 * depths * optimizers)
    XCTAssertEqual(driver.state.history.distinctCount, driver.state.trials.count)
  }

  func testValuesAreEquallySpacedOnTheirScaleAndSmallGridsAreWhole() throws {
    var driver = try driver(
      Space([.float("x", 1...10_000, scale: .log), .integer("i", 1...3)]), ["order": .text("declared")])
    while try driver.runTrial({ _ in 1 }) != nil {}
    let expected: [[Double]] = (0..<15).map { [[1.0, 10, 100, 1000, 10_000][$0 / 3], Double($0 % 3 + 1)] }
    let found = values(driver)
    XCTAssertEqual(found.count, expected.count)
    for (row, other) in zip(found, expected) {
      XCTAssertEqual(row[0], other[0], accuracy: 1e-9 * other[0])
      XCTAssertEqual(row[1], other[1])
    }
  }

  func testASteppedAxisIsRoundedAndItsValuesStandOnce() throws {
    var driver = try driver(Space([.integer("i", 1...8, scale: .log)]), ["order": .text("declared")])
    while try driver.runTrial({ _ in 1 }) != nil {}
    let found = values(driver).map { $0[0] }
    XCTAssertEqual(found, found.sorted())
    XCTAssertEqual(Set(found).count, found.count)
    XCTAssertEqual([found.first, found.last], [1, 8])
    XCTAssertTrue((4...5).contains(found.count), "\(found)")
  }

  func testOnePointIsTheMiddle() throws {
    var driver = try driver(
      Space([.float("x", 0...4), Parameter("m", .simplex(["a", "b", "c", "d"]))]), ["points": .integer(1)])
    while try driver.runTrial({ _ in 1 }) != nil {}
    XCTAssertEqual(values(driver), [[2, 0.25, 0.25, 0.25, 0.25]])
  }

  func testPermutationsAndWeightsAreEnumerated() throws {
    var driver = try driver(MethodSpaces.ordersAndWeights(), ["points": .integer(4), "order": .text("declared")])
    while try driver.runTrial({ _ in 1 }) != nil {}
    // 4! orders, and 10 ways to share 3 thirds among 3 parts.
    XCTAssertEqual(driver.state.trials.count, 240)
    XCTAssertEqual(driver.state.history.distinctCount, 240)
    for row in values(driver) {
      XCTAssertEqual(row[0..<4].sorted(), [0, 1, 2, 3])
      XCTAssertEqual(row[4...].reduce(0, +), 1, accuracy: 1e-12)
    }
    XCTAssertEqual(Array(values(driver)[0][0..<4]), [0, 1, 2, 3])
    XCTAssertEqual(Array(values(driver)[239][0..<4]), [3, 2, 1, 0])
  }

  func testAStudyThatEndsEarlyIsAUniformSampleOfTheGrid() throws {
    var counts = [Double](repeating: 0, count: 25)
    let space = try Space([.integer("a", 0...4), .integer("b", 0...4)])
    for seed in 0..<400 as Range<UInt64> {
      var driver = try driver(space, seed: seed, trials: 5)
      while try driver.runTrial({ _ in 1 }) != nil {}
      for row in values(driver) { counts[Int(row[0] * 5 + row[1])] += 1 }
    }
    let statistic = counts.reduce(0) { $0 + ($1 - 80) * ($1 - 80) / 80 }
    // A chi-squared of 24 degrees of freedom exceeds 51.2 once in 1,000 seeds.
    XCTAssertLessThan(statistic, 51.2)
  }

  func testAnEnqueuedCellIsNotTriedAgain() throws {
    var driver = try driver(Space([.integer("a", 0...4)]))
    try driver.append(
      .trialProposed(0, .enqueued(Configuration(slots: [3])), target: nil, Annotation(origin: .user)))
    while try driver.runTrial({ _ in 1 }) != nil {}
    XCTAssertEqual(driver.state.trials.count, 5)
  }

  func testAWidenedRangeAddsItsCells() throws {
    var driver = try driver(Space([.integer("a", 0...3)]))
    while try driver.runTrial({ _ in 1 }) != nil {}
    var spec = driver.state.spec
    spec.space = try Space([.integer("a", 0...4)])
    try driver.append(.studyAmended(specification: spec.json.text))
    while try driver.runTrial({ _ in 1 }) != nil {}
    XCTAssertEqual(values(driver).map { $0[0] }.sorted(), [0, 1, 2, 3, 4])
  }

  func testCompositionsAreCountedByBinomials() {
    XCTAssertEqual(Lattice.binomial(10, 3), 120)
    XCTAssertEqual(Lattice.binomial(5, 0), 1)
    XCTAssertEqual(Lattice.binomial(52, 26), 495_918_532_948_104)
    XCTAssertNil(Lattice.binomial(100, 50))
  }
}

final class SobolSearchTests: XCTestCase {
  func testTrialsAreTheConsecutivePointsOfOneScrambledSequence() throws {
    let space = try MethodSpaces.numbers()
    var driver = try StudyDriver(MethodSpaces.spec(space, sampler: PartSpec("sobol"), trials: 64, seed: 5)) {
      try Catalogue.makeMethod($0)
    }
    while try driver.runTrial({ _ in 1 }) != nil {}
    let sequence = try SobolSequence(
      dimension: space.coordinates.count, seed: mix(5, stableHash("sobol")))
    for trial in 0..<64 {
      XCTAssertEqual(
        driver.state.history.configuration(trial), space.configuration(unit: sequence.point(at: UInt64(trial))))
    }
    // 64 points of a continuous coordinate: one in each interval of 1/64.
    let intervals = driver.state.history.units[1].map { Int($0 * 64) }
    XCTAssertEqual(intervals.sorted(), Array(0..<64))
  }

  func testForbiddenPointsArePassedOverAndTheSequenceGoesOnInANewProcess() throws {
    let space = try MethodSpaces.constrained()
    var driver = try StudyDriver(MethodSpaces.spec(space, sampler: PartSpec("sobol"), trials: 30)) {
      try Catalogue.makeMethod($0)
    }
    var positions: [Int] = []
    for i in 0..<30 {
      if i % 5 == 0 { driver.method = try driver.replayed { try Catalogue.makeMethod($0) } }
      try driver.runTrial { _ in 1 }
    }
    for event in driver.events {
      if case .trialProposed(_, _, _, let annotation) = event.body { positions.append(annotation[.position] ?? -1) }
    }
    XCTAssertEqual(positions, positions.sorted())
    XCTAssertEqual(Set(positions).count, 30)
    XCTAssertGreaterThan(positions.last ?? 0, 60)
  }

  func testAddedParametersLeaveTheOthersInTheirSequence() throws {
    var driver = try StudyDriver(
      MethodSpaces.spec(try Space([.float("x", 0...1)]), sampler: PartSpec("sobol"), trials: 64)
    ) { try Catalogue.makeMethod($0) }
    for _ in 0..<20 { try driver.runTrial { _ in 1 } }
    var spec = driver.state.spec
    spec.space = try spec.space.appending(.float("y", 0...1))
    try driver.append(.studyAmended(specification: spec.json.text))
    for _ in 20..<64 { try driver.runTrial { _ in 1 } }
    XCTAssertEqual(driver.state.history.units[0].map { Int($0 * 64) }.sorted(), Array(0..<64))
  }
}
