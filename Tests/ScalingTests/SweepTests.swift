import XCTest

@testable import TrimtabScaling

/// Sweeps that go from width to width, and runs that are proposed together.
final class SweepTests: XCTestCase {
  private func sweep(points: Int = 8, rates: ClosedRange<Double> = 1e-4...1e-1) throws -> TelescopingSweep {
    try TelescopingSweep(
      base: 64, last: 512,
      settings: [.init("lr", low: rates.lowerBound, high: rates.upperBound), .init("decay", low: 1e-3, high: 1)],
      points: points)
  }

  /// Runs stage after stage; `optimum` says where the best lies at a width.
  private func complete(
    _ sweep: TelescopingSweep, _ optimum: (Double) -> [Double]
  ) throws -> (
    stages: [(width: Int, count: Int, edge: String?)], trials: [TelescopingSweep.Trial], final: [TelescopingSweep.Final]
  ) {
    var trials: [TelescopingSweep.Trial] = []
    var stages: [(width: Int, count: Int, edge: String?)] = []
    while stages.count < 40 {
      switch try sweep.next(trials) {
      case .run(let width, let points, let edge, _):
        stages.append((width, points.count, edge))
        let best = optimum(Double(width))
        trials += points.map { point in
          let loss = zip(point, best).reduce(1.0) { $0 + pow(log($1.0 / $1.1), 2) }
          return .init(width: width, values: point, loss: loss)
        }
      case .wait(let width, _):
        XCTFail("nothing is running at \(width)")
        return (stages, trials, [])
      case .done(let final, _): return (stages, trials, final)
      }
    }
    XCTFail("the sweep does not end")
    return (stages, trials, [])
  }

  func testASweepTakesAQuarterOfThePointsAtEachWidthAndEndsAroundTheOptimum() throws {
    // As muP promises: the optimum moves by less at each width.
    let found = try complete(try sweep()) { n in [0.004 * exp(-6 / n), 0.05] }
    XCTAssertEqual(found.stages.map(\.width), [64, 128, 256, 512])
    XCTAssertEqual(found.stages.map(\.count), [64, 16, 4, 1])
    XCTAssertTrue(found.stages.allSatisfy { $0.edge == nil })
    XCTAssertEqual(found.final.map(\.name), ["lr", "decay"])
    for (item, truth) in zip(found.final, [0.004, 0.05]) {
      XCTAssertTrue(item.interval.contains(truth), "\(item)")
      XCTAssertLessThan(item.interval.upperBound / item.interval.lowerBound, 20)
    }
  }

  func testAStageWhoseBestLiesOnTheEdgeIsRepeatedAroundIt() throws {
    // A jump between two widths of far more than the second grid is wide.
    let found = try complete(try sweep()) { n in [n < 100 ? 0.001 : 0.02, 0.05] }
    let second = found.stages.filter { $0.width == 128 }
    XCTAssertGreaterThan(second.count, 1)
    XCTAssertEqual(second[1].edge, "lr")
    XCTAssertTrue(try XCTUnwrap(found.final.first).interval.contains(0.02), "\(found.final)")
  }

  func testAnOptimumAtTheEndOfTheRangeIsNamedAndDoesNotHoldTheSweepUp() throws {
    let sweep = try sweep(rates: 1e-4...1e-3)
    let found = try complete(sweep) { _ in [0.01, 0.05] }
    XCTAssertTrue(found.trials.allSatisfy { $0.values[0] <= 1e-3 })
    XCTAssertEqual(Set(sweep.atEnd(found.trials).map(\.setting)), ["lr"])
  }

  func testASweepWaitsForItsRunsAndRefusesToGoOnFromNothing() throws {
    let sweep = try sweep(points: 2)
    var trials: [TelescopingSweep.Trial] = [
      .init(width: 64, values: [1e-3, 0.1], loss: 2), .init(width: 64, values: [1e-2, 0.1], loss: nil),
    ]
    XCTAssertEqual(try sweep.next(trials), .wait(width: 64, unfinished: 1))
    trials = [.init(width: 64, values: [1e-3, 0.1], loss: .infinity)]
    XCTAssertThrowsError(try sweep.next(trials)) { XCTAssertTrue("\($0)".contains("all 1 runs"), "\($0)") }
    XCTAssertThrowsError(try TelescopingSweep.Setting("lr", low: 0, high: 1))
    XCTAssertThrowsError(try TelescopingSweep.Setting("lr", low: 1, high: 1))
  }

