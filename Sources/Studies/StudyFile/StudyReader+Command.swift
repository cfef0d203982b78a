import TrimtabSearchSpaces

extension StudyReader {
  /// Names that would be ambiguous in commands.
  mutating func checkParameterNames(_ space: SourceNode) {
    guard case .mapping(let pairs) = space.content else { return }
    for (key, _) in pairs {
      guard let name = key.scalarText, CommandTemplate.reservedNames.contains(name) else { continue }
      values.diagnostics.add(
        "'\(name)' cannot be a parameter's name: {\(name)} has a meaning of its own in commands", at: key,
        hint: "choose another name, for example \(name)_value")
    }
  }

  /// A command gets each value in an environment variable, so these must differ as well.
  mutating func checkVariableNames(_ space: SourceNode) {
    guard case .mapping(let pairs) = space.content else { return }
    var owners: [String: String] = [:]
    for (key, _) in pairs {
      guard let name = key.scalarText else { continue }
      let variable = CommandTemplate.variableName(of: name)
      if let owner = owners[variable] {
        values.diagnostics.add(
          "'\(name)' and '\(owner)' would both be in the environment variable \(variable)", at: key,
          hint: "rename one of them")
      }
      owners[variable] = name
    }
  }

  // MARK: Command

  mutating func readCommand(_ fields: FileFields, space: Space?, hasFidelity: Bool) -> [String] {
    let isShell = fields["shell"].flatMap { values.boolean($0, "shell") } ?? false
    guard let node = fields["command"] else {
      if let shell = fields["shell"] {
        values.diagnostics.add("shell says how to run a command, but there is none", at: shell, hint: "add command: …")
      }
      return []
    }
    switch node.content {
    case .mapping:
      values.diagnostics.add(
        "command must be a list of arguments, not a mapping", at: node,
        hint: "for example [python3, train.py, \"{flags}\"]")
      return []
    case .scalar(let text, _):
      guard !node.isNothing, !text.isEmpty else {
        values.diagnostics.add(
          "command must be a list of arguments, not nothing", at: node,
          hint: "for example [python3, train.py, \"{flags}\"]")
        return []
      }
      guard isShell else {
        let words = text.split(whereSeparator: \.isWhitespace).joined(separator: ", ")
        values.diagnostics.add(
          "command must be a list of arguments, not one text", at: node,
          hint: "write [\(words)], or add shell: true to run the text with /bin/sh")
        return []
      }
      return readShell(text, node, space: space)
    case .sequence(let items):
      if isShell {
        values.diagnostics.add(
          "with shell: true the command is one text, not a list", at: fields["shell"] ?? node,
          hint: "write the command as one text, or drop shell: true")
      }
      return readArguments(items, node, space: space, hasFidelity: hasFidelity)
    }
  }

  private mutating func readShell(_ text: String, _ node: SourceNode, space: Space?) -> [String] {
    // A shell would read a value as part of its program, so values only come in the environment there.
    let names = (space?.parameters.map(\.name) ?? []) + CommandTemplate.reservedNames
    let characters = Array(text)
    for name in names {
      let template = Array("{\(name)}")
      guard template.count <= characters.count else { continue }
      for start in 0...(characters.count - template.count)
      where characters[start] == "{" && Array(characters[start..<(start + template.count)]) == template {
        if start > 0, characters[start - 1] == "$" { continue }
        values.diagnostics.add(
          node.diagnostic(
            "templates such as {\(name)} are not replaced in a shell text", offset: start, length: template.count,
            hint: "use the environment, for example \"$TRIMTAB_PARAM_…\", or write the command as a list"))
      }
    }
    return ["/bin/sh", "-c", TemplateText.escaped(text)]
  }

