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

  /// The environment variable that holds a parameter's value: `learning-rate` is in TRIMTAB_PARAM_LEARNING_RATE.
  public static func variableName(of parameter: String) -> String {
    "TRIMTAB_PARAM_" + String(parameter.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
  }

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

  static func parse(_ argument: String, space: Space) throws(TemplateFailure) -> Argument {
    if argument == "{\(flagsName)}" { return .flags }
    var pieces: [Piece] = []
    for piece in try TemplateText(argument).pieces {
      switch piece {
      case .literal(let literal): pieces.append(.literal(literal))
      case .name(let name, let offset): pieces.append(try resolve(name, offset: offset, space: space))
      }
    }
    return .pieces(pieces)
  }

  private static func resolve(_ name: String, offset: Int, space: Space) throws(TemplateFailure) -> Piece {
    if builtinNames.contains(name) { return .builtin(name) }
    if let index = space.index(of: name) { return .parameter(index) }
    if name == flagsName {
      throw TemplateFailure(
        message: "{flags} must be an argument of its own", offset: offset, length: name.count + 2,
        hint: "it becomes one argument for each parameter")
    }
    let known = space.parameters.map(\.name) + reservedNames
    let hint =
      nearestWord(to: name, among: known).map { "did you mean {\($0)}?" }
      ?? "write {{ and }} for braces that are no template"
    throw TemplateFailure(
      message: "there is no parameter '\(name)'", offset: offset, length: name.count + 2, hint: hint)
  }
}
