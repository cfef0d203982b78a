import TrimtabSearchSpaces
import TrimtabStudies

extension Surrogate {
  /// Reads a header and its data file.
  /// - Throws: `ProblemError` with the place of what is missing or makes no sense.
  init(headerPath path: String) throws(ProblemError) {
    let header = try DataHeader(path: path, text: try DataFiles.text(path))
    try header.checkFormat("reglu-surrogate/1")
    let root = header.root
    let fullName = try header.text(try header.required("name", in: root), "name")
    family = String((fullName.split(separator: "/").last ?? "").map { $0 == "_" ? "-" : $0 })
    instanceParameter = try header.text(try header.required("instance_parameter", in: root), "instance_parameter")
    var instances: [String] = []
    for node in try header.list(try header.required("instances", in: root), "instances") {
      instances.append(try header.text(node, "an instance"))
    }
    self.instances = instances
    space = try Self.space(header)
    fidelities = try Self.fidelities(header)
    outputs = try Self.outputs(header)
    runtime = try Self.runtime(header, outputs)

    let weights = try Weights(header)
    embeddings = try Self.embeddings(header, weights)
    continuous = try Self.continuous(header)
    let inputs = Self.inputCount(embeddings, continuous)
    network = try Self.network(
      header, weights, inputs: inputs,
      outputs: outputs.count)
    checks = try Self.checks(header)
    references = try Self.references(header, outputs)
    try checkNames(path)
  }

  private static func inputCount(_ embeddings: [Embedding], _ continuous: [Continuous]) -> Int {
    embeddings.reduce(0) { $0 + $1.rows[0].count } + continuous.count
  }

  private static func space(_ header: DataHeader) throws(ProblemError) -> Space {
    var parameters: [Parameter] = []
    let listNode = try header.required("parameters", in: header.root)
    for node in try header.list(listNode, "parameters") {
      let name = try header.text(try header.required("name", in: node), "the name of a parameter")
      try header.check(
        node, "the parameter '\(name)'",
        allowed: ["name", "type", "low", "high", "log", "default", "choices", "active_when"])
      let typeNode = try header.required("type", in: node)
      let type = try header.text(typeNode, "the type of '\(name)'")
      var parameter: Parameter
      switch type {
      case "float", "int":
        let low = try header.number(try header.required("low", in: node), "the low of '\(name)'")
        let high = try header.number(try header.required("high", in: node), "the high of '\(name)'")
        let isLog = try header.optional("log", in: node).map { node throws(ProblemError) in
          try header.boolean(node, "the log of '\(name)'")
        }
        do {
          let domain = try NumericDomain(
            low: low, high: high, scale: isLog == true ? .log : .linear, isInteger: type == "int")
          parameter = Parameter(name, type == "int" ? .integer(domain) : .float(domain))
        } catch {
          throw header.failure("the parameter '\(name)': \(error.message)", at: node, hint: error.hint)
        }
      case "categorical":
        var choices: [Choice] = []
        for item in try header.list(try header.required("choices", in: node), "the choices of '\(name)'") {
          choices.append(try header.choice(item, "a choice of '\(name)'"))
        }
        parameter = Parameter(name, .categorical(choices))
      default:
        throw header.failure(
          "the type of '\(name)' is not known: '\(type)'", at: typeNode, hint: "possible: float, int, categorical")
      }
      if let whenNode = header.optional("active_when", in: node) {
        let parent = try header.text(try header.required("parent", in: whenNode), "the parent of '\(name)'")
        var values: [Expression] = []
        for item in try header.list(try header.required("values", in: whenNode), "the values of '\(name)'") {
          values.append(.text(try header.text(item, "a value")))
        }
        parameter.condition = .membership(.name(parent, offset: 0), values, negated: false)
      }
      if let defaultNode = header.optional("default", in: node) {
        let choice = try header.choice(defaultNode, "the default of '\(name)'")
        parameter.defaultValue = .choice(choice)
      }
      parameters.append(parameter)
    }
    do {
      return try Space(parameters)
    } catch {
      throw header.failure(error.description, at: listNode)
    }
  }

