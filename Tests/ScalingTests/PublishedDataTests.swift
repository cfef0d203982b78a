import Foundation
import TrimtabScaling
import XCTest

/// Published grids and curves, which are not in the repository: TRIMTAB_BENCH_DATA names the folders in which they lie.
final class PublishedDataTests: XCTestCase {
  private typealias Rows = [[String: Double]]

  private func rows(_ path: String, _ source: String) throws -> Rows {
    let folders = ProcessInfo.processInfo.environment["TRIMTAB_BENCH_DATA"] ?? ""
    let texts = folders.split(separator: ":").lazy.compactMap {
      try? String(contentsOfFile: "\($0)/\(path)", encoding: .utf8)
    }
    guard let text = texts.first else {
      throw XCTSkip("\(path) is not there (from \(source)): set TRIMTAB_BENCH_DATA")
    }
    var lines = text.split(whereSeparator: \.isNewline).map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    let header = lines.removeFirst().map(String.init)
    return lines.map { fields in
      Dictionary(
        zip(header, fields).compactMap { name, field in Double(field).map { (name, $0) } },
        uniquingKeysWith: { a, _ in a })
    }
  }

  private func grid(_ file: String) throws -> [SettingsFit.Run] {
    try rows("steplaw/\(file)", "step-law/steplaw").map { row in
      let loss = row["smooth loss"] ?? .nan
      return SettingsFit.Run(
        parameters: row["N"] ?? .nan, tokens: row["D"] ?? .nan,
        settings: [row["lr"] ?? .nan, (row["bs"] ?? .nan) * 2048],
        loss: loss < 20 ? loss : .nan)
    }
  }

  func testStepLawOnItsOwnGrid() throws {
    let runs = try grid("dense_lr_bs_loss.csv")
    let fit = try SettingsFit(runs, names: ["lr", "batch"], needsN: [true, false])
    let gaps = fit.gaps(of: SettingsFit.stepLaw).map(\.gap)
    XCTAssertEqual(gaps.count, 17)
    XCTAssertEqual(100 * gaps.reduce(0, +) / 17, 0.0957, accuracy: 5e-4)
    XCTAssertEqual(100 * (gaps.max() ?? 0), 0.3103, accuracy: 5e-4)
    XCTAssertEqual(fit.nearBest.count, 129)
    let rate = fit.laws[0].coefficients
    XCTAssertEqual(exp(rate[0]), 77.687, accuracy: 0.01)
    XCTAssertEqual(rate[1], -0.76623, accuracy: 1e-5)
    XCTAssertEqual(rate[2], 0.19701, accuracy: 1e-5)
    XCTAssertEqual(exp(fit.laws[1].coefficients[0]), 0.20852, accuracy: 1e-5)
    XCTAssertEqual(fit.laws[1].coefficients[2], 0.61253, accuracy: 1e-5)
    let left = fit.leaveOneCellOut().map(\.gap)
    XCTAssertEqual(100 * left.reduce(0, +) / Double(left.count), 0.104, accuracy: 1e-3)
    XCTAssertEqual(100 * (left.max() ?? 0), 0.234, accuracy: 1e-3)
    let out = try XCTUnwrap(fit.extrapolation(above: 4.3e8))
    XCTAssertEqual(out.gaps.count, 5)
    XCTAssertEqual(100 * out.gaps.map(\.gap).reduce(0, +) / 5, 0.114, accuracy: 1e-3)
    XCTAssertEqual(out.laws[0].coefficients[1], -0.7765, accuracy: 1e-3)
    let intervals = fit.intervals(parameters: 1e9, tokens: 1e11)
    for (found, expected) in [
      (intervals[0].byRun, 1.28e-3...1.63e-3), (intervals[0].byCell, 1.34e-3...1.58e-3),
      (intervals[1].byRun, 1.02e6...1.28e6), (intervals[1].byCell, 0.89e6...1.31e6),
    ] {
      XCTAssertEqual(found.lowerBound, expected.lowerBound, accuracy: 0.04 * expected.lowerBound)
      XCTAssertEqual(found.upperBound, expected.upperBound, accuracy: 0.04 * expected.upperBound)
    }
    for (threshold, a1, a2, b1) in [
      (0.001, -0.7553, 0.2051, 0.6680), (0.005, -0.7117, 0.1731, 0.4957), (0.01, -0.6403, 0.1333, 0.4749),
    ] {
      let other = try SettingsFit(
        runs, names: ["lr", "batch"], needsN: [true, false], threshold: threshold)
      XCTAssertEqual(other.laws[0].coefficients[1], a1, accuracy: 2e-4)
      XCTAssertEqual(other.laws[0].coefficients[2], a2, accuracy: 2e-4)
      XCTAssertEqual(other.laws[1].coefficients[2], b1, accuracy: 2e-4)
    }
  }

