import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabTestSupport
import XCTest

final class SpaceTextTests: XCTestCase {
  /// A space as the part of a study file that describes it.
  private func document(_ space: Space) -> JSONValue {
    .members(["space": space.json, "constraints": space.constraints.isEmpty ? nil : space.constraintsJSON])
  }

  private func read(_ text: String, file: StaticString = #filePath, line: UInt = #line) throws -> Space {
    let root = try SourceNode.parse(text, name: "space.yaml")
    guard case .mapping(let pairs) = root.content else {
      XCTFail("no mapping", file: file, line: line)
      throw Diagnostics(source: SourceText(name: "space.yaml", text: text))
    }
    var diagnostics = Diagnostics(source: SourceText(name: "space.yaml", text: text))
    let space = Space.read(pairs[0].value, constraints: pairs.count > 1 ? pairs[1].value : nil, into: &diagnostics)
    try diagnostics.throwIfAny()
    return try XCTUnwrap(space, file: file, line: line)
  }

  func testTheCanonicalTextOfEverySpaceReadsBackAsTheSameSpace() throws {
    for seed in 0..<300 as Range<UInt64> {
      let space = randomSpace(seed: seed)
      let canonical = document(space).text
      let again = try read(canonical)
      XCTAssertEqual(document(again).text, canonical)
      XCTAssertTrue(again.parameters == space.parameters, "seed \(seed)")
      XCTAssertEqual(again.constraints, space.constraints)
      XCTAssertEqual(document(try read(document(space).prettyText)).text, canonical)
    }
  }

  func testEverySpaceReadsTheSameFromHandWrittenYAML() throws {
    for seed in 0..<300 as Range<UInt64> {
      let space = randomSpace(seed: seed)
      var writer = YAMLWriter(seed: seed)
      let yaml = writer.text(document(space))
      do {
        let again = try read(yaml)
        XCTAssertEqual(document(again).text, document(space).text, "seed \(seed):\n\(yaml)")
      } catch {
        XCTFail("seed \(seed): \(error)\n\(yaml)")
      }
    }
  }

  func testWindowsAndOldMacLineEndsReadLikeOthers() throws {
    let text = "space:\n  a: {type: float, low: 0, high: 1}\n  # note\n  b: {type: bool}\n"
    for end in ["\n", "\r\n", "\r"] {
      do {
        _ = try read(text.replacing("\n", with: end))
        XCTFail("no error for type: bool")
      } catch let error as Diagnostics {
        XCTAssertEqual(error.list.map(\.position), [SourcePosition(line: 4, column: 13)])
        XCTAssertEqual(
          error.description,
          """
          space.yaml:4:13: error: 'bool' is not a type of parameter
              b: {type: bool}
                        ^~~~
            did you mean 'boolean'?
          """)
      }
    }
  }

  func testWholeRealChoicesEqualTheIntegersThatTheyReadBackAs() throws {
    let space = try Space([Parameter("x", .categorical([.real(1), .real(2.5)]))])
    let again = try read(document(space).text)
    XCTAssertEqual(again.parameters, space.parameters)
    try again.checkSucceeds(space)
    XCTAssertEqual(Set([Choice.real(2), .integer(2)]).count, 1)
    XCTAssertNotEqual(Choice.integer(1 << 53 + 1), .real(0x1p53))
    XCTAssertNotEqual(Choice.text("2"), .integer(2))
  }

  func testPlainScalarsReadAsYAMLMeansThem() {
    XCTAssertEqual(Choice(scalar: "12", quoted: false), .integer(12))
    XCTAssertEqual(Choice(scalar: "12", quoted: true), .text("12"))
    XCTAssertEqual(Choice(scalar: "1e-3", quoted: false), .real(0.001))
    XCTAssertEqual(Choice(scalar: "True", quoted: false), .boolean(true))
    XCTAssertEqual(Choice(scalar: "inf", quoted: false), .text("inf"))
    XCTAssertEqual(Choice(scalar: "nan", quoted: false), .text("nan"))
    XCTAssertEqual(Choice(scalar: "1e999", quoted: false), .text("1e999"))
    XCTAssertEqual(Choice(scalar: "-", quoted: false), .text("-"))
    XCTAssertEqual(Choice(scalar: "yes", quoted: false), .text("yes"))
  }

