import TrimtabNumerics
import TrimtabSearchSpaces

/// A space that mixes everything a space can have: all kinds of parameters, scales, steps, priors, nested conditions,
/// satisfiable constraints, odd names, defaults and fixed values. The same seed always gives the same space.
///
/// - Parameter mayFix: whether parameters may be fixed to one value.
public func randomSpace(seed: UInt64, mayFix: Bool = true) -> Space {
  var generator = RandomSpaceGenerator(seed: seed)
  for _ in 0..<20 {
    if let space = generator.space(mayFix: mayFix) { return space }
  }
  preconditionFailure("the generator made no valid space from seed \(seed)")
}

private struct RandomSpaceGenerator {
  private var stream: RandomStream

  init(seed: UInt64) { stream = RandomStream(seed: seed, purpose: stableHash("random space"), index: 0) }

  private static let names = [
    "lr", "learning rate", "größe", "学习率", "a.b", "it's", "say \"hi\"", "key: value", "# hash", "- dash", "true",
    "null",
    "1e3", "{brace}", "and", "🙂 smile", "cafe\u{301}", "[x]", "back\\slash", "&anchor", "*alias", "%", "@at", "x,y",
    "~",
    "no-break\u{A0}space", "\u{85}next line", "zero\u{200D}width", "trailing ", " leading", "?", "!tag",
  ]
  private static let words = [
    "sgd", "adam", "it's", "a \"b\"", "größe", "true", "null", "~", "1.0", "", " ", "a, b", "yes", "0x10", "tab\there",
    "line\nbreak", "🙂", "\u{85}", "#", "-",
  ]

  private mutating func chance(_ p: Double) -> Bool { stream.uniform() < p }

  private mutating func pick<T>(_ items: [T]) -> T { items[stream.index(below: items.count)] }

  /// A number with few digits, so that texts stay readable.
  private mutating func round(_ value: Double) -> Double { Double(String(Double(Float(value)))) ?? value }

  mutating func space(mayFix: Bool) -> Space? {
    var parameters: [Parameter] = []
    let count = 1 + stream.index(below: 8)
    for i in 0..<count {
      let name = pick(Self.names) + (chance(0.5) ? String(i) : " \(i)")
      guard let domain = domain() else { return nil }
      var parameter = Parameter(name, domain)
      if let alone = try? Space([parameter]) {
        if chance(0.3), let sample = try? alone.sample(seed: stream.next(), index: 0) {
          parameter.defaultValue = alone.value(of: 0, in: sample)
        }
        if mayFix, chance(0.07), let sample = try? alone.sample(seed: stream.next(), index: 0) {
          parameter.fixedValue = alone.value(of: 0, in: sample)
        }
      }
      if !parameters.isEmpty, chance(0.45) { parameter.condition = condition(parameters, depth: 0) }
      parameters.append(parameter)
    }
    // Conditions may refer to parameters that stand further down.
    if chance(0.3) { stream.shuffle(&parameters) }
    guard let free = try? Space(parameters) else { return nil }
    var constraints: [Expression] = []
    for _ in 0..<stream.index(below: 3) {
      let candidate = condition(parameters, depth: 0)
      guard let space = try? Space(parameters, constraints: constraints + [candidate]) else { continue }
      let seed = stream.next()
      let satisfied = (0..<60).filter { index in
        (try? free.sample(seed: seed, index: UInt64(index))).map { space.violatedConstraint($0) == nil } ?? false
      }
      if satisfied.count >= 12 { constraints.append(candidate) }
    }
    return try? Space(parameters, constraints: constraints)
  }

  // MARK: Domains

  private mutating func domain() -> Domain? {
    switch stream.index(below: 12) {
    case 0, 1, 2: return float().map { .float($0) }
    case 3, 4, 5: return integer().map { .integer($0) }
    case 6: return .categorical(choices())
    case 7: return .ordinal(choices())
    case 8: return .boolean
    case 9: return .constant(choices()[0])
    case 10: return .permutation(choices())
    default: return .simplex(Array(Set(choices().map { "p" + $0.description })).sorted())
    }
  }

