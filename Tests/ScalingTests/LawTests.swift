import TrimtabScaling
import XCTest

/// The published laws at points whose answers were computed independently, in double precision.
final class LawTests: XCTestCase {
  private func close(
    _ value: Double?, _ expected: Double, _ tolerance: Double = 1e-5, file: StaticString = #filePath, line: UInt = #line
  ) {
    guard let value else { return XCTFail("nothing instead of \(expected)", file: file, line: line) }
    XCTAssertEqual(value, expected, accuracy: tolerance * abs(expected), file: file, line: line)
  }

  func testStepLawGivesRateAndBatchInTokens() {
    let law = StepLaw.printed
    let rows: [(Double, Double, Double, Double)] = [
      (1e8, 2e9, 2.536701e-3, 118663), (1e9, 2e10, 9.960227e-4, 441892), (1e9, 1e11, 1.632499e-3, 1.10771e6),
      (7e9, 1.4e12, 9.165569e-4, 4.99882e6), (7e10, 1.5e13, 3.675853e-4, 1.93632e7),
    ]
    for (n, d, rate, batch) in rows {
      close(law.learningRate(parameters: n, tokens: d), rate, 1e-6)
      close(law.batch(tokens: d), batch)
    }
    close(StepLaw.bootstrapMean.learningRate(parameters: 1e9, tokens: 1e11), 1.662391e-3)
    close(StepLaw.bootstrapMean.batch(tokens: 1e11), 1.107456e6)
    close(StepLaw.bootstrapMean.learningRate(parameters: 7e9, tokens: 1.4e12), 9.34692e-4)
  }

  func testStepLawAtAFixedBatchMovesTheRateByItsThirdRoot() {
    let law = StepLaw.printed
    let best = law.batch(tokens: 1e11)
    let rate = law.learningRate(parameters: 1e9, tokens: 1e11)
    close(StepLaw.learningRate(parameters: 1e9, tokens: 1e11, batch: best), rate, 1e-12)
    close(StepLaw.learningRate(parameters: 1e9, tokens: 1e11, batch: best / 10) / rate, 0.501187, 1e-6)
  }

  func testEarlierLaws() {
    let compute: [(Double, Double, Double)] = [
      (1e17, 2.338170e-3, 106190), (1e20, 9.859982e-4, 1.017145e6), (6e20, 7.881470e-4, 1.827747e6),
      (1e24, 3.118000e-4, 2.069107e7),
    ]
    for (c, rate, batch) in compute {
      close(EarlierLaws.deepSeekLearningRate(compute: c), rate, 1e-6)
      close(EarlierLaws.deepSeekBatch(compute: c), batch)
    }
    for (n, porian, batch, kaplan) in [
      (1e8, 4.877550e-3, 318742.0, 6.693150e-4), (1e9, 2.129128e-3, 1.608570e6, 3.481044e-4),
    ] {
      close(EarlierLaws.porianLearningRate(parameters: n), porian, 1e-6)
      close(EarlierLaws.porianBatch(parameters: n), batch)
      close(EarlierLaws.kaplanLearningRate(parameters: n), kaplan, 1e-5)
    }
    XCTAssertNil(EarlierLaws.kaplanLearningRate(parameters: 1.3e10), "the rate would be negative")
    for (loss, kaplan, mini) in [
      (2.5, 2.547285e6, 3.962342e6), (3.0, 1.069114e6, 1.270167e6), (3.5, 5.131328e5, 4.854148e5),
    ] {
      close(EarlierLaws.kaplanBatch(loss: loss), kaplan)
      close(EarlierLaws.miniCPMBatch(loss: loss), mini)
    }
    close(HorizonLaw.learningRate(tuned: 1, at: 1, tokens: 2), 0.801070)
    close(HorizonLaw.learningRate(tuned: 1, at: 1, tokens: 10), 0.478630)
    close(HorizonLaw.learningRate(tuned: 1.34e-3, at: 2.5e10, tokens: 8e11), 4.420e-4, 1e-3)
  }

