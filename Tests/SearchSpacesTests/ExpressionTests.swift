import TrimtabSearchSpaces
import TrimtabTestSupport
import XCTest

final class ExpressionTests: XCTestCase {
  private func parameters() throws -> [Parameter] {
    [
      try .float("lr", 0...1), try .integer("layers", 1...8), .categorical("optimizer", ["sgd", "adam", "it's"]),
      Parameter("size", .ordinal([.text("small"), .text("medium"), .text("large")])), .boolean("amp"),
      Parameter("width", .ordinal([.integer(16), .integer(32), .integer(64)])),
      Parameter("order", .permutation([.text("a"), .text("b"), .text("c")])),
      Parameter("mix", .simplex(["web", "code"])),
      try .float("weight decay", 0...1),
    ]
  }

  // MARK: Errors

  func testExpressionsThatCannotBeReadSayWhere() {
    // The expression, the offset and the message.
    let cases: [(String, Int, String)] = [
      ("", 0, "expected a value or a parameter, but the expression ends"),
      ("   ", 3, "expected a value or a parameter, but the expression ends"),
      ("a ==", 4, "expected a value or a parameter, but the expression ends"),
      ("== a", 0, "expected a value or a parameter, but found '=='"),
      ("a = 1", 2, "'=' has no meaning here"),
      ("a && b", 2, "'&&' has no meaning here"),
      ("a || b", 2, "'||' has no meaning here"),
      ("!a", 0, "'!' has no meaning here"),
      ("a < b < c", 6, "comparisons do not chain"),
      ("a == b == c", 7, "comparisons do not chain"),
      ("(a < 1", 6, "expected ')', but the expression ends"),
      ("a < 1)", 5, "expected an operator or the end, but found ')'"),
      ("a in b", 5, "expected '[' and a list of values, but found 'b'"),
      ("a in [", 6, "expected a value or a parameter, but the expression ends"),
      ("a in [1, 2", 10, "expected ',' or ']', but the expression ends"),
      ("a in [1 2]", 8, "expected ',' or ']', but found 2"),
      ("a in []", 6, "expected a value or a parameter, but found ']'"),
      ("a not b", 2, "expected an operator or the end, but found 'not'"),
      ("a + ", 4, "expected a value or a parameter, but the expression ends"),
      ("a + * b", 4, "expected a value or a parameter, but found '*'"),
      ("1.2.3 < a", 0, "'1.2.3' is not a number"),
      ("a < 2x", 4, "'2x' is not a number"),
      ("a < 1e999", 4, "'1e999' is not a number"),
      ("a == \"b", 5, "no closing \""),
      ("a == 'b", 5, "no closing '"),
      ("`a == 1", 0, "no closing `"),
      ("a # b", 2, "'#' has no meaning here"),
      ("a ? b", 2, "'?' has no meaning here"),
      ("größe @ 1", 6, "'@' has no meaning here"),
      ("🙂 < ; 1", 0, "'🙂' has no meaning here"),
      ("a b", 2, "expected an operator or the end, but found 'b'"),
      ("a 1", 2, "expected an operator or the end, but found 1"),
      ("a \"b\"", 2, "expected an operator or the end, but found \"b\""),
      ("mix.", 4, "expected the name of a part after '.', but the expression ends"),
      ("mix.1", 3, "expected an operator or the end, but found 0.1"),
      ("and a", 0, "expected a value or a parameter, but found 'and'"),
      ("a and", 5, "expected a value or a parameter, but the expression ends"),
      ("a or or b", 5, "expected a value or a parameter, but found 'or'"),
      ("not", 3, "expected a value or a parameter, but the expression ends"),
      ("a < -", 5, "expected a value or a parameter, but the expression ends"),
      ("a % 2 == 0", 2, "'%' has no meaning here"),
      ("a ** 2 < 1", 3, "expected a value or a parameter, but found '*'"),
      ("f(a) < 1", 1, "expected an operator or the end, but found '('"),
      ("[1, 2]", 0, "expected a value or a parameter, but found '['"),
    ]
    for (text, offset, message) in cases {
      XCTAssertThrowsError(try Expression.parse(text), text) { error in
        let error = error as? ExpressionError
        XCTAssertEqual(error?.message, message, text)
        XCTAssertEqual(error?.offset, offset, text)
      }
    }
  }