  func testStepLawOnMixturesOfExpertsByTheirTotalSize() throws {
    // Cells differ in their active parameters, so each needs a size of its own here.
    let source = try rows("steplaw/moe_lr_bs_loss.csv", "step-law/steplaw")
    var cells: [String: Rows] = [:]
    for row in source where row["smooth loss"].map({ $0 < 20 }) == true {
      cells["\(row["Na"] ?? 0) \(row["N"] ?? 0) \(row["D"] ?? 0)", default: []].append(row)
    }
    XCTAssertEqual(cells.count, 16)
    var gaps: [Double] = []
    for runs in cells.values {
      let (n, d) = (runs[0]["N"] ?? .nan, runs[0]["D"] ?? .nan)
      let (rate, batch) = (
        log(StepLaw.printed.learningRate(parameters: n, tokens: d)), log(StepLaw.printed.batch(tokens: d))
      )
      func distance(_ row: [String: Double]) -> Double {
        let (x, y) = (log(row["lr"] ?? .nan) - rate, log((row["bs"] ?? .nan) * 2048) - batch)
        return x * x + y * y
      }
      let nearest = try XCTUnwrap(runs.min { distance($0) < distance($1) }?["smooth loss"])
      gaps.append(nearest / (runs.compactMap { $0["smooth loss"] }.min() ?? .nan) - 1)
    }
    XCTAssertEqual(100 * gaps.reduce(0, +) / 16, 0.159, accuracy: 1e-3)
    XCTAssertEqual(100 * (gaps.max() ?? 0), 0.514, accuracy: 1e-3)
  }

  func testStepLawsIntervalsFromItsPublishedBootstrap() throws {
    let vectors = try rows("steplaw/fitted_bootstrap_parameters.csv", "step-law/steplaw").map {
      StepLaw.Coefficients(
        logRate: $0["lr_intercept"] ?? .nan, rateN: $0["lr_coefN"] ?? .nan, rateD: $0["lr_coefD"] ?? .nan,
        logBatch: $0["bs_intercept"] ?? .nan, batchD: $0["bs_coefD"] ?? .nan)
    }
    let found = try XCTUnwrap(StepLaw.intervals(vectors, parameters: 7e9, tokens: 1.4e12))
    XCTAssertEqual(found.learningRate.lowerBound, 7.65e-4, accuracy: 1e-6)
    XCTAssertEqual(found.learningRate.upperBound, 1.136e-3, accuracy: 1e-6)
    XCTAssertEqual(found.batch.lowerBound, 4.20e6, accuracy: 1e4)
    XCTAssertEqual(found.batch.upperBound, 5.88e6, accuracy: 1e4)
  }

  func testTheReplicatedChinchillaFit() throws {
    let all = try rows("chinchilla/svg_extracted_data.csv", "epoch-research/analyzing-chinchilla")
    let losses = all.compactMap { $0["loss"] }.sorted(by: >)
    let kept = all.filter { ($0["loss"] ?? .infinity) < losses[4] }
    XCTAssertEqual(kept.count, 240)
    let fit = try FittedCurve(
      .chinchilla,
      inputs: kept.map { row in
        let n = row["Model Size"] ?? .nan
        return [n, (row["Training FLOP"] ?? .nan) / (6 * n)]
      }, values: kept.map { $0["loss"] ?? .nan })
    XCTAssertEqual(fit.objective, 1.0182740e-3, accuracy: 2e-9)
    for (value, expected) in zip(fit.parameters, [1.817218, 477.826, 2143.42, 0.347311, 0.367172]) {
      XCTAssertEqual(value, expected, accuracy: 1e-3 * expected)
    }
  }

  func testTheAnnealingLawPredictsSevenSchedulesFromTwo() throws {
    struct Expected {
      var size: Int
      var parameters: [Double]
      var objective: Double
      var mean: Double
      var worst: Double
    }
    for expected in [
      Expected(
        size: 25, parameters: [3.1640, 0.5094, 0.5239, 0.4062], objective: 1.0187e-4, mean: 0.158, worst: 1.022),
      Expected(
        size: 100, parameters: [2.7899, 0.5915, 0.4560, 0.4801], objective: 2.3645e-5, mean: 0.147, worst: 1.350),
      Expected(
        size: 400, parameters: [2.5371, 0.6394, 0.4300, 0.5729], objective: 8.6443e-5, mean: 0.224, worst: 1.204),
    ] {
      func curve(_ name: String) throws -> LoggedCurve {
        let all = try rows("curves/csv_\(expected.size)/\(name).csv", "thu-yao-01-luo/MultiPowerLaw")
        return try LoggedCurve(
          name: name, steps: all.map { Int($0["step"] ?? -1) }, rates: all.map { $0["lr"] ?? .nan },
          losses: all.map { $0["loss"] ?? .nan }, warmup: 2160,
          isStepped: name.hasPrefix("wsdcon"))
      }
      let fit = try AnnealingFit([try curve("constant_24000"), try curve("cosine_24000")])
      XCTAssertEqual(fit.curve.objective, expected.objective, accuracy: 0.01 * expected.objective)
      for (value, number) in zip(fit.curve.parameters, expected.parameters) {
        XCTAssertEqual(value, number, accuracy: 0.01 * number, "\(expected.size)M")
      }
      let others = [
        "constant_72000", "cosine_72000", "wsd_20000_24000", "wsdcon_18", "wsdcon_3", "wsdcon_9", "wsdld_20000_24000",
      ]
      let errors = try others.map { try fit.errors(curve($0)) }
      // Each schedule counts the same, whatever its length.
      let means = errors.map { $0.reduce(0, +) / Double($0.count) }
      XCTAssertEqual(100 * means.reduce(0, +) / Double(means.count), expected.mean, accuracy: 0.002)
      XCTAssertEqual(100 * (errors.joined().max() ?? 0), expected.worst, accuracy: 0.01)
    }
  }
}
