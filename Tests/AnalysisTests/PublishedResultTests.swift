import TrimtabAnalysis
import XCTest

/// What others published about their own results, from those results.
final class PublishedResultTests: XCTestCase {
  // MARK: HPO-B

  /// Trajectories of 9 methods on 86 tasks with 5 seeds (Pineda-Arango et al., "HPO-B", NeurIPS 2021): the best
  /// normalised accuracy after each of trials 0 to 100.
  struct HPOB {
    static let methods = ["Random", "GP", "DGP", "DNGO", "BOHAMIANN", "RGPE", "TAF", "TST", "FSBO"]
    /// `[task][method][seed][trial]`: regrets.
    var regrets: [[[[Double]]]] = []

    init() throws {
      let rows = try BenchmarkData.rows("hpob-results/rows.csv").dropFirst()
      let values = try BenchmarkData.doubles("hpob-results/trajectories.f64")
      XCTAssertEqual(values.count, rows.count * 101)
      var tasks: [String: Int] = [:]
      for (i, row) in rows.enumerated() {
        let name = row[0] + "/" + row[1]
        let task = tasks[name] ?? regrets.count
        if task == regrets.count {
          tasks[name] = task
          regrets.append([[[Double]]](repeating: [], count: Self.methods.count))
        }
        let method = try XCTUnwrap(Self.methods.firstIndex(of: row[3]))
        XCTAssertEqual(Int(row[2]), regrets[task][method].count)
        let curve = values[(101 * i)..<(101 * (i + 1))]
        regrets[task][method].append(curve.map { rounded(1 - $0, decimals: 8) })
      }
    }

    /// `[task][method][seed]`.
    func at(_ trial: Int) -> [[[Double]]] {
      regrets.map { task in task.map { seeds in seeds.map { $0[trial] } } }
    }

    /// `[run][method]`: each seed a block of its own, as the publication ranks.
    func runs(_ trial: Int) -> [[Double]] {
      at(trial).flatMap { task in task[0].indices.map { seed in task.map { $0[seed] } } }
    }
  }

  private func check(_ values: [Double], _ printed: [Double], decimals: Int, line: UInt = #line) {
    let unit = (0..<decimals).reduce(0.5) { half, _ in half / 10 }
    XCTAssertEqual(values.count, printed.count, line: line)
    for (method, (value, expected)) in zip(values, printed).enumerated() {
      XCTAssertEqual(value, expected, accuracy: unit * 1.0001, HPOB.methods[method % 9], line: line)
    }
  }

  func testHPOBsMeanRanksOverRunsAreThePublishedOnes() throws {
    let data = try HPOB()
    XCTAssertEqual(data.regrets.count, 86)
    let printed: [(Int, [Double])] = [
      (5, [5.891, 4.764, 5.049, 5.074, 5.470, 4.403, 4.930, 4.926, 4.493]),
      (25, [6.697, 4.937, 5.030, 4.713, 5.390, 4.321, 4.831, 4.879, 4.202]),
      (50, [6.886, 5.028, 4.890, 4.823, 5.219, 4.430, 4.802, 4.814, 4.108]),
      (100, [6.844, 5.190, 4.900, 5.002, 4.997, 4.495, 4.787, 4.763, 4.022]),
    ]
    for (trial, ranks) in printed {
      let runs = data.runs(trial)
      XCTAssertEqual(runs.count, 430)
      check(try averageRanks(runs), ranks, decimals: 3)
    }
  }

  func testHPOBsMeanRegretsAreThePublishedOnes() throws {
    let data = try HPOB()
    func means(_ values: [[[Double]]]) -> [Double] {
      HPOB.methods.indices.map { method in Aggregate.mean(values.map { $0[method] }) }
    }
    check(means(data.at(25)), [0.0864, 0.0511, 0.0480, 0.0449, 0.0461, 0.0562, 0.0467, 0.0510, 0.0356], decimals: 4)
    check(means(data.at(100)), [0.0540, 0.0258, 0.0173, 0.0224, 0.0158, 0.0278, 0.0254, 0.0278, 0.0125], decimals: 4)
    let overTrials = data.regrets.map { task in task.map { seeds in seeds.map { mean($0) } } }
    check(
      means(overTrials), [0.0804, 0.0471, 0.0408, 0.0415, 0.0412, 0.0514, 0.0453, 0.0485, 0.0326], decimals: 4)
  }

