import TrimtabSearchSpaces
import TrimtabStudies

extension Session {
  /// Carries out a library's request.
  /// - Throws: `SessionError`, `SpaceError` or `Diagnostics` for what cannot be done; `StoreError`.
  public func answer(_ request: LibraryRequest) throws -> JSONValue {
    switch request {
    case .describe:
      try catchUp()
      return description
    case .draw(let trial, let name, let parameter):
      return try draw(try Self.parameter(name, parameter), for: trial).json
    case .settle(let trial, let used):
      try settle(trial, used: try Self.used(used, state.spec.space))
      return .bool(true)
    case .enqueue(let config, let notes):
      return .integer(try enqueue(config, notes: try Self.notes(notes)))
    case .add(let trials):
      guard case .array(let items) = trials else { throw ProtocolError("trials is a list of objects") }
      return .integer(try add(try items.map { try ImportedTrial($0, state.spec.space) }))
    case .trials(let from, let only):
      try catchUp()
      let count = state.trials.count
      let numbers = only ?? Array(min(from, count)..<count)
      if let unknown = numbers.first(where: { !state.trials.indices.contains($0) }) {
        throw SessionError(.notFound, "there is no trial \(unknown)")
      }
      return .array(numbers.map(trial))
    case .best:
      try catchUp()
      let isFront = state.spec.objectives.count > 1
      return .array((isFront ? state.paretoTrials() : state.incumbent.map { [$0] } ?? []).map(trial))
    case .note(let trial, let key, let value):
      try note(trial, key, value == .null ? "" : value.text)
      return .bool(true)
    case .cancel(let trial):
      try cancel(trial)
      return .bool(true)
    }
  }

  private var description: JSONValue {
    .members([
      "specification": state.spec.json, "revision": .integer(state.revision),
      "notes": TrialJSON.notes(state.studyNotes),
      "count": .integer(state.trials.count), "created": .integer(Int(state.createdAt)),
    ])
  }

  private func trial(_ number: TrialNumber) -> JSONValue {
    guard case .object(let members) = TrialJSON.object(number, state) else { return .null }
    return .object(members + [.init("curve", TrialJSON.curve(number, state))])
  }

  /// A parameter as one entry of a study file's space.
  static func parameter(_ name: String, _ json: JSONValue) throws -> Parameter {
    let (root, source) = SourceNode.document(.object([.init(name, json)]), name: "the parameter '\(name)'")
    var diagnostics = Diagnostics(source: source)
    let space = Space.read(root, constraints: nil, into: &diagnostics)
    try diagnostics.throwIfAny()
    guard let parameter = space?.parameters.first else { throw SpaceError("is no parameter", at: name) }
    return parameter
  }

  /// Parameters and their values; one that the space knows may be left out.
  static func used(_ json: JSONValue, _ space: Space) throws -> [UsedParameter] {
    guard case .object(let members) = json else {
      throw ProtocolError("used is an object such as {\"x\": {\"parameter\": {…}, \"value\": 0.5}}")
    }
    return try members.map { member in
      guard let value = member.value["value"] else { throw ProtocolError("'\(member.key)' needs a value") }
      let parameter: Parameter
      if let domain = member.value["parameter"] {
        parameter = try Self.parameter(member.key, domain)
      } else {
        guard let index = space.index(of: member.key) else {
          throw ProtocolError("'\(member.key)' needs a parameter: the study does not know it yet")
        }
        parameter = space.parameters[index]
      }
      return UsedParameter(parameter, try parameter.value(value))
    }
  }

  static func notes(_ json: JSONValue?) throws -> [(key: String, value: String)] {
    switch json {
    case nil, .null?: return []
    case .object(let members)?: return members.map { ($0.key, $0.value.text) }
    default: throw ProtocolError("notes is an object")
    }
  }
}
