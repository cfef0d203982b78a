import TrimtabNumerics
import XCTest

@testable import TrimtabScaling

/// Proposals of the next runs by laws of one's own runs.
final class NextRunTests: XCTestCase {
  // MARK: Values of runs

  /// Fits of which the prediction is the sum of two unknowns, and the outcomes are one unknown each.
  private func unknowns(_ count: Int = 4000) -> [[Double]] {
    var stream = RandomStream(seed: 1, purpose: 1, index: 0)
    let (a, b) = ((0..<count).map { _ in 2 * stream.normal() }, (0..<count).map { _ in stream.normal() })
    return [zip(a, b).map { $0 + $1 }, a, b]
  }

  func testAnOutcomeRemovesItsShareOfTheVariance() throws {
    let value = try XCTUnwrap(RunValue(samples: unknowns(), noise: 0))
    XCTAssertEqual(value.reduction(0), 0.8, accuracy: 0.02)
    XCTAssertEqual(value.reduction(1), 0.2, accuracy: 0.02)
    let noisy = try XCTUnwrap(RunValue(samples: unknowns(), noise: 4))
    // 4² / (4 + 4) of 5.
    XCTAssertEqual(noisy.reduction(0), 0.4, accuracy: 0.02)
  }

  func testTheOutcomesOfOneRunCountTogether() throws {
    let both = try XCTUnwrap(RunValue(samples: unknowns(), noise: 0, outcomes: 2))
    XCTAssertEqual(both.reduction(0), 1, accuracy: 1e-9)
    let samples = unknowns()
    // The same outcome twice, with noise, is as if its noise were half.
    let twice = try XCTUnwrap(RunValue(samples: [samples[0], samples[1], samples[1]], noise: 4, outcomes: 2))
    let once = try XCTUnwrap(RunValue(samples: [samples[0], samples[1]], noise: 2))
    XCTAssertEqual(twice.reduction(0), once.reduction(0), accuracy: 1e-6)
    var seen = both
    seen.observe(0)
    XCTAssertEqual(seen.reduction(0), 0, accuracy: 1e-6)
  }

  func testALatticeOfManyInputsStaysSmall() {
    let ranges = [1.0...1000, 1.0...1000, 1.0...1000]
    XCTAssertEqual(NextRun.lattice([1.0...4]), [[1], [2], [4], [8], [16]])
    XCTAssertLessThanOrEqual(NextRun.lattice(ranges, most: 512).count, 512)
    XCTAssertEqual(NextRun.lattice(ranges, most: 512).first, [1, 1, 1])
  }

  // MARK: Power laws

  private func power(_ noise: Double = 0.02, seed: UInt64 = 1) throws -> PowerFit {
    var stream = RandomStream(seed: seed, purpose: 5, index: 0)
    var (inputs, values): ([[Double]], [Double]) = ([], [])
    for n in [1e6, 2e6, 4e6, 8e6] {
      for _ in 0..<3 {
        inputs.append([n])
        values.append(0.3 * pow(n, -0.4) * exp(noise * stream.normal()))
      }
    }
    return try PowerFit(names: ["N"], inputs: inputs, values: values)
  }

  func testAPowerLawIsNarrowedByItsLargestRunsThatCanBePaid() throws {
    let fit = try power()
    let target = [1e9]
    let rich = try fit.proposedRuns(target: target, cost: { $0[0] }, most: 1, spend: 1e12)
    // All remove variance at the greater sizes; of those that remove at least half of the best, the cheapest per share.
    XCTAssertGreaterThan(rich[0].input[0], 8e6)
    let poor = try fit.proposedRuns(target: target, cost: { $0[0] }, most: 5, spend: 5e6)
    XCTAssertLessThanOrEqual(poor.reduce(0) { $0 + $1.cost }, 5e6)
    XCTAssertFalse(poor.isEmpty)
    XCTAssertGreaterThan(rich[0].reduction, poor[0].reduction)
    XCTAssertTrue(poor.allSatisfy { $0.input[0] >= 1e6 && $0.input[0] <= 32e6 })
    // The runs so far cost 4.5e7.
    let same = try fit.proposedRuns(target: target, cost: { $0[0] }, most: 100)
    XCTAssertLessThanOrEqual(same.reduce(0) { $0 + $1.cost }, 4.5e7 * (1 + 1e-9))
    XCTAssertThrowsError(try fit.proposedRuns(target: target, cost: { _ in 0 }, most: 1))
  }

