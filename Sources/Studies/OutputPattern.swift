import TrimtabSearchSpaces

/// A pattern for reports among the lines that a trial prints, such as `epoch {epoch}: loss {loss}`.
///
/// The pattern may stand anywhere in a line, but not inside a word: `loss {loss}` does not match `val_loss 0.5`. A run of
/// white space matches any run of white space. A name in braces matches a number: decimal, with or without an exponent,
/// `nan`, or `inf`. `{{` and `}}` stand for braces. The first match in a line counts.
///
/// Matching takes time proportional to the length of the line.
public struct OutputPattern: Sendable {
  private enum Piece: Sendable {
    /// White space is collapsed into single spaces.
    case literal([UInt8])
    case number
  }

  /// The names in braces, in their order.
  public let names: [String]
  private let pieces: [Piece]

  /// Longer runs of digits are no number that a program prints; the limit keeps matching linear.
  private static let maximumNumberLength = 64

  /// - Parameters:
  ///   - fidelity: the name of the study's fidelity, which the pattern must contain.
  ///   - objectives: the metrics of the study's objectives, one of which the pattern must contain.
  /// - Throws: `SpaceError` when the pattern cannot be read or lacks one of these.
  public static func compile(
    _ text: String, fidelity: String?, objectives: [String]
  ) throws(SpaceError) -> OutputPattern {
    do {
      return try OutputPattern(text, fidelity: fidelity, objectives: objectives)
    } catch {
      throw SpaceError(error.message, at: "output", hint: error.hint)
    }
  }

  init(_ text: String, fidelity: String?, objectives: [String]) throws(TemplateFailure) {
    var names: [String] = []
    var pieces: [Piece] = []
    for piece in try TemplateText(text).pieces {
      switch piece {
      case .literal(let literal): pieces.append(.literal(Self.collapsed(literal.utf8)))
      case .name(let name, let offset):
        func failure(_ message: String, hint: String?) -> TemplateFailure {
          TemplateFailure(message: message, offset: offset, length: name.count + 2, hint: hint)
        }
        guard !name.isEmpty, !FileValues.reportWords.contains(name) else {
          throw failure("'\(name)' cannot be the name of a metric", hint: "write the metric's name in the braces")
        }
        guard !names.contains(name) else { throw failure("{\(name)} stands twice", hint: "keep one of them") }
        if case .number = pieces.last {
          throw failure("there is nothing between two numbers", hint: "write the text that separates them")
        }
        names.append(name)
        pieces.append(.number)
      }
    }
    guard objectives.contains(where: names.contains) else {
      let wanted = objectives.map { "{\($0)}" }.joined(separator: " or ")
      throw TemplateFailure(
        message: "the pattern does not contain \(wanted)", offset: 0, length: text.count,
        hint: "for example \(objectives.first.map { "\($0) {\($0)}" } ?? "")")
    }
    if let fidelity, !names.contains(fidelity) {
      throw TemplateFailure(
        message: "the pattern does not contain {\(fidelity)}, so its reports would have no place", offset: 0,
        length: text.count, hint: "print the fidelity and the metric on the same line")
    }
    self.names = names
    self.pieces = pieces
  }

  /// The numbers of the first match, in the order of the pattern.
  public func match(_ line: some StringProtocol) -> [(name: String, value: Double)]? {
    let bytes = Self.collapsed(line.utf8)
    for start in bytes.indices where start == 0 || !splitsWord(bytes, at: start) {
      if let values = match(bytes, from: start) { return Array(zip(names, values)) }
    }
    return nil
  }

  private func match(_ bytes: [UInt8], from start: Int) -> [Double]? {
    var i = start
    var values: [Double] = []
    for piece in pieces {
      switch piece {
      case .literal(let literal):
        guard bytes.count - i >= literal.count else { return nil }
        for (k, byte) in literal.enumerated() where bytes[i + k] != byte { return nil }
        i += literal.count
      case .number:
        guard let (value, end) = Self.number(bytes, from: i) else { return nil }
        values.append(value)
        i = end
      }
    }
    return values
  }

  /// Whether a match that begins here would begin inside a word or, when it begins with one, inside a number.
  private func splitsWord(_ bytes: [UInt8], at i: Int) -> Bool {
    let before = bytes[i - 1]
    let here = bytes[i]
    if Self.isWord(here), Self.isWord(before) { return true }
    guard case .number = pieces.first else { return false }
    // A point belongs to the digits around it, and a sign between digits is none.
    return Self.isDigit(here) ? before == UInt8(ascii: ".") : Self.isWord(before)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isWord(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F || byte >= 0x80
  }

  /// The longest number that begins at `start`, and where it ends.
  private static func number(_ bytes: [UInt8], from start: Int) -> (value: Double, end: Int)? {
    let limit = min(bytes.count, start + maximumNumberLength + 1)
    var i = start
    if i < limit, bytes[i] == UInt8(ascii: "-") || bytes[i] == UInt8(ascii: "+") { i += 1 }
    let sign: Double = i > start && bytes[start] == UInt8(ascii: "-") ? -1 : 1
    for (word, value) in [("infinity", Double.infinity), ("inf", Double.infinity), ("nan", Double.nan)] {
      let end = i + word.utf8.count
      guard end <= bytes.count, zip(bytes[i..<end], word.utf8).allSatisfy({ $0 | 0x20 == $1 }) else { continue }
      if end < bytes.count, isWord(bytes[end]) { return nil }
      return (sign * value, end)
    }
    let firstDigit = i
    while i < limit, isDigit(bytes[i]) { i += 1 }
    var digitCount = i - firstDigit
    if i + 1 < limit, bytes[i] == UInt8(ascii: "."), isDigit(bytes[i + 1]) {
      i += 1
      let fraction = i
      while i < limit, isDigit(bytes[i]) { i += 1 }
      digitCount += i - fraction
    }
    guard digitCount > 0 else { return nil }
    if i + 1 < limit, bytes[i] | 0x20 == UInt8(ascii: "e") {
      var end = i + 1
      if bytes[end] == UInt8(ascii: "-") || bytes[end] == UInt8(ascii: "+") { end += 1 }
      let exponent = end
      while end < limit, isDigit(bytes[end]) { end += 1 }
      if end > exponent { i = end }
    }
    guard i - start <= maximumNumberLength else { return nil }
    guard let value = Double(String(decoding: bytes[start..<i], as: UTF8.self)) else { return nil }
    return (value, i)
  }

  private static func collapsed(_ text: some Sequence<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    for byte in text {
      if byte == 0x20 || (0x09...0x0D).contains(byte) {
        if result.last != 0x20 { result.append(0x20) }
      } else {
        result.append(byte)
      }
    }
    return result
  }
}