  private static func fidelities(_ header: DataHeader) throws(ProblemError) -> [Axis] {
    var axes: [Axis] = []
    for node in try header.list(try header.required("fidelities", in: header.root), "fidelities") {
      let name = try header.text(try header.required("name", in: node), "the name of a fidelity")
      let low = try header.number(try header.required("low", in: node), "the low of '\(name)'")
      let high = try header.number(try header.required("high", in: node), "the high of '\(name)'")
      guard low > 0, low < high else {
        throw header.failure("the fidelity '\(name)' needs 0 < low < high", at: node)
      }
      let type = try header.text(try header.required("type", in: node), "the type of '\(name)'")
      axes.append(Axis(name: name, low: low, high: high, isInteger: type == "int"))
    }
    return axes
  }

  private static func outputs(_ header: DataHeader) throws(ProblemError) -> [Output] {
    var outputs: [Output] = []
    for node in try header.list(try header.required("outputs", in: header.root), "outputs") {
      let name = try header.text(try header.required("name", in: node), "the name of an output")
      let goalNode = try header.required("goal", in: node)
      guard let goal = Objective.Goal(rawValue: try header.text(goalNode, "the goal of '\(name)'")) else {
        throw header.failure("the goal of '\(name)' must be minimize or maximize", at: goalNode)
      }
      outputs.append(Output(objective: Objective(metric: name, goal: goal), steps: try steps(node, name, header)))
    }
    return outputs
  }

  private static func runtime(_ header: DataHeader, _ outputs: [Output]) throws(ProblemError) -> String {
    let node = try header.required("runtime", in: header.root)
    let name = try header.text(node, "runtime")
    guard outputs.contains(where: { $0.objective.metric == name }) else {
      throw header.failure(
        "no output is named '\(name)'", at: node, hint: suggestion(for: name, among: outputs.map(\.objective.metric)))
    }
    return name
  }

  private static func steps(
    _ node: SourceNode, _ name: String, _ header: DataHeader
  ) throws(ProblemError) -> [ScalingStep] {
    var steps: [ScalingStep] = []
    for item in try header.list(try header.required("ops", in: node), "the ops of '\(name)'") {
      let words = try header.list(item, "an op of '\(name)'")
      let word = try words.first.map { word throws(ProblemError) in try header.text(word, "an op of '\(name)'") } ?? ""
      func constant() throws(ProblemError) -> Double {
        guard words.count == 2 else { throw header.failure("'\(word)' needs one number", at: item) }
        return try header.number(words[1], "the number of '\(word)'")
      }
      switch word {
      case "add": steps.append(.add(try constant()))
      case "sub": steps.append(.subtract(try constant()))
      case "div": steps.append(.divide(try constant()))
      case "mul": steps.append(.multiply(try constant()))
      case "log": steps.append(.log)
      case "exp": steps.append(.exp)
      case "neg": steps.append(.negate)
      case "round": steps.append(.round)
      default:
        throw header.failure(
          "the op '\(word)' is not known", at: item,
          hint: suggestion(for: word, among: ["add", "sub", "div", "mul", "log", "exp", "neg", "round"]))
      }
    }
    return steps
  }

