/// A command-line option of a program, as far as its help text or its source tells.
struct ProgramOption: Equatable {
  enum Kind: Equatable {
    /// Takes a value of which only the default tells more.
    case value
    case integer
    case real
    /// Takes one of these.
    case choices([String])
    /// Given or not: takes no value.
    case flag
    /// Given as `--name` or as its opposite.
    case negatableFlag(off: String)
  }

  /// The long name without dashes.
  var name: String
  var kind: Kind
  /// The default value's text, when one is told.
  var defaultText: String?
  /// The range that the program itself enforces.
  var low: Double?
  var high: Double?

  /// The options that a text tells of: the output of `--help` in the manner of argparse, click or Swift's ArgumentParser,
  /// or a Python source that calls `add_argument` or `option`.
  static func read(_ text: String) -> [ProgramOption] {
    let isSource = text.contains("add_argument(") || text.contains("click.option(")
    var options: [ProgramOption] = []
    for option in isSource ? PythonOptions.read(text) : HelpText.read(text) {
      if !options.contains(where: { $0.name == option.name }) { options.append(option) }
    }
    return options
  }

  /// Whether a text can be an option's long name here.
  static func isName(_ text: some StringProtocol) -> Bool {
    guard let first = text.first, first.isASCII, first.isLetter else { return false }
    return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
  }
}

/// Reads options from the output of `--help`.
enum HelpText {
  static func read(_ text: String) -> [ProgramOption] {
    entries(text).compactMap(option)
  }

  /// Each option's own words and the description that follows, which may go on over further lines.
  private static func entries(_ text: String) -> [(head: String, description: String)] {
    var entries: [(head: String, description: String)] = []
    var indent: Int?
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      let words = line.drop(while: \.isWhitespace)
      let depth = line.count - words.count
      if words.isEmpty {
        continue
      } else if words.hasPrefix("-"), (1...8).contains(depth) {
        indent = depth
        let (head, description) = split(words)
        entries.append((head, description))
      } else if let indent, depth > indent, !entries.isEmpty {
        entries[entries.count - 1].description += " " + words
      } else {
        // A heading: what follows belongs to no option.
        indent = nil
        entries.append(("", ""))
      }
    }
    return entries
  }

  /// The description begins after two or more spaces.
  private static func split(_ line: Substring) -> (head: String, description: String) {
    let characters = Array(line)
    var i = 0
    while i + 1 < characters.count {
      if characters[i] == " ", characters[i + 1] == " " {
        return (String(characters[..<i]), String(characters[i...].drop { $0 == " " }))
      }
      i += 1
    }
    return (String(line), "")
  }

  private static func option(_ head: String, _ description: String) -> ProgramOption? {
    guard let dashes = longName(in: head) else { return nil }
    let name = String(head[dashes])
    var rest = head[dashes.upperBound...]
    // The opposite of a flag stands beside it: `--amp, --no-amp` or `--shuffle / --no-shuffle`.
    let opposite = "--no-" + name
    if rest.contains(opposite) {
      return ProgramOption(name: name, kind: .negatableFlag(off: opposite), defaultText: defaultText(description))
    }
    while let first = rest.first, first == " " || first == "=" { rest.removeFirst() }
    var option = ProgramOption(name: name, kind: .flag, defaultText: defaultText(description))
    if let choices = list(rest, "{", "}", separator: ",") ?? list(rest, "[", "]", separator: "|") {
      option.kind = .choices(choices)
    } else if let values = after("values: ", in: description) {
      option.kind = .choices(values.prefix { $0 != ";" && $0 != ")" && $0 != "]" }.split(separator: ",").map(trimmed))
    } else if rest.first.map({ $0.isLetter || $0 == "<" || $0 == "[" }) == true {
      let kind = rest.uppercased()
      option.kind = kind.hasPrefix("INT") ? .integer : kind.hasPrefix("FLOAT") ? .real : .value
      (option.low, option.high) = range(description)
    }
    return option
  }

  /// The place of the first long name, without its dashes.
  private static func longName(in head: String) -> Range<String.Index>? {
    var i = head.startIndex
    while i < head.endIndex {
      let isStart = i == head.startIndex || head[head.index(before: i)].isWhitespace
      if isStart, head[i...].hasPrefix("--") {
        let start = head.index(i, offsetBy: 2)
        let end = head[start...].firstIndex { !($0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0))) }
        let range = start..<(end ?? head.endIndex)
        return ProgramOption.isName(head[range]) ? range : nil
      }
      i = head.index(after: i)
    }
    return nil
  }

  private static func list(
    _ text: Substring, _ open: Character, _ close: Character, separator: Character
  ) -> [String]? {
    guard text.first == open, let end = text.firstIndex(of: close) else { return nil }
    let items = text[text.index(after: text.startIndex)..<end].split(separator: separator).map(trimmed)
    return items.count > 1 ? items : nil
  }

  /// The value in `(default: 0.1)` or `[default: 0.1; …]`.
  private static func defaultText(_ description: String) -> String? {
    guard let rest = after("default: ", in: description) else { return nil }
    let value = rest.prefix { $0 != ")" && $0 != "]" && $0 != ";" }
    let text = trimmed(value)
    return text.isEmpty || text == "None" ? nil : text
  }

  /// The bounds in click's `1<=x<=10`.
  private static func range(_ description: String) -> (low: Double?, high: Double?) {
    for word in description.split(whereSeparator: { $0.isWhitespace || "[];".contains($0) }) where word.contains("x") {
      let parts = word.split(whereSeparator: { $0 == "<" || $0 == "=" || $0 == ">" })
      guard let x = parts.firstIndex(of: "x"), parts.count <= 3, word.contains("<") || word.contains(">") else {
        continue
      }
      let before = x > 0 ? Double(parts[x - 1]) : nil
      let after = x + 1 < parts.count ? Double(parts[x + 1]) : nil
      return word.contains(">") ? (after, before) : (before, after)
    }
    return (nil, nil)
  }

  private static func after(_ mark: String, in text: String) -> Substring? {
    var rest = text[...]
    while !rest.isEmpty {
      if rest.hasPrefix(mark) { return rest.dropFirst(mark.count) }
      rest.removeFirst()
    }
    return nil
  }

  static func trimmed(_ text: some StringProtocol) -> String {
    var text = Substring(text).drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