  func testARunThatIsMadeNarrowsTheIntervalAboutAsMuchAsItSaid() throws {
    var ratio = 0.0
    for seed in 1...8 as ClosedRange<UInt64> {
      let fit = try power(seed: seed)
      let run = try XCTUnwrap(try fit.proposedRuns(target: [1e9], cost: { $0[0] }, most: 1, spend: 1e9).first)
      var stream = RandomStream(seed: seed, purpose: 9, index: 0)
      let more = try PowerFit(
        names: ["N"], inputs: fit.inputs + [run.input],
        values: fit.inputs.map { 0.3 * pow($0[0], -0.4) * exp(0.02 * stream.normal()) }
          + [0.3 * pow(run.input[0], -0.4) * exp(0.02 * stream.normal())])
      func variance(_ fit: PowerFit) -> Double {
        // Of ordinary least squares, by hand.
        let x = fit.inputs.map { log($0[0]) }
        let mean = x.reduce(0, +) / Double(x.count)
        let square = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return 1 / Double(x.count) + pow(log(1e9) - mean, 2) / square
      }
      ratio += (1 - variance(more) / variance(fit)) / run.reduction / 8
    }
    XCTAssertEqual(ratio, 1, accuracy: 0.25)
  }

  func testCandidatesOfAPowerLawAreRanked() throws {
    let ranked = try power().nextRuns(
      target: [1e9],
      candidates: [.init(input: [4e6], cost: 1), .init(input: [1e8], cost: 1), .init(input: [1e8], cost: 1e6)])
    XCTAssertEqual(ranked.map(\.input), [[1e8], [4e6], [1e8]])
    XCTAssertGreaterThan(ranked[0].reduction, ranked[1].reduction)
  }

  // MARK: Times

  private func times() throws -> StepTimeFit {
    var runs: [StepTimeFit.Run] = []
    var stream = RandomStream(seed: 4, purpose: 5, index: 0)
    for layers in [2.0, 4, 8] {
      for width in [128.0, 256, 512] {
        let shape = StepTime.Transformer(
          layers: layers, width: width, feedForward: 4 * width, heads: width / 64, vocabulary: 1000, sequenceLength: 256
        )
        let tokens = 4096.0
        let elements = 3 * shape.elementsMoved(tokens: tokens, isAttentionFused: false) + 7 * shape.parameters
        let seconds = 2e-3 + 4e-11 * elements + 5e-14 * 6 * shape.parameters * tokens
        runs.append(.init(shape: shape, tokens: tokens, seconds: seconds * exp(0.03 * stream.normal())))
      }
    }
    return try StepTimeFit(runs, isAttentionFused: false)
  }

  func testTheTimeOfALargeShapeIsNarrowedByShapesTowardsIt() throws {
    let fit = try times()
    let target = StepTime.Transformer(
      layers: 32, width: 2048, feedForward: 8192, heads: 32, vocabulary: 1000, sequenceLength: 256)
    let found = fit.proposedRuns(target: target, tokens: 4096, most: 3)
    XCTAssertFalse(found.isEmpty)
    XCTAssertLessThanOrEqual(found.reduce(0) { $0 + $1.cost }, fit.runs.reduce(0) { $0 + $1.seconds })
    for run in found {
      XCTAssertTrue((2...16).contains(run.input[0]) && (128...1024).contains(run.input[1]), "\(run.input)")
      XCTAssertEqual(Array(run.input[4...]), [1000, 256, 4096])
      XCTAssertEqual(run.input[1] / run.input[3], 64)
      let shape = StepTime.Transformer(
        layers: run.input[0], width: run.input[1], feedForward: run.input[2], heads: run.input[3], vocabulary: 1000,
        sequenceLength: 256)
      XCTAssertEqual(run.cost, fit.seconds(shape, tokens: 4096))
      XCTAssertTrue((0...1).contains(run.reduction))
    }
    let rich = fit.proposedRuns(target: target, tokens: 4096, most: 1, spend: 1e6)
    XCTAssertGreaterThan(rich[0].input[0] * rich[0].input[1], 4 * 256)
    XCTAssertGreaterThan(rich[0].reduction, 0.2)
    XCTAssertEqual(fit.proposedRuns(target: target, tokens: 4096, most: 3, spend: 1e-9), [])
  }

