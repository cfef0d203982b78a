/// The CRC-32C checksum (Castagnoli polynomial, reflected, as in iSCSI, RFC 3720) of `bytes`.
///
/// Eight bytes a step by eight tables. Source: Kounavis & Berry, "Novel table lookup-based algorithms for
/// high-performance CRC generation", IEEE Trans. Computers 57(11), 2008.
public func crc32c(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
  crcTables.withUnsafeBufferPointer { tables in
    var crc = UInt32.max
    var position = 0
    while position &+ 8 <= bytes.count {
      let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)) ^ UInt64(crc)
      crc = 0
      for byte in 0..<8 {
        let value = Int(truncatingIfNeeded: (word &>> UInt64(8 &* byte)) & 0xFF)
        crc ^= tables[(7 &- byte) &* 256 &+ value]
      }
      position &+= 8
    }
    while position < bytes.count {
      crc = (crc &>> 8) ^ tables[Int((crc ^ UInt32(bytes[position])) & 0xFF)]
      position &+= 1
    }
    return ~crc
  }
}

/// Entry 256 k + b is the remainder of byte b followed by k zero bytes.
private let crcTables: [UInt32] = {
  var tables = [UInt32](repeating: 0, count: 8 * 256)
  for byte in 0..<256 {
    var remainder = UInt32(byte)
    for _ in 0..<8 {
      remainder = (remainder >> 1) ^ (remainder & 1 == 1 ? 0x82F6_3B78 : 0)
    }
    tables[byte] = remainder
  }
  for entry in 256..<tables.count {
    let before = tables[entry - 256]
    tables[entry] = (before >> 8) ^ tables[Int(before & 0xFF)]
  }
  return tables
}()
