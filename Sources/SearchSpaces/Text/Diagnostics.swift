/// One error in a text: what is wrong, where, and the mend.
public struct Diagnostic: Sendable, Equatable {
  public var message: String
  public var position: SourcePosition
  /// Characters to underline, at least 1.
  public var length: Int
  /// What to do about it.
  public var hint: String?

  public init(_ message: String, at position: SourcePosition, length: Int, hint: String? = nil) {
    self.message = message
    self.position = position
    self.length = max(1, length)
    self.hint = hint
  }
}

/// All errors found in a text, in the order of their places.
public struct Diagnostics: Error, Sendable, Equatable, CustomStringConvertible {
  public let source: SourceText
  public private(set) var list: [Diagnostic]

  public init(source: SourceText, _ list: [Diagnostic] = []) {
    self.source = source
    self.list = list
  }

  public var isEmpty: Bool { list.isEmpty }

  public mutating func add(_ message: String, at node: SourceNode, hint: String? = nil) {
    list.append(Diagnostic(message, at: node.position, length: node.length, hint: hint))
  }

  public mutating func add(_ diagnostic: Diagnostic) { list.append(diagnostic) }

  /// Throws when there is any error.
  public func throwIfAny() throws(Diagnostics) {
    guard !list.isEmpty else { return }
    var sorted = self
    sorted.list = list.enumerated().sorted { a, b in
      (a.element.position.line, a.element.position.column, a.offset)
        < (b.element.position.line, b.element.position.column, b.offset)
    }.map(\.element)
    throw sorted
  }

  /// Each error with its file, line and column, the line itself and a caret under the place.
  public var description: String {
    list.map { diagnostic in
      let line = diagnostic.position.line
      let column = diagnostic.position.column
      var text = "\(source.name):\(line):\(column): error: \(diagnostic.message)"
      if line >= 1, line <= source.lines.count {
        let shown = source.lines[line - 1]
        if shown.count > Self.longestLine {
          text += "\n" + Self.excerpt(shown, column: column)
        } else if !shown.isEmpty {
          // Tabs keep their place so that the caret stays under the character it means.
          let before = shown.prefix(max(0, column - 1)).map { $0 == "\t" ? "\t" : " " }.joined()
          let underline = String(
            repeating: "~", count: max(0, min(diagnostic.length, shown.count - column + 1) - 1))
          text += "\n  \(shown)\n  \(before)^\(underline)"
        }
      }
      if let hint = diagnostic.hint { text += "\n  \(hint)" }
      return text
    }.joined(separator: "\n")
  }

  /// Longer lines, such as a whole specification as JSON, are shown in part.
  private static let longestLine = 160

  private static func excerpt(_ line: String, column: Int) -> String {
    let before = line.prefix(max(0, column - 1)).suffix(longestLine / 2)
    let after = line.dropFirst(max(0, column - 1)).prefix(longestLine / 2)
    return "  …\(before)\(after)…\n   \(before.map { $0 == "\t" ? "\t" : " " }.joined())^"
  }
}

/// The candidate nearest to `word`, when one is near enough to be what was meant.
///
/// Distance is the number of insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). The
/// beginning of a candidate, of three letters or more, is near.
public func nearestWord(to word: String, among candidates: some Sequence<String>) -> String? {
  let target = Array(word.lowercased())
  var best: (distance: Int, word: String)?
  for candidate in candidates {
    let letters = Array(candidate.lowercased())
    let limit = max(1, min(target.count, letters.count) / 2)
    let isBeginning = target.count >= 3 && letters.starts(with: target)
    // Each character of difference in length costs one edit.
    if !isBeginning, abs(target.count - letters.count) > limit { continue }
    let distance = isBeginning ? min(1, letters.count - target.count) : alignmentDistance(target, letters)
    if distance <= limit, distance < best?.distance ?? Int.max { best = (distance, candidate) }
  }
  return best?.word
}

/// "did you mean …?" or the list of what is possible.
public func suggestion(for word: String, among candidates: [String]) -> String {
  if let near = nearestWord(to: word, among: candidates) { return "did you mean '\(near)'?" }
  return "possible: \(candidates.joined(separator: ", "))"
}

private func alignmentDistance(_ a: [Character], _ b: [Character]) -> Int {
  var before = [Int](repeating: 0, count: b.count + 1)
  var previous = Array(0...b.count)
  for i in a.indices {
    var current = [i + 1] + [Int](repeating: 0, count: b.count)
    for j in b.indices {
      let cost = a[i] == b[j] ? 0 : 1
      current[j + 1] = min(previous[j + 1] + 1, current[j] + 1, previous[j] + cost)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        current[j + 1] = min(current[j + 1], before[j - 1] + 1)
      }
    }
    before = previous
    previous = current
  }
  return previous[b.count]
}

extension SourceNode {
  /// An error about a part of a scalar: at the part's place where the scalar stands in the text as it reads, and at the
  /// scalar's start where escapes or line breaks make the two differ.
  public func diagnostic(_ message: String, offset: Int, length: Int, hint: String? = nil) -> Diagnostic {
    guard isVerbatim, case .scalar(_, let quoted) = content else {
      return Diagnostic(message, at: position, length: self.length, hint: hint)
    }
    let column = position.column + offset + (quoted ? 1 : 0)
    return Diagnostic(message, at: SourcePosition(line: position.line, column: column), length: length, hint: hint)
  }
}
