import XCTest

@testable import TrimtabScaling

final class RoutedAndTimeTests: XCTestCase {
  private let law = RoutedLaw.sinkhorn

  private func routed(_ noise: (Int) -> Double) -> (inputs: [[Double]], losses: [Double]) {
    var (inputs, losses): ([[Double]], [Double]) = ([], [])
    for n in [1.5e7, 5.5e7, 1.3e8, 3.7e8, 8.7e8] {
      for e in [1.0, 2, 8, 32, 128, 512] {
        losses.append(law.loss(parameters: n, experts: e) * (1 + noise(losses.count)))
        inputs.append([n, e])
      }
    }
    return (inputs, losses)
  }

  func testARoutedLawIsFoundAgainFromItsOwnLosses() throws {
    let (inputs, losses) = routed { _ in 0 }
    let fit = try FittedCurve(.routed, inputs: inputs, values: losses)
    let truth = [law.a, law.b, law.c, law.d, law.leastExperts, law.mostExperts]
    for (name, (found, wanted)) in zip(fit.family.parameterNames, zip(fit.parameters, truth)) {
      XCTAssertEqual(found, wanted, accuracy: 2e-3 * abs(wanted), name)
    }
    XCTAssertEqual(fit.predict([1.3e9, 512]), 1.97400, accuracy: 1e-4)
  }

  func testARoutedLawPredictsALargerModelFromNoisyRuns() throws {
    let (inputs, losses) = routed { 0.003 * sin(Double(7 * $0)) }
    let fit = try FittedCurve(.routed, inputs: inputs, values: losses)
    let target = [1.3e9, 64.0]
    XCTAssertEqual(fit.predict(target) / 2.03779, 1, accuracy: 0.005)
    let interval = fit.intervals([target], count: 40).predictions[0]
    XCTAssertTrue(interval.contains(fit.predict(target)))
    XCTAssertLessThan(interval.upperBound / interval.lowerBound, 1.02)
    XCTAssertLessThan(fit.leaveOneScaleOut().map(\.meanError).max() ?? 1, 0.02)
  }

  func testTheDerivativesOfTheRoutedLawAreThoseOfItsValue() {
    let x = [-0.08, -0.12, 0.01, 1.1, 0.9, 5.4]
    for input in [[1e8, 1.0], [1e9, 64]] {
      var (gradient, unused) = ([Double](), [Double]())
      _ = CurveFamily.routed.value(x, input, &gradient)
      for i in x.indices {
        var (low, high) = (x, x)
        (low[i], high[i]) = (x[i] - 1e-6, x[i] + 1e-6)
        let slope =
          (CurveFamily.routed.value(high, input, &unused) - CurveFamily.routed.value(low, input, &unused)) / 2e-6
        XCTAssertEqual(gradient[i], slope, accuracy: 1e-5 * max(1, abs(slope)), "parameter \(i)")
      }
    }
  }

  func testLessThanOneExpertOrStreamIsRefused() {
    for family in [CurveFamily.routed, .parallel] {
      let rows: [[Double]] = (1...8).map { (i: Int) -> [Double] in [1e8 * Double(i), i == 4 ? 0.5 : Double(i)] }
      XCTAssertThrowsError(try FittedCurve(family, inputs: rows, values: rows.map { _ in 2 })) {
        XCTAssertTrue("\($0)".contains("there is at least 1"), "\($0)")
      }
    }
  }

  // MARK: Time

  private func shapes() -> [StepTime.Transformer] {
    let sizes: [(Int, Int)] = [
      (3, 1536), (6, 1024), (6, 1536), (12, 512), (12, 768), (12, 1024), (24, 512), (24, 768), (48, 384), (48, 512),
    ]
    return sizes.map { layers, width in
      let (d, heads) = (Double(width), Double(width / 64))
      return StepTime.Transformer(
        layers: Double(layers), width: d, feedForward: 4 * d, heads: heads, vocabulary: 50257, sequenceLength: 1024)
    }
  }

  private func runs(_ seconds: (_ elements: Double, _ flop: Double) -> Double) -> [StepTimeFit.Run] {
    shapes().map { shape in
      let elements = 3 * shape.elementsMoved(tokens: 8192, isAttentionFused: false) + 7 * shape.parameters
      return .init(shape: shape, tokens: 8192, seconds: seconds(elements, 6 * shape.parameters * 8192))
    }
  }