  // MARK: Runs proposed together

  private func chinchilla() throws -> FittedCurve {
    var stream = RandomTestStream(seed: 5)
    var (inputs, losses): ([[Double]], [Double]) = ([], [])
    for n in [1e7, 3e7, 1e8, 3e8] {
      for ratio in [5.0, 20, 80] {
        inputs.append([n, ratio * n])
        let loss = 1.8 + 480 * pow(n, -0.35) + 2080 * pow(ratio * n, -0.37)
        losses.append(loss * (1 + 0.003 * stream.next()))
      }
    }
    return try FittedCurve(.chinchilla, inputs: inputs, values: losses)
  }

  func testProposedRunsArePaidByWhatMayBeSpentAndKnowOfEachOther() throws {
    let fit = try chinchilla()
    let runs = try fit.proposedRuns(target: [3e9, 6e10], most: 3, spend: 1e19, count: 60)
    XCTAssertFalse(runs.isEmpty)
    XCTAssertLessThanOrEqual(runs.reduce(0) { $0 + $1.cost }, 1e19)
    for run in runs {
      XCTAssertEqual(run.cost, 6 * run.input[0] * run.input[1], accuracy: 1e-6 * run.cost)
      XCTAssertTrue(run.reduction > 0 && run.reduction <= 1, "\(run)")
      XCTAssertTrue(run.input[0] <= 4 * 3e8 * 1.001 && run.input[0] >= 1e7)
    }
    // Each share is of what those before left: together they cannot remove more than all.
    XCTAssertGreaterThan(runs.reduce(1) { $0 * (1 - $1.reduction) }, -1e-9)
    XCTAssertEqual(try fit.proposedRuns(target: [3e9, 6e10], most: 3, spend: 1, count: 60), [])
    let steps = try FittedCurve(.criticalBatch, inputs: [[64], [128], [256], [512]], values: [4600, 2300, 1330, 700])
    XCTAssertThrowsError(try steps.proposedRuns(target: [4096], most: 1)) {
      XCTAssertTrue("\($0)".contains("candidates with their costs"), "\($0)")
    }
  }

  func testWhatWasJustObservedIsWorthLittleMore() {
    // Three fits whose prediction follows the first candidate, and hardly the second.
    let samples: [[Double]] = [[1, 2, 3, 4], [1, 2, 3, 4.1], [1, -1, 1, -1]]
    guard var value = RunValue(samples: samples, noise: 1e-3) else { return XCTFail("the samples vary") }
    let before = value.reduction(0)
    XCTAssertGreaterThan(before, 0.95)
    XCTAssertGreaterThan(before, value.reduction(1))
    value.observe(0)
    XCTAssertLessThan(value.reduction(0), 0.6)
    XCTAssertNil(RunValue(samples: [[1, 1, 1]], noise: 1))
  }

  func testSizesAreProposedForALawOfSettings() throws {
    var runs: [SettingsFit.Run] = []
    var stream = RandomTestStream(seed: 2)
    for n in [1e7, 4e7, 1.6e8] {
      for d in [2e8, 8e8, 3.2e9] {
        let best = 0.5 * pow(n, -0.4) * pow(d, 0.1) * exp(0.1 * stream.next())
        for k in -3...3 {
          let rate = best * pow(2, Double(k) / 2)
          runs.append(.init(parameters: n, tokens: d, settings: [rate], loss: 3 + 0.1 * pow(log(rate / best), 2)))
        }
      }
    }
    let fit = try SettingsFit(runs, names: ["lr"], needsN: [true])
    let next = fit.proposedRuns(parameters: 1e9, tokens: 2e10, most: 2, runsEach: 3, spend: 1e20, count: 60)
    XCTAssertEqual(next.count, 2)
    XCTAssertTrue(next.allSatisfy { abs($0.cost / (18 * $0.input[0] * $0.input[1]) - 1) < 1e-9 }, "\(next)")
  }
}

/// Numbers between -1 and 1.
private struct RandomTestStream {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> Double {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Double(state >> 11) * 0x1p-52 - 1
  }
}
