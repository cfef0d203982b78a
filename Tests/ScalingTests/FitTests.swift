import TrimtabScaling
import XCTest

final class FitTests: XCTestCase {
  private func close(
    _ value: Double, _ expected: Double, _ tolerance: Double, file: StaticString = #filePath, line: UInt = #line
  ) {
    XCTAssertEqual(value, expected, accuracy: tolerance * abs(expected), file: file, line: line)
  }

  func testTheHorizonsOfOneModelGiveAnExponent() throws {
    let tokens: [Double] = [25, 50, 100, 200, 400, 800].map { $0 * 1e9 }
    let rates = [1.34e-3, 1.02e-3, 6.60e-4, 4.12e-4, 2.51e-4, 1.98e-4]
    let logs = (tokens.map { log($0) }, rates.map { log($0) })
    let all = try LinearFit([logs.0], logs.1, names: ["D"])
    close(-all.coefficients[1], 0.5869, 2e-4)
    let first = try LinearFit([Array(logs.0.prefix(3))], Array(logs.1.prefix(3)), names: ["D"])
    close(-first.coefficients[1], 0.5108, 2e-4)
    close(exp(first.predict([log(8e11)])), 2.344e-4, 1e-3)
  }

  func testMuScalingPredictsTheWidestModels() throws {
    let sizes = [8.53, 21.56, 39.09, 61.12, 87.65, 118.68, 154.21, 194.24, 676.48, 1446.72]
    let losses = [3.9181, 3.6054, 3.4431, 3.3542, 3.2902, 3.2478, 3.224, 3.1797, 3.0854, 3.0425]
    let seven = try FittedCurve(.muScaling, inputs: sizes.prefix(7).map { [$0] }, values: Array(losses.prefix(7)))
    for (value, expected) in zip(seven.parameters, [2.469431, -0.423108, 2.923299]) { close(value, expected, 2e-6) }
    for (value, expected) in zip(try XCTUnwrap(seven.standardErrors), [0.0710, 0.0283, 0.0380]) {
      close(value, expected, 2e-3)
    }
    for (size, loss) in zip(sizes.suffix(3), [3.18899, 3.08001, 3.03691]) { close(seven.predict([size]), loss, 2e-6) }
    let eight = try FittedCurve(.muScaling, inputs: sizes.prefix(8).map { [$0] }, values: Array(losses.prefix(8)))
    for (value, expected) in zip(eight.parameters, [2.446864, -0.408845, 2.901118]) { close(value, expected, 2e-6) }
    let left = seven.leaveOneScaleOut()
    XCTAssertEqual(left.count, 7)
    XCTAssertLessThan(left.map(\.meanError).max() ?? 1, 0.05)
  }

  func testCriticalBatchesFromStepsAndTheirLaw() throws {
    let batches = (0..<9).map { 64 * pow(2, Double($0)) }
    let rows: [(Double, [Double], Double, Double, Double)] = [
      (85, [46000, 23000, 13282, 7000, 3840, 2528, 1917, 1600, 1600], 1293.827, 2.834258e6, 745.320),
      (151, [96000, 49000, 24000, 12000, 7128, 4350, 2940, 2400, 2300], 1752.421, 5.677479e6, 955.158),
      (302, [196000, 90000, 46000, 23400, 13300, 7224, 4980, 3400, 2879], 2095.350, 1.138327e7, 1393.727),
      (604, [311000, 166000, 81000, 37440, 21320, 11400, 7199, 4700, 3800], 2459.927, 1.944969e7, 1888.522),
      (1200, [642000, 331000, 176000, 94000, 46500, 25000, 15360, 8900, 6500], 3897.307, 4.338113e7, 2533.411),
    ]
    var found: [Double] = []
    for (_, steps, a, b, critical) in rows {
      let fit = try FittedCurve(.criticalBatch, inputs: batches.map { [$0] }, values: steps)
      close(fit.parameters[0], a, 1e-5)
      close(fit.parameters[1], b, 1e-5)
      let batch = CriticalBatch.Hyperbola(a: fit.parameters[0], b: fit.parameters[1])
      close(batch.batchAtOverhead(reference: 256), critical, 1e-5)
      found.append(batch.batchAtOverhead(reference: 256))
    }
    let law = try LinearFit([rows.map { log($0.0) }], found.map { log($0) }, names: ["N"])
    close(exp(law.coefficients[0]), 93.1968, 1e-5)
    close(law.coefficients[1], 0.468278, 1e-5)
  }

  func testParallelScalingIsRecoveredFromItsOwnCurve() throws {
    let sizes = [5.36e8, 6.94e8, 1.09e9, 1.57e9, 2.77e9, 4.35e9]
    let inputs: [[Double]] = sizes.flatMap { n in [1.0, 2, 4, 8].map { streams in [n, streams] } }
    for law in [ParallelLaw.pile, .stackPython] {
      let fit = try FittedCurve(
        .parallel, inputs: inputs, values: inputs.map { law.loss(parameters: $0[0], streams: $0[1]) })
      close(fit.parameters[0], law.floor, 1e-3)
      close(fit.parameters[2], law.alpha, 1e-2)
      close(fit.parameters[3], law.gain, 1e-3)
      close(fit.predict([1.6e9, 8]), law.loss(parameters: 1.6e9, streams: 8), 1e-5)
    }
  }

