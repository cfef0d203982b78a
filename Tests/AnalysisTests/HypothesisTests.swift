import TrimtabAnalysis
import XCTest

/// Where no other source is named, the expected values come from SciPy 1.17.1 on the same arrays.
final class HypothesisTests: XCTestCase {
  let table: [[Double]] = [
    [0.12, 0.30, 0.25, 0.41], [0.50, 0.52, 0.50, 0.61], [0.07, 0.11, 0.09, 0.08], [0.33, 0.29, 0.35, 0.40],
    [0.21, 0.22, 0.20, 0.26], [0.90, 0.95, 0.93, 0.95], [0.15, 0.18, 0.11, 0.25],
  ]

  // MARK: Friedman

  func testFriedmansStatisticAndItsFCorrectionAgreeWithTheFormulas() throws {
    let test = try FriedmanTest(table, correctsTies: false)
    XCTAssertEqual(test.averageRanks[1], 2.9285714285714284, accuracy: 1e-12)
    XCTAssertEqual(test.chiSquare, 11.828571428571427, accuracy: 1e-11)
    XCTAssertEqual(test.chiSquareP, 0.007994078184855912, accuracy: 1e-12)
    XCTAssertEqual(test.f, 7.7383177570093435, accuracy: 1e-11)
    XCTAssertEqual(test.fP, 0.0015861338736020824, accuracy: 1e-12)
  }

  func testTiesAreCorrectedFor() throws {
    let test = try FriedmanTest(table)
    XCTAssertEqual(test.chiSquare, 12.176470588235302, accuracy: 1e-11)
    XCTAssertEqual(test.chiSquareP, 0.006802458251189949, accuracy: 1e-12)
  }

  func testFriedmansTestAcceptsRankingsThatAllAgreeAndThatAllTie() throws {
    let alike = try FriedmanTest([[1, 2, 3], [1, 2, 3], [4, 5, 6]])
    XCTAssertEqual(alike.chiSquare, 6, accuracy: 1e-12)
    XCTAssertEqual(alike.f, .infinity)
    XCTAssertEqual(alike.fP, 0)
    let tied = try FriedmanTest([[1, 1], [2, 2]])
    XCTAssertEqual(tied.chiSquare, 0)
    XCTAssertEqual(tied.chiSquareP, 1)
    XCTAssertThrowsError(try FriedmanTest([[1, 2]]))
    XCTAssertThrowsError(try FriedmanTest([[1], [2]]))
  }

  // MARK: Nemenyi

