import TrimtabMethods
import TrimtabSearchSpaces
import TrimtabStudies

extension Suite {
  /// Reads a suite file, YAML or JSON.
  /// - Parameters:
  ///   - name: what errors call the text, such as the file's path.
  ///   - peers: the peers that are known.
  /// - Throws: `Diagnostics` with every error found, each at its place.
  public static func parse(
    _ text: String, name: String, defaultName: String, peers: [KnownPeer]
  ) throws(Diagnostics) -> Suite {
    let root = try SourceNode.parse(text, name: name)
    var reader = SuiteReader(source: SourceText(name: name, text: text), peers: peers)
    let suite = reader.read(root, defaultName: defaultName)
    try reader.values.diagnostics.throwIfAny()
    guard let suite else {
      reader.values.diagnostics.add("this is not a suite file", at: root)
      throw reader.values.diagnostics
    }
    return suite
  }
}

extension FileSection {
  fileprivate static let suite = FileSection(
    name: "a suite file",
    keys: [
      FileKey("suite", .text, "The suite's name; the file's when left out."),
      FileKey("problems", .list(.text), "Names, patterns, or mappings with options.", isRequired: true),
      FileKey("methods", .list(.text), "What is compared.", isRequired: true),
      FileKey("budget", .section(.suiteBudget), "How much each run may use.", isRequired: true),
      FileKey("workers", .integer(minimum: 1, maximum: 10_000), "Trials at a time; 1 when left out."),
      FileKey("repetitions", .integer(minimum: 1, maximum: 100_000), "Runs of each pair; 10 when left out."),
      FileKey("seed", .integer(minimum: 0, maximum: Int.max), "1 when left out."),
      FileKey("clock", .section(.suiteClock), "How time passes."),
    ])

  fileprivate static let problem = FileSection(
    name: "a problem", keys: [FileKey("name", .text, "A name or a pattern.", isRequired: true)], isOpen: true)

  fileprivate static let suiteMethod = FileSection(
    name: "a method",
    keys: [
      FileKey("name", .text, "What reports call it."),
      FileKey("sampler", .text, "A sampler of Trimtab."),
      FileKey("scheduler", .text, "A scheduler of Trimtab; full when left out."),
      FileKey("peer", .text, "A peer's name."),
      FileKey("command", .list(.text), "A program that speaks the ask-tell protocol."),
      FileKey("fidelity", .boolean, "Whether a command's study has the problem's fidelity."),
    ])

  fileprivate static let suiteBudget = FileSection(
    name: "budget",
    keys: [
      FileKey("evaluations", .text, "Evaluations at full resource, or yahpo."),
      FileKey("time", .seconds, "Virtual time."),
    ])

  fileprivate static let suiteClock = FileSection(
    name: "clock",
    keys: [
      FileKey("thinking", .oneOf(SimulationClock.Thinking.allCases.map(\.rawValue)), "ignored or counted."),
      FileKey("delay", .seconds, "The time that each message takes; 0 when left out."),
      FileKey("wake", .seconds, "The time between two looks of the scheduler; 0 when left out."),
      FileKey("checkpoints", .boolean, "Whether a paused trial goes on where it was; true when left out."),
    ])
}

private struct SuiteReader {
  var values: FileValues
  let peers: [KnownPeer]

  init(source: SourceText, peers: [KnownPeer]) {
    values = FileValues(diagnostics: Diagnostics(source: source))
    self.peers = peers
  }

  mutating func read(_ root: SourceNode, defaultName: String) -> Suite? {
    guard let fields = FileFields(root, .suite, into: &values.diagnostics) else { return nil }
    let name = fields["suite"].flatMap { values.text($0, "suite") } ?? defaultName
    let problems = readProblems(fields)
    let methods = readMethods(fields)
    let budget = fields["budget"].flatMap { readBudget($0) }
    let workers = fields["workers"].flatMap { values.integer($0, "workers", 1...10_000) } ?? 1
    let repetitions = fields["repetitions"].flatMap { values.integer($0, "repetitions", 1...100_000) } ?? 10
    let seed = fields["seed"].flatMap { values.integer($0, "seed", 0...Int.max) } ?? 1
    let clock = fields["clock"].flatMap { readClock($0) } ?? SimulationClock()
    guard let budget, values.diagnostics.isEmpty else { return nil }
    return Suite(
      name: name, problems: problems, methods: methods, budget: budget, workers: workers, repetitions: repetitions,
      seed: UInt64(seed), clock: clock)
  }

  /// The items of a list of at least one; none when an error was added.
  private mutating func items(_ fields: FileFields, _ key: String, example: String) -> [SourceNode] {
    guard let node = fields[key] else { return [] }
    guard case .sequence(let items) = node.content, !items.isEmpty else {
      values.diagnostics.add(
        "\(key) must be a list of at least one, not \(node.kindName)", at: node, hint: "for example  - \(example)")
      return []
    }
    return items
  }

  private mutating func readProblems(_ fields: FileFields) -> [ProblemEntry] {
    var problems: [ProblemEntry] = []
    for item in items(fields, "problems", example: "branin") {
      guard let problem = readProblem(item) else { continue }
      if problems.contains(problem) {
        values.diagnostics.add("the problem '\(problem.label)' stands twice", at: item, hint: "delete one of them")
      }
      problems.append(problem)
    }
    return problems
  }

  private mutating func readProblem(_ item: SourceNode) -> ProblemEntry? {
    if case .scalar = item.content { return values.text(item, "a problem").map { ProblemEntry($0) } }
    guard let fields = FileFields(item, .problem, into: &values.diagnostics) else { return nil }
    var options: [String: Choice] = [:]
    for (key, value) in fields.others {
      guard case .scalar(let text, let quoted) = value.content, !value.isNothing else {
        values.diagnostics.add(
          "the option '\(key.scalarText ?? "")' must be a single value, not \(value.kindName)", at: value)
        continue
      }
      options[key.scalarText ?? ""] = Choice(scalar: text, quoted: quoted)
    }
    return fields["name"].flatMap { values.text($0, "name") }.map { ProblemEntry($0, options: options) }
  }

