extension SourceNode {
  /// A JSON value as a document, with its places in the text that is `json.prettyText`.
  ///
  /// What programs write needs no reader of YAML, and is read ten times as fast without.
  public static func document(_ json: JSONValue, name: String) -> (root: SourceNode, source: SourceText) {
    var writer = LocatingWriter()
    let root = writer.write(json, level: 0)
    return (root, SourceText(name: name, lines: writer.lines))
  }

  /// Reads a JSON document. Places are those in the same document printed over several lines.
  /// - Throws: `Diagnostics` when the text is no JSON.
  public static func parse(json text: String, name: String) throws(Diagnostics) -> (
    root: SourceNode, source: SourceText
  ) {
    do {
      return document(try JSONValue.parse(text), name: name)
    } catch {
      throw Diagnostics(
        source: SourceText(name: name, text: text),
        [Diagnostic("not valid JSON: \(error)", at: SourcePosition(line: 1, column: 1), length: 1)])
    }
  }
}

/// Prints a value as `JSONValue.prettyText` does, and notes where each part stands.
private struct LocatingWriter {
  private(set) var lines = [""]
  /// Counted along: a list may stand on one line of a million characters.
  private var column = 1

  private var position: SourcePosition { SourcePosition(line: lines.count, column: column) }

  private mutating func put(_ text: String) {
    lines[lines.count - 1] += text
    column += text.count
  }

  private mutating func newLine(_ level: Int) {
    lines.append(String(repeating: " ", count: 2 * level))
    column = 1 + 2 * level
  }

  mutating func write(_ json: JSONValue, level: Int) -> SourceNode {
    let start = position
    switch json {
    case .string(let text): return scalar(text, quoted: true)
    case .null, .bool, .integer, .number:
      if case .number(let value) = json, !value.isFinite {
        // Written as a text, and read as one.
        return scalar(value.isNaN ? "nan" : value < 0 ? "-inf" : "inf", quoted: true)
      }
      put(json.text)
      return SourceNode(.scalar(json.text, quoted: false), at: start)
    case .array(let items):
      let isShort = items.allSatisfy { if case .array = $0 { false } else if case .object = $0 { false } else { true } }
      put("[")
      var nodes: [SourceNode] = []
      for (i, item) in items.enumerated() {
        if i > 0 { put(isShort ? ", " : ",") }
        if !isShort { newLine(level + 1) }
        nodes.append(write(item, level: level + 1))
      }
      if !isShort { newLine(level) }
      put("]")
      return SourceNode(.sequence(nodes), at: start)
    case .object(let members):
      put("{")
      var pairs: [(key: SourceNode, value: SourceNode)] = []
      for (i, member) in members.enumerated() {
        if i > 0 { put(",") }
        newLine(level + 1)
        let key = scalar(member.key, quoted: true)
        put(": ")
        pairs.append((key, write(member.value, level: level + 1)))
      }
      if !members.isEmpty { newLine(level) }
      put("}")
      return SourceNode(.mapping(pairs), at: start)
    }
  }

  private mutating func scalar(_ text: String, quoted: Bool) -> SourceNode {
    let start = position
    let written = JSONValue.string(text).text
    put(written)
    return SourceNode(
      .scalar(text, quoted: quoted), at: start, isVerbatim: written.utf8.count == text.utf8.count + 2)
  }
}
