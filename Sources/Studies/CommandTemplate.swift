import TrimtabSearchSpaces

/// The command of a trial with places for values: `{name}` for a parameter's value or one of `builtinNames`, `{flags}` as
/// an argument of its own for `--name=value` of every active parameter, `{{` and `}}` for braces.
///
/// An argument that mentions an inactive parameter is dropped whole.
public struct CommandTemplate: Sendable {
  /// Names in braces that every trial has, besides its parameters. None of them can be a parameter's name.
  public static let builtinNames = ["trial", "seed", "attempt", "resource", "checkpoint", "config", "report"]
  /// The argument that becomes one argument for each active parameter.
  public static let flagsName = "flags"
  /// All names that a parameter cannot have.
  public static let reservedNames = builtinNames + [flagsName]

  enum Piece: Sendable, Equatable {
    case literal(String)
    case parameter(Int)
    case builtin(String)
  }

  enum Argument: Sendable, Equatable {
    case flags
    case pieces([Piece])
  }

  private let arguments: [Argument]
  private let space: Space

  /// What is wrong with an argument, and where in it.
  struct Failure: Error, Equatable {
    var message: String
    /// Characters from the start of the argument.
    var offset: Int
    var length: Int
    var hint: String?
  }

  /// - Throws: `SpaceError` naming the argument for an unknown name in braces or a brace without its partner.
  public init(_ command: [String], space: Space) throws(SpaceError) {
    self.space = space
    var arguments: [Argument] = []
    for argument in command {
      do {
        arguments.append(try Self.parse(argument, space: space))
      } catch {
        throw SpaceError(error.message, at: "command '\(argument)'", hint: error.hint)
      }
    }
    self.arguments = arguments
  }

  /// The argument vector for a configuration.
  /// - Parameter builtins: values of the `builtinNames` that the command mentions.
  /// - Throws: `SpaceError` when the command mentions a built-in name that has no value here.
  public func expand(_ configuration: Configuration, builtins: [String: String]) throws(SpaceError) -> [String] {
    var result: [String] = []
    for argument in arguments {
      switch argument {
      case .flags:
        for (name, value) in space.values(of: configuration) { result.append("--\(name)=\(value.description)") }
      case .pieces(let pieces):
        var text = ""
        var isActive = true
        for piece in pieces {
          switch piece {
          case .literal(let literal): text += literal
          case .builtin(let name):
            guard let value = builtins[name] else {
              throw SpaceError("{\(name)} has no value in this run", at: "command", hint: "leave it out of the command")
            }
            text += value
          case .parameter(let index):
            if let value = space.value(of: index, in: configuration) {
              text += value.description
            } else {
              isActive = false
            }
          }
        }
        if isActive { result.append(text) }
      }
    }
    return result
  }

  /// The argument vector of a command for a configuration, as `init` and `expand(_:builtins:)` give it.
  /// - Throws: `SpaceError` as they do.
  public static func expand(
    command: [String], space: Space, configuration: Configuration, builtins: [String: String]
  ) throws(SpaceError) -> [String] {
    try CommandTemplate(command, space: space).expand(configuration, builtins: builtins)
  }

  /// The same text with its braces doubled, so that it contains no template.
  static func escaped(_ text: String) -> String {
    text.map { $0 == "{" || $0 == "}" ? "\($0)\($0)" : String($0) }.joined()
  }

  static func parse(_ argument: String, space: Space) throws(Failure) -> Argument {
    if argument == "{\(flagsName)}" { return .flags }
    let characters = Array(argument)
    var pieces: [Piece] = []
    var literal = ""
    var i = 0
    while i < characters.count {
      let c = characters[i]
      let isDoubled = i + 1 < characters.count && characters[i + 1] == c
      if (c == "{" || c == "}") && isDoubled {
        literal.append(c)
        i += 2
      } else if c == "}" {
        throw Failure(
          message: "'}' without a '{' before it", offset: i, length: 1, hint: "write }} for the character }")
      } else if c == "{" {
        guard let end = characters[i...].firstIndex(of: "}") else {
          throw Failure(
            message: "'{' without a '}' after it", offset: i, length: 1, hint: "write {{ for the character {")
        }
        let piece = try resolve(String(characters[(i + 1)..<end]), offset: i, length: end - i + 1, space: space)
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        literal = ""
        pieces.append(piece)
        i = end + 1
      } else {
        literal.append(c)
        i += 1
      }
    }
    if !literal.isEmpty || pieces.isEmpty { pieces.append(.literal(literal)) }
    return .pieces(pieces)
  }

  private static func resolve(
    _ name: String, offset: Int, length: Int, space: Space
  ) throws(Failure) -> Piece {
    if builtinNames.contains(name) { return .builtin(name) }
    if let index = space.index(of: name) { return .parameter(index) }
    if name == flagsName {
      throw Failure(
        message: "{flags} must be an argument of its own", offset: offset, length: length,
        hint: "it becomes one argument for each parameter")
    }
    let known = space.parameters.map(\.name) + reservedNames
    let hint =
      nearestWord(to: name, among: known).map { "did you mean {\($0)}?" }
      ?? "write {{ and }} for braces that are no template"
    throw Failure(message: "there is no parameter '\(name)'", offset: offset, length: length, hint: hint)
  }
}
