/// A condition or constraint over parameters, as written: `optimizer == sgd and layers * width <= 512`.
///
/// Grammar, loosest first: `or`, `and`, `not`, comparison (`== != < <= > >=`, `in [a, b]`, `not in [a, b]`), `+ -`,
/// `* /`, unary `-`. Operands are numbers, quoted texts, parameter names (in backticks when they hold other characters
/// than letters, digits and `_`), parts of a simplex or items of a permutation (`mix.web`, `order.a`: its position from
/// 0), and bare words, which mean the choice of that name.
///
/// Two expressions are equal when they read the same, wherever they stand.
public indirect enum Expression: Sendable, Hashable {
  case number(Double, offset: Int = 0)
  case text(String, offset: Int = 0)
  case boolean(Bool, offset: Int = 0)
  /// A parameter, or a choice when no parameter has that name.
  case name(String, offset: Int)
  case part(String, of: String, offset: Int)
  case negative(Expression)
  case arithmetic(Expression, ArithmeticOperator, Expression)
  case comparison(Expression, Comparison, Expression)
  case membership(Expression, [Expression], negated: Bool)
  case not(Expression)
  case and(Expression, Expression)
  case or(Expression, Expression)

  public enum ArithmeticOperator: String, Sendable, Hashable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
  }

  public enum Comparison: String, Sendable, Hashable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
  }

  public static func == (a: Expression, b: Expression) -> Bool { a.description == b.description }

  public func hash(into hasher: inout Hasher) { hasher.combine(description) }

  /// Reads an expression.
  /// - Throws: `ExpressionError` with the offset, in characters, of what cannot be read.
  public static func parse(_ text: String) throws(ExpressionError) -> Expression {
    var parser = ExpressionParser(text)
    return try parser.parseAll()
  }

  /// Text that parses back to this expression (offsets apart).
  public var description: String { text(above: 0) }

  // Binding strength: or 1, and 2, not 3, comparison 4, sum 5, product 6, unary 7.
  private func text(above level: Int) -> String {
    let own: Int
    let text: String
    switch self {
    case .number(let value, _): (own, text) = (value.sign == .minus ? 7 : 9, JSONValue.plainText(value))
    case .text(let value, _):
      let escaped = value.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
      (own, text) = (9, "\"\(escaped)\"")
    case .boolean(let value, _): (own, text) = (9, value ? "true" : "false")
    case .name(let name, _): (own, text) = (9, Self.quotedName(name))
    case .part(let part, let name, _): (own, text) = (9, "\(Self.quotedName(name)).\(Self.quotedName(part))")
    case .negative(let operand): (own, text) = (7, "-" + operand.text(above: 7))
    case .arithmetic(let a, let op, let b):
      own = op == .add || op == .subtract ? 5 : 6
      text = "\(a.text(above: own - 1)) \(op.rawValue) \(b.text(above: own))"
    case .comparison(let a, let op, let b): (own, text) = (4, "\(a.text(above: 4)) \(op.rawValue) \(b.text(above: 4))")
    case .membership(let a, let list, let negated):
      own = 4
      text =
        "\(a.text(above: 4)) \(negated ? "not in" : "in") [\(list.map { $0.text(above: 4) }.joined(separator: ", "))]"
    case .not(let a): (own, text) = (3, "not " + a.text(above: 2))
    case .and(let a, let b): (own, text) = (2, "\(a.text(above: 1)) and \(b.text(above: 2))")
    case .or(let a, let b): (own, text) = (1, "\(a.text(above: 0)) or \(b.text(above: 1))")
    }
    return own <= level ? "(\(text))" : text
  }

  static let words: Set<String> = ["and", "or", "not", "in", "true", "false"]

  static func quotedName(_ name: String) -> String {
    let plain =
      name.unicodeScalars.allSatisfy { $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "_" }
      && name.unicodeScalars.first.map { !("0"..."9").contains($0) } == true && !words.contains(name)
    return plain ? name : "`\(name)`"
  }
}

