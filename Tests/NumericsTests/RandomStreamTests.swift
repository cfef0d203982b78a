import TrimtabNumerics
import XCTest

final class RandomStreamTests: XCTestCase {
  func testThreefryGivesThePublishedKnownAnswers() {
    let ones = UInt64.max
    let vectors: [(counter: (UInt64, UInt64), key: (UInt64, UInt64), answer: (UInt64, UInt64))] = [
      ((0, 0), (0, 0), (0xC2B6_E3A8_C2C6_9865, 0x6F81_ED42_F350_084D)),
      ((ones, ones), (ones, ones), (0xE02C_B7C4_D95D_277A, 0xD066_33D0_893B_8B68)),
      (
        (0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344), (0xA409_3822_299F_31D0, 0x082E_FA98_EC4E_6C89),
        (0x263C_7D30_BB0F_0AF1, 0x56BE_8361_D331_1526)
      ),
    ]
    for vector in vectors {
      let words = Threefry.block(counter: vector.counter, key: vector.key)
      XCTAssertEqual(words.0, vector.answer.0)
      XCTAssertEqual(words.1, vector.answer.1)
    }
  }

  func testAStreamReadsItsBlocksInOrderUnderItsOwnKeyAndCounter() {
    var stream = RandomStream(seed: 5, purpose: 6, index: 7)
    for block in 0..<10 as Range<UInt64> {
      let words = Threefry.block(counter: (7, block), key: (5, 6))
      XCTAssertEqual(stream.next(), words.0)
      XCTAssertEqual(stream.next(), words.1)
    }
  }

  func testUniformNumbersFillAHundredCellsEvenly() {
    for seed in 1...5 as ClosedRange<UInt64> {
      var stream = RandomStream(seed: seed, purpose: 1, index: 0)
      var counts = [Int](repeating: 0, count: 100)
      for _ in 0..<100_000 {
        let value = stream.uniform()
        XCTAssertTrue(value >= 0 && value < 1)
        counts[Int(value * 100)] += 1
      }
      assertEven(counts)
    }
  }

  func testNeighbouringStreamsAreUnrelated() {
    var counts = [Int](repeating: 0, count: 100)
    for index in 0..<100_000 as Range<UInt64> {
      var stream = RandomStream(seed: 3, purpose: 9, index: index)
      counts[Int(stream.uniform() * 10) * 10 + Int(stream.uniform() * 10)] += 1
    }
    assertEven(counts)
  }

  func testIndicesBelowABoundAreEven() {
    for bound in [1, 2, 3, 7, 10, 100] {
      var stream = RandomStream(seed: 11, purpose: UInt64(bound), index: 0)
      var counts = [Int](repeating: 0, count: bound)
      for _ in 0..<(1000 * bound) { counts[stream.index(below: bound)] += 1 }
      assertEven(counts)
    }
  }

  func testIndicesBelowABoundNearTwoToTheSixtyThirdAreUnbiased() {
    // Without rejection the residues would come up in the proportions 3 : 3 : 2.
    let bound = 3 << 61
    var stream = RandomStream(seed: 1, purpose: 2, index: 3)
    var counts = [0, 0, 0]
    for _ in 0..<30_000 { counts[stream.index(below: bound) % 3] += 1 }
    assertEven(counts)
  }

  func testNormalNumbersFillEquallyLikelyCellsEvenly() {
    for seed in 1...3 as ClosedRange<UInt64> {
      var stream = RandomStream(seed: seed, purpose: 1, index: 0)
      // The quartiles and the median of the standard normal distribution.
      let quartile = 0.67448975019608174
      var counts = [0, 0, 0, 0]
      var sum = 0.0
      var squares = 0.0
      for _ in 0..<40_000 {
        let value = stream.normal()
        counts[value < -quartile ? 0 : value < 0 ? 1 : value < quartile ? 2 : 3] += 1
        sum += value
        squares += value * value
      }
      assertEven(counts)
      XCTAssertEqual(sum / 40_000, 0, accuracy: 5 / 200)
      XCTAssertEqual(squares / 40_000, 1, accuracy: 5 * 1.4143 / 200)
    }
  }

