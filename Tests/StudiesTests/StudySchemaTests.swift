import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabTestSupport
import XCTest

@testable import TrimtabStudies

final class StudySchemaTests: XCTestCase {
  /// Whether a document satisfies a schema, for the keywords that the study schema uses.
  private func isValid(_ value: JSONValue, _ schema: JSONValue) -> Bool {
    guard case .object(let keywords) = schema else { return schema == .bool(true) }
    return keywords.allSatisfy { keyword in
      switch (keyword.key, keyword.value) {
      case ("type", .string(let name)): hasType(value, name)
      case ("type", .array(let names)):
        names.contains { if case .string(let name) = $0 { hasType(value, name) } else { false } }
      case ("enum", .array(let values)): values.contains(value)
      case ("const", let constant): value == constant
      case ("$ref", .string("#/$defs/parameter")): isValid(value, studySchema["$defs"]?["parameter"] ?? .bool(false))
      case ("anyOf", .array(let schemas)): schemas.contains { isValid(value, $0) }
      case ("oneOf", .array(let schemas)): schemas.count { isValid(value, $0) } == 1
      case ("minimum", let bound): number(value).map { $0 >= number(bound) ?? .nan } ?? true
      case ("maximum", let bound): number(value).map { $0 <= number(bound) ?? .nan } ?? true
      case ("exclusiveMinimum", let bound): number(value).map { $0 > number(bound) ?? .nan } ?? true
      case ("minItems", .integer(let count)): if case .array(let items) = value { items.count >= count } else { true }
      case ("maxItems", .integer(let count)): if case .array(let items) = value { items.count <= count } else { true }
      case ("items", let item):
        if case .array(let items) = value { items.allSatisfy { isValid($0, item) } } else { true }
      case ("minProperties", .integer(let count)): members(value).map { $0.count >= count } ?? true
      case ("maxProperties", .integer(let count)): members(value).map { $0.count <= count } ?? true
      case ("required", .array(let names)):
        members(value).map { members in names.allSatisfy { name in members.contains { .string($0.key) == name } } }
          ?? true
      case ("properties", let properties):
        members(value)?.allSatisfy { member in properties[member.key].map { isValid(member.value, $0) } ?? true }
          ?? true
      case ("additionalProperties", let other):
        members(value)?.allSatisfy { schema["properties"]?[$0.key] != nil || isValid($0.value, other) } ?? true
      case ("description", _), ("title", _), ("$schema", _), ("$defs", _), ("pattern", _): true
      default: fail("the validator does not know \(keyword.key)")
      }
    }
  }

  private func fail(_ message: String) -> Bool {
    XCTFail(message)
    return false
  }