  func testPowerLines() {
    for (ratio, tau) in [(5, 0.464165), (20, 0.223556), (80, 0.107672), (200, 0.066433), (1000, 0.028447)] {
      close(PowerLines.bestTimescale(tokensPerParameter: Double(ratio)), tau, 2e-5)
    }
    for (d, best, critical) in [
      (2.22e9, 116.245, 979.57), (2.22e10, 280.785, 2838.15), (1.22e10, 223.253, 2152.38), (1.36e11, 562.169, 6557.16),
      (6.6e10, 426.193, 4695.16),
    ] {
      close(PowerLines.bestBatchSequences(tokens: d), best)
      close(PowerLines.criticalBatchSequences(leastTokens: d), critical)
    }
    close(
      PowerLines.weightDecay(
        learningRate: 0.016 * 256 / 768, batch: 237_568, tokens: 2.22e9,
        timescale: PowerLines.bestTimescale(tokensPerParameter: 20)), 0.089753)
    close(
      PowerLines.weightDecay(
        learningRate: 2e-3, batch: 1_150_976, tokens: 1.36e11,
        timescale: PowerLines.bestTimescale(tokensPerParameter: 80)), 0.039300, 2e-5)
    for (n, least, compute, time) in [
      (5e8, 3.2083e11, 1.9250e21, 1.6070e13), (1e9, 6.8815e10, 8.2579e20, 1.4040e13),
      (2e9, 3.1024e10, 7.4458e20, 1.8291e13), (4e9, 1.8906e10, 9.0747e20, 2.8025e13),
    ] {
      let plan = PowerLines.plan(parameters: n, batchShare: 1, loss: 2.4, law: .replicated)
      close(plan?.leastTokens, least, 1e-4)
      close(plan?.compute, compute, 1e-4)
      close(plan?.relativeTime, time, 1e-4)
    }
    XCTAssertNil(PowerLines.plan(parameters: 1e8, batchShare: 1, loss: 2.4, law: .replicated))
    let front = PowerLines.paretoPlans(loss: 2.4, sizes: [5e8, 1e9, 2e9, 4e9], law: .replicated)
    for (a, b) in zip(front, front.dropFirst()) {
      XCTAssertLessThan(a.compute, b.compute)
      XCTAssertGreaterThan(a.relativeTime, b.relativeTime)
    }
    XCTAssertLessThan(
      try XCTUnwrap(front.last).parameters, try XCTUnwrap(front.first).parameters, "the fastest is smaller")
  }

  func testCriticalBatchAndHalfLives() {
    for (n, batch) in [
      (85e6, 746.29), (151e6, 976.72), (302e6, 1351.24), (604e6, 1869.39), (1.2e9, 2578.18), (3e9, 3959.68),
    ] { close(CriticalBatch.sequences(parameters: n), batch) }
    for (sequences, beta) in [(1.0, 0.9999290242), (16, 0.9988649923), (512, 0.9643115279)] {
      XCTAssertEqual(SmallBatch.beta(halfLife: 1e7, batch: sequences * 1024), beta, accuracy: 1e-10)
    }
    for (sequences, beta) in [(1.0, 0.9998998228), (64, 0.9936088490), (4096, 0.6634204313)] {
      XCTAssertEqual(SmallBatch.beta(0.95, at: 512, for: sequences), beta, accuracy: 1e-10)
    }
    close(SmallBatch.halfLife(beta: 0.95, batch: 512 * 1024), 7.084917e6, 1e-6)
    close(SmallBatch.halfLife(beta: 0.9999, batch: 1024), 7.097472e6, 1e-6)
    close(TrajectoryInvariance.memory(learningRate: 5e-4, weightDecay: 0.2), 10_000, 1e-9)
  }

  func testPowerSchedulerCapsAndFalls() {
    let power = PowerScheduler()
    close(power.learningRate(tokensSeen: 1e9, batchSequences: 128), 1.316043e-2)
    for (n, rate) in [(1e9, 0.02), (1e10, 0.02), (1e11, 1.005449e-2), (1e12, 3.107134e-3), (1e13, 9.601961e-4)] {
      close(power.learningRate(tokensSeen: n, batchSequences: 1024), rate)
    }
    close(power.capEnd(batchSequences: 1024), 2.596405e10)
    close(PowerScheduler.stableOptimum(tokens: 1e13, batchSequences: 1024), 1.104226e-3)
    close(PowerScheduler.stableOptimum(tokens: 2e9, batchSequences: 128), 1.062778e-2)
    close(PowerScheduler.stableOptimum(tokens: 2.56e11, batchSequences: 128), 8.948813e-4)
  }

  func testAnnealingAreas() {
    let rates = [1, 1, 1, 0.5, 0.5, 0]
    var (sum, area) = AnnealingLaw.areas(rates, fade: 0.9)
    XCTAssertEqual(sum, [1, 2, 3, 3.5, 4, 4])
    for (a, b) in zip(area, [0, 0, 0, 0.5, 0.95, 1.855]) { XCTAssertEqual(a, b, accuracy: 1e-12) }
    (sum, area) = AnnealingLaw.areas(rates, fade: 0.5)
    XCTAssertEqual(area, [0, 0, 0, 0.5, 0.75, 1.375])
    let law = AnnealingLaw(floor: 2.7899, a: 0.5915, alpha: 0.4560, c: 0.4801)
    close(law.loss(sum: 3.927735, annealing: 0.267265), 2.97856, 1e-5)
    close(law.loss(sum: 6.876, annealing: 0), 3.03544, 1e-5)
    close(law.loss(sum: 6.145173, annealing: 0.236766), 2.93468, 1e-5)
    close(law.loss(sum: 11.847735, annealing: 0.269728), 2.85200, 1e-5)
    XCTAssertThrowsError(try law.losses([1, 1, 0.5, 0, 0]), "steps at rate 0 have no meaning")
    XCTAssertThrowsError(try law.losses([1, 0.5, 0.6]), "a rate that rises")
    XCTAssertNoThrow(try law.losses([0.1, 0.5, 1, 0.6], warmup: 2))
  }

