extension Parameter {
  /// What the `type` of a parameter may be in a study file.
  public static let kinds = [
    "float", "integer", "categorical", "ordinal", "boolean", "constant", "permutation", "simplex",
  ]

  /// The keys that a parameter of a kind may have in a study file.
  public static func keys(ofKind kind: String) -> [String] {
    let common = ["type", "when", "default", "fixed"]
    switch kind {
    case "float", "integer": return common + ["low", "high", "scale", "step", "prior"]
    case "categorical", "ordinal": return common + ["choices"]
    case "constant": return common + ["value"]
    case "permutation": return common + ["items"]
    case "simplex": return common + ["parts"]
    default: return common
    }
  }
}

/// Reads one entry of a study file's space and says everything that is wrong with it.
struct ParameterReader {
  let name: String
  var diagnostics: Diagnostics
  private(set) var conditionNode: SourceNode?

  init(name: String, diagnostics: Diagnostics) {
    self.name = name
    self.diagnostics = diagnostics
  }

  mutating func read(_ node: SourceNode, key: SourceNode) -> Parameter? {
    let errorsBefore = diagnostics.list.count
    guard case .mapping(let pairs) = node.content else {
      diagnostics.add(
        "'\(name)' must be a mapping that says its type and range, not \(node.kindName)", at: node,
        hint: "for example  \(name): {type: float, low: 0, high: 1}")
      return nil
    }
    var fields: [String: SourceNode] = [:]
    for (fieldKey, value) in pairs { if let text = fieldKey.scalarText { fields[text] = value } }
    guard let kindNode = fields["type"] else {
      diagnostics.add(
        "'\(name)' has no type", at: key, hint: "add type: one of \(Parameter.kinds.joined(separator: ", "))")
      return nil
    }
    guard let kind = kindNode.scalarText, Parameter.kinds.contains(kind) else {
      diagnostics.add(
        "'\(kindNode.scalarText ?? "")' is not a type of parameter", at: kindNode,
        hint: suggestion(for: kindNode.scalarText ?? "", among: Parameter.kinds))
      return nil
    }
    let allowed = Parameter.keys(ofKind: kind)
    for (fieldKey, _) in pairs {
      let text = fieldKey.scalarText ?? ""
      if !allowed.contains(text) {
        diagnostics.add(
          "a parameter of type \(kind) has no '\(text)'", at: fieldKey, hint: suggestion(for: text, among: allowed))
      }
    }

    let domain = readDomain(kind, fields, node: node, key: key)
    var condition: Expression?
    if let conditionNode = fields["when"] {
      condition = Space.readExpression(conditionNode, into: &diagnostics)
      self.conditionNode = conditionNode
    }
    guard let domain else { return nil }
    let defaultValue = fields["default"].flatMap { readMember($0, domain) }
    let fixedValue = fields["fixed"].flatMap { readMember($0, domain) }
    guard diagnostics.list.count == errorsBefore else { return nil }
    return Parameter(name, domain, when: condition, default: defaultValue, fixed: fixedValue)
  }

  private mutating func readDomain(
    _ kind: String, _ fields: [String: SourceNode], node: SourceNode, key: SourceNode
  ) -> Domain? {
    switch kind {
    case "float", "integer":
      return readNumeric(isInteger: kind == "integer", fields, key: key)
    case "categorical", "ordinal":
      guard let choices = readChoices("choices", fields, key: key) else { return nil }
      return kind == "ordinal" ? .ordinal(choices) : .categorical(choices)
    case "permutation":
      return readChoices("items", fields, key: key).map { .permutation($0) }
    case "simplex":
      return readChoices("parts", fields, key: key).map { .simplex($0.map(\.description)) }
    case "constant":
      guard let valueNode = fields["value"] else {
        diagnostics.add("'\(name)' has no value", at: key, hint: "add value: …")
        return nil
      }
      return readChoice(valueNode).map { .constant($0) }
    default:
      return .boolean
    }
  }