  private static func embeddings(_ header: DataHeader, _ weights: Weights) throws(ProblemError) -> [Embedding] {
    var embeddings: [Embedding] = []
    for node in try header.list(try header.required("embeddings", in: header.root), "embeddings") {
      let name = try header.text(try header.required("name", in: node), "the name of an embedding")
      var choices: [String] = []
      for item in try header.list(try header.required("choices", in: node), "the choices of '\(name)'") {
        choices.append(try header.text(item, "a choice of '\(name)'"))
      }
      guard choices.contains(missing) else {
        throw header.failure("the choices of '\(name)' lack '\(missing)', the row of no value", at: node)
      }
      let array = try header.text(try header.required("array", in: node), "the array of '\(name)'")
      let (values, shape) = try weights.matrix(array)
      guard shape.rows == choices.count else {
        throw header.failure("'\(name)' has \(choices.count) choices, but '\(array)' has \(shape.rows) rows", at: node)
      }
      let rows = choices.indices.map { Array(values[$0 * shape.columns..<($0 + 1) * shape.columns]) }
      embeddings.append(Embedding(name: name, choices: choices, rows: rows))
    }
    guard !embeddings.isEmpty else { throw ProblemError("there are no embeddings", at: header.path) }
    return embeddings
  }

  private static func continuous(_ header: DataHeader) throws(ProblemError) -> [Continuous] {
    var inputs: [Continuous] = []
    for node in try header.list(try header.required("continuous", in: header.root), "continuous") {
      let name = try header.text(try header.required("name", in: node), "the name of an input")
      inputs.append(Continuous(name: name, steps: try steps(node, name, header)))
    }
    return inputs
  }

  /// Makes sure that every input is the instance, a parameter or a fidelity, and the other way round.
  private func checkNames(_ path: String) throws(ProblemError) {
    guard let instanceEmbedding = embeddings.first(where: { $0.name == instanceParameter }) else {
      throw ProblemError("no embedding is named '\(instanceParameter)', which is the instance", at: path)
    }
    for instance in instances where !instanceEmbedding.choices.contains(instance) {
      throw ProblemError("the instance '\(instance)' is not among the choices of '\(instanceParameter)'", at: path)
    }
    let known = Set(space.parameters.map(\.name) + fidelities.map(\.name) + [instanceParameter])
    let used = Set(embeddings.map(\.name) + continuous.map(\.name))
    if let stranger = used.subtracting(known).min() {
      throw ProblemError("the network's input '\(stranger)' is neither a parameter nor a fidelity", at: path)
    }
    if let unused = known.subtracting(used).min() {
      throw ProblemError("'\(unused)' is no input of the network", at: path)
    }
    for embedding in embeddings {
      guard let index = space.index(of: embedding.name) else { continue }
      for choice in space.parameters[index].domain.choices ?? [] where !embedding.choices.contains(choice.description) {
        throw ProblemError("the choice '\(choice)' of '\(embedding.name)' has no row in its embedding", at: path)
      }
    }
  }

  private static func checks(_ header: DataHeader) throws(ProblemError) -> [Check] {
    guard let node = header.optional("check_values", in: header.root) else { return [] }
    var checks: [Check] = []
    for item in try header.list(node, "check_values") {
      var check = Check(inputs: [:], outputs: [:])
      for (name, value) in try header.pairs(try header.required("input", in: item), "input") {
        check.inputs[name] = try header.choice(value, name)
      }
      for (name, value) in try header.pairs(try header.required("output", in: item), "output") {
        check.outputs[name] = try header.number(value, name)
      }
      checks.append(check)
    }
    return checks
  }

  /// The best and the median of 20 000 random configurations at full fidelity, where the header has them.
  private static func references(
    _ header: DataHeader, _ outputs: [Output]
  ) throws(ProblemError) -> [String: [String: Reference]] {
    guard let node = header.optional("reference_full_fidelity", in: header.root) else { return [:] }
    var references: [String: [String: Reference]] = [:]
    for (instance, entry) in try header.pairs(try header.required("instances", in: node), "instances") {
      guard let median = header.optional("median", in: entry) else { continue }
      // The median is that of the first measure that the header names a best of.
      for (key, value) in try header.pairs(entry, instance) where key.hasPrefix("best_of_") {
        guard let output = outputs.first(where: { key.hasSuffix("_" + $0.objective.metric) }) else { continue }
        references[instance, default: [:]][output.objective.metric] = Reference(
          optimum: try header.number(value, key), median: try header.number(median, "median"))
        break
      }
    }
    return references
  }