  func testExpressionsThatDoNotFitTheirSpaceSayWhere() throws {
    let cases: [(String, Int, Int, String, String?)] = [
      ("lrr < 1", 0, 3, "there is no parameter 'lrr'", "did you mean 'lr'?"),
      ("lr < 1 and wdith > 2", 11, 5, "there is no parameter 'wdith'", "did you mean 'width'?"),
      ("optimizer", 0, 9, "'optimizer' is categorical, not a truth value", "compare it with a value"),
      ("lr", 0, 2, "'lr' is float, not a truth value", "compare it with a value"),
      ("optimizer == sdg", 13, 3, "'sdg' is not a choice of 'optimizer'", "did you mean 'sgd'?"),
      ("optimizer == \"sdg\"", 13, 3, "'sdg' is not a choice of 'optimizer'", "did you mean 'sgd'?"),
      ("optimizer in [sgd, \"adan\"]", 19, 4, "'adan' is not a choice of 'optimizer'", "did you mean 'adam'?"),
      ("optimizer == 3", 13, 1, "'3' is not a choice of 'optimizer'", "possible: sgd, adam, it's"),
      ("optimizer < adam", 0, 9, "the choices of 'optimizer' have no order", "use == or in, or make it ordinal"),
      (
        "optimizer == size", 13, 4, "two categorical parameters cannot be compared with each other",
        "compare each with its choices"
      ),
      ("optimizer == lr + 1", 13, 1, "'optimizer' can only be compared with one of its choices", nil),
      ("lr < optimizer", 0, 2, "'lr' is not a choice of 'optimizer'", nil),
      ("lr + optimizer < 1", 5, 9, "'optimizer' is categorical, not a number", nil),
      ("lr == \"high\"", 6, 6, "a number is needed, not the text \"high\"", nil),
      ("order < 1", 0, 5, "'order' is permutation, not a number", nil),
      ("order.d == 0", 0, 7, "'order' has no item 'd'", nil),
      ("mix.wbe > 0.5", 0, 7, "'mix' has no part 'wbe'", "did you mean 'web'?"),
      ("lr.x > 0.5", 0, 4, "'lr' is float and has no parts", nil),
      ("lr + 1", 0, 6, "'lr + 1' is not a condition", "compare it with a value, for example lr + 1 <= 1"),
      ("(lr < 1) + 2 < 3", 1, 1, "a number is needed, not a condition", nil),
      ("amp and 3", 8, 1, "'3' is not a condition", "compare it with a value, for example 3 <= 1"),
    ]
    for (text, offset, length, message, hint) in cases {
      let yaml = "when: \(text.contains("\"") ? "'\(text)'" : text)"
      let column = 7 + offset + (text.contains("\"") ? 1 : 0)
      XCTAssertThrowsError(try Space(try parameters(), constraints: [Expression.parse(text)]), text) { error in
        XCTAssertEqual((error as? SpaceError)?.message, "constraint '\(text)': \(message)", text)
        if let hint { XCTAssertEqual((error as? SpaceError)?.hint, hint, text) }
      }
      // The same error in a file stands under the offending word.
      let space = try Space(try parameters())
      let file = "space: \(space.json.text)\nconstraints: [\(yaml.dropFirst(6))]\n"
      let root = try SourceNode.parse(file, name: "f")
      guard case .mapping(let pairs) = root.content else { return XCTFail("no mapping") }
      var diagnostics = Diagnostics(source: SourceText(name: "f", text: file))
      _ = Space.read(pairs[0].value, constraints: pairs[1].value, into: &diagnostics)
      if text.contains("[") { continue }
      XCTAssertEqual(diagnostics.list.map(\.position), [SourcePosition(line: 2, column: column + 8)], text)
      XCTAssertEqual(diagnostics.list.map(\.length), [length], text)
    }
  }

  func testLongExpressionsAreRefusedRatherThanOverflowingTheStack() throws {
    let long = Array(repeating: "a", count: 200_000).joined(separator: " or ")
    XCTAssertThrowsError(try Expression.parse(long)) {
      XCTAssertEqual(($0 as? ExpressionError)?.message, "the expression is too long")
    }
    for open in ["(", "not ", "- "] {
      XCTAssertThrowsError(try Expression.parse(String(repeating: open, count: 900) + "a")) {
        XCTAssertEqual(($0 as? ExpressionError)?.message, "nested too deeply")
      }
    }
    let allowed = try Expression.parse(Array(repeating: "a", count: 499).joined(separator: " or "))
    XCTAssertEqual(try Space([.boolean("a")], constraints: [allowed]).constraints, [allowed])
  }

  // MARK: Meaning

  /// The truth of an expression about inactive and active parameters, observed through a condition and its negation.
  private func truth(_ text: String, _ space: [Parameter], _ values: [(String, ParameterValue)]) throws -> Bool? {
    func isActive(_ condition: String) throws -> Bool {
      let space = try Space(space + [.boolean("observer").when(condition)])
      let configuration = try space.configuration(values.map { (name: $0.0, value: $0.1) })
      return space.value(of: space.parameters.count - 1, in: configuration) != nil
    }
    let yes = try isActive(text)
    let no = try isActive("not (\(text))")
    XCTAssertFalse(yes && no)
    return yes ? true : no ? false : nil
  }

  func testOperatorsMeanWhatTheyDoElsewhere() throws {
    let values: [(String, ParameterValue)] = [
      ("lr", .real(0.25)), ("layers", .integer(4)), ("optimizer", .choice(.text("adam"))),
      ("size", .choice(.text("medium"))), ("amp", .choice(.boolean(true))), ("width", .choice(.integer(32))),
      ("order", .permutation([.text("c"), .text("a"), .text("b")])), ("mix", .simplex([0.75, 0.25])),
    ]
    let cases: [(String, Bool)] = [
      ("lr < 0.3", true), ("lr < 0.25", false), ("lr <= 0.25", true), ("lr > 0.25", false), ("lr >= 0.25", true),
      ("lr == 1/4", true), ("lr != 0.25", false), ("0.3 > lr", true), ("layers * lr == 1", true),
      ("layers - 1 - 1 == 2", true), ("layers - (1 - 1) == 4", true), ("8 / layers / 2 == 1", true),
      ("2 + layers * 3 == 14", true), ("(2 + layers) * 3 == 18", true), ("-layers + 5 == 1", true),
      ("- -layers == 4", true), ("layers == 4.0", true), ("layers in [1, 2, 4]", true),
      ("layers not in [1, 2, 4]", false),
      ("optimizer == adam", true), ("adam == optimizer", true), ("optimizer != \"adam\"", false),
      ("optimizer in [sgd, 'it\\'s']", false), ("optimizer not in [sgd]", true), ("size > small", true),
      ("size >= large", false), ("small < size", true), ("width >= 32", true), ("width * 2 == 64", true),
      ("width == 16", false), ("amp", true), ("not amp", false), ("amp == true", true), ("amp == false", false),
      ("true", true), ("false", false), ("order.a == 1", true), ("order.c < order.b", true), ("mix.web > 0.5", true),
      ("mix.web + mix.code == 1", true), ("amp and lr < 1 and layers > 3", true),
      ("amp and lr > 1 or layers > 3", true),
      ("amp and (lr > 1 or layers > 5)", false), ("not amp or lr < 1", true), ("not (amp or lr < 1)", false),
      ("`lr` < 1", true), ("`weight decay` <= 1", true),
    ]
    for (text, expected) in cases { XCTAssertEqual(try truth(text, try parameters(), values), expected, text) }
  }

  func testLogicWithInactiveParametersIsKleenes() throws {
    // "x" is inactive, so that a comparison with it is unknown.
    let space = [.boolean("t"), .boolean("f"), try Parameter.float("x", 0...1).when("false")]
    let values: [(String, ParameterValue)] = [("t", .choice(.boolean(true))), ("f", .choice(.boolean(false)))]
    let cases: [(String, Bool?)] = [
      ("x < 2", nil), ("not (x < 2)", nil), ("x == x", nil), ("x in [1]", nil), ("x not in [1]", nil), ("-x < 1", nil),
      ("x + 1 > 0", nil), ("t and x < 2", nil), ("f and x < 2", false), ("x < 2 and f", false), ("x < 2 and t", nil),
      ("t or x < 2", true), ("x < 2 or t", true), ("f or x < 2", nil), ("x < 2 or x > 0", nil),
      ("x < 2 and x > 0", nil),
      ("not (f and x < 2)", true), ("not (x < 2) or t", true),
    ]
    for (text, expected) in cases {
      // A condition with an inactive parent is never active, so the truth shows in a constraint instead.
      let constraint = try Space(space, constraints: [try Expression.parse(text)])
      let negation = try Space(space, constraints: [try Expression.parse("not (\(text))")])
      let free = try Space(space)
      let configuration = try free.configuration(values.map { (name: $0.0, value: $0.1) })
      let isFalse = constraint.violatedConstraint(configuration) != nil
      let isTrue = negation.violatedConstraint(configuration) != nil
      XCTAssertEqual(isTrue ? true : isFalse ? false : nil, expected, text)
    }
  }

  func testConditionsOnInactiveParametersAreNeverActive() throws {
    let space = try Space([
      .boolean("a"), .boolean("b").when("a"), .boolean("c").when("b or a or not a"),
    ])
    XCTAssertEqual(
      space.values(of: space.configuration(unit: [0, 0, 0])).map(\.name), ["a"],
      "c mentions b, which is inactive, even though its condition is true without it")
  }

  func testTheTextOfAnExpressionReadsBackAsTheSameExpression() throws {
    for text in [
      "a - (b - c) < 1", "(a - b) - c < 1", "a / (b * c) == 2", "not (a or b) and c", "not not a", "a or b and c",
      "(a or b) and c", "-(a + b) < -3", "- -a < 1e-05", "a in [1, -2, 3.5]", "a not in [\"x y\", 'it\\'s']",
      "`odd name`.`odd part` >= 0", "a == \"quote \\\" and \\\\\"", "`and` == `or`", "`größe` < größe",
    ] {
      let expression = try Expression.parse(text)
      XCTAssertEqual(try Expression.parse(expression.description).description, expression.description, text)
    }
    XCTAssertEqual(try Expression.parse("a-(b-c)<1").description, "a - (b - c) < 1")
    XCTAssertEqual(try Expression.parse("((a-b))-c<1").description, "a - b - c < 1")
    XCTAssertEqual(try Expression.parse("not(a or(b and c))").description, "not (a or b and c)")
    XCTAssertNotEqual(try Expression.parse("a - b - c < 1"), try Expression.parse("a - (b - c) < 1"))
  }

  func testConditionsThatGoRoundInACircleAreNamed() {
    XCTAssertThrowsError(
      try Space([
        .boolean("free"), .boolean("a").when("c"), .boolean("b").when("a and free"), .boolean("c").when("b"),
      ])
    ) { XCTAssertEqual("\($0)", "conditions go round in a circle: a, b, c (drop one of the conditions)") }
    XCTAssertThrowsError(try Space([.boolean("a").when("not a")])) {
      XCTAssertEqual("\($0)", "conditions go round in a circle: a (drop one of the conditions)")
    }
  }
}
