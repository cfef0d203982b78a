/// A pseudo-random order of `0..<count` that needs no table: element `i` is computed on its own, in O(1) memory.
///
/// A balanced Feistel network on the smallest even number of bits that holds `count`, with cycle walking: values
/// outside the range are encrypted again until they fall inside. Source: Black & Rogaway, "Ciphers with arbitrary
/// finite domains", CT-RSA 2002. For sampling without replacement, not for secrecy.
@frozen
public struct KeyedPermutation: Sendable {
  /// The number of elements.
  public let count: Int
  @usableFromInline let seed: UInt64
  @usableFromInline let halfBits: UInt64

  /// - Precondition: `count >= 0`.
  @inlinable
  public init(count: Int, seed: UInt64) {
    precondition(count >= 0, "KeyedPermutation needs a count of at least 0; got \(count)")
    self.count = count
    self.seed = seed
    let bits = count <= 1 ? 0 : 64 - (count - 1).leadingZeroBitCount
    // On fewer than 6 bits a Feistel network reaches too few of the orders.
    halfBits = UInt64(max(3, (bits + 1) / 2))
  }

  /// The element at place `i`.
  /// - Precondition: `0 <= i < count`.
  @inlinable
  public subscript(i: Int) -> Int {
    precondition(i >= 0 && i < count, "KeyedPermutation has places 0..<\(count); got \(i)")
    if count == 1 { return 0 }
    var value = UInt64(i)
    repeat {
      value = encrypt(value)
    } while value >= UInt64(count)
    return Int(value)
  }

  @inlinable
  func encrypt(_ value: UInt64) -> UInt64 {
    let mask: UInt64 = (1 &<< halfBits) &- 1
    var left = value &>> halfBits
    var right = value & mask
    var roundKey = seed
    for _ in 0..<8 {
      roundKey &+= 0x9E37_79B9_7F4A_7C15
      let mixed = left ^ (mix(roundKey, right) & mask)
      left = right
      right = mixed
    }
    return (left &<< halfBits) | right
  }
}
