import Yams

extension SourceNode {
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
    let start = SourcePosition(line: 1, column: 1)
    func failure(_ message: String, at position: SourcePosition? = nil, hint: String? = nil) -> Diagnostics {
      Diagnostics(source: source, [Diagnostic(message, at: position ?? start, length: 1, hint: hint)])
    }
    guard text.utf8.count <= maximumBytes else {
      throw failure("the file is larger than \(maximumBytes >> 20) MiB", hint: "is this the study file?")
    }
    var places = Places(source.lines)
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      switch error {
      case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
        .composer(let context, let problem, let mark, _):
        // Tabs are what most people trip over, and the parser's own words for them help nobody.
        let position = places.position(line: mark.line, scalarColumn: mark.column)
        let hint =
          source.lines[position.line - 1].contains("\t") ? "YAML is indented with spaces, not tabs" : nil
        throw failure(
          "not valid YAML: \(problem)\(context.map { " (\($0.text))" } ?? "")", at: position, hint: hint)
      case .reader(let problem, _, _, _):
        throw failure("not valid YAML: \(problem)", at: source.firstForbidden)
      case .duplicatedKeysInMapping(let duplicates, let context):
        throw failure(
          "a key stands twice in the same mapping: \(duplicates.sorted().joined(separator: ", "))",
          at: places.position(line: context.mark.line, scalarColumn: context.mark.column))
      default:
        throw failure("not valid YAML: \(error)")
      }
    } catch {
      throw failure("not valid YAML: \(error)")
    }
    guard let root else { throw failure("the file is empty") }
    var budget = maximumNodes
    guard let node = convert(root, depth: 0, budget: &budget, places: &places) else {
      throw failure("the document is nested too deeply or has too many values")
    }
    return node
  }

  private static func convert(_ node: Node, depth: Int, budget: inout Int, places: inout Places) -> SourceNode? {
    budget -= 1
    guard depth < maximumDepth, budget > 0 else { return nil }
    let line = node.mark?.line ?? 1
    let scalarColumn = node.mark?.column ?? 1
    let position = places.position(line: line, scalarColumn: scalarColumn)
    switch node {
    case .scalar(let scalar):
      let quoted = scalar.style == .singleQuoted || scalar.style == .doubleQuoted
      let isVerbatim = places.stands(scalar.string, line: line, scalarColumn: scalarColumn + (quoted ? 1 : 0))
      return SourceNode(.scalar(scalar.string, quoted: quoted), at: position, isVerbatim: isVerbatim)
    case .sequence(let sequence):
      var items: [SourceNode] = []
      for item in sequence {
        guard let converted = convert(item, depth: depth + 1, budget: &budget, places: &places) else { return nil }
        items.append(converted)
      }
      return SourceNode(.sequence(items), at: position)
    case .mapping(let mapping):
      var pairs: [(key: SourceNode, value: SourceNode)] = []
      for (key, value) in mapping {
        guard let convertedKey = convert(key, depth: depth + 1, budget: &budget, places: &places),
          let convertedValue = convert(value, depth: depth + 1, budget: &budget, places: &places)
        else { return nil }
        pairs.append((convertedKey, convertedValue))
      }
      return SourceNode(.mapping(pairs), at: position)
    case .alias:
      return nil
    }
  }
}

extension SourceText {
  /// The place of the first character that YAML does not allow.
  fileprivate var firstForbidden: SourcePosition? {
    for (index, line) in lines.enumerated() {
      let column = line.firstIndex { character in
        character.unicodeScalars.contains {
          switch $0.value {
          case 0x09, 0x20...0x7E, 0xA0...0xFEFE, 0xFF00...0xFFFD, 0x10000...: false
          default: true
          }
        }
      }
      if let column {
        return SourcePosition(line: index + 1, column: line.distance(from: line.startIndex, to: column) + 1)
      }
    }
    return nil
  }
}

/// Turns the parser's places, which count Unicode scalars, into columns that count characters.
private struct Places {
  private let lines: [String]
  /// The line that was asked for last; nodes come in the order of the text.
  private var line = 0
  private var scalars: [Unicode.Scalar] = []
  /// For each scalar, the number of its character.
  private var columns: [Int32] = []

  init(_ lines: [String]) { self.lines = lines }

  private mutating func load(_ line: Int) {
    guard line != self.line else { return }
    self.line = line
    scalars = []
    columns = []
    for (column, character) in lines[line - 1].enumerated() {
      for scalar in character.unicodeScalars {
        scalars.append(scalar)
        columns.append(Int32(column + 1))
      }
    }
  }

  /// A place within the text: the parser puts what is missing at the end on a line after the last one.
  mutating func position(line: Int, scalarColumn: Int) -> SourcePosition {
    guard lines.indices.contains(line - 1) else {
      let last = lines.lastIndex { !$0.isEmpty } ?? 0
      return SourcePosition(line: last + 1, column: lines[last].count + 1)
    }
    load(line)
    let isInside = columns.indices.contains(scalarColumn - 1)
    return SourcePosition(line: line, column: Int(isInside ? columns[scalarColumn - 1] : (columns.last ?? 0) + 1))
  }

  /// Whether exactly this text stands at a place.
  mutating func stands(_ text: String, line: Int, scalarColumn: Int) -> Bool {
    guard lines.indices.contains(line - 1), scalarColumn >= 1 else { return false }
    load(line)
    let start = scalarColumn - 1
    var i = start
    for scalar in text.unicodeScalars {
      guard i < scalars.count, scalars[i] == scalar else { return false }
      i += 1
    }
    return true
  }
}
