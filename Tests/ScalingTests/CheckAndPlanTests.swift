import TrimtabScaling
import XCTest

final class CheckAndPlanTests: XCTestCase {
  func testATelescopingSweepCostsTheSameAtEachWidth() throws {
    let plan = try TelescopingPlan(base: 256, last: 2048, settings: 2, points: 8, spacing: 2)
    XCTAssertEqual(plan.stages.map(\.points), [64, 16, 4, 1])
    XCTAssertEqual(plan.stages.map(\.runCost), [1, 4, 16, 64])
    XCTAssertEqual(plan.stages.map(\.cost), [64, 64, 64, 64])
    XCTAssertEqual(plan.cost, 256)
    XCTAssertEqual(plan.fullGridCost, 4096)
    XCTAssertThrowsError(try TelescopingPlan(base: 256, last: 1000, settings: 2, points: 8, spacing: 2))
  }

  func testSchedulesBeginAndEndWhereTheySay() throws {
    for kind in LearningRateSchedule.Kind.allCases {
      let schedule = try LearningRateSchedule(kind, peak: 0.02, steps: 1000, warmup: 100, final: 1e-4, batchTokens: 4e6)
      XCTAssertEqual(schedule.rates.count, 1000, "\(kind)")
      XCTAssertEqual(schedule.rates.max() ?? 0, 0.02, accuracy: 1e-12, "\(kind)")
      XCTAssertTrue(schedule.rates.allSatisfy { $0 > 0 && $0 <= 0.02 * (1 + 1e-12) }, "\(kind)")
      guard kind != .constant, kind != .step else { continue }
      XCTAssertEqual(schedule.rates[999], 1e-4, accuracy: 1e-12, "\(kind)")
    }
    let cosine = try LearningRateSchedule(.cosine, peak: 1, steps: 200, warmup: 100)
    XCTAssertEqual(cosine.rates[49], 0.5, accuracy: 1e-12)
    XCTAssertEqual(cosine.rates[149], 0.5, accuracy: 1e-12)
    let rex = try LearningRateSchedule(.rex, peak: 1, steps: 100)
    XCTAssertEqual(rex.rates[49], 0.5 / 0.75, accuracy: 1e-12)
    let stable = try LearningRateSchedule(.warmupStableDecay, peak: 1, steps: 100, decayShare: 0.2, decay: .root)
    XCTAssertEqual(stable.rates[79], 1)
    XCTAssertEqual(stable.rates[84], 0.5, accuracy: 1e-12)
    let steps = try LearningRateSchedule(.step, peak: 1, steps: 100)
    XCTAssertEqual([steps.rates[49], steps.rates[50], steps.rates[75]].map { ($0 * 1000).rounded() }, [1000, 100, 10])
  }

  func testThePowerScheduleFollowsTheTokens() throws {
    let batch = 1024.0 * 4096
    let steps = Int(1e12 / batch)
    let schedule = try LearningRateSchedule(
      .power, peak: 0.02, steps: steps, warmup: 100, final: 0, decayShare: 0.1, batchTokens: batch)
    XCTAssertEqual(schedule.rates[Int(1e11 / batch) - 1], 1.005449e-2, accuracy: 1e-6)
    XCTAssertEqual(schedule.rates[Int(1e10 / batch)], 0.02)
    XCTAssertThrowsError(try LearningRateSchedule(.power, peak: 0.02, steps: 10))
  }

  func testARangeTestFindsTheSteepestFallAndTheDivergence() throws {
    let rates = try RangeTest.rates(from: 1e-6, to: 10, steps: 200)
    let losses = rates.map { rate in rate > 1 ? 50 : 3 - 2 / (1 + exp(-3 * log(rate / 1e-2))) + 0.2 * rate }
    let test = try RangeTest(rates: rates, losses: losses)
    XCTAssertEqual(log10(test.steepest), -2, accuracy: 0.5)
    XCTAssertEqual(log10(try XCTUnwrap(test.divergence)), 0, accuracy: 0.5)
    XCTAssertThrowsError(try RangeTest(rates: rates, losses: rates.map { 1 + $0 }))
  }

  func testTransferIsUnresolvedWhereSeedsDifferByMoreThanRates() throws {
    var runs: [TransferCheck.Run] = []
    for size in [64.0, 128, 256] {
      for k in -2...2 {
        for (i, noise) in [-0.05, 0.05].enumerated() {
          runs.append(
            .init(
              size: size, learningRate: 0.01 * pow(2, Double(k)),
              loss: 2 + 0.001 * Double(k * k) + noise * (i == 0 ? 1 : 1)))
        }
      }
    }
    let check = try TransferCheck(runs)
    XCTAssertEqual(check.verdict, .unresolved)
    XCTAssertTrue(check.reasons[0].contains("noise of seeds"), "\(check.reasons)")
  }

