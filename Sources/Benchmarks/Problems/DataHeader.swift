import TrimtabSearchSpaces

/// Where an array lies in its data file.
struct ArrayEntry: Sendable, Equatable {
  var shape: [Int]
  /// In bytes.
  var offset: Int
  /// The names of the axes, when the header gives them.
  var axes: [String]?

  /// How many numbers it has; the reader makes sure that this is no overflow.
  var count: Int { shape.reduce(1, *) }
}

/// A JSON header, read key by key with errors that name file, line, key and mend.
struct DataHeader {
  let path: String
  let root: SourceNode

  /// - Throws: `ProblemError` with the place of a syntax error.
  init(path: String, text: String) throws(ProblemError) {
    self.path = path
    do {
      root = try SourceNode.parse(text, name: path)
    } catch {
      throw ProblemError(error)
    }
    guard case .mapping = root.content else {
      throw failure("a header is a JSON object, not \(root.kindName)", at: root)
    }
  }

  func failure(_ message: String, at node: SourceNode, hint: String? = nil) -> ProblemError {
    ProblemError(message, at: "\(path):\(node.position.line):\(node.position.column)", hint: hint)
  }

  /// The value of a key; nil when it is missing or null.
  func optional(_ key: String, in node: SourceNode) -> SourceNode? {
    guard case .mapping(let pairs) = node.content else { return nil }
    guard let value = pairs.first(where: { $0.key.scalarText == key })?.value, !value.isNothing else { return nil }
    return value
  }

  func required(_ key: String, in node: SourceNode) throws(ProblemError) -> SourceNode {
    guard let value = optional(key, in: node) else { throw failure("the key '\(key)' is missing", at: node) }
    return value
  }

  func pairs(_ node: SourceNode, _ what: String) throws(ProblemError) -> [(key: String, value: SourceNode)] {
    guard case .mapping(let pairs) = node.content else {
      throw failure("\(what) must be an object, not \(node.kindName)", at: node)
    }
    return pairs.map { ($0.key.scalarText ?? "", $0.value) }
  }

  func list(_ node: SourceNode, _ what: String) throws(ProblemError) -> [SourceNode] {
    guard case .sequence(let items) = node.content else {
      throw failure("\(what) must be a list, not \(node.kindName)", at: node)
    }
    return items
  }

  func text(_ node: SourceNode, _ what: String) throws(ProblemError) -> String {
    guard let text = node.scalarText else { throw failure("\(what) must be a text, not \(node.kindName)", at: node) }
    return text
  }

  /// A finite number.
  func number(_ node: SourceNode, _ what: String) throws(ProblemError) -> Double {
    guard case .scalar(let text, quoted: false) = node.content, let value = Double(text), value.isFinite else {
      throw failure("\(what) must be a finite number", at: node)
    }
    return value
  }

  func integer(_ node: SourceNode, _ what: String) throws(ProblemError) -> Int {
    let value = try number(node, what)
    guard let whole = Int(exactly: value) else { throw failure("\(what) must be a whole number", at: node) }
    return whole
  }

  func boolean(_ node: SourceNode, _ what: String) throws(ProblemError) -> Bool {
    guard case .scalar(let text, quoted: false) = node.content, let value = Bool(text) else {
      throw failure("\(what) must be true or false", at: node)
    }
    return value
  }

  func choice(_ node: SourceNode, _ what: String) throws(ProblemError) -> Choice {
    guard case .scalar(let text, let quoted) = node.content else {
      throw failure("\(what) must be a single value, not \(node.kindName)", at: node)
    }
    return Choice(scalar: text, quoted: quoted)
  }

  /// Makes sure that an object has no keys but these: a key that nobody reads would be a wish that nobody grants.
  func check(_ node: SourceNode, _ what: String, allowed: [String]) throws(ProblemError) {
    for (key, value) in try pairs(node, what) where !allowed.contains(key) {
      throw failure("\(what) has no key '\(key)'", at: value, hint: suggestion(for: key, among: allowed))
    }
  }

  /// The header's format, checked against the one that is wanted.
  func checkFormat(_ wanted: String) throws(ProblemError) {
    let node = try required("format", in: root)
    let format = try text(node, "format")
    guard format == wanted else {
      throw failure("the format is '\(format)', not '\(wanted)'", at: node, hint: "convert the file to \(wanted)")
    }
  }

  /// The path of the data file, which lies beside the header.
  func dataPath() throws(ProblemError) -> String {
    let node = try required("data", in: root)
    let name = try text(node, "data")
    guard !name.isEmpty, !name.contains("/") else {
      throw failure("data must be the name of a file beside the header, not '\(name)'", at: node)
    }
    guard let slash = path.lastIndex(of: "/") else { return name }
    return path[...slash] + name
  }

  /// Where the arrays lie.
  func arrays() throws(ProblemError) -> [String: ArrayEntry] {
    var result: [String: ArrayEntry] = [:]
    for (name, node) in try pairs(try required("arrays", in: root), "arrays") {
      try check(node, "the array '\(name)'", allowed: ["shape", "offset", "axes"])
      let shapeNode = try required("shape", in: node)
      var shape: [Int] = []
      var count = 1
      for item in try list(shapeNode, "the shape of '\(name)'") {
        let size = try integer(item, "a size in the shape of '\(name)'")
        let (product, overflow) = count.multipliedReportingOverflow(by: size)
        guard size > 0, !overflow, product < 1 << 40 else {
          throw failure("\(size) is no possible size in the shape of '\(name)'", at: item)
        }
        count = product
        shape.append(size)
      }
      guard !shape.isEmpty else { throw failure("the shape of '\(name)' is empty", at: shapeNode) }
      let offsetNode = try required("offset", in: node)
      let offset = try integer(offsetNode, "the offset of '\(name)'")
      guard offset >= 0 else { throw failure("the offset of '\(name)' is negative", at: offsetNode) }
      var axes: [String]?
      if let axesNode = optional("axes", in: node) { axes = try axisNames(axesNode, of: name, rank: shape.count) }
      result[name] = ArrayEntry(shape: shape, offset: offset, axes: axes)
    }
    return result
  }

  /// The names of an array's axes.
  func axisNames(_ node: SourceNode, of name: String, rank: Int) throws(ProblemError) -> [String] {
    var names: [String] = []
    for item in try list(node, "the axes of '\(name)'") { names.append(try text(item, "an axis of '\(name)'")) }
    guard names.count == rank else {
      throw failure("'\(name)' has \(rank) axes, but \(names.count) names for them", at: node)
    }
    return names
  }
}