  func testChinchillaSplitsComputeAsEachFitSays() {
    typealias Row = (ChinchillaLaw, Double, Double, Double, Double, Double, Double, Double, Double)
    let rows: [Row] = [
      (.hoffmannPrinted, 1.93665, 2.58005, 1.8242e9, 50.08, 3.2491e10, 92.83, 1.92999, 0.4516),
      (.hoffmann, 1.92085, 2.53067, 2.2170e9, 33.91, 4.0743e10, 59.04, 1.91769, 0.4565),
      (.replicated, 1.97342, 2.52921, 2.7820e9, 21.54, 7.3122e10, 18.33, 1.97340, 0.5126),
    ]
    for (law, large, small, n21, ratio21, n23, ratio23, best, exponent) in rows {
      close(law.loss(parameters: 70e9, tokens: 1.4e12), large)
      close(law.loss(parameters: 1e9, tokens: 2e10), small)
      let a = law.optimum(compute: 1e21)
      close(a.parameters, n21, 1e-4)
      close(a.tokens / a.parameters, ratio21, 3e-4)
      let b = law.optimum(compute: 5.88e23)
      close(b.parameters, n23, 1e-4)
      close(b.tokens / b.parameters, ratio23, 3e-4)
      close(law.loss(parameters: b.parameters, tokens: b.tokens), best)
      close(law.optimumExponent, exponent, 1e-3)
    }
  }

  func testStepwiseLossIsTheRootOfItsEquation() {
    let law = StepwiseLaw.kaplan
    var loss = law.loss(parameters: 1e9, steps: 1e5, batch: 5e5)
    close(loss, 2.55090)
    close(law.criticalBatch(loss: loss), 2_429_886, 1e-4)
    close(law.leastSteps(steps: 1e5, batch: 5e5, loss: loss), 17066, 1e-4)
    close(law.loss(parameters: 1e9, steps: 1e5, batch: 1e12), 2.40051)
    loss = law.loss(parameters: 1e8, steps: 2e4, batch: 2.5e5)
    close(loss, 3.30386)
    close(law.criticalBatch(loss: loss), 709_070, 1e-4)
    close(law.limit(parameters: 1e9), 2.34744)
  }

  func testSizesThatAreAsGood() {
    let law = RoutedLaw.sinkhorn
    close(law.saturated(experts: 1), 2.394, 1e-9)
    close(law.saturated(experts: 64), 50.3039)
    close(law.saturated(experts: 512), 152.8772)
    close(law.loss(parameters: 1.3e8, experts: 64), 2.37281, 3e-4)
    close(law.denseEquivalent(parameters: 1.3e8, experts: 64), 5.755e8, 2e-3)
    close(law.denseEquivalent(parameters: 1.3e9, experts: 64), 3.871e9, 2e-3)
    close(law.loss(parameters: 1.3e9, experts: 512), 1.97400, 3e-4)
    close(law.denseEquivalent(parameters: 1.3e8, experts: 1), 1.3e8, 1e-9)
    // The dense-equivalent size has the same loss without routing.
    let dense = law.denseEquivalent(parameters: 1.3e8, experts: 64)
    close(law.loss(parameters: dense, experts: 1), law.loss(parameters: 1.3e8, experts: 64), 1e-9)
    for (streams, stack, pile) in [(1.0, 1.08271, 1.95183), (8, 1.04081, 1.88654)] {
      close(ParallelLaw.stackPython.loss(parameters: 1.6e9, streams: streams), stack)
      close(ParallelLaw.pile.loss(parameters: 1.6e9, streams: streams), pile)
    }
    close(ParallelLaw.stackPython.equivalent(parameters: 1.6e9, streams: 8), 2.909e9, 2e-4)
    close(ParallelLaw.pile.equivalent(parameters: 1.6e9, streams: 8), 2.713e9, 2e-4)
  }

  func testElementsMovedOfFourShapesOfOneSize() {
    let shapes: [(Double, Double, Double, Double, Double)] = [
      (12, 768, 3072, 12, 8.248562e9), (48, 384, 1536, 6, 1.592371e10), (3, 1536, 6144, 24, 4.449372e9),
    ]
    for (layers, width, inner, heads, moved) in shapes {
      let shape = StepTime.Transformer(
        layers: layers, width: width, feedForward: inner, heads: heads, vocabulary: 50257, sequenceLength: 1024)
      close(shape.elementsMoved(tokens: 8192, isAttentionFused: false), moved, 1e-6)
      if layers == 12 { close(shape.elementsMoved(tokens: 8192, isAttentionFused: true), 3.416724e9, 1e-6) }
    }
  }
}