  // MARK: Schedules

  private let law = AnnealingLaw(floor: 2, a: 0.5, alpha: 0.5, c: 0.4)

  private func curve(_ kind: LearningRateSchedule.Kind, steps: Int, seed: UInt64) throws -> LoggedCurve {
    let schedule = try LearningRateSchedule(kind, peak: 3e-3, steps: steps, warmup: 100, final: 3e-4)
    let losses = try law.losses(schedule.rates, warmup: 100)
    var stream = RandomStream(seed: seed, purpose: 3, index: 0)
    let logged = Array(stride(from: 50, through: steps, by: 50))
    // The noise of neighbours is alike, as in training.
    var noise = 0.0
    return try LoggedCurve(
      name: kind.rawValue, steps: logged, rates: logged.map { schedule.rates[$0 - 1] },
      losses: logged.map { step in
        noise = 0.8 * noise + 0.002 * stream.normal()
        return losses[step - 1] * exp(noise)
      }, warmup: 100)
  }

  func testCurvesThatAnnealAreProposedWhereNoneDidMuch() throws {
    let fit = try AnnealingFit(
      [try curve(.constant, steps: 3000, seed: 1), try curve(.linear, steps: 1000, seed: 2)], fade: 0.999)
    let target = try LearningRateSchedule(.cosine, peak: 3e-3, steps: 24_000, warmup: 100, final: 3e-4).rates
    let (loss, interval) = fit.finalLoss(target, warmup: 100, count: 60)
    XCTAssertTrue(interval.contains(loss) || abs(interval.lowerBound / loss - 1) < 0.02, "\(loss), \(interval)")
    let rich = try fit.proposedSchedules(target: target, warmup: 100, most: 2, spend: 1e6, count: 60)
    XCTAssertGreaterThanOrEqual(rich.count, 1)
    XCTAssertGreaterThan(rich[0].steps, 2999, "what is longer tells more than what is known")
    XCTAssertNotEqual(rich[0].kind, .constant, "the target anneals")
    XCTAssertTrue(rich.allSatisfy { $0.peak == 3e-3 && $0.warmup == 100 && (0...1).contains($0.reduction) })
    let poor = try fit.proposedSchedules(target: target, warmup: 100, most: 4, spend: 7000, count: 60)
    XCTAssertLessThanOrEqual(poor.reduce(0) { $0 + $1.steps }, 7000)
    XCTAssertEqual(try fit.proposedSchedules(target: target, warmup: 100, most: 4, spend: 100, count: 60), [])
    XCTAssertThrowsError(try fit.proposedSchedules(target: [1, 2, 3], warmup: 0, most: 1))
  }

  func testTheIntervalOfAFinalLossIsAsWideAsItsErrors() throws {
    let target = try LearningRateSchedule(.cosine, peak: 3e-3, steps: 6000, warmup: 100, final: 3e-4).rates
    let truth = try XCTUnwrap(try law.losses(target, warmup: 100).last)
    var inside = 0
    for seed in 0..<10 as Range<UInt64> {
      let fit = try AnnealingFit(
        [try curve(.constant, steps: 3000, seed: 2 * seed), try curve(.cosine, steps: 3000, seed: 2 * seed + 1)],
        fade: 0.999)
      if fit.finalLoss(target, warmup: 100, count: 60).interval.contains(truth) { inside += 1 }
    }
    XCTAssertGreaterThanOrEqual(inside, 6)
  }
}
