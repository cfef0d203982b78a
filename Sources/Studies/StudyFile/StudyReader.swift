import TrimtabSearchSpaces

/// Reads a study file and finds everything that is wrong with it.
struct StudyReader {
  var values: FileValues

  init(source: SourceText) { values = FileValues(diagnostics: Diagnostics(source: source)) }

  /// The specification; nil when an error was added.
  mutating func read(_ root: SourceNode, defaultName: String) -> StudySpec? {
    guard let fields = FileFields(root, .study, into: &values.diagnostics) else { return nil }
    let name = readName(fields, defaultName: defaultName)
    let objectives = readObjectives(fields)
    let fidelity = fields["fidelity"].flatMap { readFidelity($0) }
    let outcomes = fields["outcome-constraints"].map { readOutcomeConstraints($0, fidelity: fidelity) } ?? []
    let method = values.method(fields["method"], objectives: objectives.count, fidelity: fidelity)
    let grows = fields["grows"].flatMap { values.boolean($0, "grows") } ?? false
    var space: Space?
    if let node = fields["space"] {
      space = Space.read(node, constraints: fields["constraints"], into: &values.diagnostics)
      checkParameterNames(node)
      if fields["command"] != nil { checkVariableNames(node) }
    } else if grows {
      space = try? Space([])
    } else {
      values.diagnostics.add("a study file has no space", at: fields.node, hint: "add space: …")
    }
    let command = readCommand(fields, space: space, hasFidelity: fields["fidelity"] != nil)
    let budget = fields["budget"].flatMap { readBudget($0) }
    let parallel = fields["parallel"].flatMap { values.integer($0, "parallel", 1...10_000) }
    let environment = fields["environment"].flatMap { readEnvironment($0) }
    let limits = fields["limits"].flatMap { readLimits($0) }
    let retries = fields["retries"].flatMap { readRetries($0) }
    let seed = fields["seed"].flatMap { values.integer($0, "seed", 0...Int.max) }
    let cost = fields["cost"].flatMap { values.metricName($0, "cost") }
    let stopping = fields["stop-when"].flatMap { readStopping($0) }
    let transfer = fields["transfer"].flatMap { readTransfer($0, grows: grows) }
    let durability = fields["durability"].flatMap { values.oneOf(Durability.self, $0, "durability") }
    let metrics = objectives.map(\.metric) + (cost.map { [$0] } ?? [])
    checkFidelityName(fidelity, metrics: metrics, fields)
    // What is wrong with objective or fidelity is not said again of the pattern that names them.
    let canReadOutput = !objectives.isEmpty && (fidelity != nil || fields["fidelity"] == nil)
    let output = fields["output"].flatMap { node in
      canReadOutput ? readOutput(node, objectives: objectives, fidelity: fidelity) : nil
    }

    guard values.diagnostics.isEmpty, let name, let space, let method else { return nil }
    return StudySpec(
      name: name, space: space, objectives: objectives, fidelity: fidelity, method: method,
      budget: budget ?? Budget(), parallel: parallel ?? 1, command: command, environment: environment ?? [:],
      limits: limits ?? Limits(), retries: retries ?? Retries(), seed: seed.map { UInt64($0) }, costMetric: cost,
      outputPattern: output, durability: durability ?? .durable, grows: grows, transfer: transfer, stopping: stopping,
      outcomeConstraints: outcomes)
  }

  private mutating func readName(_ fields: FileFields, defaultName: String) -> String? {
    let rule =
      "use at most \(StudySpec.maximumNameLength) letters, digits, _ - and . , beginning with a letter or digit"
    guard let node = fields["study"] else {
      if StudySpec.isName(defaultName) { return defaultName }
      values.diagnostics.add(
        "the study has no name, and '\(defaultName)' cannot be one", at: fields.node, hint: "add study: a-name")
      return nil
    }
    guard let name = values.text(node, "study") else { return nil }
    guard StudySpec.isName(name) else {
      values.diagnostics.add("\(node.shown) cannot be the name of a study", at: node, hint: rule)
      return nil
    }
    return name
  }

  // MARK: What is optimised

  private mutating func readObjectives(_ fields: FileFields) -> [Objective] {
    switch (fields["objective"], fields["objectives"]) {
    case (nil, nil):
      values.diagnostics.add(
        "a study file has no objective", at: fields.node, hint: "add objective: {metric: loss, goal: minimize}")
      return []
    case (_?, let list?):
      values.diagnostics.add("there is an objective already", at: list, hint: "keep either objective or objectives")
      return []
    case (let single?, nil): return readObjective(single).map { [$0] } ?? []
    case (nil, let list?):
      guard case .sequence(let items) = list.content, !items.isEmpty else {
        values.diagnostics.add(
          "objectives must be a list of at least one objective, not \(list.kindName)", at: list,
          hint: "for example  - {metric: loss, goal: minimize}")
        return []
      }
      var objectives: [Objective] = []
      for item in items {
        guard let objective = readObjective(item) else { continue }
        if objectives.contains(where: { $0.metric == objective.metric }) {
          values.diagnostics.add("the metric '\(objective.metric)' is an objective already", at: item)
        }
        objectives.append(objective)
      }
      return objectives
    }
  }