  func testNemenyisCriticalValuesAreThoseOfThePublishedTable() throws {
    // Demšar 2006, table 5(a): q at 0.05 and 0.10 for 2 to 10 methods; q_0.05 of 4 methods is 2.569 and of 8 is 3.031.
    let published = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]
    let tenth = [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920]
    for (i, k) in (2...10).enumerated() {
      // P so that the root is 1.
      let scale = (Double(k * (k + 1)) / 6).squareRoot()
      // The table was cut off or rounded in places: its last digit is off by up to one.
      XCTAssertEqual(try nemenyiDifference(methodCount: k, taskCount: 1) / scale, published[i], accuracy: 0.0011)
      XCTAssertEqual(
        try nemenyiDifference(alpha: 0.1, methodCount: k, taskCount: 1) / scale, tenth[i], accuracy: 0.0011)
    }
    XCTAssertThrowsError(try nemenyiDifference(alpha: 1, methodCount: 3, taskCount: 5))
    XCTAssertThrowsError(try nemenyiDifference(methodCount: 1, taskCount: 5))
  }

  func testGroupsAreTheLargestRunsOfRanksWithinTheDifference() {
    XCTAssertEqual(groupsWithin(1, of: [3, 1, 1.5, 2.4, 5]), [[1, 2], [2, 3], [3, 0]])
    XCTAssertEqual(groupsWithin(10, of: [3, 1, 2]), [[1, 2, 0]])
    XCTAssertEqual(groupsWithin(0.1, of: [3, 1, 2]), [])
    XCTAssertEqual(groupsWithin(1, of: [2, 1]), [[1, 0]])
  }

  func testGroupsOfPairsThatDoNotDifferAreMaximal() throws {
    // 0–1–2 all alike, 2–3 alike, 4 alone.
    var alike = [[Bool]](repeating: [Bool](repeating: false, count: 5), count: 5)
    for (a, b) in [(0, 1), (1, 2), (0, 2), (2, 3)] {
      alike[a][b] = true
      alike[b][a] = true
    }
    XCTAssertEqual(try maximalGroups(alike), [[0, 1, 2], [2, 3]])
    XCTAssertThrowsError(try maximalGroups([[true, false]]))
  }

  // MARK: Wilcoxon

  func testSmallSamplesWithoutTiesAreTestedExactly() throws {
    let differences = [0.5, -1.25, 2, 3.5, -0.75, 4.25, 1.5, -2.5, 6, 5.25]
    let test = try WilcoxonTest(differences)
    XCTAssertTrue(test.isExact)
    XCTAssertEqual(test.statistic, 11)
    XCTAssertEqual(test.positiveRankSum, 44)
    XCTAssertEqual(test.p, 0.10546875, accuracy: 1e-15)
    XCTAssertEqual(try WilcoxonTest(differences, alternative: .less).p, 0.9580078125, accuracy: 1e-15)
    XCTAssertEqual(try WilcoxonTest(differences, alternative: .greater).p, 0.052734375, accuracy: 1e-15)

    let fifty = (1...50).map { (i: Int) -> Double in
      let whole = Double((i * 23) % 51)
      return whole - 20.5 + Double(i) / 1000
    }
    let large = try WilcoxonTest(fifty)
    XCTAssertTrue(large.isExact)
    XCTAssertEqual(large.statistic, 400)
    XCTAssertEqual(large.p, 0.02122367163684835, accuracy: 1e-14)
  }

  func testTiesAndZerosAreTestedByTheCorrectedNormalApproximation() throws {
    let differences: [Double] = [1, -1, 2, 2, -3, 0, 0, 4, 5, -2, 3, 3, 0, 6, 1, -4, 2, 5, -1, 3]
    typealias Row = (WilcoxonTest.Zeros, WilcoxonTest.Alternative, plain: Double, continuous: Double)
    let expected: [Row] = [
      (.dropped, .twoSided, 0.05122144678090133, 0.054123856922328246),
      (.dropped, .less, 0.9743892766095493, 0.9757747510063827),
      (.dropped, .greater, 0.025610723390450663, 0.027061928461164123),
      (.pratt, .twoSided, 0.05326570105635632, 0.05562068041340816),
      (.pratt, .less, 0.9733671494718218, 0.9745027007490303),
      (.pratt, .greater, 0.02663285052817816, 0.02781034020670408),
    ]
    for (zeros, alternative, plain, continuous) in expected {
      let test = try WilcoxonTest(differences, zeros: zeros, alternative: alternative)
      XCTAssertFalse(test.isExact)
      XCTAssertEqual(test.statistic, zeros == .pratt ? 50.5 : 35.5)
      XCTAssertEqual(test.zeroCount, 3)
      XCTAssertEqual(test.p, plain, accuracy: 1e-13)
      XCTAssertEqual(
        try WilcoxonTest(differences, zeros: zeros, alternative: alternative, isContinuityCorrected: true).p,
        continuous, accuracy: 1e-13)
    }
    let many = (1...60).map { (i: Int) -> Double in
      let whole = Double((i * 37) % 61 - 24)
      return whole * (1 + Double(i) / 1000)
    }
    let test = try WilcoxonTest(many)
    XCTAssertFalse(test.isExact)
    XCTAssertEqual(test.statistic, 541)
    XCTAssertEqual(test.p, 0.00941778816746231, accuracy: 1e-13)
  }

  func testPairsWithoutAnyDifferenceDifferByChanceAlone() throws {
    XCTAssertEqual(try WilcoxonTest([0, 0, 0]).p, 1)
    XCTAssertEqual(try WilcoxonTest([0, 1e-12], zeros: .pratt, decimals: 8).p, 1)
    XCTAssertEqual(try WilcoxonTest([]).p, 1)
    XCTAssertThrowsError(try WilcoxonTest([1, .nan]))
  }

  // MARK: Holm

  func testHolmsCorrectionIsMonotoneAndKeepsTheOrderGiven() {
    let corrected = holmCorrected([0.01, 0.04, 0.03, 0.005])
    for (value, expected) in zip(corrected, [0.03, 0.06, 0.06, 0.02]) {
      XCTAssertEqual(value, expected, accuracy: 1e-15)
    }
    XCTAssertEqual(holmCorrected([0.9, 0.8]), [1, 1])
    XCTAssertEqual(holmCorrected([]), [])
  }

  func testEveryPairIsTestedAndGroupedByItsCorrectedP() throws {
    // The third method is worse than both others on every task; the first two take turns.
    let values = (0..<12).map { i -> [Double] in
      let sign = i % 2 == 0 ? 1.0 : -1.0
      return [1 + sign * Double(i + 1) / 100, 1 - sign * Double(i + 1) / 100, 2 + Double(i) / 7]
    }
    let comparison = try PairwiseWilcoxon(values)
    XCTAssertEqual(comparison.pairs.map { [$0.first, $0.second] }, [[0, 1], [0, 2], [1, 2]])
    // All twelve differences have one sign: 2 · 2^−12, times three pairs, then two.
    XCTAssertEqual(try XCTUnwrap(comparison.p(0, 2)), 3 * 2 / 4096, accuracy: 1e-15)
    XCTAssertEqual(try XCTUnwrap(comparison.p(2, 1)), 3 * 2 / 4096, accuracy: 1e-15)
    XCTAssertNil(comparison.p(1, 1))
    XCTAssertEqual(try comparison.groups(), [[0, 1]])
  }
}