  func testHPOBsTestsOverTasksAreThePublishedOnes() throws {
    let data = try HPOB()
    let values = seedMeans(data.at(100))
    // The published figures compare means exactly: some of their ties and orders hang on the last bit of a sum.
    let test = try FriedmanTest(values, decimals: nil)
    check(
      test.averageRanks, [7.349, 5.151, 5.157, 5.244, 4.983, 4.430, 4.663, 4.622, 3.401], decimals: 3)
    XCTAssertEqual(test.chiSquare, 136.73, accuracy: 0.005)
    XCTAssertEqual(test.chiSquareP, 1.1e-25, accuracy: 0.05e-25)
    XCTAssertEqual(test.f, 21.08, accuracy: 0.005)
    // Published as 1.296, from a critical value that had been rounded up to 3.102.
    XCTAssertEqual(try nemenyiDifference(methodCount: 9, taskCount: 86), 1.2954, accuracy: 0.00005)

    let pair = try WilcoxonTest(values.map { $0[8] - $0[1] })
    XCTAssertEqual(pair.statistic, 266)
    XCTAssertEqual(pair.p, 2.4e-5, accuracy: 0.05e-5)

    let early = try FriedmanTest(seedMeans(data.at(25)), decimals: nil)
    XCTAssertEqual(early.chiSquare, 110.05, accuracy: 0.005)
    XCTAssertEqual(early.f, 16.19, accuracy: 0.005)
  }

  // MARK: AlgoPerf

  private let baseWorkloads = [
    "criteo1tb", "fastmri", "imagenet_resnet", "imagenet_vit", "librispeech_conformer", "librispeech_deepspeech",
    "ogbg", "wmt",
  ]

  private func scores(
    _ file: String, integration: PerformanceProfile.Integration = .trapezoid(points: 100)
  ) throws -> [String: Double] {
    let rows = try BenchmarkData.rows("algoperf/" + file)
    let workloads = Array(rows[0].dropFirst())
    // A variant is named by its base workload and a suffix.
    var variants: [String: String] = [:]
    for workload in workloads where !baseWorkloads.contains(workload) {
      variants[workload] = try XCTUnwrap(baseWorkloads.first { workload.hasPrefix($0 + "_") })
    }
    let times = try rows.dropFirst().map { row in
      try row.dropFirst().map { $0.isEmpty ? .nan : try XCTUnwrap(Double($0)) }
    }
    let score = try AlgoPerfScore(times, workloads: workloads, variants: variants)
    let names = rows.dropFirst().map { $0[0] }
    return Dictionary(uniqueKeysWithValues: zip(names, try score.scores(integration: integration)))
  }

  private func check(_ scores: [String: Double], _ printed: [String: Double], line: UInt = #line) {
    for (name, expected) in printed {
      XCTAssertEqual(scores[name] ?? .nan, expected, accuracy: 0.5001e-4, name, line: line)
    }
  }

  func testAlgoPerfsExternalTuningScoresAreThePublishedOnes() throws {
    let file = "v05_external_tuning_time_to_target.csv"
    let printed = [
      "shampoo_submission": 0.7784, "schedule_free_adamw": 0.7077, "generalized_adam": 0.6383, "cyclic_lr": 0.6301,
      "nadamp": 0.5909, "baseline": 0.5707, "amos": 0.4918, "caspr_adaptive": 0.4722, "lawa_queue": 0.3699,
      "lawa_ema": 0.3384, "schedule_free_prodigy": 0,
    ]
    let found = try scores(file)
    XCTAssertEqual(Set(found.keys), Set(printed.keys))
    check(found, printed)
    check(
      try scores(file, integration: .exact),
      [
        "shampoo_submission": 0.7785, "schedule_free_adamw": 0.7062, "generalized_adam": 0.6370,
        "cyclic_lr": 0.6289, "nadamp": 0.5899, "baseline": 0.5692,
      ])
  }

  func testAlgoPerfsSelfTuningScoresAreThePublishedOnes() throws {
    let printed = [
      "schedule_free_adamw": 0.8542, "baseline": 0.8194, "nadamw_sequential": 0.3308, "sinv6_75": 0.1420,
      "sinv6": 0.0903, "adamg": 0,
    ]
    let found = try scores("v05_self_tuning_time_to_target.csv")
    XCTAssertEqual(Set(found.keys), Set(printed.keys))
    check(found, printed)
  }
}