  private func number(_ value: JSONValue) -> Double? {
    switch value {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  private func members(_ value: JSONValue) -> [JSONValue.Member]? {
    if case .object(let members) = value { members } else { nil }
  }

  private func hasType(_ value: JSONValue, _ name: String) -> Bool {
    switch (value, name) {
    case (.object, "object"), (.array, "array"), (.string, "string"), (.bool, "boolean"): true
    case (.integer, "integer"), (.integer, "number"), (.number, "number"): true
    case (.number(let value), "integer"): value == value.rounded()
    default: false
    }
  }

  /// A document as YAML means it.
  private func json(_ text: String) throws -> JSONValue {
    func convert(_ node: SourceNode) -> JSONValue {
      switch node.content {
      case .scalar(let text, let quoted): node.isNothing ? .null : Choice(scalar: text, quoted: quoted).json
      case .sequence(let items): .array(items.map(convert))
      case .mapping(let pairs): .object(pairs.map { .init($0.key.scalarText ?? "", convert($0.value)) })
      }
    }
    return convert(try SourceNode.parse(text, name: "json"))
  }

  func testTheSchemasKeysAreTheReadersKeys() throws {
    func keys(_ schema: JSONValue?) -> [String]? { schema?["properties"].flatMap(members)?.map(\.key) }
    XCTAssertEqual(keys(studySchema), FileSection.study.keyNames)
    let properties = studySchema["properties"]
    for (name, section) in [
      ("objective", FileSection.objective), ("fidelity", .fidelity), ("budget", .budget), ("limits", .limits),
      ("retries", .retries), ("stop-when", .stopping), ("transfer", .transfer),
    ] {
      XCTAssertEqual(keys(properties?[name]), section.keyNames, name)
    }
    guard case .array(let kinds) = studySchema["$defs"]?["parameter"]?["anyOf"] else { return XCTFail("no kinds") }
    XCTAssertEqual(kinds.map { $0["properties"]?["type"]?["const"] }, Parameter.kinds.map { .string($0) })
    XCTAssertEqual(kinds.map { keys($0) ?? [] }, Parameter.kinds.map { Parameter.keys(ofKind: $0) })

    // The reader refuses every other key, and asks for exactly those that the schema requires.
    for key in FileSection.study.keyNames {
      let error = errors("\(key): {}")
      XCTAssertFalse(error.contains("has no key"), key)
    }
    XCTAssertTrue(errors("other: {}").contains("has no key 'other'"))
    for kind in Parameter.kinds {
      let lines = Parameter.keys(ofKind: kind).filter { $0 != "type" }.map { ", \($0): [[]]" }.joined()
      XCTAssertFalse(errors("space: {a: {type: \(kind)\(lines)}}").contains("has no '"), kind)
    }
  }

  private func errors(_ text: String) -> String {
    do {
      _ = try StudySpec.parse(text, name: "f")
      return ""
    } catch { return error.description }
  }

  func testEveryStudyThatTheReaderWritesSatisfiesTheSchema() throws {
    for text in [StudyFileTests.digits, StudyFileTests.everything] {
      XCTAssertTrue(isValid(try json(text), studySchema), text)
      XCTAssertTrue(isValid(try StudySpec.parse(text, name: "f").json, studySchema))
    }
    for seed in 0..<150 as Range<UInt64> {
      var spec = try StudySpec.parse(StudyFileTests.digits, name: "f")
      spec.space = randomSpace(seed: seed)
      XCTAssertTrue(isValid(spec.json, studySchema), spec.json.text)
    }
    XCTAssertTrue(isValid(try json(StudyFile.template(name: "x", command: ["a"], help: nil)), studySchema))
  }

  func testMistakesThatNeedOneValueToSeeDoNotSatisfyTheSchema() throws {
    let good = """
      objective: {metric: loss, goal: minimize}
      space: {a: {type: float, low: 0, high: 1}}
      """
    XCTAssertTrue(isValid(try json(good), studySchema))
    for bad in [
      good + "\nparalel: 2", good + "\nparallel: 0", good + "\nparallel: two", good + "\nseed: -1",
      good + "\nseed: 1.5",
      good + "\nbudget: {trials: 0}", good + "\nbudget: {trails: 5}", good + "\ndurability: none",
      good + "\ncommand: []",
      good + "\nfidelity: {min: 1}", good + "\nfidelity: {max: 0}", good + "\nmethod: [tpe]",
      good + "\nmethod: {sampler: {gamma: 1}}", good + "\nmethod: {sampler: {name: tpe, gamma: [1]}}",
      good + "\nobjectives: [{metric: a, goal: minimize}]", good + "\nshell: maybe", good + "\nlimits: {time: [1]}",
      good.replacing("minimize", with: "minimise"), good.replacing("float", with: "flaot"),
      good.replacing("low", with: "lo"), good.replacing("low: 0, ", with: ""),
      good.replacing("high: 1", with: "high: one"),
      good.replacing("high: 1", with: "high: 1, scale: lgo"), good.replacing("high: 1", with: "high: 1, step: 0"),
      good.replacing("objective", with: "objectives"), "space: {a: {type: boolean}}",
      "objective: {metric: loss, goal: minimize}\nspace: {}",
    ] {
      XCTAssertFalse(isValid(try json(bad), studySchema), bad)
      XCTAssertNotEqual(errors(bad), "", bad)
    }
  }

  func testTheSchemaIsOneJSONDocument() throws {
    XCTAssertEqual(try json(studySchema.prettyText), try json(studySchema.text))
    XCTAssertEqual(studySchema["$schema"], .string("https://json-schema.org/draft/2020-12/schema"))
  }
}