  func testShuffleGivesEveryOrderEquallyOften() {
    var stream = RandomStream(seed: 8, purpose: 0, index: 0)
    var counts: [[Int]: Int] = [:]
    for _ in 0..<24_000 {
      var elements = [0, 1, 2, 3]
      stream.shuffle(&elements)
      counts[elements, default: 0] += 1
    }
    XCTAssertEqual(counts.count, 24)
    assertEven(Array(counts.values))
  }

  func testStableHashIsTheSameOnEveryMachine() {
    XCTAssertEqual(stableHash(""), 0xF52A_15E9_A9B5_E89B)
    XCTAssertEqual(stableHash("learning_rate"), 0x44F3_8593_152E_7252)
    XCTAssertEqual(Set((0..<10_000).map { stableHash("p\($0)") }).count, 10_000)
  }

  func testMixFlipsHalfTheBitsWhenOneInputBitFlips() {
    for bit in 0..<64 {
      var flipped = 0
      for trial in 0..<64 as Range<UInt64> {
        flipped += (mix(trial, 77) ^ mix(trial ^ (1 << bit), 77)).nonzeroBitCount
        flipped += (mix(77, trial) ^ mix(77, trial ^ (1 << bit))).nonzeroBitCount
      }
      // 8,192 bits, standard deviation 45.
      XCTAssertEqual(Double(flipped), 4096, accuracy: 5 * 45)
    }
    XCTAssertNotEqual(mix(1, 2), mix(2, 1))
  }
}

final class KeyedPermutationTests: XCTestCase {
  func testEveryElementComesUpExactlyOnce() {
    for count in Array(0...300) + [1023, 1024, 1025, 65_536, 65_537, 100_003] {
      let permutation = KeyedPermutation(count: count, seed: UInt64(count) &* 977)
      var seen = [Bool](repeating: false, count: count)
      for place in 0..<count { seen[permutation[place]] = true }
      XCTAssertFalse(seen.contains(false), "count \(count)")
    }
  }

  func testHugeRangesKeepTheirElementsApartAndInside() {
    for count in [Int.max, 1 << 40, (1 << 32) + 1] {
      let permutation = KeyedPermutation(count: count, seed: 4)
      let elements = Set((0..<1000).map { permutation[$0] } + (1...1000).map { permutation[count - $0] })
      XCTAssertEqual(elements.count, 2000)
      XCTAssertTrue(elements.allSatisfy { $0 >= 0 && $0 < count })
    }
  }

  func testSeedsGiveEveryOrderOfFourEquallyOften() {
    for count in [2, 3, 4] {
      var counts: [[Int]: Int] = [:]
      let orders = (1...count).reduce(1, *)
      for seed in 0..<UInt64(1000 * orders) {
        let permutation = KeyedPermutation(count: count, seed: seed)
        counts[(0..<count).map { permutation[$0] }, default: 0] += 1
      }
      XCTAssertEqual(counts.count, orders)
      assertEven(Array(counts.values))
    }
  }

  func testThePlaceOfAnElementIsUniformOverSeeds() {
    var counts = [Int](repeating: 0, count: 20 * 20)
    for seed in 0..<10_000 as Range<UInt64> {
      let permutation = KeyedPermutation(count: 20, seed: seed)
      for place in 0..<20 { counts[place * 20 + permutation[place]] += 1 }
    }
    assertEven(counts)
  }
}

/// Asserts by a chi-square test at about one in a million that all cells are equally likely.
func assertEven(_ counts: [Int], file: StaticString = #filePath, line: UInt = #line) {
  guard counts.count > 1 else { return }
  let total = Double(counts.reduce(0, +))
  let expected = total / Double(counts.count)
  let statistic = counts.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
  // Wilson & Hilferty: the cube root of chi-square over its degrees of freedom is nearly normal.
  let freedom = Double(counts.count - 1)
  let spread = 2 / (9 * freedom)
  let limit = 1 - spread + 4.75 * spread.squareRoot()
  XCTAssertLessThan(statistic, freedom * limit * limit * limit, file: file, line: line)
}
