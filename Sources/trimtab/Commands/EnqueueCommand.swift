import ArgumentParser
import Trimtab

struct EnqueueCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enqueue", abstract: "Put a configuration in the queue of those to try next.",
    discussion: """
      Parameters that are not named take their default, or the middle of their range:

        trimtab enqueue digits.yaml learning_rate=0.1 optimizer=adam

      With a study file, the study is created if there is none yet.
      """)

  @OptionGroup var study: StudyArguments

  @Argument(help: ArgumentHelp("A parameter and its value.", valueName: "name=value"))
  var values: [String] = []

  @Option(
    help: ArgumentHelp(
      "The values as a JSON object; the answer is printed as JSON too.", valueName: "object"))
  var json: String?

  func validate() throws {
    if json != nil, !values.isEmpty { throw ValidationError("give the values either as name=value or with --json") }
    if json == nil, values.isEmpty {
      throw ValidationError("give at least one value, such as learning_rate=0.1, or --json '{}' for the defaults")
    }
  }

  func run() throws {
    try reporting {
      let (session, location, isNew) = try study.openSession()
      let space = session.state.spec.space
      let given = try json.map { try Self.values(json: $0, space) } ?? values.map { try Self.value($0, space) }
      let configuration = try space.configuration(given)
      let trial = try session.enqueue(configuration)
      if json != nil {
        print(JSONValue.members(["trial": .integer(trial), "config": space.json(of: configuration)]).text)
      } else {
        if isNew { print("study \(session.state.spec.name) created in \(shownPath(location.storePath))") }
        print("trial \(trial) is in the queue: \(Shown.configuration(configuration, in: space, exact: true))")
      }
    }
  }

  private static func value(_ text: String, _ space: Space) throws -> (name: String, value: ParameterValue) {
    guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
      throw CommandError(.badInput, "'\(text)' is not a parameter and its value (write for example learning_rate=0.1)")
    }
    let name = String(text[..<sign])
    return (name, try space.value(String(text[text.index(after: sign)...]), of: try index(of: name, space)))
  }

  private static func index(of name: String, _ space: Space) throws -> Int {
    guard let index = space.index(of: name) else {
      throw SpaceError(
        "there is no such parameter", at: name, hint: suggestion(for: name, among: space.parameters.map(\.name)))
    }
    return index
  }

  private static func values(json: String, _ space: Space) throws -> [(name: String, value: ParameterValue)] {
    let root = try SourceNode.parse(json, name: "--json")
    guard case .mapping(let pairs) = root.content else {
      var diagnostics = Diagnostics(source: SourceText(name: "--json", text: json))
      diagnostics.add("a configuration is a JSON object, not \(root.kindName)", at: root)
      throw diagnostics
    }
    return try pairs.map { key, node in
      let name = key.scalarText ?? ""
      return (name, try value(of: node, at: try index(of: name, space), space))
    }
  }

  private static func value(of node: SourceNode, at index: Int, _ space: Space) throws -> ParameterValue {
    let parameter = space.parameters[index]
    switch node.content {
    case .scalar(let text, _): return try space.value(text, of: index)
    case .mapping: throw SpaceError("a mapping is no value of a parameter", at: parameter.name)
    case .sequence(let items):
      let texts = items.compactMap(\.scalarText)
      guard texts.count == items.count else { throw SpaceError("a list of single values is needed", at: parameter.name) }
      if case .simplex = parameter.domain {
        let weights = texts.compactMap { Double($0) }
        guard weights.count == texts.count else { throw SpaceError("weights are numbers", at: parameter.name) }
        return .simplex(weights)
      }
      return .permutation(texts.map { .text($0) })
    }
  }
}
