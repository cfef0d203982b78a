/// Reads options from the `add_argument` and `option` calls of a Python source.
enum PythonOptions {
  static func read(_ source: String) -> [ProgramOption] {
    var options: [ProgramOption] = []
    var rest = source[...]
    while let open = rest.firstIndex(of: "(") {
      let before = rest[..<open]
      rest = rest[rest.index(after: open)...]
      guard before.hasSuffix("add_argument") || before.hasSuffix(".option") else { continue }
      let arguments = split(&rest)
      if let option = option(arguments) { options.append(option) }
    }
    return options
  }

  /// The arguments up to the closing parenthesis, which is consumed; commas within quotes and brackets don't count.
  private static func split(_ rest: inout Substring) -> [String] {
    var arguments = [""]
    var depth = 0
    var quote: Character?
    var isEscaped = false
    var isComment = false
    while let c = rest.popFirst() {
      if isComment {
        isComment = !c.isNewline
        continue
      }
      if let open = quote {
        if isEscaped {
          isEscaped = false
        } else if c == "\\" {
          isEscaped = true
        } else if c == open {
          quote = nil
        }
      } else if c == "\"" || c == "'" {
        quote = c
      } else if c == "#" {
        isComment = true
        continue
      } else if c == "(" || c == "[" || c == "{" {
        depth += 1
      } else if c == ")" || c == "]" || c == "}" {
        if depth == 0 { break }
        depth -= 1
      } else if c == ",", depth == 0 {
        arguments.append("")
        continue
      }
      arguments[arguments.count - 1].append(c)
    }
    return arguments.map { HelpText.trimmed($0) }
  }

  private static func option(_ arguments: [String]) -> ProgramOption? {
    var name: String?
    var off: String?
    var named: [String: String] = [:]
    for argument in arguments {
      if let text = literal(argument) {
        guard text.hasPrefix("--"), name == nil else { continue }
        // click writes a flag and its opposite as one text: "--shuffle/--no-shuffle".
        let parts = text.split(separator: "/")
        guard let first = parts.first?.dropFirst(2), ProgramOption.isName(first) else { continue }
        name = String(first)
        if parts.count == 2, parts[1].hasPrefix("--") { off = String(parts[1]) }
      } else if let equals = argument.firstIndex(of: "=") {
        named[HelpText.trimmed(argument[..<equals])] = HelpText.trimmed(argument[argument.index(after: equals)...])
      }
    }
    guard let name else { return nil }
    let defaultText = named["default"].map { literal($0) ?? $0 }.flatMap { $0 == "None" ? nil : $0 }
    var option = ProgramOption(name: name, kind: .value, defaultText: defaultText)
    let action = named["action"].map { literal($0) ?? $0 } ?? ""
    if let off {
      option.kind = .negatableFlag(off: off)
    } else if action.hasSuffix("BooleanOptionalAction") {
      option.kind = .negatableFlag(off: "--no-" + name)
    } else if action == "store_true" || named["is_flag"] == "True" {
      option.kind = .flag
    } else if !action.isEmpty, action != "store" {
      return nil
    } else if let choices = (named["choices"] ?? named["type"]).flatMap(items), choices.count > 1 {
      option.kind = .choices(choices)
    } else if named["type"] == "int" || named["type"]?.contains("IntRange") == true {
      option.kind = .integer
    } else if named["type"] == "float" || named["type"]?.contains("FloatRange") == true {
      option.kind = .real
    }
    return option
  }

  /// The items of a list or tuple of literals, alone or as in `click.Choice([...])`.
  private static func items(_ text: String) -> [String]? {
    guard let open = text.firstIndex(where: { $0 == "[" || $0 == "(" }) else { return nil }
    var rest = text[text.index(after: open)...]
    if rest.first == "[" || rest.first == "(" { rest.removeFirst() }
    let items = split(&rest).filter { !$0.isEmpty }
    let values = items.compactMap { literal($0) ?? (Double($0) != nil ? $0 : nil) }
    return values.count == items.count ? values : nil
  }

  /// The text of a plain string literal.
  private static func literal(_ text: String) -> String? {
    guard let quote = text.first, quote == "\"" || quote == "'", text.count >= 2, text.last == quote else { return nil }
    let inner = text.dropFirst().dropLast()
    return inner.contains(quote) || inner.contains("\\") ? nil : String(inner)
  }
}
