import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabTestSupport
import XCTest

@testable import TrimtabMethods

/// A history with these configurations.
private func history(_ space: Space, _ rows: [[Double]]) throws -> History {
  var driver = try StudyDriver(MethodSpaces.spec(space)) { try Catalogue.makeMethod($0) }
  for (trial, row) in rows.enumerated() {
    let configuration = Configuration(slots: row)
    try driver.append(.trialProposed(trial, .new(configuration), target: nil, Annotation(origin: .design)))
  }
  return driver.state.history
}

private func kernels(_ space: Space, _ rows: [[Double]]) throws -> KernelSet {
  var set = KernelSet(ParzenShape(space, parameters: Array(space.parameters.indices)))
  for trial in rows.indices { set.insert(KernelSet.Member(trial: trial)) }
  set.load(try history(space, rows))
  return set
}

extension KernelSet {
  /// The bandwidths of a coordinate, by trial.
  fileprivate func sigmas(_ coordinate: Int) -> [Double] {
    members.map { 1 / inverses[Int($0.place) * shape.width + coordinate] }
  }

  fileprivate func logDensities(at units: [Double]) -> [Double] {
    var batch = CandidateBatch(shape, count: units.count)
    for (i, unit) in units.enumerated() { batch.points[i] = unit }
    return logDensities(batch, weights: Array(repeating: 1, count: members.count))
  }
}

private func assertEqual(
  _ values: [Double], _ expected: [Double], accuracy: Double, file: StaticString = #filePath, line: UInt = #line
) {
  XCTAssertEqual(values.count, expected.count, file: file, line: line)
  for (value, number) in zip(values, expected) {
    XCTAssertEqual(value, number, accuracy: accuracy, file: file, line: line)
  }
}

/// Numbers computed with Optuna 5.0.0 and again with 60 digits.
final class ParzenNumbersTests: XCTestCase {
  private let unit = [[0.1], [0.2], [0.25], [0.6], [0.9], [0.35], [0.7], [0.05], [0.5], [0.8]]

  private func line() throws -> Space { try Space([.float("x", 0...1)]) }

  func testATenthOfTheTrialsButAtMostTwentyFiveAreBelow() {
    XCTAssertEqual([1, 9, 10, 11, 25, 100, 251].map(TPE.belowCount), [1, 1, 1, 2, 3, 10, 25])
  }

  func testOneBelowAndNineAbove() throws {
    let below = try kernels(try line(), [[0.25]])
    assertEqual(below.sigmas(0), [0.75], accuracy: 1e-12)
    assertEqual(
      below.logDensities(at: [0, 0.25, 0.5, 1]),
      [-0.007184057638603414, 0.06623779876179792, 0.05264060068429188, -0.22121798253656266], accuracy: 1e-12)
    let above = try kernels(try line(), unit.filter { $0 != [0.25] })
    assertEqual(above.sigmas(0), [0.1, 0.15, 0.1, 0.1, 0.15, 0.1, 1 / 11.0, 0.15, 0.1], accuracy: 1e-12)
    assertEqual(
      above.logDensities(at: [0, 0.25, 0.5, 1]),
      [0.04948475915424122, -0.1402386050809723, -0.13491303381879494, -0.8200438919529268], accuracy: 1e-12)
  }

  func testThreeBelowAndSevenAbove() throws {
    let better = [[0.2], [0.25], [0.35]]
    let below = try kernels(try line(), better)
    assertEqual(below.sigmas(0), [0.2, 0.2, 0.2], accuracy: 1e-12)
    assertEqual(
      below.logDensities(at: [0, 0.25, 0.5, 1]),
      [-0.04385990934631212, 0.6115623424980309, 0.09582283420253246, -1.4559096282794621], accuracy: 1e-12)
    let above = try kernels(try line(), unit.filter { !better.contains($0) })
    let ninth = 1 / 9.0
    assertEqual(above.sigmas(0), [0.4, ninth, ninth, ninth, ninth, 0.4, ninth], accuracy: 1e-12)
    assertEqual(
      above.logDensities(at: [0, 0.25, 0.5, 1]),
      [-0.00459581431039735, -0.5284753179152695, -0.1997471875929584, -0.3920616823542419], accuracy: 1e-12)
  }