  private mutating func float() -> NumericDomain? {
    let low = round(stream.uniform() * 20 - 10)
    let width = round(stream.uniform() * 30 + 0.1)
    switch stream.index(below: 9) {
    case 0: return try? NumericDomain(low: low, high: low)
    case 1: return try? NumericDomain(low: 1e-5, high: round(stream.uniform() + 0.01), scale: .log)
    case 2: return try? NumericDomain(low: 0.01, high: 0.99, scale: .logit)
    case 3:
      let step = pick([0.1, 0.25, 0.05, 1.0 / 3, 3])
      return try? NumericDomain(low: 0.5, high: 0.5 + step * Double(1 + stream.index(below: 20)), step: step)
    case 4:
      return try? NumericDomain(low: 1, high: 1 + 0.5 * Double(1 + stream.index(below: 20)), scale: .log, step: 0.5)
    case 5: return try? NumericDomain(low: -.infinity, high: .infinity, prior: .normal(mean: low, deviation: width))
    case 6:
      return try? NumericDomain(low: low, high: low + width, prior: .normal(mean: low + width / 3, deviation: width))
    case 7: return try? NumericDomain(low: 0, high: .infinity, prior: .logNormal(mean: -1, deviation: 1.5))
    default: return try? NumericDomain(low: low, high: low + width)
    }
  }

  private mutating func integer() -> NumericDomain? {
    let low = Double(stream.index(below: 20)) - 10
    let steps = Double(stream.index(below: 40))
    switch stream.index(below: 5) {
    case 0: return try? NumericDomain(low: 1, high: 1 + steps * 8, scale: .log, isInteger: true)
    case 1: return try? NumericDomain(low: low, high: low + steps * 4, step: 4, isInteger: true)
    case 2: return try? NumericDomain(low: 8, high: 8 + steps * 8, scale: .log, step: 8, isInteger: true)
    case 3:
      return try? NumericDomain(
        low: low, high: low + steps, prior: .normal(mean: low, deviation: 2 + steps / 4), isInteger: true)
    default: return try? NumericDomain(low: low, high: low + steps, isInteger: true)
    }
  }

  /// One to five choices, all numbers or of mixed kinds.
  private mutating func choices() -> [Choice] {
    let onlyNumbers = chance(0.3)
    var choices: [Choice] = []
    for _ in 0..<(1 + stream.index(below: 5)) {
      let choice: Choice
      switch onlyNumbers ? stream.index(below: 2) : stream.index(below: 6) {
      case 0: choice = .integer(stream.index(below: 2000) - 1000)
      case 1: choice = .real(round(stream.uniform() * 10 - 5))
      case 2: choice = .boolean(chance(0.5))
      default: choice = .text(pick(Self.words))
      }
      if !choices.contains(where: { $0.description == choice.description }) { choices.append(choice) }
    }
    return choices
  }

  // MARK: Conditions

  private mutating func condition(_ parameters: [Parameter], depth: Int) -> Expression {
    switch depth < 2 ? stream.index(below: 8) : 7 {
    case 0: return .and(condition(parameters, depth: depth + 1), condition(parameters, depth: depth + 1))
    case 1: return .or(condition(parameters, depth: depth + 1), condition(parameters, depth: depth + 1))
    case 2: return .not(condition(parameters, depth: depth + 1))
    default: return atom(pick(parameters))
    }
  }

  private mutating func atom(_ parameter: Parameter) -> Expression {
    let name = Expression.name(parameter.name, offset: 0)
    let order = pick([Expression.Comparison.less, .lessOrEqual, .greater, .greaterOrEqual])
    switch parameter.domain {
    case .float(let domain), .integer(let domain):
      let low = domain.low.isFinite ? domain.low : -5
      let high = domain.high.isFinite ? domain.high : 5
      let bound = Expression.number(round(low + (high - low) * stream.uniform()))
      if chance(0.3) {
        return .comparison(
          .arithmetic(.arithmetic(.number(2), .multiply, name), .subtract, name), order,
          .arithmetic(bound, .add, .number(0)))
      }
      return chance(0.5) ? .comparison(name, order, bound) : .comparison(bound, order, .negative(.negative(name)))
    case .boolean: return chance(0.5) ? name : .comparison(name, .equal, .boolean(false))
    case .categorical(let choices), .ordinal(let choices):
      if choices.allSatisfy({ $0.number != nil }) {
        return .comparison(name, order, .number(pick(choices).number ?? 0))
      }
      if chance(0.4) {
        return .membership(name, choices.prefix(2).map { .text($0.description) }, negated: chance(0.5))
      }
      return .comparison(name, chance(0.5) ? .equal : .notEqual, .text(pick(choices).description))
    case .constant(let choice):
      return choice.number.map { .comparison(name, .equal, .number($0)) }
        ?? .comparison(name, .equal, .text(choice.description))
    case .permutation(let items):
      let usable = items.map(\.description).filter { !$0.contains("`") }
      return .comparison(.part(pick(usable), of: parameter.name, offset: 0), order, .number(1))
    case .simplex(let parts):
      return .comparison(.part(pick(parts), of: parameter.name, offset: 0), order, .number(0.25))
    }
  }
}