  func testJSONTextSurvivesEveryCharacterThatYAMLRefuses() throws {
    for value in (0...0x2100).map({ $0 }) + [0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x1F600, 0x10FFFF] {
      guard let scalar = Unicode.Scalar(UInt32(value)) else { continue }
      let text = "a" + String(Character(scalar)) + "b"
      let node = try SourceNode.parse(JSONValue.string(text).text, name: "json")
      XCTAssertEqual(node.scalarText.map { Array($0.unicodeScalars) }, Array(text.unicodeScalars), "U+\(value)")
    }
  }

  func testDocumentsThatNestTooDeeplyAreRefused() {
    for text in [
      String(repeating: "[", count: 100_000), String(repeating: "- ", count: 100_000),
      String(repeating: "{a: ", count: 100_000),
      String(repeating: "[", count: 100) + String(repeating: "]", count: 100),
    ] {
      XCTAssertThrowsError(try SourceNode.parse(text, name: "deep")) { XCTAssertTrue($0 is Diagnostics) }
    }
  }

  func testAliasesThatMultiplyAreRefused() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for i in 1..<9 {
      text += "a\(i): &a\(i) [" + Array(repeating: "*a\(i - 1)", count: 10).joined(separator: ",") + "]\n"
    }
    XCTAssertThrowsError(try SourceNode.parse(text, name: "aliases")) { error in
      XCTAssertTrue("\(error)".contains("too many values"), "\(error)")
    }
  }

  func testFiveHundredParametersAreReadAndKeepTheirOrder() throws {
    let parameters = try (0..<500).map { i in
      try Parameter.float("parameter_\(i)", 1e-5...1, scale: .log)
        .when(i == 0 ? "parameter_499 > 0" : i == 499 ? "1 < 2" : "parameter_\(i - 1) > 0.001")
    }
    let space = try Space(parameters)
    let text = document(space).prettyText
    let again = try read(text)
    XCTAssertEqual(again.parameters.map(\.name), parameters.map(\.name))
    XCTAssertEqual(again.evaluationOrder.first, 499)
  }
}

/// Writes a document as people do: block and flow style, several ways to quote, comments, keys of a parameter in any order.
private struct YAMLWriter {
  private var stream: RandomStream

  init(seed: UInt64) { stream = RandomStream(seed: seed, purpose: stableHash("yaml"), index: 0) }

  mutating func text(_ document: JSONValue) -> String {
    guard case .object(let members) = document else { return document.text }
    return members.map { "\($0.key):\(block($0.value, level: 1, mayReorder: false))" }.joined(
      separator: "# comment\n\n")
  }

  private mutating func block(_ value: JSONValue, level: Int, mayReorder: Bool) -> String {
    let indent = "\n" + String(repeating: "  ", count: level)
    switch value {
    case .object(var members) where !members.isEmpty && (level < 2 || stream.uniform() < 0.5):
      if mayReorder { stream.shuffle(&members) }
      return members.map {
        "\(indent)\(scalar($0.key)):\(block($0.value, level: level + 1, mayReorder: level == 1))"
      }.joined() + "\n"
    case .array(let items) where !items.isEmpty && stream.uniform() < 0.5:
      return items.map { "\(indent)- \(flow($0))" }.joined() + "\n"
    default: return " " + flow(value) + (stream.uniform() < 0.2 ? "   # a remark" : "")
    }
  }

  private mutating func flow(_ value: JSONValue) -> String {
    switch value {
    case .string(let text): return scalar(text)
    case .array(let items):
      let parts = items.map { flow($0) }
      return "[ " + parts.joined(separator: " , ") + " ]"
    case .object(let members):
      let parts = members.map { "\(scalar($0.key)): \(flow($0.value))" }
      return "{" + parts.joined(separator: ", ") + "}"
    case .number(let number) where stream.uniform() < 0.5: return number.description
    default: return value.text
    }
  }

  private mutating func scalar(_ text: String) -> String {
    let isWord = text.first?.isLetter == true && text.allSatisfy { $0.isASCII && ($0.isLetter || $0 == "_") }
    let reads = Choice(scalar: text, quoted: false) == .text(text) && text != "null"
    if isWord, reads, stream.uniform() < 0.8 { return text }
    let isPrintable = text.unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) }
    if isPrintable, stream.uniform() < 0.5 { return "'" + text.replacing("'", with: "''") + "'" }
    return JSONValue.string(text).text
  }
}
