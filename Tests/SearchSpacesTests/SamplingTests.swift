import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabTestSupport
import XCTest

final class SamplingTests: XCTestCase {
  /// Counts into `count` cells over many draws.
  private func counts(
    _ space: Space, draws: Int, cells count: Int, _ cell: (Configuration) -> Int
  ) throws -> [Int] {
    var counts = [Int](repeating: 0, count: count)
    for index in 0..<draws { counts[cell(try space.sample(seed: 11, index: UInt64(index)))] += 1 }
    return counts
  }

  private func check(
    _ counts: [Int], _ probabilities: [Double], file: StaticString = #filePath, line: UInt = #line
  ) {
    XCTAssertEqual(probabilities.reduce(0, +), 1, accuracy: 1e-9, file: file, line: line)
    XCTAssertLessThan(
      chiSquare(counts, probabilities: probabilities), chiSquareLimit(degrees: counts.count - 1), "\(counts)",
      file: file, line: line)
  }

  /// One parameter, its first slot sorted into cells by `cell`.
  private func check(
    _ domain: Domain, draws: Int = 20_000, _ probabilities: [Double], file: StaticString = #filePath,
    line: UInt = #line,
    cell: (Double) -> Int
  ) throws {
    let space = try Space([Parameter("x", domain)])
    check(
      try counts(space, draws: draws, cells: probabilities.count) { cell($0.slots[0]) }, probabilities, file: file,
      line: line)
  }

  func testLogIntegersHaveTheMassOfTheirCells() throws {
    let domain = Domain.integer(try NumericDomain(low: 1, high: 8, scale: .log, isInteger: true))
    let masses = (1...8).map { Double.log((Double($0) + 0.5) / (Double($0) - 0.5)) / Double.log(17) }
    XCTAssertEqual(masses[0], Double.log(1.5 / 0.5) / Double.log(8.5 / 0.5), accuracy: 1e-15)
    XCTAssertEqual(masses[7], Double.log(8.5 / 7.5) / Double.log(17), accuracy: 1e-15)
    try check(domain, draws: 100_000, masses) { Int($0) - 1 }
  }

  func testIntegersAreUniform() throws {
    try check(
      .integer(try NumericDomain(low: -3, high: 12, step: 3, isInteger: true)), Array(repeating: 1.0 / 6, count: 6)
    ) { Int(($0 + 3) / 3) }
  }

  func testFloatsFollowTheirScale() throws {
    let tenths = Array(repeating: 0.1, count: 10)
    try check(.float(try NumericDomain(low: -1, high: 1)), tenths) { Int(($0 + 1) * 5) }
    try check(.float(try NumericDomain(low: 1e-4, high: 1, scale: .log)), tenths) {
      min(9, Int(Double.log($0 / 1e-4) / Double.log(1e4) * 10))
    }
    let end = Double.log(99)
    try check(.float(try NumericDomain(low: 0.01, high: 0.99, scale: .logit)), tenths) {
      min(9, Int((Double.log($0 / (1 - $0)) + end) / (2 * end) * 10))
    }
    try check(.float(try NumericDomain(low: 0, high: 1, step: 0.25)), Array(repeating: 0.2, count: 5)) { Int($0 * 4) }
  }

  func testPriorsGiveTheirDistribution() throws {
    // Φ(−1), Φ(0) − Φ(−1), … of the standard normal distribution.
    let tail = 0.158655253931457
    try check(
      .float(try NumericDomain(low: -.infinity, high: .infinity, prior: .normal(mean: 5, deviation: 2))),
      [tail, 0.5 - tail, 0.5 - tail, tail]
    ) { $0 < 3 ? 0 : $0 < 5 ? 1 : $0 < 7 ? 2 : 3 }
    try check(
      .float(try NumericDomain(low: 0, high: .infinity, prior: .logNormal(mean: 1, deviation: 1))),
      [tail, 0.5 - tail, 0.5 - tail, tail]
    ) { Double.log($0) < 0 ? 0 : Double.log($0) < 1 ? 1 : Double.log($0) < 2 ? 2 : 3 }
    let inner = 0.5 - tail
    try check(
      .float(try NumericDomain(low: 3, high: 7, prior: .normal(mean: 5, deviation: 2))),
      [(inner - 0.191462461274013) / inner / 2, 0.191462461274013 / inner, (inner - 0.191462461274013) / inner / 2]
    ) { $0 < 4 ? 0 : $0 < 6 ? 1 : 2 }
  }

  func testChoicesAreUniform() throws {
    let fifths = Array(repeating: 0.2, count: 5)
    try check(.categorical((0..<5).map { .integer($0) }), fifths) { Int($0) }
    try check(.ordinal((0..<5).map { .integer($0) }), fifths) { Int($0) }
    try check(.boolean, [0.5, 0.5]) { Int($0) }
  }

