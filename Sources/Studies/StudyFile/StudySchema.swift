import TrimtabSearchSpaces

/// The JSON Schema (draft 2020-12) of study files, for editors that complete and check them.
///
/// It is made from the keys that the reader accepts. What needs more than one value to see, such as `low` above `high` or
/// a condition on an unknown parameter, only the reader finds.
public var studySchema: JSONValue {
  guard case .object(let members) = FileSection.study.schema else { return .null }
  let head: [JSONValue.Member] = [
    .init("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
    .init("title", .string("Trimtab study")),
  ]
  let choice: [JSONValue.Member] = [
    .init(
      "oneOf",
      .array(["objective", "objectives"].map { .members(["required": .array([.string($0)])]) })),
    .init(
      "anyOf",
      .array([
        .members(["required": .array([.string("space")])]),
        .members([
          "required": .array([.string("grows")]),
          "properties": .members(["grows": .members(["const": .bool(true)])]),
        ]),
      ])),
  ]
  let definitions = JSONValue.members([
    "parameter": .members(["anyOf": .array(Parameter.kinds.map(ParameterSchema.schema))])
  ])
  return .object(head + members + choice + [.init("$defs", definitions)])
}

extension FileSection {
  fileprivate var schema: JSONValue {
    let required = keys.filter(\.isRequired).map { JSONValue.string($0.name) }
    return .members([
      "type": .string("object"),
      "properties": .object(keys.map { .init($0.name, $0.schema) }),
      "required": required.isEmpty ? nil : .array(required),
      "additionalProperties": isOpen ? FileKey.Shape.text.schema : .bool(false),
    ])
  }
}

extension FileKey {
  fileprivate var schema: JSONValue {
    guard case .object(let members) = shape.schema else { return .null }
    return .object([.init("description", .string(summary))] + members)
  }
}

extension FileKey.Shape {
  fileprivate var schema: JSONValue {
    switch self {
    // A text that looks like a number or a truth value need not be quoted.
    case .text: .members(["type": .array(["string", "number", "boolean"].map { .string($0) })])
    case .boolean: .members(["type": .string("boolean")])
    case .integer(let minimum, let maximum):
      .members([
        "type": .string("integer"), "minimum": .integer(minimum), "maximum": maximum.map { .integer($0) },
      ])
    case .number(let minimum, let exclusive):
      .members(["type": .string("number"), (exclusive ? "exclusiveMinimum" : "minimum"): .number(minimum)])
    case .seconds:
      .members([
        "type": .array([.string("number"), .string("string")]), "minimum": .integer(0),
        "pattern": .string("^[0-9.]+$|^([0-9.]+d)?([0-9.]+h)?([0-9.]+m)?([0-9.]+s)?$"),
      ])
    case .bytes:
      .members([
        "type": .array([.string("integer"), .string("string")]), "minimum": .integer(0),
        "pattern": .string("^[0-9.]+ *([kKMGT]?B|[KMGT]iB)?$"),
      ])
    case .oneOf(let words): .members(["enum": .array(words.map { .string($0) })])
    case .section(let section): section.schema
    case .list(let item, let minimum):
      .members(["type": .string("array"), "items": item.schema, "minItems": .integer(minimum)])
    case .anyOf(let shapes): .members(["anyOf": .array(shapes.map(\.schema))])
    case .table(let value): .members(["type": .string("object"), "additionalProperties": value.schema])
    case .space:
      .members([
        "type": .string("object"), "minProperties": .integer(1),
        "additionalProperties": .members(["$ref": .string("#/$defs/parameter")]),
      ])
    }
  }
}

/// The schema of one entry of the space.
private enum ParameterSchema {
  private static let number = JSONValue.members(["type": .string("number")])
  private static let scalar = FileKey.Shape.text.schema
  private static let scalars = FileKey.Shape.list(.text).schema
  private static let anyValue = JSONValue.members(["anyOf": .array([scalar, scalars])])

  static func schema(ofKind kind: String) -> JSONValue {
    let isNumeric = kind == "float" || kind == "integer"
    let properties = Parameter.keys(ofKind: kind).map { key in
      JSONValue.Member(key, key == "type" ? .members(["const": .string(kind)]) : value(of: key))
    }
    // With a prior a range may be open, so low and high are not always required.
    let required =
      ["type"] + Parameter.keys(ofKind: kind).filter { ["choices", "value", "items", "parts"].contains($0) }
    let range = JSONValue.members([
      "anyOf": .array(
        [["low", "high"], ["prior"]].map { .members(["required": .array($0.map { .string($0) })]) })
    ])
    return .members([
      "type": .string("object"),
      "properties": .object(properties),
      "required": .array(required.map { .string($0) }),
      "additionalProperties": .bool(false),
      "anyOf": isNumeric ? range["anyOf"] : nil,
    ])
  }

  private static func value(of key: String) -> JSONValue {
    switch key {
    case "low", "high": number
    case "step": FileKey.Shape.number(minimum: 0, exclusive: true).schema
    case "scale": FileKey.Shape.oneOf(Scale.allCases.map(\.rawValue)).schema
    case "prior":
      .members([
        "type": .string("object"),
        "properties": .object(
          ["normal", "log_normal"].map {
            .init(
              $0,
              .members([
                "type": .string("array"), "items": number, "minItems": .integer(2), "maxItems": .integer(2),
              ]))
          }),
        "minProperties": .integer(1), "maxProperties": .integer(1), "additionalProperties": .bool(false),
      ])
    case "choices", "items", "parts": scalars
    case "value", "when": scalar
    default: anyValue
    }
  }
}
