import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabTestSupport
import XCTest

final class JSONParsingTests: XCTestCase {
  private func error(_ text: String) -> JSONError? {
    do {
      _ = try JSONValue.parse(text)
      return nil
    } catch {
      return error
    }
  }

  func testEveryKindOfValueIsRead() throws {
    XCTAssertEqual(
      try JSONValue.parse(" { \"a\" : [ 1 , -2.5e1 , \"x\" , true , false , null , {} , [] ] } \r\n\t"),
      .object([
        .init(
          "a",
          .array([.integer(1), .number(-25), .string("x"), .bool(true), .bool(false), .null, .object([]), .array([])])
        )
      ]))
  }

  func testWhatIsWrittenReadsBackEqual() throws {
    var random = RandomStream(seed: 5, purpose: 0, index: 0)
    for _ in 0..<2000 {
      let value = randomValue(&random, depth: 0)
      XCTAssertEqual(try JSONValue.parse(value.text), value)
      XCTAssertEqual(try JSONValue.parse(value.prettyText), value)
    }
  }

  private func randomValue(_ random: inout RandomStream, depth: Int) -> JSONValue {
    switch random.next() % (depth > 3 ? 5 : 7) {
    case 0: return .null
    case 1: return .bool(random.next() % 2 == 0)
    case 2: return .integer(Int(truncatingIfNeeded: random.next()) >> Int(random.next() % 64))
    case 3:
      let value = Double(bitPattern: random.next())
      // Whole numbers are written without a point, and so read as integers.
      return value.isFinite && value != value.rounded() ? .number(value) : .number(0.5)
    case 4:
      let scalars: [Unicode.Scalar] = ["a", "\"", "\\", "\n", "\u{1}", "é", "😀", "\u{FFFF}", "/", "\u{2028}"]
      var text = ""
      for _ in 0..<random.next() % 12 { text.unicodeScalars.append(scalars[Int(random.next() % 10)]) }
      return .string(text)
    case 5: return .array((0..<random.next() % 5).map { _ in randomValue(&random, depth: depth + 1) })
    default:
      // More members now and then than keys are compared one by one.
      return .object((0..<random.next() % 40).map { .init("k\($0)", randomValue(&random, depth: depth + 2)) })
    }
  }

  func testNumbersAreTheNearestDoubles() throws {
    for text in [
      "0.1", "1e23", "9007199254740993.0", "5e-324", "1.7976931348623157e308", "123456789012345678.9", "0.3e-5", "1E+2",
      "2.2250738585072011e-308", "8.5e22", "0.000001", "1e22", "7205759403792793e-22",
    ] {
      XCTAssertEqual(try JSONValue.parse(text), .number(try XCTUnwrap(Double(text))), text)
      XCTAssertEqual(try JSONValue.parse("-" + text), .number(-(try XCTUnwrap(Double(text)))), text)
    }
    var random = RandomStream(seed: 9, purpose: 0, index: 0)
    for _ in 0..<20_000 {
      let text = "\(random.next() % 100_000_000).\(random.next() % 1_000_000_000)e\(Int(random.next() % 40) - 20)"
      XCTAssertEqual(try JSONValue.parse(text), .number(try XCTUnwrap(Double(text))), text)
    }
  }

  func testWholeNumbersAreIntegersAsFarAsTheyFit() throws {
    XCTAssertEqual(try JSONValue.parse("9223372036854775807"), .integer(.max))
    XCTAssertEqual(try JSONValue.parse("-9223372036854775808"), .integer(.min))
    XCTAssertEqual(try JSONValue.parse("9223372036854775808"), .number(0x1p63))
    XCTAssertEqual(try JSONValue.parse("0"), .integer(0))
    guard case .number(let zero) = try JSONValue.parse("-0") else { return XCTFail("-0 is a Double") }
    XCTAssertEqual(zero.sign, .minus)
  }

  func testBareNonFiniteWordsAreNumbers() throws {
    guard case .array(let items) = try JSONValue.parse("[NaN, Infinity, -Infinity]") else { return XCTFail("a list") }
    guard case .number(let nan) = items[0] else { return XCTFail("a number") }
    XCTAssertTrue(nan.isNaN)
    XCTAssertEqual(Array(items[1...]), [.number(.infinity), .number(-.infinity)])
  }

