extension Space {
  /// The space as the `space` mapping of a study file; `Space.read` gives it back.
  public var json: JSONValue {
    .object(parameters.map { .init($0.name, $0.json) })
  }

  /// The constraints as the `constraints` list of a study file.
  public var constraintsJSON: JSONValue { .array(constraints.map { .string($0.description) }) }

  /// Reads the `space` mapping and the `constraints` list of a study file. Every error found is added to `diagnostics`;
  /// the result is nil when there was one.
  public static func read(_ node: SourceNode, constraints: SourceNode?, into diagnostics: inout Diagnostics) -> Space? {
    let before = diagnostics.list.count
    guard case .mapping(let pairs) = node.content, !pairs.isEmpty else {
      diagnostics.add(
        "space must be a mapping from parameter names to their domains, not \(node.kindName)", at: node,
        hint: "for example  learning_rate: {type: float, low: 1e-4, high: 1, scale: log}")
      return nil
    }
    var parameters: [Parameter] = []
    var nodes: [SourceNode] = []
    var conditionNodes: [Int: SourceNode] = [:]
    for (key, value) in pairs {
      guard let name = key.scalarText else {
        diagnostics.add("a parameter's name must be text", at: key)
        continue
      }
      var reader = ParameterReader(name: name, diagnostics: diagnostics)
      let parameter = reader.read(value, key: key)
      diagnostics = reader.diagnostics
      if let parameter {
        if let conditionNode = reader.conditionNode { conditionNodes[parameters.count] = conditionNode }
        parameters.append(parameter)
        nodes.append(key)
      }
    }
    var expressions: [Expression] = []
    var expressionNodes: [SourceNode] = []
    if let constraints {
      if case .sequence(let items) = constraints.content {
        for item in items {
          if let expression = readExpression(item, into: &diagnostics) {
            expressions.append(expression)
            expressionNodes.append(item)
          }
        }
      } else {
        diagnostics.add(
          "constraints must be a list of expressions, not \(constraints.kindName)", at: constraints,
          hint: "for example  - layers * width <= 512")
      }
    }
    guard diagnostics.list.count == before else { return nil }
    return assemble(
      parameters, nodes: nodes, conditionNodes: conditionNodes, constraints: expressions,
      constraintNodes: expressionNodes, into: &diagnostics)
  }

  /// Checks what only shows when all parameters are known, each error at its own place.
  private static func assemble(
    _ parameters: [Parameter], nodes: [SourceNode], conditionNodes: [Int: SourceNode], constraints: [Expression],
    constraintNodes: [SourceNode], into diagnostics: inout Diagnostics
  ) -> Space? {
    var ranges: [Range<Int>] = []
    var names: [String: Int] = [:]
    var slot = 0
    for (i, parameter) in parameters.enumerated() {
      ranges.append(slot..<slot + parameter.domain.slotCount)
      slot += parameter.domain.slotCount
      names[parameter.name] = i
    }
    let before = diagnostics.list.count
    func check(_ expression: Expression, at node: SourceNode) {
      var compiler = ExpressionCompiler(parameters: parameters, slotRanges: ranges, indexByName: names)
      do {
        _ = try compiler.compileLogical(expression)
      } catch {
        diagnostics.add(error.located(at: node))
      }
    }
    for (i, parameter) in parameters.enumerated() {
      if let condition = parameter.condition, let node = conditionNodes[i] { check(condition, at: node) }
    }
    for (expression, node) in zip(constraints, constraintNodes) { check(expression, at: node) }
    guard diagnostics.list.count == before else { return nil }
    do {
      return try Space(parameters, constraints: constraints)
    } catch {
      let node = nodes.first { $0.scalarText == error.place } ?? nodes[0]
      diagnostics.add(error.place.map { "'\($0)': \(error.message)" } ?? error.message, at: node, hint: error.hint)
      return nil
    }
  }

  static func readExpression(_ node: SourceNode, into diagnostics: inout Diagnostics) -> Expression? {
    guard let text = node.scalarText else {
      diagnostics.add("an expression must be text, not \(node.kindName)", at: node)
      return nil
    }
    do {
      return try Expression.parse(text)
    } catch {
      diagnostics.add(error.located(at: node))
      return nil
    }
  }
}

extension ExpressionError {
  /// The same error at its place in the document that holds the expression.
  func located(at node: SourceNode) -> Diagnostic {
    node.diagnostic(message, offset: offset, length: length, hint: hint)
  }
}

extension Parameter {
  /// The parameter as one entry of a study file's space.
  public var json: JSONValue {
    var members: [JSONValue.Member] = [.init("type", .string(domain.kindName))]
    switch domain {
    case .float(let domain), .integer(let domain):
      if domain.low.isFinite { members.append(.init("low", .number(domain.low))) }
      if domain.high.isFinite { members.append(.init("high", .number(domain.high))) }
      if domain.scale != .linear { members.append(.init("scale", .string(domain.scale.rawValue))) }
      let isInteger = if case .integer = self.domain { true } else { false }
      if let step = domain.step, !(isInteger && step == 1) { members.append(.init("step", .number(step))) }
      switch domain.prior {
      case .normal(let mean, let deviation):
        members.append(.init("prior", .members(["normal": .array([.number(mean), .number(deviation)])])))
      case .logNormal(let mean, let deviation):
        members.append(.init("prior", .members(["log_normal": .array([.number(mean), .number(deviation)])])))
      case nil: break
      }
    case .categorical(let choices), .ordinal(let choices):
      members.append(.init("choices", .array(choices.map(\.json))))
    case .boolean: break
    case .constant(let choice): members.append(.init("value", choice.json))
    case .permutation(let items): members.append(.init("items", .array(items.map(\.json))))
    case .simplex(let parts): members.append(.init("parts", .array(parts.map { .string($0) })))
    }
    if let condition { members.append(.init("when", .string(condition.description))) }
    if let defaultValue { members.append(.init("default", defaultValue.json)) }
    if let fixedValue { members.append(.init("fixed", fixedValue.json)) }
    return .object(members)
  }
}