  private mutating func readObjective(_ node: SourceNode) -> Objective? {
    guard let fields = FileFields(node, .objective, into: &values.diagnostics) else { return nil }
    let metric = fields["metric"].flatMap { values.metricName($0, "the metric") }
    let goal = fields["goal"].flatMap { values.oneOf(Objective.Goal.self, $0, "goal") }
    guard let metric, let goal else { return nil }
    return Objective(metric: metric, goal: goal)
  }

  private mutating func readFidelity(_ node: SourceNode) -> Fidelity? {
    guard let fields = FileFields(node, .fidelity, into: &values.diagnostics) else { return nil }
    let before = values.diagnostics.list.count
    let name = fields["name"].flatMap { values.metricName($0, "the fidelity's name") } ?? Self.resourceName
    let isInteger = fields["integer"].flatMap { values.boolean($0, "integer") } ?? true
    let minimum = fields["min"].flatMap { values.number($0, "min", above: 0) } ?? 1
    let maximum = fields["max"].flatMap { values.number($0, "max", above: 0) }
    let pause = fields["pause"].flatMap { values.oneOf(Fidelity.Pause.self, $0, "pause") } ?? .exit
    let countsReplicates = fields["replicates"].flatMap { values.boolean($0, "replicates") } ?? false
    guard let maximum, values.diagnostics.list.count == before else { return nil }
    for (key, value) in [("min", minimum), ("max", maximum)]
    where value > 0x1p53 || isInteger && value != value.rounded() {
      values.diagnostics.add(
        "\(key) must be a whole number up to 2^53", at: fields[key] ?? node,
        hint: value > 0x1p53 ? nil : "or add integer: false")
    }
    if maximum < minimum {
      values.diagnostics.add(
        "max \(JSONValue.plainText(maximum)) is below min \(JSONValue.plainText(minimum))", at: fields["max"] ?? node)
    }
    if countsReplicates, !isInteger {
      values.diagnostics.add(
        "replicates are counted in whole numbers", at: fields["integer"] ?? node, hint: "leave out integer: false")
    }
    return Fidelity(
      name: name, minimum: minimum, maximum: maximum, isInteger: isInteger, pause: pause,
      countsReplicates: countsReplicates)
  }

  /// The key of the resource in reports when the fidelity has no name.
  static let resourceName = "resource"

  private mutating func checkFidelityName(_ fidelity: Fidelity?, metrics: [String], _ fields: FileFields) {
    guard let fidelity, metrics.contains(fidelity.name), let node = fields["fidelity"] else { return }
    var named: SourceNode?
    if case .mapping(let pairs) = node.content { named = pairs.first { $0.key.scalarText == "name" }?.value }
    values.diagnostics.add(
      "'\(fidelity.name)' is a metric and cannot be the fidelity's name too", at: named ?? node,
      hint: named == nil ? "add name: …" : "choose another name")
  }

  // MARK: Limits

  private mutating func readBudget(_ node: SourceNode) -> Budget? {
    let before = values.diagnostics.list.count
    guard let fields = FileFields(node, .budget, into: &values.diagnostics) else { return nil }
    let budget = Budget(
      trials: fields["trials"].flatMap { values.integer($0, "trials", 1...1_000_000_000) },
      seconds: fields["time"].flatMap { values.seconds($0, "time") },
      cost: fields["cost"].flatMap { values.number($0, "cost", above: 0) })
    if budget == Budget(), values.diagnostics.list.count == before {
      values.diagnostics.add(
        "the budget is empty", at: node,
        hint: "add trials, time or cost, or leave the budget out for a study without end")
    }
    return budget
  }

  private mutating func readLimits(_ node: SourceNode) -> Limits? {
    guard let fields = FileFields(node, .limits, into: &values.diagnostics) else { return nil }
    var limits = Limits()
    limits.seconds = fields["time"].flatMap { values.seconds($0, "time") }
    limits.memory = fields["memory"].flatMap { values.bytes($0, "memory") }
    if let node = fields["grace"], let value = values.seconds(node, "grace", isZeroAllowed: true) {
      limits.grace = value
    }
    if let node = fields["log"], let value = values.bytes(node, "log", isZeroAllowed: true) { limits.log = value }
    return limits
  }

  private mutating func readRetries(_ node: SourceNode) -> Retries? {
    guard let fields = FileFields(node, .retries, into: &values.diagnostics) else { return nil }
    var retries = Retries()
    if let node = fields["failed"], let value = values.integer(node, "failed", 0...1000) { retries.failed = value }
    if let node = fields["lost"], let value = values.integer(node, "lost", 0...1000) { retries.lost = value }
    if let node = fields["backoff"],
      let value = values.seconds(node, "backoff", isZeroAllowed: true, maximum: 86_400)
    {
      retries.backoff = value
    }
    return retries
  }
}
