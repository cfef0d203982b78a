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

  @Option(help: "How far it is to run, of the study's fidelity; the full resource when left out.")
  var resource: Double?

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
      let trial = try session.enqueue(configuration, resource: resource)
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
    do {
      return try space.values(try JSONValue.parse(json))
    } catch let error as JSONError {
      throw CommandError(.badInput, "--json: \(error) in \(json)")
    }
  }
}
