import Trimtab

/// A key in which two specifications differ.
struct SpecDifference: Equatable {
  var path: [String]
  /// Nil where the key is left out, and its default holds.
  var old: JSONValue?
  var new: JSONValue?

  /// All differences, in the order of the study file's keys.
  static func list(from old: StudySpec, to new: StudySpec) -> [SpecDifference] {
    var found: [SpecDifference] = []
    compare([], canonical(old), canonical(new), into: &found)
    return found
  }

  /// The parts of the method as mappings, so that their options are compared one by one.
  private static func canonical(_ spec: StudySpec) -> JSONValue {
    guard case .object(var members) = spec.json else { return spec.json }
    for i in members.indices where members[i].key == "method" {
      guard case .object(var parts) = members[i].value else { continue }
      for p in parts.indices {
        if case .string = parts[p].value { parts[p].value = .members(["name": parts[p].value]) }
      }
      members[i].value = .object(parts)
    }
    return .object(members)
  }

  private static func compare(
    _ path: [String], _ old: JSONValue?, _ new: JSONValue?, into found: inout [SpecDifference]
  ) {
    guard old != new else { return }
    guard case .object(let before) = old, case .object(let after) = new, isSameKind(path, old, new) else {
      found.append(SpecDifference(path: path, old: old, new: new))
      return
    }
    let keys = after.map(\.key) + before.map(\.key).filter { key in !after.contains { $0.key == key } }
    for key in keys { compare(path + [key], old?[key], new?[key], into: &found) }
  }

  /// A parameter of another type, or another sampler, is another thing, and no change of the old one's keys.
  private static func isSameKind(_ path: [String], _ old: JSONValue?, _ new: JSONValue?) -> Bool {
    switch (path.count, path.first) {
    case (2, "method"): old?["name"] == new?["name"]
    case (2, "space"): old?["type"] == new?["type"]
    default: true
    }
  }

  var key: String { path.map { $0.contains(".") || $0.contains("=") ? "`\($0)`" : $0 }.joined(separator: ".") }

  /// `budget.trials: 60 → 100`.
  func line(_ arrow: String) -> String { "\(key): \(Self.text(old) ?? "(default)") \(arrow) \(Self.text(new) ?? "(default)")" }

  /// The argument of `trimtab amend` that makes this change.
  var change: String { "\(key)=\(Self.text(new) ?? "null")" }

  var json: JSONValue {
    .members(["key": .string(key), "old": old ?? .null, "new": new ?? .null])
  }

  /// The value as it may stand in a study file; plain words without quotes.
  private static func text(_ value: JSONValue?) -> String? {
    guard case .object(let members) = value else {
      guard case .string(let text) = value, isPlainWord(text) else { return value?.text }
      return text
    }
    // A sampler without options is written as its name.
    if members.count == 1, members[0].key == "name", case .string(let name) = members[0].value, isPlainWord(name) {
      return name
    }
    return value?.text
  }

  private static func isPlainWord(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, first.isASCII, first.properties.isAlphabetic || first == "_" else {
      return false
    }
    let isPlain = text.unicodeScalars.allSatisfy { scalar in
      scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "_-.".unicodeScalars.contains(scalar))
    }
    let isWord = Choice(scalar: text, quoted: false) == .text(text)
    return isPlain && isWord && !["null", "Null", "NULL"].contains(text)
  }
}