  func testChoicesAreSmoothedByTheNumberOfKernels() throws {
    let set = try kernels(try Space([.categorical("c", ["a", "b", "c"])]), [[0], [2], [2]])
    var batch = CandidateBatch(set.shape, count: 3)
    for i in 0..<3 { batch.picks[i] = Int32(i) }
    let densities = set.logDensities(batch, weights: [1, 1, 1])
    assertEqual(densities.map(exp), [0.333333333, 0.190476190, 0.476190476], accuracy: 1e-9)
  }

  func testIntegersHaveTheMassOfTheirCells() throws {
    let set = try kernels(try Space([.integer("i", 1...8)]), [[2], [5]])
    assertEqual(set.sigmas(0).map { $0 * 8 }, [3, 3], accuracy: 1e-12)
    var batch = CandidateBatch(set.shape, count: 8)
    for i in 0..<8 {
      batch.cellLows[i] = Double(i) / 8
      batch.cellHighs[i] = Double(i + 1) / 8
    }
    assertEqual(
      set.logDensities(batch, weights: [1, 1]).map(exp),
      [0.12370709, 0.1396841, 0.14799608, 0.14710081, 0.1374186, 0.12112538, 0.10141863, 0.0815493], accuracy: 1e-8)
  }

  func testLogarithmicAxesAreModelledOnTheirScale() throws {
    let space = try Space([.float("l", 1e-4...1, scale: .log)])
    let set = try kernels(space, [[1e-3], [1e-2]])
    let width = log(1e4)
    assertEqual(set.sigmas(0).map { $0 * width }, [log(10), log(10)], accuracy: 1e-12)
    let units = [1e-4, 1e-3, 1e-1].map { log($0 / 1e-4) / width }
    assertEqual(
      set.logDensities(at: units).map { $0 - log(width) }, [-2.48693553, -1.95194652, -2.49436995], accuracy: 1e-8)
  }

  func testOldTrialsWeighLess() throws {
    let expected = [1 / 30.0, 0.275, 0.516666666666667, 0.758333333333333, 1] + Array(repeating: 1, count: 25)
    assertEqual((0..<30).map { AboveKernels.weight(rank: Double($0), of: 30) }, expected, accuracy: 1e-12)
    assertEqual(ReferenceParzen.weights(30), expected, accuracy: 1e-12)
    for count in [1, 24, 25, 26, 27, 100] {
      assertEqual(
        (0..<count).map { AboveKernels.weight(rank: Double($0), of: count) }, ReferenceParzen.weights(count),
        accuracy: 1e-12)
    }
  }
}

/// The estimator against its formulas, on random histories in a space of all kinds.
final class ReferenceComparisonTests: XCTestCase {
  private func space() throws -> Space {
    try Space([
      .float("a", 0...1), .integer("b", 1...8, scale: .log), .categorical("c", ["x", "y", "z"]),
      .float("d", 1e-4...1, scale: .log), .float("e", 0...1, step: 0.125), .boolean("f"),
      Parameter("g", .ordinal(["s", "m", "l"].map { .text($0) })), .float("h", -5...5), .float("i", 0...1),
    ])
  }

