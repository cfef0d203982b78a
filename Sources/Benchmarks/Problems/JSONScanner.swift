/// Walks through a JSON text without making a tree of it, for files of hundreds of megabytes that are mostly numbers.
struct JSONScanner {
  private let bytes: [UInt8]
  private let path: String
  private(set) var position: Int
  private var depth = 0

  private static let maximumDepth = 64

  init(_ bytes: [UInt8], path: String, at position: Int = 0) {
    self.bytes = bytes
    self.path = path
    self.position = position
  }

  func failure(_ message: String, at offset: Int) -> ProblemError {
    let before = bytes.prefix(offset)
    let line = before.count { $0 == 0x0A } + 1
    let column = offset - (before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0) + 1
    return ProblemError(message, at: "\(path):\(line):\(column)")
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  var startsArray: Bool { next == UInt8(ascii: "[") }

  mutating func space() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    space()
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(ProblemError) {
    guard accept(character) else {
      throw failure(position < bytes.count ? "expected '\(character)'" : "the file ends too early", at: position)
    }
  }

  /// Calls `body` before each value of an object; it must read or skip the value.
  mutating func object(
    _ body: (inout JSONScanner, _ key: String) throws(ProblemError) -> Void
  ) throws(ProblemError) {
    try enter()
    defer { depth -= 1 }
    try expect("{")
    if accept("}") { return }
    repeat {
      let key = try text()
      try expect(":")
      try body(&self, key)
    } while accept(",")
    try expect("}")
  }

  /// Calls `body` before each item of an array; it must read or skip the item.
  mutating func array(_ body: (inout JSONScanner) throws(ProblemError) -> Void) throws(ProblemError) {
    try enter()
    defer { depth -= 1 }
    try expect("[")
    if accept("]") { return }
    repeat { try body(&self) } while accept(",")
    try expect("]")
  }

  private mutating func enter() throws(ProblemError) {
    guard depth < Self.maximumDepth else { throw failure("nested too deeply", at: position) }
    depth += 1
  }

  /// An array of finite numbers.
  mutating func numbers() throws(ProblemError) -> [Double] {
    var result: [Double] = []
    try array { scanner throws(ProblemError) in result.append(try scanner.number()) }
    return result
  }

  /// A finite number.
  mutating func number() throws(ProblemError) -> Double {
    space()
    let start = position
    while let byte = next, (0x30...0x39).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte) {
      position += 1
    }
    guard let value = Double(String(decoding: bytes[start..<position], as: UTF8.self)), value.isFinite else {
      throw failure("expected a finite number", at: start)
    }
    return value
  }

  /// A text without escapes, as the keys of data files are.
  private mutating func text() throws(ProblemError) -> String {
    try expect("\"")
    let start = position
    while let byte = next, byte != UInt8(ascii: "\"") {
      guard byte != UInt8(ascii: "\\") else { throw failure("a key with an escape is not read here", at: position) }
      position += 1
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    try expect("\"")
    return text
  }

  /// Passes over one value of any kind, looking only at brackets and quotes.
  mutating func skipValue() throws(ProblemError) {
    space()
    let start = position
    var open = 0
    var isText = false
    bytes.withUnsafeBufferPointer { bytes in
      while position < bytes.count {
        let byte = bytes[position]
        if isText {
          if byte == UInt8(ascii: "\\") { position += 1 }
          if byte == UInt8(ascii: "\"") { isText = false }
        } else if byte == UInt8(ascii: "\"") {
          isText = true
        } else if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") {
          open += 1
        } else if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") {
          if open == 0 { break }
          open -= 1
        } else if byte == UInt8(ascii: ","), open == 0 {
          break
        }
        position += 1
      }
    }
    position = min(position, bytes.count)
    guard open == 0, !isText, position > start else { throw failure("the value has no end", at: start) }
  }

  /// Makes sure that nothing follows.
  mutating func end() throws(ProblemError) {
    space()
    guard position == bytes.count else { throw failure("something follows the end of the document", at: position) }
  }
}