  func testWhatTakesTimeIsFoundAgain() throws {
    let fit = try StepTimeFit(runs { 0.01 + 2e-12 * $0 + 5e-15 * $1 }, isAttentionFused: false)
    for (found, truth) in zip(fit.coefficients, [0.01, 2e-12, 5e-15]) {
      XCTAssertEqual(found, truth, accuracy: 1e-6 * truth)
    }
    XCTAssertLessThan(fit.worstError, 1e-8)
    XCTAssertLessThan(fit.leaveOneOut().max() ?? 1, 1e-6)
  }

  func testTimeThatMemoryTakesIsToldByElementsAndNotByOperations() throws {
    let fit = try StepTimeFit(runs { elements, _ in 2e-12 * elements }, isAttentionFused: false)
    XCTAssertGreaterThan(fit.r2Elements, 0.999)
    XCTAssertLessThan(fit.r2Compute, 0.5)
    XCTAssertEqual(fit.coefficients[2], 0, accuracy: 1e-20)
    // No coefficient is ever below 0, even where time falls with what it should rise with.
    let odd = try StepTimeFit(runs { elements, _ in 1e-2 / elements }, isAttentionFused: false)
    XCTAssertTrue(odd.coefficients.allSatisfy { $0 >= 0 })
  }

  func testWideShallowShapesAreChosenWhereMemoryTakesTheTime() throws {
    let fit = try StepTimeFit(runs { elements, _ in 2e-12 * elements }, isAttentionFused: false)
    let choices = try fit.choices(within: 3600 * 24, tokens: 8192, law: .replicated)
    XCTAssertEqual(choices.map(\.loss), choices.map(\.loss).sorted())
    let best = try XCTUnwrap(choices.first)
    XCTAssertLessThanOrEqual(best.shape.layers, 12)
    XCTAssertEqual(best.tokens, 8192 * 3600 * 24 / best.stepSeconds, accuracy: 1)
    XCTAssertThrowsError(try fit.choices(within: 0, tokens: 8192, law: .replicated))
  }

  func testTooFewArchitecturesAndSequencesForTokensAreRefused() {
    let all = runs { elements, _ in 2e-12 * elements }
    XCTAssertThrowsError(try StepTimeFit(Array(all.prefix(7)), isAttentionFused: false)) {
      XCTAssertTrue("\($0)".contains("at least 8"), "\($0)")
    }
    var wrong = all
    wrong[2].tokens = 8
    XCTAssertThrowsError(try StepTimeFit(wrong, isAttentionFused: false)) {
      XCTAssertTrue("\($0)".contains("tokens are wanted, not sequences"), "\($0)")
    }
    wrong[2].tokens = -1
    XCTAssertThrowsError(try StepTimeFit(wrong, isAttentionFused: false))
  }

  func testLossesThatRiseWithTheSizeAreNamed() throws {
    let rising = try FittedCurve(
      .muScaling, inputs: [[1e7], [2e7], [4e7], [8e7], [1.6e8]], values: [3, 3.1, 3.25, 3.3, 3.5])
    XCTAssertEqual(rising.warnings.count, 1)
    XCTAssertTrue(rising.warnings[0].contains("the loss rises with N"), "\(rising.warnings)")
    let (inputs, losses) = routed { _ in 0 }
    XCTAssertEqual(try FittedCurve(.routed, inputs: inputs, values: losses).warnings, [])
  }

  func testSchedulesAreComparedByTheirAnnealing() throws {
    // The published curve's own sums, and its loss.
    XCTAssertEqual(AnnealingLaw.published[1].law.loss(sum: 3.927735, annealing: 0.267265), 2.97856, accuracy: 2e-4)
    var run = Situation(optimizer: .adamw)
    (run.parameters, run.tokens, run.batchTokens, run.learningRate) = (1e8, 2.4e10, 1e6, 3e-4)
    func report() throws -> LawReport {
      try XCTUnwrap(try Advisor().advise(run).reports.first { $0.law == "annealing" })
    }
    let found = try report()
    XCTAssertEqual(found.isInsideRange, true)
    XCTAssertEqual(found.estimates.first?.value ?? 0, 2.979, accuracy: 0.002)
    XCTAssertEqual(found.estimates.first?.note, "cosine")
    let constant = try XCTUnwrap(found.estimates.first { $0.note == "constant" })
    XCTAssertEqual(constant.value, 3.0354, accuracy: 0.002)
    run.schedule = .constant
    XCTAssertEqual(try report().estimates.first?.note, "constant")
    run.batchTokens = 1e7
    let skipped = try Advisor().advise(run).skipped.first { $0.law == "annealing" }
    XCTAssertTrue(skipped?.reason.contains("these are 2400") == true, "\(String(describing: skipped))")
  }