  /// The reference of some trials. Coordinates stand in the order of a `ParzenShape`: continuous, grids, choices.
  private func reference(_ shape: ParzenShape, _ history: History, _ trials: [Int], weights: [Double])
    -> ReferenceParzen
  {
    let space = history.space
    var coordinates: [ReferenceParzen.Coordinate] = shape.continuous.map { _ in .continuous }
    coordinates += shape.grids.map { grid in
      .grid(
        (0..<grid.levels).map { level in
          grid.axis?.cell(level: level)
            ?? (low: Double(level) / Double(grid.levels), high: Double(level + 1) / Double(grid.levels))
        })
    }
    coordinates += shape.choices.map { .choices($0.count) }
    XCTAssertEqual(space.coordinates.count, coordinates.count)
    let rows = trials.map { trial in
      shape.continuous.map { history.units[$0][trial] } + shape.grids.map { history.units[$0.coordinate][trial] }
        + shape.choices.map { history.slots[$0.slot][trial] }
    }
    return ReferenceParzen(coordinates, rows: rows, weights: weights)
  }

  private func point(_ batch: CandidateBatch, _ shape: ParzenShape, _ candidate: Int) -> [Double] {
    shape.continuous.indices.map { batch.points[$0 * batch.stride + candidate] }
      + shape.grids.indices.map { i in
        let grid = shape.grids[i]
        let unit = batch.points[(shape.continuous.count + i) * batch.stride + candidate]
        return grid.axis.map { Double($0.domain.level(of: $0.decode(unit))) }
          ?? (unit * Double(grid.levels)).rounded(.down)
      } + shape.choices.indices.map { Double(batch.picks[$0 * batch.stride + candidate]) }
  }

  func testDensitiesAndChosenCandidatesAreThoseOfTheFormulas() throws {
    let space = try space()
    for seed in 0..<40 as Range<UInt64> {
      var stream = RandomStream(seed: seed, purpose: 1, index: 0)
      let count = 10 + stream.index(below: 120)
      var group = ParzenGroup(space, parameters: Array(space.parameters.indices), number: 0, seed: seed)
      let rows = try (0..<count).map { try space.sample(seed: seed, index: UInt64($0 / 2 * 2)).slots }
      let history = try history(space, rows)
      // Every configuration stands twice, and losses have ties.
      let losses = (0..<count).map { _ in Double(stream.index(below: 30)) }
      let (below, above) = ReferenceTPE.split(losses)
      for trial in 0..<count {
        group.append(trial, history)
        group.finish(trial)
      }
      for trial in below { group.moveBelow(trial) }
      let list = group.candidates(24, trial: count, seed: seed, history: history)
      let good = reference(
        group.shape, history, below, weights: Array(repeating: 1, count: below.count))
      let bad = reference(group.shape, history, above, weights: ReferenceParzen.weights(above.count))
      let points = (0..<24).map { point(list.batch, group.shape, $0) }
      let scores = points.map { good.logDensity($0) - bad.logDensity($0) }
      assertEqual(list.scores, scores, accuracy: 1e-9)
      let best = scores.indices.max { scores[$0] < scores[$1] } ?? 0
      XCTAssertEqual(scores[list.order[0]], scores[best], accuracy: 1e-9, "seed \(seed)")
    }
  }

  func testCandidatesFollowTheDensityFromWhichTheyAreDrawn() throws {
    let space = try Space([.float("x", 0...1), .integer("i", 1...5), .categorical("c", ["a", "b", "c"])])
    let set = try kernels(space, [[0.1, 1, 0], [0.15, 4, 2], [0.9, 5, 2]])
    var stream = RandomStream(seed: 1, purpose: 2, index: 3)
    let count = 60_000
    let batch = set.draw(count, from: &stream)
    // 8 intervals × 5 levels × 3 choices against the density, integrated over each interval.
    var observed = [Double](repeating: 0, count: 120)
    for i in 0..<count {
      let interval = min(7, Int(batch.points[i] * 8))
      let level = Int(batch.points[batch.stride + i] * 5)
      observed[(interval * 5 + level) * 3 + Int(batch.picks[i])] += 1
    }
    let reference = ReferenceParzen(
      [.continuous, .grid((0..<5).map { (Double($0) / 5, Double($0 + 1) / 5) }), .choices(3)],
      rows: [[0.1, 0.1, 0], [0.15, 0.7, 2], [0.9, 0.9, 2]], weights: [1, 1, 1])
    var statistic = 0.0
    for cell in 0..<120 {
      var mass = 0.0
      for step in 0..<50 {
        let x = (Double(cell / 15) + (Double(step) + 0.5) / 50) / 8
        mass += exp(reference.logDensity([x, Double(cell / 3 % 5), Double(cell % 3)])) / 400
      }
      let expected = mass * Double(count)
      statistic += (observed[cell] - expected) * (observed[cell] - expected) / expected
    }
    // A chi-squared of 119 degrees of freedom exceeds 173.6 once in 1,000 seeds.
    XCTAssertLessThan(statistic, 173.6)
  }

