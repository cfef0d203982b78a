import TrimtabSearchSpaces

extension StudyFile {
  /// The text of a new study file with comments, for its author to correct. It always reads without errors.
  /// - Parameters:
  ///   - name: the study's name; what a name cannot have becomes `-`.
  ///   - command: the program and its arguments; templates such as `{lr}` stay where the space has such a parameter.
  ///   - help: the program's `--help` output or its Python source, from which a space is proposed.
  ///   - space: the space, when it is known; nothing is proposed then.
  public static func template(name: String, command: [String], help: String?, space: Space? = nil) -> String {
    let proposal = SpaceProposal(help.map(ProgramOption.read) ?? [])
    let hasProposal = !proposal.parameters.isEmpty
    let parameters = space?.parameters ?? (hasProposal ? proposal.parameters : exampleParameters)
    let notes =
      space.map { $0.parameters.map { _ in "" } }
      ?? (hasProposal ? proposal.notes : ["an example: put your own parameters here"])
    var (arguments, usesResource) = arguments(command, parameters, proposal)
    if space != nil, !arguments.contains(where: { $0.contains("{") }) { arguments.append("{flags}") }

    var lines: [String] = []
    lines.append("study: \(flow(.string(cleaned(name))))")
    lines.append("")
    lines.append("# What trials report, and which values are better: minimize or maximize.")
    lines.append("objective: {metric: loss, goal: minimize}")
    lines.append("")
    lines.append("# Uncomment to stop poor trials early: trials then report after each epoch.")
    let count = proposal.epochs?.count.flatMap { $0 > 0 && $0 < 1_000_000 ? $0 : nil } ?? 27
    let fidelity = "fidelity: {name: epoch, max: \(count)}"
    lines.append(usesResource ? fidelity : "# \(fidelity)")
    if let epochs = proposal.epochs, !usesResource {
      lines.append("# and add to the command: \"--\(epochs.option)={resource}\"")
    }
    lines.append("")
    lines.append("# The study is finished at the first limit: trials, time (such as 2h) or cost.")
    lines.append("budget: {trials: 50}")
    lines.append("")
    lines.append("# How many trials run at a time.")
    lines.append("parallel: 1")
    lines.append("")
    lines.append("# The program and its arguments. {name} stands for a parameter's value, and the argument \"{flags}\"")
    lines.append("# for --name=value of every parameter.")
    lines.append("command:")
    lines += arguments.map { "  - \(JSONValue.string($0).text)" }
    lines.append("")
    lines.append("# Uncomment to read reports from lines that the program prints.")
    lines.append("# output: \"\(usesResource ? "epoch {epoch}: " : "")loss {loss}\"")
    lines.append("")
    lines.append("# The parameters: their ranges or choices, and the values that the first trial takes.")
    if !proposal.leftOut.isEmpty {
      lines.append(
        "# Left out, because they look like no parameters to tune: \(proposal.leftOut.joined(separator: ", "))")
    }
    lines.append("space:")
    for (parameter, note) in zip(parameters, notes) {
      let entry = "  \(yamlKey(parameter.name)): \(flow(parameter.json))"
      lines.append(note.isEmpty ? entry : "\(entry)  # \(note)")
    }
    if let space, !space.constraints.isEmpty {
      lines.append("")
      lines.append("# What every configuration obeys.")
      lines.append("constraints:")
      lines += space.constraints.map { "  - \(JSONValue.string($0.description).text)" }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static var exampleParameters: [Parameter] {
    let range = try? NumericDomain(low: 1e-5, high: 1e-1, scale: .log)
    return [range.map { Parameter("learning_rate", .float($0)) } ?? Parameter("enabled", .boolean)]
  }

  /// The command with a place for every parameter, and whether it asks for the resource.
  private static func arguments(
    _ command: [String], _ parameters: [Parameter], _ proposal: SpaceProposal
  ) -> (list: [String], usesResource: Bool) {
    var list = command.filter { !$0.unicodeScalars.contains("\0") }
    if list.first?.isEmpty != false { list = ["./train"] }
    var usesResource = false
    var hasTemplate = false
    guard let space = try? Space(parameters) else { return (list, false) }
    for i in list.indices {
      guard let argument = try? CommandTemplate.parse(list[i], space: space) else {
        list[i] = TemplateText.escaped(list[i])
        continue
      }
      guard case .pieces(let pieces) = argument else {
        hasTemplate = true
        continue
      }
      for piece in pieces {
        if piece == .builtin("resource") { usesResource = true }
        if case .parameter(let index) = piece {
          hasTemplate = true
          // A dropped argument must not leave its flag behind, so the flag is not written by itself.
          if parameters[index].condition != nil, pieces.count == 1, i > 0, list[i - 1].hasPrefix("-") {
            list[i] = TemplateText.escaped(list[i])
          }
        }
      }
    }
    if hasTemplate { return (list, usesResource) }
    if proposal.flagsSuffice {
      let builtins = proposal.arguments.filter { $0.hasSuffix("={seed}") }
      return (list + builtins + ["{flags}"], usesResource)
    }
    return (list + proposal.arguments, usesResource)
  }

  /// The name with everything that a study's name cannot have replaced.
  private static func cleaned(_ name: String) -> String {
    var text = ""
    for character in name.prefix(StudySpec.maximumNameLength) {
      text.append(StudySpec.isName("a\(character)") ? character : "-")
    }
    while let first = text.first, !StudySpec.isName(String(first)) { text.removeFirst() }
    return text.isEmpty ? "study" : text
  }

  private static func yamlKey(_ name: String) -> String {
    isPlainYAML(name) ? name : JSONValue.string(name).text
  }

  /// A value on one line, in the style that people write.
  private static func flow(_ value: JSONValue) -> String {
    switch value {
    case .string(let text): isPlainYAML(text) ? text : value.text
    case .array(let items): "[\(items.map(flow).joined(separator: ", "))]"
    case .object(let members):
      "{\(members.map { "\(yamlKey($0.key)): \(flow($0.value))" }.joined(separator: ", "))}"
    default: value.text
    }
  }

  /// Whether a text needs no quotes: a word that is no number, truth value or null.
  private static func isPlainYAML(_ text: String) -> Bool {
    guard let first = text.first, first.isASCII, first.isLetter || first == "_",
      text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "_-.".contains($0)) })
    else { return false }
    guard case .text = Choice(scalar: text, quoted: false) else { return false }
    return !SourceNode(.scalar(text, quoted: false), at: SourcePosition(line: 1, column: 1)).isNothing
  }
}
