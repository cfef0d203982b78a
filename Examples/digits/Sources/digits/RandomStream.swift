/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
///
/// Its whole state is one word, so that a checkpoint can carry it.
struct RandomStream: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  /// A number drawn uniformly from -bound ..< bound.
  mutating func uniform(within bound: Float) -> Float {
    let unit = Float(next() >> 40) * 0x1p-24
    return (2 * unit - 1) * bound
  }

  /// Shuffles `items` in place (Fisher and Yates). Written here because the standard library
  /// does not promise that its own shuffle stays the same from one release to the next.
  mutating func shuffle(_ items: inout [Int]) {
    var last = items.count - 1
    while last > 0 {
      let chosen = Int(next().multipliedFullWidth(by: UInt64(last + 1)).high)
      items.swapAt(last, chosen)
      last -= 1
    }
  }
}
