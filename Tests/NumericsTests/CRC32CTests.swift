import TrimtabNumerics
import XCTest

final class CRC32CTests: XCTestCase {
  func testChecksumsMatchThePublishedOnes() {
    // The check value of the CRC catalogue, and those of RFC 3720, section B.4.
    XCTAssertEqual(checksum(Array("123456789".utf8)), 0xE306_9283)
    XCTAssertEqual(checksum([UInt8](repeating: 0, count: 32)), 0x8A91_36AA)
    XCTAssertEqual(checksum([UInt8](repeating: 0xFF, count: 32)), 0x62A8_AB43)
    XCTAssertEqual(checksum(Array(0..<32)), 0x46DD_794E)
    XCTAssertEqual(checksum([]), 0)
  }

  func testEveryLengthAndAlignmentAgreesWithTheBitwiseDefinition() {
    let bytes = (0..<200).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) }
    bytes.withUnsafeBytes { buffer in
      for start in 0..<9 {
        for length in 0...64 {
          let slice = UnsafeRawBufferPointer(rebasing: buffer[start..<(start + length)])
          var expected = UInt32.max
          for byte in slice {
            expected ^= UInt32(byte)
            for _ in 0..<8 { expected = (expected >> 1) ^ (expected & 1 == 1 ? 0x82F6_3B78 : 0) }
          }
          XCTAssertEqual(crc32c(slice), ~expected, "\(length) bytes from \(start)")
        }
      }
    }
  }

  private func checksum(_ bytes: [UInt8]) -> UInt32 {
    bytes.withUnsafeBytes { crc32c($0) }
  }
}
