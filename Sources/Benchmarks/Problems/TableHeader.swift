import TrimtabSearchSpaces
import TrimtabStudies

/// The header of a `tabular-benchmark/1` file.
struct TableHeader {
  /// How a column of the array `configs` stands for a parameter's values.
  enum Column: Equatable {
    /// The value itself.
    case value
    /// The parameter is 1 minus the column: what matters is the distance from 1.
    case oneMinus
    /// One of these numbers.
    case number([Double])
    /// The index of a choice.
    case index(count: Int)
  }

  struct Measure {
    var objective: Objective
    var array: String
    /// The array by which configurations are judged, where it is another one.
    var scoreArray: String?
  }

  struct Cost {
    var unit: String
    /// Nil: one unit a unit of the resource, or one an evaluation.
    var array: String?
    /// Whether the numbers of a curve count from the start of training, or each from the one before.
    var isCumulative: Bool
  }

  let header: DataHeader
  let configurationCount: Int
  let space: Space
  let columns: [Column]
  let fidelityName: String?
  /// All resources of the fidelity axis, increasing; may begin with 0, before training.
  let fidelityValues: [Double]
  let seedCount: Int
  /// Whether a NaN means that this seed was never run, rather than that training diverged.
  let skipsMissingSeeds: Bool
  let measures: [Measure]
  let cost: Cost
  let arrays: [String: ArrayEntry]
  /// The places of the keys that later errors speak of.
  private let arrayPlaces: [String: SourceNode]

  /// - Throws: `ProblemError` with the place of what is missing or makes no sense.
  init(path: String, text: String) throws(ProblemError) {
    let header = try DataHeader(path: path, text: text)
    try header.checkFormat("tabular-benchmark/1")
    self.header = header
    let root = header.root

    let countNode = try header.required("n_configs", in: root)
    configurationCount = try header.integer(countNode, "n_configs")
    guard configurationCount > 0, configurationCount <= Int(Int32.max) else {
      throw header.failure("n_configs must be between 1 and \(Int32.max)", at: countNode)
    }

    var parameters: [Parameter] = []
    var columns: [Column] = []
    let parametersNode = try header.required("parameters", in: root)
    for node in try header.list(parametersNode, "parameters") {
      let (parameter, column) = try Self.parameter(node, header)
      parameters.append(parameter)
      columns.append(column)
    }
    guard !parameters.isEmpty else { throw header.failure("there are no parameters", at: parametersNode) }
    do {
      space = try Space(parameters)
    } catch {
      throw header.failure(error.description, at: parametersNode)
    }
    self.columns = columns

    (fidelityName, fidelityValues) = try Self.fidelity(header)
    (seedCount, skipsMissingSeeds) = try Self.seeds(header)

    var arrays = try header.arrays()
    var places: [String: SourceNode] = [:]
    for (name, node) in try header.pairs(try header.required("arrays", in: root), "arrays") { places[name] = node }
    var measures: [Measure] = []
    let objectivesNode = try header.required("objectives", in: root)
    for node in try header.list(objectivesNode, "objectives") {
      let measure = try Self.measure(node, header)
      if let axesNode = header.optional("axes", in: node), let entry = arrays[measure.array] {
        arrays[measure.array]?.axes = try header.axisNames(axesNode, of: measure.array, rank: entry.shape.count)
      }
      measures.append(measure)
    }
    guard !measures.isEmpty else { throw header.failure("there are no objectives", at: objectivesNode) }
    self.measures = measures
    cost = try Self.cost(header)
    self.arrays = arrays
    arrayPlaces = places
  }

  private static func parameter(
    _ node: SourceNode, _ header: DataHeader
  ) throws(ProblemError) -> (Parameter, Column) {
    let name = try header.text(try header.required("name", in: node), "the name of a parameter")
    let typeNode = try header.required("type", in: node)
    let type = try header.text(typeNode, "the type of '\(name)'")
    let common = ["name", "type", "note", "unit"]
    switch type {
    case "float", "int", "integer":
      try header.check(node, "the parameter '\(name)'", allowed: common + ["low", "high", "log", "transform"])
      let lowNode = try header.required("low", in: node)
      var low = try header.number(lowNode, "the low of '\(name)'")
      var high = try header.number(try header.required("high", in: node), "the high of '\(name)'")
      var scale = Scale.linear
      if let logNode = header.optional("log", in: node), try header.boolean(logNode, "the log of '\(name)'") {
        scale = .log
      }
      var column = Column.value
      var shownName = name
      if let transformNode = header.optional("transform", in: node) {
        let transform = try header.text(transformNode, "the transform of '\(name)'")
        guard transform == "1-x before log", type == "float" else {
          throw header.failure(
            "the transform of '\(name)' is not known: '\(transform)'", at: transformNode,
            hint: "possible for a float: \"1-x before log\"")
        }
        column = .oneMinus
        (low, high) = (1 - high, 1 - low)
        shownName = "one_minus_\(name)"
      }
      do {
        let domain = try NumericDomain(low: low, high: high, scale: scale, isInteger: type != "float")
        return (Parameter(shownName, type == "float" ? .float(domain) : .integer(domain)), column)
      } catch {
        throw header.failure("the parameter '\(name)': \(error.message)", at: lowNode, hint: error.hint)
      }
    case "ordinal", "categorical":
      try header.check(node, "the parameter '\(name)'", allowed: common + ["choices", "values"])
      guard let choicesNode = header.optional("choices", in: node) ?? header.optional("values", in: node) else {
        throw header.failure("the parameter '\(name)' has no choices", at: node, hint: "add choices: a list of values")
      }
      var choices: [Choice] = []
      for item in try header.list(choicesNode, "the choices of '\(name)'") {
        choices.append(try header.choice(item, "a choice of '\(name)'"))
      }
      guard !choices.isEmpty else { throw header.failure("the parameter '\(name)' has no choices", at: choicesNode) }
      let numbers = choices.compactMap(\.number)
      let isNumeric = type == "ordinal" && numbers.count == choices.count
      return (
        Parameter(name, type == "ordinal" ? .ordinal(choices) : .categorical(choices)),
        isNumeric ? .number(numbers) : .index(count: choices.count)
      )
    default:
      throw header.failure(
        "the type of '\(name)' is not known: '\(type)'", at: typeNode,
        hint: suggestion(for: type, among: ["float", "int", "ordinal", "categorical"]))
    }
  }

