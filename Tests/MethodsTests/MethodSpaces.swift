import TrimtabSearchSpaces
import TrimtabStudies

/// Small spaces that between them have every kind of parameter and every difficulty.
enum MethodSpaces {
  static func all() throws -> [(name: String, space: Space)] {
    [
      ("numbers", try numbers()), ("conditional", try conditional()), ("constrained", try constrained()),
      ("one value", try oneValue()), ("orders and weights", try ordersAndWeights()), ("choices", try choices()),
    ]
  }

  static func numbers() throws -> Space {
    try Space([
      .float("rate", 1e-4...1, scale: .log), .float("share", 0...1), .float("coarse", 0...1, step: 0.25),
      .integer("layers", 1...8), .integer("width", 8...512, scale: .log),
      Parameter(
        "bell", .float(try NumericDomain(low: -.infinity, high: .infinity, prior: .normal(mean: 1, deviation: 2)))),
    ])
  }

  static func conditional() throws -> Space {
    try Space([
      .categorical("optimizer", ["sgd", "adam", "rmsprop"]), .float("rate", 1e-4...1, scale: .log),
      .float("momentum", 0...0.99).when("optimizer == sgd"), .boolean("nesterov").when("optimizer == sgd"),
      .float("beta", 0.8...0.999).when("optimizer == adam"), .integer("depth", 1...4),
      .integer("second", 1...64).when("depth >= 2"), .integer("third", 1...64).when("depth >= 3"),
      .float("decay", 0...1).when("momentum > 0.5"),
    ])
  }

  static func constrained() throws -> Space {
    try Space(
      [.float("a", 0...1), .float("b", 0...1), .integer("c", 1...6), .integer("d", 1...6)],
      constraints: [try Expression.parse("a + b <= 1"), try Expression.parse("c < d")])
  }

  static func oneValue() throws -> Space {
    try Space([
      .integer("only", 3...3), Parameter("constant", .constant(.text("x"))), .float("flat", 2...2),
      .categorical("single", ["one"]),
    ])
  }

  static func ordersAndWeights() throws -> Space {
    try Space([
      Parameter("order", .permutation(["a", "b", "c", "d"].map { .text($0) })),
      Parameter("mixture", .simplex(["x", "y", "z"])),
    ])
  }

  static func choices() throws -> Space {
    try Space([
      .categorical("a", ["1", "2", "3"]), .categorical("b", ["x", "y"]), .boolean("c"),
      Parameter("d", .ordinal(["small", "medium", "large"].map { .text($0) })),
    ])
  }

  static func many(_ count: Int) throws -> Space {
    var parameters: [Parameter] = []
    for i in 0..<count {
      switch i % 4 {
      case 0: parameters.append(try .float("p\(i)", 0...1))
      case 1: parameters.append(try .integer("p\(i)", 1...100, scale: .log))
      case 2: parameters.append(.categorical("p\(i)", ["a", "b", "c"]))
      default: parameters.append(try .float("p\(i)", 1e-3...1, scale: .log))
      }
    }
    return try Space(parameters)
  }

  static func spec(
    _ space: Space, sampler: PartSpec = PartSpec("random"), scheduler: PartSpec = PartSpec("full"),
    fidelity: Fidelity? = nil, trials: Int = 60, seed: UInt64 = 1
  ) -> StudySpec {
    StudySpec(
      name: "test", space: space, objectives: [Objective(metric: "loss")], fidelity: fidelity,
      method: MethodSpec(sampler: sampler, scheduler: scheduler), budget: Budget(trials: trials), seed: seed)
  }
}