  /// The weights of a data file, with their shapes checked.
  private struct Weights {
    let header: DataHeader
    let arrays: [String: ArrayEntry]
    let file: FloatFile

    init(_ header: DataHeader) throws(ProblemError) {
      self.header = header
      arrays = try header.arrays()
      file = try FloatFile(try header.dataPath())
    }

    private func entry(_ name: String) throws(ProblemError) -> ArrayEntry {
      guard let entry = arrays[name] else {
        throw ProblemError(
          "there is no array '\(name)'", at: header.path, hint: suggestion(for: name, among: arrays.keys.sorted()))
      }
      return entry
    }

    func vector(_ name: String, count: Int) throws(ProblemError) -> [Float] {
      let entry = try entry(name)
      guard entry.shape == [count] else {
        throw ProblemError("the shape of '\(name)' is \(entry.shape), not [\(count)]", at: header.path)
      }
      return try finite(name, entry)
    }

    func matrix(_ name: String) throws(ProblemError) -> (values: [Float], shape: (rows: Int, columns: Int)) {
      let entry = try entry(name)
      guard entry.shape.count == 2 else {
        throw ProblemError("the shape of '\(name)' is \(entry.shape), not that of a matrix", at: header.path)
      }
      return (try finite(name, entry), (entry.shape[0], entry.shape[1]))
    }

    func layer(_ name: String, bias: String, columns: Int, rows: Int?) throws(ProblemError) -> DenseLayer {
      let (values, shape) = try matrix(name)
      guard shape.columns == columns, rows ?? shape.rows == shape.rows else {
        throw ProblemError(
          "the shape of '\(name)' is [\(shape.rows), \(shape.columns)], not [\(rows ?? shape.rows), \(columns)]",
          at: header.path)
      }
      return DenseLayer(weights: values, bias: try vector(bias, count: shape.rows), columns: columns)
    }

    private func finite(_ name: String, _ entry: ArrayEntry) throws(ProblemError) -> [Float] {
      let values = try file.array(name, entry)
      guard values.allSatisfy(\.isFinite) else {
        throw ProblemError("'\(name)' has numbers that are not finite", at: file.path)
      }
      return values
    }
  }

  private static func network(
    _ header: DataHeader, _ weights: Weights, inputs: Int, outputs: Int
  ) throws(ProblemError) -> SurrogateNetwork {
    let node = try header.required("network", in: header.root)
    let countNode = try header.required("blocks", in: node)
    let count = try header.integer(countNode, "blocks")
    guard count >= 0, count <= 1000 else {
      throw header.failure("\(count) is no possible number of blocks", at: countNode)
    }
    let first = try weights.layer("first_w", bias: "first_b", columns: inputs, rows: nil)
    let width = first.rows
    var blocks: [SurrogateNetwork.Block] = []
    for b in 0..<count {
      let wide = try weights.layer("block\(b)_w1", bias: "block\(b)_b1", columns: width, rows: nil)
      guard wide.rows % 2 == 0 else {
        throw ProblemError("'block\(b)_w1' has \(wide.rows) rows, which are no two halves", at: header.path)
      }
      blocks.append(
        SurrogateNetwork.Block(
          scale: SurrogateNetwork.padded(try weights.vector("block\(b)_scale", count: width)),
          shift: SurrogateNetwork.padded(try weights.vector("block\(b)_shift", count: width)), first: wide,
          second: try weights.layer("block\(b)_w2", bias: "block\(b)_b2", columns: wide.rows / 2, rows: width)))
    }
    return SurrogateNetwork(
      first: first, blocks: blocks,
      lastScale: SurrogateNetwork.padded(try weights.vector("last_scale", count: width)),
      lastShift: SurrogateNetwork.padded(try weights.vector("last_shift", count: width)),
      head: try weights.layer("head_w", bias: "head_b", columns: width, rows: outputs))
  }
}