  func testAnnealingFittedOnTwoSchedulesPredictsAThird() throws {
    let law = AnnealingLaw(floor: 2.79, a: 0.59, alpha: 0.456, c: 0.48)
    let steps = 6000
    let schedules: [LearningRateSchedule] = [
      try LearningRateSchedule(.constant, peak: 3e-4, steps: steps, warmup: 500),
      try LearningRateSchedule(.cosine, peak: 3e-4, steps: steps, warmup: 500, final: 3e-5),
      try LearningRateSchedule(.warmupStableDecay, peak: 3e-4, steps: steps, warmup: 500, final: 3e-5),
    ]
    var inputs: [[Double]] = []
    var values: [Double] = []
    for schedule in schedules.prefix(2) {
      let (sums, areas) = AnnealingLaw.areas(schedule.rates, warmup: 500)
      for step in stride(from: 600, to: steps, by: 100) {
        inputs.append([sums[step], areas[step]])
        values.append(law.loss(sum: sums[step], annealing: areas[step]))
      }
    }
    let fit = try FittedCurve(.annealing, inputs: inputs, values: values)
    let (sums, areas) = AnnealingLaw.areas(schedules[2].rates, warmup: 500)
    let last = steps - 1
    close(fit.predict([sums[last], areas[last]]), law.loss(sum: sums[last], annealing: areas[last]), 1e-5)
    XCTAssertThrowsError(
      try FittedCurve(
        .annealing, inputs: inputs.filter { $0[1] == 0 }, values: inputs.filter { $0[1] == 0 }.map { _ in 3 })
    ) { XCTAssertTrue("\($0)".contains("the rate never falls"), "\($0)") }
  }

  func testASettingsLawIsRecoveredAndItsGapIsThatOfTheGrid() throws {
    // The best rate is 3·N^−0.7·D^0.3, the best batch 0.6·D^0.57, with a bowl of loss around them.
    var runs: [SettingsFit.Run] = []
    for n in [1e7, 3e7, 1e8, 3e8] {
      for d in [1e9, 3e9, 1e10] {
        let best = (log(3 * pow(n, -0.7) * pow(d, 0.3)), log(0.6 * pow(d, 0.57)))
        for i in -6...6 {
          for j in -6...6 {
            let (x, y) = (Double(i) * 0.34, Double(j) * 0.34)
            runs.append(
              .init(
                parameters: n, tokens: d, settings: [exp(best.0 + x + 0.1), exp(best.1 + y)],
                loss: 2 + 1e3 / n.squareRoot() * (1 + 0.02 * (x + 0.1) * (x + 0.1) + 0.02 * y * y)))
          }
        }
      }
    }
    runs.append(.init(parameters: 1e7, tokens: 1e9, settings: [1, 1e5], loss: .nan))
    let fit = try SettingsFit(runs, names: ["learning rate", "batch"], needsN: [true, false])
    XCTAssertEqual(fit.diverged, 1)
    XCTAssertEqual(fit.laws[0].coefficients[1], -0.7, accuracy: 0.02)
    XCTAssertEqual(fit.laws[0].coefficients[2], 0.3, accuracy: 0.02)
    XCTAssertEqual(fit.laws[1].coefficients[1], 0)
    XCTAssertEqual(fit.laws[1].coefficients[2], 0.57, accuracy: 0.02)
    XCTAssertLessThan(fit.leaveOneCellOut().map(\.gap).max() ?? 1, 1e-3)
    XCTAssertLessThan(try XCTUnwrap(fit.extrapolation(above: 1e8)).gaps.map(\.gap).max() ?? 1, 1e-3)
    let interval = fit.intervals(parameters: 1e9, tokens: 3e9, count: 100)[0]
    let truth = 3 * pow(1e9, -0.7) * pow(3e9, 0.3)
    XCTAssertTrue(interval.byCell.lowerBound < truth * 1.05 && interval.byCell.upperBound > truth * 0.95)
    XCTAssertEqual(fit.doubts(parameters: 1e8, tokens: 3e9), [])
    XCTAssertTrue(fit.doubts(parameters: 1e10, tokens: 3e9).contains { $0.contains("not to be trusted") })
  }

  func testWhatCannotBeFittedIsSaid() {
    func message(_ body: () throws -> Void) -> String {
      do { try body() } catch { return "\(error)" }
      return "nothing was thrown"
    }
    XCTAssertTrue(
      message { _ = try LinearFit([[1, 2]], [1, 2], names: ["N"]) }.contains("too few"))
    XCTAssertTrue(
      message { _ = try LinearFit([[1, 1, 1, 1]], [1, 2, 3, 4], names: ["N"]) }.contains("same value in all rows"))
    XCTAssertTrue(
      message { _ = try LinearFit([[1, 2, 3, 4, 5], [2, 4, 6, 8, 10]], [1, 2, 3, 4, 6], names: ["N", "D"]) }
        .contains("N and D move together"))
    let line = (1...8).map { [Double($0) * 1e8, Double($0) * 2e9] }
    XCTAssertTrue(
      message { _ = try FittedCurve(.chinchilla, inputs: line, values: line.map { 2 + 1e4 / $0[0].squareRoot() }) }
        .contains("move together"))
    XCTAssertTrue(
      message { _ = try FittedCurve(.muScaling, inputs: [[1], [2]], values: [3, 2]) }.contains("too few"))
    XCTAssertTrue(
      message { _ = try FittedCurve(.chinchilla, inputs: line.map { [-$0[0], $0[1]] }, values: line.map { _ in 2 }) }
        .contains("N is -1e+08"))
  }

  func testLossesThatDoNotFallGiveAnIntervalThatShowsIt() throws {
    // Losses that rise with the size: nothing about larger sizes is known.
    let sizes: [Double] = [1, 2, 4, 8, 16, 32]
    let noisy = try FittedCurve(.muScaling, inputs: sizes.map { [$0] }, values: [3.0, 3.4, 2.9, 3.6, 3.1, 3.9])
    let interval = noisy.intervals([[1000]], count: 100).predictions[0]
    XCTAssertGreaterThan(interval.upperBound - interval.lowerBound, 0.5)
  }
}
