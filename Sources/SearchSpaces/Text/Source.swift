import Yams

/// A text with a name, kept so that an error can show the line it speaks of.
public struct SourceText: Sendable, Equatable {
  /// The file's path, or a short description such as `--set`.
  public let name: String
  public let lines: [String]

  public init(name: String, text: String) {
    self.name = name
    self.lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
      $0.hasSuffix("\r") ? String($0.dropLast()) : String($0)
    }
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

  public init(_ content: Content, at position: SourcePosition) {
    self.content = content
    self.position = position
  }

  /// What kind of node this is, as errors call it.
  public var kindName: String {
    switch content {
    case .scalar: "a single value"
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }

  /// The text of a scalar.
  public var scalarText: String? {
    if case .scalar(let text, _) = content { return text }
    return nil
  }

  /// How many characters the node's first line takes, for underlining.
  public var length: Int {
    switch content {
    case .scalar(let text, let quoted): max(1, text.count + (quoted ? 2 : 0))
    case .sequence, .mapping: 1
    }
  }

  /// The largest document that is read, in UTF-8 bytes.
  public static let maximumBytes = 4 << 20
  /// The largest number of nodes in a document, aliases counted each time they are used.
  static let maximumNodes = 500_000
  /// The deepest nesting of a document.
  static let maximumDepth = 64

  /// Reads a YAML or JSON document.
  /// - Throws: `Diagnostics` with the place of the syntax error, of a duplicated key, or of a document that is too large.
  public static func parse(_ text: String, name: String) throws(Diagnostics) -> SourceNode {
    let source = SourceText(name: name, text: text)
    func failure(_ message: String, line: Int = 1, column: Int = 1, hint: String? = nil) -> Diagnostics {
      Diagnostics(
        source: source,
        [Diagnostic(message, at: SourcePosition(line: line, column: column), length: 1, hint: hint)])
    }
    guard text.utf8.count <= maximumBytes else {
      throw failure("the file is larger than \(maximumBytes >> 20) MiB", hint: "is this the study file?")
    }
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      switch error {
      case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
        .composer(let context, let problem, let mark, _):
        // Tabs are what most people trip over, and the parser's own words for them help nobody.
        let line = mark.line <= source.lines.count && mark.line >= 1 ? source.lines[mark.line - 1] : ""
        let hint = line.contains("\t") ? "YAML is indented with spaces, not tabs" : nil
        throw failure(
          "not valid YAML: \(problem)\(context.map { " (\($0.text))" } ?? "")", line: mark.line, column: mark.column,
          hint: hint)
      case .duplicatedKeysInMapping(let duplicates, let context):
        let keys = duplicates.map { String(describing: $0) }.joined(separator: ", ")
        throw failure(
          "a key stands twice in the same mapping: \(keys)", line: context.mark.line, column: context.mark.column)
      default:
        throw failure("not valid YAML: \(error)")
      }
    } catch {
      throw failure("not valid YAML: \(error)")
    }
    guard let root else { throw failure("the file is empty") }
    var budget = maximumNodes
    guard let node = convert(root, depth: 0, budget: &budget) else {
      throw failure("the document is nested too deeply or has too many values")
    }
    return node
  }

  private static func convert(_ node: Node, depth: Int, budget: inout Int) -> SourceNode? {
    budget -= 1
    guard depth < maximumDepth, budget > 0 else { return nil }
    let position = SourcePosition(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
    switch node {
    case .scalar(let scalar):
      let quoted = scalar.style == .singleQuoted || scalar.style == .doubleQuoted
      return SourceNode(.scalar(scalar.string, quoted: quoted), at: position)
    case .sequence(let sequence):
      var items: [SourceNode] = []
      for item in sequence {
        guard let converted = convert(item, depth: depth + 1, budget: &budget) else { return nil }
        items.append(converted)
      }
      return SourceNode(.sequence(items), at: position)
    case .mapping(let mapping):
      var pairs: [(key: SourceNode, value: SourceNode)] = []
      for (key, value) in mapping {
        guard let convertedKey = convert(key, depth: depth + 1, budget: &budget),
          let convertedValue = convert(value, depth: depth + 1, budget: &budget)
        else { return nil }
        pairs.append((convertedKey, convertedValue))
      }
      return SourceNode(.mapping(pairs), at: position)
    case .alias:
      return nil
    }
  }
}