  func testPermutationsAreUniform() throws {
    let space = try Space([Parameter("x", .permutation((0..<4).map { .integer($0) }))])
    // The order's Lehmer code numbers the 24 permutations.
    let counts = try counts(space, draws: 24_000, cells: 24) { configuration in
      let order = configuration.slots
      return order.indices.reduce(0) { code, i in
        code * (order.count - i) + order[(i + 1)...].count { $0 < order[i] }
      }
    }
    check(counts, Array(repeating: 1.0 / 24, count: 24))
  }

  func testSimplexWeightsHaveTheMomentsOfTheUniformDirichletDistribution() throws {
    let parts = 4
    let space = try Space([Parameter("mix", .simplex((0..<parts).map { "p\($0)" }))])
    let draws = 40_000
    var sum = [Double](repeating: 0, count: parts)
    var products = [[Double]](repeating: [Double](repeating: 0, count: parts), count: parts)
    for index in 0..<draws {
      let w = try space.sample(seed: 5, index: UInt64(index)).slots
      XCTAssertEqual(w.reduce(0, +), 1, accuracy: 1e-12)
      for i in 0..<parts {
        sum[i] += w[i]
        for j in 0..<parts { products[i][j] += w[i] * w[j] }
      }
    }
    let n = Double(parts)
    // Mean 1/n, variance (n − 1)/(n²(n + 1)), covariance −1/(n²(n + 1)).
    for i in 0..<parts {
      let deviation = ((n - 1) / (n * n * (n + 1)) / Double(draws)).squareRoot()
      XCTAssertEqual(sum[i] / Double(draws), 1 / n, accuracy: 4 * deviation)
      for j in 0..<parts {
        let covariance = products[i][j] / Double(draws) - sum[i] * sum[j] / Double(draws * draws)
        let expected = (i == j ? n - 1 : -1) / (n * n * (n + 1))
        XCTAssertEqual(covariance, expected, accuracy: 0.0012)
      }
    }
  }

  func testEverySampleIsAConfigurationOfItsSpace() throws {
    for seed in 0..<300 as Range<UInt64> {
      let space = randomSpace(seed: seed)
      for index in 0..<10 as Range<UInt64> {
        let sample = try space.sample(seed: seed, index: index)
        XCTAssertTrue(space.contains(sample), "seed \(seed): \(space.json(of: sample).text)")
        XCTAssertNil(space.violatedConstraint(sample))
        for (p, parameter) in space.parameters.enumerated() {
          let value = space.value(of: p, in: sample)
          XCTAssertEqual(value != nil, space.isActive(p, in: sample.slots))
          if let fixed = parameter.fixedValue, let value {
            XCTAssertEqual(value.description, fixed.description, "seed \(seed)")
          }
        }
      }
    }
  }

  func testSamplesDependOnSeedAndIndexAndNotOnOtherParameters() throws {
    let small = try Space([.float("x", 0...1), .integer("n", 0...1_000_000)])
    let large = try Space([.boolean("new"), .float("x", 0...1), .float("y", 0...1), .integer("n", 0...1_000_000)])
    for index in 0..<20 as Range<UInt64> {
      let a = try small.sample(seed: 3, index: index)
      let b = try large.sample(seed: 3, index: index)
      XCTAssertEqual(small.value(of: 0, in: a), large.value(of: 1, in: b))
      XCTAssertEqual(small.value(of: 1, in: a), large.value(of: 3, in: b))
      XCTAssertEqual(a, try small.sample(seed: 3, index: index))
      XCTAssertNotEqual(a, try small.sample(seed: 4, index: index))
      XCTAssertNotEqual(a, try small.sample(seed: 3, index: index + 1))
    }
  }

  func testConstrainedSamplesAreUniformAmongWhatIsAllowed() throws {
    let space = try Space(
      [.integer("a", 1...4), .integer("b", 1...4)], constraints: [try Expression.parse("a + b <= 4")])
    // Six of the sixteen pairs are allowed.
    let pairs = [[1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [3, 1]]
    let counts = try counts(space, draws: 12_000, cells: 6) { configuration in
      pairs.firstIndex { $0.map(Double.init) == configuration.slots } ?? -1
    }
    check(counts, Array(repeating: 1.0 / 6, count: 6))
  }

  func testConstraintsThatNothingSatisfiesAreNamed() throws {
    let space = try Space(
      [.float("a", 0...1), .float("b", 0...1)],
      constraints: [try Expression.parse("a >= 0"), try Expression.parse("a + b > 3")])
    XCTAssertThrowsError(try space.sample(seed: 1, index: 0)) { error in
      XCTAssertEqual(
        "\(error)",
        "no configuration was found that satisfies the constraints: in 10000 draws 'a + b > 3' failed 10000 times "
          + "(loosen the constraint or narrow the ranges so that a configuration can satisfy it)")
    }
  }

  func testAConstraintOnAnInactiveParameterDoesNotApply() throws {
    let space = try Space(
      [.boolean("on"), try .float("x", 0...1).when("on")], constraints: [try Expression.parse("x > 2")])
    for index in 0..<50 as Range<UInt64> {
      XCTAssertEqual(space.values(of: try space.sample(seed: 1, index: index)).map(\.name), ["on"])
    }
  }
}
