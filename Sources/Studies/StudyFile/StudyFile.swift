import TrimtabSearchSpaces

/// A study file as read: the specification, and the places of its parts for errors that are found later.
public struct StudyFile: Sendable {
  public let spec: StudySpec
  public let root: SourceNode
  public let source: SourceText

  init(root: SourceNode, source: SourceText, defaultName: String) throws(Diagnostics) {
    var reader = StudyReader(source: source)
    let spec = reader.read(root, defaultName: defaultName)
    try reader.values.diagnostics.throwIfAny()
    guard let spec else {
      var diagnostics = Diagnostics(source: source)
      diagnostics.add("this is not a study file", at: root)
      throw diagnostics
    }
    self.spec = spec
    self.root = root
    self.source = source
  }

  /// The deepest node that exists on a path such as `["method", "sampler", "gamma"]`; nil when not even its first key
  /// does. Items of a list are named by their number, from 0.
  public func position(of path: [String]) -> SourceNode? {
    var found: SourceNode?
    var node = root
    for step in path {
      let next: SourceNode?
      switch node.content {
      case .mapping(let pairs): next = pairs.first { $0.key.scalarText == step }?.value
      case .sequence(let items): next = Int(step).flatMap { items.indices.contains($0) ? items[$0] : nil }
      case .scalar: next = nil
      }
      guard let next else { break }
      found = next
      node = next
    }
    return found
  }

  /// An error at the place of a path, for what only another module can check.
  public func diagnostics(_ message: String, at path: [String], hint: String? = nil) -> Diagnostics {
    var diagnostics = Diagnostics(source: source)
    diagnostics.add(message, at: position(of: path) ?? root, hint: hint)
    return diagnostics
  }
}

extension StudySpec {
  /// Reads the canonical form, or any other JSON of a study file.
  /// - Parameter name: what errors call the text.
  /// - Throws: `Diagnostics` with every error found, each at its place.
  public static func parse(json text: String, name: String) throws(Diagnostics) -> StudySpec {
    let (root, source) = try SourceNode.parse(json: text, name: name)
    return try StudyFile(root: root, source: source, defaultName: "study").spec
  }

  /// Reads a study file that is given as JSON.
  /// - Throws: `Diagnostics` with every error found, each at its place in the text printed over several lines.
  public static func read(_ json: JSONValue, name: String) throws(Diagnostics) -> StudySpec {
    let (root, source) = SourceNode.document(json, name: name)
    return try StudyFile(root: root, source: source, defaultName: "study").spec
  }

  /// The longest name of a study, in characters.
  static let maximumNameLength = 100

  /// Whether a text can be a study's name: letters, digits, `_`, `-` and `.` of ASCII, the first a letter, digit or `_`.
  public static func isName(_ text: String) -> Bool {
    func isPlain(_ c: Unicode.Scalar) -> Bool {
      ("a"..."z").contains(c) || ("A"..."Z").contains(c) || ("0"..."9").contains(c) || c == "_"
    }
    guard let first = text.unicodeScalars.first, isPlain(first), text.count <= maximumNameLength else { return false }
    return text.unicodeScalars.allSatisfy { isPlain($0) || $0 == "-" || $0 == "." }
  }
}