/// An expression that cannot be read or makes no sense for its space.
public struct ExpressionError: Error, Sendable, Equatable {
  public var message: String
  /// Characters from the start of the expression.
  public var offset: Int
  public var length: Int
  public var hint: String?

  init(_ message: String, offset: Int, length: Int = 1, hint: String? = nil) {
    self.message = message
    self.offset = offset
    self.length = length
    self.hint = hint
  }
}

private struct ExpressionParser {
  enum Token: Equatable {
    case number(Double)
    case text(String)
    case word(String)
    case quotedName(String)
    case symbol(String)
    case end
  }

  /// Reading an expression recurses over its length in places, so its length is bounded.
  private static let maximumTokens = 1000

  private var tokens: [(token: Token, offset: Int, length: Int)] = []
  private var failure: ExpressionError?
  private var next = 0
  private var depth = 0

  init(_ text: String) {
    let characters = Array(text)
    var i = 0
    func isWord(_ c: Character) -> Bool { c.isLetter || c.isNumber || c == "_" }
    while i < characters.count {
      let c = characters[i]
      let start = i
      if c.isWhitespace {
        i += 1
        continue
      }
      if c.isASCII && c.isNumber || (c == "." && i + 1 < characters.count && characters[i + 1].isNumber) {
        while i < characters.count,
          isWord(characters[i]) || characters[i] == "."
            || ((characters[i] == "-" || characters[i] == "+")
              && (characters[i - 1] == "e" || characters[i - 1] == "E"))
        {
          i += 1
        }
        let word = String(characters[start..<i])
        guard let value = Double(word), value.isFinite else {
          failure = ExpressionError("'\(word)' is not a number", offset: start, length: i - start)
          return
        }
        tokens.append((.number(value), start, i - start))
      } else if isWord(c) {
        while i < characters.count, isWord(characters[i]) { i += 1 }
        tokens.append((.word(String(characters[start..<i])), start, i - start))
      } else if c == "\"" || c == "'" || c == "`" {
        i += 1
        var value = ""
        var closed = false
        while i < characters.count {
          if characters[i] == "\\", c != "`", i + 1 < characters.count {
            value.append(characters[i + 1])
            i += 2
          } else if characters[i] == c {
            closed = true
            i += 1
            break
          } else {
            value.append(characters[i])
            i += 1
          }
        }
        guard closed else {
          failure = ExpressionError("no closing \(c)", offset: start, length: i - start)
          return
        }
        tokens.append((c == "`" ? .quotedName(value) : .text(value), start, i - start))
      } else {
        let pair = i + 1 < characters.count ? String([c, characters[i + 1]]) : ""
        let symbol = ["==", "!=", "<=", ">=", "&&", "||"].contains(pair) ? pair : String(c)
        guard ["==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "(", ")", "[", "]", ",", "."].contains(symbol)
        else {
          let words = ["=": "write == to compare", "&&": "write and", "||": "write or", "!": "write not"]
          failure = ExpressionError(
            "'\(symbol)' has no meaning here", offset: start, length: symbol.count, hint: words[symbol])
          return
        }
        i += symbol.count
        tokens.append((.symbol(symbol), start, symbol.count))
      }
    }
    tokens.append((.end, characters.count, 1))
  }

  mutating func parseAll() throws(ExpressionError) -> Expression {
    if let failure { throw failure }
    guard tokens.count <= Self.maximumTokens else {
      throw ExpressionError(
        "the expression is too long", offset: tokens[Self.maximumTokens].offset,
        hint: "split it into several constraints")
    }
    let expression = try parseOr()
    guard tokens[next].token == .end else { throw unexpected("an operator or the end") }
    return expression
  }

  private func unexpected(_ wanted: String) -> ExpressionError {
    let (token, offset, length) = tokens[next]
    let found =
      switch token {
      case .end: "the expression ends"
      case .number(let value): "found \(JSONValue.plainText(value))"
      case .text(let text): "found \"\(text)\""
      case .word(let word), .quotedName(let word), .symbol(let word): "found '\(word)'"
      }
    return ExpressionError("expected \(wanted), but \(found)", offset: offset, length: length)
  }

  private mutating func accept(_ token: Token) -> Bool {
    guard tokens[next].token == token else { return false }
    next += 1
    return true
  }

  private mutating func parseOr() throws(ExpressionError) -> Expression {
    var left = try parseAnd()
    while accept(.word("or")) { left = .or(left, try parseAnd()) }
    return left
  }

  private mutating func parseAnd() throws(ExpressionError) -> Expression {
    var left = try parseNot()
    while accept(.word("and")) { left = .and(left, try parseNot()) }
    return left
  }

  private mutating func parseNot() throws(ExpressionError) -> Expression {
    guard depth < 200 else { throw ExpressionError("nested too deeply", offset: tokens[next].offset) }
    depth += 1
    defer { depth -= 1 }
    if accept(.word("not")) { return .not(try parseNot()) }
    return try parseComparison()
  }

  private mutating func parseComparison() throws(ExpressionError) -> Expression {
    let left = try parseSum()
    if case .symbol(let symbol) = tokens[next].token, let op = Expression.Comparison(rawValue: symbol) {
      next += 1
      let right = try parseSum()
      if case .symbol(let another) = tokens[next].token, Expression.Comparison(rawValue: another) != nil {
        throw ExpressionError(
          "comparisons do not chain", offset: tokens[next].offset, length: another.count,
          hint: "write a < b and b < c")
      }
      return .comparison(left, op, right)
    }
    let negated = tokens[next].token == .word("not") && next + 1 < tokens.count && tokens[next + 1].token == .word("in")
    if negated { next += 1 }
    if accept(.word("in")) {
      guard accept(.symbol("[")) else { throw unexpected("'[' and a list of values") }
      var items: [Expression] = []
      repeat { items.append(try parseSum()) } while accept(.symbol(","))
      guard accept(.symbol("]")) else { throw unexpected("',' or ']'") }
      return .membership(left, items, negated: negated)
    }
    return left
  }

  private mutating func parseSum() throws(ExpressionError) -> Expression {
    var left = try parseProduct()
    while case .symbol(let symbol) = tokens[next].token, symbol == "+" || symbol == "-",
      let op = Expression.ArithmeticOperator(rawValue: symbol)
    {
      next += 1
      left = .arithmetic(left, op, try parseProduct())
    }
    return left
  }

  private mutating func parseProduct() throws(ExpressionError) -> Expression {
    var left = try parseUnary()
    while case .symbol(let symbol) = tokens[next].token, symbol == "*" || symbol == "/",
      let op = Expression.ArithmeticOperator(rawValue: symbol)
    {
      next += 1
      left = .arithmetic(left, op, try parseUnary())
    }
    return left
  }

  private mutating func parseUnary() throws(ExpressionError) -> Expression {
    guard depth < 200 else { throw ExpressionError("nested too deeply", offset: tokens[next].offset) }
    depth += 1
    defer { depth -= 1 }
    if accept(.symbol("-")) {
      let offset = tokens[next - 1].offset
      let operand = try parseUnary()
      if case .number(let value, _) = operand { return .number(-value, offset: offset) }
      return .negative(operand)
    }
    return try parsePrimary()
  }

  private mutating func parsePrimary() throws(ExpressionError) -> Expression {
    let (token, offset, _) = tokens[next]
    switch token {
    case .number(let value):
      next += 1
      return .number(value, offset: offset)
    case .text(let value):
      next += 1
      return .text(value, offset: offset)
    case .word(let word) where word == "true" || word == "false":
      next += 1
      return .boolean(word == "true", offset: offset)
    case .word(let name) where !Expression.words.contains(name), .quotedName(let name):
      next += 1
      guard accept(.symbol(".")) else { return .name(name, offset: offset) }
      switch tokens[next].token {
      case .word(let part), .quotedName(let part):
        next += 1
        return .part(part, of: name, offset: offset)
      default: throw unexpected("the name of a part after '.'")
      }
    case .symbol("("):
      next += 1
      let inner = try parseOr()
      guard accept(.symbol(")")) else { throw unexpected("')'") }
      return inner
    default:
      throw unexpected("a value or a parameter")
    }
  }
}
