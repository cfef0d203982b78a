/// The Threefry2x64 block function with 20 rounds.
///
/// Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.2.
public enum Threefry {
  /// Encrypts `counter` under `key`: a bijection of the 2^128 counters for every key.
  @inlinable
  public static func block(counter: (UInt64, UInt64), key: (UInt64, UInt64)) -> (UInt64, UInt64) {
    let parity = key.0 ^ key.1 ^ 0x1BD1_1BDA_A9FC_1A22
    var x = counter.0 &+ key.0
    var y = counter.1 &+ key.1
    rounds(&x, &y, 16, 42, 12, 31)
    x &+= key.1
    y &+= parity &+ 1
    rounds(&x, &y, 16, 32, 24, 21)
    x &+= parity
    y &+= key.0 &+ 2
    rounds(&x, &y, 16, 42, 12, 31)
    x &+= key.0
    y &+= key.1 &+ 3
    rounds(&x, &y, 16, 32, 24, 21)
    x &+= key.1
    y &+= parity &+ 4
    rounds(&x, &y, 16, 42, 12, 31)
    x &+= parity
    y &+= key.0 &+ 5
    return (x, y)
  }

  @inlinable @inline(__always)
  static func rounds(
    _ x: inout UInt64, _ y: inout UInt64, _ first: UInt64, _ second: UInt64, _ third: UInt64, _ fourth: UInt64
  ) {
    round(&x, &y, first)
    round(&x, &y, second)
    round(&x, &y, third)
    round(&x, &y, fourth)
  }

  @inlinable @inline(__always)
  static func round(_ x: inout UInt64, _ y: inout UInt64, _ rotation: UInt64) {
    x &+= y
    y = ((y &<< rotation) | (y &>> (64 &- rotation))) ^ x
  }
}

/// A counter-based stream of random numbers: the same (seed, purpose, index) gives the same numbers on every machine,
/// in every run, whatever other streams were read before.
///
/// Copying a stream copies its position: both copies then give the same numbers. Derive independent streams by
/// another `purpose` or `index`, not by copying. A stream holds 2^65 words before it repeats.
///
/// Source: Salmon et al. 2011 (see ``Threefry``).
@frozen
public struct RandomStream: RandomNumberGenerator, Sendable {
  @usableFromInline let seed: UInt64
  @usableFromInline let purpose: UInt64
  @usableFromInline let streamIndex: UInt64
  @usableFromInline var nextBlock: UInt64
  @usableFromInline var heldWord: UInt64
  @usableFromInline var holdsWord: Bool

  /// - Parameters:
  ///   - seed: the seed of the study; first half of the key.
  ///   - purpose: what the numbers are for, such as `stableHash` of a parameter's name; second half of the key.
  ///   - index: which of the streams for this purpose, such as a trial number; first half of the counter.
  @inlinable
  public init(seed: UInt64, purpose: UInt64, index: UInt64) {
    self.seed = seed
    self.purpose = purpose
    streamIndex = index
    nextBlock = 0
    heldWord = 0
    holdsWord = false
  }

  /// The next 64 uniform bits.
  @inlinable
  public mutating func next() -> UInt64 {
    if holdsWord {
      holdsWord = false
      return heldWord
    }
    let words = Threefry.block(counter: (streamIndex, nextBlock), key: (seed, purpose))
    nextBlock &+= 1
    heldWord = words.1
    holdsWord = true
    return words.0
  }

  /// A uniform number in [0, 1), a multiple of 2^-53.
  @inlinable
  public mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// A uniform index in `0..<n`, without bias.
  ///
  /// Source: Lemire, "Fast random integer generation in an interval", ACM TOMACS 29(1), 2019.
  /// - Precondition: `n > 0`.
  @inlinable
  public mutating func index(below n: Int) -> Int {
    precondition(n > 0, "RandomStream.index(below:) needs a positive bound; got \(n)")
    let bound = UInt64(n)
    var product = next().multipliedFullWidth(by: bound)
    if product.low < bound {
      let threshold = (0 &- bound) % bound
      while product.low < threshold {
        product = next().multipliedFullWidth(by: bound)
      }
    }
    return Int(product.high)
  }

  /// A standard normal number, by inversion of one uniform number: exactly one word is read, so that streams stay
  /// aligned whatever was drawn. Values lie within ±8.21.
  @inlinable
  public mutating func normal() -> Double {
    // Midpoints of 2^52 cells: never 0 or 1, and symmetric about one half.
    NormalDistribution.quantile((Double(next() >> 12) + 0.5) * 0x1p-52)
  }

  /// Puts the elements in uniformly random order (Fisher–Yates).
  ///
  /// Unlike `shuffle(using:)` of the standard library, the order for a given stream is fixed here, whatever the
  /// version of the compiler.
  @inlinable
  public mutating func shuffle<Elements: MutableCollection & RandomAccessCollection>(_ elements: inout Elements) {
    var remaining = elements.count
    while remaining > 1 {
      let chosen = index(below: remaining)
      remaining -= 1
      elements.swapAt(
        elements.index(elements.startIndex, offsetBy: remaining),
        elements.index(elements.startIndex, offsetBy: chosen))
    }
  }
}

/// A bijective 64-bit finaliser.
///
/// Source: Stafford's variant 13 of the MurmurHash3 finaliser, as in Steele, Lea & Flood, "Fast splittable
/// pseudorandom number generators", OOPSLA 2014.
@inlinable @inline(__always)
func finalise(_ value: UInt64) -> UInt64 {
  var x = value
  x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
  x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
  return x ^ (x >> 31)
}

/// A hash of the UTF-8 bytes of `text` that is the same in every run and on every machine: FNV-1a (64 bits) and a
/// finaliser. Not for untrusted keys.
///
/// Texts that differ in Unicode normalisation hash differently, although `String` holds them equal.
@inlinable
public func stableHash(_ text: String) -> UInt64 {
  var hash: UInt64 = 0xCBF2_9CE4_8422_2325
  for byte in text.utf8 {
    hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
  }
  return finalise(hash)
}

/// Combines two keys into one. The order counts; with either key held fixed it is a bijection of the other.
@inlinable
public func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
  finalise(finalise(a &+ 0x9E37_79B9_7F4A_7C15) ^ b)
}
