import TrimtabSearchSpaces

/// What a study knows before it begins, and when it knows enough.
extension StudyReader {
  static let noiseWord = "noise"

  mutating func readStopping(_ node: SourceNode) -> Stopping? {
    let before = values.diagnostics.list.count
    guard let fields = FileFields(node, .stopping, into: &values.diagnostics) else { return nil }
    var stopping = Stopping()
    if let node = fields["gain"] {
      if node.scalarText == Self.noiseWord {
        stopping.gain = .noise
      } else if let value = node.scalarText.flatMap({ Double($0) }), value.isFinite, value > 0 {
        stopping.gain = .value(value)
      } else {
        values.diagnostics.add("gain must be a number above 0 or '\(Self.noiseWord)', not \(node.shown)", at: node)
      }
    }
    stopping.price = fields["price"].flatMap { values.number($0, "price", above: 0) }
    stopping.stagnation = fields["stagnation"].flatMap { values.integer($0, "stagnation", 1...1_000_000_000) }
    if let node = fields["regret-gap"], let share = values.number(node, "regret-gap", above: 0) {
      if share < 1 {
        stopping.regretGap = share
      } else {
        values.diagnostics.add(
          "regret-gap is a share below 1, not \(node.shown)", at: node, hint: "0.01 is the published value")
      }
    }
    if stopping == Stopping(), values.diagnostics.list.count == before {
      values.diagnostics.add(
        "stop-when is empty", at: node, hint: "add gain, price, regret-gap or stagnation, or leave stop-when out")
    }
    return stopping
  }

  mutating func readTransfer(_ node: SourceNode, grows: Bool) -> Transfer? {
    guard let fields = FileFields(node, .transfer, into: &values.diagnostics) else { return nil }
    if grows {
      values.diagnostics.add(
        "a study whose space grows cannot learn from earlier ones", at: node,
        hint: "declare the parameters in space, and leave grows out")
    }
    var transfer = Transfer(sources: fields["from"].map { readSources($0) } ?? [])
    if let node = fields["start"], let value = values.integer(node, "start", 0...Transfer.maximumStart) {
      transfer.start = value
    }
    transfer.isBoxed = fields["box"].flatMap { values.boolean($0, "box") } ?? false
    return transfer
  }

  private mutating func readSources(_ node: SourceNode) -> [Transfer.Source] {
    guard case .sequence(let items) = node.content, !items.isEmpty else {
      values.diagnostics.add(
        "from must be a list of at least one earlier study, not \(node.kindName)", at: node,
        hint: "for example  from: [last-year.trimtab]")
      return []
    }
    var sources: [Transfer.Source] = []
    for item in items {
      guard let source = readSource(item) else { continue }
      if sources.contains(source) { values.diagnostics.add("the earlier study stands in the list already", at: item) }
      sources.append(source)
    }
    return sources
  }

  private mutating func readSource(_ node: SourceNode) -> Transfer.Source? {
    if case .scalar = node.content { return readPath(node).map { Transfer.Source(path: $0) } }
    guard let fields = FileFields(node, .source, into: &values.diagnostics) else { return nil }
    let study = fields["study"].flatMap { values.text($0, "study") }
    return fields["store"].flatMap { readPath($0) }.map { Transfer.Source(path: $0, study: study) }
  }

  private mutating func readPath(_ node: SourceNode) -> String? {
    guard let path = values.text(node, "an earlier study") else { return nil }
    guard path.hasSuffix(".trimtab") || path.hasSuffix(".jsonl"), !path.unicodeScalars.contains("\0") else {
      values.diagnostics.add(
        "\(node.shown) is neither a store (.trimtab) nor a table (.jsonl)", at: node,
        hint: "write a table with 'trimtab export STUDY --format jsonl --output earlier.jsonl'")
      return nil
    }
    return path
  }
}

extension Stopping {
  /// The condition as the `stop-when` mapping of a study file.
  var json: JSONValue {
    let gain = self.gain.map { gain in
      switch gain {
      case .noise: JSONValue.string(StudyReader.noiseWord)
      case .value(let value): JSONValue.number(value)
      }
    }
    return .members([
      "gain": gain, "price": price.map { .number($0) }, "regret-gap": regretGap.map { .number($0) },
      "stagnation": stagnation.map { .integer($0) },
    ])
  }
}

extension Transfer {
  /// As the `transfer` mapping of a study file.
  var json: JSONValue {
    let sources = self.sources.map { source in
      source.study.map { JSONValue.members(["store": .string(source.path), "study": .string($0)]) }
        ?? .string(source.path)
    }
    return .members([
      "from": .array(sources), "start": StudySpec.unless(start == Self.usualStart, .integer(start)),
      "box": StudySpec.unless(!isBoxed, .bool(true)),
    ])
  }
}
