#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Cuts a stream of bytes into lines, in bounded memory. Empty lines are passed over.
package struct LineSplitter {
  /// A line, or what is left of one that was too long.
  package enum Piece: Equatable {
    case line([UInt8])
    /// The beginning of a line of more than `limit` bytes, whose rest is dropped.
    case oversized(beginning: [UInt8])
  }

  /// The longest line, in bytes without its end, that is passed on.
  package let limit: Int
  /// Progress bars end their lines with a carriage return; so each state of one is a line.
  package let endsAtCarriageReturn: Bool

  private var partial: [UInt8] = []
  private var isSkipping = false

  /// How many bytes of an oversized line are kept for the message about it.
  static let keptOfOversized = 200

  package init(limit: Int, endsAtCarriageReturn: Bool) {
    self.limit = limit
    self.endsAtCarriageReturn = endsAtCarriageReturn
  }

  package mutating func append(_ bytes: UnsafeRawBufferPointer, into pieces: inout [Piece]) {
    var start = 0
    // Each is looked for again only once it has been passed, so that a chunk is searched once for both.
    var lineFeed = position(of: 10, in: bytes, from: 0)
    var carriageReturn = endsAtCarriageReturn ? position(of: 13, in: bytes, from: 0) : bytes.count
    while start < bytes.count {
      let end = min(lineFeed, carriageReturn)
      take(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), into: &pieces)
      guard end < bytes.count else { return }
      finishLine(into: &pieces)
      start = end + 1
      if end == lineFeed {
        lineFeed = position(of: 10, in: bytes, from: start)
      } else {
        carriageReturn = position(of: 13, in: bytes, from: start)
      }
    }
  }

  /// Ends the stream: what came since the last line end is a line too.
  package mutating func finish(into pieces: inout [Piece]) { finishLine(into: &pieces) }

  /// The first place of `byte` at or after `start`, or the count of bytes.
  private func position(of byte: Int32, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    guard start < bytes.count, let base = bytes.baseAddress,
      let found = memchr(base + start, byte, bytes.count - start)
    else { return bytes.count }
    return UnsafeRawPointer(found) - base
  }

  private mutating func take(_ bytes: UnsafeRawBufferPointer, into pieces: inout [Piece]) {
    guard !isSkipping else { return }
    guard partial.count + bytes.count <= limit else {
      partial.append(contentsOf: bytes.prefix(max(0, Self.keptOfOversized - partial.count)))
      pieces.append(.oversized(beginning: Array(partial.prefix(Self.keptOfOversized))))
      partial = []
      isSkipping = true
      return
    }
    partial.append(contentsOf: bytes)
  }

  private mutating func finishLine(into pieces: inout [Piece]) {
    if !partial.isEmpty { pieces.append(.line(partial)) }
    partial.removeAll(keepingCapacity: partial.capacity <= 65536)
    isSkipping = false
  }
}