  private mutating func readNumeric(isInteger: Bool, _ fields: [String: SourceNode], key: SourceNode) -> Domain? {
    let before = diagnostics.list.count
    var prior: Prior?
    if let priorNode = fields["prior"] { prior = readPrior(priorNode) }
    var low = -Double.infinity
    var high = Double.infinity
    if case .logNormal = prior { low = 0 }
    for (field, isLow) in [("low", true), ("high", false)] {
      if let node = fields[field] {
        if let value = readNumber(node) { if isLow { low = value } else { high = value } }
      } else if fields["prior"] == nil {
        diagnostics.add(
          "'\(name)' has no \(field)", at: key, hint: "add \(field): a number, or a prior for an unbounded range")
      }
    }
    var scale = Scale.linear
    if let node = fields["scale"] {
      if let value = node.scalarText.flatMap(Scale.init) {
        scale = value
      } else {
        diagnostics.add(
          "'\(node.scalarText ?? "")' is not a scale", at: node,
          hint: suggestion(for: node.scalarText ?? "", among: Scale.allCases.map(\.rawValue)))
      }
    }
    let step = fields["step"].flatMap { readNumber($0) }
    guard diagnostics.list.count == before else { return nil }
    do {
      let domain = try NumericDomain(low: low, high: high, scale: scale, step: step, prior: prior, isInteger: isInteger)
      return isInteger ? .integer(domain) : .float(domain)
    } catch {
      let node: SourceNode =
        if error.message.contains("step") { fields["step"] ?? key } else { fields["low"] ?? fields["high"] ?? key }
      diagnostics.add("'\(name)': \(error.message)", at: node, hint: error.hint)
      return nil
    }
  }

  private mutating func readPrior(_ node: SourceNode) -> Prior? {
    guard case .mapping(let pairs) = node.content, pairs.count == 1, let kind = pairs[0].key.scalarText,
      case .sequence(let items) = pairs[0].value.content, items.count == 2
    else {
      diagnostics.add(
        "a prior is one of {normal: [mean, deviation]} and {log_normal: [mean, deviation]}", at: node)
      return nil
    }
    guard let mean = readNumber(items[0]), let deviation = readNumber(items[1]) else { return nil }
    switch kind {
    case "normal": return .normal(mean: mean, deviation: deviation)
    case "log_normal": return .logNormal(mean: mean, deviation: deviation)
    default:
      diagnostics.add(
        "'\(kind)' is not a prior", at: pairs[0].key, hint: suggestion(for: kind, among: ["normal", "log_normal"]))
      return nil
    }
  }

  private mutating func readNumber(_ node: SourceNode) -> Double? {
    guard let text = node.scalarText, let value = Double(text), value.isFinite else {
      let what = node.isNothing ? node.kindName : node.scalarText.map { "'\($0)'" } ?? node.kindName
      diagnostics.add("\(what) is not a number", at: node, hint: "write a number such as 0.01 or 1e-2")
      return nil
    }
    return value
  }

  private mutating func readChoice(_ node: SourceNode) -> Choice? {
    guard case .scalar(let text, let quoted) = node.content else {
      diagnostics.add("a choice must be a single value, not \(node.kindName)", at: node)
      return nil
    }
    guard !node.isNothing else {
      diagnostics.add("there is no value here", at: node, hint: "quote it to mean the text: \"\(text)\"")
      return nil
    }
    return Choice(scalar: text, quoted: quoted)
  }

  private mutating func readChoices(_ field: String, _ fields: [String: SourceNode], key: SourceNode) -> [Choice]? {
    guard let node = fields[field] else {
      diagnostics.add("'\(name)' has no \(field)", at: key, hint: "add \(field): [a, b, …]")
      return nil
    }
    guard case .sequence(let items) = node.content, !items.isEmpty else {
      diagnostics.add("\(field) must be a list of at least one value", at: node, hint: "for example [a, b, c]")
      return nil
    }
    let choices = items.compactMap { readChoice($0) }
    return choices.count == items.count ? choices : nil
  }

  /// A value that must be one of the domain's.
  private mutating func readMember(_ node: SourceNode, _ domain: Domain) -> ParameterValue? {
    let before = diagnostics.list.count
    guard let value = readValue(node, domain), diagnostics.list.count == before else { return nil }
    do {
      _ = try Parameter(name, domain).slots(of: value)
      return value
    } catch {
      diagnostics.add("'\(name)': \(error.message)", at: node, hint: error.hint)
      return nil
    }
  }

  private mutating func readValue(_ node: SourceNode, _ domain: Domain) -> ParameterValue? {
    switch domain {
    case .float: return readNumber(node).map { .real($0) }
    case .integer: return readNumber(node).map { number in Int(exactly: number).map { .integer($0) } ?? .real(number) }
    case .categorical, .ordinal, .boolean, .constant: return readChoice(node).map { .choice($0) }
    case .permutation, .simplex:
      guard case .sequence(let items) = node.content else {
        diagnostics.add("a list is needed, not \(node.kindName)", at: node)
        return nil
      }
      if case .permutation = domain { return .permutation(items.compactMap { readChoice($0) }) }
      return .simplex(items.compactMap { readNumber($0) })
    }
  }
}