  func testAHugeIntegerRangeIsModelledAsContinuous() throws {
    let fine = ParzenShape(try Space([.integer("i", 1...100_000)]), parameters: [0])
    XCTAssertEqual(fine.continuous.count, 1)
    // On a logarithmic scale the first of these cells is wider than a kernel.
    let coarse = ParzenShape(try Space([.integer("i", 1...100_000, scale: .log)]), parameters: [0])
    XCTAssertEqual(coarse.grids.count, 1)
  }
}

final class KernelSetTests: XCTestCase {
  func testChangesOneByOneGiveTheSameBitsAsBuildingAnew() throws {
    let space = try MethodSpaces.many(8)
    let rows = try (0..<600).map { try space.sample(seed: 3, index: UInt64($0)).slots }
    let history = try history(space, rows)
    let shape = ParzenShape(space, parameters: Array(space.parameters.indices))
    var stream = RandomStream(seed: 5, purpose: 5, index: 5)
    var set = KernelSet(shape)
    var present: Set<Int> = []
    for step in 0..<400 {
      // Grows to some 250 and then stays, so that both ways of loading are taken.
      for _ in 0...stream.index(below: 3) {
        let trial = stream.index(below: step < 250 ? 600 : 300)
        if let index = set.index(of: trial) {
          set.remove(at: index)
          present.remove(trial)
        } else {
          set.insert(KernelSet.Member(trial: trial))
          present.insert(trial)
        }
      }
      if stream.index(below: 3) > 0 { set.load(history) }
      guard step % 20 == 19 else { continue }
      set.load(history)
      var fresh = KernelSet(shape)
      for trial in present.sorted() { fresh.insert(KernelSet.Member(trial: trial)) }
      fresh.load(history)
      let batch = fresh.draw(16, from: &stream)
      let weights = (0..<present.count).map { 1 / Double($0 + 1) }
      XCTAssertEqual(
        set.logDensities(batch, weights: weights).map(\.bitPattern),
        fresh.logDensities(batch, weights: weights).map(\.bitPattern), "step \(step)")
    }
  }

  func testTheRankingAgreesWithSortingEverything() {
    var stream = RandomStream(seed: 7, purpose: 7, index: 7)
    var ranking = TrialRanking()
    var all: [Int: TrialRank] = [:]
    for _ in 0..<5000 {
      let trial = stream.index(below: 300)
      if stream.index(below: 3) == 0 {
        ranking.remove(trial)
        all[trial] = nil
      } else {
        let rank = TrialRank(
          isComplete: stream.index(below: 2) == 0, resource: Double(stream.index(below: 4)),
          loss: Double(stream.index(below: 20)), trial: trial)
        ranking.insert(rank)
        all[trial] = rank
      }
      XCTAssertEqual(ranking.count, all.count)
      let number = 1 + stream.index(below: 25)
      XCTAssertEqual(ranking.best(number), all.values.sorted().prefix(number).map(\.trial))
    }
  }
}

final class AboveKernelsTests: XCTestCase {
  private func empty(capacity: Int, seed: UInt64) throws -> AboveKernels {
    let space = try Space([.float("x", 0...1)])
    return AboveKernels(ParzenShape(space, parameters: [0]), seed: seed, purpose: 1, capacity: capacity)
  }

