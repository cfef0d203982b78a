import TrimtabSearchSpaces

extension FileValues {
  /// A method as a study file names it; what it leaves out is as usual.
  package mutating func method(_ node: SourceNode?, objectives: Int, fidelity: Fidelity?) -> MethodSpec? {
    guard let node else { return .usual(objectives: objectives, fidelity: fidelity) }
    if case .scalar = node.content {
      return part(node, "method").map { .usual(objectives: objectives, fidelity: fidelity, sampler: $0) }
    }
    guard let fields = FileFields(node, .method, into: &diagnostics) else { return nil }
    var sampler: PartSpec?
    if let given = fields["sampler"] {
      guard let part = part(given, "sampler") else { return nil }
      sampler = part
    }
    var method = MethodSpec.usual(objectives: objectives, fidelity: fidelity, sampler: sampler)
    if let scheduler = fields["scheduler"] {
      guard let part = self.part(scheduler, "scheduler") else { return nil }
      method.scheduler = part
    }
    return method
  }

  /// A sampler or scheduler: its name, or a mapping of its name and options.
  package mutating func part(_ node: SourceNode, _ what: String) -> PartSpec? {
    if case .scalar = node.content { return partName(node, what).map { PartSpec($0) } }
    guard let fields = FileFields(node, .part, into: &diagnostics) else { return nil }
    var options: [String: Choice] = [:]
    for (key, value) in fields.others {
      guard case .scalar(let text, let quoted) = value.content, !value.isNothing else {
        diagnostics.add(
          "the option '\(key.scalarText ?? "")' must be a single value, not \(value.kindName)", at: value)
        continue
      }
      options[key.scalarText ?? ""] = Choice(scalar: text, quoted: quoted)
    }
    return fields["name"].flatMap { partName($0, what) }.map { PartSpec($0, options: options) }
  }

  private mutating func partName(_ node: SourceNode, _ what: String) -> String? {
    guard let name = text(node, what) else { return nil }
    guard !name.isEmpty else {
      diagnostics.add("\(what) must be a name", at: node)
      return nil
    }
    return name
  }
}