  func testEqualProductsOrEqualRatesDecideTheSalientDirection() throws {
    func runs(_ loss: (Double, Double) -> Double) -> [TrajectoryInvariance.Run] {
      [1e-3, 5e-4, 2.5e-4].flatMap { rate in
        [0.1, 0.2, 0.4].map { decay in
          .init(learningRate: rate, weightDecay: decay, losses: (1...9).map { loss(rate, decay) + 1 / Double($0) })
        }
      }
    }
    XCTAssertEqual(try TrajectoryInvariance.salientDirection(runs { 2 + abs(log($0 * $1 / 1e-4)) }).direction, .product)
    XCTAssertEqual(try TrajectoryInvariance.salientDirection(runs { rate, _ in 2 + abs(log(rate)) }).direction, .rate)
    XCTAssertThrowsError(try TrajectoryInvariance.salientDirection([]))
  }

  func testTheNextRunIsTheOneThatTellsMostForItsCost() throws {
    let sizes = [8.53, 21.56, 39.09, 61.12, 87.65, 118.68, 154.21]
    let losses = [3.9181, 3.6054, 3.4431, 3.3542, 3.2902, 3.2478, 3.224]
    let fit = try FittedCurve(.muScaling, inputs: sizes.map { [$0] }, values: losses)
    let next = fit.nextRuns(
      target: [1446.72],
      candidates: [.init(input: [60], cost: 1), .init(input: [600], cost: 1), .init(input: [600], cost: 1e6)])
    XCTAssertEqual(next.first?.input, [600], "what lies towards the target tells more than what is known")
    XCTAssertEqual(next.last?.cost, 1e6)
    XCTAssertTrue(next.allSatisfy { $0.reduction >= 0 && $0.reduction <= 1 })
  }

  func testTheAdvisorResolvesSizesAndRefusesContradictions() throws {
    var run = Situation(optimizer: .adamw)
    run.speed = 1e15
    run.deadline = 1e6
    let advice = try Advisor().advise(run)
    XCTAssertEqual(advice.situation.compute, 1e21)
    XCTAssertEqual(advice.situation.parameters ?? 0, 2.782e9, accuracy: 1e6)
    let time = advice.reports.first { $0.law == "chinchilla" }?.estimates.first { $0.quantity == .time }
    XCTAssertEqual(time?.value ?? 0, 1e6, accuracy: 1)
    run.parameters = 1e9
    run.tokens = 1e9
    run.compute = 1e21
    XCTAssertThrowsError(try Advisor().advise(run)) { XCTAssertTrue("\($0)".contains("leave one of N, D"), "\($0)") }
    for change in [
      { (run: inout Situation) in run.batchTokens = 512 }, { $0.batchTokens = 1e12 }, { $0.parameters = .nan },
      { $0.activeParameters = 1e12 }, { $0.weightDecay = -1 },
    ] {
      var wrong = Situation(optimizer: .adamw)
      (wrong.parameters, wrong.tokens) = (1e9, 2e10)
      change(&wrong)
      XCTAssertThrowsError(try Advisor().advise(wrong))
    }
  }

  func testAllLawsThatApplyAreAskedAndSayWhatTheyLack() throws {
    var run = Situation(optimizer: .adamw)
    (run.parameters, run.tokens, run.batchTokens) = (1e9, 1e11, 1e6)
    (run.learningRate, run.weightDecay, run.targetLoss, run.streams) = (1e-3, 0.1, 2.4, 4)
    (run.activeParameters, run.experts, run.tuned) = (2e8, 64, (1e-3, 2.5e10))
    let advice = try Advisor().advise(run)
    XCTAssertEqual(advice.skipped, [])
    XCTAssertEqual(Set(advice.reports.map(\.law)).count, advice.reports.count)
    for report in advice.reports {
      XCTAssertFalse(report.estimates.isEmpty, report.law)
      XCTAssertTrue(report.estimates.allSatisfy { $0.value.isFinite && $0.value > 0 }, report.law)
      XCTAssertFalse(report.units.isEmpty || report.source.isEmpty, report.law)
    }
    let lines = try XCTUnwrap(advice.reports.first { $0.law == "power-lines" })
    XCTAssertTrue(lines.unconfirmed.contains { $0.contains("0.0471") })
  }
}