  private static func fidelity(_ header: DataHeader) throws(ProblemError) -> (String?, [Double]) {
    guard let node = header.optional("fidelity", in: header.root) else { return (nil, []) }
    try header.check(node, "the fidelity", allowed: ["name", "values", "unit", "note"])
    let name = try header.text(try header.required("name", in: node), "the name of the fidelity")
    let valuesNode = try header.required("values", in: node)
    var values: [Double] = []
    for item in try header.list(valuesNode, "the values of the fidelity") {
      let value = try header.number(item, "a value of the fidelity")
      guard values.last.map({ $0 < value }) ?? (value >= 0) else {
        throw header.failure("the values of the fidelity must be at least 0 and increase", at: item)
      }
      values.append(value)
    }
    guard let last = values.last, last > 0 else {
      throw header.failure("the fidelity has no value above 0", at: valuesNode)
    }
    return (name, values)
  }

  private static func seeds(_ header: DataHeader) throws(ProblemError) -> (count: Int, skipsMissing: Bool) {
    guard let node = header.optional("seeds", in: header.root) else { return (1, false) }
    let countNode: SourceNode
    var skips = false
    switch node.content {
    case .sequence(let items):
      guard !items.isEmpty else { throw header.failure("the list of seeds is empty", at: node) }
      return (items.count, false)
    case .scalar: countNode = node
    case .mapping:
      try header.check(node, "seeds", allowed: ["count", "missing", "note"])
      countNode = try header.required("count", in: node)
      if let missing = header.optional("missing", in: node) {
        let text = try header.text(missing, "missing")
        guard text == "skip" || text == "diverged" else {
          throw header.failure(
            "'\(text)' does not say what a NaN means", at: missing, hint: "write \"skip\" or \"diverged\"")
        }
        skips = text == "skip"
      }
    }
    let count = try header.integer(countNode, "the number of seeds")
    guard count > 0 else { throw header.failure("there must be at least one seed", at: countNode) }
    return (count, skips)
  }

  private static func measure(_ node: SourceNode, _ header: DataHeader) throws(ProblemError) -> Measure {
    try header.check(node, "an objective", allowed: ["name", "goal", "array", "score_array", "axes", "note", "unit"])
    let name = try header.text(try header.required("name", in: node), "the name of an objective")
    let goalNode = try header.required("goal", in: node)
    guard let goal = Objective.Goal(rawValue: try header.text(goalNode, "the goal of '\(name)'")) else {
      throw header.failure("the goal of '\(name)' must be minimize or maximize", at: goalNode)
    }
    let array = try header.text(try header.required("array", in: node), "the array of '\(name)'")
    var score: String?
    if let scoreNode = header.optional("score_array", in: node) {
      score = try header.text(scoreNode, "the score_array of '\(name)'")
    }
    return Measure(objective: Objective(metric: name, goal: goal), array: array, scoreArray: score)
  }

  private static func cost(_ header: DataHeader) throws(ProblemError) -> Cost {
    let node = try header.required("cost", in: header.root)
    try header.check(node, "the cost", allowed: ["unit", "array", "cumulative", "note"])
    let unit = try header.text(try header.required("unit", in: node), "the unit of the cost")
    var array: String?
    if let arrayNode = header.optional("array", in: node) {
      array = try header.text(arrayNode, "the array of the cost")
    }
    var isCumulative = true
    if let flag = header.optional("cumulative", in: node) { isCumulative = try header.boolean(flag, "cumulative") }
    return Cost(unit: unit, array: array, isCumulative: isCumulative)
  }

  /// An error at the place where the header describes an array.
  func failure(_ message: String, array name: String, hint: String? = nil) -> ProblemError {
    header.failure(message, at: arrayPlaces[name] ?? header.root, hint: hint)
  }

  /// The array of that name.
  func array(_ name: String) throws(ProblemError) -> ArrayEntry {
    guard let entry = arrays[name] else {
      throw failure(
        "there is no array '\(name)'", array: name, hint: suggestion(for: name, among: arrays.keys.sorted()))
    }
    return entry
  }
}
