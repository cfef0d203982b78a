import TrimtabSearchSpaces

/// The fields of one mapping of a file, checked against the keys it may have.
package struct FileFields {
  package let node: SourceNode
  package let section: FileSection
  private let fields: [String: SourceNode]
  /// The fields that are none of the section's keys, in their order; only an open section has any.
  package let others: [(key: SourceNode, value: SourceNode)]

  /// Adds an error for a node that is no mapping (nil results), for unknown keys and for missing required ones.
  package init?(_ node: SourceNode, _ section: FileSection, into diagnostics: inout Diagnostics) {
    guard case .mapping(let pairs) = node.content else {
      diagnostics.add(
        "\(section.name) must be a mapping, not \(node.kindName)", at: node,
        hint: "its keys are \(section.keyNames.joined(separator: ", "))")
      return nil
    }
    self.node = node
    self.section = section
    var fields: [String: SourceNode] = [:]
    var others: [(key: SourceNode, value: SourceNode)] = []
    for (key, value) in pairs {
      guard let name = key.scalarText else {
        diagnostics.add("a key must be text, not \(key.kindName)", at: key)
        continue
      }
      if section.keyNames.contains(name) {
        fields[name] = value
      } else if section.isOpen {
        others.append((key, value))
      } else {
        diagnostics.add(
          "\(section.name) has no key '\(name)'", at: key, hint: suggestion(for: name, among: section.keyNames))
      }
    }
    for key in section.keys where key.isRequired && fields[key.name] == nil {
      let example: String? =
        switch key.shape {
        case .oneOf(let words): "add " + words.map { "\(key.name): \($0)" }.joined(separator: " or ")
        default: "add \(key.name): …"
        }
      diagnostics.add("\(section.name) has no \(key.name)", at: node, hint: example)
    }
    self.fields = fields
    self.others = others
  }

  /// The value of a key, when the file gives it.
  package subscript(key: String) -> SourceNode? {
    assert(section.keyNames.contains(key), "\(section.name) has no key \(key)")
    return fields[key]
  }
}

/// Readers of single values. Each adds an error and gives nil when the value is not what the key needs.
package struct FileValues {
  package var diagnostics: Diagnostics

  package init(diagnostics: Diagnostics) { self.diagnostics = diagnostics }

  package mutating func text(_ node: SourceNode, _ what: String) -> String? {
    guard let text = node.scalarText, !node.isNothing else {
      diagnostics.add("\(what) must be text, not \(node.kindName)", at: node)
      return nil
    }
    return text
  }

  /// A name that can stand as a key in a report.
  package mutating func metricName(_ node: SourceNode, _ what: String) -> String? {
    guard let name = text(node, what) else { return nil }
    guard !name.isEmpty, name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
      diagnostics.add("\(what) must be a name", at: node, hint: "use letters, digits, _ - and .")
      return nil
    }
    guard !Self.reportWords.contains(name) else {
      diagnostics.add(
        "'\(name)' has a meaning of its own in reports and cannot be \(what)", at: node, hint: "choose another name")
      return nil
    }
    return name
  }

  /// Keys of a report that are not metrics.
  static let reportWords: Set<String> = ["reject", "fail"]

  package mutating func integer(_ node: SourceNode, _ what: String, _ range: ClosedRange<Int>) -> Int? {
    let value =
      node.scalarText.flatMap { text in Int(text) ?? Double(text).flatMap { Int(exactly: $0) } }
    guard let value, range.contains(value) else {
      // That whole numbers end somewhere matters only to whoever went beyond.
      let isBeyond = node.scalarText.flatMap { Double($0) }.map { $0 >= 0x1p63 } ?? false
      let possible =
        range.upperBound == Int.max && !isBeyond
        ? "at least \(range.lowerBound)" : "\(range.lowerBound) … \(range.upperBound)"
      diagnostics.add("\(what) must be a whole number, \(possible), not \(node.shown)", at: node)
      return nil
    }
    return value
  }

  package mutating func number(_ node: SourceNode, _ what: String, above minimum: Double) -> Double? {
    guard let value = node.scalarText.flatMap({ Double($0) }), value.isFinite, value > minimum else {
      diagnostics.add("\(what) must be a number above \(JSONValue.plainText(minimum)), not \(node.shown)", at: node)
      return nil
    }
    return value
  }

  package mutating func boolean(_ node: SourceNode, _ what: String) -> Bool? {
    if case .scalar(let text, _) = node.content, case .boolean(let value) = Choice(scalar: text, quoted: false) {
      return value
    }
    diagnostics.add("\(what) must be true or false, not \(node.shown)", at: node)
    return nil
  }

  package mutating func oneOf<Value: RawRepresentable & CaseIterable>(
    _ type: Value.Type, _ node: SourceNode, _ what: String
  ) -> Value? where Value.RawValue == String {
    if let value = node.scalarText.flatMap({ Value(rawValue: $0) }) { return value }
    let words = Value.allCases.map(\.rawValue)
    diagnostics.add(
      "\(what) must be one of \(words.joined(separator: ", ")), not \(node.shown)", at: node,
      hint: nearestWord(to: node.scalarText ?? "", among: words).map { "did you mean '\($0)'?" })
    return nil
  }

  /// - isZeroAllowed: whether no time at all has a meaning.
  package mutating func seconds(
    _ node: SourceNode, _ what: String, isZeroAllowed: Bool = false, maximum: Double = Quantity.maximumSeconds
  ) -> Double? {
    guard let value = node.scalarText.flatMap({ Quantity.seconds($0) }) else {
      diagnostics.add("\(what) must be a time, not \(node.shown)", at: node, hint: Quantity.timeExample)
      return nil
    }
    guard value > 0 || isZeroAllowed else {
      diagnostics.add("\(what) must be above 0", at: node, hint: Quantity.timeExample)
      return nil
    }
    guard value <= maximum else {
      diagnostics.add("\(what) must be at most \(JSONValue.plainText(maximum)) seconds", at: node)
      return nil
    }
    return value
  }

  package mutating func bytes(_ node: SourceNode, _ what: String, isZeroAllowed: Bool = false) -> Int? {
    guard let value = node.scalarText.flatMap({ Quantity.bytes($0) }) else {
      diagnostics.add("\(what) must be a size, not \(node.shown)", at: node, hint: Quantity.sizeExample)
      return nil
    }
    guard value > 0 || isZeroAllowed else {
      diagnostics.add("\(what) must be above 0", at: node, hint: Quantity.sizeExample)
      return nil
    }
    return value
  }
}

extension SourceNode {
  /// The value as errors quote it.
  package var shown: String {
    guard let text = scalarText, !isNothing else { return kindName }
    return "'\(text.count > 60 ? text.prefix(60) + "…" : text[...])'"
  }
}
