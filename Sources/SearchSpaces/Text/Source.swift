/// A text with a name, kept so that an error can show the line it speaks of.
public struct SourceText: Sendable, Equatable {
  /// The file's path, or a short description such as `--set`.
  public let name: String
  public let lines: [String]

  public init(name: String, text: String) {
    self.init(name: name, lines: Self.split(text))
  }

  public init(name: String, lines: [String]) {
    self.name = name
    self.lines = lines
  }

  /// Splits where YAML 1.1 does, so that line numbers agree with the parser's.
  private static func split(_ text: String) -> [String] {
    var lines: [String] = []
    var line = String.UnicodeScalarView()
    var previous: Unicode.Scalar = " "
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n" where previous == "\r": break
      case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}":
        lines.append(String(line))
        line = String.UnicodeScalarView()
      default: line.append(scalar)
      }
      previous = scalar
    }
    lines.append(String(line))
    return lines
  }
}

/// A place in a text; both numbers count from 1, columns in characters.
public struct SourcePosition: Sendable, Equatable {
  public var line: Int
  public var column: Int

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  /// The same place after its text was put `lines` below and, in its first line, `columns` to the right.
  public func moved(lines: Int, columns: Int) -> SourcePosition {
    SourcePosition(line: line + lines, column: line == 1 ? column + columns : column)
  }
}

/// One node of a YAML or JSON document together with its place in the text.
public struct SourceNode: Sendable {
  /// What a node holds. A plain scalar may stand for a number or a boolean, a quoted one is always text.
  public enum Content: Sendable {
    case scalar(String, quoted: Bool)
    case sequence([SourceNode])
    case mapping([(key: SourceNode, value: SourceNode)])
  }

  public let content: Content
  public let position: SourcePosition
  /// Whether a scalar stands in the text as it reads, without escapes or line breaks.
  let isVerbatim: Bool

  public init(_ content: Content, at position: SourcePosition) {
    self.init(content, at: position, isVerbatim: true)
  }

  init(_ content: Content, at position: SourcePosition, isVerbatim: Bool) {
    self.content = content
    self.position = position
    self.isVerbatim = isVerbatim
  }

  /// What kind of node this is, as errors call it.
  public var kindName: String {
    switch content {
    case .scalar: isNothing ? "nothing" : "a single value"
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }

  /// Whether no value is given: nothing after the colon, or YAML's word for it.
  public var isNothing: Bool {
    guard case .scalar(let text, quoted: false) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// The text of a scalar.
  public var scalarText: String? {
    if case .scalar(let text, _) = content { return text }
    return nil
  }

  /// The same node after its text was put `lines` below and, in its first line, `columns` to the right.
  public func moved(lines: Int, columns: Int) -> SourceNode {
    let content: Content =
      switch self.content {
      case .scalar: self.content
      case .sequence(let items): .sequence(items.map { $0.moved(lines: lines, columns: columns) })
      case .mapping(let pairs):
        .mapping(
          pairs.map { ($0.key.moved(lines: lines, columns: columns), $0.value.moved(lines: lines, columns: columns)) })
      }
    return SourceNode(content, at: position.moved(lines: lines, columns: columns), isVerbatim: isVerbatim)
  }

  /// How many characters the node's first line takes, for underlining.
  public var length: Int {
    switch content {
    case .scalar(let text, let quoted): max(1, text.count + (quoted ? 2 : 0))
    case .sequence, .mapping: 1
    }
  }
}
