import TrimtabNumerics
import XCTest

final class SobolSequenceTests: XCTestCase {
  func testUnscrambledPointsEqualThoseOfSciPy() throws {
    let sequence = try SobolSequence(dimension: 10, seed: nil)
    for (index, expected) in SobolPoints.inSixtyFourths.enumerated() {
      XCTAssertEqual(sequence.point(at: UInt64(index)), expected.map { Double($0) / 64 }, "point \(index)")
    }
    XCTAssertEqual(SobolSequence.maximumDimension, 2048)
  }

  func testTheFirstPointsAreTheKnownOnes() throws {
    let sequence = try SobolSequence(dimension: 4, seed: nil)
    let expected = [
      [0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5], [0.75, 0.25, 0.25, 0.25], [0.25, 0.75, 0.75, 0.75],
      [0.375, 0.375, 0.625, 0.875], [0.875, 0.875, 0.125, 0.375], [0.625, 0.125, 0.875, 0.625],
      [0.125, 0.625, 0.375, 0.125],
    ]
    XCTAssertEqual((0..<8).map { sequence.point(at: $0) }, expected)
  }

  func testAllDirectionIntegersOfAllDimensionsEqualThoseOfSciPy() throws {
    let sequence = try SobolSequence(dimension: SobolSequence.maximumDimension, seed: nil)
    // The Gray code of 2^(b + 1) - 1 is bit b alone, so that these points are the direction integers themselves.
    var integers: [UInt32] = []
    for bit in 0..<32 as Range<UInt64> {
      integers += sequence.point(at: (2 << bit) - 1).map { UInt32($0 * 0x1p32).littleEndian }
    }
    // Checksum of scipy.stats.qmc.Sobol(2048, scramble=False, bits=32)._sv, transposed, little endian.
    XCTAssertEqual(integers.withUnsafeBytes { crc32c($0) }, 0xB532_79DB)
  }

  func testEveryAlignedBlockHasOnePointInEveryInterval() throws {
    for seed in [nil, 0, 1, 12345] as [UInt64?] {
      let sequence = try SobolSequence(dimension: 100, seed: seed)
      let points = (0..<1024).map { sequence.point(at: $0) }
      for k in 0...8 {
        let size = 1 << k
        for start in stride(from: 0, to: 1024, by: size) {
          for coordinate in 0..<100 {
            var taken = [Bool](repeating: false, count: size)
            for index in start..<(start + size) { taken[Int(points[index][coordinate] * Double(size))] = true }
            XCTAssertFalse(taken.contains(false), "2^\(k) points from \(start), coordinate \(coordinate)")
          }
        }
      }
    }
  }

  func testScrambledCoordinatesAverageOneHalfInEveryBlock() throws {
    let sequence = try SobolSequence(dimension: 2048, seed: 7)
    var sums = [Double](repeating: 0, count: 2048)
    var point = sums
    for index in 256..<512 as Range<UInt64> {
      sequence.point(at: index, into: &point)
      for coordinate in 0..<2048 {
        XCTAssertTrue(point[coordinate] >= 0 && point[coordinate] < 1)
        sums[coordinate] += point[coordinate]
      }
    }
    // With one point in each of 256 cells the mean is off by half a cell at most; over all coordinates, by far less.
    for sum in sums { XCTAssertEqual(sum / 256, 0.5, accuracy: 0.5 / 256) }
    let average = sums.reduce(0, +) / 256 / 2048
    XCTAssertEqual(average, 0.5, accuracy: 1e-4)
  }

  func testAScrambledPointIsUniformOverSeeds() throws {
    for index in [0, 1, 1000] as [UInt64] {
      var counts = [Int](repeating: 0, count: 64)
      for seed in 0..<6400 as Range<UInt64> {
        let point = try SobolSequence(dimension: 2, seed: seed).point(at: index)
        counts[Int(point[0] * 8) * 8 + Int(point[1] * 8)] += 1
      }
      assertEven(counts)
    }
  }

  func testScramblingLeavesPairsOfPointsUnrelatedBelowTheirCommonDigits() throws {
    // Points 0 and 1 fall in different halves; where within them must be independent and uniform, which a digital
    // shift alone would not give.
    var counts = [Int](repeating: 0, count: 64)
    for seed in 0..<6400 as Range<UInt64> {
      let sequence = try SobolSequence(dimension: 1, seed: seed)
      let first = (sequence.point(at: 0)[0] * 2).truncatingRemainder(dividingBy: 1)
      let second = (sequence.point(at: 1)[0] * 2).truncatingRemainder(dividingBy: 1)
      counts[Int(first * 8) * 8 + Int(second * 8)] += 1
    }
    assertEven(counts)
  }

  func testACoordinateDoesNotDependOnTheNumberOfDimensions() throws {
    let narrow = try SobolSequence(dimension: 3, seed: 99)
    let wide = try SobolSequence(dimension: 30, seed: 99)
    for index in [0, 5, 4_294_967_295] as [UInt64] {
      XCTAssertEqual(narrow.point(at: index), Array(wide.point(at: index)[..<3]))
    }
  }

  func testImpossibleDimensionsAreRefusedByName() throws {
    for dimension in [-1, 0, 2049] {
      XCTAssertThrowsError(try SobolSequence(dimension: dimension, seed: nil)) { error in
        XCTAssertEqual(error as? SobolError, .unsupportedDimension(dimension))
        XCTAssertTrue("\(error)".contains("1 to 2048 dimensions, not \(dimension)"))
      }
    }
    XCTAssertNoThrow(try SobolSequence(dimension: 2048, seed: 1))
  }
}