  func testEscapesAndSurrogatePairs() throws {
    XCTAssertEqual(
      try JSONValue.parse(#""é\u00e9\uD83D\uDE00\n\/\\\"\b\f\r\t\u0000""#),
      .string("éé😀\n/\\\"\u{8}\u{c}\r\t\u{0}"))
    for half in [#""\uD83D""#, #""\uDE00""#, #""\uD83Dx""#, #""\uD83D\u0041""#, #""\uD83D\n""#] {
      XCTAssertEqual(error(half), JSONError("\\u gives half of a surrogate pair", at: 1), half)
    }
  }

  func testErrorsNameTheByte() {
    let cases: [(text: String, offset: Int, part: String)] = [
      ("", 0, "a value is missing"), ("  ", 2, "a value is missing"), ("{", 1, "a name in double quotes"),
      ("{\"a\" 1}", 5, "':' is missing after \"a\""), ("{\"a\":}", 5, "a value is missing"),
      ("{\"a\":1,}", 7, "a name in double quotes"), ("[1,]", 3, "a value is missing"), ("[1 2]", 3, "',' or ']'"),
      ("{\"a\":1 \"b\":2}", 7, "',' or '}'"), ("{\"a\":1,\"a\":2}", 7, "'a' stands twice"),
      ("{} x", 3, "something follows"),
      ("\"é", 0, "a closing '\"'"), ("\"a\nb\"", 2, "control character"), ("\"\\x\"", 1, "no such escape"),
      ("\"\\u12g4\"", 1, "four hexadecimal"), ("\"\\u12", 1, "four hexadecimal"), ("\"\\", 1, "within an escape"),
      ("01", 0, "begin with 0"), ("-", 0, "'-' is no number"), ("+1", 0, "a value is missing"),
      (".5", 0, "a value is missing"),
      ("1.", 0, "a digit follows the point"), ("1e", 0, "a digit follows the e"), ("1.2.3", 0, "'1.2.3' is no number"),
      ("0x10", 0, "'0x10' is no number"), ("1e999", 0, "too large"), ("-1e999", 0, "too large"),
      ("nan", 0, "'nan' is no value"),
      ("-Inf", 0, "'-Inf' is no number"), ("[true, yes]", 7, "'yes' is no value"), ("'a'", 0, "a value is missing"),
      ("{a: 1}", 1, "a name in double quotes"), ("[1", 2, "',' or ']'"),
    ]
    for (text, offset, part) in cases {
      let found = error(text)
      XCTAssertEqual(found?.offset, offset, "\(text): \(String(describing: found))")
      XCTAssertTrue(found?.message.contains(part) == true, "\(text): \(String(describing: found))")
    }
  }

  func testNestingIsLimited() throws {
    func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
    XCTAssertNoThrow(try JSONValue.parse(nested(64)))
    XCTAssertEqual(error(nested(65))?.offset, 64)
    XCTAssertEqual(error(String(repeating: "{\"a\":", count: 500_000))?.offset, 64 * 5)
  }

  func testADuplicateAmongManyMembersIsFound() {
    let members = (0..<1000).map { "\"k\($0)\":0" }
    XCTAssertNil(error("{\(members.joined(separator: ","))}"))
    XCTAssertTrue(error("{\(members.joined(separator: ",")),\"k3\":1}")?.message.hasPrefix("'k3' stands twice") == true)
  }

  func testAnyCutOrChangedDocumentIsReadOrRefused() throws {
    let text = #"{"verb":"report","trial":12,"metrics":{"löss":-0.5e-3,"x":"\u00e9"},"l":[true,null]}"#
    let bytes = Array(text.utf8)
    for end in 0..<bytes.count { _ = error(String(decoding: bytes[..<end], as: UTF8.self)) }
    var random = RandomStream(seed: 3, purpose: 0, index: 0)
    for _ in 0..<5000 {
      var changed = bytes
      for _ in 0...random.next() % 3 { changed[Int(random.next() % UInt64(bytes.count))] = UInt8(random.next() % 256) }
      let text = String(decoding: changed, as: UTF8.self)
      if let found = error(text) { XCTAssertTrue((0...text.utf8.count).contains(found.offset), text) }
    }
  }

  // MARK: Configurations

  private func space() throws -> Space {
    try Space([
      .float("x", 0...1), .integer("n", 1...9), .categorical("kind", ["a", "b"]),
      .boolean("flag").when("kind == 'a'"), Parameter("order", .permutation([.text("p"), .text("q")])),
      Parameter("mix", .simplex(["u", "v"])),
    ])
  }

  func testEveryConfigurationReadsBackFromItsJSON() throws {
    for seed in UInt64(0)..<200 {
      let space = randomSpace(seed: seed)
      for index in UInt64(0)..<10 {
        let configuration = try space.sample(seed: seed, index: index)
        let text = space.json(of: configuration).text
        XCTAssertTrue(try space.configuration(wholly: JSONValue.parse(text)) == configuration, text)
      }
    }
  }

  func testAWholeConfigurationHasEveryActiveValueAndNoOther() throws {
    let space = try space()
    func message(_ text: String) -> String {
      do {
        _ = try space.configuration(wholly: try JSONValue.parse(text))
        return ""
      } catch {
        return "\(error)"
      }
    }
    let rest = #""order":["q","p"],"mix":[0.25,0.75]"#
    XCTAssertEqual(message(#"{"x":0.5,"n":3,"kind":"b",\#(rest)}"#), "")
    XCTAssertEqual(message(#"{"x":0.5,"n":3,"kind":"a",\#(rest)}"#), "flag: the value is missing")
    XCTAssertTrue(message(#"{"x":0.5,"n":3,"kind":"b","flag":true,\#(rest)}"#).contains("no meaning"))
    XCTAssertTrue(message(#"{"x":0.5,"n":3.5,"kind":"b",\#(rest)}"#).contains("3.5 is not a possible value"))
    XCTAssertTrue(message(#"{"x":NaN,"n":3,"kind":"b",\#(rest)}"#).contains("not a possible value"))
    XCTAssertTrue(message(#"{"x":1.5,"n":3,"kind":"b",\#(rest)}"#).contains("the range is 0 … 1"))
    XCTAssertTrue(message(#"{"y":1.5}"#).contains("there is no such parameter"))
    XCTAssertTrue(message(#"{"x":{"a":1}}"#).contains("is no value of a parameter"))
    XCTAssertTrue(message("[1]").contains("is a JSON object"))
  }
}