  private mutating func readArguments(
    _ items: [SourceNode], _ node: SourceNode, space: Space?, hasFidelity: Bool
  ) -> [String] {
    guard !items.isEmpty else {
      values.diagnostics.add("the command is empty", at: node, hint: "for example [python3, train.py, \"{flags}\"]")
      return []
    }
    var arguments: [String] = []
    for item in items {
      guard case .scalar(let text, _) = item.content, !item.isNothing else {
        let hint: String? =
          if case .mapping = item.content { "quote arguments with braces: \"{name}\"" } else { nil }
        values.diagnostics.add("an argument must be text, not \(item.kindName)", at: item, hint: hint)
        continue
      }
      guard !text.unicodeScalars.contains("\0") else {
        values.diagnostics.add("an argument cannot hold a zero byte", at: item)
        continue
      }
      if let space { checkTemplates(text, item, after: arguments.last, space: space, hasFidelity: hasFidelity) }
      arguments.append(text)
    }
    if arguments.first == "" { values.diagnostics.add("the program to run has no name", at: items[0]) }
    return arguments
  }

  private mutating func checkTemplates(
    _ text: String, _ node: SourceNode, after previous: String?, space: Space, hasFidelity: Bool
  ) {
    do {
      guard case .pieces(let pieces) = try CommandTemplate.parse(text, space: space) else { return }
      if pieces.contains(.builtin("resource")), !hasFidelity {
        values.diagnostics.add("{resource} has no value in a study without fidelity", at: node, hint: "add fidelity: …")
      }
      // "--momentum", "{momentum}" as two arguments would leave the flag alone where the parameter is inactive.
      guard pieces.count == 1, case .parameter(let index) = pieces[0], let previous, previous.hasPrefix("-"),
        !previous.contains("{"), !previous.contains("=")
      else { return }
      let parameter = space.parameters[index]
      let isFlagItself = parameter.domain.choices?.allSatisfy { $0.description.hasPrefix("-") } ?? false
      guard parameter.condition != nil, !isFlagItself else { return }
      values.diagnostics.add(
        "where '\(parameter.name)' is inactive this argument is dropped, but \(previous) before it stays", at: node,
        hint: "write both as one argument: \"\(previous)=\(text)\"")
    } catch {
      values.diagnostics.add(
        node.diagnostic(error.message, offset: error.offset, length: error.length, hint: error.hint))
    }
  }

  // MARK: Environment and output

  /// Longer keys could not be read back from the canonical text: YAML reads none beyond 1024 characters, and an escape may
  /// take six for one.
  private static let maximumVariableLength = 150

  mutating func readEnvironment(_ node: SourceNode) -> [String: String]? {
    guard case .mapping(let pairs) = node.content else {
      values.diagnostics.add(
        "environment must be a mapping from variables to texts, not \(node.kindName)", at: node,
        hint: "for example  OMP_NUM_THREADS: 1")
      return nil
    }
    var environment: [String: String] = [:]
    for (key, value) in pairs {
      guard let name = key.scalarText, !name.isEmpty, !name.contains("="), !name.unicodeScalars.contains("\0"),
        name.unicodeScalars.count <= Self.maximumVariableLength
      else {
        values.diagnostics.add("\(key.shown) cannot be the name of a variable", at: key)
        continue
      }
      guard !name.hasPrefix("TRIMTAB_") else {
        values.diagnostics.add("variables that begin with TRIMTAB_ are set by Trimtab itself", at: key)
        continue
      }
      guard case .scalar(let text, let quoted) = value.content, quoted || !value.isNothing,
        !text.unicodeScalars.contains("\0")
      else {
        values.diagnostics.add(
          "the variable '\(name)' must be text, not \(value.kindName)", at: value,
          hint: value.isNothing ? "write \"\" for an empty text" : nil)
        continue
      }
      environment[name] = text
    }
    return environment
  }

  mutating func readOutput(
    _ node: SourceNode, objectives: [Objective], fidelity: Fidelity?
  ) -> String? {
    guard let text = values.text(node, "output") else { return nil }
    do {
      _ = try OutputPattern(text, fidelity: fidelity?.name, objectives: objectives.map(\.metric))
      return text
    } catch {
      values.diagnostics.add(
        node.diagnostic(error.message, offset: error.offset, length: error.length, hint: error.hint))
      return nil
    }
  }
}
