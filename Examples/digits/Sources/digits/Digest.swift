/// A 64-bit digest that notices damage (a cut or altered file), not malice.
///
/// Eight bytes a step, each multiplied and folded; the constants are those of SplitMix64's finaliser.
func digest(_ bytes: ArraySlice<UInt8>) -> UInt64 {
  bytes.withUnsafeBytes { raw in
    var hash = UInt64(raw.count) &* 0x9E37_79B9_7F4A_7C15
    func fold(_ word: UInt64) {
      hash = (hash ^ word) &* 0xBF58_476D_1CE4_E5B9
      hash ^= hash >> 29
    }
    var offset = 0
    while offset + 8 <= raw.count {
      fold(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      offset += 8
    }
    while offset < raw.count {
      fold(UInt64(raw[offset]))
      offset += 1
    }
    return hash
  }
}