  private mutating func readMethods(_ fields: FileFields) -> [MethodEntry] {
    var methods: [MethodEntry] = []
    for item in items(fields, "methods", example: "random") {
      guard let method = readMethod(item) else { continue }
      if methods.contains(where: { $0.name == method.name }) {
        values.diagnostics.add(
          "there is a method '\(method.name)' already", at: item, hint: "give one of them another name")
      }
      methods.append(method)
    }
    return methods
  }

  private mutating func readMethod(_ item: SourceNode) -> MethodEntry? {
    if case .scalar = item.content {
      guard let name = values.text(item, "a method") else { return nil }
      return sampled(name, name: nil, PartSpec(name), nil, at: item)
    }
    guard let fields = FileFields(item, .suiteMethod, into: &values.diagnostics) else { return nil }
    let name = fields["name"].flatMap { values.text($0, "name") }
    let given = ["peer", "command"].filter { fields[$0] != nil } + (fields["sampler"] == nil ? [] : ["sampler"])
    guard given.count == 1 else {
      values.diagnostics.add(
        given.isEmpty ? "a method has no sampler" : "a method is one of \(given.joined(separator: ", ")), not both",
        at: item, hint: "give sampler (with scheduler), peer or command")
      return nil
    }
    for key in ["scheduler", "fidelity"] where key == "scheduler" && given != ["sampler"] {
      if let node = fields[key] {
        values.diagnostics.add("\(key) belongs to a sampler", at: node, hint: "leave it out")
      }
    }
    let fidelity = fields["fidelity"].flatMap { values.boolean($0, "fidelity") }
    if let node = fields["peer"] {
      guard let peer = values.text(node, "peer") else { return nil }
      guard let known = peers.first(where: { $0.name == peer }) else {
        values.diagnostics.add(
          "there is no peer '\(peer)'", at: node, hint: suggestion(for: peer, among: peers.map(\.name)))
        return nil
      }
      return MethodEntry(name ?? peer, .peer(peer), usesFidelity: fidelity ?? known.needsFidelity)
    }
    if let node = fields["command"] {
      guard case .sequence(let items) = node.content, !items.isEmpty else {
        values.diagnostics.add(
          "command must be a list of a program and its arguments, not \(node.kindName)", at: node,
          hint: "for example  command: [python3, mine.py]")
        return nil
      }
      let words = items.compactMap { values.text($0, "a word of the command") }
      return MethodEntry(name ?? words.joined(separator: " "), .command(words), usesFidelity: fidelity ?? false)
    }
    guard let node = fields["sampler"], let sampler = values.part(node, "sampler") else { return nil }
    let scheduler = fields["scheduler"].flatMap { values.part($0, "scheduler") }
    return sampled(sampler.name, name: name, sampler, scheduler, at: item)
  }

  private mutating func sampled(
    _ word: String, name: String?, _ sampler: PartSpec, _ scheduler: PartSpec?, at node: SourceNode
  ) -> MethodEntry? {
    guard Catalogue.samplers.contains(where: { $0.name == sampler.name }) else {
      values.diagnostics.add(
        "there is no sampler '\(word)'", at: node,
        hint: suggestion(for: word, among: Catalogue.samplers.map(\.name)))
      return nil
    }
    let scheduler = scheduler ?? PartSpec("full")
    guard Catalogue.schedulers.contains(where: { $0.name == scheduler.name }) else {
      values.diagnostics.add(
        "there is no scheduler '\(scheduler.name)'", at: node,
        hint: suggestion(for: scheduler.name, among: Catalogue.schedulers.map(\.name)))
      return nil
    }
    let usual = scheduler.name == "full" ? sampler.name : "\(scheduler.name)-\(sampler.name)"
    return MethodEntry(
      name ?? usual, .method(MethodSpec(sampler: sampler, scheduler: scheduler)),
      usesFidelity: scheduler.name != "full")
  }

  private mutating func readBudget(_ node: SourceNode) -> SuiteBudget? {
    guard let fields = FileFields(node, .suiteBudget, into: &values.diagnostics) else { return nil }
    var budget = SuiteBudget()
    if let node = fields["evaluations"] {
      if node.scalarText == "yahpo" {
        budget.evaluations = .yahpo
      } else if let count = values.number(node, "evaluations", above: 0) {
        budget.evaluations = .count(count)
      }
    }
    budget.seconds = fields["time"].flatMap { values.seconds($0, "time") }
    if fields["evaluations"] == nil, fields["time"] == nil {
      values.diagnostics.add("the budget is empty", at: node, hint: "add evaluations or time")
    }
    return budget
  }

  private mutating func readClock(_ node: SourceNode) -> SimulationClock? {
    guard let fields = FileFields(node, .suiteClock, into: &values.diagnostics) else { return nil }
    var clock = SimulationClock()
    if let node = fields["thinking"], let value = values.oneOf(SimulationClock.Thinking.self, node, "thinking") {
      clock.thinking = value
    }
    if let node = fields["delay"], let value = values.seconds(node, "delay", isZeroAllowed: true) {
      clock.delay = value
    }
    if let node = fields["wake"], let value = values.seconds(node, "wake", isZeroAllowed: true) { clock.wake = value }
    if let node = fields["checkpoints"], let value = values.boolean(node, "checkpoints") {
      clock.hasCheckpoints = value
    }
    return clock
  }
}