  // MARK: Layers

  func testGainsOfHeadsKeepTheirEpsilonInWidthAndScaleItInDepth() throws {
    let table = try MultiplierTable(
      MultiplierPlan(
        .completeP, .adamw, from: ModelShape(width: 256, layers: 2, name: "base"),
        to: ModelShape(width: 2048, layers: 8, name: "target")))
    let heads = try XCTUnwrap(table.rows.first { $0.group.name == "qk_norm" })
    let norm = try XCTUnwrap(table.rows.first { $0.group.name == "norm" })
    XCTAssertEqual(heads.epsilon, 0.25)
    XCTAssertEqual(norm.epsilon, 0.25 / 8)
    XCTAssertEqual(heads.learningRate, norm.learningRate)
    XCTAssertEqual(heads.weightDecay, 0)
  }

  // MARK: Transfer

  /// Seeds about parabolas whose optimum moves by a power of the size.
  private func runs(power: Double, bend: Double, noise: Double, seeds: Int) -> [TransferCheck.Run] {
    var state: UInt64 = 12345
    func random() -> Double {
      (0..<12).reduce(-6.0) { sum, _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return sum + Double(state >> 11) * 0x1p-53
      }
    }
    return [64.0, 128, 256, 512].flatMap { size in
      (-4...4).flatMap { k -> [TransferCheck.Run] in
        let rate = 0.01 * pow(2, Double(k))
        let step = log(rate / (0.01 * pow(size / 64, power)))
        return (0..<seeds).map { _ in
          .init(size: size, learningRate: rate, loss: exp(-1 + bend * step * step + noise * random()))
        }
      }
    }
  }

  func testSeedsGiveTheOptimumItsInterval() throws {
    for noise in [0.01, 0.03] {
      let check = try TransferCheck(runs(power: 0, bend: 0.1, noise: noise, seeds: 20))
      XCTAssertEqual(check.verdict, .pass, "\(check.reasons)")
      for item in check.optima {
        let interval = try XCTUnwrap(item.interval)
        XCTAssertTrue(interval.lowerBound < 0.0105 && interval.upperBound > 0.0095, "\(item)")
      }
      XCTAssertTrue(check.driftInterval.contains(0), "\(check.driftInterval)")
    }
    func width(_ noise: Double) throws -> Double {
      let intervals = try TransferCheck(runs(power: 0, bend: 0.1, noise: noise, seeds: 20)).optima.compactMap(
        \.interval)
      return intervals.reduce(0) { $0 + log($1.upperBound / $1.lowerBound) }
    }
    XCTAssertEqual(try width(0.03) / (try width(0.01)), 3, accuracy: 1)
  }

  func testADriftIsFailedOnlyWhereTheSeedsMakeItSure() throws {
    let sure = try TransferCheck(runs(power: -0.9, bend: 0.1, noise: 0.02, seeds: 20))
    XCTAssertEqual(sure.verdict, .fail)
    XCTAssertEqual(sure.drift, -0.9, accuracy: 0.05)
    XCTAssertLessThan(sure.driftInterval.upperBound, -0.7)
    // As flat as the noise is wide, so that nothing can be told.
    let flat = try TransferCheck(runs(power: -0.5, bend: 0.002, noise: 0.1, seeds: 3))
    XCTAssertEqual(flat.verdict, .unresolved, "\(flat.reasons)")
    XCTAssertFalse(flat.optima.allSatisfy(\.isResolved))
  }

  func testTheIntervalOfTheDriftHoldsTheTruthAsOftenAsItSays() throws {
    var hits = 0
    let all = runs(power: -0.2, bend: 0.1, noise: 0.05, seeds: 200)
    for part in 0..<40 {
      // Five seeds of each size and rate.
      let own = all.enumerated().filter { ($0.offset % 200) / 5 == part }.map(\.element)
      if try TransferCheck(own, count: 200).driftInterval.contains(-0.2) { hits += 1 }
    }
    // Of 40 at 95 %; resampling five seeds is a little too sure of itself.
    XCTAssertGreaterThanOrEqual(hits, 31, "\(hits) of 40")
  }
}
