import TrimtabSearchSpaces

extension StudySpec {
  /// One change of a study file: a key and the YAML text of its new value; `null` removes the key.
  public typealias Change = (path: [String], value: String)

  /// Reads a change such as `budget.trials=200` or `space.lr.high=1`. A key that holds a point or `=` stands in backticks.
  /// - Throws: `SpaceError` when there is no `=` or a key is empty.
  public static func change(_ text: String) throws(SpaceError) -> Change {
    var path = [""]
    var isQuoted = false
    var rest = Substring(text)
    while let character = rest.popFirst() {
      switch character {
      case "`": isQuoted.toggle()
      case "." where !isQuoted: path.append("")
      case "=" where !isQuoted:
        guard !path.contains("") else {
          throw SpaceError("a key is empty", at: text, hint: "for example budget.trials=200")
        }
        return (path, String(rest))
      default: path[path.count - 1].append(character)
      }
    }
    throw SpaceError("a change is a key and a value", at: text, hint: "for example budget.trials=200")
  }

  /// The specification with these changes made in its canonical form, one after the other.
  /// - Throws: `Diagnostics` that show the change at fault; also for a change that leads nowhere, such as one inside a
  ///   list, or that removes what is not there.
  public func applying(_ changes: [Change]) throws(Diagnostics) -> StudySpec {
    // Each change is a line of a text in which the whole specification follows, so that every error has a place.
    var lines: [String] = []
    var starts: [(line: Int, column: Int)] = []
    for change in changes {
      let key = change.path.map(Self.quotedKey).joined(separator: ".") + "="
      let values = SourceText(name: "", text: change.value).lines
      starts.append((lines.count, key.count))
      lines.append(key + (values.first ?? ""))
      lines += values.dropFirst()
    }
    let present = editable.prettyText
    let offset = lines.count
    let source = SourceText(name: "--set", lines: lines + SourceText(name: "", text: present).lines)
    var root = try SourceNode.parse(present, name: source.name).moved(lines: offset, columns: 0)
    for (change, start) in zip(changes, starts) {
      let place = SourceNode(
        .scalar(source.lines[start.line], quoted: false), at: SourcePosition(line: start.line + 1, column: 1))
      var diagnostics = Diagnostics(source: source)
      let value = try Self.value(change.value, start, source)
      if let changed = root.replacing(change.path[...], with: value, place: place, into: &diagnostics) {
        root = changed
      }
      try diagnostics.throwIfAny()
    }
    do {
      return try StudyFile(root: root, source: source, defaultName: name).spec
    } catch {
      // A change may make something else in the file wrong, whose line does not show the change.
      let all = changes.map { "--set " + $0.path.map(Self.quotedKey).joined(separator: ".") + "=" + $0.value }
      throw Diagnostics(
        source: source,
        error.list.map { diagnostic in
          var diagnostic = diagnostic
          if diagnostic.position.line > offset { diagnostic.message += ", after \(all.joined(separator: " "))" }
          return diagnostic
        })
    }
  }

  /// The value of a change with its places in `source`; nil when it removes.
  private static func value(
    _ text: String, _ start: (line: Int, column: Int), _ source: SourceText
  ) throws(Diagnostics) -> SourceNode? {
    guard text.contains(where: { !$0.isWhitespace }) else {
      throw Diagnostics(
        source: source,
        [
          Diagnostic(
            "the change has no value", at: SourcePosition(line: start.line + 1, column: start.column), length: 1,
            hint: "write \"\" for an empty text, or null to remove the key")
        ])
    }
    do {
      let node = try SourceNode.parse(text, name: source.name).moved(lines: start.line, columns: start.column)
      return node.isNothing ? nil : node
    } catch {
      let moved = error.list.map { diagnostic in
        var diagnostic = diagnostic
        diagnostic.position = diagnostic.position.moved(lines: start.line, columns: start.column)
        return diagnostic
      }
      throw Diagnostics(source: source, moved)
    }
  }

  /// The canonical form with the parts of the method as mappings, so that a change can reach their options.
  private var editable: JSONValue {
    guard case .object(var members) = json else { return json }
    for i in members.indices where members[i].key == "method" {
      guard case .object(var parts) = members[i].value else { continue }
      for p in parts.indices {
        if case .string = parts[p].value { parts[p].value = .members(["name": parts[p].value]) }
      }
      members[i].value = .object(parts)
    }
    return .object(members)
  }

  private static func quotedKey(_ key: String) -> String {
    key.contains(where: { $0 == "." || $0 == "=" }) ? "`\(key)`" : key
  }
}

extension SourceNode {
  /// The node with its value at `path` replaced, added or (nil) removed; nil when an error was added.
  fileprivate func replacing(
    _ path: ArraySlice<String>, with value: SourceNode?, place: SourceNode, into diagnostics: inout Diagnostics
  ) -> SourceNode? {
    guard let key = path.first else { return value }
    guard case .mapping(var pairs) = content else {
      diagnostics.add(
        "there is \(kindName), so it has no key '\(key)'", at: place, hint: "set the whole value instead")
      return nil
    }
    let index = pairs.firstIndex { $0.key.scalarText == key }
    if path.count == 1, value == nil {
      guard let index else {
        let keys = pairs.compactMap(\.key.scalarText)
        diagnostics.add("there is no '\(key)' to remove", at: place, hint: suggestion(for: key, among: keys))
        return nil
      }
      pairs.remove(at: index)
    } else if let index {
      guard let changed = pairs[index].value.replacing(path.dropFirst(), with: value, place: place, into: &diagnostics)
      else { return nil }
      pairs[index].value = changed
    } else {
      let empty = SourceNode(.mapping([]), at: place.position)
      let added =
        path.count == 1 ? value : empty.replacing(path.dropFirst(), with: value, place: place, into: &diagnostics)
      guard let added else { return nil }
      pairs.append((SourceNode(.scalar(key, quoted: false), at: place.position), added))
    }
    return SourceNode(.mapping(pairs), at: position)
  }
}