  func testUpToItsCapacityEverythingIsKept() throws {
    var above = try empty(capacity: 100, seed: 1)
    for trial in 0..<160 {
      above.insert(trial, isPending: true)
      above.finish(trial)
    }
    for trial in [3, 50, 120] { above.remove(trial) }
    above.insert(50, isPending: false)
    XCTAssertEqual(above.kernels.members.map(\.trial), (0..<160).filter { $0 != 3 && $0 != 120 })
    assertEqual(above.weights(), ReferenceParzen.weights(158), accuracy: 1e-12)
  }

  func testTheNewestAndThePendingStayAndTheOthersAreSampledEvenly() throws {
    var kept = [Double](repeating: 0, count: 10)
    for seed in 0..<200 as Range<UInt64> {
      var above = try empty(capacity: 50, seed: seed)
      for trial in 0..<1064 {
        above.insert(trial, isPending: true)
        if trial != 7 { above.finish(trial) }
        // One in five of the early ones leaves again, and a few of those come back.
        if trial % 5 == 4, trial < 500 { above.remove(trial) }
        if trial % 50 == 49, trial < 500 { above.insert(trial, isPending: false) }
      }
      let members = above.kernels.members.map(\.trial)
      XCTAssertTrue(members.contains(7))
      XCTAssertEqual(Array(members.suffix(64)), Array(1000..<1064))
      XCTAssertEqual(members.count, 50 + 64 + 1)
      XCTAssertEqual(above.count, 1064 - 100 + 10)
      XCTAssertTrue(members.allSatisfy { $0 % 5 != 4 || $0 >= 500 || $0 % 50 == 49 })
      for trial in members where trial < 1000 && trial != 7 { kept[trial / 100] += 1 }
      // The weights stand for all trials.
      let whole = ReferenceParzen.weights(above.count).reduce(0, +)
      XCTAssertEqual(above.weights().reduce(0, +), whole, accuracy: 0.05 * whole)
    }
    // 50 of 909 each time: 82 or 100 trials in each hundred, less the pending one.
    var statistic = 0.0
    for (hundred, count) in kept.enumerated() {
      let expected = 200 * 50 * (hundred == 0 ? 81.0 : hundred < 5 ? 82 : 100) / 909
      statistic += (count - expected) * (count - expected) / expected
    }
    // A chi-squared of 9 degrees of freedom exceeds 27.9 once in 1,000 seeds.
    XCTAssertLessThan(statistic, 27.9)
  }

  func testTheEstimateFromASampleIsCloseToTheWholeMixture() throws {
    let space = try Space([.float("x", 0...1)])
    let rows = try (0..<5000).map { try space.sample(seed: 1, index: UInt64($0)).slots.map { $0 * $0 } }
    let history = try history(space, rows)
    var group = ParzenGroup(space, parameters: [0], number: 0, seed: 9)
    for trial in rows.indices {
      group.append(trial, history)
      group.finish(trial)
    }
    var above = group.above
    above.load(history)
    XCTAssertEqual(above.kernels.members.count, 1000)
    let whole = ReferenceParzen([.continuous], rows: rows, weights: ReferenceParzen.weights(5000))
    var batch = CandidateBatch(group.shape, count: 40)
    for i in 0..<40 { batch.points[i] = (Double(i) + 0.5) / 40 }
    let densities = above.kernels.logDensities(batch, weights: above.weights())
    let errors = (0..<40).map { densities[$0] - whole.logDensity([batch.points[$0]]) }
    // About 18 kernels count at the emptier points: a standard deviation of a quarter at most.
    for error in errors { XCTAssertEqual(error, 0, accuracy: 1) }
    XCTAssertEqual(errors.reduce(0, +) / 40, 0, accuracy: 0.15)
  }
}
